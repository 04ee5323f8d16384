//! One secret for a person: what it is, where it stands and who can read it
//! there, what it opens, until when, and what to do.

use std::io::{self, Write};

use super::layout::{Paint, count, counted, day, distance, moment, width, wrap};
use super::{Group, Place};
use crate::finding::{
    Confidence, FileFacts, Finding, ProvenanceStep, Target, TargetExists, Timestamp, Validity, Vendor,
};
use crate::output::escape;

/// Columns of the severity at the start of a block; labels below are indented by two.
const SEVERITY_COLUMNS: usize = 8;
/// No label is made to stand out further than this.
const LABEL_MAX: usize = 20;

/// A label and its lines.
struct Row {
    label: String,
    lines: Vec<String>,
}

/// How blocks look, and when now is.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) now: Timestamp,
    pub(super) paint: Paint,
    pub(super) columns: usize,
}

/// Writes a block; `first`: nothing has said yet what to do about such a secret.
pub(super) fn write(out: &mut impl Write, group: &Group, first: bool, view: View) -> io::Result<()> {
    let View { now, paint, columns } = view;
    let finding = &group.finding;
    writeln!(out, "{}", headline(finding, paint))?;
    let mut rows = facts(finding, now);
    let label_columns = rows.iter().map(|row| width(&row.label)).chain([7]).max().unwrap_or(7).min(LABEL_MAX);
    let value_columns = columns.saturating_sub(label_columns + 4).max(20);
    let fix = match first {
        true => escape::visible(finding.remediation.trim()).into_owned(),
        false => format!("as above for {}", escape::visible(&finding.rule_id)),
    };
    rows.push(Row { label: "fix".into(), lines: wrap(&fix, value_columns) });

    for (at, place) in group.places.iter().enumerate() {
        let label = match at {
            0 => "at",
            1 => "also at",
            _ => "",
        };
        write_row(out, label, &place_text(place, paint), label_columns, paint)?;
        let more =
            [place.file.as_ref().map(|file| file_text(file, now)), place.vendor.as_ref().map(vendor_text)];
        for text in more.into_iter().flatten() {
            for line in wrap(&text, value_columns) {
                write_row(out, "", &line, label_columns, paint)?;
            }
        }
    }
    let shown = u64::try_from(group.places.len()).unwrap_or(u64::MAX);
    if group.total > shown {
        let more = counted(group.total - shown, "more place", "more places");
        write_row(out, "", &format!("and {more} (--format jsonl lists them)"), label_columns, paint)?;
    }
    for row in &rows {
        let mut label = row.label.as_str();
        for line in row.lines.iter().flat_map(|line| wrap(line, value_columns)) {
            write_row(out, label, &line, label_columns, paint)?;
            label = "";
        }
    }
    raw(out, finding, label_columns, paint)?;
    writeln!(out)
}

fn headline(finding: &Finding, paint: Paint) -> String {
    let severity = format!("{:<SEVERITY_COLUMNS$}", finding.severity.as_str().to_uppercase());
    let sure = match finding.confidence {
        Confidence::High => String::new(),
        lower => format!(", {lower} confidence"),
    };
    format!(
        "{}  {}  {}  {}",
        paint.severity(finding.severity, &severity),
        paint.strong(&escape::visible(&finding.secret_type)),
        escape::visible(&finding.secret.preview),
        paint.dim(&format!("({}{sure})", escape::visible(&finding.rule_id))),
    )
}

fn write_row(
    out: &mut impl Write,
    label: &str,
    value: &str,
    label_columns: usize,
    paint: Paint,
) -> io::Result<()> {
    let fill = label_columns.saturating_sub(width(label));
    let label = if label.is_empty() { String::new() } else { paint.dim(label) };
    writeln!(out, "  {label}{:fill$}  {value}", "")
}

/// `/mnt/snapshot/etc/app.env:3:14`: what editors and terminals open at the
/// place, with the path inside the snapshot standing out from the target's own.
fn place_text(place: &Place, paint: Paint) -> String {
    let location = &place.location;
    let (target, path) = openable(&location.provenance, &location.path, location.path_hex.as_deref());
    let target = if target.is_empty() { String::new() } else { paint.dim(&target) };
    let new = if place.is_new { paint.strong("  new") } else { String::new() };
    let inside = inside(&location.provenance);
    let path = format!("{path}{inside}");
    let place = if location.provenance.last().is_some_and(is_raw) {
        format!("{path}, byte {}", location.offset)
    } else {
        format!("{path}:{}:{}", location.line, location.column)
    };
    let place = paint.strong(&place);
    let deleted = if location.deleted { " (deleted)" } else { "" };
    format!("{target}{place}{deleted}{new}")
}

/// Whose file it is, where a package came with it.
fn vendor_text(vendor: &Vendor) -> String {
    let version = vendor.version.as_ref().map(|version| format!(" {}", escape::visible(version)));
    let changed = if vendor.verified { "unchanged file" } else { "changed file" };
    format!(
        "{changed} of the {} package {}{}",
        escape::visible(&vendor.manager),
        escape::visible(&vendor.package),
        version.unwrap_or_default()
    )
}

/// A path that can be opened, in two parts: the target as the user named it, and
/// the path inside it. A target that is a file is the whole path.
pub(super) fn openable(
    provenance: &[ProvenanceStep],
    path: &str,
    path_hex: Option<&str>,
) -> (String, String) {
    let path = escape::path(path, path_hex).into_owned();
    match provenance.first() {
        Some(step) if step.kind == "directory" => {
            (escape::path(step.name.trim_end_matches('/'), None).into_owned(), path)
        }
        Some(step) if step.kind == "file" => (String::new(), escape::path(&step.name, None).into_owned()),
        Some(step) if step.kind == "image" => {
            // The filesystem itself has no place of its own.
            let outside =
                |step: &&ProvenanceStep| step.kind != "filesystem" && !is_raw(step) && !step.is_inside();
            let way = provenance.iter().filter(outside);
            let way: String = way.map(|step| format!("{}: ", escape::path(&step.name, None))).collect();
            match provenance.last().filter(|step| is_raw(step)) {
                Some(step) => (way, step.kind.clone()),
                None => (way, path),
            }
        }
        _ => (String::new(), path),
    }
}

/// The members of archives on the way to a content: ` → etc/app.env`.
pub(super) fn inside(provenance: &[ProvenanceStep]) -> String {
    let members = provenance.iter().filter(|step| step.is_named());
    members.map(|step| format!(" → {}", escape::path(&step.name, None))).collect()
}

/// Whether it stands for bytes without files: free space, swap.
fn is_raw(step: &ProvenanceStep) -> bool {
    matches!(&*step.kind, "unallocated" | "journal" | "unpartitioned" | "swap" | "unknown")
}

/// Who owns the file, who can read it, when it was last read and changed.
fn file_text(file: &FileFacts, now: Timestamp) -> String {
    let name = |name: &Option<String>, number: u32| match name {
        Some(name) => escape::visible(name).into_owned(),
        None => number.to_string(),
    };
    let open = match readers(&file.mode) {
        Some(who) => format!(" ({who})"),
        None => String::new(),
    };
    let mut parts = vec![format!(
        "{}:{} {}{open}",
        name(&file.owner, file.uid),
        name(&file.group, file.gid),
        escape::visible(&file.mode)
    )];
    for (what, time) in [("last read", file.atime), ("changed", file.mtime)] {
        if let Some(time) = time {
            parts.push(format!("{what} {} ({})", day(time), distance(time, now)));
        }
    }
    if file.links > 1 {
        parts.push(format!("{} names", count(file.links)));
    }
    parts.join(", ")
}

/// What stands out about permission bits: `0644` can be read by everyone.
fn readers(mode: &str) -> Option<&'static str> {
    let bits = u32::from_str_radix(mode, 8).ok()?;
    match (bits & 0o004 != 0, bits & 0o002 != 0) {
        (true, _) => Some("everyone can read it"),
        (false, true) => Some("everyone can change it"),
        (false, false) => None,
    }
}

fn facts(finding: &Finding, now: Timestamp) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |label: &str, value: String| rows.push(Row { label: label.to_owned(), lines: vec![value] });
    if let Some(known) = &finding.known {
        add("published", escape::visible(known).into_owned());
    }
    if let Some(target) = &finding.target {
        add("opens", target_text(target));
    }
    for (label, value) in finding.validity.iter().flat_map(|validity| validity_rows(validity, now)) {
        add(label, value);
    }
    for (name, value) in &finding.attributes {
        // What the line above already says is not said twice.
        if finding.target.as_ref().is_some_and(|target| target.id == *value) {
            continue;
        }
        add(&escape::visible(name).replace('_', " "), escape::visible(value).into_owned());
    }
    if let Some(fingerprint) = &finding.key_fingerprint
        && !finding.attributes.values().any(|value| value == fingerprint)
    {
        add("key", escape::visible(fingerprint).into_owned());
    }
    if !finding.accounts.is_empty() {
        rows.push(Row { label: "accounts".to_owned(), lines: super::accounts::lines(&finding.accounts) });
    }
    if !finding.key_uses.is_empty() {
        rows.push(Row { label: "used".to_owned(), lines: super::accounts::uses(&finding.key_uses, now) });
    }
    rows
}

fn target_text(target: &Target) -> String {
    let kind = escape::visible(&target.kind).replace('_', " ");
    let id = escape::visible(&target.id);
    match target.exists {
        TargetExists::Yes => format!("{id} ({kind}; exists: {})", escape::visible(&target.determined_by)),
        TargetExists::No => format!("{id} ({kind}; gone: {})", escape::visible(&target.determined_by)),
        TargetExists::Unknown => format!("{id} ({kind})"),
    }
}

fn validity_rows(validity: &Validity, now: Timestamp) -> Vec<(&'static str, String)> {
    let text = |time: Timestamp| format!("{} ({})", moment(time), distance(time, now));
    let mut rows = Vec::new();
    if let Some(time) = validity.expires_at {
        let expired = validity.expired.unwrap_or(time <= now);
        rows.push((if expired { "expired" } else { "expires" }, text(time)));
    } else if validity.expired == Some(true) {
        rows.push(("expired", "yes".to_owned()));
    }
    if let Some(time) = validity.not_before.filter(|time| *time > now) {
        rows.push(("valid from", text(time)));
    }
    if let Some(time) = validity.issued_at {
        rows.push(("issued", text(time)));
    }
    rows
}

/// The raw secret, line by line, where the user asked for it.
fn raw(out: &mut impl Write, finding: &Finding, label_columns: usize, paint: Paint) -> io::Result<()> {
    let Some(raw) = &finding.secret.raw else { return Ok(()) };
    let mut label = "secret";
    for line in raw.as_str().lines() {
        write_row(out, label, &escape::visible(line), label_columns, paint)?;
        label = "";
    }
    Ok(())
}
