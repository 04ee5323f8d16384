//! The header of a qcow2 image and its extensions.

use super::super::super::bytes::{u8_at, u16_be, u32_be, u64_be};
use super::super::super::disk::{DiskError, DiskResult};
use super::super::file::shown;
use super::super::store::Store;

/// The longest first-level table, as QEMU has it: 32 MiB.
const MAX_L1: u64 = 32 << 20;

/// The longest name of a file that an image may give.
const MAX_NAME: usize = 1023;

/// How many header extensions are read.
const MAX_EXTENSIONS: usize = 64;

/// How many internal snapshots are listed.
const MAX_SNAPSHOTS: u32 = 64;

const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
const COMPRESSION_TYPE: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;

const BACKING_FORMAT: u32 = 0xe279_2aca;
const FEATURE_NAMES: u32 = 0x6803_f857;
const DATA_FILE: u32 = 0x4441_5441;

/// What is needed of the header.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) size: u64,
    pub(super) cluster_bits: u32,
    pub(super) l1_offset: u64,
    pub(super) l1_entries: u64,
    pub(super) zstd: bool,
    pub(super) extended_l2: bool,
    pub(super) external_data: bool,
    pub(super) backing_file: Option<Vec<u8>>,
    pub(super) backing_format: Option<Vec<u8>>,
    pub(super) data_file: Option<Vec<u8>>,
    /// How many internal snapshots, and where their table lies.
    pub(super) snapshots: (u32, u64),
    pub(super) dirty: bool,
    pub(super) corrupt: bool,
}

fn cut<T>(value: Option<T>) -> DiskResult<T> {
    value.ok_or(DiskError::corrupt(0, "the header of the qcow2 image is cut short"))
}

impl Header {
    pub(super) fn read(store: &Store) -> DiskResult<Self> {
        let mut head = vec![0; 4096];
        let filled = store.disk().read_at(&mut head, 0)?;
        head.truncate(filled);
        let version = cut(u32_be(&head, 4))?;
        if !matches!(version, 2 | 3) {
            return Err(DiskError::unsupported(4, format!("qcow2 of version {version}")));
        }
        let mut header = Self {
            version,
            size: cut(u64_be(&head, 24))?,
            cluster_bits: cut(u32_be(&head, 20))?,
            l1_offset: cut(u64_be(&head, 40))?,
            l1_entries: u64::from(cut(u32_be(&head, 36))?),
            snapshots: (cut(u32_be(&head, 60))?, cut(u64_be(&head, 64))?),
            ..Self::default()
        };
        let mut length = 72;
        let mut features = 0;
        if version == 3 {
            features = cut(u64_be(&head, 72))?;
            length = cut(u32_be(&head, 100))?;
            if length < 104 {
                return Err(DiskError::corrupt(100, format!("a qcow2 header of {length} bytes")));
            }
            header.zstd = match features & COMPRESSION_TYPE {
                0 => false,
                _ => match cut(u8_at(&head, 104))? {
                    0 => false,
                    1 => true,
                    other => {
                        return Err(DiskError::unsupported(
                            104,
                            format!("qcow2 compression of type {other}"),
                        ));
                    }
                },
            };
        }
        if !(9..=21).contains(&header.cluster_bits) {
            let bits = header.cluster_bits;
            return Err(DiskError::corrupt(20, format!("clusters of 2^{bits} bytes")));
        }
        header.dirty = features & DIRTY != 0;
        header.corrupt = features & CORRUPT != 0;
        header.external_data = features & EXTERNAL_DATA != 0;
        header.extended_l2 = features & EXTENDED_L2 != 0;
        header.backing_file = backing_file(store, &head)?;
        let names = header.extensions(store, length, &head)?;
        check_features(features, &names)?;
        match cut(u32_be(&head, 32))? {
            0 => {}
            1 => return Err(DiskError::encrypted(32, "the qcow2 image is encrypted (AES)")),
            2 => return Err(DiskError::encrypted(32, "the qcow2 image is encrypted (LUKS)")),
            other => return Err(DiskError::unsupported(32, format!("qcow2 encryption of method {other}"))),
        }
        header.check()?;
        Ok(header)
    }

    /// Bytes to a cluster.
    pub(super) fn cluster(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Bytes of the disk to one second-level table.
    pub(super) fn span(&self) -> u64 {
        let entry_bits = if self.extended_l2 { 4 } else { 3 };
        1 << (2 * self.cluster_bits - entry_bits)
    }

    fn check(&self) -> DiskResult<()> {
        if self.extended_l2 && self.cluster_bits < 14 {
            return Err(DiskError::corrupt(20, "subclusters of fewer than 512 bytes"));
        }
        let bytes = self.l1_entries.saturating_mul(8);
        if bytes > MAX_L1 {
            return Err(DiskError::corrupt(
                36,
                format!("a first-level table of {} entries", self.l1_entries),
            ));
        }
        if self.size.div_ceil(self.span()) > self.l1_entries {
            return Err(DiskError::corrupt(36, "the first-level table is too short for the disk"));
        }
        if self.l1_entries > 0 && !self.l1_offset.is_multiple_of(self.cluster()) {
            return Err(DiskError::corrupt(40, "the first-level table does not begin with a cluster"));
        }
        Ok(())
    }

    /// Reads the extensions; returns the names of features.
    fn extensions(&mut self, store: &Store, length: u32, head: &[u8]) -> DiskResult<Vec<u8>> {
        let mut names = Vec::new();
        // They end where the backing file's name begins, at the latest with the cluster.
        let backing = u64_be(head, 8).filter(|at| *at > 0).unwrap_or(u64::MAX);
        let end = self.cluster().min(backing);
        let mut at = u64::from(length);
        for _ in 0..MAX_EXTENSIONS {
            let data = at.saturating_add(8);
            if data > end {
                break;
            }
            let start = match store.read(at, 8) {
                Ok(start) => start,
                // A header of version 2 may be all there is.
                Err(_) if data > store.size() => break,
                Err(error) => return Err(error),
            };
            let (Some(kind), Some(length)) = (u32_be(&start, 0), u32_be(&start, 4)) else { break };
            if kind == 0 {
                break;
            }
            at = data.saturating_add(u64::from(length).next_multiple_of(8));
            if data.saturating_add(u64::from(length)) > end {
                return Err(DiskError::corrupt(data, "a header extension is longer than the header"));
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            match kind {
                BACKING_FORMAT => self.backing_format = Some(store.read(data, length.min(MAX_NAME))?),
                DATA_FILE if length > MAX_NAME => {
                    return Err(DiskError::corrupt(data, "the name of the data file is too long"));
                }
                DATA_FILE => self.data_file = Some(store.read(data, length)?),
                FEATURE_NAMES => names = store.read(data, length.min(48 * 64))?,
                // Bitmaps, the header of an encryption, and what came later: not for readers.
                _ => {}
            }
        }
        Ok(names)
    }

    /// A sentence on the internal snapshots, and one for each.
    pub(super) fn snapshot_notes(&self, store: &Store) -> Vec<String> {
        let (count, mut at) = self.snapshots;
        if count == 0 {
            return Vec::new();
        }
        let mut notes =
            vec![format!("{count} internal snapshots: only the present state is read, not what they hold")];
        for _ in 0..count.min(MAX_SNAPSHOTS) {
            let Some(note) = snapshot(store, &mut at) else {
                notes.push("the table of internal snapshots cannot be read".to_owned());
                break;
            };
            notes.push(note);
        }
        notes
    }
}

/// The name that the header gives.
fn backing_file(store: &Store, head: &[u8]) -> DiskResult<Option<Vec<u8>>> {
    let offset = cut(u64_be(head, 8))?;
    let length = usize::try_from(cut(u32_be(head, 16))?).unwrap_or(usize::MAX);
    if offset == 0 || length == 0 {
        return Ok(None);
    }
    if length > MAX_NAME {
        return Err(DiskError::corrupt(16, "the name of the backing file is too long"));
    }
    store.read(offset, length).map(Some)
}

/// Refuses what a reader must know and this one does not.
fn check_features(features: u64, names: &[u8]) -> DiskResult<()> {
    let unknown = features & !(DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2);
    if unknown == 0 {
        return Ok(());
    }
    let bit = unknown.trailing_zeros();
    let is_it = |name: &&[u8]| u8_at(name, 0) == Some(0) && u8_at(name, 1).map(u32::from) == Some(bit);
    let name = names.chunks_exact(48).find(is_it).and_then(|name| name.get(2..));
    let name = name.and_then(|name| name.split(|byte| *byte == 0).next()).unwrap_or(b"no name");
    Err(DiskError::unsupported(
        72,
        format!("the qcow2 image has the unknown feature {bit} ({})", shown(name)),
    ))
}

/// One internal snapshot, by its entry in the table; `at` moves to the next.
fn snapshot(store: &Store, at: &mut u64) -> Option<String> {
    let entry = store.read(*at, 40).ok()?;
    let (id, name) = (u16_be(&entry, 12)?, u16_be(&entry, 14)?);
    let (seconds, extra) = (u32_be(&entry, 16)?, u32_be(&entry, 36)?);
    let names = at.checked_add(40)?.checked_add(u64::from(extra))?;
    let text = store.read(names, usize::from(id) + usize::from(name)).ok()?;
    let (id, name) = text.split_at_checked(usize::from(id))?;
    let end = names.checked_add(u64::try_from(text.len()).ok()?)?;
    *at = end.checked_next_multiple_of(8)?;
    let made = jiff::Timestamp::from_second(i64::from(seconds)).ok()?;
    Some(format!("internal snapshot {} {}, made {made}", shown(id), shown(name)))
}
