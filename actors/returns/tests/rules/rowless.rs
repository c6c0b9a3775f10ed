//! What is told of the facts of a day without a row, and of flows that were cancelled.
use crate::said::*;
use jiff::civil::date;
use returns::ledger::{
    Became, Feeds, Ground, Needs, Stage, WaitingReason, WholeFeed, explain_day, explain_rowless, fold,
};
use returns::policy::FlowsFrom;
use returns::{Policy, Vendor};

/// Vendors in dollars whose flows count one by one.
fn in_detail() -> Policy {
    let mut policy = policy();
    for vendor in &mut policy.vendors {
        (vendor.flows_from, vendor.base_currency) = (FlowsFrom::Detail, Some(*b"USD"));
    }
    policy
}

/// What became of facts of the third of January, which has no row; the second has one.
fn told(facts: &[Said], feeds: &Feeds) -> Vec<Became> {
    let (policy, partitions) = (in_detail(), partitions());
    let ground = Ground { policy: &policy, partitions: &partitions, feeds };
    let all = [&[summary(2, 100)], facts].concat();
    let folded = fold(&new(&all), &Default::default(), ground);
    assert_eq!(ends(&folded), [100], "the third has no row");
    explain_rowless(&folded.facts[1..], date(2025, 1, 3), folded.rows.last(), None, ground).became
}

#[test]
fn every_fact_of_a_day_without_a_row_is_told_with_what_became_of_it() {
    let facts = [
        summary(3, 110).in_currency(b"EUR"),
        flow(3, "a", 5),
        flow(3, "b", 6),
        cancel(3, Some("b"), 6),
        valuation(3, 9, 120).vendor(1),
        flow(3, "c", 7).feed(7),
        withdraw(returns::fact::Target::Feed(record::FeedKey(7)), 1, false),
        quarantined(3, false),
        correction(3, "t").end(120),
    ];
    let expected = [
        Became::Waiting(WaitingReason::Currency),
        Became::NextValue,
        Became::Cancelled { by: Some(3) },
        Became::Acts,
        Became::OtherVendor,
        Became::Withdrawn,
        Became::Acts,
        Became::Holds,
        Became::NoRow,
    ];
    assert_eq!(told(&facts, &Feeds::default()), expected);
    assert_eq!(Became::Cancelled { by: Some(3) }.to_string(), "cancelled by [3]");
}

#[test]
fn what_a_newer_full_feed_lacks_is_told_of_a_day_without_a_row() {
    let mut feeds = Feeds::default();
    for (key, arrival) in [(7, 1), (8, 2)] {
        feeds.note(WholeFeed {
            key: record::FeedKey(key),
            layout: "first".into(),
            vendor: Vendor(0),
            business_date: Some(date(2025, 1, 3)),
            arrival: returns::Arrival(Some(arrival)),
            full: true,
            gives: Needs { values: false, flows: false },
            stage: Stage::In { unread: false },
            earlier: Vec::new(),
        });
    }
    let facts = [flow(3, "a", 5).feed(7).arrival(1), flow(3, "b", 5).feed(8).arrival(2)];
    assert_eq!(told(&facts, &feeds), [Became::Lacked, Became::NextValue]);
}

#[test]
fn a_flow_with_an_id_that_was_cancelled_by_name_is_told_as_cancelled_and_by_which_fact() {
    let (policy, partitions) = (in_detail(), partitions());
    let feeds = Feeds::default();
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &feeds };
    let facts = [
        summary(2, 100),
        flow(2, "id", 5).own_id().arrival(1),
        cancel(2, Some("id"), 5).arrival(2),
        flow(2, "other", 7),
        cancel(2, None, 7).arrival(2),
    ];
    let folded = fold(&new(&facts), &Default::default(), ground);
    let told = explain_day(&folded.facts, &folded.rows[0], None, None, ground).became;
    let expected = [
        Became::Won { rivals: 0 },
        Became::Cancelled { by: Some(2) },
        Became::Acts,
        Became::Cancelled { by: Some(4) },
        Became::Acts,
    ];
    assert_eq!(told, expected);
}
