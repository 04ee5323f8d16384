//! A tolerant reader of PEM armour (RFC 7468, and RFC 1421 headers as OpenSSL
//! writes them).
//!
//! Keys lie on disks inside JSON, YAML, `.env` files, source code and XML, so the
//! body may have CRLF, any wrapping, indentation, comment or quotation marks at
//! line starts, blanks instead of line breaks, escaped line breaks (`\n`, `\\n`,
//! `\r\n`, `&#10;`, `%0A`), escaped base64 (`\/`, `\u002B`), and string literals
//! that are put together (`"…" +` on each line). The base64 itself is strict.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;
use thiserror::Error;

/// The most bytes of armour that are read. A key of 16384 bits, the largest that
/// OpenSSH takes, has 12.8 KB; the rest is room for indentation and escapes.
pub const MAX_ARMOUR: usize = 64 * 1024;
/// The longest label.
const MAX_LABEL: usize = 64;
/// How far apart two parts of a literal that is put together may be.
const MAX_GAP: usize = 128;

/// Base64 whose padding may be missing and whose last bits may be anything.
const LENIENT_END: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why armour could not be read. No content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// No `-----BEGIN LABEL-----`, or no end with the same label.
    #[error("not a complete PEM block")]
    Incomplete,
    /// More than [`MAX_ARMOUR`] bytes.
    #[error("PEM block longer than {MAX_ARMOUR} bytes")]
    TooLong,
    /// Something stands in the body that is neither base64 nor one of the things
    /// that stand around it.
    #[error("the body of the PEM block is not base64")]
    NotBase64,
}

/// A decoded block.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The words between `BEGIN` and the dashes.
    pub label: String,
    /// Headers in order: `Proc-Type`, `DEK-Info`.
    pub headers: Vec<(String, String)>,
    /// The decoded body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pem({}, {} bytes)", self.label, self.body.len())
    }
}

impl Pem {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads the first block in the text.
///
/// # Errors
///
/// There is no complete block, or its body is not base64.
pub fn parse(text: &[u8]) -> Result<Pem, PemError> {
    let begin = memmem::find(text, b"-----BEGIN ").ok_or(PemError::Incomplete)?;
    let text = text.get(begin.saturating_add(11)..).unwrap_or_default();
    let label_room = text.get(..text.len().min(MAX_LABEL)).unwrap_or_default();
    let label_end = memmem::find(label_room, b"-----").ok_or(PemError::Incomplete)?;
    let label = text.get(..label_end).unwrap_or_default();
    let text = text.get(label_end.saturating_add(5)..).unwrap_or_default();
    let room = text.get(..text.len().min(MAX_ARMOUR)).unwrap_or_default();
    let end = memmem::find(room, b"-----END ").ok_or(if text.len() > MAX_ARMOUR {
        PemError::TooLong
    } else {
        PemError::Incomplete
    })?;
    let after = text.get(end.saturating_add(9)..).unwrap_or_default();
    if !after.starts_with(label) || !after.get(label.len()..).is_some_and(|rest| rest.starts_with(b"-----")) {
        return Err(PemError::Incomplete);
    }
    let label = std::str::from_utf8(label).map_err(|_| PemError::Incomplete)?.to_owned();
    let plain = undo_escapes(text.get(..end).unwrap_or_default());
    let (headers, rest) = read_headers(&plain);
    let body = decode_body(rest)?;
    Ok(Pem { label, headers, body })
}

/// Decodes what there is of a body: from its first byte, which stands after the
/// label if there is one, to the first thing that cannot stand in a body. Headers of
/// encryption give none: then nothing of the key can be read.
#[must_use]
pub(crate) fn parse_cut(body: &[u8]) -> Option<Vec<u8>> {
    let plain = undo_escapes(body.get(..body.len().min(MAX_ARMOUR)).unwrap_or_default());
    let (headers, rest) = read_headers(&plain);
    if !headers.is_empty() {
        return None;
    }
    let mut code = Vec::with_capacity(rest.len());
    let _ = collect_code(rest, &mut code);
    let padding = memchr::memchr(b'=', &code).unwrap_or(code.len());
    code.truncate(padding);
    // One digit alone holds no whole byte.
    if code.len().checked_rem(4) == Some(1) {
        code.pop();
    }
    LENIENT_END.decode(&code).ok()
}

/// Turns escapes into what they stand for. Any number of backslashes counts as
/// one, since a key in JSON in YAML has its line breaks escaped twice.
fn undo_escapes(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut at = 0_usize;
    while let Some(rest) = body.get(at..).filter(|rest| !rest.is_empty()) {
        let (byte, used) = match rest {
            [b'\\', ..] => {
                let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
                let after = rest.get(slashes..).unwrap_or_default();
                let (byte, used) = match after {
                    [b'n' | b'r' | b't', ..] => (b'\n', 1),
                    [b'u', digits @ ..] => (hex_byte(digits.get(..4)).unwrap_or(b'\\'), 5),
                    [b'x', digits @ ..] => (hex_byte(digits.get(..2)).unwrap_or(b'\\'), 3),
                    [other, ..] => (*other, 1),
                    [] => (b'\n', 0),
                };
                (byte, slashes.saturating_add(used))
            }
            [b'&', b'#', b'1', b'0' | b'3', b';', ..] => (b'\n', 5),
            [b'&', b'#', b'x', b'A' | b'a' | b'D' | b'd', b';', ..] => (b'\n', 5),
            [b'%', digits @ ..] => hex_byte(digits.get(..2)).map_or((b'%', 1), |byte| (byte, 3)),
            [byte, ..] => (*byte, 1),
            [] => break,
        };
        out.push(byte);
        at = at.saturating_add(used);
    }
    out
}

fn hex_byte(digits: Option<&[u8]>) -> Option<u8> {
    let digits = std::str::from_utf8(digits?).ok().filter(|text| !text.starts_with('+'))?;
    u8::try_from(u32::from_str_radix(digits, 16).ok()?).ok()
}

/// Reads the two headers that OpenSSL writes, on lines of their own or, where
/// line breaks were lost, in a row. Returns what follows them.
fn read_headers(plain: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let mut headers = Vec::new();
    let mut rest = plain;
    loop {
        // Where no header follows, nothing is skipped: a plus may be base64.
        let skips =
            |byte: u8| is_filler(byte) || joins(byte) || is_quote(byte) || matches!(byte, b'/' | b'!');
        let start = rest.iter().take_while(|byte| skips(**byte)).count();
        let line = rest.get(start..).unwrap_or_default();
        let Some(name) = [&b"Proc-Type"[..], b"DEK-Info"]
            .into_iter()
            .find(|name| line.starts_with(name) && line.get(name.len()) == Some(&b':'))
        else {
            return (headers, rest);
        };
        let value = line.get(name.len().saturating_add(1)..).unwrap_or_default();
        let blanks = value.iter().take_while(|byte| **byte == b' ').count();
        let value = value.get(blanks..).unwrap_or_default();
        let length = value.iter().take_while(|byte| byte.is_ascii_graphic() && !is_quote(**byte)).count();
        let (value, after) = value.split_at_checked(length).unwrap_or((value, &[]));
        headers.push((text(name), text(value)));
        rest = after;
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// White space and what comes before the lines of a quoted or commented key.
fn is_filler(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'#' | b'>' | b'*' | b'|')
}

/// The length of `//`, `///` or `//!` with the blanks around it at a line's start.
fn comment_before(line: &[u8]) -> usize {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let lead = line.iter().take_while(blank).count();
    let rest = line.get(lead..).unwrap_or_default();
    let mark = match rest {
        [b'/', b'/', b'/' | b'!', ..] => 3,
        [b'/', b'/', ..] => 2,
        _ => return 0,
    };
    let after = rest.get(mark..).unwrap_or_default();
    match after.first() {
        Some(b' ' | b'\t') => {
            let gap = after.iter().take_while(blank).count();
            lead.saturating_add(mark).saturating_add(gap)
        }
        // An empty comment line.
        Some(b'\n' | b'\r') | None => lead.saturating_add(mark),
        Some(_) => 0,
    }
}

/// What stands between the literals of which a text is put together.
fn joins(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"+.,&()_\\#".contains(&byte)
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Collects the base64 and decodes it.
fn decode_body(body: &[u8]) -> Result<Vec<u8>, PemError> {
    let mut code = Vec::with_capacity(body.len());
    collect_code(body, &mut code)?;
    LENIENT_END.decode(&code).map_err(|_| PemError::NotBase64)
}

/// Collects the base64 up to its end, or to something that cannot be in a body,
/// which is an error.
fn collect_code(body: &[u8], code: &mut Vec<u8>) -> Result<(), PemError> {
    let mut at = 0_usize;
    while let Some(byte) = body.get(at).copied() {
        at = at.saturating_add(1);
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => code.push(byte),
            _ if is_quote(byte) => {
                let gap =
                    gap_after_quote(body.get(at..).unwrap_or_default(), byte).ok_or(PemError::NotBase64)?;
                at = at.saturating_add(gap);
            }
            // `// ` before a line that is commented out: no base64 line has blanks.
            b'\n' if comment_before(body.get(at..).unwrap_or_default()) > 0 => {
                at = at.saturating_add(comment_before(body.get(at..).unwrap_or_default()));
            }
            // A list of lines as in YAML or JSON: the comma after a closing quote
            // is in the gap; one without quotes is tolerated here.
            _ if is_filler(byte) || byte == b',' => {}
            _ => return Err(PemError::NotBase64),
        }
    }
    Ok(())
}

/// After a quote: how many bytes until the literal goes on. Between the two
/// quotes only white space and joining operators may stand. A quote that opens
/// the first literal or closes the last one has no partner.
fn gap_after_quote(rest: &[u8], quote: u8) -> Option<usize> {
    let room = rest.get(..rest.len().min(MAX_GAP)).unwrap_or_default();
    let length = room.iter().take_while(|byte| joins(**byte)).count();
    match room.get(length) {
        Some(byte) if *byte == quote => length.checked_add(1),
        None => Some(length),
        // The first literal begins right here.
        Some(_) if length == 0 => Some(0),
        Some(_) if room.iter().take(length).all(u8::is_ascii_whitespace) => Some(length),
        Some(_) => None,
    }
}
