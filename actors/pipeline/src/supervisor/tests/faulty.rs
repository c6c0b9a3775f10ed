//! A store that fails on purpose.
use async_trait::async_trait;
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::*;

/// What goes wrong, in turn: nothing once the list is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Nobody answers.
    Away,
    /// It was done, and the answer was lost.
    AwayAfterwards,
    Panic,
    Data,
    Schema,
}

pub struct Faulty<S> {
    pub store: S,
    pub commits: Mutex<VecDeque<Fault>>,
    pub openings: Mutex<VecDeque<Fault>>,
}

#[async_trait]
impl<S: Store> Store for Faulty<S> {
    async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.store.migrate().await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
    }
    async fn open_generation(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError> {
        let fault = self.openings.lock().unwrap().pop_front();
        if fault == Some(Fault::Away) {
            return Err(StoreError::Unreachable("on purpose".into()));
        }
        self.store.open_generation(worker, ttl).await
    }
    async fn stand_down(&self, worker: &str) -> Result<(), StoreError> {
        self.store.stand_down(worker).await
    }
    async fn join(&self, worker: &str, ttl: Duration) -> Result<Generation, StoreError> {
        self.store.join(worker, ttl).await
    }
    async fn holders(&self, partitions: &[PartitionId]) -> Result<Holders, StoreError> {
        self.store.holders(partitions).await
    }
    async fn claim(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<Vec<PartitionId>, StoreError> {
        self.store.claim(generation, specs).await
    }
    async fn release(
        &self,
        generation: &Generation,
        partition: PartitionKey,
        token: i64,
    ) -> Result<(), StoreError> {
        self.store.release(generation, partition, token).await
    }
    async fn renew(&self, generation: &Generation) -> Result<(), StoreError> {
        self.store.renew(generation).await
    }
    async fn close_generation(&self, generation: &Generation) -> Result<(), StoreError> {
        self.store.close_generation(generation).await
    }
    async fn open_partition(
        &self,
        generation: &Generation,
        spec: &PartitionSpec,
    ) -> Result<OpenPartition, StoreError> {
        self.store.open_partition(generation, spec).await
    }
    async fn begin(&self, generation: &Generation, specs: &[PartitionSpec]) -> Result<(), StoreError> {
        self.store.begin(generation, specs).await
    }
    async fn note_read_until(&self, generation: &Generation, notes: &[ReadUntil]) -> Result<(), StoreError> {
        self.store.note_read_until(generation, notes).await
    }
    async fn streamed_with(&self, source: &str) -> Result<Vec<(Arc<str>, u32)>, StoreError> {
        self.store.streamed_with(source).await
    }
    async fn note_gap(&self, generation: &Generation, gap: &GapWrite) -> Result<(), StoreError> {
        self.store.note_gap(generation, gap).await
    }
    async fn open_feed(&self, spec: &FeedSpec) -> Result<OpenFeed, StoreError> {
        self.store.open_feed(spec).await
    }
    async fn open_deliveries(&self, partition: PartitionKey) -> Result<Vec<OpenDelivery>, StoreError> {
        self.store.open_deliveries(partition).await
    }
    async fn note_file(&self, file: &FileSpec) -> Result<(), StoreError> {
        self.store.note_file(file).await
    }
    async fn standing_feeds(&self, layouts: &[Arc<str>]) -> Result<Vec<StandingFeed>, StoreError> {
        self.store.standing_feeds(layouts).await
    }
    async fn affected(&self, what: &Affected) -> Result<Vec<AffectedAccount>, StoreError> {
        self.store.affected(what).await
    }
    async fn bad_records(
        &self,
        feed: FeedKey,
        partition: PartitionKey,
        before: Progress,
    ) -> Result<BadRecords, StoreError> {
        self.store.bad_records(feed, partition, before).await
    }
    async fn keep_policy(&self, spec: &PolicySpec) -> Result<i64, StoreError> {
        self.store.keep_policy(spec).await
    }
    async fn enforce_policy(
        &self,
        generation: &Generation,
        id: i64,
        touched: &Touched,
    ) -> Result<u64, StoreError> {
        self.store.enforce_policy(generation, id, touched).await
    }
    async fn policy_in_force(&self) -> Result<Option<PolicySpec>, StoreError> {
        self.store.policy_in_force().await
    }
    async fn touched(
        &self,
        by: &Touched,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<str>>, StoreError> {
        self.store.touched(by, after, limit).await
    }
    async fn vendors(&self) -> Result<Vec<String>, StoreError> {
        self.store.vendors().await
    }
    async fn check_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
        self.store.check_mapping(name, version, hash).await
    }
    async fn keep_mapping(&self, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
        self.store.keep_mapping(name, version, hash).await
    }
    async fn rewind(&self, generation: &Generation, partitions: &[PartitionId]) -> Result<(), StoreError> {
        self.store.rewind(generation, partitions).await
    }
    async fn partitions(&self, prefix: &str) -> Result<Vec<KnownPartition>, StoreError> {
        self.store.partitions(prefix).await
    }
    async fn reserve_accounts(&self, count: u32) -> Result<std::ops::Range<i64>, StoreError> {
        self.store.reserve_accounts(count).await
    }
    async fn load_accounts(&self, numbers: &[Arc<str>]) -> Result<Vec<Option<StoredAccount>>, StoreError> {
        self.store.load_accounts(numbers).await
    }
    async fn marked(&self) -> Result<Vec<Arc<str>>, StoreError> {
        self.store.marked().await
    }
    async fn load_aliases(&self, asked: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Alias>, StoreError> {
        self.store.load_aliases(asked).await
    }
    async fn identify(&self, probes: &[Probe]) -> Result<Vec<Found>, StoreError> {
        self.store.identify(probes).await
    }
    async fn history(&self, asked: &[HistoryRequest]) -> Result<Vec<returns::ledger::History>, StoreError> {
        self.store.history(asked).await
    }
    async fn commit(&self, unit: &CommitUnit) -> Result<Receipt, CommitError> {
        let fault = self.commits.lock().unwrap().pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::None => self.store.commit(unit).await,
            Fault::Away => Err(StoreError::Unreachable("on purpose".into()).into()),
            Fault::AwayAfterwards => {
                self.store.commit(unit).await?;
                Err(CommitError::Unknown("on purpose".into()))
            }
            Fault::Panic => panic!("on purpose"),
            Fault::Data => Err(CommitError::Data("on purpose".into())),
            Fault::Schema => Err(StoreError::Schema("on purpose".into()).into()),
        }
    }
    fn reader(&self) -> &dyn Reader {
        self.store.reader()
    }
}
