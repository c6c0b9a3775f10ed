//! Dates as the stores and the wire carry them.
pub use jiff::civil::Date;

/// Microseconds since 1970-01-01 00:00 UTC.
pub type Micros = i64;

/// Days since 1970-01-01, by Howard Hinnant's `days_from_civil` (public domain notes, "chrono-Compatible Low-Level Date
/// Algorithms"): a few additions instead of a calendar span.
pub fn days(date: Date) -> i32 {
    let (y, m, d) = (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()));
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date that many days after 1970-01-01; `None` outside years -9999 to 9999.
pub fn from_days(days: i32) -> Option<Date> {
    let z = days.checked_add(719_468)?;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let d = day_of_year - (153 * shifted + 2) / 5 + 1;
    let m = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let y = year_of_era + era * 400 + i32::from(m <= 2);
    Date::new(i16::try_from(y).ok()?, i8::try_from(m).ok()?, i8::try_from(d).ok()?).ok()
}

/// Whole days from `a` to `b`.
pub fn days_between(a: Date, b: Date) -> i32 {
    days(b) - days(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_a_thousand_years_goes_there_and_back() {
        let mut date = jiff::civil::date(1600, 1, 1);
        let first = days(date);
        for n in 0..365_243 {
            assert_eq!(days(date), first + n);
            assert_eq!(from_days(first + n), Some(date));
            date = date.tomorrow().unwrap();
        }
        assert_eq!(days(jiff::civil::date(1970, 1, 1)), 0);
        assert_eq!(from_days(i32::MAX), None);
    }
}
