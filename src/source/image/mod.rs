//! Disk images: a file, or several, that show a disk.
//!
//! Role: from the path of an image or block device to a [`Disk`] of the bytes that
//! the machine saw. Formats are told by their content, raw comes last. Each reads
//! its tables through a small cache that all files of the image share, so memory
//! does not grow with the image. Files that an image names are opened only inside
//! its own folder. Nothing is ever written: logs are replayed in memory. Not for:
//! partitions and filesystems (see `filesystem`).
//!
//! `mapped` is what all formats with tables share; a format says what lies where.

mod bitmap;
mod concat;
mod detect;
mod file;
mod inflate;
mod mapped;
mod opening;
mod qcow2;
mod raw;
mod store;
mod vdi;
mod vhd;
mod vhdx;
mod vmdk;
mod windows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use detect::is_container;
pub use detect::{Kind, detect};

use self::file::Folder;
use self::opening::{Identity, Opened, Opening};
use super::disk::{Disk, DiskError, DiskResult};

/// An open image.
#[derive(Debug)]
pub struct Image {
    /// `raw`, `split raw`, `qcow2`, `vmdk`, `vhd`, `vhdx` or `vdi`.
    pub kind: &'static str,
    /// What the machine saw.
    pub disk: Arc<dyn Disk>,
    /// Bytes of the files.
    pub stored: u64,
    /// What a person should know: internal snapshots, an image that was in use.
    pub notes: Vec<String>,
    /// The files, that of the image first, then those that it rests on.
    pub files: Vec<PathBuf>,
}

/// Why an image cannot be opened: the path, what is wrong, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct ImageError {
    /// The image.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: DiskError,
}

/// Opens an image or a block device.
///
/// # Errors
///
/// [`ImageError`] where it is missing, may not be read, is neither a regular file
/// nor a block device, is of a known but unsupported form, encrypted or damaged, or
/// rests on a file that is not in its folder.
pub fn open(path: &Path) -> Result<Image, ImageError> {
    open_path(path).map_err(|error| ImageError { path: path.to_path_buf(), error })
}

fn open_path(path: &Path) -> DiskResult<Image> {
    let file = file::open_named(path)?;
    let (folder, name) = Folder::of(path)?;
    let mut opening = Opening::new(Some(folder));
    opening.count(&file)?;
    let empty = file.size == 0;
    if file.is_device {
        // What lies beside a device is no file of an image.
        opening.folder = None;
    }
    let mut split = false;
    let disk: Arc<dyn Disk> = match raw::other_parts(&name, &mut opening)? {
        Some(parts) => {
            split = true;
            raw::join(file.disk, parts)?
        }
        None => file.disk,
    };
    let mut opened = open_as(disk, None, &mut opening)?;
    if opened.kind == "raw" {
        if split {
            opened.kind = "split raw";
        }
        if empty {
            opening.note("the image is empty");
        } else if !opened.disk.size().is_multiple_of(512) {
            opening.note("the size is no multiple of 512: the image may be cut short");
        }
    }
    Ok(image(opened, opening))
}

/// Opens an image that is no file: one that lies inside another. It cannot rest on
/// other files.
///
/// # Errors
///
/// As [`open`].
pub fn open_disk(disk: Arc<dyn Disk>) -> DiskResult<Image> {
    let mut opening = Opening::new(None);
    opening.stored = disk.size();
    let opened = open_as(disk, None, &mut opening)?;
    Ok(image(opened, opening))
}

fn image(opened: Opened, opening: Opening) -> Image {
    let Opening { stored, notes, files, .. } = opening;
    Image { kind: opened.kind, disk: opened.disk, stored, notes, files }
}

/// Opens as what `expected` says (raw for `Some(None)`), else as what it looks like.
fn open_as(disk: Arc<dyn Disk>, expected: Option<Option<Kind>>, opening: &mut Opening) -> DiskResult<Opened> {
    let kind = match expected {
        Some(kind) => kind,
        None => detect::detect_or_fail(&*disk).unwrap_or_else(|error| {
            let message = error.message;
            opening.note(format!("what kind of image this is cannot be told ({message}): it is read as raw"));
            None
        }),
    };
    match kind {
        None => Ok(Opened { disk, kind: "raw", identity: Identity::None }),
        Some(Kind::Qcow2) => qcow2::open(disk, opening),
        Some(Kind::Vmdk) => vmdk::open(disk, opening),
        Some(Kind::Vhd) => vhd::open(disk, opening),
        Some(Kind::Vhdx) => vhdx::open(disk, opening),
        Some(Kind::Vdi) => vdi::open(disk, opening),
        Some(Kind::Other(name)) => Err(DiskError::unsupported(
            0,
            format!("{name} images are not read; convert it to raw or qcow2 first"),
        )),
    }
}
