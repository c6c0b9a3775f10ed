//! The plain course: everything once, in order, and on from where it was committed.
use super::support::*;
use crate::Source;
use crate::kinesis::aggregate::Aggregate;
use crate::kinesis::{Consumer, Start};
use record::{BatchLimit, Progress};
use stand_ins::kinesis::{Operation, Settings};
use std::time::{Duration, Instant};

fn fan_out(bench: &mut Bench) {
    bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
}

#[tokio::test]
async fn every_record_of_every_shard_is_read_once() {
    for fans_out in [false, true] {
        let mut bench = Bench::with(
            3,
            Settings { page_bytes: 100, event_bytes: 100, list_page: 1, ..Settings::default() },
        );
        if fans_out {
            fan_out(&mut bench);
        }
        bench.put_many(0..60);
        let mut source = bench.source();
        let read = bench.read(&mut source, 60).await;
        assert_eq!(numbers(&read), (0..60).collect::<Vec<_>>(), "fan-out: {fans_out}");
        bench.put_many(60..90);
        assert_eq!(numbers(&bench.read(&mut source, 30).await), (60..90).collect::<Vec<_>>());
        bench.nothing_comes(&mut source).await;
        let subscriptions = bench.fake.counts().calls(Operation::SubscribeToShard);
        assert_eq!(
            (subscriptions > 0, bench.fake.counts().calls(Operation::GetRecords) > 0),
            (fans_out, !fans_out)
        );
        let standing = source.standing();
        assert!(standing.open.len() == 3 && standing.open.iter().all(|p| p.at_end), "{standing:?}");
    }
}

#[tokio::test]
async fn a_restart_goes_on_behind_what_is_committed_and_reads_the_rest_again() {
    let mut bench = Bench::new(1);
    bench.limit.records = 4;
    bench.put_many(0..20);
    let mut source = bench.source();
    for _ in 0..2 {
        let batch = bench.next(&mut source).await.unwrap();
        bench.commit(&mut source, &batch).await;
    }
    bench.next(&mut source).await.unwrap();
    drop(source);
    let read = bench.read(&mut bench.source(), 12).await;
    assert_eq!(numbers(&read), (8..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_restart_in_the_middle_of_an_aggregate_goes_on_in_it() {
    let mut bench = Bench::new(1);
    bench.limit.records = 1;
    for base in [0, 10] {
        let mut aggregate = Aggregate::new(1 << 20);
        for n in base..base + 10 {
            assert!(aggregate.add(&format!("U{n}"), None, format!("h\n{n}\n").into()));
        }
        let record = aggregate.finish().unwrap();
        bench.fake.put(STREAM, &record.partition_key, &record.data).unwrap();
    }
    let mut all = Vec::new();
    for _ in 0..20 {
        let mut source = bench.source();
        let batch = bench.next(&mut source).await.unwrap();
        all.extend(said(&batch));
        bench.commit(&mut source, &batch).await;
        if all.len() == 20 {
            break;
        }
    }
    assert_eq!(all, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn latest_is_settled_once_and_holds_for_every_later_run() {
    let mut bench = Bench::new(2);
    bench.config.start = Start::Latest;
    bench.put_many(0..10);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut source = bench.source();
    bench.read_until(&mut source, |b| b.fake.counts().calls(Operation::GetRecords) > 4).await;
    bench.put_many(10..20);
    // It dies before anything is committed.
    bench.next(&mut source).await.unwrap();
    drop(source);
    bench.put_many(20..30);
    let mut again = bench.source();
    assert_eq!(numbers(&bench.read(&mut again, 20).await), (10..30).collect::<Vec<_>>());
    let begun: Vec<String> = bench.memory.begun.lock().unwrap().values().map(|b| b.to_string()).collect();
    assert!(begun.iter().all(|b| b.starts_with("at ") && b.ends_with(" of feeds")), "{begun:?}");
}

#[tokio::test]
async fn a_latest_that_is_ahead_of_the_streams_clock_is_asked_for_until_it_is_there() {
    let mut bench = Bench::new(1);
    bench.config.start = Start::Latest;
    bench.fake.set_back(Duration::from_secs(2));
    let mut source = bench.source();
    bench.read_until(&mut source, |b| b.fake.counts().calls(Operation::GetRecords) > 0).await;
    bench.put_many(0..5);
    assert_eq!(numbers(&bench.read(&mut source, 5).await), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn reading_may_begin_at_a_time() {
    let mut bench = Bench::new(1);
    bench.fake.set_back(Duration::from_secs(3600));
    bench.put_many(0..5);
    bench.fake.advance(Duration::from_secs(3600));
    bench.put_many(5..10);
    bench.config.start = Start::AtTimestamp(jiff::Timestamp::now().as_microsecond() - 60_000_000);
    assert_eq!(numbers(&bench.read(&mut bench.source(), 5).await), (5..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn sequence_numbers_that_become_longer_stay_in_order() {
    let bench = Bench::with(1, Settings { sequences_lengthen: true, ..Settings::default() });
    bench.put_many(0..10);
    let mut source = bench.source();
    bench.read(&mut source, 10).await;
    bench.put_many(10..400);
    assert_eq!(numbers(&bench.read(&mut source, 390).await), (10..400).collect::<Vec<_>>());
}

#[tokio::test]
async fn nothing_is_fetched_beyond_what_may_wait_to_be_taken() {
    let mut bench = Bench::with(4, Settings { page_bytes: 10_000, ..Settings::default() });
    bench.config.prefetch = 40_000;
    let line = "x".repeat(1_000);
    (0..800).for_each(|n| bench.put(&format!("U{n}"), &line));
    bench.limit = BatchLimit { records: 10, ..bench.limit };
    let mut source = bench.source();
    let first = bench.next(&mut source).await.unwrap();
    // Nobody takes anything now.
    let since = Instant::now();
    let mut calls = 0;
    while since.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = bench.fake.counts().calls(Operation::GetRecords);
        if now == calls {
            break;
        }
        calls = now;
    }
    assert!(calls <= 8, "{calls} answers of 10,000 bytes were fetched into room for 40,000");
    bench.commit(&mut source, &first).await;
    let rest = bench.read(&mut source, 800 - said(&first).len()).await;
    assert_eq!(rest.len() + said(&first).len(), 800);
}

#[tokio::test]
async fn records_of_ten_mebibytes_pass_a_prefetch_that_is_smaller() {
    let mut bench = Bench::new(1);
    bench.fake.create_stream_of("large", 1, 10 << 20).unwrap();
    bench.config.stream = "large".into();
    bench.config.prefetch = 1 << 20;
    let line = "x".repeat((10 << 20) - 100);
    for n in 0..3 {
        bench.fake.put("large", &format!("U{n}"), format!("h\n{line}\n").as_bytes()).unwrap();
    }
    let read = bench.read(&mut bench.source(), 3).await;
    assert!(read.iter().all(|l| l.len() == line.len()));
}

#[tokio::test]
async fn a_shard_that_is_closed_and_read_stands_at_its_end() {
    let bench = Bench::new(1);
    bench.put_many(0..3);
    let mut source = bench.source();
    bench.read(&mut source, 3).await;
    bench.fake.split(STREAM, "shardId-000000000000").unwrap();
    bench.read_until(&mut source, |b| b.progress("shardId-000000000000") == Some(Progress::End)).await;
    bench.put_many(3..9);
    assert_eq!(numbers(&bench.read(&mut source, 6).await), (3..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_source_of_another_stream_is_not_read_with_the_places_of_the_first() {
    let mut bench = Bench::new(1);
    bench.put_many(0..3);
    bench.read(&mut bench.source(), 3).await;
    bench.fake.create_stream("other", 1).unwrap();
    bench.config.stream = "other".into();
    let e = bench.trouble(&mut bench.source()).await;
    assert!(
        fatal(&e).contains("was read from the stream feeds") && fatal(&e).contains("another name"),
        "{e}"
    );
}

#[tokio::test]
async fn what_arrived_is_known_to_be_read_until_then_and_until_now_at_the_tip() {
    let bench = Bench::new(2);
    bench.put("a", "1");
    let mut source = bench.source();
    bench.read(&mut source, 1).await;
    let before = jiff::Timestamp::now().as_microsecond();
    let all_until = |b: &Bench| {
        let until = b.memory.read_until.lock().unwrap();
        until.len() == 2 && until.values().all(|u| *u > before - 5_000_000)
    };
    bench.read_until(&mut source, all_until).await;
}
