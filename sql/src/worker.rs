//! The processes at work on a store.
use std::sync::Arc;

/// A process at work on a store: its active pipeline, or one of those that ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    pub worker: Arc<str>,
    /// Grows with each generation of the store.
    pub number: i64,
    /// The token of each of the 256 slots; none for a process that ingests alone.
    pub slots: Vec<i64>,
}

impl Generation {
    /// Whether it reads partitions and writes no account.
    pub fn ingests_alone(&self) -> bool {
        self.slots.is_empty()
    }
}

/// Who holds what among the processes at work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// The names of those that ingest and live, in order.
    pub members: Vec<Arc<str>>,
    /// Of each partition asked about, in the order asked: the living process that has its lease.
    pub owners: Vec<Option<Arc<str>>>,
}
