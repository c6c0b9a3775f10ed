//! The promises of the `s3` source.
mod fake;
mod reading;
mod told;
mod versions;

use super::bucket::Bucket;
use super::*;
use crate::testing::{LinesLayout, Memory, Shared};
use crate::{Compression, S3Config};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use fake::FakeBucket;
use record::RawRecord;
use std::time::Duration;

pub(super) fn config(prefix: &str, matching: Option<&str>) -> S3Config {
    S3Config {
        bucket: "feeds".into(),
        prefix: prefix.into(),
        matching: matching.map(str::to_owned),
        watch: false,
        poll: Duration::from_millis(50),
        events_from: None,
        compression: Compression::Auto,
        arrival: None,
        record_limit: 1 << 20,
    }
}

const WAIT: Duration = Duration::from_millis(300);
const LIMIT: BatchLimit = BatchLimit { records: 1000, bytes: 1 << 20, wait: WAIT };
const SMALL: BatchLimit = BatchLimit { records: 100, bytes: 64 * 1024, wait: WAIT };

/// A bucket, a store and what reads one into the other.
struct Bench {
    bucket: FakeBucket,
    memory: Arc<Memory>,
    layout: Arc<LinesLayout>,
}

impl Bench {
    fn new() -> Bench {
        Bench { bucket: FakeBucket::start(), memory: Arc::default(), layout: Arc::default() }
    }

    fn client(&self) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(format!("http://127.0.0.1:{}", self.bucket.port))
            .force_path_style(true);
        Client::from_conf(config.build())
    }

    fn bucket(&self, config: &S3Config) -> Bucket {
        Bucket::with(self.client(), &"s".into(), config).unwrap()
    }

    fn source(&self, config: S3Config) -> S3Source {
        self.listening(config, None)
    }

    fn listening(&self, config: S3Config, told: Option<Arc<Told>>) -> S3Source {
        let layouts = Arc::new(Shared(self.layout.clone()));
        let bucket = self.bucket(&config);
        let mut source = S3Source::new("s", config, layouts, self.memory.clone(), told).unwrap();
        source.bucket = Some(Arc::new(bucket));
        source
    }

    /// Reads until the source is at its end and commits each batch.
    async fn drain(&self, source: &mut S3Source) -> Vec<RawBatch> {
        let mut batches = Vec::new();
        while let Some(batch) = next(source, &LIMIT).await {
            self.memory.commit(&batch);
            batches.push(batch);
        }
        batches
    }

    /// What a fresh source of the whole bucket reads.
    async fn run(&self) -> Vec<String> {
        records(&self.drain(&mut self.source(config("", None))).await)
    }

    async fn error(&self, mut source: S3Source) -> SourceError {
        loop {
            match source.next_batch(&LIMIT).await {
                Ok(Next::End) => panic!("no error"),
                Ok(Next::Batch(batch)) => self.memory.commit(&batch),
                Ok(Next::Idle) => {}
                Err(e) => return e,
            }
        }
    }
}

/// The next batch; `None` at the end.
async fn next(source: &mut S3Source, limit: &BatchLimit) -> Option<RawBatch> {
    loop {
        match source.next_batch(limit).await.unwrap() {
            Next::Batch(batch) => return Some(batch),
            Next::Idle => {}
            Next::End => return None,
        }
    }
}

fn records(batches: &[RawBatch]) -> Vec<String> {
    let text = |b: &RawBatch, r: &RawRecord| String::from_utf8_lossy(b.record(r)).into_owned();
    batches.iter().flat_map(|b| b.records.iter().map(|r| text(b, r)).collect::<Vec<_>>()).collect()
}

/// `h`, then numbered lines, to more than the head.
fn long(lines: usize) -> (String, Vec<String>) {
    let lines: Vec<String> = (0..lines).map(|n| format!("line-{n:06}")).collect();
    (format!("h\n{}\n", lines.join("\n")), lines)
}
