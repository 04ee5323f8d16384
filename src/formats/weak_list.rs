//! Lists of keys that the broken generator of Debian made in 2006 to 2008
//! (CVE-2008-0166), as Debian and Ubuntu shipped them until 2016.
//!
//! - `openssh-blacklist`, `openssh-blacklist-extra` (`blacklist.RSA-2048`, …): a line
//!   each, the MD5 fingerprint of the wire form in hex without its first 12 digits.
//! - `openssl-blacklist`: a line each, the SHA-1 of the text `Modulus=` with the modulus
//!   in upper-case hex and a line end, in hex without its first 20 digits.
//!
//! Of both 80 bits are left: a random key is on a list of a million once in 10^18 times.
//! Lines that begin with `#` are comments.

use md5::Md5;
use sha1::Sha1;
use sha2::Digest as _;

use super::hex;
use super::ssh_public::rsa_numbers;

/// The most entries that are kept of one kind: all lists ever published have fewer.
const MAX_ENTRIES: usize = 4 << 20;
/// How the compact form begins.
const MAGIC: &[u8] = b"snapsift weak keys 1\n";

/// What is left of a digest.
type Entry = [u8; 10];

/// What a list is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// MD5 fingerprints: `openssh-blacklist`.
    Fingerprints,
    /// SHA-1 of moduli: `openssl-blacklist`.
    Moduli,
}

/// Keys that are known to be weak, by 80 bits of a digest each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeakList {
    /// Sorted.
    fingerprints: Vec<Entry>,
    /// Sorted.
    moduli: Vec<Entry>,
}

impl WeakList {
    /// Adds the lines of a list; returns how many were none of its kind.
    pub fn add(&mut self, kind: ListKind, text: &[u8]) -> usize {
        let entries = match kind {
            ListKind::Fingerprints => &mut self.fingerprints,
            ListKind::Moduli => &mut self.moduli,
        };
        let mut wrong = 0_usize;
        for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match hex::array::<10>(line) {
                Some(entry) if entries.len() < MAX_ENTRIES => entries.push(entry),
                _ => wrong = wrong.saturating_add(1),
            }
        }
        entries.sort_unstable();
        entries.dedup();
        wrong
    }

    /// How many keys are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fingerprints.len().saturating_add(self.moduli.len())
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fingerprints.is_empty() && self.moduli.is_empty()
    }

    /// Whether a key in plain wire form is listed.
    #[must_use]
    pub fn contains(&self, blob: &[u8]) -> bool {
        if !self.fingerprints.is_empty() && has(&self.fingerprints, &Md5::digest(blob)) {
            return true;
        }
        let modulus = if self.moduli.is_empty() { None } else { rsa_numbers(blob) };
        modulus.is_some_and(|(_, n)| {
            // openssl prints no leading zero digit.
            let digits = hex::encode(n).to_ascii_uppercase();
            let text = format!("Modulus={}\n", digits.trim_start_matches('0'));
            has(&self.moduli, &Sha1::digest(text))
        })
    }

    /// Reads the compact form: its first line, the number of fingerprints (32 bits, big
    /// endian), these, and the moduli; 10 bytes each, in order. `None` if it is not that.
    #[must_use]
    pub fn from_compact(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
        let (fingerprints, moduli) = rest.split_at_checked(count.checked_mul(10)?)?;
        let read = |bytes: &[u8]| {
            let (entries, odd) = bytes.as_chunks::<10>();
            let in_order = entries.is_sorted_by(|one, next| one < next);
            (odd.is_empty() && in_order && entries.len() <= MAX_ENTRIES).then(|| entries.to_vec())
        };
        Some(Self { fingerprints: read(fingerprints)?, moduli: read(moduli)? })
    }

    /// Writes the compact form.
    #[must_use]
    pub fn to_compact(&self) -> Vec<u8> {
        let count = u32::try_from(self.fingerprints.len()).unwrap_or(0).to_be_bytes();
        [MAGIC, &count, self.fingerprints.as_flattened(), self.moduli.as_flattened()].concat()
    }
}

/// Whether the last ten bytes of a digest are in a sorted list.
fn has(entries: &[Entry], digest: &[u8]) -> bool {
    digest.last_chunk::<10>().is_some_and(|entry| entries.binary_search(entry).is_ok())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::formats::public_key::PublicText;

    /// Lists of keys made now, cut as the packages' own documents say.
    #[test]
    fn keys_of_lists() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "for n in 1 2 3; do ssh-keygen -q -t rsa -b 1024 -N '' -m PEM -f k$n; done
            ssh-keygen -q -t ed25519 -N '' -f k4
            for n in 1 4; do ssh-keygen -E md5 -lf k$n.pub | sed 's/.*MD5:\\([0-9a-f:]*\\) .*/\\1/; s/://g' | cut -c13-; done >openssh
            openssl rsa -in k2 -noout -modulus 2>/dev/null | sha1sum | cut -c21-40 >openssl";
        let output = Command::new("sh").args(["-ec", script]).current_dir(&folder).output().expect("sh");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read = |name: &str| std::fs::read(folder.path().join(name)).expect("a file");
        let mut list = WeakList::default();
        let openssh = [&b"# comment\n\n"[..], &read("openssh"), b"0123\nnot a digest at all.\n"].concat();
        assert_eq!(list.add(ListKind::Fingerprints, &openssh), 2);
        assert_eq!(list.add(ListKind::Moduli, &read("openssl")), 0);
        assert_eq!((list.len(), list.is_empty()), (3, false));
        let compact = list.to_compact();
        assert_eq!(compact.len(), 21 + 4 + 30);
        for list in [&list, &WeakList::from_compact(&compact).expect("a list")] {
            let listed = [1, 2, 3, 4].map(|n| {
                let text = read(&format!("k{n}.pub"));
                list.contains(&PublicText::parse(&text).expect("a key").key.blob)
            });
            assert_eq!(listed, [true, true, false, true]);
        }
        assert!(!WeakList::default().contains(b"anything"));
    }

    #[test]
    fn what_is_no_compact_list() {
        let head = |count: u32| [MAGIC, &count.to_be_bytes()].concat();
        assert_eq!(WeakList::from_compact(&head(0)), Some(WeakList::default()));
        assert_eq!(WeakList::from_compact(b""), None);
        assert_eq!(WeakList::from_compact(MAGIC), None);
        assert_eq!(WeakList::from_compact(&head(u32::MAX)), None);
        assert_eq!(WeakList::from_compact(&[&head(0)[..], &[1; 9]].concat()), None);
        // Not in order, or twice.
        assert_eq!(WeakList::from_compact(&[&head(2)[..], &[2; 10], &[1; 10]].concat()), None);
        assert_eq!(WeakList::from_compact(&[&head(2)[..], &[2; 10], &[2; 10]].concat()), None);
        assert!(WeakList::from_compact(&[&head(1)[..], &[2; 10], &[1; 10]].concat()).is_some());
    }
}
