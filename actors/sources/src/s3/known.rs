//! What the store knows of a source's objects, kept up to date with what is handed over.
use super::object::{Object, Wanted, noted, partition};
use crate::KnownPartition;
use record::{PartitionId, Progress};
use std::collections::HashMap;
use std::sync::Arc;

/// Partitions of one source, named `source/name@mark`. The mark is the object's ETag; of what was refused as a whole `refused-` and that, or
/// `unreadable`: should it become readable, its own partition is at the start.
pub(super) struct Known {
    source: Arc<str>,
    handed: HashMap<PartitionId, Progress>,
    /// What read-throughs told.
    told: HashMap<PartitionId, Arc<[u8]>>,
}

impl Known {
    pub(super) fn new(source: Arc<str>) -> Known {
        Known { source, handed: HashMap::new(), told: HashMap::new() }
    }

    /// Takes up what the store knows; what was handed over since stays. Gives the objects that are not at their end.
    pub(super) fn learn(&mut self, partitions: Vec<KnownPartition>, wanted: &Wanted) -> Vec<Object> {
        let mut unread = Vec::new();
        for p in partitions {
            let handed = self.handed.entry(p.id.clone()).or_insert(p.progress);
            *handed = (*handed).max(p.progress);
            if *handed != Progress::End {
                unread.extend(noted(&self.source, &p.id, p.begin.as_deref(), wanted));
            }
            if let Some(told) = p.read_through {
                self.told.insert(p.id, told.into());
            }
        }
        unread
    }

    pub(super) fn id(&self, name: &str, mark: &str) -> PartitionId {
        partition(&self.source, name, mark)
    }

    pub(super) fn handed(&self, id: &PartitionId) -> Progress {
        self.handed.get(id).copied().unwrap_or_default()
    }

    /// Whether all of a partition was handed over, now or before.
    pub(super) fn at_end(&self, id: &PartitionId) -> bool {
        self.handed(id) == Progress::End
    }

    pub(super) fn told(&self, id: &PartitionId) -> Option<Arc<[u8]>> {
        self.told.get(id).cloned()
    }

    pub(super) fn note(&mut self, id: &PartitionId, handed: Progress) {
        self.handed.insert(id.clone(), handed);
        if handed == Progress::End {
            self.told.remove(id);
        }
    }
}
