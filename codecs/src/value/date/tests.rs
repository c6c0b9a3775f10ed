use super::*;
use jiff::civil::{date, time};
use proptest::prelude::*;

fn read(spellings: &[&str], value: &str) -> Result<Option<Moment>, ValueError> {
    DateSpelling::new(spellings).unwrap().parse(value.as_bytes())
}

#[track_caller]
fn gives(spelling: &str, value: &str, expected: &str) {
    let moment = read(&[spelling], value).unwrap_or_else(|e| panic!("{e}")).unwrap();
    let mut text = moment.date.to_string();
    if let Some(time) = moment.time {
        text += &format!(" {time}");
    }
    if let Some(offset) = moment.offset {
        text += &format!(" {offset:+}");
    }
    assert_eq!(text, expected, "{spelling} {value}");
}

#[track_caller]
fn refuses(spelling: &str, value: &str, why: &str) {
    let error = read(&[spelling], value).unwrap_err();
    assert_eq!(error.code, "bad_date");
    assert!(error.text.contains(why), "{}", error.text);
}

#[test]
fn each_declared_spelling_reads_its_dates() {
    gives("%Y-%m-%d", "2023-04-17", "2023-04-17");
    gives("%Y-%m-%d", " 2023-04-17 ", "2023-04-17");
    gives("%Y%m%d", "20230417", "2023-04-17");
    gives("%m/%d/%Y", "04/17/2023", "2023-04-17");
    gives("%m/%d/%Y", "4/7/2023", "2023-04-07");
    gives("%m/%d/%y", "04/17/23", "2023-04-17");
    gives("%m/%d/%y", "04/17/69", "1969-04-17");
    gives("%m%d%y", "041723", "2023-04-17");
    gives("%y%m%d", "230417", "2023-04-17");
    gives("%d.%m.%Y", "17.04.2023", "2023-04-17");
    gives("%B %d, %Y", "January 1, 2026", "2026-01-01");
    gives("%B %d, %Y", "september 30, 2026", "2026-09-30");
    gives("%d-%b-%Y", "05-MAY-2026", "2026-05-05");
    gives("%Y%m%d;%H%M%S", "20230302;162000", "2023-03-02 16:20:00");
    gives("%m/%d/%Y %I:%M:%S %p", "05/03/2023 02:21:05 PM", "2023-05-03 14:21:05");
    gives("%m/%d/%Y %I:%M %p", "05/03/2023 12:05 am", "2023-05-03 00:05:00");
    gives(
        "%Y-%m-%d %H:%M:%S.%f %z",
        "2023-05-03 14:21:05.123456789 -05:30",
        "2023-05-03 14:21:05.123456 -19800",
    );
}

#[test]
fn iso_instants_come_with_and_without_a_zone() {
    gives("iso", "2023-05-26", "2023-05-26");
    gives("iso", "2023-05-26T16:00:00", "2023-05-26 16:00:00");
    gives("iso", "2023-05-26T16:00", "2023-05-26 16:00:00");
    gives("iso", "2023-05-26T16:00:00Z", "2023-05-26 16:00:00 +0");
    gives("iso", "2023-05-26t16:00:00.25+05:30", "2023-05-26 16:00:00.25 +19800");
    gives("iso", "2023-05-26 16:00:00-0400", "2023-05-26 16:00:00 -14400");
    refuses("iso", "2023-05-26T", "expected `iso`");
    refuses("iso", "2023-05-26T16:00:00+19", "offset");
    refuses("iso", "2023-05-26T16:00:00Zx", "expected `iso`");
}

#[test]
fn ofx_times_state_their_offset_in_hours() {
    gives("ofx", "20230526", "2023-05-26");
    gives("ofx", "20230526160000", "2023-05-26 16:00:00 +0");
    gives("ofx", "20230526160000.000[-5:EST]", "2023-05-26 16:00:00 -18000");
    gives("ofx", "20230526160000[+5.30:IST]", "2023-05-26 16:00:00 +19800");
    gives("ofx", "20230526160000[0:GMT]", "2023-05-26 16:00:00 +0");
    refuses("ofx", "20230526160000[-5:EST", "expected `ofx`");
}

#[test]
fn numbers_of_seconds_and_milliseconds_are_instants() {
    gives("unix_s", "1684112400", "2023-05-15 01:00:00 +0");
    gives("unix_ms", "1684112400250", "2023-05-15 01:00:00.25 +0");
    gives("unix_s", "-1", "1969-12-31 23:59:59 +0");
    refuses("unix_s", "99999999999999999", "no such time");
    refuses("unix_s", "+1", "expected `unix_s`");
}

#[test]
fn a_cell_may_hold_the_posted_and_the_effective_date() {
    let moment = read(&["%m/%d/%Y"], "04/17/2023 as of 04/15/2023").unwrap().unwrap();
    assert_eq!((moment.date, moment.effective), (date(2023, 4, 17), Some(date(2023, 4, 15))));
    refuses("%m/%d/%Y", "04/17/2023 as of ", "expected");
    refuses("%m/%d/%Y", "04/17/2023 as of 02/30/2023", "no such day");
}

#[test]
fn one_field_may_have_several_spellings() {
    let list = ["%Y%m%d", "%m/%d/%Y", "%B %d, %Y"];
    for value in ["20260717", "07/17/2026", "July 17, 2026"] {
        assert_eq!(read(&list, value).unwrap().unwrap().date, date(2026, 7, 17));
    }
    let error = read(&list, "17.07.2026").unwrap_err();
    assert_eq!(error.text, "`17.07.2026` is no date: expected `%Y%m%d` or `%m/%d/%Y` or `%B %d, %Y`");
}

#[test]
fn a_date_that_is_not_in_the_calendar_is_refused() {
    refuses("%Y-%m-%d", "2023-02-29", "no such day");
    refuses("%Y%m%d", "20231301", "no such month");
    refuses("%Y-%m-%d", "2023-00-10", "no such month");
    refuses("%m/%d/%Y", "17/04/2023", "no such month");
    refuses("%Y%m%d;%H%M%S", "20230302;250000", "no such time");
    refuses("%m/%d/%Y %I:%M %p", "05/03/2023 13:05 PM", "no such time");
    refuses("%Y-%m-%d", "2023-4-17", "expected `%Y-%m-%d`");
    refuses("%Y%m%d", "2023041", "expected");
    refuses("%Y%m%d", "202304170", "expected");
    gives("%Y-%m-%d", "2024-02-29", "2024-02-29");
}

#[test]
fn missing_is_declared() {
    assert_eq!(read(&["%Y-%m-%d"], "  ").unwrap(), None);
    let mut spelling = DateSpelling::new(&["%Y-%m-%d"]).unwrap();
    spelling.missing = Placeholders::from_iter(["", "--", "00000000"]);
    assert_eq!(spelling.parse(b"00000000").unwrap(), None);
    assert!(spelling.parse(b"-").is_err());
    // A date that stands for "never" is missing too, where it is declared.
    spelling.missing = Placeholders::from_iter(["9999-12-31"]);
    assert_eq!(spelling.parse(b"9999-12-31").unwrap(), None);
    assert!(spelling.parse(b"2026-12-31").unwrap().is_some());
}

#[test]
fn a_spelling_that_cannot_give_a_date_is_refused_at_once() {
    for bad in ["", "%Y-%m", "%Y-%m-%d %Q", "%Y-%m-%d %", "%Y %y %m %d", "%m/%d/%Y %I:%M", "%Y-%m-%d %p"] {
        assert!(DateSpelling::new(&[bad]).is_err(), "{bad}");
    }
    assert!(DateSpelling::new::<&str>(&[]).is_err());
}

#[test]
fn a_repeated_hour_is_the_first_and_a_skipped_one_moves_on() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let at = |value| {
        let micros = read(&["iso"], value).unwrap().unwrap().instant(&zone).unwrap();
        jiff::Timestamp::from_microsecond(micros).unwrap().to_string()
    };
    assert_eq!(at("2024-11-03T01:30:00"), "2024-11-03T05:30:00Z");
    assert_eq!(at("2024-03-10T02:30:00"), "2024-03-10T07:30:00Z");
    assert_eq!(at("2024-07-01T16:00:00"), "2024-07-01T20:00:00Z");
    assert_eq!(at("2024-07-01T16:00:00Z"), "2024-07-01T16:00:00Z");
    let day = read(&["iso"], "2024-07-01").unwrap().unwrap();
    assert_eq!(day.instant(&zone), None);
    assert_eq!(day.instant_or_midnight(&zone), Some(1_719_806_400_000_000));
}

#[test]
fn an_event_states_its_offset() {
    assert_eq!(iso_instant(b"2024-07-01T00:00:00Z").unwrap(), 1_719_792_000_000_000);
    assert_eq!(iso_instant(b"2024-07-01T00:00:00").unwrap_err().code, "bad_date");
    assert_eq!(iso_instant(b"2024-07-01").unwrap_err().code, "bad_date");
    assert_eq!(iso_date(b"2024-07-01T00:00:00Z").unwrap_err().code, "bad_date");
}

proptest! {
    #[test]
    fn the_fast_way_and_the_careful_one_agree(bytes in any::<[u8; 8]>(), digits in "[/-:0-9]{8}") {
        for value in [&bytes[..], digits.as_bytes()] {
            let spelling = Spelling::compile("%Y%m%d").unwrap();
            prop_assert_eq!(spelling.fast(value), spelling.read(value).ok().map(|m| m.date));
        }
    }

    #[test]
    fn every_date_reads_back_in_every_spelling(days in -700_000i32..2_900_000, form in 0usize..6) {
        let day = returns::date::from_days(days).unwrap();
        prop_assume!(day.year() >= 0);
        let spelling = ["%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%B %d, %Y", "%d%b%Y"][form];
        let text = day.strftime(spelling).to_string();
        prop_assert_eq!(read(&[spelling], &text).unwrap().map(|m| m.date), Some(day));
    }

    #[test]
    fn every_instant_reads_back(micros in -60_000_000_000_000_000i64..250_000_000_000_000_000, east in -18 * 60i32..=18 * 60) {
        let offset = jiff::tz::Offset::from_seconds(east * 60).unwrap();
        let text = jiff::Timestamp::from_microsecond(micros).unwrap().display_with_offset(offset).to_string();
        prop_assert_eq!(iso_instant(text.as_bytes()), Ok(micros));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in "[-0-9/:;.TZ+ \\[\\]APMaspof]{0,30}") {
        let all = DateSpelling::new(&["%Y-%m-%d", "%Y%m%d;%H%M%S", "iso", "ofx", "unix_s", "unix_ms", "%B %d, %y %I:%M %p", "%d%m%Y %f%z"]).unwrap();
        for value in [&bytes[..], text.as_bytes()] {
            let zone = TimeZone::get("Europe/Zurich").unwrap();
            let _ = all.parse(value).map(|m| m.map(|m| m.instant(&zone)));
        }
    }

    #[test]
    fn a_time_reads_back_to_the_second(h in 0i8..24, m in 0i8..60, s in 0i8..60) {
        let text = format!("20230302;{h:02}{m:02}{s:02}");
        prop_assert_eq!(read(&["%Y%m%d;%H%M%S"], &text).unwrap().unwrap().time, Some(time(h, m, s, 0)));
    }
}
