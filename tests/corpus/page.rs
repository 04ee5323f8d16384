//! A page is a file in the making: a template whose `«name»` places are filled.
//!
//! `«name»` is a value that was set before, or else one that [`crate::mint`] makes
//! up: the part before `_` says what (`«pw_2»` is a second password), and the same
//! name is the same value all over a page. `«!name»` is a secret that must be
//! found there, as `«!name@another type»` one of another type than the page's, and `«?name»` may be
//! found.
//! `«name|json»` is written as a JSON string, and so on: see [`escape`]. What
//! stands between `⟨` and `⟩` is left out where the page has no `V2`.
//!
//! Secrets are marked by characters of the private use area, which every escape
//! leaves alone, until the page is whole and their places are known.

use std::collections::HashMap;

use crate::mint;
use crate::sums::{Rng, base64};

const END: char = '\u{e0ff}';
const FIRST: u32 = 0xe100;

/// How a page becomes bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Crlf,
    /// UTF-16 with CRLF; little endian or big, with a byte order mark or without.
    Utf16 {
        little: bool,
        mark: bool,
    },
}

/// A secret of a page.
#[derive(Clone)]
struct Secret {
    value: String,
    secret_type: String,
    expires: Option<String>,
    optional: bool,
}

/// A secret with its place in the bytes.
pub(crate) struct Placed {
    pub value: String,
    pub secret_type: String,
    pub expires: Option<String>,
    pub optional: bool,
    pub offset: usize,
    pub length: usize,
    pub line: usize,
}

pub(crate) struct Page<'a> {
    pub rng: &'a mut Rng,
    secret_type: String,
    values: HashMap<String, String>,
    expiries: HashMap<String, String>,
    secrets: Vec<Secret>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(rng: &'a mut Rng, secret_type: &str) -> Self {
        Self {
            rng,
            secret_type: secret_type.to_owned(),
            values: HashMap::new(),
            expiries: HashMap::new(),
            secrets: Vec::new(),
        }
    }

    /// Gives a name the value of a template.
    pub(crate) fn set(&mut self, name: &str, template: &str) {
        let value = self.fill(template);
        self.values.insert(name.to_owned(), value);
    }

    /// Says when the value of a name expires (RFC 3339).
    pub(crate) fn expires(&mut self, name: &str, at: String) {
        self.expiries.insert(name.to_owned(), at);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value of a name, made up when it has none.
    pub(crate) fn get(&mut self, name: &str) -> String {
        if let Some(value) = self.values.get(name) {
            return value.clone();
        }
        let made = mint::make(self, name);
        self.values.insert(name.to_owned(), made.clone());
        made
    }

    /// A template with all its places filled.
    pub(crate) fn fill(&mut self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['«', '⟨']) {
            out.push_str(&rest[..at]);
            let open = if rest[at..].starts_with('«') { '«' } else { '⟨' };
            let close = if open == '«' { '»' } else { '⟩' };
            let inner = &rest[at + open.len_utf8()..];
            let end = inner.find(close).unwrap_or_else(|| panic!("{close} is missing: {template}"));
            if open == '«' {
                out.push_str(&self.place(&inner[..end]));
            } else if self.has("V2") {
                out.push_str(&self.fill(&inner[..end]));
            }
            rest = &inner[end + close.len_utf8()..];
        }
        out.push_str(rest);
        out
    }

    fn place(&mut self, place: &str) -> String {
        let mut parts = place.split('|');
        let name = parts.next().unwrap_or_default();
        let (secret, optional) = (name.starts_with(['!', '?']), name.starts_with('?'));
        let name = name.trim_start_matches(['!', '?']);
        let (name, secret_type) =
            name.split_once('@').map_or((name, self.secret_type.clone()), |(name, kind)| (name, kind.into()));
        let mut value = self.get(name);
        if secret {
            let at = char::from_u32(FIRST + u32::try_from(self.secrets.len()).expect("few"));
            let expires = self.expiries.get(name).cloned();
            self.secrets.push(Secret { value: value.clone(), secret_type, expires, optional });
            value = format!("{}{value}{END}", at.expect("a character"));
        }
        parts.fold(value, |value, filter| escape(&value, filter))
    }

    /// The bytes of a filled template, and where its secrets are in them.
    pub(crate) fn finish(&self, filled: &str, coding: Coding) -> (Vec<u8>, Vec<Placed>) {
        let mut bytes = Vec::new();
        let mut open: Vec<(usize, usize, usize)> = Vec::new();
        let mut placed = Vec::new();
        let mut line = 1;
        if let Coding::Utf16 { little, mark: true } = coding {
            bytes.extend_from_slice(if little { &[0xff, 0xfe] } else { &[0xfe, 0xff] });
        }
        for character in filled.chars() {
            if character == END {
                let (index, offset, line) = open.pop().expect("an end has a start");
                let Secret { value, secret_type, expires, optional } = self.secrets[index].clone();
                placed.push(Placed {
                    value: unmarked(&value),
                    secret_type,
                    expires,
                    optional,
                    offset,
                    length: bytes.len() - offset,
                    line,
                });
                continue;
            }
            if is_mark(character) {
                let index = usize::try_from(u32::from(character) - FIRST).expect("small");
                open.push((index, bytes.len(), line));
                continue;
            }
            if character == '\n' {
                line += 1;
                if coding != Coding::Plain {
                    push(&mut bytes, '\r', coding);
                }
            }
            push(&mut bytes, character, coding);
        }
        (bytes, placed)
    }
}

fn push(bytes: &mut Vec<u8>, character: char, coding: Coding) {
    if let Coding::Utf16 { little, .. } = coding {
        for unit in character.encode_utf16(&mut [0; 2]) {
            bytes.extend_from_slice(&if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
        }
    } else {
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn is_mark(character: char) -> bool {
    ('\u{e000}'..='\u{f8ff}').contains(&character)
}

pub(crate) fn unmarked(text: &str) -> String {
    text.chars().filter(|character| !is_mark(*character)).collect()
}

/// A text as it is written inside something else.
fn escape(text: &str, filter: &str) -> String {
    let each = |of: &dyn Fn(char) -> Option<String>| -> String {
        text.chars()
            .map(|character| {
                let escaped = if is_mark(character) { None } else { of(character) };
                escaped.unwrap_or_else(|| character.to_string())
            })
            .collect()
    };
    let hex = |before: &str, character: char| Some(format!("{before}{:02x}", u32::from(character)));
    match filter {
        "json" => each(&|c| match c {
            '"' | '\\' => Some(format!("\\{c}")),
            '\n' => Some("\\n".to_owned()),
            _ => None,
        }),
        // As .NET's serializer writes it, and as PHP's does.
        "jsonnet" => each(&|c| match c {
            '\n' => Some("\\n".to_owned()),
            '+' | '&' | '<' | '>' | '\'' | '"' => Some(format!("\\u{:04X}", u32::from(c))),
            '\\' => Some("\\\\".to_owned()),
            _ => None,
        }),
        "jsonphp" => each(&|c| match c {
            '\n' => Some("\\n".to_owned()),
            '"' | '\\' | '/' => Some(format!("\\{c}")),
            _ => None,
        }),
        "xml" => each(&|c| match c {
            '&' => Some("&amp;".to_owned()),
            '<' => Some("&lt;".to_owned()),
            '>' => Some("&gt;".to_owned()),
            '"' => Some("&quot;".to_owned()),
            _ => None,
        }),
        // By numbers, as HTML encoders do for what might end a value.
        "xmlnum" => each(&|c| "+&<>\"'/=".contains(c).then(|| format!("&#{};", u32::from(c)))),
        "url" | "urllow" => each(&|c| {
            let plain = c.is_ascii_alphanumeric() || "-_.~".contains(c);
            let upper = || Some(format!("%{:02X}", u32::from(c)));
            if plain {
                None
            } else if filter == "url" {
                upper()
            } else {
                hex("%", c)
            }
        }),
        "c" => each(&|c| match c {
            '"' | '\\' => Some(format!("\\{c}")),
            '\n' => Some("\\n".to_owned()),
            _ => None,
        }),
        "cx" => each(&|c| if "+/=&;".contains(c) { hex("\\x", c) } else { escape_c(c) }),
        // A single-quoted word of a shell, without the quotes.
        "sh" => each(&|c| (c == '\'').then(|| "'\\''".to_owned())),
        "sql" | "ps" | "yaml" => each(&|c| (c == '\'').then(|| "''".to_owned())),
        "bat" => each(&|c| (c == '%').then(|| "%%".to_owned())),
        "props" => each(&|c| match c {
            '\\' | ':' | '=' => Some(format!("\\{c}")),
            _ => None,
        }),
        "odbc" => each(&|c| (c == '}').then(|| "}}".to_owned())),
        "indent" => each(&|c| (c == '\n').then(|| "\n    ".to_owned())),
        "oneline" => each(&|c| (c == '\n').then(|| " ".to_owned())),
        "lower" => text.to_lowercase(),
        "upper" => text.to_uppercase(),
        "b64" | "b64wrap" | "b64u16" | "b64nopad" => encoded(text, filter),
        _ => broken(text, filter).unwrap_or_else(|| panic!("no filter {filter}")),
    }
}

fn escape_c(c: char) -> Option<String> {
    "\"\\".contains(c).then(|| format!("\\{c}"))
}

/// A value made wrong: for what must not be found.
fn broken(text: &str, filter: &str) -> Option<String> {
    let count = text.chars().count();
    let at = |place: usize, change: &dyn Fn(char) -> char| -> String {
        text.chars().enumerate().map(|(i, c)| if i == place { change(c) } else { c }).collect()
    };
    let other = |c: char| match c {
        'a' => 'b',
        '0'..='8' | 'A'..='Y' | 'b'..='y' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        '9' => '0',
        'Z' => 'A',
        _ => 'a',
    };
    Some(match filter {
        // One character short.
        "short" => text.chars().take(count - 1).collect(),
        // One character too many.
        "long" => format!("{text}7"),
        // A character of the first half is another: no checksum holds.
        "flip" => at(count / 4 + 3, &other),
        // As logs mask it.
        "mask" => text.chars().enumerate().map(|(i, c)| if i < 6 { c } else { '*' }).collect(),
        "dots" => text.chars().take(8).collect::<String>() + "...",
        // The vendor's beginning, and one letter over and over.
        "fill" => text.chars().enumerate().map(|(i, c)| if i < 4 { c } else { 'x' }).collect(),
        "head" => text.chars().take(count / 2).collect(),
        _ => return None,
    })
}

/// Base64, with the marks at the characters that hold the marked bytes.
fn encoded(text: &str, filter: &str) -> String {
    let mut bytes = Vec::new();
    let mut marks: Vec<(usize, char)> = Vec::new();
    for character in text.chars() {
        if is_mark(character) {
            let at = bytes.len() * 4;
            marks.push((if character == END { at.div_ceil(3) } else { at / 3 }, character));
        } else {
            let coding =
                if filter == "b64u16" { Coding::Utf16 { little: true, mark: false } } else { Coding::Plain };
            push(&mut bytes, character, coding);
        }
    }
    let text = base64(&bytes);
    let text = if filter == "b64nopad" { text.trim_end_matches('=') } else { &text };
    let mut out = String::new();
    let mut marks = marks.into_iter().peekable();
    for (at, character) in text.chars().enumerate() {
        while let Some((_, mark)) = marks.next_if(|(place, _)| *place <= at) {
            out.push(mark);
        }
        out.push(character);
        if filter == "b64wrap" && at % 76 == 75 {
            out.push('\n');
        }
    }
    out.extend(marks.map(|(_, mark)| mark));
    out
}
