//! A secret that cannot be printed or serialised by accident.

use serde::{Deserialize, Serialize};

/// The bytes of a secret. `Debug` prints their number only; there is no
/// `Display` and no `Serialize`, so the raw value can leave only through
/// [`Secret::reveal`], which says so at the place where it happens.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(Box<[u8]>);

/// A preview shows the last characters only of a secret whose hidden part is at
/// least this long, so that what remains cannot be guessed from what is shown.
const PREVIEW_MIN_HIDDEN: usize = 16;
/// How many last characters a preview shows at most.
const PREVIEW_TAIL: usize = 4;
/// How much of a public prefix a preview shows at most.
const PREVIEW_PREFIX: usize = 40;

impl Secret {
    /// Takes a copy of the bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The raw bytes, for parsers and checks. Never hand them to anything that
    /// writes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The raw secret as text for the wire, invalid UTF-8 replaced. Called only
    /// where the user asked for it by an explicit flag.
    #[must_use]
    pub fn reveal(&self) -> Revealed {
        Revealed(String::from_utf8_lossy(&self.0).into_owned())
    }

    /// What may be shown: the first `public_prefix` bytes, which the rule says
    /// are the same in every secret of its kind, and the last four characters
    /// when at least sixteen others stay hidden. Only printable ASCII is shown.
    #[must_use]
    pub fn preview(&self, public_prefix: usize) -> String {
        let prefix_len = public_prefix.min(self.0.len()).min(PREVIEW_PREFIX);
        let (prefix, rest) = self.0.split_at_checked(prefix_len).unwrap_or((&[], &self.0));
        let mut out = String::with_capacity(prefix.len() + 8);
        let printable =
            |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        out.extend(prefix.iter().map(printable));
        out.push('…');
        if rest.len() >= PREVIEW_MIN_HIDDEN + PREVIEW_TAIL {
            out.extend(rest.iter().skip(rest.len() - PREVIEW_TAIL).map(printable));
        }
        out
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// A raw secret that the user asked for. Serialises as the plain text; `Debug`
/// stays redacted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Revealed(String);

impl Revealed {
    /// The plain text, for the one output that shows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Revealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Revealed({} bytes)", self.0.len())
    }
}

/// Makes fingerprints by which equal secrets can be joined without being stored.
///
/// With a key (32 bytes, the same for a whole fleet) it is keyed BLAKE3, so that
/// nobody without the key can test a guess. Without one it is plain BLAKE3 under
/// a context string: good for joining, and open to guessing of weak passwords.
#[derive(Clone)]
pub struct Fingerprinter {
    hasher: blake3::Hasher,
    keyed: bool,
}

impl Fingerprinter {
    /// Fingerprints under no key.
    #[must_use]
    pub fn unkeyed() -> Self {
        Self { hasher: blake3::Hasher::new_derive_key("snapsift 2026 secret fingerprint v1"), keyed: false }
    }

    /// Fingerprints under the user's fleet key.
    #[must_use]
    pub fn keyed(key: &[u8; 32]) -> Self {
        Self { hasher: blake3::Hasher::new_keyed(key), keyed: true }
    }

    /// Whether a key is in use.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// `blake3:` or `blake3-keyed:` and the first 32 hex digits (128 bits).
    #[must_use]
    pub fn fingerprint(&self, bytes: &[u8]) -> String {
        let mut hasher = self.hasher.clone();
        hasher.update(bytes);
        let hex = hasher.finalize().to_hex();
        let short = hex.as_str().get(..32).unwrap_or_default();
        format!("{}:{short}", if self.keyed { "blake3-keyed" } else { "blake3" })
    }
}

impl std::fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprinter").field("keyed", &self.keyed).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_bytes() {
        let secret = Secret::new(b"hunter2hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(14 bytes)");
        assert_eq!(format!("{:?}", secret.reveal()), "Revealed(14 bytes)");
    }

    #[test]
    fn preview_shows_prefix_and_tail_only_of_long_secrets() {
        assert_eq!(Secret::new(b"ghp_0123456789abcdefghij").preview(4), "ghp_…ghij");
        assert_eq!(Secret::new(b"short-password").preview(0), "…");
        assert_eq!(Secret::new(b"0123456789012345678").preview(0), "…");
        assert_eq!(Secret::new(b"01234567890123456789").preview(0), "…6789");
        assert_eq!(Secret::new(b"\x1b]0;x\x07aaaaaaaaaaaaaaaaaaaaaaaa").preview(6), ".]0;x.…aaaa");
        assert_eq!(Secret::new(b"").preview(9), "…");
    }

    #[test]
    fn fingerprints_depend_on_the_key() {
        let plain = Fingerprinter::unkeyed();
        let keyed = Fingerprinter::keyed(&[7; 32]);
        assert_eq!(plain.fingerprint(b"a"), plain.fingerprint(b"a"));
        assert_ne!(plain.fingerprint(b"a"), plain.fingerprint(b"b"));
        let print = keyed.fingerprint(b"a");
        let (label, digits) = print.split_once(':').expect("a label");
        assert_eq!(label, "blake3-keyed");
        // The same value from the reference definition: BLAKE3 in keyed mode.
        assert_eq!(digits, &blake3::keyed_hash(&[7; 32], b"a").to_hex()[..32]);
    }
}
