//! What a scanner has done, for measurements.

use std::time::Duration;

/// What a scanner has done, for measurements.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Bytes examined.
    pub bytes: u64,
    /// Positions that the prefilter let through.
    pub candidates: u64,
    /// Literals that stood there.
    pub literals: u64,
    /// By rule, in order of the rule set.
    pub by_rule: Vec<RuleStats>,
}

impl Stats {
    /// Adds what another scanner of the same engine has done.
    pub fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.candidates += other.candidates;
        self.literals += other.literals;
        self.by_rule.resize(self.by_rule.len().max(other.by_rule.len()), RuleStats::default());
        for (rule, more) in self.by_rule.iter_mut().zip(&other.by_rule) {
            rule.literals += more.literals;
            rule.matched += more.matched;
            rule.verified += more.verified;
            rule.time += more.time;
        }
    }
}

/// What a scanner has done for one rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuleStats {
    /// Times that one of its literals was seen.
    pub literals: u64,
    /// Times that its pattern matched.
    pub matched: u64,
    /// Matches that passed all of its conditions.
    pub verified: u64,
    /// Time spent, where the scanner was told to take it.
    pub time: Duration,
}

/// A step of the engine, for measurements that end after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Finding positions that may begin a literal.
    Prefilter,
    /// Telling which literals stand there.
    Confirm,
    /// Everything: patterns, conditions, checks, overlaps.
    Verify,
}
