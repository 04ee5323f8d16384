//! What a scan goes through, one after the other: a directory, a file, and of the
//! disks of a machine each filesystem, its free space, and whatever has no files.

use std::ffi::CStr;
use std::ops::Range;
use std::sync::Arc;

use crate::finding::ProvenanceStep;
use crate::source::directory::Root;
use crate::source::disk::Disk;
use crate::source::filesystem::{Filesystem, FilesystemTree};
use crate::source::{MachineDisks, Snapshot, SnapshotKind, Tree, VolumeContent};

/// One of them.
#[derive(Debug)]
pub(super) struct Target<'s> {
    /// The way to it.
    pub(super) provenance: Vec<ProvenanceStep>,
    pub(super) kind: TargetKind<'s>,
}

#[derive(Debug)]
pub(super) enum TargetKind<'s> {
    Directory(&'s Root, &'s std::path::Path),
    File {
        parent: &'s Root,
        name: &'s CStr,
    },
    /// The disks as such: what is wrong with them, what on them stays closed.
    Disks(&'s MachineDisks),
    Filesystem {
        tree: FilesystemTree<'s>,
        filesystem: &'s Arc<dyn Filesystem>,
        /// The target after it is for what lies between the ends of its files and of
        /// their blocks, which is read with the files.
        with_slack: bool,
    },
    /// See there.
    Slack,
    /// What the journal of a filesystem keeps.
    Journal(&'s Arc<dyn Filesystem>),
    /// What no file of a filesystem uses.
    Free(&'s Arc<dyn Filesystem>),
    Raw(&'s dyn Disk, &'s [Range<u64>]),
}

impl Target<'_> {
    /// Where files can be asked for by path.
    pub(super) fn tree(&self) -> Option<&dyn Tree> {
        match &self.kind {
            TargetKind::Directory(root, _) => Some(*root),
            TargetKind::Filesystem { tree, .. } => Some(tree),
            _ => None,
        }
    }
}

/// All targets, in order. `unallocated`: free space and deleted files too.
pub(super) fn of(snapshots: &[Snapshot], unallocated: bool) -> Vec<Target<'_>> {
    let mut targets = Vec::new();
    for snapshot in snapshots {
        let name = super::target_name(snapshot);
        let step = |kind: &str| vec![ProvenanceStep { kind: kind.into(), name: name.clone() }];
        match snapshot.kind() {
            SnapshotKind::Directory(root) => {
                let kind = TargetKind::Directory(root, snapshot.path());
                targets.push(Target { provenance: step("directory"), kind });
            }
            SnapshotKind::File { parent, name } => {
                targets.push(Target { provenance: step("file"), kind: TargetKind::File { parent, name } });
            }
            SnapshotKind::Disks(disks) => {
                targets.push(Target { provenance: step("image"), kind: TargetKind::Disks(disks) });
                of_disks(disks, unallocated, &mut targets);
            }
        }
    }
    targets
}

fn of_disks<'s>(disks: &'s MachineDisks, unallocated: bool, targets: &mut Vec<Target<'s>>) {
    for volume in &disks.volumes {
        let provenance = volume.provenance.clone();
        let with = |what: &str| {
            let step = ProvenanceStep { kind: what.into(), name: volume.name.clone() };
            provenance.iter().cloned().chain([step]).collect()
        };
        match &volume.content {
            VolumeContent::Filesystem(filesystem) => {
                let tree = FilesystemTree::new(&**filesystem);
                let kind = TargetKind::Filesystem { tree, filesystem, with_slack: unallocated };
                targets.push(Target { provenance: provenance.clone(), kind });
                if unallocated {
                    targets.push(Target { provenance: with("slack"), kind: TargetKind::Slack });
                    let kind = TargetKind::Journal(filesystem);
                    targets.push(Target { provenance: with("journal"), kind });
                    let kind = TargetKind::Free(filesystem);
                    targets.push(Target { provenance: with("unallocated"), kind });
                }
            }
            VolumeContent::Raw { what, ranges } if unallocated || *what != "unpartitioned" => {
                let kind = TargetKind::Raw(&*volume.disk, ranges);
                targets.push(Target { provenance: with(what), kind });
            }
            // Told by the target of the disks.
            VolumeContent::Raw { .. } | VolumeContent::Closed { .. } => {}
        }
    }
}
