//! What the fake does on command, seen by way of the AWS SDK. Each test also proves by the fake's counts that the fault happened.
use crate::rig::{PATIENCE, Rig, client, code};
use aws_sdk_kinesis::operation::get_records::GetRecordsError;
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, ShardIteratorType};
use stand_ins::kinesis::{
    Credentials, ErrorKind, FakeKinesis, Fault, Limits, Operation, Rule, Settings, ShardEnd, ShardOrder,
    TrimmedStart, rough_sea,
};
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

const FIRST: &str = "shardId-000000000000";
const STREAM: &str = "feeds";
const THROTTLE: Fault = Fault::Error(ErrorKind::ProvisionedThroughputExceeded);
const BROKEN: Fault = Fault::Error(ErrorKind::InternalFailure);

/// A fake with one stream, and a client of it. Its clock stands, so that nothing expires by chance.
fn made(settings: Settings, shards: u32) -> (FakeKinesis, Rig) {
    let kinesis = FakeKinesis::start(settings).unwrap();
    kinesis.clock().stop();
    kinesis.create_stream(STREAM, shards).unwrap();
    let rig = Rig { client: client(kinesis.url()), stream: STREAM.to_owned() };
    (kinesis, rig)
}

fn put_texts(kinesis: &FakeKinesis, texts: impl IntoIterator<Item = u32>) {
    for i in texts {
        kinesis.put(STREAM, &format!("account-{i}"), i.to_string().as_bytes()).unwrap();
    }
}

async fn horizon(rig: &Rig) -> String {
    rig.iterator(FIRST, ShardIteratorType::TrimHorizon, None).await
}

async fn read_code(rig: &Rig, iterator: &str) -> String {
    code(rig.client.get_records().shard_iterator(iterator).send().await)
}

#[tokio::test]
async fn an_iterator_expires_with_its_time_and_at_once_on_command() {
    let (kinesis, rig) = made(Settings::default(), 1);
    let iterator = horizon(&rig).await;
    kinesis.advance(Duration::from_secs(300));
    assert!(rig.client.get_records().shard_iterator(&iterator).send().await.is_ok());
    kinesis.advance(Duration::from_millis(1));
    assert_eq!(read_code(&rig, &iterator).await, "ExpiredIteratorException");
    let iterator = horizon(&rig).await;
    kinesis.expire_iterators();
    assert_eq!(read_code(&rig, &iterator).await, "ExpiredIteratorException");
    assert_eq!(kinesis.counts().errors(Operation::GetRecords, ErrorKind::ExpiredIterator), 2);
}

#[tokio::test]
async fn five_reads_a_second_are_all_a_shard_gives() {
    let (kinesis, rig) = made(Settings { limits: Limits::REAL, ..Settings::default() }, 2);
    let iterator = horizon(&rig).await;
    for _ in 0..5 {
        rig.client.get_records().shard_iterator(&iterator).send().await.unwrap();
    }
    assert_eq!(read_code(&rig, &iterator).await, "ProvisionedThroughputExceededException");
    let other = rig.iterator("shardId-000000000001", ShardIteratorType::TrimHorizon, None).await;
    assert!(rig.client.get_records().shard_iterator(other).send().await.is_ok());
    kinesis.advance(Duration::from_millis(200));
    assert!(rig.client.get_records().shard_iterator(&iterator).send().await.is_ok());
}

#[tokio::test]
async fn a_page_of_ten_megabytes_is_paid_with_five_seconds() {
    let (kinesis, rig) = made(Settings { limits: Limits::REAL, ..Settings::default() }, 1);
    for _ in 0..11 {
        kinesis.put(STREAM, "k", &vec![b'x'; 1_000_000]).unwrap();
    }
    let page = rig.client.get_records().shard_iterator(horizon(&rig).await).send().await.unwrap();
    assert_eq!(page.records().len(), 10);
    let next = page.next_shard_iterator().unwrap();
    kinesis.advance(Duration::from_millis(3700));
    assert_eq!(read_code(&rig, next).await, "ProvisionedThroughputExceededException");
    kinesis.advance(Duration::from_millis(1300));
    assert_eq!(rig.client.get_records().shard_iterator(next).send().await.unwrap().records().len(), 1);
}

#[tokio::test]
async fn more_than_a_shard_takes_in_a_second_is_refused_record_by_record() {
    let (kinesis, rig) = made(Settings { limits: Limits::REAL, ..Settings::default() }, 1);
    let entry = PutRecordsRequestEntry::builder().partition_key("k").data(Blob::new("x")).build().unwrap();
    let batch = || rig.client.put_records().stream_name(STREAM).set_records(Some(vec![entry.clone(); 500]));
    let mut failed = 0;
    for _ in 0..3 {
        let put = batch().send().await.unwrap();
        let codes: Vec<_> = put.records().iter().filter_map(|r| r.error_code()).collect();
        assert!(codes.iter().all(|c| *c == "ProvisionedThroughputExceededException"));
        assert_eq!(put.failed_record_count(), i32::try_from(codes.len()).ok());
        failed += codes.len();
    }
    assert_eq!((failed, kinesis.records(STREAM, FIRST).unwrap().len()), (500, 1000));
    assert_eq!(kinesis.counts().records_refused, 500);
    kinesis.advance(Duration::from_secs(1));
    assert_eq!(batch().send().await.unwrap().failed_record_count(), Some(0));
}

#[tokio::test]
async fn partial_failures_refuse_some_records_and_keep_the_others() {
    let (kinesis, rig) = made(Settings::default(), 1);
    let rule = kinesis.inject(Rule::on(Operation::PutRecords, Fault::PartialPut(300)).times(1));
    let entry = |i: u32| {
        let data = Blob::new(i.to_string());
        PutRecordsRequestEntry::builder().partition_key("k").data(data).build().unwrap()
    };
    let batch = rig.client.put_records().stream_name(STREAM).set_records(Some((0..100).map(entry).collect()));
    let put = batch.send().await.unwrap();
    let good: Vec<String> =
        (0..100).filter(|i| put.records()[*i].error_code().is_none()).map(|i| i.to_string()).collect();
    assert!((10..90).contains(&(100 - good.len())), "{} refused", 100 - good.len());
    assert_eq!(rig.read_all(FIRST, good.len()).await.texts(), good);
    assert_eq!(
        (kinesis.fired(rule), kinesis.counts().records_refused),
        (1, 100 - u64::try_from(good.len()).unwrap())
    );
}

#[tokio::test]
async fn a_storm_of_errors_passes() {
    let (kinesis, rig) = made(Settings::default(), 1);
    let iterator = horizon(&rig).await;
    kinesis.inject(Rule::on(Operation::GetRecords, BROKEN).times(3));
    kinesis.inject(Rule::on(Operation::GetRecords, THROTTLE).times(1));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(read_code(&rig, &iterator).await);
    }
    assert_eq!(codes[..3], ["InternalFailure"; 3]);
    assert_eq!(codes[3], "ProvisionedThroughputExceededException");
    assert!(rig.client.get_records().shard_iterator(&iterator).send().await.is_ok());
    assert_eq!(kinesis.counts().injected(Operation::GetRecords, BROKEN), 3);
}

#[tokio::test]
async fn one_operation_is_denied_and_the_others_are_not() {
    let (kinesis, rig) = made(Settings::default(), 1);
    let rule = kinesis.inject(Rule::on(Operation::ListShards, Fault::Error(ErrorKind::AccessDenied)));
    for _ in 0..2 {
        assert_eq!(code(rig.client.list_shards().stream_name(STREAM).send().await), "AccessDeniedException");
    }
    horizon(&rig).await;
    kinesis.withdraw(rule);
    assert_eq!((rig.shards().await.len(), kinesis.fired(rule)), (1, 2));
}

#[tokio::test]
async fn a_page_cut_in_the_middle_can_be_read_again() {
    let (kinesis, rig) = made(Settings::default(), 1);
    put_texts(&kinesis, 0..1000);
    let iterator = horizon(&rig).await;
    kinesis.inject(Rule::on(Operation::GetRecords, Fault::Cut).times(1));
    kinesis.inject(Rule::on(Operation::GetRecords, Fault::HangUp).times(1));
    for _ in 0..2 {
        let cut = rig.client.get_records().shard_iterator(&iterator).send().await.unwrap_err();
        assert!(cut.as_service_error().is_none_or(GetRecordsError::is_internal_failure_exception), "{cut:?}");
    }
    assert_eq!(rig.read(iterator, 1000).await.records.len(), 1000);
    let counts = kinesis.counts();
    assert_eq!((counts.injected_anywhere(Fault::Cut), counts.injected_anywhere(Fault::HangUp)), (1, 1));
}

#[tokio::test]
async fn an_answer_comes_as_late_as_was_said() {
    let (kinesis, rig) = made(Settings::default(), 1);
    kinesis.inject(Rule::on(Operation::ListShards, Fault::Latency(Duration::from_millis(300))));
    let began = Instant::now();
    rig.shards().await;
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn an_empty_page_hides_what_is_there() {
    let (kinesis, rig) = made(Settings::default(), 1);
    put_texts(&kinesis, 0..3);
    kinesis.advance(Duration::from_secs(7));
    kinesis.inject(Rule::on(Operation::GetRecords, Fault::EmptyPage).times(1));
    let page = rig.client.get_records().shard_iterator(horizon(&rig).await).send().await.unwrap();
    assert_eq!((page.records().len(), page.millis_behind_latest()), (0, Some(7000)));
    assert_eq!(rig.read(page.next_shard_iterator().unwrap().to_owned(), 3).await.texts(), ["0", "1", "2"]);
}

#[tokio::test]
async fn what_is_trimmed_is_gone_and_its_reader_goes_on_at_the_horizon() {
    let (kinesis, rig) = made(Settings::default(), 1);
    put_texts(&kinesis, 0..5);
    let records = kinesis.records(STREAM, FIRST).unwrap();
    kinesis.trim(STREAM, FIRST, records[3].sequence).unwrap();
    let first = records[0].sequence.to_string();
    let after = rig.iterator(FIRST, ShardIteratorType::AfterSequenceNumber, Some(&first)).await;
    assert_eq!(rig.read(after, 2).await.texts(), ["3", "4"]);
}

#[tokio::test]
async fn where_settings_say_so_a_reader_at_a_trimmed_place_stays_at_the_horizon() {
    let (kinesis, rig) = made(Settings { trimmed: TrimmedStart::Stuck, ..Settings::default() }, 1);
    put_texts(&kinesis, 0..5);
    let records = kinesis.records(STREAM, FIRST).unwrap();
    kinesis.trim(STREAM, FIRST, records[3].sequence).unwrap();
    let at = async |i: usize| {
        let number = records[i].sequence.to_string();
        rig.iterator(FIRST, ShardIteratorType::AtSequenceNumber, Some(&number)).await
    };
    let mut iterator = at(2).await;
    for _ in 0..50 {
        let page = rig.client.get_records().shard_iterator(iterator).send().await.unwrap();
        assert_eq!((page.records().len(), page.millis_behind_latest()), (0, Some(86_400_000)));
        iterator = page.next_shard_iterator().unwrap().to_owned();
    }
    assert_eq!(rig.read(at(3).await, 2).await.texts(), ["3", "4"]);
    assert_eq!(rig.read(horizon(&rig).await, 2).await.texts(), ["3", "4"]);
}

#[tokio::test]
async fn where_settings_say_so_a_trimmed_place_is_refused() {
    let (kinesis, rig) = made(Settings { trimmed: TrimmedStart::Refused, ..Settings::default() }, 1);
    put_texts(&kinesis, 0..5);
    let records = kinesis.records(STREAM, FIRST).unwrap();
    kinesis.trim(STREAM, FIRST, records[3].sequence).unwrap();
    let at = |i: usize| {
        let asked = rig.client.get_shard_iterator().stream_name(STREAM).shard_id(FIRST);
        let asked = asked.shard_iterator_type(ShardIteratorType::AfterSequenceNumber);
        asked.starting_sequence_number(records[i].sequence.to_string()).send()
    };
    assert_eq!(code(at(0).await), "InvalidArgumentException");
    assert!(at(3).await.is_ok());
}

#[tokio::test]
async fn retention_takes_old_records_and_closed_shards_and_children_still_name_their_parent() {
    let (kinesis, rig) = made(Settings::default(), 1);
    put_texts(&kinesis, 0..5);
    kinesis.advance(Duration::from_secs(3600));
    let [low, _] = kinesis.split(STREAM, FIRST).unwrap();
    kinesis.advance(Duration::from_secs(23 * 3600));
    assert_eq!(rig.shards().await.len(), 3);
    assert_eq!(rig.read_to_end(FIRST).await.texts().len(), 5);
    kinesis.advance(Duration::from_millis(1));
    assert_eq!(rig.read_to_end(FIRST).await.texts().len(), 0);
    kinesis.advance(Duration::from_secs(3600));
    let left = rig.shards().await;
    assert_eq!(left.len(), 2);
    assert_eq!(rig.shard(&low).await.parent_shard_id(), Some(FIRST));
    let gone = rig.client.get_shard_iterator().stream_name(STREAM).shard_id(FIRST);
    let gone = gone.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await;
    assert_eq!(code(gone), "ResourceNotFoundException");
}

#[tokio::test]
async fn an_empty_closed_shard_ends_and_names_its_children() {
    for end in [ShardEnd::WithLastRecords, ShardEnd::OnAnEmptyPage] {
        let (kinesis, rig) = made(Settings { shard_end: end, ..Settings::default() }, 1);
        put_texts(&kinesis, 0..1);
        kinesis.scale(STREAM, 3).unwrap();
        let closed: Vec<_> = kinesis.shards(STREAM).unwrap().into_iter().filter(|s| !s.open).collect();
        assert!(closed.iter().any(|s| s.records == 0), "{closed:?}");
        for shard in closed {
            let got = rig.read_to_end(&shard.id).await;
            assert_eq!(got.records.len(), shard.records);
            assert!(!got.children.is_empty());
        }
    }
}

#[tokio::test]
async fn shards_come_in_any_order_on_pages_of_any_size_and_each_once() {
    let (kinesis, rig) = made(Settings { list_page: 3, ..Settings::default() }, 8);
    kinesis.split(STREAM, FIRST).unwrap();
    let mut orders = BTreeSet::new();
    for order in [ShardOrder::ById, ShardOrder::Reversed, ShardOrder::Shuffled(1), ShardOrder::Shuffled(2)] {
        kinesis.list_shards_in(order);
        let (mut seen, mut page) =
            (Vec::new(), rig.client.list_shards().stream_name(STREAM).send().await.unwrap());
        loop {
            assert!(page.shards().len() <= 3);
            seen.extend(page.shards().iter().map(|s| s.shard_id().to_owned()));
            let Some(token) = page.next_token() else { break };
            page = rig.client.list_shards().next_token(token).send().await.unwrap();
        }
        assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (10, 10), "{order:?}");
        orders.insert(seen);
    }
    assert_eq!(orders.len(), 4);
}

#[tokio::test]
async fn a_page_token_expires() {
    let (kinesis, rig) = made(Settings::default(), 4);
    let page = rig.client.list_shards().stream_name(STREAM).max_results(1).send().await.unwrap();
    let token = page.next_token().unwrap();
    let both = rig.client.list_shards().stream_name(STREAM).next_token(token).send().await;
    assert_eq!(code(both), "InvalidArgumentException");
    kinesis.advance(Duration::from_secs(301));
    assert_eq!(code(rig.client.list_shards().next_token(token).send().await), "ExpiredNextTokenException");
}

#[tokio::test]
async fn a_stream_that_is_deleted_and_made_again_is_another_one() {
    let (kinesis, rig) = made(Settings::default(), 1);
    let iterator = horizon(&rig).await;
    kinesis.delete_stream(STREAM).unwrap();
    assert_eq!(read_code(&rig, &iterator).await, "ResourceNotFoundException");
    assert_eq!(code(rig.client.list_shards().stream_name(STREAM).send().await), "ResourceNotFoundException");
    kinesis.create_stream(STREAM, 1).unwrap();
    assert_eq!(read_code(&rig, &iterator).await, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_time_ahead_of_the_service_is_refused() {
    let (kinesis, rig) = made(Settings::default(), 1);
    let at = |millis: i64| {
        let asked = rig.client.get_shard_iterator().stream_name(STREAM).shard_id(FIRST);
        let asked = asked.shard_iterator_type(ShardIteratorType::AtTimestamp);
        asked.timestamp(DateTime::from_millis(millis)).send()
    };
    let now = kinesis.clock().now();
    assert!(at(now).await.is_ok());
    kinesis.set_back(Duration::from_secs(1));
    assert_eq!(code(at(now).await), "InvalidArgumentException");
}

#[tokio::test]
async fn who_signs_wrongly_is_told_why() {
    let known = || Credentials::Key("test".to_owned());
    let (kinesis, rig) = made(Settings { credentials: known(), ..Settings::default() }, 1);
    rig.shards().await;
    let list = || rig.client.list_shards().stream_name(STREAM).send();
    kinesis.advance(Duration::from_secs(3600));
    assert_eq!(code(list().await), "InvalidSignatureException");
    let settings = Settings { credentials: known(), region: "eu-west-1".to_owned(), ..Settings::default() };
    let elsewhere = FakeKinesis::start(settings).unwrap();
    let listed = client(elsewhere.url()).list_shards().stream_name(STREAM).send().await;
    assert_eq!(code(listed), "InvalidSignatureException");
    let credentials = Credentials::Key("another".to_owned());
    let stranger = FakeKinesis::start(Settings { credentials, ..Settings::default() }).unwrap();
    let listed = client(stranger.url()).list_shards().stream_name(STREAM).send().await;
    assert_eq!(code(listed), "UnrecognizedClientException");
}

#[tokio::test]
async fn numbers_grow_longer_where_settings_say_so_and_reading_goes_on() {
    let (kinesis, rig) = made(Settings { sequences_lengthen: true, ..Settings::default() }, 1);
    put_texts(&kinesis, 0..300);
    let records = kinesis.records(STREAM, FIRST).unwrap();
    let lengths: BTreeSet<usize> = records.iter().map(|r| r.sequence.to_string().len()).collect();
    assert_eq!(lengths, [55, 56].into());
    let from = records[50].sequence.to_string();
    let after = rig.iterator(FIRST, ShardIteratorType::AfterSequenceNumber, Some(&from)).await;
    assert_eq!(rig.read(after, 249).await.records.len(), 249);
}

#[tokio::test]
async fn records_of_ten_megabytes_pass_where_the_stream_takes_them() {
    let (kinesis, rig) = made(Settings::default(), 1);
    let large = vec![b'x'; 10 * 1024 * 1024 - 1];
    let put = || {
        rig.client.put_record().stream_name(STREAM).partition_key("k").data(Blob::new(large.clone())).send()
    };
    assert_eq!(code(put().await), "ValidationException");
    let arn = rig.arn().await;
    let larger = rig.client.update_max_record_size().stream_arn(arn).max_record_size_in_kib(10_240);
    larger.send().await.unwrap();
    put().await.unwrap();
    put().await.unwrap();
    let got = rig.read_all(FIRST, 2).await;
    assert!(got.records.iter().all(|r| r.data().as_ref() == large));
    assert_eq!(kinesis.counts().calls(Operation::GetRecords), 2);
}

#[tokio::test]
async fn more_than_may_be_held_is_refused_with_its_reason() {
    let (kinesis, rig) = made(Settings { max_bytes: 1000, ..Settings::default() }, 1);
    let put =
        || rig.client.put_record().stream_name(STREAM).partition_key("k").data(Blob::new([0; 700])).send();
    put().await.unwrap();
    assert_eq!(code(put().await), "InternalFailure");
    kinesis.trim_all(STREAM, FIRST).unwrap();
    assert!(put().await.is_ok());
}

/// Reads shards and then their children to the end, trying again whatever goes wrong, from after the last record it has.
async fn read_everything(kinesis: &FakeKinesis, rig: &Rig, expected: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let (mut texts, mut shards) = (Vec::new(), VecDeque::from([FIRST.to_owned()]));
    let mut known: BTreeSet<String> = shards.iter().cloned().collect();
    while let Some(shard) = shards.pop_front() {
        let (mut last, mut iterator) = (None::<String>, None::<String>);
        while texts.len() < expected {
            assert!(Instant::now() < deadline, "{} of {expected} came: {:?}", texts.len(), kinesis.counts());
            let Some(current) = iterator.clone() else {
                let asked = rig.client.get_shard_iterator().stream_name(STREAM).shard_id(&shard);
                let kind = if last.is_some() {
                    ShardIteratorType::AfterSequenceNumber
                } else {
                    ShardIteratorType::TrimHorizon
                };
                let asked = asked.shard_iterator_type(kind).set_starting_sequence_number(last.clone());
                iterator = asked.send().await.ok().and_then(|got| got.shard_iterator);
                continue;
            };
            let Ok(page) = rig.client.get_records().shard_iterator(current).limit(50).send().await else {
                iterator = None;
                continue;
            };
            texts
                .extend(page.records().iter().map(|r| String::from_utf8_lossy(r.data.as_ref()).into_owned()));
            last = page.records().last().map(|r| r.sequence_number().to_owned()).or(last);
            iterator = page.next_shard_iterator().map(str::to_owned);
            if iterator.is_none() {
                let children = page.child_shards().iter().map(|c| c.shard_id().to_owned());
                shards.extend(children.filter(|c| known.insert(c.clone())));
                break;
            }
        }
    }
    texts
}

#[tokio::test]
async fn who_tries_again_loses_and_doubles_nothing_in_a_rough_sea() {
    let (kinesis, rig) = made(Settings { seed: 3, ..Settings::default() }, 1);
    put_texts(&kinesis, 0..500);
    kinesis.split(STREAM, FIRST).unwrap();
    put_texts(&kinesis, 500..1000);
    kinesis.merge(STREAM, "shardId-000000000001", "shardId-000000000002").unwrap();
    put_texts(&kinesis, 1000..1500);
    kinesis.inject_all(rough_sea(150));
    let got = read_everything(&kinesis, &rig, 1500).await;
    let injected: u64 = kinesis.counts().injected.values().sum();
    assert!(injected >= 10, "{injected} faults");
    assert_eq!(got.len(), 1500);
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), (0..1500).map(|i: u32| i.to_string()).collect());
}
