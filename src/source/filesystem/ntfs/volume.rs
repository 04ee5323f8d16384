//! A volume: its clusters, its $MFT, and records by number.
//!
//! The $MFT is a file like any other, whose own record says where it lies; in a
//! fragmented one, further records say so, which lie in the part that is known by
//! then. Its first records have a copy, the $MFTMirr.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::boot::{self, Boot};
use super::node::Node;
use super::record::{Form, Record, kind, number, sequence};
use super::runs::{self, Limits, Run};
use crate::source::bytes::{u8_at, u16_le, u32_le, u64_le};
use crate::source::disk::{CachedDisk, Disk, DiskError, DiskResult, read_exact};
use crate::source::filesystem::Problems;

/// The largest list of attributes; Windows makes none that is larger.
const MAX_LIST: u64 = 256 << 10;
/// After so many records that a list names wrongly, the rest of it is not looked at.
const MAX_WRONG: u32 = 64;
/// Nodes that are kept, and the most bytes of each.
const KEPT_NODES: u64 = 16;
const MAX_KEPT: u64 = 1 << 20;
/// The records that the $MFTMirr has a copy of.
const MIRRORED: u64 = 4;

/// A node by its reference.
type Kept = Option<(u64, Arc<Node>)>;

/// A volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) boot: Boot,
    /// Whether the boot sector was read from its copy.
    pub(super) boot_copy: bool,
    /// The disk as it is, for contents.
    pub(super) disks: [Arc<dyn Disk>; 1],
    /// The disk through a cache, for structures.
    cached: CachedDisk,
    /// Where the $MFT lies, and how many bytes of it are records.
    mft: Vec<Run>,
    mft_size: u64,
    /// The nodes read last, by reference: facts, content and streams of a file are
    /// asked for one after the other.
    kept: [Mutex<Kept>; 16],
    pub(super) problems: Problems,
}

impl Volume {
    /// Reads the boot sector and finds the $MFT.
    ///
    /// # Errors
    ///
    /// Where the volume has no boot sector, or no $MFT that can be read.
    pub(super) fn open(disk: Arc<dyn Disk>) -> DiskResult<Self> {
        let (boot, boot_copy) = boot::find(&*disk)?;
        let mut volume = Self {
            boot,
            boot_copy,
            cached: CachedDisk::new(Arc::clone(&disk)),
            disks: [disk],
            // Enough to read record 0; a record may be larger than a cluster.
            mft: vec![Run {
                vcn: 0,
                length: boot.record_size.div_ceil(boot.cluster_size),
                lcn: Some(boot.mft),
            }],
            mft_size: boot.record_size,
            kept: std::array::from_fn(|_| Mutex::default()),
            problems: Problems::default(),
        };
        volume.map_mft()?;
        Ok(volume)
    }

    /// What a run of this volume must stay within.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            clusters: self.boot.clusters,
            longest: i64::MAX.unsigned_abs().checked_div(self.boot.cluster_size).unwrap_or(0),
        }
    }

    /// Finds all of the $MFT from its own record.
    fn map_mft(&mut self) -> DiskResult<()> {
        let base = self.record(0)?;
        let offset = base.offset;
        let unnamed = |record: &Record, number: usize| {
            let attribute = record.attributes.get(number)?;
            match &attribute.form {
                Form::Runs(mapped) if attribute.kind == kind::DATA && record.name(attribute).is_empty() => {
                    Some(mapped.clone())
                }
                _ => None,
            }
        };
        let first = (0..base.attributes.len()).find_map(|number| unnamed(&base, number));
        let first = first
            .filter(|mapped| mapped.first == 0)
            .ok_or_else(|| DiskError::corrupt(offset, "the $MFT does not say where it lies"))?;
        let mut runs = Vec::new();
        let mut next = runs::decode(base.pairs(&first), 0, self.limits(), &mut runs)
            .map_err(|message| DiskError::corrupt(offset, message))?;
        let size = first.size.min(first.initialized).min(self.boot.size());
        self.mft_size = self.mapped_size(size, next);
        self.mft = runs;

        let list = base.attributes.iter().find(|attribute| attribute.kind == kind::ATTRIBUTE_LIST);
        if let Some(list) = list {
            let list = self.attribute_list(&base, list)?;
            let mut parts: Vec<(u64, u64)> = list_entries(&list)
                .filter(|entry| entry.kind == kind::DATA && entry.first > 0)
                .map(|entry| (entry.first, number(entry.reference)))
                .collect();
            parts.sort_unstable();
            parts.dedup();
            for (from, record) in parts {
                let part = self.record(record).ok().filter(|record| number(record.base) == 0);
                let mapped = part.as_ref().and_then(|record| {
                    let mut all = (0..record.attributes.len()).filter_map(|number| unnamed(record, number));
                    all.find(|mapped| mapped.first == from)
                });
                let (Some(part), Some(mapped)) = (part, mapped.filter(|_| from == next)) else {
                    self.problems.add(DiskError::corrupt(offset, "a part of the $MFT cannot be found"));
                    break;
                };
                let mut runs = std::mem::take(&mut self.mft);
                let decoded = runs::decode(part.pairs(&mapped), next, self.limits(), &mut runs);
                self.mft = runs;
                match decoded {
                    Ok(end) => next = end,
                    Err(message) => {
                        self.problems.add(DiskError::corrupt(part.offset, message));
                        break;
                    }
                }
                self.mft_size = self.mapped_size(size, next);
            }
        }
        if self.mft_size < size {
            self.problems.add(DiskError::corrupt(offset, "the end of the $MFT cannot be found"));
        }
        Ok(())
    }

    fn mapped_size(&self, size: u64, clusters: u64) -> u64 {
        size.min(clusters.saturating_mul(self.boot.cluster_size))
    }

    /// How many records the $MFT has.
    pub(super) fn records(&self) -> u64 {
        self.mft_size.checked_div(self.boot.record_size).unwrap_or(0)
    }

    /// Where the $MFT lies.
    pub(super) fn mft_runs(&self) -> &[Run] {
        &self.mft
    }

    /// The whole disk's byte at which a cluster begins.
    pub(super) fn byte_of(&self, lcn: u64) -> u64 {
        lcn.saturating_mul(self.boot.cluster_size)
    }

    /// Fills `bytes` from where `runs` map `offset` on, through the cache; holes
    /// are zeros. Returns where the first byte lies on the disk.
    ///
    /// # Errors
    ///
    /// A byte that is not mapped, or that cannot be read.
    pub(super) fn read_mapped(&self, runs: &[Run], bytes: &mut [u8], offset: u64) -> DiskResult<u64> {
        let cluster = self.boot.cluster_size;
        let mut place = None;
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let vcn = at.checked_div(cluster).unwrap_or(0);
            let run = runs::find(runs, vcn).ok_or_else(|| {
                DiskError::corrupt(place.unwrap_or(0), "a structure is longer than its runs")
            })?;
            let within = at.saturating_sub(run.vcn.saturating_mul(cluster));
            let left = run.length.saturating_mul(cluster).saturating_sub(within);
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (here, after) = rest.split_at_mut(length);
            if let Some(lcn) = run.lcn {
                let from = self.byte_of(lcn).saturating_add(within);
                place.get_or_insert(from);
                read_exact(&self.cached, here, from)?;
            } else {
                here.fill(0);
            }
            at = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            rest = after;
        }
        Ok(place.unwrap_or(0))
    }

    /// Reads a record; one of the first from its copy, where it is damaged.
    ///
    /// # Errors
    ///
    /// A record that is not there or is damaged.
    pub(super) fn record(&self, number: u64) -> DiskResult<Record> {
        if number >= self.records() {
            return Err(DiskError::corrupt(0, "a record past the end of the $MFT is referred to"));
        }
        let read = self.mft_record(number);
        if number >= MIRRORED || read.is_ok() {
            return read;
        }
        let size = self.boot.record_size;
        let offset = self.byte_of(self.boot.mirror).saturating_add(number.saturating_mul(size));
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let copy = read_exact(&self.cached, &mut bytes, offset)
            .ok()
            .and_then(|()| Record::parse(number, offset, bytes).ok())
            .filter(|record| record.damage.is_none());
        if let (Some(copy), Err(error)) = (copy, &read) {
            let message = "one of the first records of the $MFT is damaged; its copy was read";
            self.problems.add(DiskError { message: message.into(), ..error.clone() });
            return Ok(copy);
        }
        read
    }

    fn mft_record(&self, number: u64) -> DiskResult<Record> {
        // A power of two of at most 64 KiB: see `Boot`.
        let size = self.boot.record_size;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let offset = self.read_mapped(&self.mft, &mut bytes, number.saturating_mul(size))?;
        Record::parse(number, offset, bytes).map_err(|message| DiskError::corrupt(offset, message))
    }

    /// Reads what a reference names, with the records that continue it.
    ///
    /// # Errors
    ///
    /// A record that is damaged, not in use, used for another file by now, or no
    /// file's first.
    pub(super) fn node(&self, reference: u64) -> DiskResult<Arc<Node>> {
        let slot = usize::try_from(reference % KEPT_NODES).ok().and_then(|slot| self.kept.get(slot));
        let lock = || slot.map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(kept) = lock()
            && let Some((known, node)) = &*kept
            && *known == reference
        {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new(self.read_node(reference)?);
        let records = u64::try_from(node.more.len()).unwrap_or(u64::MAX).saturating_add(1);
        if records.saturating_mul(self.boot.record_size) <= MAX_KEPT
            && let Some(mut kept) = lock()
        {
            *kept = Some((reference, Arc::clone(&node)));
        }
        Ok(node)
    }

    fn read_node(&self, reference: u64) -> DiskResult<Node> {
        let base = self.record(number(reference))?;
        let wrong = |message: &'static str| Err(DiskError::corrupt(base.offset, message));
        if !base.in_use {
            return wrong("an MFT record that is not in use is referred to");
        }
        if sequence(reference) != 0 && sequence(reference) != base.sequence {
            return wrong("an MFT record that was given to another file is referred to");
        }
        if number(base.base) != 0 {
            return wrong("an MFT record that only continues another is referred to");
        }
        self.gather(base)
    }

    /// Reads the records that continue a base record. A deleted file's count only
    /// where they are not in use either.
    ///
    /// # Errors
    ///
    /// A list of attributes that cannot be read. A record that it names and that
    /// makes no sense is counted, and noted in the node.
    pub(super) fn gather(&self, base: Record) -> DiskResult<Node> {
        let mut node = Node { base, more: Vec::new(), missing: None };
        if let Some(damage) = node.base.damage {
            node.missing = Some(DiskError::corrupt(node.base.offset, damage));
        }
        let list = node.base.attributes.iter().find(|attribute| attribute.kind == kind::ATTRIBUTE_LIST);
        let Some(list) = list else { return Ok(node) };
        let list = self.attribute_list(&node.base, list)?;
        let mut entries = list_entries(&list);
        let mut seen = BTreeSet::from([node.base.number]);
        let mut wrong = 0;
        for entry in entries.by_ref() {
            if !seen.insert(number(entry.reference)) {
                continue;
            }
            match self.continuation(&node.base, entry.reference) {
                Ok(record) => {
                    if let Some(damage) = record.damage {
                        node.missing = Some(DiskError::corrupt(record.offset, damage));
                    }
                    node.more.push(record);
                }
                Err(error) => {
                    node.missing = Some(error);
                    wrong += 1;
                    if wrong > MAX_WRONG {
                        break;
                    }
                }
            }
        }
        if entries.damaged {
            let message = "a list of attributes does not end where it should";
            node.missing = Some(DiskError::corrupt(node.base.offset, message));
        }
        if let Some(missing) = &node.missing
            && node.base.in_use
        {
            self.problems.add(missing.clone());
        }
        Ok(node)
    }

    /// Reads a record that continues another.
    fn continuation(&self, base: &Record, reference: u64) -> DiskResult<Record> {
        let record = self.record(number(reference))?;
        let expected = sequence(reference);
        // Deleting a file makes the sequence numbers of its records grow by one.
        let same =
            record.sequence == expected || (!base.in_use && record.sequence == expected.wrapping_add(1));
        if number(record.base) == base.number && record.in_use == base.in_use && same {
            return Ok(record);
        }
        Err(DiskError::corrupt(record.offset, "a list of attributes names another file's record"))
    }

    /// Reads a list of attributes, which only a base record has.
    fn attribute_list(&self, base: &Record, attribute: &super::record::Attribute) -> DiskResult<Vec<u8>> {
        let mapped = match &attribute.form {
            Form::Resident(_) => return Ok(base.resident(attribute).unwrap_or_default().to_vec()),
            Form::Runs(mapped) => mapped,
        };
        let corrupt = |message: &'static str| DiskError::corrupt(base.offset, message);
        if mapped.size > MAX_LIST || mapped.first != 0 {
            return Err(corrupt("a list of attributes is larger than any can be"));
        }
        let mut runs = Vec::new();
        runs::decode(base.pairs(mapped), 0, self.limits(), &mut runs).map_err(corrupt)?;
        let mut bytes = vec![0; usize::try_from(mapped.size).unwrap_or(0)];
        self.read_mapped(&runs, &mut bytes, 0)?;
        Ok(bytes)
    }
}

/// An entry of a list of attributes.
#[derive(Clone, Copy, Debug)]
struct ListEntry {
    kind: u32,
    /// The first cluster that the attribute maps.
    first: u64,
    reference: u64,
}

/// Goes through a list of attributes.
#[derive(Debug)]
struct ListEntries<'l> {
    rest: &'l [u8],
    damaged: bool,
}

fn list_entries(list: &[u8]) -> ListEntries<'_> {
    ListEntries { rest: list, damaged: false }
}

impl Iterator for ListEntries<'_> {
    type Item = ListEntry;

    fn next(&mut self) -> Option<ListEntry> {
        let rest = self.rest;
        if rest.is_empty() || u32_le(rest, 0) == Some(0) {
            return None;
        }
        let length = usize::from(u16_le(rest, 4).unwrap_or(0));
        let entry = || {
            u8_at(rest, 7)?;
            Some(ListEntry { kind: u32_le(rest, 0)?, first: u64_le(rest, 8)?, reference: u64_le(rest, 16)? })
        };
        let found = entry().filter(|_| length >= 26 && length <= rest.len());
        self.rest = if found.is_some() { rest.get(length..).unwrap_or_default() } else { &[] };
        self.damaged |= found.is_none();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_attributes_ends() {
        let mut entry = vec![0_u8; 32];
        entry[0] = 0x80;
        entry[4] = 32;
        entry[16] = 9;
        let two = [entry.clone(), entry.clone()].concat();
        assert_eq!(list_entries(&two).map(|entry| entry.reference).collect::<Vec<_>>(), [9, 9]);
        entry[4] = 0;
        let mut damaged = list_entries(&entry);
        assert!(damaged.next().is_none());
        assert!(damaged.damaged);
    }
}
