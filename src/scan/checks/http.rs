//! Basic authentication of HTTP (RFC 7617): base64 of `user:password`.

use super::placeholder::is_placeholder;
use super::token::{decode, plain_secret};
use super::{Hit, Refusal, accept};
use crate::rules::ValueKind;

/// User names that say "no name here" beside a password that is a token.
const MAX_USER: usize = 256;

/// Pairs of the RFCs and of manuals, besides those whose password is a sample word
/// or the user's name once more.
const SAMPLES: [(&str, &str); 6] = [
    ("Aladdin", "open sesame"),
    ("Aladdin", "OpenSesame"),
    ("s6BhdRkqt3", "gX1fBat3bV"),
    ("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"),
    ("username", "p@ssw0rd"),
    ("root", "toor"),
];

/// The secret is the credentials of a header. With `decode` the password becomes
/// the secret.
pub(super) fn basic(hit: &mut Hit<'_>, take_password: bool) -> Result<(), Refusal> {
    let bytes = decode(&plain_secret(hit)).ok_or(Refusal("not base64"))?;
    let text = readable(&bytes).ok_or(Refusal("decodes to no text"))?;
    let (user, password) = text.split_once(':').ok_or(Refusal("no user and password"))?;
    accept(user.len() <= MAX_USER && !user.contains(char::is_whitespace), "not the name of a user")?;
    is_real(user, password)?;
    hit.add_attribute("user", user);
    hit.add_attribute("scheme", "Basic");
    if take_password {
        hit.value = Some(password.as_bytes().to_vec());
    }
    Ok(())
}

/// The secret is `user:password` as `curl -u` takes it; the password becomes the
/// secret.
pub(super) fn pair(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let bytes = hit.secret_bytes().to_vec();
    let text = readable(&bytes).ok_or(Refusal("no text"))?;
    let (user, password) = text.split_once(':').ok_or(Refusal("no user and password"))?;
    is_real(user, password)?;
    accept(!is_placeholder(user.as_bytes(), ValueKind::Password) || user.is_empty(), "a sample user")?;
    hit.add_attribute("user", user);
    hit.add_attribute("host", host_of_command(hit).unwrap_or_default());
    hit.claims.push(hit.secret.clone());
    hit.secret = hit.secret.end - password.len().min(hit.secret.len())..hit.secret.end;
    hit.value = None;
    Ok(())
}

/// Names of nobody.
const SAMPLE_USERS: [&str; 9] =
    ["user", "username", "usr", "login", "name", "myuser", "testuser", "someuser", "alice"];

/// How far after the credentials the address may stand, in bytes.
const COMMAND_REACH: usize = 512;

/// The host of the first web address of the command: from its name to the end of
/// its last line, where a backslash goes on to the next.
fn host_of_command(hit: &Hit<'_>) -> Option<String> {
    let last = hit.text.len().min(hit.span.end.saturating_add(COMMAND_REACH));
    let command = hit.text.get(hit.span.start..last)?;
    let ends = |at: &usize| command.get(..*at).is_some_and(|line| !line.trim_ascii_end().ends_with(b"\\"));
    let end = memchr::memchr_iter(b'\n', command).find(ends).unwrap_or(command.len());
    let command = command.get(..end)?;
    let start = memchr::memmem::find(command, b"://")? + 3;
    let in_host = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    let length = command.get(start..)?.iter().take_while(in_host).count();
    Some(String::from_utf8_lossy(command.get(start..start + length)?).into_owned())
}

/// Words in the place of a password that are no placeholders elsewhere. The last
/// stands beside a token that is the user's name, and other rules know.
const NO_PASSWORDS: [&str; 8] =
    ["pass", "token", "key", "apikey", "api_key", "api-key", "api_token", "x-oauth-basic"];

fn is_real(user: &str, password: &str) -> Result<(), Refusal> {
    let is_word = NO_PASSWORDS.iter().any(|word| password.eq_ignore_ascii_case(word));
    accept(!is_word, "the password is a placeholder")?;
    accept(password.len() >= 3, "no password")?;
    accept(!is_placeholder(password.as_bytes(), ValueKind::Password), "the password is a placeholder")?;
    accept(!password.contains("${") && !password.contains("{{"), "the password is a placeholder")?;
    accept(!user.eq_ignore_ascii_case(password), "the password is the user's name")?;
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let is_sample = SAMPLES.iter().any(|(name, word)| same(name, user) && same(word, password));
    accept(!is_sample, "a documented sample")?;
    // `user:password1`
    let letters = password.trim_end_matches(|letter: char| !letter.is_ascii_alphabetic());
    let is_word = is_placeholder(letters.as_bytes(), ValueKind::Password);
    accept(!is_word || !SAMPLE_USERS.iter().any(|name| same(name, user)), "a documented sample")?;
    accept(!(user.eq_ignore_ascii_case("test") && password.starts_with("123")), "a documented sample")
}

/// Text without control characters: UTF-8, or Latin-1 where it is not that.
fn readable(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // A random string is rarely free of the upper half's controls; three or
        // more letters of it are no name either.
        Err(_) if bytes.iter().filter(|byte| **byte >= 0x80).count() <= 2 => {
            bytes.iter().map(|byte| char::from(*byte)).collect()
        }
        Err(_) => return None,
    };
    // Header files end in a line break now and then.
    let text = text.trim_end_matches(['\n', '\r']);
    let plain = !text.is_empty() && !text.chars().any(|letter| letter.is_control() || letter == '\u{fffd}');
    plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(code: &str) -> Result<Option<String>, &'static str> {
        let mut hit = Hit {
            text: code.as_bytes(),
            span: 0..code.len(),
            secret: 0..code.len(),
            value: None,
            claims: Vec::new(),
            more: Vec::new(),
            attributes: Vec::new(),
        };
        basic(&mut hit, true)
            .map(|()| hit.value.map(|v| String::from_utf8(v).expect("UTF-8")))
            .map_err(|r| r.0)
    }

    #[test]
    fn passwords_and_samples() {
        // `printf %s ci:Zq8-Wn3:x | base64`
        assert_eq!(judge("Y2k6WnE4LVduMzp4"), Ok(Some("Zq8-Wn3:x".into())));
        // An empty user, and missing padding: `:kT9vQ2mX`
        assert_eq!(judge("OmtUOXZRMm1Y"), Ok(Some("kT9vQ2mX".into())));
        for (sample, why) in [
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "a documented sample"),
            ("dXNlcjpwYXNzd29yZA==", "the password is a placeholder"),
            ("dXNlcjpwYXNz", "the password is a placeholder"),
            ("YWRtaW46YWRtaW4=", "the password is the user's name"),
            ("dXNlcjo=", "no password"),
            ("authentication", "decodes to no text"),
            ("Zm9vYmFy", "no user and password"),
            ("dGVzdDoxMjPCow==", "a documented sample"),
        ] {
            assert_eq!(judge(sample), Err(why), "{sample}");
        }
    }
}
