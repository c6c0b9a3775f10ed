//! What the tasks of one source share: its settings, its budget of bytes, and the way to hand batches over.
use super::graph::{ShardId, ShardInfo};
use super::metrics::SourceMetrics;
use super::retention::Horizon;
use super::stream::Stream;
use super::{KinesisConfig, keys::KeySample};
use crate::{Layouts, Registry, SourceError};
use record::{BatchLimit, PartitionId, Progress, RawBatch};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

/// Of one source.
pub(super) struct Shared {
    pub name: Arc<str>,
    pub config: KinesisConfig,
    pub limit: BatchLimit,
    pub stream: Stream,
    pub layouts: Arc<dyn Layouts>,
    pub registry: Arc<dyn Registry>,
    pub budget: Budget,
    pub out: mpsc::UnboundedSender<Result<Handed, SourceError>>,
    pub tell: mpsc::UnboundedSender<Told>,
    pub metrics: SourceMetrics,
    pub keys: KeySample,
    /// A call has worked since the source was made: trouble that would mean a wrong topology at the start is of another kind then.
    pub worked: AtomicBool,
    retention: AtomicI64,
    created: AtomicI64,
}

/// What tasks and the pipeline tell who follows the stream.
#[derive(Debug)]
pub(super) enum Told {
    Committed(PartitionId, Progress),
    /// A shard is closed, and these are its children.
    Children(Vec<ShardInfo>),
}

/// A batch on its way to the pipeline. What it takes of the budget is given back when it is dropped.
pub(super) struct Handed {
    pub batch: RawBatch,
    pub _held: Held,
}

/// A share of the budget, and the shard it counts for.
pub(super) struct Held {
    pub bytes: u64,
    pub state: Arc<ShardState>,
    /// Of the answer the batch was cut from, for all its batches together.
    pub _permit: Arc<OwnedSemaphorePermit>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.state.untaken.fetch_sub(self.bytes, Ordering::Relaxed);
        self.state.taken.notify_one();
    }
}

/// How a shard stands, for who asks.
#[derive(Default)]
pub(super) struct ShardState {
    /// Bytes handed over and not taken by the pipeline yet.
    pub untaken: AtomicU64,
    pub taken: Notify,
    /// As Kinesis said last.
    pub millis_behind: AtomicI64,
    /// Kinesis has answered.
    pub answered: AtomicBool,
    stand: Mutex<Stand>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stand {
    handed: Progress,
    committed: Progress,
    /// Since when something handed over is not committed.
    since: Option<Instant>,
}

impl ShardState {
    pub(super) fn opened(at: Progress) -> ShardState {
        let stand = Stand { handed: at, committed: at, since: None };
        ShardState { stand: Mutex::new(stand), ..ShardState::default() }
    }

    pub(super) fn handed(&self, to: Progress) {
        let mut stand = self.stand();
        stand.handed = to;
        stand.since.get_or_insert_with(Instant::now);
    }

    pub(super) fn committed(&self, to: Progress) {
        let mut stand = self.stand();
        stand.committed = stand.committed.max(to);
        stand.since = (stand.committed < stand.handed).then(Instant::now);
    }

    /// The newest record was handed over.
    pub(super) fn is_at_tip(&self) -> bool {
        self.answered.load(Ordering::Relaxed) && self.millis_behind.load(Ordering::Relaxed) == 0
    }

    /// All that was handed over is committed.
    pub(super) fn is_settled(&self) -> bool {
        let stand = self.stand();
        stand.committed >= stand.handed
    }

    /// Seconds since the last commit, while something waits for one.
    pub(super) fn checkpoint_age(&self) -> u64 {
        self.stand().since.map_or(0, |since| since.elapsed().as_secs())
    }

    fn stand(&self) -> std::sync::MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Shared {
    #[allow(clippy::too_many_arguments)] // made in one place
    pub(super) fn new(
        name: Arc<str>,
        config: KinesisConfig,
        limit: BatchLimit,
        stream: Stream,
        layouts: Arc<dyn Layouts>,
        registry: Arc<dyn Registry>,
        out: mpsc::UnboundedSender<Result<Handed, SourceError>>,
        tell: mpsc::UnboundedSender<Told>,
    ) -> Shared {
        Shared {
            budget: Budget::new(config.prefetch),
            metrics: SourceMetrics::new(&name),
            keys: KeySample::default(),
            worked: AtomicBool::new(false),
            retention: AtomicI64::new(24 * HOUR),
            created: AtomicI64::new(0),
            name,
            config,
            limit,
            stream,
            layouts,
            registry,
            out,
            tell,
        }
    }

    pub(super) fn partition(&self, shard: &str) -> PartitionId {
        PartitionId::new(format!("{}/{shard}", self.name))
    }

    /// The shard of one of our partitions.
    pub(super) fn shard(&self, partition: &PartitionId) -> Option<ShardId> {
        partition.as_str().strip_prefix(&*self.name)?.strip_prefix('/').map(ShardId::from)
    }

    pub(super) fn horizon(&self) -> Horizon {
        let of = |a: &AtomicI64| a.load(Ordering::Relaxed);
        Horizon { retention: of(&self.retention), created: of(&self.created) }
    }

    pub(super) fn set_horizon(&self, hours: u32, created: i64) {
        self.retention.store(i64::from(hours) * HOUR, Ordering::Relaxed);
        self.created.store(created, Ordering::Relaxed);
    }

    pub(super) fn retention_hours(&self) -> u32 {
        u32::try_from(self.horizon().retention / HOUR).unwrap_or(u32::MAX)
    }
}

const HOUR: i64 = 3_600_000_000;

/// Microseconds since 1970 UTC.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// The bytes that may be fetched and not handed over, over all shards of a source.
pub(super) struct Budget {
    /// In units of [`UNIT`] bytes.
    units: Arc<Semaphore>,
    total: u32,
}

const UNIT: u64 = 1024;
/// The most that one answer holds.
const ANSWER: u64 = 10 * 1024 * 1024;

impl Budget {
    fn new(bytes: u64) -> Budget {
        let total = u32::try_from((bytes / UNIT).max(1)).unwrap_or(u32::MAX).min(1 << 28);
        Budget { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Room for any answer, before it is asked for.
    pub(super) async fn for_any_answer(&self) -> Result<OwnedSemaphorePermit, SourceError> {
        self.for_bytes(ANSWER).await
    }

    /// Waits for room; one answer always fits, however small the budget is.
    pub(super) async fn for_bytes(&self, bytes: u64) -> Result<OwnedSemaphorePermit, SourceError> {
        let closed = |_| SourceError::Transient("the budget of a source was closed".into());
        self.units.clone().acquire_many_owned(self.units_of(bytes)).await.map_err(closed)
    }

    /// Gives back what an answer did not need.
    pub(super) fn shrink(&self, permit: &mut OwnedSemaphorePermit, bytes: u64) {
        let spare = permit.num_permits().saturating_sub(self.units_of(bytes) as usize);
        drop(permit.split(spare));
    }

    fn units_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_always_fits_and_what_it_did_not_need_is_given_back() {
        let budget = Budget::new(4 * UNIT);
        let mut first = budget.for_any_answer().await.unwrap();
        assert_eq!(first.num_permits(), 4, "all there is");
        budget.shrink(&mut first, 3 * UNIT);
        let second = budget.for_bytes(1).await.unwrap();
        assert_eq!((first.num_permits(), second.num_permits()), (3, 1));
        let mut third = Box::pin(budget.for_bytes(1));
        assert!(futures_poll(&mut third).await.is_none(), "nothing is left");
        drop(second);
        assert!(third.await.is_ok());
    }

    async fn futures_poll<F: Future + Unpin>(f: &mut F) -> Option<F::Output> {
        tokio::time::timeout(std::time::Duration::from_millis(1), f).await.ok()
    }

    #[test]
    fn a_shard_is_settled_when_all_that_was_handed_over_is_committed() {
        let state = ShardState::opened(Progress::Start);
        assert!(state.is_settled());
        state.handed(Progress::End);
        assert!(!state.is_settled());
        state.committed(Progress::End);
        assert!(state.is_settled() && state.checkpoint_age() == 0);
    }
}
