//! The superblock and its copies: geometry and features.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Super Block". Nothing
//! that is computed from a [`Superblock`] divides by zero or shifts too far: its
//! numbers were checked when it was read.

use super::checksum::crc32c;
use crate::source::bytes::{array, u8_at, u16_le, u32_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};

/// Where the first one lies, and its size.
pub(super) const OFFSET: u64 = 1024;
const SIZE: usize = 1024;

/// `s_feature_compat`.
pub(super) mod compat {
    pub(in super::super) const HAS_JOURNAL: u32 = 0x4;
    pub(in super::super) const SPARSE_SUPER2: u32 = 0x200;
}

/// `s_feature_incompat`.
pub(super) mod incompat {
    pub(in super::super) const COMPRESSION: u32 = 0x1;
    pub(in super::super) const FILETYPE: u32 = 0x2;
    pub(in super::super) const RECOVER: u32 = 0x4;
    pub(in super::super) const JOURNAL_DEV: u32 = 0x8;
    pub(in super::super) const META_BG: u32 = 0x10;
    pub(in super::super) const BITS_64: u32 = 0x80;
    pub(in super::super) const CSUM_SEED: u32 = 0x2000;
    pub(in super::super) const LARGEDIR: u32 = 0x4000;
    /// All that change nothing here or are read: also extents, mmp, flex_bg,
    /// ea_inode, dirdata, inline_data, encrypt and casefold.
    pub(in super::super) const KNOWN: u32 = 0x3_f7d7;
    /// What ext3 knows.
    pub(in super::super) const EXT3: u32 = FILETYPE | RECOVER | META_BG;
}

/// `s_feature_ro_compat`.
pub(super) mod ro_compat {
    pub(in super::super) const SPARSE_SUPER: u32 = 0x1;
    pub(in super::super) const HUGE_FILE: u32 = 0x8;
    pub(in super::super) const GDT_CSUM: u32 = 0x10;
    pub(in super::super) const BIGALLOC: u32 = 0x200;
    pub(in super::super) const METADATA_CSUM: u32 = 0x400;
    /// What ext3 knows: sparse_super, large_file, btree_dir.
    pub(in super::super) const EXT3: u32 = 0x7;
}

/// Where the journal is.
#[derive(Clone, Debug)]
pub(super) struct JournalPlace {
    /// Its inode; 0 where there is none or it lies on another device.
    pub(super) inode: u32,
    /// Whether the superblock names another device by number or UUID.
    pub(super) external: bool,
    /// A copy of the block map and size of its inode.
    pub(super) backup: Option<([u8; 60], u64)>,
}

/// What is needed of a superblock.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) compat: u32,
    pub(super) incompat: u32,
    pub(super) ro_compat: u32,
    /// log2 of the block size, 10 to 16.
    pub(super) block_bits: u32,
    /// log2 of the blocks in a cluster; 0 without `bigalloc`.
    pub(super) cluster_bits: u32,
    /// All blocks.
    pub(super) blocks: u64,
    /// The first block of the first group.
    pub(super) first_block: u64,
    pub(super) blocks_per_group: u64,
    pub(super) groups: u32,
    pub(super) inodes: u32,
    pub(super) inodes_per_group: u32,
    /// 128 up to the block size.
    pub(super) inode_size: usize,
    /// 32 up to the block size.
    pub(super) descriptor_size: usize,
    pub(super) first_meta_bg: u64,
    pub(super) reserved_descriptor_blocks: u64,
    backup_groups: [u32; 2],
    /// The group in which this copy says it lies.
    group: u16,
    pub(super) uuid: [u8; 16],
    pub(super) label: Vec<u8>,
    pub(super) journal: JournalPlace,
    /// What checksums of metadata begin with.
    pub(super) seed: u32,
    /// Whether its own checksum is right, or it has none.
    pub(super) sound: bool,
}

impl Superblock {
    /// Reads one of the copies.
    pub(super) fn read(disk: &dyn Disk, offset: u64) -> DiskResult<Self> {
        let bytes = read_vec(disk, offset, SIZE)?;
        if u16_le(&bytes, 0x38) != Some(0xef53) {
            return Err(DiskError::corrupt(offset, "no ext superblock"));
        }
        Self::parse(&bytes, offset)
            .unwrap_or_else(|| Err(DiskError::corrupt(offset, "the superblock is too short")))
    }

    /// `None` is not met: the bytes are always as many as are looked at.
    fn parse(bytes: &[u8], offset: u64) -> Option<DiskResult<Self>> {
        let corrupt = |message: &'static str| Some(Err(DiskError::corrupt(offset, message)));
        let word = |at| u32_le(bytes, at);
        let (compat, incompat, ro_compat) = match word(0x4c)? {
            0 => (0, 0, 0),
            _ => (word(0x5c)?, word(0x60)?, word(0x64)?),
        };
        if incompat & incompat::JOURNAL_DEV != 0 {
            return Some(Err(DiskError::unsupported(offset, "an external journal, not a filesystem")));
        }
        if incompat & !incompat::KNOWN != 0 {
            let unknown = incompat & !incompat::KNOWN;
            return Some(Err(DiskError::unsupported(offset, format!("unknown features {unknown:#x}"))));
        }
        let wide = incompat & incompat::BITS_64 != 0;
        let log_block = word(0x18)?;
        if log_block > 6 {
            return corrupt("the block size is impossible");
        }
        let block_bits = 10 + log_block;
        let block_size = 1_u64 << block_bits;
        let bigalloc = ro_compat & ro_compat::BIGALLOC != 0;
        let cluster_bits = if bigalloc { word(0x1c)?.checked_sub(log_block) } else { Some(0) };
        let Some(cluster_bits) = cluster_bits.filter(|bits| block_bits + bits <= 30) else {
            return corrupt("the cluster size is impossible");
        };
        let blocks_per_group = u64::from(word(0x20)?);
        let fits = blocks_per_group <= block_size << 3 << cluster_bits;
        if blocks_per_group < 8 || !fits || blocks_per_group & ((1 << cluster_bits) - 1) != 0 {
            return corrupt("the number of blocks per group is impossible");
        }
        let high = if wide { u64::from(word(0x150)?) << 32 } else { 0 };
        let blocks = u64::from(word(0x4)?) | high;
        let first_block = u64::from(word(0x14)?);
        if first_block > 1 || blocks <= first_block || blocks > u64::MAX >> 17 {
            return corrupt("the number of blocks is impossible");
        }
        let Ok(groups) = u32::try_from((blocks - first_block).div_ceil(blocks_per_group)) else {
            return corrupt("there are more groups than can be");
        };
        let (inodes, inodes_per_group) = (word(0)?, word(0x28)?);
        if inodes_per_group == 0 || u64::from(inodes_per_group) > block_size << 3 {
            return corrupt("the number of inodes per group is impossible");
        }
        if inodes == 0 || u64::from(inodes) > u64::from(inodes_per_group).saturating_mul(groups.into()) {
            return corrupt("the number of inodes is impossible");
        }
        let old = word(0x4c)? == 0;
        let inode_size = usize::from(if old { 128 } else { u16_le(bytes, 0x58)? });
        let block = usize::try_from(block_size).ok()?;
        if !inode_size.is_power_of_two() || inode_size < 128 || inode_size > block {
            return corrupt("the size of inodes is impossible");
        }
        let descriptor_size = if wide { usize::from(u16_le(bytes, 0xfe)?) } else { 32 };
        if !descriptor_size.is_power_of_two() || descriptor_size > block || (wide && descriptor_size < 64) {
            return corrupt("the size of group descriptors is impossible");
        }
        let uuid: [u8; 16] = array(bytes, 0x68)?;
        let sums = ro_compat & ro_compat::METADATA_CSUM != 0;
        let seed = if incompat & incompat::CSUM_SEED != 0 { word(0x270)? } else { crc32c(u32::MAX, &uuid) };
        let label: [u8; 16] = array(bytes, 0x78)?;
        let inode = if compat & compat::HAS_JOURNAL != 0 { word(0xe0)? } else { 0 };
        let named = word(0xe4)? != 0 || array::<16>(bytes, 0xd0)? != [0; 16];
        let size = u64::from(word(0x14c)?) | u64::from(word(0x148)?) << 32;
        let backup = (u8_at(bytes, 0xfd)? == 1).then_some((array(bytes, 0x10c)?, size));
        Some(Ok(Self {
            compat,
            incompat,
            ro_compat,
            block_bits,
            cluster_bits,
            blocks,
            first_block,
            blocks_per_group,
            groups,
            inodes,
            inodes_per_group,
            inode_size,
            descriptor_size,
            first_meta_bg: u64::from(word(0x104)?),
            reserved_descriptor_blocks: u64::from(u16_le(bytes, 0xce)?),
            backup_groups: [word(0x24c)?, word(0x250)?],
            group: if old { 0 } else { u16_le(bytes, 0x5a)? },
            uuid,
            label: label.iter().copied().take_while(|byte| *byte != 0).collect(),
            journal: JournalPlace {
                inode,
                external: compat & compat::HAS_JOURNAL != 0 && inode == 0 && named,
                backup,
            },
            seed,
            sound: !sums || crc32c(u32::MAX, bytes.get(..0x3fc)?) == word(0x3fc)?,
        }))
    }

    /// The block size in bytes.
    pub(super) fn block_size(&self) -> u64 {
        1 << self.block_bits
    }

    /// Whether metadata has CRC-32C checksums.
    pub(super) fn has_checksums(&self) -> bool {
        self.ro_compat & ro_compat::METADATA_CSUM != 0
    }

    /// The first block of a group.
    pub(super) fn group_start(&self, group: u32) -> u64 {
        self.first_block.saturating_add(u64::from(group).saturating_mul(self.blocks_per_group))
    }

    /// Whether a group begins with a copy of the superblock.
    pub(super) fn has_copy(&self, group: u32) -> bool {
        let power_of = |base: u32| {
            let mut power = base;
            while power < group {
                power = power.saturating_mul(base);
            }
            power == group
        };
        if self.compat & compat::SPARSE_SUPER2 != 0 {
            return group == 0 || self.backup_groups.contains(&group);
        }
        let sparse = self.ro_compat & ro_compat::SPARSE_SUPER != 0;
        group <= 1 || !sparse || [3, 5, 7].into_iter().any(power_of)
    }

    /// The groups that begin with a copy, the first few of them.
    pub(super) fn copies(&self) -> impl Iterator<Item = u32> {
        let [one, other] = self.backup_groups;
        let last = [one, other].into_iter().filter(|_| self.compat & compat::SPARSE_SUPER2 != 0);
        let first = (1..self.groups.min(28)).filter(|group| self.has_copy(*group));
        first.chain(last).filter(|group| *group != 0 && *group < self.groups)
    }

    /// `ext2`, `ext3` or `ext4`, by what the older ones do not know.
    pub(super) fn kind(&self) -> &'static str {
        if self.incompat & !incompat::EXT3 & !incompat::COMPRESSION != 0
            || self.ro_compat & !ro_compat::EXT3 != 0
        {
            "ext4"
        } else if self.compat & compat::HAS_JOURNAL != 0 {
            "ext3"
        } else {
            "ext2"
        }
    }
}

/// The first copy that makes sense and agrees that it lies where it was found. The
/// geometry is not known where the first superblock is lost: the usual ones are tried.
pub(super) fn find_copy(disk: &dyn Disk) -> Option<(u64, Superblock)> {
    let mut doubtful = None;
    for cluster_bits in 0..=20 {
        for block_bits in 10..=16 {
            for group in [1_u16, 3, 5, 7, 9] {
                let bits = block_bits + block_bits + 3 + cluster_bits;
                let first = if block_bits == 10 && cluster_bits == 0 { 1024 } else { 0 };
                let offset = (u64::from(group) << bits) + first;
                if offset.saturating_add(1024) > disk.size() {
                    break;
                }
                let Ok(found) = Superblock::read(disk, offset) else { continue };
                if found.block_bits != block_bits || found.group != group {
                    continue;
                }
                if found.sound {
                    return Some((offset, found));
                }
                doubtful.get_or_insert((offset, found));
            }
        }
    }
    doubtful
}
