//! Hives of the Windows registry: each key with its values, as settings that stand
//! together. See `formats::hive`.
//!
//! A key is written as a section of `name=value` lines, `[its path]` first, in the order of
//! names, texts and numbers before bytes: so what belongs to one login stands close. The
//! default value is named after its key. Short bytes are in hex, as in a `.reg` file
//! (`name=hex:d7,a5`), longer ones as they are. Free cells are no keys: the search
//! of the bytes sees them.
//!
//! Of a hive that was in use, the newest keys may be only in its transaction logs: they are
//! read from there, where the logs lie beside it. Where they do not, or have nothing for it,
//! it is read as it is, which is whole, only older; that is counted.

use std::ffi::CString;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::blocks::Blocks;
use super::{Field, Record, Source, Store, Visitor};
use crate::finding::{ProvenanceStep, Reason};
use crate::formats::hive::{Content, Hive, HiveError, Replay, Replayed, Value, Visit, base_block, is_hive};
use crate::formats::sqlite::ReadPages;
use crate::source::TreeFile;

/// What the logs of a hive are called after it.
const LOGS: [&[u8]; 3] = [b".LOG1", b".LOG2", b".LOG"];
/// The most bytes of a value that are read.
const MAX_VALUE: usize = 16 << 20;
/// Values are collected up to so many bytes.
const BATCH: usize = 1 << 20;
/// The most bytes of text that are made, against the bytes of the file: each key has its
/// path before its values.
const MAX_RATIO: u64 = 8;
const FLOOR: u64 = 64 << 20;
/// Of a longer path the end is written.
const MAX_PATH: usize = 256;
/// Longer names are not written before their values.
const MAX_NAME: usize = 64;
/// The most bytes that are written in hex.
const MAX_HEX: usize = 64;

pub(super) struct Registry;

impl Store for Registry {
    fn name(&self) -> &'static str {
        "registry hive"
    }

    fn detect(&self, start: &[u8]) -> bool {
        is_hive(start)
    }

    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor) {
        let size = source.size;
        let mut hive = match Hive::open(Blocks::new(source.file), size) {
            Ok(hive) => hive,
            Err(error) => return visitor.problem(Reason::Unsupported, Some(0), error.to_string()),
        };
        if !(hive.is_clean && hive.is_sound) {
            let files = logs(source);
            match replayed(source, &files) {
                Some(mut hive) => return walk(&mut hive, size, true, visitor),
                None => visitor.not_replayed(),
            }
        }
        if !hive.is_sound {
            let message = "registry hive: the sum over its base block is wrong".to_owned();
            visitor.problem(Reason::Corrupt, Some(0), message);
        }
        if !hive.is_whole {
            let message = "registry hive: is cut short".to_owned();
            visitor.problem(Reason::Corrupt, Some(size), message);
        }
        walk(&mut hive, size, false, visitor);
    }
}

/// Gives the keys of a hive. `is_replayed`: what is in it may lie in its logs.
fn walk(hive: &mut Hive<impl ReadPages>, size: u64, is_replayed: bool, visitor: &mut dyn Visitor) {
    let left = size.saturating_mul(MAX_RATIO).max(FLOOR);
    let mut keys = Keys { visitor, left, is_replayed, path: String::new(), entries: Vec::new(), cost: 0 };
    hive.walk(MAX_VALUE, &mut keys);
    keys.flush();
}

/// The logs of a hive, as far as they lie beside it: those of `NTUSER.DAT` are called after
/// `ntuser.dat`.
fn logs<'s>(source: &Source<'s>) -> Vec<TreeFile<'s>> {
    let Some(tree) = source.tree else { return Vec::new() };
    let name = source.path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at.saturating_add(1));
    let (directory, name) = source.path.split_at_checked(name).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let names = if lower == name { vec![name] } else { vec![name, &lower] };
    let open = |ending: &[u8]| {
        let mut paths = names.iter().map(|name| [directory, name, ending].concat());
        paths.find_map(|path| tree.open_met(&CString::new(path).ok()?).ok())
    };
    LOGS.iter().filter_map(|ending| open(ending)).collect()
}

/// What logs have.
type WithLogs<'f> = Hive<Replayed<Blocks<'f>, &'f TreeFile<'f>>>;

/// A hive that was in use with what its logs have; `None`: nothing that it has not.
fn replayed<'f>(source: &Source<'f>, files: &'f [TreeFile<'_>]) -> Option<WithLogs<'f>> {
    let mut hive = Blocks::new(source.file);
    let block = base_block(&mut hive).ok()?;
    let mut logs: Vec<(&TreeFile<'_>, u64)> =
        files.iter().map(|file| (file, file.stat.size.unwrap_or(0))).collect();
    let replay = Arc::new(Replay::read(&block, &mut logs));
    if replay.is_empty() {
        return None;
    }
    Hive::open_replayed(Replayed { hive, logs, replay }, source.size).ok()
}

/// A value that waits to be written.
struct Entry {
    name: String,
    bytes: Vec<u8>,
    /// Bytes as they are, which are written last.
    is_raw: bool,
    stored: Vec<std::ops::Range<u64>>,
}

struct Keys<'v> {
    visitor: &'v mut dyn Visitor,
    is_replayed: bool,
    /// Bytes of text that may still be made.
    left: u64,
    /// That of the last key, and its values.
    path: String,
    entries: Vec<Entry>,
    cost: usize,
}

impl Visit for Keys<'_> {
    fn key(&mut self, path: &[String]) -> ControlFlow<()> {
        self.flush();
        self.path = path.join("\\");
        self.go_on()
    }

    fn value(&mut self, value: &Value<'_>) {
        let (bytes, is_raw) = match value.content() {
            Content::Text(text) => (text.into_bytes(), false),
            Content::Number(number) => (number.to_string().into_bytes(), false),
            Content::Binary(bytes) if bytes.len() <= MAX_HEX => (hex(bytes).into_bytes(), false),
            Content::Binary(bytes) => (bytes.to_vec(), true),
        };
        if value.data.is_empty() || bytes.is_empty() {
            return;
        }
        let stored = if is_raw && !self.is_replayed { value.stored.to_vec() } else { Vec::new() };
        self.cost = self.cost.saturating_add(bytes.len()).saturating_add(value.name.len());
        self.entries.push(Entry { name: value.name.to_owned(), bytes, is_raw, stored });
        if self.cost >= BATCH {
            self.flush();
        }
    }

    fn damaged(&mut self, error: HiveError) -> ControlFlow<()> {
        let (reason, offset) = match error {
            HiveError::Cell(at) | HiveError::Twice(at) => (Reason::Corrupt, Some(at)),
            HiveError::TooLong => (Reason::OverBudget, None),
            HiveError::Header | HiveError::Overlap | HiveError::Shape => (Reason::Corrupt, None),
        };
        let path = if self.path.is_empty() { "the root" } else { &self.path };
        self.visitor.problem(reason, offset, format!("registry hive, at or below {path}: {error}"));
        self.go_on()
    }
}

/// As a `.reg` file has bytes.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("hex:");
    for (number, byte) in bytes.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a text cannot fail.
        let _ = write!(text, "{comma}{byte:02x}");
    }
    text
}

impl Keys<'_> {
    fn go_on(&self) -> ControlFlow<()> {
        if self.left == 0 || self.visitor.should_stop() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Gives the values that wait.
    fn flush(&mut self) {
        self.cost = 0;
        let mut entries = std::mem::take(&mut self.entries);
        if entries.is_empty() || self.left == 0 {
            return;
        }
        entries.sort_by_cached_key(|entry| (entry.is_raw, entry.name.to_lowercase()));
        let path = self.path.as_str();
        let key = path.rsplit('\\').next().unwrap_or_default();
        let mut text = format!("[{}]\n", end_of(path)).into_bytes();
        let mut fields = Vec::with_capacity(entries.len());
        for (number, entry) in entries.iter_mut().enumerate() {
            let label = if entry.name.is_empty() { key } else { &entry.name };
            if !label.is_empty() && label.len() <= MAX_NAME {
                text.extend_from_slice(label.as_bytes());
                text.push(b'=');
            }
            let start = text.len();
            text.append(&mut entry.bytes);
            let stored = std::mem::take(&mut entry.stored);
            fields.push(Field { number, value: start..text.len(), stored });
            text.push(b'\n');
        }
        let Some(left) = self.left.checked_sub(u64::try_from(text.len()).unwrap_or(u64::MAX)) else {
            self.left = 0;
            let message = "has more text in its keys than its size allows: only the first were read";
            return self.visitor.problem(Reason::OverBudget, None, message.to_owned());
        };
        self.left = left;
        let name = |field: &Field| {
            let name = entries.get(field.number).map_or("", |entry| entry.name.as_str());
            let name = if name.is_empty() { "(Default)" } else { name };
            if path.is_empty() { name.to_owned() } else { format!("{path}\\{name}") }
        };
        let kind = ProvenanceStep::REGISTRY_VALUE;
        self.visitor.record(&Record { kind, text: &text, fields: &fields, is_told: false, name: &name });
    }
}

/// The end of a path, whole names as far as there are.
fn end_of(path: &str) -> &str {
    let mut end = path;
    while end.len() > MAX_PATH
        && let Some((_, rest)) = end.split_once('\\')
    {
        end = rest;
    }
    end
}
