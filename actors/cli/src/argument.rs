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

#[cfg(test)]
mod tests {
    use super::*;

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
