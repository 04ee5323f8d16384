//! tar: POSIX ustar and pax (IEEE Std 1003.1, "pax: Extended Description"), and what GNU
//! tar adds: long names, numbers in base 256, sparse files
//! (<https://www.gnu.org/software/tar/manual/html_node/Standard.html>).
//!
//! The content of a sparse file is what is stored of it: its holes, which are zeros, are
//! left out, so that a hole of any size costs nothing.

use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::format::{Archive, Damage, Entry, Format, Kind, Member, Opened};
use super::input::Input;
use super::tools::Tools;
use crate::source::UnixTime;

const BLOCK: usize = 512;
/// The longest name, link or extended header that is kept.
const MAX_EXTRA: u64 = 1 << 20;

pub(super) struct Tar;

impl Format for Tar {
    fn name(&self) -> &'static str {
        "tar"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // Every tar ends its mode, owner and group like this, and most say `ustar`.
        let plausible = start.get(257..262) == Some(b"ustar") || is_old(start);
        plausible && Header::parse(start).is_some()
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        Ok(Opened::Archive(Box::new(Members { input, left: 0, padding: 0, part: false, ended: false })))
    }
}

/// Whether it may be a header of a tar from before POSIX: octal numbers where they
/// belong, and a kind that was known then.
fn is_old(start: &[u8]) -> bool {
    let octal = |from: usize| {
        start.get(from..from + 8).is_some_and(|field| {
            matches!(field, [.., b' ' | 0])
                && field.iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ' | 0))
                && field.iter().any(u8::is_ascii_digit)
        })
    };
    matches!(start.get(156), Some(0 | b'0'..=b'2' | b'5'))
        && octal(100)
        && octal(108)
        && octal(116)
        && start.first() != Some(&0)
}

/// A header whose checksum is right.
struct Header<'h> {
    bytes: &'h [u8],
}

impl<'h> Header<'h> {
    fn parse(start: &'h [u8]) -> Option<Self> {
        let bytes = start.get(..BLOCK)?;
        let stored = octal(bytes.get(148..156)?)?;
        let (before, rest) = bytes.split_at_checked(148)?;
        let after = rest.get(8..)?;
        let all = before.iter().chain(after);
        let sum = all.clone().map(|byte| u64::from(*byte)).sum::<u64>() + 8 * u64::from(b' ');
        // Some old programs added signed characters.
        let signed = all.map(|byte| i64::from(i8::from_ne_bytes([*byte]))).sum::<i64>() + 8 * i64::from(b' ');
        (stored == sum || i64::try_from(stored) == Ok(signed)).then_some(Self { bytes })
    }

    fn field(&self, from: usize, length: usize) -> &'h [u8] {
        self.bytes.get(from..from + length).unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.bytes.get(156).copied().unwrap_or(0)
    }

    fn member(&self) -> Result<Member, Damage> {
        let name = text(self.field(0, 100));
        // GNU has other things there.
        let is_posix = self.field(257, 6) == b"ustar\0";
        let prefix = if is_posix { text(self.field(345, 155)) } else { &[] };
        let name = if prefix.is_empty() { name.to_vec() } else { [prefix, name].join(&b'/') };
        let names = self.field(257, 5) == b"ustar";
        let owner =
            |from: usize| names.then(|| text(self.field(from, 32)).to_vec()).filter(|n| !n.is_empty());
        let size = number(self.field(124, 12)).ok_or_else(|| Damage::corrupt("a size is no number"))?;
        Ok(Member {
            name,
            kind: match self.kind() {
                b'5' => Kind::Directory,
                b'2' => Kind::SymbolicLink,
                b'1' => Kind::HardLink,
                b'3' | b'4' | b'6' => Kind::Special,
                _ => Kind::File,
            },
            size: Some(size),
            mode: number(self.field(100, 8)).and_then(|mode| u32::try_from(mode & 0o7777).ok()),
            uid: number(self.field(108, 8)),
            gid: number(self.field(116, 8)),
            owner: owner(265),
            group: owner(297),
            mtime: number(self.field(136, 12)).and_then(|time| Some((i64::try_from(time).ok()?, 0))),
            ..Member::default()
        })
    }
}

/// Up to the first zero byte.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number, or one in base 256 whose first byte is 128; none is negative.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => {
            rest.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte)))
        }
        (0x81.., _) => None,
        _ => octal(field),
    }
}

/// An octal number with blanks before it and a blank or zero byte behind; nothing is zero.
fn octal(field: &[u8]) -> Option<u64> {
    let field = text(field).trim_ascii();
    field.iter().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// What comes before a member and is about it.
#[derive(Default)]
struct Extra {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    owner: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
    mtime: Option<UnixTime>,
    /// The content begins with the map of a sparse file.
    map: bool,
}

impl Extra {
    /// Records of a pax header: `LENGTH NAME=VALUE\n`.
    fn pax(&mut self, mut records: &[u8]) -> Result<(), Damage> {
        let wrong = || Damage::corrupt("an extended header is wrong");
        while !records.is_empty() {
            let blank = memchr::memchr(b' ', records).ok_or_else(wrong)?;
            let digits = records.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok());
            let length: usize = digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
            let record = records.get(blank + 1..length).ok_or_else(wrong)?;
            records = records.get(length..).ok_or_else(wrong)?;
            let record = record.strip_suffix(b"\n").ok_or_else(wrong)?;
            let equals = memchr::memchr(b'=', record).ok_or_else(wrong)?;
            let (name, value) = (record.get(..equals).unwrap_or_default(), record.get(equals + 1..));
            self.set(name, value.unwrap_or_default());
        }
        Ok(())
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        let decimal = || std::str::from_utf8(value).ok()?.parse().ok();
        match name {
            b"path" | b"GNU.sparse.name" => self.name = Some(value.to_vec()),
            b"size" => self.size = decimal(),
            b"uid" => self.uid = decimal(),
            b"gid" => self.gid = decimal(),
            b"uname" => self.owner = Some(value.to_vec()),
            b"gname" => self.group = Some(value.to_vec()),
            b"mtime" => self.mtime = time(value),
            b"GNU.sparse.major" => self.map = value == b"1",
            _ => {}
        }
    }

    fn apply(self, member: &mut Member) {
        let Self { name, size, uid, gid, owner, group, mtime, map: _ } = self;
        if let Some(name) = name {
            member.name = name;
        }
        member.size = size.or(member.size);
        member.uid = uid.or(member.uid);
        member.gid = gid.or(member.gid);
        member.owner = owner.or(member.owner.take());
        member.group = group.or(member.group.take());
        member.mtime = mtime.or(member.mtime);
    }
}

/// Seconds with a fraction.
fn time(value: &[u8]) -> Option<UnixTime> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0_u32, |sum, digit| sum * 10 + u32::from(digit.wrapping_sub(b'0').min(9)));
    // Before 1970 the fraction counts backwards.
    if text.starts_with('-') && nanoseconds > 0 {
        return Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds));
    }
    Some((seconds, nanoseconds))
}

struct Members<'i, 'r> {
    input: &'i mut Input<'r>,
    /// What has not been read of the entry, and the zeros behind it.
    left: u64,
    padding: u64,
    /// The entry is what lies between damage and the next header.
    part: bool,
    ended: bool,
}

impl Archive for Members<'_, '_> {
    fn next(&mut self) -> Result<Option<Entry>, Damage> {
        self.finish()?;
        let mut extra = Extra::default();
        while !self.ended {
            let start = self.input.need(2 * BLOCK);
            if start.is_empty() {
                // GNU tar does not mind either.
                self.ended = true;
                break;
            }
            let Some(block) = start.get(..BLOCK) else {
                return Err(Damage::corrupt("it ends in the middle of a header"));
            };
            if block.iter().all(|byte| *byte == 0) {
                self.ended = start.get(BLOCK..).is_none_or(|next| next.iter().all(|byte| *byte == 0));
                let blocks = if self.ended { start.len() } else { BLOCK };
                self.input.consume(blocks);
                continue;
            }
            let Some(header) = Header::parse(block) else {
                self.part = true;
                return Ok(Some(Entry::Part(Some(Damage::corrupt("a header is damaged")))));
            };
            let kind = header.kind();
            let mut member = match header.member() {
                Ok(member) => member,
                Err(damage) => {
                    self.input.consume(BLOCK);
                    self.part = true;
                    return Ok(Some(Entry::Part(Some(damage))));
                }
            };
            let more_maps = kind == b'S' && block.get(482).is_some_and(|more| *more != 0);
            self.input.consume(BLOCK);
            let size = member.size.unwrap_or(0);
            match kind {
                b'L' => extra.name = Some(text(&self.take(size)?).to_vec()),
                b'x' => {
                    let records = self.take(size)?;
                    extra.pax(&records)?;
                }
                b'K' | b'g' => {
                    self.take(size)?;
                }
                _ => {
                    if more_maps {
                        self.skip_maps()?;
                    }
                    let map = extra.map;
                    extra.apply(&mut member);
                    return self.begin(member, map).map(Some);
                }
            }
        }
        Ok(None)
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
    fn begin(&mut self, mut member: Member, map: bool) -> Result<Entry, Damage> {
        // Only files have content, whatever the size says; links in pax may have one too.
        let has_content = matches!(member.kind, Kind::File | Kind::HardLink);
        let size = if has_content { member.size.unwrap_or(0) } else { 0 };
        self.left = size;
        self.padding = padding(size);
        if map {
            let length = self.skip_map()?;
            self.left = size.saturating_sub(length);
            member.size = Some(self.left);
        }
        if member.kind == Kind::File && member.name.ends_with(b"/") && size == 0 {
            // As tars from before POSIX have directories.
            member.kind = Kind::Directory;
        }
        Ok(Entry::Member(member))
    }

    /// Goes behind what has not been read of the entry.
    fn finish(&mut self) -> Result<(), Damage> {
        if self.part {
            let mut bytes = [0; BLOCK];
            while self.read_part(&mut bytes).is_ok_and(|read| read > 0) {}
            self.part = false;
            self.left = 0;
        }
        let (left, padding) = (std::mem::take(&mut self.left), std::mem::take(&mut self.padding));
        if self.ended {
            return Ok(());
        }
        if !self.input.skip(left) {
            self.ended = true;
            return Err(Damage::corrupt("it ends in the middle of a member"));
        }
        // The last member of a cut archive may lack its padding.
        self.input.skip(padding);
        Ok(())
    }

    /// The content of an entry that is about another one.
    fn take(&mut self, size: u64) -> Result<Vec<u8>, Damage> {
        let mut bytes = Vec::new();
        let wrong = || Damage::corrupt("it ends in the middle of an extended header");
        if size > MAX_EXTRA {
            return match self.input.skip(size.saturating_add(padding(size))) {
                true => Ok(bytes),
                false => Err(wrong()),
            };
        }
        let read = self.input.by_ref().take(size).read_to_end(&mut bytes).map_err(|_| wrong())?;
        if u64::try_from(read) != Ok(size) || !self.input.skip(padding(size)) {
            return Err(wrong());
        }
        Ok(bytes)
    }

    /// Goes behind the further blocks of the map of a sparse file, as GNU tar had it at
    /// first: 21 pairs of numbers, then whether another block follows.
    fn skip_maps(&mut self) -> Result<(), Damage> {
        loop {
            let block = self.input.array::<BLOCK>();
            match block.as_ref().and_then(|block| block.get(504)) {
                None => return Err(Damage::corrupt("it ends in the middle of a sparse map")),
                Some(0) => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// Goes behind the map of a sparse file, as its version 1.0 has it: decimal lines,
    /// the first says how many pairs follow; zeros up to the end of a block.
    fn skip_map(&mut self) -> Result<u64, Damage> {
        let wrong = || Damage::corrupt("a sparse map is wrong");
        let (mut lines_left, mut length) = (None::<u64>, 0_u64);
        while lines_left != Some(0) {
            let start = self.input.need(32);
            let end = memchr::memchr(b'\n', start).ok_or_else(wrong)?;
            let digits = start.get(..end).and_then(|line| std::str::from_utf8(line).ok());
            let number: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
            lines_left = match lines_left {
                None => Some(number.checked_mul(2).ok_or_else(wrong)?),
                Some(left) => Some(left - 1),
            };
            self.input.consume(end + 1);
            length = length.saturating_add(u64::try_from(end + 1).unwrap_or(u64::MAX));
            if length > self.left {
                return Err(wrong());
            }
        }
        self.input.skip(padding(length));
        Ok(length.saturating_add(padding(length)))
    }

    /// What lies before the next header, block by block.
    fn read_part(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let block = self.input.peek(BLOCK);
            if is_header(block) {
                return Ok(0);
            }
            self.left = u64::try_from(block.len()).unwrap_or(0);
        }
        self.input.read_of(&mut self.left, bytes)
    }
}

/// Whether members go on here. A block of zeros has no sum that fits.
fn is_header(block: &[u8]) -> bool {
    Header::parse(block).is_some_and(|header| header.member().is_ok())
}

/// The zeros up to the end of the last block.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % 512
}
