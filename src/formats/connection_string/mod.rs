//! Connection strings: `name=value;` pairs as ADO.NET, OLE DB, ODBC and the JDBC
//! driver of SQL Server read them, the URL form `scheme://user:password@host/db`
//! with that of other JDBC drivers, the keyword list of libpq, the arguments of
//! database programs and functions, and the strings of Azure Storage, which have
//! the same pairs without quoting.
//!
//! A string is found from a place inside it (a host name, a key name): it may
//! stand in JSON, XML, YAML, `.env`, source code, a shell command or a binary,
//! with that form's quotation marks and escapes. The search looks at most
//! [`MAX_SIDE`] bytes to either side, once, so its time is bounded.
//!
//! Sources: `DbConnectionStringBuilder` (.NET), `SQLDriverConnect` (ODBC), "Building
//! the connection URL" (JDBC driver for SQL Server), RFC 3986 section 3.2.1.

mod arguments;
mod command;
mod golang;
mod joined;
mod keywords;
mod pgpass;
#[cfg(test)]
mod tests;
mod url;

use std::borrow::Cow;
use std::ops::Range;

use super::escape::{Escapes, Unescaped, unescape};

/// How far to either side of the given place a string may reach, in bytes.
pub const MAX_SIDE: usize = 2048;
/// The most pairs that are read.
const MAX_PAIRS: usize = 64;

/// What a key of a pair means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Host, with or without protocol and port.
    Server,
    /// Port.
    Port,
    /// Database.
    Database,
    /// User.
    User,
    /// Password.
    Password,
    /// How to authenticate.
    Authentication,
    /// Whether the operating system's account is used instead of a password.
    Integrated,
    /// The driver or provider, which tells the kind of server.
    Driver,
    /// A known key that says nothing here.
    Other,
}

/// Keys with blanks and underscores left out, in lower case.
const KEYS: [(&str, Key); 63] = [
    ("server", Key::Server),
    ("datasource", Key::Server),
    ("address", Key::Server),
    ("addr", Key::Server),
    ("networkaddress", Key::Server),
    ("host", Key::Server),
    ("hostname", Key::Server),
    ("servername", Key::Server),
    ("dbq", Key::Server),
    ("port", Key::Port),
    ("portnumber", Key::Port),
    ("database", Key::Database),
    ("initialcatalog", Key::Database),
    ("databasename", Key::Database),
    ("dbname", Key::Database),
    ("db", Key::Database),
    ("user", Key::User),
    ("userid", Key::User),
    ("uid", Key::User),
    ("username", Key::User),
    ("login", Key::User),
    ("password", Key::Password),
    ("pwd", Key::Password),
    ("pass", Key::Password),
    ("passwd", Key::Password),
    ("authentication", Key::Authentication),
    ("integratedsecurity", Key::Integrated),
    ("trustedconnection", Key::Integrated),
    ("accountname", Key::Other),
    ("accountkey", Key::Other),
    ("endpointsuffix", Key::Other),
    ("defaultendpointsprotocol", Key::Other),
    ("blobendpoint", Key::Other),
    ("queueendpoint", Key::Other),
    ("tableendpoint", Key::Other),
    ("fileendpoint", Key::Other),
    ("sharedaccesssignature", Key::Other),
    ("provider", Key::Driver),
    ("driver", Key::Driver),
    ("dsn", Key::Other),
    ("filedsn", Key::Other),
    ("encrypt", Key::Other),
    ("ssl", Key::Other),
    ("sslmode", Key::Other),
    ("trustservercertificate", Key::Other),
    ("hostnameincertificate", Key::Other),
    ("persistsecurityinfo", Key::Other),
    ("pooling", Key::Other),
    ("maxpoolsize", Key::Other),
    ("minpoolsize", Key::Other),
    ("multipleactiveresultsets", Key::Other),
    ("connectiontimeout", Key::Other),
    ("connecttimeout", Key::Other),
    ("logintimeout", Key::Other),
    ("timeout", Key::Other),
    ("commandtimeout", Key::Other),
    ("applicationname", Key::Other),
    ("app", Key::Other),
    ("applicationintent", Key::Other),
    ("workstationid", Key::Other),
    ("columnencryptionsetting", Key::Other),
    ("connectretrycount", Key::Other),
    ("multisubnetfailover", Key::Other),
];
/// The longest of them with the blanks that may be in it.
const MAX_KEY: usize = 40;

/// The meaning of a key, in whatever case and spacing.
fn key_of(name: &[u8]) -> Option<Key> {
    let name = name.trim_ascii();
    if name.is_empty() || name.len() > MAX_KEY {
        return None;
    }
    let mut plain = [0; MAX_KEY];
    let significant = name.iter().filter(|byte| !matches!(byte, b' ' | b'_'));
    let length = plain.iter_mut().zip(significant).map(|(to, byte)| *to = byte.to_ascii_lowercase()).count();
    let plain = plain.get(..length)?;
    KEYS.iter().find(|(known, _)| known.as_bytes() == plain).map(|(_, key)| *key)
}

/// A value with the place of its raw bytes in the text that was searched.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// The value, its quotes and escapes undone.
    pub bytes: Vec<u8>,
    /// Where it stands, without its quotes.
    pub span: Range<usize>,
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({} bytes at {:?})", self.bytes.len(), self.span)
    }
}

impl Value {
    /// The value as text, without white space around it, invalid UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.trim_ascii())
    }
}

/// A connection string that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionString {
    /// Where the whole string stands, without quotes around it.
    pub span: Range<usize>,
    /// The scheme of a URL, or the program of a command line, in lower case.
    pub scheme: Option<String>,
    pairs: Vec<(Key, Value)>,
}

/// Reads the form around a place in a text.
type Reader = fn(&[u8], usize) -> Option<ConnectionString>;

impl ConnectionString {
    /// Finds and reads the string around the byte at `at`. `None` when nothing
    /// around it looks like one.
    #[must_use]
    pub fn around(text: &[u8], at: usize) -> Option<Self> {
        let left = at.saturating_sub(MAX_SIDE);
        let right = at.saturating_add(MAX_SIDE).min(text.len());
        let before = text.get(left..at)?;
        let after = text.get(at..right)?;
        url::read(before, after, left)
            .or_else(|| encoded_form(before, after, left))
            .or_else(|| pair_form(text.get(left..right)?, before.len(), left))
    }

    /// Every reading of the text around the byte at `at`, which stands in the name
    /// of a server: the string that holds it, a list of keywords, the arguments of
    /// a function or of a program. The readings of a place that is not in such a
    /// form are `None` or hold no password.
    pub fn readings(text: &[u8], at: usize) -> impl Iterator<Item = Self> {
        const READERS: [Reader; 10] = [
            ConnectionString::around,
            url::oracle,
            keywords::read,
            golang::read,
            joined::read,
            arguments::read,
            arguments::read_before,
            arguments::read_variable,
            command::read,
            pgpass::read,
        ];
        READERS.into_iter().filter_map(move |read| read(text, at))
    }

    /// Every reading of the text around the byte at `at`, wherever in a login that
    /// stands: in the host of a URL, anywhere in a string of pairs, a list of
    /// keywords, a command line or a line of `.pgpass`.
    pub fn readings_anywhere(text: &[u8], at: usize) -> impl Iterator<Item = Self> {
        const READERS: [Reader; 5] =
            [ConnectionString::around, url::oracle, keywords::around, command::around, pgpass::around];
        READERS.into_iter().filter_map(move |read| read(text, at))
    }

    /// Whether the value of the server holds the byte at `at`.
    #[must_use]
    pub fn names_server_at(&self, at: usize) -> bool {
        self.get(Key::Server).is_some_and(|server| server.span.start <= at && at < server.span.end)
    }

    /// The first value of a key that is not empty.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.pairs
            .iter()
            .find(|(found, value)| *found == key && !value.bytes.trim_ascii().is_empty())
            .map(|(_, value)| value)
    }

    /// Every value of a key, in order.
    pub fn all(&self, key: Key) -> impl Iterator<Item = &Value> {
        self.pairs.iter().filter(move |(found, _)| *found == key).map(|(_, value)| value)
    }

    /// The host of the server without protocol, instance and port, in lower case.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let value = self.get(Key::Server)?.text().to_ascii_lowercase();
        host_of(&value)
    }

    /// The port, from its own key or after the server's name.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        if let Some(port) = self.get(Key::Port) {
            return port.text().parse().ok();
        }
        port_of(&self.get(Key::Server)?.text())
    }
}

/// The host in the name of a server: without protocol, scheme, instance and port.
#[must_use]
pub fn host_of(server: &str) -> Option<String> {
    let value = server.trim().to_ascii_lowercase();
    let value = value.split_once("://").map_or(value.as_str(), |(_, rest)| rest);
    let value = value.rsplit_once('@').map_or(value, |(_, rest)| rest);
    let host = ["tcp:", "np:", "admin:", "lpc:"]
        .iter()
        .find_map(|protocol| value.strip_prefix(protocol))
        .unwrap_or(value)
        .trim();
    // `//host:port/service`, as Oracle has it.
    let host = host.strip_prefix("//").unwrap_or(host);
    if let Some(address) = host.strip_prefix('[') {
        return address.split_once(']').map(|(address, _)| address.to_owned());
    }
    let end = host.find([',', ':', '\\', '/', ' ', ';', '?']).unwrap_or(host.len());
    host.get(..end).filter(|host| !host.is_empty()).map(str::to_owned)
}

/// The port in the name of a server: after its last comma or colon.
#[must_use]
pub fn port_of(server: &str) -> Option<u16> {
    let server = server.split_once("://").map_or(server, |(_, rest)| rest);
    let server = server.rsplit_once('@').map_or(server, |(_, rest)| rest);
    let server = server.strip_prefix("//").unwrap_or(server);
    let end = server.find(['/', ';', '?']).unwrap_or(server.len());
    server.get(..end)?.rsplit([',', ':']).next()?.trim().parse().ok()
}

/// A quotation mark as a file may write it.
const QUOTES: [&[u8]; 10] =
    [b"\\\"", b"\\'", b"\"", b"'", b"`", b"&quot;", b"&apos;", b"&#34;", b"\\u0022", b"\\u0027"];

/// The `name=value;` form. `window` is the text in reach, `at` the place in it.
fn pair_form(window: &[u8], at: usize, left: usize) -> Option<ConnectionString> {
    let before = window.get(..at)?;
    // Settings of JSON or YAML are looked at here too, each of them with all that
    // stands before it.
    if memchr::memchr(b'=', window).is_none() && !has_jdbc(window) {
        return None;
    }
    let line_start = before.iter().rposition(|byte| ends_text(*byte)).map_or(0, |at| at.saturating_add(1));
    let (start, quote) = match opening_quote(window, line_start, at) {
        Some((quote_at, quote)) => (quote_at.saturating_add(quote.len()), Some(quote)),
        None => (first_key(window, line_start, at)?, None),
    };
    let end = at.saturating_add(closing(window.get(at..)?, quote));
    let span = left.saturating_add(start)..left.saturating_add(end);
    // Inside an XML tag a backslash is a backslash; elsewhere a quoted string is
    // a literal of some language, where it escapes.
    let tag = window.get(line_start..start).is_some_and(|before| before.contains(&b'<'));
    let escapes = Escapes { backslash: quote.is_some() && !tag, xml: true, percent: false };
    let plain = unescape(window.get(start..end)?, escapes);
    let pairs = read_pairs(&plain, span.start);
    Some(ConnectionString { span, scheme: None, pairs }).filter(|found| found.pairs.len() > 1)
}

/// Whether a URL of JDBC may begin in the window.
fn has_jdbc(window: &[u8]) -> bool {
    memchr::memchr_iter(b':', window).any(|colon| {
        window.get(colon.saturating_sub(4)..colon).is_some_and(|word| word.eq_ignore_ascii_case(b"jdbc"))
    })
}

/// A byte that no connection string holds.
fn ends_text(byte: u8) -> bool {
    byte < b' ' && byte != b'\t' || byte == 0x7f
}

/// The nearest quotation mark at or before `at` that opens a connection string: a
/// known key, or the start of a URL, follows it. Marks around single values are
/// passed over.
fn opening_quote(window: &[u8], from: usize, at: usize) -> Option<(usize, &'static [u8])> {
    let mut place = at;
    while place > from {
        place = place.saturating_sub(1);
        if !matches!(window.get(place), Some(b'"' | b'\'' | b'`' | b'&' | b'\\')) {
            continue;
        }
        let rest = window.get(place..)?;
        let Some(quote) = QUOTES.into_iter().find(|quote| rest.starts_with(quote)) else { continue };
        if starts_string(rest.get(quote.len()..)?) {
            // `\"` is found at its `"` first.
            let escaped =
                place.checked_sub(1).filter(|at| window.get(*at) == Some(&b'\\') && quote.len() == 1);
            return match escaped {
                Some(place) if quote == b"\"" => Some((place, b"\\\"")),
                Some(place) if quote == b"'" => Some((place, b"\\'")),
                _ => Some((place, quote)),
            };
        }
    }
    None
}

/// Whether these bytes begin a connection string.
fn starts_string(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..bytes.len().min(MAX_KEY.saturating_mul(2))).unwrap_or_default();
    // What `key_of` takes for a key has a letter before anything else.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != b'_');
    if !first.is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    if starts_with_fold(bytes, b"jdbc:") {
        return true;
    }
    let Some(equals) = memchr::memchr(b'=', bytes) else { return false };
    if data_source_prefix(bytes).is_some() {
        return true;
    }
    bytes.get(..equals).is_some_and(|name| key_of(name).is_some())
}

/// The length of the prefix of a data source name of PHP or Perl:
/// `mysql:host=…;dbname=…`, `DBI:Pg:dbname=…`.
fn data_source_prefix(bytes: &[u8]) -> Option<usize> {
    const DRIVERS: [&[u8]; 9] =
        [b"sqlsrv:", b"mysql:", b"pgsql:", b"dblib:", b"odbc:", b"oci:", b"mariadb:", b"pg:", b"firebird:"];
    let lead = if starts_with_fold(bytes, b"dbi:") { 4 } else { 0 };
    let rest = bytes.get(lead..)?;
    let driver = DRIVERS.iter().find(|driver| starts_with_fold(rest, driver))?;
    let length = driver.len().saturating_add(lead);
    let name = bytes.get(length..)?;
    let equals = memchr::memchr(b'=', name.get(..name.len().min(MAX_KEY))?)?;
    name.get(..equals).is_some_and(|name| key_of(name).is_some()).then_some(length)
}

fn starts_with_fold(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// Without an opening quote: the first known key with its `=`, or the start of a
/// URL, at a boundary in the line, at `at` at the latest.
fn first_key(window: &[u8], from: usize, at: usize) -> Option<usize> {
    let mut boundary = true;
    for place in from..=at {
        let byte = *window.get(place)?;
        if boundary && byte.is_ascii_alphabetic() && starts_string(window.get(place..)?) {
            return Some(place);
        }
        boundary = !byte.is_ascii_alphanumeric() && byte != b'_' && byte != b'-';
    }
    None
}

/// Where the string ends: at its closing quote, at the end of the line or the
/// element, at a byte that no text holds.
fn closing(after: &[u8], quote: Option<&[u8]>) -> usize {
    let mut at = 0_usize;
    while let Some(rest) = after.get(at..).filter(|rest| !rest.is_empty()) {
        let byte = rest.first().copied().unwrap_or_default();
        if ends_text(byte) || rest.starts_with(b"</") || rest.starts_with(b"<!") {
            return at;
        }
        match quote {
            Some(quote) if rest.starts_with(quote) => return at,
            Some(quote) if byte == b'\\' && quote.first() != Some(&b'\\') => at = at.saturating_add(1),
            _ => {}
        }
        at = at.saturating_add(1);
    }
    after.len()
}

/// Reads the pairs of a string whose file's escapes are undone. `base` is where
/// its raw bytes begin.
fn read_pairs(plain: &Unescaped<'_>, base: usize) -> Vec<(Key, Value)> {
    let bytes = plain.bytes.as_ref();
    let mut pairs = Vec::new();
    let mut at = 0_usize;
    let spanned = |range: &Range<usize>| {
        base.saturating_add(plain.raw_offset(range.start))..base.saturating_add(plain.raw_offset(range.end))
    };
    if let Some(authority) =
        memchr::memmem::find(bytes.get(..bytes.len().min(48)).unwrap_or_default(), b"://")
        && starts_with_fold(bytes, b"jdbc:")
    {
        let start = authority.saturating_add(3);
        let length = bytes.get(start..).and_then(|rest| memchr::memchr3(b';', b'/', b'?', rest));
        let end = length.map_or(bytes.len(), |length| start.saturating_add(length));
        let value = bytes.get(start..end).unwrap_or_default().to_vec();
        pairs.push((Key::Server, Value { bytes: value, span: spanned(&(start..end)) }));
        at = end;
    } else if let Some(length) = data_source_prefix(bytes) {
        at = length;
    }
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty() && pairs.len() < MAX_PAIRS) {
        let Some(stop) = memchr::memchr2(b'=', b';', rest) else { break };
        if rest.get(stop) == Some(&b';') {
            at = at.saturating_add(stop).saturating_add(1);
            continue;
        }
        let name = rest.get(..stop).unwrap_or_default();
        let value_at = at.saturating_add(stop).saturating_add(1);
        let key = key_of(name);
        // `database=Server=…`: the outer name is that of the setting.
        if pairs.is_empty() && starts_string(bytes.get(value_at..).unwrap_or_default()) {
            at = value_at;
            continue;
        }
        let (value, range, next) = read_value(bytes, value_at);
        if let Some(key) = key {
            pairs.push((key, Value { bytes: value, span: spanned(&range) }));
        }
        at = next;
    }
    pairs
}

/// Reads one value: quoted with `'` or `"` (doubled inside) or `{}` (`}}` inside),
/// or plain up to the next `;`. Returns it, its place, and where the next pair is.
fn read_value(bytes: &[u8], start: usize) -> (Vec<u8>, Range<usize>, usize) {
    let rest = bytes.get(start..).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let quoted = rest.get(blanks..).unwrap_or_default();
    let closer = match quoted.first() {
        Some(quote @ (b'"' | b'\'')) => Some(*quote),
        Some(b'{') => Some(b'}'),
        _ => None,
    };
    if let Some(closer) = closer
        && let Some((value, length)) = read_quoted(quoted.get(1..).unwrap_or_default(), closer)
    {
        let first = start.saturating_add(blanks).saturating_add(1);
        let end = first.saturating_add(length);
        let after = bytes.get(end.saturating_add(1)..).unwrap_or_default();
        let gap = after.iter().take_while(|byte| **byte == b' ').count();
        if matches!(after.get(gap), None | Some(b';')) {
            return (value, first..end, end.saturating_add(gap).saturating_add(2));
        }
    }
    let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let value = rest.get(..length).unwrap_or_default();
    let lead = value.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let value = value.trim_ascii();
    let first = start.saturating_add(lead);
    let end = first.saturating_add(value.len());
    (value.to_vec(), first..end, start.saturating_add(length).saturating_add(1))
}

/// The content of a quoted value and the number of bytes up to its closing mark.
fn read_quoted(bytes: &[u8], closer: u8) -> Option<(Vec<u8>, usize)> {
    let mut value = Vec::new();
    let mut at = 0_usize;
    loop {
        let byte = *bytes.get(at)?;
        let next = at.saturating_add(1);
        if byte == closer {
            if bytes.get(next) != Some(&closer) {
                return Some((value, at));
            }
            at = next;
        }
        value.push(byte);
        at = at.saturating_add(1);
    }
}

/// A string with its `=` and `;` percent-encoded, as the value of a URL's
/// parameter (SQLAlchemy's `odbc_connect=`).
fn encoded_form(before: &[u8], after: &[u8], left: usize) -> Option<ConnectionString> {
    let stops = |byte: &u8| *byte <= b' ' || b"\"'`<>;=&?".contains(byte) || *byte == 0x7f;
    let start = before.iter().rposition(stops).map_or(0, |at| at.saturating_add(1));
    let head = before.get(start..)?;
    memchr::memmem::find(head, b"%3D").or_else(|| memchr::memmem::find(head, b"%3d"))?;
    let end = after.iter().position(stops).unwrap_or(after.len());
    let mut raw = [head, after.get(..end)?].concat();
    // In a query a plus is a blank.
    raw.iter_mut().filter(|byte| **byte == b'+').for_each(|byte| *byte = b' ');
    let plain = unescape(&raw, Escapes { percent: true, ..Escapes::default() });
    let base = left.saturating_add(start);
    let pairs = read_pairs(&plain, base);
    let span = base..base.saturating_add(raw.len());
    Some(ConnectionString { span, scheme: None, pairs }).filter(|found| found.pairs.len() > 1)
}
