use crate::fixture::accumulating::Bench;
use crate::fixture::{day, partition, piece};
use crate::messages::{AccountBatch, Intake, Part};
use returns::{Date, Row};

fn fold(b: &Bench, number: u64, accounts: &[u64], date: Date, end: i64) -> AccountBatch {
    b.batch(number, Intake::Fold, accounts, date, end)
}

fn row(batch: &crate::messages::ReturnsBatch, date: Date) -> &Row {
    let of_day = batch.rows.iter().rev().filter_map(|(_, change)| change.row()).find(|r| r.as_of == date);
    of_day.unwrap_or_else(|| panic!("no row of {date}"))
}

#[actix::test]
async fn what_goes_on_at_the_head_is_counted_and_linked() {
    let mut b = Bench::new().await;
    let mut work = b.work(100, (0, 1));
    work.batch(fold(&b, 1, &[1, 2], day(1), 100)).await.unwrap();
    work.batch(fold(&b, 2, &[1], day(2), 110)).await.unwrap();
    let passed_on = b.passed_on().await;
    assert_eq!(row(&passed_on[1], day(2)).twrr, Some("0.1".parse().unwrap()));
    assert!(passed_on.iter().all(|p| p.counts.observations_unaccounted() == 0));
    let written: Vec<Vec<i64>> =
        passed_on.iter().map(|p| p.accounts.iter().map(|a| a.id).collect()).collect();
    assert_eq!(written[0].len(), 2, "both are new");
    assert_eq!(written[1], written[0][..1], "one has its first return, and is the account it was");
    b.commit(passed_on, &mut work).await;
    assert_eq!(b.rows().await.len(), 3);
}

#[actix::test]
async fn a_late_fact_is_settled_on_what_is_not_committed_yet() {
    let mut b = Bench::new().await;
    let mut work = b.work(100, (0, 1));
    for (number, on, end) in [(1, 1, 100), (2, 3, 121), (3, 2, 110)] {
        work.batch(fold(&b, number, &[1], day(on), end)).await.unwrap();
    }
    let passed_on = b.passed_on().await;
    assert_eq!(row(&passed_on[2], day(2)).begin_value, 100.into());
    assert_eq!(row(&passed_on[2], day(3)).begin_value, 110.into());
    assert_eq!(passed_on[2].causes.len(), 1, "the day behind it is restated, with its cause");
    b.commit(passed_on, &mut work).await;
    let ends: Vec<_> = b.rows().await.iter().map(|r| r.row.end_value).collect();
    assert_eq!(ends, [100.into(), 110.into(), 121.into()]);
}

#[actix::test]
async fn a_batch_not_whole_does_not_bring_back_what_a_later_one_replaced() {
    let mut b = Bench::new().await;
    let mut work = b.work(100, (0, 1));
    // Its other piece is with another accumulator, and long in coming.
    let mut first = fold(&b, 1, &[1], day(1), 100);
    first.header.part = Part::Piece { of: 2 };
    work.batch(first).await.unwrap();
    let alone = |batch: AccountBatch| AccountBatch {
        header: crate::messages::Header {
            part: Part::Alone,
            ..piece(batch.header.number, 1, &partition(9), 1)
        },
        ..batch
    };
    work.batch(alone(fold(&b, 2, &[1], day(3), 121))).await.unwrap();
    work.batch(alone(fold(&b, 3, &[1], day(1), 105))).await.unwrap();
    let passed_on = b.passed_on().await;
    b.commit(passed_on, &mut work).await;
    assert!(work.overlay.holds(1), "its step is not committed, its rows are");
    work.batch(alone(fold(&b, 4, &[1], day(2), 110))).await.unwrap();
    let late = b.passed_on().await;
    assert_eq!(row(&late[0], day(2)).begin_value, 105.into());
}

#[actix::test]
async fn accounts_beyond_the_limit_are_dropped_once_committed_and_read_again() {
    let mut b = Bench::new().await;
    let mut work = b.work(2, (0, 1));
    let accounts: Vec<u64> = (1..=9).collect();
    work.batch(fold(&b, 1, &accounts, day(1), 100)).await.unwrap();
    assert_eq!(work.accounts.len(), 9, "nothing of them is in the store");
    let passed_on = b.passed_on().await;
    b.commit(passed_on, &mut work).await;
    work.batch(fold(&b, 2, &[1], day(2), 110)).await.unwrap();
    assert_eq!(
        work.accounts.len(),
        1,
        "the one under way stays, and a few more go so that not every batch sweeps"
    );
    work.batch(fold(&b, 3, &accounts[1..], day(2), 110)).await.unwrap();
    let passed_on = b.passed_on().await;
    assert!(passed_on[1].rows.iter().all(|(_, r)| r.row().unwrap().begin_value == 100.into()));
    b.commit(passed_on, &mut work).await;
    assert_eq!(b.rows().await.len(), 18);
}
