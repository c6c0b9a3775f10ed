//! A source over a fake Kinesis and a store in memory.
use crate::kinesis::{Consumer, KinesisConfig, KinesisSource, OnGap, Start};
use crate::testing::{LinesLayout, Memory, Shared};
use crate::{Compression, Next, Source, SourceError};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use record::{BatchLimit, Progress, RawBatch};
use stand_ins::kinesis::{FakeKinesis, Settings};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long anything may take before a test says that it does not happen.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const STREAM: &str = "feeds";

pub struct Bench {
    pub fake: FakeKinesis,
    pub memory: Arc<Memory>,
    pub layout: Arc<LinesLayout>,
    pub config: KinesisConfig,
    pub limit: BatchLimit,
    pub aws: SdkConfig,
}

pub fn aws(url: &str) -> SdkConfig {
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(5));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "tests",
        )))
        .retry_config(retries)
        .build()
}

impl Bench {
    pub fn new(shards: u32) -> Bench {
        Bench::with(shards, Settings::default())
    }

    pub fn with(shards: u32, settings: Settings) -> Bench {
        let fake = FakeKinesis::start(settings).unwrap();
        fake.create_stream(STREAM, shards).unwrap();
        let config = KinesisConfig {
            stream: STREAM.into(),
            consumer: Consumer::Polling,
            start: Start::TrimHorizon,
            on_gap: OnGap::Stop,
            read_share: 100,
            poll: Duration::from_millis(10),
            discover: Duration::from_millis(100),
            prefetch: 64 << 20,
            compression: Compression::Auto,
            record_limit: 10 << 20,
        };
        let limit = BatchLimit { records: 1_000, bytes: 1 << 20, wait: Duration::from_millis(20) };
        let aws = aws(fake.url());
        Bench { fake, memory: Arc::default(), layout: Arc::default(), config, limit, aws }
    }

    /// A process that reads the stream.
    pub fn source(&self) -> KinesisSource {
        let layouts = Arc::new(Shared(self.layout.clone()));
        KinesisSource::new("s", self.config.clone(), layouts, self.memory.clone()).with_aws(self.aws.clone())
    }

    /// Puts a record of one line.
    pub fn put(&self, key: &str, line: &str) {
        self.fake.put(STREAM, key, format!("h\n{line}\n").as_bytes()).unwrap();
    }

    /// Puts lines `from..to` under keys that go to all shards.
    pub fn put_many(&self, lines: std::ops::Range<usize>) {
        lines.for_each(|n| self.put(&format!("U{n}"), &n.to_string()));
    }

    /// The next batch; committed by nobody.
    pub async fn next(&self, source: &mut KinesisSource) -> Result<RawBatch, SourceError> {
        let since = Instant::now();
        loop {
            match source.next_batch(&self.limit).await? {
                Next::Batch(batch) => return Ok(batch),
                Next::Idle => assert!(since.elapsed() < PATIENCE, "nothing comes"),
                Next::End => panic!("a stream has no end"),
            }
        }
    }

    pub async fn commit(&self, source: &mut KinesisSource, batch: &RawBatch) {
        self.memory.commit(batch);
        source.committed(&batch.partition.id, batch.to).await;
    }

    /// Reads and commits until so many lines were read.
    pub async fn read(&self, source: &mut KinesisSource, lines: usize) -> Vec<String> {
        let mut all = Vec::new();
        while all.len() < lines {
            let batch = self.next(source).await.unwrap();
            all.extend(said(&batch));
            self.commit(source, &batch).await;
        }
        all
    }

    /// Reads and commits until the condition holds.
    pub async fn read_until(
        &self,
        source: &mut KinesisSource,
        holds: impl Fn(&Bench) -> bool,
    ) -> Vec<String> {
        let (mut all, since) = (Vec::new(), Instant::now());
        while !holds(self) {
            assert!(
                since.elapsed() < PATIENCE,
                "it does not come about; the store has {:?}",
                self.memory.checkpoints
            );
            if let Next::Batch(batch) = source.next_batch(&self.limit).await.unwrap() {
                all.extend(said(&batch));
                self.commit(source, &batch).await;
            }
        }
        all
    }

    /// Reads and commits for a while in which nothing may come.
    pub async fn nothing_comes(&self, source: &mut KinesisSource) {
        for _ in 0..15 {
            if let Next::Batch(batch) = source.next_batch(&self.limit).await.unwrap() {
                assert_eq!(said(&batch), Vec::<String>::new());
                self.commit(source, &batch).await;
            }
        }
    }

    /// Reads until it goes wrong.
    pub async fn trouble(&self, source: &mut KinesisSource) -> SourceError {
        let since = Instant::now();
        loop {
            assert!(since.elapsed() < PATIENCE, "nothing goes wrong");
            match source.next_batch(&self.limit).await {
                Ok(Next::Batch(batch)) => self.commit(source, &batch).await,
                Ok(_) => {}
                Err(e) => return e,
            }
        }
    }

    pub fn progress(&self, shard: &str) -> Option<Progress> {
        self.memory.checkpoints.lock().unwrap().get(&format!("s/{shard}")).copied()
    }
}

/// The lines of a batch.
pub fn said(batch: &RawBatch) -> Vec<String> {
    batch.records.iter().map(|r| String::from_utf8_lossy(batch.record(r)).into_owned()).collect()
}

/// What was read, as numbers in order.
pub fn numbers(lines: &[String]) -> Vec<usize> {
    let mut all: Vec<usize> = lines.iter().map(|l| l.parse().unwrap()).collect();
    all.sort_unstable();
    all
}

pub fn fatal(e: &SourceError) -> &str {
    match e {
        SourceError::Fatal(text) => text,
        other => panic!("{other:?} is not what only a person can mend"),
    }
}
