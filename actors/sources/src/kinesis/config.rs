//! The keys of a `kinesis` source.
use crate::Compression;
use std::time::Duration;

/// How to read a stream. Where it is, who asks, and how often a call is tried again comes from the AWS SDK's own chain (environment,
/// profiles, roles, `AWS_ENDPOINT_URL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KinesisConfig {
    /// The stream's name or ARN.
    pub stream: String,
    pub consumer: Consumer,
    /// Where reading begins, for the shards that are there when the stream is seen first. Shards that come later are read from their start.
    pub start: Start,
    /// What becomes of a shard of which the stream has lost what was not read yet.
    pub on_gap: OnGap,
    /// The share of a shard's 5 calls and 2 MB a second that this reader takes, in percent, 1 to 100: others may read the same stream.
    pub read_share: u8,
    /// How long to wait after a call that gave nothing.
    pub poll: Duration,
    /// How often to look for new shards.
    pub discover: Duration,
    /// Bytes fetched and not yet handed over, at most; one answer of a shard always fits.
    pub prefetch: u64,
    /// How the payload of a record is compressed.
    pub compression: Compression,
    /// The longest record in bytes; a longer one goes to quarantine.
    pub record_limit: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Consumer {
    /// GetRecords, again and again: shares a shard's read limits with all who do so.
    #[default]
    Polling,
    /// SubscribeToShard, under a registered consumer of this name: limits of its own, records are pushed.
    FanOut { name: String },
}

/// Where reading of a stream begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record the stream has.
    #[default]
    TrimHorizon,
    /// With what arrives from now on; "now" is settled once, and kept.
    Latest,
    /// With what arrived then or later, microseconds since 1970 UTC.
    AtTimestamp(i64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnGap {
    /// The run ends with an error: a person decides.
    #[default]
    Stop,
    /// The gap is noted and reading goes on behind it.
    Continue,
}
