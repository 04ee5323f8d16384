//! The objects of a repository by their ids.
//!
//! Role: looks into the indexes of packs (version 2), then for loose objects, there and in the
//! alternates inside of the snapshot. No index is believed: an object is given only where its
//! content has the id that was asked for. Source: gitformat-pack(5), gitrepository-layout(5).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::CString;
use std::io;
use std::rc::Rc;

use crate::formats::hex;
use crate::source::unpack::git::{
    Base, Bytes, Inflater, MAX_CHAIN, MAX_HELD, ObjectId, ObjectKind, apply, header_at, id_of, loose_header,
};
use crate::source::{Tree, TreeFile};

/// The most packs, and alternates one behind another.
const MAX_PACKS: usize = 1000;
const MAX_ALTERNATES: usize = 16;
/// Where the ids of an index begin: behind magic, version and 256 counts.
const IDS: u64 = 8 + 1024;
/// How much is read and made for one repository: bytes, and objects.
const MAX_BYTES: usize = 4 << 30;
const MAX_OBJECTS: usize = 400_000;
/// Memory for objects that others are made of.
const CACHE: usize = 16 << 20;

/// A commit, tree or tag, or whatever else was asked for.
pub(super) type Object = (ObjectKind, Rc<Vec<u8>>);

/// Objects by pack and offset, and what they take in bytes.
type Cache = (HashMap<(usize, u64), Object>, usize);

pub(super) struct Store<'t> {
    tree: &'t dyn Tree,
    directories: Vec<Vec<u8>>,
    packs: Vec<Pack<'t>>,
    inflater: RefCell<Inflater>,
    cache: RefCell<Cache>,
    objects_left: Cell<usize>,
    bytes_left: Cell<usize>,
    /// Something was asked for that could not be given.
    missed: Cell<bool>,
}

struct Pack<'t> {
    pack: File<'t>,
    index: File<'t>,
    counts: Vec<u32>,
}

struct File<'t>(TreeFile<'t>);

impl Bytes for File<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }
}

impl<'t> Store<'t> {
    /// Of the repository whose directory is given.
    pub(super) fn open(tree: &'t dyn Tree, repository: &[u8]) -> Self {
        let mut store = Self {
            tree,
            directories: vec![[repository, b"/objects"].concat()],
            packs: Vec::new(),
            inflater: RefCell::default(),
            cache: RefCell::default(),
            objects_left: Cell::new(MAX_OBJECTS),
            bytes_left: Cell::new(MAX_BYTES),
            missed: Cell::new(false),
        };
        let mut at = 0;
        while let Some(directory) = store.directories.get(at).cloned() {
            at += 1;
            store.open_packs(&directory);
            let listed = store.read(&[&directory, b"/info/alternates".as_slice()].concat(), 64 << 10);
            for line in listed.unwrap_or_default().split(|byte| *byte == b'\n') {
                let path = match line.first() {
                    Some(b'/') => line.to_vec(),
                    Some(b'#') | None => continue,
                    Some(_) => [&directory, b"/".as_slice(), line].concat(),
                };
                if store.directories.len() < MAX_ALTERNATES && !store.directories.contains(&path) {
                    store.directories.push(path);
                }
            }
        }
        store
    }

    fn open_packs(&mut self, directory: &[u8]) {
        let directory = [directory, b"/pack"].concat();
        let names = path(&directory).and_then(|path| self.tree.list_beneath(&path, 4 * MAX_PACKS).ok());
        for name in names.unwrap_or_default() {
            let Some(stem) = name.strip_suffix(b".pack") else { continue };
            let open = |ending: &[u8]| {
                let path = path(&[&directory, b"/".as_slice(), stem, ending].concat())?;
                self.tree.open_beneath(&path).ok().map(File)
            };
            let pack = open(b".pack").zip(open(b".idx")).and_then(|(pack, index)| Pack::open(pack, index));
            match pack {
                Some(pack) if self.packs.len() < MAX_PACKS => self.packs.push(pack),
                _ => self.missed.set(true),
            }
        }
    }

    /// A file of the snapshot.
    pub(super) fn read(&self, path: &[u8], max: usize) -> Option<Vec<u8>> {
        self.tree.read_beneath(&self::path(path)?, max)
    }

    /// The names in a directory of the snapshot.
    pub(super) fn list(&self, path: &[u8], max: usize) -> Vec<Vec<u8>> {
        self::path(path).and_then(|path| self.tree.list_beneath(&path, max).ok()).unwrap_or_default()
    }

    /// Whether something was asked for that could not be given.
    pub(super) fn missed(&self) -> bool {
        self.missed.get()
    }

    pub(super) fn miss(&self) {
        self.missed.set(true);
    }

    /// An object by its id.
    pub(super) fn get(&self, id: &ObjectId) -> Option<Object> {
        let object = self.find(id);
        if object.is_none() {
            self.missed.set(true);
        }
        object
    }

    fn find(&self, id: &ObjectId) -> Option<Object> {
        self.objects_left.set(self.objects_left.get().checked_sub(1)?);
        let is_right = |object: &Object| id_of(object.0, &object.1) == *id;
        for (number, pack) in self.packs.iter().enumerate() {
            let Some(offset) = pack.find(id) else { continue };
            if let Some(object) = self.packed(number, offset).filter(is_right) {
                return Some(object);
            }
        }
        self.loose(id).filter(is_right)
    }

    fn loose(&self, id: &ObjectId) -> Option<Object> {
        let name = hex::encode(id);
        let (directory, rest) = name.split_at_checked(2)?;
        for objects in &self.directories {
            let path = [objects, b"/".as_slice(), directory.as_bytes(), b"/", rest.as_bytes()].concat();
            let file = self::path(&path).and_then(|path| self.tree.open_beneath(&path).ok());
            let Some(file) = file.map(File) else { continue };
            let mut content = Vec::new();
            let read = self.inflater.borrow_mut().each(&file, 0, &mut |part| {
                content.extend_from_slice(part);
                if content.len() > MAX_HELD { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
            });
            self.spend(content.len())?;
            if let (Ok(_), Some((kind, _, length))) = (read, loose_header(&content)) {
                content.drain(..length);
                return Some((kind, Rc::new(content)));
            }
        }
        None
    }

    fn spend(&self, bytes: usize) -> Option<()> {
        self.bytes_left.set(self.bytes_left.get().checked_sub(bytes)?);
        Some(())
    }

    /// The object at an offset of a pack.
    fn packed(&self, number: usize, offset: u64) -> Option<Object> {
        let pack = self.packs.get(number)?;
        let (mut at, mut deltas, mut held) = (offset, Vec::new(), 0_usize);
        let (kind, mut content) = loop {
            if let Some(object) = self.cache.borrow().0.get(&(number, at)) {
                break object.clone();
            }
            let header = header_at(&pack.pack, at).ok()?;
            held = held.checked_add(usize::try_from(header.size).ok()?).filter(|held| *held <= MAX_HELD)?;
            if deltas.len() > usize::try_from(MAX_CHAIN).ok()? {
                return None;
            }
            let (bytes, _) = self.inflater.borrow_mut().whole(&pack.pack, header.data, header.size).ok()?;
            self.spend(bytes.len())?;
            match (header.kind, header.base) {
                (Some(kind), _) => {
                    let object = (kind, Rc::new(bytes));
                    self.keep((number, at), &object);
                    break object;
                }
                (None, Some(base)) => {
                    deltas.push((at, bytes));
                    at = match base {
                        Base::At(at) => at,
                        Base::Of(id) => pack.find(&id)?,
                    };
                }
                (None, None) => return None,
            }
        };
        while let Some((at, delta)) = deltas.pop() {
            content = Rc::new(apply(&content, &delta).ok()?);
            self.spend(content.len())?;
            self.keep((number, at), &(kind, Rc::clone(&content)));
        }
        Some((kind, content))
    }

    fn keep(&self, place: (usize, u64), object: &Object) {
        let cost = object.1.len().saturating_add(128);
        let mut cache = self.cache.borrow_mut();
        if cache.1.saturating_add(cost) > CACHE {
            cache.0.clear();
            cache.1 = 0;
        }
        if cost <= CACHE / 4 && cache.0.insert(place, object.clone()).is_none() {
            cache.1 = cache.1.saturating_add(cost);
        }
    }

    /// Every object that there is, as far as limits allow, by loose files and indexes.
    pub(super) fn all(&self) -> Vec<ObjectId> {
        let mut all = Vec::new();
        // Of this repository: what alternates have is theirs.
        let Some(objects) = self.directories.first() else { return all };
        for first in 0..=u8::MAX {
            let directory = format!("/{first:02x}");
            let names = self.list(&[objects, directory.as_bytes()].concat(), MAX_OBJECTS);
            let ids = names.iter().filter_map(|name| {
                let hex = format!("{first:02x}{}", std::str::from_utf8(name).ok()?);
                super::parse_id(hex.as_bytes())
            });
            self.take(&mut all, ids);
        }
        for pack in &self.packs {
            self.take(&mut all, (0..pack.len()).map_while(|at| pack.id(at)));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Takes as many as there is room for: an index may say that it has any number.
    fn take(&self, all: &mut Vec<ObjectId>, mut ids: impl Iterator<Item = ObjectId>) {
        all.extend(ids.by_ref().take(MAX_OBJECTS.saturating_sub(all.len())));
        if ids.next().is_some() {
            self.miss();
        }
    }
}

impl<'t> Pack<'t> {
    fn open(pack: File<'t>, index: File<'t>) -> Option<Self> {
        let mut start = [0; 8 + 1024];
        index.0.read_exact_at(&mut start, 0).ok()?;
        let counts = start.strip_prefix(&[0xff, b't', b'O', b'c', 0, 0, 0, 2])?;
        let counts =
            counts.chunks_exact(4).filter_map(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
        Some(Self { pack, index, counts: counts.collect() })
    }

    fn len(&self) -> u64 {
        self.counts.last().copied().unwrap_or(0).into()
    }

    fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.index.0.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    fn id(&self, number: u64) -> Option<ObjectId> {
        self.array(number.checked_mul(20)?.checked_add(IDS)?)
    }

    /// Where the index says that an object is.
    fn find(&self, id: &ObjectId) -> Option<u64> {
        let [first, ..] = *id;
        let mut low = match usize::from(first).checked_sub(1) {
            Some(before) => u64::from(*self.counts.get(before)?),
            None => 0,
        };
        let mut high = u64::from(*self.counts.get(usize::from(first))?);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(middle)?.cmp(id) {
                std::cmp::Ordering::Equal => return self.offset(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn offset(&self, number: u64) -> Option<u64> {
        let offsets = IDS.checked_add(self.len().checked_mul(24)?)?;
        let four = self.array(offsets.checked_add(number.checked_mul(4)?)?).map(u32::from_be_bytes)?;
        if four >> 31 == 0 {
            return Some(four.into());
        }
        let large = offsets.checked_add(self.len().checked_mul(4)?)?;
        self.array(large.checked_add(u64::from(four & 0x7fff_ffff).checked_mul(8)?)?).map(u64::from_be_bytes)
    }
}

fn path(path: &[u8]) -> Option<CString> {
    CString::new(path).ok()
}
