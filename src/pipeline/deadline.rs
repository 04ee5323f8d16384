//! The limit of time of a scan.
//!
//! Role: sets the flag by which a scan ends, once so much time has passed. Not for: what is
//! then counted, which is the same as where a person ends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

/// A limit of time that may be met.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    /// Nothing is left to be ended.
    over: Mutex<bool>,
    changed: Condvar,
    met: AtomicBool,
}

impl Deadline {
    /// Sets `stop` once `limit` has passed since `begun`, unless [`Deadline::end`] comes before.
    pub(super) fn watch<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        begun: Instant,
        limit: Duration,
        stop: &'s AtomicBool,
    ) -> std::io::Result<()> {
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            self.met.store(true, Ordering::Relaxed);
            stop.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let wait = move || {
            let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.wait_timeout_while(over, left, |over| !*over);
            let (over, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !*over && !stop.load(Ordering::Relaxed) {
                self.met.store(true, Ordering::Relaxed);
                stop.store(true, Ordering::Relaxed);
            }
        };
        Builder::new().name("deadline".into()).spawn_scoped(scope, wait).map(|_| ())
    }

    fn end(&self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether it was met. The flag is then free again for a person.
    pub(super) fn was_met(&self, stop: &AtomicBool) -> bool {
        let met = self.met.load(Ordering::Relaxed);
        if met {
            stop.store(false, Ordering::Relaxed);
        }
        met
    }
}

/// Ends the wait, whatever ends the scan.
pub(super) struct EndOnDrop<'d>(pub(super) &'d Deadline);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
