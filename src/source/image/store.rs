//! A container's file while its tables are read: in pages that are kept, the same
//! few for all files of a chain, so that memory does not grow with their number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::disk::{Disk, DiskError, DiskResult, read_exact, read_vec};
use super::inflate::Inflater;

/// How much of a table is read at a time, and how many such pieces are kept: 8 MiB.
const PAGE: usize = 32 << 10;
const PAGE_BYTES: u64 = 32 << 10;
const PAGES: u64 = 256;

/// The longest entry of any table: as much as a [`Window`] is sure to hold.
const ENTRY: usize = 16;

/// The longest window: what one look at a table takes into account.
pub(super) const WINDOW: usize = 4096;

/// What all files that are opened together share.
#[derive(Debug)]
pub(super) struct Shared {
    pages: Vec<Slot>,
    files: AtomicU64,
    pub(super) inflater: Inflater,
}

/// A page: the number of its file, its own number, its bytes (fewer than a page
/// where the file ends).
type Slot = Mutex<Option<(u64, u64, Arc<[u8]>)>>;

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        let pages = (0..PAGES).map(|_| Mutex::default()).collect();
        Arc::new(Self { pages, files: AtomicU64::new(0), inflater: Inflater::default() })
    }
}

/// A file with tables in it.
#[derive(Clone, Debug)]
pub(super) struct Store {
    disk: Arc<dyn Disk>,
    number: u64,
    shared: Arc<Shared>,
}

/// Some bytes of a table, in the page that holds them.
#[derive(Debug)]
pub(super) struct Window {
    page: Arc<[u8]>,
    from: usize,
    to: usize,
}

impl Window {
    pub(super) fn bytes(&self) -> &[u8] {
        self.page.get(self.from..self.to).unwrap_or_default()
    }
}

impl Store {
    pub(super) fn new(disk: Arc<dyn Disk>, shared: &Arc<Shared>) -> Self {
        let number = shared.files.fetch_add(1, Ordering::Relaxed);
        Self { disk, number, shared: Arc::clone(shared) }
    }

    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(super) fn size(&self) -> u64 {
        self.disk.size()
    }

    pub(super) fn inflater(&self) -> &Inflater {
        &self.shared.inflater
    }

    /// Tells this file from others that share the cache.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// A structure of bounded size, past the cache.
    pub(super) fn read(&self, offset: u64, length: usize) -> DiskResult<Vec<u8>> {
        read_vec(&*self.disk, offset, length)
    }

    /// At most `wanted` bytes at a place, and at least one entry of any table.
    pub(super) fn window(&self, at: u64, wanted: usize) -> DiskResult<Window> {
        let wanted = wanted.min(WINDOW);
        let least = wanted.min(ENTRY);
        let from = usize::try_from(at % PAGE_BYTES).unwrap_or(0);
        if let Ok(page) = self.page(at / PAGE_BYTES) {
            let to = from.saturating_add(wanted).min(page.len());
            if from.saturating_add(least) <= to {
                return Ok(Window { page, from, to });
            }
        }
        // Over the border of two pages, or beside a bad block.
        let mut bytes = vec![0; least];
        read_exact(&*self.disk, &mut bytes, at)
            .map_err(|error| DiskError { message: format!("table: {}", error.message).into(), ..error })?;
        Ok(Window { page: bytes.into(), from: 0, to: least })
    }

    fn page(&self, number: u64) -> DiskResult<Arc<[u8]>> {
        let index = number.wrapping_add(self.number.wrapping_mul(61)) % PAGES;
        let Some(slot) = usize::try_from(index).ok().and_then(|index| self.shared.pages.get(index)) else {
            return Err(DiskError::corrupt(0, "no such place in the cache"));
        };
        let lock = || slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((file, held, bytes)) = &*lock()
            && (*file, *held) == (self.number, number)
        {
            return Ok(Arc::clone(bytes));
        }
        let mut bytes = vec![0; PAGE];
        let filled = self.disk.read_at(&mut bytes, number.saturating_mul(PAGE_BYTES))?;
        bytes.truncate(filled);
        let bytes: Arc<[u8]> = bytes.into();
        *lock() = Some((self.number, number, Arc::clone(&bytes)));
        Ok(bytes)
    }
}
