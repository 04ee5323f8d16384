//! The engine: a rule set ready to match, and the scanner that each thread has.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Match;
use super::confirm::Confirm;
use super::hit::Hit;
use super::prefilter::{Candidates, Kernel, Prefilter};
use super::resolve::{Pending, Resolver};
use super::verify::{Lazy, REACH, Scratch};
use super::watch::{Seen, Unwatched, Watch};
use super::windows;
use crate::finding::Secret;
use crate::rules::{Literal, Rule, RuleSet};

/// A rule set ready to match. Cheap to clone; shared by all threads.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    rules: RuleSet,
    /// Distinct literals of all rules.
    literals: Vec<Literal>,
    /// For each literal, the rules that need it.
    uses: Vec<Vec<Use>>,
    windows: usize,
    prefilter: Prefilter,
    confirm: Confirm,
    compiled: Vec<Lazy>,
    /// How far before a candidate anything may look, in bytes.
    lookbehind: usize,
    /// How far after a candidate anything may look, in bytes.
    lookahead: usize,
}

/// A rule that needs a literal, and where in the rule's match it may stand.
struct Use {
    rule: usize,
    min_offset: usize,
    max_offset: usize,
}

impl Engine {
    /// Prepares the rules, with the fastest kernel of this machine, or the one
    /// that the environment variable `SNAPSIFT_KERNEL` names.
    ///
    /// No regex is built here: that happens when a rule's literal is first seen.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Self {
        let forced = std::env::var("SNAPSIFT_KERNEL").ok().and_then(|name| Kernel::from_name(&name));
        Self::with_kernel(rules, forced.unwrap_or_else(Kernel::best))
    }

    /// Prepares the rules with a certain kernel; the portable one where this
    /// machine does not have it.
    #[must_use]
    pub fn with_kernel(rules: &RuleSet, kernel: Kernel) -> Self {
        let mut literals: Vec<Literal> = Vec::new();
        let mut uses: Vec<Vec<Use>> = Vec::new();
        let mut known: HashMap<(&[u8], bool), usize> = HashMap::new();
        for (number, rule) in rules.rules().iter().enumerate() {
            for literal in rule.literals.iter().filter(|literal| literal.bytes.len() >= 3) {
                let index = *known.entry((&literal.bytes, literal.fold)).or_insert_with(|| {
                    literals.push(literal.clone());
                    uses.push(Vec::new());
                    literals.len() - 1
                });
                uses[index].push(Use {
                    rule: number,
                    min_offset: usize::try_from(literal.min_offset).unwrap_or(usize::MAX),
                    max_offset: usize::try_from(literal.max_offset.min(Rule::MAX_LITERAL_OFFSET))
                        .unwrap_or(0),
                });
            }
        }
        let (windows, placed) = windows::choose(&literals);
        let longest_literal = literals.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        let longest_match = rules.rules().iter().map(|rule| rule.max_length).max().unwrap_or(0);
        let offset = usize::try_from(Rule::MAX_LITERAL_OFFSET).unwrap_or(0);
        let longest_match = usize::try_from(longest_match.min(Rule::MAX_MATCH_LENGTH)).unwrap_or(0);
        Self {
            inner: Arc::new(Inner {
                prefilter: Prefilter::new(&windows, kernel),
                confirm: Confirm::new(&windows, &placed),
                windows: windows.len(),
                compiled: rules.rules().iter().map(|_| Lazy::new()).collect(),
                rules: rules.clone(),
                literals,
                uses,
                lookbehind: REACH + offset + longest_literal,
                lookahead: REACH + longest_match + longest_literal + 1,
            }),
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.inner.rules
    }

    /// The kernel in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.inner.prefilter.kernel()
    }

    /// Distinct literals, the windows that stand for them, and the share of
    /// positions that the background model expects to be candidates.
    #[must_use]
    pub fn prefilter_size(&self) -> (usize, usize, f32) {
        (self.inner.literals.len(), self.inner.windows, self.inner.prefilter.expected())
    }

    /// A scanner, for one thread at a time.
    #[must_use]
    pub fn scanner(&self) -> Scanner {
        let rules = self.inner.compiled.len();
        Scanner {
            engine: self.clone(),
            candidates: Some(Candidates::new()),
            scratch: (0..rules).map(|_| None).collect(),
            resolver: Resolver::default(),
            next: 0,
            stats: Stats { by_rule: vec![RuleStats::default(); rules], ..Stats::default() },
            timed: false,
            last: Step::Verify,
            watch: None,
        }
    }

    /// The rules whose literal was seen and whose pattern could not be built, by
    /// id: nothing was found by them. Rule checking refuses such rules.
    #[must_use]
    pub fn broken_rules(&self) -> Vec<&str> {
        let rules = self.inner.rules.rules().iter().zip(&self.inner.compiled);
        rules.filter(|(_, lazy)| lazy.is_broken()).map(|(rule, _)| rule.id.as_str()).collect()
    }

    /// Only the first stage: how many candidates the prefilter finds. For
    /// measurements.
    #[must_use]
    pub fn count_candidates(&self, text: &[u8]) -> u64 {
        let mut candidates = Candidates::new();
        let mut count = 0;
        for block in blocks(0, text.len()) {
            let part = text.get(block.start..text.len().min(block.end + TAIL)).unwrap_or_default();
            let (mut at, to) = (0, block.len());
            while at < to {
                at = self.inner.prefilter.find(part, at, to, &mut candidates);
                count += candidates.as_slice().len() as u64;
            }
        }
        count
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("rules", &self.inner.compiled.len())
            .field("literals", &self.inner.literals.len())
            .field("kernel", &self.kernel())
            .finish_non_exhaustive()
    }
}

/// Positions are kept in 32 bits: longer content is taken in blocks.
const BLOCK: usize = 1 << 30;
/// Bytes after a block that a window which begins in it may need.
const TAIL: usize = 64;

fn blocks(from: usize, to: usize) -> impl Iterator<Item = Range<usize>> {
    (from..to).step_by(BLOCK).map(move |start| start..to.min(start + BLOCK))
}

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

/// Matches content; one for each thread, reused for every content.
pub struct Scanner {
    engine: Engine,
    /// Taken while in use.
    candidates: Option<Box<Candidates>>,
    scratch: Vec<Option<Box<Scratch>>>,
    resolver: Resolver,
    /// The first offset that has not been examined.
    next: u64,
    stats: Stats,
    timed: bool,
    last: Step,
    watch: Option<Box<dyn Watch + Send>>,
}

impl Scanner {
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
        for block in blocks(from, to) {
            self.scan_block(&engine, bytes, base, block, sink);
        }
        self.stats.bytes += (to - from) as u64;
        self.next = base + to as u64;
        if last {
            self.resolver.finish(sink);
            self.tell_dropped();
        }
        self.next.saturating_sub(engine.lookbehind as u64).max(base)
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
    pub(crate) fn watch(&mut self, watch: Box<dyn Watch + Send>) {
        self.watch = Some(watch);
    }

    fn tell_dropped(&mut self) {
        if let Some(watch) = &mut self.watch {
            self.resolver.take_dropped().into_iter().for_each(|(loser, winner)| watch.dropped(loser, winner));
        }
    }

    fn scan_block(
        &mut self,
        engine: &Arc<Inner>,
        bytes: &[u8],
        base: u64,
        block: Range<usize>,
        sink: &mut dyn FnMut(Match),
    ) {
        let part = bytes.get(block.start..bytes.len().min(block.end + TAIL)).unwrap_or_default();
        let to = block.len();
        let mut at = 0;
        let mut candidates = self.candidates.take().unwrap_or_else(Candidates::new);
        while at < to {
            at = engine.prefilter.find(part, at, to, &mut candidates);
            self.stats.candidates += candidates.as_slice().len() as u64;
            if self.last == Step::Prefilter {
                continue;
            }
            for position in candidates.as_slice() {
                let position = block.start + usize::try_from(*position).unwrap_or(0);
                engine.confirm.literals_at(bytes, position, &engine.literals, |literal, start| {
                    self.stats.literals += 1;
                    if self.last == Step::Confirm {
                        return;
                    }
                    self.verify(engine, bytes, base, literal, start, sink);
                });
            }
        }
        self.candidates = Some(candidates);
    }

    #[inline(never)]
    fn verify(
        &mut self,
        engine: &Arc<Inner>,
        bytes: &[u8],
        base: u64,
        literal: usize,
        start: usize,
        sink: &mut dyn FnMut(Match),
    ) {
        for used in &engine.uses[literal] {
            let began = self.timed.then(Instant::now);
            self.verify_rule(engine, bytes, base, (&engine.literals[literal], start), used, sink);
            let stats = &mut self.stats.by_rule[used.rule];
            stats.literals += 1;
            if let Some(began) = began {
                stats.time += began.elapsed();
            }
        }
    }

    fn verify_rule(
        &mut self,
        engine: &Arc<Inner>,
        bytes: &[u8],
        base: u64,
        (literal, start): (&Literal, usize),
        used: &Use,
        sink: &mut dyn FnMut(Match),
    ) {
        let rule = &engine.rules.rules()[used.rule];
        let Some(compiled) = engine.compiled[used.rule].get(rule) else { return };
        let scratch = self.scratch[used.rule].get_or_insert_with(|| Box::new(compiled.scratch()));
        let offsets = (used.min_offset, used.max_offset);
        let span = compiled.find(rule, literal, offsets, bytes, start, scratch);
        let mut watch = self.watch.as_deref_mut();
        if let Some(watch) = &mut watch {
            let seen = Seen { number: used.rule, rule, literal, offsets, text: bytes, base, start };
            match &span {
                None => watch.unmatched(&seen),
                Some(span) => watch.matched(&seen, span),
            }
        }
        let Some(span) = span else { return };
        self.stats.by_rule[used.rule].matched += 1;
        let shift = base + span.start.saturating_sub(REACH) as u64;
        let judged = match watch {
            None => compiled.judge(rule, bytes, span, scratch, &mut Unwatched),
            Some(watch) => compiled.judge(rule, bytes, span, scratch, watch),
        };
        let Ok(hit) = judged else { return };
        self.stats.by_rule[used.rule].verified += 1;
        let pending = pending(used.rule, rule, &hit, shift);
        let horizon = (base + start as u64).saturating_sub(engine.lookbehind as u64);
        self.resolver.push(pending, horizon, sink);
        self.tell_dropped();
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

/// A verified hit with offsets in the content: `shift` is where its text begins.
pub(crate) fn pending(number: usize, rule: &Rule, hit: &Hit<'_>, shift: u64) -> Pending {
    let place = |range: &Range<usize>| shift + range.start as u64..shift + range.end as u64;
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
            attributes,
        },
        secret,
    }
}
