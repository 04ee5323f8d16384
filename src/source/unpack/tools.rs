//! What one thread needs to unpack and what would cost too much to make for each file:
//! buffers, decoders, and the account of what was unpacked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flate2::Decompress;

use super::format::Damage;
use super::input::PEEK;
use crate::finding::Reason;

/// A file may be unpacked to so many bytes, however small it is.
const FLOOR: u64 = 256 << 20;
/// Above that, to so many times the bytes that are stored of it. Deflate reaches 1032 on
/// zeros; text and programs reach 3 to 20, logs 100.
const MAX_RATIO: u64 = 200;
/// The most entries, directories included, of one file in all its archives.
const MAX_ENTRIES: u64 = 1_000_000;

/// The most memory of the decoders of a thread whose windows are large, all levels
/// together: `xz -9` needs 65 MiB, and one less may lie in it.
const MAX_MEMORY: u64 = 112 << 20;

/// The most bytes of members that are held at a time by a thread, all levels together.
const MAX_HELD: usize = 16 << 20;

/// What going through something took, or what there is left to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Bytes that were unpacked.
    pub bytes: u64,
    /// Entries, directories included.
    pub entries: u64,
    /// Levels that were opened in one another.
    pub levels: usize,
    /// Memory of decoders at a time.
    pub memory: u64,
}

impl Effort {
    /// Whether it is no more than there is left.
    #[must_use]
    pub fn fits(&self, room: &Self) -> bool {
        self.bytes <= room.bytes
            && self.entries <= room.entries
            && self.levels <= room.levels
            && self.memory <= room.memory
    }
}

/// How much is unpacked.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How deep archives are opened: 0 opens none.
    pub depth: usize,
    /// The most bytes that are unpacked of one file, all levels together.
    pub file: u64,
    /// What all threads together may still unpack.
    pub total: Arc<AtomicU64>,
    /// The scan is to end.
    pub stop: Arc<AtomicBool>,
}

/// Why a file is not unpacked further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its own limit in bytes.
    FileBytes,
    /// It expands too much.
    Ratio,
    /// It has too many entries.
    Entries,
    /// The limit of the whole scan.
    TotalBytes,
    /// The scan is to end.
    Interrupted,
}

impl Stop {
    /// What happened, for a person.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::FileBytes => "unpacks to more than --max-unpacked-size: only the beginning was looked into",
            Self::Ratio => {
                "unpacks to more than 200 times its size, as made to fill disks do: only the beginning was looked into"
            }
            Self::Entries => "has more than a million entries: only the first were looked into",
            Self::TotalBytes => "was not looked into further: --max-unpacked-total was reached",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The account of one file at a time.
#[derive(Debug)]
pub(super) struct Budget {
    /// What is left of them, and what was unpacked.
    bytes: Cell<u64>,
    spent: Cell<u64>,
    by_ratio: Cell<bool>,
    entries: Cell<u64>,
    stopped: Cell<Option<Stop>>,
    total: Arc<AtomicU64>,
    interrupted: Arc<AtomicBool>,
}

impl Budget {
    /// A new file, of which so many bytes are stored.
    pub(super) fn begin(&self, stored: u64, file: u64) {
        let by_ratio = stored.saturating_mul(MAX_RATIO).max(FLOOR);
        self.by_ratio.set(by_ratio < file);
        self.bytes.set(by_ratio.min(file));
        self.spent.set(0);
        self.entries.set(MAX_ENTRIES);
        self.stopped.set(None);
    }

    /// Counts bytes that were unpacked.
    pub(super) fn unpacked(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => self.bytes.set(left),
            None if self.by_ratio.get() => self.stopped.set(Some(Stop::Ratio)),
            None => self.stopped.set(Some(Stop::FileBytes)),
        }
        self.spent.set(self.spent.get().saturating_add(bytes));
        let less = |left: u64| left.checked_sub(bytes);
        if self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
            self.stopped.set(Some(Stop::TotalBytes));
        }
    }

    /// What the file has taken of bytes and entries.
    pub(super) fn spent(&self) -> Effort {
        let entries = MAX_ENTRIES.saturating_sub(self.entries.get());
        Effort { bytes: self.spent.get(), entries, ..Effort::default() }
    }

    /// What it may take yet of both.
    pub(super) fn room(&self) -> Effort {
        Effort { bytes: self.bytes.get(), entries: self.entries.get(), ..Effort::default() }
    }

    /// Takes what something would have taken that was not gone through again: of the file's
    /// account, so that what follows does not depend on what other threads did before. The
    /// scan's is about what was unpacked.
    pub(super) fn charge(&self, effort: &Effort) {
        self.bytes.set(self.bytes.get().saturating_sub(effort.bytes));
        self.spent.set(self.spent.get().saturating_add(effort.bytes));
        self.entries.set(self.entries.get().saturating_sub(effort.entries));
    }

    /// Counts an entry.
    pub(super) fn entry(&self) {
        match self.entries.get().checked_sub(1) {
            Some(left) => self.entries.set(left),
            None => self.stopped.set(Some(Stop::Entries)),
        }
    }

    /// Why the file is not unpacked further.
    pub(super) fn stop(&self) -> Option<Stop> {
        if self.stopped.get().is_none() && self.interrupted.load(Ordering::Relaxed) {
            self.stopped.set(Some(Stop::Interrupted));
        }
        self.stopped.get()
    }
}

/// What is reused from file to file. Only formats use it.
pub struct Tools {
    pub(super) budget: Budget,
    /// What is left of [`MAX_MEMORY`].
    memory: Cell<u64>,
    /// The least that was left of it.
    least: Cell<u64>,
    buffers: RefCell<Vec<Vec<u8>>>,
    /// How many bytes of members may be held yet, and memory for them.
    held: Cell<usize>,
    holder: RefCell<Vec<u8>>,
    inflaters: RefCell<Vec<Decompress>>,
    zstd: RefCell<Vec<ruzstd::decoding::FrameDecoder>>,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Tools {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            budget: Budget {
                bytes: Cell::new(0),
                spent: Cell::new(0),
                by_ratio: Cell::new(false),
                entries: Cell::new(0),
                stopped: Cell::new(None),
                total: Arc::clone(&limits.total),
                interrupted: Arc::clone(&limits.stop),
            },
            memory: Cell::new(MAX_MEMORY),
            least: Cell::new(MAX_MEMORY),
            buffers: RefCell::default(),
            held: Cell::new(MAX_HELD),
            holder: RefCell::default(),
            inflaters: RefCell::default(),
            zstd: RefCell::default(),
        }
    }

    /// Lends memory to a decoder, where there is so much left.
    pub(super) fn lend(self: &Rc<Self>, bytes: u64) -> Option<Loan> {
        self.memory.set(self.memory.get().checked_sub(bytes)?);
        self.least.set(self.least.get().min(self.memory.get()));
        Some(Loan { tools: Rc::clone(self), bytes })
    }

    /// What is left of it.
    pub(super) fn memory(&self) -> u64 {
        self.memory.get()
    }

    /// From now on, the least that is left of it is told by `least`; what it was before.
    pub(super) fn watch_memory(&self) -> u64 {
        self.least.replace(self.memory.get())
    }

    /// The least that was left since it was watched, `outer` being what it was before that.
    pub(super) fn least_memory(&self, outer: u64) -> u64 {
        let least = self.least.get();
        self.least.set(least.min(outer));
        least
    }

    pub(super) fn take_buffer(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_else(|| vec![0; PEEK])
    }

    pub(super) fn give_buffer(&self, buffer: Vec<u8>) {
        self.buffers.borrow_mut().push(buffer);
    }

    /// How many bytes may be held, and memory to hold them in.
    pub(super) fn take_holder(&self) -> (usize, Vec<u8>) {
        (self.held.get(), std::mem::take(&mut *self.holder.borrow_mut()))
    }

    /// So many bytes of it are held.
    pub(super) fn hold(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes));
    }

    /// They are not any more.
    pub(super) fn give_holder(&self, mut holder: Vec<u8>, held: usize) {
        self.held.set(self.held.get().saturating_add(held));
        holder.clear();
        if holder.capacity() > self.holder.borrow().capacity() {
            *self.holder.borrow_mut() = holder;
        }
    }

    pub(super) fn take_inflater(&self) -> Decompress {
        match self.inflaters.borrow_mut().pop() {
            Some(mut inflater) => {
                inflater.reset(false);
                inflater
            }
            None => Decompress::new(false),
        }
    }

    pub(super) fn give_inflater(&self, inflater: Decompress) {
        self.inflaters.borrow_mut().push(inflater);
    }

    pub(super) fn take_zstd(&self) -> ruzstd::decoding::FrameDecoder {
        self.zstd.borrow_mut().pop().unwrap_or_default()
    }

    /// `window`: how much memory the decoder has grown to; a large one is not kept.
    pub(super) fn give_zstd(&self, decoder: ruzstd::decoding::FrameDecoder, window: u64) {
        if window <= 8 << 20 {
            self.zstd.borrow_mut().push(decoder);
        }
    }
}

/// Memory that a decoder may use until this is dropped.
pub(super) struct Loan {
    tools: Rc<Tools>,
    bytes: u64,
}

impl Drop for Loan {
    fn drop(&mut self) {
        let memory = &self.tools.memory;
        memory.set(memory.get().saturating_add(self.bytes));
    }
}

/// What is wrong where nothing could be lent.
pub(super) fn too_large(bytes: u64) -> Damage {
    Damage::new(Reason::OverBudget, format!("unpacking it takes {bytes} bytes of memory"))
}
