//! What was found so far, and what waits to be looked at.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::{Gap, Kind, Problem, Step, StepKind, Volume, Volumes, place, uncovered};
use crate::finding::Reason;
use crate::source::disk::{Disk, DiskError};

/// The most layers between a disk and a volume.
const MAX_DEPTH: usize = 10;
/// The most devices that are looked at.
const MAX_DEVICES: usize = 8192;
/// The most memory for what stays and whose size the disk decides: 96 MiB.
const MAX_MEMORY: usize = 96 << 20;
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
    /// The device that waits longest.
    pub(super) fn next(&mut self) -> Option<Device> {
        self.queue.pop_front()
    }

    /// All that was found.
    pub(super) fn into_volumes(self) -> Volumes {
        self.found
    }

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
