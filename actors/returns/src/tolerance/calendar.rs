//! Business days: Monday to Friday, less the days on which a calendar is closed.
use crate::date::{Date, days};
use std::sync::Arc;
use thiserror::Error;

mod xnys;

/// Which days are business days. Weekend values are ordinary rows under every calendar; only counts of days ask it.
///
/// ```
/// use returns::tolerance::Calendar;
/// use jiff::civil::date;
/// let new_york = Calendar::from_name("XNYS").unwrap();
/// // The day before Thanksgiving to the Monday after it: Friday and Monday.
/// assert_eq!(new_york.business_days(date(2025, 11, 26), date(2025, 12, 1)), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Weekdays that are no business days, as days since 1970-01-01, ascending, each once.
    closed: Arc<[i32]>,
}

/// Why a text is no calendar.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// `text` is the line without its comment, cut to 40 characters.
    #[error("line {line}: `{text}` is not a date; write one date a line, as 2025-12-25")]
    NotADate { line: usize, text: String },
    #[error("no date in it; write the days without business, one a line, as 2025-12-25")]
    Empty,
}

impl Calendar {
    /// The calendars that are built in, as a topology names them.
    pub const NAMES: [&'static str; 2] = ["weekdays", "XNYS"];

    /// Monday to Friday.
    pub fn weekdays() -> Calendar {
        Calendar::default()
    }

    /// The New York Stock Exchange, from 1971 to 2199; before and after, Monday to Friday. Half days are business days.
    pub fn xnys() -> Calendar {
        Calendar::closed_on(xnys::closings())
    }

    /// One of [`Calendar::NAMES`], written as there.
    pub fn from_name(name: &str) -> Option<Calendar> {
        match name {
            "weekdays" => Some(Calendar::weekdays()),
            "XNYS" => Some(Calendar::xnys()),
            _ => None,
        }
    }

    /// The days without business beside weekends: one ISO date a line in any order; `#` begins a comment.
    pub fn from_text(text: &str) -> Result<Calendar, CalendarError> {
        let mut dates = Vec::new();
        for (line, whole) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let said = whole.split('#').next().unwrap_or_default().trim();
            if !said.is_empty() {
                dates.push(days(iso(said).ok_or_else(|| CalendarError::NotADate {
                    line,
                    text: said.chars().take(40).collect(),
                })?));
            }
        }
        if dates.is_empty() {
            return Err(CalendarError::Empty);
        }
        Ok(Calendar::closed_on(dates))
    }

    fn closed_on(dates: impl IntoIterator<Item = i32>) -> Calendar {
        let mut closed: Vec<i32> = dates.into_iter().filter(|day| weekday(*day) < SATURDAY).collect();
        closed.sort_unstable();
        closed.dedup();
        Calendar { closed: closed.into() }
    }

    pub fn is_business_day(&self, date: Date) -> bool {
        let day = days(date);
        weekday(day) < SATURDAY && self.closed.binary_search(&day).is_err()
    }

    /// Business days after `from`, up to and including `to`; 0 unless `to` is later.
    pub fn business_days(&self, from: Date, to: Date) -> i64 {
        self.count(days(from), days(to))
    }

    /// Business days strictly between the two.
    pub fn business_days_between(&self, from: Date, to: Date) -> i64 {
        self.count(days(from), days(to) - 1)
    }

    /// Days of rows that follow each other cost a comparison; a longer span one search and a step for each closing in it.
    fn count(&self, from: i32, to: i32) -> i64 {
        if to <= from {
            return 0;
        }
        let weekdays = weekdays_until(to) - weekdays_until(from);
        let first = self.closed.partition_point(|day| *day <= from);
        let closed = self.closed.iter().skip(first).take_while(|day| **day <= to);
        closed.fold(weekdays, |left, _| left - 1)
    }
}

fn iso(text: &str) -> Option<Date> {
    (text.len() == "2025-12-25".len()).then(|| text.parse().ok())?
}

const SATURDAY: i32 = 5;

/// 0 is Monday; 1970-01-01 was a Thursday.
fn weekday(day: i32) -> i32 {
    (day + 3).rem_euclid(7)
}

/// Weekdays since Monday 1969-12-29, that day included; negative before.
fn weekdays_until(day: i32) -> i64 {
    i64::from((day + 3).div_euclid(7) * 5 + (weekday(day) + 1).min(5))
}

#[cfg(test)]
mod tests;
