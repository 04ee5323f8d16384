//! The records of the wire schema `snapsift/1`: one scan is a stream of JSON
//! Lines, each with a `type`. A stream without its `summary` is incomplete.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    AccountVerdict, BaselineState, Confidence, Coverage, GitFacts, Ignored, KeyUse, Location, MachineRecord,
    Marks, ProvenanceStep, Revealed, Severity, Timestamp, Vendor, Verdict,
};

/// One line of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The header, always first.
    Scan(ScanRecord),
    /// What a target says of its machine.
    Machine(Box<MachineRecord>),
    /// A secret at a place.
    Finding(Box<Finding>),
    /// A private or public key that was seen.
    Key(Box<KeyRecord>),
    /// Something that could not be read.
    Problem(ProblemRecord),
    /// The trailer, always last.
    Summary(Box<SummaryRecord>),
}

/// The header of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScanRecord {
    /// `snapsift/1`.
    pub schema: String,
    /// Unique for this run (128 bits in hex).
    pub scan_id: String,
    /// The program's version.
    pub engine_version: String,
    /// Which rules were used: BLAKE3 over the sources of all packs, in hex.
    pub rules_blake3: String,
    /// How many rules were used.
    pub rules: u64,
    /// Their ids, so that what a later scan no longer looks for is not taken for gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rule_ids: Vec<String>,
    /// The targets as the user named them.
    pub targets: Vec<String>,
    /// When the scan began.
    pub started_at: Timestamp,
    /// Whether fingerprints are keyed with the user's key.
    pub fingerprints_keyed: bool,
}

/// A secret at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable: the same rule, secret and place give the same id in every scan.
    pub id: String,
    /// The rule that found it.
    pub rule_id: String,
    /// The official name of the secret type.
    pub secret_type: String,
    /// Who issues secrets of this type.
    pub provider: String,
    /// The rule's category.
    pub category: String,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The secret, redacted.
    pub secret: SecretFacts,
    /// Where.
    pub location: Location,
    /// What the filesystem says about the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFacts>,
    /// What the secret's own form says: account, server, user, permissions, ….
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// From when to when the secret is good, where its form says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Validity>,
    /// What the secret opens; absent: no target can be told from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// For keys: the fingerprint of the matching `key` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<String>,
    /// For private keys: what the accounts of this machine that have the key in
    /// their files say of it. The `key` records have more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountVerdict>,
    /// For private keys: when, from where and as whom the key was used to log in to
    /// this machine, by its own logs; the latest first, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_uses: Vec<KeyUse>,
    /// The name of a published key or sample value: nobody's secret. The severity
    /// is `info` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// The package that the file came with. Where the file is unchanged, the
    /// severity is `low` at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Vendor>,
    /// Of an object of git: which commits have it, and whether it can still be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<Box<GitFacts>>,
    /// The user's ignore file names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// Whether an earlier scan had it; absent without `--baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineState>,
    /// What to do.
    pub remediation: String,
}

/// A secret without its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretFacts {
    /// A public prefix and the last four characters at most.
    pub preview: String,
    /// Length in bytes.
    pub length: u64,
    /// Equal for equal secrets: see [`super::Fingerprinter`].
    pub fingerprint: String,
    /// The raw secret; only ever present when the user asked with `--reveal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Revealed>,
}

/// What the filesystem says about a file, as it was before the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileFacts {
    /// Size in bytes.
    pub size: u64,
    /// Permission bits, octal, as `ls` and `chmod` write them: `0600`.
    pub mode: String,
    /// Owner's number.
    pub uid: u32,
    /// Group's number.
    pub gid: u32,
    /// Owner's name by the snapshot's own passwd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Group's name by the snapshot's own group file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Last read, as it was before the scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atime: Option<Timestamp>,
    /// Content last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtime: Option<Timestamp>,
    /// Inode last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctime: Option<Timestamp>,
    /// Made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btime: Option<Timestamp>,
    /// Inode number.
    pub inode: u64,
    /// Number of names (hard links).
    pub links: u64,
    /// What an archive says about its innermost member that holds the secret. Who can
    /// read the member is who can read the archive: the fields above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Box<MemberFacts>>,
}

/// What an archive says about a member, as far as its format has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberFacts {
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Permission bits, octal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Owner's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    /// Group's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u64>,
    /// Owner's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Group's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Content last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtime: Option<Timestamp>,
}

/// From when to when a secret is good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Validity {
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
    /// Not good before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Not good from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether it had expired when it was scanned; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<bool>,
}

/// The resource that a secret opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// What kind of resource, e.g. `azure_storage_account`.
    pub kind: String,
    /// The canonical identifier: host name or cloud resource name.
    pub id: String,
    /// Whether the resource exists.
    pub exists: TargetExists,
    /// How that was found out.
    pub determined_by: String,
}

/// Whether a target exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TargetExists {
    /// It is in an inventory.
    Yes,
    /// It is not in an inventory that is complete for its scope.
    No,
    /// No inventory says.
    Unknown,
}

/// A key that was seen, private or public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyRecord {
    /// The identity: `SHA256:` and 43 base64 characters as `ssh-keygen -lf`
    /// prints it; absent when the public half cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The older identity: `MD5:` and hex pairs, as `ssh-keygen -E md5 -lf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_md5: Option<String>,
    /// Whether this is the private half.
    pub private: bool,
    /// What it is there for.
    #[serde(default)]
    pub role: KeyRole,
    /// The account that the entry is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What the account says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// `rsa`, `ecdsa`, `ed25519`, `dsa`, `ecdsa-sk`, `ed25519-sk`, …; absent when unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Size in bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// The public half in SSH wire form, in base64: what stands in a line of
    /// `authorized_keys`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// As EC2 shows an RSA key pair that it made: 20 hex pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_ec2_created: Option<String>,
    /// As EC2 shows an RSA key pair that was imported: 16 hex pairs. (It may show
    /// `fingerprint_md5` too; an Ed25519 key has `fingerprint` there.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_ec2_imported: Option<String>,
    /// The container: `openssh`, `pkcs1`, `pkcs8`, `sec1`, `dsa`, `ppk2`, `ppk3`,
    /// `ssh2`, `dropbear`, ….
    pub format: String,
    /// What is left of a key that is not whole: `inconsistent` (its halves do not
    /// belong together), `cut` (the private number is there), `public_half` (the
    /// private number is not there). Absent for a whole key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    /// The comment, where it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether a passphrase protects it.
    pub encrypted: bool,
    /// With which cipher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// With which key derivation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kdf: Option<String>,
    /// Rounds, iterations or passes of the derivation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// The fingerprint of the public key in the file beside a private one (`NAME.pub`),
    /// where it is another key than `fingerprint`, or `fingerprint` is not known: then
    /// it is what the key may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_beside: Option<String>,
    /// In which ways it is weak.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weaknesses: Vec<KeyWeakness>,
    /// Of a line of `known_hosts`: the hosts that it is for, as the line has them: names
    /// or patterns, or a hash; a marker goes before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<String>,
    /// Of a certificate: what it says besides the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Box<CertificateFacts>>,
    /// The last time that the machine's own logs tell of its use at this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_use: Option<Box<KeyUse>>,
    /// Where.
    pub location: Location,
    /// What the filesystem says about the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFacts>,
    /// The finding that this key belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding_id: Option<String>,
}

/// In which way a key is weak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyWeakness {
    /// `short_rsa`, `dsa`, `broken_exponent`, `small_factor`, `close_primes`, `roca`,
    /// `byte_pattern`, `debian_2008`, `published`, `shared_prime`, `weak_kdf`,
    /// `putty_p521`.
    pub kind: String,
    /// What shows it, for a person.
    pub evidence: String,
}

/// What a key is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// The private half, for whatever it opens.
    #[default]
    Private,
    /// An entry of a file of authorized keys.
    Authorized,
    /// The key of an authority whose certificates are taken.
    CertAuthority,
    /// A key that a cloud or a tool was told to put into such a file.
    Provisioned,
    /// The private half of a host key.
    HostPrivate,
    /// The public half of a host key.
    HostPublic,
    /// The key of a host that an account has connected to (`known_hosts`).
    KnownHost,
    /// A certificate of a key: it signs in where its authority is trusted.
    Certificate,
}

impl KeyRole {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Authorized => "authorized",
            Self::CertAuthority => "cert_authority",
            Self::Provisioned => "provisioned",
            Self::HostPrivate => "host_private",
            Self::HostPublic => "host_public",
            Self::KnownHost => "known_host",
            Self::Certificate => "certificate",
        }
    }
}

/// What a certificate says besides its key. Its signature is verified where
/// `signature` says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CertificateFacts {
    /// The fingerprint of the key that signed it.
    pub authority: String,
    /// A name that its issuer gave it.
    pub key_id: String,
    /// A number that its issuer gave it.
    pub serial: u64,
    /// For whom it is: accounts, or names that accounts are told to take.
    pub principals: Vec<String>,
    /// From when it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_after: Option<Timestamp>,
    /// Until when it is good; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_before: Option<Timestamp>,
    /// Whether it had expired, or was not yet good, when it was scanned.
    pub out_of_time: bool,
    /// Names of its critical options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical_options: Vec<String>,
    /// `good`, `bad`, or `unknown`: of a kind that is not verified here.
    pub signature: String,
}

/// Something that could not be read, or not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProblemRecord {
    /// The path inside the snapshot, `/` first, invalid UTF-8 replaced.
    pub path: String,
    /// The exact bytes of the path in lower-case hex, only where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// The way from the target to what the path is in, as in a location; empty
    /// where no target is concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<ProvenanceStep>,
    /// Why.
    pub reason: super::Reason,
    /// At which offset, where only a part is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What happened and what to do, for a person.
    pub message: String,
}

/// The trailer of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SummaryRecord {
    /// The scan's id, as in its header.
    pub scan_id: String,
    /// Whether everything that should be scanned was: not interrupted, no problem.
    pub complete: bool,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// What was seen, scanned and left out.
    pub coverage: Coverage,
    /// Findings by severity, those that are marked included.
    pub findings: BTreeMap<Severity, u64>,
    /// Findings that were counted and not listed: see `--max-findings-per-file`.
    #[serde(default)]
    pub findings_not_listed: u64,
    /// How many findings are marked as ignored, new, known or a vendor's.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    pub marks: Marks,
    /// Key records.
    pub keys: u64,
    /// Problem records.
    pub problems: u64,
    /// Problems that were counted and not listed.
    #[serde(default)]
    pub problems_not_listed: u64,
    /// Files whose access time this process was not allowed to keep (it is not
    /// their owner): reading may have changed it, as any reader would.
    #[serde(default)]
    pub access_times_not_kept: u64,
    /// When the scan ended.
    pub finished_at: Timestamp,
    /// How long it took, in seconds.
    pub elapsed_seconds: f64,
}
