//! What lasts for a minute and more: throttles, a storm of errors, a reader that falls behind.
use super::seen::{Log, Metrics, pass};
use super::support::*;
use stand_ins::kinesis::{ErrorKind, Fault, Operation, Rule, Settings};
use std::time::Duration;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
/// Of the minute at a time; the network is given time of its own after each.
const STEP: Duration = Duration::from_millis(100);

/// A minute in which every answer is this error. No second holds more calls than the share of the shard's, and there are far fewer of them in all.
async fn a_minute_of(error: ErrorKind, log: &Log) {
    let metrics = Metrics::new();
    let _watched = metrics.watch();
    let mut bench = Bench::new(1);
    bench.config.read_share = 40;
    bench.put_many(0..10);
    let mut source = bench.source();
    bench.read(&mut source, 10).await;
    let calls = || bench.fake.counts().calls(Operation::GetRecords);
    let before = calls();
    let rule = bench.fake.inject(Rule::on(Operation::GetRecords, Fault::Error(error)));
    bench.put_many(10..20);
    let since = Instant::now();
    while since.elapsed() < MINUTE {
        pass(STEP).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        // One may be under way when it begins.
        let (made, time) = (calls() - before, since.elapsed());
        assert!(u128::from(made) <= 2 + time.as_millis() * 2 / 1_000, "{made} calls in {time:?}");
    }
    let fired = bench.fake.fired(rule);
    assert!((7..=12).contains(&fired), "{fired} calls in a minute");
    bench.fake.withdraw(rule);
    // No pause is longer.
    pass(Duration::from_secs(15)).await;
    assert_eq!(numbers(&bench.read(&mut source, 10).await), (10..20).collect::<Vec<_>>());
    bench.nothing_comes(&mut source).await;
    assert!(log.lines(&["ERROR"]).is_empty());
    let counted = [metrics.of(0, "throttles_total"), metrics.of(0, "failed_calls_total")];
    let expected = match error {
        ErrorKind::ProvisionedThroughputExceeded => [fired, 0],
        _ => [0, fired],
    };
    assert_eq!(counted, expected.map(Some));
}

#[tokio::test]
async fn a_reader_throttled_for_a_minute_asks_ever_less_says_nothing_and_goes_on_by_itself() {
    let log = Log::new();
    a_minute_of(ErrorKind::ProvisionedThroughputExceeded, &log).await;
    assert!(log.lines(&["WARN"]).is_empty(), "to be throttled is normal: {:?}", log.lines(&["WARN"]));
}

#[tokio::test]
async fn a_minute_of_errors_of_the_service_is_warned_of_now_and_then_and_sat_out() {
    for (error, code) in [
        (ErrorKind::InternalFailure, "InternalFailure"),
        (ErrorKind::ServiceUnavailable, "ServiceUnavailable"),
    ] {
        let log = Log::new();
        a_minute_of(error, &log).await;
        let warned = log.lines(&["WARN"]);
        assert!((1..=2).contains(&warned.len()), "{warned:?}");
        assert!(
            warned[0].contains("stream feeds in us-east-1: GetRecords: ") && warned[0].contains(code),
            "{warned:?}"
        );
    }
}

#[tokio::test]
async fn a_single_call_that_fails_is_counted_and_not_told() {
    let (metrics, log) = (Metrics::new(), Log::new());
    let _watched = metrics.watch();
    let bench = Bench::new(1);
    bench.put_many(0..3);
    bench.fake.inject(Rule::on(Operation::GetRecords, Fault::HangUp).times(1));
    bench.read(&mut bench.source(), 3).await;
    assert_eq!(metrics.of(0, "failed_calls_total"), Some(1));
    assert!(log.lines(&["WARN"]).is_empty(), "{:?}", log.lines(&["WARN"]));
}

#[tokio::test]
async fn a_reader_behind_by_half_of_what_the_stream_keeps_is_warned_of_once_and_so_is_its_catching_up() {
    let log = Log::new();
    let bench = Bench::with(1, Settings { page_bytes: 10, ..Settings::default() });
    let hours = |n: u64| Duration::from_secs(n * 3600);
    bench.fake.set_back(hours(13));
    bench.fake.delete_stream(STREAM).unwrap();
    bench.fake.create_stream(STREAM, 1).unwrap();
    bench.put_many(0..5);
    bench.fake.advance(hours(2));
    bench.put_many(5..10);
    bench.fake.advance(hours(11));
    bench.put_many(10..15);
    let half = || log.lines(&["WARN", "older than half of the 24 hours", "shardId-000000000000"]).len();
    let over = || log.lines(&["INFO", "the shard has caught up"]).len();
    let mut source = bench.source();
    let mut read = bench.read(&mut source, 4).await;
    assert_eq!((half(), over()), (1, 0), "each record came as an answer of its own");
    read.extend(bench.read_until(&mut source, |_| over() > 0).await);
    read.extend(bench.read(&mut source, 15 - read.len()).await);
    bench.nothing_comes(&mut source).await;
    assert_eq!(numbers(&read), (0..15).collect::<Vec<_>>());
    assert_eq!((half(), over()), (1, 1), "it is told once, and once that it is over");
}
