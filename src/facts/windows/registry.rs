//! Values of the registry, by the path of their key, from the hives of the snapshot.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::find;
use crate::facts::reader::Reader;
use crate::formats::hive::{Content, Hive, HiveError, Replay, Replayed, Value, Visit, base_block};
use crate::source::TreeFile;

/// The most bytes of a value that are read.
const MAX_VALUE: usize = 1 << 20;
/// The most bytes of a transaction log: Windows keeps them far smaller.
const MAX_LOG: u64 = 64 << 20;
/// The most values that are kept of one question.
const MAX_VALUES: usize = 1 << 18;

/// A value and its key, by the names from the one that was asked for to it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) below: Vec<String>,
    pub(super) name: String,
    pub(super) data: Data,
}

/// What a value says.
#[derive(Debug)]
pub(super) enum Data {
    Text(String),
    Number(u64),
    Bytes(Vec<u8>),
}

impl Entry {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match &self.data {
            Data::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A hive of the machine, with what its transaction logs have where it was in use.
#[derive(Debug)]
pub(in super::super) struct Registry<'r> {
    path: Vec<u8>,
    file: TreeFile<'r>,
    logs: Vec<TreeFile<'r>>,
    replay: Arc<Replay>,
}

impl<'r> Registry<'r> {
    /// The hive of this name below `System32\config`; none where there is no such file.
    pub(in super::super) fn find(reader: &mut Reader<'r>, name: &str) -> Option<Self> {
        let folder = ["Windows", "System32", "config"];
        let path = find(reader, b"", &[&folder[..], &[name]].concat())?;
        let Ok(file) = reader.open(&path) else {
            reader.problem(&path, "it cannot be read");
            return None;
        };
        let mut registry = Self { path, file, logs: Vec::new(), replay: Arc::default() };
        let is_in_use = match registry.open() {
            Ok(hive) => !(hive.is_clean && hive.is_sound),
            Err(error) => {
                reader.problem(&registry.path, &error.to_string());
                return None;
            }
        };
        if is_in_use {
            for ending in [".LOG1", ".LOG2", ".LOG"] {
                let log = find(reader, b"", &[&folder[..], &[&format!("{name}{ending}")]].concat());
                let log = log.and_then(|log| reader.open(&log).ok());
                registry.logs.extend(log.filter(|log| log.stat.size.is_some_and(|size| size <= MAX_LOG)));
            }
            let block = base_block(&mut &registry.file).ok()?;
            registry.replay = Arc::new(Replay::read(&block, &mut registry.logs()));
            if registry.logs.is_empty() {
                let why = "it was in use, and its transaction logs are not there: what they have is missing";
                reader.problem(&registry.path, why);
            }
        }
        Some(registry)
    }

    /// Where it is.
    pub(in super::super) fn path(&self) -> String {
        format!("/{}", String::from_utf8_lossy(&self.path))
    }

    fn logs(&self) -> Vec<(&TreeFile<'r>, u64)> {
        self.logs.iter().map(|log| (log, log.stat.size.unwrap_or(0))).collect()
    }

    fn open(&self) -> Result<Hive<Replayed<&TreeFile<'r>, &TreeFile<'r>>>, HiveError> {
        let replay = Arc::clone(&self.replay);
        let pages = Replayed { hive: &self.file, logs: self.logs(), replay };
        Hive::open_replayed(pages, self.file.stat.size.unwrap_or(0))
    }

    /// The values of a key and of those at most `levels` below it, in order.
    pub(super) fn values(&self, reader: &mut Reader<'_>, key: &[&str], levels: usize) -> Vec<Entry> {
        let Ok(mut hive) = self.open() else { return Vec::new() };
        let mut found = Found { depth: key.len(), below: Vec::new(), entries: Vec::new(), damage: None };
        hive.walk_below(key, levels, MAX_VALUE, &mut found);
        if let Some(damage) = found.damage {
            reader.problem(&self.path, &damage);
        }
        found.entries
    }

    /// A text of a key.
    pub(super) fn text(&self, reader: &mut Reader<'_>, key: &[&str], name: &str) -> Option<String> {
        let values = self.values(reader, key, 0);
        values.iter().find(|value| value.is(name)).and_then(|value| value.text()).map(str::to_owned)
    }

    /// A number of a key.
    pub(super) fn number(&self, reader: &mut Reader<'_>, key: &[&str], name: &str) -> Option<u64> {
        let values = self.values(reader, key, 0);
        values.iter().find(|value| value.is(name)).and_then(|value| match value.data {
            Data::Number(number) => Some(number),
            _ => None,
        })
    }
}

struct Found {
    /// How many names lead to the key that was asked for.
    depth: usize,
    below: Vec<String>,
    entries: Vec<Entry>,
    damage: Option<String>,
}

impl Visit for Found {
    fn key(&mut self, path: &[String]) -> ControlFlow<()> {
        self.below = path.get(self.depth..).unwrap_or_default().to_vec();
        if self.entries.len() < MAX_VALUES {
            return ControlFlow::Continue(());
        }
        self.damage = Some("it has more values than are read".to_owned());
        ControlFlow::Break(())
    }

    fn value(&mut self, value: &Value<'_>) {
        let data = match value.content() {
            Content::Text(text) => Data::Text(text),
            Content::Number(number) => Data::Number(number),
            Content::Binary(bytes) => Data::Bytes(bytes.to_vec()),
        };
        self.entries.push(Entry { below: self.below.clone(), name: value.name.to_owned(), data });
    }

    fn damaged(&mut self, error: HiveError) -> ControlFlow<()> {
        self.damage.get_or_insert_with(|| error.to_string());
        ControlFlow::Continue(())
    }
}
