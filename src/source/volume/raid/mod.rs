//! Linux software RAID.
//!
//! Role: keeps the members that were met and puts their arrays together: RAID1 from
//! its copies that are up to date, RAID0 and linear where all members are there.
//! Other levels, and arrays that lack a member, are reported, and their members given
//! as they are, so that their bytes can be counted and searched.
//!
//! Format: see `superblock`; how RAID0 lays out members of different sizes:
//! `drivers/md/raid0.c` of the Linux kernel.

mod superblock;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::findings::{Device, Findings};
use super::mapped::{Mapped, Segment, Target};
use super::{Kind, StepKind};
use crate::source::disk::DiskError;
use superblock::{Role, Superblock};

/// The most members of an array that can be put together.
const MAX_MEMBERS: usize = 1920;

/// A member that was met.
#[derive(Debug)]
struct Member {
    device: Device,
    superblock: Superblock,
}

/// The members that were met and not yet used, by the UUIDs of their arrays.
#[derive(Debug, Default)]
pub(super) struct Arrays(BTreeMap<[u8; 16], Vec<Member>>);

impl Arrays {
    /// Takes a device that is a member of an array; returns whether it is one. Where it
    /// has a partition table too, these are its partitions.
    pub(super) fn take(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        head: &[u8],
        partitions: &[Range<u64>],
    ) -> bool {
        let mut errors = Vec::new();
        let found = superblock::detect(&*device.disk, head, &mut errors);
        for error in errors {
            findings.note(device, error);
        }
        let Some(superblock) = found else { return false };
        // Version 0.90 does not say whether it belongs to the disk or to the last
        // partition on it, which can end so that both look in the same place.
        let offset = superblock.offset;
        let of_partition = partitions.iter().any(|range| {
            let place = superblock::place_0_90(range.end.saturating_sub(range.start));
            place.map(|place| range.start.saturating_add(place)) == Some(offset)
        });
        if of_partition {
            return false;
        }
        if !superblock.sound {
            let message = "the checksum of a RAID superblock is wrong";
            findings.note(device, DiskError::corrupt(superblock.offset, message));
        }
        let members = self.0.entry(superblock.uuid).or_default();
        members.push(Member { device: device.clone(), superblock });
        true
    }

    /// Puts an array together; returns whether there was one. Only one that has all
    /// its members, unless `partial`.
    pub(super) fn assemble(&mut self, findings: &mut Findings, partial: bool) -> bool {
        let ready = self.0.iter().find(|(_, members)| {
            let active = members.iter().filter(|member| matches!(member.superblock.role, Role::Active(_)));
            let wanted = members.iter().map(|member| member.superblock.disks).max().unwrap_or(0);
            partial || active.count() >= usize::try_from(wanted).unwrap_or(usize::MAX)
        });
        let Some(uuid) = ready.map(|(uuid, _)| *uuid) else { return false };
        if let Some(members) = self.0.remove(&uuid) {
            appear(findings, members);
        }
        true
    }
}

/// Whether the first bytes of a device have the superblock of a member.
pub(super) fn is_member(head: &[u8]) -> bool {
    superblock::is_in(head)
}

/// The level as it is called.
fn level_name(level: i32) -> String {
    match level {
        -1 => "linear RAID".to_owned(),
        -4 => "multipath RAID".to_owned(),
        level if level >= 0 => format!("RAID{level}"),
        level => format!("RAID of level {level}"),
    }
}

/// Gives an array, or its members where it cannot be put together.
fn appear(findings: &mut Findings, mut members: Vec<Member>) {
    // The one that changed last, and is undamaged, speaks for the array.
    members.sort_by_key(|member| (!member.superblock.sound, std::cmp::Reverse(member.superblock.events)));
    let Some(first) = members.first().map(|member| member.superblock.clone()) else { return };
    let mut current: BTreeMap<u32, Member> = BTreeMap::new();
    for member in members {
        let Superblock { role, events, recovered, level, offset, .. } = member.superblock;
        match role {
            // The kernel, too, takes one that is behind by one.
            Role::Active(number)
                if events.saturating_add(1) >= first.events
                    && recovered
                    && level == first.level
                    && !current.contains_key(&number) =>
            {
                current.insert(number, member);
            }
            _ => {
                let message = "a member of a RAID array that is a spare, a copy, or out of date";
                findings.note(&member.device, DiskError::corrupt(offset, message));
                findings.leave(&member.device, &[]);
            }
        }
    }
    let name = format!("{} {}", level_name(first.level), first.name);
    match segments(&first, &current) {
        Ok(segments) => {
            let devices: Vec<&Device> = current.values().map(|member| &member.device).collect();
            for member in current.values() {
                let mut data = member.superblock.data.clone();
                if first.level == 1 {
                    data.end = data.start.saturating_add(first.size);
                }
                findings.leave(&member.device, &[data]);
            }
            if let Some(base) = Device::together(&devices) {
                let device = base.inner(StepKind::Raid, name, Arc::new(Mapped::new(segments)));
                if first.level == 1 && device.disk.size() < first.size {
                    let message = "the members of a RAID array are shorter than it";
                    findings.note(&device, DiskError::corrupt(device.disk.size(), message));
                }
                findings.wait(device);
            }
        }
        Err(message) => {
            for member in current.values() {
                let offset = member.superblock.offset;
                findings.note(&member.device, DiskError::unsupported(offset, format!("{name}: {message}")));
                findings.give(&member.device, Kind::RaidMember(level_name(first.level)));
            }
        }
    }
}

/// Where the bytes of an array are; or why that cannot be told.
fn segments(array: &Superblock, members: &BTreeMap<u32, Member>) -> Result<Vec<Segment>, &'static str> {
    if array.reshaping {
        return Err("it was being changed into another form");
    }
    let data = |member: &Member| member.superblock.data.clone();
    match array.level {
        1 if members.is_empty() => Err("none of its members is up to date"),
        1 => {
            // One member may be cut short, or the array claim more than there is.
            let longest = members.values().map(|member| data(member).end - data(member).start).max();
            let length = array.size.min(longest.unwrap_or(0));
            let places = members.values().map(|member| (Arc::clone(&member.device.disk), data(member).start));
            Ok(vec![Segment { length, target: Target::Copies(places.collect()) }])
        }
        0 | -1 => {
            let wanted = usize::try_from(array.disks).ok().filter(|wanted| *wanted <= MAX_MEMBERS);
            let complete = wanted == Some(members.len())
                && members.keys().zip(0_u32..).all(|(number, wanted)| *number == wanted);
            if !complete {
                return Err("not all of its members are here");
            }
            // What is not a whole chunk at the end of a member is not used.
            let whole = |member: &Member| {
                let size = data(member).end.saturating_sub(data(member).start);
                size - size.checked_rem(array.chunk).unwrap_or(0)
            };
            let places: Vec<_> = members
                .values()
                .map(|member| (Arc::clone(&member.device.disk), data(member).start, whole(member)))
                .collect();
            if array.level == -1 {
                let one =
                    |(disk, start, length)| Segment { length, target: Target::Copies(vec![(disk, start)]) };
                return Ok(places.into_iter().map(one).collect());
            }
            zones(array, &places)
        }
        _ => Err("this level is not read"),
    }
}

/// RAID0: chunks go over all members in turn as long as all have room, then over
/// those that have more, and so on.
fn zones(
    array: &Superblock,
    places: &[(Arc<dyn crate::source::disk::Disk>, u64, u64)],
) -> Result<Vec<Segment>, &'static str> {
    if array.chunk == 0 {
        return Err("its chunks have no size");
    }
    let mut zones = Vec::new();
    let mut row = 0;
    let mut at = 0_u64;
    loop {
        let here: Vec<_> = places.iter().filter(|(_, _, size)| *size > row).collect();
        let Some(end) = here.iter().map(|(_, _, size)| *size).min() else { return Ok(zones) };
        let count = u64::try_from(here.len()).unwrap_or(u64::MAX);
        let length = (end - row).checked_mul(count).ok_or("it is longer than can be")?;
        // Two kernels laid out further zones differently; the layout says which.
        let turn = (at / array.chunk).checked_rem(count).unwrap_or(0);
        let first = match array.layout {
            _ if zones.is_empty() || turn == 0 => 0,
            1 => turn,
            2 => 0,
            _ => return Err("its members differ in size and nothing says how they are laid out"),
        };
        let places = here.iter().map(|(disk, start, _)| (Arc::clone(disk), start.saturating_add(row)));
        let target = Target::Striped { chunk: array.chunk, first, places: places.collect() };
        zones.push(Segment { length, target });
        row = end;
        at = at.checked_add(length).ok_or("it is longer than can be")?;
    }
}
