//! The keys that the generator of Debian and Ubuntu made from 2006 to 2008
//! (CVE-2008-0166): nothing but the number of its process went into a key, so that
//! there are 32,767 of each kind, and everybody has them.
//!
//! Debian and Ubuntu listed them in packages, of which `testdata/make-debian-2008.sh`
//! makes the two lists here:
//!
//! - `openssh-blacklist`, keys of ssh-keygen (RSA of 1024, 2048 and 4096 bits, DSA of
//!   1024): of the MD5 of the wire form the seven bytes from the seventh on.
//! - `openssl-blacklist`, keys of openssl (RSA of 2048 and 4096 bits): of the SHA-1 of
//!   the text `Modulus=`, the modulus in upper-case hex and a line end, the seven
//!   bytes from the eleventh on.
//!
//! A list is 65,536 bytes, how many entries begin with each pair of bytes, then the
//! five other bytes of each entry, in order. Of 56 bits a key that is none of these is
//! taken for one once in 10^11 times.

use std::sync::LazyLock;

use md5::Md5;
use sha1::Sha1;
use sha2::Digest as _;

use super::hex;
use super::ssh_public::rsa_numbers;

static FINGERPRINTS: LazyLock<List> =
    LazyLock::new(|| List::new(include_bytes!("debian_2008/fingerprints.bin")));
static MODULI: LazyLock<List> = LazyLock::new(|| List::new(include_bytes!("debian_2008/moduli.bin")));

/// Whether a key in plain wire form, RSA or DSA, is one of them.
#[must_use]
pub fn contains(blob: &[u8]) -> bool {
    let digest: [u8; 16] = Md5::digest(blob).into();
    if FINGERPRINTS.has(digest.get(6..)) {
        return true;
    }
    // openssl made moduli that are known of these two lengths.
    let Some((_, n)) = rsa_numbers(blob).filter(|(_, n)| matches!(n.len(), 256 | 512)) else { return false };
    let text = format!("Modulus={}\n", hex::encode(n).to_ascii_uppercase());
    let digest: [u8; 20] = Sha1::digest(text).into();
    MODULI.has(digest.get(10..))
}

/// A sorted list.
struct List {
    /// For each pair of bytes, where its entries begin; and where the last one's end.
    starts: Vec<u32>,
    entries: &'static [[u8; 5]],
}

impl List {
    fn new(bytes: &'static [u8]) -> Self {
        let (counts, entries) = bytes.split_at_checked(1 << 16).unwrap_or_default();
        let counts = counts.iter().map(|count| u32::from(*count));
        let starts = counts.scan(0_u32, |end, count| {
            *end = end.saturating_add(count);
            Some(*end)
        });
        Self { starts: std::iter::once(0).chain(starts).collect(), entries: entries.as_chunks().0 }
    }

    /// Whether it has the seven bytes with which these begin.
    fn has(&self, bytes: Option<&[u8]>) -> bool {
        let Some((pair, rest)) = bytes.and_then(<[u8]>::split_first_chunk::<2>) else { return false };
        let Some(entry) = rest.first_chunk::<5>() else { return false };
        let at = usize::from(u16::from_be_bytes(*pair));
        let start = |at: usize| self.starts.get(at).and_then(|start| usize::try_from(*start).ok());
        let range = start(at).zip(start(at.saturating_add(1)));
        let entries = range.and_then(|(start, end)| self.entries.get(start..end)).unwrap_or_default();
        entries.binary_search(entry).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Keys that others use as examples of these: RSA and DSA of ssh-keygen, and a modulus
    /// of openssl.
    const RSA: &str = "AAAAB3NzaC1yc2EAAAABIwAAAQEArPO3VWegIxlZsd9zAAKQ9x3TNXzU0AtM2QF3y92wIDgwXDuNcchze3SnTyGDO4l4\
        cIqpvMV8XLZlRUbNDr5hoSGUNPqZxI8ycdfcGyKXLlkMsSKJddnDX7+n6Di2KPiluw9IVOmmOk1x80qV0Shrgqoespx+\
        C1ra5omIK/RN2Raf7K5LgaoYOqGHmviacNPkFSXOKIOz4cAmWoorEdlHmoWzHN64qvj4Qfh666TuM5pkoxXjWwt1nEn9\
        kxsTd8kB9+Hf7ouM54TqNDtlhdLI6xaO9aCXpXg7A+2B0iK1bFtOq8vaQY7NCDQvPnvxEFsNJ4lyogu4SbCDEJejXBxO\
        gQ==";
    const DSA: &str = "AAAAB3NzaC1kc3MAAACBANy0bpKtBS+iTLKSMYGmQCxruTuThyn/RyNT/B3LoNNeQmS/LBoQKHzQmJDMKOr5TdvooOB3\
        i5wZ0gA868U88WjHJmSQklodOEDeV3xPQmh0hdJm6pd+DrLCeqxhuJLjDuNUahAqVPD8GJWuL88nX3fkjRTsNVUl6O7M\
        bFHf8XyBAAAAFQDpRTNzw5oudxJtW3K8nvhCOLvZ8wAAAIAVyC46KCN2f5HzMHQceuvNRo+tbGe/SWuX5qwFvyMYjIAu\
        VeW75f+Xi24VgeYZWn2Da6ieDk0px8ossDx4Qb6AECTPfbVge/D/DtqYxJFaj6zFekCKJXs7TogxIdLHCwcL9M8a0X/F\
        VgnPj/DKlHvMkzj4u3IfXKf7bOlBntm0rgAAAIBANST6hbRklJCGPZdC1j24LsDiDmWh+MwIhjGj0bjtqjs/B1a7NOqi\
        3ZOjdU2aoyrY2oAo1nF4VDE9uPMj8+LUZV1sw9vfwUTGnzBxFgyrV32YhdWvV/mwEMCWiy6+rgCOZlswJ4nfuxF4llnY\
        Tsc6c7h1s7jYIMI+K6dZgATAEw==";
    const MODULUS: &str = "c096530c4c4a343fc388ff8b6e14c88b617485966dd0f757f3decb2f03dfdfe6f518e0948f5387059bd5aa124f26\
        d38f139dd6ebc234360561689758e9b14e03f714508167374cbf64e24e26c3cd95ed5a5d04e3c404be157bb8090e\
        9ada9cdc53ef7e806c1e77b5f10242150a24e9adf991088daf20a75beb54bc91fe43dd8755447fd3abdefb9f1c98\
        7a8b0419824504e213f8dd26a9c6b7ed2f2103d8422720f7a7400ce34743e4ce40440c69013efea2a39790fcdfcc\
        bb424da1d824adfe58071ed76d41af836e4093ea60f5719e250fa214f8631153a81eefc17d82e3f819da57691ed9\
        602550074fdea73ac9e5cfe10f6b91adc31b402c3e370b03a559";

    #[test]
    fn known_keys_are_listed_and_others_are_not() {
        for key in [RSA, DSA] {
            let mut blob = STANDARD.decode(key).expect("base64");
            assert!(contains(&blob), "{key}");
            *blob.last_mut().expect("bytes") ^= 2;
            assert!(!contains(&blob), "{key}");
        }
        let mut modulus = hex::decode(MODULUS.as_bytes()).expect("hex");
        assert!(contains(&rsa(&modulus)));
        modulus[255] ^= 2;
        assert!(!contains(&rsa(&modulus)));
        assert!(!contains(b""));
    }

    /// The wire form with the exponent 65537 (RFC 4253, section 6.6).
    fn rsa(modulus: &[u8]) -> Vec<u8> {
        let field = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).expect("short");
            [&length.to_be_bytes(), bytes].concat()
        };
        [field(b"ssh-rsa"), field(&[1, 0, 1]), field(&[&[0], modulus].concat())].concat()
    }

    /// All lines of the packages, less those that are twice.
    #[test]
    fn the_lists_are_whole_and_in_order() {
        // 98,301 keys of each of four kinds; 294,912 moduli of each of two.
        for (list, entries) in [(&FINGERPRINTS, 4 * 98_301), (&MODULI, 2 * 294_912)] {
            assert_eq!(list.entries.len(), entries);
            assert_eq!(list.starts.len(), (1 << 16) + 1);
            assert_eq!(list.starts.last().copied(), u32::try_from(entries).ok());
            for pair in list.starts.windows(2) {
                let range =
                    usize::try_from(pair[0]).expect("small")..usize::try_from(pair[1]).expect("small");
                assert!(list.entries[range].is_sorted());
            }
        }
        // The first and the last lines of openssh-blacklist's RSA-2048.
        for line in ["0001e8663f74fd1a5c49", "fffec8a20e8d85df561f"] {
            assert!(
                FINGERPRINTS.has(hex::array::<10>(line.as_bytes()).as_ref().map(|line| &line[..])),
                "{line}"
            );
        }
        assert!(!FINGERPRINTS.has(Some(&[0; 10])) && !FINGERPRINTS.has(Some(&[0xff; 10])));
        assert!(!MODULI.has(Some(&[1, 2, 3])) && !MODULI.has(None));
    }
}
