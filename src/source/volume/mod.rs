//! Volumes: what lies between a machine's disks and its filesystems.
//!
//! Role: from the disks of one machine, by the structures on them, to the places
//! where filesystems, swap areas and other content are, through every layer:
//! partition tables, RAID arrays, logical volumes, in any nesting. With them come
//! the ranges that no volume covers and every problem met, so that each byte of a
//! disk is in a volume, in a gap, or in metadata that was read. Not for: what is in
//! a filesystem (see `filesystem`); containers such as qcow2 are disks already.
//!
//! [`find`] visits devices from a queue: a disk first, then whatever appears on it.
//! A device is one of these, looked for in this order: a member of an array
//! (`raid`), a physical volume (`lvm`), a partition table (`table`, from `mbr` and
//! `gpt`), or content (`swap`, `signature`). Arrays and volume groups are put
//! together when no device waits any more. Depth and number are bounded, since each
//! layer may be a lie.

mod finder;
mod findings;
mod gpt;
mod lvm;
mod mapped;
mod mbr;
mod raid;
mod signature;
mod swap;
mod table;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

pub use swap::Swap;

use super::disk::{Disk, DiskError};
use crate::finding::Reason;

/// All that is on the disks of a machine.
#[derive(Debug, Default)]
pub struct Volumes {
    /// What can hold content.
    pub volumes: Vec<Volume>,
    /// What no volume covers: outside of all partitions, unused space of a volume
    /// group, the ends of an array's members.
    pub gaps: Vec<Gap>,
    /// What is wrong, or could not be read.
    pub problems: Vec<Problem>,
}

/// A place for content.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Its own name: `partition 1`, `LVM vg0/root`, `RAID1 host:0`, `whole disk`.
    pub name: String,
    /// The way to it from the disk.
    pub chain: Vec<Step>,
    /// What it holds.
    pub kind: Kind,
    /// Its bytes.
    pub disk: Arc<dyn Disk>,
    /// The numbers of the disks that it lies on, among those given.
    pub disks: Vec<usize>,
    /// What a partition's entry says it is for: a GUID, or `0x83`.
    pub type_id: Option<String>,
    /// The label of its partition.
    pub label: Option<String>,
}

/// Ranges of a device that no volume covers.
#[derive(Clone, Debug)]
pub struct Gap {
    /// The way to the device that it is a part of.
    pub chain: Vec<Step>,
    /// The bytes of that device.
    pub disk: Arc<dyn Disk>,
    /// Which of them; not empty, in order.
    pub ranges: Vec<Range<u64>>,
    /// The numbers of the disks that the device lies on.
    pub disks: Vec<usize>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The number of the (first) disk.
    pub disk: usize,
    /// Where, such as `disk 0, partition 2`.
    pub place: String,
    /// What; its offset is within that place.
    pub error: DiskError,
}

/// One layer on the way from a disk to a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which layer.
    pub kind: StepKind,
    /// What is meant there: `disk 0`, `partition 1`, `RAID1 host:0`, `LVM vg0/root`.
    pub name: String,
}

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// One of the disks that were given, or several of them.
    Disk,
    /// A partition.
    Partition,
    /// An array of Linux software RAID.
    Raid,
    /// A logical volume.
    Lvm,
}

impl StepKind {
    /// The name used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Partition => "partition",
            Self::Raid => "raid",
            Self::Lvm => "lvm",
        }
    }
}

/// What a volume holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The signatures of these filesystems, which this program reads: to be tried in
    /// this order. `ext4` stands for all of its family, `fat` for FAT12 to FAT32.
    Filesystem(Vec<&'static str>),
    /// A swap area.
    Swap(Swap),
    /// Content that needs a key.
    Encrypted(&'static str),
    /// A member of an array that could not be put together; the array's level.
    RaidMember(String),
    /// A physical volume of a group that could not be read.
    LvmPhysical,
    /// A form that this program does not read, by name.
    Unsupported(Cow<'static, str>),
    /// Nothing that is known.
    Unknown,
}

impl Kind {
    /// Why its content cannot be read as files, where it cannot.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Filesystem(_) | Self::Swap(_) | Self::Unknown => None,
            Self::Encrypted(_) => Some(Reason::Encrypted),
            Self::RaidMember(_) | Self::LvmPhysical | Self::Unsupported(_) => Some(Reason::Unsupported),
        }
    }
}

/// A way as text: `disk 0, partition 2, LVM vg0/root`.
#[must_use]
pub fn place(chain: &[Step]) -> String {
    chain.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Finds the volumes on the disks of one machine. Disks of several machines must
/// not be given together: their groups and arrays could bear the same names.
#[must_use]
pub fn find(disks: &[Arc<dyn Disk>]) -> Volumes {
    finder::find(disks)
}

/// The ranges of `0..size` that none of `used` covers.
fn uncovered(size: u64, used: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut used: Vec<&Range<u64>> = used.iter().collect();
    used.sort_unstable_by_key(|range| range.start);
    let mut gaps = Vec::new();
    let mut at = 0;
    for range in used {
        if at < range.start.min(size) {
            gaps.push(at..range.start.min(size));
        }
        at = at.max(range.end);
    }
    if at < size {
        gaps.push(at..size);
    }
    gaps
}

/// A name in a field that zeros fill up; `None` where it is empty.
fn text(field: &[u8]) -> Option<String> {
    let bytes = field.split(|byte| *byte == 0).next().unwrap_or_default();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}
