//! VMDK, after VMware's "Virtual Disk Format 5.0", and for the extents of ESX
//! servers (`COWD`) the documentation of libvmdk.
//!
//! A descriptor lists extents; each is a range of a file (flat), a file with grain
//! tables (sparse, perhaps compressed), or zeros. The descriptor is a file of its
//! own, or lies in the only extent.

mod descriptor;
mod sparse;

use std::sync::Arc;

use self::descriptor::{Descriptor, Form};
use self::sparse::Header;
use super::super::disk::{Disk, DiskError, DiskResult, Part, read_vec};
use super::concat::Concat;
use super::detect::Kind;
use super::file::shown;
use super::opening::{Identity, Opened, Opening};

const SECTOR: u64 = 512;

pub(super) fn open(disk: Arc<dyn Disk>, opening: &mut Opening) -> DiskResult<Opened> {
    let mut magic = [0; 4];
    let filled = disk.read_at(&mut magic, 0)?;
    match magic.get(..filled).unwrap_or_default() {
        b"KDMV" | b"COWD" => open_extent(disk, opening),
        _ => open_descriptor(&*disk, opening),
    }
}

/// A file that is an extent, with the descriptor in it.
fn open_extent(disk: Arc<dyn Disk>, opening: &mut Opening) -> DiskResult<Opened> {
    let header = Header::read(&*disk)?;
    note_unclean(&header, opening);
    let (at, length) = header.descriptor;
    let descriptor = if at > 0 && length > 0 {
        let length = usize::try_from(length.min(descriptor::MAX_BYTES)).unwrap_or(0);
        Descriptor::parse(&read_vec(&*disk, at, length)?)?
    } else {
        opening.note("the VMDK extent has no descriptor: it may be a part of a larger disk");
        Descriptor::default()
    };
    if descriptor.extents.len() > 1 {
        let message = "a VMDK with its descriptor in one of several extents is not read";
        return Err(DiskError::unsupported(at, message));
    }
    let parent = parent(&descriptor, opening)?;
    let disk = sparse::disk(header, opening.store(disk), parent);
    Ok(Opened { disk, kind: "vmdk", identity: identity(&descriptor) })
}

fn open_descriptor(disk: &dyn Disk, opening: &mut Opening) -> DiskResult<Opened> {
    if disk.size() > descriptor::MAX_BYTES {
        return Err(DiskError::over_budget(0, "the descriptor of the VMDK is too long"));
    }
    let length = usize::try_from(disk.size()).unwrap_or(0);
    let descriptor = Descriptor::parse(&read_vec(disk, 0, length)?)?;
    if descriptor.extents.is_empty() {
        return Err(DiskError::corrupt(0, "the VMDK has no extents"));
    }
    let parent = parent(&descriptor, opening)?;
    let mut all = Concat::default();
    for extent in &descriptor.extents {
        let bytes = |sectors: u64| {
            let bytes = sectors.checked_mul(SECTOR);
            bytes.ok_or(DiskError::corrupt(0, "a number of sectors that no disk has"))
        };
        let (length, from) = (bytes(extent.sectors)?, bytes(extent.from)?);
        if extent.form == Form::Zero {
            all.push(None, 0, length)?;
            continue;
        }
        if extent.file.starts_with(b"/") || extent.file.contains(&b'\\') {
            let name = shown(&extent.file);
            let message =
                format!("the VMDK has an extent outside its folder, {name}: not opened; copy it there");
            return Err(DiskError::unsupported(0, message));
        }
        let file = opening.part(&extent.file)?;
        let (disk, from): (Arc<dyn Disk>, _) = match extent.form {
            Form::Sparse => {
                let header = Header::read(&*file).map_err(|error| {
                    let message = format!("{}: {}", shown(&extent.file), error.message);
                    DiskError { message: message.into(), ..error }
                })?;
                note_unclean(&header, opening);
                // An extent shows its own range of the parent.
                let (start, end) = (all.size(), all.size().saturating_add(length));
                let part = |parent: &Arc<dyn Disk>| -> Arc<dyn Disk> {
                    Arc::new(Part::new(Arc::clone(parent), start..end))
                };
                (sparse::disk(header, opening.store(file), parent.as_ref().map(part)), 0)
            }
            _ => (file, from),
        };
        all.push(Some(disk), from, length)?;
    }
    Ok(Opened { disk: Arc::new(all), kind: "vmdk", identity: identity(&descriptor) })
}

fn identity(descriptor: &Descriptor) -> Identity {
    descriptor.content_id.map_or(Identity::None, Identity::ContentId)
}

fn note_unclean(header: &Header, opening: &mut Opening) {
    if header.unclean {
        opening.note("a VMDK extent was not closed properly: what is read is what was written");
    }
}

/// The disk that this one is a child of. Its name is often given by the path that
/// it had on the server, so that only the name counts; the content identifier
/// proves that it is the right one.
fn parent(descriptor: &Descriptor, opening: &mut Opening) -> DiskResult<Option<Arc<dyn Disk>>> {
    let Some((id, hint)) = &descriptor.parent else { return Ok(None) };
    let hint = hint.as_deref().filter(|hint| !hint.is_empty());
    let hint = hint.ok_or(DiskError::corrupt(0, "the VMDK has a parent but does not name it"))?;
    let elsewhere = hint.starts_with(b"/") || hint.contains(&b'\\') || hint.starts_with(b"..");
    let name = if elsewhere {
        hint.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or(hint)
    } else {
        hint
    };
    let parent = opening.parent(name, Some(Some(Kind::Vmdk)))?;
    if parent.identity != Identity::ContentId(*id) {
        let message = format!("{} is not the parent as it was: its CID is not {id:08x}", shown(name));
        return Err(DiskError::corrupt(0, message));
    }
    Ok(Some(parent.disk))
}
