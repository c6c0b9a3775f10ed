use super::*;
use crate::link::{Chain, Day, link};
use crate::policy::{FlowTiming, Policy};
use jiff::civil::date;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// What is said of a date: its value and what differs from a day without flows.
struct Said {
    at: Date,
    end: &'static str,
    flows: (&'static str, &'static str),
    fees: &'static str,
    begin: Option<&'static str>,
}

fn said(at: Date, end: &'static str) -> Said {
    Said { at, end, flows: ("0", "0"), fees: "0", begin: None }
}

fn rows(days: Vec<Said>) -> Vec<Row> {
    let mut before: Option<Chain> = None;
    days.into_iter()
        .map(|said| {
            let day = Day {
                as_of: said.at,
                stated_begin: said.begin.map(dec),
                end_value: dec(said.end),
                contributions: dec(said.flows.0),
                distributions: dec(said.flows.1),
                fees: dec(said.fees),
                fees_outside: Decimal::ZERO,
                timing: FlowTiming::Split,
                flows: &[],
                parts: &[],
            };
            let linked = link(before.as_ref(), &day, &Policy::new(vec![]));
            before = Some(Chain::after(&day, &linked));
            crate::link::tests::row(&day, &linked)
        })
        .collect()
}

struct Account(Vec<Row>, Vec<Verdict>);

impl Account {
    fn of(days: Vec<Said>) -> Account {
        let rows = rows(days);
        let verdicts = vec![Verdict::Final; rows.len()];
        Account(rows, verdicts)
    }

    fn measure(&self, window: Window, as_of: Date) -> Measured {
        self.counted(window, as_of, YearCount::Anniversary)
    }

    fn counted(&self, window: Window, as_of: Date, year_count: YearCount) -> Measured {
        let rows: Vec<(&Row, Verdict)> = self.0.iter().zip(self.1.iter().copied()).collect();
        Series { rows: &rows, imported_from: None, year_count }.measure(window, as_of)
    }

    fn net(&self, window: Window, as_of: Date) -> Result<Decimal, Missing> {
        self.measure(window, as_of).net.map(|net| net.cumulative)
    }
}

fn spring() -> Account {
    Account::of(vec![
        said(date(2025, 12, 31), "100"),
        said(date(2026, 2, 27), "102"),
        said(date(2026, 3, 2), "103.02"),
        said(date(2026, 3, 18), "104.0502"),
    ])
}

#[test]
fn a_month_begins_at_the_last_value_of_the_month_before() {
    let (account, as_of) = (spring(), date(2026, 3, 18));
    let mtd = account.measure(Window::MonthToDate, as_of);
    assert_eq!(mtd.net.unwrap().cumulative, dec("0.0201"));
    assert_eq!((mtd.base, mtd.base_row), (Some(date(2026, 2, 28)), Some(date(2026, 2, 27))));
    assert_eq!((mtd.to, mtd.last_row), (as_of, Some(as_of)));
    assert_eq!(account.net(Window::YearToDate, as_of), Ok(dec("0.040502")));
    assert_eq!(account.net(Window::QuarterToDate, as_of), Ok(dec("0.040502")));
    assert_eq!(account.net(Window::SinceInception, as_of), Ok(dec("0.040502")));
    assert_eq!(account.net(Window::Day, as_of), Ok(dec("0.01")));
    let quotient = "0.021111111111111111";
    let eighths = Account::of(vec![said(date(2026, 1, 31), "90"), said(date(2026, 2, 27), "91.9")]);
    assert_eq!(
        eighths.net(Window::MonthToDate, date(2026, 2, 28)),
        Ok(dec(quotient)),
        "1.9/90, rounded once"
    );
}

#[test]
fn a_year_back_from_a_month_end_starts_at_a_month_end() {
    let account = Account::of(vec![
        said(date(2024, 2, 28), "100"),
        said(date(2024, 2, 29), "101"),
        said(date(2025, 2, 28), "111.1"),
    ]);
    let year = account.measure(Window::Trailing { months: 12 }, date(2025, 2, 28));
    assert_eq!(year.base_row, Some(date(2024, 2, 29)));
    assert_eq!(
        year.net,
        Ok(Return { cumulative: dec("0.1"), annualised: None }),
        "one year is not annualised"
    );
}

#[test]
fn more_than_a_calendar_year_is_annualised_by_the_count_asked_for() {
    let account = Account::of(vec![said(date(2022, 12, 31), "100"), said(date(2024, 12, 31), "121")]);
    let as_of = date(2024, 12, 31);
    let annual = |count| account.counted(Window::SinceInception, as_of, count).net.unwrap().annualised;
    assert_eq!(annual(YearCount::Anniversary), Some(dec("0.1")));
    // 1.21^(365/731) and 1.21^(1461/2924).
    assert_eq!(annual(YearCount::Act365), Some(dec("0.099856587738")));
    assert_eq!(annual(YearCount::Act36525), Some(dec("0.099928291532")));
}

#[test]
fn the_money_of_a_window_adds_up() {
    let account = Account::of(vec![
        said(date(2026, 1, 30), "1000"),
        Said { flows: ("200", "0"), fees: "5", ..said(date(2026, 2, 10), "1250") },
        Said { flows: ("0", "100"), fees: "2.5", ..said(date(2026, 2, 27), "1200") },
    ]);
    let money = account.measure(Window::MonthToDate, date(2026, 2, 28)).money.unwrap();
    assert_eq!((money.begin_value, money.end_value), (dec("1000"), dec("1200")));
    let parts = money.parts.unwrap();
    assert_eq!((parts.contributions, parts.distributions, parts.fees), (dec("200"), dec("100"), dec("7.5")));
    assert_eq!((money.net_flow, money.gain), (dec("100"), dec("100")));
    let february = account.measure(Window::PreviousMonth, date(2026, 3, 3));
    assert_eq!(february.money, Some(money));
    assert_eq!((february.base, february.to), (Some(date(2026, 1, 31)), date(2026, 2, 28)));
    let gross = february.gross.unwrap().cumulative;
    assert!(gross > february.net.unwrap().cumulative);
    let day = account.measure(Window::Day, date(2026, 2, 10));
    assert_eq!((day.base_row, day.money.unwrap().gain), (Some(date(2026, 1, 30)), dec("50")));
}

#[test]
fn a_window_without_a_figure_says_why() {
    let (account, as_of) = (spring(), date(2026, 3, 18));
    assert_eq!(account.net(Window::Trailing { months: 12 }, as_of), Err(Missing::NotLongEnough));
    assert_eq!(account.net(Window::PreviousYear, as_of), Err(Missing::NotLongEnough));
    assert_eq!(
        account.net(Window::Day, date(2025, 12, 31)),
        Err(Missing::NotLongEnough),
        "an anchor has no return"
    );
    assert_eq!(account.net(Window::Day, date(2026, 3, 17)), Err(Missing::NoValue));
    assert_eq!(account.net(Window::MonthToDate, date(2026, 4, 10)), Err(Missing::NoValue));
    assert_eq!(
        account.net(Window::PreviousMonth, as_of),
        Err(Missing::StaleBase),
        "31 January rests on 31 December"
    );
    let from = |day| account.net(Window::Between { from: date(2026, 1, day), to: as_of }, as_of);
    assert_eq!(from(4), Ok(dec("0.040502")), "4 days before the base");
    assert_eq!(from(5), Err(Missing::StaleBase));
    assert_eq!(
        account.net(Window::SinceInception, date(2030, 1, 1)),
        Ok(dec("0.040502")),
        "its base is its own"
    );
    assert_eq!(Account::of(vec![]).net(Window::SinceInception, as_of), Err(Missing::NotLongEnough));
    let nothing = account.measure(Window::MonthToDate, date(2026, 4, 10));
    assert_eq!((nothing.base_row, nothing.last_row, nothing.money), (Some(as_of), None, None));
}

#[test]
fn an_undefined_return_or_a_new_segment_inside_leaves_no_figure() {
    let account = Account::of(vec![
        said(date(2026, 1, 30), "100"),
        said(date(2026, 2, 2), "-5"),
        Said { flows: ("105", "0"), ..said(date(2026, 2, 3), "110") },
        said(date(2026, 2, 4), "121"),
    ]);
    assert_eq!(account.net(Window::MonthToDate, date(2026, 2, 2)), Err(Missing::Undefined));
    assert_eq!(account.net(Window::MonthToDate, date(2026, 2, 4)), Err(Missing::Segment));
    assert_eq!(account.net(Window::SinceInception, date(2026, 2, 4)), Err(Missing::Segment));
    assert_eq!(account.net(Window::Day, date(2026, 2, 4)), Ok(dec("0.1")));
    let inside = Window::Between { from: date(2026, 2, 3), to: date(2026, 2, 4) };
    assert_eq!(account.net(inside, date(2026, 2, 4)), Ok(dec("0.1")));
    let empty = Account::of(vec![said(date(2026, 1, 30), "0"), said(date(2026, 2, 2), "0")]);
    assert_eq!(
        empty.net(Window::MonthToDate, date(2026, 2, 2)),
        Err(Missing::Undefined),
        "never 0% for unknown"
    );
    assert_eq!(empty.net(Window::Day, date(2026, 2, 2)), Err(Missing::Undefined));
    let lost = Account::of(vec![
        said(date(2026, 1, 30), "9"),
        said(date(2026, 1, 31), "0"),
        said(date(2026, 2, 2), "0"),
    ]);
    assert_eq!(lost.net(Window::SinceInception, date(2026, 2, 2)), Ok(dec("-1")));
    assert_eq!(lost.net(Window::MonthToDate, date(2026, 2, 2)), Err(Missing::Undefined), "nothing to lose");
}

#[test]
fn a_first_row_with_its_own_return_counts_from_the_day_before() {
    let account = Account::of(vec![
        Said { begin: Some("0"), flows: ("1000", "0"), ..said(date(2026, 2, 1), "1010") },
        said(date(2026, 2, 2), "1020.1"),
    ]);
    let as_of = date(2026, 2, 2);
    let inception = account.measure(Window::SinceInception, as_of);
    assert_eq!(inception.net.unwrap().cumulative, dec("0.0201"));
    assert_eq!(inception.base, Some(date(2026, 1, 31)));
    assert_eq!(inception.money.unwrap().gain, dec("20.1"));
    assert_eq!(account.net(Window::MonthToDate, as_of), Ok(dec("0.0201")), "its base is the month's");
    assert_eq!(account.net(Window::Day, date(2026, 2, 1)), Ok(dec("0.01")));
    assert_eq!(account.net(Window::YearToDate, as_of), Err(Missing::NotLongEnough));
}

#[test]
fn a_window_says_what_its_rows_are() {
    let mut account = spring();
    let as_of = date(2026, 3, 18);
    account.1 = vec![Verdict::Held, Verdict::Preliminary, Verdict::Final, Verdict::Final];
    let verdict = |account: &Account, window| account.measure(window, as_of).verdict;
    assert_eq!(verdict(&account, Window::YearToDate), Verdict::Held);
    assert_eq!(verdict(&account, Window::MonthToDate), Verdict::Preliminary, "its B is that row's value");
    assert_eq!(verdict(&account, Window::Day), Verdict::Final);
    assert!(!account.measure(Window::YearToDate, as_of).imported);
    account.0[0].status = Status::Imported;
    assert!(account.measure(Window::YearToDate, as_of).imported);
    assert!(!account.measure(Window::MonthToDate, as_of).imported);
}

#[test]
fn history_moved_in_counts_from_its_own_beginning() {
    let mut rows = rows(vec![said(date(2025, 12, 31), "1000"), said(date(2026, 1, 2), "1100")]);
    rows[0].begin_value = Decimal::ZERO;
    rows[0].twrr = None;
    rows[0].status = Status::Imported;
    rows[0].incepted = true;
    rows[1].contributions = dec("50");
    for (row, flow) in rows.iter_mut().zip(["800", "850"]) {
        row.cumulative_net_flow = dec(flow);
    }
    for (row, growth) in rows.iter_mut().zip(["1.21", "1.331"]) {
        row.net.growth = Some(dec(growth));
    }
    let with: Vec<(&Row, Verdict)> = rows.iter().map(|row| (row, Verdict::Final)).collect();
    let series =
        Series { rows: &with, imported_from: Some(date(2023, 1, 2)), year_count: YearCount::Anniversary };
    let inception = series.measure(Window::SinceInception, date(2026, 1, 2));
    assert_eq!(inception.net, Ok(Return { cumulative: dec("0.331"), annualised: Some(dec("0.1")) }));
    assert!(inception.imported);
    assert_eq!(inception.base, Some(date(2023, 1, 2)));
    let money = inception.money.unwrap();
    assert_eq!((money.begin_value, money.net_flow, money.gain), (dec("0"), dec("850"), dec("250")));
    assert_eq!(money.parts, None, "a standing says the balance of its flows alone");
    let ytd = series.measure(Window::YearToDate, date(2026, 1, 2));
    assert_eq!(ytd.net.unwrap().cumulative, dec("0.1"));
    assert_eq!(ytd.money.unwrap().parts.unwrap().contributions, dec("50"));
    let year = series.measure(Window::Trailing { months: 12 }, date(2026, 1, 2));
    assert_eq!((year.net, year.money), (Err(Missing::NotLongEnough), None), "no row lies at its base");
    let standing = series.measure(Window::Day, date(2025, 12, 31));
    assert_eq!((standing.net, standing.money), (Err(Missing::NotLongEnough), None));
}

#[test]
fn a_return_moved_in_says_nothing_of_the_value_it_began_with() {
    let mut rows = rows(vec![said(date(2025, 12, 31), "1000"), said(date(2026, 1, 2), "1100")]);
    rows[0].begin_value = Decimal::ZERO;
    rows[0].twrr = Some(dec("0.21"));
    rows[0].status = Status::Imported;
    rows[0].incepted = true;
    let with: Vec<(&Row, Verdict)> = rows.iter().map(|row| (row, Verdict::Final)).collect();
    let series =
        Series { rows: &with, imported_from: Some(date(2025, 11, 30)), year_count: YearCount::Anniversary };
    let inception = series.measure(Window::SinceInception, date(2026, 1, 2));
    assert_eq!((inception.base, inception.money), (Some(date(2025, 11, 30)), None));
    assert!(series.measure(Window::Day, date(2026, 1, 2)).money.is_some());
}

#[test]
fn every_window_offered_has_a_name_of_its_own() {
    let names: Vec<String> = Window::OFFERED.iter().map(Window::to_string).collect();
    assert_eq!(
        names.join(" "),
        "day mtd qtd ytd previous_month previous_quarter previous_year 1y 3y 5y 10y since_inception"
    );
    let (account, rows) = (spring(), Vec::new());
    let series = Series { rows: &rows, imported_from: None, year_count: YearCount::Anniversary };
    assert!(series.measure_all(date(2026, 1, 1)).all(|measured| measured.net.is_err()));
    assert_eq!(account.0.len(), 4);
}
