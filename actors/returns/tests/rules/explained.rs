//! What is told of how a day came about.
use crate::said::*;
use returns::fact::{Patch, Target};
use returns::ledger::{Became, Ground, NO_FEEDS, explain_day, fold};
use returns::policy::FlowsFrom;
use returns::{Decimal, Reason, Vendor};

#[test]
fn what_became_of_each_fact_is_told() {
    let facts = [
        summary(1, 100).arrival(1),
        summary(1, 105).arrival(2),
        summary(1, 105).arrival(3).feed(2),
        summary(1, 99).vendor(1),
        correction(1, "t").end(120).arrival(3),
        correction(1, "u").end(119).event(-1).arrival(3),
        summary(1, 1).arrival(9).feed(7),
        withdraw(Target::Feed(record::FeedKey(7)), 1, false),
    ];
    let policy = policy();
    let (stored, partitions) = (new(&facts), partitions());
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let folded = fold(&stored, &Default::default(), ground);
    let told = explain_day(&stored, &folded.rows[0], None, None, ground);
    let expected = [
        Became::Superseded { by: Some(1) },
        Became::Won { rivals: 1 },
        Became::Witness { of: 1 },
        Became::OtherVendor,
        Became::Overlays,
        Became::Overruled,
        Became::Withdrawn,
        Became::Acts,
    ];
    assert_eq!(told.became, expected);
    assert_eq!(told.day.unwrap().end_value, Decimal::from(120));
    assert_eq!(folded.rows[0].value_vendor, Vendor(0));
}

#[test]
fn a_correction_that_a_moved_flow_confirmed_is_told_as_released() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let id = |day, amount| flow(day, "id", amount).own_id();
    let facts = [
        summary(1, 900).arrival(0),
        summary(17, 900).arrival(0),
        correction(17, "t").and(|c| c.distributions = Patch::Set(Decimal::from(90))).arrival(1),
        id(9, -90).arrival(2),
        id(1, -90).arrival(3),
    ];
    let partitions = partitions();
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let folded = fold(&new(&facts), &Default::default(), ground);
    // What the store gives of the second row: the facts of its days, and all versions of the flow among them.
    let told = explain_day(&folded.facts[1..], &folded.rows[1], Some(&folded.rows[0]), None, ground);
    let expected =
        [Became::Won { rivals: 0 }, Became::Released, Became::Superseded { by: Some(3) }, Became::OtherDate];
    assert_eq!(told.became, expected);
    assert_eq!(told.day.unwrap().distributions, Decimal::ZERO);
    assert!(!folded.rows[1].reasons.has(Reason::Corrected));
}

#[test]
fn a_vendors_change_under_a_correction_is_told_with_its_three_values() {
    let facts =
        [summary(1, 100).arrival(1), correction(1, "t").end(120).arrival(2), summary(1, 105).arrival(3)];
    let policy = policy();
    let (stored, partitions) = (new(&facts), partitions());
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let folded = fold(&stored, &Default::default(), ground);
    let told = explain_day(&stored, &folded.rows[0], None, None, ground);
    let [pinned] = told.pinned.as_slice() else { panic!("{:?}", told.pinned) };
    let values = [pinned.said_then, pinned.says_now, Some(pinned.corrected_to)];
    assert_eq!(values, [100, 105, 120].map(|v| Some(Decimal::from(v))));
    assert_eq!(pinned.field, "end value");
}
