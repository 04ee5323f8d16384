//! Files with several names: read once, reported under each name.
//!
//! Which name is met first depends on the threads, so nothing that is reported
//! depends on it: names are kept in order, and the smallest comes first.

use std::collections::{BTreeSet, HashMap};

use super::bounded::Bounded;
use super::hits::{Found, Tally};
use crate::rules::RuleSet;
use crate::source::FileStat;

/// The most names of a file under which its findings are listed; the smallest.
const MAX_NAMES: usize = 1000;
/// Memory for the findings of such files, in bytes.
const BUDGET: usize = 16 << 20;

/// A file: target, device, inode.
pub(super) type Id = (u32, u64, u64);

/// A file with findings: its target, its names in order, what was found.
pub(super) type LinkedFile = (u32, Vec<Box<[u8]>>, Found);

#[derive(Debug, Default)]
struct Names {
    kept: BTreeSet<Box<[u8]>>,
    dropped: u64,
}

impl Names {
    /// Returns what the name costs in memory.
    fn add(&mut self, name: Vec<u8>) -> usize {
        let cost = name.len() + 64;
        self.kept.insert(name.into());
        if self.kept.len() > MAX_NAMES {
            self.kept.pop_last();
            self.dropped += 1;
        }
        cost
    }

    fn number(&self) -> u64 {
        self.dropped.saturating_add(u64::try_from(self.kept.len()).unwrap_or(u64::MAX))
    }
}

#[derive(Debug)]
enum State {
    /// A thread reads it; names are kept in case something is found.
    Reading(Names),
    /// Nothing was found.
    Clean,
    /// Its findings are in the store.
    Found,
    /// Its findings are only counted: how many a further name has.
    Counted(Tally),
}

#[derive(Debug)]
struct Link {
    /// Names that have not been met.
    remaining: u64,
    state: State,
}

/// The files with several names of a scan.
#[derive(Debug)]
pub(super) struct Links {
    met: HashMap<Id, Link>,
    found: Bounded<Id, (Found, Names)>,
    unlisted: Tally,
}

impl Default for Links {
    fn default() -> Self {
        Self { met: HashMap::new(), found: Bounded::new(BUDGET), unlisted: Tally::default() }
    }
}

impl Links {
    /// A name was met; `path` is asked for only where it matters. True: it is the
    /// first, the caller reads the file and then says what it found.
    pub(super) fn meet(
        &mut self,
        target: u32,
        stat: &FileStat,
        path: impl FnOnce() -> Vec<u8>,
        rules: &RuleSet,
    ) -> bool {
        let id = (target, stat.dev, stat.ino);
        let Some(link) = self.met.get_mut(&id) else {
            let mut names = Names::default();
            names.add(path());
            let remaining = stat.links.saturating_sub(1);
            self.met.insert(id, Link { remaining, state: State::Reading(names) });
            return true;
        };
        link.remaining = link.remaining.saturating_sub(1);
        let last = link.remaining == 0;
        match &mut link.state {
            State::Reading(names) => {
                names.add(path());
                return false;
            }
            State::Clean => {}
            State::Counted(tally) => self.unlisted.add_all(tally, 1),
            State::Found => {
                let dropped = self.found.change(&id, |(_, names)| names.add(path()));
                self.count(dropped, rules);
            }
        }
        if last {
            // A file whose names have all been met cannot be met again, so that
            // what is kept does not grow with their number.
            self.met.remove(&id);
        }
        false
    }

    /// What reading the file gave.
    pub(super) fn done(&mut self, target: u32, stat: &FileStat, found: Option<Found>, rules: &RuleSet) {
        let id = (target, stat.dev, stat.ino);
        let Some(link) = self.met.get_mut(&id) else { return };
        let next = if found.is_some() { State::Found } else { State::Clean };
        let State::Reading(names) = std::mem::replace(&mut link.state, next) else { return };
        if link.remaining == 0 {
            self.met.remove(&id);
        }
        if let Some(found) = found {
            let cost = found.cost() + names.kept.iter().map(|name| name.len() + 64).sum::<usize>();
            let dropped = self.found.insert(id, (found, names), cost);
            self.count(dropped, rules);
        }
    }

    fn count(&mut self, dropped: Vec<(Id, (Found, Names))>, rules: &RuleSet) {
        for (id, (found, names)) in dropped {
            let tally = found.tally(rules);
            self.unlisted.add_all(&tally, names.number());
            if let Some(link) = self.met.get_mut(&id) {
                link.state = State::Counted(tally);
            }
        }
    }

    /// Files with findings, each with its target and its names in order, and what
    /// is counted only.
    pub(super) fn finish(self, rules: &RuleSet) -> (Vec<LinkedFile>, Tally) {
        let mut unlisted = self.unlisted;
        let mut files = Vec::new();
        for ((target, _, _), (found, names)) in self.found.into_items() {
            unlisted.add_all(&found.tally(rules), names.dropped);
            files.push((target, names.kept.into_iter().collect(), found));
        }
        (files, unlisted)
    }
}
