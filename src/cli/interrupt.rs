//! Ctrl-C and a polite kill: the first ends the scan with a summary that says so,
//! the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signals that were taken.
#[derive(Debug)]
pub(super) struct Interrupt {
    /// The number of the last signal, 0 for none.
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Sets `stop` on the first SIGINT or SIGTERM.
    pub(super) fn install(stop: &Arc<AtomicBool>) -> anyhow::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for (number, code) in [(SIGINT, 2_u8), (SIGTERM, 15)] {
            // The order matters: the first signal finds `stop` unset and sets it,
            // the second finds it set and exits there and then.
            flag::register_conditional_shutdown(number, 128 + i32::from(code), Arc::clone(stop))
                .and_then(|_| flag::register_usize(number, Arc::clone(&signal), usize::from(code)))
                .and_then(|_| flag::register(number, Arc::clone(stop)))
                .context("cannot handle signals")?;
        }
        Ok(Self { signal })
    }

    /// The signal that was received.
    pub(super) fn received(&self) -> Option<u8> {
        u8::try_from(self.signal.load(Ordering::Relaxed)).ok().filter(|number| *number > 0)
    }
}
