//! `--fingerprint-key-file`: 32 bytes that make fingerprints useless to anybody
//! who does not have them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use snapsift::finding::Fingerprinter;
use snapsift::output::escape;

/// Longer than any key file: nobody means a file of this size.
const LONGEST: u64 = 4096;

/// Reads the key: 32 bytes as they are, or 64 hexadecimal digits with blanks
/// around them.
pub(super) fn read(path: &Path) -> anyhow::Result<Fingerprinter> {
    let name = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read the fingerprint key {name}"))?;
    let key =
        parse(&bytes).map_err(anyhow::Error::msg).with_context(|| format!("the fingerprint key {name}"))?;
    Ok(Fingerprinter::keyed(&key))
}

/// The error never shows what is in the file.
fn parse(bytes: &[u8]) -> Result<[u8; 32], String> {
    let text = bytes.trim_ascii();
    let is_hex = !text.is_empty() && text.iter().all(u8::is_ascii_hexdigit);
    if is_hex && text.len() == 64 {
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            *byte =
                u8::from_str_radix(pair, 16).map_err(|_| "has a digit that is not hexadecimal".to_owned())?;
        }
        return Ok(key);
    }
    if is_hex {
        // 32 hexadecimal digits are half a key, not 32 random bytes.
        return Err(format!("has {} hexadecimal digits, and a key has 64", text.len()));
    }
    <[u8; 32]>::try_from(bytes).map_err(|_| {
        format!(
            "has {}{} bytes: a key is 32 random bytes (head -c 32 /dev/urandom) or 64 hexadecimal digits \
             (openssl rand -hex 32)",
            bytes.len(),
            if bytes.len() == 4096 { " or more" } else { "" }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn keys_in_both_forms() {
        let raw: Vec<u8> = (0..32).map(|n| n * 7 + 1).collect();
        let hex: String = raw.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(parse(&raw).expect("raw").as_slice(), raw);
        assert_eq!(parse(format!("  {hex}\n").as_bytes()).expect("hex").as_slice(), raw);
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for bytes in ["", "\n", "not a key", "0123456789abcdef0123456789abcdef", &"ab".repeat(33)] {
            let error = parse(bytes.as_bytes()).expect_err("no key");
            assert!(!error.contains("0123") && !error.contains("abab"), "{error}");
        }
        assert!(parse(&[7; 31]).is_err());
        assert!(parse(&[7; 33]).is_err());
    }
}
