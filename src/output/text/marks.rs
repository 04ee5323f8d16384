//! The part of the summary about findings that are marked: ignored ones, each with
//! the reason; what came of the ignore file and the baseline; files of vendors.

use std::io::{self, Write};

use super::block::openable;
use super::layout::{count, counted, list};
use super::summary::Page;
use super::{Group, Held};
use crate::finding::{IgnoreEntry, Marks};
use crate::output::escape;

/// How many ignored secrets, and entries of each kind, are shown.
const SHOWN: usize = 10;

pub(super) fn write<W: Write>(page: &mut Page<'_, W>, held: &Held, marks: &Marks) -> io::Result<()> {
    let ignored: Vec<String> =
        held.groups.iter().filter(|group| group.is_ignored()).map(ignored_text).collect();
    some(page, "Ignored", &ignored)?;
    if let Some(ignore) = &marks.ignore {
        some(page, "Unused", &ignore.unused.iter().map(entry_text).collect::<Vec<_>>())?;
        some(page, "Expired", &ignore.expired.iter().map(entry_text).collect::<Vec<_>>())?;
    }
    if let Some(baseline) = &marks.baseline {
        let new: u64 = baseline.new.values().sum();
        let text = format!(
            "{} new, {} unchanged, {} gone since scan {}",
            count(new),
            count(baseline.unchanged),
            count(baseline.gone),
            escape::visible(&baseline.scan_id)
        );
        page.lines("Baseline", &text)?;
    }
    let mut lowered = Vec::new();
    if marks.vendor > 0 {
        let findings = counted(marks.vendor, "finding", "findings");
        lowered.push(format!("{findings} in unchanged files of packages"));
    }
    if marks.known > 0 {
        lowered.push(counted(marks.known, "published key or value", "published keys or values"));
    }
    if !lowered.is_empty() {
        page.lines("Lowered", &list(&lowered))?;
    }
    for database in &marks.package_databases {
        if let Some(error) = &database.error {
            let text = format!(
                "the {} database {} was not read to its end, and its files are like any other: {}",
                escape::visible(&database.manager),
                escape::path(&database.path, None),
                escape::visible(error)
            );
            page.lines("Packages", &text)?;
        }
    }
    Ok(())
}

/// The first lines under a label, and how many more there are.
fn some<W: Write>(page: &mut Page<'_, W>, label: &str, texts: &[String]) -> io::Result<()> {
    let mut label = label;
    for text in texts.iter().take(SHOWN) {
        page.lines(label, text)?;
        label = "";
    }
    if texts.len() > SHOWN {
        let more = u64::try_from(texts.len() - SHOWN).unwrap_or(u64::MAX);
        page.lines("", &format!("and {} more (--format jsonl lists them)", count(more)))?;
    }
    Ok(())
}

fn ignored_text(group: &Group) -> String {
    let finding = &group.finding;
    let mut text =
        format!("{} {}", escape::visible(&finding.secret_type), escape::visible(&finding.secret.preview));
    if let Some(place) = group.places.first() {
        let location = &place.location;
        let (target, path) = openable(&location.provenance, &location.path, location.path_hex.as_deref());
        text.push_str(&format!(", {target}{path}:{}:{}", location.line, location.column));
    }
    if group.total > 1 {
        text.push_str(&format!(" and {}", counted(group.total - 1, "more place", "more places")));
    }
    if let Some(ignored) = &finding.ignored {
        text.push_str(&format!(": {}", escape::visible(&ignored.reason)));
        text.push_str(&signed(ignored.author.as_deref(), ignored.expires.as_deref()));
    }
    text
}

fn entry_text(entry: &IgnoreEntry) -> String {
    let names = [("", &entry.fingerprint), ("", &entry.rule), ("in ", &entry.path)];
    let named: Vec<String> = names
        .iter()
        .filter_map(|(word, value)| Some(format!("{word}{}", escape::visible(value.as_deref()?))))
        .collect();
    format!(
        "line {} of the ignore file, {}: {}{}",
        entry.line,
        named.join(" "),
        escape::visible(&entry.reason),
        signed(entry.author.as_deref(), entry.expires.as_deref())
    )
}

/// ` (by ana, until 2027-01-31)`.
fn signed(author: Option<&str>, expires: Option<&str>) -> String {
    let author = author.map(|author| format!("by {}", escape::visible(author)));
    let expires = expires.map(|day| format!("until {}", escape::visible(day)));
    let parts: Vec<String> = author.into_iter().chain(expires).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}
