//! Paths as they are shown: without what tells apart things of one path, and with secrets
//! replaced by a mask.

use crate::finding::Secret;

/// A secret at least this long is masked in the path that it stands in.
const MIN_MASKED: usize = 6;

/// A path without what tells apart things of one path: see `volume`.
pub(super) fn shown(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The path with a mask where a secret stands; none where it has none.
pub(super) fn mask(path: &[u8], secrets: &[&Secret]) -> Option<Vec<u8>> {
    let mut masked: Option<Vec<u8>> = None;
    for secret in secrets {
        if secret.len() < MIN_MASKED || secret.len() > path.len() {
            continue;
        }
        let current = masked.as_deref().unwrap_or(path);
        if let Some(changed) = replace(current, secret) {
            masked = Some(changed);
        }
    }
    masked
}

fn replace(path: &[u8], secret: &Secret) -> Option<Vec<u8>> {
    let found: Vec<usize> = memchr::memmem::find_iter(path, secret.expose()).collect();
    if found.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut from = 0;
    for at in found {
        out.extend_from_slice(path.get(from..at).unwrap_or_default());
        out.extend_from_slice("…".as_bytes());
        from = at + secret.len();
    }
    out.extend_from_slice(path.get(from..).unwrap_or_default());
    Some(out)
}
