//! The keyword list of libpq: `host=h port=5432 dbname=d user=u password='p w'`.
//!
//! Source: the PostgreSQL manual, "Keyword/Value Connection Strings": pairs stand
//! apart by blanks, blanks around `=` are optional, a value in apostrophes has `\'`
//! and `\\`. Such a list is one line of a string of some language.

use super::{ConnectionString, Key, MAX_PAIRS, MAX_SIDE, Value};

const KEYWORDS: [(&[u8], Key); 7] = [
    (b"host", Key::Server),
    (b"hostaddr", Key::Server),
    (b"port", Key::Port),
    (b"dbname", Key::Database),
    (b"user", Key::User),
    (b"password", Key::Password),
    (b"sslmode", Key::Other),
];

/// Reads the list around `at`, which stands in the value of its host.
pub(super) fn read(text: &[u8], at: usize) -> Option<ConnectionString> {
    around(text, at).filter(|found| found.names_server_at(at))
}

/// Reads the list that holds `at`.
pub(super) fn around(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_SIDE);
    let right = at.saturating_add(MAX_SIDE).min(text.len());
    let ends = |byte: &u8| *byte < b' ' && *byte != b'\t' || *byte == b'"';
    let start = text
        .get(left..at)?
        .iter()
        .rposition(ends)
        .map_or(left, |at| left.saturating_add(at).saturating_add(1));
    let length = text.get(at..right)?.iter().position(ends).unwrap_or(right.saturating_sub(at));
    let end = at.saturating_add(length);
    let list = text.get(start..end)?;
    let mut pairs: Vec<(Key, Value)> = Vec::new();
    let mut first = None;
    let mut place = 0_usize;
    let mut boundary = true;
    while let Some(rest) = list.get(place..).filter(|rest| !rest.is_empty() && pairs.len() < MAX_PAIRS) {
        let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let name = rest.get(..word).filter(|_| boundary).unwrap_or_default();
        let key = KEYWORDS.iter().find(|(known, _)| *known == name).map(|(_, key)| *key);
        let blanks = blanks(rest.get(word..)?);
        let equals = word.saturating_add(blanks);
        if let Some(key) = key
            && rest.get(equals) == Some(&b'=')
        {
            let value = rest.get(equals.saturating_add(1)..)?;
            let gap = self::blanks(value);
            let (bytes, skip, length) = value_of(value.get(gap..)?);
            let from = place.saturating_add(equals).saturating_add(1).saturating_add(gap);
            let start_of_value = start.saturating_add(from).saturating_add(skip);
            first.get_or_insert(place);
            pairs.push((key, Value { bytes, span: start_of_value..start_of_value.saturating_add(length) }));
            place = from.saturating_add(skip.saturating_mul(2)).saturating_add(length);
            boundary = false;
        } else {
            boundary = matches!(rest.first(), Some(b' ' | b'\t' | b'\'' | b'=' | b'(' | b'`' | b':' | b'>'));
            place = place.saturating_add(word.max(1));
            boundary &= word == 0;
        }
    }
    // In `password= user=u` the word after it is another keyword.
    let is_pair = |value: &[u8]| {
        KEYWORDS.iter().any(|(name, _)| value.strip_prefix(*name).is_some_and(|rest| rest.starts_with(b"=")))
    };
    pairs.retain(|(_, value)| !is_pair(&value.bytes));
    let span = start.saturating_add(first?)..end;
    Some(ConnectionString { span, scheme: Some("postgresql".to_owned()), pairs })
        .filter(|found| found.pairs.len() > 2)
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// A value, whether it stands in apostrophes (0 or 1), and its raw length.
fn value_of(bytes: &[u8]) -> (Vec<u8>, usize, usize) {
    if bytes.first() == Some(&b'\'') {
        let content = bytes.get(1..).unwrap_or_default();
        let mut value = Vec::new();
        let mut at = 0_usize;
        while let Some(byte) = content.get(at).copied() {
            if byte == b'\'' {
                return (value, 1, at);
            }
            let escaped = content.get(at.saturating_add(1)).copied().filter(|_| byte == b'\\');
            value.push(escaped.unwrap_or(byte));
            at = at.saturating_add(if escaped.is_some() { 2 } else { 1 });
        }
    }
    let length = bytes
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\'' | b'`' | b')'))
        .unwrap_or(bytes.len());
    // The list may be the text of an XML element.
    let length = memchr::memmem::find(bytes.get(..length).unwrap_or_default(), b"</").unwrap_or(length);
    (bytes.get(..length).unwrap_or_default().to_vec(), 0, length)
}
