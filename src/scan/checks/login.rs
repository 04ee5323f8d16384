//! Logins to servers: whose password, where, and to what. They are read from the
//! connection string, command line or settings around a match
//! ([`crate::formats::connection_string`], [`crate::formats::settings`]).

use std::ops::Range;

use super::azure_host::PRIVATE_LINK;
use super::placeholder::is_placeholder;
use super::{Hit, Refusal, accept, engine, password, sample};
use crate::formats::connection_string::{ConnectionString, Key, MAX_SIDE, Value, host_of, port_of};
use crate::formats::settings::role::{Named, Role, words};
use crate::formats::settings::{Setting, Settings, Syntax};
use crate::rules::ValueKind;

/// Ways to authenticate that take no password from the string.
const WITHOUT_PASSWORD: [&str; 6] =
    ["default", "managedidentity", "msi", "interactive", "integrated", "workloadidentity"];

/// A login as the text gives it.
#[derive(Default)]
struct Login {
    /// Lower case, without port.
    host: String,
    port: Option<u16>,
    database: String,
    user: String,
    engine: Option<&'static str>,
    authentication: String,
    password: Option<Value>,
    /// All that belongs to it.
    span: Range<usize>,
}

/// The match stands in the host of a login with a password.
pub(super) fn at_host(hit: &mut Hit<'_>, hosts: &[String]) -> Result<(), Refusal> {
    accept(mentions_password(hit), "no password around")?;
    let at = hit.span.start;
    let mut refusal = Refusal("no login around");
    for reading in ConnectionString::readings(hit.text, at).filter(|reading| reading.names_server_at(at)) {
        let judged = of_string(&reading).and_then(|login| judge(login, hosts));
        match judged.and_then(|login| filled_in(hit.text, login)) {
            Ok(login) => return take(hit, login),
            Err(found) => refusal = found,
        }
        // What says how it authenticates, or has a template for a password, is
        // complete; what only names a server may be one of several settings.
        if reading.get(Key::Password).is_some() || reading.get(Key::Integrated).is_some() {
            return Err(refusal);
        }
    }
    match of_settings(hit.text, at) {
        Some(login) => {
            let login = judge(login, hosts)?;
            take(hit, login)
        }
        None => Err(refusal),
    }
}

/// The match stands in a login: at the host of a URL when it ends in `@`, anywhere
/// in a string of pairs, a command line or a line of a password file otherwise.
pub(super) fn anywhere(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let matched = hit.matched();
    let ends_at_host = matched.ends_with(b"@");
    let scheme = memchr::memmem::find(matched, b"://");
    let at = match scheme {
        _ if ends_at_host => {
            let host = hit.text.get(hit.span.end..).unwrap_or_default();
            hit.span.end + host.iter().take_while(|byte| **byte == b'/').count()
        }
        Some(scheme) => hit.span.start + scheme + 3,
        None => hit.span.start,
    };
    // A function's arguments, after the start of the server's name.
    let calls = matched.last().is_some_and(|byte| matches!(byte, b'=' | b'"' | b'\'' | b'/'));
    let after = hit.span.end
        + hit.text.get(hit.span.end..).unwrap_or_default().iter().take_while(|byte| **byte == b' ').count();
    let has_password = |found: &ConnectionString| found.get(Key::Password).is_some();
    let called = if calls { ConnectionString::readings(hit.text, after).find(has_password) } else { None };
    let found = called
        .or_else(|| {
            ConnectionString::readings_anywhere(hit.text, at)
                .find(|found| has_password(found) && found.span.start <= hit.span.end)
        })
        .ok_or(Refusal("no login around"))?;
    let mut login = filled_in(hit.text, judge(of_string(&found)?, &[])?)?;
    if login.host.is_empty() {
        login.host = sibling_host(hit.text, at).unwrap_or_default();
    }
    let value = login.password.as_ref().map(|value| value.bytes.as_slice()).unwrap_or_default();
    accept(!sample::is_sample_login(&login.user, value, &login.host), "a sample login")?;
    password::judge_alone(value, password::Kind::Connection)?;
    take(hit, login)
}

/// The host that a string without one has in a setting beside it.
fn sibling_host(text: &[u8], at: usize) -> Option<String> {
    let settings = Settings::around(text, at)?;
    let server = settings
        .others()
        .find(|item| Named::of(&item.name).is_some_and(|named| named.role == Role::Server))?;
    host_of(&server.value.text())
}

/// Nearly every place where a host is named holds no password: look for the word
/// before anything is read.
fn mentions_password(hit: &Hit<'_>) -> bool {
    let from = hit.span.start.saturating_sub(MAX_SIDE);
    let to = hit.span.start.saturating_add(MAX_SIDE).min(hit.text.len());
    let near = hit.text.get(from..to).unwrap_or_default();
    let word = |at: usize| {
        let rest = near.get(at..at + 3).unwrap_or_default();
        rest.eq_ignore_ascii_case(b"pwd") || rest.eq_ignore_ascii_case(b"pas")
    };
    memchr::memchr2_iter(b'p', b'P', near).any(word)
        || memchr::memchr(b'@', near).is_some()
        || [b" -P", b" -p", b" -a", b"/tp", b"/sp", b"','"]
            .iter()
            .any(|mark| memchr::memmem::find(near, *mark).is_some())
        || [b"\", \"", b"', '"].iter().any(|mark| memchr::memmem::find(near, *mark).is_some())
        || memchr::memmem::find(near, b"\",\"").is_some()
        || memchr::memchr_iter(b':', near).nth(3).is_some()
}

fn of_string(found: &ConnectionString) -> Result<Login, Refusal> {
    let text = |key: Key| found.get(key).map(|value| value.text().into_owned()).unwrap_or_default();
    let integrated = text(Key::Integrated).to_ascii_lowercase();
    accept(!matches!(integrated.as_str(), "true" | "yes" | "sspi"), "authenticates without a password")?;
    let scheme = found.scheme.as_deref().and_then(engine::by_name);
    Ok(Login {
        host: found.host().unwrap_or_default(),
        port: found.port(),
        database: text(Key::Database),
        user: text(Key::User),
        engine: scheme.or_else(|| found.get(Key::Driver).and_then(|driver| engine::by_name(&driver.text()))),
        authentication: text(Key::Authentication),
        password: found.get(Key::Password).cloned(),
        span: found.span.clone(),
    })
}

/// What every login has to be, and the place of a private endpoint undone.
fn judge(mut login: Login, hosts: &[String]) -> Result<Login, Refusal> {
    login.host = login.host.replace(PRIVATE_LINK, ".");
    if !hosts.is_empty() {
        accept(!login.host.is_empty(), "the string names no server")?;
        let known = hosts.iter().any(|suffix| login.host.ends_with(suffix.as_str()));
        accept(known, "another kind of host")?;
    }
    // People call their own server `contoso` too: a password that was made at random
    // is none of a manual.
    let made = !hosts.is_empty()
        && login.password.as_ref().is_some_and(|password| password::is_made(&password.bytes));
    accept(made || !sample::is_sample_host(&login.host), "a sample host")?;
    let method =
        login.authentication.to_ascii_lowercase().replace([' ', '_'], "").replace("activedirectory", "");
    accept(!WITHOUT_PASSWORD.contains(&method.as_str()), "authenticates without a password")?;
    let password = login.password.as_ref().ok_or(Refusal("the login holds no password"))?;
    accept(!is_placeholder(&password.bytes, ValueKind::Password), "the password is a placeholder")?;
    let word = password.text().to_ascii_lowercase();
    accept(!is_masked(&password.bytes) && !sample::is_word(&word), "the password is a placeholder")?;
    accept(!sample::is_reference(&password.bytes), "the password is a reference")?;
    let lower = password.text().to_ascii_lowercase();
    accept(!sample::is_word(&lower), "the password is a word of programs")?;
    Ok(login)
}

/// Refuses a string whose password a program fills in: in braces ODBC has what no name of a
/// program has, `$"…;Password={options.Key};"` has such a name.
fn filled_in(text: &[u8], login: Login) -> Result<Login, Refusal> {
    let Some(password) = &login.password else { return Ok(login) };
    let Range { start, end } = password.span;
    let opened = start.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'{');
    let named = password.bytes.iter().all(|byte| byte.is_ascii_alphabetic() || b"_.".contains(byte));
    accept(!(opened && text.get(end) == Some(&b'}') && named), "the password is a reference")?;
    Ok(login)
}

/// What a program or a manual shows in place of a password: marks, what it says in
/// brackets (`(known after apply)`), the parts of an expression, a name between marks.
fn is_masked(password: &[u8]) -> bool {
    let text = String::from_utf8_lossy(password);
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let shown = text.trim_start_matches(['*', '•', '●', '·', 'x', 'X']);
    let masked = text.chars().count().saturating_sub(shown.chars().count()) >= 4 && shown.len() <= 4;
    let between = ["$$", "%%", "__", "@@", "##"]
        .iter()
        .any(|mark| text.len() > 4 && text.starts_with(mark) && text.ends_with(mark));
    masked
        || between
        || text.starts_with('(')
            && (text.ends_with(')') || lower.starts_with("(sensitive") || lower.starts_with("(known"))
        || text.contains(" + ")
        || text.starts_with("+ ") && text.ends_with(" +")
        || lower == "n/a"
        || lower.starts_with("your") && lower.contains(['_', '-'])
        || lower.ends_with("_here")
        || lower.ends_with("-here")
        || !text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Makes the login the finding.
fn take(hit: &mut Hit<'_>, login: Login) -> Result<(), Refusal> {
    let password = login.password.ok_or(Refusal("the login holds no password"))?;
    take_secret(hit, &password);
    let template = |value: String| {
        if is_placeholder(value.as_bytes(), ValueKind::Password) && value.len() > 2 {
            String::new()
        } else {
            value
        }
    };
    let engine = login.engine.or_else(|| login.port.and_then(engine::by_port));
    hit.add_attribute("engine", engine.unwrap_or_default());
    hit.add_attribute("server", login.host);
    hit.add_attribute("port", login.port.map(|port| port.to_string()).unwrap_or_default());
    hit.add_attribute("database", template(login.database));
    hit.add_attribute("user", template_user(login.user));
    hit.add_attribute("authentication", login.authentication);
    hit.claims.push(login.span);
    Ok(())
}

/// A user, unless a template stands in its place.
fn template_user(user: String) -> String {
    if sample::is_reference(user.as_bytes()) || user.starts_with(['{', '<']) { String::new() } else { user }
}

/// Makes a value of a string the hit's secret.
pub(super) fn take_secret(hit: &mut Hit<'_>, value: &Value) {
    hit.secret = value.span.clone();
    let raw = hit.text.get(value.span.clone()).unwrap_or_default();
    hit.value = (raw != value.bytes).then(|| value.bytes.clone());
}

/// The login whose host is in the setting around `at`, and whose password is in
/// another one.
fn of_settings(text: &[u8], at: usize) -> Option<Login> {
    let settings =
        Settings::around(text, at).filter(|found| found.own().is_some_and(|own| own.value.span.start <= at));
    let found = settings.as_ref().and_then(|settings| {
        let own = settings.own()?;
        // An expression is no setting, but may hold some.
        let expression = own.code && !own.quoted && own.value.bytes.iter().any(|byte| b"({".contains(byte));
        let found = if expression { None } else { assemble(settings, own) };
        // `$server = "…"; $options = array("UID" => "…", "PWD" => "…");`
        let near = |settings: Option<Settings>| settings.and_then(|near| assemble(&near, near.own()?));
        let wide = own.code || settings.syntax == Syntax::Brackets;
        let found = found.or_else(|| near(Settings::nested(text, at)));
        let found = found.or_else(|| if wide { near(Settings::near(text, at)) } else { None });
        found.or_else(|| of_statements(text, at, own)).map(|login| (login, own.clone()))
    });
    let (mut login, own) = match found {
        Some(found) => found,
        None => {
            let settings = Settings::beside_address(text, at)?;
            let own = settings.own()?;
            let login = assemble(&settings, own).filter(|login| !login.user.is_empty())?;
            (login, own.clone())
        }
    };
    let value = own.value.text();
    login.host = host_at(text, at, &own).unwrap_or_default();
    login.port = login.port.or_else(|| port_of(&value));
    if let Some(string) = ConnectionString::around(text, at) {
        if let Some(database) = string.get(Key::Database).filter(|_| login.database.is_empty()) {
            login.database = database.text().into_owned();
        }
        login.engine = string.scheme.as_deref().and_then(engine::by_name).or(login.engine);
    } else {
        login.engine = login.engine.or_else(|| engine::by_name(&value));
    }
    Some(login)
}

/// The login of a program whose server is a variable, `url = "jdbc:…"`, and whose
/// user and password are arguments near it that say nothing of another server.
fn of_statements(text: &[u8], at: usize, own: &Setting) -> Option<Login> {
    if !own.quoted {
        return None;
    }
    let near = Settings::near(text, at)?;
    let anchor = Named::of(&own.name).filter(|named| named.role == Role::Server)?;
    let mut passwords = near.others().filter_map(|item| Named::of(&item.name).map(|named| (named, item)));
    let mut passwords = passwords.by_ref().filter(|(named, _)| named.role == Role::Password);
    let (named, _) = passwords.next()?;
    if passwords.next().is_some() || !(named.prefix.is_empty() || anchor.affinity(&named) == 3) {
        return None;
    }
    assemble(&near, near.own()?).filter(|login| !login.user.is_empty())
}

/// The host that holds the byte at `at`, in lower case.
fn host_at(text: &[u8], at: usize, own: &Setting) -> Option<String> {
    let in_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let before = text.get(own.value.span.start..at)?.iter().rev().take_while(|byte| in_host(byte)).count();
    let after = text.get(at..own.value.span.end)?.iter().take_while(|byte| in_host(byte)).count();
    let host = text.get(at.checked_sub(before)?..at.checked_add(after)?)?;
    Some(String::from_utf8_lossy(host).to_ascii_lowercase()).filter(|host| !host.is_empty())
}

/// User, password, port and database that go with a setting, each from the other
/// setting whose name fits best.
fn assemble(settings: &Settings, own: &Setting) -> Option<Login> {
    let anchor = Named::of(&own.name).unwrap_or(Named { role: Role::Server, prefix: String::new() });
    let named: Vec<(Named, &Setting)> =
        settings.others().filter_map(|item| Some((Named::of(&item.name)?, item))).collect();
    let passwords = named.iter().filter(|(named, _)| named.role == Role::Password).count();
    // In one object there is one login; in a file of many variables names decide.
    let flat = settings.syntax == Syntax::Lines && settings.section.is_none();
    let best = |anchor: &Named, role: Role, least: u8| {
        named
            .iter()
            .filter(|(named, item)| named.role == role && !item.value.bytes.trim_ascii().is_empty())
            .map(|(named, item)| (anchor.affinity(named), item, named))
            .filter(|(affinity, _, _)| *affinity >= least)
            // The first of equals is the nearest.
            .rev()
            .max_by_key(|(affinity, _, _)| *affinity)
    };
    let least = if passwords == 1 && !flat { 0 } else { 1 };
    let (_, password, password_name) = best(&anchor, Role::Password, least)?;
    let text = |role: Role| {
        best(password_name, role, 0).map(|(_, item, _)| item.value.text().into_owned()).unwrap_or_default()
    };
    Some(Login {
        port: text(Role::Port).parse().ok(),
        database: text(Role::Database),
        user: text(Role::User),
        engine: engine::by_name(&text(Role::Engine)),
        password: Some(without_braces(&password.value)),
        span: password.value.span.clone(),
        ..Login::default()
    })
}

/// What stands beside a password in its settings: user, host, port, database and
/// engine, for [`super::password`].
pub(super) struct Beside {
    pub(super) user: String,
    pub(super) host: String,
    pub(super) port: String,
    pub(super) database: String,
    pub(super) engine: Option<&'static str>,
}

/// `'{p4ss!word}'`: ODBC puts braces around a value, and so do samples that people
/// fill in. What holds a mark that no name has is no placeholder.
fn without_braces(value: &Value) -> Value {
    let inner = value.bytes.strip_prefix(b"{").and_then(|inner| inner.strip_suffix(b"}"));
    let in_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.: {}[]()$\"'".contains(byte) || *byte >= 0x80;
    match inner.filter(|inner| inner.len() >= 8 && !inner.iter().all(in_name)) {
        Some(inner) if value.span.len() == value.bytes.len() => Value {
            bytes: inner.to_vec(),
            span: value.span.start.saturating_add(1)..value.span.end.saturating_sub(1),
        },
        _ => value.clone(),
    }
}

/// Whether a password opens a thing and no account: `keystore_password`,
/// `backup_passphrase`.
fn is_of_thing(name: &str) -> bool {
    let words = words(name);
    let things = [
        "keystore",
        "truststore",
        "store",
        "key",
        "cert",
        "ssl",
        "tls",
        "encryption",
        "backup",
        "vault",
        "archive",
    ];
    words.iter().any(|word| word == "passphrase" || things.contains(&word.as_str()))
}

/// Reads what goes with the password that is the own setting.
pub(super) fn beside(settings: &Settings, own: &Setting) -> Beside {
    let anchor = Named::of(&own.name).unwrap_or(Named { role: Role::Password, prefix: String::new() });
    let flat = matches!(settings.syntax, Syntax::Lines | Syntax::Yaml) && settings.section.is_none();
    // The account that a service runs under is nobody's login.
    let unit = settings.section.as_deref() == Some("Service");
    // What opens a key or an archive has no user.
    let of_thing = is_of_thing(&own.name);
    let named: Vec<(Named, &Setting)> = settings
        .others()
        .filter(|item| !(item.value.bytes.trim_ascii().is_empty() || unit && item.name == "User"))
        .filter_map(|item| Some((Named::of(&item.name)?, item)))
        .collect();
    let best = |role: Role| {
        named
            .iter()
            .filter(|(named, _)| named.role == role)
            .map(|(named, item)| (anchor.affinity(named), item))
            .filter(|(affinity, _)| match role {
                Role::User if of_thing => *affinity == 3,
                Role::User => *affinity > 0,
                _ => *affinity > 0 || !flat,
            })
            // The first of equals is the nearest.
            .rev()
            .max_by_key(|(affinity, _)| *affinity)
            .map(|(_, item)| item.value.text().into_owned())
    };
    let server = best(Role::Server).unwrap_or_default();
    let port = best(Role::Port).filter(|port| port.parse::<u16>().is_ok());
    Beside {
        user: best(Role::User).map(template_user).unwrap_or_default(),
        host: host_of(&server).filter(|host| !sample::is_reference(host.as_bytes())).unwrap_or_default(),
        port: port.or_else(|| port_of(&server).map(|port| port.to_string())).unwrap_or_default(),
        database: best(Role::Database)
            .filter(|name| !sample::is_reference(name.as_bytes()))
            .unwrap_or_default(),
        engine: engine::by_name(&best(Role::Engine).unwrap_or_default()).or_else(|| engine::by_name(&server)),
    }
}
