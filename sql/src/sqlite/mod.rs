//! The embedded store: one SQLite file.
//!
//! # Layout
//! - `connect`: the file, its connections and migrations.
//! - `wire`, `value`, `bulk`: how values look in the file, and many rows in one statement.
//! - `lease`, `workers`, `register`, `policy`: who may write, who is at work, what is registered once, and which policy is in force.
//! - `streams`: where partitions of streams begin, how far they are read, and what was lost of them.
//! - `commit`: the one transaction; `daily`, `facts`, `breaks`, `quarantine` write their tables in it.
//! - `load`, `identify`, `history`: what the pipeline reads; `reader`, `lists`: what people read.
//!
//! The file is in WAL mode: any number of processes read what is committed while one writes. Writers queue, in this process on the one
//! connection that writes, between processes on the file's lock.
mod breaks;
mod bulk;
mod commit;
mod connect;
mod daily;
mod errors;
mod facts;
mod feeds;
mod history;
mod identify;
mod lease;
mod lists;
mod load;
mod policy;
mod quarantine;
mod reader;
mod register;
mod streams;
#[cfg(test)]
mod tests;
mod value;
mod wire;
mod workers;

use crate::{
    Affected, AffectedAccount, Alias, BadRecords, CommitError, CommitUnit, FeedSpec, FileSpec, Found,
    GapWrite, Generation, HistoryRequest, Holders, KnownPartition, Names, OpenDelivery, OpenFeed,
    OpenPartition, PartitionSpec, PolicySpec, Probe, ReadUntil, Reader, Receipt, StandingFeed, Store,
    StoreError, StoredAccount, Touched,
};
use async_trait::async_trait;
use errors::Failure;
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use returns::date::Micros;
use returns::ledger::History;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor, Sqlite, Transaction};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A store in one file of this machine.
#[derive(Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    names: Arc<Names>,
}

/// Opens the file, made if it is not there, and brings its schema up to date.
///
/// Errors: [`StoreError::Refused`] names a folder that does not exist, [`StoreError::Schema`] a schema newer than this program.
pub async fn open(path: &Path, names: Arc<Names>) -> Result<SqliteStore, StoreError> {
    let (writer, readers) = connect::pools(path).await?;
    let store = SqliteStore { writer, readers, names };
    store.migrate().await?;
    store.know_partitions().await?;
    Ok(store)
}

impl SqliteStore {
    /// A transaction that may write from its first statement on, so that it never has to be given up half way.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Failure> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The writing connection for what is worth nothing without a later commit (a partition opened, a feed noted): it does not wait for the
    /// disk. The log is one file, so the next commit that does takes this with it.
    async fn light(&self) -> Result<PoolConnection<Sqlite>, Failure> {
        let mut connection = self.writer.acquire().await?;
        connection.execute("PRAGMA synchronous = NORMAL").await?;
        Ok(connection)
    }

    async fn know_partitions(&self) -> Result<(), Failure> {
        let mut connection = self.readers.acquire().await?;
        load::learn_partitions(&mut connection, &self.names).await
    }
}

/// Microseconds since 1970 by this machine's clock.
fn clock() -> Micros {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}

#[async_trait]
impl Store for SqliteStore {
    async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        Ok(connect::migrate(&self.writer).await?)
    }
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(connect::ready(&self.readers).await?)
    }
    async fn open_generation(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError> {
        Ok(self.become_active(worker, ttl).await?)
    }
    async fn stand_down(&self, worker: &str) -> Result<(), StoreError> {
        Ok(self.leave_standby(worker).await?)
    }
    async fn join(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError> {
        Ok(self.join_ingest(worker, ttl).await?)
    }
    async fn renew(&self, generation: &Generation) -> Result<(), StoreError> {
        Ok(self.renew_worker(generation).await?)
    }
    async fn close_generation(&self, generation: &Generation) -> Result<(), StoreError> {
        Ok(self.leave(generation).await?)
    }
    async fn holders(&self, partitions: &[PartitionId]) -> Result<Holders, StoreError> {
        Ok(self.who_holds(partitions).await?)
    }
    async fn claim(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<Vec<PartitionId>, StoreError> {
        Ok(self.take_free(generation, specs).await?)
    }
    async fn release(&self, _: &Generation, partition: PartitionKey, token: i64) -> Result<(), StoreError> {
        Ok(self.give_back(partition, token).await?)
    }
    async fn open_partition(
        &self,
        generation: &Generation,
        spec: &PartitionSpec,
    ) -> Result<OpenPartition, StoreError> {
        Ok(self.grant_partition(generation, spec).await?)
    }
    async fn begin(&self, generation: &Generation, specs: &[PartitionSpec]) -> Result<(), StoreError> {
        Ok(self.register_all(generation, specs).await?)
    }
    async fn note_read_until(&self, _: &Generation, notes: &[ReadUntil]) -> Result<(), StoreError> {
        Ok(self.keep_read_until(notes).await?)
    }
    async fn streamed_with(&self, source: &str) -> Result<Vec<(Arc<str>, u32)>, StoreError> {
        Ok(self.earliest_versions(source).await?)
    }
    async fn note_gap(&self, generation: &Generation, gap: &GapWrite) -> Result<(), StoreError> {
        Ok(self.keep_gap(generation, gap).await?)
    }
    async fn open_feed(&self, spec: &FeedSpec) -> Result<OpenFeed, StoreError> {
        Ok(self.register_feed(spec).await?)
    }
    async fn open_deliveries(&self, partition: PartitionKey) -> Result<Vec<OpenDelivery>, StoreError> {
        Ok(self.deliveries_open(partition).await?)
    }
    async fn note_file(&self, file: &FileSpec) -> Result<(), StoreError> {
        Ok(self.keep_file(file).await?)
    }
    async fn standing_feeds(&self, layouts: &[Arc<str>]) -> Result<Vec<StandingFeed>, StoreError> {
        Ok(self.feeds_standing(layouts).await?)
    }
    async fn affected(&self, what: &Affected) -> Result<Vec<AffectedAccount>, StoreError> {
        Ok(self.accounts_affected(what).await?)
    }
    async fn bad_records(
        &self,
        feed: FeedKey,
        partition: PartitionKey,
        before: Progress,
    ) -> Result<BadRecords, StoreError> {
        Ok(self.records_bad(feed, partition, before).await?)
    }
    async fn keep_policy(&self, spec: &PolicySpec) -> Result<i64, StoreError> {
        Ok(self.register_policy(spec).await?)
    }
    async fn enforce_policy(
        &self,
        generation: &Generation,
        id: i64,
        touched: &Touched,
    ) -> Result<u64, StoreError> {
        Ok(self.put_in_force(generation, id, touched).await?)
    }
    async fn policy_in_force(&self) -> Result<Option<PolicySpec>, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(Failure::from)?;
        Ok(policy::in_force(&mut connection).await?.map(|(_, spec)| spec))
    }
    async fn touched(
        &self,
        by: &Touched,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<str>>, StoreError> {
        Ok(self.touched_accounts(by, after, limit).await?)
    }
    async fn vendors(&self) -> Result<Vec<String>, StoreError> {
        let distinct = "SELECT DISTINCT vendor FROM account_alias ORDER BY vendor";
        let found = sqlx::query_scalar(distinct).fetch_all(&self.readers).await;
        Ok(found.map_err(Failure::from)?)
    }
    async fn check_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
        Ok(self.judge_mapping(name, version, hash).await?)
    }
    async fn keep_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
        Ok(self.register_mapping(name, version, hash).await?)
    }
    async fn rewind(&self, generation: &Generation, partitions: &[PartitionId]) -> Result<(), StoreError> {
        Ok(self.rewind_partitions(generation, partitions).await?)
    }
    async fn partitions(&self, prefix: &str) -> Result<Vec<KnownPartition>, StoreError> {
        Ok(self.known_partitions(prefix).await?)
    }
    async fn reserve_accounts(&self, count: u32) -> Result<Range<i64>, StoreError> {
        Ok(self.take_account_ids(count).await?)
    }
    async fn load_accounts(&self, numbers: &[Arc<str>]) -> Result<Vec<Option<StoredAccount>>, StoreError> {
        Ok(self.read_accounts(numbers).await?)
    }
    async fn marked(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let marked = "SELECT a.account_no FROM refold r JOIN account a ON a.id = r.account_id ORDER BY a.id";
        let numbers: Result<Vec<String>, Failure> =
            sqlx::query_scalar(marked).fetch_all(&self.readers).await.map_err(Failure::from);
        Ok(numbers?.into_iter().map(Arc::from).collect())
    }
    async fn load_aliases(&self, asked: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Alias>, StoreError> {
        Ok(self.read_aliases(asked).await?)
    }
    async fn identify(&self, probes: &[Probe]) -> Result<Vec<Found>, StoreError> {
        Ok(self.find_facts(probes).await?)
    }
    async fn history(&self, asked: &[HistoryRequest]) -> Result<Vec<History>, StoreError> {
        Ok(self.read_history(asked).await?)
    }
    async fn commit(&self, unit: &CommitUnit) -> Result<Receipt, CommitError> {
        self.write(unit).await
    }
    fn reader(&self) -> &dyn Reader {
        self
    }
}
