//! Partitions of streams: where they begin, how far they are read, and what was lost of them.
use crate::Opened;
use crate::make::*;
use record::{PartitionId, Progress};
use std::sync::Arc;
use std::time::Duration;
use store::{CommitUnit, DeltaWrite, FeedSpec, GapWrite, PartitionSpec, ReadUntil, StoreError};

fn shard(name: &str, begin: &str) -> PartitionSpec {
    PartitionSpec { id: PartitionId::new(name), source: "feeds".into(), begin: Some(begin.into()) }
}

async fn begins(ready: &Ready) -> Vec<(String, Option<Arc<str>>)> {
    let known = ready.store().partitions("feeds/").await.unwrap();
    known.into_iter().map(|k| (k.id.to_string(), k.begin)).collect()
}

pub async fn where_a_partition_begins_is_settled_once(opened: Opened) {
    let ready = Ready::new(opened).await;
    let first = [shard("feeds/s-1", "at 7"), shard("feeds/s-2", "trim_horizon")];
    ready.store().begin(&ready.generation, &first).await.unwrap();
    let settled = begins(&ready).await;
    let said = |name: &str, begin: Option<&str>| (name.to_owned(), begin.map(Arc::from));
    let (one, two) = (said("feeds/s-1", Some("at 7")), said("feeds/s-2", Some("trim_horizon")));
    // A file is opened without a word: it begins at its first byte.
    assert_eq!(settled, [said("feeds/day-1.csv", None), one, two]);

    let later = [shard("feeds/s-1", "at 8"), shard("feeds/s-3", "at 8"), shard("feeds/day-1.csv", "at 8")];
    ready.store().begin(&ready.generation, &later).await.unwrap();
    ready.store().open_partition(&ready.generation, &shard("feeds/s-2", "at 8")).await.unwrap();
    let again = begins(&ready).await;
    assert_eq!((&again[..3], &again[3..]), (&settled[..], &[said("feeds/s-3", Some("at 8"))][..]));
    let opened = ready.store().open_partition(&ready.generation, &shard("feeds/s-1", "at 9")).await.unwrap();
    assert_eq!(opened.progress, Progress::Start);
}

pub async fn nothing_begins_under_a_lease_that_is_lost(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.store().close_generation(&ready.generation).await.unwrap();
    ready.store().open_generation("other", Duration::from_secs(60)).await.unwrap();
    let late = ready.store().begin(&ready.generation, &[shard("feeds/s-1", "at 7")]).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    let late = ready.store().note_gap(&ready.generation, &gap()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(begins(&ready).await.len(), 1);
    assert_eq!(ready.store().reader().gaps().await.unwrap(), []);
}

async fn read_until(ready: &Ready) -> Option<i64> {
    let all = ready.store().reader().checkpoints().await.unwrap();
    let told = all.into_iter().find(|c| c.id == ready.partition_id).unwrap().read_until;
    let known = ready.store().partitions("feeds/day-1").await.unwrap();
    assert_eq!(known[0].read_until, told);
    told
}

pub async fn how_far_a_stream_is_read_moves_with_its_steps_and_never_back(opened: Opened) {
    let ready = Ready::new(opened).await;
    let step = |from, to, read_until| DeltaWrite { read_until, ..ready.delta(from, to) };
    let commit = async |deltas| _ = ready.commit(CommitUnit { deltas, ..ready.unit() }).await;
    commit(vec![step(Progress::Start, at(1), None)]).await;
    assert_eq!(read_until(&ready).await, None);
    commit(vec![step(at(1), at(2), Some(70)), step(at(2), at(3), Some(90)), step(at(3), at(4), None)]).await;
    assert_eq!(read_until(&ready).await, Some(90));
    commit(vec![step(at(4), at(5), Some(80))]).await;
    assert_eq!(read_until(&ready).await, Some(90));
    commit(vec![step(at(5), at(6), None)]).await;
    assert_eq!(read_until(&ready).await, Some(90));
    let refused = CommitUnit { deltas: vec![step(at(5), at(7), Some(200))], ..ready.unit() };
    assert!(ready.store().commit(&refused).await.is_err());
    assert_eq!(read_until(&ready).await, Some(90));
    ready.store().rewind(&ready.generation, std::slice::from_ref(&ready.partition_id)).await.unwrap();
    assert_eq!(read_until(&ready).await, None, "what is read again is not read yet");
}

pub async fn while_a_stream_is_idle_it_is_noted_how_far_it_is_read(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.commit(CommitUnit { deltas: vec![ready.delta(Progress::Start, at(1))], ..ready.unit() }).await;
    let (partition, token) = (ready.partition.key, ready.partition.token);
    let note = async |token, at, until| {
        let note = ReadUntil { partition, token, at, until };
        ready.store().note_read_until(&ready.generation, &[note]).await
    };
    note(token, at(1), 70).await.unwrap();
    assert_eq!(read_until(&ready).await, Some(70));
    note(token, at(1), 60).await.unwrap();
    assert_eq!(read_until(&ready).await, Some(70));
    // What lies between is read, but not committed: after a crash it is still to be read.
    note(token, at(2), 90).await.unwrap();
    assert_eq!(read_until(&ready).await, Some(70));
    let granted = open_partition(ready.store(), &ready.generation, &ready.partition_id).await;
    let late = note(token, at(1), 95).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(read_until(&ready).await, Some(70));
    note(granted.token, at(1), 95).await.unwrap();
    assert_eq!(read_until(&ready).await, Some(95));
}

fn gap() -> GapWrite {
    GapWrite {
        partition: PartitionId::new("feeds/s-1"),
        source: "feeds".into(),
        from: at(3),
        from_arrival: Some(70),
        to: None,
        to_arrival: None,
        retention_hours: Some(24),
    }
}

pub async fn what_a_stream_lost_is_one_gap_however_often_it_is_noticed(opened: Opened) {
    let ready = Ready::new(opened).await;
    let note = async |gap: &GapWrite| ready.store().note_gap(&ready.generation, gap).await.unwrap();
    note(&gap()).await;
    let first = ready.store().reader().gaps().await.unwrap();
    let [noted] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((&noted.partition, noted.source.as_str(), noted.from), (&gap().partition, "feeds", at(3)));
    assert_eq!((noted.from_arrival, noted.to, noted.to_arrival), (Some(70), None, None));
    assert_eq!(noted.retention_hours, Some(24));
    assert!(noted.noticed_at > 1_700_000_000_000_000);

    note(&GapWrite { to: Some(at(9)), to_arrival: Some(90), ..gap() }).await;
    note(&GapWrite { from_arrival: None, retention_hours: None, ..gap() }).await;
    note(&GapWrite { from: at(9), ..gap() }).await;
    let all = ready.store().reader().gaps().await.unwrap();
    let filled = store::GapRow { to: Some(at(9)), to_arrival: Some(90), ..noted.clone() };
    assert_eq!((all.len(), &all[0], all[1].from), (2, &filled, at(9)));
}

pub async fn a_source_remembers_the_earliest_mapping_its_messages_were_read_with(opened: Opened) {
    let ready = Ready::new(opened).await;
    let day = |name: &str, vendor: &str, mapping_version| FeedSpec {
        hash: None,
        name: name.into(),
        vendor: vendor.into(),
        status: "open",
        mapping_version,
        ..file("stream", 0)
    };
    for spec in [day("2025-01-02", "alpha", 3), day("2025-01-03", "alpha", 4), day("2025-01-03", "beta", 1)] {
        ready.store().open_feed(&spec).await.unwrap();
    }
    // What has an end is read again as a feed of its own.
    ready.store().open_feed(&FeedSpec { mapping_version: 1, ..file("day-2.csv", 2) }).await.unwrap();
    let told = ready.store().streamed_with("feeds").await.unwrap();
    assert_eq!(told, [("alpha".into(), 3), ("beta".into(), 1)]);
    assert_eq!(ready.store().streamed_with("other").await.unwrap(), []);
}
