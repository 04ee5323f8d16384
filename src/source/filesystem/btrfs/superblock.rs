//! Superblocks: the one at 64 KiB, its copies, and which of them is believed.
//!
//! Specification: Btrfs documentation, "On-disk Format", section "Superblock".

use super::checksum::Checksum;
use super::node::Pointer;
use crate::source::bytes::{array, u8_at, u16_le, u32_le, u64_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};

/// Where superblocks lie.
pub(super) const OFFSETS: [u64; 3] = [64 << 10, 64 << 20, 256 << 30];
/// Bytes of a superblock, and of the place that is kept free for it.
const SIZE: usize = 4096;
pub(super) const RESERVED: u64 = 64 << 10;
const MAGIC: [u8; 8] = *b"_BHRfS_M";

/// Features without which it cannot be read.
pub(super) mod incompat {
    pub(in super::super) const METADATA_UUID: u64 = 1 << 10;
    pub(in super::super) const EXTENT_TREE_V2: u64 = 1 << 13;
    pub(in super::super) const RAID_STRIPE_TREE: u64 = 1 << 14;
    /// All that are known: the bits from 0 to 14 and the simple quotas.
    pub(in super::super) const KNOWN: u64 = 0x7fff | 1 << 16;
}

/// This device may be part of another filesystem, which only reads it.
const SEEDING: u64 = 1 << 32;

/// A root of a tree, as the superblock had it when it was written.
#[derive(Clone, Debug)]
pub(super) struct Backup {
    pub(super) roots: Pointer,
    pub(super) chunks: Pointer,
}

/// A superblock that has the magic, and whose numbers make sense.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    /// Where it was read.
    pub(super) offset: u64,
    /// Whether its checksum is right.
    pub(super) sound: bool,
    pub(super) fsid: [u8; 16],
    /// The UUID that is in the nodes.
    pub(super) metadata_uuid: [u8; 16],
    pub(super) is_seed: bool,
    pub(super) generation: u64,
    pub(super) roots: Pointer,
    pub(super) chunks: Pointer,
    /// The tree of the roots of logs, where there is one.
    pub(super) log: Option<Pointer>,
    pub(super) total_bytes: u64,
    pub(super) sector: u32,
    pub(super) node: u32,
    pub(super) incompat: u64,
    pub(super) checksum: Checksum,
    pub(super) device: u64,
    pub(super) device_uuid: [u8; 16],
    pub(super) device_size: u64,
    pub(super) label: Vec<u8>,
    /// Chunk items with their keys, one after another.
    pub(super) system_chunks: Vec<u8>,
    pub(super) backups: Vec<Backup>,
}

/// Whether the first superblock of a disk has the magic.
pub(super) fn has_magic(disk: &dyn Disk) -> bool {
    let [first, ..] = OFFSETS;
    read_vec(disk, first + 64, 8).is_ok_and(|magic| magic == MAGIC)
}

/// The superblock of a disk: the newest of those that are sound and of one
/// filesystem.
pub(super) fn find(disk: &dyn Disk) -> DiskResult<Superblock> {
    let [first, copies @ ..] = OFFSETS;
    let first = Superblock::read(disk, first);
    let mut best = match &first {
        Ok(found) if found.sound => Some(found.clone()),
        _ => None,
    };
    for offset in copies {
        let Ok(copy) = Superblock::read(disk, offset) else { continue };
        // A copy may be of an older filesystem that the first one overwrote.
        let same = first.as_ref().map_or(true, |first| first.fsid == copy.fsid);
        let newer =
            best.as_ref().is_none_or(|best| best.fsid == copy.fsid && best.generation < copy.generation);
        if copy.sound && same && newer {
            best = Some(copy);
        }
    }
    best.map_or(first, Ok)
}

impl Superblock {
    /// Reads the superblock at one of the [`OFFSETS`].
    pub(super) fn read(disk: &dyn Disk, offset: u64) -> DiskResult<Self> {
        let bytes = read_vec(disk, offset, SIZE)?;
        let corrupt = |message: &'static str| DiskError::corrupt(offset, message);
        if bytes.get(64..72) != Some(&MAGIC[..]) {
            return Err(corrupt("there is no superblock of Btrfs"));
        }
        let number = u16_le(&bytes, 196).unwrap_or(u16::MAX);
        let Some(checksum) = Checksum::from_number(number) else {
            return Err(DiskError::unsupported(offset, format!("Btrfs with checksums of type {number}")));
        };
        let found =
            Self::parse(&bytes, offset, checksum).ok_or_else(|| corrupt("a superblock is cut short"))?;
        let sizes = 512..=65536_u32;
        if !found.node.is_power_of_two()
            || !found.sector.is_power_of_two()
            || !sizes.contains(&found.sector)
            || !(4096..=65536).contains(&found.node)
            || found.node < found.sector
        {
            return Err(corrupt("the superblock has an impossible size of sectors or nodes"));
        }
        if u64_le(&bytes, 48) != Some(offset) {
            return Err(corrupt("the superblock belongs to another place"));
        }
        Ok(found)
    }

    fn parse(bytes: &[u8], offset: u64, checksum: Checksum) -> Option<Self> {
        let incompat = u64_le(bytes, 188)?;
        let fsid: [u8; 16] = array(bytes, 32)?;
        let generation = u64_le(bytes, 72)?;
        let label: [u8; 256] = array(bytes, 299)?;
        let listed = usize::try_from(u32_le(bytes, 160)?).ok()?;
        let backups = (0..4).filter_map(|number| backup(bytes.get(2859 + number * 168..)?)).collect();
        Some(Self {
            offset,
            sound: checksum.holds(bytes.get(32..)?, bytes),
            fsid,
            metadata_uuid: if incompat & incompat::METADATA_UUID == 0 { fsid } else { array(bytes, 571)? },
            is_seed: u64_le(bytes, 56)? & SEEDING != 0,
            generation,
            roots: Pointer::root(u64_le(bytes, 80)?, generation, u8_at(bytes, 198)?),
            chunks: Pointer::root(u64_le(bytes, 88)?, u64_le(bytes, 164)?, u8_at(bytes, 199)?),
            log: log(bytes, generation)?,
            total_bytes: u64_le(bytes, 112)?,
            sector: u32_le(bytes, 144)?,
            node: u32_le(bytes, 148)?,
            incompat,
            checksum,
            device: u64_le(bytes, 201)?,
            device_size: u64_le(bytes, 209)?,
            device_uuid: array(bytes, 267)?,
            label: label.iter().copied().take_while(|byte| *byte != 0).collect(),
            system_chunks: bytes.get(811..811 + 2048)?.get(..listed.min(2048))?.to_vec(),
            backups,
        })
    }
}

/// The tree of the roots of logs is of the transaction that was under way.
fn log(bytes: &[u8], generation: u64) -> Option<Option<Pointer>> {
    let (logical, level) = (u64_le(bytes, 96)?, u8_at(bytes, 200)?);
    Some((logical != 0).then(|| Pointer::root(logical, generation.saturating_add(1), level)))
}

/// The roots that a former superblock had; `None` where there is none.
fn backup(bytes: &[u8]) -> Option<Backup> {
    let roots = Pointer::root(u64_le(bytes, 0)?, u64_le(bytes, 8)?, u8_at(bytes, 152)?);
    let chunks = Pointer::root(u64_le(bytes, 16)?, u64_le(bytes, 24)?, u8_at(bytes, 153)?);
    (roots.logical != 0 && roots.generation != 0).then_some(Backup { roots, chunks })
}
