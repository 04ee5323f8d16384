//! Strings of `Name=value` pairs joined by `;` without any quoting, as storage,
//! Cosmos DB, messaging, IoT and configuration services of Azure have them:
//! `Endpoint=https://…;AccessKey=…=;Version=1.0`. Only the first `=` of a pair
//! divides it, so that the padding of a key belongs to its value; names are read
//! in any case, in any order, and the last `;` may be missing.
//!
//! A string is found from a place inside it, in whatever file it stands. Its own
//! alphabet ends it: it holds no quotation mark, no angle bracket, no comma, and a
//! blank only after a `;`. The search looks at most [`MAX_SIDE`] bytes to either
//! side, once, so its time is bounded.
//!
//! Source: Microsoft Learn, "Configure Azure Storage connection strings", "Get an
//! Event Hubs connection string", "Connection strings in Azure SignalR Service".

use std::ops::Range;

use super::connection_string::Value;
use super::escape::{Escapes, unescape};

/// How far to either side of the given place a string may reach, in bytes.
pub const MAX_SIDE: usize = 2048;
/// The most pairs that are read.
const MAX_PAIRS: usize = 32;

/// Names that begin a string, in lower case: before the first of them may stand
/// the name of a setting, as in `CONNECTION=Endpoint=…`.
const NAMES: [&str; 21] = [
    "accesskey",
    "accountendpoint",
    "accountkey",
    "accountname",
    "authtype",
    "blobendpoint",
    "blobsecondaryendpoint",
    "defaultendpointsprotocol",
    "deviceid",
    "endpoint",
    "endpointsuffix",
    "entitypath",
    "fileendpoint",
    "hostname",
    "id",
    "queueendpoint",
    "secret",
    "sharedaccesskey",
    "sharedaccesskeyname",
    "sharedaccesssignature",
    "tableendpoint",
];

/// A string that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameValueString {
    /// Where the whole string stands.
    pub span: Range<usize>,
    pairs: Vec<(String, Value)>,
}

impl NameValueString {
    /// Finds and reads the string around the byte at `at`. `None` where there are
    /// not at least two pairs.
    #[must_use]
    pub fn around(text: &[u8], at: usize) -> Option<Self> {
        let left = at.saturating_sub(MAX_SIDE);
        let right = at.saturating_add(MAX_SIDE).min(text.len());
        let mut start = at;
        while let Some(before) = start.checked_sub(1).filter(|before| *before >= left) {
            if !belongs(text, before) {
                break;
            }
            start = before;
        }
        start = start.saturating_add(rest_of_escape(text, start)).min(at);
        let mut end = at;
        while end < right && belongs(text, end) {
            end = end.saturating_add(1);
        }
        let plain = unescape(text.get(start..end)?, Escapes { backslash: true, xml: true, percent: false });
        let mut pairs = Vec::new();
        let mut first = 0_usize;
        for part in plain.bytes.split(|byte| *byte == b';').take(MAX_PAIRS) {
            let blanks = part.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let trimmed = part.get(blanks..).unwrap_or_default();
            if let Some(equals) = equals_sign(trimmed) {
                let value = trimmed.get(equals.saturating_add(1)..).unwrap_or_default();
                let from = first.saturating_add(blanks).saturating_add(equals).saturating_add(1);
                let to = from.saturating_add(value.len());
                let place = |index: usize| start.saturating_add(plain.raw_offset(index));
                let name = name_before(trimmed, equals);
                let value = Value { bytes: value.to_vec(), span: place(from)..place(to) };
                pairs.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value));
            }
            first = first.saturating_add(part.len()).saturating_add(1);
        }
        Some(Self { span: start..end, pairs }).filter(|found| found.pairs.len() > 1)
    }

    /// The first value of a name (in whatever case) that is not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.pairs
            .iter()
            .find(|(found, value)| found.eq_ignore_ascii_case(name) && !value.bytes.trim_ascii().is_empty())
            .map(|(_, value)| value)
    }
}

/// The `=` that divides a pair: the one after the last known name, so that what
/// stands before the string is passed over, or else the first.
fn equals_sign(pair: &[u8]) -> Option<usize> {
    let known = memchr::memchr_iter(b'=', pair).filter(|equals| {
        let name = name_before(pair, *equals);
        NAMES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    });
    known.last().or_else(|| memchr::memchr(b'=', pair))
}

/// The letters, digits and underscores right before a place.
fn name_before(pair: &[u8], at: usize) -> &[u8] {
    let head = pair.get(..at).unwrap_or_default().trim_ascii_end();
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let length = head.iter().rev().take_while(in_name).count();
    head.get(head.len().saturating_sub(length)..).unwrap_or_default()
}

/// How many of the next bytes belong to an escape that a backslash right before
/// begins: the `n` of `\n`, the `u0022` of a quotation mark.
fn rest_of_escape(text: &[u8], at: usize) -> usize {
    if at.checked_sub(1).and_then(|before| text.get(before)) != Some(&b'\\') {
        return 0;
    }
    if text.get(at) == Some(&b'u') { 5 } else { 1 }
}

/// Whether a byte can be part of a string where it stands.
fn belongs(text: &[u8], at: usize) -> bool {
    let Some(byte) = text.get(at).copied() else { return false };
    match byte {
        b'"' | b'\'' | b'`' | b'<' | b'>' | b',' | b'|' | b'^' | b'(' | b')' | b'[' | b']' => false,
        // Only where it escapes something of a string.
        b'\\' => match text.get(at.saturating_add(1)) {
            Some(b'/' | b'=' | b':' | b';' | b'+') => true,
            // Not a quotation mark: `\u0022`, `\u0027`.
            Some(b'u') => {
                let code = text.get(at.saturating_add(2)..at.saturating_add(6)).unwrap_or_default();
                code.starts_with(b"00") && code != b"0022" && code != b"0027"
            }
            _ => false,
        },
        // Not as a quotation mark or an angle bracket.
        b'&' => {
            let rest = text.get(at.saturating_add(1)..).unwrap_or_default();
            ![&b"quot;"[..], b"apos;", b"lt;", b"gt;", b"#34;", b"#39;", b"#x22;", b"#x27;"]
                .iter()
                .any(|entity| rest.starts_with(entity))
        }
        // Between two pairs, in one line.
        b' ' | b'\t' => {
            let before = text.get(..at).unwrap_or_default().iter().rev();
            let mut solid = before.take(8).skip_while(|byte| matches!(byte, b' ' | b'\t'));
            solid.next() == Some(&b';')
        }
        byte => byte.is_ascii_graphic(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, at: &str) -> Option<NameValueString> {
        NameValueString::around(text.as_bytes(), text.find(at).expect("the place"))
    }

    fn value(found: &NameValueString, name: &str) -> String {
        found.get(name).map(|value| value.text().into_owned()).unwrap_or_default()
    }

    #[test]
    fn in_every_kind_of_file() {
        let string =
            "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=Send;SharedAccessKey=YWJj+/==";
        for text in [
            format!("CONN={string};EntityPath=orders\n"),
            format!("{{\"a\": \"{string};EntityPath=orders\"}}"),
            format!("<add name='x' connectionString='{string};EntityPath=orders' />"),
            format!("<value>{string};EntityPath=orders</value>"),
            format!("x = '{string}; EntityPath=orders'"),
            format!("\\\"{string};EntityPath=orders;\\\""),
            format!("{};EntityPath=orders", string.replace('+', "\\u002B").replace("//", "\\/\\/")),
            format!("k={};EntityPath\\=orders", string.replace('=', "\\=").replace(':', "\\:")),
            format!("a, {string};EntityPath=orders, b"),
            format!("\\u0022{string};EntityPath=orders\\u0022"),
            format!("a\\n{string};EntityPath=orders\\n"),
            format!("value=&quot;{string};EntityPath=orders&quot;"),
        ] {
            let found = read(&text, "YWJj").expect("a string");
            assert_eq!(value(&found, "endpoint"), "sb://acme.servicebus.windows.net/", "{text}");
            assert_eq!(value(&found, "SharedAccessKeyName"), "Send", "{text}");
            assert_eq!(value(&found, "SharedAccessKey"), "YWJj+/==", "{text}");
            assert_eq!(value(&found, "EntityPath"), "orders", "{text}");
        }
    }

    #[test]
    fn where_the_values_stand() {
        let text = "x=HostName=a.b;SharedAccessKey=q\\u002Bq=;DeviceId=d";
        let found = read(text, "q\\u").expect("a string");
        let key = found.get("SharedAccessKey").expect("a key");
        assert_eq!(&text[key.span.clone()], "q\\u002Bq=");
        assert_eq!(found.span, 0..text.len());
    }

    /// A string ends with its line, also when a `;` is its last byte.
    #[test]
    fn two_lines_are_two_strings() {
        let text = "A=Endpoint=https://a;AccessKey=x;\nB=Endpoint=https://b;AccessKey=y;\n";
        assert_eq!(value(&read(text, "x;").expect("a string"), "endpoint"), "https://a");
        assert_eq!(value(&read(text, "y;").expect("a string"), "endpoint"), "https://b");
    }

    #[test]
    fn hostile_text_ends() {
        let long = "=;".repeat(100_000);
        let found = NameValueString::around(long.as_bytes(), 100_000).expect("pairs of nothing");
        assert!(found.span.len() <= 2 * MAX_SIDE && found.get("endpoint").is_none());
        for text in ["", ";", "=", "a=b", "\\", "\\u", "&", "&#", " ; ;", "\u{e9}=1;b=2"] {
            for at in 0..=text.len() {
                let _ = NameValueString::around(text.as_bytes(), at);
            }
        }
        assert_eq!(NameValueString::around(b"a=1;b=2", 99), None);
    }
}
