//! Lines of `sshd_config`, and of `ssh_config`, which has the same form.
//!
//! Facts: sshd_config(5): a keyword, whatever its case, then arguments; an `=` may
//! stand between them; quotes hold an argument together; `#` begins a comment.

use thiserror::Error;

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 64 << 10;
/// The most arguments of a line.
const MAX_ARGUMENTS: usize = 4096;

/// A setting: a keyword in lower case and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The keyword in lower case.
    pub keyword: String,
    /// What follows it, at least one.
    pub arguments: Vec<String>,
}

/// Why a line is not one that sshd takes; it refuses to start then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigFault {
    /// A keyword and nothing behind it.
    #[error("a keyword without a value")]
    NoArgument,
    /// A quote is not closed.
    #[error("a quote is not closed")]
    Quotes,
    /// Longer than any line should be.
    #[error("a line is too long")]
    TooLong,
    /// A zero byte is in it.
    #[error("a zero byte")]
    Zero,
    /// No version of sshd has this keyword.
    #[error("an unknown keyword")]
    UnknownKeyword,
    /// A keyword that may not stand in a `Match` block.
    #[error("a keyword that must not be in a Match block")]
    NotInMatch,
    /// A criterion of `Match` that is none.
    #[error("a Match line that is not valid")]
    Match,
    /// A value that the keyword does not take.
    #[error("a value that the keyword does not take")]
    Value,
}

/// Reads a line, without its end; `None` for one that is empty or a comment.
///
/// # Errors
///
/// It has not the form.
pub fn line(bytes: &[u8]) -> Result<Option<Setting>, ConfigFault> {
    if bytes.len() > MAX_LINE {
        return Err(ConfigFault::TooLong);
    }
    // The server would read the next line as a part of this one.
    if bytes.contains(&0) {
        return Err(ConfigFault::Zero);
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches([' ', '\t', '\r', '\n', '\x0c']);
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let end = text.find([' ', '\t', '=', '"']).unwrap_or(text.len());
    let (keyword, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let arguments = arguments(rest)?;
    if arguments.is_empty() {
        return Err(ConfigFault::NoArgument);
    }
    Ok(Some(Setting { keyword: keyword.to_ascii_lowercase(), arguments }))
}

/// Splits at blanks outside of quotes; a `#` where an argument would begin ends it.
fn arguments(text: &str) -> Result<Vec<String>, ConfigFault> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|character| matches!(character, ' ' | '\t')).is_some() {}
        match characters.peek() {
            None | Some('#') => return Ok(found),
            Some(_) if found.len() >= MAX_ARGUMENTS => return Err(ConfigFault::TooLong),
            Some(_) => {}
        }
        let (mut argument, mut quote) = (String::new(), None);
        while let Some(character) = characters.next() {
            match (character, quote) {
                ('\\', _) => {
                    let escaped = characters.next_if(|next| {
                        matches!(next, '"' | '\'' | '\\') || (quote.is_none() && *next == ' ')
                    });
                    argument.push(escaped.unwrap_or('\\'));
                }
                ('"' | '\'', None) => quote = Some(character),
                (_, Some(open)) if character == open => quote = None,
                (' ' | '\t', None) => break,
                _ => argument.push(character),
            }
        }
        if quote.is_some() {
            return Err(ConfigFault::Quotes);
        }
        found.push(argument);
    }
}

/// Where a keyword may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    All,
    /// Not in a `Match` block.
    Global,
}

/// Where a keyword may stand, given in lower case; `None`: no version of sshd, nor
/// the patches of distributions, have it.
#[must_use]
pub fn scope(keyword: &str) -> Option<Scope> {
    const ALL: &str = " acceptenv allowagentforwarding allowgroups allowstreamlocalforwarding \
        allowtcpforwarding allowusers authenticationmethods authorizedkeyscommand \
        authorizedkeyscommanduser authorizedkeysfile authorizedkeysfile2 authorizedprincipalscommand \
        authorizedprincipalscommanduser authorizedprincipalsfile banner casignaturealgorithms \
        channeltimeout chrootdirectory clientalivecountmax clientaliveinterval denygroups denyusers \
        disableforwarding exposeauthinfo forcecommand gatewayports gssapiauthentication \
        gssapienablek5users hostbasedacceptedalgorithms hostbasedacceptedkeytypes \
        hostbasedauthentication hostbasedusesnamefrompacketonly hpnbuffersize hpndisabled ignorerhosts \
        include ipqos kbdinteractiveauthentication kerberosauthentication kerberosusekuserok \
        kerberosorlocalpasswd loglevel logverbose match maxauthtries maxsessions noneenabled \
        pamservicename passwordauthentication permitemptypasswords permitlisten permitopen \
        permitrootlogin permittty permittunnel permituserrc pubkeyacceptedalgorithms \
        pubkeyacceptedkeytypes pubkeyauthentication pubkeyauthoptions rdomain refuseconnection \
        rekeylimit requiredrsasize revokedkeys rhostsrsaauthentication rsaauthentication setenv \
        streamlocalbindmask streamlocalbindunlink subsystem tcprcvbufpoll trustedusercakeys \
        unusedconnectiontimeout x11displayoffset x11forwarding x11uselocalhost x11maxdisplays ";
    const GLOBAL: &str = " addressfamily afstokenpassing challengeresponseauthentication checkmail ciphers \
        compression debianbanner dsaauthentication fingerprinthash gssapicleanupcredentials \
        gssapikexalgorithms gssapikeyexchange gssapistorecredentialsonrekey gssapistrictacceptorcheck \
        hostcertificate hostdsakey hostkey hostkeyagent hostkeyalgorithms ignoreuserknownhosts keepalive \
        kerberosgetafstoken kerberostgtpassing kerberosticketcleanup kerberosuniqueccache \
        kexalgorithms keyregenerationinterval listenaddress logingracetime macs maxstartups moduli \
        modulifile pamauthenticationviakbdint permituserenvironment persourcemaxstartups \
        persourcenetblocksize persourcepenalties persourcepenaltyexemptlist pidfile port printlastlog \
        printmotd protocol reversemappingcheck rhostsauthentication securitykeyprovider \
        serverkeybits showpatchlevel skeyauthentication sshdauthpath sshdsessionpath strictmodes \
        syslogfacility tcpkeepalive useblacklist usedns uselogin usepam useprivilegeseparation \
        verifyreversemapping versionaddendum xauthlocation gssapienablek5users permitblacklistedkeys \
        expertmode ";
    let is_in = |list: &str| {
        let mut words = list.split_ascii_whitespace();
        words.any(|word| word == keyword)
    };
    if is_in(ALL) { Some(Scope::All) } else { is_in(GLOBAL).then_some(Scope::Global) }
}

/// A criterion of a `Match` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Always.
    All,
    /// The account's name matches a list of patterns.
    User(String),
    /// A group of the account matches a list of patterns.
    Group(String),
    /// The client's name matches a list of patterns.
    Host(String),
    /// The client's address matches a list of addresses.
    Address(String),
    /// The address that the client connected to matches a list of addresses.
    LocalAddress(String),
    /// The port that the client connected to.
    LocalPort(u16),
    /// The account does not exist.
    InvalidUser,
    /// Something else that only a connection tells.
    Other(String),
}

/// Reads the arguments of `Match`.
///
/// # Errors
///
/// A criterion that no version has, or one without its value; sshd refuses to start.
pub fn criteria(arguments: &[String]) -> Result<Vec<Criterion>, ConfigFault> {
    let mut found = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "all" if found.is_empty() && words.len() == 0 => return Ok(vec![Criterion::All]),
            "invalid-user" => {
                found.push(Criterion::InvalidUser);
                continue;
            }
            "all" => return Err(ConfigFault::Match),
            _ => {}
        }
        let value = joined.or_else(|| words.next().cloned()).filter(|value| !value.is_empty());
        let value = value.ok_or(ConfigFault::Match)?;
        found.push(match name.as_str() {
            "user" => Criterion::User(value),
            "group" => Criterion::Group(value),
            "host" => Criterion::Host(value),
            "address" | "localaddress" if !super::ssh_pattern::is_address_list(value.as_bytes()) => {
                return Err(ConfigFault::Match);
            }
            "address" => Criterion::Address(value),
            "localaddress" => Criterion::LocalAddress(value),
            "localport" => Criterion::LocalPort(value.parse().map_err(|_| ConfigFault::Match)?),
            "rdomain" | "version" | "sessiontype" | "command" => Criterion::Other(format!("{name} {value}")),
            _ => return Err(ConfigFault::Match),
        });
    }
    if found.is_empty() { Err(ConfigFault::Match) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let setting = line(text.as_bytes()).unwrap().unwrap();
        std::iter::once(setting.keyword).chain(setting.arguments).collect()
    }

    #[test]
    fn forms_of_a_line() {
        for text in ["Port 22", "  port=22", "PORT = 22 # comment", "Port \"22\"\t", "Port='22'"] {
            assert_eq!(read(text), ["port", "22"], "{text}");
        }
        assert_eq!(read(r#"AllowUsers "a b" c\ d e#f"#), ["allowusers", "a b", "c d", "e#f"]);
        assert_eq!(line(b"  # Port 22"), Ok(None));
        assert_eq!(line(b"\r"), Ok(None));
        assert_eq!(line(b"Port"), Err(ConfigFault::NoArgument));
        assert_eq!(line(b"Port # 22"), Err(ConfigFault::NoArgument));
        assert_eq!(line(b"Banner \"x"), Err(ConfigFault::Quotes));
        assert_eq!(line(&[b'x'; 100_000]), Err(ConfigFault::TooLong));
    }

    #[test]
    fn keywords() {
        assert_eq!(scope("allowusers"), Some(Scope::All));
        assert_eq!(scope("usepam"), Some(Scope::Global));
        assert_eq!(scope("allowusrs"), None);
        assert_eq!(scope("allowusers denyusers"), None);
    }

    #[test]
    fn match_lines() {
        let read = |text: &str| criteria(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read("all"), Ok(vec![Criterion::All]));
        assert_eq!(
            read("User a,b address 10.0.0.0/8"),
            Ok(vec![Criterion::User("a,b".into()), Criterion::Address("10.0.0.0/8".into())])
        );
        assert_eq!(read("user=a"), Ok(vec![Criterion::User("a".into())]));
        for bad in ["user", "all user a", "colour red", "address 10.0.0.1/8", "localport x"] {
            assert_eq!(read(bad), Err(ConfigFault::Match), "{bad}");
        }
    }
}
