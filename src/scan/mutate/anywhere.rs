//! Matches of a rule that has no literal: tried at every place of a text. Only for
//! short texts.

use crate::rules::{Literal, Rule};
use crate::scan::Match;
use crate::scan::decode::View;
use crate::scan::scanner::pending;
use crate::scan::verify::{Lazy, REACH};
use crate::scan::watch::Unwatched;

/// The longest text that is tried.
const MAX_TEXT: usize = 16 << 10;

pub(super) struct Anywhere {
    lazy: Lazy,
    /// A literal of no bytes, which stands everywhere.
    everywhere: Literal,
}

impl Anywhere {
    pub(super) fn new() -> Self {
        let everywhere = Literal { bytes: Box::default(), fold: false, min_offset: 0, max_offset: 0 };
        Self { lazy: Lazy::new(), everywhere }
    }

    /// The verified matches that do not overlap, from the start; `None` where the
    /// text is too long, or the pattern cannot be built.
    pub(super) fn find(&self, rule: &Rule, text: &[u8]) -> Option<Vec<Match>> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let compiled = self.lazy.get(rule)?;
        let mut scratch = compiled.scratch();
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let span = compiled.find(rule, &self.everywhere, (0, 0), text, at, &mut scratch);
            let hit = span.and_then(|span| {
                let first = span.start.saturating_sub(REACH);
                let hit = compiled.judge(rule, text, span.clone(), &scratch, &mut Unwatched).ok()?;
                Some((span.end, pending(0, rule, &hit, &View::plain(text, 0), first).found))
            });
            match hit {
                Some((end, hit)) => {
                    found.push(hit);
                    at = end.max(at + 1);
                }
                None => at += 1,
            }
        }
        Some(found)
    }
}
