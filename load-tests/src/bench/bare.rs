//! A client of a stream that does nothing with what it reads: what it sees is the stream's own delay.
use super::BenchError;
use super::live::STREAM;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::error::DisplayErrorContext;
use aws_sdk_kinesis::types::{ShardIteratorType, StartingPosition, SubscribeToShardEventStream};
use stand_ins::kinesis::FakeKinesis;
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use tokio::time::interval;

const SHARD: &str = "shardId-000000000000";
/// Kinesis takes five calls a second of a shard.
const CALLS: Duration = Duration::from_millis(200);

/// How records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// GetRecords, as often as Kinesis allows.
    Polling,
    /// SubscribeToShard.
    FanOut,
}

pub fn client(fake: &FakeKinesis) -> Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(fake.settings().region.clone()))
        .endpoint_url(fake.url())
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"));
    Client::from_conf(config.build())
}

/// When each of so many records was there. The first is waited for with the others of `ready`.
pub async fn seen(
    client: &Client,
    way: Way,
    count: usize,
    ready: &Barrier,
) -> Result<Vec<Instant>, BenchError> {
    let mut seen = Seen { at: Vec::with_capacity(count), count, ready };
    match way {
        Way::Polling => poll(client, &mut seen).await?,
        Way::FanOut => subscribe(client, &mut seen).await?,
    }
    Ok(seen.at)
}

/// Times at which a growing count was seen.
pub struct Seen<'r> {
    pub at: Vec<Instant>,
    pub count: usize,
    pub ready: &'r Barrier,
}

impl Seen<'_> {
    /// So many are there now; whether those are all.
    pub async fn now(&mut self, there: usize) -> bool {
        let first = self.at.is_empty() && there > 0;
        self.at.resize(there.max(self.at.len()), Instant::now());
        if first {
            self.ready.wait().await;
        }
        self.at.len() >= self.count
    }
}

async fn poll(client: &Client, seen: &mut Seen<'_>) -> Result<(), BenchError> {
    let begin = client.get_shard_iterator().stream_name(STREAM).shard_id(SHARD);
    let begin = begin.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.map_err(failed)?;
    let (mut iterator, mut there) = (begin.shard_iterator, 0);
    let mut calls = interval(CALLS);
    loop {
        calls.tick().await;
        let page = client.get_records().set_shard_iterator(iterator).send().await.map_err(failed)?;
        there += page.records.len();
        if seen.now(there).await {
            return Ok(());
        }
        iterator = page.next_shard_iterator;
    }
}

async fn subscribe(client: &Client, seen: &mut Seen<'_>) -> Result<(), BenchError> {
    let summary = client.describe_stream_summary().stream_name(STREAM).send().await.map_err(failed)?;
    let arn = summary.stream_description_summary.map(|s| s.stream_arn);
    let consumer = client.register_stream_consumer().set_stream_arn(arn).consumer_name("bare");
    let consumer = consumer.send().await.map_err(failed)?.consumer.map(|c| c.consumer_arn);
    let oldest =
        StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().map_err(failed)?;
    let subscribing = client.subscribe_to_shard().set_consumer_arn(consumer).shard_id(SHARD);
    let mut events = subscribing.starting_position(oldest).send().await.map_err(failed)?.event_stream;
    let mut there = 0;
    while let Some(event) = events.recv().await.map_err(failed)? {
        if let SubscribeToShardEventStream::SubscribeToShardEvent(event) = event {
            there += event.records.len();
        }
        if seen.now(there).await {
            return Ok(());
        }
    }
    Err(BenchError::Kinesis("the subscription ended".into()))
}

fn failed(e: impl Error) -> BenchError {
    BenchError::Kinesis(DisplayErrorContext(e).to_string())
}
