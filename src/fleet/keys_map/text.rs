//! The map for a person: one key after another, those that open most first. Colours and
//! times are those of a scan's text.

use std::io::{self, Write};

use super::{Account, Hint, HintKind, KeysMap, MappedKey, MatchedBy, Place, Use};
use crate::finding::{Severity, Timestamp, Verdict};
use crate::output::escape::visible;
use crate::output::text::layout::{Paint, count, counted, day, distance, moment};

/// How many uses of one key are shown.
const USES_SHOWN: usize = 8;

/// How the text looks.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Whether to write colours.
    pub colour: bool,
    /// Against what ages are told.
    pub now: Timestamp,
}

/// A page of text.
struct Page<'o> {
    out: &'o mut dyn Write,
    paint: Paint,
    now: Timestamp,
}

/// Writes the map as text. Names come from disks and are escaped.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write(map: &KeysMap, view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, paint: Paint { colour: view.colour }, now: view.now };
    for key in &map.keys {
        page.key(key)?;
        writeln!(page.out)?;
    }
    page.weak_entries(map)?;
    page.hosts(map)?;
    page.primes(map)?;
    page.summary(map)
}

impl Page<'_> {
    fn key(&mut self, key: &MappedKey) -> io::Result<()> {
        let paint = self.paint;
        let algorithm = visible(key.algorithm.as_deref().unwrap_or("unknown"));
        write!(self.out, "{} {algorithm}", paint.strong(&visible(&key.fingerprint)))?;
        if let Some(bits) = key.bits {
            write!(self.out, " {bits}")?;
        }
        for comment in &key.comments {
            write!(self.out, " {}", visible(comment))?;
        }
        if key.encrypted {
            write!(self.out, " (needs its passphrase)")?;
        }
        for weakness in &key.weaknesses {
            write!(self.out, " {}", paint.warning(&format!("[{}]", visible(weakness).replace('_', " "))))?;
        }
        writeln!(self.out)?;
        for place in &key.places {
            self.place(place)?;
        }
        for account in &key.accounts {
            self.account(account)?;
        }
        if key.accounts.is_empty() {
            writeln!(self.out, "  {}", paint.dim("no account of these machines has it"))?;
        }
        for one in key.uses.iter().take(USES_SHOWN) {
            self.used(one)?;
        }
        if key.uses.len() > USES_SHOWN {
            let more = key.uses.len() - USES_SHOWN;
            writeln!(self.out, "  and used by {more} more (--format json lists them)")?;
        }
        for hint in &key.hints {
            self.hint(hint)?;
        }
        if key.hints_not_listed > 0 {
            writeln!(self.out, "  and {} more hints at its use", key.hints_not_listed)?;
        }
        Ok(())
    }

    fn place(&mut self, place: &Place) -> io::Result<()> {
        write!(self.out, "  lies on {}:{}", visible(&place.hostname), visible(&place.path))?;
        if let Some(mode) = &place.mode {
            write!(self.out, " mode {}", visible(mode))?;
        }
        if place.exposed {
            write!(self.out, " {}", self.paint.warning("(not only its owner's)"))?;
        }
        if let Some(atime) = &place.atime {
            match Timestamp::parse(atime) {
                Some(time) => write!(self.out, ", last read {} ({})", day(time), distance(time, self.now))?,
                None => write!(self.out, ", last read {}", visible(atime))?,
            }
        }
        if let Some(damage) = &place.damage {
            write!(self.out, " damaged: {}", visible(damage).replace('_', " "))?;
        }
        writeln!(self.out)
    }

    fn account(&mut self, account: &Account) -> io::Result<()> {
        let verb = match (account.opens(), account.state()) {
            (_, "unverified") => self.paint.warning("may open"),
            (true, _) => self.paint.severity(Severity::High, "opens"),
            (false, _) => self.paint.dim("does not open"),
        };
        write!(
            self.out,
            "  {verb} {}: {} ({})",
            login(&account.account, &account.hostname),
            visible(&verdict(account)),
            visible(&account.place)
        )?;
        if let Some(time) = &account.last_login {
            write!(self.out, ", last login {}", self.age(time))?;
            if let Some(from) = &account.last_login_from {
                write!(self.out, " from {}", visible(from))?;
            }
        }
        writeln!(self.out)
    }

    fn used(&mut self, one: &Use) -> io::Result<()> {
        write!(self.out, "  used as {} from {}", login(&one.account, &one.hostname), visible(&one.address))?;
        if let Some(machine) = &one.from_hostname {
            write!(self.out, " ({})", visible(machine))?;
        }
        let year = if one.year_inferred { ", year inferred" } else { "" };
        write!(self.out, " {}{year}", self.age(&one.last))?;
        if one.times > 1 {
            write!(self.out, ", {} times", count(one.times.unsigned_abs()))?;
        }
        writeln!(self.out, ", by {}", visible(&one.path))
    }

    fn hint(&mut self, hint: &Hint) -> io::Result<()> {
        let account = if hint.account.is_empty() { "any account" } else { &hint.account };
        let (from, to) = (login(account, &hint.hostname), visible(&hint.to));
        match hint.kind {
            HintKind::KnownHost => {
                let how = match hint.matched_by {
                    Some(MatchedBy::HostKey) => "by its host key",
                    Some(MatchedBy::HashedName) => "by the hash of a name",
                    Some(MatchedBy::Name) | None => "by its name",
                };
                writeln!(self.out, "  hint: {from} knows {to} {how} ({})", visible(&hint.place))
            }
            HintKind::ClientConfig => {
                write!(self.out, "  hint: {from} connects to {to}")?;
                if let Some(user) = &hint.user {
                    write!(self.out, " as {}", visible(user))?;
                }
                let with = if hint.names_the_key { " with it" } else { "" };
                writeln!(self.out, "{with} ({})", visible(&hint.place))
            }
        }
    }

    fn weak_entries(&mut self, map: &KeysMap) -> io::Result<()> {
        let mut before = None;
        for entry in &map.weak_entries {
            if before != Some(&entry.fingerprint) {
                let kinds: Vec<&str> = entry.weaknesses.iter().map(String::as_str).collect();
                let kinds = visible(&kinds.join(", ")).replace('_', " ");
                writeln!(
                    self.out,
                    "{} {} {}, its private half lies on none of these machines",
                    self.paint.strong(&visible(&entry.fingerprint)),
                    visible(entry.algorithm.as_deref().unwrap_or("unknown")),
                    self.paint.warning(&format!("is weak: {kinds}"))
                )?;
            }
            before = Some(&entry.fingerprint);
            self.account(&entry.account)?;
        }
        if before.is_some() { writeln!(self.out) } else { Ok(()) }
    }

    fn hosts(&mut self, map: &KeysMap) -> io::Result<()> {
        for key in &map.shared_host_keys {
            let machines = u64::try_from(key.machines.len()).unwrap_or(u64::MAX);
            let print = self.paint.strong(&visible(&key.fingerprint));
            writeln!(self.out, "host key {print} is the same on {} machines:", count(machines))?;
            for (machine, hostname) in &key.machines {
                writeln!(self.out, "  {} ({})", visible(hostname), visible(machine))?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn primes(&mut self, map: &KeysMap) -> io::Result<()> {
        for group in &map.shared_primes {
            let what = "these RSA keys share a prime, so their private halves can be computed:";
            writeln!(self.out, "{}", self.paint.warning(what))?;
            for fingerprint in group {
                writeln!(self.out, "  {}", visible(fingerprint))?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn summary(&mut self, map: &KeysMap) -> io::Result<()> {
        let opening = map.keys.iter().filter(|key| key.opens > 0).count();
        let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        writeln!(
            self.out,
            "{}, {} of {} seen; {} an account",
            counted(map.machines, "machine", "machines"),
            counted(number(map.keys.len()), "private key", "private keys"),
            counted(map.keys_seen, "key", "keys"),
            counted(number(opening), "opens", "open"),
        )?;
        if let Some(why) = why_empty(map) {
            writeln!(self.out, "{why}")?;
        }
        if map.hashed_names_untested > 0 {
            let names = count(map.hashed_names_untested);
            writeln!(self.out, "{names} hashed names of known hosts were not tested: there are too many")?;
        }
        for kept in &map.streams.kept_out {
            let text = format!("kept out: {}: {}", visible(&kept.stream), visible(&kept.reason));
            writeln!(self.out, "{}", self.paint.warning(&text))?;
        }
        if map.streams.partial > 0 {
            let scans = counted(map.streams.partial, "scan", "scans");
            writeln!(self.out, "{scans} could not read everything: there may be more")?;
        }
        Ok(())
    }

    /// `4 days ago (2026-11-20 08:11 UTC)`.
    fn age(&self, time: &str) -> String {
        match Timestamp::parse(time) {
            Some(time) => format!("{} ({})", distance(time, self.now), moment(time)),
            None => visible(time).into_owned(),
        }
    }
}

/// Why there is nothing that opens anything.
fn why_empty(map: &KeysMap) -> Option<&'static str> {
    if map.streams.loaded + map.streams.known == 0 && map.keys_seen == 0 {
        return Some("nothing to show: no complete scan was given");
    }
    if map.machines == 0 {
        return Some("nothing to show: no scan has the root of a machine, nor any key");
    }
    if map.keys.is_empty() {
        return Some("nothing to show: the scans have no private key whose public half could be read");
    }
    if map.keys.iter().any(|key| !key.accounts.is_empty()) {
        return None;
    }
    Some(match (map.entries, map.machines) {
        (0, _) => "no key opens an account: no account of these machines has an authorized key",
        (_, 1) => "no key opens an account here: other machines may have them, so give their scans too",
        _ => "no key opens an account: what the accounts have are other keys",
    })
}

/// `account@host`.
fn login(account: &str, hostname: &str) -> String {
    let account = if account.is_empty() { "?" } else { account };
    format!("{}@{}", visible(account), visible(hostname))
}

/// The verdict in words.
pub(super) fn verdict(account: &Account) -> String {
    let mut text = account.state().replace('_', " ");
    let mut part = |name: String, detail: Option<&str>| {
        text.push_str(", ");
        text.push_str(&name.replace('_', " "));
        if let Some(detail) = detail {
            text.push(' ');
            text.push_str(detail);
        }
    };
    match &account.verdict {
        Some(Verdict::Refused { reason, detail }) => {
            let detail = detail.as_ref().map(|detail| format!("({detail})"));
            part(reason.words().to_owned(), detail.as_deref());
        }
        Some(Verdict::Unverified { reason, detail }) => part(wire(reason), detail.as_deref()),
        Some(verdict) => {
            for restriction in verdict.restrictions() {
                part(wire(&restriction.kind), restriction.detail.as_deref());
            }
        }
        None => part("the entry has no verdict for this key".to_owned(), None),
    }
    if account.role != "authorized" {
        part(account.role.clone(), None);
    }
    text
}

fn wire(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}
