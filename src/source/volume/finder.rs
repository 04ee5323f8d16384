//! The walk over devices: what each is, and what appears on it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::lvm::{self, Groups};
use super::raid::{self, Arrays};
use super::signature::{self, Class};
use super::table::{self, Table};
use super::{Gap, Kind, Problem, Step, StepKind, Volume, Volumes, place, swap, uncovered};
use crate::finding::Reason;
use crate::source::disk::{Disk, DiskError, Part};

/// The most layers between a disk and a volume.
const MAX_DEPTH: usize = 10;
/// The most devices that are looked at.
const MAX_DEVICES: usize = 8192;
/// The most memory for maps that stay: 80 MiB.
const MAX_MEMORY: usize = 80 << 20;
/// How many partitions are looked into to learn whether a table is one.
const MAX_LOOKS: usize = 16;
/// The most problems that are kept.
const MAX_PROBLEMS: usize = 1000;

/// Bytes that may hold a further layer.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) chain: Vec<Step>,
    pub(super) disks: Vec<usize>,
    /// How many layers are between it and a disk.
    pub(super) depth: usize,
    pub(super) type_id: Option<String>,
    pub(super) label: Option<String>,
    /// A layer that is not read and to which this belongs.
    pub(super) layer: Option<&'static str>,
}

impl Device {
    /// One that appears on this one.
    pub(super) fn inner(&self, kind: StepKind, name: String, disk: Arc<dyn Disk>) -> Self {
        let mut chain = self.chain.clone();
        chain.push(Step { kind, name });
        let disks = self.disks.clone();
        Self { disk, chain, disks, depth: self.depth + 1, type_id: None, label: None, layer: None }
    }

    /// What devices are together, for what lies on all of them: it has the bytes of
    /// the first. `None` where there are none.
    pub(super) fn together(devices: &[&Self]) -> Option<Self> {
        let first = *devices.first()?;
        if devices.len() == 1 {
            return Some(first.clone());
        }
        let names: Vec<String> = devices.iter().map(|device| place(&device.chain)).collect();
        let mut disks: Vec<usize> = devices.iter().flat_map(|device| &device.disks).copied().collect();
        disks.sort_unstable();
        disks.dedup();
        let depth = devices.iter().map(|device| device.depth).max().unwrap_or(0);
        let chain = vec![Step { kind: StepKind::Disk, name: names.join(" + ") }];
        Some(Self { disks, chain, depth, ..first.clone() })
    }
}

/// What was found so far, and what waits.
#[derive(Debug, Default)]
pub(super) struct Findings {
    queue: VecDeque<Device>,
    taken: usize,
    spent: usize,
    found: Volumes,
}

impl Findings {
    /// Has a device looked at later.
    pub(super) fn wait(&mut self, device: Device) {
        let too_deep = device.depth > MAX_DEPTH;
        if too_deep || self.taken >= MAX_DEVICES {
            let message = if too_deep { "more layers than are read" } else { "more volumes than are read" };
            self.note(&device, DiskError::over_budget(0, message));
            self.give(&device, Kind::Unknown);
            return;
        }
        self.taken += 1;
        self.queue.push_back(device);
    }

    /// Gives a device out as a volume.
    pub(super) fn give(&mut self, device: &Device, kind: Kind) {
        // What is beyond the number that is looked at is a gap of what it lies on
        // no more, so it is given; but not without an end.
        if self.found.volumes.len() >= 2 * MAX_DEVICES {
            self.note(device, DiskError::over_budget(0, "more volumes than are given"));
            return;
        }
        let name = match device.chain.as_slice() {
            [_] => "whole disk".to_owned(),
            chain => chain.last().map(|step| step.name.clone()).unwrap_or_default(),
        };
        self.found.volumes.push(Volume {
            name,
            chain: device.chain.clone(),
            kind,
            disk: Arc::clone(&device.disk),
            disks: device.disks.clone(),
            type_id: device.type_id.clone(),
            label: device.label.clone(),
        });
    }

    /// Keeps a problem, once.
    pub(super) fn note(&mut self, device: &Device, error: DiskError) {
        let disk = device.disks.first().copied().unwrap_or(0);
        let problem = Problem { disk, place: place(&device.chain), error };
        let problems = &mut self.found.problems;
        if problems.contains(&problem) {
            return;
        }
        if problems.len() < MAX_PROBLEMS {
            problems.push(problem);
            return;
        }
        // That a bound was met must not be lost in the crowd: each of these once.
        let bound = match problem.error.reason {
            Reason::OverBudget => problem,
            _ => Problem { error: DiskError::over_budget(0, "more problems than are kept"), ..problem },
        };
        if !problems.iter().any(|other| other.error.message == bound.error.message) {
            problems.push(bound);
        }
    }

    /// Keeps what `used` leaves of a device.
    pub(super) fn leave(&mut self, device: &Device, used: &[Range<u64>]) {
        // Few are; those of thin pools can be very many.
        if !self.afford(size_of_val(used)) {
            let message = "more ranges that no volume covers than are told";
            self.note(device, DiskError::over_budget(0, message));
            return;
        }
        let ranges = uncovered(device.disk.size(), used);
        if !ranges.is_empty() {
            self.found.gaps.push(Gap {
                chain: device.chain.clone(),
                disk: Arc::clone(&device.disk),
                ranges,
                disks: device.disks.clone(),
            });
        }
    }

    /// Memory for so many bytes that stay with what was found, where there is some
    /// left.
    pub(super) fn afford(&mut self, bytes: usize) -> bool {
        let spent = self.spent.saturating_add(bytes);
        let affordable = spent <= MAX_MEMORY;
        if affordable {
            self.spent = spent;
        }
        affordable
    }
}

/// See [`super::find`].
pub(super) fn find(disks: &[Arc<dyn Disk>]) -> Volumes {
    let mut findings = Findings::default();
    for (number, disk) in disks.iter().enumerate() {
        findings.wait(Device {
            disk: Arc::clone(disk),
            chain: vec![Step { kind: StepKind::Disk, name: format!("disk {number}") }],
            disks: vec![number],
            depth: 0,
            type_id: None,
            label: None,
            layer: None,
        });
    }
    let mut arrays = Arrays::default();
    let mut groups = Groups::default();
    loop {
        while let Some(device) = findings.queue.pop_front() {
            visit(&mut findings, &mut arrays, &mut groups, &device);
        }
        // What lacks a part is put together only when nothing else can appear.
        let more = [false, true].into_iter().any(|partial| {
            arrays.assemble(&mut findings, partial) || groups.assemble(&mut findings, partial)
        });
        if !more {
            return findings.found;
        }
    }
}

fn visit(findings: &mut Findings, arrays: &mut Arrays, groups: &mut Groups, device: &Device) {
    if device.disk.size() == 0 {
        findings.note(device, DiskError::corrupt(0, "has no bytes at all"));
        return;
    }
    if let Some(layer) = device.layer {
        findings.give(device, Kind::Unsupported(layer.into()));
        return;
    }
    let mut errors = Vec::new();
    let head = signature::read_head(&*device.disk, 0, &mut errors);
    for error in errors {
        findings.note(device, error);
    }
    let mut table = table::read(&*device.disk, &head).unwrap_or_default();
    // Bytes that cannot be read are a problem whatever the table turns out to be.
    let (unreadable, errors) =
        table.errors.into_iter().partition(|error: &DiskError| error.reason == Reason::Unreadable);
    table.errors = errors;
    let unreadable: Vec<DiskError> = unreadable;
    for error in unreadable {
        findings.note(device, error);
    }
    if arrays.take(findings, device, &head, &table) || groups.take(findings, device, &head) {
        return;
    }
    let signatures = signature::all(&head);
    if believes(findings, device, &table, &head) {
        partitions(findings, device, table, &signatures);
        return;
    }
    if table.certain || signatures.is_empty() {
        for error in table.errors {
            findings.note(device, error);
        }
    }
    let kind = content(findings, device, &head, &signatures);
    findings.give(device, kind);
}

/// Whether a head carries anything at all that is known.
pub(super) fn is_known(head: &[u8]) -> bool {
    swap::detect(head).is_some()
        || lvm::is_member(head)
        || raid::is_member(head)
        || !signature::all(head).is_empty()
}

/// Whether the partitions are what the device holds. The last bytes of a boot
/// sector of FAT or NTFS look like a table and are code; a table that is certain,
/// or of which a partition begins with something known, is one. Else a signature of
/// the whole speaks louder.
fn believes(findings: &mut Findings, device: &Device, table: &Table, head: &[u8]) -> bool {
    if table.partitions.is_empty() {
        return false;
    }
    if table.certain || !is_known(head) {
        return true;
    }
    let mut errors = Vec::new();
    let believed = table.partitions.iter().take(MAX_LOOKS).any(|partition| {
        let head = signature::read_head(&*device.disk, partition.range.start, &mut errors);
        partition.layer.is_some() || is_known(&head)
    });
    for error in errors {
        findings.note(device, error);
    }
    believed
}

fn partitions(
    findings: &mut Findings,
    device: &Device,
    table: Table,
    signatures: &[&'static signature::Signature],
) {
    for error in table.errors {
        findings.note(device, error);
    }
    for signature in signatures {
        // The header of dynamic disks belongs beside the table.
        if table.partitions.iter().all(|partition| partition.layer.is_none()) {
            let message = format!("a partition table and the signature of {} at once", signature.name);
            findings.note(device, DiskError::corrupt(0, message));
        }
    }
    let ranges: Vec<Range<u64>> = table.partitions.iter().map(|partition| partition.range.clone()).collect();
    findings.leave(device, &ranges);
    for partition in table.partitions {
        let part = Arc::new(Part::new(Arc::clone(&device.disk), partition.range));
        let name = format!("partition {}", partition.number);
        let mut inner = device.inner(StepKind::Partition, name, part);
        inner.type_id = Some(partition.type_id);
        inner.label = partition.label;
        inner.layer = partition.layer;
        findings.wait(inner);
    }
}

/// What a device holds that has no further layer.
fn content(
    findings: &mut Findings,
    device: &Device,
    head: &[u8],
    signatures: &[&'static signature::Signature],
) -> Kind {
    let swap = swap::detect(head);
    let mut names: Vec<&str> = signatures.iter().map(|signature| signature.name).collect();
    names.extend(swap.iter().map(|_| "swap"));
    if names.len() > 1 {
        let message = format!("the signatures of several at once: {}", names.join(", "));
        findings.note(device, DiskError::corrupt(0, message));
    }
    let filesystem = signatures.iter().any(|signature| signature.class == Class::Filesystem);
    if let Some(swap) = swap.filter(|_| !filesystem) {
        return Kind::Swap(swap);
    }
    let Some(first) = signatures.first() else {
        let mut errors = Vec::new();
        let name = signature::elsewhere(&*device.disk, &mut errors);
        for error in errors {
            findings.note(device, error);
        }
        return name.map_or(Kind::Unknown, |name| Kind::Unsupported(name.into()));
    };
    match first.class {
        Class::Encrypted => Kind::Encrypted(first.name),
        Class::Unsupported => Kind::Unsupported(first.name.into()),
        Class::Filesystem => {
            let readable = signatures.iter().filter(|signature| signature.class == Class::Filesystem);
            Kind::Filesystem(readable.map(|signature| signature.name).collect())
        }
    }
}
