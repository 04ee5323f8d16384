//! What a disk says of its machine.

use serde::{Deserialize, Serialize};

use super::{ProvenanceStep, Timestamp};

/// Facts of the machine that a target was taken of, from the target's own files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MachineRecord {
    /// The target that this is about, as in a location.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<ProvenanceStep>,
    /// Its names and numbers, the strongest first.
    pub identities: Vec<MachineIdentity>,
    /// Its host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Other names and the addresses under which others may know it, by its own files:
    /// its lines in `/etc/hosts`, the settings of its network, its last leases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<OsRelease>,
    /// Its accounts, in the order of the account file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountFacts>,
    /// Its SSH server, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sshd: Option<SshdFacts>,
    /// Where its accounts connect to, by their SSH client configurations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_hosts: Vec<SshHost>,
    /// Which keys logged in to it, by its own logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_uses: Vec<KeyUse>,
    /// What in these files could not be read or understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FactProblem>,
}

/// One name or number of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MachineIdentity {
    /// What kind.
    pub kind: IdentityKind,
    /// The value, as the file has it.
    pub value: String,
    /// The file that has it.
    pub path: String,
}

/// Kinds of identities, the strongest first: the first two kinds are given by a
/// cloud and differ between clones of one disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// The id that the cloud gave to the instance.
    CloudInstance,
    /// The id of a virtual machine from its firmware.
    VmId,
    /// The cloud: `ec2`, `azure`, `gce`, ….
    CloudPlatform,
    /// An id of an earlier instance, from which this disk was copied.
    PreviousInstance,
    /// `/etc/machine-id`, or the `MachineGuid` of Windows: clones that were not prepared
    /// share it.
    MachineId,
    /// A serial number or asset tag of the hardware, where something kept it.
    HardwareSerial,
}

/// The operating system by its `os-release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OsRelease {
    /// `debian`, `ubuntu`, `rhel`, …; `windows`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `Debian GNU/Linux 12 (bookworm)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountFacts {
    /// Its name.
    pub name: String,
    /// Its number; absent on Windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The names of its groups, the primary one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Its home directory.
    pub home: String,
    /// Its shell; absent on Windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// What its password field says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordState>,
    /// Whether the account had expired when it was scanned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// How many lines with keys its files have.
    #[serde(default)]
    pub authorized_keys: u64,
    /// Its last login, whatever it was made with, by `wtmp` and `lastlog`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login: Option<Login>,
}

/// Logins with one key to one account from one address, by the logs of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyUse {
    /// The key, `SHA256:…`; of a certificate the key that it certifies.
    pub fingerprint: String,
    /// The account that was logged in to.
    pub account: String,
    /// Where the client was.
    pub address: String,
    /// The first of these logins that the logs still have.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// How many there are.
    pub count: u64,
    /// The log that has the last one.
    pub path: String,
    /// The log leaves out the year: it is that in which the log was last changed, or
    /// one before, so that its lines do not go back in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub year_inferred: bool,
    /// The authority, where a certificate was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// A login that `wtmp` or `lastlog` has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Login {
    /// When.
    pub time: Timestamp,
    /// From where: an address or a name; absent for a login at the machine itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The file that has it.
    pub path: String,
}

/// What a password field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PasswordState {
    /// There is one.
    Set,
    /// None is needed.
    Empty,
    /// None works.
    Unusable,
    /// It is locked.
    Locked,
    /// Not known.
    Unknown,
}

/// The SSH server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SshdFacts {
    /// What the program calls itself: `OpenSSH_9.2p1 Debian-2+deb12u10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether something starts it; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The files of its configuration, in the order in which they are read.
    pub files: Vec<String>,
    /// The settings outside of `Match` blocks that decide about keys and logins,
    /// where they are given: keyword → arguments.
    pub settings: std::collections::BTreeMap<String, Vec<String>>,
    /// How many `Match` blocks there are.
    pub match_blocks: u64,
    /// What cannot be decided from the disk: `AuthorizedKeysCommand`,
    /// `AuthorizedPrincipalsCommand`, with what is known of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
}

/// A `Host` block of an SSH client configuration, which hints at where an account
/// connects to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SshHost {
    /// The account whose file it is; absent for the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The file.
    pub path: String,
    /// The patterns of the block.
    pub patterns: Vec<String>,
    /// `HostName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// `User`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `Port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `IdentityFile`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identity_files: Vec<String>,
    /// `ProxyJump`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_jump: Option<String>,
}

/// Something in a file of the machine that could not be read or understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FactProblem {
    /// The file.
    pub path: String,
    /// What.
    pub message: String,
    /// How often.
    pub count: u64,
}
