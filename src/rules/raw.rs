//! The shape of a rule pack as it is written: what serde reads, and what the
//! JSON Schema of packs is made from.
//!
//! Nothing is judged here but the types of the values; [`super::lower`] does the
//! rest. A key that every rule must have is an `Option` nevertheless, so that one
//! message can name all that are missing.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::{Check, ContextMode, Side};
use crate::finding::{Confidence, Severity};

/// A rule pack: a header and rules.
#[derive(Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(title = "snapsift rule pack", rename = "Pack"))]
pub(super) struct RawFile {
    /// The header of the pack.
    #[cfg_attr(feature = "schema", schemars(required, with = "RawPack"))]
    pub(super) pack: Option<Spanned<RawPack>>,
    /// The rules.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<RawRule>"))]
    pub(super) rule: Vec<Spanned<RawRule>>,
}

/// The header of a pack.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "PackHeader"))]
pub(super) struct RawPack {
    /// A short name, such as the provider's.
    pub(super) name: String,
    /// What the pack is for.
    pub(super) description: Option<String>,
    /// A version of the pack's own; any text.
    pub(super) version: Option<String>,
}

/// One rule: a type of secret and how it is recognised.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Rule"))]
pub(super) struct RawRule {
    /// Stable identifier: lower case letters, digits and dashes. Unique over all packs.
    #[cfg_attr(
        feature = "schema",
        schemars(required, with = "String", regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))
    )]
    pub(super) id: Option<Spanned<String>>,
    /// Short name for a person.
    #[cfg_attr(feature = "schema", schemars(required, with = "String"))]
    pub(super) name: Option<Spanned<String>>,
    /// The official name of the secret type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(required, with = "String"))]
    pub(super) secret_type: Option<Spanned<String>>,
    /// Who issues secrets of this type.
    #[cfg_attr(feature = "schema", schemars(required, with = "String"))]
    pub(super) provider: Option<Spanned<String>>,
    /// A grouping of rules, such as `cloud` or `database`.
    #[cfg_attr(feature = "schema", schemars(required, with = "String"))]
    pub(super) category: Option<Spanned<String>>,
    /// How bad a finding is.
    #[cfg_attr(feature = "schema", schemars(required, with = "Severity"))]
    pub(super) severity: Option<Severity>,
    /// How sure a finding is.
    #[cfg_attr(feature = "schema", schemars(required, with = "Confidence"))]
    pub(super) confidence: Option<Confidence>,
    /// What the secret is and why it matters.
    #[cfg_attr(feature = "schema", schemars(required, with = "String"))]
    pub(super) description: Option<Spanned<String>>,
    /// What to do about a finding.
    #[cfg_attr(feature = "schema", schemars(required, with = "String"))]
    pub(super) remediation: Option<Spanned<String>>,
    /// Where the facts come from: web addresses.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub(super) references: Vec<Spanned<String>>,
    /// A regular expression over bytes, Unicode off. The group `secret` is the
    /// secret (without it the whole match is); other named groups are attributes.
    #[cfg_attr(feature = "schema", schemars(required, with = "String"))]
    pub(super) pattern: Option<Spanned<String>>,
    /// Literals of at least 3 bytes such that every match contains one of them.
    /// Without this key they are taken from the pattern.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<RawLiteral>>"))]
    pub(super) literals: Option<Spanned<Vec<Spanned<RawLiteral>>>>,
    /// The most bytes that a match may have; for a pattern without a bound.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1, max = 65536)))]
    pub(super) max_length: Option<Spanned<u32>>,
    /// Bytes that must not stand right before the match, as the inside of a `[…]`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub(super) not_before: Option<Spanned<String>>,
    /// Bytes that must not stand right after the match, as the inside of a `[…]`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub(super) not_after: Option<Spanned<String>>,
    /// How many first bytes of the secret are the same in all secrets of the type
    /// and may be shown.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub(super) public_prefix: Option<Spanned<u32>>,
    /// Which rule wins where two claim the same bytes: the higher one; 50 if not given.
    pub(super) priority: Option<i32>,
    /// Checks, in order; the first that refuses ends it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Check>"))]
    pub(super) checks: Vec<Spanned<Check>>,
    /// What must, or must not, stand near the match.
    #[serde(default)]
    pub(super) context: Vec<RawContext>,
    /// Companions: patterns near the match whose named groups add to the finding.
    #[serde(default)]
    pub(super) nearby: Vec<RawNearby>,
    /// Values that are not secrets.
    pub(super) ignore: Option<RawIgnore>,
    /// Paths at which a finding of this rule is one of another rule; the first that
    /// fits decides.
    #[serde(default)]
    pub(super) place: Vec<RawPlace>,
    /// What the secret opens.
    pub(super) target: Option<RawTarget>,
    /// Which attributes hold the times of its validity (RFC 3339).
    pub(super) validity: Option<RawValidity>,
    /// Texts in which the rule must match.
    #[serde(default)]
    pub(super) example: Vec<RawExample>,
    /// Texts in which the rule must not match.
    #[serde(default)]
    pub(super) counter_example: Vec<RawCounterExample>,
    /// Keys that were left out of reading because of an error that is reported.
    #[serde(skip)]
    pub(super) left_out: Vec<String>,
}

/// Something that must, or must not, stand near the match.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Context"))]
pub(super) struct RawContext {
    /// A regular expression over bytes, Unicode off.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) pattern: Spanned<String>,
    /// Within how many bytes of the match.
    #[cfg_attr(feature = "schema", schemars(with = "u32", range(min = 1, max = 4096)))]
    pub(super) within: Spanned<u32>,
    /// And within how many lines: 0 is the match's own line.
    pub(super) lines: Option<u32>,
    /// On which side of the match; `around` if not given.
    pub(super) side: Option<Side>,
    /// Whether it must be there or must not; `require` if not given.
    pub(super) mode: Option<ContextMode>,
}

/// A companion: its named groups add to the finding. The nearest match wins.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Nearby"))]
pub(super) struct RawNearby {
    /// A regular expression over bytes, Unicode off, with named groups. Its group
    /// `secret`, where it has one, is the secret of the finding.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) pattern: Spanned<String>,
    /// Within how many bytes of the match.
    #[cfg_attr(feature = "schema", schemars(with = "u32", range(min = 1, max = 4096)))]
    pub(super) within: Spanned<u32>,
    /// And within how many lines: 0 is the match's own line.
    pub(super) lines: Option<u32>,
    /// On which side of the match; `around` if not given.
    pub(super) side: Option<Side>,
    /// Whether there is no finding without it; true if not given.
    pub(super) required: Option<bool>,
}

/// Values that are not secrets: placeholders, published samples.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Ignore"))]
pub(super) struct RawIgnore {
    /// Exact values of the secret or of any attribute, each a string or its parts.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Text>"))]
    pub(super) values: Vec<Spanned<Text>>,
    /// Regular expressions over the secret.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub(super) patterns: Vec<Spanned<String>>,
    /// BLAKE3 digests of published sample secrets: 64 hex digits.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Vec<String>", inner(regex(pattern = "^[0-9a-fA-F]{64}$")))
    )]
    pub(super) blake3: Vec<Spanned<String>>,
    /// SHA-256 digests of published sample secrets: 64 hex digits.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Vec<String>", inner(regex(pattern = "^[0-9a-fA-F]{64}$")))
    )]
    pub(super) sha256: Vec<Spanned<String>>,
}

/// A path at which a finding of the rule is one of another rule.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Place"))]
pub(super) struct RawPlace {
    /// A regular expression over the path of the finding, Unicode off.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) path: Spanned<String>,
    /// The id of the rule that it is reported as; the rule's own to leave it.
    #[serde(rename = "as")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) reported_as: Spanned<String>,
    /// Attributes that the finding must have, too.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub(super) attributes: BTreeMap<String, String>,
}

/// What the secret opens.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Target"))]
pub(super) struct RawTarget {
    /// The kind of resource, such as `azure_storage_account`.
    pub(super) kind: String,
    /// Its identifier, with `{attribute}` places.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) id: Spanned<String>,
}

/// Which attributes hold the times of a finding's validity (RFC 3339).
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Validity"))]
pub(super) struct RawValidity {
    /// When it was issued.
    pub(super) issued_at: Option<String>,
    /// From when it is good.
    pub(super) not_before: Option<String>,
    /// Until when it is good.
    pub(super) expires_at: Option<String>,
}

/// A text in which the rule must match.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Example"))]
pub(super) struct RawExample {
    /// The text, or its parts.
    #[cfg_attr(feature = "schema", schemars(with = "Text"))]
    pub(super) text: Spanned<Text>,
    /// The secret that must be found, or its parts.
    pub(super) secret: Option<Text>,
    /// Attributes that the finding must have.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, Text>,
}

/// A text in which the rule must not match.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "CounterExample"))]
pub(super) struct RawCounterExample {
    /// The text, or its parts.
    #[cfg_attr(feature = "schema", schemars(with = "Text"))]
    pub(super) text: Spanned<Text>,
}

/// A string, or an array of strings that are joined: so that a file can hold the
/// shape of a secret without holding one that a scanner would report.
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<Text, E> {
                Ok(Text(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Text, A::Error> {
                let mut text = String::new();
                while let Some(part) = parts.next_element::<String>()? {
                    text.push_str(&part);
                }
                Ok(Text(text))
            }
        }
        deserializer.deserialize_any(Parts)
    }
}

/// A declared literal: a string, or a table where case may differ.
pub(super) struct RawLiteral {
    pub(super) text: String,
    pub(super) fold: bool,
}

impl<'de> Deserialize<'de> for RawLiteral {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            text: String,
            #[serde(default)]
            fold: bool,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawLiteral;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a table { text = \"…\", fold = true }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawLiteral, E> {
                Ok(RawLiteral { text: text.to_owned(), fold: false })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawLiteral, A::Error> {
                let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(RawLiteral { text: table.text, fold: table.fold })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(feature = "schema")]
mod schema {
    //! The schemas of the two types that are read by hand.

    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    impl JsonSchema for super::Text {
        fn schema_name() -> Cow<'static, str> {
            "Text".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A string, or an array of strings that are joined: so that a file can hold the shape of a secret without holding one that a scanner would report.",
                "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
            })
        }
    }

    impl JsonSchema for super::RawLiteral {
        fn schema_name() -> Cow<'static, str> {
            "Literal".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A literal of at least 3 bytes: a string, or a table where case may differ.",
                "anyOf": [
                    { "type": "string", "minLength": 3 },
                    {
                        "type": "object",
                        "properties": {
                            "text": { "type": "string", "minLength": 3 },
                            "fold": { "description": "Whether ASCII letters match in either case.", "type": "boolean", "default": false }
                        },
                        "required": ["text"],
                        "additionalProperties": false
                    }
                ]
            })
        }
    }
}
