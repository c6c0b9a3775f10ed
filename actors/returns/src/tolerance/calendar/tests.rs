use super::*;
use crate::date::from_days;
use jiff::civil::date;
use proptest::prelude::*;

/// The weekdays of a year on which New York is closed, as month and day.
fn closed_in(year: i16) -> Vec<(i8, i8)> {
    let (calendar, weekdays) = (Calendar::xnys(), Calendar::weekdays());
    (days(date(year, 1, 1))..=days(date(year, 12, 31)))
        .filter_map(from_days)
        .filter(|day| weekdays.is_business_day(*day) && !calendar.is_business_day(*day))
        .map(|day| (day.month(), day.day()))
        .collect()
}

#[test]
fn new_york_is_closed_on_the_days_it_announced() {
    let announced: [(i16, &[(i8, i8)]); 9] = [
        (1972, &[(2, 21), (3, 31), (5, 29), (7, 4), (9, 4), (11, 7), (11, 23), (12, 25), (12, 28)]),
        (1997, &[(1, 1), (2, 17), (3, 28), (5, 26), (7, 4), (9, 1), (11, 27), (12, 25)]),
        (1998, &[(1, 1), (1, 19), (2, 16), (4, 10), (5, 25), (7, 3), (9, 7), (11, 26), (12, 25)]),
        (
            2001,
            &[
                (1, 1),
                (1, 15),
                (2, 19),
                (4, 13),
                (5, 28),
                (7, 4),
                (9, 3),
                (9, 11),
                (9, 12),
                (9, 13),
                (9, 14),
                (11, 22),
                (12, 25),
            ],
        ),
        (
            2012,
            &[
                (1, 2),
                (1, 16),
                (2, 20),
                (4, 6),
                (5, 28),
                (7, 4),
                (9, 3),
                (10, 29),
                (10, 30),
                (11, 22),
                (12, 25),
            ],
        ),
        (2021, &[(1, 1), (1, 18), (2, 15), (4, 2), (5, 31), (7, 5), (9, 6), (11, 25), (12, 24)]),
        (2022, &[(1, 17), (2, 21), (4, 15), (5, 30), (6, 20), (7, 4), (9, 5), (11, 24), (12, 26)]),
        (2024, &[(1, 1), (1, 15), (2, 19), (3, 29), (5, 27), (6, 19), (7, 4), (9, 2), (11, 28), (12, 25)]),
        (
            2025,
            &[
                (1, 1),
                (1, 9),
                (1, 20),
                (2, 17),
                (4, 18),
                (5, 26),
                (6, 19),
                (7, 4),
                (9, 1),
                (11, 27),
                (12, 25),
            ],
        ),
    ];
    for (year, closed) in announced {
        assert_eq!(closed_in(year), closed, "{year}");
    }
}

#[test]
fn easter_falls_where_it_fell() {
    // 2000-04-23, 2008-03-23 and 2038-04-25 are Easters; the last two are among the earliest and latest there are.
    for day in [date(2000, 4, 21), date(2008, 3, 21), date(2038, 4, 23)] {
        assert!(!Calendar::xnys().is_business_day(day), "{day}");
    }
}

#[test]
fn new_year_on_a_saturday_is_not_kept_and_on_a_sunday_the_day_after() {
    let calendar = Calendar::xnys();
    assert!(calendar.is_business_day(date(2021, 12, 31)), "2022-01-01 was a Saturday");
    assert!(calendar.is_business_day(date(2022, 1, 3)));
    assert!(!calendar.is_business_day(date(2023, 1, 2)), "2023-01-01 was a Sunday");
}

#[test]
fn a_year_of_trading_has_the_days_the_exchange_counted() {
    let year = |y: i16| Calendar::xnys().business_days(date(y - 1, 12, 31), date(y, 12, 31));
    assert_eq!([2012, 2021, 2022, 2024, 2025].map(year), [250, 252, 251, 252, 250]);
}

#[test]
fn business_days_leave_out_weekends() {
    let (calendar, friday) = (Calendar::weekdays(), date(2025, 1, 3));
    assert_eq!(calendar.business_days(friday, date(2025, 1, 5)), 0, "Saturday and Sunday");
    assert_eq!(calendar.business_days(friday, date(2025, 1, 6)), 1, "the Monday after");
    assert_eq!(calendar.business_days(friday, date(2025, 1, 10)), 5);
    assert_eq!(calendar.business_days(date(2025, 1, 4), date(2025, 1, 6)), 1, "from a Saturday");
    assert_eq!(calendar.business_days(friday, friday), 0);
    assert_eq!(calendar.business_days(date(2025, 1, 10), friday), 0, "backwards");
}

#[test]
fn between_two_dates_neither_of_them_counts() {
    let calendar = Calendar::xnys();
    assert_eq!(calendar.business_days_between(date(2025, 7, 3), date(2025, 7, 7)), 0, "a holiday, a weekend");
    assert_eq!(
        calendar.business_days_between(date(2025, 7, 2), date(2025, 7, 5)),
        1,
        "to a Saturday: Thursday"
    );
    assert_eq!(calendar.business_days_between(date(2025, 7, 3), date(2025, 7, 3)), 0);
}

#[test]
fn a_calendar_is_read_from_dates_in_any_order_with_comments() {
    let text = "\u{feff}# Boxing Day and more\n2025-12-26\n\n 2025-12-24 # half\n2025-12-27\n2025-12-26\r\n";
    let calendar = Calendar::from_text(text).unwrap();
    assert_eq!(calendar.business_days(date(2025, 12, 23), date(2025, 12, 29)), 2, "Thursday and Monday");
    assert!(!calendar.is_business_day(date(2025, 12, 24)));
    assert!(calendar.is_business_day(date(2025, 12, 25)), "only what the file says");
}

#[test]
fn a_line_that_is_no_date_is_named() {
    for (said, line) in [("25.12.2025", 2), ("2025-02-29", 2), ("20251225", 2), ("2025-12-25T00:00", 2)] {
        let error = Calendar::from_text(&format!("2025-12-24\n{said} # why\n")).unwrap_err();
        assert_eq!(error, CalendarError::NotADate { line, text: said.into() });
        assert!(error.to_string().starts_with("line 2: `"), "{error}");
    }
    assert_eq!(Calendar::from_text("# nothing\n\n"), Err(CalendarError::Empty));
}

#[test]
fn every_name_offered_is_a_calendar_and_no_other_is() {
    for name in Calendar::NAMES {
        assert!(Calendar::from_name(name).is_some(), "{name}");
    }
    assert_eq!(Calendar::from_name("xnys "), None);
    assert_ne!(Calendar::from_name("XNYS"), Calendar::from_name("weekdays"));
}

proptest! {
    #[test]
    fn a_count_is_what_walking_every_day_gives(from in -1000i32..90_000, span in 0i32..900) {
        let calendar = Calendar::xnys();
        let walked = (from + 1..=from + span).filter_map(from_days).filter(|d| calendar.is_business_day(*d)).count();
        let counted = calendar.business_days(from_days(from).unwrap(), from_days(from + span).unwrap());
        prop_assert_eq!(counted, i64::try_from(walked).unwrap());
    }
}
