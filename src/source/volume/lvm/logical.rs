//! The logical volumes of one group, put together from its physical ones.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::Member;
use super::group::{Area, Form, Group, Logical};
use super::snapshot::Snapshot;
use super::thin::{self, Pool, Thin};
use crate::finding::Reason;
use crate::source::bytes::{u32_le, u64_le};
use crate::source::disk::{Disk, DiskError, read_vec};
use crate::source::volume::findings::{Device, Findings};
use crate::source::volume::mapped::{Mapped, Place, Segment, Target};
use crate::source::volume::{Kind, StepKind};

/// The most bytes that are believed to be on a physical volume that is missing.
const MAX_MISSING: u64 = 1 << 50;
/// How deep volumes may lie on each other.
const MAX_DEPTH: usize = 8;

/// Gives all that is in a group.
pub(super) fn appear(findings: &mut Findings, group: &Group, members: &[Member]) {
    let devices: Vec<&Device> = members.iter().map(|member| &member.device).collect();
    let Some(base) = Device::together(&devices) else { return };
    let mut physical = BTreeMap::new();
    let mut most = 0_u64;
    for (name, volume) in &group.physical {
        let member = members.iter().find(|member| member.uuid == volume.uuid);
        if member.is_none() {
            let message = format!("LVM group {}: physical volume {name} is missing", group.name);
            findings.note(&base, DiskError::unsupported(0, message));
        }
        // One that is here is as long as it is; another as long as the group says.
        most = most.saturating_add(match member {
            Some(member) => member.device.disk.size(),
            None => volume.extents.saturating_mul(group.extent).min(MAX_MISSING),
        });
        physical.insert(name.as_str(), member.map(|member| &member.device));
    }
    let mut builder = Builder {
        group,
        physical,
        findings,
        base: &base,
        most,
        building: BTreeSet::new(),
        built: BTreeMap::new(),
        pools: BTreeMap::new(),
    };
    builder.give_all();
    builder.leave();
}

/// A volume that was put together.
#[derive(Clone, Debug)]
struct Built {
    disk: Arc<dyn Disk>,
    /// The first type on the way that is not read.
    unread: Option<String>,
}

struct Builder<'g> {
    group: &'g Group,
    physical: BTreeMap<&'g str, Option<&'g Device>>,
    findings: &'g mut Findings,
    base: &'g Device,
    /// Bytes of all physical volumes: no volume stores more.
    most: u64,
    /// Those on the way, against cycles.
    building: BTreeSet<&'g str>,
    built: BTreeMap<&'g str, Built>,
    /// By the names of their volumes; an error is reported once.
    pools: BTreeMap<&'g str, Result<Arc<Pool>, DiskError>>,
}

impl<'g> Builder<'g> {
    fn name(&self, name: &str) -> String {
        format!("LVM {}/{name}", self.group.name)
    }

    fn note(&mut self, name: &str, error: DiskError) {
        let device = self.base.inner(StepKind::Lvm, self.name(name), Arc::clone(&self.base.disk));
        self.findings.note(&device, error);
    }

    /// Every visible volume, as a device that may hold a further layer.
    fn give_all(&mut self) {
        let group = self.group;
        // A snapshot bears the name of its store; a volume of its own links both.
        let mut snapshots: BTreeMap<&str, (&str, bool)> = BTreeMap::new();
        for segment in group.logical.values().flat_map(|volume| &volume.segments) {
            if let Form::Snapshot { origin, cow, merging } = &segment.form {
                snapshots.insert(cow, (origin, *merging));
            }
        }
        for (name, volume) in &group.logical {
            if let Some(Form::ThinPool { .. }) = volume.segments.first().map(|segment| &segment.form) {
                self.give_pool(name);
                continue;
            }
            let is_snapshot = snapshots.contains_key(name.as_str());
            if !volume.visible && !is_snapshot {
                continue;
            }
            let Some(mut built) = self.build(name, 0) else { continue };
            if let Some((origin, merging)) = snapshots.get(name.as_str()) {
                match self.snapshot(origin, *merging, &built) {
                    Ok(disk) => built.disk = disk,
                    Err(error) => {
                        self.note(name, error);
                        built.unread = built.unread.or(Some("snapshot".to_owned()));
                    }
                }
            }
            let device = self.base.inner(StepKind::Lvm, self.name(name), built.disk);
            match built.unread {
                Some(kind) => {
                    let kind = format!("LVM {kind}");
                    self.findings.note(&device, DiskError::unsupported(0, format!("{kind} is not read")));
                    self.findings.give(&device, Kind::Unsupported(Cow::Owned(kind)));
                }
                None => self.findings.wait(device),
            }
        }
    }

    fn snapshot(&mut self, origin: &str, merging: bool, cow: &Built) -> Result<Arc<dyn Disk>, DiskError> {
        if merging {
            return Err(DiskError::unsupported(0, "a snapshot that is being merged into its origin"));
        }
        let origin = self.build_named(origin, 0);
        let origin = origin.ok_or_else(|| DiskError::corrupt(0, "a snapshot without its origin"))?;
        let mut afford = |bytes| self.findings.afford(bytes);
        Ok(Arc::new(Snapshot::open(origin.disk, Arc::clone(&cow.disk), &mut afford)?))
    }

    /// A pool has no bytes of its own; those of its data that no volume uses are
    /// left over.
    fn give_pool(&mut self, name: &'g str) {
        match self.pool(name, 0) {
            Ok(pool) => {
                let (used, errors) = pool.used();
                for error in errors {
                    self.note(name, error);
                }
                if let (Some(used), Some((_, data))) = (used, self.pool_parts(name))
                    && let Some(data) = self.build_named(data, 0)
                {
                    let device = self.base.inner(StepKind::Lvm, self.name(name), data.disk);
                    self.findings.leave(&device, &used);
                }
            }
            Err(error) => {
                self.note(name, error);
                // Its data is all that is left.
                if let Some((_, data)) = self.pool_parts(name)
                    && let Some(data) = self.build_named(data, 0)
                {
                    let device = self.base.inner(StepKind::Lvm, self.name(name), data.disk);
                    self.findings.give(&device, Kind::Unsupported("LVM thin pool".into()));
                }
            }
        }
    }

    /// The names of a pool's metadata and data.
    fn pool_parts(&self, name: &str) -> Option<(&'g str, &'g str)> {
        match &self.group.logical.get(name)?.segments.first()?.form {
            Form::ThinPool { metadata, data } => Some((metadata, data)),
            _ => None,
        }
    }

    fn pool(&mut self, name: &str, depth: usize) -> Result<Arc<Pool>, DiskError> {
        let missing = || DiskError::corrupt(0, "a thin pool that its group does not have");
        let (name, _) = self.group.logical.get_key_value(name).ok_or_else(missing)?;
        if let Some(pool) = self.pools.get(name.as_str()) {
            return pool.clone();
        }
        let (metadata, data) = self.pool_parts(name).ok_or_else(missing)?;
        let parts = self.build_named(metadata, depth + 1).zip(self.build_named(data, depth + 1));
        let pool = match parts {
            Some((metadata, data)) => match metadata.unread.or(data.unread) {
                Some(kind) => Err(DiskError::unsupported(0, format!("LVM {kind} is not read"))),
                None if !self.findings.afford(thin::MEMORY) => {
                    Err(DiskError::over_budget(0, "more thin pools than are read"))
                }
                None => Pool::open(metadata.disk, data.disk).map(Arc::new),
            },
            None => Err(missing()),
        };
        self.pools.insert(name, pool.clone());
        pool
    }

    /// As [`Self::build`] for a name from the metadata, which may name nothing.
    fn build_named(&mut self, name: &str, depth: usize) -> Option<Built> {
        let (name, _) = self.group.logical.get_key_value(name)?;
        self.build(name, depth)
    }

    /// A volume's own bytes: of a snapshot, those of its store. `None` where it
    /// lies on itself or is not there.
    fn build(&mut self, name: &'g str, depth: usize) -> Option<Built> {
        if let Some(built) = self.built.get(name) {
            return Some(built.clone());
        }
        let volume = self.group.logical.get(name)?;
        if depth > MAX_DEPTH || !self.building.insert(name) {
            self.note(name, DiskError::corrupt(0, "a logical volume that lies on itself"));
            return None;
        }
        let built = self.assemble(name, volume, depth);
        self.building.remove(name);
        self.built.insert(name, built.clone());
        Some(built)
    }

    fn assemble(&mut self, name: &str, volume: &'g Logical, depth: usize) -> Built {
        let mut segments = Vec::new();
        let mut unread = None;
        let mut at = 0_u64;
        let mut stored = 0_u64;
        for segment in &volume.segments {
            if segment.start < at {
                self.note(name, DiskError::corrupt(0, "segments of a logical volume overlap"));
                continue;
            }
            if segment.start > at {
                let length = (segment.start - at).saturating_mul(self.group.extent).min(self.most);
                let target = missing(Reason::Corrupt, "no segment describes this range");
                segments.push(Segment { length, target });
                self.note(name, DiskError::corrupt(0, "a logical volume lacks a segment"));
            }
            let Some(length) = segment.count.checked_mul(self.group.extent) else {
                self.note(
                    name,
                    DiskError::corrupt(0, "a segment of a logical volume has a length that cannot be"),
                );
                break;
            };
            // A length from the metadata alone must not make work without an end: what
            // is stored is not longer than what it is stored on.
            let sparse = matches!(segment.form, Form::Thin { .. } | Form::Zero);
            let cut = !sparse && length > self.most.saturating_sub(stored);
            let length = if cut { self.most.saturating_sub(stored) } else { length };
            stored = stored.saturating_add(if sparse { 0 } else { length });
            let start = segment.start.saturating_mul(self.group.extent);
            let target = self.target(name, &segment.form, start, length, depth);
            if let Form::Other(kind) = &segment.form {
                unread = unread.or(Some(kind.clone()));
            }
            let target = target.unwrap_or_else(|(error, kind)| {
                unread = unread.take().or(kind);
                self.note(name, error.clone());
                missing(error.reason, error.message)
            });
            segments.push(Segment { length, target });
            if cut {
                let message = "a logical volume is longer than its group: it is cut short";
                self.note(name, DiskError::corrupt(0, message));
                break;
            }
            at = segment.start.saturating_add(segment.count);
        }
        Built { disk: Arc::new(Mapped::new(segments)), unread }
    }

    /// Where a segment's bytes are; or what is wrong, and the type that is not read.
    fn target(
        &mut self,
        name: &str,
        form: &'g Form,
        start: u64,
        length: u64,
        depth: usize,
    ) -> Result<Target, (DiskError, Option<String>)> {
        match form {
            Form::Striped { areas, .. } if areas.len() == 1 => {
                Ok(Target::Copies(self.places(name, areas, length, depth)?))
            }
            Form::Striped { chunk, areas } => {
                let count = u64::try_from(areas.len()).unwrap_or(u64::MAX);
                let each = length.checked_div(count).unwrap_or(0);
                Ok(Target::Striped {
                    chunk: *chunk,
                    first: 0,
                    places: self.places(name, areas, each, depth)?,
                })
            }
            Form::Mirror { areas } => Ok(Target::Copies(self.places(name, areas, length, depth)?)),
            Form::Raid1 { images, states } => {
                let images = self.current(name, images, states, depth);
                let areas: Vec<Area> = images.into_iter().map(|image| (image.to_owned(), 0)).collect();
                Ok(Target::Copies(self.places(name, &areas, length, depth)?))
            }
            Form::Thin { pool, device, origin } => {
                let pool = self.pool(pool, depth).map_err(|error| (error, Some("thin".to_owned())))?;
                let origin = match origin {
                    None => None,
                    Some(origin) => {
                        let error = || DiskError::corrupt(0, "a thin volume without its origin");
                        Some(self.build_named(origin, depth + 1).ok_or_else(|| (error(), None))?.disk)
                    }
                };
                let size = start.saturating_add(length);
                let thin = Thin::open(pool, *device, size, origin).map_err(|error| (error, None))?;
                Ok(Target::Copies(vec![(Arc::new(thin), start)]))
            }
            Form::Zero => Ok(Target::Zero),
            Form::Other(kind) => Ok(missing(Reason::Unsupported, format!("LVM {kind} is not read"))),
            Form::ThinPool { .. } | Form::Snapshot { .. } => {
                Ok(missing(Reason::Unsupported, "has no bytes of its own"))
            }
        }
    }

    /// The places of a segment's areas, each `length` bytes long.
    fn places(
        &mut self,
        name: &str,
        areas: &[Area],
        length: u64,
        depth: usize,
    ) -> Result<Vec<Place>, (DiskError, Option<String>)> {
        let group = self.group;
        let mut places: Vec<Place> = Vec::with_capacity(areas.len());
        for (area, extent) in areas {
            let offset = extent.saturating_mul(group.extent);
            if let Some(physical) = group.physical.get(area) {
                let room = physical.extents.saturating_mul(group.extent);
                if offset.saturating_add(length) > room {
                    let message = format!("a segment lies past the end of physical volume {area}");
                    self.note(name, DiskError::corrupt(0, message));
                }
                places.push(match self.physical.get(area.as_str()) {
                    Some(Some(device)) => (Arc::clone(&device.disk), physical.start.saturating_add(offset)),
                    _ => (absent(area, length), 0),
                });
                continue;
            }
            match self.build_named(area, depth + 1) {
                Some(Built { unread: Some(kind), .. }) => {
                    let message = format!("LVM {kind} is not read");
                    return Err((DiskError::unsupported(0, message), Some(kind)));
                }
                Some(built) => places.push((built.disk, offset)),
                None => {
                    let message = format!("lies on {area}, which the group does not have");
                    return Err((DiskError::corrupt(0, message), None));
                }
            }
        }
        Ok(places)
    }

    /// The images of a mirror that hold its latest content, as their states say:
    /// `struct dm_raid_superblock` in the kernel's `drivers/md/dm-raid.c`.
    fn current(
        &mut self,
        name: &str,
        images: &'g [String],
        states: &'g [String],
        depth: usize,
    ) -> Vec<&'g str> {
        let mut read = Vec::new();
        for state in states {
            let built = self.build_named(state, depth + 1);
            let superblock = match built.map(|state| read_vec(&*state.disk, 0, 48)) {
                Some(Ok(bytes)) => Some(bytes).filter(|bytes| u32_le(bytes, 0) == Some(0x6452_6d44)),
                Some(Err(error)) => {
                    self.note(name, error);
                    None
                }
                None => None,
            };
            read.push(
                superblock
                    .and_then(|bytes| Some((u64_le(&bytes, 16)?, u64_le(&bytes, 24)?, u64_le(&bytes, 32)?))),
            );
        }
        let newest = read.iter().flatten().max_by_key(|(events, ..)| *events).copied();
        let all = images.iter().map(String::as_str);
        let Some((newest, failed, _)) = newest else {
            // Never active, or all states are gone: any may be right.
            return all.collect();
        };
        let mut current = Vec::new();
        for (at, image) in all.enumerate() {
            let behind = match read.get(at).copied().flatten() {
                // Recovered up to an offset only.
                Some((events, _, recovered)) => events < newest || recovered != u64::MAX,
                None => true,
            };
            let dropped = at < 64 && failed & (1 << at) != 0;
            if behind || dropped {
                let message = format!("its copy {image} is out of date or cannot be told: it is not read");
                self.note(name, DiskError::corrupt(0, message));
            } else {
                current.push(image);
            }
        }
        current
    }

    /// What no volume covers: hidden ones that were not needed, and free extents.
    fn leave(mut self) {
        let group = self.group;
        let hidden: Vec<&str> = group
            .logical
            .iter()
            .filter(|(name, _)| !self.built.contains_key(name.as_str()))
            .filter(|(_, volume)| {
                volume.segments.iter().any(|segment| matches!(segment.form, Form::Striped { .. }))
            })
            .map(|(name, _)| name.as_str())
            .collect();
        for name in hidden {
            if let Some(built) = self.build(name, 0) {
                let device = self.base.inner(StepKind::Lvm, self.name(name), built.disk);
                self.findings.leave(&device, &[]);
            }
        }
        let mut used: BTreeMap<&str, Vec<Range<u64>>> = BTreeMap::new();
        for segment in group.logical.values().flat_map(|volume| &volume.segments) {
            let (areas, count) = match &segment.form {
                Form::Striped { areas, .. } => {
                    let each = u64::try_from(areas.len()).unwrap_or(u64::MAX);
                    (areas, segment.count.checked_div(each).unwrap_or(0))
                }
                Form::Mirror { areas } => (areas, segment.count),
                _ => continue,
            };
            for (area, extent) in areas {
                let Some(physical) = group.physical.get(area) else { continue };
                let at = |extent: u64| physical.start.saturating_add(extent.saturating_mul(group.extent));
                used.entry(area).or_default().push(at(*extent)..at(extent.saturating_add(count)));
            }
        }
        for (name, device) in &self.physical {
            if let Some(device) = device {
                self.findings.leave(device, used.get(name).map_or(&[], Vec::as_slice));
            }
        }
    }
}

fn missing(reason: Reason, message: impl Into<Cow<'static, str>>) -> Target {
    Target::Missing { reason, message: message.into() }
}

/// A physical volume that is not there.
fn absent(name: &str, length: u64) -> Arc<dyn Disk> {
    let message = format!("lies on physical volume {name}, which is missing");
    let target = missing(Reason::Unsupported, message);
    // Read at offset 0 on: as long as the segment.
    Arc::new(Mapped::new(vec![Segment { length, target }]))
}
