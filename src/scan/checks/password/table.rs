//! Passwords in the rows of a table ([`crate::formats::table`]), and in the lines of
//! a list of accounts.

use std::borrow::Cow;
use std::ops::Range;

use super::super::hit_more;
use super::super::{Hit, Refusal, accept, sample};
use super::value::{Kind, judge_alone};
use super::{is_text, is_user};
use crate::formats::connection_string::{Value, host_of};
use crate::formats::settings::role::{Named, Role};
use crate::formats::table::Table;
use crate::scan::hit::Further;

/// The match stands in the name of a column that holds passwords, beside one of
/// users or servers: each row's password is a secret.
pub(in super::super) fn check(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    accept(is_text(hit), "not text")?;
    // The match ends with the name, or with the tag that closes its cell.
    let matched = hit.matched();
    let name = matched.strip_suffix(b"</t").unwrap_or(matched).trim_ascii_end();
    let at = hit.span.start.saturating_add(name.len()).saturating_sub(1);
    let table = Table::below(hit.text, at).ok_or(Refusal("no table"))?;
    let name = table.header.get(table.column).map(String::as_str).unwrap_or_default();
    let is_password = Named::of(name).is_some_and(|named| named.role == Role::Password);
    accept(is_password || name == "secret", "the name of something else")?;
    let of = |role: Role| {
        let is_role = |name: &String| Named::of(name).is_some_and(|named| named.role == role);
        table.header.iter().position(is_role)
    };
    // The clients of `chap-secrets` are users.
    let clients = || table.header.iter().position(|name| name.eq_ignore_ascii_case("client"));
    let (users, servers) = (of(Role::User).or_else(clients), of(Role::Server));
    accept(users.is_some() || servers.is_some(), "no column of users or servers")?;
    let cell = |row: &[Value], column: Option<usize>| {
        column.and_then(|column| row.get(column)).map(|cell| cell.text().into_owned()).unwrap_or_default()
    };
    let found = table.rows.iter().filter_map(|row| {
        let password = row.get(table.column)?;
        let user = cell(row, users);
        let named = |host: &String| host.contains(|letter: char| letter.is_ascii_alphanumeric());
        let server = host_of(&cell(row, servers)).filter(named).unwrap_or_default();
        let named = !user.is_empty() && is_user(&user);
        let kind = if named { Kind::Login } else { Kind::Setting };
        judge_alone(&password.bytes, kind).ok()?;
        // `Use=true` is a setting and no password.
        if password.bytes.ends_with(b"=true") || password.bytes.ends_with(b"=false") {
            return None;
        }
        let refused = sample::is_sample_login(&user, &password.bytes, &server)
            || sample::is_sample_host(&server)
            || sample::is_reference(user.as_bytes());
        let mut attributes: Vec<(Cow<'_, str>, String)> = Vec::new();
        attributes.extend(named.then(|| ("user".into(), user)));
        attributes.extend((!server.is_empty()).then(|| ("server".into(), server)));
        (!refused).then(|| further(hit.text, password, attributes))
    });
    let found: Vec<Further<'_>> = found.collect();
    hit_more(hit, found).ok_or(Refusal("no password in the rows"))
}

/// The longest name of an account.
const MAX_ACCOUNT: usize = 32;
/// The most accounts of a list.
const MAX_ACCOUNTS: usize = 32;

/// The secret is the password of the first of several lines `user:password`: those
/// of the others are secrets too.
pub(in super::super) fn check_list(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let mut at = hit.secret.end;
    let mut found = Vec::new();
    while found.len() < MAX_ACCOUNTS {
        let rest = hit.text.get(at..).unwrap_or_default();
        let Some(newline) = memchr::memchr(b'\n', rest) else { break };
        let first = at.saturating_add(newline).saturating_add(1);
        let rest = hit.text.get(first..).unwrap_or_default();
        let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default();
        let Some((user, password)) = account(line) else { break };
        at = first.saturating_add(line.len());
        let span = first.saturating_add(password.start)..first.saturating_add(password.end);
        let bytes = hit.text.get(span.clone()).unwrap_or_default().to_vec();
        if judge_alone(&bytes, Kind::Login).is_ok() {
            found.push(further(hit.text, &Value { bytes, span }, vec![("user".into(), user)]));
        }
    }
    hit.more.extend(found);
    Ok(())
}

/// An indented line `user:password`, which may begin with a dash: the user, and
/// where the password stands.
fn account(line: &[u8]) -> Option<(String, Range<usize>)> {
    let indent = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let entry = line.get(indent..)?;
    let marks = entry.iter().take_while(|byte| matches!(byte, b'-' | b' ' | b'"' | b'\'')).count();
    let start = indent.saturating_add(marks);
    let entry = line.get(start..)?.trim_ascii_end();
    let colon = memchr::memchr(b':', entry).filter(|colon| (1..=MAX_ACCOUNT).contains(colon))?;
    let user = entry.get(..colon)?;
    let password = entry.get(colon.saturating_add(1)..)?;
    let password = password.strip_suffix(b"\"").or_else(|| password.strip_suffix(b"'")).unwrap_or(password);
    let is_name = user.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    let bare = !password.is_empty() && !password.iter().any(u8::is_ascii_whitespace);
    let first = start.saturating_add(colon).saturating_add(1);
    (indent > 0 && is_name && bare)
        .then(|| (String::from_utf8_lossy(user).into_owned(), first..first.saturating_add(password.len())))
}

fn further<'t>(text: &[u8], value: &Value, attributes: Vec<(Cow<'t, str>, String)>) -> Further<'t> {
    let raw = text.get(value.span.clone()).unwrap_or_default();
    Further {
        secret: value.span.clone(),
        value: (raw != value.bytes).then(|| value.bytes.clone()),
        attributes,
    }
}
