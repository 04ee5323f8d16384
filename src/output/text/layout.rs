//! Small pieces of text: colours, wrapping, numbers, sizes and ages.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::finding::{Severity, Timestamp};

/// The colours in use: none, or the sixteen that every terminal has, so that the
/// user's own theme decides what they look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub(crate) colour: bool,
}

impl Paint {
    pub(crate) fn severity(self, severity: Severity, text: &str) -> String {
        let style = match severity {
            Severity::Critical => AnsiColor::BrightRed.on_default().bold(),
            Severity::High => AnsiColor::Red.on_default().bold(),
            Severity::Medium => AnsiColor::Yellow.on_default().bold(),
            Severity::Low => AnsiColor::Cyan.on_default().bold(),
            Severity::Info => Style::new().bold(),
        };
        self.with(style, text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default().bold(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a text at blanks into lines of at most `columns`; a longer word has a
/// line of its own, so that it can be copied whole.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `2 files`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `812 B`, `5.1 GB`: powers of 1000, as disks and network links are sold.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut divisor: u64 = 1000;
    let mut unit = "kB";
    for next in UNITS {
        unit = next;
        // Below what would round up to 1000.0 of this unit.
        if bytes / divisor < 999 || next == "EB" {
            break;
        }
        if bytes / divisor == 999 && bytes % divisor < divisor / 20 * 19 {
            break;
        }
        divisor = divisor.saturating_mul(1000);
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `2026-11-24 22:08 UTC`.
pub(crate) fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(11..16)) {
        // A year before 0 or past 9999 has another shape: shown as it is.
        (Some(day), Some(clock)) if text.as_bytes().get(10) == Some(&b'T') => format!("{day} {clock} UTC"),
        _ => text,
    }
}

/// `2026-11-24`.
pub(crate) fn day(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('T') {
        Some((day, _)) => day.to_owned(),
        None => text,
    }
}

/// How far `time` is from `now`: `4 days ago`, `in 7 days`.
pub(crate) fn distance(time: Timestamp, now: Timestamp) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = i128::from(time.unix_seconds()) - i128::from(now.unix_seconds());
    let span = u64::try_from(seconds.unsigned_abs()).unwrap_or(u64::MAX);
    let (number, unit) = match span {
        0..MINUTE => return "just now".to_owned(),
        MINUTE..HOUR => (span / MINUTE, "minute"),
        HOUR..DAY => (span / HOUR, "hour"),
        _ if span < 60 * DAY => (span / DAY, "day"),
        _ if span < 730 * DAY => (span / (30 * DAY), "month"),
        _ => (span / (365 * DAY), "year"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if seconds < 0 { format!("{number} {unit}{plural} ago") } else { format!("in {number} {unit}{plural}") }
}

/// Joins as a person would: `a`, `a and b`, `a, b and c`.
pub(crate) fn list(parts: &[String]) -> String {
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        let separator = match at {
            0 => "",
            _ if at + 1 == parts.len() => " and ",
            _ => ", ",
        };
        // Writing to a string cannot fail.
        let _ = write!(out, "{separator}{part}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_000), "1.0 kB");
        assert_eq!(size(999_949), "999.9 kB");
        assert_eq!(size(999_950), "1.0 MB");
        assert_eq!(size(5_149_999_999), "5.1 GB");
        assert_eq!(size(u64::MAX), "18.4 EB");
        assert_eq!(counted(1, "file", "files"), "1 file");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    #[test]
    fn times_read_well() {
        let now = at("2026-11-24T22:08:57Z");
        assert_eq!(moment(at("2026-11-20T08:11:30.5Z")), "2026-11-20 08:11 UTC");
        assert_eq!(day(at("1901-12-13T20:45:52Z")), "1901-12-13");
        assert_eq!(distance(at("2026-11-20T08:11:30Z"), now), "4 days ago");
        assert_eq!(distance(at("2026-11-24T22:08:00Z"), now), "just now");
        assert_eq!(distance(at("2026-11-24T23:30:00Z"), now), "in 1 hour");
        assert_eq!(distance(at("2026-12-02T00:00:00Z"), now), "in 7 days");
        assert_eq!(distance(at("2025-11-24T00:00:00Z"), now), "12 months ago");
        assert_eq!(distance(at("2020-11-24T00:00:00Z"), now), "6 years ago");
    }

    #[test]
    fn wrapping_keeps_words_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("https://example.org/long x", 4), ["https://example.org/long", "x"]);
        assert!(wrap("  ", 4).is_empty());
    }
}
