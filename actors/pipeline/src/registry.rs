//! What sources ask of the store, answered.
use async_trait::async_trait;
use record::{Feed, Partition, PartitionId, Progress};
use sources::balance::{Share, balance};
use sources::{FeedInfo, FeedStatus, Gap, KnownPartition, OpenDelivery, Registry, SourceError};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use store::{
    FeedSpec, FileSpec, GapWrite, Generation, Names, OpenPartition, PartitionSpec, ReadUntil, Store,
    StoreError,
};

/// The store, as sources of one generation see it.
pub struct StoreRegistry {
    pub store: Arc<dyn Store>,
    pub generation: Arc<Generation>,
    pub names: Arc<Names>,
    pub source: Arc<str>,
    /// With `--from-start`: the partitions already set back in this run, over all generations. None: nothing is set back.
    pub rewound: Option<Arc<Mutex<HashSet<PartitionId>>>>,
    /// The layouts that are known, each with the version of its mapping.
    pub versions: Arc<[(Arc<str>, u32)]>,
}

impl StoreRegistry {
    fn is_rewound(&self, id: &PartitionId) -> bool {
        let set = |m: &Mutex<HashSet<PartitionId>>| m.lock().unwrap_or_else(|e| e.into_inner()).contains(id);
        self.rewound.as_ref().is_none_or(|m| set(m))
    }

    fn granted(&self, id: &PartitionId, opened: &OpenPartition) -> (Arc<Partition>, Progress) {
        self.names.partitions.insert(opened.key, id.clone());
        let partition = Partition {
            key: opened.key,
            id: id.clone(),
            source: self.source.clone(),
            token: opened.token,
            opened: opened.progress,
        };
        (Arc::new(partition), opened.progress)
    }

    fn spec(&self, id: &PartitionId, begin: Option<Arc<str>>) -> PartitionSpec {
        PartitionSpec { id: id.clone(), source: self.source.clone(), begin }
    }

    /// A stream is not set back to its start under another version of a mapping: what was read with the earlier one is not taken back.
    async fn may_read_again(&self, id: &PartitionId) -> Result<(), SourceError> {
        if self.is_rewound(id) {
            return Ok(());
        }
        let read_with = self.store.streamed_with(&self.source).await.map_err(|e| error(e, id))?;
        let newer = |(layout, earliest): &(Arc<str>, u32)| {
            self.versions.iter().any(|(name, version)| name == layout && version > earliest)
        };
        match read_with.iter().any(newer) {
            true => Err(SourceError::Fatal(cannot_read_again(id))),
            false => Ok(()),
        }
    }

    async fn rewind(&self, id: &PartitionId) -> Result<(), SourceError> {
        if let Some(rewound) = &self.rewound
            && !self.is_rewound(id)
        {
            let one = std::slice::from_ref(id);
            self.store.rewind(&self.generation, one).await.map_err(|e| error(e, id))?;
            rewound.lock().unwrap_or_else(|e| e.into_inner()).insert(id.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl Registry for StoreRegistry {
    async fn known(&self, prefix: &str) -> Result<Vec<KnownPartition>, SourceError> {
        let whole = PartitionId::new(prefix);
        let known = self.store.partitions(prefix).await.map_err(|e| error(e, &whole))?;
        let seen = known.into_iter().map(|k| {
            // What is to be read again is not read yet.
            let (progress, read_until) = match self.is_rewound(&k.id) {
                true => (k.progress, k.read_until),
                false => (Progress::Start, None),
            };
            KnownPartition {
                progress,
                read_until,
                id: k.id,
                size: k.file_size.and_then(|n| u64::try_from(n).ok()),
                modified: k.file_modified,
                read_through: k.read_through,
                begin: k.begin,
            }
        });
        Ok(seen.collect())
    }

    async fn open_partition(
        &self,
        id: &PartitionId,
        feed: &Feed,
    ) -> Result<(Arc<Partition>, Progress), SourceError> {
        let spec = self.spec(id, None);
        let open = |e| error(e, id);
        let mut opened = self.store.open_partition(&self.generation, &spec).await.map_err(open)?;
        if !self.is_rewound(id) {
            if feed.begun_with_earlier && opened.progress != Progress::Start {
                return Err(SourceError::Fatal(cannot_read_again(id)));
            }
            self.rewind(id).await?;
            opened = self.store.open_partition(&self.generation, &spec).await.map_err(open)?;
        }
        // A part of one reading and a part of another are no reading.
        let is_other = feed.ends && opened.feed != Some(feed.key);
        if is_other && matches!(opened.progress, Progress::At(_)) {
            self.store.rewind(&self.generation, std::slice::from_ref(id)).await.map_err(open)?;
            opened = self.store.open_partition(&self.generation, &spec).await.map_err(open)?;
        }
        Ok(self.granted(id, &opened))
    }

    async fn open_stream(&self, id: &PartitionId) -> Result<(Arc<Partition>, Progress), SourceError> {
        let spec = self.spec(id, None);
        self.may_read_again(id).await?;
        self.store.open_partition(&self.generation, &spec).await.map_err(|e| error(e, id))?;
        self.rewind(id).await?;
        let opened = self.store.open_partition(&self.generation, &spec).await.map_err(|e| error(e, id))?;
        Ok(self.granted(id, &opened))
    }

    async fn open_deliveries(&self, partition: &Partition) -> Result<Vec<OpenDelivery>, SourceError> {
        let open = self.store.open_deliveries(partition.key).await.map_err(|e| error(e, &partition.id))?;
        let told = open.into_iter().map(|d| OpenDelivery {
            vendor: d.vendor,
            mapping_version: d.mapping_version,
            kept: d.kept,
        });
        Ok(told.collect())
    }

    async fn note_file(&self, info: &FeedInfo) -> Result<(), SourceError> {
        self.store.note_file(&file_of(info)).await.map_err(|e| error(e, &info.partition))
    }

    async fn share(&self, open: &[PartitionId]) -> Result<Vec<PartitionId>, SourceError> {
        let Some(first) = open.first().filter(|_| self.generation.ingests_alone()) else {
            return Ok(open.to_vec());
        };
        let holders = self.store.holders(open).await.map_err(|e| error(e, first))?;
        let held: Vec<_> = open.iter().cloned().zip(holders.owners).collect();
        let Share { mut keep, take, .. } = balance(&self.source, &holders.members, &held)
            .remove(&self.generation.worker)
            .unwrap_or_default();
        if !take.is_empty() {
            let specs: Vec<_> = take.iter().map(|id| self.spec(id, None)).collect();
            keep.extend(self.store.claim(&self.generation, &specs).await.map_err(|e| error(e, first))?);
            keep.sort();
        }
        Ok(keep)
    }

    async fn release(&self, partition: &Partition) -> Result<(), SourceError> {
        let released = self.store.release(&self.generation, partition.key, partition.token).await;
        released.map_err(|e| error(e, &partition.id))
    }

    async fn begin(&self, partitions: &[(PartitionId, Arc<str>)]) -> Result<(), SourceError> {
        let Some((first, _)) = partitions.first() else { return Ok(()) };
        let specs: Vec<_> = partitions.iter().map(|(id, begin)| self.spec(id, Some(begin.clone()))).collect();
        self.store.begin(&self.generation, &specs).await.map_err(|e| error(e, first))
    }

    async fn note_read_until(&self, notes: &[(Arc<Partition>, Progress, i64)]) -> Result<(), SourceError> {
        let Some((first, ..)) = notes.first() else { return Ok(()) };
        let note = |(p, at, until): &(Arc<Partition>, Progress, i64)| ReadUntil {
            partition: p.key,
            token: p.token,
            at: *at,
            until: *until,
        };
        let notes: Vec<_> = notes.iter().map(note).collect();
        self.store.note_read_until(&self.generation, &notes).await.map_err(|e| error(e, &first.id))
    }

    async fn note_gap(&self, gap: &Gap) -> Result<(), SourceError> {
        let write = GapWrite {
            partition: gap.partition.clone(),
            source: self.source.clone(),
            from: gap.from,
            from_arrival: gap.from_arrival,
            to: gap.to,
            to_arrival: gap.to_arrival,
            retention_hours: gap.retention_hours,
        };
        self.store.note_gap(&self.generation, &write).await.map_err(|e| error(e, &gap.partition))
    }

    async fn open_feed(&self, info: &FeedInfo) -> Result<Arc<Feed>, SourceError> {
        let spec = FeedSpec {
            vendor: info.vendor.clone(),
            name: info.name.clone(),
            object_version: info.version.clone(),
            hash: info.hash,
            arrival: info.arrival,
            business_date: info.survey.business_date.as_deref().and_then(|d| d.parse().ok()),
            declared: info.survey.declared,
            counted: Some(info.survey.counted).filter(|_| info.status != FeedStatus::Open),
            status: info.status.as_str(),
            file: file_of(info),
            mapping_version: info.mapping_version,
        };
        let opened = self.store.open_feed(&spec).await.map_err(|e| error(e, &info.partition))?;
        Ok(Arc::new(Feed {
            key: opened.key,
            vendor: info.vendor.clone(),
            arrival: info.arrival,
            first_arrival: opened.arrival,
            business_date: info.survey.business_date.as_deref().map(Arc::from),
            records: info.survey.records,
            hash: info.hash,
            ends: info.status != FeedStatus::Open,
            gated: info.status == FeedStatus::Waiting,
            control: info.survey.disagreement(),
            begun_with_earlier: info.hash.is_none() && opened.mapping_version < info.mapping_version,
            earlier: opened.earlier,
            newest_first: info.survey.newest_first,
            delivery: None,
        }))
    }
}

/// Of a file with an end all is taken back that it gave before; of what may grow it is not known when all of it is read again.
fn cannot_read_again(id: &PartitionId) -> String {
    format!(
        "{id} has no end and was begun with an earlier version of its mapping: read again, its records could count twice. Leave out `--from-start`: \
         new records are read with the new version; or read its source into a new store"
    )
}

fn file_of(info: &FeedInfo) -> FileSpec {
    FileSpec {
        partition: info.partition.clone(),
        source: info.source.clone(),
        bytes: info.size,
        modified: info.modified,
        read_through: info.read_through.clone(),
    }
}

fn error(e: StoreError, id: &PartitionId) -> SourceError {
    match e {
        StoreError::Unreachable(text) => SourceError::Transient(text),
        StoreError::LeaseLost | StoreError::Busy { .. } => SourceError::LeaseLost(id.clone()),
        StoreError::Schema(text) | StoreError::Refused(text) => SourceError::Fatal(format!("{id}: {text}")),
    }
}

#[cfg(test)]
mod tests;
