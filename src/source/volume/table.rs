//! A device's partitions, from whichever tables it has.
//!
//! Role: decides between MBR and GPT as the Linux kernel does (a GPT counts where
//! the MBR says so, or there is no MBR), cuts partitions to the device and reports
//! those that cannot be. Not for: whether the table or a filesystem's signature is
//! to be believed (see `finder`).

use std::ops::Range;

use super::gpt::{self, Gpt};
use super::{lvm, mbr, raid, signature, swap};
use crate::source::disk::{Disk, DiskError};

/// A partition.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// Its number as the kernel gives it.
    pub(super) number: u32,
    /// Where it lies, within the device.
    pub(super) range: Range<u64>,
    /// What its entry says it is for.
    pub(super) type_id: String,
    /// Its label.
    pub(super) label: Option<String>,
    /// A layer that its type names and that is not read.
    pub(super) layer: Option<&'static str>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// In the order of their numbers.
    pub(super) partitions: Vec<Partition>,
    /// Whether more than a boot record speaks for it.
    pub(super) certain: bool,
    /// What is wrong with it, when it is believed.
    pub(super) errors: Vec<DiskError>,
}

/// Types of GPT partitions that are layers of their own (Microsoft's
/// `PARTITION_INFORMATION_GPT`).
const LAYERS: [(&str, &str); 3] = [
    ("AF9B60A0-1431-4F62-BC68-3311714A69AD", "Windows dynamic disk (LDM)"),
    ("5808C8AA-7E8F-42E0-85D2-E1E90434CFB3", "Windows dynamic disk (LDM)"),
    ("E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D", "Windows Storage Spaces"),
];

/// Reads the tables of a device whose first bytes are `head`. `None` where it has
/// none.
pub(super) fn read(disk: &dyn Disk, head: &[u8]) -> Option<Table> {
    let boot = mbr::entries(head).unwrap_or_default();
    let protective = boot.iter().any(|entry| entry.kind == mbr::PROTECTIVE);
    let mut errors = Vec::new();
    let found = gpt::read(disk, &mut errors);
    let mut table = Table { errors, ..Table::default() };
    let plain: Vec<mbr::Entry> = boot.iter().filter(|entry| entry.kind != mbr::PROTECTIVE).copied().collect();
    match found {
        Gpt::Table { sector_size, entries, first } if protective || plain.is_empty() => {
            table.certain = protective || first;
            if !protective {
                table.errors.push(DiskError::corrupt(0, "a GPT without its protective MBR"));
            }
            for entry in &entries {
                table.add_gpt(disk, entry);
            }
            // A hybrid MBR repeats some partitions of the GPT.
            for entry in &plain {
                let start = entry.start.saturating_mul(sector_size);
                if !entries.iter().any(|other| other.start == start) {
                    let message = format!("the hybrid MBR's partition {} is not in the GPT", entry.number);
                    table.errors.push(DiskError::corrupt(start, message));
                }
            }
        }
        found => {
            table.certain = protective || matches!(found, Gpt::Broken);
            match found {
                Gpt::Table { .. } => {
                    let message = "a GPT beside an MBR that does not name it: the MBR is used";
                    table.errors.push(DiskError::corrupt(512, message));
                }
                Gpt::Broken => {
                    table.errors.push(DiskError::corrupt(512, "no copy of the GPT can be read"));
                }
                Gpt::None if protective => {
                    let message = "the MBR says that there is a GPT, but there is none";
                    table.errors.push(DiskError::corrupt(512, message));
                }
                Gpt::None => {}
            }
            table.add_mbr(disk, &plain);
        }
    }
    table.report_overlaps();
    (!table.partitions.is_empty() || !table.errors.is_empty()).then_some(table)
}

impl Table {
    fn add_gpt(&mut self, disk: &dyn Disk, entry: &gpt::Entry) {
        let type_id = gpt::guid(entry.kind);
        let layer = LAYERS.iter().find(|(id, _)| *id == type_id).map(|(_, layer)| *layer);
        let range = entry.start..entry.end;
        let partition = Partition { number: entry.number, range, type_id, label: entry.name.clone(), layer };
        self.add(disk, partition);
    }

    fn add_mbr(&mut self, disk: &dyn Disk, entries: &[mbr::Entry]) {
        let sector_size = sector_size(disk, entries, &mut self.errors);
        let mut found = Vec::new();
        for entry in entries {
            if entry.is_extended() {
                found.extend(mbr::logical(disk, entry, sector_size, &mut self.errors));
            } else {
                found.push(*entry);
            }
        }
        found.sort_by_key(|entry| entry.number);
        // Several extended partitions are against the format, but give no number twice.
        for (at, entry) in found.iter().filter(|entry| entry.number > 4).enumerate() {
            self.add_entry(disk, entry, sector_size, u32::try_from(at).unwrap_or(u32::MAX).saturating_add(5));
        }
        for entry in found.iter().filter(|entry| entry.number <= 4) {
            self.add_entry(disk, entry, sector_size, entry.number);
        }
        self.partitions.sort_by_key(|partition| partition.number);
    }

    fn add_entry(&mut self, disk: &dyn Disk, entry: &mbr::Entry, sector_size: u64, number: u32) {
        let start = entry.start.saturating_mul(sector_size);
        let end = start.saturating_add(entry.length.saturating_mul(sector_size));
        let layer = (entry.kind == mbr::DYNAMIC).then_some("Windows dynamic disk (LDM)");
        let type_id = format!("{:#04x}", entry.kind);
        self.add(disk, Partition { number, range: start..end, type_id, label: None, layer });
    }

    /// Takes a partition that lies on the device, at least in part, and not around
    /// its own table.
    fn add(&mut self, disk: &dyn Disk, mut partition: Partition) {
        let Range { start, end } = partition.range;
        let number = partition.number;
        if start >= end {
            let message = format!("partition {number} ends before it begins");
            self.errors.push(DiskError::corrupt(start, message));
        } else if start == 0 {
            let message = format!("partition {number} begins at the table itself");
            self.errors.push(DiskError::corrupt(start, message));
        } else if start >= disk.size() {
            let message = format!("partition {number} lies past the end of the disk");
            self.errors.push(DiskError::corrupt(start, message));
        } else {
            if end > disk.size() {
                let message = format!("partition {number} ends past the end of the disk");
                self.errors.push(DiskError::corrupt(disk.size(), message));
                partition.range.end = disk.size();
            }
            self.partitions.push(partition);
        }
    }

    fn report_overlaps(&mut self) {
        let mut sorted: Vec<&Partition> = self.partitions.iter().collect();
        sorted.sort_by_key(|partition| partition.range.start);
        let mut before: Option<&Partition> = None;
        for partition in sorted {
            if let Some(before) = before.filter(|before| before.range.end > partition.range.start) {
                let message = format!("partitions {} and {} overlap", before.number, partition.number);
                self.errors.push(DiskError::corrupt(partition.range.start, message));
            }
            if before.is_none_or(|before| before.range.end < partition.range.end) {
                before = Some(partition);
            }
        }
    }
}

/// The size of a sector, which an MBR does not tell: that by which something known
/// begins where a partition does.
fn sector_size(disk: &dyn Disk, entries: &[mbr::Entry], errors: &mut Vec<DiskError>) -> u64 {
    for size in [512, 4096] {
        for entry in entries {
            let offset = entry.start.saturating_mul(size);
            let head = signature::read_head(disk, offset, errors);
            let known = if entry.is_extended() {
                mbr::entries(&head).is_some_and(|entries| !entries.is_empty())
            } else {
                is_known(&head)
            };
            if known {
                return size;
            }
        }
    }
    512
}

/// Whether a head carries anything at all that is known.
pub(super) fn is_known(head: &[u8]) -> bool {
    swap::detect(head).is_some()
        || lvm::is_member(head)
        || raid::is_member(head)
        || !signature::all(head).is_empty()
}
