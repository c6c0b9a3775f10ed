//! What a commit promises: all of it or nothing, one step after the other, and nothing under a lease that is lost.
use crate::Opened;
use crate::make::*;
use record::{PartitionId, Progress};
use returns::ledger::RowChange;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, CommitUnit, StoreError};

pub async fn a_unit_sent_twice_is_refused_and_changes_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut unit = ready.unit();
    unit.rows = vec![write(1, RowChange::New(row("2025-01-02", "100")))];
    unit.facts = facts(1, [flow("2025-01-02", "T1", "5")]);
    unit.deltas = vec![ready.delta(Progress::Start, at(3))];
    let receipt = ready.commit(unit.clone()).await;
    assert_eq!((receipt.inserted, receipt.facts), (1, 1));
    let before = (ready.rows().await, ready.progress().await);
    let again = ready.store().commit(&unit).await;
    let refused = matches!(&again, Err(CommitError::Delta { partition, at: stands, from: Progress::Start })
        if *stands == at(3) && *partition == ready.partition_id);
    assert!(refused, "{again:?}");
    assert_eq!((ready.rows().await, ready.progress().await), before);
    assert_eq!(before.1.1.read, 3);
}

pub async fn a_step_that_does_not_go_on_writes_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    let unit = CommitUnit {
        rows: vec![write(1, RowChange::New(row("2025-01-02", "100")))],
        facts: facts(1, [flow("2025-01-02", "T1", "5")]),
        deltas: vec![ready.delta(at(1), at(2))],
        ..ready.unit()
    };
    let gap = ready.store().commit(&unit).await;
    assert!(matches!(&gap, Err(CommitError::Delta { at: Progress::Start, .. })), "{gap:?}");
    assert_eq!(ready.rows().await, vec![]);
    let totals = ready.store().reader().totals().await.unwrap();
    assert_eq!((totals.rows, totals.facts), (0, 0));
}

pub async fn steps_of_one_partition_go_as_one(opened: Opened) {
    let ready = Ready::new(opened).await;
    let deltas = vec![
        ready.delta(Progress::Start, at(1)),
        ready.delta(at(1), at(2)),
        ready.delta(at(2), Progress::End),
    ];
    ready.commit(CommitUnit { deltas, ..ready.unit() }).await;
    let (progress, counts) = ready.progress().await;
    assert_eq!(progress, Progress::End);
    assert_eq!((counts.read, counts.decoded, counts.quarantined, counts.bytes), (9, 6, 3, 297));
    assert_eq!((counts.records_unaccounted(), counts.observations_unaccounted()), (0, 0));
    let broken = vec![ready.delta(Progress::End, at(7)), ready.delta(at(8), at(9))];
    let refused = ready.store().commit(&CommitUnit { deltas: broken, ..ready.unit() }).await;
    assert!(matches!(&refused, Err(CommitError::Delta { .. })), "{refused:?}");
}

pub async fn a_lost_slot_commits_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.store().close_generation(&ready.generation).await.unwrap();
    let next = ready.store().open_generation("other", Duration::from_secs(60)).await.unwrap();
    assert!(next.number > ready.generation.number);
    let rows = vec![write(1, RowChange::New(row("2025-01-02", "100")))];
    let late = ready.store().commit(&CommitUnit { rows: rows.clone(), ..ready.unit() }).await;
    assert!(matches!(&late, Err(CommitError::Store(StoreError::LeaseLost))), "{late:?}");
    assert!(matches!(ready.store().renew(&ready.generation).await, Err(StoreError::LeaseLost)));
    assert_eq!(ready.rows().await, vec![]);
    let unit = CommitUnit { rows, generation: Some(Arc::new(next)), ..CommitUnit::default() };
    assert_eq!(ready.commit(unit).await.inserted, 1);
}

pub async fn a_lost_partition_commits_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    let stale = ready.delta(Progress::Start, at(1));
    let again = open_partition(ready.store(), &ready.generation, &ready.partition_id).await;
    assert_eq!(again.key, ready.partition.key);
    assert!(again.token > ready.partition.token);
    let rows = vec![write(1, RowChange::New(row("2025-01-02", "100")))];
    let late = ready.store().commit(&CommitUnit { rows, deltas: vec![stale], ..ready.unit() }).await;
    assert!(matches!(&late, Err(CommitError::Store(StoreError::LeaseLost))), "{late:?}");
    assert_eq!((ready.rows().await, ready.progress().await.0), (vec![], Progress::Start));
}

pub async fn one_pipeline_at_a_time(opened: Opened) {
    let ready = Ready::new(opened).await;
    let second = ready.store().open_generation("second", Duration::from_secs(60)).await;
    let busy = matches!(&second, Err(StoreError::Busy { owner, seconds }) if owner == "test" && (1..=60).contains(seconds));
    assert!(busy, "{second:?}");
    ready.store().renew(&ready.generation).await.unwrap();
    ready.store().close_generation(&ready.generation).await.unwrap();
    let second = ready.store().open_generation("second", Duration::from_millis(0)).await.unwrap();
    assert_eq!(second.slots.len(), 256);
    assert!(second.slots.iter().zip(&ready.generation.slots).all(|(new, old)| new > old));
    // Its lease ended at once, so a third takes over without asking.
    ready.store().open_generation("third", Duration::from_secs(60)).await.unwrap();
    assert!(matches!(ready.store().renew(&second).await, Err(StoreError::LeaseLost)));
}

pub async fn a_checkpoint_set_back_keeps_its_counters(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready
        .commit(CommitUnit { deltas: vec![ready.delta(Progress::Start, Progress::End)], ..ready.unit() })
        .await;
    let reopened = open_partition(ready.store(), &ready.generation, &ready.partition_id).await;
    assert_eq!(reopened.progress, Progress::End);
    ready.store().rewind(&ready.generation, std::slice::from_ref(&ready.partition_id)).await.unwrap();
    let (progress, counts) = ready.progress().await;
    assert_eq!((progress, counts.read), (Progress::Start, 3));
    let known = ready.store().partitions("feeds/").await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].key, known[0].progress), (ready.partition.key, Progress::Start));
    assert_eq!((known[0].file_size, known[0].file_modified), (Some(1000), Some(1_700_000_000_000_001)));
    assert_eq!(ready.store().partitions("feeds/day-2").await.unwrap(), vec![]);
    ready.store().close_generation(&ready.generation).await.unwrap();
    ready.store().open_generation("other", Duration::from_secs(60)).await.unwrap();
    let late = ready.store().rewind(&ready.generation, &[PartitionId::new("feeds/day-1.csv")]).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
}
