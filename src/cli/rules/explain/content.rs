//! The file that is asked about: its bytes, its lines, and excerpts that do not
//! give its secrets away.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use snapsift::output::escape;

/// The most bytes that are taken from standard input.
const MAX_STDIN: u64 = 64 << 20;
/// How many bytes of a line are shown before and after what it is about.
const BEFORE: u64 = 60;
const AFTER: u64 = 60;
/// The most bytes that are shown of what it is about.
const MAX_FOCUS: u64 = 100;

/// Bytes that can be read more than once.
pub(super) struct Content {
    source: Source,
    /// As it may be shown.
    pub(super) name: String,
}

enum Source {
    File(File),
    Memory(Cursor<Vec<u8>>),
}

/// What `FILE[:LINE]` names.
pub(super) fn open(argument: &Path) -> anyhow::Result<(Content, Option<u64>)> {
    let (path, line) = split(argument);
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(MAX_STDIN + 1)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        if bytes.len() as u64 > MAX_STDIN {
            bail!("standard input has more than 64 MiB: put it into a file");
        }
        let source = Source::Memory(Cursor::new(bytes));
        return Ok((Content { source, name: "<stdin>".into() }, line));
    }
    let name = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
    let facts = std::fs::metadata(&path).with_context(|| format!("cannot read {name}"))?;
    if !facts.is_file() {
        bail!("{name} is not a file: only one file at a time is explained");
    }
    let file = open_file(&path).with_context(|| format!("cannot read {name}"))?;
    Ok((Content { source: Source::File(file), name }, line))
}

/// A name that exists is a file, whatever it ends in.
fn split(argument: &Path) -> (PathBuf, Option<u64>) {
    let whole = (argument.to_owned(), None);
    let bytes = argument.as_os_str().as_bytes();
    let Some(colon) = memchr::memrchr(b':', bytes) else { return whole };
    let digits = bytes.get(colon + 1..).and_then(|digits| std::str::from_utf8(digits).ok());
    let line = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match line.and_then(|line| line.parse().ok()) {
        Some(line) if std::fs::symlink_metadata(argument).is_err() => {
            let name = bytes.get(..colon).unwrap_or_default();
            (PathBuf::from(std::ffi::OsStr::from_bytes(name)), Some(line))
        }
        _ => whole,
    }
}

/// Opens a file for reading, without a trace in its access time where that is
/// allowed.
fn open_file(path: &Path) -> io::Result<File> {
    let quiet = i32::try_from(rustix::fs::OFlags::NOATIME.bits()).unwrap_or(0);
    let opened = File::options().read(true).custom_flags(quiet).open(path);
    opened.or_else(|_| File::open(path))
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::File(file) => file.read(buffer),
            Source::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Content {
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.seek(0)
    }

    fn seek(&mut self, offset: u64) -> io::Result<()> {
        match &mut self.source {
            Source::File(file) => file.seek(SeekFrom::Start(offset)),
            Source::Memory(bytes) => bytes.seek(SeekFrom::Start(offset)),
        }
        .map(drop)
    }

    /// Gives the content in pieces, with the offset of each, until told to stop.
    fn pieces(&mut self, mut take: impl FnMut(&[u8], u64) -> bool) -> io::Result<()> {
        self.rewind()?;
        let mut buffer = vec![0; 256 << 10];
        let mut at = 0;
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    if !take(buffer.get(..read).unwrap_or_default(), at) {
                        return Ok(());
                    }
                    at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The bytes of a line, counted from 1, its end included; `None` where there
    /// is no such line.
    pub(super) fn line(&mut self, line: u64) -> io::Result<Option<Range<u64>>> {
        let (mut number, mut start, mut end, mut length) = (1, 0, None, 0);
        self.pieces(|piece, at| {
            length = at + piece.len() as u64;
            for newline in memchr::memchr_iter(b'\n', piece) {
                let next = at + newline as u64 + 1;
                if number == line {
                    end = Some(next);
                    return false;
                }
                number += 1;
                start = next;
            }
            true
        })?;
        let last = number == line && length > start;
        Ok(end.or(last.then_some(length)).map(|end| start..end))
    }

    /// Line and column (in bytes), both from 1, of each of these offsets.
    pub(super) fn places(&mut self, mut offsets: Vec<u64>) -> io::Result<Places> {
        offsets.sort_unstable();
        offsets.dedup();
        let mut places = HashMap::with_capacity(offsets.len());
        let mut wanted = offsets.iter().copied().peekable();
        let (mut line, mut start) = (1_u64, 0_u64);
        self.pieces(|piece, at| {
            let mut done = 0;
            while let Some(offset) = wanted.next_if(|offset| *offset < at + piece.len() as u64) {
                let to = usize::try_from(offset - at).unwrap_or(0);
                count(piece, done..to, at, &mut line, &mut start);
                done = to;
                places.insert(offset, (line, offset - start + 1));
            }
            count(piece, done..piece.len(), at, &mut line, &mut start);
            wanted.peek().is_some()
        })?;
        // Ends of the content.
        places.extend(wanted.map(|offset| (offset, (line, offset.saturating_sub(start) + 1))));
        Ok(Places(places))
    }

    /// The line around `focus`, cut to what is near it.
    pub(super) fn excerpt(&mut self, focus: &Range<u64>) -> io::Result<Excerpt> {
        let first = focus.start.saturating_sub(BEFORE);
        let last = focus.end.min(focus.start + MAX_FOCUS) + AFTER;
        self.seek(first)?;
        let mut bytes = Vec::new();
        self.by_ref().take(last - first).read_to_end(&mut bytes)?;
        let at = |offset: u64| usize::try_from(offset.saturating_sub(first)).unwrap_or(0).min(bytes.len());
        let start = at(focus.start);
        let from = memchr::memrchr(b'\n', bytes.get(..start).unwrap_or_default()).map_or(0, |at| at + 1);
        let rest = bytes.get(start..).unwrap_or_default();
        let to = memchr::memchr(b'\n', rest).map_or(bytes.len(), |at| start + at);
        Ok(Excerpt {
            offset: first + from as u64,
            cut_before: from == 0 && first > 0,
            cut_after: to == bytes.len() && bytes.len() as u64 == last - first,
            bytes: bytes.get(from..to).unwrap_or_default().to_vec(),
        })
    }
}

fn count(piece: &[u8], range: Range<usize>, at: u64, line: &mut u64, start: &mut u64) {
    for newline in memchr::memchr_iter(b'\n', piece.get(range.clone()).unwrap_or_default()) {
        *line += 1;
        *start = at + (range.start + newline) as u64 + 1;
    }
}

/// Lines and columns by offset.
pub(super) struct Places(HashMap<u64, (u64, u64)>);

impl Places {
    /// Line and column of an offset that was asked for.
    pub(super) fn of(&self, offset: u64) -> (u64, u64) {
        self.0.get(&offset).copied().unwrap_or((0, 0))
    }
}

/// Part of a line.
pub(super) struct Excerpt {
    offset: u64,
    bytes: Vec<u8>,
    cut_before: bool,
    cut_after: bool,
}

impl Excerpt {
    /// The text to show, with `marked` as bytes of it. Without `reveal` only
    /// `clear` is shown as it is; what else is no blank and no punctuation of
    /// configuration files is masked.
    pub(super) fn text(
        &self,
        marked: &Range<u64>,
        clear: &Range<u64>,
        reveal: bool,
    ) -> (String, Range<usize>) {
        let local = |offset: u64| {
            usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX).min(self.bytes.len())
        };
        let (marked, clear) = (local(marked.start)..local(marked.end), local(clear.start)..local(clear.end));
        let mut borders = [0, marked.start, marked.end, clear.start, clear.end, self.bytes.len()];
        borders.sort_unstable();
        let mut text = String::from(if self.cut_before { "…" } else { "" });
        let mut span = text.len()..text.len();
        for pair in borders.windows(2) {
            let &[from, to] = pair else { continue };
            let piece = self.bytes.get(from..to).unwrap_or_default();
            if from == marked.start && to > from {
                span.start = text.len();
            }
            let is_clear = reveal || (clear.start <= from && to <= clear.end);
            text.push_str(&if is_clear { shown(piece) } else { masked(piece) });
            if to == marked.end && to > from {
                span.end = text.len();
            }
        }
        if span.end <= span.start {
            // Nothing of it is in this line, as of the end of the content.
            span = text.len()..text.len();
        }
        if self.cut_after {
            text.push('…');
        }
        (text, span)
    }
}

/// Bytes as they are, what could drive a terminal made visible.
fn shown(bytes: &[u8]) -> String {
    escape::visible(&String::from_utf8_lossy(bytes).replace('\t', " ")).into_owned()
}

/// Bytes without what they say: blanks and the punctuation that configuration is
/// made of stay.
fn masked(bytes: &[u8]) -> String {
    let mask = |c: char| match c {
        ' ' | '\t' => ' ',
        '=' | ':' | ',' | ';' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' => c,
        _ => '•',
    };
    String::from_utf8_lossy(bytes).chars().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Content {
        Content { source: Source::Memory(Cursor::new(text.as_bytes().to_vec())), name: "x".into() }
    }

    #[test]
    fn lines_and_places() {
        let mut content = content("ab\n\ncd");
        assert_eq!(content.line(1).expect("reads"), Some(0..3));
        assert_eq!(content.line(2).expect("reads"), Some(3..4));
        assert_eq!(content.line(3).expect("reads"), Some(4..6));
        assert_eq!(content.line(4).expect("reads"), None);
        assert_eq!(content.line(0).expect("reads"), None);
        let places = content.places(vec![6, 0, 1, 3, 5]).expect("reads");
        assert_eq!([0, 1, 3, 5, 6].map(|at| places.of(at)), [(1, 1), (1, 2), (2, 1), (3, 2), (3, 3)]);
    }

    #[test]
    fn excerpts_are_masked_and_cut() {
        let mut content = content("first\npass = \"Hünter2\" tok_12\nlast");
        let excerpt = content.excerpt(&(24..28)).expect("reads");
        let (text, span) = excerpt.text(&(24..30), &(24..28), false);
        assert_eq!(text, "•••• = \"•••••••\" tok_••");
        assert_eq!(&text[span], "tok_••");
        let (text, _) = excerpt.text(&(24..30), &(24..28), true);
        assert_eq!(text, "pass = \"Hünter2\" tok_12");
        let mut content = self::content(&"x".repeat(1 << 20));
        let (text, span) =
            content.excerpt(&(500..9000)).expect("reads").text(&(500..9000), &(500..503), false);
        assert!(text.starts_with('…') && text.ends_with('…') && text.len() < 1000, "{text}");
        assert!(text[span].starts_with("xxx•"));
    }

    #[test]
    fn a_name_may_end_in_a_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let odd = folder.path().join("odd:7");
        std::fs::write(&odd, "x").expect("a file");
        assert_eq!(split(&odd), (odd.clone(), None));
        assert_eq!(split(&folder.path().join("new:7")), (folder.path().join("new"), Some(7)));
        assert_eq!(split(Path::new("a:b")), (PathBuf::from("a:b"), None));
        assert_eq!(split(Path::new("-:3")), (PathBuf::from("-"), Some(3)));
    }
}
