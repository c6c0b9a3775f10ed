//! A look at a stream before a run: the real calls, once each, and nothing kept.
use super::keys::{ADVICE, holds, is_packed};
use super::position::Ask;
use super::stream::{Kind, Stream, Trouble};
use super::{Consumer, KinesisConfig, aggregate, connected};
use crate::SourceError;
use aws_config::SdkConfig;
use std::fmt;

/// Shards of which some records are looked at.
const SHARDS: usize = 4;
/// Records of a shard that are looked at.
const RECORDS: usize = 500;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub stream: String,
    pub shards: usize,
    pub retention_hours: u32,
    /// User records looked at, and those in which the text of their partition key stands.
    pub looked_at: usize,
    pub named: usize,
    /// With fan-out: whether the consumer is registered already.
    pub registered: Option<bool>,
}

impl Found {
    /// Partition keys do not look like accounts; nothing is said of a sample that is too small.
    pub fn has_odd_keys(&self) -> bool {
        self.looked_at >= 20 && self.named < self.looked_at / 2
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { stream, shards, retention_hours, looked_at, named, registered } = self;
        write!(f, "stream {stream}: {shards} shard(s), records are kept for {retention_hours} hours; ")?;
        write!(f, "of {looked_at} records looked at {named} hold their partition key")?;
        match registered {
            Some(true) => f.write_str("; the consumer is registered")?,
            Some(false) => f.write_str("; the consumer will be registered by the first run")?,
            None => {}
        }
        if self.has_odd_keys() {
            write!(f, "\n    note: {ADVICE}")?;
        }
        Ok(())
    }
}

/// Describes the stream, lists its shards and reads a little of some, with the rights a run needs.
pub async fn probe(name: &str, config: &KinesisConfig, aws: Option<SdkConfig>) -> Result<Found, SourceError> {
    let stream = connected(name, config, aws).await?;
    look(&stream, config).await.map_err(|trouble| match trouble.kind {
        Kind::Passing | Kind::Throttled => SourceError::Transient(trouble.text),
        _ => SourceError::Fatal(trouble.text),
    })
}

async fn look(stream: &Stream, config: &KinesisConfig) -> Result<Found, Trouble> {
    let summary = stream.summary().await?;
    let shards = stream.shards().await?;
    let registered = match &config.consumer {
        Consumer::Polling => None,
        Consumer::FanOut { name } => Some(stream.consumer(&summary.arn, name).await?.is_some()),
    };
    let (mut looked_at, mut named) = (0, 0);
    for shard in shards.iter().take(SHARDS) {
        let iterator = stream.iterator(&shard.id, Ask::Oldest).await?;
        for record in stream.records(iterator).await?.records.into_iter().take(RECORDS) {
            let mut see = |key: &str, payload: &[u8]| {
                let tells = !key.is_empty() && !is_packed(payload);
                looked_at += usize::from(tells);
                named += usize::from(tells && holds(payload, key.as_bytes()));
            };
            match aggregate::read(&record.data) {
                Some(unpacked) => unpacked.records().for_each(|user| see(user.partition_key, user.data)),
                None => see(&record.partition_key, &record.data),
            }
        }
    }
    let (stream, retention_hours) = (stream.name().to_owned(), summary.retention_hours);
    Ok(Found { stream, shards: shards.len(), retention_hours, looked_at, named, registered })
}
