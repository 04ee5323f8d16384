//! How far a scan is, to be read by another thread while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of a running scan. They grow in steps, so that counting costs nothing.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    findings: AtomicU64,
    /// 0: unknown.
    bytes_in_use: AtomicU64,
}

impl Progress {
    /// Files met so far, scanned or left out.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Bytes scanned so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Findings so far, before further names of the same file are added.
    #[must_use]
    pub fn findings(&self) -> u64 {
        self.findings.load(Ordering::Relaxed)
    }

    /// Bytes that all targets have in use, where each of them is the root of a
    /// filesystem or a file; else unknown.
    #[must_use]
    pub fn bytes_in_use(&self) -> Option<u64> {
        Some(self.bytes_in_use.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    pub(super) fn set_bytes_in_use(&self, bytes: Option<u64>) {
        self.bytes_in_use.store(bytes.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn add(&self, files: u64, bytes: u64, findings: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if findings > 0 {
            self.findings.fetch_add(findings, Ordering::Relaxed);
        }
    }
}
