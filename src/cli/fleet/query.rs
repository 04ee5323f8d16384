//! `snapsift fleet query`.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use snapsift::fleet::query::{Rows, ask, named, text_of};
use snapsift::fleet::store::Store;
use snapsift::output::escape;

use super::super::args::fleet::{FleetQueryArgs, RowFormat};
use super::super::destination::Destination;
use super::super::exit::Exit;
use super::super::message;

pub(super) fn run(args: &FleetQueryArgs) -> anyhow::Result<Exit> {
    let (Some(path), Some(question), false) = (&args.store, &args.query, args.list) else {
        let mut out = io::stdout().lock();
        for (name, title) in named() {
            writeln!(out, "{name:<28}{title}")?;
        }
        return Ok(Exit::Complete);
    };
    let store = super::open_to_read(path)?;
    let mut set = BTreeMap::new();
    for pair in &args.set {
        let Some((name, value)) = pair.split_once('=') else {
            bail!("--set {}: NAME=VALUE is wanted", escape::visible(pair));
        };
        set.insert(name.to_owned(), value.to_owned());
    }
    let destination = Destination::open(args.output.as_deref())?;
    let mut out = BufWriter::new(destination);
    let number = ask(&store, &text(question)?, &set, rows(args.format), &mut out)?;
    out.flush()?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    if number == 0 && question == "attack-paths" {
        message::error(&why_empty(&store)?);
    }
    Ok(Exit::Complete)
}

pub(super) fn rows(format: RowFormat) -> Rows {
    match format {
        RowFormat::Table => Rows::Table,
        RowFormat::Csv => Rows::Csv,
        RowFormat::Jsonl => Rows::JsonLines,
    }
}

/// A question by its name, or of a file.
fn text(question: &str) -> anyhow::Result<String> {
    if let Some(sql) = text_of(question) {
        return Ok(sql.to_owned());
    }
    if question == "-" {
        let mut sql = String::new();
        io::stdin().read_to_string(&mut sql).context("cannot read standard input")?;
        return Ok(sql);
    }
    let shown = escape::visible(question);
    if !question.contains(['/', '.']) {
        bail!("there is no query {shown}; `snapsift fleet query --list` lists them");
    }
    std::fs::read_to_string(Path::new(question)).with_context(|| format!("cannot read {shown}"))
}

/// What is missing for a path.
fn why_empty(store: &Store) -> anyhow::Result<String> {
    let mut row = Vec::new();
    let sql = text_of("why-no-paths").context("the question is there")?;
    ask(store, sql, &BTreeMap::new(), Rows::JsonLines, &mut row)?;
    let row: serde_json::Value = serde_json::from_slice(&row)?;
    let number = |name: &str| row.get(name).and_then(serde_json::Value::as_i64).unwrap_or(0);
    let (machines, both) = (number("machines"), number("exposed_and_vulnerable"));
    let why = if number("in_inventory") == 0 {
        "no inventory has any of its machines: `snapsift fleet assets` takes one"
    } else if number("exposed") == 0 {
        "the inventory has no machine that is exposed to the internet"
    } else if number("vulnerable") == 0 {
        "no machine is known to have vulnerabilities of severity high: `snapsift fleet assets` takes reports"
    } else if both == 0 {
        "no machine is both exposed and vulnerable"
    } else {
        "no secret of an exposed and vulnerable machine opens anything that is known"
    };
    Ok(format!("no attack path among {machines} machines: {why}"))
}
