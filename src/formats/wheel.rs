//! `RECORD` of an installed Python distribution.
//!
//! Facts: the PyPA specification "Recording installed projects": rows of path,
//! hash (`sha256=` and unpadded base64 in the URL alphabet), size, in CSV.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A row, without its end: the path as written, relative to the folder in which
/// the `.dist-info` folder lies, and its SHA-256. `None` where there is no such
/// hash, as for the RECORD itself.
#[must_use]
pub fn record_line(line: &[u8]) -> Option<(Vec<u8>, [u8; 32])> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (path, rest) = match line.strip_prefix(b"\"") {
        Some(quoted) => quoted_field(quoted)?,
        None => {
            let comma = memchr::memchr(b',', line)?;
            (line.get(..comma)?.to_vec(), line.get(comma..)?)
        }
    };
    let hash = rest.strip_prefix(b",sha256=")?.split(|byte| *byte == b',').next()?;
    let digest = URL_SAFE_NO_PAD.decode(hash.trim_ascii_end()).ok()?;
    Some((path, digest.try_into().ok()?))
}

/// A field up to its closing quote (a doubled one is a quote), and what follows.
fn quoted_field(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut field = Vec::new();
    let mut rest = text;
    loop {
        let quote = memchr::memchr(b'"', rest)?;
        field.extend_from_slice(rest.get(..quote)?);
        rest = rest.get(quote.checked_add(1)?..)?;
        match rest.strip_prefix(b"\"") {
            Some(more) => {
                field.push(b'"');
                rest = more;
            }
            None => return Some((field, rest)),
        }
    }
}

/// Name and version in the name of a `.dist-info` folder: `six-1.16.0.dist-info`.
#[must_use]
pub fn dist_info_name(folder: &str) -> Option<(&str, &str)> {
    folder.strip_suffix(".dist-info")?.rsplit_once('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_record() {
        // SHA-256 of no bytes.
        let empty = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        let row = |text: String| record_line(text.as_bytes()).map(|(path, digest)| (path, digest[0]));
        assert_eq!(row(format!("six.py,sha256={empty},0")), Some((b"six.py".to_vec(), 0xe3)));
        assert_eq!(
            row(format!("\"a,\"\"b\"\".py\",sha256={empty},0\r")),
            Some((b"a,\"b\".py".to_vec(), 0xe3))
        );
        for bad in ["six.py,,", "six.py", "", "\"open,sha256=x,", "a,md5=AA,1", "a,sha256=AAAA,1"] {
            assert_eq!(row(bad.into()), None, "{bad}");
        }
        assert_eq!(dist_info_name("six-1.16.0.dist-info"), Some(("six", "1.16.0")));
        assert_eq!(dist_info_name("six-1.16.0.egg-info"), None);
    }
}
