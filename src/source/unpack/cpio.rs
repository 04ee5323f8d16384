//! cpio in its three forms of text: `newc`, `crc` (the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst) and `odc` (IEEE Std
//! 1003.1, "pax: cpio Interchange Format").

use std::io::{self, Read};
use std::rc::Rc;

use super::format::{Archive, Damage, Entry, Format, Kind, Member, Opened};
use super::input::Input;
use super::tools::Tools;

/// The longest name.
const MAX_NAME: u64 = 1 << 16;
const NEW: usize = 110;
const OLD: usize = 76;

pub(super) struct Cpio;

impl Format for Cpio {
    fn name(&self) -> &'static str {
        "cpio"
    }

    fn detect(&self, start: &[u8]) -> bool {
        Header::parse(start).is_some()
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        Ok(Opened::Archive(Box::new(Members { input, left: 0, padding: 0, part: false, ended: false })))
    }
}

struct Header {
    /// How long it is, and to how many bytes name and content are filled up.
    length: usize,
    align: u64,
    mode: u64,
    uid: u64,
    gid: u64,
    mtime: u64,
    size: u64,
    name: u64,
}

impl Header {
    fn parse(start: &[u8]) -> Option<Self> {
        let number = |at: usize, length: usize, radix: u32| {
            let digits = start.get(at..at + length)?;
            let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
            u64::from_str_radix(text, radix).ok()
        };
        let header = match start.get(..6)? {
            b"070701" | b"070702" => {
                let field = |index: usize| number(6 + 8 * index, 8, 16);
                Self {
                    length: NEW,
                    align: 4,
                    mode: field(1)?,
                    uid: field(2)?,
                    gid: field(3)?,
                    mtime: field(5)?,
                    size: field(6)?,
                    name: field(11)?,
                }
            }
            b"070707" => Self {
                length: OLD,
                align: 1,
                mode: number(18, 6, 8)?,
                uid: number(24, 6, 8)?,
                gid: number(30, 6, 8)?,
                mtime: number(48, 11, 8)?,
                size: number(65, 11, 8)?,
                name: number(59, 6, 8)?,
            },
            _ => return None,
        };
        (1..=MAX_NAME).contains(&header.name).then_some(header)
    }

    fn padding(&self, length: u64) -> u64 {
        length.wrapping_neg() % self.align
    }

    fn kind(&self) -> Kind {
        match self.mode & 0o170_000 {
            0o040_000 => Kind::Directory,
            0o120_000 => Kind::SymbolicLink,
            0o100_000 | 0 => Kind::File,
            _ => Kind::Special,
        }
    }
}

struct Members<'i, 'r> {
    input: &'i mut Input<'r>,
    left: u64,
    padding: u64,
    /// The entry is what lies between damage and the next header.
    part: bool,
    ended: bool,
}

impl Archive for Members<'_, '_> {
    fn next(&mut self) -> Result<Option<Entry>, Damage> {
        if self.part {
            let mut bytes = [0; 4096];
            while self.read_part(&mut bytes).is_ok_and(|read| read > 0) {}
            self.part = false;
        }
        let left = std::mem::take(&mut self.left);
        if !self.ended && !self.input.skip(left) {
            self.ended = true;
            return Err(Damage::corrupt("it ends in the middle of a member"));
        }
        self.input.skip(std::mem::take(&mut self.padding));
        if self.ended {
            return Ok(None);
        }
        self.input.need(OLD);
        let start = self.input.peek(NEW);
        if start.is_empty() {
            self.ended = true;
            return Err(Damage::corrupt("it ends before its last entry"));
        }
        let Some(header) = Header::parse(start) else {
            self.part = true;
            return Ok(Some(Entry::Part(Some(Damage::corrupt("a header is damaged")))));
        };
        let cut = || Damage::corrupt("it ends in the middle of a header");
        if !self.input.skip(u64::try_from(header.length).unwrap_or(0)) {
            return Err(cut());
        }
        let mut name = Vec::new();
        let read = self.input.by_ref().take(header.name).read_to_end(&mut name).map_err(|_| cut())?;
        if u64::try_from(read) != Ok(header.name) {
            return Err(cut());
        }
        if name.last() == Some(&0) {
            name.pop();
        }
        let head = u64::try_from(header.length).unwrap_or(0).saturating_add(header.name);
        self.input.skip(header.padding(head));
        if name == b"TRAILER!!!" && header.size == 0 {
            self.ended = true;
            return Ok(None);
        }
        (self.left, self.padding) = (header.size, header.padding(header.size));
        Ok(Some(Entry::Member(Member {
            name,
            kind: header.kind(),
            size: Some(header.size),
            mode: u32::try_from(header.mode & 0o7777).ok(),
            uid: Some(header.uid),
            gid: Some(header.gid),
            mtime: i64::try_from(header.mtime).ok().map(|seconds| (seconds, 0)),
            ..Member::default()
        })))
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.part {
            return self.read_part(bytes);
        }
        let read = self.input.read_member(&mut self.left, bytes);
        if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            self.ended = true;
        }
        read
    }
}

impl Members<'_, '_> {
    /// Gives bytes up to the next header.
    fn read_part(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let held = self.input.peek(super::input::PEEK);
        let last = held.len().saturating_sub(NEW - 1).max(held.len().min(1));
        let starts = memchr::memmem::find_iter(held, b"07070");
        let stop =
            starts.take_while(|at| *at < last).find(|at| held.get(*at..).and_then(Header::parse).is_some());
        let length = stop.unwrap_or(last).min(bytes.len());
        if let (Some(to), Some(given)) = (bytes.get_mut(..length), held.get(..length)) {
            to.copy_from_slice(given);
        }
        self.input.skip(u64::try_from(length).unwrap_or(0));
        Ok(length)
    }
}
