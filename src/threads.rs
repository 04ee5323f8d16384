//! Threads, as many as the limits of this process allow.
//!
//! Role: what needs threads gets them here, so that `ulimit -u`, a limit of memory
//! or a cgroup makes the work slower and never ends it. Not for: what they do.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Pools of threads that are alone. They are as few as threads that scan.
static ALONE: Mutex<Vec<ThreadPool>> = Mutex::new(Vec::new());

/// A pool of threads; where none can be started, the thread that asked.
#[derive(Debug)]
pub(crate) struct Pool {
    /// `None`: the pool that this thread belongs to already.
    own: Option<ThreadPool>,
}

impl Pool {
    /// Starts up to `threads` threads, and fewer where so many cannot be started.
    pub(crate) fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let mut wanted = threads.max(1);
        while wanted > 0 {
            let builder = ThreadPoolBuilder::new().num_threads(wanted);
            if let Ok(pool) = builder.thread_name(|number| format!("scan-{number}")).build() {
                return Ok(Self { own: Some(pool) });
            }
            wanted /= 2;
        }
        if rayon::current_thread_index().is_some() {
            return Ok(Self { own: None });
        }
        Self::alone()
    }

    /// The thread that asks, which belongs to no pool yet.
    fn alone() -> Result<Self, ThreadPoolBuildError> {
        let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?;
        // From here on this thread belongs to a pool of one, which must not end
        // before it.
        ALONE.lock().unwrap_or_else(PoisonError::into_inner).push(alone);
        Ok(Self { own: None })
    }

    /// As many threads as there are cores.
    pub(crate) fn of_cores() -> Result<Self, ThreadPoolBuildError> {
        Self::new(cores())
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.own.as_ref().map_or_else(rayon::current_num_threads, ThreadPool::current_num_threads)
    }

    /// Runs what uses rayon's iterators.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.own {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Runs the same on every thread, and waits for all.
    pub(crate) fn on_each(&self, work: impl Fn() + Sync) {
        match &self.own {
            Some(pool) => pool.broadcast(|_| work()),
            None => rayon::broadcast(|_| work()),
        };
    }
}

/// How many threads this machine runs at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn count(pool: &Pool) -> usize {
        let ran = AtomicUsize::new(0);
        pool.on_each(|| {
            ran.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(pool.install(|| 7), 7);
        ran.into_inner()
    }

    #[test]
    fn each_thread_works_once() {
        for threads in [1, 3] {
            let pool = Pool::new(threads).expect("threads");
            assert_eq!((pool.threads(), count(&pool)), (threads, threads));
        }
    }

    #[test]
    fn the_thread_that_asks_is_enough() {
        // On a thread of its own, which then belongs to a pool of one for good.
        let both = std::thread::spawn(|| {
            let one = Pool::alone().expect("a pool of this thread");
            let first = (one.threads(), count(&one));
            drop(one);
            let next = Pool { own: None };
            (first, next.threads(), count(&next))
        });
        assert_eq!(both.join().expect("no panic"), ((1, 1), 1, 1));
    }
}
