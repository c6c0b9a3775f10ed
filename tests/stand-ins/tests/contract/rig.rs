//! A Kinesis under test, and what it can do.
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    ChildShard, ConsumerStatus, PutRecordsRequestEntry, Shard, ShardIteratorType, StreamStatus,
};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take before the test says that it does not happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A client whose errors are seen: it never tries again by itself.
pub fn client(url: &str) -> Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// The name of the error a call ended with.
pub fn code<T: Debug, E: ProvideErrorMetadata + Debug>(result: Result<T, SdkError<E>>) -> String {
    error_code(&result.expect_err("an error"))
}

pub fn error_code<E: ProvideErrorMetadata + Debug, R: Debug>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(e) => e.err().code().unwrap_or("none").to_owned(),
        other => panic!("an answer was expected, not {other:?}"),
    }
}

/// A stream of its own for one test.
pub struct Rig {
    pub client: Client,
    pub stream: String,
}

/// What was read of a shard.
#[derive(Debug, Default)]
pub struct Reading {
    pub records: Vec<aws_sdk_kinesis::types::Record>,
    pub ended: bool,
    pub children: Vec<ChildShard>,
}

impl Reading {
    pub fn texts(&self) -> Vec<String> {
        let text = |r: &aws_sdk_kinesis::types::Record| String::from_utf8_lossy(r.data.as_ref()).into_owned();
        self.records.iter().map(text).collect()
    }
}

impl Rig {
    pub async fn new(client: Client, stream: &str, shards: i32) -> Rig {
        client.create_stream().stream_name(stream).shard_count(shards).send().await.unwrap();
        let rig = Rig { client, stream: stream.to_owned() };
        rig.active().await;
        rig
    }

    pub async fn active(&self) {
        self.until("the stream is active", async || {
            let said = self.client.describe_stream_summary().stream_name(&self.stream).send().await.unwrap();
            let status = said.stream_description_summary().unwrap().stream_status().clone();
            (status == StreamStatus::Active).then_some(())
        })
        .await;
    }

    pub async fn consumer_is_active(&self, arn: &str) {
        self.until("the consumer is active", async || {
            let said = self.client.describe_stream_consumer().consumer_arn(arn).send().await.unwrap();
            let status = said.consumer_description().unwrap().consumer_status().clone();
            (status == ConsumerStatus::Active).then_some(())
        })
        .await;
    }

    /// Looks until there is something.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < deadline, "{}: {what} does not come true", self.stream);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn shards(&self) -> Vec<Shard> {
        self.client.list_shards().stream_name(&self.stream).send().await.unwrap().shards().to_vec()
    }

    pub async fn shard(&self, id: &str) -> Shard {
        self.shards().await.into_iter().find(|s| s.shard_id() == id).unwrap()
    }

    pub async fn arn(&self) -> String {
        let said = self.client.describe_stream_summary().stream_name(&self.stream).send().await.unwrap();
        said.stream_description_summary().unwrap().stream_arn().to_owned()
    }

    /// Puts a text under a key; its shard and sequence number.
    pub async fn put(&self, key: &str, text: &str) -> (String, String) {
        let put = self.client.put_record().stream_name(&self.stream).partition_key(key).data(Blob::new(text));
        let put = put.send().await.unwrap();
        (put.shard_id().to_owned(), put.sequence_number().to_owned())
    }

    /// Puts a text by an explicit hash key.
    pub async fn put_at(&self, hash: u128, text: &str) -> (String, String) {
        let put = self.client.put_record().stream_name(&self.stream).partition_key("a key");
        let put = put.explicit_hash_key(hash.to_string()).data(Blob::new(text)).send().await.unwrap();
        (put.shard_id().to_owned(), put.sequence_number().to_owned())
    }

    pub async fn put_many(&self, texts: impl IntoIterator<Item = (String, String)>) {
        let entry = |(key, text): (String, String)| {
            PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new(text)).build().unwrap()
        };
        let entries = texts.into_iter().map(entry).collect();
        let put = self.client.put_records().stream_name(&self.stream).set_records(Some(entries));
        assert_eq!(put.send().await.unwrap().failed_record_count(), Some(0));
    }

    pub async fn iterator(&self, shard: &str, kind: ShardIteratorType, sequence: Option<&str>) -> String {
        let got = self.client.get_shard_iterator().stream_name(&self.stream).shard_id(shard);
        let got = got.shard_iterator_type(kind).set_starting_sequence_number(sequence.map(str::to_owned));
        got.send().await.unwrap().shard_iterator().unwrap().to_owned()
    }

    /// Reads from an iterator until the shard ends, or so many records are there.
    pub async fn read(&self, iterator: String, records: usize) -> Reading {
        let deadline = Instant::now() + PATIENCE;
        let (mut next, mut reading) = (Some(iterator), Reading::default());
        while let Some(iterator) = next.take() {
            let page = self.client.get_records().shard_iterator(iterator).send().await.unwrap();
            reading.records.extend_from_slice(page.records());
            reading.children.extend_from_slice(page.child_shards());
            reading.ended = page.next_shard_iterator().is_none();
            if reading.records.len() >= records {
                break;
            }
            assert!(Instant::now() < deadline, "{} of {records} records came", reading.records.len());
            next = page.next_shard_iterator().map(str::to_owned);
        }
        reading
    }

    pub async fn read_all(&self, shard: &str, records: usize) -> Reading {
        let iterator = self.iterator(shard, ShardIteratorType::TrimHorizon, None).await;
        self.read(iterator, records).await
    }

    /// Reads a closed shard to its end.
    pub async fn read_to_end(&self, shard: &str) -> Reading {
        let reading = self.read_all(shard, usize::MAX).await;
        assert!(reading.ended);
        reading
    }
}

/// A 128-bit number of a shard's range.
pub fn key(text: &str) -> u128 {
    text.parse().unwrap()
}
