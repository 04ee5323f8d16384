//! A text as a TOML string, in the form that is read most easily.

use crate::rules::diagnostic::is_hidden;

/// On one line: `"…"`, or `'…'` where that spares escapes.
pub(in crate::rules) fn line(text: &str) -> String {
    let hidden = text.chars().any(is_hidden);
    if !hidden && !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else if !hidden && !text.contains('\'') {
        format!("'{text}'")
    } else {
        format!("\"{}\"", escaped(text))
    }
}

/// As it is, between `'''`: for expressions. On lines of its own where it has
/// several.
pub(in crate::rules) fn raw(text: &str) -> String {
    if !may_be_raw(text) {
        return if text.contains('\n') { lines(text) } else { line(text) };
    }
    if text.contains('\n') { format!("'''\n{text}'''") } else { format!("'''{text}'''") }
}

/// On lines of its own, line breaks as they are.
pub(in crate::rules) fn lines(text: &str) -> String {
    if may_be_raw(text) {
        return format!("'''\n{text}'''");
    }
    let parts: Vec<String> = text.split('\n').map(|part| escaped(part).replace("\\\"", "\"")).collect();
    // Quotes need an escape only where they could be the end of the string.
    let joined = parts.join("\n").replace("\"\"\"", "\"\"\\\"");
    let joined = match joined.strip_suffix('"') {
        Some(head) => format!("{head}\\\""),
        None => joined,
    };
    format!("\"\"\"\n{joined}\"\"\"")
}

/// Whether it can stand between `'''`.
fn may_be_raw(text: &str) -> bool {
    !text.contains("'''") && !text.ends_with('\'') && !text.chars().any(|c| is_hidden(c) && c != '\n')
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_hidden(c) => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
