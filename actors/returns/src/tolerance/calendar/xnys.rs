//! The New York Stock Exchange: its holidays by rule, and the days it was closed without one.
//!
//! Rules as in the exchange's own (7.2, Holidays). A holiday on a Saturday is kept on the Friday before, on a Sunday on the
//! Monday after; New Year's Day on a Saturday is not kept, since that Friday ends a month.
use super::{SATURDAY, weekday};
use crate::date::days;
use std::ops::RangeInclusive;

/// From the year in which Washington's Birthday and Memorial Day moved to Mondays.
const YEARS: RangeInclusive<i16> = 1971..=2199;

/// Full days without trading that no rule gives: (year, month, day).
const UNSCHEDULED: [(i16, i8, i8); 18] = [
    // Presidential elections, kept until 1980.
    (1972, 11, 7),
    (1976, 11, 2),
    (1980, 11, 4),
    // Mourning for presidents Truman and Johnson.
    (1972, 12, 28),
    (1973, 1, 25),
    // The blackout of New York.
    (1977, 7, 14),
    // Hurricane Gloria.
    (1985, 9, 27),
    // Mourning for president Nixon.
    (1994, 4, 27),
    // The attacks of September 11.
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    // Mourning for presidents Reagan and Ford.
    (2004, 6, 11),
    (2007, 1, 2),
    // Hurricane Sandy.
    (2012, 10, 29),
    (2012, 10, 30),
    // Mourning for presidents Bush (the elder) and Carter.
    (2018, 12, 5),
    (2025, 1, 9),
];

/// Days since 1970-01-01, in no order; a holiday that is not kept falls on a weekend.
pub(super) fn closings() -> impl Iterator<Item = i32> {
    let unscheduled = UNSCHEDULED.into_iter().map(|(year, month, day)| on(year, month, day));
    YEARS.flat_map(holidays).chain(unscheduled)
}

fn holidays(year: i16) -> impl Iterator<Item = i32> {
    let always = [
        new_year(year),
        nth(3, MONDAY, year, 2),
        good_friday(year),
        last_monday_of_may(year),
        observed(on(year, 7, 4)),
        nth(1, MONDAY, year, 9),
        nth(4, THURSDAY, year, 11),
        observed(on(year, 12, 25)),
    ];
    let martin_luther_king = (year >= 1998).then(|| nth(3, MONDAY, year, 1));
    let juneteenth = (year >= 2022).then(|| observed(on(year, 6, 19)));
    always.into_iter().chain(martin_luther_king).chain(juneteenth)
}

const MONDAY: i32 = 0;
const THURSDAY: i32 = 3;
const SUNDAY: i32 = 6;

/// The dates asked for are in every year.
fn on(year: i16, month: i8, day: i8) -> i32 {
    days(jiff::civil::date(year, month, day))
}

fn observed(day: i32) -> i32 {
    match weekday(day) {
        SATURDAY => day - 1,
        SUNDAY => day + 1,
        _ => day,
    }
}

fn new_year(year: i16) -> i32 {
    let day = on(year, 1, 1);
    if weekday(day) == SUNDAY { day + 1 } else { day }
}

fn nth(n: i32, day_of_week: i32, year: i16, month: i8) -> i32 {
    let first = on(year, month, 1);
    first + (day_of_week - weekday(first)).rem_euclid(7) + 7 * (n - 1)
}

fn last_monday_of_may(year: i16) -> i32 {
    let last = on(year, 5, 31);
    last - weekday(last)
}

/// Two days before Easter by the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8), whose letters
/// these are.
fn good_friday(year: i16) -> i32 {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let easter_in_march = h + l - 7 * m + 22;
    on(year, 3, 1) + easter_in_march - 1 - 2
}
