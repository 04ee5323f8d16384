//! Command lines of database programs: `sqlcmd -S host -U user -P password`,
//! `mysql -h host -u user -ppassword`, `PGPASSWORD=password psql -h host -U user`.
//!
//! Sources: the manuals of sqlcmd and bcp, of the MySQL and PostgreSQL client
//! programs, of mongosh and redis-cli. Words are read as a POSIX shell reads them,
//! without expansions.

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

const PROGRAMS: [Programs; 5] = [
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
        names: &["redis-cli", "cqlsh", "clickhouse-client"],
        short: &[(b'h', Key::Server), (b'u', Key::User), (b'a', Key::Password), (b'p', Key::Port)],
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
    let found = read_line(text, range)?;
    found.names_server_at(at).then_some(found)
}

/// Reads the command line that holds `at`, wherever in it that stands.
pub(super) fn around(text: &[u8], at: usize) -> Option<ConnectionString> {
    read_line(text, line_of(text, at)?)
}

/// The lines of the command, joined by backslashes.
fn line_of(text: &[u8], at: usize) -> Option<Range<usize>> {
    let left = at.saturating_sub(MAX_SIDE);
    let right = at.saturating_add(MAX_SIDE).min(text.len());
    let goes_on = |newline: usize| {
        let before = text.get(..newline).unwrap_or_default();
        before.strip_suffix(b"\r").unwrap_or(before).ends_with(b"\\")
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

fn read_line(text: &[u8], range: Range<usize>) -> Option<ConnectionString> {
    let words = words(text, range);
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
        } else if memchr::memmem::find(&word.bytes, b"://").is_some() {
            pairs.push((Key::Server, word.clone()));
        }
    }
    let first = words.first()?.span.start;
    let last = words.last()?.span.end;
    Some(ConnectionString { span: first..last, scheme: Some(scheme), pairs })
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
