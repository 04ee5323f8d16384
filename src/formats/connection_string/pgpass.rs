//! Lines of `.pgpass`: `host:port:database:user:password`, with `\:` and `\\`, and
//! `*` for any. Source: the PostgreSQL manual, "The Password File".

use super::{ConnectionString, Key, Value};

/// The longest line.
const MAX_LINE: usize = 1024;

/// Reads the line in whose host `at` stands.
pub(super) fn read(text: &[u8], at: usize) -> Option<ConnectionString> {
    around(text, at).filter(|found| found.names_server_at(at))
}

/// Reads the line that holds `at`.
pub(super) fn around(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_LINE);
    let right = at.saturating_add(MAX_LINE).min(text.len());
    let before = memchr::memrchr(b'\n', text.get(left..at)?);
    let start = before.map_or(left, |newline| left.saturating_add(newline).saturating_add(1));
    let end = memchr::memchr(b'\n', text.get(at..right)?).map_or(right, |length| at.saturating_add(length));
    let line = text.get(start..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.first() == Some(&b'#') || line.iter().any(|byte| *byte < b' ') {
        return None;
    }
    let mut fields = Vec::with_capacity(5);
    let mut place = 0_usize;
    while fields.len() < 5 {
        let rest = line.get(place..)?;
        let mut bytes = Vec::new();
        let mut length = 0_usize;
        while let Some(byte) = rest.get(length).copied() {
            // A password may hold colons: it is the last field.
            if byte == b':' && fields.len() < 4 {
                break;
            }
            let escaped = rest.get(length.saturating_add(1)).copied();
            let escaped = escaped.filter(|next| byte == b'\\' && matches!(next, b':' | b'\\'));
            bytes.push(escaped.unwrap_or(byte));
            length = length.saturating_add(if escaped.is_some() { 2 } else { 1 });
        }
        let first = start.saturating_add(place);
        fields.push(Value { bytes, span: first..first.saturating_add(length) });
        place = place.saturating_add(length).saturating_add(1);
    }
    let [host, port, database, user, password] = <[Value; 5]>::try_from(fields).ok()?;
    let any = |value: &Value| value.bytes == b"*";
    let is_name = |value: &Value| {
        !value.bytes.is_empty()
            && value.bytes.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'<>{}()".contains(byte))
    };
    let is_port = any(&port) || !port.bytes.is_empty() && port.bytes.iter().all(u8::is_ascii_digit);
    if !is_port || ![&host, &database, &user].into_iter().all(is_name) || password.bytes.is_empty() {
        return None;
    }
    let known = |key: Key, value: Value| (!any(&value)).then_some((key, value));
    let pairs = [
        known(Key::Server, host),
        known(Key::Port, port),
        known(Key::Database, database),
        known(Key::User, user),
        Some((Key::Password, password)),
    ];
    let span = start..start.saturating_add(line.len());
    Some(ConnectionString {
        span,
        scheme: Some("postgresql".to_owned()),
        pairs: pairs.into_iter().flatten().collect(),
    })
}
