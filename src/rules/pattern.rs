//! Regular expressions of rules: parsed, bounded, never compiled here.

use std::collections::HashSet;
use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::{Error, Parser, ParserBuilder};

use super::ByteSet;
use super::class::byte_class;
use super::literals::{Declared, occurs};

/// The longest expression, in bytes of its text.
pub(super) const MAX_PATTERN_LENGTH: usize = 64 * 1024;
/// The largest expression, in states of the automaton that it becomes. A state
/// takes some 30 bytes, so the largest takes a few MiB.
pub(super) const MAX_PATTERN_STATES: u64 = 100_000;
/// How many texts are tried to refute declared literals, and how long each may be.
const SAMPLES: usize = 64;
const SAMPLE_LENGTH: usize = 4096;
const NFA_LIMIT: usize = 64 << 20;
/// How deep groups may be nested.
const MAX_NESTING: u32 = 100;

/// What is wrong with an expression.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) message: String,
    /// Which bytes of its text, where that is known.
    pub(super) span: Option<Range<usize>>,
    pub(super) help: Option<String>,
}

impl Flaw {
    pub(super) fn new(message: impl Into<String>, help: &str) -> Self {
        Self { message: message.into(), span: None, help: Some(help.to_owned()) }
    }
}

/// Parses expressions over bytes, Unicode off, and bounds their size. It keeps what
/// it has found good: packs repeat their conditions.
pub(super) struct Patterns {
    good: HashSet<String>,
}

/// A parser for one expression: one that is used again keeps the flags that an
/// expression sets at its top, `(?i)` for example.
fn parser() -> Parser {
    ParserBuilder::new().unicode(false).utf8(false).nest_limit(MAX_NESTING).build()
}

impl Patterns {
    pub(super) fn new() -> Self {
        Self { good: HashSet::new() }
    }

    /// Parses an expression.
    pub(super) fn parse(&mut self, pattern: &str) -> Result<Hir, Flaw> {
        if pattern.len() > MAX_PATTERN_LENGTH {
            return Err(Flaw::new(
                format!("the expression is longer than {MAX_PATTERN_LENGTH} bytes"),
                "write several rules",
            ));
        }
        let hir = parser().parse(pattern).map_err(|error| flaw(&error))?;
        let size = states(&hir);
        if size > MAX_PATTERN_STATES {
            return Err(Flaw::new(
                format!(
                    "the expression is too large: about {size} states, at most {MAX_PATTERN_STATES} are allowed"
                ),
                "counted repetitions multiply when nested; use smaller counts, or one of the checks of a rule",
            ));
        }
        Ok(hir)
    }

    /// Parses an expression that must match some text, and not the empty one.
    pub(super) fn parse_non_empty(&mut self, pattern: &str) -> Result<Hir, Flaw> {
        let hir = self.parse(pattern)?;
        match hir.properties().minimum_len() {
            None => Err(Flaw::new("the expression can never match", "one of its classes is empty")),
            Some(0) => Err(Flaw::new(
                "the expression matches the empty text",
                "make one of its parts required, for example with `+` in place of `*`",
            )),
            Some(_) => Ok(hir),
        }
    }

    /// Whether the expression of a condition is good.
    pub(super) fn condition(&mut self, pattern: &str) -> Result<(), Flaw> {
        if !self.good.contains(pattern) {
            self.parse_non_empty(pattern)?;
            self.good.insert(pattern.to_owned());
        }
        Ok(())
    }

    /// Whether the expression of a companion is good.
    pub(super) fn companion(&mut self, pattern: &str) -> Result<(), Flaw> {
        if has_named_group(&self.parse_non_empty(pattern)?) {
            return Ok(());
        }
        Err(Flaw::new(
            "a companion without a named group adds nothing",
            "name what it gives: (?P<secret>…) or (?P<attribute>…); use [[rule.context]] for a mere condition",
        ))
    }

    /// A set of bytes from the inside of a `[…]`.
    pub(super) fn byte_set(&mut self, class: &str) -> Result<ByteSet, Flaw> {
        let not_a_class = || {
            Flaw::new("not a set of bytes", "write what stands inside of `[…]`, for example \"A-Za-z0-9_\"")
        };
        if let Some(set) = plain_set(class.as_bytes()) {
            return Ok(set);
        }
        let mut set = ByteSet::empty();
        let hir = self.parse(&format!("[{class}]")).map_err(|flaw| Flaw {
            // The bracket is ours.
            span: flaw
                .span
                .map(|span| span.start.saturating_sub(1)..span.end.saturating_sub(1).min(class.len())),
            ..flaw
        })?;
        match hir.kind() {
            HirKind::Class(class) => {
                let class = byte_class(class).ok_or_else(not_a_class)?;
                class.ranges().iter().for_each(|range| set.insert_range(range.start(), range.end()));
            }
            HirKind::Literal(literal) => match &*literal.0 {
                [byte] => set.insert(*byte),
                _ => return Err(not_a_class()),
            },
            _ => return Err(not_a_class()),
        }
        if set.is_empty() { Err(not_a_class()) } else { Ok(set) }
    }
}

/// A set that is written without any character that has a meaning in `[…]` but
/// the dash between two letters or digits: most are, and there are two to a rule.
fn plain_set(mut class: &[u8]) -> Option<ByteSet> {
    let mut set = ByteSet::empty();
    while let Some((first, rest)) = class.split_first() {
        class = rest;
        match (first, rest) {
            (first, [b'-', last, rest @ ..]) => {
                if !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() || first > last {
                    return None;
                }
                set.insert_range(*first, *last);
                class = rest;
            }
            (b'_' | b'=' | b'+' | b'/' | b'.' | b'"' | b'%' | b'@', _) => set.insert(*first),
            (first, _) if first.is_ascii_alphanumeric() => set.insert(*first),
            _ => return None,
        }
    }
    (!set.is_empty()).then_some(set)
}

/// A text that the expression probably matches (what it says of the surroundings
/// is not looked at), of at most `limit` bytes; `variant` chooses among classes and
/// branches.
fn sample(hir: &Hir, variant: usize, limit: usize) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    write_sample(hir, variant, limit, &mut text).then_some(text)
}

fn write_sample(hir: &Hir, variant: usize, limit: usize, text: &mut Vec<u8>) -> bool {
    let room = text.len() <= limit;
    room && match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            text.extend_from_slice(&literal.0);
            true
        }
        HirKind::Class(class) => {
            let Some(bytes) = byte_class(class) else { return false };
            let ranges = bytes.ranges();
            let range = ranges.get(variant % ranges.len().max(1));
            text.extend(
                range.map(|range| if variant.is_multiple_of(2) { range.start() } else { range.end() }),
            );
            range.is_some()
        }
        HirKind::Capture(capture) => write_sample(&capture.sub, variant, limit, text),
        HirKind::Concat(parts) => parts.iter().all(|part| write_sample(part, variant, limit, text)),
        HirKind::Alternation(branches) => branches
            .get(variant % branches.len().max(1))
            .is_some_and(|branch| write_sample(branch, variant, limit, text)),
        HirKind::Repetition(repetition) => {
            (0..repetition.min).all(|_| write_sample(&repetition.sub, variant, limit, text))
        }
    }
}

/// About how many states the expression's automaton has, saturating.
fn states(hir: &Hir) -> u64 {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => count(literal.0.len()),
        HirKind::Class(Class::Bytes(class)) => 1 + count(class.ranges().len()) / 4,
        // At most four bytes, each with its own ranges.
        HirKind::Class(Class::Unicode(class)) => count(class.ranges().len()).saturating_mul(4),
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) => parts.iter().map(states).fold(0, u64::saturating_add),
        HirKind::Alternation(parts) => parts.iter().map(states).fold(1, u64::saturating_add),
        HirKind::Repetition(repetition) => {
            let rounds = repetition.max.unwrap_or_else(|| repetition.min.saturating_add(1));
            states(&repetition.sub).saturating_add(1).saturating_mul(u64::from(rounds).max(1))
        }
    }
}

/// The parser's message in our form.
fn flaw(error: &Error) -> Flaw {
    let (message, span, help) = match error {
        Error::Parse(error) => (error.kind().to_string(), error.span(), parse_help(error.kind())),
        Error::Translate(error) => (error.kind().to_string(), error.span(), translate_help(error.kind())),
        _ => return Flaw { message: error.to_string(), span: None, help: None },
    };
    Flaw { message, span: Some(span.start.offset..span.end.offset), help: help.map(str::to_owned) }
}

fn parse_help(kind: &regex_syntax::ast::ErrorKind) -> Option<&'static str> {
    use regex_syntax::ast::ErrorKind as Kind;
    match kind {
        Kind::UnsupportedLookAround => Some(
            "use `not_before` and `not_after` for single bytes, or a [[rule.context]] with mode = \"forbid\"",
        ),
        Kind::UnsupportedBackreference => Some("a match cannot refer to its own parts"),
        Kind::RepetitionCountInvalid => Some("the least count stands first: {3,10}"),
        _ => None,
    }
}

fn translate_help(kind: &regex_syntax::hir::ErrorKind) -> Option<&'static str> {
    use regex_syntax::hir::ErrorKind as Kind;
    match kind {
        Kind::UnicodeNotAllowed
        | Kind::UnicodePropertyNotFound
        | Kind::UnicodePerlClassNotFound
        | Kind::UnicodeCaseUnavailable => Some(
            "expressions are over bytes, without Unicode: write \\xNN for a byte, and leave `(?u)` and `\\p` out",
        ),
        _ => None,
    }
}

/// Whether one of its groups has a name.
fn has_named_group(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => capture.name.is_some() || has_named_group(&capture.sub),
        HirKind::Repetition(repetition) => has_named_group(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_named_group),
        _ => false,
    }
}

/// A text that the expression matches and that contains none of the literals,
/// where one is found among a few tries.
pub(super) fn counter_match(hir: &Hir, literals: &[Declared]) -> Option<Vec<u8>> {
    let tries = (0..SAMPLES).filter_map(|variant| sample(hir, variant, SAMPLE_LENGTH));
    let mut without = tries.filter(|text| literals.iter().all(|literal| !occurs(literal, text))).peekable();
    without.peek()?;
    // Compiled only here, where a rule is about to be refused.
    let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
    let config = regex_automata::meta::Config::new().utf8_empty(false).nfa_size_limit(Some(NFA_LIMIT));
    let regex =
        regex_automata::meta::Builder::new().syntax(syntax).configure(config).build_from_hir(hir).ok()?;
    without.find(|text| regex.find(text).is_some_and(|found| found.range() == (0..text.len())))
}
