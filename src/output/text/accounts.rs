//! What accounts say of a key, and what a machine is, for a person.

use super::layout::{count, counted, distance, list, moment};
use crate::finding::{AccountVerdict, KeyUse, MachineRecord, Restriction, Timestamp, Verdict};
use crate::output::escape;

/// How many accounts are shown of one key.
const SHOWN: usize = 8;

/// A line for each account, those that accept the key first.
pub(super) fn lines(verdicts: &[AccountVerdict]) -> Vec<String> {
    let mut sorted: Vec<&AccountVerdict> = verdicts.iter().collect();
    sorted.sort_by_key(|one| (!one.verdict.authenticates(), matches!(one.verdict, Verdict::Refused { .. })));
    let mut lines: Vec<String> = sorted.iter().take(SHOWN).map(|one| line(one)).collect();
    if sorted.len() > SHOWN {
        lines.push(format!("and {} more (--format jsonl lists them)", sorted.len() - SHOWN));
    }
    lines
}

fn line(one: &AccountVerdict) -> String {
    let detail = |text: &Option<String>| {
        text.as_ref().map(|text| format!(" ({})", escape::visible(text))).unwrap_or_default()
    };
    let restricted = |restrictions: &[Restriction]| {
        let texts: Vec<String> =
            restrictions.iter().map(|one| format!("{}{}", words(&one.kind), detail(&one.detail))).collect();
        if texts.is_empty() { String::new() } else { format!(": {}", texts.join(", ")) }
    };
    let verdict = match &one.verdict {
        Verdict::Accepted => "accepts it".to_owned(),
        Verdict::Restricted { restrictions } => {
            format!("accepts it with restrictions{}", restricted(restrictions))
        }
        Verdict::ForwardingOnly { restrictions } => {
            format!("accepts it for forwarding only{}", restricted(restrictions))
        }
        Verdict::Encrypted { restrictions } => {
            format!("accepts it with its passphrase{}", restricted(restrictions))
        }
        Verdict::Refused { reason, detail: text } => {
            format!("does not accept it: {}{}", reason.words(), detail(text))
        }
        Verdict::Unverified { reason, detail: text } => {
            format!("unverified: {}{}", words(reason), detail(text))
        }
    };
    format!("{} {verdict}, by {}", escape::visible(&one.account), escape::visible(&one.place))
}

/// A line for each use of a key, the latest first.
pub(super) fn uses(uses: &[KeyUse], now: Timestamp) -> Vec<String> {
    let line = |one: &KeyUse| {
        let times = if one.count > 1 { format!(", {} times", count(one.count)) } else { String::new() };
        let year = if one.year_inferred { ", year inferred" } else { "" };
        format!(
            "as {} from {} {} ({}{year}){times}, by {}",
            escape::visible(&one.account),
            escape::visible(&one.address),
            distance(one.last, now),
            moment(one.last),
            escape::visible(&one.path)
        )
    };
    let mut lines: Vec<String> = uses.iter().take(SHOWN).map(line).collect();
    if uses.len() > SHOWN {
        lines.push(format!("and {} more (--format jsonl lists them)", uses.len() - SHOWN));
    }
    lines
}

/// The name of a kind or reason on the wire, in words.
fn words(kind: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(kind).ok();
    name.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().replace('_', " ")
}

/// A machine in one line.
pub(super) fn machine(machine: &MachineRecord) -> String {
    let system = machine.os.as_ref().and_then(|os| os.name.as_ref().or(os.id.as_ref()));
    let names = machine
        .hostname
        .iter()
        .chain(system)
        .chain(machine.sshd.iter().filter_map(|sshd| sshd.version.as_ref()));
    let mut parts: Vec<String> = names.map(|name| escape::visible(name).into_owned()).collect();
    let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    parts.push(counted(number(machine.accounts.len()), "account", "accounts"));
    let keys = machine.accounts.iter().map(|account| account.authorized_keys).sum::<u64>();
    if keys > 0 {
        parts.push(counted(keys, "authorized key", "authorized keys"));
    }
    let problems = machine.problems.iter().map(|problem| problem.count).sum::<u64>();
    let mut text = list(&parts);
    if problems > 0 {
        text.push_str(&format!("; {} in its files not understood", count(problems)));
    }
    text
}
