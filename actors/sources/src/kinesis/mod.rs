//! Kinesis data streams.
//!
//! # Layout
//! - [`config`]: the keys of the topology.
//! - `graph`: the shards of a stream, and which may be read now.
//! - `position`: sequence numbers, where a shard begins, and what to ask for to go on.
//! - [`aggregate`]: many user records in one record, read and written.
//! - `bucket`: how fast a shard may be read; pauses.
//! - `retention`: what a stream lets go before it is read; `stall`: whether answers without records lead anywhere.
//! - `keys`: whether partition keys are the accounts.
//! - `unpack`, `work`: from records to messages, and to pieces of batches.
//! - `stream`: the calls, and what can go wrong with one.
//! - `shard`: one shard being read; `polling` and `fan_out`: how answers are got.
//! - `follow`: the whole stream: finds shards, opens them, learns what is committed.
//! - [`probe()`]: a look at a stream before a run.
//! - [`measure`]: the consumer's own cost, for the benchmarks.
//! - `shared`, `metrics`: what tasks have in common; what is counted.
//!
//! # What holds
//! 1. A shard is read from where it is committed, and its tail to the end, whatever happened to the stream meanwhile.
//! 2. A child is read when every parent known is **committed** to its end, and from its oldest record.
//! 3. Where a shard begins is settled once and kept before the first read: `latest` is a time.
//! 4. A place is a sequence number and a number inside its aggregate, compared as numbers. Reading goes on with the record read last and leaves out what
//!    was taken in before, so that it may stop in the middle of an aggregate.
//! 5. Nothing is left out in silence: what cannot be unpacked passes on as it is, what belongs to another shard is counted and read, what the stream has lost
//!    is kept in the store.
//! 6. An iterator that is too old is replaced behind what this process has read, not behind what is committed.
//! 7. Everything has a bound: calls and bytes a second of a shard, bytes fetched and not handed over of the source. So a shard's records are asked for without
//!    the SDK's own retries: they would come on top of those calls.
//! 8. A reader that Kinesis leaves at the horizon with empty answers asks for the oldest record, and notes what is lost.
//!
//! Each shard is read by a task of its own, and one task follows the stream. The source itself hands over what they made and passes on
//! what is committed, so that giving up a call at any await loses nothing.
pub mod aggregate;
mod bucket;
mod config;
mod fan_out;
mod follow;
mod graph;
mod keys;
pub mod measure;
mod metrics;
mod polling;
mod position;
mod probe;
mod retention;
mod shard;
mod shared;
mod stall;
mod stream;
#[cfg(test)]
mod tests;
mod unpack;
mod work;

pub use config::{Consumer, KinesisConfig, OnGap, Start};
pub use probe::{Found, probe};

use crate::{Layouts, Next, Registry, Source, SourceError, Standing, aws};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use follow::Follower;
use record::{BatchLimit, PartitionId, Progress};
use shared::{Handed, Shared, Told};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stream::Stream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Reads a stream. See [`KinesisConfig`] for what it can be told.
pub struct KinesisSource {
    name: Arc<str>,
    config: KinesisConfig,
    layouts: Arc<dyn Layouts>,
    registry: Arc<dyn Registry>,
    aws: Option<SdkConfig>,
    running: Option<Running>,
    standing: Arc<Mutex<Standing>>,
}

/// The tasks of a source that was asked once.
struct Running {
    out: mpsc::UnboundedReceiver<Result<Handed, SourceError>>,
    tell: mpsc::UnboundedSender<Told>,
    /// Ends the follower, and with it every task it has started.
    follower: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl KinesisSource {
    /// `name` is the source's name in the topology. Calls nobody.
    pub fn new(
        name: &str,
        config: KinesisConfig,
        layouts: Arc<dyn Layouts>,
        registry: Arc<dyn Registry>,
    ) -> KinesisSource {
        let standing = Arc::default();
        KinesisSource { name: name.into(), config, layouts, registry, aws: None, running: None, standing }
    }

    /// Reads with this configuration of the SDK instead of the one its chain gives.
    pub fn with_aws(self, config: SdkConfig) -> KinesisSource {
        KinesisSource { aws: Some(config), ..self }
    }

    /// Starts the tasks, in the runtime that asks. Does not wait.
    fn start(&self, limit: &BatchLimit) -> Running {
        let (out, handed) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        let (name, config, limit) = (self.name.clone(), self.config.clone(), *limit);
        let (layouts, registry, standing) =
            (self.layouts.clone(), self.registry.clone(), self.standing.clone());
        let (telling, aws) = (tell.clone(), self.aws.clone());
        let task = tokio::spawn(async move {
            let stream = match connected(&name, &config, aws).await {
                Ok(stream) => stream,
                // Nobody listens only when the source was dropped.
                Err(e) => return drop(out.send(Err(e))),
            };
            let shared = Shared::new(name, config, limit, stream, layouts, registry, out, telling);
            Follower::new(Arc::new(shared), told, standing).run().await;
        });
        Running { out: handed, tell, follower: task.abort_handle() }
    }
}

/// How long one try of a call may take until its answer is there: the SDK itself would wait for ever.
const ATTEMPT: Duration = Duration::from_secs(60);

/// The stream, with what the SDK's chain gives. Calls Kinesis not yet.
async fn connected(
    name: &str,
    config: &KinesisConfig,
    chain: Option<SdkConfig>,
) -> Result<Stream, SourceError> {
    let chain = match chain {
        Some(chain) => chain,
        None => aws::config().await,
    };
    aws::ready(&chain, &format!("source {name}")).await?;
    let region = chain.region().map(ToString::to_string).unwrap_or_default();
    let timeouts = chain.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    let timeouts = timeouts.operation_attempt_timeout(ATTEMPT).build();
    let built = aws_sdk_kinesis::config::Builder::from(&chain).timeout_config(timeouts).build();
    Ok(Stream::new(aws_sdk_kinesis::Client::from_conf(built), &config.stream, &region))
}

#[async_trait]
impl Source for KinesisSource {
    async fn next_batch(&mut self, limit: &BatchLimit) -> Result<Next, SourceError> {
        let running = match self.running.take() {
            Some(running) => running,
            None => self.start(limit),
        };
        let running = self.running.insert(running);
        match tokio::time::timeout(limit.wait, running.out.recv()).await {
            Ok(Some(handed)) => handed.map(|Handed { batch, .. }| Next::Batch(batch)),
            Ok(None) => Err(SourceError::Transient(format!("source {}: its reader is gone", self.name))),
            Err(_) => Ok(Next::Idle),
        }
    }

    async fn committed(&mut self, partition: &PartitionId, upto: Progress) {
        if let Some(running) = &self.running {
            // Who has ended has said why.
            let _ = running.tell.send(Told::Committed(partition.clone(), upto));
        }
    }

    fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}
