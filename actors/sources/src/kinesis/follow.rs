//! Follows a stream: finds its shards, opens those that may be read, and learns what is committed.
use super::fan_out::{consumer, subscribe};
use super::graph::{Graph, ShardId};
use super::metrics::ShardMetrics;
use super::polling::poll;
use super::position::{Ask, Begin, Begun};
use super::shard::{Opening, Shard, hopeless, note_gap};
use super::shared::{Handed, Held, ShardState, Shared, Told, now};
use super::stream::{Kind, Trouble};
use super::{Consumer, Start};
use crate::messages::DaysOfStream;
use crate::{Gap, KnownPartition, SourceError, Standing};
use record::{Partition, PartitionId, Progress};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

/// Who follows a stream. It runs as a task; what it has to say goes out with the batches.
pub(super) struct Follower {
    shared: Arc<Shared>,
    told: mpsc::UnboundedReceiver<Told>,
    standing: Arc<Mutex<Standing>>,
    graph: Graph,
    /// Shards being read, or on their way to the store.
    open: HashMap<ShardId, Open>,
    tasks: JoinSet<Result<(), SourceError>>,
    /// The registered consumer, with fan-out.
    consumer: Option<String>,
    /// Other processes read some of the shards.
    is_shared: bool,
}

struct Open {
    state: Arc<ShardState>,
    metrics: ShardMetrics,
    partition: Arc<Partition>,
    /// Its reader; none of a shard of which only the step to its end is under way.
    reader: Option<AbortHandle>,
    /// It is another process's to read: it is let go once all that was handed over of it is committed.
    is_leaving: bool,
}

/// How often it is asked which shards are ours.
const SHARE: Duration = Duration::from_secs(2);
/// How often gauges and the standing are brought up to date.
const LOOK: Duration = Duration::from_secs(1);

impl Follower {
    pub(super) fn new(
        shared: Arc<Shared>,
        told: mpsc::UnboundedReceiver<Told>,
        standing: Arc<Mutex<Standing>>,
    ) -> Follower {
        Follower {
            shared,
            told,
            standing,
            graph: Graph::default(),
            open: HashMap::new(),
            tasks: JoinSet::new(),
            consumer: None,
            is_shared: false,
        }
    }

    /// Runs until the source is dropped, or until trouble that ends it.
    pub(super) async fn run(mut self) {
        if let Err(e) = self.follow().await {
            // Nobody listens only when the source was dropped.
            let _ = self.shared.out.send(Err(e));
        }
    }

    async fn follow(&mut self) -> Result<(), SourceError> {
        self.begin().await?;
        let mut discover = interval(self.shared.config.discover);
        discover.set_missed_tick_behavior(MissedTickBehavior::Delay);
        discover.tick().await;
        let mut share = interval(SHARE);
        share.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(told) = self.told.recv() => {
                    if self.hear(told).await? {
                        self.open_what_may_be().await?;
                    }
                }
                Some(ended) = self.tasks.join_next() => match ended {
                    Err(e) if e.is_cancelled() => {}
                    Err(e) => return Err(SourceError::Transient(format!("a shard's reader broke: {e}"))),
                    Ok(ended) => ended?,
                },
                _ = share.tick() => {
                    if self.is_shared {
                        // Others come to the ends of shards as well.
                        self.learn().await?;
                    }
                    self.open_what_may_be().await?;
                }
                _ = discover.tick() => {
                    self.discover().await?;
                    self.open_what_may_be().await?;
                }
                _ = look.tick() => {}
            }
            self.let_go().await?;
            self.tell();
        }
    }

    /// The first look: what the stream is, what the store knows, and which shards there are.
    async fn begin(&mut self) -> Result<(), SourceError> {
        let fatal = |e: Trouble| hopeless(e, false);
        // Settled before the listing: what arrives in a shard that is made between the two is read from now on as well.
        let start = match self.shared.config.start {
            Start::TrimHorizon => Begin::Oldest,
            Start::Latest => Begin::At(now()),
            Start::AtTimestamp(at) => Begin::At(at),
        };
        let summary = self.shared.stream.summary().await.map_err(fatal)?;
        if summary.being_deleted {
            let name = self.shared.stream.name();
            return Err(SourceError::Fatal(format!("the stream {name} is being deleted")));
        }
        self.shared.set_horizon(summary.retention_hours, summary.created);
        if let Consumer::FanOut { name } = &self.shared.config.consumer {
            self.consumer = Some(consumer(&self.shared, &summary.arn, name).await.map_err(fatal)?);
        }
        self.learn().await?;
        let listing = self.shared.stream.shards().await.map_err(fatal)?;
        let new = self.graph.listed(&listing, start);
        self.register(&new).await?;
        self.shared.worked.store(true, Ordering::Relaxed);
        self.open_what_may_be().await?;
        self.tell();
        Ok(())
    }

    /// What the store knows of the stream's shards.
    async fn learn(&mut self) -> Result<HashMap<ShardId, KnownPartition>, SourceError> {
        let known = self.shared.registry.known(&format!("{}/", self.shared.name)).await?;
        let mut by_shard = HashMap::new();
        for partition in known {
            let Some(id) = self.shared.shard(&partition.id) else { continue };
            let begin = self.begun(&partition)?;
            self.graph.stored(&id, partition.progress, begin);
            by_shard.insert(id, partition);
        }
        Ok(by_shard)
    }

    fn begun(&self, known: &KnownPartition) -> Result<Begin, SourceError> {
        let Some(text) = &known.begin else { return Ok(Begin::Oldest) };
        let name = self.shared.stream.name();
        match text.parse::<Begun>() {
            Ok(begun) if begun.stream == name => Ok(begun.begin),
            Ok(Begun { stream, .. }) => Err(SourceError::Fatal(format!(
                "{} was read from the stream {stream}, and shards of all streams are called alike: to read {name}, give it a source of another name than {}",
                known.id, self.shared.name
            ))),
            Err(_) => {
                let id = &known.id;
                Err(SourceError::Fatal(format!(
                    "{id}: the store says it begins at `{text}`, which is no place in a stream"
                )))
            }
        }
    }

    /// Keeps where new shards begin, before anything is read of them.
    async fn register(&mut self, new: &[(ShardId, Begin)]) -> Result<(), SourceError> {
        if new.is_empty() {
            return Ok(());
        }
        let stream = self.shared.stream.name();
        let begun = |(id, begin): &(ShardId, Begin)| {
            let text = Begun { begin: *begin, stream: stream.to_owned() }.to_string();
            (self.shared.partition(id), Arc::from(text))
        };
        let all: Vec<_> = new.iter().map(begun).collect();
        self.shared.registry.begin(&all).await?;
        // Another process may have settled it first; then that holds.
        self.learn().await.map(drop)
    }

    /// Looks for shards, and at how long the stream keeps records. Trouble with it is told, and it is tried again when it is due.
    async fn discover(&mut self) -> Result<(), SourceError> {
        let listing = match self.shared.stream.shards().await {
            Ok(listing) => listing,
            Err(trouble) => return self.later(trouble),
        };
        match self.shared.stream.summary().await {
            Ok(summary) => self.shared.set_horizon(summary.retention_hours, summary.created),
            Err(trouble) => self.later(trouble)?,
        }
        let new = self.graph.listed(&listing, Begin::Oldest);
        self.register(&new).await
    }

    fn later(&self, trouble: Trouble) -> Result<(), SourceError> {
        match trouble.kind {
            Kind::Throttled | Kind::Busy | Kind::Expired => Ok(()),
            Kind::Passing => {
                tracing::warn!(source = %self.shared.name, "{}; it is tried again", trouble.text);
                Ok(())
            }
            Kind::Gone | Kind::Denied | Kind::Invalid => Err(hopeless(trouble, true)),
        }
    }

    /// True: more shards may be open now.
    async fn hear(&mut self, told: Told) -> Result<bool, SourceError> {
        match told {
            Told::Children(children) => {
                let new = self.graph.children(&children);
                self.register(&new).await?;
                Ok(false)
            }
            Told::Committed(partition, upto) => {
                let Some(id) = self.shared.shard(&partition) else { return Ok(false) };
                self.graph.committed(&id, upto);
                if let Some(open) = self.open.get(&id) {
                    open.state.committed(upto);
                }
                if upto == Progress::End {
                    self.close(&id);
                }
                Ok(upto == Progress::End)
            }
        }
    }

    fn close(&mut self, id: &ShardId) {
        self.graph.let_go(id);
        if let Some(open) = self.open.remove(id) {
            open.metrics.done();
        }
    }

    /// Opens shards that may be read and are not.
    async fn open_what_may_be(&mut self) -> Result<(), SourceError> {
        if self.graph.wants_listing() {
            self.discover().await?;
        }
        let lost: Vec<_> = self.graph.lost().iter().map(|id| self.shared.partition(id)).collect();
        for id in self.shared.registry.share(&lost).await? {
            if let Some(id) = self.shared.shard(&id) {
                self.lost(&id).await?;
            }
        }
        let open: Vec<_> = self.graph.open().iter().map(|id| self.shared.partition(id)).collect();
        let mine = self.shared.registry.share(&open).await?;
        self.is_shared = mine.len() < open.len();
        self.give_up(&mine);
        let new = |id: &ShardId| !self.graph.is_reading(id);
        let new: Vec<ShardId> = mine.iter().filter_map(|id| self.shared.shard(id)).filter(new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let known = self.learn().await?;
        for id in new {
            self.open(&id, &known).await?;
        }
        Ok(())
    }

    /// Stops reading what is another process's to read.
    fn give_up(&mut self, mine: &[PartitionId]) {
        for open in self.open.values_mut().filter(|open| !mine.contains(&open.partition.id)) {
            open.is_leaving = true;
            if let Some(reader) = &open.reader {
                reader.abort();
            }
        }
    }

    /// Lets go of what is not read any more, once all that was read of it is committed.
    async fn let_go(&mut self) -> Result<(), SourceError> {
        let is_over = |open: &Open| open.reader.as_ref().is_none_or(AbortHandle::is_finished);
        let is_gone = |open: &Open| open.is_leaving && is_over(open) && open.state.is_settled();
        let gone = self.open.iter().filter(|(_, open)| is_gone(open));
        let gone: Vec<_> = gone.map(|(id, open)| (id.clone(), open.partition.clone())).collect();
        for (id, partition) in gone {
            self.shared.registry.release(&partition).await?;
            self.close(&id);
        }
        Ok(())
    }

    async fn open(
        &mut self,
        id: &ShardId,
        known: &HashMap<ShardId, KnownPartition>,
    ) -> Result<(), SourceError> {
        let (partition, committed) = self.shared.registry.open_stream(&self.shared.partition(id)).await?;
        self.graph.committed(id, committed);
        if committed == Progress::End {
            return Ok(());
        }
        let deliveries = self.shared.registry.open_deliveries(&partition).await?;
        let until = |id: &ShardId| known.get(id).and_then(|k| k.read_until);
        // A child goes on where its parents ended: what arrived before is not its own.
        let parents = || self.graph.parents(id).iter().filter_map(until).max();
        let state = Arc::new(ShardState::opened(committed));
        let opening = Opening {
            id: id.clone(),
            partition: partition.clone(),
            committed,
            deliveries,
            begin: self.graph.begin(id),
            range: self.graph.range(id),
            until: until(id).or_else(parents),
            state: state.clone(),
        };
        let shard = Shard::new(self.shared.clone(), opening);
        let reader = match self.consumer.clone() {
            Some(consumer) => self.tasks.spawn(subscribe(shard, consumer)),
            None => self.tasks.spawn(poll(shard)),
        };
        self.opened(id, state, partition, Some(reader));
        Ok(())
    }

    fn opened(
        &mut self,
        id: &ShardId,
        state: Arc<ShardState>,
        partition: Arc<Partition>,
        reader: Option<AbortHandle>,
    ) {
        self.graph.begun(id);
        let metrics = ShardMetrics::new(&self.shared.name, id);
        self.open.insert(id.clone(), Open { state, metrics, partition, reader, is_leaving: false });
    }

    /// A shard that is not listed any more and was not read to its end. Kinesis is asked before it is given up: a listing may be wrong, and what is given
    /// up is lost.
    async fn lost(&mut self, id: &ShardId) -> Result<(), SourceError> {
        match self.shared.stream.iterator(id, Ask::Oldest).await {
            Ok(_) => {
                let known = self.learn().await?;
                return self.open(id, &known).await;
            }
            Err(Trouble { kind: Kind::Gone, .. }) => {}
            Err(trouble) => return self.later(trouble),
        }
        let known = self.learn().await?;
        let (partition, from) = self.shared.registry.open_stream(&self.shared.partition(id)).await?;
        let gap = Gap {
            partition: partition.id.clone(),
            from,
            from_arrival: known.get(id).and_then(|k| k.read_until),
            to: Some(Progress::End),
            to_arrival: Some(now() - self.shared.horizon().retention),
            retention_hours: Some(self.shared.retention_hours()),
        };
        note_gap(&self.shared, &gap).await?;
        self.step_to_end(id, partition, from).await
    }

    /// What is gone is at its end: the step says so in the store as well.
    async fn step_to_end(
        &mut self,
        id: &ShardId,
        partition: Arc<Partition>,
        from: Progress,
    ) -> Result<(), SourceError> {
        let batch = DaysOfStream::end(partition.clone(), from);
        let state = Arc::new(ShardState::opened(from));
        state.handed(Progress::End);
        let permit = Arc::new(self.shared.budget.for_bytes(1).await?);
        let held = Held { bytes: 0, state: state.clone(), _permit: permit };
        self.opened(id, state, partition, None);
        let gone = |_| SourceError::Transient("a source was dropped while it was read".into());
        self.shared.out.send(Ok(Handed { batch, _held: held })).map_err(gone)
    }

    /// Brings the standing and the gauges up to date.
    fn tell(&self) {
        let (ended, pending) = self.graph.counts();
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_by(|a, b| a.0.cmp(b.0));
        let (mut behind, mut age) = (0, 0);
        let mut standing = Standing { ended, pending, ..Standing::default() };
        for (id, Open { state, metrics, .. }) in open {
            let millis = state.millis_behind.load(Ordering::Relaxed);
            metrics.checkpoint_age.set(state.checkpoint_age() as f64);
            (behind, age) = (behind.max(millis), age.max(state.checkpoint_age()));
            standing.open.push(crate::PartitionStanding {
                partition: self.shared.partition(id),
                offset: 0,
                total: None,
                at_end: state.is_at_tip(),
            });
        }
        self.shared.metrics.millis_behind_latest.set(behind as f64);
        self.shared.metrics.checkpoint_age.set(age as f64);
        // Children wait while the end of a parent is on its way to the store.
        let at_tip = |id: &ShardId| self.open.get(id).is_some_and(|open| open.state.is_at_tip());
        standing.caught_up = pending == 0 && self.graph.open().iter().all(at_tip);
        *self.standing.lock().unwrap_or_else(|e| e.into_inner()) = standing;
    }
}
