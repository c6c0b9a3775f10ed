//! What the stream let go before it was read.
use super::seen::pass;
use super::support::*;
use crate::kinesis::{Consumer, OnGap};
use crate::{Gap, Next, Source, SourceError};
use record::Progress;
use stand_ins::kinesis::{Fault, Operation, Rule, Settings, TrimmedStart};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const SHARD: &str = "shardId-000000000000";

/// Read until 30 hours ago; since then records came that are gone again, and one that is there.
async fn down_for_too_long(settings: Settings) -> Bench {
    let bench = Bench::with(1, settings);
    bench.fake.set_back(31 * HOUR);
    bench.fake.delete_stream(STREAM).unwrap();
    bench.fake.create_stream(STREAM, 1).unwrap();
    bench.fake.advance(HOUR);
    bench.put_many(0..3);
    bench.read(&mut bench.source(), 3).await;
    // The tip was noted by our clock, which stood still for the stream.
    bench.memory.read_until.lock().unwrap().clear();
    let last = bench.fake.records(STREAM, SHARD).unwrap().last().unwrap().arrival;
    bench.memory.read_until.lock().unwrap().insert(format!("s/{SHARD}"), last * 1000);
    bench.put_many(3..6);
    bench.fake.advance(30 * HOUR);
    bench.fake.trim_all(STREAM, SHARD).unwrap();
    bench.put_many(6..8);
    bench
}

fn gap(bench: &Bench) -> Gap {
    let gaps = bench.memory.gaps.lock().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    gaps[0].clone()
}

#[tokio::test]
async fn a_checkpoint_older_than_the_retention_stops_the_run_and_says_how_to_go_on() {
    for trimmed in [TrimmedStart::Horizon, TrimmedStart::Refused, TrimmedStart::Stuck] {
        let mut bench = down_for_too_long(Settings { trimmed, ..Settings::default() }).await;
        let e = bench.trouble(&mut bench.source()).await;
        assert!(
            fatal(&e).contains("on_gap = \"continue\"") && fatal(&e).contains("keeps records for 24 hours"),
            "{e}"
        );
        let noted = gap(&bench);
        assert_eq!(noted.from_arrival, bench.memory.read_until.lock().unwrap().values().next().copied());
        assert_eq!(Some(noted.from), bench.progress(SHARD));
        assert!(
            noted.from_arrival < noted.to_arrival && matches!(noted.to, Some(Progress::At(_))),
            "{noted:?}"
        );
        bench.memory.gaps.lock().unwrap().clear();
        bench.config.on_gap = OnGap::Continue;
        assert_eq!(numbers(&bench.read(&mut bench.source(), 2).await), [6, 7], "reading goes on behind it");
        assert_eq!(gap(&bench), noted, "it is the same gap");
    }
}

#[tokio::test]
async fn a_checkpoint_whose_record_is_gone_is_no_gap_where_nothing_came_since() {
    let bench = down_for_too_long(Settings::default()).await;
    let now = jiff::Timestamp::now().as_microsecond();
    bench.memory.read_until.lock().unwrap().insert(format!("s/{SHARD}"), now - 3_600_000_000);
    assert_eq!(numbers(&bench.read(&mut bench.source(), 2).await), [6, 7]);
    assert!(bench.memory.gaps.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_reader_left_at_the_horizon_asks_for_the_oldest_record_once() {
    for fans_out in [false, true] {
        let settings = Settings {
            trimmed: TrimmedStart::Stuck,
            heartbeat: Duration::from_millis(20),
            subscription_hold: Duration::ZERO,
            ..Settings::default()
        };
        let mut bench = down_for_too_long(settings).await;
        if fans_out {
            bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
        }
        // Nothing came until an hour ago, so that nothing is lost.
        let now = jiff::Timestamp::now().as_microsecond();
        bench.memory.read_until.lock().unwrap().insert(format!("s/{SHARD}"), now - 3_600_000_000);
        let call = if fans_out { Operation::SubscribeToShard } else { Operation::GetShardIterator };
        let before = bench.fake.counts().calls(call);
        let mut source = bench.source();
        assert_eq!(numbers(&bench.read(&mut source, 2).await), [6, 7], "fan-out: {fans_out}");
        bench.nothing_comes(&mut source).await;
        assert_eq!(bench.fake.counts().calls(call) - before, 2, "where it had stopped, and the oldest");
        assert!(bench.memory.gaps.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_reader_that_walks_through_a_stretch_where_nothing_came_is_left_to_walk() {
    let bench = Bench::new(1);
    bench.put_many(0..3);
    bench.read(&mut bench.source(), 3).await;
    bench.put_many(3..6);
    bench.fake.clock().stop();
    bench.fake.advance(HOUR);
    let empty = bench.fake.inject(Rule::on(Operation::GetRecords, Fault::EmptyPage));
    let before = bench.fake.counts().calls(Operation::GetShardIterator);
    let (mut source, mut walked) = (bench.source(), 0);
    while walked < 50 {
        pass(Duration::from_millis(200)).await;
        assert!(matches!(source.next_batch(&bench.limit).await.unwrap(), Next::Idle));
        let fired = bench.fake.fired(empty);
        // Each answer is less behind than the one before.
        bench.fake.set_back(Duration::from_secs(2 * (fired - walked)));
        walked = fired;
    }
    bench.fake.calm();
    assert_eq!(numbers(&bench.read(&mut source, 3).await), [3, 4, 5]);
    assert_eq!(bench.fake.counts().calls(Operation::GetShardIterator) - before, 1);
}

#[tokio::test]
async fn a_shard_closed_and_emptied_while_we_were_down_is_a_gap_and_its_children_are_read() {
    let mut bench = Bench::new(1);
    bench.put_many(0..3);
    bench.read(&mut bench.source(), 3).await;
    bench.put_many(3..6);
    bench.fake.split(STREAM, SHARD).unwrap();
    bench.put_many(6..12);
    bench.fake.forget_shard(STREAM, SHARD).unwrap();
    let e = bench.trouble(&mut bench.source()).await;
    assert!(fatal(&e).contains("s/shardId-000000000000") && fatal(&e).contains("on_gap"), "{e}");
    assert_eq!(gap(&bench).to, Some(Progress::End));
    assert!(bench.progress("shardId-000000000001").is_none_or(|p| p == Progress::Start), "no child was read");
    bench.config.on_gap = OnGap::Continue;
    let mut source = bench.source();
    assert_eq!(numbers(&bench.read(&mut source, 6).await), (6..12).collect::<Vec<_>>());
    assert_eq!(bench.progress(SHARD), Some(Progress::End), "it is not told again");
}

#[tokio::test]
async fn an_empty_closed_shard_is_no_gap() {
    let bench = Bench::new(1);
    bench.put_many(0..3);
    bench.read(&mut bench.source(), 3).await;
    bench.fake.split(STREAM, SHARD).unwrap();
    bench.fake.trim_all(STREAM, SHARD).unwrap();
    bench.put_many(3..6);
    assert_eq!(numbers(&bench.read(&mut bench.source(), 3).await), [3, 4, 5]);
    assert!(
        bench.memory.gaps.lock().unwrap().is_empty(),
        "what arrived in the last minutes is kept by the stream"
    );
}

#[tokio::test]
async fn a_stream_made_anew_under_the_same_name_is_told_as_a_gap() {
    let bench = Bench::new(1);
    bench.fake.set_back(HOUR);
    bench.put_many(0..3);
    bench.read(&mut bench.source(), 3).await;
    bench.memory.read_until.lock().unwrap().clear();
    bench.fake.advance(HOUR);
    bench.fake.delete_stream(STREAM).unwrap();
    bench.fake.create_stream(STREAM, 1).unwrap();
    bench.put_many(3..6);
    let e = bench.trouble(&mut bench.source()).await;
    assert!(matches!(e, SourceError::Fatal(_)), "{e}");
    assert_eq!(bench.memory.gaps.lock().unwrap().len(), 1);
}
