//! The map for a person: one key after another, those that open most first.

use std::io::{self, Write};

use super::{Account, Hint, HintKind, KeysMap, MappedKey, MatchedBy};
use crate::finding::Verdict;
use crate::output::escape::visible;

/// Writes the map as text. Names come from disks and are escaped.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write(map: &KeysMap, out: &mut dyn Write) -> io::Result<()> {
    for key in &map.keys {
        write_key(key, out)?;
        writeln!(out)?;
    }
    for key in &map.shared_host_keys {
        writeln!(
            out,
            "host key {} is the same on {} machines:",
            visible(&key.fingerprint),
            key.machines.len()
        )?;
        for (machine, hostname) in &key.machines {
            writeln!(out, "  {} ({})", visible(hostname), visible(machine))?;
        }
        writeln!(out)?;
    }
    for group in &map.shared_primes {
        writeln!(out, "these RSA keys share a prime, so their private halves can be computed:")?;
        for fingerprint in group {
            writeln!(out, "  {}", visible(fingerprint))?;
        }
        writeln!(out)?;
    }
    let opening = map.keys.iter().filter(|key| key.opens > 0).count();
    writeln!(
        out,
        "{} machines, {} private keys of {} keys seen; {opening} open an account",
        map.machines,
        map.keys.len(),
        map.keys_seen
    )?;
    if map.keys.is_empty() {
        let why = if map.machines == 0 && map.streams.loaded + map.streams.known == 0 {
            "nothing to show: no complete scan was given"
        } else {
            "nothing to show: the scans have no private key whose public half could be read"
        };
        writeln!(out, "{why}")?;
    }
    if map.hashed_names_untested > 0 {
        writeln!(
            out,
            "{} hashed names of known hosts were not tested: there are too many",
            map.hashed_names_untested
        )?;
    }
    for kept in &map.streams.kept_out {
        writeln!(out, "kept out: {}: {}", visible(&kept.stream), visible(&kept.reason))?;
    }
    if map.streams.partial > 0 {
        writeln!(out, "{} scans could not read everything: there may be more", map.streams.partial)?;
    }
    Ok(())
}

fn write_key(key: &MappedKey, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{} {}", visible(&key.fingerprint), visible(key.algorithm.as_deref().unwrap_or("unknown")))?;
    if let Some(bits) = key.bits {
        write!(out, " {bits}")?;
    }
    for comment in &key.comments {
        write!(out, " {}", visible(comment))?;
    }
    if key.encrypted {
        write!(out, " (needs its passphrase)")?;
    }
    for weakness in &key.weaknesses {
        write!(out, " [{}]", visible(weakness))?;
    }
    writeln!(out)?;
    for place in &key.places {
        write!(out, "  lies on {}:{}", visible(&place.hostname), visible(&place.path))?;
        if let Some(mode) = &place.mode {
            write!(out, " mode {}", visible(mode))?;
        }
        if place.exposed {
            write!(out, " (not only its owner's)")?;
        }
        if let Some(atime) = &place.atime {
            write!(out, " read {}", visible(atime))?;
        }
        if let Some(damage) = &place.damage {
            write!(out, " damaged: {}", visible(damage))?;
        }
        writeln!(out)?;
    }
    for account in &key.accounts {
        let verb = if account.opens() { "opens" } else { "does not open" };
        let verb = if account.state() == "unverified" { "may open" } else { verb };
        let name = if account.account.is_empty() { "?" } else { &account.account };
        writeln!(
            out,
            "  {verb} {}@{}: {} ({})",
            visible(name),
            visible(&account.hostname),
            visible(&verdict(account)),
            visible(&account.place)
        )?;
    }
    if key.accounts.is_empty() {
        writeln!(out, "  no account of these machines has it")?;
    }
    for hint in &key.hints {
        write_hint(hint, out)?;
    }
    if key.hints_not_listed > 0 {
        writeln!(out, "  and {} more hints at its use", key.hints_not_listed)?;
    }
    Ok(())
}

fn write_hint(hint: &Hint, out: &mut dyn Write) -> io::Result<()> {
    let account = if hint.account.is_empty() { "any account" } else { &hint.account };
    let from = format!("{}@{}", visible(account), visible(&hint.hostname));
    let to = visible(&hint.to);
    match hint.kind {
        HintKind::KnownHost => {
            let how = match hint.matched_by {
                Some(MatchedBy::HostKey) => "by its host key",
                Some(MatchedBy::HashedName) => "by the hash of a name",
                Some(MatchedBy::Name) | None => "by its name",
            };
            writeln!(out, "  hint: {from} knows {to} {how} ({})", visible(&hint.place))
        }
        HintKind::ClientConfig => {
            write!(out, "  hint: {from} connects to {to}")?;
            if let Some(user) = &hint.user {
                write!(out, " as {}", visible(user))?;
            }
            let with = if hint.names_the_key { " with it" } else { "" };
            writeln!(out, "{with} ({})", visible(&hint.place))
        }
    }
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
        Some(Verdict::Refused { reason, detail }) => part(wire(reason), detail.as_deref()),
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
