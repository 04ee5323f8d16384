//! The record of a private key that was found.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::finding::{FileFacts, KeyRecord, KeyRole, KeyWeakness, Location};
use crate::formats::private_key::{KeyFormat, KeyState, PrivateKey};
use crate::formats::weak_key::{self, WeaknessKind};

/// Key derivations of one or a few rounds of a fast hash.
const WEAK_KDFS: [&str; 4] = ["md5", "sha1", "pbes1-md5", "pbes1-md2"];

/// Describes a key. `known` is what is published under its fingerprint.
pub(super) fn record(
    key: &PrivateKey,
    known: Option<&str>,
    location: Location,
    file: Option<FileFacts>,
) -> KeyRecord {
    KeyRecord {
        fingerprint: key.fingerprint_sha256(),
        fingerprint_md5: key.fingerprint_md5(),
        private: true,
        role: KeyRole::Private,
        account: None,
        verdict: None,
        algorithm: key.algorithm.as_deref().map(str::to_owned),
        bits: key.bits,
        public_key: key.public_blob.as_ref().map(|blob| STANDARD.encode(blob)),
        fingerprint_ec2_created: key.fingerprint_ec2_created(),
        fingerprint_ec2_imported: key.fingerprint_ec2_imported(),
        format: key.format.as_str().to_owned(),
        damage: (key.state != KeyState::Whole).then(|| key.state.as_str().to_owned()),
        comment: key.comment.clone(),
        encrypted: key.encrypted,
        cipher: key.cipher.as_deref().map(str::to_owned),
        kdf: key.kdf.as_deref().map(str::to_owned),
        rounds: key.rounds,
        public_beside: None,
        weaknesses: weaknesses(key, known),
        hosts: None,
        certificate: None,
        last_use: None,
        location,
        file,
        finding_id: None,
    }
}

/// The weaknesses of a public key: of itself, and whether it is published.
pub(super) fn of_public(blob: &[u8], known: Option<&str>) -> Vec<KeyWeakness> {
    let weakness = |kind: WeaknessKind, evidence: &str| KeyWeakness {
        kind: kind.as_str().to_owned(),
        evidence: evidence.to_owned(),
    };
    let found = weak_key::weaknesses(blob);
    let mut all: Vec<_> = found.iter().map(|found| weakness(found.kind, &found.evidence)).collect();
    all.extend(known.map(|name| weakness(WeaknessKind::Published, name)));
    all
}

fn weaknesses(key: &PrivateKey, known: Option<&str>) -> Vec<KeyWeakness> {
    let weakness = |kind: WeaknessKind, evidence: &str| KeyWeakness {
        kind: kind.as_str().to_owned(),
        evidence: evidence.to_owned(),
    };
    let of_public = key.public_blob.as_deref().map(weak_key::weaknesses).unwrap_or_default();
    let mut all: Vec<_> = of_public.iter().map(|found| weakness(found.kind, &found.evidence)).collect();
    all.extend(known.map(|name| weakness(WeaknessKind::Published, name)));
    if let Some(kdf) = key.kdf.as_deref().filter(|kdf| WEAK_KDFS.contains(kdf)) {
        let rounds =
            key.rounds.map_or_else(|| "an unknown number of".to_owned(), |rounds| rounds.to_string());
        all.push(weakness(WeaknessKind::WeakKdf, &format!("{kdf}, {rounds} rounds")));
    }
    let putty = matches!(key.format, KeyFormat::Ppk2 | KeyFormat::Ppk3);
    if putty && key.algorithm.as_deref() == Some("ecdsa") && key.bits == Some(521) {
        all.push(weakness(WeaknessKind::PuttyP521, "a key of PuTTY on P-521, if PuTTY 0.68 to 0.80 used it"));
    }
    all
}
