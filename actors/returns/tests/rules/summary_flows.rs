//! The place of a vendor's flows that does not feed the return is compared with the one that does (F5, F11).
use crate::said::*;
use returns::fact::{Patch, Stated, Target};
use returns::ledger::{
    AccountState, Changes, Ground, History, NO_FEEDS, Offer, Outcome, Profile, RowChange, StoredFact,
    WaitingReason, fold, refold,
};
use returns::policy::FlowsFrom;
use returns::{Decimal, Fact, Policy, Row};

fn counting(flows_from: FlowsFrom) -> Policy {
    let mut policy = policy();
    policy.vendors[0].flows_from = flows_from;
    policy
}

/// A summary that states both sides of its flows.
fn with_flows(day: i8, end: i64, contributions: i64, distributions: i64) -> Said {
    summary(day, end).and_summary(|s| {
        (s.contributions, s.distributions) = (Decimal::from(contributions), Decimal::from(distributions));
        s.stated = s.stated.with(Stated::CONTRIBUTIONS).with(Stated::DISTRIBUTIONS);
    })
}

/// The net flow that counts on the last day, and what the other place says.
fn compared(facts: &[Said], flows_from: FlowsFrom) -> (i64, Option<i64>) {
    let folded = fold_of(facts, &counting(flows_from));
    // No amount here has cents or comes near the bound.
    let whole = |amount: Decimal| i64::try_from(amount).unwrap_or(i64::MAX);
    let told = folded.rows.last().map(|row| (whole(row.net_flow()), row.other_net_flow.map(whole)));
    told.unwrap_or_default()
}

#[test]
fn the_place_that_does_not_count_is_kept_for_comparison_on_either_side() {
    let facts = [summary(1, 100), with_flows(2, 180, 90, 20), flow(2, "a", 60), flow(2, "b", -5)];
    assert_eq!(compared(&facts, FlowsFrom::Summary), (70, Some(55)));
    assert_eq!(compared(&facts, FlowsFrom::Detail), (55, Some(70)));
}

#[test]
fn places_that_agree_or_of_which_one_is_silent_leave_nothing_to_compare() {
    let agreeing = [summary(1, 100), with_flows(2, 180, 90, 20), flow(2, "a", 90), flow(2, "b", -20)];
    let no_detail = [summary(1, 100), with_flows(2, 180, 90, 20)];
    let no_summary = [summary(1, 100), summary(2, 180), flow(2, "a", 70)];
    for flows_from in [FlowsFrom::Summary, FlowsFrom::Detail] {
        assert_eq!(compared(&agreeing, flows_from), (70, None));
        assert_eq!(compared(&no_summary, flows_from).1, None);
    }
    assert_eq!(compared(&no_detail, FlowsFrom::Summary), (70, None), "nobody says that there are none");
    assert_eq!(compared(&no_detail, FlowsFrom::Detail), (0, Some(70)), "one by one, none is a statement");
}

#[test]
fn a_summary_of_one_side_alone_is_no_net_flow_whichever_place_counts() {
    let inflow = summary(2, 180).and_summary(|s| {
        s.contributions = Decimal::from(90);
        s.stated = s.stated.with(Stated::CONTRIBUTIONS);
    });
    let facts = [summary(1, 100), inflow, flow(2, "a", 90), flow(2, "b", -20)];
    assert_eq!(compared(&facts, FlowsFrom::Detail), (70, None));
    assert_eq!(compared(&facts, FlowsFrom::Summary), (90, None));
}

#[test]
fn flows_of_days_without_a_value_are_compared_on_the_next_that_has_one() {
    let facts = [summary(1, 100), flow(2, "a", 60), flow(3, "b", 10), with_flows(3, 180, 50, 0)];
    assert_eq!(compared(&facts, FlowsFrom::Summary), (50, Some(70)));
}

#[test]
fn what_waits_is_not_compared_and_what_is_no_external_flow_neither() {
    let mut policy = counting(FlowsFrom::Summary);
    policy.vendors[0].base_currency = Some(*b"USD");
    let euros = flow(2, "a", 60).in_currency(b"EUR");
    let income = flow(2, "b", 10).and_flow(|f| f.class = returns::fact::Class::Income);
    let folded = fold_of(&[summary(1, 100), with_flows(2, 180, 90, 20), euros, income], &policy);
    assert_eq!(folded.outcomes[2], Outcome::Waiting(WaitingReason::Currency));
    assert_eq!(folded.rows[1].other_net_flow, None);
}

#[test]
fn a_correction_to_what_the_other_place_says_settles_it() {
    let facts = [summary(1, 100), with_flows(2, 180, 90, 20), flow(2, "a", 60)];
    let corrected = correction(2, "T-1").and(|c| {
        (c.contributions, c.distributions) = (Patch::Set(Decimal::from(60)), Patch::Set(Decimal::ZERO));
    });
    let all = [&facts[..], &[corrected]].concat();
    assert_eq!(compared(&facts, FlowsFrom::Summary), (70, Some(60)));
    assert_eq!(compared(&all, FlowsFrom::Summary), (60, None));
}

#[test]
fn a_flow_that_comes_after_the_summary_has_its_row_judged_again_and_restates_nothing() {
    let (policy, partitions) = (counting(FlowsFrom::Summary), partitions());
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let [first, second, late] = [summary(1, 100), with_flows(2, 180, 90, 20), flow(2, "a", 60)];
    let facts: Vec<Fact> = new(&[first, second, late]).into_iter().map(|s| s.fact).collect();
    let (mut state, mut changes) = (AccountState::default(), Changes::default());
    for fact in &facts[..2] {
        assert!(matches!(state.offer(fact, ground, &mut changes), Offer::Settled(_)));
    }
    let rows: Vec<Row> = changes.rows.iter().filter_map(|change| change.row().cloned()).collect();
    let carried = |fact: &Fact| StoredFact { fact: fact.clone(), in_row: true, waiting: None };
    let facts_before = facts[..2].iter().map(carried).collect();
    let history = History { before: None, rows, facts: facts_before, complete: true };
    let refolded = refold(&mut state, &facts[2..], &history, ground).unwrap();
    let [RowChange::Replaced { row, restates: false }] = refolded.changes.rows.as_slice() else {
        panic!("{:?}", refolded.changes.rows)
    };
    assert_eq!(row.other_net_flow, Some(Decimal::from(60)));
    assert_eq!(*row, fold(&new_of(&facts), &Profile::default(), ground).rows[1], "as at once");
}

fn new_of(facts: &[Fact]) -> Vec<StoredFact> {
    facts.iter().map(|fact| StoredFact { fact: fact.clone(), in_row: false, waiting: None }).collect()
}

#[test]
fn what_is_withdrawn_is_compared_no_more() {
    let place = flow(2, "a", 60).partition(1);
    let facts = [with_flows(2, 180, 90, 20), place.clone()];
    assert_eq!(compared(&facts, FlowsFrom::Summary), (70, Some(60)));
    let all = [&facts[..], &[withdraw(Target::Record(place.0.place), 1, false)]].concat();
    assert_eq!(compared(&all, FlowsFrom::Summary), (70, None));
}
