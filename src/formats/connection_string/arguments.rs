//! User and password as the arguments after a server's name:
//! `new PDO("mysql:host=h;dbname=d", "user", "password")`,
//! `mysqli_connect("h", "user", "password", "d")`,
//! `DriverManager.getConnection("jdbc:…", "user", "password")`; and before it:
//! `oracledb.connect("user", "password", "h/service")`,
//! `new Sequelize("d", "user", "password", { host: "h" })`.
//!
//! Sources: the PHP manual (`PDO::__construct`, `mysqli::__construct`), the
//! documentation of `java.sql.DriverManager`, of Perl's DBI, python-oracledb and
//! Sequelize.

use std::ops::Range;

use super::{ConnectionString, Key, MAX_SIDE, Value, data_source_prefix, pair_form, url};

/// Reads the arguments of the call in whose first argument `at` stands.
pub(super) fn read(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_SIDE);
    let right = at.saturating_add(MAX_SIDE).min(text.len());
    let window = text.get(left..right)?;
    let place = at.saturating_sub(left);
    let Range { start, end } = string_around(window, place)?;
    let called = is_called(window.get(..start.saturating_sub(1))?.trim_ascii_end());
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
    Some(moved(ConnectionString { span: start..next, scheme, pairs }, left))
        .filter(|found| found.names_server_at(at))
}

/// Reads the arguments after the variable that is set to the string `at` stands in:
/// `url = "jdbc:…"; getConnection(url, "user", "password")`.
pub(super) fn read_variable(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_CALL);
    let right = at.saturating_add(MAX_SIDE).min(text.len());
    let window = text.get(left..right)?;
    let place = at.saturating_sub(left);
    let Range { start, end } = string_around(window, place)?;
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let before = window.get(..start.saturating_sub(1))?.trim_ascii_end().strip_suffix(b"=")?.trim_ascii_end();
    let length = before.iter().rev().take_while(|byte| in_name(byte)).count();
    let name = before.get(before.len().checked_sub(length)?..).filter(|name| !name.is_empty())?;
    let after = window.get(end..)?;
    let found = memchr::memmem::find_iter(after, name).find_map(|found| {
        let first = end.saturating_add(found);
        let argument_before = window.get(..first)?.trim_ascii_end();
        if !argument_before.ends_with(b"(") && !argument_before.ends_with(b",") {
            return None;
        }
        let (user, next) = argument(window, first.saturating_add(name.len()))?;
        let (password, next) = argument(window, next)?;
        Some((user, password, next))
    });
    let (user, password, next) = found?;
    let (mut pairs, scheme) = match url::read(window.get(..place)?, window.get(place..end)?, 0) {
        Some(found) => (found.pairs, found.scheme),
        None if data_source_prefix(window.get(start..end)?).is_some() => {
            (pair_form(window, place, 0)?.pairs, None)
        }
        None => (vec![(Key::Server, value(window, start..end))], None),
    };
    pairs.push((Key::User, value(window, user)));
    pairs.push((Key::Password, value(window, password)));
    Some(moved(ConnectionString { span: start..next, scheme, pairs }, left))
        .filter(|found| found.names_server_at(at))
}

/// The content of the string that `place` stands in, which is on one line up to there.
fn string_around(window: &[u8], place: usize) -> Option<Range<usize>> {
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    let open = window.get(..place)?.iter().rposition(|byte| is_quote(byte) || *byte == b'\n')?;
    let quote = *window.get(open).filter(|byte| is_quote(byte))?;
    let end = place.saturating_add(memchr::memchr(quote, window.get(place..)?)?);
    Some(open.saturating_add(1)..end)
}

/// What was read of a window that begins at `left`.
fn moved(mut found: ConnectionString, left: usize) -> ConnectionString {
    let by = |span: &Range<usize>| span.start.saturating_add(left)..span.end.saturating_add(left);
    found.span = by(&found.span);
    for (_, value) in &mut found.pairs {
        value.span = by(&value.span);
    }
    found
}

/// Whether the first argument, or the one after a handle, follows:
/// `mysqli_connect(`, `mysqli_real_connect($handle,`.
fn is_called(before: &[u8]) -> bool {
    let Some(handle) = before.strip_suffix(b",") else { return before.ends_with(b"(") };
    let name = handle.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"$_->".contains(byte));
    let name = name.count();
    name > 0 && handle.get(..handle.len().saturating_sub(name)).is_some_and(|call| call.ends_with(b"("))
}

/// Calls whose arguments before the server are a login: their names, and which
/// argument the user is.
const CALLS_BEFORE: [(&[u8], usize); 2] = [(b"sequelize", 1), (b"connect", 0)];
/// How far before the server such a call begins.
const MAX_CALL: usize = 400;

/// Reads the arguments before the server that `at` stands in.
pub(super) fn read_before(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_CALL);
    let right = at.saturating_add(MAX_SIDE).min(text.len());
    let window = text.get(left..right)?;
    let place = at.saturating_sub(left);
    let open = memchr::memrchr(b'(', window.get(..place)?)?;
    let called = window.get(..open)?;
    let (_, index) = CALLS_BEFORE.iter().find(|(name, _)| {
        let start = called.len().checked_sub(name.len());
        start.and_then(|start| called.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(name))
    })?;
    let mut arguments = Vec::new();
    let mut next = open.saturating_add(1);
    while arguments.len() < 3 {
        let (span, end) = if arguments.is_empty() { quoted(window, next)? } else { argument(window, next)? };
        next = end;
        arguments.push(span);
        if next > place {
            break;
        }
    }
    let user = arguments.get(*index)?.clone();
    let password = arguments.get(index.saturating_add(1))?.clone();
    let server = match index {
        0 => arguments.get(2).filter(|server| server.contains(&place))?.clone(),
        _ => {
            // An object of options, in which no other call stands.
            let between = window.get(next..place)?;
            let in_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
            let options = between.trim_ascii_start().strip_prefix(b",")?.trim_ascii_start();
            if !options.starts_with(b"{") || between.contains(&b';') {
                return None;
            }
            let lead = between.iter().rev().take_while(|byte| in_host(byte)).count();
            let length = window.get(place..)?.iter().take_while(|byte| in_host(byte)).count();
            place.saturating_sub(lead)..place.saturating_add(length)
        }
    };
    let pairs = vec![
        (Key::Server, value(window, server)),
        (Key::User, value(window, user)),
        (Key::Password, value(window, password)),
    ];
    Some(moved(ConnectionString { span: open..next, scheme: None, pairs }, left))
}

fn value(window: &[u8], span: Range<usize>) -> Value {
    Value { bytes: window.get(span.clone()).unwrap_or_default().to_vec(), span }
}

/// A quoted argument after a comma, and where what follows it begins.
fn argument(window: &[u8], from: usize) -> Option<(Range<usize>, usize)> {
    let comma = skip_blanks(window, from);
    if window.get(comma) != Some(&b',') {
        return None;
    }
    quoted(window, comma.saturating_add(1))
}

fn skip_blanks(window: &[u8], at: usize) -> usize {
    let rest = window.get(at..).unwrap_or_default();
    at.saturating_add(rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
}

/// A quoted argument, and where what follows it begins.
fn quoted(window: &[u8], from: usize) -> Option<(Range<usize>, usize)> {
    let open = skip_blanks(window, from);
    let quote = *window.get(open).filter(|byte| matches!(byte, b'"' | b'\''))?;
    let first = open.saturating_add(1);
    let length = memchr::memchr2(quote, b'\n', window.get(first..)?)?;
    let last = first.saturating_add(length);
    (window.get(last) == Some(&quote)).then_some((first..last, last.saturating_add(1)))
}
