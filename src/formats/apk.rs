//! The database of Alpine's apk: `lib/apk/db/installed`.
//!
//! Facts: the Alpine wiki's "Apk spec" and apk-tools' `database.c`: one field a
//! line, a letter and a colon; an empty line ends a package. `P` name, `V` version,
//! `F` folder, `R` file in it, `Z` the digest of that file: `Q1` and base64 of
//! SHA-1, `Q2` and base64 of SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The package that is being read.
#[derive(Debug, Default)]
pub struct Installed {
    /// Its name.
    pub package: Vec<u8>,
    /// Its version.
    pub version: Vec<u8>,
    folder: Vec<u8>,
    file: Vec<u8>,
}

impl Installed {
    /// Takes the next line, without its end. A file with its digest (20 bytes of
    /// SHA-1 or 32 of SHA-256): its path, `/` first.
    pub fn line(&mut self, line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let Some((field, value)) = line.split_at_checked(2) else {
            if line.is_empty() {
                *self = Self::default();
            }
            return None;
        };
        match field {
            b"P:" => self.package = value.to_vec(),
            b"V:" => self.version = value.to_vec(),
            b"F:" => (self.folder, self.file) = (value.to_vec(), Vec::new()),
            b"R:" => self.file = value.to_vec(),
            b"Z:" if !self.file.is_empty() => return Some((self.path(), digest(value)?)),
            _ => {}
        }
        None
    }

    fn path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        for part in [&self.folder, &self.file] {
            if !part.is_empty() {
                path.push(b'/');
                path.extend_from_slice(part);
            }
        }
        path
    }
}

fn digest(value: &[u8]) -> Option<Vec<u8>> {
    let length = match value.first_chunk()? {
        b"Q1" => 20,
        b"Q2" => 32,
        _ => return None,
    };
    STANDARD.decode(value.get(2..)?).ok().filter(|digest| digest.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_digest_after_them() {
        // The digests are those of no bytes.
        let text = "C:Q1x\nP:alpine-base\nV:3.20-r0\nA:x86_64\nF:\nF:etc\nR:motd\na:0:0:644\n\
            Z:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nR:none\nF:usr/lib\nR:os\n\
            Z:Q247DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nR:bad\nZ:Q1AA==\nZ:\n\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n";
        let mut installed = Installed::default();
        let mut found = Vec::new();
        for line in text.lines() {
            if let Some((path, digest)) = installed.line(line.as_bytes()) {
                found.push((String::from_utf8(path).expect("ASCII"), digest.len(), digest[0]));
                assert_eq!(
                    (&*installed.package, &*installed.version),
                    (&b"alpine-base"[..], &b"3.20-r0"[..])
                );
            }
        }
        assert_eq!(found, [("/etc/motd".into(), 20, 0xda), ("/usr/lib/os".into(), 32, 0xe3)]);
    }
}
