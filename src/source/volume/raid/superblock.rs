//! The superblock of a member of an array.
//!
//! Format: `include/uapi/linux/raid/md_p.h` of the Linux kernel, with the places
//! from `drivers/md/md.c`: version 1.1 at the begin, 1.2 at 4 KiB, 1.0 at 8 KiB
//! before the end, 0.90 (in the order of bytes of its machine: little-endian is
//! read) in the last 64 KiB that are so aligned.

use std::ops::Range;

use crate::source::bytes::{array, u16_le, u32_le, u64_le};
use crate::source::disk::{Disk, DiskError, read_vec};

const MAGIC: u32 = 0xa92b_4efc;
/// Where the superblock of version 1.2 is.
const AT_1_2: u64 = 4096;
/// Members of the most that a superblock of version 1 lists (`MD_SB_DISKS` is 27 in
/// version 0.90; 384 fit into 1 KiB behind the first 256 bytes).
const MAX_ROLES: usize = 1920;

/// What a member is in its array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The one with this number.
    Active(u32),
    /// Not in use, faulty, or a journal.
    Other,
}

/// What a superblock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Superblock {
    /// Of the array.
    pub(super) uuid: [u8; 16],
    pub(super) name: String,
    pub(super) level: i32,
    pub(super) layout: u32,
    /// Bytes of a chunk.
    pub(super) chunk: u64,
    /// How many members make the array.
    pub(super) disks: u32,
    /// What of the device is data of the array.
    pub(super) data: Range<u64>,
    /// How much of that is used where all members hold the same.
    pub(super) size: u64,
    pub(super) role: Role,
    /// Counts changes.
    pub(super) events: u64,
    /// Whether all of its data is up to date as far as its events say.
    pub(super) recovered: bool,
    /// Whether the array was being changed into another form.
    pub(super) reshaping: bool,
    /// Whether its checksum is right.
    pub(super) sound: bool,
    /// Where it lies.
    pub(super) offset: u64,
}

/// Where the superblock of version 0.90 of a device of so many bytes is.
pub(super) fn place_0_90(size: u64) -> Option<u64> {
    (size & !0xffff).checked_sub(0x1_0000)
}

/// Whether there is a superblock at one of the places near the begin.
pub(super) fn is_in(head: &[u8]) -> bool {
    let at = |place: usize| u32_le(head, place) == Some(MAGIC) && u32_le(head, place + 4) == Some(1);
    at(0) || at(4096)
}

/// Looks for a superblock at its places. `errors` is told what cannot be read.
pub(super) fn detect(disk: &dyn Disk, head: &[u8], errors: &mut Vec<DiskError>) -> Option<Superblock> {
    let size = disk.size();
    for offset in [0, AT_1_2] {
        let at = usize::try_from(offset).ok()?;
        if let Some(found) = head.get(at..).and_then(|bytes| version_1(bytes, offset, size)) {
            return Some(found);
        }
    }
    let mut read = |offset: u64| {
        read_vec(disk, offset, 4096).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        })
    };
    let at_1_0 = (size / 512).checked_sub(16).map(|sector| (sector & !7) * 512);
    if let Some(found) = at_1_0.and_then(|offset| version_1(&read(offset), offset, size)) {
        return Some(found);
    }
    place_0_90(size).and_then(|offset| version_0_90(&read(offset), offset))
}

fn version_1(bytes: &[u8], offset: u64, size: u64) -> Option<Superblock> {
    let sectors = |at| Some(u64_le(bytes, at)?.saturating_mul(512));
    // It says where it lies: one at the end of the last partition is not one of the
    // whole disk.
    if u32_le(bytes, 0)? != MAGIC || u32_le(bytes, 4)? != 1 || sectors(144)? != offset {
        return None;
    }
    let features = u32_le(bytes, 8)?;
    let roles = usize::try_from(u32_le(bytes, 220)?).ok()?.min(MAX_ROLES);
    let number = usize::try_from(u32_le(bytes, 160)?).ok()?;
    let role = number.checked_mul(2).filter(|_| number < roles).and_then(|at| u16_le(bytes, 256 + at));
    let role = match role {
        Some(role) if role < 0xfffd => Role::Active(role.into()),
        _ => Role::Other,
    };
    let start = sectors(128)?;
    let end = start.saturating_add(sectors(136)?);
    let uuid = array(bytes, 16)?;
    let level = i32::from_le_bytes(array(bytes, 72)?);
    Some(Superblock {
        uuid,
        name: crate::source::volume::text(bytes.get(32..64)?)
            .unwrap_or_else(|| crate::source::bytes::uuid(&uuid)),
        level,
        layout: u32_le(bytes, 76)?,
        chunk: u64::from(u32_le(bytes, 88)?) * 512,
        disks: u32_le(bytes, 92)?,
        data: start..end.min(size).max(start),
        size: sectors(80)?,
        role,
        events: u64_le(bytes, 200)?,
        recovered: features & 2 == 0 || u64_le(bytes, 152)? == u64::MAX,
        reshaping: features & 4 != 0,
        sound: sum_version_1(bytes, roles) == u32_le(bytes, 216),
        offset,
    })
}

/// The sum of all words but the sum itself, its upper half added to the lower.
fn sum_version_1(bytes: &[u8], roles: usize) -> Option<u32> {
    let covered = bytes.get(..roles.checked_mul(2)?.checked_add(256)?)?;
    let words = covered.chunks(4).enumerate().filter(|(at, _)| *at != 54);
    let sum = words.fold(0_u64, |sum, (_, word)| {
        let mut full = [0; 4];
        full.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
        sum.wrapping_add(u32::from_le_bytes(full).into())
    });
    fold(sum)
}

fn fold(sum: u64) -> Option<u32> {
    u32::try_from(((sum & 0xffff_ffff) + (sum >> 32)) & 0xffff_ffff).ok()
}

fn version_0_90(bytes: &[u8], offset: u64) -> Option<Superblock> {
    let word = |number: usize| u32_le(bytes, number.checked_mul(4)?);
    if word(0)? != MAGIC || word(1)? != 0 || word(2)? != 90 {
        return None;
    }
    let words = (0..1024).filter(|number| *number != 38).filter_map(word);
    let sum = words.fold(0_u64, |sum, word| sum.wrapping_add(word.into()));
    // This device's descriptor: which member, and whether it is active and in sync.
    let (number, state) = (word(995)?, word(996)?);
    let mut uuid = [0; 16];
    for (to, number) in uuid.chunks_exact_mut(4).zip([5, 13, 14, 15]) {
        to.copy_from_slice(&word(number)?.to_le_bytes());
    }
    let level = i32::from_le_bytes(array(bytes, 28)?);
    Some(Superblock {
        uuid,
        name: format!("md{}", word(11)?),
        level,
        layout: word(64)?,
        chunk: word(65)?.into(),
        disks: word(10)?,
        data: 0..offset,
        size: u64::from(word(8)?) * 1024,
        role: if state & 1 == 0 && state & 6 == 6 { Role::Active(number) } else { Role::Other },
        events: u64::from(word(39)?) | u64::from(word(40)?) << 32,
        recovered: true,
        // Version 91 marks an array that is reshaped, which is not taken above.
        reshaping: false,
        sound: fold(sum) == word(38),
        offset,
    })
}
