//! Whether the value of a setting looks like a password that somebody chose or
//! made, and not like a word of a program, a template or a reference.

use super::super::placeholder::is_placeholder;
use super::super::{Refusal, accept, sample};
use crate::formats::connection_string::Value;
use crate::formats::settings::Setting;
use crate::rules::ValueKind;

/// Where a value stands, which decides how much it has to look like a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// In a connection string, URL or line of a password file: nothing else can
    /// stand there.
    Connection,
    /// In a setting beside a user.
    Login,
    /// In a setting alone.
    Setting,
    /// In a statement of a program.
    Code,
}

/// The longest value that is taken for a password.
const MAX_LENGTH: usize = 128;

/// The kinds of characters of a value.
#[derive(Default)]
struct Classes {
    lower: usize,
    upper: usize,
    digits: usize,
    /// Punctuation that words are joined with.
    joints: usize,
    symbols: usize,
    other: usize,
}

impl Classes {
    fn of(value: &[u8]) -> Self {
        let mut classes = Self::default();
        for byte in value {
            let count = match byte {
                b'a'..=b'z' => &mut classes.lower,
                b'A'..=b'Z' => &mut classes.upper,
                b'0'..=b'9' => &mut classes.digits,
                b'_' | b'-' | b'.' | b' ' | b'/' | b':' | b',' => &mut classes.joints,
                b'!'..=b'~' => &mut classes.symbols,
                _ => &mut classes.other,
            };
            *count += 1;
        }
        classes
    }

    fn letters(&self) -> usize {
        self.lower + self.upper
    }
}

/// Refuses what is no password by the bytes alone, before anything is read around
/// it: `text` begins at the value, after its quote.
pub(super) fn may_be(text: &[u8], quote: Option<u8>) -> Result<(), Refusal> {
    let reach = text.get(..text.len().min(MAX_LENGTH * 2)).unwrap_or_default();
    // Logs have a mask on each line.
    accept(!reach.starts_with(b"****"), "a placeholder")?;
    let length = match quote {
        Some(quote) => memchr::memchr2(quote, b'\n', reach),
        None => {
            reach.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'<').or(Some(reach.len()))
        }
    };
    let length = length.ok_or(Refusal("not the length of a password"))?;
    accept(length <= MAX_LENGTH + MAX_LENGTH / 2, "not the length of a password")?;
    let word: Vec<u8> = reach
        .iter()
        .take(length)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .map(u8::to_ascii_lowercase)
        .collect();
    let rest = reach.get(word.len()..length).unwrap_or_default();
    let ends = rest.iter().all(|byte| b",;)}]\"'\\".contains(byte));
    accept(!ends || !std::str::from_utf8(&word).is_ok_and(sample::is_word), "a word of programs")
}

/// Refuses what is no password, whatever its setting is called.
pub(in super::super) fn judge_alone(value: &[u8], kind: Kind) -> Result<(), Refusal> {
    let setting = Setting {
        name: String::new(),
        value: Value { bytes: value.to_vec(), span: 0..value.len() },
        span: 0..value.len(),
        quoted: true,
        code: false,
        indented: false,
    };
    judge(&setting, &[], kind)
}

/// Refuses what is no password. `words` are those of the setting's name.
pub(super) fn judge(setting: &Setting, words: &[String], kind: Kind) -> Result<(), Refusal> {
    let value = setting.value.bytes.trim_ascii();
    let bound = matches!(kind, Kind::Connection | Kind::Login);
    let least = if bound { 4 } else { 6 };
    accept(value.len() >= least && value.len() <= MAX_LENGTH, "not the length of a password")?;
    accept(setting.quoted || kind != Kind::Code, "not a literal")?;
    let text = std::str::from_utf8(value).map_err(|_| Refusal("not text"))?;
    let classes = Classes::of(value);
    accept(!value.iter().any(u8::is_ascii_control), "not text")?;
    accept(setting.value.bytes.len() == value.len() && value.first() != Some(&b'`'), "not a value alone")?;
    let phrase = kind == Kind::Connection || words.last().is_some_and(|word| word == "psk");
    let blanks = value.iter().filter(|byte| **byte == b' ').count();
    accept(blanks == 0 || phrase && blanks < 8 && kind != Kind::Code, "a sentence")?;
    accept(classes.other == 0 || classes.digits > 0 && blanks == 0, "a word of another language")?;
    accept(!sample::is_reference(value) && !is_placeholder(value, ValueKind::Password), "a placeholder")?;
    accept(!is_call(value) && (setting.quoted || !is_expression(value)), "an expression")?;
    accept(!is_markup(value), "markup, a format or a pattern")?;
    accept(!is_location(text), "a path, a URL or an address")?;
    accept(!is_number(value) || bound && value.len() >= 6 && classes.joints == 0, "a number")?;
    // Beside a user, one that was made for a password.
    accept(bound || !is_uuid(value), "an identifier")?;
    accept(!is_digest(text), "a digest of a password")?;

    let lower = text.to_ascii_lowercase();
    let letters: String = lower.chars().filter(char::is_ascii_alphabetic).collect();
    accept(!sample::is_word(&lower) && !sample::is_word(&letters), "a word of programs")?;
    accept(!words.contains(&lower) && words.concat() != letters, "the name of the setting")?;
    let varied = [classes.lower, classes.upper, classes.digits, classes.symbols];
    let varied = varied.iter().filter(|count| **count > 0).count() >= 3;
    if sample::is_weak(value) {
        // Alone it is as likely a sample, unless somebody took pains with it.
        return accept(bound || kind == Kind::Setting && varied, "a weak password alone");
    }
    accept(!is_sample(&lower), "a sample")?;
    let pains = varied && (bound || kind == Kind::Setting && classes.symbols > 0);
    accept(!is_made_of_words(value) || pains, "a sample")?;
    let plain = classes.digits == 0 && classes.symbols == 0;
    if plain {
        // `radpass`, `dbpwd`: what manuals make of a name.
        accept(!["pass", "pwd", "passwd", "word"].iter().any(|word| lower.ends_with(word)), "a sample")?;
        // Nothing but letters: an identifier, a word, or made at random.
        let long = kind == Kind::Login && classes.letters() >= 12 && classes.upper == 0;
        let chosen = classes.joints == 0 && (long || kind == Kind::Connection && classes.letters() >= 6);
        let mixed = kind == Kind::Login && classes.joints == 0 && varied_case(value);
        return accept(chosen && !is_camel(value) || mixed || is_random(value), "a word");
    }
    if !bound && classes.symbols == 0 && classes.letters() + classes.joints > 0 {
        // `utf8`, `sha256`, `python3.11`, `user_2`: a word with a number.
        let numbered = classes.digits <= 2 && classes.upper == 0 && is_digits_at_end(value);
        return accept(
            !numbered || kind == Kind::Setting && value.len() >= 8 && (classes.joints == 0 || phrase),
            "a word with a number",
        );
    }
    if kind == Kind::Code {
        return accept(classes.letters() + classes.digits >= 4, "punctuation");
    }
    accept(classes.letters() + classes.digits >= 3, "punctuation")
}

/// A password that everybody tries first, and that somebody may use all the same: a word
/// for passwords and something behind it. What [`judge`] refuses, the configuration of a
/// live machine may have.
pub(super) fn is_guessable(value: &[u8]) -> bool {
    const LEFT: [&str; 8] = ["change", "replace", "redact", "hidden", "masked", "null", "removed", "insert"];
    const MARKS: &[u8] = b"!@#$&*";
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    let classes = Classes::of(value);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte) || MARKS.contains(byte);
    let trimmed = value.iter().rposition(|byte| !MARKS.contains(byte)).map_or(0, |last| last + 1);
    let weak = sample::is_weak(value) || sample::is_weak(value.get(..trimmed).unwrap_or_default());
    (6..=32).contains(&value.len())
        && value.first().is_some_and(u8::is_ascii_alphanumeric)
        && value.iter().all(plain)
        && classes.letters() >= 3
        && classes.digits + classes.symbols > 0
        && !is_sample(&lower)
        && !LEFT.iter().any(|word| lower.contains(word))
        && (weak || is_made_of_words(value))
}

/// A long password of many kinds of characters that holds no word for one.
pub(in super::super) fn is_made(value: &[u8]) -> bool {
    let classes = Classes::of(value);
    let kinds = [classes.lower, classes.upper, classes.digits, classes.symbols];
    let kinds = kinds.iter().filter(|count| **count > 0).count();
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    value.len() >= 12
        && (kinds >= 3 && classes.digits + classes.symbols >= 3)
        && !["pass", "pwd", "secret", "p@ss", "p4ss", "1234", "abcd", "your", "changeme", "example"]
            .iter()
            .any(|word| lower.contains(word))
        && judge_alone(value, Kind::Code).is_ok()
}

/// Case that is not that of a word, a name or words joined by it.
fn varied_case(value: &[u8]) -> bool {
    let (parts, odd) = parts(value);
    value.len() >= 8 && parts > 2 && odd * 3 >= parts
}

/// Nothing but words for passwords, whatever is written for their letters:
/// `MySecretP4ss1`, `123Abpassword`.
fn is_made_of_words(value: &[u8]) -> bool {
    let plain: Vec<u8> = value
        .iter()
        .map(|byte| match byte {
            b'0' => b'o',
            b'1' | b'!' => b'i',
            b'3' => b'e',
            b'4' | b'@' => b'a',
            b'5' | b'$' => b's',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    let trimmed =
        plain.iter().rposition(|byte| byte.is_ascii_alphabetic() && *byte != b'i').map_or(0, |end| end + 1);
    let written =
        value.iter().map(u8::to_ascii_lowercase).filter(u8::is_ascii_alphabetic).collect::<Vec<u8>>();
    let holds = |text: &[u8]| memchr::memmem::find(text, b"password").is_some() && text.len() < 14;
    is_placeholder(plain.get(..trimmed).unwrap_or_default(), ValueKind::Password)
        || is_placeholder(&written, ValueKind::Password)
        || holds(&plain)
}

/// Samples that are longer than a word: `mysecretpassword`, `Your_password123`.
fn is_sample(lower: &str) -> bool {
    const PARTS: [&str; 14] = [
        "anonymous",
        "your",
        "example",
        "changeme",
        "change_me",
        "change-me",
        "placeholder",
        "xxxx",
        "dummy",
        "sample",
        "redacted",
        "replace",
        "****",
        "....",
    ];
    PARTS.iter().any(|part| lower.contains(part))
}

/// A name with arguments or an index behind it, which may be cut off, in quotes too:
/// `Encrypt(p)`, `config['PASSWORD']`, `l(e.password),e}`, `vault.get(`, `dict(type='str'`.
fn is_call(value: &[u8]) -> bool {
    let name = |bytes: &[u8]| {
        bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
    };
    let Some(open) = value.iter().position(|byte| matches!(byte, b'(' | b'[')) else { return false };
    let (function, rest) = value.split_at_checked(open).unwrap_or_default();
    let (Some(first), arguments) = (rest.first(), rest.get(1..).unwrap_or_default()) else { return false };
    if !name(function) {
        return false;
    }
    let close = if *first == b'(' { b')' } else { b']' };
    // `dict(type='str', no_log=True)`, often cut at its comma.
    let named = arguments.split(|byte| *byte == b'=').next().unwrap_or_default();
    if *first == b'(' && named.len() < arguments.len() && name(named) {
        return true;
    }
    let Some(end) = memchr::memchr(close, arguments) else { return arguments.is_empty() };
    let (argument, after) = arguments.split_at_checked(end).unwrap_or_default();
    let quoted = argument.len() > 2
        && matches!(argument.first(), Some(b'"' | b'\''))
        && argument.first() == argument.last();
    (quoted || name(argument)) && matches!(after.get(1), None | Some(b',' | b';' | b')' | b'}' | b'.'))
}

/// What only a program writes: calls, members, operators, brackets.
fn is_expression(value: &[u8]) -> bool {
    const MARKS: [&[u8]; 11] =
        [b"()", b" + ", b"&&", b"||", b"==", b"?.", b"\");", b"')", b"})", b"};", b").'"];
    let named = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"._@".contains(byte)).count();
    let rest = value.get(named..).unwrap_or_default();
    let call = named > 0
        && matches!(rest.first(), Some(b'(' | b'['))
        && rest.iter().any(|byte| matches!(byte, b')' | b']'))
        && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._@()[]:,+-\"' ".contains(byte));
    // In a name digits stand at the end of a word.
    let broken = value
        .iter()
        .zip(value.iter().skip(1))
        .any(|(one, next)| one.is_ascii_digit() && next.is_ascii_alphabetic());
    let members = value.contains(&b'.')
        && !broken
        && !is_random(value)
        && value.split(|byte| *byte == b'.').all(|part| {
            part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
                && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        });
    // The end of an argument list: `password=args.password)`.
    let closing = matches!(value.last(), Some(b')' | b']' | b'}'))
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.()[]{}'\"".contains(byte));
    call || members
        || closing
        || value.starts_with(b"(")
        || matches!(value.last(), Some(b'(' | b'{' | b'[' | b';' | b'\\'))
        || matches!(
            value.first(),
            Some(b'@' | b'&' | b'*' | b'!' | b'|' | b'>' | b')' | b'"' | b'\'' | b'`' | b'=')
        ) && value.iter().skip(1).all(|byte| byte.is_ascii_alphanumeric() || b"_.:-\"'{}".contains(byte))
        || MARKS.iter().any(|mark| memchr::memmem::find(value, mark).is_some())
}

fn is_markup(value: &[u8]) -> bool {
    const MARKS: [&[u8]; 11] =
        [b"</", b"/>", b"<br", b"{}", b"{0", b"\\w", b"\\d", b"[a-z", b"[A-Z", b"(?", b"&nbsp;"];
    // `%s` and the like.
    let format = memchr::memchr_iter(b'%', value).any(|place| match value.get(place + 1) {
        Some(b's') => value.get(place + 2).is_none_or(|next| !next.is_ascii_alphanumeric()),
        Some(b'd' | b'v') => value.len() == place + 2,
        _ => false,
    });
    format || MARKS.iter().any(|mark| memchr::memmem::find(value, mark).is_some())
}

/// Paths, URLs, e-mail addresses, host names.
fn is_location(text: &str) -> bool {
    let bytes = text.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let path = text.starts_with("./")
        || text.starts_with("../")
        || text.starts_with("~/")
        || text.starts_with('/')
            && (text.matches('/').count() > 1
                || text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'/'))
        || text.matches('/').count() > 2;
    let address = text.split_once('@').is_some_and(|(user, domain)| {
        !user.is_empty()
            && domain.contains('.')
            && domain.split('.').all(|part| {
                // Nobody writes a domain with capitals.
                let in_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                !part.is_empty() && part.bytes().all(in_domain)
            })
            && domain
                .rsplit('.')
                .next()
                .is_some_and(|top| top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_lowercase()))
    });
    let namespace = text.matches('\\').count() > 1
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'\\');
    namespace || drive || path || address || text.contains("://")
}

/// Nothing but digits and what joins them: numbers, versions, dates, times.
fn is_number(value: &[u8]) -> bool {
    let marked = value.iter().take_while(|byte| b"^~<>=v ".contains(byte)).count();
    value.iter().skip(marked).all(|byte| byte.is_ascii_digit() || b".-:/, +x*".contains(byte))
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Digests as databases and directories keep them, by their marks.
fn is_digest(text: &str) -> bool {
    let hex =
        |rest: &str, length: usize| rest.len() == length && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.strip_prefix("md5").is_some_and(|rest| hex(rest, 32))
        || text.strip_prefix('*').is_some_and(|rest| hex(rest, 40))
        || text.strip_prefix("0x").is_some_and(|rest| rest.len() >= 16 && hex(rest, rest.len()))
        || ["$2y$", "$2a$", "$2b$", "$apr1$", "$1$", "$5$", "$6$", "$y$"]
            .iter()
            .any(|mark| text.contains(mark))
        || text.starts_with("SCRAM-SHA-")
        || text.starts_with("0x0100") && text.len() > 40
        || text.starts_with("0x0200") && text.len() > 40
        || text.to_ascii_lowercase().contains("*deleted*")
}

/// What stands beside a password in a schema or a table of types is no user.
pub(super) fn is_schema(user: &str) -> bool {
    matches!(
        user.to_ascii_lowercase().as_str(),
        "string"
            | "str"
            | "text"
            | "varchar"
            | "required"
            | "optional"
            | "true"
            | "false"
            | "null"
            | "none"
            | "username"
    )
}

/// `passwordField`, `NewPassword`: words that are joined by their case.
fn is_camel(value: &[u8]) -> bool {
    let (parts, odd) = parts(value);
    parts > 1 && odd * 3 < parts
}

/// Letters that no word has: case that changes at random, or hardly a vowel.
fn is_random(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic());
    let (count, vowels) = letters.fold((0, 0), |(count, vowels), byte| {
        (count + 1, vowels + usize::from(b"aeiouyAEIOUY".contains(byte)))
    });
    let (upper, lower) = (value.iter().any(u8::is_ascii_uppercase), value.iter().any(u8::is_ascii_lowercase));
    let (parts, odd) = parts(value);
    count >= 10 && (vowels * 6 < count || upper && lower && parts > 3 && odd * 3 >= parts)
}

/// How many words the case and the joints of a value make of it, and how many of
/// them are none: of one letter, or without a vowel.
fn parts(value: &[u8]) -> (usize, usize) {
    let (mut parts, mut odd) = (0, 0);
    let mut rest = value;
    while !rest.is_empty() {
        let upper = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        let lower = rest.iter().skip(upper).take_while(|byte| byte.is_ascii_lowercase()).count();
        // `HTTPServer`: the last capital begins the next word.
        let length = if upper > 1 && lower > 0 { upper - 1 } else { upper + lower };
        // No letter: a joint.
        let (word, after) = rest.split_at_checked(length.max(1)).unwrap_or((rest, &[]));
        rest = after;
        if length > 0 {
            parts += 1;
            odd += usize::from(length == 1 || !word.iter().any(|byte| b"aeiouyAEIOUY".contains(byte)));
        }
    }
    (parts, odd)
}

/// Digits only after the last letter.
fn is_digits_at_end(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count() == digits
}
