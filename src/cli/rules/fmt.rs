//! `snapsift rules fmt`: packs in their canonical form.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use snapsift::output::escape;
use snapsift::rules::{self, pack};

use crate::cli::args::{Colour, RulesFmtArgs};
use crate::cli::exit::Exit;
use crate::cli::message;

/// Lines of each side of a change that are shown.
const SHOWN: usize = 20;
/// Lines before a change that are shown.
const CONTEXT: usize = 2;

pub(super) fn run(args: &RulesFmtArgs, colour: Colour) -> anyhow::Result<Exit> {
    let (mut faults, mut changes) = (0, 0);
    for path in &args.files {
        let stdin = path.as_os_str() == "-";
        let name = if stdin { "standard input".to_owned() } else { show(path) };
        let text =
            if stdin { read_stdin() } else { read(path) }.with_context(|| format!("cannot read {name}"))?;
        let formatted = match rules::format(&name, &text) {
            Ok(formatted) => formatted,
            Err(fault) => {
                message::rendered(&format!("{}\n\n", fault.render(colour.on_stderr())));
                faults += 1;
                continue;
            }
        };
        if args.check {
            if formatted != text {
                changes += 1;
                write_out(&difference(&name, &text, &formatted))?;
            }
        } else if stdin {
            write_out(&formatted)?;
        } else if formatted != text {
            replace(path, &formatted).with_context(|| format!("cannot write {name}"))?;
        }
    }
    Ok(match (faults, changes) {
        (0, 0) => Exit::Complete,
        (0, _) => Exit::Found,
        _ => Exit::Fatal,
    })
}

fn show(path: &Path) -> String {
    escape::bytes_of_path(path.as_os_str().as_encoded_bytes())
}

fn write_out(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// One byte more than a pack may have is read, so that the formatter refuses it.
fn limit() -> u64 {
    u64::try_from(pack::MAX_FILE).unwrap_or(u64::MAX).saturating_add(1)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(limit()).read_to_string(&mut text)?;
    Ok(text)
}

fn read_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(limit()).read_to_string(&mut text)?;
    Ok(text)
}

/// Puts a new text in the place of a file, at once, with the file's permissions.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(path)?;
    let mut temporary = path.clone().into_os_string();
    temporary.push(format!(".{}.partial", std::process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::metadata(&path)?.permissions())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    write().inspect_err(|_| {
        // It says by its name that it is a part, should it stay.
        let _ = fs::remove_file(&temporary);
    })?;
    Ok(())
}

/// The lines between the first and the last that differ, as `diff -u` has them; a
/// long change is cut off.
fn difference(name: &str, old: &str, new: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let tail = |lines: &[&str]| lines.len() - same;
    let same_end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let same_end = same_end.min(tail(&before)).min(tail(&after));
    let start = same.saturating_sub(CONTEXT);
    let mut out = format!("--- {name}\n+++ {name}, formatted\n@@ line {} @@\n", start + 1);
    let mut lines = |mark: char, lines: &[&str]| {
        for line in lines.iter().take(SHOWN) {
            out.push_str(&format!("{mark}{}\n", escape::visible(line)));
        }
        if lines.len() > SHOWN {
            out.push_str(&format!("{mark}… and {} more lines\n", lines.len() - SHOWN));
        }
    };
    lines(' ', before.get(start..same).unwrap_or_default());
    lines('-', before.get(same..before.len() - same_end).unwrap_or_default());
    lines('+', after.get(same..after.len() - same_end).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_changes() {
        let shown = difference("p.toml", "a\nb\nc\nd\ne\n", "a\nb\nc\nx\ny\ne\n");
        assert_eq!(shown, "--- p.toml\n+++ p.toml, formatted\n@@ line 2 @@\n b\n c\n-d\n+x\n+y\n");
        // Only the end of the last line differs.
        assert!(difference("p.toml", "a", "a\n").starts_with("--- p.toml"));
        assert!(difference("p.toml", "", "a\n").contains("+a\n"));
    }
}
