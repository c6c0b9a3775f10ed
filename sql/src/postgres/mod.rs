//! Postgres 15 and later.
//!
//! # Layout
//! - `address`: where the database is, and whether it answers.
//! - `schema`: the versions of the schema.
//! - `lease`: who may write, and the locks and tokens by which that is held. `workers`: who is at work.
//! - `register`: what is registered once and known by a number. `policy`: which policy is in force, and whom a change touches.
//! - `streams`: where partitions of streams begin, how far they are read, and what was lost of them.
//! - `load`, `history`: what memory needs of accounts.
//! - `commit`: a unit as one or two transactions; `rows` and `write` are what they write.
//! - `reader`: what people read.
//! - `copy`, `numeric`, `types`, `sets`: the wire.
mod address;
mod commit;
mod copy;
mod error;
mod feeds;
mod history;
mod lease;
mod load;
mod numeric;
mod policy;
mod reader;
mod register;
mod rows;
mod schema;
mod sets;
mod streams;
mod types;
mod workers;
mod write;

pub use address::{EXAMPLE, check_url};
pub use lease::SLOT_LOCK;

use crate::{
    Affected, AffectedAccount, Alias, BadRecords, CommitError, CommitUnit, FeedSpec, FileSpec, Found,
    GapWrite, Generation, HistoryRequest, Holders, KnownPartition, Names, OpenDelivery, OpenFeed,
    OpenPartition, PartitionSpec, PolicySpec, Probe, ReadUntil, Reader, Receipt, StandingFeed, Store,
    StoreError, StoredAccount, Touched,
};
use async_trait::async_trait;
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use returns::ledger::History;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// Two connections commit, the others read.
const CONNECTIONS: u32 = 8;
/// Nothing may hang for ever: a statement, the wait for a lock (a grant waits for a commit under way), a transaction whose process
/// no longer speaks; in milliseconds, above the longest catch-up commit. Plans are made anew for each statement, since tables grow a
/// thousandfold under one connection, and are not compiled, since statements are many columns wide and run briefly.
const SETTINGS: [(&str, &str); 6] = [
    ("statement_timeout", "600000"),
    ("lock_timeout", "120000"),
    ("idle_in_transaction_session_timeout", "600000"),
    ("client_min_messages", "error"),
    ("plan_cache_mode", "force_custom_plan"),
    ("jit", "off"),
];

/// The store in a Postgres database.
#[derive(Debug)]
pub struct PostgresStore {
    pool: PgPool,
    names: Arc<Names>,
    /// The slots of accounts seen by this process, so that a commit routes without asking.
    slots: RwLock<HashMap<i64, u8>>,
    /// One unit at a time: units of one account must keep their order.
    committing: tokio::sync::Mutex<()>,
}

impl PostgresStore {
    /// Opens a pool on `postgres://...`; its connections are made anew when they break.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a URL that is none or lets nobody in, [`StoreError::Unreachable`] if nobody answers: at once where the
    /// connection is refused, else after ten seconds.
    pub async fn connect(url: &str, names: Arc<Names>) -> Result<PostgresStore, StoreError> {
        let options = address::options(url)
            .map_err(|e| StoreError::Refused(format!("the url of the store: {e}; write {EXAMPLE}")))?
            .application_name("dietz")
            .options(SETTINGS);
        address::knock(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            // Who was dropped in the middle of a transaction may have left it open, and whoever had the connection next would be in it. It also
            // tells whether the connection is alive.
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                Box::pin(async move { sqlx::raw_sql("ROLLBACK").execute(connection).await.map(|_| true) })
            })
            .connect_lazy_with(options);
        Ok(PostgresStore { pool, names, slots: RwLock::default(), committing: tokio::sync::Mutex::default() })
    }

    /// Closes all connections, once they are idle.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that sees one state of the store.
    async fn snapshot(&self) -> Result<Transaction<'_, Postgres>, StoreError> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }

    fn remember_slots(&self, accounts: impl Iterator<Item = (i64, u8)>) {
        self.slots.write().unwrap_or_else(|e| e.into_inner()).extend(accounts);
    }

    /// Gives the names of partitions that this process has not met to [`Names::partitions`], which orders them.
    async fn learn_partitions(
        &self,
        conn: &mut PgConnection,
        keys: Vec<PartitionKey>,
    ) -> Result<(), StoreError> {
        let keys: BTreeSet<PartitionKey> = keys.into_iter().collect();
        let unknown: Vec<i64> =
            keys.into_iter().filter(|k| self.names.partitions.get(*k).is_none()).map(|k| k.0).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let known: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM partition WHERE id = ANY($1)")
            .bind(unknown)
            .fetch_all(conn)
            .await?;
        for (key, name) in known {
            self.names.partitions.insert(PartitionKey(key), PartitionId::new(name));
        }
        Ok(())
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        schema::migrate(&self.pool).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        schema::ready(&self.pool).await
    }

    async fn open_generation(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError> {
        self.become_active(worker, ttl).await
    }
    async fn stand_down(&self, worker: &str) -> Result<(), StoreError> {
        self.leave_standby(worker).await
    }
    async fn join(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError> {
        self.join_ingest(worker, ttl).await
    }
    async fn renew(&self, generation: &Generation) -> Result<(), StoreError> {
        self.renew_worker(generation).await
    }
    async fn close_generation(&self, generation: &Generation) -> Result<(), StoreError> {
        self.leave(generation).await
    }
    async fn holders(&self, partitions: &[PartitionId]) -> Result<Holders, StoreError> {
        self.who_holds(partitions).await
    }
    async fn claim(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<Vec<PartitionId>, StoreError> {
        self.take_free(generation, specs).await
    }
    async fn release(&self, _: &Generation, partition: PartitionKey, token: i64) -> Result<(), StoreError> {
        self.give_back(partition, token).await
    }

    async fn open_partition(
        &self,
        generation: &Generation,
        spec: &PartitionSpec,
    ) -> Result<OpenPartition, StoreError> {
        let opened = lease::open_partition(&self.pool, generation, spec).await?;
        self.names.partitions.insert(opened.key, spec.id.clone());
        Ok(opened)
    }
    async fn begin(&self, generation: &Generation, specs: &[PartitionSpec]) -> Result<(), StoreError> {
        self.register_all(generation, specs).await
    }
    async fn note_read_until(&self, _: &Generation, notes: &[ReadUntil]) -> Result<(), StoreError> {
        self.keep_read_until(notes).await
    }
    async fn streamed_with(&self, source: &str) -> Result<Vec<(Arc<str>, u32)>, StoreError> {
        self.earliest_versions(source).await
    }
    async fn note_gap(&self, generation: &Generation, gap: &GapWrite) -> Result<(), StoreError> {
        self.keep_gap(generation, gap).await
    }
    async fn open_feed(&self, spec: &FeedSpec) -> Result<OpenFeed, StoreError> {
        feeds::open(&self.pool, spec).await
    }
    async fn open_deliveries(&self, partition: PartitionKey) -> Result<Vec<OpenDelivery>, StoreError> {
        feeds::open_deliveries(&self.pool, partition).await
    }
    async fn note_file(&self, file: &FileSpec) -> Result<(), StoreError> {
        feeds::note_file(&self.pool, file).await
    }
    async fn standing_feeds(&self, layouts: &[Arc<str>]) -> Result<Vec<StandingFeed>, StoreError> {
        feeds::standing(&self.pool, layouts).await
    }
    async fn affected(&self, what: &Affected) -> Result<Vec<AffectedAccount>, StoreError> {
        feeds::affected(&self.pool, what).await
    }
    async fn bad_records(
        &self,
        feed: FeedKey,
        partition: PartitionKey,
        before: Progress,
    ) -> Result<BadRecords, StoreError> {
        feeds::bad_records(&self.pool, feed, partition, before).await
    }
    async fn keep_policy(&self, spec: &PolicySpec) -> Result<i64, StoreError> {
        policy::keep(&self.pool, spec).await
    }
    async fn enforce_policy(
        &self,
        generation: &Generation,
        id: i64,
        touched: &Touched,
    ) -> Result<u64, StoreError> {
        self.put_in_force(generation, id, touched).await
    }
    async fn policy_in_force(&self) -> Result<Option<PolicySpec>, StoreError> {
        let mut conn = self.pool.acquire().await?;
        Ok(policy::in_force(&mut conn).await?.map(|(_, spec)| spec))
    }
    async fn touched(
        &self,
        by: &Touched,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<str>>, StoreError> {
        self.touched_accounts(by, after, limit).await
    }
    async fn vendors(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT vendor FROM account_alias ORDER BY vendor";
        Ok(sqlx::query_scalar(sql).fetch_all(&self.pool).await?)
    }
    async fn check_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
        register::check_mapping(&self.pool, name, version, hash).await
    }
    async fn keep_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
        register::keep_mapping(&self.pool, name, version, hash).await
    }
    async fn rewind(&self, generation: &Generation, partitions: &[PartitionId]) -> Result<(), StoreError> {
        lease::rewind(&self.pool, generation, partitions).await
    }
    async fn partitions(&self, prefix: &str) -> Result<Vec<KnownPartition>, StoreError> {
        register::partitions(&self.pool, &self.names, prefix).await
    }

    async fn reserve_accounts(&self, count: u32) -> Result<Range<i64>, StoreError> {
        register::reserve_accounts(&self.pool, count).await
    }
    async fn load_accounts(&self, numbers: &[Arc<str>]) -> Result<Vec<Option<StoredAccount>>, StoreError> {
        self.accounts(numbers).await
    }
    async fn marked(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let numbers: Vec<String> = sqlx::query_scalar(
            "SELECT a.account_no FROM refold r JOIN account a ON a.id = r.account_id ORDER BY a.id",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(numbers.into_iter().map(Arc::from).collect())
    }
    async fn load_aliases(&self, asked: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Alias>, StoreError> {
        self.aliases(asked).await
    }
    async fn identify(&self, probes: &[Probe]) -> Result<Vec<Found>, StoreError> {
        self.found(probes).await
    }
    async fn history(&self, asked: &[HistoryRequest]) -> Result<Vec<History>, StoreError> {
        self.histories(asked).await
    }

    async fn commit(&self, unit: &CommitUnit) -> Result<Receipt, CommitError> {
        self.commit_unit(unit).await
    }

    fn reader(&self) -> &dyn Reader {
        self
    }
}
