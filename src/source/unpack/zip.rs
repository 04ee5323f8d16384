//! ZIP and its kin (jar, war, apk, whl, docx, nupkg): PKWARE's APPNOTE 6.3.10
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>).
//!
//! Members are read in the order in which they lie, by the headers before them, and the
//! directory at the end is passed over: so a file can be read while it is unpacked itself,
//! one that is cut short gives what it still has, what the directory does not name is
//! seen too, and no byte is unpacked twice, however members are made to overlap.

use std::io::{self, BufRead, Read};
use std::rc::Rc;

use deflate64::InflaterManaged;

use super::format::{Archive, Damage, Entry, Format, Kind, Member, Opened};
use super::gzip::Inflater;
use super::input::Input;
use super::tools::Tools;
use crate::finding::Reason;
use crate::source::bytes::{u8_at, u16_le, u32_le, u64_le};
use crate::source::filesystem::dos_time;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

const HEADER: usize = 30;

/// Where a zip begins in a file that begins with something else (a program that unpacks
/// itself, a script before a jar), by the end of the file; only one without a comment
/// (4.3.16).
#[must_use]
pub fn start_of_appended(end: &[u8], size: u64) -> Option<u64> {
    let end = end.get(end.len().checked_sub(22)?..).filter(|end| end.starts_with(&END))?;
    let length = u64::from(u32_le(end, 12)?).checked_add(u32_le(end, 16)?.into())?;
    size.checked_sub(22)?.checked_sub(length).filter(|start| *start > 0 && u16_le(end, 20) == Some(0))
}

pub(super) struct Zip;

impl Format for Zip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // Or an empty one.
        let is_empty = |rest: &[u8]| rest.get(..16) == Some(&[0; 16]);
        Local::parse(start).is_some() || start.strip_prefix(&END).is_some_and(is_empty)
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let tools = Rc::clone(tools);
        Ok(Opened::Archive(Box::new(Members {
            input,
            tools,
            content: Content::None,
            descriptor: false,
            crc: None,
            sum: crc32fast::Hasher::new(),
        })))
    }
}

/// The header before a member (4.3.7).
struct Local {
    flags: u16,
    method: u16,
    time: u16,
    date: u16,
    crc: u32,
    packed: u32,
    size: u32,
    name: usize,
    extra: usize,
}

impl Local {
    fn parse(start: &[u8]) -> Option<Self> {
        if !start.starts_with(&LOCAL) {
            return None;
        }
        let local = Self {
            flags: u16_le(start, 6)?,
            method: u16_le(start, 8)?,
            time: u16_le(start, 10)?,
            date: u16_le(start, 12)?,
            crc: u32_le(start, 14)?,
            packed: u32_le(start, 18)?,
            size: u32_le(start, 22)?,
            name: u16_le(start, 26)?.into(),
            extra: u16_le(start, 28)?.into(),
        };
        // Versions up to 6.3 and the methods that there are (4.4.5).
        let version = u8_at(start, 4)?;
        (version <= 63 && local.method <= 99).then_some(local)
    }

    fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Sizes stand behind the content.
    fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }
}

/// What is being read.
enum Content {
    None,
    /// So many bytes as they are.
    Stored(u64),
    /// Deflate or deflate64, from this place on; how many bytes it takes, where that is known.
    Deflated {
        inflater: Method,
        from: u64,
        packed: Option<u64>,
        ended: bool,
    },
    /// Up to the next header.
    UpToHeader,
}

/// Deflate, with a window of 32 or of 64 KiB.
enum Method {
    Deflate(Inflater),
    /// This one takes bits ahead: it is given no more than the bytes of the member, of which
    /// so many are left.
    Deflate64(Box<InflaterManaged>, u64),
}

impl Method {
    fn read(&mut self, input: &mut Input<'_>, bytes: &mut [u8]) -> io::Result<usize> {
        let (inflater, left) = match self {
            Self::Deflate(inflater) => return inflater.read(input, bytes),
            Self::Deflate64(inflater, left) => (inflater, left),
        };
        loop {
            let held = input.fill_buf()?;
            let most = usize::try_from(*left).unwrap_or(usize::MAX).min(held.len());
            let result = inflater.inflate(held.get(..most).unwrap_or_default(), bytes);
            input.consume(result.bytes_consumed);
            *left -= u64::try_from(result.bytes_consumed).unwrap_or(0).min(*left);
            if result.data_error {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "deflate64: the content is damaged"));
            }
            if result.bytes_written > 0 || bytes.is_empty() || inflater.finished() {
                return Ok(result.bytes_written);
            }
            if result.bytes_consumed == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle"));
            }
        }
    }

    /// Whether it stops reading where its content ends.
    fn is_exact(&self) -> bool {
        matches!(self, Self::Deflate(_))
    }
}

struct Members<'i, 'r> {
    input: &'i mut Input<'r>,
    tools: Rc<Tools>,
    content: Content,
    descriptor: bool,
    /// What the checksum is to be, where that is known beforehand.
    crc: Option<u32>,
    sum: crc32fast::Hasher,
}

impl Archive for Members<'_, '_> {
    fn next(&mut self) -> Result<Option<Entry>, Damage> {
        self.finish()?;
        let start = self.input.need(HEADER);
        if start.is_empty() {
            return Err(Damage::corrupt("it ends before its directory"));
        }
        if let Some(local) = Local::parse(start) {
            return self.member(&local).map(|member| Some(Entry::Member(member)));
        }
        if self.directory() {
            return Ok(None);
        }
        // A signature of all (APK), or what damage left.
        self.content = Content::UpToHeader;
        Ok(Some(Entry::Part(None)))
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.content {
            Content::None => 0,
            Content::Stored(left) => {
                let most = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let read = self.input.read(bytes.get_mut(..most).unwrap_or_default())?;
                *left -= u64::try_from(read).unwrap_or(0).min(*left);
                if read == 0 && *left > 0 {
                    self.content = Content::None;
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle"));
                }
                read
            }
            Content::Deflated { ended: true, .. } => 0,
            Content::Deflated { inflater, ended, .. } => {
                let read = inflater.read(self.input, bytes);
                if !matches!(read, Ok(1..)) && !bytes.is_empty() {
                    *ended = true;
                }
                read?
            }
            Content::UpToHeader => self.read_up_to_header(bytes)?,
        };
        if self.crc.is_some() {
            self.sum.update(bytes.get(..read).unwrap_or_default());
            if read == 0
                && !bytes.is_empty()
                && self.crc.take() != Some(std::mem::take(&mut self.sum).finalize())
            {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"));
            }
        }
        Ok(read)
    }
}

impl Members<'_, '_> {
    /// Goes behind what has not been read of the entry.
    fn finish(&mut self) -> Result<(), Damage> {
        let cut = || Damage::corrupt("it ends in the middle of a member");
        self.crc = None;
        match std::mem::replace(&mut self.content, Content::None) {
            Content::None => {}
            Content::Stored(left) => {
                if !self.input.skip(left) {
                    return Err(cut());
                }
            }
            Content::Deflated { mut inflater, from, packed, ended } => {
                let end = packed.map(|packed| from.saturating_add(packed));
                let left = end.and_then(|end| end.checked_sub(self.input.position()));
                match left {
                    // Its own end is right, whatever the header says; and behind damage
                    // the next header is looked for.
                    _ if ended && inflater.is_exact() => {}
                    Some(left) if !self.input.skip(left) => return Err(cut()),
                    Some(_) => {}
                    None => {
                        let mut bytes = [0; 4096];
                        while let Ok(read @ 1..) = inflater.read(self.input, &mut bytes) {
                            self.tools.budget.unpacked(read);
                            if self.tools.budget.stop().is_some() {
                                break;
                            }
                        }
                    }
                }
            }
            Content::UpToHeader => {
                let mut bytes = [0; 4096];
                while self.read_up_to_header(&mut bytes).is_ok_and(|read| read > 0) {}
            }
        }
        if std::mem::take(&mut self.descriptor) {
            self.skip_descriptor();
        }
        Ok(())
    }

    /// The descriptor behind a member (4.3.9), with or without its magic, with short or
    /// long sizes: as long as it takes to the next header.
    fn skip_descriptor(&mut self) {
        let start = self.input.peek(28);
        let lengths: &[usize] = if start.starts_with(&DESCRIPTOR) { &[16, 24] } else { &[12, 20] };
        let fits = |length: &&usize| start.get(**length..**length + 2) == Some(b"PK");
        if let Some(length) = lengths.iter().find(fits) {
            self.input.consume(*length);
        }
    }

    fn member(&mut self, local: &Local) -> Result<Member, Damage> {
        self.input.consume(HEADER);
        let cut = || Damage::corrupt("it ends in the middle of a header");
        let mut name = vec![0; local.name];
        let mut extra = vec![0; local.extra];
        self.input.read_exact(&mut name).map_err(|_| cut())?;
        self.input.read_exact(&mut extra).map_err(|_| cut())?;
        let mut member =
            Member { name, mtime: dos_time::time(local.date, local.time, 0), ..Member::default() };
        let (mut size, mut packed) = (u64::from(local.size), u64::from(local.packed));
        self::extra(&extra, |id, field| match id {
            1 => {
                let mut at = 0;
                for (short, long) in [(local.size, &mut size), (local.packed, &mut packed)] {
                    if let Some(value) = u64_le(field, at).filter(|_| short == u32::MAX) {
                        *long = value;
                        at += 8;
                    }
                }
            }
            0x5455 if u8_at(field, 0).is_some_and(|flags| flags & 1 != 0) => {
                let seconds = field.get(1..5).and_then(|bytes| bytes.try_into().ok()).map(i32::from_le_bytes);
                member.mtime = seconds.map(|seconds| (seconds.into(), 0)).or(member.mtime);
            }
            0x7875 => (member.uid, member.gid) = owner(field),
            _ => {}
        });
        if member.name.ends_with(b"/") {
            member.kind = Kind::Directory;
        }
        let known = !(local.has_descriptor() && packed == 0);
        member.size = (!local.has_descriptor() || size > 0).then_some(size);
        self.descriptor = local.has_descriptor();
        member.closed = match local.method {
            _ if local.is_encrypted() || local.method == 99 => Some(Reason::Encrypted),
            // Those of 12, 93 and 95 begin with the magic of bzip2, zstd and xz.
            0 | 8 | 12 | 93 | 95 => None,
            9 if known => None,
            _ => Some(Reason::Unsupported),
        };
        self.crc = None;
        self.sum = crc32fast::Hasher::new();
        let has_sum = member.closed.is_none() && matches!(local.method, 0 | 8 | 9) && !local.has_descriptor();
        if has_sum && member.kind == Kind::File {
            self.crc = Some(local.crc);
        }
        self.content = if matches!(local.method, 8 | 9) && member.closed.is_none() {
            member.packed = true;
            let inflater = match local.method {
                8 => Method::Deflate(Inflater::new(&self.tools)),
                _ => Method::Deflate64(Box::new(InflaterManaged::new()), packed),
            };
            let packed = known.then_some(packed);
            Content::Deflated { inflater, from: self.input.position(), packed, ended: false }
        } else if known {
            Content::Stored(packed)
        } else {
            Content::UpToHeader
        };
        Ok(member)
    }

    /// Goes behind the directory and the end; false: this is neither.
    fn directory(&mut self) -> bool {
        let mut any = false;
        loop {
            let start = self.input.peek(46);
            let word = |at: usize| u64::from(u16_le(start, at).unwrap_or(0));
            let length = match start.get(..4).and_then(|magic| magic.try_into().ok()) {
                Some(DIRECTORY) => 46 + word(28) + word(30) + word(32),
                Some(END_64) => u64_le(start, 4).unwrap_or(0).saturating_add(12),
                Some(LOCATOR_64) => 20,
                Some(END) => 22 + word(20),
                _ => return any,
            };
            let is_end = start.starts_with(&END);
            any = true;
            if !self.input.skip(length) || is_end {
                return true;
            }
        }
    }

    /// Gives bytes up to where a header, a descriptor or the directory begins.
    fn read_up_to_header(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let held = self.input.peek(super::input::PEEK);
        if held.is_empty() {
            self.input.fill_buf()?;
            return Ok(0);
        }
        let mut stop = held.len().saturating_sub(HEADER - 1).max(1);
        let mut from = 0;
        while let Some(at) = memchr::memmem::find(held.get(from..).unwrap_or_default(), b"PK") {
            let at = from + at;
            let rest = held.get(at..).unwrap_or_default();
            if at >= stop || is_boundary(rest) {
                stop = stop.min(at);
                break;
            }
            from = at + 2;
        }
        let length = stop.min(bytes.len());
        if let (Some(to), Some(given)) = (bytes.get_mut(..length), held.get(..length)) {
            to.copy_from_slice(given);
        }
        self.input.consume(length);
        Ok(length)
    }
}

fn is_boundary(rest: &[u8]) -> bool {
    Local::parse(rest).is_some()
        || [DIRECTORY, END, END_64, DESCRIPTOR].iter().any(|magic| rest.starts_with(magic))
}

/// The fields of an extra area: number, length, bytes.
fn extra(mut area: &[u8], mut each: impl FnMut(u16, &[u8])) {
    while let (Some(id), Some(length)) = (u16_le(area, 0), u16_le(area, 2)) {
        let Some(field) = area.get(4..4 + usize::from(length)) else { return };
        each(id, field);
        area = area.get(4 + field.len()..).unwrap_or_default();
    }
}

/// Owner and group: version, then twice a length and a number.
fn owner(field: &[u8]) -> (Option<u64>, Option<u64>) {
    let number = |at: usize| {
        let length = usize::from(u8_at(field, at)?);
        let bytes = field.get(at + 1..at + 1 + length).filter(|_| length <= 8)?;
        Some((at + 1 + length, bytes.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))))
    };
    let Some((next, uid)) = number(1) else { return (None, None) };
    (Some(uid), number(next).map(|(_, gid)| gid))
}
