//! Corrections, over what a vendor says.
use crate::said::*;
use returns::fact::{Patch, Target};
use returns::policy::FlowsFrom;
use returns::{Decimal, Reason};

#[test]
fn a_correction_overlays_single_fields_on_whatever_the_vendor_sends_later() {
    let fixed = correction(1, "t").end(120).arrival(2);
    let facts = [summary(1, 100).arrival(1), fixed.clone(), summary(1, 110).arrival(3)];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [120]);
    let reasons = folded.rows[0].reasons;
    assert!(reasons.has(Reason::Corrected) && reasons.has(Reason::Pinned));
    let unchanged = fold_of(&[summary(1, 100).arrival(1), fixed], &policy());
    assert!(!unchanged.rows[0].reasons.has(Reason::Pinned));
}

#[test]
fn a_confirmed_correction_is_released_for_good() {
    let facts = [
        summary(1, 100).arrival(1),
        correction(1, "t").end(120).arrival(2),
        summary(1, 120).arrival(3),
        summary(1, 130).arrival(4),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [130]);
    assert!(!folded.rows[0].reasons.has(Reason::Corrected));
}

#[test]
fn a_field_superseded_by_a_confirmed_correction_does_not_come_back() {
    let facts = [
        summary(1, 100).arrival(1),
        correction(1, "a").end(110).event(1).arrival(2),
        correction(1, "b").end(120).event(2).arrival(3),
        summary(1, 120).arrival(4),
        summary(1, 130).arrival(5),
    ];
    assert_eq!(ends(&fold_of(&facts, &policy())), [130]);
}

#[test]
fn null_takes_a_corrected_field_away_and_leaves_the_others() {
    let facts = [
        summary(1, 100).arrival(1),
        correction(1, "t").end(120).event(1).arrival(2).and(|c| c.contributions = Patch::Set(Decimal::TEN)),
        correction(1, "t").event(2).arrival(3).and(|c| c.end_value = Patch::TakenAway),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!((ends(&folded), folded.rows[0].contributions), (vec![100], Decimal::TEN));
}

#[test]
fn withdrawing_a_ticket_brings_the_vendor_back() {
    let facts = [
        withdraw(Target::Ticket("t".into()), 1, false),
        correction(1, "t").end(120).arrival(2),
        summary(1, 100).arrival(1),
    ];
    assert_eq!(ends(&fold_of(&facts, &policy())), [100]);
}

#[test]
fn a_correction_is_released_by_what_a_flow_with_an_id_said_before_its_next_version() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let id = |day, amount| flow(day, "id", amount).own_id();
    let taken = |n| correction(17, "t").and(|c| c.distributions = Patch::Set(Decimal::from(90))).arrival(n);
    let unpriced = || id(9, 0).and_flow(|f| f.amount = None);
    let tells = |facts: &[Said]| {
        let folded = fold_of(facts, &policy);
        let row = folded.rows.last().unwrap();
        (row.reasons.has(Reason::Corrected), row.distributions)
    };
    let before = [summary(1, 900).arrival(0), summary(17, 900).arrival(0)];
    let of = |facts: &[Said]| tells(&[&before[..], facts].concat());
    let (agreed, free) = (id(9, -90).arrival(2), (false, Decimal::ZERO));
    // The vendor agreed before its flow lost its amount, moved to another row's days or was cancelled, on whatever date.
    assert_eq!(of(&[taken(1), agreed.clone(), unpriced().arrival(3)]), free);
    assert_eq!(of(&[taken(1), agreed.clone(), id(1, -90).arrival(3)]), free);
    assert_eq!(of(&[taken(1), agreed.clone(), cancel(1, Some("id"), -90).arrival(3)]), free);
    // It had lost before the correction came.
    let held = (true, Decimal::from(90));
    assert_eq!(of(&[agreed.clone(), unpriced().arrival(3), taken(4)]), held);
    assert_eq!(of(&[agreed.clone(), id(1, -90).arrival(3), taken(4)]), held);
    assert_eq!(of(&[agreed.clone(), cancel(1, Some("id"), -90).arrival(3), taken(4)]), held);
    // A version that never counted, for a higher one dated elsewhere was there already.
    assert_eq!(of(&[id(1, -90).revision(5).arrival(1), taken(1), agreed]), held);
}
