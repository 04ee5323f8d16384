//! Options of a line of `authorized_keys`.

use thiserror::Error;

/// The most values of one option that are kept: ports, names of variables.
const MAX_VALUES: usize = 64;

/// Why sshd passes over a line for its options.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionFault {
    /// An option that no version knows, or no comma where one must be.
    #[error("unknown option")]
    Unknown,
    /// An option that may be given once only.
    #[error("{0} is given more than once")]
    Repeated(&'static str),
    /// A value without quotes around it.
    #[error("a value without its quotes")]
    Quotes,
    /// A comma that nothing follows, not even a key.
    #[error("the options end early")]
    EndsEarly,
    /// A time that is none.
    #[error("the value of expiry-time is not a time")]
    Expiry,
    /// `environment=` without a variable.
    #[error("the value of environment is not a variable")]
    Environment,
    /// A port or host that is none, or a name that only the machine can look up.
    #[error("the value of {0} is not a host and a port")]
    Permit(&'static str),
    /// A tunnel device that is none.
    #[error("the value of tunnel is not a device")]
    Tunnel,
}

/// Something that a key may be used for unless its options say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    /// A terminal.
    Pty,
    /// Forwarding of TCP ports and sockets.
    PortForwarding,
    /// Forwarding of the client's agent.
    AgentForwarding,
    /// Forwarding of X11.
    X11Forwarding,
    /// `~/.ssh/rc` is run.
    UserRc,
}

impl Toggle {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] =
        [Self::Pty, Self::PortForwarding, Self::AgentForwarding, Self::X11Forwarding, Self::UserRc];

    /// Its name as an option.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pty => "pty",
            Self::PortForwarding => "port-forwarding",
            Self::AgentForwarding => "agent-forwarding",
            Self::X11Forwarding => "x11-forwarding",
            Self::UserRc => "user-rc",
        }
    }
}

/// When an entry ends to be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Seconds since 1970 when the time is read as UTC.
    pub seconds: i64,
    /// Whether it was written as UTC; else it is in the server's time zone.
    pub is_utc: bool,
}

/// What the options of a line say.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// The key is that of a certificate authority: certificates that it signed are
    /// taken, and it is not.
    pub cert_authority: bool,
    /// `restrict` stands among them.
    pub restrict: bool,
    /// What is switched off at the end, [`Toggle::ALL`] in order.
    pub off: Vec<Toggle>,
    /// The only command that is run.
    pub command: Option<String>,
    /// From where the key is taken.
    pub from: Option<String>,
    /// Which principals of a certificate are taken.
    pub principals: Option<String>,
    /// Until when: every time given.
    pub expiries: Vec<Expiry>,
    /// Where ports may be forwarded to.
    pub permit_open: Vec<String>,
    /// Where ports may be listened on.
    pub permit_listen: Vec<String>,
    /// Names of the variables that are set.
    pub environment: Vec<String>,
    /// The tunnel device.
    pub tunnel: Option<String>,
    /// A FIDO token must have verified its user.
    pub verify_required: bool,
    /// A FIDO token need not be touched.
    pub no_touch_required: bool,
    /// Names of options that not every version of sshd since 7.0 knows, with the
    /// version that brought them: an older one passes over the line.
    pub since: Vec<(&'static str, (u32, u32))>,
}

impl Options {
    /// Reads options as they stand before a key.
    ///
    /// # Errors
    ///
    /// Why sshd passes over the line.
    pub fn parse(text: &[u8]) -> Result<Self, OptionFault> {
        let mut options = Self::default();
        let mut off = [false; 5];
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = flag(rest, "restrict") {
                (options.restrict, off, rest) = (true, [true; 5], after);
                options.since.push(("restrict", (7, 2)));
            } else if let Some(after) = flag(rest, "cert-authority") {
                (options.cert_authority, rest) = (true, after);
            } else if let Some((negated, after)) = negatable(rest, "touch-required") {
                (options.no_touch_required, rest) = (negated, after);
                options.since.push(("no-touch-required", (8, 2)));
            } else if let Some((negated, after)) = negatable(rest, "verify-required") {
                (options.verify_required, rest) = (!negated, after);
                options.since.push(("verify-required", (8, 4)));
            } else if let Some((at, negated, after)) = toggle(rest) {
                if let Some(slot) = off.get_mut(at) {
                    *slot = negated;
                }
                rest = after;
            } else {
                rest = options.valued(rest)?;
            }
            match rest.split_first() {
                None => break,
                Some((b',', after)) => rest = after,
                Some(_) => return Err(OptionFault::Unknown),
            }
        }
        let switched_off = Toggle::ALL.into_iter().zip(off).filter(|(_, off)| *off).map(|(toggle, _)| toggle);
        options.off = switched_off.collect();
        Ok(options)
    }

    /// Takes an option with a value from the start; what is none is left there, for
    /// the caller to find no comma.
    fn valued<'t>(&mut self, text: &'t [u8]) -> Result<&'t [u8], OptionFault> {
        for name in [
            "command",
            "principals",
            "from",
            "expiry-time",
            "environment",
            "permitopen",
            "permitlisten",
            "tunnel",
        ] {
            let Some(after) = flag(text, name).and_then(|rest| rest.strip_prefix(b"=")) else { continue };
            if matches!(name, "permitlisten") {
                self.since.push(("permitlisten", (7, 8)));
            }
            let (value, rest) = dequote(after)?;
            self.set(name, value)?;
            return Ok(rest);
        }
        Ok(text)
    }

    fn set(&mut self, name: &'static str, value: String) -> Result<(), OptionFault> {
        let once = |slot: &mut Option<String>, value| match slot {
            Some(_) => Err(OptionFault::Repeated(name)),
            None => {
                *slot = Some(value);
                Ok(())
            }
        };
        match name {
            "command" => once(&mut self.command, value)?,
            "principals" => once(&mut self.principals, value)?,
            "from" => once(&mut self.from, value)?,
            "expiry-time" => {
                let expiry = absolute_time(&value).ok_or(OptionFault::Expiry)?;
                self.since.push(("expiry-time", if expiry.is_utc { (9, 1) } else { (7, 7) }));
                push(&mut self.expiries, expiry);
            }
            "environment" => {
                let (variable, _) = value.split_once('=').ok_or(OptionFault::Environment)?;
                let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                if variable.is_empty() || !variable.bytes().all(valid) {
                    return Err(OptionFault::Environment);
                }
                push(&mut self.environment, variable.to_owned());
            }
            "permitopen" | "permitlisten" => {
                let bare_port = name == "permitlisten";
                if !is_permit(&value, bare_port) {
                    return Err(OptionFault::Permit(name));
                }
                push(if bare_port { &mut self.permit_listen } else { &mut self.permit_open }, value);
            }
            _ => {
                if !is_tunnel(&value) {
                    return Err(OptionFault::Tunnel);
                }
                self.tunnel = Some(value);
            }
        }
        Ok(())
    }
}

fn push<T>(values: &mut Vec<T>, value: T) {
    if values.len() < MAX_VALUES {
        values.push(value);
    }
}

/// A name at the start, whatever its case; gives what follows.
fn flag<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let (start, rest) = text.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name.as_bytes()).then_some(rest)
}

/// A name that may have `no-` in front; whether it has, and what follows.
fn negatable<'t>(text: &'t [u8], name: &str) -> Option<(bool, &'t [u8])> {
    match flag(text, "no-") {
        Some(rest) => flag(rest, name).map(|rest| (true, rest)),
        None => flag(text, name).map(|rest| (false, rest)),
    }
}

fn toggle(text: &[u8]) -> Option<(usize, bool, &[u8])> {
    let mut all = Toggle::ALL.into_iter().enumerate();
    all.find_map(|(at, toggle)| negatable(text, toggle.as_str()).map(|(negated, rest)| (at, negated, rest)))
}

/// A value in quotes; only `\"` is escaped in it.
fn dequote(text: &[u8]) -> Result<(String, &[u8]), OptionFault> {
    let mut rest = text.strip_prefix(b"\"").ok_or(OptionFault::Quotes)?;
    let mut value = Vec::new();
    loop {
        rest = match rest {
            [] => return Err(OptionFault::Quotes),
            [b'"', after @ ..] => return Ok((String::from_utf8_lossy(&value).into_owned(), after)),
            [b'\\', b'"', after @ ..] => {
                value.push(b'"');
                after
            }
            [byte, after @ ..] => {
                value.push(*byte);
                after
            }
        };
    }
}

/// `host:port`, `[host]:port`, and for `permitlisten` a port alone. A port is a
/// number or `*`; one by name would have to be looked up on the machine.
fn is_permit(value: &str, bare_port: bool) -> bool {
    let (host, port) = match value.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match value.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None if bare_port => ("*", Some(value)),
            None => return false,
        },
    };
    let is_port = |port: &str| port == "*" || port.parse::<u16>().is_ok_and(|port| port > 0);
    host.len() < 1025 && port.is_some_and(is_port)
}

/// `any`, `N` or `N:M`.
fn is_tunnel(value: &str) -> bool {
    let number = |text: &str| text == "any" || text.parse::<u32>().is_ok_and(|number| number <= 0x7fff_fffd);
    match value.split_once(':') {
        Some((one, other)) => number(one) && number(other),
        None => number(value),
    }
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, `Z` or `UTC` behind it. As the C
/// library does it, a 31st of a shorter month is the first of the next.
fn absolute_time(text: &str) -> Option<Expiry> {
    let lower = text.to_ascii_lowercase();
    let (digits, is_utc) = match lower.strip_suffix('z').or_else(|| lower.strip_suffix("utc")) {
        Some(digits) => (digits, true),
        None => (lower.as_str(), false),
    };
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        if from >= digits.len() { Some(0) } else { digits.get(from..to)?.parse().ok() }
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 61 {
        return None;
    }
    let first = jiff::civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    let midnight = jiff::tz::TimeZone::UTC.to_timestamp(first.at(0, 0, 0, 0)).ok()?.as_second();
    let within = [(day.checked_sub(1)?, 86_400), (hour, 3600), (minute, 60), (second, 1)];
    let seconds = within.into_iter().try_fold(midnight, |sum, (count, unit)| {
        count.checked_mul(unit).and_then(|seconds| sum.checked_add(seconds))
    })?;
    (seconds > 0).then_some(Expiry { seconds, is_utc })
}
