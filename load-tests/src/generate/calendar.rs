//! Business days: Monday to Friday, from a Monday on.
use returns::Date;
use returns::date::{days, from_days};

/// The dates of a feed's days, as text, made once.
#[derive(Clone, Debug)]
pub struct Calendar {
    dates: Vec<Date>,
}

impl Calendar {
    /// `count` business days from the first Monday at or after `start`; `None` if they go beyond the year 9999.
    pub fn new(start: Date, count: u32) -> Option<Calendar> {
        let to_monday = (8 - i32::from(start.weekday().to_monday_one_offset())) % 7;
        let monday = days(start).checked_add(to_monday)?;
        let date = |n: u32| {
            let n = i32::try_from(n / 5 * 7 + n % 5).ok()?;
            from_days(monday.checked_add(n)?)
        };
        (0..count).map(date).collect::<Option<Vec<Date>>>().map(|dates| Calendar { dates })
    }

    pub fn date(&self, day: u64) -> Date {
        usize::try_from(day).ok().and_then(|day| self.dates.get(day)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_weekdays_in_order() {
        let calendar = Calendar::new(jiff::civil::date(2024, 1, 3), 12).unwrap();
        assert_eq!(calendar.date(0).to_string(), "2024-01-08");
        assert_eq!(calendar.date(4).to_string(), "2024-01-12");
        assert_eq!(calendar.date(5).to_string(), "2024-01-15");
        assert_eq!(calendar.date(11).to_string(), "2024-01-23");
        let monday = Calendar::new(jiff::civil::date(2024, 1, 1), 1).unwrap();
        assert_eq!(monday.date(0).to_string(), "2024-01-01");
    }

    #[test]
    fn days_beyond_the_last_year_are_refused() {
        assert!(Calendar::new(jiff::civil::date(9999, 12, 1), 40).is_none());
    }
}
