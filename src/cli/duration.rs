//! `--max-scan-time`: a time with a unit.

use std::time::Duration;

/// Reads `90s`, `30m`, `2h`; a number alone is of seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let seconds = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err("expected a number and s, m or h, such as 90s, 30m or 2h".into()),
    };
    let number: u64 =
        number.parse().map_err(|_| "expected a number before the unit, such as 30m".to_owned())?;
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| "expected a time of a second or more".into())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times() {
        let seconds = |text| parse(text).map(|time| time.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("30m"), Ok(1800));
        assert_eq!(seconds("2h"), Ok(7200));
        for text in ["", "h", "0", "-1s", "1.5h", "1d", "99999999999999999999", "9999999999999999h", "1 h"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
