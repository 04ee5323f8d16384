//! A whole pack: TOML text → validated rules.
//!
//! A large pack is cut at its `[[rule]]` lines and the parts are read side by
//! side: reading TOML is most of the work of loading rules. A line inside of a
//! string may look like such a line; then the part before it ends within a string
//! and is no TOML, and the text is read as one instead.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::lower::{Lowered, Origin, lower};
use super::pattern::Patterns;
use super::raw::RawPack;
use super::read::{Fault, Reading, read};
use super::{Diagnostic, Rule};
use crate::threads::Pool;

#[cfg(test)]
mod tests;

/// The largest file, in bytes.
pub const MAX_FILE: usize = 32 << 20;
/// The most rules of a file: each takes some 3 kB.
pub const MAX_RULES: usize = 30_000;
/// The most bytes of one rule, and of what stands before the first.
pub const MAX_PART: usize = 1 << 20;
/// The most messages about one pack.
const MAX_DIAGNOSTICS: usize = 200;
/// About how many bytes are read at a time.
const CHUNK: usize = 32 << 10;
/// A text up to this size is read as one where a part of it is no TOML.
const READ_WHOLE: usize = 4 << 20;

/// A validated pack.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The name of its file.
    pub file: Arc<str>,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its own version.
    pub version: Option<String>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// What is worth knowing about it; nothing that speaks against using it.
    pub notes: Vec<Diagnostic>,
}

/// Reads and validates a pack. `file_name` is only for messages.
///
/// ```
/// let text = r##"
/// [pack]
/// name = "example"
/// version = "1"
///
/// [[rule]]
/// id = "acme-token"
/// name = "Acme token"
/// type = "Acme API token"
/// provider = "Acme"
/// category = "cloud"
/// severity = "high"
/// confidence = "medium"
/// description = "Opens the Acme API as its owner."
/// remediation = "Revoke it in the Acme console."
/// pattern = '''acme_[a-z0-9]{20}'''
/// "##;
/// let pack = snapsift::rules::parse("acme.toml", text).unwrap();
/// assert_eq!(&*pack.rules[0].literals[0].bytes, b"acme_");
/// ```
///
/// # Errors
///
/// Everything that is wrong with it, up to 200 messages.
pub fn parse(file_name: &str, text: &str) -> Result<Pack, Vec<Diagnostic>> {
    let origin = Origin { file: file_name.into(), text: text.into() };
    // A short one is read in one part, which needs no threads.
    let pool = if text.len() > CHUNK { Pool::of_cores().ok() } else { None };
    match pool {
        Some(pool) => pool.install(|| parse_shared(&origin)),
        None => parse_shared(&origin),
    }
}

/// The JSON Schema of packs, as `docs/rule-pack.schema.json` has it.
#[cfg(feature = "schema")]
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(super::raw::RawFile);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

/// [`parse`] without a copy of the text.
pub(super) fn parse_shared(origin: &Origin) -> Result<Pack, Vec<Diagnostic>> {
    let ranges = parts(origin)?;
    let mut parts = read_parts(origin, ranges);
    if origin.text.len() <= READ_WHOLE && parts.len() > 1 && !fit_together(&parts) {
        parts = read_parts(origin, std::iter::once(0..origin.text.len()).collect());
    }
    assemble(origin, parts)
}

/// Where the text is cut: before lines of `[[rule]]`, into parts of about
/// [`CHUNK`].
fn parts(origin: &Origin) -> Result<Vec<Range<usize>>, Vec<Diagnostic>> {
    let text = &*origin.text;
    if text.len() > MAX_FILE {
        return Err(vec![
            origin
                .error(0..0, format!("the file has {} bytes, at most {MAX_FILE} are read", text.len()))
                .with_help("cut the pack into several files"),
        ]);
    }
    let mut parts = Vec::new();
    let (mut part, mut piece, mut rules) = (0, 0, 0_usize);
    let ends = memchr::memmem::find_iter(text.as_bytes(), "[[rule]]")
        .filter(|at| {
            let line = text.get(..*at).map_or("", |before| before.rsplit('\n').next().unwrap_or_default());
            line.bytes().all(|byte| byte == b' ' || byte == b'\t')
        })
        .chain([text.len()]);
    for end in ends {
        if end - piece > MAX_PART {
            return Err(vec![
                origin
                    .error(piece..piece, format!("a part of the pack has more than {MAX_PART} bytes"))
                    .with_help("start each rule with [[rule]] on a line of its own, and keep it short"),
            ]);
        }
        rules += 1;
        if rules > MAX_RULES + 1 {
            return Err(vec![
                origin
                    .error(piece..piece, format!("the pack has more than {MAX_RULES} rules"))
                    .with_help("cut it into several packs, or join rules that differ in a literal only"),
            ]);
        }
        piece = end;
        if end - part >= CHUNK || end == text.len() {
            parts.push(part..end);
            part = end;
        }
    }
    Ok(parts)
}

/// What a part of the text says.
struct Part {
    header: Option<(Range<usize>, RawPack)>,
    rules: Vec<Lowered>,
    /// What could not be read.
    faults: Vec<Diagnostic>,
    /// One of them is that the part is no TOML.
    broken: bool,
}

fn read_parts(origin: &Origin, ranges: Vec<Range<usize>>) -> Vec<Part> {
    if ranges.len() <= 1 {
        return ranges.into_iter().map(|range| read_part(origin, range)).collect();
    }
    ranges.into_par_iter().map(|range| read_part(origin, range)).collect()
}

/// Reads the rules of a part and judges them at once, while they are in the cache.
fn read_part(origin: &Origin, range: Range<usize>) -> Part {
    let base = range.start;
    let Reading { file, faults } = read(origin.text.get(range).unwrap_or_default());
    let broken = faults.iter().any(|fault| fault.syntax);
    let faults: Vec<_> = faults.into_iter().map(|fault| diagnostic(origin, base, fault)).collect();
    let header = file.pack.map(|pack| {
        let span = pack.span();
        (span.start + base..span.end + base, pack.into_inner())
    });
    let mut patterns = Patterns::new();
    let mut rules: Vec<Lowered> =
        file.rule.into_iter().map(|rule| lower(origin, base, &mut patterns, rule)).collect();
    if !faults.is_empty() {
        // An objection to what an error was taken out of only repeats the error.
        let repeats = |later: &Diagnostic| {
            let outer = &later.span;
            faults.iter().any(|fault| outer.start <= fault.span.start && fault.span.end <= outer.end)
        };
        rules
            .iter_mut()
            .filter_map(|rule| rule.as_mut().err())
            .for_each(|wrong| wrong.retain(|later| !repeats(later)));
    }
    Part { header, rules, faults, broken }
}

/// Whether the parts mean what the whole means: each is TOML, and one at most has
/// the header.
fn fit_together(parts: &[Part]) -> bool {
    parts.iter().all(|part| !part.broken) && parts.iter().filter(|part| part.header.is_some()).count() <= 1
}

fn assemble(origin: &Origin, parts: Vec<Part>) -> Result<Pack, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut header: Option<RawPack> = None;
    let (mut rules, mut notes) =
        (Vec::with_capacity(parts.iter().map(|part| part.rules.len()).sum()), Vec::new());
    let complete = parts.iter().all(|part| part.faults.is_empty());
    for part in parts {
        wrong.extend(part.faults);
        if let Some((span, pack)) = part.header {
            if holds_hidden(&pack) {
                let message = "the head of the pack holds a control character";
                wrong.push(origin.error(span.clone(), message).with_help("leave it out"));
            }
            if header.replace(pack).is_some() {
                wrong.push(origin.error(span, "a second `[pack]`").with_help("a file is one pack"));
            }
        }
        for rule in part.rules {
            match rule {
                Ok((rule, more)) => {
                    rules.push(rule);
                    notes.extend(more);
                }
                Err(more) => wrong.extend(more),
            }
        }
    }
    if header.is_none() && complete {
        wrong.push(
            origin
                .error(0..0, "the pack has no header")
                .with_help("start the file with [pack], and give it a name: name = \"…\""),
        );
    }
    wrong.extend(duplicates(&rules));
    match header {
        Some(RawPack { name, description, version }) if wrong.is_empty() => {
            Ok(Pack { file: Arc::clone(&origin.file), name, description, version, rules, notes })
        }
        _ => {
            wrong.sort_by_key(|diagnostic| diagnostic.span.start);
            wrong.truncate(MAX_DIAGNOSTICS);
            Err(wrong)
        }
    }
}

/// Whether a text of the header would drive the terminal of whoever reads it.
fn holds_hidden(pack: &RawPack) -> bool {
    let texts = [Some(&pack.name), pack.description.as_ref(), pack.version.as_ref()];
    let hidden = |c: char| super::diagnostic::is_hidden(c) && !matches!(c, '\n' | '\r' | '\t');
    texts.into_iter().flatten().any(|text| text.chars().any(hidden))
}

fn diagnostic(origin: &Origin, base: usize, fault: Fault) -> Diagnostic {
    let mut diagnostic = origin.error(fault.span.start + base..fault.span.end + base, fault.message);
    diagnostic.help = fault.help;
    diagnostic
}

/// Objections to every rule whose id an earlier one has.
pub(super) fn duplicates<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, &Rule> = HashMap::new();
    let mut wrong = Vec::new();
    for rule in rules {
        if let Some(known) = first.get(rule.id.as_str()) {
            let (line, _) = known.error_at(known.source.span.clone(), "").line_column();
            let place = format!("{}:{line}", known.source.file);
            wrong.push(
                rule.error_at(rule.source.span.clone(), format!("a second rule with the id `{}`", rule.id))
                    .with_help(format!("the first stands at {place}; an id is unique over all packs")),
            );
        } else {
            first.insert(&rule.id, rule);
        }
    }
    wrong
}
