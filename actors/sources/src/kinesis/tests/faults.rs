//! What goes wrong with a stream, and what comes of it.
use super::support::*;
use crate::kinesis::Consumer;
use crate::kinesis::aggregate::{Aggregate, MAGIC};
use crate::{Source, SourceError};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use stand_ins::kinesis::{Credentials, ErrorKind, Fault, Limits, Operation, Rule, Settings};
use std::time::Duration;

#[tokio::test]
async fn a_stream_that_is_not_there_is_told_with_its_name_and_region() {
    let mut bench = Bench::new(1);
    bench.config.stream = "feed".into();
    let e = bench.trouble(&mut bench.source()).await;
    for part in [
        "stream feed in us-east-1",
        "DescribeStreamSummary",
        "check the stream's name, the region and the account",
    ] {
        assert!(fatal(&e).contains(part), "{e}");
    }
}

#[tokio::test]
async fn no_region_and_no_credentials_are_told_before_anything_is_called() {
    let mut bench = Bench::new(1);
    bench.aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let e = bench.trouble(&mut bench.source()).await;
    assert!(fatal(&e).contains("set AWS_REGION"), "{e}");
    bench.aws = bench.aws.into_builder().region(Region::new("us-east-1")).build();
    let e = bench.trouble(&mut bench.source()).await;
    assert!(fatal(&e).contains("no AWS credentials were found: set AWS_PROFILE"), "{e}");
    assert_eq!(bench.fake.counts().calls.len(), 0);
}

#[tokio::test]
async fn credentials_that_aws_does_not_know_are_told() {
    let bench =
        Bench::with(1, Settings { credentials: Credentials::Key("another".into()), ..Settings::default() });
    let e = bench.trouble(&mut bench.source()).await;
    assert!(fatal(&e).contains("AWS_ACCESS_KEY_ID"), "{e}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_mended_by_the_sdk_or_told() {
    let bench =
        Bench::with(1, Settings { credentials: Credentials::Key("test".into()), ..Settings::default() });
    bench.fake.advance(Duration::from_secs(3600));
    bench.put_many(0..3);
    // The SDK learns the difference from the first refusal.
    let mut source = bench.source();
    match bench.next(&mut source).await {
        Ok(batch) => assert_eq!(said(&batch), ["0", "1", "2"]),
        Err(e) => assert!(fatal(&e).contains("the clock of this machine"), "{e}"),
    }
}

#[tokio::test]
async fn access_denied_on_one_call_of_several_names_the_call_to_allow() {
    for call in [
        Operation::DescribeStreamSummary,
        Operation::ListShards,
        Operation::GetShardIterator,
        Operation::GetRecords,
        Operation::RegisterStreamConsumer,
        Operation::SubscribeToShard,
    ] {
        let mut bench = Bench::new(1);
        if matches!(call, Operation::RegisterStreamConsumer | Operation::SubscribeToShard) {
            bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
        }
        bench.put_many(0..3);
        let denied = bench.fake.inject(Rule::on(call, Fault::Error(ErrorKind::AccessDenied)));
        let e = bench.trouble(&mut bench.source()).await;
        assert!(e.to_string().contains(&format!("kinesis:{}", call.name())), "{e}");
        assert!(bench.fake.fired(denied) > 0);
    }
}

#[tokio::test]
async fn access_that_is_taken_away_while_we_run_may_be_given_back() {
    let bench = Bench::new(1);
    bench.put_many(0..3);
    let mut source = bench.source();
    bench.read(&mut source, 3).await;
    bench.fake.inject(Rule::on(Operation::GetRecords, Fault::Error(ErrorKind::AccessDenied)));
    let e = bench.trouble(&mut source).await;
    assert!(matches!(e, SourceError::Transient(_)), "{e}");
    bench.fake.calm();
    bench.put_many(3..6);
    assert_eq!(numbers(&bench.read(&mut bench.source(), 3).await), [3, 4, 5]);
}

#[tokio::test]
async fn a_stream_deleted_under_its_reader_ends_the_run_and_says_so() {
    for fans_out in [false, true] {
        let mut bench = Bench::new(2);
        if fans_out {
            bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
        }
        bench.put_many(0..10);
        let mut source = bench.source();
        bench.read(&mut source, 10).await;
        bench.fake.delete_stream(STREAM).unwrap();
        let e = bench.trouble(&mut source).await;
        assert!(
            fatal(&e).contains("stream feeds in us-east-1") && fatal(&e).contains("ResourceNotFound"),
            "{e}"
        );
    }
}

#[tokio::test]
async fn after_a_connection_cut_in_the_middle_of_an_answer_nothing_is_missing_or_doubled() {
    for fans_out in [false, true] {
        let mut bench = Bench::with(2, Settings { page_bytes: 300, event_bytes: 300, ..Settings::default() });
        let call = if fans_out { Operation::SubscribeToShard } else { Operation::GetRecords };
        if fans_out {
            bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
        }
        bench.put_many(0..100);
        let cut = bench.fake.inject(Rule::on(call, Fault::Cut).times(4));
        let mut source = bench.source();
        assert_eq!(numbers(&bench.read(&mut source, 100).await), (0..100).collect::<Vec<_>>());
        bench.nothing_comes(&mut source).await;
        assert!(bench.fake.fired(cut) > 0);
    }
}

#[tokio::test]
async fn one_reader_alone_is_not_throttled_by_the_real_limits() {
    let bench = Bench::with(2, Settings { limits: Limits::REAL, ..Settings::default() });
    for n in 0..400 {
        bench.put(&format!("U{n}"), &n.to_string());
    }
    let mut source = bench.source();
    bench.read(&mut source, 400).await;
    let since = std::time::Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        bench.nothing_comes(&mut source).await;
    }
    let counts = bench.fake.counts();
    assert_eq!(counts.errors(Operation::GetRecords, ErrorKind::ProvisionedThroughputExceeded), 0);
    assert!(counts.calls(Operation::GetRecords) >= 20, "it read at its pace: {counts:?}");
}

#[tokio::test]
async fn iterators_that_are_too_old_are_replaced_behind_what_was_read() {
    let bench = Bench::with(2, Settings { page_bytes: 200, ..Settings::default() });
    bench.put_many(0..60);
    let mut source = bench.source();
    let mut all = Vec::new();
    // Nothing of it is committed: were iterators renewed from there, records would come twice.
    while all.len() < 60 {
        bench.fake.expire_iterators();
        all.extend(said(&bench.next(&mut source).await.unwrap()));
    }
    assert_eq!(numbers(&all), (0..60).collect::<Vec<_>>());
    assert!(bench.fake.counts().errors(Operation::GetRecords, ErrorKind::ExpiredIterator) > 0);
}

#[tokio::test]
async fn page_tokens_that_are_too_old_begin_the_listing_anew() {
    let bench = Bench::with(5, Settings { list_page: 1, ..Settings::default() });
    bench
        .fake
        .inject(Rule::on(Operation::ListShards, Fault::Error(ErrorKind::ExpiredNextToken)).after(2).times(1));
    bench.put_many(0..50);
    assert_eq!(numbers(&bench.read(&mut bench.source(), 50).await), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_empty_answer_is_not_the_end_of_a_shard() {
    let bench = Bench::new(1);
    bench.put_many(0..5);
    let empty = bench.fake.inject(Rule::on(Operation::GetRecords, Fault::EmptyPage).times(5));
    assert_eq!(numbers(&bench.read(&mut bench.source(), 5).await), [0, 1, 2, 3, 4]);
    assert_eq!(bench.fake.fired(empty), 5);
}

#[tokio::test]
async fn a_poison_aggregate_passes_on_as_the_record_it_is() {
    let bench = Bench::new(1);
    let mut aggregate = Aggregate::new(1000);
    assert!(aggregate.add("a", None, "h\n1\n".into()));
    let sound = aggregate.finish().unwrap().data;
    let mut poison = sound.to_vec();
    let last = poison.len() - 1;
    poison[last] ^= 1;
    for data in [&sound[..], &poison, &MAGIC] {
        bench.fake.put(STREAM, "a", data).unwrap();
    }
    bench.put("a", "2");
    let mut source = bench.source();
    let read = bench.read(&mut source, 2).await;
    assert_eq!((read.first().map(String::as_str), read.last().map(String::as_str)), (Some("1"), Some("2")));
    assert!(source.standing().open.len() == 1);
}

#[tokio::test]
async fn a_subscription_that_another_holds_is_asked_for_again() {
    let mut bench =
        Bench::with(1, Settings { subscription_hold: Duration::from_secs(3), ..Settings::default() });
    bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
    bench.put_many(0..5);
    let mut first = bench.source();
    bench.read(&mut first, 5).await;
    // The old process is still there when the new one comes.
    let mut second = bench.source();
    bench.put_many(5..8);
    let read = bench.read(&mut second, 3).await;
    assert_eq!(numbers(&read), [5, 6, 7]);
    assert!(bench.fake.counts().errors(Operation::SubscribeToShard, ErrorKind::ResourceInUse) > 0);
    drop(first);
}

#[tokio::test]
async fn subscriptions_that_end_are_renewed_and_go_on_behind_what_was_read() {
    let mut bench = Bench::new(2);
    bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
    let mut source = bench.source();
    for round in 0..3 {
        bench.put_many(10 * round..10 * round + 10);
        let expected: Vec<usize> = (10 * round..10 * round + 10).collect();
        assert_eq!(numbers(&bench.read(&mut source, 10).await), expected);
        bench.fake.end_subscriptions();
    }
}
