//! Dates and times as DOS had them, which FAT and exFAT keep.

use crate::source::stat::UnixTime;

/// Days from the first of March of the year 0 to the first of January 1970.
const DAYS_TO_1970: i64 = 719_468;

/// A date (years since 1980, month, day) and a time (hours, minutes, seconds in twos) with
/// hundredths of a second up to two seconds. They are those of a clock on a wall, whose
/// zone is not known, and are taken as UTC. `None` for a date or time that there is not.
pub(in crate::source) fn time(date: u16, time: u16, hundredths: u8) -> Option<UnixTime> {
    let (year, month, day) = (i64::from(date >> 9) + 1980, i64::from(date >> 5 & 15), i64::from(date & 31));
    let (hour, minute, second) = (i64::from(time >> 11), i64::from(time >> 5 & 63), i64::from(time & 31) * 2);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 || hundredths > 199 {
        return None;
    }
    // Years are counted from March on, so that the leap day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_TO_1970;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second + i64::from(hundredths / 100);
    Some((seconds, u32::from(hundredths % 100) * 10_000_000))
}

#[cfg(test)]
mod tests {
    use super::time;

    fn date(year: u16, month: u16, day: u16) -> u16 {
        (year - 1980) << 9 | month << 5 | day
    }

    #[test]
    fn hostile_41_dates_are_right_or_absent() {
        assert_eq!(time(date(1980, 1, 1), 0, 0), Some((315_532_800, 0)));
        assert_eq!(time(date(2000, 2, 29), 23 << 11 | 59 << 5 | 29, 199), Some((951_868_799, 990_000_000)));
        assert_eq!(time(date(2024, 12, 31), 0, 100), Some((1_735_603_201, 0)));
        assert_eq!(time(date(2107, 12, 31), 0, 0), Some((4_354_732_800, 0)));
        assert_eq!(time(date(2100, 2, 29), 0, 0), None);
        assert_eq!(time(date(2100, 2, 28), 0, 0), Some((4_107_456_000, 0)));
        for wrong in
            [date(1980, 0, 1), date(1980, 1, 0), date(2001, 2, 29), date(2001, 13, 1), date(2001, 4, 31)]
        {
            assert_eq!(time(wrong, 0, 0), None);
        }
        for wrong in [24 << 11, 60 << 5, 30] {
            assert_eq!(time(date(2001, 1, 1), wrong, 0), None);
        }
        assert_eq!(time(date(2001, 1, 1), 0, 200), None);
    }
}
