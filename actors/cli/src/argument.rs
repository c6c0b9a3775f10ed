//! Words of the command line that mean something.
use returns::Date;

/// A date as people write it in the command line.
///
/// # Errors
/// What is wrong, and how to write one.
pub fn date(text: &str) -> Result<Date, String> {
    let shape = |(n, c): (usize, char)| if n == 4 || n == 7 { c == '-' } else { c.is_ascii_digit() };
    if text.len() != 10 || !text.char_indices().all(shape) {
        return Err("a date is written YYYY-MM-DD, as in 2025-03-31".into());
    }
    text.parse().map_err(|_| "the calendar has no such day".into())
}

/// How fast: records or bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Records(u64),
    Bytes(u64),
}

/// A rate as people write it: a number of records, or a size.
pub fn rate(text: &str) -> Result<Rate, String> {
    let found = match text.parse() {
        Ok(records) => Some(Rate::Records(records)),
        Err(_) => bytes(text).map(Rate::Bytes),
    };
    let some = |rate: &Rate| !matches!(rate, Rate::Records(0) | Rate::Bytes(0));
    found.filter(some).ok_or_else(|| "a rate is records a second, as in 500, or bytes, as in 2MiB".to_owned())
}

/// A size as people write it.
pub fn size(text: &str) -> Result<u64, String> {
    bytes(text).ok_or_else(|| "a size is written 512KiB, 10MiB or 1000000B".to_owned())
}

fn bytes(text: &str) -> Option<u64> {
    let scales = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1u64)];
    let (number, scale) = scales.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(*scale)
}

/// `KEY=VALUE`.
pub fn setting(text: &str) -> Result<(String, String), String> {
    let found = text.split_once('=').filter(|(key, _)| !key.trim().is_empty());
    let (key, value) = found.ok_or("a setting is written KEY=VALUE, as in compression.type=zstd")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_records_or_bytes_and_never_none() {
        assert_eq!(rate("500"), Ok(Rate::Records(500)));
        assert_eq!(rate("2MiB"), Ok(Rate::Bytes(2 << 20)));
        for wrong in ["0", "0B", "fast", "-1", "1.5MiB", "+1KiB", "99999999999999999999GiB"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!(size("1000000B"), Ok(1_000_000));
        assert_eq!(setting("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
        assert!(setting("=x").is_err() && setting("x").is_err());
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar_in_iso_form() {
        assert_eq!(date("2024-02-29").map(|d| d.to_string()), Ok("2024-02-29".into()));
        for text in ["yesterday", "2025-1-31", "20250131", "31.01.2025", "2025-01-31T00:00", "2025-01-3é"] {
            assert!(date(text).is_err_and(|e| e.contains("YYYY-MM-DD")), "{text}");
        }
        for text in ["2025-02-29", "2025-13-01", "2025-00-10"] {
            assert!(date(text).is_err_and(|e| e.contains("no such day")), "{text}");
        }
    }
}
