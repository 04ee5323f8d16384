//! What a volume holds, by its signatures alone.
//!
//! Every signature that is known, each with its place and where that is written
//! down. A signature of few bytes is held against more of the structure it belongs
//! to, so that chance does not make one. Not for: reading what was found (see
//! `filesystem`); swap areas and RAID have more to tell and are in modules of their
//! own.

use crate::source::bytes::{array, u8_at, u16_le, u32_le};
use crate::source::disk::{Disk, DiskError, read_exact, read_vec};

/// How much of a volume's head the signatures lie in, but for those few that are
/// read on their own: up to the superblock of Btrfs.
const HEAD: usize = 0x12000;

/// What a signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A filesystem that this program reads.
    Filesystem,
    /// Content that needs a key.
    Encrypted,
    /// A form that this program does not read.
    Unsupported,
}

/// A signature.
pub(super) struct Signature {
    /// What it is a signature of.
    pub(super) name: &'static str,
    /// What to think of it.
    pub(super) class: Class,
    /// Where it begins.
    offset: usize,
    /// Its bytes.
    bytes: &'static [u8],
    /// What else must be so.
    check: fn(&[u8]) -> bool,
}

impl Signature {
    /// Whether it stands in the first sector, among code that a boot record's table
    /// cannot be told from.
    pub(super) fn is_boot_sector(&self) -> bool {
        self.offset < 512
    }
}

const fn readable(name: &'static str, offset: usize, bytes: &'static [u8]) -> Signature {
    Signature { name, class: Class::Filesystem, offset, bytes, check: |_| true }
}

const fn checked(
    name: &'static str,
    offset: usize,
    bytes: &'static [u8],
    check: fn(&[u8]) -> bool,
) -> Signature {
    Signature { name, class: Class::Filesystem, offset, bytes, check }
}

const fn encrypted(name: &'static str, offset: usize, bytes: &'static [u8]) -> Signature {
    Signature { name, class: Class::Encrypted, offset, bytes, check: |_| true }
}

const fn unsupported(name: &'static str, offset: usize, bytes: &'static [u8]) -> Signature {
    Signature { name, class: Class::Unsupported, offset, bytes, check: |_| true }
}

/// All of them, the most telling first. A name may stand here several times.
///
/// Sources: `ext4` Documentation/filesystems/ext4/super.rst; `xfs` XFS Algorithms &
/// Data Structures §Superblocks; `btrfs` btrfs on-disk format §Superblock; `ntfs`,
/// `refs` libfsntfs and libfsrefs documentation §Volume header; `exfat` Microsoft
/// exFAT specification §3.1; `fat` Microsoft FAT specification §3.1; LUKS1 and LUKS2
/// on-disk format specifications §2; `BitLocker` libbde documentation §Volume header;
/// `FileVault` libfvde §Core Storage volume header; `APFS` Apple File System Reference
/// §Container; `iso9660` ECMA-119 §8.4; `HFS` Apple TN1150 §Volume Header; `ZFS` ZFS On-Disk Specification
/// §1.3; the rest: the superblock structures in the Linux kernel's `fs/*` and
/// `drivers/md/*` headers of the same names, and of FreeBSD's `sys/ufs/ffs/fs.h`.
const SIGNATURES: &[Signature] = &[
    // Encrypted content comes first: what its header leaves in place of another
    // must not pass for that.
    encrypted("LUKS1", 0, b"LUKS\xba\xbe\x00\x01"),
    encrypted("LUKS2", 0, b"LUKS\xba\xbe\x00\x02"),
    // The second header of LUKS2, where the first is damaged.
    encrypted("LUKS2", 0x4000, b"SKUL\xba\xbe\x00\x02"),
    encrypted("LUKS2", 0x8000, b"SKUL\xba\xbe\x00\x02"),
    encrypted("LUKS2", 0x10000, b"SKUL\xba\xbe\x00\x02"),
    encrypted("BitLocker", 3, b"-FVE-FS-"),
    // BitLocker To Go: a FAT boot sector with the GUID of BitLocker's metadata.
    encrypted("BitLocker", 0x1a8, b"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"),
    encrypted("BitLocker", 0x1a8, b"\x3b\x4d\xa8\x92\x80\xdd\x0e\x4d\x9e\x4e\xb1\xe3\x28\x4e\xae\xd8"),
    encrypted("FileVault 2", 0x58, b"CS\x01\x00"),
    // Read by this program.
    readable("btrfs", 0x10040, b"_BHRfS_M"),
    readable("xfs", 0, b"XFSB"),
    checked("ext4", 0x438, b"\x53\xef", is_ext),
    checked("ntfs", 3, b"NTFS    ", has_boot_mark),
    checked("exfat", 3, b"EXFAT   ", has_boot_mark),
    checked("fat", 0x1fe, b"\x55\xaa", is_fat),
    // Filesystems that are not.
    unsupported("APFS", 0x20, b"NXSB"),
    unsupported("ReFS", 3, b"ReFS\0\0\0\0"),
    unsupported("HFS+", 0x400, b"H+\x00\x04"),
    unsupported("HFSX", 0x400, b"HX\x00\x05"),
    Signature { name: "HFS", class: Class::Unsupported, offset: 0x400, bytes: b"BD", check: is_hfs },
    unsupported("UFS1", 0x255c, b"\x54\x19\x01\x00"),
    unsupported("UFS1", 0x255c, b"\x00\x01\x19\x54"),
    unsupported("UFS2", 0x1055c, b"\x19\x01\x54\x19"),
    unsupported("UFS2", 0x1055c, b"\x19\x54\x01\x19"),
    unsupported("VxFS", 0x400, b"\xf5\xfc\x01\xa5"),
    unsupported("VxFS", 0x2000, b"\xa5\x01\xfc\xf5"),
    unsupported("JFS", 0x8000, b"JFS1"),
    unsupported("ReiserFS", 0x10034, b"ReIsErFs"),
    unsupported("ReiserFS", 0x10034, b"ReIsEr2Fs"),
    unsupported("ReiserFS", 0x10034, b"ReIsEr3Fs"),
    unsupported("ReiserFS", 0x2034, b"ReIsErFs"),
    unsupported("Reiser4", 0x10000, b"ReIsEr4"),
    unsupported("F2FS", 0x400, b"\x10\x20\xf5\xf2"),
    unsupported("bcachefs", 0x1018, b"\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"),
    unsupported("bcache", 0x1018, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"),
    Signature {
        name: "NILFS2",
        class: Class::Unsupported,
        offset: 0x406,
        bytes: b"\x34\x34",
        check: is_nilfs,
    },
    unsupported("OCFS2", 0x400, b"OCFSV2"),
    unsupported("OCFS2", 0x800, b"OCFSV2"),
    unsupported("OCFS2", 0x1000, b"OCFSV2"),
    unsupported("OCFS2", 0x2000, b"OCFSV2"),
    unsupported("GFS2", 0x10000, b"\x01\x16\x19\x70\0\0\0\x01"),
    checked("squashfs", 0, b"hsqs", is_squashfs),
    unsupported("squashfs", 0, b"hsqs"),
    unsupported("squashfs", 0, b"sqsh"),
    unsupported("EROFS", 0x400, b"\xe2\xe1\xf5\xe0"),
    unsupported("cramfs", 0, b"\x45\x3d\xcd\x28"),
    unsupported("cramfs", 0x200, b"\x45\x3d\xcd\x28"),
    unsupported("romfs", 0, b"-rom1fs-"),
    readable("iso9660", 0x8000, b"\x01CD001\x01\0"),
    unsupported("iso9660", 0x8001, b"CD001"),
    unsupported("UDF", 0x8001, b"BEA01"),
    unsupported("BeFS", 0x20, b"1SFB"),
    unsupported("BeFS", 0x220, b"1SFB"),
    unsupported("HPFS", 0x2000, b"\x49\xe8\x95\xf9"),
    // Layers that are not.
    unsupported("Windows dynamic disk (LDM)", 0xc00, b"PRIVHEAD"),
    unsupported("Windows Storage Spaces", 0x1000, b"SPACEDB "),
    unsupported("LVM1", 0, b"HM\x01\0"),
    unsupported("LVM1", 0, b"HM\x02\0"),
    unsupported("dm-verity hashes", 0, b"verity\0\0"),
    unsupported("dm-integrity", 0, b"integrt\0"),
    unsupported("VDO", 0, b"dmvdo001"),
    unsupported("Stratis", 0x204, b"!Stra0tis\x86\xff\x02^\x41rh"),
    unsupported("Ceph BlueStore", 0, b"bluestore block device"),
    unsupported("Oracle ASM", 0x20, b"ORCLDISK"),
    unsupported("BSD disklabel", 0x200, b"\x57\x45\x56\x82"),
    unsupported("BSD disklabel", 0x40, b"\x57\x45\x56\x82"),
    Signature {
        name: "Apple partition map",
        class: Class::Unsupported,
        offset: 0x200,
        bytes: b"PM\0\0",
        check: is_apm,
    },
    Signature {
        name: "Sun disklabel",
        class: Class::Unsupported,
        offset: 0x1fc,
        bytes: b"\xda\xbe",
        check: is_sun,
    },
    unsupported("SGI disklabel", 0, b"\x0b\xe5\xa9\x41"),
];

/// An ext superblock whose first numbers can be.
fn is_ext(head: &[u8]) -> bool {
    let number = |at: usize| u32_le(head, 0x400 + at).unwrap_or(u32::MAX);
    number(0) != 0 && number(4) != 0 && number(0x18) <= 6 && number(0x4c) <= 1
}

/// The mark at the end of a boot sector.
fn has_boot_mark(head: &[u8]) -> bool {
    array(head, 0x1fe) == Some([0x55, 0xaa])
}

/// A BIOS parameter block of FAT whose numbers can be.
fn is_fat(head: &[u8]) -> bool {
    let byte = |at| u8_at(head, at).unwrap_or(0);
    let word = |at| u16_le(head, at).unwrap_or(0);
    let sector = word(11);
    let jump = (byte(0) == 0xeb && byte(2) == 0x90) || byte(0) == 0xe9 || byte(0) == 0xeb;
    let table = word(22) != 0 || u32_le(head, 36).unwrap_or(0) != 0;
    let sectors = word(19) != 0 || u32_le(head, 32).unwrap_or(0) != 0;
    jump && (512..=4096).contains(&sector)
        && sector.is_power_of_two()
        && byte(13).is_power_of_two()
        && word(14) != 0
        && (1..=4).contains(&byte(16))
        && (byte(21) == 0xf0 || byte(21) >= 0xf8)
        && table
        && sectors
}

/// An HFS master directory block: two bytes of signature are few.
fn is_hfs(head: &[u8]) -> bool {
    // Allocation blocks are multiples of a sector (Inside Macintosh: Files, 2-61).
    let size = array(head, 0x414).map_or(0, u32::from_be_bytes);
    size != 0 && size.is_multiple_of(512)
}

/// A NILFS2 superblock: revision 2, and a size of its own that can be.
fn is_nilfs(head: &[u8]) -> bool {
    u32_le(head, 0x400) == Some(2) && u16_le(head, 0x408).is_some_and(|size| (100..=1024).contains(&size))
}

fn is_squashfs(head: &[u8]) -> bool {
    crate::source::filesystem::squashfs::is_superblock(head)
}

/// An Apple partition map: its driver descriptor comes before it. One on an ISO 9660 volume
/// is there for computers to start from it, and names nothing that is not on the volume.
fn is_apm(head: &[u8]) -> bool {
    array(head, 0) == Some(*b"ER") && head.get(0x8001..0x8006) != Some(b"CD001")
}

/// A Sun label: its sixteen-bit words cancel out (`block/partitions/sun.c`).
fn is_sun(head: &[u8]) -> bool {
    let words = (0..512).step_by(2).map_while(|at| u16_le(head, at));
    head.len() >= 512 && words.fold(0, |sum, word| sum ^ word) == 0
}

/// The first bytes of a device from an offset on. What of them cannot be read is
/// zero, and told.
pub(super) fn read_head(disk: &dyn Disk, offset: u64, errors: &mut Vec<DiskError>) -> Vec<u8> {
    let left = disk.size().saturating_sub(offset);
    let mut head = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(HEAD)];
    if read_exact(disk, &mut head, offset).is_err() {
        // A bad block must not hide what lies beside it.
        for (piece, at) in head.chunks_mut(512).zip((offset..).step_by(512)) {
            if let Err(error) = read_exact(disk, piece, at) {
                piece.fill(0);
                errors.push(error);
            }
        }
    }
    head
}

/// Everything in [`SIGNATURES`] that the head of a volume carries, each name once.
pub(super) fn all(head: &[u8]) -> Vec<&'static Signature> {
    let mut found: Vec<&Signature> = Vec::new();
    for signature in SIGNATURES {
        let end = signature.offset.saturating_add(signature.bytes.len());
        if head.get(signature.offset..end) == Some(signature.bytes)
            && (signature.check)(head)
            && !found.iter().any(|other| other.name == signature.name)
        {
            found.push(signature);
        }
    }
    found
}

/// The names of forms that are not read, whose signatures lie beyond the head, at
/// the end, or at one of many places.
pub(super) fn elsewhere(disk: &dyn Disk, errors: &mut Vec<DiskError>) -> Option<&'static str> {
    let size = disk.size();
    let mut read = |offset: u64, length: usize| {
        if offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX)) > size {
            return Vec::new();
        }
        read_vec(disk, offset, length).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        })
    };
    // ZFS: one of the 128 uberblocks of the first label (§1.3.3), in either order
    // of bytes, at 1 KiB each.
    let uberblocks = read(128 << 10, 128 << 10);
    let magic: [[u8; 8]; 2] = [0x00ba_b10c_u64.to_le_bytes(), 0x00ba_b10c_u64.to_be_bytes()];
    if uberblocks.chunks_exact(1024).any(|block| array(block, 0).is_some_and(|bytes| magic.contains(&bytes)))
    {
        return Some("ZFS");
    }
    // VMFS: the volume's header at 1 MiB and the filesystem's at 2 MiB (vmfs-tools).
    if read(1 << 20, 4) == 0xc001_d00d_u32.to_le_bytes() || read(2 << 20, 4) == 0x2fab_f15e_u32.to_le_bytes()
    {
        return Some("VMFS");
    }
    // Firmware RAID: Intel's in the last but one sector (mdadm's super-intel.c),
    // DDF's anchor in the last (SNIA DDF 2.0 §4.1); DRBD's 4 KiB before the end
    // (drbd_int.h, versions 8.4 and 9).
    let end = read(size.saturating_sub(1024), 1024);
    if end.starts_with(b"Intel Raid ISM Cfg Sig. ") {
        return Some("Intel firmware RAID");
    }
    if end.get(512..516) == Some(&0xde11_de11_u32.to_be_bytes()) {
        return Some("DDF RAID");
    }
    let drbd = read(size.saturating_sub(4096) & !4095, 4096);
    let magic = array(&drbd, 60).map_or(0, u32::from_be_bytes);
    if [0x8374_026b, 0x8374_026c, 0x8374_026d].contains(&magic) {
        return Some("DRBD");
    }
    None
}
