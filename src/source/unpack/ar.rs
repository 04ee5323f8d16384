//! ar, of which Debian's packages and static libraries are made: the common format with
//! GNU's and BSD's long names (ar(5); deb(5)).

use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::format::{Archive, Damage, Entry, Format, Member, Opened};
use super::input::Input;
use super::tools::Tools;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;
/// The longest table of long names that is kept, and the longest name.
const MAX_TABLE: u64 = 4 << 20;
const MAX_NAME: u64 = 4096;

pub(super) struct Ar;

impl Format for Ar {
    fn name(&self) -> &'static str {
        "ar"
    }

    fn detect(&self, start: &[u8]) -> bool {
        start.strip_prefix(MAGIC).is_some_and(|rest| rest.is_empty() || Header::parse(rest).is_some())
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        input.consume(MAGIC.len());
        Ok(Opened::Archive(Box::new(Members { input, left: 0, padding: 0, table: Vec::new() })))
    }
}

struct Header {
    name: Vec<u8>,
    mtime: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mode: Option<u64>,
    size: u64,
}

impl Header {
    fn parse(start: &[u8]) -> Option<Self> {
        let header = start.get(..HEADER).filter(|header| header.ends_with(b"`\n"))?;
        let field = |at: usize, length: usize| header.get(at..at + length).unwrap_or_default().trim_ascii();
        let number = |at, length, radix| {
            let text = std::str::from_utf8(field(at, length)).ok()?;
            u64::from_str_radix(text, radix).ok()
        };
        Some(Self {
            name: field(0, 16).to_vec(),
            mtime: number(16, 12, 10),
            uid: number(28, 6, 10),
            gid: number(34, 6, 10),
            mode: number(40, 8, 8),
            size: number(48, 10, 10)?,
        })
    }
}

struct Members<'i, 'r> {
    input: &'i mut Input<'r>,
    left: u64,
    padding: u64,
    /// GNU's long names: each ends with a slash and a newline.
    table: Vec<u8>,
}

impl Archive for Members<'_, '_> {
    fn next(&mut self) -> Result<Option<Entry>, Damage> {
        let cut = || Damage::corrupt("it ends in the middle of a member");
        loop {
            if !self.input.skip(std::mem::take(&mut self.left)) {
                return Err(cut());
            }
            self.input.skip(std::mem::take(&mut self.padding));
            let start = self.input.need(HEADER);
            if start.is_empty() {
                return Ok(None);
            }
            let header = Header::parse(start).ok_or_else(|| Damage::corrupt("a header is damaged"))?;
            self.input.consume(HEADER);
            (self.left, self.padding) = (header.size, header.size % 2);
            let mut name = header.name;
            if name == b"//" {
                let kept = header.size.min(MAX_TABLE);
                self.table.clear();
                let read = self.input.by_ref().take(kept).read_to_end(&mut self.table).map_err(|_| cut())?;
                self.left -= u64::try_from(read).unwrap_or(0).min(self.left);
                continue;
            }
            if matches!(&*name, b"/" | b"/SYM64/" | b"__.SYMDEF" | b"__.SYMDEF SORTED") {
                // Names of symbols, no member.
                continue;
            }
            let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
            if let Some(length) = name.strip_prefix(b"#1/").and_then(number) {
                if length > MAX_NAME.min(self.left) {
                    return Err(Damage::corrupt("a name is too long"));
                }
                name.clear();
                self.input.by_ref().take(length).read_to_end(&mut name).map_err(|_| cut())?;
                self.left -= length;
                name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
            } else if let Some(at) = name.strip_prefix(b"/").and_then(number) {
                let rest = usize::try_from(at).ok().and_then(|at| self.table.get(at..)).unwrap_or_default();
                name = rest.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
            }
            if name.ends_with(b"/") {
                name.pop();
            }
            return Ok(Some(Entry::Member(Member {
                name,
                size: Some(self.left),
                mode: header.mode.and_then(|mode| u32::try_from(mode & 0o7777).ok()),
                uid: header.uid,
                gid: header.gid,
                mtime: header.mtime.and_then(|seconds| Some((i64::try_from(seconds).ok()?, 0))),
                ..Member::default()
            })));
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read_member(&mut self.left, bytes);
        if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            self.left = 0;
        }
        read
    }
}
