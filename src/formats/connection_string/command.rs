//! Command lines of database programs: `sqlcmd -S host -U user -P password`,
//! `mysql -h host -u user -ppassword`, `PGPASSWORD=password psql -h host -U user`.
//!
//! A program that is not known has the options that most have: `--username U
//! --password P` and PowerShell's `-Username U -Password P` beside the host.
//!
//! Sources: the manuals of sqlcmd and bcp, of the MySQL and PostgreSQL client
//! programs, of mongosh, redis-cli, cqlsh, `Invoke-Sqlcmd`, Sqoop and SqlPackage.
//! Words are read as a POSIX shell reads them, without expansions.

use std::ops::Range;

use super::{ConnectionString, Key, MAX_PAIRS, MAX_SIDE, Value};

/// The most words of a command line.
const MAX_WORDS: usize = 64;

/// The programs of one kind.
struct Programs {
    names: &'static [&'static str],
    /// Options of one letter, with their value in the same or the next word.
    short: &'static [(u8, Key)],
    /// Whether the value of the password's short option may not be the next word.
    attached_password: bool,
}

const PROGRAMS: [Programs; 6] = [
    Programs {
        names: &["sqlcmd", "bcp", "osql", "sqlcmd.exe", "bcp.exe", "tsql"],
        short: &[(b'S', Key::Server), (b'U', Key::User), (b'P', Key::Password), (b'd', Key::Database)],
        attached_password: false,
    },
    Programs {
        names: &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mariadb",
            "mariadb-dump",
            "mysqlimport",
            "mysqlcheck",
            "mysqlsh",
            "mydumper",
            "mytop",
            "mysqlpump",
        ],
        short: &[
            (b'h', Key::Server),
            (b'u', Key::User),
            (b'p', Key::Password),
            (b'P', Key::Port),
            (b'D', Key::Database),
        ],
        attached_password: true,
    },
    Programs {
        names: &[
            "psql",
            "pg_dump",
            "pg_restore",
            "pg_dumpall",
            "createdb",
            "dropdb",
            "pg_basebackup",
            "vacuumdb",
            "pg_isready",
        ],
        short: &[(b'h', Key::Server), (b'U', Key::User), (b'p', Key::Port), (b'd', Key::Database)],
        attached_password: false,
    },
    Programs {
        names: &["mongosh", "mongo", "mongodump", "mongorestore", "mongoexport", "mongoimport"],
        short: &[(b'h', Key::Server), (b'u', Key::User), (b'p', Key::Password), (b'd', Key::Database)],
        attached_password: false,
    },
    Programs {
        names: &["redis-cli", "clickhouse-client"],
        short: &[(b'h', Key::Server), (b'u', Key::User), (b'a', Key::Password), (b'p', Key::Port)],
        attached_password: false,
    },
    // The host of cqlsh is a word alone.
    Programs {
        names: &["cqlsh", "cqlsh.py"],
        short: &[(b'u', Key::User), (b'p', Key::Password), (b'k', Key::Database)],
        attached_password: false,
    },
];

const LONG: [(&str, Key); 12] = [
    ("host", Key::Server),
    ("server", Key::Server),
    ("user", Key::User),
    ("username", Key::User),
    ("password", Key::Password),
    ("pass", Key::Password),
    ("port", Key::Port),
    ("dbname", Key::Database),
    ("database", Key::Database),
    ("db", Key::Database),
    ("server-name", Key::Server),
    ("database-name", Key::Database),
];

/// Options of programs that are not known, without their dashes. `tsn`, `tu` and
/// `tp` are those of SqlPackage.
const ANY_LONG: [(&str, Key); 18] = [
    ("user", Key::User),
    ("username", Key::User),
    ("userid", Key::User),
    ("uid", Key::User),
    ("login", Key::User),
    ("dbuser", Key::User),
    ("targetuser", Key::User),
    ("tu", Key::User),
    ("su", Key::User),
    ("password", Key::Password),
    ("pwd", Key::Password),
    ("pass", Key::Password),
    ("dbpassword", Key::Password),
    ("targetpassword", Key::Password),
    ("tp", Key::Password),
    ("sp", Key::Password),
    ("database", Key::Database),
    ("dbname", Key::Database),
];

/// Variables that give a program its password.
const VARIABLES: [(&str, Key); 6] = [
    ("PGPASSWORD", Key::Password),
    ("MYSQL_PWD", Key::Password),
    ("SQLCMDPASSWORD", Key::Password),
    ("REDISCLI_AUTH", Key::Password),
    ("PGUSER", Key::User),
    ("PGDATABASE", Key::Database),
];

/// Reads the command line in whose host `at` stands.
pub(super) fn read(text: &[u8], at: usize) -> Option<ConnectionString> {
    let range = line_of(text, at)?;
    let words = words(text, range);
    let known = of_program(&words, Some(at)).filter(|found| found.names_server_at(at));
    known.or_else(|| of_any(text, &words, at))
}

/// Reads the command line that holds `at`, wherever in it that stands.
pub(super) fn around(text: &[u8], at: usize) -> Option<ConnectionString> {
    of_program(&words(text, line_of(text, at)?), None)
}

/// The lines of the command, joined by backslashes.
fn line_of(text: &[u8], at: usize) -> Option<Range<usize>> {
    let left = at.saturating_sub(MAX_SIDE);
    let right = at.saturating_add(MAX_SIDE).min(text.len());
    let goes_on = |newline: usize| {
        let before = text.get(..newline).unwrap_or_default();
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        // PowerShell goes on after a backquote.
        before.ends_with(b"\\") || before.ends_with(b" `")
    };
    let mut start = at;
    while let Some(newline) = memchr::memrchr(b'\n', text.get(left..start)?) {
        let newline = left.saturating_add(newline);
        if !goes_on(newline) {
            start = newline.saturating_add(1);
            break;
        }
        start = newline;
    }
    if memchr::memchr(b'\n', text.get(left..start)?).is_none()
        && text.get(start.wrapping_sub(1)) != Some(&b'\n')
    {
        start = left;
    }
    let mut end = at;
    loop {
        match memchr::memchr(b'\n', text.get(end..right)?) {
            Some(length) => {
                let newline = end.saturating_add(length);
                end = newline.saturating_add(1);
                if !goes_on(newline) {
                    return Some(start..newline);
                }
            }
            None => return Some(start..right),
        }
    }
}

/// The arguments of a known program; `at` is where its host is known to stand.
fn of_program(words: &[Value], at: Option<usize>) -> Option<ConnectionString> {
    let name = |word: &Value| {
        let name = String::from_utf8_lossy(&word.bytes).to_ascii_lowercase();
        name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
    };
    let (index, programs) = words.iter().enumerate().find_map(|(index, word)| {
        let name = name(word);
        PROGRAMS.iter().find(|programs| programs.names.contains(&&*name)).map(|programs| (index, programs))
    })?;
    let scheme = words.get(index).map(name)?;
    let mut pairs = Vec::new();
    for word in words.get(..index).unwrap_or_default() {
        let variable = VARIABLES.iter().find_map(|(name, key)| {
            let rest = word.bytes.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some((*key, tail(word, rest)))
        });
        pairs.extend(variable);
    }
    let mut arguments = words.get(index.saturating_add(1)..).unwrap_or_default().iter().peekable();
    while let Some(word) = arguments.next() {
        if pairs.len() >= MAX_PAIRS {
            break;
        }
        if let Some(option) = word.bytes.strip_prefix(b"--") {
            let equals = memchr::memchr(b'=', option);
            let name =
                String::from_utf8_lossy(option.get(..equals.unwrap_or(option.len())).unwrap_or_default());
            let Some((_, key)) = LONG.iter().find(|(known, _)| *known == name) else { continue };
            match equals {
                Some(equals) => pairs.push((*key, tail(word, option.get(equals.saturating_add(1)..)?))),
                None => {
                    let value = arguments.next_if(|next| !next.bytes.starts_with(b"-"));
                    pairs.extend(value.map(|value| (*key, value.clone())));
                }
            }
        } else if let [b'-', letter, rest @ ..] = word.bytes.as_slice()
            && let Some((_, key)) = programs.short.iter().find(|(known, _)| known == letter)
        {
            if !rest.is_empty() {
                pairs.push((*key, tail(word, rest)));
            } else if *key != Key::Password || !programs.attached_password {
                pairs.extend(arguments.next().map(|value| (*key, value.clone())));
            }
        } else if memchr::memmem::find(&word.bytes, b"://").is_some()
            || at.is_some_and(|at| word.span.contains(&at)) && !word.bytes.contains(&b'@')
        {
            pairs.push((Key::Server, word.clone()));
        } else {
            pairs.extend(account(word).into_iter().flatten());
        }
    }
    let first = words.first()?.span.start;
    let last = words.last()?.span.end;
    Some(ConnectionString { span: first..last, scheme: Some(scheme), pairs })
}

/// `user:password@host` without a scheme, as MySQL Shell takes it.
fn account(word: &Value) -> Option<[(Key, Value); 3]> {
    let bytes = word.bytes.as_slice();
    let mark = memchr::memrchr(b'@', bytes)?;
    let (login, host) = (bytes.get(..mark)?, bytes.get(mark.saturating_add(1)..)?);
    let colon = memchr::memchr(b':', login)?;
    let (user, password) = (login.get(..colon)?, login.get(colon.saturating_add(1)..)?);
    let part = |from: usize, bytes: &[u8]| {
        let first = word.span.start.saturating_add(from).min(word.span.end);
        Value { bytes: bytes.to_vec(), span: first..first.saturating_add(bytes.len()).min(word.span.end) }
    };
    (!user.is_empty() && !password.is_empty() && host.contains(&b'.')).then(|| {
        [
            (Key::User, part(0, user)),
            (Key::Password, part(colon.saturating_add(1), password)),
            (Key::Server, part(mark.saturating_add(1), host)),
        ]
    })
}

/// The options beside the word that holds `at`, in the same command.
fn of_any(text: &[u8], words: &[Value], at: usize) -> Option<ConnectionString> {
    let own = words.iter().position(|word| word.span.start <= at && at < word.span.end)?;
    // A mark between two words ends a command.
    let apart = |pair: &[Value]| {
        let [one, next] = pair else { return true };
        let gap = text.get(one.span.end..next.span.start).unwrap_or_default();
        gap.iter().any(|byte| matches!(byte, b';' | b'|' | b'&'))
    };
    let first = words.get(..=own)?.windows(2).rposition(apart).map_or(0, |place| place.saturating_add(1));
    let rest = words.get(own..)?;
    let last = own.saturating_add(rest.windows(2).position(apart).unwrap_or(rest.len().saturating_sub(1)));
    let words = words.get(first..=last)?;
    let mut pairs = Vec::new();
    let mut arguments = words.iter().peekable();
    while let Some(word) = arguments.next() {
        let option = option(&word.bytes);
        let holds = word.span.start <= at && at < word.span.end;
        let value = match option {
            Some((_, Some(value))) => Some(tail(word, value)),
            Some((_, None)) => arguments.peek().map(|next| (*next).clone()),
            None => None,
        };
        if holds {
            let server = value.filter(|_| matches!(option, Some((_, Some(_)))));
            pairs.push((Key::Server, server.unwrap_or_else(|| word.clone())));
        } else if let (Some((name, _)), Some(value)) = (option, value)
            && let Some((_, key)) = ANY_LONG.iter().find(|(known, _)| *known == plain_name(name))
        {
            pairs.push((*key, value));
        }
    }
    let span = words.first()?.span.start..words.last()?.span.end;
    let found = ConnectionString { span, scheme: None, pairs };
    (found.get(Key::User).is_some() && found.get(Key::Password).is_some()).then_some(found)
}

/// The name of an option, with its value where that is in the same word:
/// `--name`, `-name=value`, `/name:value`.
fn option(word: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let rest = word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-"));
    let name = rest.or_else(|| word.strip_prefix(b"/"))?;
    let length = name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let length = length.count();
    let value = match name.get(length) {
        Some(b'=' | b':') => name.get(length.saturating_add(1)..),
        Some(_) => return None,
        None => None,
    };
    // A path begins with a slash too.
    if length < 2 || rest.is_none() && value.is_none() {
        return None;
    }
    Some((name.get(..length)?, value))
}

/// A name in lower case without what joins its words.
fn plain_name(name: &[u8]) -> String {
    let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
    letters.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// The end of a word. Quotes inside it make its place wider than its bytes.
fn tail(word: &Value, rest: &[u8]) -> Value {
    let lead = word.bytes.len().saturating_sub(rest.len());
    Value {
        bytes: rest.to_vec(),
        span: word.span.start.saturating_add(lead).min(word.span.end)..word.span.end,
    }
}

/// The words of a command line, up to the end of the command.
fn words(text: &[u8], range: Range<usize>) -> Vec<Value> {
    let mut words = Vec::new();
    let mut at = range.start;
    while at < range.end && words.len() < MAX_WORDS {
        let byte = text.get(at).copied().unwrap_or_default();
        if byte.is_ascii_whitespace()
            || byte == b'\\' && text.get(at.saturating_add(1)).is_some_and(|next| *next < b' ')
        {
            at = at.saturating_add(1);
            continue;
        }
        if matches!(byte, b';' | b'|' | b'&' | b'(' | b')' | b'`') {
            at = at.saturating_add(1);
            // The next command of the line; what was read belongs to another one
            // unless the program comes later.
            continue;
        }
        let (word, end) = word(text, at, range.end);
        at = end;
        words.push(word);
    }
    words
}

/// One word with its quotes undone.
fn word(text: &[u8], start: usize, end: usize) -> (Value, usize) {
    let mut bytes = Vec::new();
    let mut at = start;
    let mut quote: Option<u8> = None;
    while at < end {
        let Some(byte) = text.get(at).copied() else { break };
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, byte)
                if byte.is_ascii_whitespace() || matches!(byte, b';' | b'|' | b'&' | b')' | b'`') =>
            {
                break;
            }
            (None | Some(b'"'), b'\\') => {
                at = at.saturating_add(1);
                bytes.extend(text.get(at).copied().filter(|_| at < end));
            }
            (_, byte) => bytes.push(byte),
        }
        at = at.saturating_add(1);
    }
    // The place of a word that is quoted as a whole is what stands in the quotes.
    let whole = text.get(start..at).unwrap_or_default();
    let span = match whole {
        [b'"', .., b'"'] | [b'\'', .., b'\''] if whole.len() == bytes.len().saturating_add(2) => {
            start.saturating_add(1)..at.saturating_sub(1)
        }
        _ => start..at,
    };
    (Value { bytes, span }, at.max(start.saturating_add(1)))
}
