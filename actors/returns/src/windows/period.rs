//! The dates of calendar windows.
use super::Window;
use crate::date::Date;

/// (base, to] of a window that the calendar alone gives; `None` outside the years of the calendar.
pub(super) fn bounds(window: Window, as_of: Date) -> Option<(Date, Date)> {
    match window {
        Window::MonthToDate => Some((before_period(as_of, 1)?, as_of)),
        Window::QuarterToDate => Some((before_period(as_of, 3)?, as_of)),
        Window::YearToDate => Some((before_period(as_of, 12)?, as_of)),
        Window::PreviousMonth => previous(as_of, 1),
        Window::PreviousQuarter => previous(as_of, 3),
        Window::PreviousYear => previous(as_of, 12),
        Window::Trailing { months } => Some((months_back(as_of, months)?, as_of)),
        Window::Day | Window::SinceInception | Window::Between { .. } => None,
    }
}

/// The last day before the month, quarter or year of a date.
fn before_period(date: Date, months: i8) -> Option<Date> {
    let first_month = date.month() - (date.month() - 1) % months;
    Date::new(date.year(), first_month, 1).ok()?.yesterday().ok()
}

fn previous(as_of: Date, months: i8) -> Option<(Date, Date)> {
    let to = before_period(as_of, months)?;
    Some((before_period(to, months)?, to))
}

fn months_back(date: Date, months: u16) -> Option<Date> {
    let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1 - i32::from(months);
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let first = Date::new(year, i8::try_from(month.rem_euclid(12)).ok()? + 1, 1).ok()?;
    let is_last = date.day() == date.days_in_month();
    let day = if is_last { first.days_in_month() } else { date.day().min(first.days_in_month()) };
    Date::new(year, first.month(), day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_period_begins_after_the_last_day_of_the_one_before() {
        let as_of = date(2026, 3, 18);
        let base = |window| bounds(window, as_of).unwrap();
        assert_eq!(base(Window::MonthToDate), (date(2026, 2, 28), as_of));
        assert_eq!(base(Window::QuarterToDate), (date(2025, 12, 31), as_of));
        assert_eq!(base(Window::YearToDate), (date(2025, 12, 31), as_of));
        assert_eq!(base(Window::PreviousMonth), (date(2026, 1, 31), date(2026, 2, 28)));
        assert_eq!(base(Window::PreviousQuarter), (date(2025, 9, 30), date(2025, 12, 31)));
        assert_eq!(base(Window::PreviousYear), (date(2024, 12, 31), date(2025, 12, 31)));
        assert_eq!(
            bounds(Window::QuarterToDate, date(2026, 6, 30)),
            Some((date(2026, 3, 31), date(2026, 6, 30)))
        );
    }

    #[test]
    fn months_back_clamp_and_keep_to_month_ends() {
        assert_eq!(
            months_back(date(2025, 2, 28), 12),
            Some(date(2024, 2, 29)),
            "a month's last day stays one"
        );
        assert_eq!(months_back(date(2024, 2, 29), 12), Some(date(2023, 2, 28)));
        assert_eq!(months_back(date(2024, 2, 28), 12), Some(date(2023, 2, 28)));
        assert_eq!(months_back(date(2024, 5, 30), 3), Some(date(2024, 2, 29)), "clamped");
        assert_eq!(months_back(date(2024, 4, 30), 1), Some(date(2024, 3, 31)));
        assert_eq!(months_back(date(2024, 1, 15), 2), Some(date(2023, 11, 15)));
    }
}
