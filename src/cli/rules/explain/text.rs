//! The answer for a person, as a compiler would give it.

use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use snapsift::output::escape;
use snapsift::rules::Rule;
use snapsift::scan::explain::{
    Attempt, Condition, Judged, Outcome, RuleExplanation, Stopped, Why, conditions,
};

use super::{Answer, words};

/// How many bytes of a pattern's line are shown around the part that stops.
const PATTERN_AROUND: usize = 80;
/// The most characters of a pattern or an argument in a note.
const MAX_NOTE: usize = 120;

pub(super) fn write(answer: &mut Answer<'_>, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let shown: Vec<(Rule, RuleExplanation)> =
        answer.shown().map(|(rule, told)| (rule.clone(), told.clone())).collect();
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut attempts: Vec<(&Rule, &Attempt)> = shown
        .iter()
        .flat_map(|(rule, told)| told.attempts.iter().map(move |attempt| (rule, attempt)))
        .collect();
    // In order of the file; what matched before what did not.
    attempts
        .sort_by_key(|(_, attempt)| (attempt.place.start, matches!(attempt.outcome, Outcome::NoMatch(_))));
    for (rule, attempt) in attempts {
        let block = block(answer, rule, attempt)?;
        writeln!(out, "{}\n", block.render(&renderer))?;
    }
    for (rule, told) in &shown {
        for line in without_attempt(answer, rule, told) {
            writeln!(out, "{line}\n")?;
        }
    }
    writeln!(out, "{}", summary(answer))
}

/// One message: what came of one literal of one rule.
struct Block {
    level: Level<'static>,
    title: String,
    path: String,
    line: usize,
    text: String,
    marks: Vec<(AnnotationKind, Range<usize>, String)>,
    /// The pattern's line with the part that stops.
    pattern: Option<(String, Range<usize>, String)>,
    notes: Vec<(&'static str, String)>,
}

impl Block {
    fn render(&self, renderer: &Renderer) -> String {
        let marks = self.marks.iter().map(|(kind, span, label)| {
            let annotation = kind.span(span.clone());
            if label.is_empty() { annotation } else { annotation.label(label.as_str()) }
        });
        let snippet = Snippet::source(self.text.as_str())
            .line_start(self.line)
            .path(self.path.as_str())
            .annotations(marks);
        let mut group: Group<'_> = self.level.clone().primary_title(self.title.as_str()).element(snippet);
        if let Some((text, span, label)) = &self.pattern {
            let part = AnnotationKind::Context.span(span.clone()).label(label.as_str());
            group = group.element(Snippet::source(text.as_str()).path("the pattern").annotation(part));
        }
        for (name, note) in &self.notes {
            group = group.element(Level::NOTE.with_name(*name).message(note.as_str()));
        }
        renderer.render(&[group])
    }
}

fn block(answer: &mut Answer<'_>, rule: &Rule, attempt: &Attempt) -> io::Result<Block> {
    let verdict = words::verdict(attempt);
    let level = match verdict {
        "finding" => Level::ERROR,
        "no match" => Level::NOTE,
        _ => Level::WARNING,
    };
    let focus = match &attempt.outcome {
        Outcome::NoMatch(_) => &attempt.place,
        Outcome::Match(judged) => &judged.span,
    };
    let reveal = answer.reveal;
    let excerpt = answer.content.excerpt(focus)?;
    // What is encoded shares characters with what is beside it.
    let plain = attempt.encodings.is_empty();
    let clear = if plain { attempt.place.clone() } else { 0..0 };
    let (text, span) = excerpt.text(focus, &clear, reveal);
    let (_, literal) = excerpt.text(&attempt.place, &clear, reveal);
    let literal_text = visible(&String::from_utf8_lossy(&attempt.literal));
    let fold = if attempt.fold { " in either case" } else { "" };
    let mut marks = Vec::new();
    let mut notes = Vec::new();
    if !plain {
        let chain: Vec<&str> = attempt.encodings.iter().map(|encoding| encoding.as_str()).collect();
        let chain = chain.join(", then ");
        notes.push(("encoding", format!("{chain}; places are those of the encoded text")));
    }
    let mut pattern = None;
    let title;
    match &attempt.outcome {
        Outcome::NoMatch(stopped) => {
            marks.push((AnnotationKind::Primary, span, format!("the literal `{literal_text}`{fold}")));
            title = format!("{}: the pattern does not match around its literal", rule.id);
            no_match(answer, rule, attempt, stopped, &mut notes, &mut pattern);
        }
        Outcome::Match(judged) => {
            marks.push((AnnotationKind::Primary, span, String::new()));
            if !literal.is_empty() && attempt.place.start >= judged.span.start {
                marks.push((AnnotationKind::Context, literal, format!("the literal `{literal_text}`{fold}")));
            }
            title = format!("{}: {}", rule.id, reason(answer, rule, judged));
            matched(answer, rule, judged, &mut notes);
        }
    }
    let (line, _) = answer.places.of(focus.start);
    Ok(Block {
        level: level.with_name(verdict),
        title: visible(&title),
        path: answer.content.name.clone(),
        line: usize::try_from(line).unwrap_or(0),
        text,
        marks,
        pattern,
        notes: notes.into_iter().map(|(name, note)| (name, visible(&note))).collect(),
    })
}

fn reason(answer: &Answer<'_>, rule: &Rule, judged: &Judged) -> String {
    match (judged.refused, &judged.claimed_by) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(winner)) => words::better(answer.rules, rule, judged, winner),
        (None, None) => rule.secret_type.clone(),
    }
}

fn place(answer: &Answer<'_>, offset: u64) -> String {
    let (line, column) = answer.places.of(offset);
    format!("{line}:{column}")
}

fn no_match(
    answer: &Answer<'_>,
    rule: &Rule,
    attempt: &Attempt,
    stopped: &Stopped,
    notes: &mut Vec<(&'static str, String)>,
    pattern: &mut Option<(String, Range<usize>, String)>,
) {
    let at = |offset: u64| place(answer, offset);
    let byte = |byte: u8| words::byte(byte, answer.reveal);
    let start = at(stopped.start);
    match &stopped.why {
        Why::NoRoom => notes.push((
            "window",
            "the literal is nearer to the start of the content than it is in any match".into(),
        )),
        Why::Pattern { at: stop, byte: stopper, part } => {
            notes
                .push(("window", format!("from {} to {}", at(attempt.window.start), at(attempt.window.end))));
            let stopper = stopper.map_or("the end of the content".into(), byte);
            let label = format!("does not match: stops at {} before {stopper}", at(*stop));
            let (text, span) = part_of(&rule.pattern, part);
            *pattern = Some((text, span, visible(&label)));
            notes.push((
                "pattern",
                format!("a match from {start} comes furthest: {} bytes", stop - stopped.start),
            ));
        }
        Why::TooLong { at: stop } => notes.push((
            "pattern",
            format!(
                "a match from {start} has to end at {}: it wants more than {} bytes (max_length)",
                at(*stop),
                rule.max_length
            ),
        )),
        Why::TooShort { end } => notes.push((
            "pattern",
            format!("matches from {start} to {}, which ends before the literal does", at(*end)),
        )),
        Why::Before { byte: before, end } => notes.push((
            "boundary",
            format!(
                "the pattern matches from {start} to {}, with {} before it (not_before)",
                at(*end),
                byte(*before)
            ),
        )),
        Why::After { byte: after, end } => notes.push((
            "boundary",
            format!(
                "the pattern matches from {start} to {}, with {} after it (not_after)",
                at(*end),
                byte(*after)
            ),
        )),
    }
}

fn matched(answer: &Answer<'_>, rule: &Rule, judged: &Judged, notes: &mut Vec<(&'static str, String)>) {
    let length = judged.span.end - judged.span.start;
    notes.push((
        "pattern",
        format!(
            "matches {length} bytes, {} to {}",
            place(answer, judged.span.start),
            place(answer, judged.span.end)
        ),
    ));
    for (number, condition) in conditions(rule).into_iter().enumerate() {
        let step = judged.steps.get(number);
        if matches!(condition, Condition::Ignored(_)) && rule.ignore == snapsift::rules::Ignore::default() {
            continue;
        }
        let (kind, text) = words::condition(rule, condition);
        let text = cut(&text);
        let said = match step {
            None => "not reached".to_owned(),
            Some(step) => match (&step.place, step.refused) {
                (_, Some(reason)) => {
                    let entry = match step.condition {
                        Condition::Ignored(Some(entry)) => format!(" ({})", words::ignored(entry)),
                        _ => String::new(),
                    };
                    let found =
                        step.place.as_ref().map(|found| format!(" (at {})", place(answer, found.start)));
                    format!("refuses: {reason}{entry}{}", found.unwrap_or_default())
                }
                (Some(found), None) => format!("found at {}", place(answer, found.start)),
                (None, None) if matches!(condition, Condition::Context(_)) => {
                    "not there, as it has to be".to_owned()
                }
                (None, None) if matches!(condition, Condition::Nearby(_)) => "not found".to_owned(),
                (None, None) => "passes".to_owned(),
            },
        };
        notes.push((kind, if text.is_empty() { said } else { format!("{text}: {said}") }));
    }
    let preview = if answer.reveal {
        judged.value.reveal().as_str().to_owned()
    } else {
        judged.value.preview(usize::try_from(rule.public_prefix).unwrap_or(0))
    };
    notes.push((
        "secret",
        format!("{}, {} bytes at {}", cut(&preview), judged.value.len(), place(answer, judged.secret.start)),
    ));
    if (judged.is_finding() || answer.reveal) && !judged.attributes.is_empty() {
        let attributes: Vec<String> =
            judged.attributes.iter().map(|(name, value)| format!("{name} = {}", cut(value))).collect();
        notes.push(("attributes", attributes.join(", ")));
    }
    let overlap = match &judged.claimed_by {
        Some(winner) => {
            format!(
                "{} (at {})",
                words::better(answer.rules, rule, judged, winner),
                place(answer, winner.start)
            )
        }
        None if judged.refused.is_some() => return,
        None => "no better match claims these bytes".to_owned(),
    };
    notes.push(("overlap", overlap));
}

/// What is to say of a rule besides its attempts.
fn without_attempt(answer: &Answer<'_>, rule: &Rule, told: &RuleExplanation) -> Vec<String> {
    let mut lines = Vec::new();
    let id = visible(&rule.id);
    if told.broken {
        lines
            .push(format!("note: {id}: its pattern cannot be built, so it finds nothing: see `rules check`"));
    } else if told.literals == 0 {
        let mut literals: Vec<String> = rule
            .literals
            .iter()
            .take(8)
            .map(|literal| {
                let fold = if literal.fold { " (in either case)" } else { "" };
                format!("`{}`{fold}", literal.bytes.escape_ascii())
            })
            .collect();
        let more = rule.literals.len().saturating_sub(literals.len());
        if more > 0 {
            literals.push(format!("{more} more"));
        }
        let place = match answer.line {
            Some(line) => format!("line {line} of {}", answer.content.name),
            None => answer.content.name.clone(),
        };
        lines.push(format!(
            "no match: {id}: none of its literals stands in {place}\n  = literals: {}",
            visible(&literals.join(", "))
        ));
    }
    if told.not_listed() > 0 {
        lines.push(format!(
            "note: {id}: {} more places are not shown: it matched {} times, and not around {} literals (--most)",
            told.not_listed(),
            told.matched,
            told.unmatched
        ));
    }
    lines
}

fn summary(answer: &Answer<'_>) -> String {
    let tried = answer.told.iter().filter(|told| told.literals > 0).count();
    let judged =
        answer.told.iter().flat_map(|told| &told.attempts).filter_map(|attempt| match &attempt.outcome {
            Outcome::Match(judged) => Some(judged),
            Outcome::NoMatch(_) => None,
        });
    let (mut findings, mut refused, mut claimed) = (0, 0, 0);
    for judged in judged {
        match (judged.refused, judged.claimed_by) {
            (Some(_), _) => refused += 1,
            (None, Some(_)) => claimed += 1,
            (None, None) => findings += 1,
        }
    }
    let unlisted = answer.told.iter().any(|told| told.not_listed() > 0);
    let line = answer.line.map(|line| format!("line {line} of ")).unwrap_or_default();
    format!(
        "{line}{} ({} bytes): {tried} of {} rules see a literal; {}{findings} finding{}, {refused} refused, {claimed} claimed by another",
        answer.content.name,
        answer.bytes,
        answer.told.len(),
        if unlisted { "shown: " } else { "" },
        if findings == 1 { "" } else { "s" },
    )
}

/// The line of the pattern that the part begins in, cut to what is near it.
fn part_of(pattern: &str, part: &Range<usize>) -> (String, Range<usize>) {
    let start = floor(pattern, part.start);
    let head = pattern.get(..start).unwrap_or_default();
    let line = head.rfind('\n').map_or(0, |at| at + 1);
    let rest = pattern.get(start..).unwrap_or_default();
    let line_end = rest.find('\n').map_or(pattern.len(), |at| start + at);
    let end = floor(pattern, part.end.min(line_end).min(start + PATTERN_AROUND)).max(start);
    let from = floor(pattern, line.max(start.saturating_sub(PATTERN_AROUND)));
    let to = floor(pattern, line_end.min(end + PATTERN_AROUND));
    let piece = |range: Range<usize>| visible(pattern.get(range).unwrap_or_default());
    let mut text = String::from(if from > line { "…" } else { "" });
    text.push_str(&piece(from..start));
    let first = text.len();
    text.push_str(&piece(start..end));
    let span = first..text.len();
    text.push_str(&piece(end..to));
    if to < line_end {
        text.push('…');
    }
    (text, span)
}

/// The greatest character boundary that is not after `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn visible(text: &str) -> String {
    escape::visible(text).into_owned()
}

/// A text that is long, cut.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_NOTE) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_pattern_is_shown_in_its_line() {
        let pattern = "(?x)\n  tok_ # the prefix\n  [0-9]{6}\n";
        let at = pattern.find("[0-9]").expect("it is there");
        let (text, span) = part_of(pattern, &(at..at + 8));
        assert_eq!((text.as_str(), &text[span]), ("  [0-9]{6}", "[0-9]{6}"));
        let long = format!("{}[0-9]{}", "ä".repeat(500), "b".repeat(500));
        let (text, span) = part_of(&long, &(1000..1005));
        assert!(text.starts_with('…') && text.ends_with('…') && text.len() < 400);
        assert_eq!(&text[span], "[0-9]");
        assert_eq!(part_of("abc", &(0..99)).0, "abc");
    }
}
