//! STAND-IN for the engine, to be deleted when the real one is merged: finds the
//! first literal of the first rule, and takes it with the up to 8 letters and
//! digits after it as the secret.

use std::collections::BTreeMap;

use super::Match;
use crate::finding::Secret;
use crate::rules::RuleSet;

const TAIL: usize = 8;

/// See the real one.
#[derive(Clone, Debug)]
pub struct Engine {
    rules: RuleSet,
    finder: memchr::memmem::Finder<'static>,
    length: usize,
}

/// See the real one.
#[derive(Clone, Debug)]
pub struct Scanner {
    finder: memchr::memmem::Finder<'static>,
    length: usize,
    from: u64,
}

impl Engine {
    /// See the real one.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Self {
        let literal = rules.rules().first().and_then(|rule| rule.literals.first());
        let bytes: Vec<u8> = literal.map_or_else(|| b"someword".to_vec(), |literal| literal.bytes.to_vec());
        let length = bytes.len();
        Self { rules: rules.clone(), finder: memchr::memmem::Finder::new(&bytes).into_owned(), length }
    }

    /// See the real one.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// See the real one.
    #[must_use]
    pub fn scanner(&self) -> Scanner {
        Scanner { finder: self.finder.clone(), length: self.length, from: 0 }
    }
}

impl Scanner {
    /// See the real one.
    pub fn scan(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Match)) {
        self.begin(0);
        self.feed(bytes, 0, true, sink);
    }

    /// See the real one.
    pub fn begin(&mut self, base: u64) {
        self.from = base;
    }

    /// See the real one.
    pub fn feed(&mut self, bytes: &[u8], base: u64, last: bool, sink: &mut dyn FnMut(Match)) -> u64 {
        let whole = self.length + TAIL;
        for at in self.finder.find_iter(bytes) {
            let start = base + at as u64;
            if start < self.from || (!last && at + whole > bytes.len()) {
                continue;
            }
            let tail = bytes.iter().skip(at + self.length).take(TAIL);
            let end = at + self.length + tail.take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let secret = Secret::new(bytes.get(at..end).unwrap_or_default());
            let end = base + end as u64;
            self.from = end;
            sink(Match { rule: 0, start, end, secret_start: start, secret, attributes: BTreeMap::new() });
        }
        let end = base + bytes.len() as u64;
        if last { end } else { (end.saturating_sub(whole as u64 - 1)).max(base) }
    }
}
