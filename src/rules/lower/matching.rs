//! The part of a rule that says how it is found: its expression, its literals and
//! how long a match may be.

use std::ops::Range;

use regex_syntax::hir::Hir;
use toml::Spanned;

use super::super::literals::{self, Declared, NoLiteral};
use super::super::pattern::{self, Patterns};
use super::super::raw::{RawLiteral, RawRule};
use super::super::rule::{Literal, Rule};
use super::Lowering;

/// What was made of it.
pub(super) struct Matching {
    pub(super) pattern: String,
    /// Where the pattern stands in the file.
    pub(super) span: Range<usize>,
    pub(super) literals: Vec<Literal>,
    pub(super) max_length: u32,
    pub(super) public_prefix: u32,
}

impl Lowering<'_> {
    /// `None` where there is no pattern, or it is no expression.
    pub(super) fn matching(&mut self, raw: &mut RawRule) -> Option<Matching> {
        let pattern = raw.pattern.take()?;
        let span = self.at(pattern.span());
        let hir = self.pattern(&pattern, Patterns::parse_non_empty)?;
        let max_length = self.max_length(&hir, raw.max_length.as_ref(), &span);
        let literals = match &raw.literals {
            Some(declared) => self.declared(&hir, declared),
            None => self.derived(&hir, &span),
        };
        let public_prefix = self.public_prefix(raw.public_prefix.as_ref(), max_length);
        Some(Matching { pattern: pattern.into_inner(), span, literals, max_length, public_prefix })
    }

    fn max_length(&mut self, hir: &Hir, declared: Option<&Spanned<u32>>, pattern: &Range<usize>) -> u32 {
        let bound = hir.properties().maximum_len().map(|length| u32::try_from(length).unwrap_or(u32::MAX));
        let least =
            hir.properties().minimum_len().map_or(0, |length| u32::try_from(length).unwrap_or(u32::MAX));
        let Some(declared) = declared else { return self.own_max_length(bound, least, pattern) };
        let (length, span) = (*declared.get_ref(), self.at(declared.span()));
        if length > Rule::MAX_MATCH_LENGTH {
            self.error(span, "`max_length` is too large", "at most 65536 bytes");
        } else if length < least {
            let message = format!("`max_length` is less than the {least} bytes of the shortest match");
            self.error(span, message, "the rule would never match");
        }
        bound.map_or(length, |bound| bound.min(length))
    }

    fn own_max_length(&mut self, bound: Option<u32>, least: u32, pattern: &Range<usize>) -> u32 {
        match bound {
            Some(bound) if bound <= Rule::MAX_MATCH_LENGTH => bound,
            None if least <= Rule::DEFAULT_MAX_LENGTH => {
                let note = self
                    .origin
                    .error(
                        pattern.clone(),
                        "the expression has no bound: its matches are cut off at 4096 bytes",
                    )
                    .with_help("bound its repetitions, or say `max_length = …`")
                    .with_code("unbounded")
                    .note();
                self.object(note);
                Rule::DEFAULT_MAX_LENGTH
            }
            _ => {
                self.error(
                    pattern.clone(),
                    "the expression matches texts of more than 65536 bytes",
                    "bound its repetitions, or say `max_length = …` (at most 65536)",
                );
                Rule::MAX_MATCH_LENGTH
            }
        }
    }

    fn derived(&mut self, hir: &Hir, pattern: &Range<usize>) -> Vec<Literal> {
        let (message, help) = match literals::derive(hir) {
            Ok(literals) => return literals,
            Err(NoLiteral::None) => (
                "the expression has no literal that every match contains",
                "a rule is found by a text of at least 3 fixed bytes: add what stands before the secret, such as the \
                 name of its variable, to the expression",
            ),
            Err(NoLiteral::TooFar) => (
                "the literal of the expression stands too far from the start of the match",
                "it must stand within 256 bytes: bound the repetitions before it, such as `{1,64}` in place of `+`",
            ),
        };
        self.error(pattern.clone(), message, help);
        Vec::new()
    }

    fn declared(&mut self, hir: &Hir, written: &Spanned<Vec<Spanned<RawLiteral>>>) -> Vec<Literal> {
        let span = self.at(written.span());
        let count = written.get_ref().len();
        if count == 0 || count > literals::MAX_LITERALS {
            self.error(
                span,
                format!("{count} literals"),
                "declare 1 to 64, or none to have them taken from the pattern",
            );
            return Vec::new();
        }
        let mut declared = Vec::with_capacity(count);
        for literal in written.get_ref() {
            let RawLiteral { text, fold } = literal.get_ref();
            if text.len() < literals::MIN_LENGTH {
                self.error(
                    self.at(literal.span()),
                    format!("a literal of {} bytes", text.len()),
                    "a literal has at least 3 bytes: a shorter one is found everywhere",
                );
                return Vec::new();
            }
            // What a match must contain, it contains the start of.
            let kept = text.as_bytes().get(..literals::MAX_LENGTH).unwrap_or(text.as_bytes());
            let bytes = if *fold { kept.to_ascii_lowercase() } else { kept.to_vec() };
            declared.push(Declared { bytes: bytes.into(), fold: *fold });
        }
        match literals::prove(hir, &declared) {
            Some(proven) => proven,
            None => self.unproven(hir, &declared, span),
        }
    }

    /// Declared literals that cannot be proven: refuted by a match without any of
    /// them, or taken on trust where at least their place is bounded.
    fn unproven(&mut self, hir: &Hir, declared: &[Declared], span: Range<usize>) -> Vec<Literal> {
        if let Some(sample) = pattern::counter_match(hir, declared) {
            let shown: String = String::from_utf8_lossy(&sample).chars().take(60).collect();
            let message = format!(
                "not every match contains one of the literals: the expression also matches {shown:?}"
            );
            self.error(
                span,
                message,
                "leave `literals` out to have them taken from the pattern, or add what is missing",
            );
            return Vec::new();
        }
        let longest = hir.properties().maximum_len().and_then(|length| u32::try_from(length).ok());
        let Some(longest) = longest.filter(|longest| *longest <= Rule::MAX_LITERAL_OFFSET) else {
            self.error(
                span,
                "how far from the start of the match the literals stand is not bounded",
                "it must be at most 256 bytes: bound the repetitions before them, such as `{1,64}` in place of `+`",
            );
            return Vec::new();
        };
        let note = self
            .origin
            .error(span, "it cannot be shown that every match contains one of the literals")
            .with_help(
                "a match without one is not found; leave `literals` out to have them taken from the pattern",
            )
            .with_code("unproven-literals")
            .note();
        self.object(note);
        declared
            .iter()
            .map(|literal| {
                let length = u32::try_from(literal.bytes.len()).unwrap_or(u32::MAX);
                let max_offset = longest.saturating_sub(length);
                Literal { bytes: literal.bytes.clone(), fold: literal.fold, min_offset: 0, max_offset }
            })
            .collect()
    }

    fn public_prefix(&mut self, written: Option<&Spanned<u32>>, max_length: u32) -> u32 {
        let Some(written) = written else { return 0 };
        if *written.get_ref() > max_length {
            self.error(
                self.at(written.span()),
                "`public_prefix` is longer than any match",
                "it is the length of what all secrets of the type start with, such as 4 for `ghp_`",
            );
        }
        *written.get_ref()
    }
}
