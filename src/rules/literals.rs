//! Literals that every match of a pattern must contain.
//!
//! Role: from a regular expression's HIR to a small set of byte strings such that
//! every match contains at least one of them, each with the distances from the
//! start of the match at which it may stand. The engine looks for these and runs
//! the expression only where it finds one.
//!
//! How: one walk over the expression, from left to right, with the bytes since
//! the last place of which nothing is known (a *run*). A small class or a small
//! alternation multiplies the run (`gh[pou]_` is three literals), a letter in
//! either case folds it instead, an alternation of larger parts is walked branch by
//! branch, each continuing the run. Wherever a run ends it is offered as a
//! candidate; the cheapest one wins, by how rare its bytes are (`rarity`) and by
//! how many literals it needs. In contrast to `regex_syntax::hir::literal` this
//! looks inside the pattern, knows the offsets, and does not spell out the cases.

mod rarity;
#[cfg(test)]
mod tests;

use regex_syntax::hir::{Class, ClassBytesRange, Hir, HirKind, Repetition};

use super::Rule;
use super::class::byte_class;
use super::rule::Literal;

/// The least length of a literal: a shorter one is found everywhere.
pub const MIN_LENGTH: usize = 3;
/// The most bytes of a literal that are kept; more would tell nothing new.
pub const MAX_LENGTH: usize = 32;
/// The most literals of a rule.
pub const MAX_LITERALS: usize = 64;

/// The most bytes of a run while it is built.
const RUN_LENGTH: usize = 64;
/// The most members of a class that is spelled out.
const CLASS_MEMBERS: usize = 16;
/// The most steps of a walk, so that no pattern takes long.
const FUEL: u32 = 20_000;

/// Why a pattern has no usable literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLiteral {
    /// No text of [`MIN_LENGTH`] bytes stands in every match.
    None,
    /// There is one, but further from the start of the match than
    /// [`Rule::MAX_LITERAL_OFFSET`], or at no bounded distance.
    TooFar,
}

/// A literal that a rule declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The bytes; lower case where `fold` is set.
    pub bytes: Box<[u8]>,
    /// Whether ASCII letters match in either case.
    pub fold: bool,
}

/// The cheapest set of literals of which every match contains one.
///
/// # Errors
///
/// The pattern has none.
pub fn derive(hir: &Hir) -> Result<Vec<Literal>, NoLiteral> {
    let mut too_far = false;
    // Spelling out optional parts costs literals: only where nothing else is left.
    for optional in [false, true] {
        let mut walker = Walker::new(Goal::Cheapest, optional);
        if let Some(found) = walker.run(hir) {
            return Ok(found);
        }
        too_far |= walker.too_far;
    }
    Err(if too_far { NoLiteral::TooFar } else { NoLiteral::None })
}

/// Proves that every match contains one of the declared literals: gives those that
/// the proof needs, with their offsets. `None` says that there is no proof, not
/// that it is false.
#[must_use]
pub fn prove(hir: &Hir, declared: &[Declared]) -> Option<Vec<Literal>> {
    let ways = [(false, true), (true, true), (false, false), (true, false)];
    ways.into_iter().find_map(|(optional, fold)| {
        // Without folding, a literal of its own may be declared for either case.
        Walker { fold, ..Walker::new(Goal::Prove(declared), optional) }.run(hir)
    })
}

/// Whether the text contains the literal.
#[must_use]
pub fn occurs(literal: &Declared, text: &[u8]) -> bool {
    text.windows(literal.bytes.len().max(1)).any(|window| {
        if literal.fold { window.eq_ignore_ascii_case(&literal.bytes) } else { window == &*literal.bytes }
    })
}

/// One byte of a run; a letter in lower case with `fold` set stands for both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Atom {
    byte: u8,
    fold: bool,
}

impl Atom {
    fn exact(byte: u8) -> Self {
        Self { byte, fold: false }
    }
}

type Text = Vec<Atom>;

/// A distance from the start of the match, in bytes.
#[derive(Clone, Copy, Debug)]
struct Offset {
    min: u32,
    /// `None`: not bounded.
    max: Option<u32>,
}

impl Offset {
    const ZERO: Self = Self { min: 0, max: Some(0) };

    fn add(self, min: usize, max: Option<usize>) -> Self {
        let narrow = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Self {
            min: self.min.saturating_add(narrow(min)),
            max: self.max.zip(max).and_then(|(start, max)| start.checked_add(narrow(max))),
        }
    }
}

/// The alternatives of what was read since the last place of which nothing is known.
#[derive(Clone, Debug)]
struct Run {
    start: Offset,
    texts: Vec<Text>,
}

impl Run {
    fn at(start: Offset) -> Self {
        Self { start, texts: vec![Vec::new()] }
    }

    /// Appends one of `tails` to each alternative, unless that gives too much.
    fn append(&mut self, tails: &[Text]) -> bool {
        let longest = |texts: &[Text]| texts.iter().map(Vec::len).max().unwrap_or(0);
        if self.texts.len().saturating_mul(tails.len()) > MAX_LITERALS
            || longest(&self.texts) + longest(tails) > RUN_LENGTH
        {
            return false;
        }
        if let [tail] = tails {
            self.texts.iter_mut().for_each(|text| text.extend_from_slice(tail));
        } else {
            self.texts = cross(&self.texts, tails);
        }
        true
    }
}

fn cross(heads: &[Text], tails: &[Text]) -> Vec<Text> {
    heads
        .iter()
        .flat_map(|head| tails.iter().map(move |tail| head.iter().chain(tail).copied().collect()))
        .collect()
}

#[derive(Clone, Debug)]
struct State {
    at: Offset,
    /// Goes on through classes and alternations.
    wide: Run,
    /// Starts anew at each, so that what follows one is also tried by itself.
    narrow: Run,
}

impl State {
    fn start() -> Self {
        Self { at: Offset::ZERO, wide: Run::at(Offset::ZERO), narrow: Run::at(Offset::ZERO) }
    }

    fn restart(&mut self, at: Offset) {
        self.at = at;
        self.wide = Run::at(at);
        self.narrow = Run::at(at);
    }
}

/// The best candidate so far: its cost and its literals.
#[derive(Default)]
struct Best(Option<(f64, Vec<Literal>)>);

#[derive(Clone, Copy)]
enum Goal<'d> {
    Cheapest,
    Prove(&'d [Declared]),
}

struct Walker<'d> {
    goal: Goal<'d>,
    /// Whether `x?` is spelled out.
    optional: bool,
    /// Whether a letter in either case is one member of a class.
    fold: bool,
    fuel: u32,
    too_far: bool,
}

impl<'d> Walker<'d> {
    fn new(goal: Goal<'d>, optional: bool) -> Self {
        Self { goal, optional, fold: true, fuel: FUEL, too_far: false }
    }

    fn run(&mut self, hir: &Hir) -> Option<Vec<Literal>> {
        let (mut state, mut best) = (State::start(), Best::default());
        self.walk(hir, &mut state, &mut best);
        self.offer_runs(&state, &mut best);
        best.0.map(|(_, literals)| literals)
    }

    fn walk(&mut self, hir: &Hir, state: &mut State, best: &mut Best) {
        if self.fuel == 0 {
            return self.skip(hir, state, best);
        }
        self.fuel -= 1;
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => {
                for part in literal.0.chunks(RUN_LENGTH / 4) {
                    self.extend(&[part.iter().map(|byte| Atom::exact(*byte)).collect()], state, best);
                }
            }
            HirKind::Class(class) => match members(class, self.fold) {
                Some(members) => {
                    let texts: Vec<Text> = members.into_iter().map(|atom| vec![atom]).collect();
                    self.extend(&texts, state, best);
                }
                None => self.skip(hir, state, best),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub, state, best),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part, state, best)),
            HirKind::Alternation(branches) => match self.spell_out(hir) {
                Some(texts) => self.extend(&texts, state, best),
                None => self.branches(hir, branches, state, best),
            },
            HirKind::Repetition(repetition) => match self.spell_out(hir) {
                Some(texts) => self.extend(&texts, state, best),
                None => self.repeat(hir, repetition, state, best),
            },
        }
    }

    /// One of the texts stands here.
    fn extend(&mut self, texts: &[Text], state: &mut State, best: &mut Best) {
        let at = state.at;
        let shortest = texts.iter().map(Vec::len).min().unwrap_or(0);
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        state.at = at.add(shortest, Some(longest));
        if texts.len() > 1 {
            self.offer_runs(state, best);
        }
        if !state.wide.append(texts) {
            self.offer(&state.wide, best);
            state.wide = Run::at(at);
            if !state.wide.append(texts) {
                state.wide = Run::at(state.at);
            }
        }
        if texts.len() > 1 {
            state.narrow = Run::at(state.at);
        } else if !state.narrow.append(texts) {
            self.offer(&state.narrow, best);
            state.narrow = Run::at(at);
            state.narrow.append(texts);
        }
    }

    /// Something of which only the length is known stands here.
    fn skip(&mut self, hir: &Hir, state: &mut State, best: &mut Best) {
        self.offer_runs(state, best);
        state.restart(after(state.at, hir));
    }

    /// One of the branches stands here: the best literals of each together.
    fn branches(&mut self, hir: &Hir, branches: &[Hir], state: &mut State, best: &mut Best) {
        self.offer_runs(state, best);
        let mut all = Some(Vec::new());
        // A branch that can never match needs no literal.
        for branch in branches.iter().filter(|branch| branch.properties().minimum_len().is_some()) {
            let (mut inner, mut found) = (state.clone(), Best::default());
            self.walk(branch, &mut inner, &mut found);
            self.offer_runs(&inner, &mut found);
            all = all.zip(found.0).map(|(all, (_, literals))| merge(all, literals));
            if all.as_ref().is_none_or(|all| all.len() > MAX_LITERALS) {
                all = None;
                break;
            }
        }
        if let Some(literals) = all.filter(|all| !all.is_empty()) {
            let cost = match self.goal {
                Goal::Cheapest => rarity::cost(&literals),
                Goal::Prove(_) => proof_cost(&literals),
            };
            best.take(cost, literals);
        }
        state.restart(after(state.at, hir));
    }

    /// A repetition that is too long or too large to spell out. Its first rounds
    /// are what they are; of the others only the length is known.
    fn repeat(&mut self, hir: &Hir, repetition: &Repetition, state: &mut State, best: &mut Best) {
        let end = after(state.at, hir);
        for _ in 0..repetition.min.min(2) {
            self.walk(&repetition.sub, state, best);
        }
        if repetition.max != Some(repetition.min) || repetition.min > 2 {
            self.offer_runs(state, best);
            state.restart(end);
        }
    }

    fn offer_runs(&mut self, state: &State, best: &mut Best) {
        self.offer(&state.wide, best);
        // Until the first class or alternation both are the same.
        if state.wide.start.min != state.narrow.start.min || state.wide.texts.len() > 1 {
            self.offer(&state.narrow, best);
        }
    }

    fn offer(&mut self, run: &Run, best: &mut Best) {
        // Neither goal is reached by a text that is too short to be a literal.
        if run.texts.iter().any(|text| text.len() < MIN_LENGTH) {
            return;
        }
        let mut literals = Vec::with_capacity(run.texts.len());
        for text in &run.texts {
            let found = match self.goal {
                Goal::Cheapest => keep(text),
                Goal::Prove(declared) => declared_in(text, declared),
            };
            let Some((literal, offset)) = found else { return };
            let start = run.start.add(offset, Some(offset));
            let Some(max_offset) = start.max.filter(|max| *max <= Rule::MAX_LITERAL_OFFSET) else {
                self.too_far = true;
                return;
            };
            let Declared { bytes, fold } = literal;
            add(&mut literals, Literal { bytes, fold, min_offset: start.min, max_offset });
        }
        let cost = match self.goal {
            Goal::Cheapest => rarity::cost(&literals),
            Goal::Prove(_) => proof_cost(&literals),
        };
        best.take(cost, literals);
    }

    /// All texts that the expression matches, where they are few and short.
    fn spell_out(&mut self, hir: &Hir) -> Option<Vec<Text>> {
        self.fuel = self.fuel.checked_sub(1)?;
        let texts = match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
            HirKind::Literal(literal) if literal.0.len() <= RUN_LENGTH => {
                vec![literal.0.iter().map(|byte| Atom::exact(*byte)).collect()]
            }
            HirKind::Literal(_) => return None,
            HirKind::Class(class) => members(class, self.fold)?.into_iter().map(|atom| vec![atom]).collect(),
            HirKind::Capture(capture) => self.spell_out(&capture.sub)?,
            HirKind::Concat(parts) => self.spell_out_all(parts.iter())?,
            HirKind::Alternation(branches) => {
                let mut texts = Vec::new();
                for branch in branches {
                    texts.extend(self.spell_out(branch)?);
                    if texts.len() > MAX_LITERALS {
                        return None;
                    }
                }
                texts
            }
            HirKind::Repetition(Repetition { min, max, sub, .. }) => match (*min, *max) {
                (min, Some(max)) if min == max && usize::try_from(min).is_ok_and(|n| n <= RUN_LENGTH) => {
                    self.spell_out_all((0..min).map(|_| &**sub))?
                }
                (0, Some(1)) if self.optional => {
                    let mut texts = self.spell_out(sub)?;
                    texts.push(Vec::new());
                    texts
                }
                _ => return None,
            },
        };
        (!texts.is_empty() && texts.len() <= MAX_LITERALS).then_some(texts)
    }

    fn spell_out_all<'h>(&mut self, parts: impl Iterator<Item = &'h Hir>) -> Option<Vec<Text>> {
        let mut whole = Run::at(Offset::ZERO);
        for part in parts {
            if !whole.append(&self.spell_out(part)?) {
                return None;
            }
        }
        Some(whole.texts)
    }
}

impl Best {
    fn take(&mut self, cost: f64, literals: Vec<Literal>) {
        if self.0.as_ref().is_none_or(|(least, _)| cost < *least) {
            self.0 = Some((cost, literals));
        }
    }
}

/// Where what follows the expression starts.
fn after(start: Offset, hir: &Hir) -> Offset {
    let properties = hir.properties();
    start.add(properties.minimum_len().unwrap_or(0), properties.maximum_len())
}

/// The members of a small class; with `fold` a letter in both cases is one.
fn members(class: &Class, fold: bool) -> Option<Vec<Atom>> {
    let owned;
    let ranges = match class {
        Class::Bytes(class) => class.ranges(),
        Class::Unicode(_) => {
            owned = byte_class(class)?;
            owned.ranges()
        }
    };
    let count: usize = ranges.iter().map(ClassBytesRange::len).sum();
    if count == 0 || count > 2 * CLASS_MEMBERS {
        return None;
    }
    let all: Vec<u8> = ranges.iter().flat_map(|range| range.start()..=range.end()).collect();
    let other_case = |byte: u8| byte ^ 0x20;
    let atoms: Vec<Atom> = all
        .iter()
        .filter_map(|byte| {
            let both = fold && byte.is_ascii_alphabetic() && all.contains(&other_case(*byte));
            match both {
                true if byte.is_ascii_uppercase() => None,
                fold => Some(Atom { byte: *byte, fold }),
            }
        })
        .collect();
    (atoms.len() <= CLASS_MEMBERS).then_some(atoms)
}

/// The part of a run's text that is kept as a literal, and where in it it starts.
fn keep(text: &[Atom]) -> Option<(Declared, usize)> {
    if text.len() < MIN_LENGTH {
        return None;
    }
    let literal = |atoms: &[Atom]| {
        // One folded letter folds the whole: the literal then says less than it
        // could, but what it says is true.
        let fold = atoms.iter().any(|atom| atom.fold);
        let bytes =
            atoms.iter().map(|atom| if fold { atom.byte.to_ascii_lowercase() } else { atom.byte }).collect();
        Declared { bytes, fold }
    };
    if text.len() <= MAX_LENGTH {
        return Some((literal(text), 0));
    }
    let head = literal(text.get(..MAX_LENGTH)?);
    let tail_start = text.len() - MAX_LENGTH;
    let tail = literal(text.get(tail_start..)?);
    let rarer = rarity::bits(&tail.bytes, tail.fold) > rarity::bits(&head.bytes, head.fold);
    Some(if rarer { (tail, tail_start) } else { (head, 0) })
}

/// The first declared literal that a run's text contains, and where.
fn declared_in(text: &[Atom], declared: &[Declared]) -> Option<(Declared, usize)> {
    let equal = |atom: &Atom, byte: u8, fold: bool| {
        if fold { atom.byte.eq_ignore_ascii_case(&byte) } else { !atom.fold && atom.byte == byte }
    };
    declared
        .iter()
        .filter_map(|literal| {
            let at = text.windows(literal.bytes.len().max(1)).position(|window| {
                window.iter().zip(&literal.bytes).all(|(atom, byte)| equal(atom, *byte, literal.fold))
            })?;
            Some((literal.clone(), at))
        })
        .min_by_key(|(_, at)| *at)
}

/// Of two proofs the one whose literals stand at fewer places.
fn proof_cost(literals: &[Literal]) -> f64 {
    literals.iter().map(|literal| f64::from(literal.max_offset - literal.min_offset) + 1.0).sum()
}

/// Both sets as one.
fn merge(mut all: Vec<Literal>, more: Vec<Literal>) -> Vec<Literal> {
    more.into_iter().for_each(|literal| add(&mut all, literal));
    all
}

/// Adds a literal to a set; one that is there already stands where either stands.
fn add(all: &mut Vec<Literal>, literal: Literal) {
    match all.iter_mut().find(|known| known.bytes == literal.bytes && known.fold == literal.fold) {
        Some(known) => {
            known.min_offset = known.min_offset.min(literal.min_offset);
            known.max_offset = known.max_offset.max(literal.max_offset);
        }
        None => all.push(literal),
    }
}
