use super::*;
use crate::date::Date;
use crate::fact::{Span, Stated};
use crate::link::tests::{chain, dec, part, policy as defaults, row as row_of, with_flows};
use crate::link::{Day, SubPeriod, WeightedFlow};
use crate::policy::{FlowTiming, Policy, VendorPolicy};
use crate::row::{Growth, Reason, Reasons, Row, Status, Verdict};
use jiff::civil::date;
use rust_decimal::Decimal;

mod hints;
mod summary_flows;
mod verdicts;

fn limit(money: &str, bp: &str, days: u16) -> Limit {
    Limit { money: dec(money), bp: dec(bp), days }
}

/// The starting values of F11.
fn rules() -> Rules {
    let measured = [
        (Rule::VendorReturn, limit("0", "0", 0), Some(limit("0", "5", 0))),
        (Rule::RollForward, limit("0.01", "0", 0), Some(limit("1.00", "1", 0))),
        (Rule::SummaryFlows, limit("0.01", "0", 0), Some(limit("1.00", "1", 0))),
        (Rule::ReturnOutlier, limit("0", "500", 0), Some(limit("0", "2000", 0))),
        (Rule::LargeFlow, limit("0", "1000", 0), None),
        (Rule::FeeSize, limit("0", "75", 0), Some(limit("0", "250", 0))),
        (Rule::StaleValue, limit("0", "0", 3), Some(limit("0", "0", 5))),
        (Rule::MissingDay, limit("0", "0", 1), Some(limit("0", "0", 3))),
    ];
    let mut rules = Rules::default();
    for (rule, warn, block) in measured {
        rules.set(rule, Levels { warn: Some(warn), block });
    }
    rules
}

fn policy() -> Policy {
    Policy::new(vec![VendorPolicy::new("vendor")])
}

/// The row of Thursday 2025-03-06 after Wednesday: B, C, W, A, X, E, linked as the ledger links.
struct Of<'a> {
    begin: &'a str,
    contributions: &'a str,
    distributions: &'a str,
    fees: &'a str,
    outside: &'a str,
    end: &'a str,
    timing: FlowTiming,
    flows: &'a [WeightedFlow],
    parts: &'a [SubPeriod],
}

const QUIET: Of<'static> = Of {
    begin: "1000",
    contributions: "0",
    distributions: "0",
    fees: "0",
    outside: "0",
    end: "1001",
    timing: FlowTiming::Split,
    flows: &[],
    parts: &[],
};

fn row(of: &Of) -> Row {
    let day = Day {
        fees: dec(of.fees),
        fees_outside: dec(of.outside),
        timing: of.timing,
        flows: of.flows,
        parts: of.parts,
        ..with_flows(1, of.end, of.contributions, of.distributions)
    };
    let days = [with_flows(0, of.begin, "0", "0"), day];
    let linked = chain(&defaults(), &days);
    Row {
        as_of: date(2025, 3, 6),
        previous_as_of: Some(date(2025, 3, 5)),
        value_since: date(2025, 3, 6),
        ..row_of(&days[1], &linked[1])
    }
}

fn reporting(of: &Of, figure: &str) -> Row {
    Row { reported_return: Some(dec(figure)), stated: Stated::REPORTED_RETURN, ..row(of) }
}

fn judged(row: &Row, rules: &Rules) -> (Verdict, Reasons, Vec<Breach>) {
    let mut breaches = Vec::new();
    let (verdict, reasons) = judge(row, rules, &policy(), &mut breaches);
    (verdict, reasons, breaches)
}

/// The one breach of a row, if it has one.
fn breach(row: &Row) -> Option<Breach> {
    let (_, reasons, mut breaches) = judged(row, &rules());
    assert!(breaches.len() <= 1, "{breaches:?}");
    if let Some(breach) = breaches.first() {
        assert!(reasons.has(breach.rule.reason().unwrap()));
    }
    breaches.pop()
}

/// What became of a row: nothing, or which rule at which level.
fn outcome(row: &Row) -> Option<(Rule, Severity)> {
    breach(row).map(|breach| (breach.rule, breach.severity))
}

#[test]
fn a_quiet_day_breaks_nothing() {
    assert_eq!(judged(&row(&QUIET), &rules()), (Verdict::Final, Reasons::default(), vec![]));
}

#[test]
fn a_vendor_return_breaks_beyond_what_printing_hides_and_then_beyond_five_points() {
    // Ours is 0.001; D is 1000, so a cent is 0.00001, half a unit of six digits 0.0000005, and a millionth for rounding.
    let steps = [
        ("0.0010115", None),
        ("0.00101151", Some(Severity::Warn)),
        ("0.00098849", Some(Severity::Warn)),
        ("0.0009885", None),
        ("0.0015", Some(Severity::Warn)),
        ("0.00150001", Some(Severity::Block)),
        ("0.0005", Some(Severity::Warn)),
        ("0.00049999", Some(Severity::Block)),
    ];
    for (figure, expected) in steps {
        let found = outcome(&reporting(&QUIET, figure));
        assert_eq!(found, expected.map(|severity| (Rule::VendorReturn, severity)), "{figure}");
    }
    let told = breach(&reporting(&QUIET, "0.002")).unwrap();
    assert_eq!((told.expected, told.actual), (Some(dec("0.001")), Some(dec("0.002"))));
    assert_eq!((told.difference, told.difference_bp), (Some(dec("0.001")), Some(dec("10"))));
    assert_eq!(told.tolerance, Some(dec("0.0005")));
}

#[test]
fn a_vendor_that_truncates_has_a_whole_unit() {
    let mut policy = policy();
    let mut breaks = |truncated, digits, figure: &str| {
        policy.vendors[0].return_truncated = truncated;
        policy.vendors[0].return_digits = digits;
        let mut breaches = Vec::new();
        judge(&reporting(&QUIET, figure), &rules(), &policy, &mut breaches);
        !breaches.is_empty()
    };
    // At four digits a unit is 0.0001.
    assert!(!breaks(true, 4, "0.000889"));
    assert!(breaks(true, 4, "0.00088899"));
    assert!(breaks(false, 4, "0.000889"));
    assert!(!breaks(false, 4, "0.000939"));
    assert!(breaks(false, 4, "0.00093899"));
    assert!(!breaks(false, 255, "0.001"), "more digits than a decimal has");
}

#[test]
fn a_cent_of_a_tiny_account_is_never_held_against_its_vendor() {
    // D is 2: a cent is 50 basis points.
    let tiny = Of { begin: "2", end: "2", ..QUIET };
    assert_eq!(outcome(&reporting(&tiny, "0.005")), None);
    assert_eq!(outcome(&reporting(&tiny, "0.00501")), Some((Rule::VendorReturn, Severity::Block)));
}

#[test]
fn the_cent_is_taken_of_the_capital_of_the_rows_own_timing() {
    let steps = [
        (FlowTiming::Split, "1500"),
        (FlowTiming::Start, "900"),
        (FlowTiming::End, "1000"),
        (FlowTiming::Mid, "950"),
    ];
    for (timing, capital) in steps {
        let of = Of { contributions: "500", distributions: "600", end: "900", timing, ..QUIET };
        let slack = dec("0.0000015") + (dec("0.01") / dec(capital)).round_dp(18);
        assert_eq!(outcome(&reporting(&of, &slack.to_string())), Some((Rule::LargeFlow, Severity::Warn)));
        let over = Row { reported_return: Some(slack + dec("0.000000000000000001")), ..row(&of) };
        let (_, _, breaches) = judged(&over, &rules());
        assert_eq!(breaches[0].rule, Rule::VendorReturn, "{timing:?}");
        assert_eq!(breaches[0].tolerance, Some(slack), "{timing:?}");
    }
}

#[test]
fn a_vendor_return_is_compared_over_its_own_span() {
    let mut reported = Row { reported_span: Span::Inception, ..reporting(&QUIET, "0.25") };
    reported.net = Growth { growth: Some(dec("1.25")), link: None };
    assert_eq!(outcome(&reported), None, "cumulative, 0.25");
    reported.reported_return = Some(dec("0.001"));
    assert_eq!(outcome(&reported), Some((Rule::VendorReturn, Severity::Block)), "the day's");
    reported.segment = 2;
    assert_eq!(outcome(&reported), None, "no return since inception across segments");
    for span in [Span::Mtd, Span::Qtd, Span::Ytd] {
        assert_eq!(outcome(&Row { reported_span: span, ..reporting(&QUIET, "0.5") }), None, "{span:?}");
    }
    let period = Row { reported_span: Span::Period, ..reporting(&QUIET, "0.5") };
    assert_eq!(outcome(&period), Some((Rule::VendorReturn, Severity::Block)));
}

#[test]
fn a_vendors_beginning_breaks_a_cent_off_and_is_held_a_unit_and_a_basis_point_off() {
    let steps = [
        ("1000.01", None),
        ("1000.02", Some(Severity::Warn)),
        ("999.98", Some(Severity::Warn)),
        ("1001.1", Some(Severity::Warn)),
        ("1001.11", Some(Severity::Block)),
        ("998.9", Some(Severity::Warn)),
        ("998.89", Some(Severity::Block)),
    ];
    for (begin, expected) in steps {
        let stated = Row { vendor_begin: Some(dec(begin)), stated: Stated::BEGIN, ..row(&QUIET) };
        assert_eq!(outcome(&stated), expected.map(|severity| (Rule::RollForward, severity)), "{begin}");
        let first = Row { previous_as_of: None, ..stated.clone() };
        assert_eq!(outcome(&first), None, "a first row has nothing before it");
        assert_eq!(outcome(&Row { stated: Stated::END, ..stated }), None, "not stated is unknown");
    }
}

#[test]
fn a_return_is_an_outlier_beyond_five_and_twenty_percent() {
    let steps = [
        ("1050", None),
        ("1050.01", Some(Severity::Warn)),
        ("950", None),
        ("949.99", Some(Severity::Warn)),
        ("1200", Some(Severity::Warn)),
        ("1200.01", Some(Severity::Block)),
        ("800", Some(Severity::Warn)),
        ("799.99", Some(Severity::Block)),
    ];
    for (end, expected) in steps {
        let moved = row(&Of { end, ..QUIET });
        assert_eq!(outcome(&moved), expected.map(|severity| (Rule::ReturnOutlier, severity)), "{end}");
    }
    let imported = Row { status: Status::Imported, ..row(&Of { end: "2000", ..QUIET }) };
    assert_eq!(outcome(&imported), None, "history moved in has returns over any span");
}

#[test]
fn a_flow_is_large_beyond_a_tenth_of_the_value_before_it() {
    let steps = [("100", "0", false), ("100.01", "0", true), ("0", "100", false), ("0", "100.01", true)];
    for (contributions, distributions, large) in steps {
        let end = dec("1000") + dec(contributions) - dec(distributions);
        let moved = row(&Of { contributions, distributions, end: &end.to_string(), ..QUIET });
        assert_eq!(outcome(&moved), large.then_some((Rule::LargeFlow, Severity::Warn)), "{end}");
    }
    let funded = row(&Of { begin: "0", contributions: "500", end: "500", ..QUIET });
    assert_eq!(outcome(&funded), None, "no part of nothing");
}

#[test]
fn a_fee_is_large_wherever_it_was_paid() {
    let steps = [
        ("7.5", "0", None),
        ("7.51", "0", Some(Severity::Warn)),
        ("25", "0", Some(Severity::Warn)),
        ("25.01", "0", Some(Severity::Block)),
        ("0", "7.51", Some(Severity::Warn)),
        ("5", "2.5", None),
        ("5", "2.51", Some(Severity::Warn)),
        ("-7.5", "0", None),
        ("-7.51", "0", Some(Severity::Warn)),
    ];
    for (fees, outside, expected) in steps {
        let charged = row(&Of { fees, outside, ..QUIET });
        assert_eq!(outcome(&charged), expected.map(|severity| (Rule::FeeSize, severity)), "{fees} {outside}");
    }
}

/// A row of that date whose value stands since another.
fn standing_since(since: Date, as_of: Date) -> Row {
    Row { as_of, previous_as_of: as_of.yesterday().ok(), value_since: since, ..row(&QUIET) }
}

#[test]
fn a_value_is_stale_at_the_third_and_the_fifth_business_day() {
    let monday = date(2025, 3, 3);
    let steps = [
        (date(2025, 3, 5), None),
        (date(2025, 3, 6), Some(Severity::Warn)),
        (date(2025, 3, 7), Some(Severity::Warn)),
        (date(2025, 3, 9), Some(Severity::Warn)),
        (date(2025, 3, 10), Some(Severity::Block)),
    ];
    for (as_of, expected) in steps {
        let still = standing_since(monday, as_of);
        assert_eq!(outcome(&still), expected.map(|severity| (Rule::StaleValue, severity)), "{as_of}");
        assert_eq!(outcome(&Row { end_value: Decimal::ZERO, ..still }), None, "nothing stands still at 0");
    }
    let told = breach(&standing_since(monday, date(2025, 3, 10))).unwrap();
    assert_eq!((told.actual, told.tolerance), (Some(dec("5")), Some(dec("5"))));
}

#[test]
fn a_day_is_missing_where_no_row_is_on_a_business_day() {
    let friday = date(2025, 3, 7);
    let steps = [
        (date(2025, 3, 8), None),
        (date(2025, 3, 10), None),
        (date(2025, 3, 11), Some(Severity::Warn)),
        (date(2025, 3, 12), Some(Severity::Warn)),
        (date(2025, 3, 13), Some(Severity::Block)),
        (date(2025, 3, 15), Some(Severity::Block)),
    ];
    for (as_of, expected) in steps {
        let after = Row { as_of, previous_as_of: Some(friday), value_since: as_of, ..row(&QUIET) };
        assert_eq!(outcome(&after), expected.map(|severity| (Rule::MissingDay, severity)), "{as_of}");
        assert_eq!(outcome(&Row { status: Status::Imported, ..after }), None);
    }
    let saturday = date(2025, 3, 8);
    let over_friday =
        Row { previous_as_of: Some(date(2025, 3, 6)), as_of: saturday, value_since: saturday, ..row(&QUIET) };
    assert_eq!(outcome(&over_friday), Some((Rule::MissingDay, Severity::Warn)), "Friday has no row");
}

#[test]
fn counts_of_days_ask_the_calendar() {
    // Thanksgiving 2025-11-27 is a Thursday.
    let (wednesday, friday, monday) = (date(2025, 11, 26), date(2025, 11, 28), date(2025, 12, 1));
    let over_thanksgiving =
        Row { as_of: friday, previous_as_of: Some(wednesday), value_since: friday, ..row(&QUIET) };
    let still = Row { as_of: monday, previous_as_of: Some(friday), value_since: wednesday, ..row(&QUIET) };
    assert_eq!(outcome(&over_thanksgiving), Some((Rule::MissingDay, Severity::Warn)));
    assert_eq!(outcome(&still), Some((Rule::StaleValue, Severity::Warn)));
    let mut new_york = rules();
    new_york.calendar = Calendar::xnys();
    assert_eq!(judged(&over_thanksgiving, &new_york).0, Verdict::Final);
    assert_eq!(judged(&still, &new_york).0, Verdict::Final);
}

#[test]
fn a_level_of_no_days_never_breaks() {
    let mut rules = Rules::default();
    rules.set(Rule::MissingDay, Levels { warn: Some(Limit::default()), block: Some(Limit::default()) });
    let late = Row { previous_as_of: Some(date(2025, 1, 2)), ..row(&QUIET) };
    assert_eq!(judged(&late, &rules).2, vec![]);
}

#[test]
fn the_largest_amounts_are_judged_without_a_panic() {
    let mut rules = rules();
    let most = Limit { money: Decimal::MAX, bp: Decimal::MAX, days: u16::MAX };
    rules.set(Rule::RollForward, Levels { warn: Some(most), block: Some(most) });
    let huge = Row {
        end_value: Decimal::MIN,
        begin_value: Decimal::MAX,
        contributions: Decimal::MAX,
        distributions: Decimal::MAX,
        fees: Decimal::MAX,
        fees_outside: Decimal::MAX,
        vendor_begin: Some(Decimal::MIN),
        stated: Stated::BEGIN,
        reported_return: Some(Decimal::MAX),
        ..row(&QUIET)
    };
    let (verdict, _, breaches) = judged(&huge, &rules);
    assert_eq!(verdict, Verdict::Held);
    assert!(breaches.iter().any(|b| b.rule == Rule::VendorReturn && b.severity == Severity::Block));
    assert!(breaches.iter().all(|b| b.rule != Rule::RollForward), "everything is tolerated");
}

#[test]
fn a_gain_is_what_was_earned_and_none_where_that_is_not_known() {
    let earned = row(&Of { contributions: "100", distributions: "40", end: "1070", ..QUIET });
    assert_eq!(
        (earned.net_flow(), earned.gain(), earned.known_gain()),
        (dec("60"), dec("10"), Some(dec("10")))
    );
    let first = with_flows(0, "1000", "100", "0");
    let anchor = row_of(&first, &chain(&defaults(), std::slice::from_ref(&first))[0]);
    assert_eq!(anchor.status, Status::Anchor);
    assert_eq!((anchor.gain(), anchor.known_gain()), (Decimal::ZERO, None), "a first value earns nothing");
    let unvalued = Row { status: Status::Imported, end_value: Decimal::ZERO, ..row(&QUIET) };
    assert_eq!((unvalued.gain(), unvalued.known_gain()), (Decimal::ZERO, None));
    let huge = Row { end_value: Decimal::MAX, begin_value: Decimal::MIN, ..row(&QUIET) };
    assert_eq!((huge.gain(), huge.known_gain()), (Decimal::MAX, None));
}
