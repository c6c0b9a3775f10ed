use super::*;
use crate::fixture::accumulating::Bench;
use crate::fixture::day;
use crate::messages::Intake;
use returns::VendorPolicy;
use returns::ledger::NO_FEEDS;
use returns::tolerance::{Levels, Limit, Rule};
use store::Touched;

/// So many accounts of two days with returns of 10%, as `Policy::new` has them; committed as final.
async fn filled(accounts: u64) -> Bench {
    let mut b = Bench::new().await;
    let mut work = b.work(10_000, (0, 1));
    let accounts: Vec<u64> = (1..=accounts).collect();
    for (number, end) in [(1, 100), (2, 110), (3, 121)] {
        work.batch(b.batch(number.into(), Intake::Fold, &accounts, day(number), end)).await.unwrap();
    }
    let batches = b.passed_on().await;
    b.commit(batches, &mut work).await;
    b
}

/// The figures of the third day are money too small to count.
fn with_residual() -> Policy {
    Policy { residual: 200.into(), ..Policy::new(vec![VendorPolicy::new("v")]) }
}

async fn outlook(b: &Bench, policy: &Policy, rules: &Rules, change: &Change) -> Outlook {
    let before = b.rows().await;
    let mut told = Vec::new();
    let dry_run = DryRun { store: &*b.store, names: &b.names, policy, feeds: &NO_FEEDS, rules };
    let outlook = dry_run.of(change, |o| told.push(*o)).await.unwrap();
    assert_eq!(b.rows().await, before, "nothing is written");
    assert_eq!(told.last().copied().unwrap_or_default(), outlook);
    outlook
}

fn figures() -> Change {
    Change { touched: Touched::All, figures: true }
}

fn strict() -> Rules {
    let mut rules = Rules::default();
    let one_bp = Limit { bp: 1.into(), ..Limit::default() };
    rules.set(Rule::ReturnOutlier, Levels { warn: None, block: Some(one_bp) });
    rules
}

fn plain() -> Policy {
    Policy::new(vec![VendorPolicy::new("v")])
}

#[actix::test]
async fn every_account_is_tried_however_many_there_are() {
    let accounts = u64::from(CHUNK) + 50;
    let b = filled(accounts).await;
    let found = outlook(&b, &with_residual(), &Rules::default(), &figures()).await;
    // A residual row warns, so it would be judged otherwise too; it is told once.
    assert_eq!(found, Outlook { accounts, restated: accounts, new: 0, judged: 0 });
}

#[actix::test]
async fn a_policy_that_gives_every_row_back_restates_none() {
    let b = filled(2).await;
    let found = outlook(&b, &Policy { id: 99, ..plain() }, &Rules::default(), &figures()).await;
    assert_eq!(found, Outlook { accounts: 2, ..Outlook::default() });
}

#[actix::test]
async fn tolerances_judge_rows_and_restate_none() {
    let b = filled(2).await;
    let judged = Change { touched: Touched::All, figures: false };
    let found = outlook(&b, &plain(), &strict(), &judged).await;
    assert_eq!(found, Outlook { accounts: 2, judged: 2 * 2, ..Outlook::default() });
    assert_eq!(outlook(&b, &plain(), &strict(), &figures()).await, found, "folded, they are the same rows");
}

#[actix::test]
async fn accounts_that_are_not_touched_are_left_out() {
    let b = filled(2).await;
    let none = Change { touched: Touched::NONE, figures: true };
    assert_eq!(outlook(&b, &with_residual(), &strict(), &none).await, Outlook::default());
}

#[actix::test]
async fn a_row_that_would_go_is_restated() {
    let b = filled(2).await;
    let nobody_feeds = Policy { precedence: Vec::new(), ..plain() };
    let found = outlook(&b, &nobody_feeds, &Rules::default(), &figures()).await;
    assert_eq!(found, Outlook { accounts: 2, restated: 2 * 3, new: 0, judged: 0 });
}

#[actix::test]
async fn a_day_that_would_get_a_row_is_new() {
    let mut b = Bench::new().await;
    let mut work = b.work(10_000, (0, 1));
    let stored = Intake::StoreFirst { last: false };
    work.batch(b.batch(1, stored, &[1, 2], day(1), 100)).await.unwrap();
    let batches = b.passed_on().await;
    b.commit(batches, &mut work).await;
    let found = outlook(&b, &plain(), &Rules::default(), &figures()).await;
    assert_eq!(found, Outlook { accounts: 2, restated: 0, new: 2, judged: 0 });
}

#[actix::test]
async fn a_long_history_is_compared_to_its_end() {
    let mut b = Bench::new().await;
    let mut work = b.work(10, (0, 1));
    let (rows, mut batches) = (u64::from(PAGE) + 1, Vec::new());
    for (number, date) in (1..=rows).zip(10_000..) {
        let date = returns::date::from_days(date).unwrap();
        work.batch(b.batch(number, Intake::Fold, &[1], date, 100)).await.unwrap();
        batches.extend(b.passed_on().await);
    }
    b.commit(batches, &mut work).await;
    let nobody_feeds = Policy { precedence: Vec::new(), ..plain() };
    let found = DryRun {
        store: &*b.store,
        names: &b.names,
        policy: &nobody_feeds,
        feeds: &NO_FEEDS,
        rules: &Rules::default(),
    };
    assert_eq!(found.of(&figures(), |_| {}).await.unwrap().restated, rows);
}
