//! `snapsift keys map`: the keys of many scans joined.

use std::io::{self, BufWriter, Write as _};

use snapsift::finding::Timestamp;
use snapsift::fleet::keys_map::{View, keys_map, write_dot, write_text};
use snapsift::fleet::store::Store;

use super::args::Colour;
use super::args::keys::{KeysArgs, KeysCommand, KeysMapArgs, MapFormat};
use super::destination::Destination;
use super::exit::Exit;
use super::progress::StepsLine;
use super::scans;

pub(super) fn run(args: &KeysArgs, colour: Colour) -> anyhow::Result<Exit> {
    match &args.command {
        KeysCommand::Map(args) => map(args, colour),
    }
}

fn map(args: &KeysMapArgs, colour: Colour) -> anyhow::Result<Exit> {
    let mut store = Store::open(args.store.as_deref())?;
    let streams = scans::add(&mut store, &args.scans)?;
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
