//! A changed policy: the accounts it touches, and the rows it leaves as they are.
use crate::Opened;
use crate::make::*;
use returns::ledger::RowChange;
use returns::{Row, Verdict};
use std::time::Duration;
use store::{AccountWrite, CommitUnit, PolicySpec, Receipt, RowWrite, StoreError, Touched};

pub async fn a_changed_policy_marks_the_accounts_it_touches_and_no_other(opened: Opened) {
    let ready = Ready::new(opened).await;
    let store = ready.store();
    let aliases = |list: &[(&str, &str)]| list.iter().map(|(v, a)| ((*v).into(), (*a).into())).collect();
    let with = |id, number, list: &[_]| AccountWrite { aliases: aliases(list), ..account(id, number) };
    let accounts = vec![
        with(2, "A-2", &[("alpha", "2"), ("beta", "2")]),
        with(3, "A-3", &[("beta", "3"), ("beta", "33")]),
        with(4, "A-10", &[("alpha", "10")]),
    ];
    ready.commit(CommitUnit { accounts, ..ready.unit() }).await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three", "four"] {
        let spec = PolicySpec { hash: text.into(), text: format!("text {text}") };
        ids.push(store.keep_policy(&spec).await.unwrap());
    }
    let of = |vendors: &[&str]| Touched::OfVendors(vendors.iter().map(|v| (*v).into()).collect());
    let enforce = async |policy: usize, touched: Touched| {
        store.enforce_policy(&ready.generation, ids[policy], &touched).await.unwrap()
    };
    let marked = async || store.marked().await.unwrap();
    assert_eq!(enforce(0, Touched::NONE).await, 0);
    let in_force = store.policy_in_force().await.unwrap();
    assert_eq!(in_force, Some(PolicySpec { hash: "one".into(), text: "text one".into() }));
    assert_eq!(enforce(0, Touched::All).await, 0, "it is in force already");
    assert_eq!(enforce(1, of(&["gamma"])).await, 0, "nobody has facts of that vendor");
    assert!(marked().await.is_empty());
    assert_eq!(enforce(2, of(&["beta", "gamma"])).await, 2);
    assert_eq!(marked().await, ["A-2".into(), "A-3".into()]);
    assert_eq!(enforce(3, Touched::All).await, 2, "the others");
    assert_eq!(marked().await.len(), 4);
    assert_eq!(store.policy_in_force().await.unwrap().unwrap().hash, "four");
    enforce(0, Touched::NONE).await;
    assert_eq!(store.policy_in_force().await.unwrap().unwrap().hash, "one", "and back");
    store.close_generation(&ready.generation).await.unwrap();
    store.open_generation("other", Duration::from_secs(60)).await.unwrap();
    let late = store.enforce_policy(&ready.generation, ids[1], &Touched::All).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(store.policy_in_force().await.unwrap().unwrap().hash, "one");
}

pub async fn accounts_touched_are_told_page_by_page(opened: Opened) {
    let ready = Ready::new(opened).await;
    let with = |id, number, vendors: &[&str]| {
        let aliases = vendors.iter().map(|v| ((*v).into(), "x".into())).collect();
        AccountWrite { aliases, ..account(id, number) }
    };
    let accounts = vec![with(2, "a-2", &["alpha"]), with(3, "A-20", &["beta"]), with(4, "A-3", &["gamma"])];
    ready.commit(CommitUnit { accounts, ..ready.unit() }).await;
    let page = async |by: &Touched, after: Option<&str>, limit: u32| {
        let found = ready.store().touched(by, after, limit).await.unwrap();
        found.iter().map(|no| no.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(&Touched::All, None, 10).await, ["A-1", "A-20", "A-3", "a-2"]);
    assert_eq!(page(&Touched::All, None, 2).await, ["A-1", "A-20"]);
    assert_eq!(page(&Touched::All, Some("A-20"), 2).await, ["A-3", "a-2"]);
    assert!(page(&Touched::All, Some("a-2"), 2).await.is_empty());
    let some = Touched::OfVendors(vec!["alpha".into(), "beta".into()]);
    assert_eq!(page(&some, None, 10).await, ["A-20", "a-2"]);
    assert_eq!(page(&some, Some("A-20"), 10).await, ["a-2"]);
    assert!(page(&Touched::NONE, None, 10).await.is_empty());
}

pub async fn a_row_that_stays_as_it_is_keeps_the_policy_it_was_made_under(opened: Opened) {
    let ready = Ready::new(opened).await;
    let made = row("2025-01-02", "100");
    ready.commit_rows(vec![write(1, RowChange::New(made.clone()))]).await;
    let before = ready.rows().await;
    let under_another = Row { policy_id: 2, ..made };
    for restates in [false, true] {
        let again = RowChange::Replaced { row: under_another.clone(), restates };
        assert_eq!(ready.commit_rows(vec![write(1, again)]).await, Receipt::default());
        assert_eq!(ready.rows().await, before);
    }
    let again = RowChange::New(under_another.clone());
    assert_eq!(ready.commit_rows(vec![write(1, again)]).await, Receipt::default(), "read a second time");
    let held = RowWrite {
        verdict: Verdict::Held,
        ..write(1, RowChange::Replaced { row: under_another.clone(), restates: false })
    };
    assert_eq!(ready.commit_rows(vec![held]).await.changed, 1);
    let after = ready.rows().await.remove(0);
    assert_eq!((after.verdict, &after.row), (Verdict::Held, &under_another), "judged under the other");
    assert_eq!(after.known_from, before[0].known_from);
}

pub async fn a_mapping_version_only_grows_and_keeps_its_bytes(opened: Opened) {
    let ready = Ready::new(opened).await;
    let keep = async |version, hash| ready.store().keep_mapping("bay", version, [hash; 32]).await;
    keep(2, 1).await.unwrap();
    keep(2, 1).await.unwrap();
    let other = keep(2, 9).await.unwrap_err().to_string();
    assert!(other.contains("version 2 of the mapping `bay` was used with other bytes"), "{other}");
    let earlier = keep(1, 1).await.unwrap_err().to_string();
    assert!(earlier.contains("give it version 3 or more"), "{earlier}");
    keep(7, 1).await.unwrap();
}
