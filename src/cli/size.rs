//! `--max-file-size`: a number of bytes with a suffix.

/// Reads `512`, `64K`, `10M`, `2G`, `1T`; the suffixes are powers of 1024, and
/// may be written small or with `B` or `iB` after them.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at_checked(digits).unwrap_or((text, ""));
    let shift = match suffix.to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => {
            return Err("expected a number of bytes with an optional suffix K, M, G or T, such as 64M".into());
        }
    };
    if number.is_empty() {
        return Err("expected a number of bytes before the suffix, such as 64M".into());
    }
    let number: u64 = number.parse().map_err(|_| "more bytes than a file can have".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "more bytes than a file can have".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("512"), Ok(512));
        assert_eq!(parse("64K"), Ok(65_536));
        assert_eq!(parse("10m"), Ok(10_485_760));
        assert_eq!(parse("2GiB"), Ok(2_147_483_648));
        assert_eq!(parse("16777215T"), Ok(18_446_742_974_197_923_840));
    }

    #[test]
    fn not_sizes() {
        for text in ["", "M", "-1", "1.5G", "10X", "16777216T", "99999999999999999999", "1 G", "１"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
