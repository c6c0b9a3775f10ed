use crate::fixture::accumulating::Bench;
use crate::fixture::day;
use crate::messages::{AccountBatch, Intake};
use returns::fact::Holding;
use returns::ledger::WholeFeed;
use returns::policy::ValueFrom;
use returns::{Body, Date, Policy, Reason, VendorPolicy};
use std::sync::Arc;
use store::FeedStep;

/// Account numbers with a row on a date.
async fn valued(b: &Bench, date: Date) -> Vec<String> {
    b.rows().await.iter().filter(|r| r.row.as_of == date).map(|r| r.account_no.to_string()).collect()
}

/// An older feed that names three accounts, and a newer one that names two of them and values one anew.
async fn two_feeds(older_first: bool, commit_between: bool) {
    let mut b = Bench::new().await;
    let mut work = b.work(100, (0, 1));
    let (older, newer) = (b.full_feed(1, day(2), 10).await, b.full_feed(2, day(2), 20).await);
    work.batch(b.batch(1, Intake::Fold, &[1, 2, 3], day(1), 100)).await.unwrap();
    let first = b.last_of(&older, b.batch(2, Intake::Fold, &[1, 2, 3], day(2), 110));
    let second = b.last_of(&newer, b.batch(3, Intake::Fold, &[1, 2], day(2), 120));
    let [one, other] = if older_first { [first, second] } else { [second, first] };
    work.batch(one).await.unwrap();
    if commit_between {
        let passed_on = b.passed_on().await;
        b.commit(passed_on, &mut work).await;
    }
    work.batch(other).await.unwrap();
    let passed_on = b.passed_on().await;
    assert!(passed_on.iter().all(|p| p.counts.observations_unaccounted() == 0));
    b.commit(passed_on, &mut work).await;
    let how = format!("older first {older_first}, committed between {commit_between}");
    assert_eq!(valued(&b, day(1)).await, ["A1", "A2", "A3"], "{how}");
    assert_eq!(valued(&b, day(2)).await, ["A1", "A2"], "the newer feed lacks A3: {how}");
    let ends: Vec<_> = b.rows().await.iter().map(|r| r.row.end_value).collect();
    assert_eq!(ends, [100, 120, 100, 120, 100].map(Into::into), "{how}");
}

#[actix::test]
async fn a_newer_full_feed_withdraws_what_it_lacks_whichever_is_read_first() {
    for older_first in [true, false] {
        two_feeds(older_first, false).await;
        two_feeds(older_first, true).await;
    }
}

#[actix::test]
async fn an_account_no_longer_in_memory_is_found_in_the_store() {
    let mut b = Bench::new().await;
    let mut work = b.work(100, (0, 1));
    let (older, newer) = (b.full_feed(1, day(2), 10).await, b.full_feed(2, day(2), 20).await);
    work.batch(b.last_of(&older, b.batch(1, Intake::Fold, &[1, 2, 3], day(2), 110))).await.unwrap();
    let passed_on = b.passed_on().await;
    b.commit(passed_on, &mut work).await;
    let mut fresh = b.work(100, (0, 1));
    fresh.feeds = work.feeds.clone();
    fresh.batch(b.last_of(&newer, b.batch(2, Intake::Fold, &[1], day(2), 110))).await.unwrap();
    let passed_on = b.passed_on().await;
    b.commit(passed_on, &mut fresh).await;
    assert_eq!(valued(&b, day(2)).await, ["A1"]);
}

#[actix::test]
async fn the_end_of_a_feed_completes_the_days_it_was_awaited_for() {
    for commit_between in [true, false] {
        let mut b = Bench::new().await;
        let mut policy = Policy::new(vec![VendorPolicy { needs_flows: true, ..VendorPolicy::new("v") }]);
        policy.id = b.policy.id;
        b.policy = Arc::new(policy);
        let mut work = b.work(100, (0, 1));
        work.batch(b.batch(1, Intake::Fold, &[1, 2], day(2), 100)).await.unwrap();
        let mut passed_on = b.passed_on().await;
        let open = passed_on
            .iter()
            .flat_map(|p| &p.rows)
            .all(|(_, r)| r.row().unwrap().reasons.has(Reason::Incomplete));
        assert!(open, "flows are still to come");
        if commit_between {
            b.commit(std::mem::take(&mut passed_on), &mut work).await;
        }
        // It names neither account: that is what it says of them.
        let flows = b.full_feed(1, day(2), 10).await;
        work.batch(b.last_of(&flows, b.batch(2, Intake::Fold, &[], day(2), 0))).await.unwrap();
        passed_on.extend(b.passed_on().await);
        b.commit(passed_on, &mut work).await;
        let rows = b.rows().await;
        assert!(
            rows.iter().all(|r| !r.row.reasons.has(Reason::Incomplete)),
            "committed between {commit_between}"
        );
    }
}

/// A batch in which each account holds one security of that value.
fn holdings(
    b: &Bench,
    feed: &WholeFeed,
    number: u64,
    accounts: &[u64],
    security: &str,
    value: i64,
) -> AccountBatch {
    let mut batch = b.batch(number, Intake::Fold, accounts, day(2), value);
    for (_, fact) in &mut batch.facts {
        fact.feed = feed.key;
        fact.reference = Some(security.into());
        fact.body = Body::Holding(Holding {
            security: security.into(),
            value: value.into(),
            accrued: 0.into(),
            quantity: None,
            price: None,
            currency: None,
        });
        fact.content = fact.content_of("x");
    }
    batch.feed = Some(Arc::new(feed.clone()));
    batch
}

#[actix::test]
async fn holdings_are_a_value_when_all_of_their_feed_is_in_and_never_before() {
    for commit_between in [true, false] {
        let mut b = Bench::new().await;
        let vendor = VendorPolicy { value_from: ValueFrom::Holdings, ..VendorPolicy::new("v") };
        b.policy = Arc::new(Policy { id: b.policy.id, ..Policy::new(vec![vendor]) });
        let mut work = b.work(100, (0, 1));
        let feed = b.full_feed(1, day(2), 10).await;
        let mut first = holdings(&b, &feed, 1, &[1, 2], "X", 100);
        first.header.feed =
            Some(FeedStep { feed: feed.key, dates: Some((day(2), day(2))), through: false, delivery: None });
        work.batch(first).await.unwrap();
        let mut passed_on = b.passed_on().await;
        assert!(passed_on.iter().all(|p| p.rows.is_empty()), "a part of the holdings is no value");
        if commit_between {
            b.commit(std::mem::take(&mut passed_on), &mut work).await;
            let feeds = work.feeds.clone();
            work = b.work(100, (0, 1));
            work.feeds = feeds;
        }
        let last = holdings(&b, &feed, 2, &[1], "Y", 50);
        work.batch(b.last_of(&feed, last)).await.unwrap();
        passed_on.extend(b.passed_on().await);
        b.commit(passed_on, &mut work).await;
        let values: Vec<_> = b.rows().await.iter().map(|r| r.row.end_value).collect();
        assert_eq!(values, [150.into(), 100.into()], "committed between {commit_between}");
    }
}
