//! Values of the registry, by the path of their key, from the hives of the snapshot.

use std::ops::ControlFlow;

use super::{Folder, find};
use crate::facts::reader::Reader;
use crate::formats::hive::{Content, Hive, HiveError, Replay, Replayed, Value, Visit, base_block};
use crate::formats::sqlite::ReadPages;
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

/// A hive of the machine.
#[derive(Clone, Debug)]
pub(in super::super) struct Registry {
    path: Vec<u8>,
    /// Its transaction logs, where it was in use.
    logs: Vec<Vec<u8>>,
}

impl Registry {
    /// The hive of this name below `System32\config`; none where there is no such file.
    pub(in super::super) fn find(reader: &mut Reader<'_>, name: &str) -> Option<Self> {
        let path = find(reader, Folder::Root, &["Windows", "System32", "config", name])?;
        let mut registry = Self { path, logs: Vec::new() };
        let hive = registry.open(reader)?;
        if !(hive.is_clean && hive.is_sound) {
            let names = [".LOG1", ".LOG2", ".LOG"].map(|ending| format!("{name}{ending}"));
            let logs = names
                .iter()
                .filter_map(|log| find(reader, Folder::Root, &["Windows", "System32", "config", log]));
            registry.logs = logs.collect();
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

    /// The hive with what its logs have for it.
    fn open<'r>(&self, reader: &mut Reader<'r>) -> Option<Hive<Replayed<Pages<'r>, Pages<'r>>>> {
        let Ok(file) = reader.open(&self.path) else {
            reader.problem(&self.path, "it cannot be read");
            return None;
        };
        let size = file.stat.size.unwrap_or(0);
        let logs = self.logs.iter().filter_map(|log| reader.open(log).ok());
        let logs = logs.map(|log| (log.stat.size.unwrap_or(0), log)).filter(|(size, _)| *size <= MAX_LOG);
        let mut logs: Vec<(Pages<'r>, u64)> = logs.map(|(size, log)| (Pages(log), size)).collect();
        let mut file = Pages(file);
        let replay = base_block(&mut file).map(|block| Replay::read(&block, &mut logs)).unwrap_or_default();
        let hive = Hive::open_replayed(Replayed { hive: file, logs, replay }, size);
        hive.map_err(|error| reader.problem(&self.path, &error.to_string())).ok()
    }

    /// The values of a key and of those at most `levels` below it, in order.
    pub(super) fn values(&self, reader: &mut Reader<'_>, key: &[&str], levels: usize) -> Vec<Entry> {
        let Some(mut hive) = self.open(reader) else { return Vec::new() };
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

/// A hive's file.
#[derive(Debug)]
struct Pages<'t>(TreeFile<'t>);

impl ReadPages for Pages<'_> {
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool {
        self.0.read_exact_at(page, offset).is_ok()
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
