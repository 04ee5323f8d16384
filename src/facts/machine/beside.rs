//! The public key that lies beside a private one under the name that ssh-keygen gives
//! it. Whoever trusts `NAME.pub` for what `NAME` is may be wrong; of a key whose
//! passphrase hides all of it, it is the only hint at what it is.

use super::super::reader::{Content, Reader};
use crate::formats::authorized_keys::{self, Line};
use crate::source::Tree;

/// The most bytes of such a file.
const MAX_PUBLIC: usize = 64 << 10;

/// The fingerprint of the key in `NAME.pub`; none where there is no such file, or its
/// first entry is no plain key.
#[must_use]
pub fn public_beside(tree: &dyn Tree, key: &[u8]) -> Option<String> {
    let mut reader = Reader::new(tree);
    let Content::Whole(bytes, _) = reader.file(&[key, b".pub"].concat(), MAX_PUBLIC) else { return None };
    let mut lines = bytes.split(|byte| *byte == b'\n').map(authorized_keys::line);
    match lines.find(|line| !matches!(line, Line::Nothing))? {
        Line::Entry(entry) if !entry.key.certificate => Some(entry.key.fingerprint_sha256()),
        _ => None,
    }
}
