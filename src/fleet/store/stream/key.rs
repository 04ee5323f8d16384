//! What the store keeps of a key record. A fleet has millions of them: nothing is copied
//! that can be read where it lies, and what is not kept is passed over.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use crate::finding::{CertificateFacts, FileFacts, KeyRole, ProvenanceStep, Verdict, path_inside};

/// Text that is borrowed also where it may be absent.
#[derive(Deserialize)]
#[serde(transparent)]
pub(in crate::fleet::store) struct Text<'l>(#[serde(borrow)] pub(in crate::fleet::store) Cow<'l, str>);

impl Text<'_> {
    /// The text, where there is one.
    pub(in crate::fleet::store) fn of(text: Option<&Self>) -> Option<&str> {
        text.map(|text| &*text.0)
    }
}

/// The fields of [`crate::finding::KeyRecord`] that are kept.
#[derive(Deserialize)]
pub(in crate::fleet::store) struct KeyLine<'l> {
    #[serde(borrow, default)]
    pub(in crate::fleet::store) fingerprint: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) fingerprint_md5: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) role: KeyRole,
    #[serde(default)]
    pub(in crate::fleet::store) account: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) verdict: Option<VerdictLine>,
    #[serde(default)]
    pub(in crate::fleet::store) algorithm: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) bits: Option<u32>,
    #[serde(default)]
    pub(in crate::fleet::store) public_key: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) fingerprint_ec2_created: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) fingerprint_ec2_imported: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) damage: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) comment: Option<Text<'l>>,
    pub(in crate::fleet::store) encrypted: bool,
    #[serde(default)]
    pub(in crate::fleet::store) weaknesses: Vec<WeaknessLine<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) hosts: Option<Text<'l>>,
    #[serde(default)]
    pub(in crate::fleet::store) certificate: Option<Box<CertificateFacts>>,
    pub(in crate::fleet::store) location: LocationLine<'l>,
    #[serde(default)]
    file: Option<&'l RawValue>,
}

/// The fields of a weakness that are kept.
#[derive(Deserialize)]
pub(in crate::fleet::store) struct WeaknessLine<'l> {
    #[serde(borrow)]
    pub(in crate::fleet::store) kind: Text<'l>,
}

/// The fields of a location that are kept.
#[derive(Deserialize)]
pub(in crate::fleet::store) struct LocationLine<'l> {
    #[serde(borrow)]
    pub(in crate::fleet::store) path: Text<'l>,
    pub(in crate::fleet::store) line: u64,
    pub(in crate::fleet::store) provenance: Vec<StepLine<'l>>,
}

/// A [`ProvenanceStep`].
#[derive(Deserialize)]
pub(in crate::fleet::store) struct StepLine<'l> {
    #[serde(borrow)]
    pub(in crate::fleet::store) kind: Text<'l>,
    pub(in crate::fleet::store) name: Text<'l>,
}

impl LocationLine<'_> {
    /// The path with what is inside of that file behind it.
    pub(in crate::fleet::store) fn whole_path(&self) -> Cow<'_, str> {
        let step = |step: &StepLine<'_>| ProvenanceStep {
            kind: step.kind.0.to_string(),
            name: step.name.0.to_string(),
        };
        path_inside(&self.path.0, &self.provenance.iter().map(step).collect::<Vec<_>>())
    }
}

/// A verdict, as its state and in JSON.
pub(in crate::fleet::store) struct VerdictLine {
    pub(in crate::fleet::store) state: &'static str,
    pub(in crate::fleet::store) json: Cow<'static, str>,
}

impl<'de> Deserialize<'de> for VerdictLine {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Nearly all of them.
        const ACCEPTED: &str = r#"{"state":"accepted"}"#;
        let json = <&RawValue>::deserialize(from)?.get();
        if json == ACCEPTED {
            return Ok(Self { state: Verdict::Accepted.state(), json: Cow::Borrowed(ACCEPTED) });
        }
        let verdict: Verdict = serde_json::from_str(json).map_err(D::Error::custom)?;
        let json = serde_json::to_string(&verdict).map_err(D::Error::custom)?;
        Ok(Self { state: verdict.state(), json: Cow::Owned(json) })
    }
}

impl KeyLine<'_> {
    /// Whether it is a line that lets a key in.
    pub(in crate::fleet::store) fn is_entry(&self) -> bool {
        matches!(
            self.role,
            KeyRole::Authorized | KeyRole::CertAuthority | KeyRole::Provisioned | KeyRole::Certificate
        )
    }

    /// What the filesystem says of the file, where that is kept.
    pub(super) fn held_file(&self) -> Option<serde_json::Result<Box<FileFacts>>> {
        let kept = !self.is_entry() && self.role != KeyRole::KnownHost;
        self.file.filter(|_| kept).map(|file| serde_json::from_str(file.get()))
    }

    /// In which ways it is weak, in one text.
    pub(in crate::fleet::store) fn weak(&self) -> String {
        let kinds: Vec<&str> = self.weaknesses.iter().map(|weakness| &*weakness.kind.0).collect();
        kinds.join(" ")
    }
}
