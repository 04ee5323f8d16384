//! Whether a file is the image of a disk, by its first bytes.
//!
//! Role: a cheap question that is asked of every file, strict enough that few others pass;
//! what is really there is told by opening it (see `machine_disks`). Not for: images
//! that a person names, where everything is tried.
//!
//! Sources: those of `image::detect` and `volume::signature`; for the partition table of a
//! boot record see `volume::mbr`. Kernels and boot code have the mark of a boot record too,
//! so the four entries must make sense.

use super::bytes::{u8_at, u16_le, u32_be, u32_le};
use super::filesystem::{iso, squashfs};
use super::image;

/// Smaller is no disk, in bytes.
const SMALLEST: usize = 4096;

/// Whether a file that begins so may be a disk, or a filesystem as it lies on one.
#[must_use]
pub fn may_be_disk(start: &[u8]) -> bool {
    start.len() >= SMALLEST && (image::is_container(start) || is_partitioned(start) || is_filesystem(start))
}

fn is_partitioned(start: &[u8]) -> bool {
    has(start, 512, b"EFI PART") || (is_boot_record(start) && has_partitions(start))
}

fn is_boot_record(start: &[u8]) -> bool {
    has(start, 510, b"\x55\xaa")
}

fn has_partitions(start: &[u8]) -> bool {
    let entries = [446, 462, 478, 494].map(|at| start.get(at..at + 16).unwrap_or_default());
    let is_free = |entry: &[u8]| entry.iter().all(|byte| *byte == 0);
    let is_sound = |entry: &[u8]| {
        let (kind, first, length) = (u8_at(entry, 4), u32_le(entry, 8), u32_le(entry, 12));
        matches!(u8_at(entry, 0), Some(0 | 0x80)) && kind > Some(0) && first > Some(0) && length > Some(0)
    };
    entries.iter().all(|entry| is_free(entry) || is_sound(entry))
        && !entries.iter().all(|entry| is_free(entry))
}

fn is_filesystem(start: &[u8]) -> bool {
    let is_ext = u16_le(start, 0x438) == Some(0xef53)
        && u32_le(start, 0x418) <= Some(6)
        && u32_le(start, 0x400) > Some(0)
        && u32_le(start, 0x404) > Some(0);
    let is_xfs =
        has(start, 0, b"XFSB") && u32_be(start, 4).is_some_and(|size| size >= 512 && size.is_power_of_two());
    let is_fat = is_boot_record(start)
        && (has(start, 54, b"FAT12   ") || has(start, 54, b"FAT16   ") || has(start, 82, b"FAT32   "));
    is_ext
        || is_xfs
        || is_fat
        || has(start, 3, b"NTFS    ")
        || has(start, 3, b"EXFAT   ")
        || has(start, 0, b"LUKS\xba\xbe\0")
        || has(start, 512, b"LABELONE")
        || has(start, 0x1_0040, b"_BHRfS_M")
        || squashfs::is_superblock(start)
        || has(start, iso::MAGIC_AT, iso::MAGIC)
}

fn has(start: &[u8], at: usize, bytes: &[u8]) -> bool {
    start.get(at..).is_some_and(|start| start.starts_with(bytes))
}
