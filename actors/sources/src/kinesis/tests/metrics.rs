//! What is counted and measured, to the last one.
use super::seen::{Metrics, pass};
use super::support::*;
use crate::Source;
use crate::kinesis::aggregate::{Aggregate, MAGIC};
use crate::kinesis::{Consumer, KinesisSource, OnGap};
use record::Progress;
use stand_ins::kinesis::{ErrorKind, Fault, Operation, Rule, Settings};
use std::time::Duration;

/// Hash keys of the first and the second of two shards.
const SHARDS: [u128; 2] = [0, u128::MAX];
const FIRST: &str = "shardId-000000000000";

/// Puts a record of one line into a shard of two, and says how many bytes its payload has.
fn put_into(bench: &Bench, shard: usize, line: &str) -> u64 {
    let data = format!("h\n{line}\n");
    bench.fake.put_at(STREAM, "k", SHARDS[shard], data.as_bytes()).unwrap();
    data.len() as u64
}

/// Asks until a metric has come about.
async fn until(bench: &Bench, source: &mut KinesisSource, holds: impl Fn() -> bool) {
    bench.read_until(source, |_| holds()).await;
}

#[tokio::test]
async fn records_bytes_and_user_records_are_counted_once_and_for_their_shard() {
    let (metrics, bench) = (Metrics::new(), Bench::new(2));
    let _watched = metrics.watch();
    let mut bytes = [0, 0];
    for line in ["1", "22", "333"] {
        bytes[0] += put_into(&bench, 0, line);
    }
    // Both its records claim the first hash key of the first shard.
    let mut aggregate = Aggregate::new(1 << 20);
    for line in ["h\n4\n", "h\n5\n"] {
        assert!(aggregate.add("k", Some(0), line.into()));
    }
    let (sound, mut poison) = (aggregate.finish().unwrap().data, MAGIC.to_vec());
    poison.extend_from_slice(b"h\n6\n");
    for data in [&sound[..], &poison] {
        bench.fake.put_at(STREAM, "k", SHARDS[1], data).unwrap();
        bytes[1] += data.len() as u64;
    }
    let mut source = bench.source();
    let all = |name: &str| [metrics.of(0, name).unwrap(), metrics.of(1, name).unwrap()];
    assert_eq!(numbers(&bench.read(&mut source, 6).await), [1, 4, 5, 6, 22, 333]);
    bench.nothing_comes(&mut source).await;
    assert_eq!(all("records_total"), [3, 2]);
    assert_eq!(all("bytes_total"), bytes);
    assert_eq!(all("user_records_total"), [3, 3]);
    assert_eq!(all("unsound_aggregates_total"), [0, 1]);
    assert_eq!(all("out_of_range_user_records_total"), [0, 2]);
    let (sum, count) = ("user_records_per_aggregate_sum", "user_records_per_aggregate_count");
    assert_eq!((metrics.all(sum), metrics.all(count)), (Some(2), Some(1)));
    for name in ["throttles_total", "failed_calls_total", "iterator_renewals_total"] {
        assert_eq!(all(name), [0, 0], "{name}");
    }
    // Each call that gave no record was an empty read.
    let empty: u64 = all("empty_reads_total").iter().sum();
    let calls = bench.fake.counts().calls(Operation::GetRecords);
    assert!((calls - 4..=calls - 2).contains(&empty), "{empty} of {calls} calls gave nothing");
}

#[tokio::test]
async fn each_call_that_gave_nothing_is_counted_as_what_it_was() {
    let (metrics, bench) = (Metrics::new(), Bench::new(1));
    let _watched = metrics.watch();
    for (error, times) in [
        (ErrorKind::ProvisionedThroughputExceeded, 2),
        (ErrorKind::InternalFailure, 1),
        (ErrorKind::ExpiredIterator, 4),
    ] {
        bench.fake.inject(Rule::on(Operation::GetRecords, Fault::Error(error)).times(times));
    }
    bench.fake.inject(Rule::on(Operation::GetRecords, Fault::EmptyPage).times(5));
    bench.put_many(0..3);
    let mut source = bench.source();
    assert_eq!(numbers(&bench.read(&mut source, 3).await), [0, 1, 2]);
    let counted = |name: &str| metrics.of(0, name).unwrap();
    assert_eq!(counted("throttles_total"), 2);
    assert_eq!(counted("failed_calls_total"), 1);
    assert_eq!(counted("iterator_renewals_total"), 4);
    assert!(counted("empty_reads_total") >= 5);
    assert_eq!(counted("records_total"), 3);
}

#[tokio::test]
async fn subscriptions_that_are_refused_and_renewed_are_counted() {
    let (metrics, mut bench) = (Metrics::new(), Bench::new(1));
    let _watched = metrics.watch();
    bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
    let in_use = Fault::Error(ErrorKind::ResourceInUse);
    bench.fake.inject(Rule::on(Operation::SubscribeToShard, in_use).times(2));
    bench.put_many(0..3);
    let mut source = bench.source();
    bench.read(&mut source, 3).await;
    let counted = |name: &str| metrics.of(0, name).unwrap();
    assert_eq!((counted("subscriptions_in_use_total"), counted("subscription_renewals_total")), (2, 0));
    bench.fake.end_subscriptions();
    bench.put_many(3..6);
    assert_eq!(numbers(&bench.read(&mut source, 3).await), [3, 4, 5]);
    assert_eq!(counted("subscription_renewals_total"), 1);
}

#[tokio::test]
async fn lag_is_told_of_each_shard_and_of_the_slowest_and_falls_to_nothing_once_all_is_read() {
    let (metrics, bench) = (Metrics::new(), Bench::new(2));
    let _watched = metrics.watch();
    let seconds_behind = |shard| metrics.of(shard, "shard_millis_behind_latest").unwrap_or(0) / 1_000;
    let slowest = || metrics.all("millis_behind_latest").unwrap_or(0) / 1_000;
    bench.fake.clock().stop();
    put_into(&bench, 0, "1");
    bench.fake.advance(Duration::from_secs(30));
    put_into(&bench, 1, "2");
    bench.fake.advance(Duration::from_secs(40));
    // It hides what is there.
    bench.fake.inject(Rule::on(Operation::GetRecords, Fault::EmptyPage));
    let mut source = bench.source();
    until(&bench, &mut source, || (seconds_behind(0), seconds_behind(1)) == (70, 40)).await;
    until(&bench, &mut source, || slowest() == 70).await;

    // Given up for another process, it is not ours to be behind with.
    bench.memory.others.lock().unwrap().insert(format!("s/{FIRST}"));
    until(&bench, &mut source, || (seconds_behind(0), slowest()) == (0, 40)).await;
    bench.memory.others.lock().unwrap().clear();
    until(&bench, &mut source, || (seconds_behind(0), slowest()) == (70, 70)).await;

    // Closed and read, it is behind with nothing, whatever its last answer but one said.
    bench.fake.split(STREAM, FIRST).unwrap();
    bench.fake.calm();
    bench.read_until(&mut source, |b| b.progress(FIRST) == Some(Progress::End)).await;
    until(&bench, &mut source, || (seconds_behind(0), seconds_behind(1), slowest()) == (0, 0, 0)).await;

    // And so is a source that was dropped in the middle.
    bench.fake.inject(Rule::on(Operation::GetRecords, Fault::EmptyPage));
    put_into(&bench, 1, "3");
    bench.fake.advance(Duration::from_secs(20));
    until(&bench, &mut source, || (seconds_behind(1), slowest()) == (20, 20)).await;
    drop(source);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((seconds_behind(1), slowest()), (0, 0));
}

#[tokio::test]
async fn the_age_of_a_checkpoint_grows_until_what_was_read_is_committed() {
    let (metrics, bench) = (Metrics::new(), Bench::new(1));
    let _watched = metrics.watch();
    let age = || (metrics.of(0, "shard_checkpoint_age_seconds"), metrics.all("checkpoint_age_seconds"));
    bench.put_many(0..3);
    let mut source = bench.source();
    let batch = bench.next(&mut source).await.unwrap();
    assert_eq!(said(&batch).len(), 3);
    pass(Duration::from_secs(7)).await;
    until(&bench, &mut source, || matches!(age(), (Some(7..60), Some(7..60)))).await;
    bench.commit(&mut source, &batch).await;
    until(&bench, &mut source, || age() == (Some(0), Some(0))).await;
    assert!(source.standing().open.len() == 1);
}

#[tokio::test]
async fn each_gap_is_counted_as_an_error_once() {
    let (metrics, mut bench) = (Metrics::new(), Bench::with(1, Settings::default()));
    let _watched = metrics.watch();
    bench.config.on_gap = OnGap::Continue;
    bench.put_many(0..3);
    bench.read(&mut bench.source(), 3).await;
    bench.memory.read_until.lock().unwrap().clear();
    bench.fake.trim_all(STREAM, FIRST).unwrap();
    bench.put_many(3..6);
    let mut source = bench.source();
    assert_eq!(numbers(&bench.read(&mut source, 3).await), [3, 4, 5]);
    bench.nothing_comes(&mut source).await;
    assert_eq!((metrics.all("gaps_total"), bench.memory.gaps.lock().unwrap().len()), (Some(1), 1));
}
