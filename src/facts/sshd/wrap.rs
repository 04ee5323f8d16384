//! What `/etc/hosts.allow` and `/etc/hosts.deny` say of the server's clients, where
//! it is built with libwrap, as Debian's is.
//!
//! Facts: hosts_access(5), hosts_options(5). The first rule that names the server and
//! the client decides, those of `hosts.allow` first; whoever no rule names may
//! connect. What a rule says of a client that is not known, or is told by its name,
//! is open.

use std::net::IpAddr;

use super::Client;
use super::effective::Truth;
use crate::facts::reader::{Content, Reader};
use crate::formats::ssh_pattern;

/// The most bytes of a file, and the most rules of both.
const MAX_FILE: usize = 1 << 20;
const MAX_RULES: usize = 4096;
/// The name by which rules know the server.
const DAEMON: &str = "sshd";

/// Which clients may connect at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Access {
    /// All, or the one that is asked about.
    #[default]
    Everybody,
    /// Some, by this file.
    Some(&'static str),
    /// None, or not the one that is asked about, by this file.
    Nobody(&'static str),
}

impl Access {
    pub(in super::super) fn read(reader: &mut Reader<'_>, client: Option<&Client>) -> Self {
        let address = client.map(|client| client.address);
        let mut rules = Vec::new();
        for (path, grants) in [("/etc/hosts.allow", true), ("/etc/hosts.deny", false)] {
            let open = |path| Rule { path, matches: Truth::Open, grants: None };
            match reader.file(path.as_bytes(), MAX_FILE) {
                Content::Missing => {}
                Content::Unreadable => rules.push(open(path)),
                Content::Whole(bytes, _) => rules.extend(self::rules(&bytes, path, grants, address)),
                Content::Part(bytes, _) => {
                    rules.extend(self::rules(&bytes, path, grants, address));
                    rules.push(open(path));
                }
            }
        }
        Self::of(&rules)
    }

    fn of(rules: &[Rule]) -> Self {
        // What the rules say that may be the first to match, up to one that is.
        let mut granted: Option<&'static str> = None;
        let mut denied: Option<&'static str> = None;
        let mut decided = false;
        for rule in rules.iter().filter(|rule| rule.matches != Truth::No) {
            if rule.grants != Some(false) {
                granted = granted.or(Some(rule.path));
            }
            if rule.grants != Some(true) {
                denied = denied.or(Some(rule.path));
            }
            if rule.matches == Truth::Yes && rule.grants.is_some() {
                decided = true;
                break;
            }
        }
        match (granted.is_some() || !decided, denied) {
            (true, None) => Self::Everybody,
            (true, Some(path)) => Self::Some(path),
            (false, path) => Self::Nobody(path.unwrap_or("/etc/hosts.deny")),
        }
    }
}

/// A rule that may concern the server.
#[derive(Clone, Copy, Debug)]
struct Rule {
    path: &'static str,
    matches: Truth,
    /// Whether it lets in whom it matches; `None`: a program decides.
    grants: Option<bool>,
}

/// The rules of a file that name the server.
fn rules(bytes: &[u8], path: &'static str, grants: bool, address: Option<IpAddr>) -> Vec<Rule> {
    let text = String::from_utf8_lossy(bytes).replace("\\\n", "");
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if found.len() >= MAX_RULES {
            found.push(Rule { path, matches: Truth::Open, grants: None });
            break;
        }
        let mut fields = fields(line.trim()).into_iter();
        let (Some(daemons), Some(clients)) = (fields.next(), fields.next()) else { continue };
        let mut matches = both(list(daemons, &daemon), list(clients, &|word| host(word, address)));
        // The last line without its end is passed over by some versions.
        if !line.ends_with('\n') && matches == Truth::Yes {
            matches = Truth::Open;
        }
        let mut grants = Some(grants);
        for option in fields {
            match option.split_ascii_whitespace().next().unwrap_or_default() {
                word if word.eq_ignore_ascii_case("allow") => grants = Some(true),
                word if word.eq_ignore_ascii_case("deny") || word.eq_ignore_ascii_case("twist") => {
                    grants = Some(false);
                }
                "aclexec" => grants = None,
                _ => {}
            }
        }
        if matches != Truth::No {
            found.push(Rule { path, matches, grants });
        }
    }
    found
}

/// Splits at colons that are not in the brackets of an IPv6 address.
fn fields(line: &str) -> Vec<&str> {
    let mut inside = false;
    line.split(|character| {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        character == ':' && !inside
    })
    .collect()
}

/// Whether a list with `EXCEPT` has a word that matches.
fn list(text: &str, matches: &dyn Fn(&str) -> Truth) -> Truth {
    let mut words = text.split([' ', '\t', ',', '\r', '\n']).filter(|word| !word.is_empty());
    // Each part takes out of the one before it, so the last counts first.
    let mut parts: Vec<Truth> = Vec::new();
    let mut part = Truth::No;
    for word in &mut words {
        if word.eq_ignore_ascii_case("EXCEPT") {
            parts.push(part);
            part = Truth::No;
            continue;
        }
        part = match (part, matches(word)) {
            (Truth::Yes, _) | (_, Truth::Yes) => Truth::Yes,
            (Truth::No, Truth::No) => Truth::No,
            _ => Truth::Open,
        };
    }
    parts.into_iter().rev().fold(part, |except, part| both(part, not(except)))
}

fn both(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (Truth::No, _) | (_, Truth::No) => Truth::No,
        (Truth::Yes, Truth::Yes) => Truth::Yes,
        _ => Truth::Open,
    }
}

fn not(truth: Truth) -> Truth {
    match truth {
        Truth::Yes => Truth::No,
        Truth::No => Truth::Yes,
        Truth::Open => Truth::Open,
    }
}

/// Whether a word names the server: `sshd`, `ALL`, `sshd@address`.
fn daemon(word: &str) -> Truth {
    let (name, at) = word.split_once('@').map_or((word, false), |(name, _)| (name, true));
    let lower = name.to_ascii_lowercase();
    if lower != "all" && !ssh_pattern::matches(DAEMON.as_bytes(), lower.as_bytes()) {
        // `.domain` and the like match a name by its end or its beginning.
        let part = lower.starts_with('.') || lower.ends_with('.') || lower.starts_with(['/', '@']);
        return if part { Truth::Open } else { Truth::No };
    }
    if at { Truth::Open } else { Truth::Yes }
}

/// Whether a word names the client.
fn host(word: &str, address: Option<IpAddr>) -> Truth {
    if word.eq_ignore_ascii_case("ALL") {
        return Truth::Yes;
    }
    let Some(address) = address else { return Truth::Open };
    let holds = |yes: bool| if yes { Truth::Yes } else { Truth::No };
    let text = address.to_string();
    let bare = word.strip_prefix('[').map_or_else(|| word.to_owned(), |inner| inner.replacen(']', "", 1));
    if let Ok(other) = bare.parse::<IpAddr>() {
        return holds(other == address);
    }
    // `192.0.2.` is all that begin so.
    if word.ends_with('.') && word.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit()) {
        return holds(text.starts_with(word));
    }
    if let Some((network, mask)) = bare.split_once('/')
        && let Ok(network) = network.parse::<IpAddr>()
        && let Some(bits) = prefix(mask)
        && let Ok(matched) =
            ssh_pattern::matches_networks(Some(address), format!("{network}/{bits}").as_bytes())
    {
        return holds(matched);
    }
    // Names of hosts, netgroups, files of patterns, users of the client.
    Truth::Open
}

/// The length of a mask that is written as a number or as an address.
fn prefix(mask: &str) -> Option<u32> {
    if let Ok(bits) = mask.parse::<u32>() {
        return Some(bits);
    }
    let bits = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    (bits.leading_ones() == bits.count_ones()).then(|| bits.leading_ones())
}

#[cfg(test)]
mod tests {
    use super::{Access, rules};

    /// What both files come to, for a client or for all.
    fn access(allow: &str, deny: &str, client: Option<&str>) -> Access {
        let address = client.map(|client| client.parse().expect("an address"));
        let mut all = rules(allow.as_bytes(), "/etc/hosts.allow", true, address);
        all.extend(rules(deny.as_bytes(), "/etc/hosts.deny", false, address));
        Access::of(&all)
    }

    /// As hosts_access(5) and hosts_options(5) have it.
    #[test]
    fn who_may_connect() {
        let (allow, deny) = ("/etc/hosts.allow", "/etc/hosts.deny");
        let here = Some("192.0.2.7");
        for (one, other, client, expected) in [
            ("", "", None, Access::Everybody),
            ("# sshd: ALL: deny\n", "# ALL: ALL\n\n", None, Access::Everybody),
            ("", "ALL: ALL\n", None, Access::Nobody(deny)),
            ("", "in.ftpd, SSHD: all\n", None, Access::Nobody(deny)),
            ("", "in.ftpd: ALL\n", None, Access::Everybody),
            ("", "ALL EXCEPT sshd: ALL\n", None, Access::Everybody),
            ("sshd: ALL\n", "ALL: ALL\n", None, Access::Everybody),
            ("sshd: 10.0.0.0/8\n", "ALL: ALL\n", None, Access::Some(deny)),
            ("sshd: 10.0.0.0/8\n", "ALL: ALL\n", here, Access::Nobody(deny)),
            ("sshd: 10.0.0.0/8\n", "ALL: ALL\n", Some("10.1.2.3"), Access::Everybody),
            ("sshd: 192.0.2.\n", "ALL: ALL\n", here, Access::Everybody),
            ("", "sshd: 192.0.2.0/255.255.255.0\n", here, Access::Nobody(deny)),
            ("", "sshd: ALL EXCEPT 192.0.2.7\n", here, Access::Everybody),
            ("", "sshd: ALL EXCEPT 192.0.2.8\n", here, Access::Nobody(deny)),
            ("", "sshd: ALL EXCEPT 192.0.2.8\n", None, Access::Some(deny)),
            ("", "sshd: [2001:db8::/32] : spawn true\n", Some("2001:db8::1"), Access::Nobody(deny)),
            ("", "sshd: [2001:db8::/32]\n", here, Access::Everybody),
            ("", "sshd: .example.com\n", here, Access::Some(deny)),
            ("", "sshd: /etc/list\n", here, Access::Some(deny)),
            ("sshd: ALL: deny\n", "", None, Access::Nobody(allow)),
            ("sshd: 10.: deny\n", "", None, Access::Some(allow)),
            ("sshd: ALL: twist echo no\n", "", None, Access::Nobody(allow)),
            ("sshd: ALL: aclexec /bin/ask\n", "", None, Access::Some(allow)),
            ("", "sshd: ALL: allow\n", None, Access::Everybody),
            ("", "sshd:\\\n ALL\n", None, Access::Nobody(deny)),
            ("", "sshd@10.0.0.1: ALL\n", None, Access::Some(deny)),
            ("", "sshd: ALL", None, Access::Some(deny)),
            ("", "\0\u{fffd}[[:::\nsshd\n", None, Access::Everybody),
        ] {
            assert_eq!(access(one, other, client), expected, "{one:?} {other:?} {client:?}");
        }
    }
}
