//! qcow2, versions 2 and 3, after QEMU's `docs/interop/qcow2.txt`.
//!
//! A table of two levels says for each cluster (or for each of its 32 subclusters)
//! whether it lies in the file, is compressed, is zero, or is what the backing file
//! shows. Reference counts are for writers and are not looked at.

mod header;
mod map;

use std::sync::Arc;

use self::header::Header;
use self::map::ClusterMap;
use super::super::disk::{Disk, DiskError, DiskResult};
use super::detect::Kind;
use super::file::shown;
use super::mapped::Mapped;
use super::opening::{Identity, Opened, Opening};

pub(super) fn open(disk: Arc<dyn Disk>, opening: &mut Opening) -> DiskResult<Opened> {
    let store = opening.store(disk);
    let header = Header::read(&store)?;
    if header.dirty {
        opening.note("the qcow2 image was not closed properly (dirty): what is read is what was written");
    }
    if header.corrupt {
        opening.note("the qcow2 image is marked as corrupt: what its tables still tell is read");
    }
    for note in header.snapshot_notes(&store) {
        opening.note(note);
    }
    let data = if header.external_data {
        let name = header.data_file.as_deref();
        let name = name.ok_or(DiskError::corrupt(0, "the qcow2 image does not name its data file"))?;
        opening.part(plain(name)?)?
    } else {
        Arc::clone(store.disk())
    };
    let parent = match &header.backing_file {
        Some(name) => Some(opening.parent(plain(name)?, expected(header.backing_format.as_deref())?)?.disk),
        None => None,
    };
    let disk = Arc::new(Mapped::new(ClusterMap::new(&header, store, data), parent));
    Ok(Opened { disk, kind: "qcow2", identity: Identity::None })
}

/// A name that is one of a file: QEMU takes `json:…` and `nbd:…` for more.
fn plain(name: &[u8]) -> DiskResult<&[u8]> {
    let protocol = name.split(|byte| *byte == b'/').next().unwrap_or_default();
    if protocol.contains(&b':') {
        let message = format!("the qcow2 image rests on {}, which is no file: not opened", shown(name));
        return Err(DiskError::unsupported(0, message));
    }
    Ok(name)
}

/// The format that the header gives the backing file. Where it gives none, the
/// content tells, as with QEMU.
fn expected(format: Option<&[u8]>) -> DiskResult<Option<Option<Kind>>> {
    Ok(match format {
        None | Some(b"") => None,
        Some(b"raw" | b"file" | b"host_device") => Some(None),
        Some(b"qcow2") => Some(Some(Kind::Qcow2)),
        Some(b"vmdk") => Some(Some(Kind::Vmdk)),
        Some(b"vpc") => Some(Some(Kind::Vhd)),
        Some(b"vhdx") => Some(Some(Kind::Vhdx)),
        Some(b"vdi") => Some(Some(Kind::Vdi)),
        Some(other) => {
            let message = format!("the qcow2 image rests on a file of the format {}", shown(other));
            return Err(DiskError::unsupported(0, message));
        }
    })
}
