//! Formats that have one setting a line: environment files, shell exports, systemd
//! units, INI, Java properties, YAML, TOML, HCL, and assignments of programs.
//!
//! Sources: YAML 1.2 chapters 7 and 8 (scalars, block mappings), `systemd.exec`
//! (`Environment=`), Java `Properties.load`, the Compose file reference.

mod row;

use std::ops::Range;

use row::{Line, parse};

use super::{MAX_ITEMS, Setting, Settings, Syntax};
use crate::formats::connection_string::Value;

/// The most lines on either side.
const MAX_LINES: usize = 24;
/// The longest line: what is longer is no line that somebody wrote.
const MAX_LINE: usize = 2048;

/// The settings beside `at`, none before `left`.
pub(super) fn read(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let own = line_at(text, left, at).filter(|line| line.len() <= MAX_LINE)?;
    let Line::Settings(row) = parse(text, own.clone()) else { return None };
    if row.comma {
        return None;
    }
    let (indent, dash, colon) = (row.indent, row.dash, row.colon);
    // `- NAME=value` is a list of settings, `- name: value` begins a mapping.
    let listed = dash && !colon;
    let (mut above, mut section) = (Vec::new(), None);
    let mut end = own.start;
    if !dash || listed {
        for _ in 0..MAX_LINES {
            let Some(line) = end.checked_sub(1).and_then(|end| line_at(text, left, end)) else { break };
            end = line.start;
            match parse(text, line) {
                Line::Section(name) => {
                    section = Some(name);
                    break;
                }
                Line::Parent(column, name) if column < indent => {
                    section = Some(name);
                    break;
                }
                Line::Settings(row) if row.indent < indent => break,
                Line::Other(column) if column < indent => break,
                Line::Settings(row) if row.indent == indent && (row.dash && !row.colon) == listed => {
                    above.extend(row.items.into_iter().rev());
                    if row.dash && !listed {
                        break;
                    }
                }
                _ => {}
            }
            if above.len() > MAX_ITEMS {
                break;
            }
        }
    }
    let mut items: Vec<Setting> = above;
    items.reverse();
    items.extend(row.items);
    let mut start = own.end.saturating_add(1);
    for _ in 0..MAX_LINES {
        let Some(line) = (start < text.len()).then(|| line_at(text, left, start)).flatten() else { break };
        start = line.end.saturating_add(1);
        match parse(text, line) {
            Line::Section(_) => break,
            Line::Parent(column, _) | Line::Other(column) if column < indent => break,
            Line::Settings(row) if row.indent < indent => break,
            Line::Settings(row) if row.indent == indent => {
                if row.dash && !listed {
                    break;
                }
                if (row.dash && !row.colon) == listed {
                    items.extend(row.items);
                }
            }
            _ => {}
        }
        if items.len() > MAX_ITEMS {
            break;
        }
    }
    if named_value(&items) {
        let items = named_list(text, left, own, indent);
        return Settings::of(Syntax::Yaml, section, items, at);
    }
    Settings::of(if colon { Syntax::Yaml } else { Syntax::Lines }, section, items, at)
}

/// The settings in the lines after and before one that is none itself and holds
/// `at`: a server's address with user and password below it. A line that says
/// nothing ends them.
pub(super) fn read_beside(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    const MAX_BESIDE: usize = 6;
    let own = line_at(text, left, at).filter(|line| line.len() <= MAX_LINE / 8)?;
    let Line::Other(indent) = parse(text, own.clone()) else { return None };
    let rows = |line: Range<usize>| match parse(text, line) {
        Line::Settings(row) if row.indent == indent && !row.dash && !row.comma => Some(row.items),
        _ => None,
    };
    let mut items: Vec<Setting> = Vec::new();
    let mut end = own.start;
    for _ in 0..MAX_BESIDE {
        let Some(line) = end.checked_sub(1).and_then(|end| line_at(text, left, end)) else { break };
        end = line.start;
        let Some(row) = rows(line) else { break };
        items.extend(row.into_iter().rev());
    }
    items.reverse();
    let bytes = text.get(own.clone())?;
    items.push(Setting {
        name: String::new(),
        value: Value { bytes: bytes.to_vec(), span: own.clone() },
        span: own.clone(),
        quoted: false,
        code: false,
        indented: false,
    });
    let mut start = own.end.saturating_add(1);
    for _ in 0..MAX_BESIDE {
        let Some(line) = (start < text.len()).then(|| line_at(text, left, start)).flatten() else { break };
        start = line.end.saturating_add(1);
        let Some(row) = rows(line) else { break };
        items.extend(row);
    }
    Settings::of(Syntax::Lines, None, items, at)
}

/// Whether a mapping is `name: X` with `value: Y`.
fn named_value(items: &[Setting]) -> bool {
    matches!(items, [first, second] if first.name == "name" && second.name == "value")
}

/// The settings of a list of which each item is `name: X` with `value: Y`, around
/// the line `own`, whose names stand in the column `indent`.
fn named_list(text: &[u8], left: usize, own: Range<usize>, indent: usize) -> Vec<Setting> {
    let mut rows: Vec<Setting> = Vec::new();
    let mut end = own.start;
    for _ in 0..MAX_LINES {
        let Some(line) = end.checked_sub(1).and_then(|end| line_at(text, left, end)) else { break };
        end = line.start;
        match parse(text, line) {
            Line::Settings(row) if row.indent == indent => rows.extend(row.items.into_iter().rev()),
            Line::Settings(row) if row.indent < indent => break,
            Line::Section(_) => break,
            Line::Parent(column, _) | Line::Other(column) if column < indent => break,
            _ => {}
        }
    }
    rows.reverse();
    let mut start = own.start;
    for _ in 0..MAX_LINES {
        let Some(line) = (start < text.len()).then(|| line_at(text, left, start)).flatten() else { break };
        start = line.end.saturating_add(1);
        match parse(text, line) {
            Line::Settings(row) if row.indent == indent => rows.extend(row.items),
            Line::Settings(row) if row.indent < indent => break,
            Line::Section(_) => break,
            Line::Parent(column, _) | Line::Other(column) if column < indent => break,
            _ => {}
        }
    }
    rows.windows(2)
        .filter(|pair| named_value(pair))
        .filter_map(|pair| {
            let [first, second] = pair else { return None };
            Some(Setting {
                name: first.value.text().into_owned(),
                value: second.value.clone(),
                span: first.span.start..second.span.end,
                quoted: second.quoted,
                code: false,
                indented: false,
            })
        })
        .take(MAX_ITEMS)
        .collect()
}

/// The line that holds a byte, without its line feed.
fn line_at(text: &[u8], left: usize, at: usize) -> Option<Range<usize>> {
    let before = text.get(left..at)?;
    let start = memchr::memrchr(b'\n', before).map_or(left, |at| left.saturating_add(at).saturating_add(1));
    let end = memchr::memchr(b'\n', text.get(at..)?).map_or(text.len(), |length| at.saturating_add(length));
    Some(start..end)
}

/// The settings of a mapping and of the mappings inside it.
pub(super) fn read_deeper(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let own = line_at(text, left, at).filter(|line| line.len() <= MAX_LINE)?;
    let Line::Settings(row) = parse(text, own.clone()) else { return None };
    if row.comma || !row.colon {
        return None;
    }
    let indent = row.indent;
    let mut items = row.items;
    let mut start = own.end.saturating_add(1);
    for _ in 0..MAX_LINES {
        let Some(line) = (start < text.len()).then(|| line_at(text, left, start)).flatten() else { break };
        start = line.end.saturating_add(1);
        match parse(text, line) {
            Line::Settings(row) if row.indent >= indent && !row.dash => items.extend(row.items),
            Line::Settings(_) | Line::Section(_) => break,
            Line::Parent(column, _) | Line::Other(column) if column < indent => break,
            _ => {}
        }
        if items.len() > MAX_ITEMS {
            break;
        }
    }
    Settings::of(Syntax::Yaml, None, items, at)
}
