//! Data source names of the MySQL driver of Go: `user:password@tcp(host:3306)/db`.
//!
//! Source: github.com/go-sql-driver/mysql, "DSN (Data Source Name)". The password
//! is not escaped and may hold any mark; the last `@` ends it.

use super::{ConnectionString, Key, Value};

/// The longest user with password.
const MAX_LOGIN: usize = 256;
/// The longest address and name of a database.
const MAX_ADDRESS: usize = 320;

/// Reads the name in whose host `at` stands.
pub(super) fn read(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_ADDRESS);
    let in_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let host = text.get(left..at)?.iter().rev().take_while(|byte| in_host(byte)).count();
    let open = at.checked_sub(host)?.checked_sub(1)?;
    if text.get(open) != Some(&b'(') {
        return None;
    }
    let before = text.get(..open)?;
    let network = before.iter().rev().take(16).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let mark = open.checked_sub(network)?.checked_sub(1)?;
    if network == 0 || text.get(mark) != Some(&b'@') {
        return None;
    }
    let window = text.get(mark.saturating_sub(MAX_LOGIN)..mark)?;
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'=');
    let start = window.iter().rposition(ends).map_or(0, |place| place.saturating_add(1));
    let first = mark.saturating_sub(window.len()).saturating_add(start);
    let login = text.get(first..mark)?;
    let colon = memchr::memchr(b':', login)?;
    let rest = text.get(at..text.len().min(at.saturating_add(MAX_ADDRESS)))?;
    let close = memchr::memchr(b')', rest)?;
    let name = rest.get(close.saturating_add(1)..)?.strip_prefix(b"/")?;
    let name = name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count();
    let close = at.saturating_add(close);
    let database = close.saturating_add(2);
    let end = database.saturating_add(name);
    let value = |key: Key, from: usize, to: usize| {
        Some((key, Value { bytes: text.get(from..to)?.to_vec(), span: from..to }))
    };
    let pairs = [
        value(Key::Server, open.saturating_add(1), close)?,
        value(Key::User, first, first.saturating_add(colon))?,
        value(Key::Password, first.saturating_add(colon).saturating_add(1), mark)?,
        value(Key::Database, database, end)?,
    ];
    Some(ConnectionString { span: first..end, scheme: Some("mysql".to_owned()), pairs: pairs.into() })
}
