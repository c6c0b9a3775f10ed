//! The store: where facts, rows, checkpoints and breaks live. Postgres, and SQLite as the embedded default, behind one trait with one
//! shared test suite. The only crate that knows SQL.
//!
//! # Layout
//! - [`columns`]: the columns of the wide tables, and how rows and facts become columns and back.
//! - [`names`]: vendors, vendor accounts and partitions, by the numbers this process carries.
//! - [`partition`]: what is known of partitions.
//! - [`worker`]: the processes at work.
//! - [`feed`]: feeds, as they are met and as they stand.
//! - [`mod@unit`]: what one transaction writes.
//! - [`read`]: what people and the pipeline read.
//! - `postgres/`, `sqlite/`: the two stores.
pub mod columns;
pub mod error;
pub mod feed;
pub mod names;
pub mod partition;
pub mod postgres;
pub mod read;
pub mod sqlite;
pub mod unit;
pub mod worker;

pub use error::{CommitError, StoreError};
pub use feed::*;
pub use names::Names;
pub use partition::*;
pub use read::*;
pub use unit::*;
pub use worker::*;

use async_trait::async_trait;
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use std::sync::Arc;
use std::time::Duration;

/// What the pipeline needs of a store.
///
/// Every method is safe to call again after an error; only [`Store::commit`] changes figures. Reads see what is committed.
#[async_trait]
pub trait Store: Send + Sync {
    /// Brings the schema up to date; says which migrations were applied. Refuses a schema newer than this program.
    async fn migrate(&self) -> Result<Vec<String>, StoreError>;
    /// Fails if [`Store::migrate`] has work to do, or the schema is newer.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Becomes the store's one active pipeline: a `worker` row that expires `ttl` after the last renewal by the store's clock, and
    /// a new token for each of the 256 slots. [`StoreError::Busy`] names the live owner; who asked is then seen to stand by, for as long as
    /// it goes on asking.
    async fn open_generation(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError>;
    /// Stands by no more.
    async fn stand_down(&self, worker: &str) -> Result<(), StoreError>;
    /// Joins those that ingest: a generation without slots, that commits steps of the partitions it leases and writes no account.
    async fn join(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError>;
    /// Renews the worker row; [`StoreError::LeaseLost`] when it expired and another took over.
    async fn renew(&self, generation: &Generation) -> Result<(), StoreError>;
    /// Gives the leases back, so that others take them over at once.
    async fn close_generation(&self, generation: &Generation) -> Result<(), StoreError>;

    /// Those that ingest, and who of the living holds the leases of these partitions.
    async fn holders(&self, partitions: &[PartitionId]) -> Result<Holders, StoreError>;
    /// Takes the leases of partitions that no other living process holds; says which of them are this generation's now. A lease taken from
    /// who is dead has a new token, so that it commits nothing more.
    async fn claim(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<Vec<PartitionId>, StoreError>;
    /// Gives the lease of a partition back, where it still has this token: another may take it, and nothing more is committed under it.
    async fn release(
        &self,
        generation: &Generation,
        partition: PartitionKey,
        token: i64,
    ) -> Result<(), StoreError>;
    /// Registers a partition (once for ever) and grants its lease: its key, a new token, and how far it is committed.
    /// [`StoreError::Busy`] while another living process holds it.
    async fn open_partition(
        &self,
        generation: &Generation,
        spec: &PartitionSpec,
    ) -> Result<OpenPartition, StoreError>;
    /// Registers partitions that are not known yet, with where they begin, all in one transaction; what is known stays as it is. So what a
    /// topology's `latest` means is settled before the first read, and for good. [`StoreError::LeaseLost`] unless the generation is current.
    async fn begin(&self, generation: &Generation, specs: &[PartitionSpec]) -> Result<(), StoreError>;
    /// Notes how far partitions are read while nothing comes; it only moves forward. [`StoreError::LeaseLost`] if a token is no longer theirs.
    async fn note_read_until(&self, generation: &Generation, notes: &[ReadUntil]) -> Result<(), StoreError>;
    /// Notes what a stream lost, once a gap; its partition is registered where it is not known.
    async fn note_gap(&self, generation: &Generation, gap: &GapWrite) -> Result<(), StoreError>;
    /// The layouts that messages of a source were read with, each with the earliest version of its mapping.
    async fn streamed_with(&self, source: &str) -> Result<Vec<(Arc<str>, u32)>, StoreError>;
    /// Registers a feed, or finds it by its hash and its mapping's version (by source, vendor and date for a stream). Of copies of the same
    /// bytes the earliest, by arrival and partition, gives it its name and arrival. What became of it since stays. Its file is noted too.
    async fn open_feed(&self, spec: &FeedSpec) -> Result<OpenFeed, StoreError>;
    /// The deliveries that began in a partition and are not over, in the order they were registered in.
    async fn open_deliveries(&self, partition: PartitionKey) -> Result<Vec<OpenDelivery>, StoreError>;
    /// Notes what a partition lies in.
    async fn note_file(&self, file: &FileSpec) -> Result<(), StoreError>;
    /// The feeds with an end that are in, or coming: those of these layouts, and of any layout those that are read again.
    async fn standing_feeds(&self, layouts: &[Arc<str>]) -> Result<Vec<StandingFeed>, StoreError>;
    /// The accounts that are affected, in no order.
    async fn affected(&self, what: &Affected) -> Result<Vec<AffectedAccount>, StoreError>;
    /// Records of a partition in quarantine, up to a position, its record included; and whether any of its feed names no account and date.
    async fn bad_records(
        &self,
        feed: FeedKey,
        partition: PartitionKey,
        before: Progress,
    ) -> Result<BadRecords, StoreError>;
    /// Keeps a policy by its hash; the same text is the same policy.
    async fn keep_policy(&self, spec: &PolicySpec) -> Result<i64, StoreError>;
    /// Puts a kept policy in force and, in the same transaction, marks the accounts that are touched, to be folded under it. Says how
    /// many were not marked before; the policy that is in force already marks none.
    async fn enforce_policy(
        &self,
        generation: &Generation,
        id: i64,
        touched: &Touched,
    ) -> Result<u64, StoreError>;
    /// The policy in force; none before the first run.
    async fn policy_in_force(&self) -> Result<Option<PolicySpec>, StoreError>;
    /// Numbers of the accounts that are touched, ordered as bytes: those after `after`, at most `limit`.
    async fn touched(
        &self,
        by: &Touched,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<str>>, StoreError>;
    /// The vendors that accounts of the store came from.
    async fn vendors(&self) -> Result<Vec<String>, StoreError>;
    /// Whether a mapping may be read with. The same version with another hash than the one kept, and a version earlier than one kept, are
    /// [`StoreError::Refused`].
    async fn check_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError>;
    /// Keeps a mapping's version by its hash, where [`Store::check_mapping`] does not refuse it.
    async fn keep_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError>;
    /// The checkpoint set back to the start, under the lease. Counters go on; how far it was read is forgotten.
    async fn rewind(&self, generation: &Generation, partitions: &[PartitionId]) -> Result<(), StoreError>;
    /// What is known of every partition of a source whose name begins with `prefix`.
    async fn partitions(&self, prefix: &str) -> Result<Vec<KnownPartition>, StoreError>;

    /// A block of fresh account ids.
    async fn reserve_accounts(&self, count: u32) -> Result<std::ops::Range<i64>, StoreError>;
    /// Accounts by number, in the order asked, with what memory needs to go on.
    async fn load_accounts(&self, numbers: &[Arc<str>]) -> Result<Vec<Option<StoredAccount>>, StoreError>;
    /// Numbers of the accounts that have facts stored and not folded yet.
    async fn marked(&self) -> Result<Vec<Arc<str>>, StoreError>;
    /// The crosswalk's entries for these vendor accounts.
    async fn load_aliases(&self, asked: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Alias>, StoreError>;
    /// For each probe: how the store holds that key, feed and content.
    async fn identify(&self, probes: &[Probe]) -> Result<Vec<Found>, StoreError>;
    /// The parts of accounts that deferred facts reach; in the order asked.
    async fn history(&self, asked: &[HistoryRequest]) -> Result<Vec<returns::ledger::History>, StoreError>;

    /// Writes a unit in one transaction: tokens compared, facts, rows, history, breaks, quarantine, outbox, deltas. All or nothing.
    /// Postgres writes a large one as two, and the deltas with the second: after an error the first may stand, and what it holds is found
    /// known when its lines are read again.
    async fn commit(&self, unit: &CommitUnit) -> Result<Receipt, CommitError>;

    /// What people read.
    fn reader(&self) -> &dyn Reader;
}
