use super::*;
use crate::date::from_days;
use crate::fact::{Arrival, Content, ImportedReturn, Opening, Place, Span, Stated};
use crate::policy::{OnUndefined, Vendor};
use crate::row::{Reason, Run};
use proptest::prelude::*;
use record::{FeedKey, PartitionKey, Position, Symbol};

mod against_rationals;
mod statuses;

pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn policy() -> Policy {
    Policy::new(vec![])
}

/// The n-th day of the tests, with a value and nothing else.
pub(crate) fn day(n: i32, end: &str) -> Day<'static> {
    Day {
        as_of: from_days(20_000 + n).unwrap(),
        stated_begin: None,
        end_value: dec(end),
        contributions: Decimal::ZERO,
        distributions: Decimal::ZERO,
        fees: Decimal::ZERO,
        fees_outside: Decimal::ZERO,
        timing: FlowTiming::Split,
        flows: &[],
        parts: &[],
    }
}

pub(crate) fn with_flows(n: i32, end: &str, contributions: &str, distributions: &str) -> Day<'static> {
    Day { contributions: dec(contributions), distributions: dec(distributions), ..day(n, end) }
}

pub(crate) fn part(end: &str, contributions: &str, distributions: &str) -> SubPeriod {
    SubPeriod {
        contributions: dec(contributions),
        distributions: dec(distributions),
        end_value: dec(end),
        ..SubPeriod::default()
    }
}

/// Links days one after the other.
pub(crate) fn chain(policy: &Policy, days: &[Day]) -> Vec<Linked> {
    chain_from(None, policy, days)
}

pub(crate) fn chain_from(start: Option<Chain>, policy: &Policy, days: &[Day]) -> Vec<Linked> {
    let mut before = start;
    days.iter()
        .map(|day| {
            let linked = link(before.as_ref(), day, policy);
            before = Some(Chain::after(day, &linked));
            linked
        })
        .collect()
}

pub(crate) fn row(day: &Day, linked: &Linked) -> Row {
    Row {
        as_of: day.as_of,
        previous_as_of: None,
        begin_value: linked.begin_value,
        contributions: day.contributions,
        distributions: day.distributions,
        cumulative_net_flow: linked.cumulative_net_flow,
        fees: day.fees,
        fees_outside: day.fees_outside,
        accrued: Decimal::ZERO,
        end_value: day.end_value,
        twrr: linked.twrr,
        twrr_gross: linked.twrr_gross,
        net: linked.net,
        gross: linked.gross,
        incepted: linked.incepted,
        segment: linked.segment,
        sub_periods: linked.sub_periods,
        status: linked.status,
        flow_timing: day.timing,
        reasons: linked.reasons,
        revision: None,
        value_since: linked.value_since,
        value_vendor: Vendor(0),
        flow_vendor: None,
        carries: true,
        vendor_account: Symbol(1),
        vendor_begin: None,
        other_net_flow: None,
        stated: Stated::default(),
        content: Content::default(),
        mapping_version: 1,
        feed: FeedKey(1),
        place: Place { partition: PartitionKey(1), position: Position::default() },
        arrival: Arrival(None),
        reported_return: None,
        reported_span: Span::Day,
        policy_id: 0,
    }
}

const WEEK: [&str; 7] = ["30000", "30100", "30250", "30300", "30450", "30600", "30700"];

fn week(values: [&str; 7]) -> Vec<Day<'static>> {
    [0, 1, 2, 3, 6, 7, 8].into_iter().zip(values).map(|(n, value)| day(n, value)).collect()
}

#[test]
fn a_late_value_inside_a_run_restates_two_rows_and_no_digit_after() {
    let mut corrected = WEEK;
    corrected[1] = "30050";
    let (first, second) = (week(WEEK), week(corrected));
    let (was, now) = (chain(&policy(), &first), chain(&policy(), &second));
    assert_eq!(now[1].twrr, Some(dec("0.001666666666666667")));
    assert_eq!(now[2].twrr, Some(dec("0.006655574043261231")));
    assert_eq!(was[6].net.growth, Some(dec("1.023333333333333333")));
    assert_eq!(now[6].net.growth, Some(dec("1.023333333333333333")));
    let rows = |days: &[Day], linked: &[Linked]| -> Vec<Row> {
        days.iter().zip(linked).map(|(day, linked)| row(day, linked)).collect()
    };
    let (was, now) = (rows(&first, &was), rows(&second, &now));
    let restated: Vec<usize> = (0..7).filter(|i| was[*i] != now[*i]).collect();
    assert_eq!(restated, [1, 2]);
    assert!(!chain_meets(&was[1], &now[1]));
    assert!(chain_meets(&was[2], &now[2]), "the third row carries the same state on, its own return differs");
}

#[test]
fn the_chain_meets_only_where_all_that_is_carried_agrees() {
    let linked = chain(&policy(), &week(WEEK));
    let a = row(&week(WEEK)[6], &linked[6]);
    assert!(chain_meets(&a, &Row { twrr: None, ..a.clone() }));
    let other = Run { growth: dec("1"), capital: dec("1") };
    let changed = [
        Row { net: Growth { growth: None, ..a.net }, ..a.clone() },
        Row { gross: Growth { growth: Some(dec("1")), ..a.gross }, ..a.clone() },
        Row { net: Growth { link: None, ..a.net }, ..a.clone() },
        Row { gross: Growth { link: Some(other), ..a.gross }, ..a.clone() },
        Row { cumulative_net_flow: dec("1"), ..a.clone() },
        Row { segment: 2, ..a.clone() },
        Row { status: Status::Residual, ..a.clone() },
        Row { end_value: dec("1"), ..a.clone() },
        Row { incepted: false, ..a.clone() },
        Row { value_since: week(WEEK)[5].as_of, ..a.clone() },
    ];
    for b in changed {
        assert!(!chain_meets(&a, &b), "{b:?}");
    }
}

#[test]
fn the_five_timings_differ_in_their_denominator_alone() {
    let flows = [
        WeightedFlow { amount: dec("200"), left: 1, span: 4 },
        WeightedFlow { amount: dec("-100"), left: 3, span: 4 },
    ];
    // Gain 50 on 1200, 1100, 1000, 1050 and 1000 + 50 - 75.
    for (timing, r, numerator_is_value) in [
        (FlowTiming::Split, "0.041666666666666667", false),
        (FlowTiming::Start, "0.045454545454545455", true),
        (FlowTiming::End, "0.05", false),
        (FlowTiming::Mid, "0.047619047619047619", false),
        (FlowTiming::Timed, "0.051282051282051282", false),
    ] {
        let second = Day { timing, flows: &flows, ..with_flows(1, "1150", "200", "100") };
        let linked = chain(&policy(), &[day(0, "1000"), second]);
        assert_eq!(linked[1].twrr, Some(dec(r)), "{timing:?}");
        assert_eq!(linked[1].net.growth, Some(Decimal::ONE + dec(r)), "{timing:?}");
        assert_eq!(linked[1].net.link.is_some(), numerator_is_value, "{timing:?}");
        assert_eq!(linked[1].cumulative_net_flow, dec("100"));
        assert_eq!(linked[1].status, Status::Ok);
    }
}

#[test]
fn fees_stand_in_the_numerators_over_one_denominator() {
    let second = Day { fees: dec("5"), fees_outside: dec("3"), ..with_flows(1, "1150", "200", "100") };
    let linked = chain(&policy(), &[day(0, "1000"), second]);
    assert_eq!(linked[1].twrr, Some(dec("0.039166666666666667")), "(50 - 3) / 1200");
    assert_eq!(linked[1].twrr_gross, Some(dec("0.045833333333333333")), "(50 + 5) / 1200");
    let rebate = Day { fees: dec("-2"), ..day(1, "1010") };
    let linked = chain(&policy(), &[day(0, "1000"), rebate]);
    assert_eq!((linked[1].twrr, linked[1].twrr_gross), (Some(dec("0.01")), Some(dec("0.008"))));
}

#[test]
fn a_flow_of_one_unit_at_mid_day_is_not_rounded() {
    let second = Day { timing: FlowTiming::Mid, ..with_flows(1, "0.00000003", "0.00000001", "0") };
    let linked = chain(&policy(), &[day(0, "0.00000001"), second]);
    // D is one and a half units, gain one.
    assert_eq!(linked[1].twrr, Some(dec("0.666666666666666667")));
}

#[test]
fn weights_of_different_spans_add_exactly() {
    let flows = [
        WeightedFlow { amount: dec("300"), left: 1, span: 3 },
        WeightedFlow { amount: dec("700"), left: 5, span: 7 },
        WeightedFlow { amount: dec("-100"), left: 0, span: 5 },
    ];
    let second = Day { timing: FlowTiming::Timed, flows: &flows, ..with_flows(1, "2000", "1000", "100") };
    let linked = chain(&policy(), &[day(0, "1000"), second]);
    assert_eq!(linked[1].twrr, Some(dec("0.0625")), "100 on 1000 + 100 + 500 - 0");
}

#[test]
fn a_run_goes_on_without_flows_and_breaks_on_both_sides_of_one() {
    let days = [
        day(0, "3"),
        day(1, "7"),
        with_flows(2, "8", "1", "0"),
        day(3, "11"),
        with_flows(4, "9", "0", "3"),
        day(5, "10"),
    ];
    let linked = chain(&policy(), &days);
    let run = |growth: &str, capital: &str| Some(Run { growth: dec(growth), capital: dec(capital) });
    assert_eq!(linked[0].net, Growth { growth: Some(dec("1")), link: None }, "no numerator on an anchor");
    assert_eq!(linked[1].net, Growth { growth: Some(dec("2.333333333333333333")), link: run("1", "3") });
    // D = 7 + 1 is not E of the day before: a new run on the index of the day before.
    assert_eq!(linked[2].net.link, run("2.333333333333333333", "8"));
    assert_eq!(linked[2].net.growth, Some(dec("2.333333333333333333")));
    assert_eq!(linked[3].net, Growth { growth: Some(dec("3.208333333333333333")), link: linked[2].net.link });
    // D = 11 goes on, N = 9 + 3 is not E: the next row begins a run.
    assert_eq!(linked[4].net, Growth { growth: Some(dec("3.5")), link: None });
    assert_eq!(linked[5].net.link, run("3.5", "9"));
    assert_eq!(linked[5].net.growth, Some(dec("3.888888888888888889")));
    assert_eq!(linked[5].gross, linked[5].net);
}

#[test]
fn net_and_gross_have_runs_of_their_own() {
    let days = [day(0, "1000"), Day { fees: dec("10"), ..day(1, "1100") }, day(2, "1200")];
    let linked = chain(&policy(), &days);
    assert!(linked[1].net.link.is_some(), "a fee taken out leaves N = E");
    assert_eq!(linked[1].gross, Growth { growth: Some(dec("1.11")), link: None });
    assert_eq!(linked[2].net.link, Some(Run { growth: dec("1"), capital: dec("1000") }));
    assert_eq!(linked[2].gross.link, Some(Run { growth: dec("1.11"), capital: dec("1100") }));
    assert_eq!(linked[2].gross.growth, Some(dec("1.210909090909090909")));
    let outside = [day(0, "1000"), Day { fees_outside: dec("10"), ..day(1, "1100") }];
    let linked = chain(&policy(), &outside);
    assert_eq!(linked[1].net, Growth { growth: Some(dec("1.09")), link: None });
    assert!(linked[1].gross.link.is_some());
}

#[test]
fn a_day_of_several_sub_periods_has_one_quotient() {
    let parts = [part("7", "0", "0"), part("8", "1", "0"), part("11", "0", "0")];
    let second = Day { parts: &parts, ..with_flows(1, "11", "1", "0") };
    let linked = chain(&policy(), &[day(0, "3"), second.clone()]);
    assert_eq!(linked[1].twrr, Some(dec("2.208333333333333333")), "7/3 * 8/8 * 11/8 - 1");
    assert_eq!(linked[1].net.growth, Some(dec("3.208333333333333333")));
    assert_eq!(linked[1].net.link, Some(Run { growth: dec("2.333333333333333333"), capital: dec("8") }));
    assert_eq!((linked[1].sub_periods, linked[1].status), (3, Status::Ok));
    assert_eq!(linked[1].begin_value, dec("3"));
}

#[test]
fn a_day_of_two_hundred_sub_periods_is_still_exact() {
    let parts: Vec<SubPeriod> =
        (0..200).map(|i| part(["123456789.01", "123456788.99"][i % 2], "0.03", "0")).collect();
    let second = Day { parts: &parts, ..with_flows(1, "123456788.99", "6", "0") };
    let linked = chain(&policy(), &[day(0, "123456788.99"), second]);
    assert_eq!(
        linked[1].twrr,
        Some(dec("-0.000000048599999255")),
        "from fractions of whole numbers, rounded once"
    );
    assert_eq!(linked[1].sub_periods, 200);
}

#[test]
fn values_hold_their_first_date_while_they_stay_equal() {
    let linked = chain(&policy(), &[day(0, "5"), day(1, "5.00"), day(2, "6"), day(3, "5")]);
    let since: Vec<i32> =
        linked.iter().map(|linked| crate::date::days(linked.value_since) - 20_000).collect();
    assert_eq!(since, [0, 0, 2, 3]);
}

#[test]
fn an_opening_goes_on_from_the_standing_it_states() {
    let opening = Opening {
        end: dec("1000"),
        cumulative_twrr: dec("0.5"),
        cumulative_twrr_gross: None,
        cumulative_net_flow: dec("700"),
        inception: from_days(10_000).unwrap(),
    };
    let linked = link_imported(None, &day(0, "1000"), Import::Opening(opening));
    assert_eq!((linked.status, linked.twrr, linked.incepted), (Status::Imported, None, true));
    let rest = chain_from(
        Some(Chain::after(&day(0, "1000"), &linked)),
        &policy(),
        &[with_flows(1, "1210", "100", "0")],
    );
    assert_eq!(rest[0].net.growth, Some(dec("1.65")));
    assert_eq!((rest[0].gross.growth, rest[0].twrr_gross), (None, None), "gross was not stated");
    assert_eq!(rest[0].cumulative_net_flow, dec("800"));
}

#[test]
fn imported_returns_link_and_the_first_value_after_them_is_an_anchor() {
    let give = |net: &str, gross: Option<&str>| {
        Import::Return(ImportedReturn {
            from: from_days(19_900).unwrap(),
            net: dec(net),
            gross: gross.map(dec),
        })
    };
    let first = link_imported(None, &day(0, "0"), give("0.1", Some("0.2")));
    let chain1 = Chain::after(&day(0, "0"), &first);
    let second = link_imported(Some(&chain1), &day(1, "0"), give("-0.5", Some("-0.4")));
    assert_eq!(second.net.growth, Some(dec("0.55")));
    assert_eq!(second.gross.growth, Some(dec("0.72")));
    assert_eq!((second.twrr, second.twrr_gross), (Some(dec("-0.5")), Some(dec("-0.4"))));
    let chain2 = Chain::after(&day(1, "0"), &second);
    let rest = chain_from(Some(chain2), &policy(), &[day(2, "1000"), day(3, "1100")]);
    assert_eq!((rest[0].status, rest[0].twrr, rest[0].net.growth), (Status::Anchor, None, Some(dec("0.55"))));
    assert_eq!((rest[1].status, rest[1].net.growth), (Status::Ok, Some(dec("0.605"))));
    let lost = link_imported(Some(&chain2), &day(2, "0"), give("-1", None));
    assert_eq!((lost.status, lost.net.growth, lost.gross.growth), (Status::Imported, Some(dec("0")), None));
    let again = link_imported(Some(&Chain::after(&day(2, "0"), &lost)), &day(3, "0"), give("0.25", None));
    assert_eq!((again.segment, again.net.growth), (2, Some(dec("1.25"))));
    let beyond = link_imported(Some(&chain2), &day(2, "0"), give("-1.01", None));
    assert_eq!((beyond.status, beyond.net.growth, beyond.twrr), (Status::LossGt100, None, None));
    let huge = link_imported(Some(&chain2), &day(2, "0"), give("999999999999", None));
    assert_eq!((huge.status, huge.net.growth), (Status::OutOfRange, None));
}
