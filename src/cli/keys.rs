//! `snapsift keys map`: the keys of many scans joined.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use snapsift::finding::Timestamp;
use snapsift::fleet::keys_map::{View, keys_map, write_dot, write_text};
use snapsift::fleet::store::{Store, Streams};
use snapsift::output::escape;

use super::args::Colour;
use super::args::keys::{KeysArgs, KeysCommand, KeysMapArgs, MapFormat};
use super::destination::Destination;
use super::exit::Exit;
use super::message;
use super::progress::StepsLine;

pub(super) fn run(args: &KeysArgs, colour: Colour) -> anyhow::Result<Exit> {
    match &args.command {
        KeysCommand::Map(args) => map(args, colour),
    }
}

fn map(args: &KeysMapArgs, colour: Colour) -> anyhow::Result<Exit> {
    let mut store = Store::open(args.store.as_deref())?;
    let mut streams = Streams::default();
    for path in files(&args.scans)? {
        let name = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
        if path == Path::new("-") {
            store.load("standard input", &mut io::stdin().lock(), &mut streams)?;
        } else {
            let file = File::open(&path).with_context(|| format!("cannot read {name}"))?;
            store.load(&name, &mut BufReader::new(file), &mut streams)?;
        }
    }
    for kept in &streams.kept_out {
        message::error(&format!("{}: kept out: {}", kept.stream, kept.reason));
    }
    let incomplete = !streams.kept_out.is_empty() || streams.partial > 0;
    let steps = StepsLine::start("looking for RSA keys that share a prime", args.quiet);
    let map = keys_map(&store, streams, &mut |progress| steps.show(progress.done, progress.total))?;
    drop(steps);
    let destination = Destination::open(args.output.as_deref())?;
    let colour = if destination.is_stdout() { colour.on_stdout() } else { colour.on_file() };
    let mut out = BufWriter::new(destination);
    match args.format {
        MapFormat::Text => write_text(&map, View { colour, now: Timestamp::now() }, &mut out)?,
        MapFormat::Dot => write_dot(&map, &mut out)?,
        MapFormat::Json => {
            serde_json::to_writer(&mut out, &map).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    Ok(if incomplete { Exit::Incomplete } else { Exit::Complete })
}

/// The files, with those of folders (`*.jsonl`, not deeper), in the order of their names.
fn files(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let name = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {name}"))? {
            let entry = entry.with_context(|| format!("cannot read {name}"))?.path();
            if entry.extension().is_some_and(|end| end == "jsonl") {
                inside.push(entry);
            }
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}
