use super::*;
use crate::fixture::accumulating::Bench;
use crate::fixture::{at, day};
use crate::messages::{AccountBatch, Intake};
use record::{Delivery, FeedKey, Survey};
use returns::Status;
use store::{Affected, FeedStep, Store};

const LATER: Intake = Intake::StoreFirst { last: false };
const LAST: Intake = Intake::StoreFirst { last: true };

#[actix::test]
async fn many_accounts_are_folded_in_several_messages_and_counted_once() {
    let mut b = Bench::new().await;
    let mut work = b.work(10_000, (0, 1));
    let accounts: Vec<u64> = (1..=2 * CHUNK as u64 + 50).collect();
    work.batch(b.batch(1, LATER, &accounts, day(2), 110)).await.unwrap();
    let stored = b.passed_on().await;
    assert_eq!((stored.len(), stored[0].rows.len(), stored[0].facts.len()), (1, 0, accounts.len()));
    assert_eq!(stored[0].marked.len(), accounts.len());
    b.commit(stored, &mut work).await;
    assert_eq!(b.store.marked().await.unwrap().len(), accounts.len());

    work.batch(b.batch(2, LAST, &accounts, day(1), 100)).await.unwrap();
    let folded = b.passed_on().await;
    let parts: Vec<Part> = folded.iter().map(|f| f.header.part).collect();
    assert_eq!(parts, [Part::More, Part::More, Part::Piece { of: 1 }]);
    assert!(folded.iter().all(|f| f.folded.len() <= CHUNK));
    let mut ids: Vec<i64> = folded.iter().flat_map(|f| f.folded.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), accounts.len(), "every account once");
    let counts: Vec<(u64, u64)> = folded.iter().map(|f| (f.counts.observed, f.counts.accepted)).collect();
    assert_eq!(counts, [(0, 0), (0, 0), (450, 450)]);
    b.commit(folded, &mut work).await;
    assert_eq!(b.store.marked().await.unwrap(), []);
    let rows = b.rows().await;
    assert_eq!(rows.len(), 2 * accounts.len());
    for two in rows.chunks(2) {
        assert_eq!((two[0].row.status, two[1].row.status), (Status::Anchor, Status::Ok));
        assert_eq!(two[1].row.twrr, Some("0.1".parse().unwrap()));
    }
}

#[actix::test]
async fn what_an_earlier_generation_marked_is_folded_by_its_owner_before_anything_else() {
    let mut b = Bench::new().await;
    let mut gone = b.work(10_000, (0, 1));
    let accounts: Vec<u64> = (1..=9).collect();
    gone.batch(b.batch(1, LATER, &accounts, day(1), 100)).await.unwrap();
    let stored = b.passed_on().await;
    b.commit(stored, &mut gone).await;
    let mut seen = 0;
    for index in 0..2 {
        let mut work = b.work(10_000, (index, 2));
        let mine: Vec<u64> =
            accounts.iter().copied().filter(|n| owner(slot_of(&format!("A{n}")), 2) == index).collect();
        work.batch(b.batch(2, Intake::Fold, &mine[..1], day(2), 110)).await.unwrap();
        let passed_on = b.passed_on().await;
        let parts: Vec<Part> = passed_on.iter().map(|f| f.header.part).collect();
        assert_eq!(parts, [Part::Alone, Part::Piece { of: 1 }]);
        assert_eq!(passed_on[0].folded.len(), mine.len(), "its own, and no other's");
        assert_eq!(
            passed_on[1].rows[0].1.row().map(|r| r.status),
            Some(Status::Ok),
            "the batch goes on from there"
        );
        seen += mine.len();
        work.drain().await.unwrap();
        assert!(b.passed_on().await.is_empty(), "once");
    }
    assert_eq!(seen, accounts.len());
}

#[actix::test]
async fn facts_of_a_feed_that_is_not_in_wait_and_are_not_folded_with_others() {
    let mut b = Bench::new().await;
    let mut work = b.work(10_000, (0, 1));
    work.batch(b.batch(1, Intake::Wait { whole: false }, &[1, 2], day(1), 100)).await.unwrap();
    let waiting = b.passed_on().await;
    assert!(waiting[0].rows.is_empty() && waiting[0].marked.is_empty());
    assert!(waiting[0].facts.iter().all(|(_, f)| f.waiting == Some(WaitingReason::Trailer)));
    assert_eq!((waiting[0].counts.waiting, waiting[0].counts.observations_unaccounted()), (2, 0));
    b.commit(waiting, &mut work).await;
    work.batch(b.batch(2, LAST, &[1], day(2), 110)).await.unwrap();
    let folded = b.passed_on().await;
    b.commit(folded, &mut work).await;
    let rows = b.rows().await;
    let seen: Vec<_> = rows.iter().map(|r| (&*r.account_no, r.row.as_of)).collect();
    assert_eq!(seen, [("A1", day(2))]);
}

/// A batch of a delivery in several messages.
fn delivered(feed: FeedKey, mut batch: AccountBatch) -> AccountBatch {
    batch.facts.iter_mut().for_each(|(_, fact)| fact.feed = feed);
    let dates = batch.facts.iter().map(|(_, fact)| fact.as_of);
    let dates = dates.clone().min().zip(dates.max());
    let stands = match batch.intake {
        Intake::Wait { whole: false } => Delivery::Open { kept: vec![1] },
        _ => Delivery::Whole(Survey::default()),
    };
    batch.header.feed = Some(FeedStep { feed, dates, through: false, delivery: Some(stands.into()) });
    batch
}

#[actix::test]
async fn what_waits_for_a_trailer_counts_with_it_as_if_it_had_been_folded_as_it_came_wherever_it_stopped() {
    let days = [(1, &[1, 2][..]), (2, &[1]), (3, &[1, 2, 3]), (4, &[2])];
    let mut expected = None;
    for stops in std::iter::once(None).chain((0..5).map(Some)) {
        let mut b = Bench::new().await;
        let feed = b.full_feed(7, day(9), 1).await.key;
        let mut work = b.work(10_000, (0, 1));
        for (n, accounts) in days {
            let intake = match (stops, n) {
                // The second batch is of the day, and no part of the delivery.
                (None, _) | (_, 2) => Intake::Fold,
                (Some(_), n) => Intake::Wait { whole: n == 4 },
            };
            let batch = b.batch(n, intake, accounts, day(n as u8), 100 + n as i64);
            work.batch(if n == 2 { batch } else { delivered(feed, batch) }).await.unwrap();
            if stops == Some(n) {
                let so_far = b.passed_on().await;
                b.commit(so_far, &mut work).await;
                if n < 4 {
                    let days: Vec<_> = b.rows().await.iter().map(|r| r.row.as_of).collect();
                    assert!(days.iter().all(|d| *d == day(2)), "{days:?}: what waits does not count");
                }
                work = b.work(10_000, (0, 1));
            }
        }
        let rest = b.passed_on().await;
        b.commit(rest, &mut work).await;
        let rows: Vec<_> = b.rows().await.into_iter().map(|r| (r.account_no, r.row)).collect();
        assert_eq!(rows.len(), 7);
        assert_eq!(*expected.get_or_insert(rows.clone()), rows, "stopped behind {stops:?}");
        // Nothing of it waits any more.
        let waiting = Affected::Waiting { of: feed, dates: None };
        assert_eq!(b.store.affected(&waiting).await.unwrap(), []);
    }
}

#[actix::test]
async fn a_fact_sent_again_is_unchanged_whether_it_is_stored_or_on_its_way() {
    let mut b = Bench::new().await;
    let mut work = b.work(10_000, (0, 1));
    let again = |b: &Bench, number| {
        let mut batch = b.batch(number, LATER, &[1, 1], day(1), 100);
        batch.facts.iter_mut().for_each(|(_, f)| f.place.position = at_line(1_001));
        batch
    };
    work.batch(again(&b, 1)).await.unwrap();
    let first = b.passed_on().await;
    assert_eq!((first[0].counts.accepted, first[0].counts.unchanged), (1, 1), "twice in a batch");
    work.batch(again(&b, 2)).await.unwrap();
    let second = b.passed_on().await;
    assert_eq!((second[0].counts.accepted, second[0].counts.unchanged, second[0].facts.len()), (0, 2, 0));
    b.commit([first, second].concat(), &mut work).await;
    work.batch(again(&b, 3)).await.unwrap();
    let third = b.passed_on().await;
    assert_eq!((third[0].counts.accepted, third[0].counts.unchanged), (0, 2), "known to the store");
}

#[actix::test]
async fn a_line_sent_again_is_known_where_older_ones_of_its_account_are_not_asked_for() {
    for committed in [true, false] {
        let mut b = Bench::new().await;
        let mut work = b.work(10_000, (0, 1));
        work.batch(b.batch(1, LATER, &[1], day(4), 110)).await.unwrap();
        work.batch(b.batch(2, LATER, &[1], day(3), 100)).await.unwrap();
        let stored = b.passed_on().await;
        if committed {
            b.commit(stored.clone(), &mut work).await;
        }
        let mut batch = b.batch(3, LATER, &[1], day(1), 90);
        for (date, value) in [(day(3), 100), (day(1), 90), (day(2), 95)] {
            batch.facts.extend(b.batch(3, LATER, &[1], date, value).facts);
        }
        for ((_, fact), line) in batch.facts.iter_mut().zip(9_001..) {
            fact.place.position = at_line(line);
        }
        work.batch(batch).await.unwrap();
        let last = b.passed_on().await;
        assert_eq!((last[0].counts.accepted, last[0].counts.unchanged), (2, 2));
        let lines: Vec<u64> = last[0].facts.iter().map(|(_, f)| f.fact.place.position.sub).collect();
        assert_eq!(lines, [9_001, 9_004], "day 1, then day 2");
        b.commit(if committed { last } else { [stored, last].concat() }, &mut work).await;
        work.batch(b.batch(4, LAST, &[2], day(1), 100)).await.unwrap();
        let folded = b.passed_on().await;
        b.commit(folded, &mut work).await;
        let rows = b.rows().await;
        let ends: Vec<_> = rows.iter().filter(|r| &*r.account_no == "A1").map(|r| r.row.end_value).collect();
        assert_eq!(ends, [90.into(), 95.into(), 100.into(), 110.into()]);
    }
}

fn at_line(line: u64) -> record::Position {
    match at(line) {
        Progress::At(position) => position,
        _ => record::Position::default(),
    }
}

#[actix::test]
async fn an_account_folded_and_not_committed_stays_in_memory() {
    let mut b = Bench::new().await;
    let mut work = b.work(1, (0, 1));
    work.batch(b.batch(1, LATER, &[1, 2, 3], day(1), 100)).await.unwrap();
    let stored = b.passed_on().await;
    b.commit(stored, &mut work).await;
    work.batch(b.batch(2, LAST, &[1], day(2), 110)).await.unwrap();
    work.batch(b.batch(3, Intake::Fold, &[2], day(2), 110)).await.unwrap();
    let passed_on = b.passed_on().await;
    let row = passed_on[1].rows[0].1.row().unwrap();
    assert_eq!(
        (row.status, row.begin_value),
        (Status::Ok, 100.into()),
        "read from the store it would begin anew"
    );
    b.commit(passed_on, &mut work).await;
    assert_eq!(b.rows().await.len(), 5);
}
