//! Members that are archives themselves, held as a whole before they are opened: whether
//! the same bytes were gone through before is known only then.
//!
//! Role: holds what is neither small nor large, within a limit for each thread, and asks the
//! [`Visitor`](super::Visitor). What is not held is a stream as any other. Not for: what is
//! remembered, which is the visitor's.

use std::io::{self, Read};

use super::git::Bytes;
use super::input::{Input, PEEK};
use super::tools::Effort;
use super::{Damage, Place, START, Walk, detect, seven_zip};

/// Smaller members are faster gone through than looked up.
const HELD_FROM: usize = PEEK;

/// Bytes that are held.
struct Held<'h>(&'h [u8]);

impl Bytes for Held<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        self.0.get(from..).unwrap_or_default().read(bytes)
    }
}

impl Walk<'_> {
    /// Goes through the content of a member; from where it was gone through before, if it
    /// was.
    pub(super) fn held(&mut self, content: &mut Input<'_>, size: Option<u64>) {
        let (most, mut holder) = self.tools.take_holder();
        let known = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let start = content.peek(START);
        // What is told at the end of one can only be read of what is held.
        let least = if start.starts_with(seven_zip::MAGIC) { 0 } else { HELD_FROM };
        let is_opened = known.is_none_or(|size| (least..=most).contains(&size))
            && self.steps.len() < self.depth
            && detect(start).is_some()
            && content.peek(least).len() >= least;
        if !is_opened {
            self.tools.give_holder(holder, 0);
            return self.content(content);
        }
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let is_whole = content.by_ref().take(limit).read_to_end(&mut holder).is_ok() && holder.len() <= most;
        let held = holder.len();
        self.tools.hold(held);
        if is_whole {
            self.whole(&holder);
        } else if !self.stopped() {
            let again = holder.as_slice().chain(&mut *content);
            self.content(&mut Input::new(Box::new(again), self.tools));
        }
        self.tools.give_holder(holder, held);
    }

    fn whole(&mut self, bytes: &[u8]) {
        let level = self.steps.len();
        let memory = self.tools.memory();
        let levels = self.depth.saturating_sub(level);
        let room = Effort { levels, memory, ..self.tools.budget.room() };
        let place = Place { steps: &self.steps, base: 0, is_part: false };
        if let Some(took) = self.visitor.member_again(&place, bytes, &room) {
            self.tools.budget.charge(&took);
            self.deepest = self.deepest.map(|deepest| deepest.max(level + took.levels));
            return;
        }
        let (before, least) = (self.tools.budget.spent(), self.tools.watch_memory());
        let deepest = self.deepest.replace(level);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match bytes.starts_with(seven_zip::MAGIC) {
            true => {
                if let Err(Damage { reason, message }) = self.seven_zip(&Held(bytes), size) {
                    let mut input = Input::new(Box::new(bytes), self.tools);
                    self.closed(&mut input, reason, format!("7z: {message}"));
                }
            }
            false => self.content(&mut Input::new(Box::new(bytes), self.tools)),
        }
        let (after, least) = (self.tools.budget.spent(), self.tools.least_memory(least));
        let took = self.deepest.filter(|_| !self.stopped()).map(|deepest| Effort {
            bytes: after.bytes.saturating_sub(before.bytes),
            entries: after.entries.saturating_sub(before.entries),
            levels: deepest.saturating_sub(level),
            memory: memory.saturating_sub(least),
        });
        self.deepest = self.deepest.zip(deepest).map(|(inner, outer)| inner.max(outer));
        let place = Place { steps: &self.steps, base: 0, is_part: false };
        self.visitor.went_through_member(&place, took);
    }
}
