//! The business days of the New York Stock Exchange in the first quarter of 2025.
use jiff::civil::Weekday;
use returns::Date;

/// A date of 2025.
pub const fn on(month: i8, day: i8) -> Date {
    jiff::civil::date(2025, month, day)
}

/// A day of mourning, Martin Luther King Jr. Day and Washington's Birthday.
const CLOSED: [Date; 3] = [on(1, 9), on(1, 20), on(2, 17)];

/// From 2 January to 31 March: 60 days.
pub fn business_days() -> Vec<Date> {
    let quarter = on(1, 2).series(jiff::Span::new().days(1)).take_while(|day| *day <= on(3, 31));
    quarter.filter(|day| is_business_day(*day)).collect()
}

fn is_business_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !CLOSED.contains(&day)
}

/// The first business day after a date: the morning on which a nightly file is made.
pub fn next(date: Date) -> Date {
    date.series(jiff::Span::new().days(1)).skip(1).find(|day| is_business_day(*day)).unwrap_or(date)
}
