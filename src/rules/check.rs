//! The checks that a rule may name, with their arguments, as data. What each one
//! does is in `scan::checks`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One check of a rule.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "check", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// The secret's Shannon entropy in bits per byte is at least `min`.
    Entropy {
        /// Bits per byte.
        min: f64,
    },
    /// The secret has characters of certain kinds, or is not of a kind that
    /// something else has.
    Characters {
        /// It is not all hex digits (a digest, a commit).
        #[serde(default)]
        not_hex: bool,
        /// It has letters in both cases.
        #[serde(default)]
        mixed_case: bool,
        /// It has a digit.
        #[serde(default)]
        digit: bool,
        /// It has at most this many slashes (more are a path).
        #[serde(default)]
        max_slashes: Option<u32>,
    },
    /// The secret is no template, sample word, mask or run.
    NotPlaceholder {
        /// What the value is, which decides how much of it must look made up.
        #[serde(default)]
        value: ValueKind,
    },
    /// The secret's last characters are the base-62 CRC-32 of those before, as in
    /// tokens of GitHub and npm.
    Crc32Base62 {
        /// How many first bytes are not part of the sum.
        skip: u32,
    },
    /// The match is an AWS access key id. Adds `key_kind`, and `account` where the
    /// id holds it.
    AwsKeyId {},
    /// The match begins at a known character of a base64 token, whose whole is
    /// then the secret, its escapes undone.
    Base64Around {
        /// Characters of the token before the match.
        before: u32,
        /// Characters of the whole token, padding included.
        length: u32,
    },
    /// The secret, its escapes undone, is base64 of this many bytes.
    Base64Length {
        /// Bytes.
        bytes: u32,
    },
    /// The secret is an identifiable key of Microsoft's first generation: its
    /// signature is in place and its Marvin32 sum holds. Adds `key_role`.
    HisKey {
        /// The four characters of the signature.
        signature: String,
        /// How many bytes the key has.
        bytes: u32,
        /// Seeds (eight characters each) with the role that each one stands for.
        seeds: BTreeMap<String, String>,
    },
    /// The secret is an Entra ID client secret of the form that has a checksum,
    /// and the checksum holds.
    EntraClientSecret {},
    /// The secret is the signature of a SAS of Azure Storage. Adds `account`,
    /// `service`, `host`, `path`, `sas_kind`, `permissions`, `resource`,
    /// `expires_at`, `not_before`, `ip`, `protocol`, `policy`, `version`.
    AzureSas {},
    /// The match stands in a connection string of Azure Storage. Adds `account`,
    /// `suffix`, `protocol`.
    AzureStorageString {},
    /// The match stands in the host of a login, whose password becomes the secret:
    /// in a connection string (pairs, URL, JDBC, libpq), the arguments of a database
    /// program or function, a line of `.pgpass`, or a setting with the user and the
    /// password in the settings beside it. Adds `server`, `port`, `database`,
    /// `user`, `engine`, `authentication`.
    ConnectionString {
        /// The host must end in one of these (lower case). Empty: any host.
        #[serde(default)]
        hosts: Vec<String>,
    },
    /// The match stands in a login to any server, whose password becomes the
    /// secret: at the host of a URL when the match ends in `@`, anywhere in a string
    /// of pairs, a command line or a line of `.pgpass` otherwise. Logins of manuals
    /// to this machine are refused. Adds what `connection-string` adds.
    Login {},
    /// The match begins in the name of a setting whose value is a password, which
    /// becomes the secret. Adds `setting`, `section`, `user`, `server`, `port`,
    /// `database`, `engine`, and `strength` where it is weak.
    Password {
        /// A user must stand beside it.
        #[serde(default)]
        login: bool,
        /// It is a statement of a program, which otherwise is refused.
        #[serde(default)]
        code: bool,
    },
    /// The secret is a password that somebody chose, and no word of programs, template
    /// or reference; with the attributes `user` and `server` it is no login of
    /// manuals. Adds `user` where the encoding holds it, `strength` where it is weak.
    PasswordValue {
        /// How it is written.
        #[serde(default)]
        encoding: PasswordEncoding,
        /// Nothing else says that it is one: it has to look more like it.
        #[serde(default)]
        alone: bool,
    },
    /// Adds an attribute that nothing else has added: what is so unless the text
    /// says otherwise. Always passes.
    DefaultAttribute {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// The match is a whole private key. Adds `format`, `algorithm`, `bits`,
    /// `fingerprint`, `encrypted`, `cipher`, `kdf`, `comment`, `hardware_bound`.
    PrivateKey {},
}

/// How a password is written, for [`Check::PasswordValue`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PasswordEncoding {
    /// As it is.
    #[default]
    Plain,
    /// Base64 of `user:password`.
    Base64Pair,
    /// As in answer files of Windows: in the clear where the attribute `plain_text`
    /// is `true`, else base64 of UTF-16LE with the name of the element after it.
    Unattend,
    /// Bytes in base64, each combined with 0x5f (`{xor}` of WebSphere).
    Xor,
}

/// What a value is, for [`Check::NotPlaceholder`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// Made by a machine at random: one sample word or a run in it is enough.
    #[default]
    Token,
    /// Chosen by a person: it must be made up of nothing but sample words.
    Password,
}
