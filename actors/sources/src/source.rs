//! What the pipeline asks of a source.
use async_trait::async_trait;
use record::{BatchLimit, PartitionId, Progress, RawBatch};

/// Delivers batches of partitions, each partition in its own order and from where it is committed.
///
/// Partitions may appear and end while a source runs, and a stream has no end; the caller learns of either only through
/// what [`Source::next_batch`] returns. A source holds no state that matters beyond a generation: after an error it is
/// dropped, and a fresh one goes on from the store.
#[async_trait]
pub trait Source: Send {
    /// The next batch of one partition, within `limit`; one record always fits.
    ///
    /// Each batch goes on exactly where the one before of its partition ended, and batches that hold no record are
    /// delivered too if they move the position. Back-pressure is not calling this.
    ///
    /// Safe to cancel: a future that is dropped loses nothing, and the next call goes on.
    async fn next_batch(&mut self, limit: &BatchLimit) -> Result<Next, SourceError>;

    /// Everything of the partition up to `upto` is committed. A courtesy (a source may drop what it kept, or tell its broker):
    /// losing a call loses nothing.
    async fn committed(&mut self, _partition: &PartitionId, _upto: Progress) {}

    /// Where the source stands, for the progress line and for metrics. Cheap: it never waits and does no I/O.
    fn standing(&self) -> Standing;
}

/// What a source has now.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one a batch, moved a few times
pub enum Next {
    Batch(RawBatch),
    /// Nothing came within [`BatchLimit::wait`], but something may. The source has done the waiting, so the caller may ask again at once.
    Idle,
    /// Every partition stands at its end and none will come. Asking again gives the same answer.
    End,
}

/// Where a source stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Partitions that are open now.
    pub open: Vec<PartitionStanding>,
    /// Partitions found and not opened yet, where that can be known.
    pub pending: u64,
    /// Partitions that stand at their end, whether this run read them or not.
    pub ended: u64,
    /// Of those, the ones that stood at their end when this run found them, so that nothing of them was read.
    pub unchanged: u64,
    /// Partitions refused as a whole in this run: unreadable, or of no known layout.
    pub refused: u64,
    /// All that was there when it last looked is handed over, and it looked at all there is. A source that is at its end need not say so.
    pub caught_up: bool,
}

/// Where one open partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStanding {
    pub partition: PartitionId,
    /// How far it has been handed over, in decoded bytes for a file.
    pub offset: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
    /// Nothing more is there now.
    pub at_end: bool,
}

/// Why a source cannot go on, by what must be done about it. The text says what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It may pass: start again from the store after a pause.
    #[error("{0}")]
    Transient(String),
    /// It will not pass by itself: a person must act.
    #[error("{0}")]
    Fatal(String),
    /// A partition's lease went to another process: this generation must end.
    #[error("the lease of {0} was lost to another process")]
    LeaseLost(PartitionId),
}
