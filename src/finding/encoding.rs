//! The ways in which text is encoded in other text.

use serde::{Deserialize, Serialize};

/// An encoding that was undone to find a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-16, low byte first, as Windows writes it.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Base64 (RFC 4648, section 4).
    Base64,
    /// Percent escapes of URLs: `%3D`.
    Url,
    /// Backslash escapes of JSON: `\"`, `\u003d`.
    Json,
    /// Entities of XML and HTML: `&amp;`, `&#61;`.
    Xml,
    /// Backslash escapes that C and shells have and JSON has not: `\x3d`, `\075`.
    C,
}

impl Encoding {
    /// The name used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Base64 => "base64",
            Self::Url => "url",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::C => "c",
        }
    }
}
