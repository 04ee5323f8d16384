//! The header of an installed package in a database of rpm, and the container of
//! the databases that SUSE keeps.
//!
//! Facts: rpm's manual, "RPM v4 format" (header structure and tags), `rpmtag.h`,
//! `rpmcrypto.h` (digest algorithms as of RFC 4880), and `lib/backend/ndb/rpmpkg.c`.

/// Tags of the header.
mod tag {
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const FILE_DIGESTS: u32 = 1035;
    pub(super) const DIR_INDEXES: u32 = 1116;
    pub(super) const BASE_NAMES: u32 = 1117;
    pub(super) const DIR_NAMES: u32 = 1118;
    pub(super) const FILE_DIGEST_ALGORITHM: u32 = 5011;
}

/// More files than any package has.
const MAX_FILES: usize = 2_000_000;

/// A header as the database has it: without the eight bytes of magic that one has
/// in a package.
#[derive(Clone, Copy, Debug)]
pub struct Header<'h> {
    /// Entries of 16 bytes: tag, type, offset, count.
    index: &'h [u8],
    store: &'h [u8],
}

impl<'h> Header<'h> {
    /// Splits a header into its two parts; `None` where they do not fit.
    #[must_use]
    pub fn parse(bytes: &'h [u8]) -> Option<Self> {
        let entries = usize::try_from(be32(bytes, 0)?).ok()?;
        let store = usize::try_from(be32(bytes, 4)?).ok()?;
        let (index, rest) = bytes.get(8..)?.split_at_checked(entries.checked_mul(16)?)?;
        Some(Self { index, store: rest.get(..store)? })
    }

    /// The package's name.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.text(tag::NAME)
    }

    /// Its version and release, as `rpm -q` joins them.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let version = self.text(tag::VERSION)?;
        Some(match self.text(tag::RELEASE) {
            Some(release) => format!("{version}-{release}"),
            None => version,
        })
    }

    /// Gives each file: its path, and its digest in hex (empty for what is no
    /// regular file).
    pub fn files(&self, visit: &mut dyn FnMut(&[u8], &[u8])) {
        let strings = |tag| {
            let (kind, bytes, count) = self.entry(tag)?;
            (kind == 8).then(|| bytes.split(|byte| *byte == 0).take(count.min(MAX_FILES)))
        };
        let (Some(names), Some(folders), Some(digests)) =
            (strings(tag::BASE_NAMES), strings(tag::DIR_NAMES), strings(tag::FILE_DIGESTS))
        else {
            return;
        };
        let Some((_, indexes, count)) = self.entry(tag::DIR_INDEXES) else { return };
        let folders: Vec<&[u8]> = folders.collect();
        let indexes = indexes.chunks_exact(4).take(count).map(|four| be32(four, 0));
        let mut path = Vec::new();
        for ((name, digest), index) in names.zip(digests).zip(indexes) {
            let folder = index.and_then(|index| folders.get(usize::try_from(index).ok()?));
            if let Some(folder) = folder {
                path.clear();
                path.extend_from_slice(folder);
                path.extend_from_slice(name);
                visit(&path, digest);
            }
        }
    }

    /// The number of the algorithm of the digests: 1 is MD5, 2 SHA-1, 8 SHA-256,
    /// 9 SHA-384, 10 SHA-512, 11 SHA-224.
    #[must_use]
    pub fn digest_algorithm(&self) -> u32 {
        // What rpm took before it could say.
        self.entry(tag::FILE_DIGEST_ALGORITHM).and_then(|(_, bytes, _)| be32(bytes, 0)).unwrap_or(1)
    }

    fn text(&self, tag: u32) -> Option<String> {
        let (kind, bytes, _) = self.entry(tag)?;
        // A string, an array of them, or a text in languages.
        let text = bytes.split(|byte| *byte == 0).next().filter(|_| matches!(kind, 6 | 8 | 9))?;
        Some(String::from_utf8_lossy(text.get(..text.len().min(256))?).into_owned())
    }

    /// Type, the store from the entry's offset on, count.
    fn entry(&self, tag: u32) -> Option<(u32, &'h [u8], usize)> {
        let entry = self.index.chunks_exact(16).find(|entry| be32(entry, 0) == Some(tag))?;
        let offset = usize::try_from(be32(entry, 8)?).ok()?;
        Some((be32(entry, 4)?, self.store.get(offset..)?, usize::try_from(be32(entry, 12)?).ok()?))
    }
}

/// Where a package lies in an `ndb` database: offset and length of its header.
pub type NdbSlot = (u64, u64);

/// How many bytes of slots there are at the start of an `ndb` database, by its
/// first 32 bytes.
#[must_use]
pub fn ndb_slots_length(head: &[u8]) -> Option<u64> {
    let pages = le32(head, 12).filter(|_| head.starts_with(b"RpmP") && le32(head, 4) == Some(0))?;
    u64::from(pages).checked_mul(4096)
}

/// The packages that the slots name, by the bytes of all slots from the file's
/// start on. The length is to be read at the place: see [`ndb_blob`].
pub fn ndb_slots(slots: &[u8]) -> impl Iterator<Item = NdbSlot> + '_ {
    slots.chunks_exact(16).skip(2).filter_map(|slot| {
        let in_use = slot.starts_with(b"Slot") && le32(slot, 4)? != 0 && le32(slot, 8)? != 0;
        let (block, blocks) = (u64::from(le32(slot, 8)?), u64::from(le32(slot, 12)?));
        in_use.then_some((block.checked_mul(16)?, blocks.checked_mul(16)?))
    })
}

/// The header in the bytes that a slot names.
#[must_use]
pub fn ndb_blob(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::try_from(le32(bytes, 12)?).ok()?;
    bytes.get(16..16_usize.checked_add(length)?).filter(|_| bytes.starts_with(b"BlbS"))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

#[cfg(test)]
mod tests;
