//! User and password as the arguments after a server's name:
//! `new PDO("mysql:host=h;dbname=d", "user", "password")`,
//! `mysqli_connect("h", "user", "password", "d")`,
//! `DriverManager.getConnection("jdbc:…", "user", "password")`.
//!
//! Sources: the PHP manual (`PDO::__construct`, `mysqli::__construct`), the
//! documentation of `java.sql.DriverManager` and of Perl's DBI.

use std::ops::Range;

use super::{ConnectionString, Key, MAX_SIDE, Value, data_source_prefix, pair_form, url};

/// Reads the arguments of the call in whose first argument `at` stands.
pub(super) fn read(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_SIDE);
    let right = at.saturating_add(MAX_SIDE).min(text.len());
    let window = text.get(left..right)?;
    let place = at.saturating_sub(left);
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    let open = window.get(..place)?.iter().rposition(|byte| is_quote(byte) || *byte == b'\n')?;
    let quote = *window.get(open).filter(|byte| is_quote(byte))?;
    let called = window.get(..open)?.trim_ascii_end().ends_with(b"(");
    let start = open.saturating_add(1);
    let end = place.saturating_add(memchr::memchr(quote, window.get(place..)?)?);
    let content = window.get(start..end)?;
    let (user, next) = argument(window, end.saturating_add(1))?;
    let (password, next) = argument(window, next)?;
    let mut pairs = Vec::new();
    let mut scheme = None;
    if data_source_prefix(content).is_some() {
        pairs = pair_form(window, place, 0)?.pairs;
        let driver = content.split(|byte| *byte == b':').next().unwrap_or_default();
        scheme = Some(String::from_utf8_lossy(driver).to_ascii_lowercase());
    } else if memchr::memmem::find(content, b"://").is_some() {
        let found = url::read(window.get(..place)?, window.get(place..end)?, 0)?;
        (pairs, scheme) = (found.pairs, found.scheme);
    } else if called && content.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-:,\\".contains(byte)) {
        pairs.push((Key::Server, value(window, start..end)));
        if let Some((database, _)) = argument(window, next) {
            pairs.push((Key::Database, value(window, database)));
        }
    }
    pairs.push((Key::User, value(window, user)));
    pairs.push((Key::Password, value(window, password)));
    for (_, value) in &mut pairs {
        value.span = value.span.start.saturating_add(left)..value.span.end.saturating_add(left);
    }
    let span = left.saturating_add(start)..left.saturating_add(next);
    Some(ConnectionString { span, scheme, pairs }).filter(|found| found.names_server_at(at))
}

fn value(window: &[u8], span: Range<usize>) -> Value {
    Value { bytes: window.get(span.clone()).unwrap_or_default().to_vec(), span }
}

/// A quoted argument after a comma, and where what follows it begins.
fn argument(window: &[u8], from: usize) -> Option<(Range<usize>, usize)> {
    let skip_blanks = |at: usize| {
        let rest = window.get(at..).unwrap_or_default();
        at.saturating_add(rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
    };
    let comma = skip_blanks(from);
    if window.get(comma) != Some(&b',') {
        return None;
    }
    let open = skip_blanks(comma.saturating_add(1));
    let quote = *window.get(open).filter(|byte| matches!(byte, b'"' | b'\''))?;
    let first = open.saturating_add(1);
    let length = memchr::memchr2(quote, b'\n', window.get(first..)?)?;
    let last = first.saturating_add(length);
    (window.get(last) == Some(&quote)).then_some((first..last, last.saturating_add(1)))
}
