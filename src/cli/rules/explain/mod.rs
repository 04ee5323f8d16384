//! `snapsift rules explain`: why is something a finding, or why is it not?
//!
//! Role: which file and rules are asked about; the answer is the library's
//! ([`snapsift::scan::explain`]), written as text or JSON.

mod content;
mod json;
mod text;
mod words;

use std::io::Write as _;

use anyhow::{Context as _, bail};
use snapsift::rules::{self, Rule, RuleSet};
use snapsift::scan::Engine;
use snapsift::scan::explain::{Attempt, Outcome, Question, RuleExplanation, Why, explain};

use self::content::{Content, Places};
use crate::cli::args::Colour;
use crate::cli::args::tools::{ExplainArgs, ToolFormat};
use crate::cli::exit::Exit;
use crate::cli::{message, process};

/// All that is written about.
struct Answer<'a> {
    rules: &'a RuleSet,
    /// The rules that were named; empty: those that see something.
    named: Vec<bool>,
    told: Vec<RuleExplanation>,
    content: Content,
    places: Places,
    bytes: u64,
    line: Option<u64>,
    reveal: bool,
}

pub(super) fn run(rules: &RuleSet, args: &ExplainArgs, colour: Colour) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let named = match rules::named(rules.rules(), &args.rule) {
        Ok(named) => named,
        Err(error) => {
            message::chain(&error);
            return Ok(Exit::Fatal);
        }
    };
    let (mut content, line) = content::open(&args.file)?;
    let failed = |name: &str| format!("cannot read {name}");
    let within = match line {
        None => None,
        Some(line) => match content.line(line).with_context(|| failed(&content.name))? {
            None => bail!("{} has no line {line}", content.name),
            some => some,
        },
    };
    let question = Question { within, most: usize::try_from(args.most).unwrap_or(usize::MAX) };
    content.rewind().with_context(|| failed(&content.name))?;
    let told =
        explain(&Engine::new(rules), &mut content, &question).with_context(|| failed(&content.name))?;
    let places = content.places(offsets(&told.rules)).with_context(|| failed(&content.name))?;
    let mut answer = Answer {
        rules,
        named,
        bytes: told.bytes,
        told: told.rules,
        content,
        places,
        line,
        reveal: args.reveal,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match args.format {
        ToolFormat::Text => text::write(&mut answer, colour.on_stdout(), &mut out)?,
        ToolFormat::Json => json::write(&answer, &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Complete)
}

impl Answer<'_> {
    /// The rules that are shown, with what they made of the file.
    fn shown(&self) -> impl Iterator<Item = (&Rule, &RuleExplanation)> {
        let all = !self.named.contains(&true);
        let rules = self.rules.rules().iter().zip(&self.told).zip(&self.named);
        rules
            .filter(move |((_, told), named)| if all { told.literals > 0 || told.broken } else { **named })
            .map(|(shown, _)| shown)
    }
}

/// Every offset that is shown as line and column.
fn offsets(told: &[RuleExplanation]) -> Vec<u64> {
    told.iter().flat_map(|told| &told.attempts).flat_map(offsets_of).collect()
}

fn offsets_of(attempt: &Attempt) -> Vec<u64> {
    let mut offsets = vec![attempt.place.start, attempt.window.start, attempt.window.end];
    match &attempt.outcome {
        Outcome::NoMatch(stopped) => {
            offsets.push(stopped.start);
            match stopped.why {
                Why::Pattern { at, .. } | Why::TooLong { at } => offsets.push(at),
                Why::TooShort { end } | Why::Before { end, .. } | Why::After { end, .. } => offsets.push(end),
                Why::NoRoom => {}
            }
        }
        Outcome::Match(judged) => {
            offsets.extend([judged.span.start, judged.span.end, judged.secret.start]);
            offsets.extend(judged.steps.iter().filter_map(|step| Some(step.place.as_ref()?.start)));
            offsets.extend(judged.claimed_by.map(|winner| winner.start));
        }
    }
    offsets
}
