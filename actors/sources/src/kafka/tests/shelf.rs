//! A store in memory that several processes share: leases with tokens, steps that must fit, and what was committed.
use crate::kafka::{KafkaConfig, KafkaSource};
use crate::testing::{LinesLayout, Shared};
use crate::*;
use async_trait::async_trait;
use record::{BatchLimit, Feed, FeedKey, Partition, PartitionId, PartitionKey, Progress, RawBatch};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
pub struct Shelf {
    rows: Mutex<BTreeMap<String, Row>>,
    pub gaps: Mutex<Vec<Gap>>,
    pub layout: Arc<LinesLayout>,
}

#[derive(Default)]
struct Row {
    progress: Progress,
    begin: Option<Arc<str>>,
    token: i64,
    owner: Option<u32>,
    read_until: Option<i64>,
    /// Text and arrival of what was committed, in its order.
    texts: Vec<(String, i64)>,
    releases: usize,
}

/// The shelf as one process sees it.
struct Seat {
    shelf: Arc<Shelf>,
    process: u32,
}

impl Shelf {
    fn row<T>(&self, id: &str, with: impl FnOnce(&mut Row) -> T) -> T {
        with(self.rows.lock().unwrap().entry(id.to_owned()).or_default())
    }

    /// What only looks makes nothing known.
    fn seen<T: Default>(&self, id: &str, with: impl FnOnce(&Row) -> T) -> T {
        self.rows.lock().unwrap().get(id).map(with).unwrap_or_default()
    }

    pub fn stand_at(&self, id: &str, progress: Progress) {
        self.row(id, |row| row.progress = progress);
    }

    pub fn read_until(&self, id: &str) -> Option<i64> {
        self.seen(id, |row| row.read_until)
    }

    pub fn read_until_then(&self, id: &str, at: i64) {
        self.row(id, |row| row.read_until = Some(at));
    }

    pub fn progress(&self, id: &str) -> Progress {
        self.seen(id, |row| row.progress)
    }

    pub fn begin(&self, id: &str) -> Option<String> {
        self.seen(id, |row| row.begin.as_deref().map(str::to_owned))
    }

    pub fn texts(&self, id: &str) -> Vec<String> {
        self.seen(id, |row| row.texts.iter().map(|(text, _)| text.clone()).collect())
    }

    pub fn arrivals(&self, id: &str) -> Vec<i64> {
        self.seen(id, |row| row.texts.iter().map(|(_, arrival)| *arrival).collect())
    }

    pub fn count(&self) -> usize {
        self.rows.lock().unwrap().values().map(|row| row.texts.len()).sum()
    }

    /// How often partitions were given up in order.
    pub fn releases(&self) -> usize {
        self.rows.lock().unwrap().values().map(|row| row.releases).sum()
    }

    /// Commits a batch, or refuses it as the store does: its lease is gone.
    pub fn commit(&self, batch: &RawBatch) -> bool {
        self.row(batch.partition.id.as_str(), |row| {
            if row.token != batch.partition.token {
                return false;
            }
            assert_eq!(
                row.progress, batch.from,
                "{}: a batch goes on where the one before ended",
                batch.partition.id
            );
            assert!(batch.to > batch.from, "a batch moves its position");
            row.progress = batch.to;
            row.read_until = row.read_until.max(batch.read_until);
            row.texts.extend(
                batch.records.iter().map(|r| {
                    (String::from_utf8_lossy(batch.record(r)).into_owned(), batch.arrival(r).unwrap())
                }),
            );
            true
        })
    }

    /// A process died, and its leases ran out.
    pub fn died(&self, process: u32) {
        for row in self.rows.lock().unwrap().values_mut().filter(|row| row.owner == Some(process)) {
            row.owner = None;
        }
    }

    pub fn source(self: &Arc<Self>, process: u32, config: KafkaConfig) -> Reader {
        self.named("k", process, config)
    }

    pub fn named(self: &Arc<Self>, name: &str, process: u32, config: KafkaConfig) -> Reader {
        let seat = Arc::new(Seat { shelf: self.clone(), process });
        let source = KafkaSource::new(name, config, Arc::new(Shared(self.layout.clone())), seat);
        Reader { source, shelf: self.clone(), under_way: Vec::new(), batch_records: 7 }
    }
}

/// A source and what it has handed over.
pub struct Reader {
    pub source: KafkaSource,
    shelf: Arc<Shelf>,
    pub under_way: Vec<RawBatch>,
    pub batch_records: usize,
}

impl Reader {
    /// Asks once; what comes is under way.
    pub async fn ask(&mut self) -> Result<bool, SourceError> {
        let wait = Duration::from_millis(50);
        let limit = BatchLimit { records: self.batch_records, bytes: 1 << 20, wait };
        match self.source.next_batch(&limit).await? {
            Next::Batch(batch) => self.under_way.push(batch),
            Next::Idle => return Ok(false),
            Next::End => panic!("a topic has no end"),
        }
        Ok(true)
    }

    /// Commits what is under way, and tells the source. False: a lease is gone.
    pub async fn commit(&mut self) -> bool {
        for batch in std::mem::take(&mut self.under_way) {
            if !self.shelf.commit(&batch) {
                return false;
            }
            self.source.committed(&batch.partition.id, batch.to).await;
        }
        true
    }

    /// Reads and commits until so much is on the shelf in all.
    pub async fn until(&mut self, count: usize) {
        let read = async {
            while self.shelf.count() < count {
                self.ask().await.unwrap();
                assert!(self.commit().await, "the lease is kept");
            }
        };
        let late = tokio::time::timeout(Duration::from_secs(60), read).await;
        assert!(late.is_ok(), "{} of {count} after a minute", self.shelf.count());
    }

    /// Asks until it fails.
    pub async fn fails(&mut self) -> SourceError {
        let read = async {
            loop {
                if let Err(e) = self.ask().await {
                    return e;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), read).await.unwrap()
    }
}

#[async_trait]
impl Registry for Seat {
    async fn known(&self, prefix: &str) -> Result<Vec<KnownPartition>, SourceError> {
        let rows = self.shelf.rows.lock().unwrap();
        let known = rows.iter().filter(|(id, _)| id.starts_with(prefix)).map(|(id, row)| KnownPartition {
            id: PartitionId::new(id.as_str()),
            progress: row.progress,
            size: None,
            modified: None,
            read_through: None,
            begin: row.begin.clone(),
            read_until: row.read_until,
        });
        Ok(known.collect())
    }

    async fn open_partition(
        &self,
        _: &PartitionId,
        _: &Feed,
    ) -> Result<(Arc<Partition>, Progress), SourceError> {
        unreachable!("a topic is a stream")
    }

    async fn open_stream(&self, id: &PartitionId) -> Result<(Arc<Partition>, Progress), SourceError> {
        tokio::task::yield_now().await;
        self.shelf.row(id.as_str(), |row| {
            if row.owner.is_some_and(|owner| owner != self.process) {
                return Err(SourceError::LeaseLost(id.clone()));
            }
            row.owner = Some(self.process);
            row.token += 1;
            let (key, source) = (PartitionKey(1), "k".into());
            let (token, opened) = (row.token, row.progress);
            Ok((Arc::new(Partition { key, id: id.clone(), source, token, opened }), opened))
        })
    }

    async fn open_deliveries(&self, _: &Partition) -> Result<Vec<OpenDelivery>, SourceError> {
        Ok(Vec::new())
    }

    async fn note_file(&self, _: &FeedInfo) -> Result<(), SourceError> {
        unreachable!("a topic has no files")
    }

    async fn share(&self, open: &[PartitionId]) -> Result<Vec<PartitionId>, SourceError> {
        Ok(open.to_vec())
    }

    async fn release(&self, partition: &Partition) -> Result<(), SourceError> {
        tokio::task::yield_now().await;
        self.shelf.row(partition.id.as_str(), |row| {
            if row.token == partition.token {
                row.owner = None;
                row.token += 1;
                row.releases += 1;
            }
        });
        Ok(())
    }

    async fn begin(&self, partitions: &[(PartitionId, Arc<str>)]) -> Result<(), SourceError> {
        let mut rows = self.shelf.rows.lock().unwrap();
        for (id, begin) in partitions {
            rows.entry(id.to_string())
                .or_insert_with(|| Row { begin: Some(begin.clone()), ..Row::default() });
        }
        Ok(())
    }

    async fn note_read_until(&self, _: &[(Arc<Partition>, Progress, i64)]) -> Result<(), SourceError> {
        Ok(())
    }

    async fn note_gap(&self, gap: &Gap) -> Result<(), SourceError> {
        self.shelf.gaps.lock().unwrap().push(gap.clone());
        Ok(())
    }

    async fn open_feed(&self, info: &FeedInfo) -> Result<Arc<Feed>, SourceError> {
        tokio::task::yield_now().await;
        Ok(Arc::new(Feed {
            arrival: info.arrival,
            first_arrival: info.arrival,
            ..Feed::new(FeedKey(1), info.vendor.clone())
        }))
    }
}
