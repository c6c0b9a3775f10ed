use super::{messages, numbers};
use crate::kinesis::aggregate::{hash_key, read};
use crate::send::kinesis::KinesisSender;
use crate::send::{Outgoing, SendError};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use stand_ins::kinesis::{ErrorKind, FakeKinesis, Fault, Limits, Operation, Rule, Settings};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

fn fake(shards: u32, settings: Settings) -> FakeKinesis {
    let fake = FakeKinesis::start(settings).unwrap();
    fake.create_stream("feeds", shards).unwrap();
    fake
}

fn client(fake: &FakeKinesis) -> Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(fake.url())
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        // Ours alone are tried.
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

async fn send(
    fake: &FakeKinesis,
    all: &[Outgoing],
    aggregate: Option<usize>,
) -> Result<KinesisSender, SendError> {
    let mut sender = KinesisSender::over(client(fake), "feeds", aggregate).await?;
    for message in all {
        sender.send(message.clone()).await?;
    }
    sender.finish().await?;
    Ok(sender)
}

/// What lies in the stream, by key, in the order of its shard.
fn stored(fake: &FakeKinesis) -> BTreeMap<String, Vec<String>> {
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for shard in fake.shards("feeds").unwrap() {
        for record in fake.records("feeds", &shard.id).unwrap() {
            let data = record.data.into();
            match read(&data) {
                None => by_key.entry(record.partition_key).or_default().push(text(&data)),
                Some(unpacked) => unpacked.records().for_each(|user| {
                    assert!(shard.range.start <= hash_key(user.partition_key));
                    assert!(hash_key(user.partition_key) <= shard.range.end);
                    by_key.entry(user.partition_key.to_owned()).or_default().push(text(user.data));
                }),
            }
        }
    }
    by_key
}

fn text(data: &[u8]) -> String {
    String::from_utf8(data.to_vec()).unwrap()
}

#[tokio::test]
async fn records_refused_one_by_one_are_put_again_once_and_no_key_loses_its_order() {
    let fake = fake(3, Settings::default());
    fake.inject(Rule::on(Operation::PutRecords, Fault::PartialPut(300)).by_chance(700));
    fake.inject(Rule::on(Operation::PutRecords, Fault::Error(ErrorKind::InternalFailure)).by_chance(100));
    fake.inject(Rule::on(Operation::PutRecords, Fault::HangUp).by_chance(50));
    let all = messages(400, 37);
    let sender = send(&fake, &all, None).await.unwrap();
    let found = stored(&fake);
    assert_eq!(found.len(), 37);
    for (key, numbers_found) in found {
        assert_eq!(numbers_found, numbers(&all, &key), "{key}");
    }
    assert!(fake.counts().records_refused > 0, "the fault happened");
    assert!(sender.sent.retries.load(Relaxed) >= fake.counts().records_refused);
    assert_eq!(sender.sent.messages.load(Relaxed), 400);
}

#[tokio::test]
async fn a_call_that_nobody_answered_is_made_again_and_order_holds_all_the_same() {
    let fake = fake(2, Settings::default());
    let cut = fake.inject(Rule::on(Operation::PutRecords, Fault::Cut).by_chance(400));
    let all = messages(200, 20);
    send(&fake, &all, None).await.unwrap();
    assert!(fake.fired(cut) > 0, "the fault happened");
    for (key, mut found) in stored(&fake) {
        found.dedup();
        assert_eq!(found, numbers(&all, &key), "{key}: the same record twice, and none out of turn");
    }
}

#[tokio::test]
async fn a_full_shard_slows_it_down_and_loses_nothing() {
    let limits = Limits { records_in: Some(200), ..Limits::NONE };
    let fake = fake(1, Settings { limits, ..Settings::default() });
    let all = messages(500, 100);
    let sender = send(&fake, &all, None).await.unwrap();
    assert!(sender.sent.retries.load(Relaxed) > 0, "the shard was full");
    for (key, found) in stored(&fake) {
        assert_eq!(found, numbers(&all, &key), "{key}");
    }
}

#[tokio::test]
async fn aggregates_hold_what_belongs_to_their_shard_in_order_whatever_is_refused() {
    let fake = fake(4, Settings::default());
    fake.inject(Rule::on(Operation::PutRecords, Fault::PartialPut(400)).by_chance(500));
    let all = messages(2_000, 50);
    let sender = send(&fake, &all, Some(1_000)).await.unwrap();
    for (key, found) in stored(&fake) {
        assert_eq!(found, numbers(&all, &key), "{key}");
    }
    let puts = sender.sent.puts.load(Relaxed);
    assert!(puts < 200, "{puts} records of the stream hold 2,000 messages");
    assert_eq!(sender.sent.messages.load(Relaxed), 2_000);
    let longest = fake
        .shards("feeds")
        .unwrap()
        .iter()
        .flat_map(|s| fake.records("feeds", &s.id).unwrap())
        .map(|r| r.data.len() + r.partition_key.len())
        .max();
    assert!(longest.unwrap() <= 1_000);
}

#[tokio::test]
async fn a_single_message_does_not_wait_for_others() {
    let fake = fake(1, Settings::default());
    for aggregate in [None, Some(1_000)] {
        let mut sender = KinesisSender::over(client(&fake), "feeds", aggregate).await.unwrap();
        sender.send(messages(1, 1).remove(0)).await.unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while sender.sent.messages.load(Relaxed) == 0 {
            assert!(std::time::Instant::now() < deadline, "it is put while nothing else comes");
            sender
                .work_until(std::time::Instant::now() + std::time::Duration::from_millis(20))
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn what_will_not_pass_is_told_at_once_with_what_to_do() {
    let fake = fake(1, Settings::default());
    let cases = [
        (ErrorKind::ResourceNotFound, "there is no such stream"),
        (ErrorKind::AccessDenied, "kinesis:PutRecords is not allowed"),
        (ErrorKind::UnrecognizedClient, "AWS_ACCESS_KEY_ID"),
    ];
    for (kind, told) in cases {
        fake.inject(Rule::on(Operation::PutRecords, Fault::Error(kind)).times(1));
        let wrong = send(&fake, &messages(1, 1), None).await.err().unwrap();
        assert!(wrong.0.contains(told), "{wrong}");
    }
    assert_eq!(fake.counts().calls(Operation::PutRecords), 3, "none was tried again");
}
