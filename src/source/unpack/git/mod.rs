//! Objects of git: loose ones, and packs of version 2 and 3.
//!
//! Role: gives blobs, commits and tags as members that are called by their object ids;
//! trees have no text and are passed over. A pack is read from its first object to its
//! last, at offsets, so that bases that are not held any more are read again; its index is
//! not needed for that. Not for: which commits have a blob (see `facts::git`).
//!
//! Sources: gitformat-pack(5); the section "Object Storage" of the chapter "Git Internals".

mod delta;
mod pack;
mod zlib;

use std::io::{self, Read};
use std::rc::Rc;

use sha1::{Digest, Sha1};

use super::format::{Archive, Damage, Entry, Format, Kind as MemberKind, Member, Opened};
use super::input::Input;
use super::tools::Tools;
use crate::finding::Reason;
use crate::formats::hex;
use pack::Pack;
pub use pack::{Base, Header, header_at};
pub use zlib::Inflater;

pub use delta::apply;

/// Larger objects are never held: whole ones are streamed, deltas are refused.
pub const MAX_HELD: usize = 32 << 20;
/// As deep as git itself packs.
pub const MAX_CHAIN: u32 = 4095;
/// The longest header of a loose object: `commit`, a blank, 20 digits and a zero byte.
const MAX_HEADER: usize = 32;

/// The name of an object: SHA-1 of its header and content.
pub type ObjectId = [u8; 20];

/// Bytes at offsets.
pub trait Bytes {
    /// Reads at `offset`; 0 is the end.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Bytes for Vec<u8> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        self.get(from..).unwrap_or_default().read(bytes)
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A directory.
    Tree,
    /// The content of a file.
    Blob,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    /// As its header has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

/// The id of an object that is held.
#[must_use]
pub fn id_of(kind: ObjectKind, content: &[u8]) -> ObjectId {
    let mut hasher = hasher(kind, u64::try_from(content.len()).unwrap_or(u64::MAX));
    hasher.update(content);
    hasher.finalize().into()
}

fn hasher(kind: ObjectKind, size: u64) -> Sha1 {
    Sha1::new_with_prefix(format!("{} {size}\0", kind.name()))
}

/// Kind, size and length of the header that an inflated loose object begins with.
#[must_use]
pub fn loose_header(start: &[u8]) -> Option<(ObjectKind, u64, usize)> {
    let end = start.iter().take(MAX_HEADER).position(|byte| *byte == 0)?;
    let (kind, size) = std::str::from_utf8(start.get(..end)?).ok()?.split_once(' ')?;
    let kinds = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];
    let kind = kinds.into_iter().find(|known| known.name() == kind)?;
    let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    Some((kind, size.parse().ok().filter(|_| digits)?, end.checked_add(1)?))
}

/// Whether a content that begins so is a pack.
fn is_pack(start: &[u8]) -> bool {
    matches!(start, [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, _, _, _, _, ..])
}

/// Whether a content that begins so is a loose object.
fn is_loose(start: &[u8]) -> bool {
    let [first @ 0x78, second, ..] = start else { return false };
    if (u32::from(*first) << 8 | u32::from(*second)) % 31 != 0 {
        return false;
    }
    zlib::first_bytes::<MAX_HEADER>(start).is_some_and(|bytes| loose_header(&bytes).is_some())
}

/// Whether a content that begins so is one of git's.
#[must_use]
pub fn detect(start: &[u8]) -> bool {
    is_pack(start) || is_loose(start)
}

/// The format where it lies in another: small enough to be held.
pub(super) struct Git;

impl Format for Git {
    fn name(&self) -> &'static str {
        "git"
    }

    fn detect(&self, start: &[u8]) -> bool {
        detect(start)
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let mut bytes = Vec::new();
        let most = u64::try_from(MAX_HELD).unwrap_or(u64::MAX);
        input.take(most).read_to_end(&mut bytes).map_err(|error| Damage::corrupt(error.to_string()))?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if !input.peek(1).is_empty() {
            let message = format!(
                "a pack of git in an archive is looked into up to {} MiB: unpack it to scan the rest",
                MAX_HELD >> 20
            );
            return Err(Damage::new(Reason::OverBudget, message));
        }
        Ok(Opened::Archive(Box::new(Objects::open(Box::new(bytes), size, tools)?)))
    }
}

/// The objects of a pack, or the one of a loose file.
pub(super) enum Objects<'b> {
    Pack(Box<Pack<'b>>),
    Loose(Option<Loose<'b>>, Content<'b>, u64),
}

/// The content of an object.
pub(super) enum Content<'b> {
    None,
    Held(Rc<Vec<u8>>, usize),
    Stream(Box<dyn Read + 'b>),
}

impl Read for Content<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::None => Ok(0),
            Self::Held(content, at) => {
                let read = content.get(*at..).unwrap_or_default().read(bytes)?;
                *at = at.saturating_add(read);
                Ok(read)
            }
            Self::Stream(reader) => reader.read(bytes),
        }
    }
}

impl<'b> Objects<'b> {
    pub(super) fn open(bytes: Box<dyn Bytes + 'b>, size: u64, tools: &Rc<Tools>) -> Result<Self, Damage> {
        let bytes: Rc<dyn Bytes + 'b> = Rc::from(bytes);
        let mut start = [0; 12];
        let read = bytes.read_at(&mut start, 0).map_err(|error| Damage::corrupt(error.to_string()))?;
        if is_pack(start.get(..read).unwrap_or_default()) {
            let [.., a, b, c, d] = start;
            let pack = Pack::new(bytes, size, u32::from_be_bytes([a, b, c, d]), tools);
            return Ok(Self::Pack(Box::new(pack)));
        }
        Ok(Self::Loose(Some(Loose { bytes, size }), Content::None, 0))
    }

    /// Up to where the file was understood.
    pub(super) fn position(&self) -> u64 {
        match self {
            Self::Pack(pack) => pack.position(),
            Self::Loose(_, _, position) => *position,
        }
    }
}

impl Archive for Objects<'_> {
    fn next(&mut self) -> Result<Option<Entry>, Damage> {
        match self {
            Self::Pack(pack) => pack.next(),
            Self::Loose(loose, content, position) => {
                let Some(loose) = loose.take() else { return Ok(None) };
                *position = loose.size;
                let (entry, opened) = loose.open()?;
                *content = opened;
                Ok(entry)
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Pack(pack) => pack.read(bytes),
            Self::Loose(_, content, _) => content.read(bytes),
        }
    }
}

/// A loose object: one zlib stream.
pub(super) struct Loose<'b> {
    bytes: Rc<dyn Bytes + 'b>,
    size: u64,
}

impl<'b> Loose<'b> {
    fn open(self) -> Result<(Option<Entry>, Content<'b>), Damage> {
        let start = || zlib::Stream::new(Rc::clone(&self.bytes), 0);
        let mut stream = start();
        let mut held = Vec::new();
        let most = u64::try_from(MAX_HELD).unwrap_or(u64::MAX);
        // What comes before damage is given all the same, by the name that it then has.
        let damage = (&mut stream).take(most).read_to_end(&mut held).err();
        let Some((kind, size, header)) = loose_header(&held) else {
            return Err(Damage::corrupt("git: its header is damaged".to_owned()));
        };
        if kind == ObjectKind::Tree {
            return match damage {
                Some(error) => Err(Damage::corrupt(format!("git: {error}"))),
                None => Ok((None, Content::None)),
            };
        }
        let id: ObjectId = if held.len() < MAX_HELD {
            Sha1::digest(&held).into()
        } else {
            let mut hasher = Sha1::new_with_prefix(&held);
            io::copy(&mut stream, &mut HashWriter(&mut hasher)).ok();
            hasher.finalize().into()
        };
        let whole = u64::try_from(held.len().saturating_sub(header)).ok() == Some(size);
        let content = if held.len() < MAX_HELD && damage.is_none() && whole {
            held.drain(..header);
            Content::Held(Rc::new(held), 0)
        } else {
            let mut stream = zlib::Sized::new(start(), size);
            stream.skip_header(header);
            Content::Stream(Box::new(stream))
        };
        Ok((Some(Entry::Member(member(kind, id, size))), content))
    }
}

struct HashWriter<'h>(&'h mut Sha1);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn member(kind: ObjectKind, id: ObjectId, size: u64) -> Member {
    Member {
        name: hex::encode(&id).into_bytes(),
        kind: MemberKind::File,
        size: Some(size),
        packed: true,
        object: Some((kind, id)),
        ..Member::default()
    }
}
