//! Files of inventories, record by record: JSON documents (one, or one a line), gzip or not.
//!
//! Role: the elements of a document's lists are given one by one, so that memory does not
//! grow with the file; what else a document says comes after them. Not for: what records mean.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// No record of a file is larger.
pub(super) const LARGEST_RECORD: u64 = 64 << 20;

/// The lists whose elements are records, by the names that the clouds' tools give them.
pub(super) const LISTS: [&str; 16] = [
    "data",
    "value",
    "Reservations",
    "SecurityGroups",
    "KeyPairs",
    "DBInstances",
    "DBClusters",
    "Buckets",
    "AccessKeyMetadata",
    "UserDetailList",
    "GroupDetailList",
    "RoleDetailList",
    "Policies",
    "Resources",
    "Results",
    "configurationItems",
];
/// The same, where other shapes have lists of that name in their records.
const MORE_LISTS: [&str; 4] = ["resources", "matches", "results", "findings"];

/// Bytes of a file, hashed and counted.
pub(super) struct Input {
    reader: BufReader<Box<dyn Read>>,
    budget: Rc<Cell<u64>>,
    digest: Rc<Cell<blake3::Hasher>>,
}

struct Counted {
    inner: Box<dyn Read>,
    budget: Rc<Cell<u64>>,
    digest: Rc<Cell<blake3::Hasher>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let total = self.budget.get().saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.budget.set(total);
        if total > LARGEST_RECORD {
            return Err(io::Error::other("a record is larger than 64 MiB"));
        }
        let mut digest = self.digest.take();
        digest.update(buffer.get(..count).unwrap_or_default());
        self.digest.set(digest);
        Ok(count)
    }
}

impl Input {
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn new(file: impl Read + 'static) -> io::Result<Self> {
        let mut file = BufReader::new(file);
        let inner: Box<dyn Read> = if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            Box::new(flate2::bufread::MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        let budget = Rc::new(Cell::new(0));
        let digest = Rc::new(Cell::new(blake3::Hasher::new()));
        let counted = Counted { inner, budget: Rc::clone(&budget), digest: Rc::clone(&digest) };
        Ok(Self { reader: BufReader::with_capacity(64 << 10, Box::new(counted)), budget, digest })
    }

    /// The first byte that is no blank, which is left to be read. `None`: there is none.
    pub(super) fn first(&mut self) -> io::Result<Option<u8>> {
        if self.reader.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
            self.reader.consume(3);
        }
        loop {
            let buffer = self.reader.fill_buf()?;
            let length = buffer.len();
            match buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(at) => {
                    let byte = buffer.get(at).copied();
                    self.reader.consume(at);
                    return Ok(byte);
                }
                None if length == 0 => return Ok(None),
                None => self.reader.consume(length),
            }
            self.budget.set(0);
        }
    }

    /// A new record begins.
    pub(super) fn budget(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.budget)
    }

    pub(super) fn reader(&mut self) -> &mut BufReader<Box<dyn Read>> {
        &mut self.reader
    }

    /// The digest of all that was read.
    pub(super) fn digest(&self) -> String {
        self.digest.take().finalize().to_hex().to_string()
    }
}

/// Who takes records. An error ends the reading.
pub(super) trait Taker {
    /// An element of the list `list` of a document; of a document that is a list, `list`
    /// is empty.
    fn record(&mut self, list: &str, record: &Value) -> Result<(), String>;
    /// There is a list of this name.
    fn list(&mut self, list: &str);
    /// What else the document says.
    fn document(&mut self, rest: Map<String, Value>) -> Result<(), String>;
}

/// Reads all documents.
pub(super) fn documents(input: &mut Input, taker: &mut dyn Taker) -> Result<(), String> {
    let budget = input.budget();
    let read = |error: io::Error| error.to_string();
    for number in 1_u64.. {
        if input.first().map_err(read)?.is_none() {
            break;
        }
        budget.set(0);
        let mut deserializer = serde_json::Deserializer::from_reader(input.reader());
        let seed = Document { taker, budget: &budget };
        seed.deserialize(&mut deserializer).map_err(|error| format!("JSON document {number}: {error}"))?;
    }
    Ok(())
}

struct Document<'t> {
    taker: &'t mut dyn Taker,
    budget: &'t Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<Value>()? {
            self.taker.record("", &record).map_err(A::Error::custom)?;
            self.budget.set(0);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut rest = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if LISTS.contains(&&*name) || MORE_LISTS.contains(&&*name) {
                self.taker.list(&name);
                map.next_value_seed(List {
                    name: &name,
                    taker: self.taker,
                    budget: self.budget,
                    rest: &mut rest,
                })?;
            } else {
                rest.insert(name, map.next_value()?);
            }
        }
        self.taker.document(rest).map_err(A::Error::custom)
    }
}

struct List<'t> {
    name: &'t str,
    taker: &'t mut dyn Taker,
    budget: &'t Cell<u64>,
    rest: &'t mut Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a list in {}", self.name)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<Value>()? {
            self.taker.record(self.name, &record).map_err(A::Error::custom)?;
            self.budget.set(0);
        }
        Ok(())
    }

    /// Objects of such a name are no lists of records: `resource`, of another shape.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            object.insert(name, map.next_value()?);
        }
        self.rest.insert(self.name.to_owned(), Value::Object(object));
        Ok(())
    }
}
