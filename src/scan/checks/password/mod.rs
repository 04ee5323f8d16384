//! Passwords in settings: the name says that it is one, the value has to look like
//! one, and what stands beside it says whose.

mod nearby;
pub(super) mod table;
#[cfg(test)]
mod tests;
mod value;

use super::login::{beside, take_secret};
use super::placeholder::is_placeholder;
use super::token::decode;
use super::{Hit, Refusal, accept, sample};
use crate::formats::connection_string::{ConnectionString, Key};
use crate::formats::settings::role::{Named, Role, words};
use crate::formats::settings::{Setting, Settings, Syntax};
use crate::rules::{PasswordEncoding, ValueKind};

pub(super) use value::{Kind, is_made, judge_alone};

/// How far around a name binary bytes tell that this is no text.
const TEXT_AROUND: usize = 48;
/// The longest name.
const MAX_NAME: usize = 96;

/// What a rule looks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// A user has to stand beside the password.
    pub(super) login: bool,
    /// Statements of programs, which are left out otherwise.
    pub(super) code: bool,
    /// A driver of ODBC has to stand beside it.
    pub(super) data_source: bool,
}

/// The match begins in the name of a setting whose value is a password.
pub(super) fn check(hit: &mut Hit<'_>, wanted: Wanted) -> Result<(), Refusal> {
    let Wanted { login, code, data_source } = wanted;
    let at = hit.span.start;
    accept(is_text(hit), "not text")?;
    let start = hit.span.end.saturating_sub(1);
    let before = start.checked_sub(1).and_then(|before| hit.text.get(before)).copied();
    let quote = before.filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    value::may_be(hit.text.get(start..).unwrap_or_default(), quote)?;
    let name = name_around(hit.text, at);
    accept(!name.starts_with(b"/"), "a path")?;
    accept(!is_about_one(name), "the name is of something about a password")?;
    let settings = nearby::around_name(hit.text, at).ok_or(Refusal("no setting"))?;
    let own = settings.own().ok_or(Refusal("no setting"))?;
    accept(at < own.value.span.start && own.value.span.start <= hit.span.end + 1, "another setting")?;
    accept(is_code(&settings, own) == code, "a setting of another kind")?;
    let bare = settings.syntax == Syntax::Brackets && !own.quoted;
    accept(!bare || has_lines(hit.text, at), "no line that somebody wrote")?;
    let role = Named::of(&own.name).map(|named| named.role);
    accept(role == Some(Role::Password), "the name of something else")?;
    let words = words(&own.name);
    let kind = match (login, code) {
        (true, false) => Kind::Login,
        (false, false) => Kind::Setting,
        (_, true) => Kind::Code,
    };
    let guessable = match value::judge(own, &words, kind) {
        Ok(()) => false,
        Err(_) if kind != Kind::Code && value::is_guessable(own.value.bytes.trim_ascii()) => true,
        Err(refusal) => return Err(refusal),
    };
    accept(!data_source || has_driver(&settings), "no driver beside it")?;
    accept(!in_sample_string(hit.text, own), "a sample host")?;
    accept(!is_encoded_sample(&own.value.bytes), "a sample in base64")?;
    let beside = beside(&settings, own);
    if login {
        accept(!beside.user.is_empty(), "no user beside it")?;
        accept(!value::is_schema(&beside.user) && is_user(&beside.user), "no user beside it")?;
        accept(!sample::is_sample_host(&beside.host), "a sample host")?;
        let sample = sample::is_sample_login(&beside.user, &own.value.bytes, &beside.host);
        accept(!sample, "a sample login")?;
    }
    let strength = match guessable {
        true => "guessable",
        false if sample::is_weak(&own.value.bytes) => "weak",
        false => "",
    };
    take_secret(hit, &own.value.clone());
    hit.claims.push(own.span.clone());
    let section = settings.section.clone().unwrap_or_default();
    hit.add_attribute("setting", own.name.clone());
    if !section.bytes().any(|byte| byte.is_ascii_control()) && section.len() <= MAX_NAME {
        hit.add_attribute("section", section);
    }
    hit.add_attribute("user", beside.user);
    hit.add_attribute(
        "server",
        if sample::is_sample_host(&beside.host) { String::new() } else { beside.host },
    );
    hit.add_attribute("port", beside.port);
    hit.add_attribute("database", beside.database);
    hit.add_attribute("engine", beside.engine.unwrap_or_default());
    hit.add_attribute("strength", strength);
    Ok(())
}

/// Base64 of a word that stands in place of a password: Kubernetes has all values so.
fn is_encoded_sample(value: &[u8]) -> bool {
    if value.len() < 8 || !value.len().is_multiple_of(4) {
        return false;
    }
    decode(value).is_some_and(|plain| {
        let lower = plain.to_ascii_lowercase();
        plain.iter().all(u8::is_ascii_graphic)
            && (is_placeholder(&plain, ValueKind::Password)
                || std::str::from_utf8(&lower).is_ok_and(sample::is_word))
    })
}

/// The secret is a password, written in some encoding.
pub(super) fn check_value(hit: &mut Hit<'_>, encoding: PasswordEncoding, alone: bool) -> Result<(), Refusal> {
    let raw = hit.secret_bytes().to_vec();
    let password = match encoding {
        PasswordEncoding::Plain => None,
        PasswordEncoding::Base64 => Some(decode(&raw).ok_or(Refusal("not base64"))?),
        PasswordEncoding::Base64Pair => {
            let pair = decode(&raw).ok_or(Refusal("not base64"))?;
            let (user, password) = memchr::memchr(b':', &pair)
                .and_then(|colon| Some((pair.get(..colon)?, pair.get(colon + 1..)?)))
                .ok_or(Refusal("no user and password"))?;
            let user = std::str::from_utf8(user).map_err(|_| Refusal("no user and password"))?;
            accept(!user.is_empty() && !user.contains(char::is_control), "no user and password")?;
            hit.add_attribute("user", user);
            Some(password.to_vec())
        }
        PasswordEncoding::Unattend if hit.attribute("plain_text").is_some_and(|plain| plain == "false") => {
            Some(answer_file(&raw).ok_or(Refusal("not the form of an answer file"))?)
        }
        PasswordEncoding::Unattend => None,
        PasswordEncoding::Xor => {
            let bytes = decode(&raw).ok_or(Refusal("not base64"))?;
            Some(bytes.into_iter().map(|byte| byte ^ 0x5f).collect())
        }
    };
    let bytes = password.clone().unwrap_or(raw);
    judge_alone(&bytes, if alone { Kind::Code } else { Kind::Login })?;
    accept(is_text(hit), "not text")?;
    let user = hit.attribute("user").unwrap_or_default().to_owned();
    let host = hit.attribute("server").unwrap_or_default().to_owned();
    accept(!sample::is_reference(user.as_bytes()), "the user is a reference")?;
    accept(
        !sample::is_sample_login(&user, &bytes, &host) && !sample::is_sample_host(&host),
        "a sample login",
    )?;
    if sample::is_weak(&bytes) {
        hit.add_attribute("strength", "weak");
    }
    if password.is_some() {
        hit.value = password;
    }
    Ok(())
}

/// Base64 of UTF-16LE, with the name of its element after the password. Source: the
/// reference of unattended setup; the suffix is what Windows System Image Manager
/// writes.
fn answer_file(code: &[u8]) -> Option<Vec<u8>> {
    let bytes = decode(code)?;
    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let text = String::from_utf16(&units).ok()?;
    let names = ["AdministratorPassword", "Password"];
    let password = names.iter().find_map(|name| text.strip_suffix(name))?;
    Some(password.as_bytes().to_vec())
}

/// The text around the match has no bytes of binary content.
fn is_text(hit: &Hit<'_>) -> bool {
    let first = hit.span.start.saturating_sub(TEXT_AROUND);
    let last = hit.span.end.saturating_add(TEXT_AROUND).min(hit.text.len());
    let near = hit.text.get(first..last).unwrap_or_default();
    memchr::memchr(0, hit.text).is_none()
        && !near.iter().any(|byte| *byte < b'\t' || (0x0e..0x20).contains(byte) || *byte == 0x7f)
}

/// A name that an account has: no sentence and no markup.
fn is_user(user: &str) -> bool {
    const MAX_USER: usize = 256;
    user.len() <= MAX_USER && user.is_ascii() && !user.contains([' ', '&', '#', '<', '"', '(', '[', '\''])
}

/// Whether the settings are those of a data source.
fn has_driver(settings: &Settings) -> bool {
    settings.syntax == Syntax::Lines
        && settings.section.is_some()
        && settings.others().any(|item| item.name.eq_ignore_ascii_case("driver"))
}

/// Whether the value is the password of a connection string to a host of manuals.
fn in_sample_string(text: &[u8], own: &Setting) -> bool {
    ConnectionString::around(text, own.value.span.start).is_some_and(|found| {
        found.get(Key::Password).is_some_and(|password| password.span == own.value.span)
            && found.host().is_some_and(|host| sample::is_sample_host(&host))
    })
}

/// Whether lines are of a length that people write.
fn has_lines(text: &[u8], at: usize) -> bool {
    const LONG_LINE: usize = 512;
    let before = text.get(at.saturating_sub(LONG_LINE)..at).unwrap_or_default();
    let after = text.get(at..text.len().min(at + LONG_LINE)).unwrap_or_default();
    (before.len() < LONG_LINE || before.contains(&b'\n'))
        && (after.len() < LONG_LINE || after.contains(&b'\n'))
}

/// The identifier in which the word at `at` stands.
fn name_around(text: &[u8], at: usize) -> &[u8] {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let before = text.get(at.saturating_sub(MAX_NAME)..at).unwrap_or_default();
    let lead = before.iter().rev().take_while(|byte| part(byte)).count();
    let after =
        text.get(at..).unwrap_or_default().iter().take(MAX_NAME).take_while(|byte| part(byte)).count();
    text.get(at - lead..at + after).unwrap_or_default()
}

/// Names that speak about a password: `reset_password`, `no-password`,
/// `showPassword`.
fn is_about_one(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return true };
    let lower = name.to_ascii_lowercase();
    // Options in manuals, and labels of forms.
    if name.starts_with('-') || ["yourpass", "mypass"].iter().any(|label| lower.contains(label)) {
        return true;
    }
    if lower.contains("cleartext") || lower.contains("plaintext") || lower.contains("plain_text") {
        return false;
    }
    let words = words(name);
    words.iter().rev().skip(1).take(2).any(|word| sample::is_modifier(word))
}

/// Whether it is a statement of a program: declared, in a block without a name, an
/// argument, or an object with bare names.
fn is_code(settings: &Settings, own: &Setting) -> bool {
    own.code
        || match settings.syntax {
            Syntax::Lines => own.quoted && settings.section.is_none() && own.indented,
            _ => false,
        }
}
