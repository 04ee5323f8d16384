//! Secrets of Kubernetes: manifests whose names are in clear and whose values are
//! base64, each by itself (<https://kubernetes.io/docs/concepts/configuration/secret/>,
//! "data"). They are decoded where they stand, so that rules see name and value.

use std::ops::Range;

use memchr::memmem;

use super::{Decoded, base64};

/// What names a manifest's kind: each is looked for.
pub(crate) const KINDS: [&[u8]; 4] =
    [b"kind: Secret", b"kind: \"Secret\"", b"\"kind\":\"Secret\"", b"\"kind\": \"Secret\""];
/// How far before and after it the manifest is read.
const REACH: usize = 8 << 10;
/// The longest value, in characters of base64.
const MAX_VALUE: usize = 4096;

/// The manifest around the name of its kind, between the separators of YAML documents.
pub(crate) fn region(text: &[u8], kind: usize, bounds: &Range<usize>) -> Range<usize> {
    let first = bounds.start.max(kind.saturating_sub(REACH));
    let last = bounds.end.min(kind.saturating_add(REACH)).min(text.len());
    let before = text.get(first..kind).unwrap_or_default();
    let start = memmem::rfind(before, b"\n---").map_or(first, |at| first + at + 1);
    let after = text.get(kind..last).unwrap_or_default();
    let end = memmem::find(after, b"\n---").map_or(last, |at| kind + at + 1);
    start..end
}

/// The manifest with its values decoded. Places are from its start.
pub(crate) fn decode(manifest: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let mut at = 0;
    for value in values(manifest) {
        let Some(plain) = manifest.get(value.clone()).and_then(plain) else { continue };
        copy(manifest, at..value.start, &mut decoded);
        let before = value.start.checked_sub(1).and_then(|before| manifest.get(before));
        let quoted = matches!(before, Some(b'"' | b'\''));
        // A value of signs needs quotes in YAML.
        let quote = !quoted && !plain.text.iter().all(u8::is_ascii_alphanumeric);
        let quote = quote && !plain.text.iter().any(|byte| matches!(byte, b'"' | b'\\'));
        if quote {
            decoded.push(b'"', value.start);
        }
        for (byte, place) in plain.text.iter().zip(&plain.places) {
            decoded.push(*byte, value.start + usize::try_from(*place).unwrap_or(0));
        }
        if quote {
            decoded.push(b'"', value.end);
        }
        at = value.end;
    }
    copy(manifest, at..manifest.len(), &mut decoded);
    decoded.end(manifest.len());
    decoded
}

/// Adds a part as it is.
fn copy(manifest: &[u8], part: Range<usize>, decoded: &mut Decoded) {
    let bytes = manifest.get(part.clone()).unwrap_or_default();
    part.zip(bytes).for_each(|(place, byte)| decoded.push(*byte, place));
}

/// A value decoded, where it is one line of text.
fn plain(value: &[u8]) -> Option<Decoded> {
    let padding = value.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = value.get(..value.len() - padding)?;
    let whole = value.len().is_multiple_of(4) && (4..=MAX_VALUE).contains(&value.len()) && padding <= 2;
    if !whole || !digits.iter().all(|byte| base64::is_member(*byte)) {
        return None;
    }
    let mut plain = base64::decode(value);
    if plain.text.last() == Some(&b'\n') {
        plain.text.pop();
    }
    let text = std::str::from_utf8(&plain.text).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(plain)
}

/// The values of the manifest's `data`, in order.
fn values(manifest: &[u8]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    yaml(manifest, &mut all);
    json(manifest, &mut all);
    all.sort_by_key(|value| value.start);
    all.dedup_by(|next, value| next.start < value.end);
    all
}

/// Lines deeper than the line `data:` before them.
fn yaml(manifest: &[u8], all: &mut Vec<Range<usize>>) {
    let mut depth = None;
    let mut start = 0;
    for line in manifest.split_inclusive(|byte| *byte == b'\n') {
        let content = line.trim_ascii();
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        if content == b"data:" {
            depth = Some(indent);
        } else if !content.is_empty() && depth.is_some_and(|depth| indent <= depth) {
            depth = None;
        } else if depth.is_some()
            && let Some(colon) = memmem::find(line, b": ")
        {
            let value = line.get(colon + 2..).unwrap_or_default();
            let blanks = value.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let value = value.trim_ascii();
            let quoted = value.len() >= 2 && matches!(value.first(), Some(b'"' | b'\''));
            let inset = usize::from(quoted);
            let from = start + colon + 2 + blanks + inset;
            all.push(from..from + (value.len() - 2 * inset));
        }
        start += line.len();
    }
}

/// The pairs of every object named `data`.
fn json(manifest: &[u8], all: &mut Vec<Range<usize>>) {
    for name in memmem::find_iter(manifest, b"\"data\"") {
        let mut rest = Rest { text: manifest, at: name + b"\"data\"".len() };
        if !(rest.take(b':') && rest.take(b'{')) {
            continue;
        }
        while rest.string().is_some() && rest.take(b':') {
            let Some(value) = rest.string() else { break };
            all.push(value);
            if !rest.take(b',') {
                break;
            }
        }
    }
}

/// What is left of a text of JSON.
struct Rest<'t> {
    text: &'t [u8],
    at: usize,
}

impl Rest<'_> {
    /// Goes past a sign after blanks, if it is the next one.
    fn take(&mut self, sign: u8) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let found = rest.get(blanks) == Some(&sign);
        self.at += blanks + usize::from(found);
        found
    }

    /// Goes past a string, if it is next, and gives what is between its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        let length = self.text.get(start..)?.iter().position(|byte| *byte == b'"')?;
        self.at = start + length + 1;
        Some(start..start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(manifest: &str) -> String {
        let decoded = decode(manifest.as_bytes());
        assert_eq!(decoded.places.len(), decoded.text.len() + 1);
        assert!(decoded.places.is_sorted());
        String::from_utf8(decoded.text).expect("text")
    }

    /// `printf 'deploy' | base64`, `printf 'p: 9%%x\n' | base64`, bytes that are no text.
    #[test]
    fn values_of_data_are_decoded_where_they_stand() {
        let yaml = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: abcd\ndata:\n  USER: ZGVwbG95\n  \
                    PASS: \"cDogOSV4Cg==\"\n  P2: cDogOSV4Cg==\n  KEY: /////w==\n  n: 1\ntype: Opaque\n";
        let plain = yaml
            .replace("ZGVwbG95", "deploy")
            .replace("\"cDogOSV4Cg==\"", "\"p: 9%x\"")
            .replace(": cDogOSV4Cg==", ": \"p: 9%x\"");
        assert_eq!(decoded(yaml), plain);
        let json = r#"{"kind":"Secret","data":{"USER":"ZGVwbG95", "PASS" : "cDogOSV4Cg=="},"x":"ZGVwbG95"}"#;
        let plain = r#"{"kind":"Secret","data":{"USER":"deploy", "PASS" : "p: 9%x"},"x":"ZGVwbG95"}"#;
        assert_eq!(decoded(json), plain);
    }

    #[test]
    fn a_manifest_ends_at_the_next_document() {
        let text = b"kind: A\n---\nkind: Secret\ndata:\n---\nkind: B\n";
        assert_eq!(&text[region(text, 12, &(0..text.len()))], b"---\nkind: Secret\ndata:\n");
    }

    #[test]
    fn broken_manifests_are_left_as_they_are() {
        for text in [
            "data:",
            "data:\n  a: \"",
            "\"data\":{\"a\":\"",
            "\"data\":{\"a\"",
            "data:\n a: '\n",
            "data:\n  a: =\n",
        ] {
            assert_eq!(decoded(text), text);
        }
    }
}
