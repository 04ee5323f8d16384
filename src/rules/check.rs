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
        /// `+` was replaced by `P` and `/` by `F`, in the checksum too.
        #[serde(default)]
        alphanumeric: bool,
        /// A secret without the signature passes: an older key, or another kind.
        #[serde(default)]
        optional: bool,
    },
    /// The secret is an annotated key of Microsoft (84 or 88 characters, `JQQJ99`
    /// inside) and its checksum holds. Adds `issued_at`,
    /// `key_signature`, `product`, `provider_data`, `platform_data`.
    AnnotatedKey {
        /// Who made the key: four characters. None: anybody.
        #[serde(default)]
        signature: Option<String>,
        /// What the last character of the provider's data stands for.
        #[serde(default)]
        products: BTreeMap<String, String>,
        /// A secret without `JQQJ9` in its place passes: an older key.
        #[serde(default)]
        optional: bool,
    },
    /// The secret stands in a string of `Name=value` pairs joined by `;` without
    /// quoting. Adds `host`, and the attributes that are asked for.
    NameValueString {
        /// Names that must be there with a value, in any case.
        #[serde(default)]
        needs: Vec<String>,
        /// Names, in order, of which the first that is there gives `host`.
        #[serde(default)]
        host: Vec<String>,
        /// Names with the attribute that each one becomes.
        #[serde(default)]
        attributes: BTreeMap<String, String>,
        /// A secret that stands in no such string passes.
        #[serde(default)]
        optional: bool,
    },
    /// The attribute `host` is the host of an Azure resource. It is written in
    /// lower case and without `privatelink.`; a sample host is refused. Adds
    /// `cloud`, and the resource's name.
    AzureHost {
        /// The host must end in one of these (lower case, with the first dot).
        suffixes: Vec<String>,
        /// The attribute that the first label becomes.
        #[serde(default)]
        label: Option<String>,
        /// The attribute that the second label becomes, where there is one.
        #[serde(default)]
        zone: Option<String>,
        /// Parts of hosts with what stands for them in the resource's own host.
        #[serde(default)]
        replace: BTreeMap<String, String>,
        /// A secret without a host, or with one that is no such, passes, and has
        /// no `host` then.
        #[serde(default)]
        optional: bool,
    },
    /// The match ends in a URL's query, bare or not, whose signature becomes the
    /// secret. Adds `host` and `path`, and the attributes that are asked for.
    SignedQuery {
        /// The parameter that holds the signature.
        signature: String,
        /// Bytes of the signature, which is base64 of either alphabet.
        bytes: u32,
        /// Parameters that must be there with a value.
        #[serde(default)]
        needs: Vec<String>,
        /// The parameter that names the resource. None: the URL itself.
        #[serde(default)]
        resource: Option<String>,
        /// The parameter that holds the end of its life: seconds since 1970, or
        /// a time. Adds `expires_at`.
        #[serde(default)]
        expiry: Option<String>,
        /// Parameters with the attribute that each one becomes.
        #[serde(default)]
        attributes: BTreeMap<String, String>,
    },
    /// The secret is an Entra ID client secret of the form that has a checksum,
    /// and the checksum holds.
    EntraClientSecret {},
    /// The secret is a token of Azure DevOps of the form before 2024, 52 characters
    /// of base32, or base64 of one or of `user:token`, and its checksum holds.
    AzureDevopsToken {
        /// It is the secret of an application, and not a person's token.
        #[serde(default)]
        application: bool,
    },
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
    /// An attribute is a time of the form `yyyyMMddHHmm`, in UTC, and becomes another
    /// one in the form of RFC 3339.
    CompactTime {
        /// The attribute that is read.
        source: String,
        /// The attribute that is added.
        attribute: String,
    },
    /// The match stands in a login to any server, whose password becomes the
    /// secret: at the host of a URL when the match ends in `@`, anywhere in a string
    /// of pairs, a command line or a line of `.pgpass` otherwise. Logins of manuals
    /// to this machine are refused. Adds what `connection-string` adds.
    Login {},
    /// The match begins in the name of a setting whose value is a password, which
    /// becomes the secret. Adds `setting`, `section`, `user`, `server`, `port`,
    /// `database`, `engine`, and `strength` where it is weak, or `guessable`: then it is a
    /// finding in live configurations only.
    Password {
        /// A user must stand beside it.
        #[serde(default)]
        login: bool,
        /// It is a statement of a program, which otherwise is refused.
        #[serde(default)]
        code: bool,
        /// It is a data source of ODBC: a driver stands beside it.
        #[serde(default)]
        data_source: bool,
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
    /// The match ends with the name of a column that holds passwords in a table of
    /// CSV, Markdown, HTML or blanks, beside a column of users or servers. The password
    /// of each row that holds one is a finding. Adds `user`, `server`.
    PasswordTable {},
    /// The secret is the password of the first of several lines `user:password`: those
    /// of the others are findings too. Always passes.
    PasswordList {},
    /// Adds an attribute that nothing else has added: what is so unless the text
    /// says otherwise. Always passes.
    DefaultAttribute {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// The secret is the base64 of `user:password` in a header of HTTP. Adds `user`,
    /// `scheme`.
    HttpBasic {
        /// The password becomes the secret.
        #[serde(default)]
        decode: bool,
    },
    /// The secret is `user:password`; the password becomes the secret. Adds `user`.
    HttpUserPair {},
    /// The secret is a signed JSON Web Token, and no documented sample. Adds
    /// `algorithm`, `key_id`, `issuer`, `audience`, `subject`, `client_id`, `tenant`,
    /// `user`, `object_id`, `scopes`, `roles`, `identity_type`, `cloud`, `issued_at`,
    /// `not_before`, `expires_at`.
    Jwt {
        /// The issuer's host is one of these (lower case). Empty: any issuer.
        #[serde(default)]
        issuers: Vec<String>,
        /// Claims that it has, all of them.
        #[serde(default)]
        with: Vec<String>,
        /// Claims that it has not, none of them.
        #[serde(default)]
        without: Vec<String>,
    },
    /// The match is, or stands in, a whole private key outside PEM. Adds `format`,
    /// `encrypted` and what the form holds: `algorithm`, `bits`, `curve`, `key_id`,
    /// `thumbprint`, `public_key`, `fingerprint`, `user`, `subject`, `keys`,
    /// `encoding`, `integrity`, `issued_at`, `not_before`, `expires_at`.
    KeyContainer {
        /// Which form.
        form: ContainerForm,
    },
    /// The match is the start tag of a `machineKey` element of ASP.NET with a key in
    /// hex digits, which becomes the secret. Adds `validation`, `decryption`,
    /// `application`, `keys`.
    MachineKey {},
    /// The match is a whole private key. Adds `format`, `algorithm`, `bits`,
    /// `fingerprint`, `encrypted`, `cipher`, `kdf`, `rounds`, `comment`, `hardware_bound`; where
    /// the use matters, `use_told_by` (`container`, `algorithm`, `name`, `certificate`,
    /// or `form`, which is only likely); where it is not for SSH, `curve` too, and of the key's certificate, where that stands
    /// beside it, `certificate`, `subject`, `not_before`, `expires_at`.
    PrivateKey {
        /// What the key must be used for, as far as can be told.
        #[serde(default)]
        used: KeyUse,
        /// Takes what is left of keys that are cut or damaged, if at least the public
        /// half is left, and no whole key. Adds `damage`: `inconsistent` (its halves do
        /// not belong together), `cut` (the private number is there), `public_half` (it
        /// is not).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        damaged: bool,
    },
}

/// A container of a private key, for [`Check::KeyContainer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ContainerForm {
    /// A JSON Web Key; the match stands in its object.
    Jwk,
    /// `RSAKeyValue` of .NET; the match is the element.
    RsaXml,
    /// `RSAParameters` of .NET in JSON; the match stands in its object.
    RsaParameters,
    /// PKCS#12, as bytes or base64.
    Pkcs12,
    /// PKCS#8, PKCS#1 or SEC 1 in DER without armour; the match begins it.
    Der,
    /// An OpenPGP secret key in armour.
    Pgp,
    /// A key of age.
    Age,
    /// A key of WireGuard.
    Wireguard,
    /// A keystore of Java in its own forms (JKS, JCEKS), as bytes or base64.
    JavaKeystore,
    /// A database of KeePass, as bytes or base64.
    Keepass,
}

/// What a private key is used for, for [`Check::PrivateKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum KeyUse {
    /// Anything.
    #[default]
    Any,
    /// SSH: the container is one of SSH, or the key's name says it, or neither its name
    /// nor a certificate says otherwise and it is in PEM of the kind that `ssh-keygen -m
    /// PEM` writes (PKCS#1, SEC1, DSA). PKCS#8 is what OpenSSL writes.
    Ssh,
    /// Anything but SSH.
    Other,
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

/// How a password is written, for [`Check::PasswordValue`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PasswordEncoding {
    /// As it is.
    #[default]
    Plain,
    /// In base64.
    Base64,
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
