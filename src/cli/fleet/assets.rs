//! `snapsift fleet assets`: inventories and reports of vulnerabilities into a store.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use snapsift::finding::Timestamp;
use snapsift::fleet::correlate::correlate;
use snapsift::fleet::inventory::{self, Exposure, InventoryError, Options, Taken};
use snapsift::fleet::store::Store;
use snapsift::output::escape;

use crate::cli::args::Colour;
use crate::cli::args::fleet::{AssetsArgs, AssetsFormat};
use crate::cli::exit::Exit;
use crate::cli::message;

pub(super) fn run(args: &AssetsArgs, _colour: Colour) -> anyhow::Result<Exit> {
    let store = Store::open(Some(&args.store))?;
    let (mut files, mut failed) = (Vec::new(), false);
    for path in &args.files {
        let name = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
        match take(&store, path, &name, args) {
            Ok(taken) => files.push(taken),
            // The store itself failing is no fault of one file.
            Err(InventoryError::Sqlite(error)) => return Err(error).context("the store"),
            Err(error) => {
                message::error(&format!("{name}: {error}"));
                failed = true;
            }
        }
    }
    let exposure = inventory::work_out(&store)?;
    correlate(&store, Timestamp::now())?;
    let mut out = io::stdout().lock();
    match args.format {
        AssetsFormat::Text => out.write_all(text(&files, &exposure).as_bytes())?,
        AssetsFormat::Json => {
            let all = serde_json::json!({ "files": files, "machines": exposure });
            serde_json::to_writer(&mut out, &all).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    let skipped = files.iter().any(|file| file.skipped > 0) || exposure.permissions_cut;
    Ok(if failed {
        Exit::Fatal
    } else if skipped {
        Exit::Incomplete
    } else {
        Exit::Complete
    })
}

fn take(store: &Store, path: &Path, name: &str, args: &AssetsArgs) -> Result<Taken, InventoryError> {
    let options = |time: Timestamp| Options {
        machine: args.machine.clone(),
        scope: args.scope.clone(),
        whole: args.whole,
        taken: time.to_string(),
    };
    if path == Path::new("-") {
        return inventory::take(store, "standard input", io::stdin(), &options(Timestamp::now()));
    }
    let file = File::open(path)?;
    inventory::take(store, name, file, &options(Timestamp::now()))
}

fn text(files: &[Taken], exposure: &Exposure) -> String {
    let mut out = String::new();
    for file in files {
        // The text is ours but for names, which are escaped; writing to a text cannot fail.
        let _ = writeln!(out, "{}: {}", file.source, file.shape);
        if file.known {
            out.push_str("  in the store already: nothing was done\n");
            continue;
        }
        let _ = writeln!(out, "  records {}, left out {}", file.records, file.skipped);
        if !file.scope.is_empty() {
            let whole = if file.whole { ", all there is" } else { "" };
            let _ = writeln!(out, "  scope {}{whole}", escape::visible(&file.scope));
        }
        let kinds: Vec<String> = file.kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        for (name, value) in [("assets", kinds.join(", ")), ("fields", file.fields.join(" "))] {
            if !value.is_empty() {
                let _ = writeln!(out, "  {name} {}", escape::visible(&value));
            }
        }
        for (name, count) in [
            ("public keys", file.grants),
            ("vulnerabilities", file.vulnerabilities),
            ("no longer listed", file.gone),
        ] {
            if count > 0 {
                let _ = writeln!(out, "  {name} {count}");
            }
        }
        for problem in &file.problems {
            let _ = writeln!(out, "  record {}: {}", problem.record, escape::visible(&problem.reason));
        }
    }
    let _ = writeln!(
        out,
        "machines exposed to the internet: {} yes, {} no, {} unknown",
        exposure.yes, exposure.no, exposure.unknown
    );
    if exposure.key_pairs > 0 || exposure.key_pairs_unclear > 0 {
        let _ = writeln!(
            out,
            "machines with the key of an EC2 key pair: {}, of a name that several have: {}",
            exposure.key_pairs, exposure.key_pairs_unclear
        );
    }
    if exposure.not_counted > 0 {
        let _ = writeln!(out, "vulnerabilities that VEX documents take away: {}", exposure.not_counted);
    }
    if exposure.permissions > 0 {
        let more = if exposure.permissions_cut { "; there are more, which were left out" } else { "" };
        let _ = writeln!(
            out,
            "permissions of users and roles of AWS to what is in the inventories: {}{more}",
            exposure.permissions
        );
    }
    out
}
