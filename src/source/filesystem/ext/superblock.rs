//! The superblock and the descriptors of groups (`super.rst`, `group_descr.rst`).

use crate::source::bytes::{array, u8_at, u16_le, u32_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};

const MAGIC: u16 = 0xef53;
/// Where the superblock is, and how long it is, in bytes.
const PLACE: u64 = 1024;
const LENGTH: usize = 1024;

/// Features without which nothing can be read rightly, by bit (`s_feature_incompat`).
const COMPRESSION: u32 = 0x1;
const FILETYPE: u32 = 0x2;
const RECOVER: u32 = 0x4;
const JOURNAL_DEVICE: u32 = 0x8;
const META_BG: u32 = 0x10;
const EXTENTS: u32 = 0x40;
const BITS_64: u32 = 0x80;
/// Known, and harmless to a reader: multiple mount protection, flexible groups, large
/// attributes, data in directory entries, checksum seed, large directories, inline
/// data, encryption, case folding.
const HARMLESS: u32 = 0x100 | 0x200 | 0x400 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000 | 0x2_0000;
const HAS_JOURNAL: u32 = 0x4;
/// `s_feature_ro_compat`.
const BIGALLOC: u32 = 0x200;
const GROUP_CHECKSUM: u32 = 0x10;
const METADATA_CHECKSUM: u32 = 0x400;

/// What the superblock says.
#[derive(Debug)]
pub(super) struct Superblock {
    pub(super) blocks: u64,
    pub(super) block_size: u64,
    first_block: u64,
    pub(super) blocks_per_group: u64,
    pub(super) cluster_size: u64,
    pub(super) clusters_per_group: u64,
    pub(super) inodes: u64,
    pub(super) inodes_per_group: u64,
    pub(super) inode_size: usize,
    descriptor_size: u64,
    first_meta_group: u64,
    compat: u32,
    incompat: u32,
    ro_compat: u32,
    pub(super) label: Option<String>,
    pub(super) uuid: String,
}

/// A group's descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) block_bitmap: u64,
    pub(super) inode_table: u64,
    pub(super) flags: u16,
    pub(super) unused_inodes: u64,
}

impl Group {
    /// The bitmap of blocks was never written: only the group's own structures are used.
    pub(super) const BLOCKS_UNINIT: u16 = 2;
    pub(super) const INODES_UNINIT: u16 = 1;
}

impl Superblock {
    /// The superblock, or the nearest copy where it is damaged, and what to say of that.
    pub(super) fn find(disk: &dyn Disk) -> DiskResult<(Self, Vec<String>)> {
        let first = Self::read(disk, PLACE);
        let error = match first {
            Ok(superblock) => return Ok((superblock, Vec::new())),
            Err(error) => error,
        };
        // Copies begin group 1, 3, 5, 7: its first block by each usual size of blocks.
        for block_size in [1024_u64, 2048, 4096, 8192, 16384, 32768, 65536] {
            let per_group = block_size.saturating_mul(8);
            for group in [1_u64, 3, 5, 7] {
                let first_block = u64::from(block_size == 1024);
                let place = (group * per_group + first_block).saturating_mul(block_size);
                if let Ok(superblock) = Self::read(disk, place)
                    && superblock.block_size == block_size
                {
                    let note = format!("the superblock is damaged: its copy at byte {place} was used");
                    return Ok((superblock, vec![note]));
                }
            }
        }
        Err(error)
    }

    fn read(disk: &dyn Disk, place: u64) -> DiskResult<Self> {
        let bytes = read_vec(disk, place, LENGTH)?;
        Self::parse(&bytes).ok_or_else(|| DiskError::corrupt(place, "is no superblock of ext2, ext3 or ext4"))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if u16_le(bytes, 0x38)? != MAGIC {
            return None;
        }
        let shift = u32_le(bytes, 0x18)?;
        let cluster_shift = u32_le(bytes, 0x1c)?;
        if shift > 6 {
            return None;
        }
        let block_size = 1024_u64 << shift;
        let incompat = u32_le(bytes, 0x60)?;
        let ro_compat = u32_le(bytes, 0x64)?;
        let is_64 = incompat & BITS_64 != 0;
        let high = |at| if is_64 { u32_le(bytes, at) } else { Some(0) };
        let blocks = u64::from(u32_le(bytes, 4)?) | u64::from(high(0x150)?) << 32;
        let revision = u32_le(bytes, 0x4c)?;
        let inode_size = if revision == 0 { 128 } else { usize::from(u16_le(bytes, 0x58)?) };
        let blocks_per_group = u64::from(u32_le(bytes, 0x20)?);
        let inodes_per_group = u64::from(u32_le(bytes, 0x28)?);
        let bigalloc = ro_compat & BIGALLOC != 0;
        if bigalloc && (cluster_shift < shift || cluster_shift > 20) {
            return None;
        }
        let cluster_size = if bigalloc { 1024_u64 << cluster_shift } else { block_size };
        let descriptor_size = if is_64 { u64::from(u16_le(bytes, 0xfe)?) } else { 32 };
        let sane = blocks > 0
            && blocks < 1 << 48
            && (1..=8 * 65536 * 64).contains(&blocks_per_group)
            && (1..=8 * 65536).contains(&inodes_per_group)
            && inode_size.is_power_of_two()
            && (128..=65536).contains(&inode_size)
            && u64::try_from(inode_size).is_ok_and(|size| size <= block_size)
            && descriptor_size.is_power_of_two()
            && (32..=1024).contains(&descriptor_size);
        if !sane {
            return None;
        }
        let label: Vec<u8> = array::<16>(bytes, 0x78)?.into_iter().take_while(|byte| *byte != 0).collect();
        Some(Self {
            blocks,
            block_size,
            first_block: u64::from(u32_le(bytes, 0x14)?),
            blocks_per_group,
            cluster_size,
            clusters_per_group: u64::from(u32_le(bytes, 0x24)?),
            inodes: u64::from(u32_le(bytes, 0)?),
            inodes_per_group,
            inode_size,
            descriptor_size,
            first_meta_group: if incompat & META_BG != 0 {
                u64::from(u32_le(bytes, 0x104)?)
            } else {
                u64::MAX
            },
            compat: u32_le(bytes, 0x5c)?,
            incompat,
            ro_compat,
            label: (!label.is_empty()).then(|| String::from_utf8_lossy(&label).into_owned()),
            uuid: uuid(array(bytes, 0x68)?),
        })
        .filter(|_| u8_at(bytes, 0x3a).is_some())
    }

    pub(super) fn check_features(&self) -> DiskResult<()> {
        let known = FILETYPE | RECOVER | META_BG | EXTENTS | BITS_64 | HARMLESS;
        let what = match self.incompat & !known {
            0 => return Ok(()),
            bits if bits & JOURNAL_DEVICE != 0 => "this is the journal of another ext filesystem".to_owned(),
            bits if bits & COMPRESSION != 0 => "ext2 compression is not read".to_owned(),
            bits => format!("has features that are not known: {bits:#x}"),
        };
        Err(DiskError::unsupported(PLACE, what))
    }

    pub(super) fn needs_recovery(&self) -> bool {
        self.incompat & RECOVER != 0
    }

    pub(super) fn has_uninit_groups(&self) -> bool {
        self.ro_compat & (GROUP_CHECKSUM | METADATA_CHECKSUM) != 0
    }

    pub(super) fn is_64(&self) -> bool {
        self.incompat & BITS_64 != 0
    }

    pub(super) fn kind(&self) -> &'static str {
        let ext4 = EXTENTS | BITS_64 | META_BG | 0x200 | 0x400 | 0x8000;
        if self.incompat & ext4 != 0 || self.ro_compat & (0x8 | 0x10 | 0x20 | 0x40 | 0x200 | 0x400) != 0 {
            "ext4"
        } else if self.compat & HAS_JOURNAL != 0 {
            "ext3"
        } else {
            "ext2"
        }
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> u64 {
        self.blocks.saturating_sub(self.first_block).div_ceil(self.blocks_per_group)
    }

    /// The first block of a group.
    pub(super) fn group_start(&self, group: u64) -> u64 {
        group.saturating_mul(self.blocks_per_group).saturating_add(self.first_block)
    }

    /// Whether a group begins with a copy of the superblock.
    fn has_copy(&self, group: u64) -> bool {
        let power = |base: u64| {
            let mut power = base;
            while power < group {
                power = power.saturating_mul(base);
            }
            power == group
        };
        // Without the feature every group has one.
        self.ro_compat & 1 == 0 || group <= 1 || power(3) || power(5) || power(7)
    }

    pub(super) fn group(&self, disk: &dyn Disk, group: u64) -> DiskResult<Group> {
        if group >= self.groups() {
            return Err(DiskError::corrupt(PLACE, format!("there is no group {group}")));
        }
        let per_block = self.block_size / self.descriptor_size;
        let (block, within) = (group / per_block, group % per_block);
        let block = if block < self.first_meta_group {
            // After the superblock, which is in block 1 only where blocks have 1 KiB.
            (PLACE / self.block_size).saturating_add(1).saturating_add(block)
        } else {
            let first = block.saturating_mul(per_block);
            let skip = u64::from(first == 0 && self.block_size == 1024 && self.first_block == 0);
            self.group_start(first).saturating_add(u64::from(self.has_copy(first)) + skip)
        };
        let offset = block.saturating_mul(self.block_size).saturating_add(within * self.descriptor_size);
        let bytes = read_vec(disk, offset, usize::try_from(self.descriptor_size).unwrap_or(32))?;
        let wide = self.descriptor_size >= 64;
        let number = |low, high| -> Option<u64> {
            let high = if wide { u32_le(&bytes, high)? } else { 0 };
            Some(u64::from(u32_le(&bytes, low)?) | u64::from(high) << 32)
        };
        let parsed = || {
            let high = if wide { u16_le(&bytes, 0x32)? } else { 0 };
            Some(Group {
                block_bitmap: number(0, 0x20)?,
                inode_table: number(8, 0x28)?,
                flags: u16_le(&bytes, 0x12)?,
                unused_inodes: u64::from(u16_le(&bytes, 0x1c)?) | u64::from(high) << 16,
            })
        };
        parsed().filter(|group| group.inode_table < self.blocks).ok_or_else(|| {
            DiskError::corrupt(offset, format!("the descriptor of group {group} makes no sense"))
        })
    }

    /// Where an inode lies, and how long it is.
    pub(super) fn inode_place(&self, disk: &dyn Disk, number: u64) -> DiskResult<(u64, usize)> {
        let index = number.checked_sub(1).filter(|_| number <= self.inodes);
        let index = index.ok_or_else(|| DiskError::corrupt(0, format!("there is no inode {number}")))?;
        let group = self.group(disk, index / self.inodes_per_group)?;
        let size = u64::try_from(self.inode_size).unwrap_or(128);
        let within = (index % self.inodes_per_group).saturating_mul(size);
        Ok((group.inode_table.saturating_mul(self.block_size).saturating_add(within), self.inode_size))
    }
}

/// A UUID as it is written.
fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
