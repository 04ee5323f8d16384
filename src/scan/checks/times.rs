//! Times as tokens write them.

use super::{Hit, Refusal, accept};
use crate::finding::Timestamp;

/// Reads `yyyyMMddHHmm`, in UTC, from one attribute into another.
pub(super) fn compact(hit: &mut Hit<'_>, source: &str, attribute: &str) -> Result<(), Refusal> {
    let digits = hit.attribute(source).unwrap_or_default();
    let part = |range| digits.get(range).and_then(number);
    let parts = [part(0..4), part(4..6), part(6..8), part(8..10), part(10..12)];
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute)] = parts else {
        return Err(Refusal("not a time"));
    };
    let time = Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"));
    accept(digits.len() == 12, "not a time")?;
    hit.add_attribute(attribute.to_owned(), time.ok_or(Refusal("not a time"))?.to_string());
    Ok(())
}

/// The times that a token may hold: seconds since 1970, RFC 3339, or the
/// American form of .NET's invariant culture (`1/31/2027 6:05:00 PM`), in UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_unix(text.parse().ok()?, 0);
    }
    Timestamp::parse(text).or_else(|| american_time(text))
}

fn american_time(text: &str) -> Option<Timestamp> {
    // A plus may stand for a blank.
    let mut words = text.split([' ', '+']).filter(|word| !word.is_empty());
    let mut date = words.next()?.split('/');
    let (month, day, year) = (number(date.next()?)?, number(date.next()?)?, number(date.next()?)?);
    let mut clock = words.next()?.split(':');
    let (hour, minute, second) = (number(clock.next()?)?, number(clock.next()?)?, number(clock.next()?)?);
    let hour = match words.next() {
        Some("AM") => hour % 12,
        Some("PM") => hour % 12 + 12,
        _ => hour,
    };
    Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// A number of at most four digits.
fn number(text: &str) -> Option<u32> {
    (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("1893456000", Some("2030-01-01T00:00:00Z")),
            ("2030-01-01T00:00:00Z", Some("2030-01-01T00:00:00Z")),
            ("1/31/2027 6:05:00 PM", Some("2027-01-31T18:05:00Z")),
            ("6/15/2017 12:20:15 AM", Some("2017-06-15T00:20:15Z")),
            ("13/31/2027 6:05:00 PM", None),
            ("{2}", None),
            ("", None),
            ("99999999999999999999", None),
            ("1/31/2027", None),
        ] {
            assert_eq!(time(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }
}
