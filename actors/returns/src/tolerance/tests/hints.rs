//! What would explain a vendor's return.
use super::*;

/// The hint for a vendor that prints this figure.
fn hint(of: &Of, figure: Decimal) -> String {
    let row = Row { reported_return: Some(figure.round_dp(6)), ..row(of) };
    let (_, _, breaches) = judged(&row, &rules());
    let breach = breaches.into_iter().find(|b| b.rule == Rule::VendorReturn).expect("a break");
    breach.hint.expect("a hint")
}

/// B 1000, C 500, W 600, E 945: a gain of 45.
const BUSY: Of<'static> = Of { contributions: "500", distributions: "600", end: "945", ..QUIET };

#[test]
fn the_flow_timing_that_gives_the_vendors_figure_is_named() {
    let of = |timing, capital: &str| (timing, dec("45") / dec(capital));
    let figures = [
        of(FlowTiming::Split, "1500"),
        of(FlowTiming::Start, "900"),
        of(FlowTiming::End, "1000"),
        of(FlowTiming::Mid, "950"),
    ];
    for (theirs, figure) in figures {
        for (ours, own) in figures {
            let busy = Of { timing: ours, ..BUSY };
            if ours == theirs {
                let row = Row { reported_return: Some(own.round_dp(6)), ..row(&busy) };
                assert!(judged(&row, &rules()).2.iter().all(|b| b.rule != Rule::VendorReturn));
            } else {
                let said = format!("the vendor's figure is what flow timing `{}` gives", theirs.as_str());
                assert_eq!(hint(&busy, figure), said, "ours is {}", ours.as_str());
            }
        }
    }
}

#[test]
fn timings_that_give_the_same_are_all_named() {
    let inflow = Of { contributions: "500", end: "1545", timing: FlowTiming::End, ..QUIET };
    let said = "the vendor's figure is what flow timing `split` or `start` gives";
    assert_eq!(hint(&inflow, dec("45") / dec("1500")), said);
}

#[test]
fn the_fee_basis_that_gives_the_vendors_figure_is_named() {
    // A gain of 10 after 2 of fees taken out, and 4 paid elsewhere: net is 6.
    let charged = Of { fees: "2", outside: "4", end: "1010", ..QUIET };
    let hint = |gain: &str| hint(&charged, dec(gain) / dec("1000"));
    assert_eq!(hint("12"), "the vendor's figure is gross of fees");
    assert_eq!(hint("10"), "the vendor's figure leaves out the fees paid elsewhere");
    assert_eq!(hint("4"), "the vendor's figure counts the fees among the distributions");
    assert_eq!(hint("9"), "no flow timing or fee basis explains it");
}

#[test]
fn fees_paid_elsewhere_alone_make_one_other_basis() {
    let charged = Of { outside: "4", end: "1010", ..QUIET };
    assert_eq!(hint(&charged, dec("0.01")), "the vendor's figure is gross of fees");
}

#[test]
fn a_timing_and_a_fee_basis_together_are_named_together() {
    let charged = Of { fees: "2", ..BUSY };
    let said = "the vendor's figure is what flow timing `start` gives, and is gross of fees";
    assert_eq!(hint(&charged, dec("47") / dec("900")), said);
    let said =
        "the vendor's figure is what flow timing `mid` gives, and counts the fees among the distributions";
    assert_eq!(hint(&charged, dec("43") / dec("951")), said);
}

#[test]
fn the_least_change_that_explains_a_figure_is_named() {
    // Gross of fees under our own timing, and net under another: both are 50 / 1000.
    let charged = Of { fees: "10", contributions: "250", end: "1290", timing: FlowTiming::End, ..QUIET };
    assert_eq!(hint(&charged, dec("0.05")), "the vendor's figure is gross of fees");
    assert_eq!(
        hint(&charged, dec("0.032")),
        "the vendor's figure is what flow timing `split` or `start` gives"
    );
}

#[test]
fn a_row_timed_by_date_is_explained_too() {
    // 400 in with half the time left: D is 1200, the gain 60, 8 of fees.
    let flows = [WeightedFlow { amount: dec("400"), left: 1, span: 2 }];
    let timed = Of {
        contributions: "400",
        fees: "8",
        end: "1460",
        timing: FlowTiming::Timed,
        flows: &flows,
        ..QUIET
    };
    assert_eq!(row(&timed).twrr, Some(dec("0.05")));
    assert_eq!(hint(&timed, dec("68") / dec("1200")), "the vendor's figure is gross of fees");
    assert_eq!(hint(&timed, dec("0.06")), "the vendor's figure is what flow timing `end` gives");
}

#[test]
fn a_day_of_several_valuations_is_explained_as_one_sub_period() {
    let parts = [part("1100", "0", "0"), part("1540", "500", "0")];
    let valued = Of { contributions: "500", end: "1540", parts: &parts, ..QUIET };
    let said = "the vendor's figure is what flow timing `end` gives for the day as one sub-period";
    assert_eq!(hint(&valued, dec("0.04")), said);
    let said =
        "the vendor's figure is what flow timing `split` or `start` gives for the day as one sub-period";
    assert_eq!(hint(&valued, dec("40") / dec("1500")), said);
    assert_eq!(hint(&valued, dec("0.09")), "no flow timing or fee basis explains it");
    let charged = SubPeriod { fees: dec("11"), ..part("1540", "500", "0") };
    let parts = [part("1100", "0", "0"), charged];
    let valued = Of { fees: "11", parts: &parts, ..valued };
    let gross = row(&valued).twrr_gross.unwrap();
    assert_eq!(hint(&valued, gross), "the vendor's figure is gross of fees");
}

#[test]
fn a_figure_since_inception_is_explained_by_fees_alone() {
    let mut row = Row { reported_span: Span::Inception, ..row(&BUSY) };
    row.net.growth = Some(dec("1.25"));
    row.gross.growth = Some(dec("1.3"));
    let hint = |figure: &str| {
        let row = Row { reported_return: Some(dec(figure)), ..row.clone() };
        let found = judged(&row, &rules()).2.into_iter().find(|b| b.rule == Rule::VendorReturn);
        found.and_then(|b| b.hint)
    };
    assert_eq!(hint("0.3").as_deref(), Some("the vendor's figure is gross of fees"));
    assert_eq!(
        hint("0.05").as_deref(),
        Some("no flow timing or fee basis explains it"),
        "`start` of the day alone"
    );
    assert_eq!(hint("0.25"), None);
}
