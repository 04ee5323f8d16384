//! What a rule costs: how often its literals stand on a real disk, by the
//! background model, and how much is tried at each of them.

use regex_syntax::hir::Hir;

use crate::rules::{ByteSet, Diagnostic, Literal, MAX_PATTERN_STATES, Patterns, Rule, states};
use crate::scan::background::BACKGROUND;
use crate::scan::shape::Shape;
use crate::scan::windows;

/// Candidates of the prefilter per gigabyte, by the background model, from which
/// on a rule is told to cost too much. The model knows pairs of bytes and no words,
/// of which there are more than it says: where it says this many, there are.
const CANDIDATES: f64 = 20_000.0;
/// Places per gigabyte at which the expression is tried. One costs some 100 ns.
const TRIES: f64 = 100_000.0;
/// The places before one literal that may begin a match, from which on a rule is
/// told about it.
const PLACES: u32 = 128;
/// Bytes that a text made for the rule can make it look at for each literal.
const WORST: u64 = 4 << 20;
const GIGABYTE: f64 = 1e9;

pub(super) fn check(rule: &Rule) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let hir = Patterns::new().parse(&rule.pattern).ok();
    found.extend(frequent(rule));
    found.extend(wide(rule, hir.as_ref()));
    found.extend(worst(rule));
    found.extend(hir.and_then(|hir| large(rule, &hir)));
    found
}

fn frequent(rule: &Rule) -> Option<Diagnostic> {
    let (windows, _) = windows::choose(&rule.literals);
    let candidates = windows.iter().map(|window| f64::from(window.share())).sum::<f64>() * GIGABYTE;
    if candidates <= CANDIDATES {
        return None;
    }
    let worst = rule.literals.iter().max_by(|a, b| share(a).total_cmp(&share(b)))?;
    let message = format!(
        "the literals of `{}` are frequent: {} candidates per GB of a disk",
        rule.id,
        count(candidates)
    );
    Some(
        rule.error_at(rule.source.pattern.clone(), message)
            .warning("frequent-literal")
            .with_label(format!("found by `{}`", worst.bytes.escape_ascii()))
            .with_help(
                "make more of the text before the secret part of the pattern, in exact case where it has one, or \
                 declare rarer `literals`",
            ),
    )
}

fn wide(rule: &Rule, hir: Option<&Hir>) -> Option<Diagnostic> {
    let places = |literal: &Literal| literal.max_offset - literal.min_offset + 1;
    let widest = rule.literals.iter().map(places).max()?;
    let first = hir.and_then(|hir| Shape::of(hir).first_set().map(share_of_set)).unwrap_or(1.0);
    let tries = rule.literals.iter().map(|literal| share(literal) * f64::from(places(literal)) * first);
    let tries = tries.sum::<f64>() * GIGABYTE;
    if widest <= PLACES && tries <= TRIES {
        return None;
    }
    let literal = rule.literals.iter().find(|literal| places(literal) == widest)?;
    let message = format!(
        "`{}` is tried at up to {widest} places before its literal: {} tries per GB of a disk",
        rule.id,
        count(tries)
    );
    Some(
        rule.error_at(rule.source.pattern.clone(), message)
            .warning("wide-gap")
            .with_label(format!(
                "`{}` stands {} to {} bytes from the start of the match",
                literal.bytes.escape_ascii(),
                literal.min_offset,
                literal.max_offset
            ))
            .with_help(
                "begin the pattern nearer to the literal, make the repetition before it shorter, or move what stands \
                 before it to a [[rule.context]] or [[rule.nearby]]",
            ),
    )
}

fn worst(rule: &Rule) -> Option<Diagnostic> {
    let places = rule.literals.iter().map(|literal| literal.max_offset - literal.min_offset + 1).max()?;
    let bytes = u64::from(places) * u64::from(rule.max_length);
    (bytes > WORST).then(|| {
        let message = format!("a text made for it can make `{}` read {bytes} bytes at each literal", rule.id);
        rule.error_at(rule.source.pattern.clone(), message)
            .warning("slow-worst-case")
            .with_label(format!("matches of up to {} bytes, tried at {places} places", rule.max_length))
            .with_help("bound the repetitions of the pattern, or give a smaller `max_length`")
    })
}

fn large(rule: &Rule, hir: &Hir) -> Option<Diagnostic> {
    let size = states(hir);
    (size > MAX_PATTERN_STATES / 2).then(|| {
        let message = format!(
            "the pattern of `{}` is near the limit: about {size} states of {MAX_PATTERN_STATES}",
            rule.id
        );
        rule.error_at(rule.source.pattern.clone(), message)
            .warning("large-pattern")
            .with_help("counted repetitions multiply when nested; use smaller counts, or one of the checks")
    })
}

/// The share of positions on a disk at which the whole literal stands.
fn share(literal: &Literal) -> f64 {
    f64::from(BACKGROUND.window(&literal.bytes, literal.fold))
}

fn share_of_set(set: &ByteSet) -> f64 {
    let bytes = (0..=255_u8).filter(|byte| set.contains(*byte));
    bytes.map(|byte| f64::from(BACKGROUND.byte(byte))).sum::<f64>().min(1.0)
}

/// A number of a model, as exact as the model is.
fn count(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("about {:.1} million", n / 1e6),
        n if n >= 1e3 => format!("about {:.0},000", n / 1e3),
        n => format!("about {n:.0}"),
    }
}
