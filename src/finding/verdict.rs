//! Whether an account of a machine accepts a key, and why or why not.

use serde::{Deserialize, Serialize};

/// What holding a private key gives at an account, as the machine's own sshd would
/// decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Verdict {
    /// It logs in, from everywhere.
    Accepted,
    /// It logs in, with restrictions.
    Restricted {
        /// Each of them.
        restrictions: Vec<Restriction>,
    },
    /// It authenticates; the account's shell ends the session at once, and ports
    /// can still be forwarded.
    ForwardingOnly {
        /// The shell and whatever else restricts it.
        restrictions: Vec<Restriction>,
    },
    /// It stands there and is not accepted.
    Refused {
        /// Why.
        reason: Refusal,
        /// What exactly: a path, a line, a name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The account accepts it, and the private key that was found needs its
    /// passphrase.
    Encrypted {
        /// What restricts it besides.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        restrictions: Vec<Restriction>,
    },
    /// It cannot be decided from the disk.
    Unverified {
        /// Why not.
        reason: Undecided,
        /// What exactly.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
}

impl Verdict {
    /// A refusal.
    #[must_use]
    pub fn refused(reason: Refusal, detail: impl Into<String>) -> Self {
        Self::Refused { reason, detail: Some(detail.into()).filter(|detail| !detail.is_empty()) }
    }

    /// No decision.
    #[must_use]
    pub fn unverified(reason: Undecided, detail: impl Into<String>) -> Self {
        Self::Unverified { reason, detail: Some(detail.into()).filter(|detail| !detail.is_empty()) }
    }

    /// Whether the key authenticates, if only under conditions.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Restricted { .. } | Self::ForwardingOnly { .. } | Self::Encrypted { .. }
        )
    }

    /// What restricts it.
    #[must_use]
    pub fn restrictions(&self) -> &[Restriction] {
        match self {
            Self::Restricted { restrictions }
            | Self::ForwardingOnly { restrictions }
            | Self::Encrypted { restrictions } => restrictions,
            Self::Accepted | Self::Refused { .. } | Self::Unverified { .. } => &[],
        }
    }

    /// The verdict for the private half as it was found.
    #[must_use]
    pub fn for_encrypted_key(self) -> Self {
        match self {
            Self::Accepted => Self::Encrypted { restrictions: Vec::new() },
            Self::Restricted { restrictions } | Self::ForwardingOnly { restrictions } => {
                Self::Encrypted { restrictions }
            }
            other => other,
        }
    }

    /// The name of the state on the wire.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Restricted { .. } => "restricted",
            Self::ForwardingOnly { .. } => "forwarding_only",
            Self::Refused { .. } => "refused",
            Self::Encrypted { .. } => "encrypted",
            Self::Unverified { .. } => "unverified",
        }
    }
}

/// One thing that restricts what a key gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Restriction {
    /// What kind.
    pub kind: RestrictionKind,
    /// What exactly: patterns, the program, a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Restriction {
    /// A restriction.
    #[must_use]
    pub fn new(kind: RestrictionKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: Some(detail.into()).filter(|detail| !detail.is_empty()) }
    }
}

/// Kinds of restrictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RestrictionKind {
    /// `from=`: only from clients that match the patterns.
    From,
    /// The configuration decides by where the client is.
    Source,
    /// `command=`: only this program is run.
    Command,
    /// `ForceCommand`: only this program is run.
    ForceCommand,
    /// Good until this time.
    Expires,
    /// A second factor is asked for (`AuthenticationMethods`).
    SecondFactor,
    /// The session is confined to a directory.
    Chroot,
    /// No terminal.
    NoPty,
    /// No forwarding of ports.
    NoPortForwarding,
    /// No forwarding of the agent.
    NoAgentForwarding,
    /// No forwarding of X11.
    NoX11Forwarding,
    /// `~/.ssh/rc` is not run.
    NoUserRc,
    /// Ports are forwarded to these places only.
    PermitOpen,
    /// Ports are listened on at these places only.
    PermitListen,
    /// A FIDO token must verify its user.
    VerifyRequired,
    /// The key is that of a certificate authority: it opens the account by signing
    /// a certificate, for these principals where they are named.
    CertAuthority,
    /// The account's shell ends every session.
    NoShell,
}

/// Why a key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// `PubkeyAuthentication no`.
    PubkeyAuthenticationOff,
    /// `AuthenticationMethods` has no way that a key is part of.
    AuthenticationMethods,
    /// `PermitRootLogin no`.
    RootLoginOff,
    /// `PermitRootLogin forced-commands-only`, and the line forces none.
    RootNeedsCommand,
    /// The account has expired.
    AccountExpired,
    /// The account is locked, for an sshd that works without PAM, or disabled (Windows).
    AccountLocked,
    /// The account's password has expired or must be changed first.
    PasswordExpired,
    /// The account's shell is not there or cannot be run.
    Shell,
    /// `/etc/nologin` keeps all but root out.
    NoLogin,
    /// `DenyUsers` names the account.
    DenyUsers,
    /// `AllowUsers` does not name it.
    AllowUsers,
    /// `DenyGroups` names a group of it.
    DenyGroups,
    /// `AllowGroups` names no group of it.
    AllowGroups,
    /// The file is not one that sshd asks for this account.
    FileNotUsed,
    /// The account cannot read the file.
    FileUnreadable,
    /// `StrictModes`: somebody else can write the file or a directory above it.
    StrictModes,
    /// The key's algorithm is not accepted.
    Algorithm,
    /// The key is shorter than accepted.
    KeySize,
    /// The key is revoked (`RevokedKeys`).
    Revoked,
    /// `RevokedKeys` names a file that cannot be read, which refuses every key.
    RevokedKeysUnreadable,
    /// An option that sshd does not know, or a malformed one, voids the line.
    Options,
    /// The line's `expiry-time` has passed.
    Expired,
    /// `from=` matches no client.
    From,
    /// `/etc/hosts.deny` or `hosts.allow` keeps out every client.
    HostsAccess,
    /// `principals=` on a line that is no certificate authority's.
    Principals,
    /// A certificate in the place of a key.
    Certificate,
    /// The authority that signed the certificate is not trusted for this account.
    Authority,
    /// The certificate is not good yet, or no more.
    CertificateTime,
    /// The certificate is for none of the names that this account takes.
    CertificatePrincipal,
    /// A critical option of the certificate is unknown, or contradicts the entry.
    CertificateOption,
    /// The authority's key did not make the certificate's signature.
    Signature,
    /// An earlier line with the same key decides.
    EarlierLine,
    /// The shell ends every session, and nothing may be forwarded.
    NothingAllowed,
}

impl Refusal {
    /// In words, for a person; a detail may follow.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::PubkeyAuthenticationOff => "PubkeyAuthentication is off",
            Self::AuthenticationMethods => "no way of AuthenticationMethods takes a key",
            Self::RootLoginOff => "PermitRootLogin is off",
            Self::RootNeedsCommand => "PermitRootLogin asks for a forced command",
            Self::AccountExpired => "the account has expired",
            Self::AccountLocked => "the account is locked",
            Self::PasswordExpired => "the password has expired",
            Self::Shell => "the account has no shell that runs",
            Self::NoLogin => "/etc/nologin keeps it out",
            Self::DenyUsers => "DenyUsers names the account",
            Self::AllowUsers => "AllowUsers does not name the account",
            Self::DenyGroups => "DenyGroups names a group of the account",
            Self::AllowGroups => "AllowGroups names no group of the account",
            Self::FileNotUsed => "sshd does not ask for this file",
            Self::FileUnreadable => "the account cannot read the file",
            Self::StrictModes => "StrictModes does not take the file",
            Self::Algorithm => "the algorithm is not accepted",
            Self::KeySize => "the key is too short",
            Self::Revoked => "the key is revoked",
            Self::RevokedKeysUnreadable => "RevokedKeys cannot be read, which refuses every key",
            Self::Options => "an option voids the line",
            Self::Expired => "the line has expired",
            Self::From => "from= matches no client",
            Self::HostsAccess => "hosts.allow and hosts.deny keep out every client",
            Self::Principals => "principals= on a line that is no authority's",
            Self::Certificate => "a certificate stands in the place of a key",
            Self::Authority => "the certificate's authority is not trusted",
            Self::CertificateTime => "the certificate is not good at this time",
            Self::CertificatePrincipal => "the certificate is for other names",
            Self::CertificateOption => "an option of the certificate is not met",
            Self::Signature => "the certificate's signature is not its authority's",
            Self::EarlierLine => "an earlier line has the same key",
            Self::NothingAllowed => "the shell ends every session, and nothing may be forwarded",
        }
    }
}

/// Why it cannot be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// No sshd was found on the disk.
    NoServer,
    /// sshd is there, and nothing was found that starts it.
    ServerNotEnabled,
    /// sshd would not start with its configuration, or it was not understood.
    Configuration,
    /// A limit of the reader was reached: lines, bytes, files.
    Limit,
    /// A file could not be read.
    Unreadable,
    /// Accounts or groups come from a directory on the network.
    Directory,
    /// A PAM module decides.
    Pam,
    /// The agent of a cloud takes the entry away, if it runs before anybody connects.
    Agent,
    /// A list of revoked keys in a form that is not read.
    RevocationList,
    /// Who is an administrator is not known.
    Membership,
    /// The access list of the file, or of a folder above it, is not known.
    AccessList,
    /// An option's meaning depends on the machine.
    Options,
    /// `AuthorizedPrincipalsCommand` says for whom a certificate must be.
    PrincipalsCommand,
    /// The certificate's signature is of a kind that is not verified here.
    Signature,
    /// An authority that the account trusts has signed a certificate of the key on
    /// another machine; only where both are read together is it decided.
    Certificate,
}

/// What one account says of a key, in short, in the finding of its private half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountVerdict {
    /// The account's name.
    pub account: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The file and line of the entry: `/home/ana/.ssh/authorized_keys:3`.
    pub place: String,
}
