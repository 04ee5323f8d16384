//! The pattern with one of its parts taken away or weakened: an edit of its text,
//! at the place that the parser gives.

use std::collections::HashSet;
use std::ops::Range;

use regex_syntax::ast::{Ast, GroupKind, RepetitionKind, RepetitionOp, RepetitionRange, Span, parse};

use super::{Kind, Mutant};
use crate::rules::{Patterns, Rule};

/// The most edits of one pattern that are tried.
const MAX_EDITS: usize = 400;
/// How deep groups may be nested; what is deeper is left alone. Patterns of rules
/// are not nested deeper than the parser of packs allows.
const MAX_NESTING: u32 = 100;

/// One change of the pattern's text.
struct Edit {
    kind: Kind,
    /// What is told to be changed.
    part: Range<usize>,
    /// What is cut out.
    cut: Range<usize>,
    /// What comes in its place.
    with: String,
    what: String,
}

/// Adds the rule with each edit of its pattern. Returns how many were left out.
pub(super) fn mutants(rule: &Rule, all: &mut Vec<Mutant>) -> usize {
    let parser = parse::ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(&rule.pattern);
    let mut patterns = Patterns::new();
    let (Ok(ast), Ok(hir)) = (parser, patterns.parse(&rule.pattern)) else { return 1 };
    let mut edits = Vec::new();
    walk(&ast, &mut edits);
    let left_out = edits.len().saturating_sub(MAX_EDITS);
    let mut known = HashSet::new();
    for edit in edits.into_iter().take(MAX_EDITS) {
        let mut pattern = rule.pattern.clone();
        if pattern.get(edit.cut.clone()).is_none() {
            continue;
        }
        pattern.replace_range(edit.cut.clone(), &edit.with);
        // What is no pattern for a rule, or matches the same, says nothing.
        let Ok(edited) = patterns.parse_non_empty(&pattern) else { continue };
        if edited == hir || !known.insert(pattern.clone()) {
            continue;
        }
        let longest = edited.properties().maximum_len().and_then(|length| u32::try_from(length).ok());
        let mut mutant = rule.clone();
        mutant.max_length = match longest {
            Some(length) => length.min(Rule::MAX_MATCH_LENGTH),
            None => Rule::DEFAULT_MAX_LENGTH.max(rule.max_length),
        };
        mutant.pattern = pattern;
        let place = rule.place_in_pattern(&edit.part);
        all.push(Mutant { kind: edit.kind, place, what: edit.what, rule: mutant, pattern: true });
    }
    left_out
}

fn range(span: &Span) -> Range<usize> {
    span.start.offset..span.end.offset
}

/// The edits of an expression and of all within it. As deep as the parser lets it
/// be.
fn walk(ast: &Ast, edits: &mut Vec<Edit>) {
    // The first too many is kept, so that it is known that there are more.
    if edits.len() > MAX_EDITS {
        return;
    }
    match ast {
        Ast::Concat(concat) => {
            for (element, range) in elements(&concat.asts) {
                edits.push(without(element, range));
            }
            concat.asts.iter().for_each(|part| walk(part, edits));
        }
        Ast::Alternation(alternation) => {
            branches(&alternation.asts, edits);
            alternation.asts.iter().for_each(|branch| walk(branch, edits));
        }
        Ast::Repetition(repetition) => {
            repetition_edits(&repetition.op, repetition.greedy, edits);
            walk(&repetition.ast, edits);
        }
        Ast::Group(group) => {
            match &group.kind {
                GroupKind::CaptureName { name, .. } => edits.push(Edit {
                    kind: Kind::Group,
                    part: range(&name.span),
                    // With the `>` after the name.
                    cut: group.span.start.offset..name.span.end.offset + 1,
                    with: "(?:".to_owned(),
                    what: format!("no group `{}`", name.name),
                }),
                GroupKind::NonCapturing(flags) if !flags.items.is_empty() => edits.push(Edit {
                    kind: Kind::Flag,
                    part: range(&flags.span),
                    cut: range(&flags.span),
                    with: String::new(),
                    what: "this flag taken away".to_owned(),
                }),
                GroupKind::CaptureIndex(_) | GroupKind::NonCapturing(_) => {}
            }
            walk(&group.ast, edits);
        }
        Ast::ClassBracketed(_) | Ast::ClassPerl(_) | Ast::ClassUnicode(_) => {
            let place = range(ast.span());
            edits.push(Edit {
                kind: Kind::Class,
                part: place.clone(),
                cut: place,
                with: r"[^\n]".to_owned(),
                what: "any byte here".to_owned(),
            });
        }
        Ast::Empty(_) | Ast::Flags(_) | Ast::Literal(_) | Ast::Dot(_) | Ast::Assertion(_) => {}
    }
}

/// The elements of a sequence that has several, characters in a row as one.
fn elements(asts: &[Ast]) -> Vec<(&Ast, Range<usize>)> {
    let mut all: Vec<(&Ast, Range<usize>)> = Vec::new();
    for ast in asts {
        let own = range(ast.span());
        match all.last_mut() {
            Some((Ast::Literal(_), run)) if matches!(ast, Ast::Literal(_)) => run.end = own.end,
            _ => all.push((ast, own)),
        }
    }
    if all.len() > 1 { all } else { Vec::new() }
}

fn without(element: &Ast, place: Range<usize>) -> Edit {
    let (kind, what) = match element {
        Ast::Assertion(_) => (Kind::Boundary, "this boundary taken away"),
        Ast::Flags(_) => (Kind::Flag, "this flag taken away"),
        _ => (Kind::Element, "this part taken away"),
    };
    Edit { kind, part: place.clone(), cut: place, with: String::new(), what: what.to_owned() }
}

/// Each branch taken away, with the `|` that parts it from its neighbour.
fn branches(asts: &[Ast], edits: &mut Vec<Edit>) {
    for (number, branch) in asts.iter().enumerate() {
        let part = range(branch.span());
        let cut = match (asts.get(number + 1), number.checked_sub(1).and_then(|before| asts.get(before))) {
            (Some(next), _) => part.start..next.span().start.offset,
            (None, Some(before)) => before.span().end.offset..part.end,
            (None, None) => continue,
        };
        let what = "this branch taken away".to_owned();
        edits.push(Edit { kind: Kind::Branch, part, cut, with: String::new(), what });
    }
}

fn repetition_edits(op: &RepetitionOp, greedy: bool, edits: &mut Vec<Edit>) {
    let mut add = |kind: Kind, with: &str, what: &str| {
        let lazy = if greedy || with.is_empty() { "" } else { "?" };
        let place = range(&op.span);
        edits.push(Edit {
            kind,
            part: place.clone(),
            cut: place,
            with: format!("{with}{lazy}"),
            what: what.to_owned(),
        });
    };
    let required = "this required";
    match &op.kind {
        RepetitionKind::ZeroOrOne => add(Kind::Optional, "", required),
        RepetitionKind::ZeroOrMore => add(Kind::Optional, "+", required),
        RepetitionKind::OneOrMore => add(Kind::Count, "*", "none of it"),
        RepetitionKind::Range(counts) => {
            let (least, most) = match counts {
                RepetitionRange::Exactly(count) => (*count, Some(*count)),
                RepetitionRange::AtLeast(count) => (*count, None),
                RepetitionRange::Bounded(least, most) => (*least, Some(*most)),
            };
            let upper = most.map(|most| most.to_string()).unwrap_or_default();
            match least {
                0 => add(Kind::Optional, &format!("{{1,{upper}}}"), required),
                1 => {}
                _ => add(Kind::Count, &format!("{{1,{upper}}}"), "as little as one of it"),
            }
            if most.is_some() {
                add(Kind::Count, &format!("{{{least},}}"), "any number of it");
            }
        }
    }
}
