//! What is on the disks of a machine, row by row: for `snapsift ls`, and for whoever
//! wants to check what the scanner sees.

use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::FileType;
use serde::Serialize;

use super::emit::path_text;
use crate::finding::Timestamp;
use crate::source::directory::DirNode;
use crate::source::filesystem::{Content, ContentReader, Filesystem, NodeId};
use crate::source::{DiskVolume, FileStat, MachineDisks, UnixTime, VolumeContent};

/// How much of a content is hashed at a time, in bytes.
const STEP: usize = 1 << 20;

/// What to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListOptions {
    /// Files too, not only images and volumes.
    pub files: bool,
    /// The BLAKE3 of each file's content too.
    pub hash: bool,
    /// Deleted files too.
    pub deleted: bool,
}

/// A row.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListRow {
    /// `image`, `volume`, `file`, `directory`, `symlink`, `fifo`, `socket`,
    /// `character_device`, `block_device`, `problem`.
    pub kind: &'static str,
    /// The path in its filesystem, `/` first, invalid UTF-8 replaced; of an image,
    /// its own path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The exact bytes of the path in base64, only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// The name of the volume that it is on, or its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// What an image or a volume holds: `qcow2`, `ext4`, `swap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The label of a filesystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The UUID of a filesystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// What a person should know, or what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Permission bits, octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Owner's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atime: Option<Timestamp>,
    /// Content last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtime: Option<Timestamp>,
    /// Inode last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctime: Option<Timestamp>,
    /// Made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub btime: Option<Timestamp>,
    /// Inode number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// Number of names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<u64>,
    /// The name of a stream beside the file's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Where a symbolic link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether it was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// BLAKE3 of the content, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

/// Gives every row: images, then each volume with its files. Returns whether all
/// could be read.
///
/// # Errors
///
/// What `each` says.
pub fn list(
    disks: &MachineDisks,
    options: ListOptions,
    each: &mut dyn FnMut(ListRow) -> io::Result<()>,
) -> io::Result<bool> {
    for image in &disks.images {
        let path = image.files.first().map(|path| path.to_string_lossy().into_owned());
        each(ListRow {
            kind: "image",
            path,
            format: Some(image.kind.to_owned()),
            size: Some(image.disk.size()),
            notes: image.notes.clone(),
            ..ListRow::default()
        })?;
    }
    let mut whole = true;
    for (way, error) in &disks.problems {
        whole = false;
        let way: Vec<&str> = way.iter().map(|step| step.name.as_str()).collect();
        let notes = vec![format!("{}: {error} (at byte {})", way.join(", "), error.offset)];
        each(ListRow { kind: "problem", notes, ..ListRow::default() })?;
    }
    for volume in &disks.volumes {
        each(volume_row(volume))?;
        if let VolumeContent::Filesystem(filesystem) = &volume.content
            && options.files
        {
            let mut list =
                Lister { volume: &volume.name, filesystem: &**filesystem, options, each, whole: true };
            list.files()?;
            if options.deleted {
                list.deleted()?;
            }
            for (error, times) in filesystem.problems() {
                let message = format!("{error} (at byte {}, {times} times)", error.offset);
                list.problem(None, message)?;
            }
            whole &= list.whole;
        }
    }
    Ok(whole)
}

fn volume_row(volume: &DiskVolume) -> ListRow {
    let row = ListRow {
        kind: "volume",
        volume: Some(volume.name.clone()),
        size: Some(volume.disk.size()),
        ..ListRow::default()
    };
    match &volume.content {
        VolumeContent::Filesystem(filesystem) => {
            let about = filesystem.about();
            ListRow {
                format: Some(about.kind.to_owned()),
                label: about.label.clone(),
                uuid: about.uuid.clone(),
                notes: about.notes.clone(),
                ..row
            }
        }
        VolumeContent::Raw { what, ranges } => {
            let size = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
            ListRow { format: Some((*what).to_owned()), size: Some(size), ..row }
        }
        VolumeContent::Closed { reason, what } => {
            ListRow { format: Some(what.clone()), notes: vec![reason.as_str().to_owned()], ..row }
        }
    }
}

struct Lister<'l> {
    volume: &'l str,
    filesystem: &'l dyn Filesystem,
    options: ListOptions,
    each: &'l mut dyn FnMut(ListRow) -> io::Result<()>,
    whole: bool,
}

impl Lister<'_> {
    fn files(&mut self) -> io::Result<()> {
        let root = self.filesystem.root();
        let mut met = HashSet::from([root]);
        let mut waiting = vec![(Arc::new(DirNode::root()), root)];
        while let Some((dir, id)) = waiting.pop() {
            let mut entries: Vec<(Vec<u8>, NodeId)> = Vec::new();
            let listed = self.filesystem.list(id, &mut |entry| {
                entries.push((entry.name.to_vec(), entry.id));
                ControlFlow::Continue(())
            });
            if let Err(error) = listed {
                self.problem(Some(&dir.path_of(b"")), error.to_string())?;
            }
            entries.sort();
            let mut below = Vec::new();
            for (name, id) in entries {
                let path = dir.path_of(&name);
                match self.filesystem.stat(id) {
                    Ok(stat) => {
                        self.node(&path, id, &stat)?;
                        if stat.file_type == FileType::Directory && met.insert(id) {
                            below.push((Arc::new(DirNode::child(&dir, &name, false)), id));
                        }
                    }
                    Err(error) => self.problem(Some(&path), error.to_string())?,
                }
            }
            waiting.extend(below.into_iter().rev());
        }
        Ok(())
    }

    fn node(&mut self, path: &[u8], id: NodeId, stat: &FileStat) -> io::Result<()> {
        let mut row = self.row(path, stat);
        match stat.file_type {
            FileType::RegularFile if self.options.hash => match self.filesystem.content(id) {
                Ok(content) => row.blake3 = self.hash(path, &content)?,
                Err(error) => self.problem(Some(path), error.to_string())?,
            },
            FileType::Symlink => match self.filesystem.link_target(id) {
                Ok(target) => row.target = Some(String::from_utf8_lossy(&target).into_owned()),
                Err(error) => self.problem(Some(path), error.to_string())?,
            },
            _ => {}
        }
        (self.each)(row)?;
        for stream in self.filesystem.streams(id).unwrap_or_default() {
            let mut row = self.row(path, &FileStat { size: Some(stream.size), ..*stat });
            row.kind = "file";
            row.stream = Some(String::from_utf8_lossy(&stream.name).into_owned());
            if self.options.hash {
                match self.filesystem.stream(id, &stream.name) {
                    Ok(content) => row.blake3 = self.hash(path, &content)?,
                    Err(error) => self.problem(Some(path), error.to_string())?,
                }
            }
            (self.each)(row)?;
        }
        Ok(())
    }

    fn deleted(&mut self) -> io::Result<()> {
        let mut failed = None;
        let filesystem = self.filesystem;
        let told = filesystem.deleted(&mut |file| {
            let mut row = self.row(&file.path, &file.stat);
            row.deleted = true;
            let mut give = || {
                if self.options.hash {
                    row.blake3 = self.hash(&file.path, &file.content)?;
                }
                (self.each)(row.clone())
            };
            match give() {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Err(error) = told {
            self.problem(None, error.to_string())?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn hash(&mut self, path: &[u8], content: &Content) -> io::Result<Option<String>> {
        let reader = ContentReader::new(self.filesystem, content);
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; STEP];
        let mut at = 0;
        while at < content.size {
            match reader.read_at(&mut buffer, at) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(buffer.get(..read).unwrap_or_default());
                    at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                }
                Err(error) => {
                    self.problem(Some(path), error.to_string())?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(hasher.finalize().to_hex().to_string()))
    }

    fn problem(&mut self, path: Option<&[u8]>, message: String) -> io::Result<()> {
        self.whole = false;
        let (path, path_bytes) = path.map(text_and_bytes).unwrap_or_default();
        let volume = Some(self.volume.to_owned());
        (self.each)(ListRow {
            kind: "problem",
            path,
            path_bytes,
            volume,
            notes: vec![message],
            ..ListRow::default()
        })
    }

    fn row(&self, path: &[u8], stat: &FileStat) -> ListRow {
        let time = |time: Option<UnixTime>| {
            time.and_then(|(seconds, nanoseconds)| Timestamp::from_unix(seconds, nanoseconds))
        };
        let (path, path_bytes) = text_and_bytes(path);
        ListRow {
            kind: match stat.file_type {
                FileType::RegularFile => "file",
                FileType::Directory => "directory",
                FileType::Symlink => "symlink",
                FileType::Fifo => "fifo",
                FileType::Socket => "socket",
                FileType::CharacterDevice => "character_device",
                FileType::BlockDevice => "block_device",
                FileType::Unknown => "unknown",
            },
            path,
            path_bytes,
            volume: Some(self.volume.to_owned()),
            size: stat.size,
            mode: Some(format!("{:04o}", stat.permissions)),
            uid: Some(stat.uid),
            gid: Some(stat.gid),
            atime: time(stat.atime),
            mtime: time(stat.mtime),
            ctime: time(stat.ctime),
            btime: time(stat.btime),
            inode: Some(stat.ino),
            links: Some(stat.links),
            ..ListRow::default()
        }
    }
}

fn text_and_bytes(path: &[u8]) -> (Option<String>, Option<String>) {
    let (text, odd) = path_text(path);
    (Some(text), odd.map(|_| STANDARD.encode(path)))
}
