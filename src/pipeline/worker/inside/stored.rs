//! What a thread does with the records of a store, before it searches the file as any
//! other.
//!
//! Role: gives each record to the scanner, and remembers what was found, so that the
//! search of the file's bytes does not report it again. Not for: formats (see
//! `source::store`).

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::super::Worker;
use super::{Outcome, tell, widen};
use crate::finding::{Reason, Secret};
use crate::pipeline::hits::{Collector, InsideHits, severity_of};
use crate::scan::Match;
use crate::source::Tree;
use crate::source::content::ReadAt;
use crate::source::store::{Record, Source, Store, Visitor};

/// The most secrets, and places of secrets, that are remembered of one file.
const MAX_KNOWN: usize = 1 << 18;

/// What lies in the same directory as a file that is scanned.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct Siblings<'t> {
    pub(in crate::pipeline) tree: &'t dyn Tree,
    /// They are scanned as well.
    pub(in crate::pipeline) are_scanned: bool,
}

/// What was found in the records of a file.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Known {
    secrets: HashSet<(usize, blake3::Hash)>,
    /// Where they lie in the file, in order and apart.
    places: Vec<Range<u64>>,
}

impl Known {
    /// Whether a match in the file's bytes is one of them, or what is left of one where
    /// its bytes lie.
    pub(in crate::pipeline) fn has(&self, hit: &Match) -> bool {
        let end = hit.secret_start.saturating_add(widen(hit.secret.len()));
        let first = self.places.partition_point(|place| place.end <= hit.secret_start);
        self.places.get(first).is_some_and(|place| place.start < end)
            || (!self.secrets.is_empty() && self.secrets.contains(&key(hit.rule, &hit.secret)))
    }
}

fn key(rule: usize, secret: &Secret) -> (usize, blake3::Hash) {
    (rule, blake3::hash(secret.expose()))
}

/// Scans the records of a file of the target.
pub(in crate::pipeline) fn scan(
    worker: &mut Worker<'_>,
    path: &dyn Fn() -> Vec<u8>,
    (medium, size): (&dyn ReadAt, u64),
    siblings: Option<Siblings<'_>>,
    store: &dyn Store,
    hits: &mut Collector,
) -> Known {
    let shared = worker.shared;
    let (options, exclude) = (shared.options, &shared.walk.exclude);
    let is_scanned = |path: &[u8], size| {
        siblings.is_some_and(|siblings| siblings.are_scanned)
            && options.max_file_size.is_none_or(|max| size <= max)
            && !exclude.matches(path, false)
    };
    let (path_now, tree) = (path(), siblings.map(|siblings| siblings.tree));
    let source = Source { file: medium, size, path: &path_now, tree, is_scanned: &is_scanned };
    let Told { hits: told, outcome, known } = records(worker, &source, store, false);
    tell(worker, path, &outcome);
    let rules = worker.rules();
    told.inside.into_iter().for_each(|found| hits.take_inside(found, rules));
    hits.take_unlisted_inside(&told.unlisted);
    known
}

/// What the records of a store tell.
pub(super) struct Told {
    /// What was found in them, each with its own step only.
    pub(super) hits: Collector,
    pub(super) outcome: Outcome,
    pub(super) known: Known,
}

/// Scans the records of a store. `is_inside`: of one in an archive or on a disk inside of a
/// file, whose account what is read counts on.
pub(super) fn records(
    worker: &mut Worker<'_>,
    source: &Source<'_>,
    store: &dyn Store,
    is_inside: bool,
) -> Told {
    let mut outcome = Outcome::default();
    if !store.is_one(source) {
        return Told { hits: Collector::default(), outcome, known: Known::default() };
    }
    outcome.counts.opened = 1;
    let (hits, known) = (Collector::default(), Known::default());
    let mut records = Records { worker, is_inside, hits, outcome, known, listed: 0 };
    store.read(source, &mut records);
    let Records { hits, outcome, mut known, .. } = records;
    known.places.sort_unstable_by_key(|place| (place.start, place.end));
    known.places.dedup_by(|next, last| {
        let joins = next.start <= last.end;
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
    Told { hits, outcome, known }
}

struct Records<'i, 's> {
    worker: &'i mut Worker<'s>,
    is_inside: bool,
    hits: Collector,
    outcome: Outcome,
    known: Known,
    /// How many findings are listed.
    listed: u64,
}

impl Visitor for Records<'_, '_> {
    fn record(&mut self, record: &Record<'_>) {
        let mut found: Vec<Match> = Vec::new();
        self.worker.scanner.scan(record.text, &mut |hit| found.push(hit));
        let bytes = &mut self.outcome.counts.bytes_scanned;
        *bytes = bytes.saturating_add(widen(record.text.len()));
        if self.is_inside {
            self.worker.unpacker.may_read(widen(record.text.len()));
        }
        for hit in found {
            self.take(record, hit);
        }
    }

    fn problem(&mut self, reason: Reason, offset: Option<u64>, message: String) {
        self.outcome.problem(Vec::new(), reason, offset, message);
    }

    fn unpacked(&mut self, range: Range<u64>) {
        if self.known.places.len() < MAX_KNOWN {
            self.known.places.push(range);
        }
    }

    fn not_replayed(&mut self) {
        self.outcome.counts.not_replayed = 1;
    }

    fn should_stop(&self) -> bool {
        self.worker.should_stop() || (self.is_inside && self.worker.unpacker.stop().is_some())
    }
}

impl Records<'_, '_> {
    fn take(&mut self, record: &Record<'_>, mut hit: Match) {
        let start = usize::try_from(hit.secret_start).unwrap_or(usize::MAX);
        // One in a name is the file's own text, and found there.
        let Some(field) = record.fields.iter().find(|field| field.value.contains(&start)) else { return };
        let rules = self.worker.rules();
        if self.known.secrets.len() < MAX_KNOWN {
            self.known.secrets.insert(key(hit.rule, &hit.secret));
        }
        if self.known.places.len() < MAX_KNOWN && hit.encodings.is_empty() {
            let end = start.saturating_add(hit.secret.len()).min(field.value.end);
            self.known.places.extend(field.places(start..end));
        }
        if record.is_told {
            return;
        }
        if self.listed >= self.worker.shared.options.max_findings_per_file {
            return self.hits.unlisted.add(severity_of(&hit, rules), 1);
        }
        self.listed += 1;
        let value = record.text.get(field.value.clone()).unwrap_or_default();
        let within = |at: u64| at.saturating_sub(widen(field.value.start));
        (hit.start, hit.end) = (within(hit.start), within(hit.end));
        hit.secret_start = within(hit.secret_start);
        let mut one = Collector::default();
        one.take(hit, u64::MAX, rules);
        one.place_in(value);
        let steps = vec![(record.kind, Some((record.name)(field)))];
        self.hits.take_inside(Arc::new(InsideHits::new(steps, None, one)), rules);
    }
}
