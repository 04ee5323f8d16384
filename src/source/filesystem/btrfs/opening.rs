//! From disks to a volume: which disks belong to one filesystem, its chunks, and a
//! tree of roots that can be read.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::chunk::Chunk;
use super::key::{Key, kind, object};
use super::superblock::{self, Superblock, incompat};
use super::volume::{Device, DeviceId, Volume};
use crate::source::bytes::{array, u64_le};
use crate::source::disk::{Disk, DiskError, DiskResult};

/// Puts disks together; `notes` are for a person.
pub(super) fn volume(disks: Vec<Arc<dyn Disk>>, notes: &mut Vec<String>) -> DiskResult<Volume> {
    let found: Vec<DiskResult<Superblock>> = disks.iter().map(|disk| superblock::find(&**disk)).collect();
    let Some(first) = found.first() else {
        return Err(DiskError::corrupt(0, "a filesystem must lie on a disk"));
    };
    let fsid = first.as_ref().map_err(Clone::clone)?.fsid;
    // The newest tells; of equally new ones the first.
    let own = found.iter().flatten().filter(|superblock| superblock.fsid == fsid);
    let newest = own.reduce(|best, other| {
        if (other.sound, other.generation) > (best.sound, best.generation) { other } else { best }
    });
    let Some(newest) = newest.cloned() else {
        return Err(DiskError::corrupt(0, "a filesystem must have a superblock"));
    };
    check_features(&newest)?;
    let mut problems = Vec::new();
    let devices = devices(&disks, &found, &newest, &mut problems);
    let mut uuids = vec![newest.metadata_uuid];
    uuids.extend(found.iter().flatten().filter(|other| other.is_seed).map(|seed| seed.metadata_uuid));
    if !newest.sound {
        problems.push(DiskError::corrupt(newest.offset, "the checksum of the superblock is wrong"));
    }
    if newest.offset != superblock::OFFSETS[0] {
        notes.push(format!("read by the copy of the superblock at byte {}", newest.offset));
        let message = "the first superblock is damaged or older than a copy of it";
        problems.push(DiskError::corrupt(superblock::OFFSETS[0], message));
    }
    let mut volume = Volume::new(disks, newest, devices, uuids);
    for problem in problems {
        volume.problems.add(problem);
    }
    read_chunks(&mut volume, notes);
    choose_roots(&mut volume, notes)?;
    Ok(volume)
}

fn check_features(superblock: &Superblock) -> DiskResult<()> {
    let has = |feature| superblock.incompat & feature != 0;
    let name = if has(incompat::EXTENT_TREE_V2) {
        "extent tree v2".to_owned()
    } else if has(incompat::RAID_STRIPE_TREE) {
        "a RAID stripe tree".to_owned()
    } else if has(!incompat::KNOWN) {
        format!("features that are not known: {:#x}", superblock.incompat & !incompat::KNOWN)
    } else {
        return Ok(());
    };
    Err(DiskError::unsupported(superblock.offset, format!("Btrfs with {name}")))
}

/// The disks by the devices that they are.
fn devices(
    disks: &[Arc<dyn Disk>],
    found: &[DiskResult<Superblock>],
    newest: &Superblock,
    problems: &mut Vec<DiskError>,
) -> HashMap<DeviceId, Device> {
    let mut devices: HashMap<DeviceId, (u64, Device)> = HashMap::new();
    for (number, (disk, superblock)) in disks.iter().zip(found).enumerate() {
        let superblock = match superblock {
            Ok(superblock) => superblock,
            Err(error) => {
                problems.push(error.clone());
                continue;
            }
        };
        let own = superblock.fsid == newest.fsid;
        let Ok(number) = u16::try_from(number) else { break };
        if !own && !superblock.is_seed {
            continue;
        }
        let stale = own && superblock.generation < newest.generation;
        let size = superblock.device_size.min(disk.size());
        if own && superblock.device_size > disk.size() {
            let message = format!("device {} is cut short", superblock.device);
            problems.push(DiskError::corrupt(disk.size(), message));
        }
        let id = (superblock.device, superblock.device_uuid);
        let device = Device { disk: number, stale, size };
        if let Some((generation, held)) = devices.get_mut(&id) {
            let message = format!("device {} is there twice; the newer one is read", superblock.device);
            problems.push(DiskError::corrupt(superblock.offset, message));
            if superblock.generation > *generation {
                (*generation, *held) = (superblock.generation, device);
            }
            continue;
        }
        devices.insert(id, (superblock.generation, device));
    }
    devices.into_iter().map(|(id, (_, device))| (id, device)).collect()
}

/// Reads the tree of chunks, and counts devices that are missing.
fn read_chunks(volume: &mut Volume, notes: &mut Vec<String>) {
    let mut roots = vec![volume.superblock.chunks];
    roots.extend(volume.superblock.backups.iter().map(|backup| backup.chunks));
    let Some(root) = roots.iter().find(|root| volume.node(root).is_ok()).copied() else {
        let message = "the tree of chunks cannot be read";
        volume.problems.add(DiskError::corrupt(volume.superblock.chunks.logical, message));
        return;
    };
    if root != volume.superblock.chunks {
        notes.push("read by a former tree of chunks".to_owned());
        let message = "the tree of chunks cannot be read; a former one is read";
        volume.problems.add(DiskError::corrupt(volume.superblock.chunks.logical, message));
    }
    let mut chunks: Vec<(u64, Result<Chunk, &'static str>)> = Vec::new();
    let mut listed: BTreeMap<u64, [u8; 16]> = BTreeMap::new();
    let read = volume.scan(&root.into(), (Key::MIN, Key::MAX), &mut |key, item| {
        match key.kind {
            kind::CHUNK if key.object == object::CHUNKS => {
                chunks.push((key.offset, Chunk::read(key.offset, item)));
            }
            kind::DEVICE => {
                if let (Some(id), Some(uuid)) = (u64_le(item, 0), array(item, 66)) {
                    listed.insert(id, uuid);
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    });
    for (logical, chunk) in chunks {
        if let Err(message) = chunk.and_then(|chunk| volume.chunks.add(chunk)) {
            volume.problems.add(DiskError::corrupt(logical, message));
        }
    }
    if let Err(error) = read {
        volume.problems.add(error);
    }
    for (id, uuid) in listed {
        if !volume.devices.contains_key(&(id, uuid)) {
            volume
                .problems
                .add(DiskError::unsupported(0, format!("device {id} of the filesystem is missing")));
        }
    }
    let mut stale: Vec<u64> =
        volume.devices.iter().filter(|(_, device)| device.stale).map(|((id, _), _)| *id).collect();
    stale.sort_unstable();
    for id in stale {
        notes.push(format!("device {id} missed the last transactions; others are asked first"));
    }
}

/// The tree of roots, or a former one where it cannot be read.
fn choose_roots(volume: &mut Volume, notes: &mut Vec<String>) -> DiskResult<()> {
    let Err(error) = volume.node(&volume.roots.root) else { return Ok(()) };
    let mut former: Vec<_> = volume.superblock.backups.iter().map(|backup| backup.roots).collect();
    former.sort_by_key(|root| std::cmp::Reverse(root.generation));
    let Some(root) = former.into_iter().find(|root| volume.node(root).is_ok()) else { return Err(error) };
    notes.push(format!("read as of transaction {}, since the last one cannot be read", root.generation));
    volume.problems.add(error);
    volume.roots = root.into();
    Ok(())
}
