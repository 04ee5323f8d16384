//! A disk on which work is counted. What a hostile disk costs is held against a number
//! of reads and bytes, which a slow machine does not change.

#![allow(clippy::panic, reason = "a test stops where it cannot go on")]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use snapsift::source::disk::{Disk, DiskResult};

/// A disk of which only so much may be read; more ends the test.
#[derive(Debug)]
pub(crate) struct Budgeted<D> {
    disk: D,
    reads: AtomicU64,
    bytes: AtomicU64,
    most_reads: u64,
    most_bytes: u64,
}

impl<D: Disk> Budgeted<D> {
    pub(crate) fn new(disk: D, most_reads: u64, most_bytes: u64) -> Self {
        Self { disk, reads: AtomicU64::new(0), bytes: AtomicU64::new(0), most_reads, most_bytes }
    }

    fn count(&self, bytes: usize) {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if reads > self.most_reads || bytes > self.most_bytes {
            panic!("{reads} reads of {bytes} bytes, and no end");
        }
    }
}

impl<D: Disk> Disk for Budgeted<D> {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        self.count(bytes.len());
        self.disk.read_at(bytes, offset)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        self.count(0);
        self.disk.next_data(from)
    }
}
