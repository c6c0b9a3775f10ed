//! What a source needs of the store. The pipeline implements the trait, so that sources know no database.
use crate::SourceError;
use async_trait::async_trait;
use record::{Feed, Partition, PartitionId, Progress, Survey};
use std::sync::Arc;

/// What the store knows and grants. Every method is safe to call again.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Every partition the store knows whose name begins with `prefix`.
    async fn known(&self, prefix: &str) -> Result<Vec<KnownPartition>, SourceError>;

    /// Registers a partition, grants its lease, and says how far it is committed. What has an end is read from its start where it was
    /// read in part as another feed: with an earlier version of its mapping. What may grow and was, is not set back to its start: lines
    /// would count twice.
    async fn open_partition(
        &self,
        id: &PartitionId,
        feed: &Feed,
    ) -> Result<(Arc<Partition>, Progress), SourceError>;

    /// The same for a partition of a stream, which holds many feeds: its days.
    async fn open_stream(&self, id: &PartitionId) -> Result<(Arc<Partition>, Progress), SourceError>;

    /// The deliveries that began in a partition of a stream and are not over, as they stand where the partition is committed; in the order they
    /// began in.
    async fn open_deliveries(&self, partition: &Partition) -> Result<Vec<OpenDelivery>, SourceError>;

    /// Registers a feed, or finds it: by its hash and its mapping's version, or by source, vendor and name where it has no hash. What the store
    /// has of a known feed stands (its arrival, whether it was released); its file is noted as [`Registry::note_file`] does.
    async fn open_feed(&self, info: &FeedInfo) -> Result<Arc<Feed>, SourceError>;

    /// Notes size and time of a file that lies as a known partition, and what its read-through told: the next run need not read it through.
    async fn note_file(&self, info: &FeedInfo) -> Result<(), SourceError>;

    /// Of the partitions of one source that are open to be read, those that this process shall read now: all of them for the active
    /// pipeline, else its share among all processes that ingest, which read the same sources. Ask again every few seconds, and when partitions come or go. What is read and no longer among them must be
    /// given up: stop reading it, wait until what was read is committed, then [`Registry::release`] it.
    async fn share(&self, open: &[PartitionId]) -> Result<Vec<PartitionId>, SourceError>;

    /// Gives a partition up, so that another process may take it. Nothing more is committed of it under this lease.
    async fn release(&self, partition: &Partition) -> Result<(), SourceError>;

    /// Settles where reading of a stream's partitions begins, in the source's own words, before the first read: all of them in one
    /// transaction. What the store knows already stays as it was settled; [`Registry::known`] tells.
    async fn begin(&self, partitions: &[(PartitionId, Arc<str>)]) -> Result<(), SourceError>;

    /// Notes up to which time of arrival (microseconds since 1970 UTC) partitions are read, while nothing comes that would say so in a
    /// batch. Each note says how far the partition was read then: where that is not committed yet, nothing is noted.
    async fn note_read_until(&self, notes: &[(Arc<Partition>, Progress, i64)]) -> Result<(), SourceError>;

    /// Notes what a stream lost, or may have, before it was read. The same gap may be noted again, with what was learned since.
    async fn note_gap(&self, gap: &Gap) -> Result<(), SourceError>;
}

/// A partition the store knows, with what spares a file a second read-through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPartition {
    pub id: PartitionId,
    pub progress: Progress,
    /// Size of the file in bytes, as it lies there, when it was last read through.
    pub size: Option<u64>,
    /// Its modification time then, microseconds since 1970 UTC.
    pub modified: Option<i64>,
    /// [`FeedInfo::read_through`] of the feed last opened on it.
    pub read_through: Option<Vec<u8>>,
    /// Where reading begins while nothing of it is committed, as [`Registry::begin`] settled it.
    pub begin: Option<Arc<str>>,
    /// All that arrived up to then is read and committed; microseconds since 1970 UTC.
    pub read_until: Option<i64>,
}

/// A delivery in several messages of a stream, of which more is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDelivery {
    /// Its layout's.
    pub vendor: Arc<str>,
    pub mapping_version: u32,
    /// What [`record::Delivery::Open`] kept.
    pub kept: Vec<u8>,
}

/// What a stream let go, or may have, before it was read. The same partition and `from` is the same gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub partition: PartitionId,
    /// How far the partition was committed.
    pub from: Progress,
    /// Up to which time of arrival it was known to be read; this and the next in microseconds since 1970 UTC.
    pub from_arrival: Option<i64>,
    /// The first place that is still there, and when it arrived, where that is known.
    pub to: Option<Progress>,
    pub to_arrival: Option<i64>,
    /// How long the stream keeps records.
    pub retention_hours: Option<u32>,
}

/// A delivery, as the source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedInfo {
    pub source: Arc<str>,
    /// The layout's vendor; [`NO_VENDOR`] where no layout was found.
    pub vendor: Arc<str>,
    /// The file's path relative to the source's root.
    pub name: Arc<str>,
    /// The object's version, where its bucket keeps versions.
    pub version: Option<Arc<str>>,
    /// The partition it is read as.
    pub partition: PartitionId,
    /// The version of the mapping it is read with; 0 where no layout was found.
    pub mapping_version: u32,
    /// BLAKE3 of the bytes as they lie there, for what has an end and was not refused.
    pub hash: Option<[u8; 32]>,
    /// Size of the file in bytes, as it lies there.
    pub size: Option<u64>,
    /// Modification time of the file, microseconds since 1970 UTC.
    pub modified: Option<i64>,
    /// When the feed arrived, microseconds since 1970 UTC, by what it or its name states.
    pub arrival: Option<i64>,
    /// What the read-through told, for the next run: some hundred bytes that only the source understands. They take the place of what is
    /// kept beside the file's size and time; `None` forgets it.
    pub read_through: Option<Vec<u8>>,
    /// What the read-through told: counts, business date, order of dates. Empty for what may grow and for what is refused.
    pub survey: Survey,
    pub status: FeedStatus,
}

/// The vendor of a feed no layout was found for.
pub const NO_VENDOR: &str = "unknown";

/// How a feed stands when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedStatus {
    /// It has an end, and what it declares agrees: it is complete when all of it is in.
    Coming,
    /// It may grow.
    Open,
    /// It has an end, and its control count disagrees or its trailer is missing: [`Feed::gated`], until released.
    Waiting,
    /// It is refused as a whole; its one batch holds one refused piece and no record.
    Refused,
}

impl FeedStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            FeedStatus::Coming => "coming",
            FeedStatus::Open => "open",
            FeedStatus::Waiting => "waiting",
            FeedStatus::Refused => "refused",
        }
    }
}
