//! A small layout of lines, and a store in memory.
use crate::*;
use async_trait::async_trait;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use record::{
    Context, Delivery, Feed, FeedKey, Framed, Framer, FramingError, Partition, PartitionId, PartitionKey,
};
use record::{Position, Progress, RawRecord, Survey};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Lines: the first one not empty is the header, `#n` a trailer that declares n lines, empty ones are nothing.
pub struct Lines {
    limit: usize,
    offset: u64,
    line: u64,
    header: Option<Context>,
    /// Bytes of a line too long, skipped so far.
    skipped: u64,
    /// Can go on behind any line.
    skips: bool,
}

impl Lines {
    pub fn new(limit: usize) -> Lines {
        Lines { limit, offset: 0, line: 0, header: None, skipped: 0, skips: false }
    }

    fn line(&mut self, line: &[u8], out: &mut Framed) {
        self.line += 1;
        let position = Position::in_file(self.offset, self.line, 0);
        if self.skipped > 0 || line.len() > self.limit {
            let length = self.skipped + line.len() as u64;
            self.skipped = 0;
            let raw = line[..line.len().min(100)].to_vec();
            out.refused.push(FramingError {
                position,
                code: "record_too_long",
                text: String::new(),
                raw,
                length,
            });
        } else if line.is_empty() || line.starts_with(b"#") {
        } else if let Some(header) = &self.header {
            let start = out.payload.len() as u32;
            out.payload.extend_from_slice(line);
            if out.contexts.is_empty() {
                out.contexts.push(header.clone());
            }
            let end = out.payload.len() as u32;
            out.records.push(RawRecord { start, end, position, context: 0, message: 0 });
        } else {
            self.header = Some(Arc::new(String::from_utf8_lossy(line).into_owned()));
        }
    }
}

impl Framer for Lines {
    fn frame(&mut self, input: &[u8], last: bool, out: &mut Framed) -> usize {
        let mut used = 0;
        while used < input.len() {
            let rest = &input[used..];
            let end = memchr::memchr(b'\n', rest);
            if end.is_none() && !last {
                if rest.len() > self.limit {
                    self.skipped += rest.len() as u64;
                    self.offset += rest.len() as u64;
                    used = input.len();
                }
                break;
            }
            let whole = end.map_or(rest.len(), |n| n + 1);
            self.offset += whole as u64;
            self.line(&rest[..end.unwrap_or(rest.len())], out);
            used += whole;
        }
        if last && self.skipped > 0 {
            self.line(b"", out);
        }
        out.consumed += used as u64;
        used
    }

    fn skip_to(&mut self, at: Position) -> bool {
        if self.skips {
            (self.offset, self.line) = (at.offset(), at.sub);
        }
        self.skips
    }

    fn record_limit(&self) -> usize {
        self.limit
    }
}

/// The layout of [`Lines`], for every feed that does not begin with `?`, or for all.
#[derive(Default)]
pub struct LinesLayout {
    pub surveys: AtomicUsize,
    /// Version of its mapping, and each byte of the mapping's hash.
    pub version: AtomicU32,
    pub hash: AtomicU8,
    pub knows_all: AtomicBool,
    /// Its framers can go on behind any line.
    pub skips: AtomicBool,
    /// Its feeds declare how much they hold.
    pub declares: AtomicBool,
    /// What was asked about.
    pub names: Mutex<Vec<String>>,
    /// Runs while a feed is read through.
    pub meanwhile: Mutex<Option<Box<dyn Fn() + Send>>>,
}

pub struct Shared(pub Arc<LinesLayout>);

impl Layouts for Shared {
    fn choose(&self, file_name: &str, head: &[u8]) -> Result<Arc<dyn OpenLayout>, Refused> {
        self.0.names.lock().unwrap().push(file_name.to_owned());
        if let Some(meanwhile) = &*self.0.meanwhile.lock().unwrap() {
            meanwhile();
        }
        if head.starts_with(b"?") && !self.0.knows_all.load(Ordering::Relaxed) {
            return Err(Refused { code: "unknown_layout", text: format!("no vendor knows {file_name}") });
        }
        Ok(Arc::new(Shared(self.0.clone())))
    }

    fn named(&self, name: &str) -> Option<Arc<dyn OpenLayout>> {
        (name == "lines").then(|| Arc::new(Shared(self.0.clone())) as Arc<dyn OpenLayout>)
    }
}

impl OpenLayout for Shared {
    fn vendor(&self) -> &str {
        "lines"
    }
    fn mapping_version(&self) -> u32 {
        self.0.version.load(Ordering::Relaxed)
    }
    fn mapping_hash(&self) -> [u8; 32] {
        [self.0.hash.load(Ordering::Relaxed); 32]
    }
    fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::UTC
    }
    fn declares_its_end(&self) -> bool {
        self.0.declares.load(Ordering::Relaxed)
    }
    fn framer(&self, record_limit: usize) -> Box<dyn Framer> {
        let skips = self.0.skips.load(Ordering::Relaxed);
        Box::new(Lines { skips, ..Lines::new(record_limit) })
    }
    fn surveyor(&self, _record_limit: usize) -> Box<dyn Surveyor> {
        self.0.surveys.fetch_add(1, Ordering::Relaxed);
        Box::new(LinesSurveyor { text: Vec::new(), declares: self.declares_its_end() })
    }
    fn assembly(&self, record_limit: usize, kept: Option<&[u8]>) -> Option<Box<dyn Assembly>> {
        let all = kept.unwrap_or_default().to_vec();
        let mut assembly = LinesAssembly { lines: Lines::new(record_limit), all: Vec::new(), over: None };
        assembly.take(&all, &mut |_| {});
        Some(Box::new(assembly))
    }
}

/// Keeps all of a delivery: so small are those of tests.
struct LinesAssembly {
    lines: Lines,
    all: Vec<u8>,
    over: Option<Survey>,
}

impl Assembly for LinesAssembly {
    fn begins_another(&self, message: &[u8]) -> bool {
        let first = |text: &[u8]| text.split(|b| *b == b'\n').next().map(<[u8]>::to_vec);
        !self.all.is_empty() && first(message) == first(&self.all)
    }
    fn take(&mut self, message: &[u8], each: &mut dyn FnMut(&mut Framed)) {
        let mut message = message.to_vec();
        if !message.is_empty() && !message.ends_with(b"\n") {
            message.push(b'\n');
        }
        self.all.extend_from_slice(&message);
        let mut framed = Framed::default();
        assert_eq!(self.lines.frame(&message, false, &mut framed), message.len());
        each(&mut framed);
        let survey = self.survey();
        self.over = survey.declared.is_some().then_some(survey);
    }
    fn pending(&self) -> usize {
        0
    }
    fn over(&self) -> Option<&Survey> {
        self.over.as_ref()
    }
    fn survey(&mut self) -> Survey {
        let mut surveyor = Box::new(LinesSurveyor { text: Vec::new(), declares: true });
        surveyor.feed(&self.all);
        surveyor.finish()
    }
    fn keep(&self) -> Vec<u8> {
        self.all.clone()
    }
}

struct LinesSurveyor {
    text: Vec<u8>,
    /// A feed without a trailer is not finished.
    declares: bool,
}

impl Surveyor for LinesSurveyor {
    fn feed(&mut self, piece: &[u8]) {
        self.text.extend_from_slice(piece);
    }
    fn finish(self: Box<Self>) -> Survey {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        let lines = text.lines().filter(|l| !l.is_empty()).skip(1);
        let (trailers, lines): (Vec<&str>, Vec<&str>) = lines.partition(|l| l.starts_with('#'));
        let declared = trailers.last().map(|t| t[1..].parse().unwrap());
        let unfinished = self.declares && declared.is_none();
        let counted = lines.len() as u64;
        Survey { records: counted, counted, declared, unfinished, ..Survey::default() }
    }
}

/// What is exposed to Prometheus in this process. A figure that is to be seen is made after this was called once.
pub fn exposed() -> String {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap()).render()
}

/// The value of a line of it.
pub fn metric(name_and_labels: &str) -> Option<f64> {
    let all = exposed();
    let value = all.lines().find_map(|line| line.strip_prefix(name_and_labels)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

/// A store in memory. Tests commit by hand.
#[derive(Default)]
pub struct Memory {
    pub checkpoints: Mutex<BTreeMap<String, Progress>>,
    pub feeds: Mutex<Vec<FeedInfo>>,
    pub grants: Mutex<HashMap<String, usize>>,
    /// Of streams.
    pub begun: Mutex<BTreeMap<String, Arc<str>>>,
    pub read_until: Mutex<BTreeMap<String, i64>>,
    pub gaps: Mutex<Vec<Gap>>,
    /// Deliveries that are not over, by their feed.
    pub deliveries: Mutex<BTreeMap<FeedKey, OpenDelivery>>,
    /// Partitions that are other processes' to read, and what was given up for them.
    pub others: Mutex<BTreeSet<String>>,
    pub released: Mutex<Vec<String>>,
    hesitations: AtomicUsize,
}

impl Memory {
    pub fn commit(&self, batch: &record::RawBatch) {
        let mut checkpoints = self.checkpoints.lock().unwrap();
        let at = checkpoints.entry(batch.partition.id.to_string()).or_default();
        assert_eq!(*at, batch.from, "a batch goes on where the one before ended: {}", batch.partition.id);
        assert!(batch.to > batch.from, "a batch moves its position");
        *at = batch.to;
        self.stand(&batch.feed);
        if let Some(until) = batch.read_until {
            self.note_until(batch.partition.id.as_str(), until);
        }
    }

    fn stand(&self, feed: &Feed) {
        let mut deliveries = self.deliveries.lock().unwrap();
        match feed.delivery.as_deref() {
            None => {}
            Some(Delivery::Open { kept }) => {
                let (vendor, kept) = (feed.vendor.clone(), kept.clone());
                deliveries.insert(feed.key, OpenDelivery { vendor, mapping_version: 0, kept });
            }
            Some(Delivery::Whole(_) | Delivery::Waits(_)) => drop(deliveries.remove(&feed.key)),
        }
    }

    fn note_until(&self, id: &str, until: i64) {
        let mut all = self.read_until.lock().unwrap();
        let known = all.entry(id.to_owned()).or_insert(until);
        *known = (*known).max(until);
    }

    /// Every third time an await that is not ready at once, so that a caller can give up there and come back.
    async fn hesitate(&self) {
        if self.hesitations.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
    }

    async fn grant(&self, id: &PartitionId) -> Result<(Arc<Partition>, Progress), SourceError> {
        self.hesitate().await;
        let mut grants = self.grants.lock().unwrap();
        let token = grants.entry(id.to_string()).or_default();
        *token += 1;
        let progress = *self.checkpoints.lock().unwrap().entry(id.to_string()).or_default();
        let (key, token) = (PartitionKey(1), *token as i64);
        let partition = Partition { key, id: id.clone(), source: "s".into(), token, opened: progress };
        Ok((Arc::new(partition), progress))
    }

    pub fn partitions(&self) -> Vec<String> {
        self.checkpoints.lock().unwrap().keys().cloned().collect()
    }

    pub fn feed(&self, name: &str) -> FeedInfo {
        self.feeds.lock().unwrap().iter().rfind(|f| &*f.name == name).unwrap().clone()
    }
}

#[async_trait]
impl Registry for Memory {
    async fn known(&self, prefix: &str) -> Result<Vec<KnownPartition>, SourceError> {
        let (checkpoints, feeds) = (self.checkpoints.lock().unwrap(), self.feeds.lock().unwrap());
        let (begun, until) = (self.begun.lock().unwrap(), self.read_until.lock().unwrap());
        let known = checkpoints.iter().filter(|(id, _)| id.starts_with(prefix)).map(|(id, progress)| {
            let feed = feeds.iter().rfind(|f| f.partition.as_str() == id);
            KnownPartition {
                id: PartitionId::new(id.as_str()),
                progress: *progress,
                size: feed.and_then(|f| f.size),
                modified: feed.and_then(|f| f.modified),
                read_through: feed.and_then(|f| f.read_through.clone()),
                begin: begun.get(id).cloned(),
                read_until: until.get(id).copied(),
            }
        });
        Ok(known.collect())
    }

    async fn open_partition(
        &self,
        id: &PartitionId,
        _: &Feed,
    ) -> Result<(Arc<Partition>, Progress), SourceError> {
        self.grant(id).await
    }

    async fn open_stream(&self, id: &PartitionId) -> Result<(Arc<Partition>, Progress), SourceError> {
        self.grant(id).await
    }

    async fn open_deliveries(&self, _: &Partition) -> Result<Vec<OpenDelivery>, SourceError> {
        self.hesitate().await;
        Ok(self.deliveries.lock().unwrap().values().cloned().collect())
    }

    async fn note_file(&self, info: &FeedInfo) -> Result<(), SourceError> {
        self.hesitate().await;
        self.feeds.lock().unwrap().push(info.clone());
        Ok(())
    }

    async fn share(&self, open: &[PartitionId]) -> Result<Vec<PartitionId>, SourceError> {
        let others = self.others.lock().unwrap();
        Ok(open.iter().filter(|id| !others.contains(id.as_str())).cloned().collect())
    }

    async fn release(&self, partition: &Partition) -> Result<(), SourceError> {
        self.released.lock().unwrap().push(partition.id.to_string());
        Ok(())
    }

    async fn begin(&self, partitions: &[(PartitionId, Arc<str>)]) -> Result<(), SourceError> {
        self.hesitate().await;
        let (mut begun, mut checkpoints) = (self.begun.lock().unwrap(), self.checkpoints.lock().unwrap());
        for (id, begin) in partitions {
            begun.entry(id.to_string()).or_insert_with(|| begin.clone());
            checkpoints.entry(id.to_string()).or_default();
        }
        Ok(())
    }

    async fn note_read_until(&self, notes: &[(Arc<Partition>, Progress, i64)]) -> Result<(), SourceError> {
        for (partition, at, until) in notes {
            let id = partition.id.to_string();
            if self.checkpoints.lock().unwrap().get(&id) == Some(at) {
                self.note_until(&id, *until);
            }
        }
        Ok(())
    }

    async fn note_gap(&self, gap: &Gap) -> Result<(), SourceError> {
        self.gaps.lock().unwrap().push(gap.clone());
        Ok(())
    }

    async fn open_feed(&self, info: &FeedInfo) -> Result<Arc<Feed>, SourceError> {
        self.hesitate().await;
        let mut feeds = self.feeds.lock().unwrap();
        let same = |f: &FeedInfo| info.hash.map_or(f.name == info.name, |h| f.hash == Some(h));
        let key = feeds.iter().position(same).unwrap_or(feeds.len());
        feeds.push(info.clone());
        Ok(Arc::new(Feed {
            arrival: info.arrival,
            first_arrival: info.arrival,
            hash: info.hash,
            ends: info.status != FeedStatus::Open,
            gated: info.status == FeedStatus::Waiting,
            ..Feed::new(FeedKey(key as i64), info.vendor.clone())
        }))
    }
}
