//! Which of several things said counts: copies, versions, withdrawals, vendors.
use crate::said::*;
use returns::Reason;
use returns::fact::Target;
use returns::ledger::Outcome;

#[test]
fn a_feed_sent_twice_changes_nothing() {
    let one = summary(1, 100).feed(1).arrival(1);
    let folded = fold_of(&[one.clone(), one.clone(), one], &policy());
    assert_eq!(folded.outcomes, [Outcome::Accepted, Outcome::Unchanged, Outcome::Unchanged]);
    assert_eq!(folded.rows.len(), 1);
    assert!(folded.rows[0].carries);
}

#[test]
fn the_later_arrival_wins_and_a_revision_wins_over_arrival() {
    let plain = fold_of(&[summary(1, 100).arrival(2), summary(1, 90).arrival(1)], &policy());
    assert_eq!(ends(&plain), [100]);
    let revised = fold_of(&[summary(1, 100).arrival(2), summary(1, 90).arrival(1).revision(1)], &policy());
    assert_eq!(ends(&revised), [90]);
    assert_eq!(revised.rows[0].revision, Some(1));
}

#[test]
fn partitions_order_by_name_with_digits_as_numbers() {
    // Partition 0 is f/10, partition 1 is f/9.
    let folded = fold_of(&[summary(1, 10).partition(0), summary(1, 9).partition(1)], &policy());
    assert_eq!(ends(&folded), [10]);
    assert!(folded.rows[0].reasons.has(Reason::SameArrival), "nothing but the file's name decides");
}

#[test]
fn uploading_last_months_folder_again_undoes_nothing() {
    let facts = [
        summary(1, 100).arrival(1).feed(1),
        summary(1, 105).arrival(2).feed(2),
        summary(1, 100).arrival(3).feed(3),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [105]);
    assert_eq!(folded.outcomes[2], Outcome::Stale);
    assert!(folded.rows[0].reasons.has(Reason::Reverted));
}

#[test]
fn equal_revisions_with_different_content_are_a_break() {
    let folded =
        fold_of(&[summary(1, 100).revision(3).arrival(1), summary(1, 101).revision(3).arrival(2)], &policy());
    assert_eq!(ends(&folded), [101]);
    assert!(folded.rows[0].reasons.has(Reason::SameArrival));
}

#[test]
fn a_withdrawn_feed_leaves_what_another_said() {
    let facts = [
        summary(1, 100).arrival(1).feed(1),
        summary(1, 100).arrival(2).feed(2),
        withdraw(Target::Feed(record::FeedKey(1)), 1, false),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [100]);
    assert_eq!(folded.rows[0].feed, record::FeedKey(2));
}

#[test]
fn the_same_bytes_stay_withdrawn_until_reinstated() {
    let place = summary(1, 100).0.place;
    let withdrawn = [withdraw(Target::Record(place), 1, false), summary(1, 100)];
    assert_eq!(ends(&fold_of(&withdrawn, &policy())), [0; 0]);
    let back = [
        withdraw(Target::Record(place), 2, true),
        withdraw(Target::Record(place), 1, false),
        summary(1, 100),
    ];
    assert_eq!(ends(&fold_of(&back, &policy())), [100]);
}

#[test]
fn a_vendor_feeds_from_its_first_value_on_and_then_alone() {
    // Vendor 0 comes first in precedence, but begins on day 3 and is silent on day 4.
    let other = |day, end| summary(day, end).vendor(1);
    let facts = [other(1, 10), other(2, 11), other(3, 12), summary(3, 100), other(4, 13), summary(5, 101)];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [10, 11, 100, 101]);
    assert!(folded.rows[2].reasons.has(Reason::SourceSwitch));
    assert!(!folded.rows[3].reasons.has(Reason::SourceSwitch));
    let mut failover = policy();
    failover.failover = true;
    assert_eq!(ends(&fold_of(&facts, &failover)), [10, 11, 100, 13, 101]);
}
