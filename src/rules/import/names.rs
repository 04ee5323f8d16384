//! Ids and names of other scanners → ours.

use crate::rules::diagnostic::is_hidden;

/// The most bytes of an id, with room for a number after it.
const MAX_ID: usize = 90;
/// Words that are written in capitals.
const CAPITALS: &[&str] = &[
    "api", "aws", "gcp", "id", "jwt", "oauth", "pat", "sas", "sql", "ssh", "url", "uri", "smtp", "pem", "pgp",
];

/// Lower case letters, digits and single dashes.
pub(super) fn id(source: &str) -> String {
    let mut id = String::new();
    for c in source.chars() {
        if id.len() >= MAX_ID {
            break;
        }
        if c.is_ascii_alphanumeric() {
            id.push(c.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let id = id.trim_end_matches('-');
    if id.is_empty() { "rule".to_owned() } else { id.to_owned() }
}

/// An id as words: `acme-api-key` is `Acme API key`.
pub(super) fn words(id: &str) -> String {
    let words: Vec<String> = id
        .split('-')
        .enumerate()
        .map(|(number, word)| {
            if CAPITALS.contains(&word) {
                word.to_uppercase()
            } else if number == 0 {
                capital(word)
            } else {
                word.to_owned()
            }
        })
        .collect();
    words.join(" ")
}

/// The first word of an id, as a name. Ids such as `kingfisher.acme.1` begin with
/// the scanner.
pub(super) fn provider(id: &str) -> String {
    let mut words = id.split('-');
    let first = words.next().unwrap_or_default();
    let word = if matches!(first, "kingfisher" | "np") { words.next().unwrap_or(first) } else { first };
    if CAPITALS.contains(&word) { word.to_uppercase() } else { capital(word) }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A text on one line without control characters; the other text where nothing is
/// left.
pub(super) fn line(text: &str, otherwise: &str) -> String {
    let line: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { otherwise.to_owned() } else { line }
}
