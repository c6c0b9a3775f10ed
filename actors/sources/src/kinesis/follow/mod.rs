//! Follows a stream: finds its shards, learns what is committed, and tells how it stands. `open`: the shards that are open.
mod open;

use super::fan_out::consumer;
use super::graph::{Graph, ShardId};
use super::position::{Begin, Begun};
use super::shard::hopeless;
use super::shared::{Shared, Told, now};
use super::stream::{Kind, Trouble};
use super::{Consumer, Start};
use crate::{KnownPartition, SourceError, Standing};
use open::Open;
use record::Progress;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
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

    /// Brings the standing and the gauges up to date.
    fn tell(&self) {
        let (ended, pending) = self.graph.counts();
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_by(|a, b| a.0.cmp(b.0));
        let (mut behind, mut age) = (0, 0);
        let mut standing = Standing { ended, pending, ..Standing::default() };
        for (id, Open { state, metrics, is_leaving, .. }) in open {
            // How far behind a shard is that is given up is for who reads it to say.
            let millis = if *is_leaving { 0 } else { state.millis_behind.load(Ordering::Relaxed) };
            metrics.millis_behind_latest.set(millis as f64);
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

impl Drop for Follower {
    /// What is not read here is not behind here: another process may read it now.
    fn drop(&mut self) {
        self.open.values().for_each(|open| open.metrics.done());
        self.shared.metrics.done();
    }
}
