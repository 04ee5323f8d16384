//! LVM2: from physical volumes to logical ones.
//!
//! Role: keeps the physical volumes that were met, and puts each group together by
//! the newest metadata that any of them carries. Read are linear, striped, mirrored
//! (mirror and raid1) and raid0 volumes, snapshots, and thin volumes; of other types
//! the name is reported and the parts are given as bytes that no volume covers. What
//! lies on a physical volume that is missing cannot be read, and says so.
//!
//! Format: see `label`, `group`, `snapshot` and `thin`.

mod group;
mod label;
mod logical;
mod snapshot;
mod text;
mod thin;

use std::collections::{BTreeMap, BTreeSet};

use super::Kind;
use super::findings::{Device, Findings};
use crate::source::disk::{DiskError, DiskResult};
use group::Group;
use label::Label;

/// The most groups.
const MAX_GROUPS: usize = 256;
/// What a group takes in memory for a byte of its text, at the worst.
const MEMORY_OF_TEXT: u64 = 8;

/// A physical volume that was met.
#[derive(Debug)]
struct Member {
    device: Device,
    uuid: String,
}

/// The physical volumes that were met and not yet used, and the newest description
/// of each group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    members: Vec<Member>,
    /// By their ids.
    known: BTreeMap<String, Group>,
    /// Checksums and lengths of the texts that were read.
    read: BTreeSet<(u32, u64)>,
}

/// Whether the first bytes of a device have the label of a physical volume.
pub(super) fn is_member(head: &[u8]) -> bool {
    label::detect(head).is_some()
}

impl Groups {
    /// Takes a device that is a physical volume; returns whether it is one.
    pub(super) fn take(&mut self, findings: &mut Findings, device: &Device, head: &[u8]) -> bool {
        let Some(label) = label::detect(head) else { return false };
        if !label.sound {
            findings.note(device, DiskError::corrupt(label.offset, "the checksum of an LVM label is wrong"));
        }
        if self.members.iter().any(|member| member.uuid == label.uuid) {
            let message = "an LVM physical volume that was met before: is it a copy?";
            findings.note(device, DiskError::corrupt(label.offset, message));
            findings.give(device, Kind::LvmPhysical);
            return true;
        }
        self.read_metadata(findings, device, &label);
        self.members.push(Member { device: device.clone(), uuid: label.uuid });
        true
    }

    fn read_metadata(&mut self, findings: &mut Findings, device: &Device, label: &Label) {
        for area in &label.areas {
            match self.read_area(findings, device, *area) {
                Ok(None) => {}
                Ok(Some(group)) => self.learn(findings, device, *area, group),
                Err(error) => findings.note(device, error),
            }
        }
    }

    /// The group in an area; `None` where there is none, or one that is known.
    fn read_area(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        area: (u64, u64),
    ) -> DiskResult<Option<Group>> {
        let disk = &*device.disk;
        let Some(place) = label::place(disk, area)? else { return Ok(None) };
        // Each physical volume holds the same text; and areas may overlap.
        if self.read.contains(&(place.checksum, place.length)) {
            return Ok(None);
        }
        let memory = usize::try_from(place.length.saturating_mul(MEMORY_OF_TEXT)).unwrap_or(usize::MAX);
        if self.read.len() >= MAX_GROUPS || !findings.afford(memory) {
            return Err(DiskError::over_budget(area.0, "more LVM metadata than is read in all"));
        }
        let text = place.read(disk)?;
        self.read.insert((place.checksum, place.length));
        group::parse(&text).map(Some).map_err(|message| DiskError::corrupt(area.0, message))
    }

    fn learn(&mut self, findings: &mut Findings, device: &Device, area: (u64, u64), group: Group) {
        let known = self.known.get(&group.id);
        if let Some(known) = known.filter(|known| known.seqno != group.seqno) {
            let message = format!(
                "LVM group {}: its metadata is of different ages, {} and {}",
                group.name, known.seqno, group.seqno
            );
            findings.note(device, DiskError::corrupt(area.0, message));
        }
        if known.is_none_or(|known| known.seqno < group.seqno) {
            self.known.insert(group.id.clone(), group);
        }
    }

    /// Puts a group together; returns whether there was one. Only one that is
    /// complete, unless `partial`.
    pub(super) fn assemble(&mut self, findings: &mut Findings, partial: bool) -> bool {
        let here = |uuid: &str| self.members.iter().any(|member| member.uuid == uuid);
        let ready = self
            .known
            .iter()
            .find(|(_, group)| partial || group.physical.values().all(|physical| here(&physical.uuid)));
        if let Some(id) = ready.map(|(id, _)| id.clone())
            && let Some(group) = self.known.remove(&id)
        {
            let belongs = |member: &Member| group.physical.values().any(|pv| pv.uuid == member.uuid);
            let (members, others): (Vec<Member>, Vec<Member>) = self.members.drain(..).partition(belongs);
            self.members = others;
            logical::appear(findings, &group, &members);
            return true;
        }
        if !partial || self.members.is_empty() {
            return false;
        }
        for member in self.members.drain(..) {
            let message = "an LVM physical volume whose group's metadata is not there or cannot be read";
            findings.note(&member.device, DiskError::unsupported(0, message));
            findings.give(&member.device, Kind::LvmPhysical);
        }
        true
    }
}
