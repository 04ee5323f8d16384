//! `snapsift demo`: a small made-up fleet, and the commands that a user would give to look
//! into it. What is shown is what is run.

mod made;
mod roots;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use snapsift::fleet::query::{Rows, ask, text_of};
use snapsift::fleet::store::Store;
use snapsift::output::escape;

use super::args::demo::DemoArgs;
use super::exit::Exit;

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    let shown = escape::bytes_of_path(folder.as_os_str().as_encoded_bytes());
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!("{shown} is not empty: give a folder that is empty or not there yet");
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {shown}"))?;
        }
        Err(error) => return Err(error).with_context(|| format!("cannot use {shown}")),
    }
    let hosts = roots::make(folder).with_context(|| format!("cannot make the machines in {shown}"))?;
    say(&format!("Made the disks of {} machines, with keys and secrets that open nothing.\n", hosts.len()))?;
    let scans = folder.join("scans");
    fs::create_dir(&scans).with_context(|| format!("cannot make {shown}/scans"))?;

    let (store, report) = (folder.join("fleet.db"), folder.join("report.html"));
    for host in hosts {
        let output = scans.join(format!("{host}.jsonl"));
        let root = folder.join("machines").join(host);
        step(&[&"scan", &"--quiet", &"--format", &"jsonl", &"--output", &output, &root])?;
    }
    step(&[&"fleet", &"add", &store, &scans])?;
    let inventory = folder.join("inventory");
    step(&[&"fleet", &"assets", &store, &inventory.join("assets.csv")])?;
    for host in [roots::SHOP, roots::BUILD] {
        let file = inventory.join(format!("trivy-{host}.json"));
        step(&[&"fleet", &"assets", &"--machine", &host, &store, &file])?;
    }
    if let Some((id, title)) = worst(&store)? {
        say(&format!("\nThe worst attack path: {title}"))?;
        step(&[&"fleet", &"query", &store, &"path-steps", &"--set", &format!("path={id}")])?;
    }
    step(&[&"fleet", &"report", &store, &"--output", &report])?;
    say(&format!("\nOpen {} in a browser.", word(report.as_os_str().as_encoded_bytes())))?;
    Ok(Exit::Complete)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Shows a command and runs it.
fn step(words: &[&dyn AsRef<OsStr>]) -> anyhow::Result<()> {
    let words: Vec<OsString> = words.iter().map(|word| AsRef::<OsStr>::as_ref(*word).to_owned()).collect();
    let mut line = "$ snapsift".to_owned();
    for one in &words {
        line.push(' ');
        line.push_str(&word(one.as_encoded_bytes()));
    }
    say(&line)?;
    let all = [OsString::from("snapsift")].into_iter().chain(words);
    match super::run(all) {
        Exit::Complete => Ok(()),
        _ => bail!("the command above failed"),
    }
}

/// A word as a shell takes it.
fn word(bytes: &[u8]) -> String {
    let text = escape::bytes_of_path(bytes);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Identifier and title of the worst path.
fn worst(store: &Path) -> anyhow::Result<Option<(String, String)>> {
    let store = Store::open_to_read(store)?;
    let mut rows = Vec::new();
    let sql = text_of("attack-paths").context("the question is there")?;
    ask(&store, sql, &BTreeMap::new(), Rows::JsonLines, &mut rows)?;
    let Some(first) = rows.split(|byte| *byte == b'\n').find(|line| !line.is_empty()) else {
        return Ok(None);
    };
    let first: serde_json::Value = serde_json::from_slice(first)?;
    let text =
        |name: &str| first.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Ok(Some((text("path_id"), text("title"))))
}
