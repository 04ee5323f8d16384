//! URLs of servers: `scheme://user:password@host:port/database?name=value`, those
//! of JDBC drivers, and Oracle's `user/password@host:port/service`.
//!
//! Sources: RFC 3986 section 3.2.1, RFC 1738 (several hosts as `MongoDB` and libpq
//! write them), the manuals of the JDBC drivers of PostgreSQL, MySQL, Db2, Hive and
//! Oracle. A password with a raw `@` ends at the last one before the path.

use std::ops::Range;

use super::{ConnectionString, Key, MAX_PAIRS, MAX_SIDE, Value, key_of};
use crate::formats::escape::{Escapes, unescape};

/// A byte that no URL holds where files keep it.
fn stops(byte: u8) -> bool {
    byte <= b' ' || b"\"'`<>".contains(&byte) || byte == 0x7f
}

/// Reads the URL. `after` begins inside the host, `before` ends there; `left` is
/// where `before` begins.
pub(super) fn read(before: &[u8], after: &[u8], left: usize) -> Option<ConnectionString> {
    let word = before.iter().rposition(|byte| stops(*byte)).map_or(0, |at| at.saturating_add(1));
    let scheme_end = word.saturating_add(memchr::memmem::rfind(before.get(word..)?, b"://")?);
    let in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.:".contains(byte);
    let scheme = before.get(word..scheme_end)?.iter().rev().take_while(|byte| in_scheme(byte)).count();
    let start = scheme_end.saturating_sub(scheme);
    let head = before.get(start..)?;
    let name = String::from_utf8_lossy(head.get(..scheme)?).to_ascii_lowercase();
    // The driver of SQL Server has its own grammar, that of pairs.
    if name.starts_with("jdbc:") && name.ends_with("sqlserver") {
        return None;
    }
    let authority = scheme.saturating_add(3);
    let login_and_host = head.get(authority..)?;
    if memchr::memchr2(b'/', b'?', login_and_host).is_some() {
        return None;
    }
    let host_end =
        after.iter().position(|byte| stops(*byte) || b"/?#;\\".contains(byte)).unwrap_or(after.len());
    let length = after.iter().position(|byte| stops(*byte)).unwrap_or(after.len());
    let base = left.saturating_add(start);
    let mut found = Pairs { base, pairs: Vec::new() };
    let mut host_start = authority;
    if let Some(at_sign) = memchr::memrchr(b'@', login_and_host) {
        let login = login_and_host.get(..at_sign)?;
        match memchr::memchr(b':', login) {
            Some(colon) => {
                let password = colon.saturating_add(1);
                found.add(Key::User, login.get(..colon)?, authority);
                found.add(Key::Password, login.get(password..)?, authority.saturating_add(password));
            }
            None => found.add(Key::User, login, authority),
        }
        host_start = authority.saturating_add(at_sign).saturating_add(1);
    }
    // Of several hosts the one that was asked for comes first.
    let hosts_before = head.get(host_start..)?;
    let own_start = memchr::memrchr(b',', hosts_before).map_or(0, |comma| comma.saturating_add(1));
    let own_end = memchr::memchr(b',', after.get(..host_end)?).unwrap_or(host_end);
    let host = [hosts_before.get(own_start..)?, after.get(..own_end)?].concat();
    found.add(Key::Server, &host, host_start.saturating_add(own_start));
    let rest = after.get(host_end..length)?;
    let rest_start = head.len().saturating_add(host_end);
    // What a page is asked for is no login.
    let page = matches!(name.as_str(), "http" | "https" | "ws" | "wss");
    if page && found.pairs.len() < 2 {
        return None;
    }
    if !page {
        path_and_parameters(&mut found, rest, rest_start);
    }
    let end = base.saturating_add(head.len()).saturating_add(length);
    Some(ConnectionString { span: base..end, scheme: Some(name), pairs: found.pairs })
}

/// Pairs with their places.
struct Pairs {
    base: usize,
    pairs: Vec<(Key, Value)>,
}

impl Pairs {
    /// Adds a value that begins at `from` after the base.
    fn add(&mut self, key: Key, raw: &[u8], from: usize) {
        let first = self.base.saturating_add(from);
        let escapes = Escapes { percent: true, xml: true, backslash: false };
        let bytes = unescape(raw, escapes).bytes.into_owned();
        self.pairs.push((key, Value { bytes, span: first..first.saturating_add(raw.len()) }));
    }
}

/// `/database?name=value&name=value`, with `;` or `:` before the names in some.
fn path_and_parameters(found: &mut Pairs, rest: &[u8], start: usize) {
    let mut at = 0_usize;
    if rest.first() == Some(&b'/') {
        let path = rest.get(1..).unwrap_or_default();
        // Db2: `/database:user=x;password=y;`.
        let end = path.iter().position(|byte| b"?#;:".contains(byte)).unwrap_or(path.len());
        found.add(Key::Database, path.get(..end).unwrap_or_default(), start.saturating_add(1));
        at = end.saturating_add(1);
    }
    while let Some(part) = rest.get(at..).filter(|part| !part.is_empty() && found.pairs.len() < MAX_PAIRS) {
        let length = memchr::memchr3(b'&', b';', b'?', part).unwrap_or(part.len());
        // The first mark stands before the first name.
        let pair = part.get(..length).unwrap_or_default();
        let skipped = pair.iter().take_while(|byte| **byte == b':').count();
        if let Some(equals) = memchr::memchr(b'=', pair)
            && let Some(key) = key_of(pair.get(skipped..equals).unwrap_or_default())
        {
            let value = equals.saturating_add(1);
            let from = start.saturating_add(at).saturating_add(value);
            found.add(key, pair.get(value..).unwrap_or_default(), from);
        }
        at = at.saturating_add(length).saturating_add(1);
    }
}

/// Programs of Oracle that take `user/password@host` as an argument, and its driver.
const ORACLE_PROGRAMS: [&[u8]; 9] =
    [b"sqlplus ", b"sqlldr ", b"rman ", b"expdp ", b"impdp ", b"exp ", b"imp ", b"sql ", b"jdbc:oracle:"];

/// Where the last of these stands in a line, as a word.
fn oracle_program(line: &[u8]) -> Option<usize> {
    let word =
        |at: usize| at.checked_sub(1).and_then(|before| line.get(before)).is_none_or(|byte| !is_user(*byte));
    let places = ORACLE_PROGRAMS.iter().filter_map(|program| memchr::memmem::rfind(line, program));
    places.filter(|at| word(*at)).max()
}

/// Oracle's form, with the host as EZ connect (`//host:1521/service`), with a SID
/// (`host:1521:SID`) or in a TNS descriptor.
pub(super) fn oracle(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_SIDE);
    let before = text.get(left..at)?;
    let line = before.iter().rposition(|byte| *byte < b' ').map_or(0, |at| at.saturating_add(1));
    let head = before.get(line..)?;
    let program = oracle_program(head)?;
    let at_sign = memchr::memrchr(b'@', head).filter(|at_sign| *at_sign > program)?;
    let login = head.get(program..at_sign)?;
    let slash = memchr::memchr(b'/', login)?;
    let user_start =
        login.get(..slash)?.iter().rposition(|byte| !is_user(*byte)).map_or(0, |at| at.saturating_add(1));
    let base = left.saturating_add(line);
    let mut found = Pairs { base, pairs: Vec::new() };
    let raw = |key: Key, range: Range<usize>, pairs: &mut Pairs| {
        let bytes = head.get(range.clone()).unwrap_or_default().to_vec();
        let span = base.saturating_add(range.start)..base.saturating_add(range.end);
        pairs.pairs.push((key, Value { bytes, span }));
    };
    raw(Key::User, program.saturating_add(user_start)..program.saturating_add(slash), &mut found);
    let mut password = program.saturating_add(slash).saturating_add(1)..at_sign;
    let quoted = head
        .get(password.clone())
        .is_some_and(|word| word.len() > 2 && word.starts_with(b"\"") && word.ends_with(b"\""));
    if quoted {
        password = password.start.saturating_add(1)..password.end.saturating_sub(1);
    }
    if head.get(password.clone())?.iter().any(|byte| stops(*byte)) {
        return None;
    }
    raw(Key::Password, password, &mut found);
    let after = text.get(at..at.saturating_add(MAX_SIDE).min(text.len()))?;
    let host_end =
        after.iter().position(|byte| stops(*byte) || b"/:?)".contains(byte)).unwrap_or(after.len());
    let host_start =
        head.iter().rposition(|byte| b"@/(=,".contains(byte)).map_or(0, |at| at.saturating_add(1));
    let host = [head.get(host_start..)?, after.get(..host_end)?].concat();
    found.add(Key::Server, &host, host_start);
    let rest_start = head.len().saturating_add(host_end);
    let rest = after.get(host_end..)?;
    let end = rest.iter().position(|byte| stops(*byte)).unwrap_or(rest.len());
    let rest = rest.get(..end)?;
    if memchr::memchr(b'(', head.get(at_sign..)?).is_some() {
        for (name, key) in
            [(&b"PORT="[..], Key::Port), (b"SERVICE_NAME=", Key::Database), (b"SID=", Key::Database)]
        {
            if let Some(place) = memchr::memmem::find(rest, name) {
                let first = place.saturating_add(name.len());
                let value = rest.get(first..)?;
                let length = memchr::memchr(b')', value).unwrap_or(value.len());
                found.add(key, value.get(..length)?, rest_start.saturating_add(first));
            }
        }
    } else if let Some(port) = rest.strip_prefix(b":") {
        let length = port.iter().take_while(|byte| byte.is_ascii_digit()).count();
        found.add(Key::Port, port.get(..length)?, rest_start.saturating_add(1));
        let name = length.saturating_add(2);
        found.add(Key::Database, rest.get(name..).unwrap_or_default(), rest_start.saturating_add(name));
    }
    let span = base.saturating_add(program)..base.saturating_add(rest_start).saturating_add(end);
    Some(ConnectionString { span, scheme: Some("oracle".to_owned()), pairs: found.pairs })
}

fn is_user(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_$#.".contains(&byte)
}
