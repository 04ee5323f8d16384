//! Digests of files as databases of packages have them.

use std::io::Read;

use sha2::digest::DynDigest;

/// The largest file that is read again, in bytes.
const MAX_FILE: u64 = 1 << 30;

/// A function that makes digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Kind {
    fn hasher(self) -> Box<dyn DynDigest> {
        match self {
            Self::Md5 => Box::new(md5::Md5::default()),
            Self::Sha1 => Box::new(sha1::Sha1::default()),
            Self::Sha224 => Box::new(sha2::Sha224::default()),
            Self::Sha256 => Box::new(sha2::Sha256::default()),
            Self::Sha384 => Box::new(sha2::Sha384::default()),
            Self::Sha512 => Box::new(sha2::Sha512::default()),
        }
    }
}

/// A digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) kind: Kind,
    pub(super) value: Box<[u8]>,
}

impl Digest {
    pub(super) fn new(kind: Kind, value: &[u8]) -> Self {
        Self { kind, value: value.into() }
    }
}

/// The digests of a file, each kind once; none where it cannot be read to its end
/// or is too large.
pub(super) fn of(file: impl Read, kinds: impl Iterator<Item = Kind>) -> Vec<Digest> {
    let mut wanted: Vec<Kind> = kinds.collect();
    wanted.sort();
    wanted.dedup();
    let mut hashers: Vec<(Kind, Box<dyn DynDigest>)> =
        wanted.into_iter().map(|kind| (kind, kind.hasher())).collect();
    let mut buffer = vec![0; 64 << 10];
    let mut left = file.take(MAX_FILE);
    loop {
        match left.read(&mut buffer) {
            Ok(0) if left.limit() == 0 => return Vec::new(),
            Ok(0) => break,
            Ok(read) => {
                let part = buffer.get(..read).unwrap_or_default();
                hashers.iter_mut().for_each(|(_, hasher)| hasher.update(part));
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Vec::new(),
        }
    }
    hashers.into_iter().map(|(kind, hasher)| Digest { kind, value: hasher.finalize() }).collect()
}
