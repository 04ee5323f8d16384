//! A pack: objects one after the other, many of them as deltas of others.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};
use std::rc::Rc;

use super::super::format::{Damage, Entry};
use super::super::tools::Tools;
use super::zlib::{Inflater, Sized, Stream};
use super::{Bytes, Content, MAX_CHAIN, MAX_HELD, ObjectId, ObjectKind, apply, hasher, id_of, member};
use crate::finding::Reason;
use sha1::Digest;

/// Memory for objects that others may be made of.
const CACHE: usize = 24 << 20;
/// What a pack may cost to make bases that are held no longer, in times of its size.
const MAX_WORK: u64 = 1000;
const WORK_FLOOR: u64 = 1 << 30;
/// Where the objects begin, and the checksum behind them.
const FIRST: u64 = 12;
const CHECKSUM: u64 = 20;

/// What an object is a delta of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The object at an offset in the same pack.
    At(u64),
    /// The object of an id.
    Of(ObjectId),
}

/// What stands before the zlib stream of an object.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// What it is; unknown of a delta.
    pub kind: Option<ObjectKind>,
    /// What it is a delta of.
    pub base: Option<Base>,
    /// The size of what is inflated, as it is told.
    pub size: u64,
    /// Where the stream begins.
    pub data: u64,
}

/// Reads the header of the object at an offset.
///
/// # Errors
///
/// It is none.
pub fn header_at(bytes: &dyn Bytes, offset: u64) -> io::Result<Header> {
    let mut start = [0; 64];
    let mut read = 0;
    while let Some(room) = start.get_mut(read..).filter(|room| !room.is_empty()) {
        let at = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        match bytes.read_at(room, at)? {
            0 => break,
            more => read += more,
        }
    }
    let mut rest = start.get(..read).unwrap_or_default();
    let mut next = || {
        let (first, behind) = rest.split_first()?;
        rest = behind;
        Some(*first)
    };
    let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before its last object");
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut byte = next().ok_or_else(cut)?;
    let kind = byte >> 4 & 7;
    let mut size = u64::from(byte & 0x0f);
    let mut shift = 4;
    while byte & 0x80 != 0 {
        byte = next().ok_or_else(cut)?;
        if shift > 56 {
            return Err(wrong("an object has a size that cannot be"));
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let mut base = None;
    let kind = match kind {
        1 => Some(ObjectKind::Commit),
        2 => Some(ObjectKind::Tree),
        3 => Some(ObjectKind::Blob),
        4 => Some(ObjectKind::Tag),
        6 => {
            let mut byte = next().ok_or_else(cut)?;
            let mut back = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next().ok_or_else(cut)?;
                let more = back.checked_add(1).and_then(|back| back.checked_mul(128));
                back = more.ok_or_else(|| wrong("a delta's base cannot be"))? | u64::from(byte & 0x7f);
            }
            let at = offset.checked_sub(back).filter(|at| back > 0 && *at >= FIRST);
            base = Some(Base::At(at.ok_or_else(|| wrong("a delta's base lies outside of the pack"))?));
            None
        }
        7 => {
            let mut id = ObjectId::default();
            for byte in &mut id {
                *byte = next().ok_or_else(cut)?;
            }
            base = Some(Base::Of(id));
            None
        }
        _ => return Err(wrong("an object is of a kind that there is not")),
    };
    let taken = u64::try_from(read.saturating_sub(rest.len())).unwrap_or(u64::MAX);
    Ok(Header { kind, base, size, data: offset.saturating_add(taken) })
}

/// An object that is held.
#[derive(Clone)]
struct Object {
    kind: ObjectKind,
    /// How many deltas it was made by.
    depth: u32,
    content: Rc<Vec<u8>>,
}

/// Why an object is not to be had.
enum Fault {
    /// It is a delta of an object that has not been met yet, or is not here.
    Waits(ObjectId),
    Damaged(Damage),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::FileTooLarge => Reason::OverBudget,
            _ => Reason::Corrupt,
        };
        Self::Damaged(Damage::new(reason, error.to_string()))
    }
}

pub(in super::super) struct Pack<'b> {
    bytes: Rc<dyn Bytes + 'b>,
    size: u64,
    /// How many objects are said to follow, and where.
    left: u32,
    at: u64,
    inflater: Inflater,
    ids: HashMap<ObjectId, u64>,
    /// Deltas whose base has not been met, by its id; those whose base now has.
    waiting: BTreeMap<ObjectId, Vec<u64>>,
    ready: Vec<u64>,
    /// Deltas that are not to be had.
    refused: HashSet<u64>,
    cache: Cache,
    work: u64,
    content: Content<'b>,
    tools: Rc<Tools>,
    has_ended: bool,
}

impl<'b> Pack<'b> {
    pub(super) fn new(bytes: Rc<dyn Bytes + 'b>, size: u64, objects: u32, tools: &Rc<Tools>) -> Self {
        Self {
            bytes,
            size,
            left: objects,
            at: FIRST,
            inflater: Inflater::default(),
            ids: HashMap::new(),
            waiting: BTreeMap::new(),
            ready: Vec::new(),
            refused: HashSet::new(),
            cache: Cache::default(),
            work: size.saturating_mul(MAX_WORK).max(WORK_FLOOR),
            content: Content::None,
            tools: Rc::clone(tools),
            has_ended: false,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.at
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.content.read(bytes)
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, Damage> {
        self.content = Content::None;
        loop {
            if self.tools.budget.stop().is_some() {
                return Ok(None);
            }
            let entry = if let Some(offset) = self.ready.pop() {
                self.again(offset)
            } else if self.left > 0 {
                self.left -= 1;
                self.met()?
            } else {
                return self.end();
            };
            if entry.is_some() {
                return Ok(entry);
            }
            self.tools.budget.entry();
        }
    }

    /// The object that comes next in the pack.
    fn met(&mut self) -> Result<Option<Entry>, Damage> {
        let offset = self.at;
        let corrupt = |error: io::Error| Damage::corrupt(error.to_string());
        let header = header_at(&*self.bytes, offset).map_err(corrupt)?;
        if let (Some(kind), true) = (header.kind, header.size > widen(MAX_HELD)) {
            return self.streamed(offset, kind, &header).map_err(corrupt);
        }
        if header.size > widen(MAX_HELD) {
            self.at = self.inflater.each(&*self.bytes, header.data, &mut |_| Ok(())).map_err(corrupt)?;
            self.refused.insert(offset);
            let message = format!("a delta of more than {} MiB is not applied", MAX_HELD >> 20);
            return Ok(Some(Entry::Part(Some(Damage::new(Reason::OverBudget, message)))));
        }
        let (content, end) = self.inflater.whole(&*self.bytes, header.data, header.size).map_err(corrupt)?;
        self.at = end;
        let object = match (header.kind, header.base) {
            (Some(kind), _) => Ok(Object { kind, depth: 0, content: Rc::new(content) }),
            (None, Some(base)) => self.resolve(offset, content, base),
            (None, None) => return Ok(None),
        };
        Ok(self.give(offset, object))
    }

    /// A delta whose base was met after it.
    fn again(&mut self, offset: u64) -> Option<Entry> {
        let object = header_at(&*self.bytes, offset).and_then(|header| {
            let (content, _) = self.inflater.whole(&*self.bytes, header.data, header.size)?;
            Ok((content, header.base))
        });
        let object = match object {
            Ok((content, Some(base))) => self.resolve(offset, content, base),
            Ok((_, None)) => return None,
            Err(error) => Err(error.into()),
        };
        self.give(offset, object)
    }

    fn give(&mut self, offset: u64, object: Result<Object, Fault>) -> Option<Entry> {
        let object = match object {
            Ok(object) => object,
            Err(Fault::Waits(base)) => {
                self.waiting.entry(base).or_default().push(offset);
                return None;
            }
            Err(Fault::Damaged(damage)) => {
                self.refused.insert(offset);
                return Some(Entry::Part(Some(damage)));
            }
        };
        let id = id_of(object.kind, &object.content);
        self.know(id, offset);
        self.cache.put(offset, object.clone());
        if object.kind == ObjectKind::Tree {
            return None;
        }
        let size = widen(object.content.len());
        self.content = Content::Held(object.content, 0);
        Some(Entry::Member(member(object.kind, id, size)))
    }

    fn know(&mut self, id: ObjectId, offset: u64) {
        self.ids.insert(id, offset);
        self.ready.extend(self.waiting.remove(&id).unwrap_or_default());
    }

    /// An object that is too large to be held: read once for its id, once for its content.
    fn streamed(&mut self, offset: u64, kind: ObjectKind, header: &Header) -> io::Result<Option<Entry>> {
        let (mut hash, mut size) = (hasher(kind, header.size), 0_u64);
        let end = self.inflater.each(&*self.bytes, header.data, &mut |part| {
            hash.update(part);
            size = size.saturating_add(widen(part.len()));
            if size > header.size { Err(super::zlib::wrong_size()) } else { Ok(()) }
        })?;
        if size != header.size {
            return Err(super::zlib::wrong_size());
        }
        self.at = end;
        let id = hash.finalize().into();
        self.know(id, offset);
        if kind == ObjectKind::Tree {
            return Ok(None);
        }
        let stream = Stream::new(Rc::clone(&self.bytes), header.data);
        self.content = Content::Stream(Box::new(Sized::new(stream, header.size)));
        Ok(Some(Entry::Member(member(kind, id, header.size))))
    }

    /// Makes an object of its delta, and of the deltas and the object below it.
    fn resolve(&mut self, offset: u64, delta: Vec<u8>, base: Base) -> Result<Object, Fault> {
        let mut held = delta.len();
        let mut deltas = vec![(offset, delta)];
        let mut base = base;
        let mut object = loop {
            let at = match base {
                Base::At(at) => at,
                Base::Of(id) => *self.ids.get(&id).ok_or(Fault::Waits(id))?,
            };
            if self.refused.contains(&at) {
                return Err(damaged(Reason::Corrupt, "the base of a delta is not to be had"));
            }
            if let Some(object) = self.cache.get(at) {
                break object;
            }
            let header = header_at(&*self.bytes, at)?;
            if header.size > widen(MAX_HELD) {
                return Err(damaged(Reason::OverBudget, "the base of a delta is too large"));
            }
            let (content, _) = self.inflater.whole(&*self.bytes, header.data, header.size)?;
            self.spend(content.len())?;
            match (header.kind, header.base) {
                (Some(kind), _) => break Object { kind, depth: 0, content: Rc::new(content) },
                (None, Some(below)) => {
                    held = held.saturating_add(content.len());
                    deltas.push((at, content));
                    base = below;
                }
                (None, None) => return Err(damaged(Reason::Corrupt, "an object is of no kind")),
            }
            if deltas.len() > usize::try_from(MAX_CHAIN).unwrap_or(usize::MAX) {
                return Err(too_deep());
            }
            if held > MAX_HELD {
                return Err(damaged(Reason::OverBudget, "the deltas below a delta are too large"));
            }
        };
        while let Some((at, delta)) = deltas.pop() {
            let depth = object.depth.saturating_add(1);
            if depth > MAX_CHAIN {
                return Err(too_deep());
            }
            let content = apply(&object.content, &delta)?;
            self.spend(content.len())?;
            object = Object { kind: object.kind, depth, content: Rc::new(content) };
            if !deltas.is_empty() {
                self.cache.put(at, object.clone());
            }
        }
        Ok(object)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        let message = "making the objects that deltas are of takes more than 1000 times its size";
        self.work =
            self.work.checked_sub(widen(bytes)).ok_or_else(|| damaged(Reason::OverBudget, message))?;
        Ok(())
    }

    /// What is left when all objects have been met.
    fn end(&mut self) -> Result<Option<Entry>, Damage> {
        if std::mem::replace(&mut self.has_ended, true) {
            return Ok(None);
        }
        let left = self.size.saturating_sub(self.at);
        if left <= CHECKSUM {
            self.at = self.size;
        }
        let waiting: usize = self.waiting.values().map(Vec::len).sum();
        if waiting > 0 {
            let message =
                format!("{waiting} deltas have a base that is not in this pack, or is made of them");
            return Ok(Some(Entry::Part(Some(Damage::corrupt(message)))));
        }
        if left < CHECKSUM {
            return Err(Damage::corrupt("it ends before its checksum".to_owned()));
        }
        Ok(None)
    }
}

fn damaged(reason: Reason, message: &str) -> Fault {
    Fault::Damaged(Damage::new(reason, message.to_owned()))
}

fn too_deep() -> Fault {
    damaged(Reason::OverBudget, &format!("a delta has more than {MAX_CHAIN} deltas below it"))
}

fn widen(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Objects that others are made of, those that were used last.
#[derive(Default)]
struct Cache {
    objects: HashMap<u64, (u64, Object)>,
    /// By when they were used.
    used: BTreeMap<u64, u64>,
    clock: u64,
    held: usize,
}

impl Cache {
    fn get(&mut self, offset: u64) -> Option<Object> {
        let (used, object) = self.objects.get_mut(&offset)?;
        self.used.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.used.insert(self.clock, offset);
        Some(object.clone())
    }

    fn put(&mut self, offset: u64, object: Object) {
        let cost = |object: &Object| object.content.len().saturating_add(128);
        if cost(&object) > CACHE || self.get(offset).is_some() {
            return;
        }
        self.clock += 1;
        self.held = self.held.saturating_add(cost(&object));
        self.objects.insert(offset, (self.clock, object));
        self.used.insert(self.clock, offset);
        while self.held > CACHE {
            let Some((_, oldest)) = self.used.pop_first() else { break };
            if let Some((_, object)) = self.objects.remove(&oldest) {
                self.held = self.held.saturating_sub(cost(&object));
            }
        }
    }
}
