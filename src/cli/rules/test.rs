//! `snapsift rules test`: examples, and recall and precision over labelled corpora.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use snapsift::output::escape;
use snapsift::pipeline::evaluate::{Evaluation, Score, evaluate};
use snapsift::pipeline::labels::{self, LABELS_FILE, Label};
use snapsift::rules::{Diagnostic, RuleSet};
use snapsift::scan::examples;

use super::{check, packs, refuse};
use crate::cli::args::Colour;
use crate::cli::args::tools::{TestArgs, ToolFormat};
use crate::cli::exit::Exit;
use crate::cli::figures::{counted, fixed, grouped};
use crate::cli::process;

pub(super) fn run(args: &TestArgs, colour: Colour) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let options = packs(args.pack.as_deref().unwrap_or("builtin"), &args.choice);
    let rules = match RuleSet::load(&options) {
        Ok(rules) => rules,
        Err(error) => return Ok(refuse(&error, colour)),
    };
    let corpora: Vec<&PathBuf> = args.files.iter().chain(&args.corpus).collect();
    // Before the examples, so that a wrong path costs no time.
    let labels = corpora
        .iter()
        .map(|corpus| read_labels(corpus, args.labels.as_deref()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let faults = if args.no_examples { Vec::new() } else { examples::check(&rules) };
    let mut measured = None;
    for (corpus, labels) in corpora.iter().zip(&labels) {
        let told = evaluate(corpus, &rules, labels).map_err(anyhow::Error::new)?;
        measured.get_or_insert_with(Evaluation::none).add(told);
    }
    let below = measured.as_ref().map(|told| below(told, args)).unwrap_or_default();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match args.format {
        ToolFormat::Text => {
            check::show(&faults, colour);
            out.write_all(text(&rules, &faults, measured.as_ref(), &below, args)?.as_bytes())?;
        }
        ToolFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &json(&rules, &faults, measured.as_ref(), &below, args))?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(match &measured {
        _ if !faults.is_empty() || !below.is_empty() => Exit::Found,
        Some(told) if !told.complete => Exit::Incomplete,
        _ => Exit::Complete,
    })
}

fn read_labels(corpus: &Path, given: Option<&Path>) -> anyhow::Result<Vec<Label>> {
    let own = corpus.join(LABELS_FILE);
    let path = given.unwrap_or(&own);
    let shown = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
    let file = File::open(path).with_context(|| {
        let hint = if given.is_none() { "; --labels names a file of labels that lies elsewhere" } else { "" };
        format!("cannot read the labels {shown}{hint}")
    })?;
    labels::read(BufReader::new(file)).with_context(|| format!("in {shown}"))
}

/// What is below what was asked for: the secret type, and which share.
fn below(told: &Evaluation, args: &TestArgs) -> Vec<String> {
    let mut below = Vec::new();
    for (secret_type, score) in &told.by_type {
        let shares = [
            ("recall", score.recall(), args.min_recall),
            ("precision", score.precision(), args.min_precision),
        ];
        for (name, share, least) in shares {
            if let (Some(share), Some(least)) = (share, least)
                && share < least
            {
                below.push(format!("{secret_type}: {name} {} is below {least}", fixed(share, 4)));
            }
        }
    }
    below
}

fn text(
    rules: &RuleSet,
    faults: &[Diagnostic],
    measured: Option<&Evaluation>,
    below: &[String],
    args: &TestArgs,
) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    if args.no_examples {
        writeln!(text, "examples  not run")?;
    } else {
        let rules = rules.rules();
        let examples = rules.iter().map(|rule| rule.examples.len() + rule.counter_examples.len()).sum();
        writeln!(
            text,
            "examples  {} of {}, {} fail",
            number(examples),
            counted(number(rules.len()), "rule", "rules"),
            faults.len()
        )?;
    }
    let Some(told) = measured else { return Ok(text) };
    writeln!(
        text,
        "corpus    {}, {}, {} ({} found all the same)",
        counted(told.files, "file", "files"),
        counted(told.total.expected, "label", "labels"),
        counted(told.near_misses, "near miss", "near misses"),
        grouped(told.near_misses_found)
    )?;
    table(&mut text, "secret type", &told.by_type)?;
    row(&mut text, "all types", &told.total)?;
    if !told.by_rule.is_empty() {
        table(&mut text, "rule", &told.by_rule)?;
    }
    lists(&mut text, told, args.most)?;
    if !told.complete {
        writeln!(text, "\nSomething could not be read: see `snapsift scan`.")?;
    }
    if !below.is_empty() {
        writeln!(text)?;
    }
    for line in below {
        writeln!(text, "below: {}", escape::visible(line))?;
    }
    Ok(text)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn table(text: &mut String, what: &str, scores: &BTreeMap<String, Score>) -> std::fmt::Result {
    let columns = ["recall", "precision", "labels", "found", "false"];
    let [recall, precision, labels, found, wrong] = columns;
    writeln!(text, "\n{recall:>8} {precision:>9} {labels:>8} {found:>8} {wrong:>8}  {what}")?;
    scores.iter().try_for_each(|(name, score)| row(text, name, score))
}

fn row(text: &mut String, name: &str, score: &Score) -> std::fmt::Result {
    let share =
        |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{} %", fixed(share * 100.0, 1)));
    writeln!(
        text,
        "{:>8} {:>9} {:>8} {:>8} {:>8}  {}",
        share(score.recall()),
        share(score.precision()),
        grouped(score.expected),
        grouped(score.found),
        grouped(score.false_positives),
        escape::visible(name)
    )
}

fn lists(text: &mut String, told: &Evaluation, most: usize) -> std::fmt::Result {
    if !told.misses.is_empty() {
        writeln!(text, "\nMissed")?;
    }
    for miss in told.misses.iter().take(most) {
        let Label { path, line, offset, secret_type, form, encoding, .. } = &miss.label;
        let place = match (line, offset) {
            (Some(line), _) => format!(":{line}"),
            (None, Some(offset)) => format!(" at byte {offset}"),
            (None, None) => String::new(),
        };
        let kind: Vec<&str> = form.iter().chain(encoding).map(String::as_str).collect();
        let kind = if kind.is_empty() { String::new() } else { format!(" ({})", kind.join(", ")) };
        let wrong = miss.wrong.as_ref().map(|wrong| format!(": {wrong}")).unwrap_or_default();
        writeln!(text, "  {}", escape::visible(&format!("{path}{place}  {secret_type}{kind}{wrong}")))?;
    }
    more(text, told.misses.len(), most)?;
    if !told.false_positives.is_empty() {
        writeln!(text, "\nFound, and not labelled")?;
    }
    for found in told.false_positives.iter().take(most) {
        let near = if found.near_miss { " (a near miss)" } else { "" };
        let line = format!(
            "{}:{}:{}  {}  {}  ({}){near}",
            found.path, found.line, found.column, found.secret_type, found.preview, found.rule
        );
        writeln!(text, "  {}", escape::visible(&line))?;
    }
    more(text, told.false_positives.len(), most)
}

fn more(text: &mut String, number: usize, most: usize) -> std::fmt::Result {
    match number.saturating_sub(most) {
        0 => Ok(()),
        more => writeln!(text, "  and {more} more (--most)"),
    }
}

fn json(
    rules: &RuleSet,
    faults: &[Diagnostic],
    measured: Option<&Evaluation>,
    below: &[String],
    args: &TestArgs,
) -> Value {
    let scores = |scores: &BTreeMap<String, Score>| -> Value {
        scores.iter().map(|(name, score)| (name.clone(), figures(score))).collect()
    };
    json!({
        "schema": "snapsift-rules-test/1",
        "rules": rules.rules().len(),
        "example_faults": faults.iter().map(check::object).collect::<Vec<_>>(),
        "corpus": measured.map(|told| json!({
            "files": told.files,
            "complete": told.complete,
            "total": figures(&told.total),
            "by_type": scores(&told.by_type),
            "by_rule": scores(&told.by_rule),
            "near_misses": told.near_misses,
            "near_misses_found": told.near_misses_found,
            "misses": told.misses.iter().take(args.most).collect::<Vec<_>>(),
            "misses_total": told.misses.len(),
            "false_positives": told.false_positives.iter().take(args.most).collect::<Vec<_>>(),
            "false_positives_total": told.false_positives.len(),
        })),
        "below": below,
    })
}

fn figures(score: &Score) -> Value {
    json!({
        "expected": score.expected,
        "found": score.found,
        "false_positives": score.false_positives,
        "recall": score.recall(),
        "precision": score.precision(),
    })
}
