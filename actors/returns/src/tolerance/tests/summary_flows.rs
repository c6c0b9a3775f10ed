//! The two places of a vendor's flows (F11): the levels, and what the break tells.
use super::*;
use crate::policy::FlowsFrom;

/// A day that ends at 10,000 with a net flow of 50 where it counts.
fn saying(other: &str) -> Row {
    let of = Of { begin: "9950", contributions: "80", distributions: "30", end: "10000", ..QUIET };
    Row { other_net_flow: Some(dec(other)), ..row(&of) }
}

#[test]
fn a_net_flow_of_two_places_is_tolerated_up_to_the_level_itself() {
    let told = |other| outcome(&saying(other));
    // The block is at 1.00 and 1 bp of 10,000.
    assert_eq!([told("50.01"), told("49.99")], [None, None]);
    assert_eq!(told("50.02"), Some((Rule::SummaryFlows, Severity::Warn)));
    assert_eq!([told("52"), told("48")], [Some((Rule::SummaryFlows, Severity::Warn)); 2]);
    assert_eq!(told("52.01"), Some((Rule::SummaryFlows, Severity::Block)));
    assert_eq!(told("47.99"), Some((Rule::SummaryFlows, Severity::Block)));
}

#[test]
fn the_break_expects_what_counts_and_names_both_places() {
    let hint = |flows_from| {
        let mut policy = policy();
        policy.vendors[0].flows_from = flows_from;
        let mut breaches = Vec::new();
        let (verdict, reasons) = judge(&saying("60"), &rules(), &policy, &mut breaches);
        assert_eq!((verdict, reasons.has(Reason::SummaryFlows)), (Verdict::Held, true));
        let [breach] = breaches.try_into().unwrap();
        assert_eq!((breach.expected, breach.actual), (Some(dec("50")), Some(dec("60"))));
        assert_eq!((breach.difference, breach.difference_bp), (Some(dec("10")), Some(dec("10"))));
        assert_eq!(breach.tolerance, Some(dec("2")));
        breach.hint.unwrap()
    };
    assert_eq!(
        hint(FlowsFrom::Summary),
        "the summary's net flow counts; the transactions one by one add up to another"
    );
    assert_eq!(
        hint(FlowsFrom::Detail),
        "the transactions one by one count; the summary states another net flow"
    );
}

#[test]
fn a_day_half_told_is_not_compared_yet() {
    let mut open = saying("60");
    open.reasons.insert(Reason::Incomplete);
    assert_eq!(outcome(&open), None);
}
