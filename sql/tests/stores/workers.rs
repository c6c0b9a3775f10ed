//! Who is at work on a store, and who reads which partitions.
use crate::Opened;
use crate::make::*;
use record::{FeedKey, PartitionId, PartitionKey, Position, Progress};
use returns::ledger::RowChange;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, CommitUnit, DeltaWrite, Generation, PartitionSpec, QuarantineWrite, StoreError};

const LONG: Duration = Duration::from_secs(60);
/// Of a process that dies as it begins.
const NONE: Duration = Duration::ZERO;

async fn join(ready: &Ready, name: &str, ttl: Duration) -> Arc<Generation> {
    Arc::new(ready.store().join(name, ttl).await.unwrap())
}

/// Names and roles of those that are alive.
async fn at_work(ready: &Ready) -> Vec<(String, String)> {
    let told = ready.store().reader().ownership().await.unwrap();
    let alive = told.workers.into_iter().filter(|w| w.expires_at > told.now);
    alive.map(|w| (w.name, w.role)).collect()
}

fn are(workers: &[(&str, &str)]) -> Vec<(String, String)> {
    workers.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect()
}

pub async fn who_stands_by_is_seen_until_it_takes_over_or_goes(opened: Opened) {
    let ready = Ready::new(opened).await;
    for name in ["second", "third", "second", "third"] {
        let busy = ready.store().open_generation(name, LONG).await;
        assert!(matches!(&busy, Err(StoreError::Busy { owner, .. }) if owner == "test"), "{busy:?}");
    }
    let (active, second) = (("test", "active"), ("second", "standby"));
    assert_eq!(at_work(&ready).await, are(&[second, active, ("third", "standby")]));
    ready.store().stand_down("third").await.unwrap();
    ready.store().stand_down("test").await.unwrap();
    assert_eq!(at_work(&ready).await, are(&[second, active]), "only who stands by can stand down");
    ready.store().close_generation(&ready.generation).await.unwrap();
    let second = ready.store().open_generation("second", LONG).await.unwrap();
    assert_eq!(at_work(&ready).await, are(&[("second", "active")]));
    let busy = ready.store().open_generation("test", LONG).await;
    assert!(matches!(&busy, Err(StoreError::Busy { owner, .. }) if owner == "second"), "{busy:?}");
    ready.store().renew(&second).await.unwrap();
}

pub async fn who_expired_and_was_replaced_is_gone_when_it_wakes(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.store().close_generation(&ready.generation).await.unwrap();
    let paused = ready.store().open_generation("paused", NONE).await.unwrap();
    assert_eq!(at_work(&ready).await, are(&[]));
    ready.store().renew(&paused).await.unwrap();
    let next = ready.store().open_generation("next", LONG).await.unwrap();
    assert!(next.number > paused.number);
    assert!(matches!(ready.store().renew(&paused).await, Err(StoreError::LeaseLost)));
    // What it gives back is no longer its own.
    ready.store().close_generation(&paused).await.unwrap();
    assert_eq!(at_work(&ready).await, are(&[("next", "active")]));
    let dead = join(&ready, "dead", NONE).await;
    join(&ready, "living", LONG).await;
    assert!(matches!(ready.store().renew(&dead).await, Err(StoreError::LeaseLost)));
}

pub async fn those_that_ingest_join_in_any_number_beside_the_active_one(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut joined = Vec::new();
    for name in ["i/3", "i/1", "i/2"] {
        joined.push(join(&ready, name, LONG).await);
    }
    assert!(joined.iter().all(|g| g.ingests_alone()));
    let asked = [ready.partition_id.clone(), PartitionId::new("feeds/unknown")];
    let holders = ready.store().holders(&asked).await.unwrap();
    assert_eq!(holders.members, ["i/1", "i/2", "i/3"].map(Arc::from));
    assert_eq!(holders.owners, [Some("test".into()), None]);
    ready.store().renew(&ready.generation).await.unwrap();
    ready.store().renew(&joined[1]).await.unwrap();
    ready.store().close_generation(&joined[0]).await.unwrap();
    assert_eq!(ready.store().holders(&[]).await.unwrap().members, ["i/1", "i/2"].map(Arc::from));
}

fn shard(n: u32) -> PartitionSpec {
    PartitionSpec { id: PartitionId::new(format!("s/{n}")), source: "s".into(), begin: None }
}

fn refused_record(partition: PartitionKey, feed: FeedKey) -> QuarantineWrite {
    QuarantineWrite {
        vendor: "alpha".into(),
        partition,
        position: Progress::At(Position::in_file(10, 1, 0)),
        line: Some(1),
        feed,
        code: "bad_number".into(),
        text: "no number".into(),
        field: None,
        raw: b"x".to_vec(),
        length: 1,
        raw_hash: [1; 32],
        account: None,
        vendor_account: None,
        as_of: None,
        mapping_version: 1,
    }
}

/// A step of a partition as it was opened.
fn step(ready: &Ready, spec: &PartitionSpec, open: &store::OpenPartition, to: Progress) -> DeltaWrite {
    let (partition, id, token) = (open.key, spec.id.clone(), open.token);
    DeltaWrite { partition, id, token, ..ready.delta(open.progress, to) }
}

pub async fn who_ingests_commits_steps_and_quarantine_and_no_account(opened: Opened) {
    let ready = Ready::new(opened).await;
    let one = join(&ready, "i/1", LONG).await;
    let open = ready.store().open_partition(&one, &shard(1)).await.unwrap();
    let unit = CommitUnit {
        generation: Some(one.clone()),
        deltas: vec![step(&ready, &shard(1), &open, at(3))],
        quarantine: vec![refused_record(open.key, ready.feed)],
        ..CommitUnit::default()
    };
    assert_eq!(ready.commit(unit.clone()).await.quarantined, 1);
    let known = ready.store().partitions("s/").await.unwrap();
    assert_eq!(known[0].progress, at(3));
    let rows = vec![write(1, RowChange::New(row("2025-01-02", "100")))];
    let written = ready.store().commit(&CommitUnit { rows, deltas: vec![], ..unit.clone() }).await;
    let refused =
        matches!(&written, Err(CommitError::Store(StoreError::Refused(text))) if text.contains("i/1"));
    assert!(refused, "{written:?}");
    let marked = ready.store().commit(&CommitUnit { marked: vec![1], deltas: vec![], ..unit }).await;
    assert!(matches!(&marked, Err(CommitError::Store(StoreError::Refused(_)))), "{marked:?}");
    assert_eq!(ready.rows().await, []);
}

pub async fn a_partition_is_taken_from_the_dead_and_never_from_the_living(opened: Opened) {
    let ready = Ready::new(opened).await;
    let (dead, living) = (join(&ready, "i/dead", NONE).await, join(&ready, "i/living", LONG).await);
    // The dead one is away for a moment only, and takes two before others look.
    let specs = [shard(1), shard(2), shard(3)];
    let back = join(&ready, "i/dead", LONG).await;
    assert!(back.number > dead.number);
    let ids = |specs: &[PartitionSpec]| specs.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    assert_eq!(ready.store().claim(&back, &specs[..2]).await.unwrap(), ids(&specs[..2]));
    let open = ready.store().open_partition(&back, &shard(1)).await.unwrap();
    assert_eq!(ready.store().claim(&living, &specs).await.unwrap(), ids(&specs[2..]));
    let busy = ready.store().open_partition(&living, &shard(1)).await;
    assert!(matches!(&busy, Err(StoreError::Busy { owner, .. }) if owner == "i/dead"), "{busy:?}");
    // What is claimed again stays as it is: no token is lost.
    assert_eq!(ready.store().claim(&back, &specs[..1]).await.unwrap(), ids(&specs[..1]));
    let first = CommitUnit {
        generation: Some(back.clone()),
        deltas: vec![step(&ready, &shard(1), &open, at(1))],
        ..CommitUnit::default()
    };
    ready.commit(first).await;

    // It dies: whoever joins or takes over then forgets it.
    let dies = join(&ready, "i/dead", NONE).await;
    assert_eq!(ready.store().claim(&living, &specs).await.unwrap(), ids(&specs));
    let late = CommitUnit {
        generation: Some(dies),
        deltas: vec![DeltaWrite { from: at(1), to: at(2), ..step(&ready, &shard(1), &open, at(2)) }],
        ..CommitUnit::default()
    };
    let late = ready.store().commit(&late).await;
    assert!(matches!(&late, Err(CommitError::Store(StoreError::LeaseLost))), "{late:?}");
    let taken = ready.store().open_partition(&living, &shard(1)).await.unwrap();
    assert!(taken.token > open.token && taken.progress == at(1));
}

pub async fn a_partition_given_back_is_free_and_nothing_more_is_committed_of_it(opened: Opened) {
    let ready = Ready::new(opened).await;
    let (one, two) = (join(&ready, "i/1", LONG).await, join(&ready, "i/2", LONG).await);
    let open = ready.store().open_partition(&one, &shard(1)).await.unwrap();
    assert_eq!(ready.store().claim(&two, &[shard(1)]).await.unwrap(), []);
    ready.store().release(&one, open.key, open.token - 1).await.unwrap();
    assert_eq!(ready.store().claim(&two, &[shard(1)]).await.unwrap(), [], "another token gives nothing back");
    ready.store().release(&one, open.key, open.token).await.unwrap();
    let late = CommitUnit {
        generation: Some(one.clone()),
        deltas: vec![step(&ready, &shard(1), &open, at(1))],
        ..CommitUnit::default()
    };
    let late = ready.store().commit(&late).await;
    assert!(matches!(&late, Err(CommitError::Store(StoreError::LeaseLost))), "{late:?}");
    assert_eq!(ready.store().claim(&two, &[shard(1)]).await.unwrap(), [shard(1).id]);
    // Given back twice, it is not taken from who has it now.
    ready.store().release(&one, open.key, open.token).await.unwrap();
    assert_eq!(ready.store().holders(&[shard(1).id]).await.unwrap().owners, [Some("i/2".into())]);
}

pub async fn it_is_told_who_holds_what(opened: Opened) {
    let ready = Ready::new(opened).await;
    let one = join(&ready, "i/1", LONG).await;
    ready.store().claim(&one, &[shard(1), shard(10), shard(2)]).await.unwrap();
    let told = ready.store().reader().ownership().await.unwrap();
    let slots: Vec<u8> = told.slots.iter().map(|(slot, _)| *slot).collect();
    assert_eq!(slots, (0..=255).collect::<Vec<u8>>());
    assert!(told.slots.iter().all(|(_, owner)| owner == "test"));
    let partitions: Vec<(&str, &str)> =
        told.partitions.iter().map(|(p, o)| (p.as_str(), o.as_str())).collect();
    assert_eq!(partitions, [("feeds/day-1.csv", "test"), ("s/1", "i/1"), ("s/10", "i/1"), ("s/2", "i/1")]);
    let test = told.workers.iter().find(|w| w.name == "test").unwrap();
    assert_eq!((test.generation, test.since <= told.now), (ready.generation.number, true));
    assert!(test.expires_at > told.now && test.expires_at <= told.now + 60_000_000);

    // A lease whose owner only stands by, or is gone, is nobody's.
    ready.store().close_generation(&ready.generation).await.unwrap();
    ready.store().close_generation(&one).await.unwrap();
    let told = ready.store().reader().ownership().await.unwrap();
    assert_eq!((told.workers, told.slots, told.partitions), (vec![], vec![], vec![]));
    let next = ready.store().open_generation("next", LONG).await.unwrap();
    ready.store().open_generation("test", LONG).await.unwrap_err();
    let spec = PartitionSpec { id: ready.partition_id.clone(), source: "feeds".into(), begin: None };
    ready.store().open_partition(&next, &spec).await.unwrap();
}

pub async fn what_waits_is_counted(opened: Opened) {
    let ready = Ready::new(opened).await;
    assert_eq!(ready.store().reader().pending().await.unwrap(), store::Pending::default());
    let unit = CommitUnit {
        marked: vec![1],
        breaks: vec![broken("roll_forward", "0.5"), broken("fee_size", "0.5")],
        quarantine: vec![refused_record(ready.partition.key, ready.feed)],
        ..ready.unit()
    };
    ready.commit(unit).await;
    let pending = ready.store().reader().pending().await.unwrap();
    assert_eq!((pending.marked, pending.breaks_open, pending.quarantined), (1, 2, 1));
}
