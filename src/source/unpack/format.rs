//! What a format is: how it is told by its first bytes, and how it is opened.
//!
//! Adding a format is one file with a type that implements [`Format`], and its name in
//! [`FORMATS`].

use std::io::{self, Read};
use std::rc::Rc;

use super::input::Input;
use super::tools::Tools;
use super::{ar, bzip2, closed, compress, cpio, git, gzip, lz4, lzma, rpm, tar, xz, zip, zstd};
use crate::finding::Reason;
use crate::source::UnixTime;

/// All formats. The first that recognises a content opens it.
pub(super) const FORMATS: [&dyn Format; 18] = [
    &gzip::Gzip,
    &zip::Zip,
    &tar::Tar,
    &zstd::Zstd,
    &xz::Xz,
    &bzip2::Bzip2,
    &lz4::Lz4,
    &lzma::Lzma,
    &compress::Compress,
    &cpio::Cpio,
    &ar::Ar,
    &rpm::Rpm,
    &git::Git,
    &closed::SEVEN_ZIP,
    &closed::RAR,
    &closed::CABINET,
    &closed::SQUASHFS,
    &closed::ISO,
];

/// A format of archives or of compressed content.
pub trait Format: Sync {
    /// What it is called: `gzip`.
    fn name(&self) -> &'static str;

    /// Whether a content that begins so is of this format. As strict as the bytes at
    /// hand allow: what is opened by mistake is read by nobody else.
    fn detect(&self, start: &[u8]) -> bool;

    /// Opens a content of which nothing has been taken.
    ///
    /// # Errors
    ///
    /// It is no such thing, or needs more than is allowed.
    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage>;
}

/// The format of a content by its first bytes.
#[must_use]
pub fn detect(start: &[u8]) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|format| format.detect(start))
}

/// An opened content.
pub enum Opened<'i> {
    /// It was compressed: the content itself, and its name where it has one.
    Stream(Box<dyn Read + 'i>, Option<Vec<u8>>),
    /// It has members.
    Archive(Box<dyn Archive + 'i>),
}

/// Why something cannot be read, or not further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Damage {
    pub(super) fn corrupt(message: impl Into<String>) -> Self {
        Self { reason: Reason::Corrupt, message: message.into() }
    }

    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Members, one after the other.
pub trait Archive {
    /// Goes to the next entry, past whatever has not been read of this one; `None` at the
    /// end.
    ///
    /// # Errors
    ///
    /// Nothing more can be read.
    fn next(&mut self) -> Result<Option<Entry>, Damage>;

    /// Reads content of the entry; 0 at its end.
    ///
    /// # Errors
    ///
    /// Its content is damaged, or ends before its time.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize>;
}

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A member.
    Member(Member),
    /// Bytes that are none: behind damage up to where members go on, or with the
    /// archive's own text. `Some`: what is wrong.
    Part(Option<Damage>),
}

/// What a member is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    #[default]
    File,
    /// A directory: counted, and no more.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// Another name of an earlier member.
    HardLink,
    /// A device, FIFO or socket.
    Special,
}

/// A member as its archive describes it. Names are labels: nothing is ever written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its name, as it is stored.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes, where that is known beforehand.
    pub size: Option<u64>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner's number.
    pub uid: Option<u64>,
    /// Group's number.
    pub gid: Option<u64>,
    /// Owner's name.
    pub owner: Option<Vec<u8>>,
    /// Group's name.
    pub group: Option<Vec<u8>>,
    /// Content last changed.
    pub mtime: Option<UnixTime>,
    /// What object of git it is.
    pub object: Option<(git::ObjectKind, git::ObjectId)>,
    /// Whether its content is compressed.
    pub packed: bool,
    /// Why its content cannot be read, where that is known beforehand.
    pub closed: Option<Reason>,
}
