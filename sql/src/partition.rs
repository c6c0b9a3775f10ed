//! What the store knows of partitions, and what a stream may have lost of one.
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use returns::date::Micros;
use std::sync::Arc;

/// A partition, as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    pub id: PartitionId,
    /// The source's name in the topology.
    pub source: Arc<str>,
    /// Where reading begins while nothing of it is committed, in the source's own words, such as `trim_horizon` or `at 1764547200000000`
    /// (microseconds). Kept with the first registration alone. `None`: nothing is said, as of what always begins at its first byte.
    pub begin: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPartition {
    pub key: PartitionKey,
    pub token: i64,
    pub progress: Progress,
    /// The feed with an end that it was read as so far.
    pub feed: Option<FeedKey>,
}

/// A delivery in several messages of a stream, of which more is to come: [`record::Delivery::Open`], as far as it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDelivery {
    /// The layout that decodes it.
    pub vendor: Arc<str>,
    pub mapping_version: u32,
    pub kept: Vec<u8>,
}

/// A partition the store knows, with what spares a file a second read-through, and what a stream goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPartition {
    pub id: PartitionId,
    pub key: PartitionKey,
    pub progress: Progress,
    /// Size in bytes and modification time (microseconds) of the file when it was last read through.
    pub file_size: Option<i64>,
    pub file_modified: Option<Micros>,
    /// [`crate::FileSpec::read_through`] of the feed last opened on it.
    pub read_through: Option<Vec<u8>>,
    /// [`PartitionSpec::begin`] as it was first said.
    pub begin: Option<Arc<str>>,
    /// [`crate::DeltaWrite::read_until`] as far as it is committed.
    pub read_until: Option<Micros>,
}

/// Up to which time of arrival a partition is read, while nothing comes that would say so in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadUntil {
    pub partition: PartitionKey,
    /// The lease's.
    pub token: i64,
    /// How far the partition was read then. Where the checkpoint is not there yet, what is under way would be passed over: nothing is noted.
    pub at: Progress,
    pub until: Micros,
}

/// What a stream let go, or may have, before it was read. The same partition and `from` is the same gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapWrite {
    pub partition: PartitionId,
    pub source: Arc<str>,
    /// How far the partition was committed.
    pub from: Progress,
    /// Up to which time of arrival it was known to be read.
    pub from_arrival: Option<Micros>,
    /// The first place that is still there, and when it arrived. A gap that is noted again takes what is said later.
    pub to: Option<Progress>,
    pub to_arrival: Option<Micros>,
    /// How long the stream keeps records.
    pub retention_hours: Option<u32>,
}
