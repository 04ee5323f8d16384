//! The walk over devices: what each is, and what appears on it.

use std::ops::Range;
use std::sync::Arc;

use super::findings::{Device, Findings};
use super::lvm::Groups;
use super::raid::Arrays;
use super::signature::{self, Class};
use super::table::{self, Partition, Table, is_known};
use super::{Kind, Step, StepKind, Volumes, swap};
use crate::finding::Reason;
use crate::source::disk::{Disk, DiskError, Part};
use crate::source::filesystem::iso;

/// How many partitions are looked into to learn whether a table is one.
const MAX_LOOKS: usize = 16;

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
        while let Some(device) = findings.next() {
            visit(&mut findings, &mut arrays, &mut groups, &device);
        }
        // What lacks a part is put together only when nothing else can appear.
        let more = [false, true].into_iter().any(|partial| {
            arrays.assemble(&mut findings, partial) || groups.assemble(&mut findings, partial)
        });
        if !more {
            return findings.into_volumes();
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
    for error in table.errors.extract_if(.., |error| error.reason == Reason::Unreadable) {
        findings.note(device, error);
    }
    let ranges: Vec<Range<u64>> = table.partitions.iter().map(|partition| partition.range.clone()).collect();
    if arrays.take(findings, device, &head, &ranges) || groups.take(findings, device, &head) {
        return;
    }
    let signatures = signature::all(&head);
    let is_iso = signatures.first().is_some_and(|first| first.name == "iso9660");
    if is_iso && !table.partitions.is_empty() {
        hybrid(findings, device, &table);
        return;
    }
    if believes(findings, device, &table, &head) {
        partitions(findings, device, table, &signatures);
        return;
    }
    // Code in a boot sector is no damaged table.
    let boot_sector = signatures.iter().any(|signature| signature.is_boot_sector());
    if table.certain || !boot_sector {
        for error in table.errors {
            findings.note(device, error);
        }
        if let Some(signature) = signatures.first().filter(|_| !table.partitions.is_empty()) {
            let message = format!("a table of partitions that hold nothing known: it is {}", signature.name);
            findings.note(device, DiskError::corrupt(0, message));
        }
    }
    let kind = content(findings, device, &head, &signatures);
    findings.give(device, kind);
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
    wait(findings, device, table.partitions);
}

/// Has partitions looked at later.
fn wait(findings: &mut Findings, device: &Device, partitions: Vec<Partition>) {
    for partition in partitions {
        let part = Arc::new(Part::new(Arc::clone(&device.disk), partition.range));
        let name = format!("partition {}", partition.number);
        let mut inner = device.inner(StepKind::Partition, name, part);
        inner.type_id = Some(partition.type_id);
        inner.label = partition.label;
        inner.layer = partition.layer;
        findings.wait(inner);
    }
}

/// An ISO 9660 volume that computers start from a stick too: the table names parts of the
/// volume, which are files on it, and what a person put behind it, such as a partition for
/// changes.
fn hybrid(findings: &mut Findings, device: &Device, table: &Table) {
    let size = device.disk.size();
    let end = iso::end(&*device.disk).unwrap_or(size).min(size);
    let behind = table.partitions.iter().filter(|partition| partition.range.start >= end);
    let behind: Vec<Partition> = behind.cloned().collect();
    let ranges = std::iter::once(0..end).chain(behind.iter().map(|partition| partition.range.clone()));
    let ranges: Vec<Range<u64>> = ranges.collect();
    findings.leave(device, &ranges);
    let volume = Arc::new(Part::new(Arc::clone(&device.disk), 0..end));
    findings.give(&Device { disk: volume, ..device.clone() }, Kind::Filesystem(vec!["iso9660"]));
    wait(findings, device, behind);
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
