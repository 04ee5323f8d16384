//! The scanner that each thread has: content in windows → matches.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::Match;
use super::decode::escapes::{self, Kind};
use super::decode::{MAX_DEPTH, View};
use super::encoded::{CHUNK, Encoded, Undone};
use super::engine::{Engine, Inner, Meaning, TAIL, Use, segments};
use super::hit::Hit;
use super::prefilter::Candidates;
use super::resolve::{Pending, Resolver};
use super::stats::{RuleStats, Stats, Step};
use super::verify::{Compiled, REACH, Scratch};
use super::watch::{Seen, Unwatched, Watch};
use crate::finding::Secret;
use crate::rules::Rule;

/// What stays the same while a segment is matched.
pub(super) struct Pass<'p> {
    pub(super) engine: &'p Inner,
    /// Where a literal must begin in the content: what is before or after is
    /// another segment's.
    pub(super) accept: Range<u64>,
    /// No match of this segment or a later one claims anything before it.
    horizon: u64,
    sink: &'p mut dyn FnMut(Match),
}

/// Matches content; one for each thread, reused for every content.
pub struct Scanner {
    engine: Engine,
    /// One list for each level of decoding; taken while in use.
    candidates: Vec<Box<Candidates>>,
    scratch: Vec<Option<Box<Scratch>>>,
    /// Rules that gave no match at the literal in hand.
    missed: Vec<usize>,
    resolver: Resolver,
    /// The first offset that has not been examined.
    next: u64,
    stats: Stats,
    timed: bool,
    last: Step,
    /// Taken while in use.
    watch: Option<Box<dyn Watch + Send + Sync>>,
}

impl Engine {
    /// A scanner, for one thread at a time.
    #[must_use]
    pub fn scanner(&self) -> Scanner {
        Scanner::new(self.clone())
    }
}

impl Scanner {
    pub(super) fn new(engine: Engine) -> Self {
        let rules = engine.inner.compiled.len();
        Self {
            engine,
            candidates: Vec::new(),
            scratch: (0..rules).map(|_| None).collect(),
            missed: Vec::new(),
            resolver: Resolver::default(),
            next: 0,
            stats: Stats { by_rule: vec![RuleStats::default(); rules], ..Stats::default() },
            timed: false,
            last: Step::Verify,
            watch: None,
        }
    }

    /// Scans one whole content.
    ///
    /// ```
    /// use snapsift::rules::{Literal, Rule, RuleSet};
    /// use snapsift::scan::Engine;
    ///
    /// let literal = Literal { bytes: b"tok_"[..].into(), fold: false, min_offset: 0, max_offset: 0 };
    /// let rule = Rule::new("token", "tok_(?P<secret>[0-9]{6})", vec![literal]);
    /// let engine = Engine::new(&RuleSet::new(vec![rule], String::new()));
    /// let mut places = Vec::new();
    /// engine.scanner().scan(b"a tok_123456", &mut |hit| places.push(hit.secret_start));
    /// assert_eq!(places, [6]);
    /// ```
    ///
    /// Matches come in order of their place, except that
    /// one which ends later may come first.
    pub fn scan(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Match)) {
        self.begin(0);
        self.feed(bytes, 0, true, sink);
    }

    /// Begins a content, or a part of one that nothing before it belongs to, whose
    /// first byte has the offset `base`. What was fed before and not finished is
    /// forgotten.
    pub fn begin(&mut self, base: u64) {
        self.resolver = Resolver::default();
        self.resolver.tell_dropped(self.watch.is_some());
        self.next = base;
    }

    /// Scans the next window of a content: the way for a caller that has its own
    /// buffers. [`Scanner::scan_reader`] does it with one of its own.
    ///
    /// ```
    /// use snapsift::{rules::RuleSet, scan::Engine};
    ///
    /// let content = vec![b'x'; 3 << 20];
    /// let mut scanner = Engine::new(&RuleSet::builtin()?).scanner();
    /// scanner.begin(0);
    /// let mut from = 0;
    /// for to in [1 << 20, 2 << 20, content.len()] {
    ///     let window = &content[from..to];
    ///     let keep = scanner.feed(window, from as u64, to == content.len(), &mut |hit| println!("{hit:?}"));
    ///     from = keep as usize;
    /// }
    /// # Ok::<(), snapsift::rules::LoadError>(())
    /// ```
    ///
    /// `bytes` is the window, `base` the offset of its first byte.
    ///
    /// Returns the offset from which on the bytes must stand again at the start of
    /// the next window (a few kilobytes of look-behind, and as much at the end as
    /// the longest match needs). A window that is too short to go on in is not
    /// lost: the same offset is returned, and the next window must be longer.
    /// With `last` everything is examined and given to the sink.
    pub fn feed(&mut self, bytes: &[u8], base: u64, last: bool, sink: &mut dyn FnMut(Match)) -> u64 {
        let engine = Arc::clone(&self.engine.inner);
        let from = usize::try_from(self.next.saturating_sub(base)).unwrap_or(usize::MAX).min(bytes.len());
        let to = if last { bytes.len() } else { bytes.len().saturating_sub(engine.lookahead).max(from) };
        let view = View::plain(bytes, base);
        for segment in segments(from, to) {
            let accept = view.places(&segment);
            let horizon = accept.start.saturating_sub(engine.lookbehind as u64);
            let mut pass = Pass { engine: &engine, accept, horizon, sink };
            self.scan_view(&mut pass, &view, segment, 0);
        }
        self.stats.bytes += (to - from) as u64;
        self.next = base + to as u64;
        if last {
            self.resolver.finish(sink);
            self.tell_dropped();
        }
        self.next.saturating_sub(engine.lookbehind as u64).max(base)
    }

    /// Where the secrets of the matches stand that have been found and not yet given to
    /// the sink: a caller that cannot read again finds their lines now.
    pub(crate) fn pending(&self) -> impl Iterator<Item = u64> + '_ {
        self.resolver.pending()
    }

    /// What this scanner has done so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether to take the time of each rule's verification, which costs more than
    /// some verifications do. Off at first.
    pub fn take_times(&mut self, on: bool) {
        self.timed = on;
    }

    /// Ends the work on every position after this step, for measurements: before
    /// [`Step::Verify`] nothing is found.
    pub fn stop_after(&mut self, step: Step) {
        self.last = step;
    }

    /// Tells `watch` what happens from the next content on.
    pub(super) fn watch(&mut self, watch: Box<dyn Watch + Send + Sync>) {
        self.watch = Some(watch);
    }

    fn tell_dropped(&mut self) {
        if let Some(watch) = &mut self.watch {
            self.resolver.take_dropped().into_iter().for_each(|(loser, winner)| watch.dropped(loser, winner));
        }
    }

    /// Matches a part of a view, and what is encoded in it.
    fn scan_view(&mut self, pass: &mut Pass<'_>, view: &View<'_>, range: Range<usize>, depth: usize) {
        let (engine, text) = (pass.engine, view.text);
        let mut encoded = Encoded::new(view, &range, engine);
        let mut undone = Undone::default();
        let mut candidates = self.candidates.pop().unwrap_or_else(|| engine.prefilter.candidates());
        let part = text.get(range.start..text.len().min(range.end + TAIL)).unwrap_or_default();
        let (mut at, to) = (0, range.len());
        while at < to {
            let stop = to.min(at + CHUNK);
            if depth < MAX_DEPTH {
                encoded.find_base64(&engine.prefilter, range.start + stop);
            }
            while at < stop {
                at = engine.prefilter.find(part, at, stop, &mut candidates);
                self.stats.candidates += candidates.as_slice().len() as u64;
                if self.last == Step::Prefilter {
                    continue;
                }
                for position in candidates.as_slice() {
                    let position = range.start + usize::try_from(*position).unwrap_or(0);
                    engine.confirm.literals_at(text, position, &engine.sought, |sought, start| {
                        self.stats.literals += 1;
                        match engine.meaning.get(sought) {
                            _ if self.last == Step::Confirm => {}
                            Some(Meaning::Wide) if depth < MAX_DEPTH => encoded.add_wide(start),
                            Some(Meaning::Manifest) if depth < MAX_DEPTH => encoded.add_manifest(start),
                            Some(Meaning::Wide | Meaning::Manifest) | None => {}
                            Some(meaning) => self.verify(pass, view, &mut undone, *meaning, start),
                        }
                    });
                }
            }
        }
        self.candidates.push(candidates);
        if self.last < Step::Verify {
            return;
        }
        for region in encoded.regions {
            let layer = region.decode(view);
            let inner = layer.view();
            self.scan_view(pass, &inner, 0..inner.text.len(), depth + 1);
        }
    }

    #[inline(never)]
    fn verify(
        &mut self,
        pass: &mut Pass<'_>,
        view: &View<'_>,
        undone: &mut Undone,
        meaning: Meaning,
        start: usize,
    ) {
        let engine = pass.engine;
        if !pass.accept.contains(&view.place(start)) {
            return;
        }
        match meaning {
            Meaning::Whole(literal) => {
                let mut missed = std::mem::take(&mut self.missed);
                missed.clear();
                let length = engine.literals.get(literal).map_or(0, |literal| literal.bytes.len());
                let range = start..start + length;
                let uses = engine.uses.get(literal).map_or(&[][..], Vec::as_slice);
                for (index, used) in uses.iter().enumerate() {
                    if !self.try_rule(pass, view, literal, start, used)
                        && engine.may_match_undone(used, view.text, range.clone())
                    {
                        missed.push(index);
                    }
                }
                if !missed.is_empty() {
                    self.verify_escaped(pass, view, undone, (literal, 0), range, &mut missed);
                }
                self.missed = missed;
            }
            Meaning::Part(number) => {
                let Some(part) = engine.parts.get(number) else { return };
                let range = start + part.before..start + part.before + part.len;
                for (literal, at) in part.of.iter().copied() {
                    let mut missed = (0..engine.uses.get(literal).map_or(0, Vec::len)).collect();
                    self.verify_escaped(pass, view, undone, (literal, at), range.clone(), &mut missed);
                }
            }
            Meaning::Wide | Meaning::Manifest => {}
        }
    }

    /// Takes a literal that stands in a view through a rule. Returns whether it is
    /// a match of the rule.
    pub(super) fn try_rule(
        &mut self,
        pass: &mut Pass<'_>,
        view: &View<'_>,
        literal: usize,
        start: usize,
        used: &Use,
    ) -> bool {
        let began = self.timed.then(Instant::now);
        let mut watch = self.watch.take();
        let found = self.judge(pass, view, literal, start, used, watch.as_deref_mut());
        self.watch = watch;
        if let Some(stats) = self.stats.by_rule.get_mut(used.rule) {
            stats.literals += 1;
            stats.verified += u64::from(found.is_some());
            if let Some(began) = began {
                stats.time += began.elapsed();
            }
        }
        let Some((pending, further)) = found else { return false };
        self.resolver.push(pending, pass.horizon, pass.sink);
        for pending in further {
            self.resolver.push(pending, pass.horizon, pass.sink);
        }
        self.tell_dropped();
        true
    }

    fn judge(
        &mut self,
        pass: &Pass<'_>,
        view: &View<'_>,
        literal: usize,
        start: usize,
        used: &Use,
        mut watch: Option<&mut (dyn Watch + Send + Sync + 'static)>,
    ) -> Option<(Pending, Vec<Pending>)> {
        if watch.is_none() && !pass.engine.may_match(used, view.text, start) {
            return None;
        }
        let (rule, compiled, scratch, offsets) = self.tools(pass.engine, used)?;
        let literal = pass.engine.literals.get(literal)?;
        let span = compiled.find(rule, literal, offsets, view.text, start, scratch);
        if let Some(watch) = &mut watch {
            let seen = Seen { number: used.rule, rule, literal, offsets, view, start };
            match &span {
                None => watch.unmatched(&seen),
                Some(span) => watch.matched(&seen, span),
            }
        }
        let span = span?;
        let first = span.start.saturating_sub(REACH);
        let judged = match watch {
            None => compiled.judge(rule, view.text, span, scratch, &mut Unwatched),
            Some(watch) => compiled.judge(rule, view.text, span, scratch, watch),
        };
        let hit = judged.ok();
        self.stats.by_rule.get_mut(used.rule)?.matched += 1;
        let hit = hit?;
        let further = hit.further().map(|hit| pending(used.rule, rule, &hit, view, first)).collect();
        Some((pending(used.rule, rule, &hit, view, first), further))
    }

    /// Whether a rule's pattern matches around a literal.
    pub(super) fn matches(
        &mut self,
        engine: &Inner,
        text: &[u8],
        literal: usize,
        start: usize,
        used: &Use,
    ) -> bool {
        if !engine.may_match(used, text, start) {
            return false;
        }
        let Some(literal) = engine.literals.get(literal) else { return false };
        self.tools(engine, used).is_some_and(|(rule, compiled, scratch, offsets)| {
            compiled.find(rule, literal, offsets, text, start, scratch).is_some()
        })
    }

    /// A rule with its automata and this thread's scratch for them.
    fn tools<'e>(
        &mut self,
        engine: &'e Inner,
        used: &Use,
    ) -> Option<(&'e Rule, &'e Compiled, &mut Scratch, (usize, usize))> {
        let rule = engine.rules.rules().get(used.rule)?;
        let compiled = engine.compiled.get(used.rule)?.get(rule)?;
        let scratch = self.scratch.get_mut(used.rule)?.get_or_insert_with(|| Box::new(compiled.scratch()));
        Some((rule, compiled, scratch, (used.min_offset, used.max_offset)))
    }
}

/// Escapes inside escapes that are undone: JSON in a string of JSON.
const MAX_CHAIN: usize = 2;

impl Scanner {
    /// Tries rules at a literal of which the bytes from `at` on stand at `range`
    /// with the escapes near it undone. Those that match are taken from the list.
    pub(super) fn verify_escaped(
        &mut self,
        pass: &mut Pass<'_>,
        view: &View<'_>,
        undone: &mut Undone,
        (literal, at): (usize, usize),
        range: Range<usize>,
        missed: &mut Vec<usize>,
    ) {
        let engine = pass.engine;
        let place = view.place(range.start);
        let reach = engine.escape_reach.get(literal).copied().unwrap_or_default();
        let uses = engine.uses.get(literal).map_or(&[][..], Vec::as_slice);
        for kind in escapes::kinds_near(view.text, range.start, range.end) {
            let mut chain = vec![kind];
            while !missed.is_empty() {
                let Some(inner) = undone.around(view, &chain, range.start, reach) else { break };
                let word = inner.index(place);
                let start = word.checked_sub(at).filter(|start| engine.stands(literal, inner.text, *start));
                let matches = |index: &usize| {
                    let used = uses.get(*index);
                    start
                        .zip(used)
                        .is_some_and(|(start, used)| self.matches(engine, inner.text, literal, start, used))
                };
                let matching: Vec<usize> = missed.iter().copied().filter(matches).collect();
                let next = escapes::kinds_near(inner.text, word, word + range.len()).next();
                for index in matching {
                    let Some(used) = uses.get(index) else { continue };
                    if self.try_undone(pass, view, undone, &chain, (literal, at, range.start), used) {
                        missed.retain(|other| *other != index);
                    }
                }
                let Some(next) = next.filter(|_| chain.len() < MAX_CHAIN) else { break };
                chain.push(next);
            }
        }
    }

    /// Tries one rule in as much of the text as it may look at.
    fn try_undone(
        &mut self,
        pass: &mut Pass<'_>,
        view: &View<'_>,
        undone: &mut Undone,
        chain: &[Kind],
        (literal, at, start): (usize, usize, usize),
        used: &Use,
    ) -> bool {
        let reach = (escapes::BEFORE, escapes::AFTER);
        let Some(inner) = undone.around(view, chain, start, reach) else { return false };
        let Some(start) = inner.index(view.place(start)).checked_sub(at) else { return false };
        pass.engine.stands(literal, inner.text, start) && self.try_rule(pass, &inner, literal, start, used)
    }
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner")
            .field("engine", &self.engine)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// A verified hit with offsets in the content. Its text begins at `first` in the view.
pub(crate) fn pending(number: usize, rule: &Rule, hit: &Hit<'_>, view: &View<'_>, first: usize) -> Pending {
    let place = |range: &Range<usize>| view.places(&(first + range.start..first + range.end));
    let span = place(&hit.span);
    let secret = place(&hit.secret);
    let attributes: BTreeMap<String, String> =
        hit.attributes.iter().map(|(name, value)| (name.clone().into_owned(), value.clone())).collect();
    Pending {
        priority: rule.priority,
        claims: std::iter::once(span.clone()).chain(hit.claims.iter().map(place)).collect(),
        found: Match {
            rule: number,
            start: span.start,
            end: span.end,
            secret_start: secret.start,
            secret: Secret::new(hit.secret_bytes()),
            encodings: view.chain.to_vec(),
            attributes,
        },
        secret,
    }
}
