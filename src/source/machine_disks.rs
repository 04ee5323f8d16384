//! The disks of one machine, opened from images or block devices: their volumes,
//! each with the filesystem or whatever else is on it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskError, DiskResult};
use super::filesystem::{self, Filesystem};
use super::image::{self, Image, ImageError};
use super::volume::{self, Kind};
use crate::finding::{ProvenanceStep, Reason};

/// All that is on the disks of a machine.
#[derive(Debug)]
pub struct MachineDisks {
    /// The images, in the order given.
    pub images: Vec<Image>,
    /// What can hold content.
    pub volumes: Vec<DiskVolume>,
    /// What is wrong, with the way to it.
    pub problems: Vec<(Vec<ProvenanceStep>, DiskError)>,
}

/// A part of the disks.
#[derive(Debug)]
pub struct DiskVolume {
    /// Its own name: `partition 1`, `LVM vg0/root`, `whole disk`, `unpartitioned`.
    pub name: String,
    /// The way to it, the image first.
    pub provenance: Vec<ProvenanceStep>,
    /// Its bytes.
    pub disk: Arc<dyn Disk>,
    /// What is on it.
    pub content: VolumeContent,
}

/// What is on a volume.
#[derive(Debug)]
pub enum VolumeContent {
    /// Files.
    Filesystem(Arc<dyn Filesystem>),
    /// Bytes without files: swap, space that no volume covers, content of no known
    /// form. Which ranges, and what to call them.
    Raw {
        /// `swap`, `unpartitioned`, `unknown`.
        what: &'static str,
        /// In order.
        ranges: Vec<Range<u64>>,
    },
    /// What is not read, and why.
    Closed {
        /// `Encrypted` or `Unsupported`.
        reason: Reason,
        /// What it is.
        what: String,
    },
}

impl DiskVolume {
    /// Whether the volume shows this filesystem: the only one on several volumes is
    /// Btrfs.
    fn is_same(&self, other: &dyn Filesystem) -> bool {
        let VolumeContent::Filesystem(own) = &self.content else { return false };
        let (own, other) = (own.about(), other.about());
        other.kind == "btrfs" && own.kind == other.kind && own.uuid == other.uuid
    }

    /// Tells of one more volume that its filesystem lies on.
    fn spans(&mut self, way: &[ProvenanceStep]) {
        let at = self.provenance.len().saturating_sub(1);
        self.provenance.splice(at..at, way.iter().cloned());
    }
}

impl MachineDisks {
    /// Opens the images of one machine and all that is on them.
    ///
    /// # Errors
    ///
    /// The first image that cannot be opened. What is wrong inside of one is a
    /// problem of the result.
    pub fn open(paths: &[PathBuf]) -> Result<Self, ImageError> {
        let images = paths.iter().map(|path| image::open(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of_images(images, paths))
    }

    /// Opens an image that is a file on another disk, and all that is on it. It cannot
    /// rest on other files. The ways begin at the image.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_inner(disk: Arc<dyn Disk>) -> DiskResult<Self> {
        let mut disks = Self::of_images(vec![image::open_disk(disk)?], &[PathBuf::new()]);
        let ways = disks.problems.iter_mut().map(|(way, _)| way);
        let ways = ways.chain(disks.volumes.iter_mut().map(|volume| &mut volume.provenance));
        ways.for_each(|way| way.retain(|step| step.kind != "image"));
        Ok(disks)
    }

    fn of_images(images: Vec<Image>, paths: &[PathBuf]) -> Self {
        let names: Vec<ProvenanceStep> = paths.iter().map(|path| step(path)).collect();
        let disks: Vec<Arc<dyn Disk>> = images.iter().map(|image| Arc::clone(&image.disk)).collect();
        let found = volume::find(&disks);
        let mut problems: Vec<(Vec<ProvenanceStep>, DiskError)> = Vec::new();
        let chain =
            |disks: &[usize], steps: &[volume::Step]| -> Vec<ProvenanceStep> {
                let images = disks.iter().filter_map(|number| names.get(*number).cloned());
                let steps = steps.iter().filter(|step| step.kind != volume::StepKind::Disk);
                images
                    .chain(steps.map(|step| ProvenanceStep {
                        kind: step.kind.as_str().into(),
                        name: step.name.clone(),
                    }))
                    .collect()
            };
        for problem in found.problems {
            let mut way: Vec<ProvenanceStep> = names.get(problem.disk).cloned().into_iter().collect();
            way.push(ProvenanceStep { kind: "volume".into(), name: problem.place });
            problems.push((way, problem.error));
        }
        let all: Vec<Arc<dyn Disk>> = found.volumes.iter().map(|volume| Arc::clone(&volume.disk)).collect();
        let mut volumes: Vec<DiskVolume> = Vec::new();
        for found in found.volumes {
            let mut provenance = chain(&found.disks, &found.chain);
            let content = content(&found, &all, &mut |error| problems.push((provenance.clone(), error)));
            if let VolumeContent::Filesystem(filesystem) = &content {
                // Each device of a filesystem gives the whole of it.
                if let Some(first) = volumes.iter_mut().find(|volume| volume.is_same(&**filesystem)) {
                    first.spans(&provenance);
                    continue;
                }
                let kind = filesystem.about().kind;
                provenance.push(ProvenanceStep { kind: "filesystem".into(), name: kind.into() });
            }
            let name = full_name(&found.chain, &found.name, images.len());
            volumes.push(DiskVolume { name, provenance, disk: found.disk, content });
        }
        for gap in found.gaps {
            let content = VolumeContent::Raw { what: "unpartitioned", ranges: gap.ranges };
            let provenance = chain(&gap.disks, &gap.chain);
            let name = full_name(&gap.chain, "unpartitioned", images.len());
            volumes.push(DiskVolume { name, provenance, disk: gap.disk, content });
        }
        Self { images, volumes, problems }
    }

    /// Whether anything was recognised: a container, a table, a filesystem. What is
    /// not may as well be any other file.
    #[must_use]
    pub fn is_disk(&self) -> bool {
        let is_plain = |volume: &DiskVolume| {
            matches!(volume.content, VolumeContent::Raw { what, .. } if what != "swap")
                && volume.provenance.iter().all(|step| step.kind == "image")
        };
        self.images.iter().any(|image| image.kind != "raw") || !self.volumes.iter().all(is_plain)
    }
}

/// The way to a volume by names; with one disk only, the disk is left out.
fn full_name(chain: &[volume::Step], own: &str, disks: usize) -> String {
    let names = chain.iter().filter(|step| disks > 1 || step.kind != volume::StepKind::Disk);
    let mut names: Vec<&str> = names.map(|step| step.name.as_str()).collect();
    if names.last() != Some(&own) {
        names.push(own);
    }
    names.join(", ")
}

fn step(path: &Path) -> ProvenanceStep {
    ProvenanceStep { kind: "image".into(), name: path.to_string_lossy().into_owned() }
}

/// The filesystem of a volume, if it holds one.
fn opened(found: &volume::Volume, all: &[Arc<dyn Disk>]) -> DiskResult<Option<Box<dyn Filesystem>>> {
    match filesystem::open(&found.disk, all)? {
        Some(filesystem) => Ok(Some(filesystem)),
        None => match &found.kind {
            // It begins like something that is not read.
            Kind::Filesystem(names) => {
                let names = names.join(" or ");
                Err(DiskError::unsupported(
                    0,
                    format!("{names}: its files are not read, its bytes are searched"),
                ))
            }
            _ => filesystem::open_by_copy(&found.disk, all),
        },
    }
}

/// What is on a volume.
fn content(
    found: &volume::Volume,
    all: &[Arc<dyn Disk>],
    problem: &mut dyn FnMut(DiskError),
) -> VolumeContent {
    let whole = || std::iter::once(0..found.disk.size()).filter(|range| !range.is_empty()).collect();
    match &found.kind {
        Kind::Filesystem(_) | Kind::Unknown => match opened(found, all) {
            Ok(Some(filesystem)) => VolumeContent::Filesystem(filesystem.into()),
            Ok(None) => VolumeContent::Raw { what: "unknown", ranges: whole() },
            Err(error) if error.reason == Reason::Encrypted => {
                VolumeContent::Closed { reason: error.reason, what: error.message.into_owned() }
            }
            // Files cannot be told; what is stored in the clear can still be found.
            Err(error) => {
                problem(error);
                VolumeContent::Raw { what: "unknown", ranges: whole() }
            }
        },
        Kind::Swap(_) => VolumeContent::Raw { what: "swap", ranges: whole() },
        Kind::Encrypted(what) => {
            VolumeContent::Closed { reason: Reason::Encrypted, what: (*what).to_owned() }
        }
        Kind::RaidMember(level) => VolumeContent::Closed {
            reason: Reason::Unsupported,
            what: format!("a member of an array ({level}) that cannot be put together"),
        },
        Kind::LvmPhysical => VolumeContent::Closed {
            reason: Reason::Unsupported,
            what: "an LVM physical volume whose group cannot be read".to_owned(),
        },
        Kind::Unsupported(what) => {
            VolumeContent::Closed { reason: Reason::Unsupported, what: what.clone().into_owned() }
        }
    }
}
