//! Who logged in to the machine, by its own logs: with which key, when and from where.
//!
//! Sources: the logs of the server as syslog keeps them, plain, rotated and compressed by
//! gzip; `wtmp` and `lastlog`. The newest logs are read first, within bounds, and of a
//! long one its end. Not read: the journal, other compressions, and the databases that
//! replace `wtmp` and `lastlog` (wtmpdb, lastlog2).
//!
//! A line without a year was written in the year in which its log was last changed, or
//! in one before: where a line's day is before that of the line above it by more than a
//! day, a year has passed between them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::reader::Reader;
use super::users::Users;
use crate::finding::{KeyUse, Login, Timestamp};
use crate::formats::auth_log::{self, KeyLogin, MAX_LINE, Stamp};
use crate::formats::utmp::{self, Width};
use crate::source::FileStat;

/// The most logs of each kind.
const MAX_LOGS: usize = 200;
/// The most bytes that are read of one plain log: its end.
const MAX_LOG: u64 = 256 << 20;
/// The most bytes that are read of all logs of a kind together, decompressed.
const MAX_BYTES: u64 = 512 << 20;
/// The most different uses of keys.
const MAX_USES: usize = 10_000;
/// How much is read at a time.
const CHUNK: usize = 256 << 10;
const DAY: i64 = 86_400;

/// What the logs say.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// Uses of keys, by key, account, address and authority.
    pub(super) keys: Vec<KeyUse>,
    /// The last login by the name of the account.
    pub(super) last: HashMap<String, Login>,
}

/// What makes a use one with another.
type Which = (String, String, String, Option<String>);

/// Reads all logs.
pub(super) fn read(reader: &mut Reader<'_>, users: &Users, zone: &TimeZone, now: Timestamp) -> Logins {
    let mut keys: BTreeMap<Which, KeyUse> = BTreeMap::new();
    let mut left = MAX_BYTES;
    // What the first two have may be in the third as well.
    let own = reader.exists("var/log/auth.log") || reader.exists("var/log/secure");
    let names = if own { &["auth.log", "secure"][..] } else { &["auth.log", "secure", "messages"] };
    for log in logs(reader, names) {
        of_log(reader, &log, zone, now, &mut left, &mut keys);
    }
    let mut last = HashMap::new();
    let mut left = MAX_BYTES;
    for log in logs(reader, &["wtmp"]) {
        sessions(reader, &log, &mut left, &mut last);
    }
    lastlog(reader, users, &mut last);
    Logins { keys: keys.into_values().collect(), last }
}

/// A log.
struct Log {
    path: Vec<u8>,
    stat: FileStat,
    gzip: bool,
}

impl Log {
    fn text(&self) -> String {
        format!("/{}", String::from_utf8_lossy(&self.path))
    }
}

/// The logs of these names and what they were rotated to, the newest first.
fn logs(reader: &mut Reader<'_>, names: &[&str]) -> Vec<Log> {
    let mut found = Vec::new();
    for name in reader.list(b"var/log") {
        let rest = names.iter().find_map(|wanted| name.strip_prefix(wanted.as_bytes()));
        let Some(rest) = rest.filter(|rest| matches!(rest.first(), None | Some(b'.' | b'-'))) else {
            continue;
        };
        let path = [b"var/log/", &*name].concat();
        if [&b".xz"[..], b".bz2", b".zst"].iter().any(|end| rest.ends_with(end)) {
            reader.problem(&path, "a log in a compressed form that is not read");
            continue;
        }
        let Ok(file) = reader.open(&path) else { continue };
        found.push(Log { stat: file.stat, gzip: rest.ends_with(b".gz"), path });
    }
    found.sort_by(|one, other| (other.stat.mtime, &one.path).cmp(&(one.stat.mtime, &other.path)));
    if let Some(first) = found.get(MAX_LOGS) {
        reader.problem(&first.path, "more logs than are read");
    }
    found.truncate(MAX_LOGS);
    found
}

/// Calls `take` with each line or record of a log, as far as it may be read; `record` is
/// the length of a record, none for lines.
fn each(
    reader: &mut Reader<'_>,
    log: &Log,
    left: &mut u64,
    record: Option<usize>,
    take: &mut dyn FnMut(&[u8]),
) {
    let Ok(file) = reader.open(&log.path) else { return };
    let size = log.stat.size.unwrap_or(0);
    let limit = MAX_LOG.min(*left);
    let mut start = size.saturating_sub(limit);
    if let Some(record) = record.and_then(|record| u64::try_from(record).ok()) {
        start = start.next_multiple_of(record.max(1));
    }
    // What is cut off at its start is no line.
    let mut skip = record.is_none() && start > 0 && !log.gzip;
    let source: Box<dyn Read + '_> = if log.gzip {
        Box::new(MultiGzDecoder::new(io::BufReader::new(file)))
    } else {
        Box::new(file.starting_at(start))
    };
    let mut source = source.take(limit);
    let mut buffer: Vec<u8> = Vec::new();
    let mut result = Ok(());
    loop {
        let had = buffer.len();
        buffer.resize(had.saturating_add(CHUNK), 0);
        let read = match buffer.get_mut(had..).map(|space| source.read(space)) {
            Some(Ok(read)) => read,
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                buffer.truncate(had);
                continue;
            }
            Some(Err(error)) => {
                result = Err(error);
                0
            }
            None => 0,
        };
        buffer.truncate(had.saturating_add(read));
        *left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        let mut used = 0;
        while let Some(rest) = buffer.get(used..) {
            let length = match record {
                Some(record) if rest.len() >= record => record,
                None => match memchr::memchr(b'\n', rest) {
                    Some(length) => length,
                    None => break,
                },
                Some(_) => break,
            };
            if !std::mem::take(&mut skip) {
                take(rest.get(..length).unwrap_or_default());
            }
            used = used.saturating_add(length).saturating_add(usize::from(record.is_none()));
        }
        buffer.drain(..used.min(buffer.len()));
        // A line that goes on and on is none of ours.
        if record.is_none() && buffer.len() > MAX_LINE {
            buffer.clear();
            skip = true;
        }
        if read == 0 {
            break;
        }
    }
    if record.is_none() && !skip && !buffer.is_empty() {
        take(&buffer);
    }
    if result.is_err() {
        reader.problem(&log.path, "the log is damaged or ends early");
    }
    if (start > 0 && !log.gzip) || source.limit() == 0 {
        reader.problem(&log.path, "the log is longer than what is read of logs");
    }
}

/// What a log says of one use, with years counted from its first line.
struct InLog {
    first: (Stamp, i64),
    last: (Stamp, i64),
    count: u64,
}

/// Reads the log of a server.
fn of_log(
    reader: &mut Reader<'_>,
    log: &Log,
    zone: &TimeZone,
    now: Timestamp,
    left: &mut u64,
    keys: &mut BTreeMap<Which, KeyUse>,
) {
    let mut found: BTreeMap<Which, InLog> = BTreeMap::new();
    let finder = memchr::memmem::Finder::new(auth_log::MARK);
    let (mut year, mut before, mut too_many) = (0_i64, None, false);
    let mut take = |line: &[u8]| {
        // Few lines are logins.
        if finder.find(line).is_none() {
            return;
        }
        let Some(KeyLogin { stamp, user, address, fingerprint, authority }) = auth_log::key_login(line)
        else {
            return;
        };
        if let Stamp::NoYear { month, day, second } = stamp {
            let at = day_of_year(month, day).saturating_mul(DAY).saturating_add(i64::from(second));
            if before.is_some_and(|before: i64| at.saturating_add(DAY) < before) {
                year = year.saturating_add(1);
            }
            before = Some(at);
        }
        let which = (fingerprint, user, address, authority);
        if let Some(known) = found.get_mut(&which) {
            known.last = (stamp, year);
            known.count = known.count.saturating_add(1);
        } else if found.len() < MAX_USES {
            found.insert(which, InLog { first: (stamp, year), last: (stamp, year), count: 1 });
        } else {
            too_many = true;
        }
    };
    each(reader, log, left, None, &mut take);
    let changed = log.stat.mtime.and_then(|(seconds, _)| Timestamp::from_unix(seconds, 0)).unwrap_or(now);
    // The year of the last line.
    let last_year = found.values().map(|found| found.last).max_by_key(|(stamp, year)| (*year, order(*stamp)));
    let last_year = last_year.and_then(|(stamp, _)| year_of(stamp, changed, zone));
    let resolve = |(stamp, at): (Stamp, i64)| match stamp {
        Stamp::Known(time) => Some(time),
        Stamp::NoYear { month, day, second } => {
            time(last_year?.saturating_sub(year.saturating_sub(at)), month, day, second, zone)
        }
    };
    for (which, found) in found {
        let (Some(first), Some(last)) = (resolve(found.first), resolve(found.last)) else {
            reader.problem(&log.path, "a line of a day that there is not");
            continue;
        };
        let (fingerprint, account, address, authority) = which.clone();
        let year_inferred = matches!(found.last.0, Stamp::NoYear { .. });
        let path = log.text();
        let count = found.count;
        let new =
            KeyUse { fingerprint, account, address, first, last, count, path, year_inferred, authority };
        if let Some(known) = keys.get_mut(&which) {
            known.first = known.first.min(first);
            known.count = known.count.saturating_add(count);
            if last > known.last {
                (known.last, known.path, known.year_inferred) = (last, new.path, year_inferred);
            }
        } else if keys.len() < MAX_USES {
            keys.insert(which, new);
        } else {
            too_many = true;
        }
    }
    if too_many {
        reader.problem(&log.path, "more uses of keys than are kept");
    }
}

fn order(stamp: Stamp) -> i64 {
    match stamp {
        Stamp::Known(_) => 0,
        Stamp::NoYear { month, day, second } => {
            day_of_year(month, day).saturating_mul(DAY).saturating_add(i64::from(second))
        }
    }
}

/// Counted as if every month had 31 days: it is only compared.
fn day_of_year(month: u8, day: u8) -> i64 {
    i64::from(month).saturating_mul(31).saturating_add(i64::from(day))
}

/// The year of a line, where its log was last changed then: the latest one in which the
/// line is not after that, a day aside.
fn year_of(stamp: Stamp, changed: Timestamp, zone: &TimeZone) -> Option<i64> {
    let Stamp::NoYear { month, day, second } = stamp else { return None };
    let latest = changed.plus_seconds(DAY)?;
    let year = jiff::Timestamp::from_second(latest.unix_seconds()).ok()?;
    let year = i64::from(zone.to_datetime(year).year());
    // The 29th of February is there every four years, save at the turn of some centuries.
    let mut years = (0..9).filter_map(|back| year.checked_sub(back));
    years.find(|year| time(*year, month, day, second, zone).is_some_and(|time| time <= latest))
}

fn time(year: i64, month: u8, day: u8, second: u32, zone: &TimeZone) -> Option<Timestamp> {
    let part = |number: u32| i8::try_from(number).ok();
    let date =
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let (hour, minute) = (second.checked_div(3600)?, second.checked_div(60)?.checked_rem(60)?);
    let local = date.at(part(hour)?, part(minute)?, part(second.checked_rem(60)?)?, 0);
    Timestamp::from_unix(zone.to_timestamp(local).ok()?.as_second(), 0)
}

/// Reads a log of sessions.
fn sessions(reader: &mut Reader<'_>, log: &Log, left: &mut u64, last: &mut HashMap<String, Login>) {
    let mut head = Vec::new();
    let Ok(file) = reader.open(&log.path) else { return };
    let longest = u64::try_from(64 * Width::Wide.session_length()).unwrap_or(u64::MAX);
    let read = if log.gzip {
        MultiGzDecoder::new(io::BufReader::new(file)).take(longest).read_to_end(&mut head)
    } else {
        file.take(longest).read_to_end(&mut head)
    };
    if head.is_empty() && read.is_ok() {
        return;
    }
    let Some(width) = Width::of_sessions(&head) else {
        reader.problem(&log.path, "it has not the form of a log of sessions");
        return;
    };
    let path = log.text();
    each(reader, log, left, Some(width.session_length()), &mut |record| {
        if let Some(login) = utmp::session(record, width) {
            newer(last, login.user.clone(), login, &path);
        }
    });
}

/// Reads the last login of each account: the file is as long as the greatest number of
/// an account says, and most of it is a hole.
fn lastlog(reader: &mut Reader<'_>, users: &Users, last: &mut HashMap<String, Login>) {
    const PATH: &[u8] = b"var/log/lastlog";
    let Ok(file) = reader.open(PATH) else { return };
    let size = file.stat.size.unwrap_or(0);
    let length = |width: &Width| u64::try_from(width.last_length()).unwrap_or(u64::MAX);
    let Some(width) = Width::ALL.into_iter().find(|width| size.is_multiple_of(length(width))) else {
        reader.problem(PATH, "it has not the form of a log of last logins");
        return;
    };
    let mut damaged = false;
    for user in &users.users {
        let mut record = vec![0; width.last_length()];
        let offset = u64::from(user.uid).saturating_mul(length(&width));
        if offset >= size {
            continue;
        }
        match file.read_exact_at(&mut record, offset) {
            Ok(()) => {}
            Err(_) => damaged = true,
        }
        if let Some(login) = utmp::last(&record, width) {
            newer(last, user.name.clone(), login, "/var/log/lastlog");
        }
    }
    drop(file);
    if damaged {
        reader.problem(PATH, "a part of it cannot be read");
    }
}

/// Keeps the later login of an account.
fn newer(last: &mut HashMap<String, Login>, user: String, login: utmp::Login, path: &str) {
    let Some(time) = Timestamp::from_unix(login.seconds, 0) else { return };
    if last.get(&user).is_some_and(|known| known.time >= time) {
        return;
    }
    if last.len() >= MAX_USES && !last.contains_key(&user) {
        return;
    }
    let from = Some(login.host).filter(|host| !host.is_empty());
    last.insert(user, Login { time, from, path: path.to_owned() });
}
