//! A store that is ready for a first commit, and what it is asked.
use super::plain::*;
use record::{Counts, FeedKey, PartitionId, Position, Progress};
use returns::Vendor;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitUnit, DeltaWrite, FeedSpec, FileSpec, Generation, Names, PartitionSpec, RowWrite, Store};

/// A migrated store with a live generation, a partition, a file and a vendor called `alpha` (number 0), and account 1, `A-1`.
pub struct Ready {
    pub opened: crate::Opened,
    pub generation: Arc<Generation>,
    pub partition: store::OpenPartition,
    pub partition_id: PartitionId,
    pub feed: FeedKey,
}

impl Ready {
    pub async fn new(opened: crate::Opened) -> Ready {
        let (store, names) = (&opened.store, &opened.names);
        store.migrate().await.unwrap();
        assert_eq!(names.vendor("alpha"), Vendor(0));
        assert_eq!(names.vendor("beta"), Vendor(1));
        let generation = Arc::new(store.open_generation("test", Duration::from_secs(60)).await.unwrap());
        let partition_id = PartitionId::new("feeds/day-1.csv");
        let partition = open_partition(&**store, &generation, &partition_id).await;
        let feed = store.open_feed(&file("day-1.csv", 1)).await.unwrap().key;
        let ready = Ready { opened, generation, partition, partition_id, feed };
        ready.commit(CommitUnit { accounts: vec![account(1, "A-1")], ..ready.unit() }).await;
        ready
    }

    pub fn store(&self) -> &dyn Store {
        &*self.opened.store
    }

    pub fn names(&self) -> &Names {
        &self.opened.names
    }

    /// A unit of this generation, without a delta.
    pub fn unit(&self) -> CommitUnit {
        CommitUnit { generation: Some(self.generation.clone()), ..CommitUnit::default() }
    }

    pub fn delta(&self, from: Progress, to: Progress) -> DeltaWrite {
        let counts = Counts {
            read: 3,
            decoded: 2,
            quarantined: 1,
            observed: 2,
            accepted: 2,
            bytes: 99,
            ..Counts::default()
        };
        let (partition, token) = (self.partition.key, self.partition.token);
        DeltaWrite {
            partition,
            id: self.partition_id.clone(),
            token,
            from,
            to,
            counts,
            feeds: Vec::new(),
            read_until: None,
        }
    }

    pub async fn commit(&self, unit: CommitUnit) -> store::Receipt {
        self.store().commit(&unit).await.unwrap()
    }

    pub async fn commit_rows(&self, rows: Vec<RowWrite>) -> store::Receipt {
        self.commit(CommitUnit { rows, ..self.unit() }).await
    }

    /// The rows of all accounts, as published now.
    pub async fn rows(&self) -> Vec<store::Published> {
        self.store().reader().rows(&store::RowFilter::default(), None, 100_000).await.unwrap()
    }

    pub async fn superseded(&self, number: &str, as_of: &str) -> Vec<store::Superseded> {
        let evidence = self.store().reader().evidence(number, date(as_of)).await.unwrap();
        evidence.map(|e| e.superseded).unwrap_or_default()
    }

    pub async fn progress(&self) -> (Progress, Counts) {
        let all = self.store().reader().checkpoints().await.unwrap();
        let row = all.into_iter().find(|c| c.id == self.partition_id).unwrap();
        (row.progress, row.counts)
    }
}

pub async fn open_partition(
    store: &dyn Store,
    generation: &Generation,
    id: &PartitionId,
) -> store::OpenPartition {
    let spec = PartitionSpec { id: id.clone(), source: "feeds".into(), begin: None };
    store.open_partition(generation, &spec).await.unwrap()
}

pub fn file(name: &str, hash: u8) -> FeedSpec {
    FeedSpec {
        vendor: "alpha".into(),
        name: name.into(),
        object_version: None,
        hash: Some([hash; 32]),
        mapping_version: 1,
        arrival: Some(1_700_000_000_000_000),
        business_date: Some(date("2025-01-02")),
        declared: Some(3),
        counted: Some(3),
        status: "coming",
        file: FileSpec {
            partition: PartitionId::new(format!("feeds/{name}")),
            source: "feeds".into(),
            bytes: Some(1000),
            modified: Some(1_700_000_000_000_001),
            read_through: Some(vec![0, 255, hash]),
        },
    }
}

pub fn at(n: u64) -> Progress {
    Progress::At(Position::in_file(n * 100, n, 0))
}
