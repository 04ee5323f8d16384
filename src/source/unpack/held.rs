//! Members that are archives themselves, held as a whole before they are opened: whether
//! the same bytes were gone through before is known only then.
//!
//! Role: holds what is neither small nor large, within a limit for each thread, and asks the
//! [`Visitor`](super::Visitor). What is not held is a stream as any other. Not for: what is
//! remembered, which is the visitor's.

use std::io::Read;

use super::input::{Input, PEEK};
use super::tools::Effort;
use super::{Place, START, Walk, detect};

/// Smaller members are faster gone through than looked up.
const HELD_FROM: usize = PEEK;

impl Walk<'_> {
    /// Goes through the content of a member; from where it was gone through before, if it
    /// was.
    pub(super) fn held(&mut self, content: &mut Input<'_>, size: Option<u64>) {
        let (most, mut holder) = self.tools.take_holder();
        let known = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let is_opened = known.is_none_or(|size| (HELD_FROM..=most).contains(&size))
            && self.steps.len() < self.depth
            && detect(content.peek(START)).is_some()
            && content.peek(HELD_FROM).len() >= HELD_FROM;
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
        let deepest = std::mem::replace(&mut self.deepest, Some(level));
        self.content(&mut Input::new(Box::new(bytes), self.tools));
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
