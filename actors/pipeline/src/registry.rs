//! What sources ask of layouts and of the store, answered.
use crate::topology::layouts::{CORRECTIONS, LayoutSet};
use async_trait::async_trait;
use codecs::Layout;
use record::{Feed, Framed, Framer, Partition, PartitionId, Progress, Survey};
use sources::balance::{Share, balance};
use sources::{
    Assembly, FeedInfo, FeedStatus, Gap, KnownPartition, Layouts, OpenDelivery, OpenLayout, Refused,
    Registry, SourceError, Surveyor,
};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use store::{
    FeedSpec, FileSpec, GapWrite, Generation, Names, OpenPartition, PartitionSpec, ReadUntil, Store,
    StoreError,
};

/// The layouts one source may carry.
pub struct SourceLayouts {
    candidates: Vec<Arc<Layout>>,
    /// The topology names what this source carries, so that its only layout needs no `[detect]`.
    /// The same, opened for messages of a stream, which have no names.
    nameless: Vec<Arc<dyn OpenLayout>>,
    named: bool,
}

impl SourceLayouts {
    /// `vendors` empty: all vendors the topology knows. `eventbridge`: corrections and nothing else.
    pub fn new(set: &LayoutSet, vendors: &[String], eventbridge: bool) -> Self {
        let wanted = |vendor: &str| match (eventbridge, vendors) {
            (true, _) => vendor == CORRECTIONS,
            (false, []) => vendor != CORRECTIONS,
            (false, some) => some.iter().any(|v| v == vendor),
        };
        let candidates = set.iter().filter(|l| wanted(&l.vendor_name)).map(|l| l.layout.clone());
        SourceLayouts::of(candidates.collect(), eventbridge || !vendors.is_empty())
    }

    fn of(candidates: Vec<Arc<Layout>>, named: bool) -> Self {
        let nameless = candidates.iter().map(|layout| opened(layout, "")).collect();
        SourceLayouts { candidates, nameless, named }
    }
}

impl Layouts for SourceLayouts {
    fn choose(&self, file_name: &str, head: &[u8]) -> Result<Arc<dyn OpenLayout>, Refused> {
        let layout = self.layout(file_name, head)?;
        let same = |candidate: &Arc<Layout>| Arc::ptr_eq(candidate, layout);
        let ready = self.candidates.iter().position(same).filter(|_| file_name.is_empty());
        Ok(ready.map_or_else(|| opened(layout, file_name), |n| self.nameless[n].clone()))
    }

    fn named(&self, name: &str) -> Option<Arc<dyn OpenLayout>> {
        self.nameless.iter().find(|layout| layout.vendor() == name).cloned()
    }
}

impl SourceLayouts {
    /// The layout of a feed; see [`Layouts::choose`].
    pub fn layout(&self, file_name: &str, head: &[u8]) -> Result<&Arc<Layout>, Refused> {
        if let [only] = self.candidates.as_slice()
            && (self.named || !only.is_detectable())
        {
            return Ok(only);
        }
        let found: Vec<&Arc<Layout>> = self.candidates.iter().filter(|l| l.detect(file_name, head)).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(Refused {
                code: "unknown_layout",
                text: format!(
                    "no vendor's [detect] knows {}; name its vendor in the source, or add a mapping",
                    called(file_name)
                ),
            }),
            many => {
                let names: Vec<&str> = many.iter().map(|l| l.name()).collect();
                let text = format!(
                    "{} is known to several vendors: {}; make [detect] stricter",
                    called(file_name),
                    names.join(", ")
                );
                Err(Refused { code: "ambiguous_layout", text })
            }
        }
    }
}

fn called(file_name: &str) -> &str {
    if file_name.is_empty() { "the message by how it begins" } else { file_name }
}

struct Opened {
    layout: Arc<Layout>,
    /// The feed's, in which its date may stand.
    file_name: String,
}

fn opened(layout: &Arc<Layout>, file_name: &str) -> Arc<dyn OpenLayout> {
    Arc::new(Opened { layout: layout.clone(), file_name: file_name.to_owned() })
}

impl OpenLayout for Opened {
    fn vendor(&self) -> &str {
        self.layout.name()
    }
    fn mapping_version(&self) -> u32 {
        self.layout.version()
    }
    fn mapping_hash(&self) -> [u8; 32] {
        self.layout.hash()
    }
    fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.layout.vendor_policy().zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }
    fn declares_its_end(&self) -> bool {
        self.layout.is_controlled()
    }
    fn framer(&self, _record_limit: usize) -> Box<dyn Framer> {
        self.layout.framer()
    }
    fn surveyor(&self, _record_limit: usize) -> Box<dyn Surveyor> {
        Box::new(Surveying(self.layout.surveyor(&self.file_name)))
    }
    fn assembly(&self, _record_limit: usize, kept: Option<&[u8]>) -> Option<Box<dyn Assembly>> {
        self.layout.assembly(kept).map(|assembly| Box::new(Assembling(assembly)) as Box<dyn Assembly>)
    }
}

struct Assembling(codecs::Assembly);

impl Assembly for Assembling {
    fn begins_another(&self, message: &[u8]) -> bool {
        self.0.begins_another(message)
    }
    fn take(&mut self, message: &[u8], each: &mut dyn FnMut(&mut Framed)) {
        self.0.take(message, each);
    }
    fn pending(&self) -> usize {
        self.0.pending()
    }
    fn over(&self) -> Option<&Survey> {
        self.0.over()
    }
    fn survey(&mut self) -> Survey {
        self.0.survey()
    }
    fn keep(&self) -> Vec<u8> {
        self.0.keep()
    }
}

struct Surveying(Box<dyn codecs::Surveyor>);

impl Surveyor for Surveying {
    fn feed(&mut self, piece: &[u8]) {
        self.0.feed(piece);
    }
    fn finish(self: Box<Self>) -> Survey {
        self.0.finish()
    }
}

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
