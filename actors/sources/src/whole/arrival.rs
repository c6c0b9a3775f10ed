//! When a feed arrived, by what it or its name states; never by our clock.
use super::Arrival;
use super::input::{Stamp, layout_name};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Microseconds since 1970 UTC; `None` where nothing states a time.
pub(crate) fn arrival(
    rule: Option<Arrival>,
    name: &str,
    stamp: Option<Stamp>,
    header: Option<i64>,
    zone: &TimeZone,
) -> Option<i64> {
    match rule {
        None => header.or_else(|| stated(layout_name(name), zone)),
        Some(Arrival::Header) => header,
        Some(Arrival::Name) => stated(layout_name(name), zone),
        Some(Arrival::Path) => stated(name, zone),
        Some(Arrival::Mtime) => stamp.map(|s| s.modified),
    }
}

/// The last date in a name, and the time that may follow it.
fn stated(name: &str, zone: &TimeZone) -> Option<i64> {
    let bytes = name.as_bytes();
    let begins = |i: &usize| bytes[*i].is_ascii_digit() && (*i == 0 || !bytes[i - 1].is_ascii_digit());
    let starts = (0..bytes.len()).rev().filter(begins);
    let (date, rest) = starts.filter_map(|i| date(&name[i..])).next()?;
    let (time, rest) = time(rest).unwrap_or((Time::midnight(), rest));
    let zone = if rest.starts_with('Z') { &TimeZone::UTC } else { zone };
    let at = zone.to_ambiguous_timestamp(DateTime::from_parts(date, time)).compatible().ok()?;
    Some(at.as_microsecond())
}

/// A date at the start of a text, `20251124` or its parts with one separator between, and what follows it.
fn date(text: &str) -> Option<(Date, &str)> {
    let separator = text[4.min(digits(text))..].chars().next().filter(|c| "-_./".contains(*c));
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(after(rest, separator)?, 2)?;
    let (day, rest) = number(after(rest, separator)?, 2)?;
    // Digits may go on only as a time written right behind.
    if !matches!(digits(rest), 0 | 6) || !(1900..2200).contains(&year) {
        return None;
    }
    let part = |n: u32| i8::try_from(n).ok();
    Some((Date::new(i16::try_from(year).ok()?, part(month)?, part(day)?).ok()?, rest))
}

/// A time of six digits, right behind a date or after one separator.
fn time(text: &str) -> Option<(Time, &str)> {
    let text = text.strip_prefix(['T', 't', '_', '-', '.']).unwrap_or(text);
    if digits(text) != 6 {
        return None;
    }
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest, 2)?;
    let (second, rest) = number(rest, 2)?;
    let part = |n: u32| i8::try_from(n).ok();
    Some((Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()?, rest))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn number(text: &str, length: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(length)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

fn after(text: &str, separator: Option<char>) -> Option<&str> {
    separator.map_or(Some(text), |c| text.strip_prefix(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<String> {
        stated(name, &TimeZone::get("America/New_York").unwrap())
            .map(|m| jiff::Timestamp::from_microsecond(m).unwrap().to_string())
    }

    #[test]
    fn the_last_date_of_a_name_is_midnight_in_the_vendors_zone() {
        let cases = [
            ("positions_20251124.csv", Some("2025-11-24T05:00:00Z")),
            ("2025-07-01.csv", Some("2025-07-01T04:00:00Z")),
            ("from-2025_01_01-to-2025_11_24.csv", Some("2025-11-24T05:00:00Z")),
            ("2025/11/24/positions.csv", Some("2025-11-24T05:00:00Z")),
            ("p.20251124_153000.csv", Some("2025-11-24T20:30:00Z")),
            ("p20251124153000.csv", Some("2025-11-24T20:30:00Z")),
            ("2025-11-24T153000Z.json", Some("2025-11-24T15:30:00Z")),
            ("20251124-7.csv", Some("2025-11-24T05:00:00Z")),
            ("account-120251124.csv", None),
            ("20251324.csv", None),
            ("2025112.csv", None),
            ("99991124.csv", None),
            ("positions.csv", None),
            ("", None),
            ("2025-é1-01", None),
        ];
        for (name, expected) in cases {
            assert_eq!(of(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_rule_of_the_source_decides_and_the_clock_of_the_file_only_when_asked() {
        let stamp = Some(Stamp { size: 1, modified: 7 });
        let with = |rule, name, header| arrival(rule, name, stamp, header, &TimeZone::UTC);
        let day = Some(1_763_942_400_000_000);
        assert_eq!(with(None, "a/20251124.csv.gz", Some(5)), Some(5));
        assert_eq!(with(None, "a/20251124.csv.gz", None), day);
        assert_eq!(with(None, "20251124/a.csv", None), None);
        assert_eq!(with(Some(Arrival::Path), "20251124/a.csv", Some(5)), day);
        assert_eq!(with(Some(Arrival::Name), "20251124.csv", Some(5)), day);
        assert_eq!(with(Some(Arrival::Header), "20251124.csv", None), None);
        assert_eq!(with(Some(Arrival::Mtime), "20251124.csv", Some(5)), Some(7));
    }
}
