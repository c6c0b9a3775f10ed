//! Flows and what cancels them.
use crate::said::*;
use returns::ledger::{Outcome, WaitingReason};
use returns::policy::FlowsFrom;
use returns::{Decimal, Reason};

#[test]
fn a_flow_on_a_day_without_a_value_belongs_to_the_next_valued_day() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let facts = [summary(1, 100), flow(2, "a", 50), summary(3, 150)];
    let folded = fold_of(&facts, &policy);
    assert_eq!(folded.rows[1].contributions, Decimal::from(50));
    assert_eq!(folded.rows[1].twrr, Some(Decimal::ZERO));
}

#[test]
fn a_flow_with_an_id_moves_with_its_corrected_date() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let id = |day, amount| flow(day, "id", amount).own_id();
    let facts =
        [summary(1, 100), summary(2, 100), summary(3, 150), id(2, 50).arrival(1), id(3, 50).arrival(2)];
    let folded = fold_of(&facts, &policy);
    let flows: Vec<_> = folded.rows.iter().map(|r| r.contributions).collect();
    assert_eq!(flows, [Decimal::ZERO, Decimal::ZERO, Decimal::from(50)]);
}

#[test]
fn a_cancel_works_before_and_after_its_flow_and_waits_without_one() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let day = [summary(1, 100), summary(2, 100)];
    let (id, gone) = (flow(2, "id", 50).own_id(), cancel(2, Some("id"), 50));
    for pair in [[id.clone(), gone.clone()], [gone, id]] {
        let facts = [&day[..], &pair].concat();
        assert_eq!(fold_of(&facts, &policy).rows[1].contributions, Decimal::ZERO);
    }
    // Without a reference: the latest of two equal flows, and only one of them.
    let two = [&day[..], &[flow(2, "a", 50), flow(2, "b", 50).arrival(9), cancel(2, None, 50)]].concat();
    assert_eq!(fold_of(&two, &policy).rows[1].contributions, Decimal::from(50));
    let none = [&day[..], &[cancel(2, None, 70)]].concat();
    let folded = fold_of(&none, &policy);
    assert_eq!(folded.outcomes[2], Outcome::Waiting(WaitingReason::Original));
    assert!(folded.rows[1].reasons.has(Reason::WaitingInput));
}
