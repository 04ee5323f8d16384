//! Labels: what has to be found in a corpus, one JSON object a line.
//!
//! `docs/rules.md` describes the format. A file without labels is clean: whatever
//! is found in it is a false positive.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use serde::{Deserialize, Serialize};

use crate::finding::Timestamp;

/// The name of the file with the labels of a corpus, in its root.
pub const LABELS_FILE: &str = "labels.jsonl";
/// The most bytes of one label.
const MAX_LINE: u64 = 64 << 10;

/// One secret that has to be found, or a file in which a type must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The file, relative to the corpus.
    pub path: String,
    /// The official name of the secret type.
    pub secret_type: String,
    /// The rule that has to find it, where it matters which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The offset of the secret's first byte as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The line of the secret, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// BLAKE3 of the secret's value, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_blake3: Option<String>,
    /// Attributes that the finding must have; others may be there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What the finding must say that the secret opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<LabelTarget>,
    /// When the finding must say that the secret expires: RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// How the secret is encoded in the file; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// In which form or context it stands; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Whatever else there is to say; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The file holds no secret of this type, and something that looks like one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub near_miss: bool,
    /// It may be found and need not, as the second key of a pair: a finding of it is
    /// neither right nor wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What a secret opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelTarget {
    /// The kind of resource.
    pub kind: String,
    /// Its identifier.
    pub id: String,
}

/// Why there are no labels.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// They cannot be read.
    #[error("the labels cannot be read")]
    Read(#[from] std::io::Error),
    /// A line is no label.
    #[error("line {line} is no label: {message}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

/// Reads labels, to the end; empty lines are left out.
///
/// # Errors
///
/// See [`LabelError`].
pub fn read(mut reader: impl BufRead) -> Result<Vec<Label>, LabelError> {
    let mut labels = Vec::new();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut text)?;
        if read == 0 {
            break;
        }
        let wrong = |message: String| LabelError::Line { line, message };
        if read as u64 > MAX_LINE {
            return Err(wrong(format!("it has more than {MAX_LINE} bytes")));
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let label: Label = serde_json::from_slice(&text).map_err(|error| wrong(without_place(&error)))?;
        check(&label).map_err(wrong)?;
        labels.push(label);
    }
    Ok(labels)
}

/// The message without the line, which would always be the first.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line 1 column ") {
        Some((message, column)) => format!("{message} (column {column})"),
        None => text,
    }
}

fn check(label: &Label) -> Result<(), String> {
    if relative(&label.path).is_empty() || label.secret_type.is_empty() {
        return Err("`path` and `secret_type` must not be empty".into());
    }
    if label.line == Some(0) {
        return Err("lines are counted from 1".into());
    }
    if label.near_miss && label.optional {
        return Err("what must not be found is not `optional`".into());
    }
    let is_hex = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if label.secret_blake3.as_ref().is_some_and(|digest| !is_hex(digest)) {
        return Err("`secret_blake3` must have 64 hexadecimal digits".into());
    }
    if label.expires_at.as_ref().is_some_and(|time| Timestamp::parse(time).is_none()) {
        return Err("`expires_at` must be a time as in RFC 3339, such as 2027-01-31T00:00:00Z".into());
    }
    Ok(())
}

/// A path as labels and findings can be compared by: relative to the corpus.
pub(super) fn relative(path: &str) -> &str {
    path.trim_start_matches("./").trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read(text.as_bytes()).expect_err("no labels").to_string()
    }

    #[test]
    fn labels_are_read() {
        let text = "{\"path\": \"a/.env\", \"secret_type\": \"T\", \"line\": 3, \"offset\": 40, \
                    \"attributes\": {\"user\": \"u\"}, \"target\": {\"kind\": \"k\", \"id\": \"i\"}, \
                    \"expires_at\": \"2027-01-31T00:00:00Z\", \"encoding\": \"base64\", \"form\": \"env\"}\n\n\
                    {\"path\": \"b\", \"secret_type\": \"T\", \"near_miss\": true}";
        let labels = read(text.as_bytes()).expect("labels");
        assert_eq!(labels.len(), 2);
        assert_eq!((labels[0].line, labels[0].offset), (Some(3), Some(40)));
        assert!(labels[1].near_miss && !labels[0].near_miss);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let good = "{\"path\": \"a\", \"secret_type\": \"T\"}\n";
        assert!(error(&format!("{good}{{")).starts_with("line 2 is no label"));
        assert!(error("{\"path\": \"a\", \"secret_type\": \"T\", \"ofset\": 1}").contains("ofset"));
        assert!(error("{\"path\": \"a\"}").contains("secret_type"));
        assert!(error("{\"path\": \"/\", \"secret_type\": \"T\"}").contains("`path`"));
        assert!(error("{\"path\": \"a\", \"secret_type\": \"T\", \"line\": 0}").contains("from 1"));
        assert!(error("{\"path\": \"a\", \"secret_type\": \"T\", \"secret_blake3\": \"x\"}").contains("64"));
        assert!(
            error("{\"path\": \"a\", \"secret_type\": \"T\", \"expires_at\": \"soon\"}").contains("RFC 3339")
        );
        assert!(
            error("{\"path\": \"a\", \"secret_type\": \"T\", \"near_miss\": true, \"optional\": true}")
                .contains("optional")
        );
        assert!(error("\u{0}\u{1}\n").starts_with("line 1"));
        assert!(error(&"x".repeat(1 << 20)).contains("more than"));
        assert_eq!(read(&b""[..]).expect("labels"), []);
    }
}
