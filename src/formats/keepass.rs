//! Databases of KeePass: what the header says of how they are kept. Nothing is decrypted, no
//! password is tried.
//!
//! Facts: "KDBX file format" of KeePass (<https://keepass.info/help/kb/kdbx.html>) and, for
//! `.kdb` of KeePass 1, `PwFileImpl.cpp` and `PwStructs.h` of its sources.

const SIGNATURE: [u8; 4] = [0x03, 0xd9, 0xa2, 0x9a];
const KDB: [u8; 4] = [0x65, 0xfb, 0x4b, 0xb5];
const KDBX: [u8; 4] = [0x67, 0xfb, 0x4b, 0xb5];
/// The most fields of a header.
const MAX_FIELDS: usize = 64;

/// What the header of a database says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeePass {
    /// `kdb` or `kdbx`.
    pub form: &'static str,
    /// The version of the file: `4.0`.
    pub version: String,
    /// The cipher, where it is known.
    pub cipher: Option<&'static str>,
    /// What makes a key of the password, where it is known.
    pub kdf: Option<&'static str>,
    /// How often it does.
    pub rounds: Option<u64>,
    /// How many entries there are, where that stands in clear.
    pub entries: Option<u32>,
    /// How many bytes the header has.
    pub length: usize,
}

impl KeePass {
    /// Reads a header. `None`: it is none, or its end is missing.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&SIGNATURE)?;
        match *rest.first_chunk()? {
            KDB => kdb(bytes),
            KDBX => kdbx(bytes),
            _ => None,
        }
    }
}

fn kdb(bytes: &[u8]) -> Option<KeePass> {
    let flags = le32(bytes, 8)?;
    let cipher = match flags {
        flags if flags & 2 != 0 => Some("aes-256"),
        flags if flags & 8 != 0 => Some("twofish"),
        _ => None,
    };
    let version = le32(bytes, 12)?;
    // Three parts, of which the last is that of a build.
    (version >> 16 <= 4 && cipher.is_some()).then_some(())?;
    Some(KeePass {
        form: "kdb",
        version: format!("{}.{}", version >> 16, version >> 8 & 0xff),
        cipher,
        kdf: Some("aes-kdf"),
        rounds: Some(le32(bytes, 120)?.into()),
        entries: Some(le32(bytes, 52)?),
        length: 124,
    })
}

fn kdbx(bytes: &[u8]) -> Option<KeePass> {
    let (minor, major) = (le16(bytes, 8)?, le16(bytes, 10)?);
    if !(2..=4).contains(&major) {
        return None;
    }
    let mut database = KeePass { form: "kdbx", version: format!("{major}.{minor}"), ..KeePass::default() };
    let mut at = 12_usize;
    for _ in 0..MAX_FIELDS {
        let kind = *bytes.get(at)?;
        let (length, head) = match major {
            4 => (usize::try_from(le32(bytes, at.checked_add(1)?)?).ok()?, 5),
            _ => (usize::from(le16(bytes, at.checked_add(1)?)?), 3),
        };
        let start = at.checked_add(head)?;
        at = start.checked_add(length)?;
        let value = bytes.get(start..at)?;
        match kind {
            0 => {
                database.length = at;
                return Some(database);
            }
            2 => database.cipher = cipher(value),
            6 => (database.kdf, database.rounds) = (Some("aes-kdf"), le64(value)),
            11 => parameters(value, &mut database)?,
            _ => {}
        }
    }
    None
}

fn cipher(id: &[u8]) -> Option<&'static str> {
    match id.first_chunk()? {
        [0x31, 0xc1, 0xf2, 0xe6] => Some("aes-256"),
        [0xd6, 0x03, 0x8a, 0x2b] => Some("chacha20"),
        [0xad, 0x68, 0xf2, 0x9f] => Some("twofish"),
        _ => None,
    }
}

/// A dictionary: a version, then of each value its kind, its name and itself.
fn parameters(bytes: &[u8], database: &mut KeePass) -> Option<()> {
    let mut at = 2_usize;
    for _ in 0..MAX_FIELDS {
        let kind = *bytes.get(at)?;
        if kind == 0 {
            break;
        }
        at = at.checked_add(1)?;
        let mut part = || {
            let start = at.checked_add(4)?;
            let length = usize::try_from(le32(bytes, at)?).ok()?;
            at = start.checked_add(length)?;
            bytes.get(start..at)
        };
        let (name, value) = (part()?, part()?);
        match name {
            b"$UUID" => {
                database.kdf = match value.first_chunk()? {
                    [0xc9, 0xd9, 0xf3, 0x9a] | [0x7c, 0x02, 0xbb, 0x82] => Some("aes-kdf"),
                    [0xef, 0x63, 0x6d, 0xdf] => Some("argon2d"),
                    [0x9e, 0x29, 0x8b, 0x19] => Some("argon2id"),
                    _ => None,
                };
            }
            b"R" | b"I" => database.rounds = le64(value),
            _ => {}
        }
    }
    Some(())
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn le64(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
