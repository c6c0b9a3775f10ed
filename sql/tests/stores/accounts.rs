//! Accounts: the head of one, the aliases that lead to it, and what is known by one id for good.
use crate::Opened;
use crate::make::*;
use returns::Vendor;
use returns::ledger::{Profile, RowChange};
use std::sync::Arc;
use store::{CommitUnit, FeedSpec, PolicySpec};

pub async fn the_head_of_an_account_is_loaded(opened: Opened) {
    let ready = Ready::new(opened).await;
    let profile = Profile {
        base_currency: Some(*b"USD"),
        performance_start: Some(date("2024-12-31")),
        inception: Some(date("2025-01-02")),
        closed_on: Some(date("2025-06-30")),
        first_values: [(Vendor(1), date("2025-01-03")), (Vendor(0), date("2025-01-02"))].into(),
    };
    let mut second = account(2, "A-2");
    second.profile = profile.clone();
    let unit = CommitUnit {
        accounts: vec![second],
        rows: ["2025-01-02", "2025-01-03", "2025-01-06"]
            .map(|d| write(2, RowChange::New(row(d, "100"))))
            .into(),
        facts: facts(2, ["2025-01-03", "2025-01-06", "2025-01-07"].map(|d| flow(d, d, "1"))),
        ..ready.unit()
    };
    ready.commit(unit).await;
    let asked: Vec<Arc<str>> = ["A-2", "nobody", "A-1", "A-2"].map(Into::into).into();
    let found = ready.store().load_accounts(&asked).await.unwrap();
    assert_eq!(
        found.iter().map(|a| a.as_ref().map(|a| a.id)).collect::<Vec<_>>(),
        [Some(2), None, Some(1), Some(2)]
    );
    let head = found[0].as_ref().unwrap();
    assert_eq!((&head.profile, head.slot, &*head.account_no), (&profile, store::slot_of("A-2"), "A-2"));
    assert_eq!(head.last.as_ref().map(|r| r.as_of), Some(date("2025-01-06")));
    assert_eq!(head.before_last.as_ref().map(|r| r.as_of), Some(date("2025-01-03")));
    let mut open: Vec<_> = head.open.iter().map(|f| f.fact.as_of.day()).collect();
    open.sort_unstable();
    assert_eq!(open, [6, 7]);
    assert_eq!(found[0], found[3]);
    let reader = ready.store().reader();
    assert_eq!(reader.inception("A-2").await.unwrap(), Some(date("2025-01-02")));
    assert_eq!(reader.inception("A-1").await.unwrap(), None);
    assert_eq!(reader.inception("nobody").await.unwrap(), None);
}

pub async fn aliases_lead_to_accounts(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut second = account(2, "A-2");
    // Each decoder that meets an account says its alias: one comes twice in a transaction, and in a later one again.
    second.aliases =
        [("alpha", "777"), ("beta", "777"), ("alpha", "777")].map(|(v, a)| (v.into(), a.into())).into();
    ready.commit(CommitUnit { accounts: vec![second.clone()], ..ready.unit() }).await;
    ready.commit(CommitUnit { accounts: vec![second], ..ready.unit() }).await;
    let asked: Vec<(Arc<str>, Arc<str>)> =
        [("alpha", "777"), ("alpha", "778"), ("alpha", "777")].map(|(v, a)| (v.into(), a.into())).into();
    let found = ready.store().load_aliases(&asked).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&*found[0].vendor, &*found[0].vendor_account), ("alpha", "777"));
    assert_eq!((found[0].account, &*found[0].account_no, found[0].valid_from), (2, "A-2", None));
}

pub async fn what_is_registered_once_is_found_again(opened: Opened) {
    let ready = Ready::new(opened).await;
    let store = ready.store();
    let renamed = FeedSpec { name: "copy.csv".into(), ..file("day-1.csv", 1) };
    assert_eq!(store.open_feed(&renamed).await.unwrap().key, ready.feed, "a file is known by its bytes");
    let other = store.open_feed(&file("day-2.csv", 2)).await.unwrap().key;
    assert_ne!(other, ready.feed);
    let feed = store.reader().feed_name(ready.feed).await.unwrap().unwrap();
    assert_eq!(
        (feed.name.as_str(), feed.vendor.as_str(), feed.status.as_str()),
        ("day-1.csv", "alpha", "coming")
    );
    assert_eq!((feed.hash, feed.business_date), (Some("01".repeat(32)), Some(date("2025-01-02"))));
    assert_eq!((feed.arrival, feed.declared, feed.counted), (Some(1_700_000_000_000_000), Some(3), Some(3)));
    assert_eq!(store.reader().feeds().await.unwrap().len(), 2);
    let policy = PolicySpec { hash: "h1".into(), text: "[timing]".into() };
    let id = store.keep_policy(&policy).await.unwrap();
    assert_eq!(store.policy_in_force().await.unwrap(), None, "kept is not in force");
    assert_eq!(store.keep_policy(&policy).await.unwrap(), id);
    assert_ne!(store.keep_policy(&PolicySpec { hash: "h2".into(), text: "x".into() }).await.unwrap(), id);
    assert_eq!(store.reader().policy(id).await.unwrap().as_deref(), Some("[timing]"));
    let (a, b) = (store.reserve_accounts(100).await.unwrap(), store.reserve_accounts(1).await.unwrap());
    assert_eq!((a.end - a.start, b.end - b.start), (100, 1));
    assert!(a.end <= b.start || b.end <= a.start, "{a:?} {b:?}");
}
