//! Every status at its border, segments, and what is beyond the decimal type.
use super::*;

fn statuses(linked: &[Linked]) -> Vec<Status> {
    linked.iter().map(|linked| linked.status).collect()
}

fn growths(linked: &[Linked]) -> Vec<Option<Decimal>> {
    linked.iter().map(|linked| linked.net.growth).collect()
}

fn residual(money: &str) -> Policy {
    Policy { residual: dec(money), ..policy() }
}

fn carry() -> Policy {
    Policy { on_undefined: OnUndefined::Carry, ..policy() }
}

#[test]
fn the_first_value_is_an_anchor_unless_the_vendor_states_its_own_begin() {
    let anchor = &chain(&policy(), &[with_flows(0, "1000", "300", "50")])[0];
    assert_eq!((anchor.status, anchor.twrr, anchor.incepted), (Status::Anchor, None, false));
    assert_eq!((anchor.net.growth, anchor.segment), (Some(dec("1")), 1));
    assert_eq!(anchor.cumulative_net_flow, dec("250"), "its flows count");
    let own = Day { stated_begin: Some(dec("0")), ..with_flows(0, "1010", "1000", "0") };
    let first = &chain(&policy(), &[own])[0];
    assert_eq!((first.status, first.twrr, first.begin_value), (Status::Ok, Some(dec("0.01")), dec("0")));
    assert_eq!((first.net.growth, first.incepted, first.segment), (Some(dec("1.01")), true, 1));
    let later = Day { stated_begin: Some(dec("5")), ..day(1, "1100") };
    let second = &chain(&policy(), &[day(0, "1000"), later])[1];
    assert_eq!((second.begin_value, second.twrr), (dec("1000"), Some(dec("0.1"))), "compared, never used");
}

#[test]
fn no_capital_and_no_gain_is_factor_one() {
    let linked = chain(
        &policy(),
        &[day(0, "100"), with_flows(1, "0", "0", "110"), day(2, "0"), with_flows(3, "210", "200", "0")],
    );
    assert_eq!(statuses(&linked), [Status::Anchor, Status::Ok, Status::NoCapital, Status::Ok]);
    assert_eq!(growths(&linked)[1..], [Some(dec("1.1")), Some(dec("1.1")), Some(dec("1.155"))]);
    assert_eq!((linked[2].twrr, linked[2].twrr_gross, linked[2].segment), (None, None, 1));
    assert_eq!(linked[3].segment, 1, "history goes on");
}

#[test]
fn gain_without_capital_ends_the_figure_and_capital_starts_a_segment() {
    let days = [
        day(0, "100"),
        with_flows(1, "0", "0", "110"),
        day(2, "0.00000001"),
        with_flows(3, "0", "0", "0.00000001"),
        day(4, "0"),
        with_flows(5, "210", "200", "0"),
    ];
    let linked = chain(&policy(), &days);
    assert_eq!(linked[2].status, Status::GainWithoutCapital);
    assert_eq!((linked[2].net, linked[2].gross), (Growth::default(), Growth::default()));
    assert_eq!((linked[2].twrr, linked[2].segment), (None, 1));
    // The stray money is capital: it starts the segment, whose first row has its own r.
    assert_eq!((linked[3].status, linked[3].segment, linked[3].net.growth), (Status::Ok, 2, Some(dec("1"))));
    assert_eq!((linked[5].segment, linked[5].net.growth), (2, Some(dec("1.05"))));
}

#[test]
fn residual_money_is_counted_but_changes_no_figure() {
    let p = residual("50");
    let closed = [day(0, "100"), with_flows(1, "0", "0", "110")];
    let with = |rest: Day<'static>| chain(&p, &[closed[0].clone(), closed[1].clone(), rest]).remove(2);
    let dividend = with(day(2, "12.34"));
    assert_eq!((dividend.status, dividend.twrr), (Status::Residual, None));
    assert_eq!((dividend.net.growth, dividend.segment), (Some(dec("1.1")), 1));
    assert!(dividend.reasons.has(Reason::ResidualMoney));
    assert_eq!(with(day(2, "50")).status, Status::Residual, "equal passes");
    assert_eq!(with(day(2, "50.00000001")).status, Status::GainWithoutCapital);
    assert_eq!(with(day(2, "0")).status, Status::NoCapital, "no_capital goes first");
    assert_eq!(with(with_flows(2, "60", "50", "0")).status, Status::Residual);
    assert_eq!(with(with_flows(2, "60", "50.00000001", "0")).status, Status::Ok);
    assert_eq!(with(with_flows(2, "-5", "0", "0")).status, Status::Residual, "a loss of 5 on nothing");
    assert_eq!(with(with_flows(2, "0", "0", "12.34")).cumulative_net_flow, dec("-122.34"));
    let small = chain(&p, &[day(0, "10"), day(1, "11")]);
    assert_eq!(
        (small[1].status, small[1].incepted),
        (Status::Ok, true),
        "before inception there is no residual"
    );
    assert_eq!(chain(&policy(), &closed)[1].status, Status::Ok, "0 is off");
}

#[test]
fn residual_money_neither_starts_a_segment_nor_continues_a_run() {
    let p = residual("50");
    let days = [
        day(0, "100"),
        day(1, "-20"),
        day(2, "20"),
        day(3, "40"),
        day(4, "100"),
        with_flows(5, "220", "100", "0"),
    ];
    let linked = chain(&p, &days);
    let expected = [
        Status::Anchor,
        Status::LossGt100,
        Status::NegativeCapital,
        Status::Residual,
        Status::GainWithoutCapital,
        Status::Ok,
    ];
    assert_eq!(statuses(&linked)[..4], expected[..4]);
    assert_eq!(linked[3].net.growth, None, "still ended");
    assert_eq!(
        (linked[3].segment, linked[4].segment),
        (1, 2),
        "a gain beyond the bound on capital of 40 is a return"
    );
    assert_eq!((linked[4].status, linked[4].twrr), (Status::Ok, Some(dec("1.5"))));
    assert_eq!(linked[5].segment, 2);
}

#[test]
fn negative_capital_and_losses_beyond_everything_are_undefined() {
    let negative = chain(&policy(), &[day(0, "-1"), day(1, "-2"), day(2, "5"), day(3, "6")]);
    assert_eq!(
        statuses(&negative),
        [Status::Anchor, Status::NegativeCapital, Status::NegativeCapital, Status::Ok]
    );
    assert_eq!(growths(&negative), [Some(dec("1")), Some(dec("1")), Some(dec("1")), Some(dec("1.2"))]);
    assert_eq!(negative[3].segment, 1, "before inception undefined rows are flagged and skipped");
    assert!(!negative[2].incepted && negative[3].incepted);

    let loss = chain(&policy(), &[day(0, "100"), day(1, "-0.00000001")]);
    assert_eq!((loss[1].status, loss[1].net.growth, loss[1].twrr), (Status::LossGt100, None, None));
    assert_eq!(loss[1].segment, 1, "inception and end in one row");
    let total = chain(&policy(), &[day(0, "100"), day(1, "0")]);
    assert_eq!((total[1].status, total[1].twrr), (Status::TotalLoss, Some(dec("-1"))));
    assert_eq!(total[1].net.growth, Some(dec("0")));
    let almost = chain(&policy(), &[day(0, "100"), day(1, "0.00000001")]);
    assert_eq!((almost[1].status, almost[1].twrr), (Status::Ok, Some(dec("-0.9999999999"))));
}

#[test]
fn an_undefined_row_with_capital_starts_a_segment_and_ends_it() {
    let linked = chain(
        &policy(),
        &[day(0, "100"), day(1, "-5"), with_flows(2, "-7", "50", "0"), with_flows(3, "11", "17", "0")],
    );
    assert_eq!(statuses(&linked), [Status::Anchor, Status::LossGt100, Status::LossGt100, Status::Ok]);
    assert_eq!(linked.iter().map(|l| l.segment).collect::<Vec<_>>(), [1, 1, 2, 3]);
    assert_eq!(growths(&linked)[1..], [None, None, Some(dec("1.1"))]);
}

#[test]
fn a_refunding_after_total_loss_starts_a_segment() {
    let linked = chain(
        &policy(),
        &[day(0, "100"), day(1, "0"), day(2, "0"), with_flows(3, "55", "50", "0"), day(4, "66")],
    );
    assert_eq!(statuses(&linked)[1..], [Status::TotalLoss, Status::NoCapital, Status::Ok, Status::Ok]);
    assert_eq!(growths(&linked)[1..], [Some(dec("0")), Some(dec("0")), Some(dec("1.1")), Some(dec("1.32"))]);
    assert_eq!(linked.iter().map(|l| l.segment).collect::<Vec<_>>(), [1, 1, 1, 2, 2]);
}

#[test]
fn carrying_takes_undefined_days_as_factor_one_and_a_loss_as_everything() {
    let days = [day(0, "100"), with_flows(1, "0", "0", "110"), day(2, "5"), with_flows(3, "11", "5", "0")];
    let linked = chain(&carry(), &days);
    assert_eq!((linked[2].status, linked[2].twrr), (Status::GainWithoutCapital, None));
    assert_eq!(growths(&linked)[1..], [Some(dec("1.1")), Some(dec("1.1")), Some(dec("1.21"))]);
    assert_eq!(linked[3].segment, 1);
    let lost = chain(&carry(), &[day(0, "100"), day(1, "-5"), with_flows(2, "22", "25", "0")]);
    assert_eq!((lost[1].status, lost[1].twrr), (Status::LossGt100, Some(dec("-1"))));
    assert_eq!((lost[1].net.growth, lost[1].gross.growth), (Some(dec("0")), Some(dec("0"))));
    assert_eq!((lost[2].segment, lost[2].twrr), (2, Some(dec("0.1"))));
    // N counts as 0, which is E: still no run, whose D of a third of a unit no amount can be.
    let flows = [WeightedFlow { amount: dec("0.00000001"), left: 1, span: 3 }];
    let timed = Day {
        timing: FlowTiming::Timed,
        flows: &flows,
        fees_outside: dec("300"),
        ..with_flows(1, "0", "0.00000001", "0")
    };
    let clamped = chain(&carry(), &[day(0, "100"), timed]);
    assert_eq!(
        (clamped[1].status, clamped[1].net),
        (Status::LossGt100, Growth { growth: Some(dec("0")), link: None })
    );
}

#[test]
fn a_growth_beyond_the_decimal_type_is_out_of_range() {
    // 79,228,162,514.26... is the last index.
    let linked = chain(&policy(), &[day(0, "1"), day(1, "79228162514"), day(2, "79228162515")]);
    assert_eq!((linked[1].status, linked[1].net.growth), (Status::Ok, Some(dec("79228162514"))));
    assert_eq!((linked[2].status, linked[2].net.growth, linked[2].twrr), (Status::OutOfRange, None, None));
    assert_eq!(linked[2].segment, 1);
    let return_alone = [day(0, "100"), day(1, "0.00000002"), with_flows(2, "1585", "0", "0")];
    let linked = chain(&policy(), &return_alone);
    assert_eq!(
        (linked[1].status, linked[2].status),
        (Status::Ok, Status::OutOfRange),
        "r is 7.925e10, G is not"
    );
    assert_eq!(chain(&carry(), &return_alone)[2].net, Growth { growth: linked[1].net.growth, link: None });
}

#[test]
fn a_growth_that_rounds_to_nothing_is_out_of_range() {
    let fall = |last: &str| {
        chain(&policy(), &[day(0, "100000000000"), day(1, "100"), with_flows(2, last, "99999999999900", "0")])
    };
    // The index is 1e-9 before: 1e-9 * x / 1e14.
    assert_eq!(fall("50001")[2].net.growth, Some(dec("0.000000000000000001")));
    let gone = &fall("50000")[2];
    assert_eq!(
        (gone.status, gone.net.growth, gone.twrr),
        (Status::OutOfRange, None, None),
        "half a unit is even: 0"
    );
    assert_eq!(fall("0")[2].status, Status::TotalLoss, "nothing is left: no rounding");
}

#[test]
fn gross_alone_out_of_range_is_null_until_a_new_segment() {
    let wild = |n, end| Day { fees: dec("99999999999"), ..day(n, end) };
    let days = [day(0, "1"), wild(1, "2"), day(2, "3"), day(3, "0"), with_flows(4, "11", "10", "0")];
    let linked = chain(&policy(), &days);
    assert_eq!((linked[1].status, linked[1].twrr, linked[1].twrr_gross), (Status::Ok, Some(dec("1")), None));
    assert_eq!((linked[1].gross, linked[2].gross), (Growth::default(), Growth::default()));
    assert_eq!((linked[2].net.growth, linked[2].twrr_gross), (Some(dec("3")), None));
    assert_eq!((linked[4].segment, linked[4].gross.growth), (2, Some(dec("1.1"))));
    assert_eq!(linked[4].twrr_gross, Some(dec("0.1")));
    let rebate = chain(&policy(), &[day(0, "1"), Day { fees: dec("-3"), ..day(1, "2") }]);
    assert_eq!((rebate[1].status, rebate[1].gross), (Status::Ok, Growth::default()), "gross below -100%");
}

#[test]
fn gross_alone_may_lose_everything() {
    let days = [day(0, "100"), Day { fees: dec("-50"), ..day(1, "50") }, day(2, "60")];
    let linked = chain(&policy(), &days);
    assert_eq!((linked[1].status, linked[1].twrr_gross), (Status::Ok, Some(dec("-1"))));
    assert_eq!(linked[2].gross.growth, Some(dec("0")), "cumulative stays -1");
    assert_eq!((linked[2].net.growth, linked[2].segment), (Some(dec("0.6")), 1));
}

#[test]
fn sums_beyond_the_decimal_type_are_reported_and_nothing_wraps() {
    let most = "79228162514264337593543950335";
    let linked =
        chain(&policy(), &[day(0, "1"), with_flows(1, "1", most, "0"), with_flows(2, "1", "1", "0")]);
    assert_eq!(linked[2].status, Status::OutOfRange);
    assert_eq!(linked[2].cumulative_net_flow, dec(most), "the sum stays where it was");
    let fine = chain(&policy(), &[day(0, "1"), day(1, "1.000000001")]);
    assert_eq!((fine[1].status, fine[1].net.growth), (Status::OutOfRange, None), "nine places are no amount");
    let carried = chain(&carry(), &[day(0, "1"), day(1, "2"), day(2, "3.000000001"), day(3, "6")]);
    assert_eq!(
        carried[2].net,
        Growth { growth: Some(dec("2")), link: None },
        "factor 1, and no run leads over it"
    );
    let spanless = [WeightedFlow { amount: dec("1"), left: 0, span: 0 }];
    let timed = Day { timing: FlowTiming::Timed, flows: &spanless, ..with_flows(1, "2", "1", "0") };
    assert_eq!(chain(&policy(), &[day(0, "1"), timed])[1].status, Status::OutOfRange);
}

#[test]
fn the_largest_amounts_of_the_contract_link_exactly() {
    let e = "999999999999999.99999999";
    let flows = [WeightedFlow {
        amount: dec("999999999999999.99999999"),
        left: 43_199_999_999,
        span: 86_400_000_000,
    }];
    let timed = Day { timing: FlowTiming::Timed, flows: &flows, ..with_flows(1, e, e, "0") };
    let linked = chain(&policy(), &[day(0, e), timed]);
    // B (1 + w) with a gain of -B: 1 / (1 + w) is what is lost.
    assert_eq!((linked[1].status, linked[1].twrr), (Status::Ok, Some(dec("-0.666666666671810700"))));
}

#[test]
fn a_day_is_what_its_weightiest_part_is() {
    let on = |policy: &Policy, begin: &str, parts: &[SubPeriod]| {
        let end = parts.last().unwrap().end_value;
        let (c, w) =
            parts.iter().fold((dec("0"), dec("0")), |(c, w), p| (c + p.contributions, w + p.distributions));
        let second = Day { end_value: end, contributions: c, distributions: w, parts, ..day(1, "0") };
        chain(policy, &[day(0, begin), second]).remove(1)
    };
    let morning = on(&policy(), "0", &[part("0", "0", "0"), part("110", "100", "0")]);
    assert_eq!((morning.status, morning.twrr), (Status::Ok, Some(dec("0.1"))));
    let lost = on(&policy(), "100", &[part("0", "0", "0"), part("60", "50", "0")]);
    assert_eq!(
        (lost.status, lost.twrr, lost.net.growth),
        (Status::TotalLoss, Some(dec("-1")), Some(dec("0")))
    );
    let refunded = [
        day(0, "100"),
        day(1, "0"),
        Day { parts: &[part("0", "0", "0"), part("55", "50", "0")], ..with_flows(2, "55", "50", "0") },
    ];
    let refunded = chain(&policy(), &refunded).remove(2);
    assert_eq!(
        (refunded.segment, refunded.twrr, refunded.net.growth),
        (2, Some(dec("0.1")), Some(dec("1.1")))
    );
    let undefined = on(&policy(), "100", &[part("-1", "0", "0"), part("60", "50", "0")]);
    assert_eq!((undefined.status, undefined.net.growth, undefined.twrr), (Status::LossGt100, None, None));
    let twice = on(
        &policy(),
        "100",
        &[part("-1", "100", "0"), part("0.00000001", "1.00000001", "0"), part("900", "0", "0")],
    );
    assert_eq!(twice.status, Status::LossGt100, "the first of two undefined parts, beyond the type or not");
    let rest = on(&residual("50"), "100", &[part("0", "0", "110"), part("12.34", "0", "0")]);
    assert_eq!((rest.status, rest.twrr), (Status::Ok, Some(dec("0.1"))));
    assert!(rest.reasons.has(Reason::ResidualMoney));
}

#[test]
fn an_account_empty_for_long_enough_starts_a_segment() {
    let p = Policy { reopen_after: Some(30), ..policy() };
    let back = |n| {
        let days =
            [day(0, "100"), with_flows(1, "0", "0", "110"), day(9, "0"), with_flows(n, "55", "50", "0")];
        chain(&p, &days).remove(3)
    };
    assert_eq!((back(31).segment, back(31).net.growth), (1, Some(dec("1.21"))));
    assert_eq!((back(32).segment, back(32).net.growth), (2, Some(dec("1.1"))), "30 days between");
    let gap = chain(&p, &[day(0, "100"), day(90, "110")]);
    assert_eq!(gap[1].segment, 1, "a gap with money in it is not empty");
}
