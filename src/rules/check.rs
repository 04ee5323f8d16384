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
        /// How many first bytes are left out: a prefix that has such a word.
        #[serde(default)]
        skip: u32,
    },
    /// The secret ends in the CRC-32 (IEEE) of what stands before it, as tokens of
    /// GitHub, npm, GitLab and others do.
    Crc32 {
        /// How the sum is written.
        digits: SumDigits,
        /// How many first bytes are not part of the sum.
        #[serde(default)]
        skip: u32,
        /// How many bytes right before the sum are not part of it: a separator.
        #[serde(default)]
        gap: u32,
        /// The sum's bytes are written least significant first.
        #[serde(default)]
        reversed: bool,
        /// Without it a sum that does not hold refuses nothing: the attribute
        /// `checksum` says whether it is `valid` or `invalid`. For schemes that
        /// their vendor has not published.
        #[serde(default = "yes")]
        required: bool,
    },
    /// A part of the secret is base64 (of either alphabet) of something that the
    /// patterns match, whose named groups become attributes. Groups that are named
    /// after the times of a validity may hold seconds or milliseconds since 1970.
    Base64Holds {
        /// The group of the rule's pattern that is the base64; it is no attribute
        /// any more. Without it, the secret is.
        #[serde(default)]
        group: Option<String>,
        /// How many first bytes are not base64.
        #[serde(default)]
        skip: u32,
        /// Regular expressions over the decoded bytes: all must match. Without any,
        /// what is not base64 passes, too.
        patterns: Vec<String>,
        /// Regular expressions that may match.
        #[serde(default)]
        optional: Vec<String>,
    },
    /// The match is an AWS access key id. Adds `key_kind`, `partition`, and `account`
    /// where the id holds it.
    AwsKeyId {},
    /// The match is an AWS access key id, and the secret that belongs to it, which
    /// becomes the finding's, stands in the same section, object or row, or near.
    /// Adds `session_token` where one stands there, too.
    AwsKeyPair {},
    /// The match is the signature of a signed URL, or stands in its query. The
    /// signature becomes the secret. Adds `key_id`, `bucket`, `object`, `host`,
    /// `region`, `issued_at`, `expires_at`, and what else the URL says.
    SignedUrl {
        /// The scheme by which it is signed.
        form: SignedUrlForm,
    },
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
    /// The match stands in the host of a connection string with a password, which
    /// becomes the secret. Adds `server`, `database`, `user`, `port`,
    /// `authentication`.
    ConnectionString {
        /// The host must end in one of these (lower case). Empty: any host.
        #[serde(default)]
        hosts: Vec<String>,
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

fn yes() -> bool {
    true
}

/// How a checksum is written, for [`Check::Crc32`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SumDigits {
    /// Six digits `0-9A-Za-z`.
    Base62,
    /// Six digits `0-9a-zA-Z`.
    Base62LowerFirst,
    /// Eight digits `0-9a-f`.
    Hex,
    /// Eight digits `0-9A-F`.
    HexUpper,
    /// Seven digits `0-9a-z`.
    Base36,
    /// Six characters of base64.
    Base64,
}

/// How a URL is signed, for [`Check::SignedUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SignedUrlForm {
    /// S3 and what is compatible with it, signature version 4.
    AwsV4,
    /// The same, version 2.
    AwsV2,
    /// The fields of a form that uploads to S3, with their policy.
    AwsPost,
    /// A short-term key of Amazon Bedrock: base64 of a signed URL.
    AwsBedrock,
    /// Google Cloud Storage, version 4.
    GoogleV4,
    /// The same, version 2.
    GoogleV2,
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
