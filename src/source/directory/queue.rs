//! Work of a walk, shared by its threads.
//!
//! Each thread works on its own tasks, newest first (depth first: few tasks
//! wait). Only while another thread is idle does it give away some, oldest
//! first (the largest subtrees). So the common case touches no lock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct State<T> {
    tasks: VecDeque<T>,
    /// Threads that wait for a task.
    waiting: usize,
    /// No task is left, or a thread failed.
    done: bool,
}

/// The queue of tasks that have been given away.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    /// Threads that wait and have been given nothing yet.
    hungry: AtomicUsize,
    threads: usize,
}

impl<T> Queue<T> {
    pub(super) fn new(first: impl IntoIterator<Item = T>, threads: usize) -> Self {
        let state = State { tasks: first.into_iter().collect(), waiting: 0, done: false };
        Self { state: Mutex::new(state), wake: Condvar::new(), hungry: AtomicUsize::new(0), threads }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another thread has nothing to do.
    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0
    }

    /// Gives a task away.
    pub(super) fn give(&self, task: T) {
        let mut state = self.lock();
        state.tasks.push_back(task);
        self.hungry.store(state.waiting.saturating_sub(state.tasks.len()), Ordering::Relaxed);
        drop(state);
        self.wake.notify_one();
    }

    /// Gives the older half of a thread's own tasks away, if another is idle.
    pub(super) fn share(&self, own: &mut VecDeque<T>) {
        if !self.is_wanted() || own.len() < 2 {
            return;
        }
        let half = own.len() / 2;
        let mut state = self.lock();
        state.tasks.extend(own.drain(..half));
        self.hungry.store(0, Ordering::Relaxed);
        drop(state);
        self.wake.notify_all();
    }

    /// The next task of those given away; waits for one. `None` when all threads
    /// wait, which is the end.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.done {
                return None;
            }
            if let Some(task) = state.tasks.pop_front() {
                return Some(task);
            }
            state.waiting += 1;
            if state.waiting == self.threads {
                state.done = true;
                self.wake.notify_all();
                return None;
            }
            self.hungry.store(state.waiting, Ordering::Relaxed);
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting = state.waiting.saturating_sub(1);
            self.hungry.store(state.waiting.saturating_sub(state.tasks.len()), Ordering::Relaxed);
        }
    }

    /// Ends the work for all threads.
    pub(super) fn end(&self) {
        self.lock().done = true;
        self.wake.notify_all();
    }
}

/// Ends the work when its thread panics, so that the others do not wait for ever
/// and the panic reaches the caller.
pub(super) struct EndOnPanic<'q, T>(pub(super) &'q Queue<T>);

impl<T> Drop for EndOnPanic<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}
