//! Kafka topics, as a member of a consumer group.
//!
//! # Layout
//! - [`config`]: the keys of the topology; `settings`: what librdkafka runs with.
//! - `member`: the member of the group, on a thread of its own; `serving`: what it does there; `context`: what librdkafka calls back.
//! - `place`: partitions of topics.
//! - `look`, `begin`: what topics hold, and where a partition is read from; `take`: partitions that the group gives.
//! - `open`: a partition that is read, and one that is given back.
//! - `message`, `trouble`, `metrics`: messages as the house knows them; what goes wrong; what is counted.
//! - [`connect`]: whether the topics can be read, for `dietz check --connect`.
//!
//! # What holds
//! - A partition `SOURCE/TOPIC/PARTITION` goes on where the store says. The group's offsets are told, behind the store's commit, and never asked.
//! - Partitions are handed over one by one (cooperative-sticky): one that is asked back is read no more, then all that was handed over of it is
//!   committed, then its lease is given up, and only then the group is answered.
//! - One that is given is opened under a lease of its own before a message of it is fetched.
//! - What the topic let go before it was read is noted, and stops the run unless `on_gap = "continue"`.
mod begin;
mod config;
pub mod connect;
mod context;
mod look;
mod member;
mod message;
mod metrics;
mod open;
mod place;
mod serving;
mod settings;
mod take;
#[cfg(test)]
mod tests;
mod trouble;

pub use config::{KafkaConfig, Start};
pub use message::FILE;
pub use metrics::describe;

use crate::messages::{DaysOfStream, Piece};
use crate::{Gap, Layouts, Next, PartitionStanding, Registry, Source, SourceError, Standing};
use async_trait::async_trait;
use begin::{Begin, Held};
use member::{Chunk, Command, Member, News, Then};
use metrics::Figures;
use open::{Leaving, Open};
use place::Place;
use record::{BatchLimit, PartitionId, Progress, RawBatch};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use trouble::Trouble;

/// How often a partition is asked for that another process holds yet.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Reads topics. See [`KafkaConfig`] for what it can be told.
pub struct KafkaSource {
    name: Arc<str>,
    config: Arc<KafkaConfig>,
    layouts: Arc<dyn Layouts>,
    registry: Arc<dyn Registry>,
    days: DaysOfStream,
    figures: Arc<Figures>,
    /// Joins the group with the first batch that is asked for: a pipeline that stands by is no member.
    member: Option<Member>,
    /// What the member told and is not worked off; the first may be under way.
    tasks: VecDeque<Task>,
    begins: HashMap<Place, Begin>,
    rounds: u64,
    open: BTreeMap<Place, Open>,
    leaving: BTreeMap<Place, Leaving>,
    /// The next batch, while its feed is registered.
    ready: Option<(Place, Piece)>,
    turn: usize,
    /// Since when another process has held what is given to us, and when to ask again.
    held_by_another: Option<(Instant, Instant)>,
    #[cfg(test)]
    troubled: bool,
}

/// Something to do that waits for the store. Each may be begun again when it was given up in the middle.
enum Task {
    News(News),
    OutOfRange(Place, Held),
    /// What was learned of a gap since it was noted.
    Noted(Gap),
}

impl KafkaSource {
    /// `name` is the source's name in the topology. Reaches no broker yet.
    pub fn new(
        name: &str,
        config: KafkaConfig,
        layouts: Arc<dyn Layouts>,
        registry: Arc<dyn Registry>,
    ) -> KafkaSource {
        let name: Arc<str> = name.into();
        KafkaSource {
            days: DaysOfStream::new(name.clone(), registry.clone()),
            figures: Arc::new(Figures::new(&name)),
            name,
            config: Arc::new(config),
            layouts,
            registry,
            member: None,
            tasks: VecDeque::new(),
            begins: HashMap::new(),
            rounds: 0,
            open: BTreeMap::new(),
            leaving: BTreeMap::new(),
            ready: None,
            turn: 0,
            held_by_another: None,
            #[cfg(test)]
            troubled: false,
        }
    }

    fn id(&self, place: &Place) -> PartitionId {
        PartitionId::new(format!("{}/{place}", self.name))
    }

    /// Something passing was told.
    #[cfg(test)]
    fn is_troubled(&self) -> bool {
        self.troubled
    }

    fn tell(&self, command: Command) {
        if let Some(member) = &self.member {
            member.tell(command);
        }
    }

    fn start(&mut self) -> Result<(), SourceError> {
        if self.member.is_none() {
            let member = Member::start(&self.name, self.config.clone(), self.figures.clone());
            let failed =
                |e| SourceError::Transient(format!("{}: no thread for the consumer: {e}", self.name));
            self.member = Some(member.map_err(failed)?);
        }
        Ok(())
    }

    /// Works off what the member told. False: the first task waits for another process.
    async fn work(&mut self) -> Result<(), SourceError> {
        while let Some(news) = self.member.as_mut().and_then(|m| m.news.try_recv().ok()) {
            self.tasks.push_back(Task::News(news));
        }
        while let Some(task) = self.tasks.pop_front() {
            // Kept until it is done, for this may be given up at any await.
            self.tasks.push_front(task);
            if !self.first_task().await? {
                break;
            }
            self.tasks.pop_front();
        }
        self.let_go().await
    }

    /// False: it is to be begun again in a moment.
    async fn first_task(&mut self) -> Result<bool, SourceError> {
        let Some(task) = self.tasks.front() else { return Ok(true) };
        match task {
            Task::News(News::Found(found)) => {
                let found = found.clone();
                self.settle(&found).await?;
                self.tell(Command::Join);
            }
            Task::News(News::Take(found)) => {
                let found = found.clone();
                return self.take_partitions(&found).await;
            }
            Task::News(News::GiveBack { places, lost }) => {
                let (places, lost) = (places.clone(), *lost);
                self.give_back(&places, lost);
            }
            Task::News(News::Trouble(Trouble::Passing(text))) => {
                tracing::warn!(source = %self.name, "{text}; it is tried again");
                #[cfg(test)]
                {
                    self.troubled = true;
                }
            }
            Task::News(News::Trouble(trouble)) => {
                return Err(match trouble.clone().into() {
                    SourceError::Fatal(text) => SourceError::Fatal(format!("{}: {text}", self.name)),
                    SourceError::Transient(text) => SourceError::Transient(format!("{}: {text}", self.name)),
                    lost @ SourceError::LeaseLost(_) => lost,
                });
            }
            Task::OutOfRange(place, held) => {
                let (place, held) = (place.clone(), *held);
                self.out_of_range(&place, held).await?;
            }
            Task::Noted(gap) => {
                let gap = gap.clone();
                self.registry.note_gap(&gap).await?;
            }
        }
        Ok(true)
    }

    /// What is asked back is read no more. What was not handed over of it is forgotten: whoever takes it reads it again.
    fn give_back(&mut self, places: &[Place], lost: bool) {
        if lost {
            tracing::warn!(source = %self.name, "the group missed this member for too long and gave its partitions to others");
        }
        self.ready.take_if(|(place, _)| places.contains(place));
        for place in places {
            match self.open.remove(place) {
                Some(open) => {
                    self.leaving.insert(place.clone(), open.leaving());
                }
                None => self.tell(Command::LetGo(place.clone())),
            }
        }
    }

    /// Lets go of what is asked back, once all that was handed over of it is committed.
    async fn let_go(&mut self) -> Result<(), SourceError> {
        let limit = self.config.drain_limit();
        while let Some((place, leaving)) = self.leaving.iter().find(|(_, l)| l.is_through()) {
            let place = place.clone();
            self.registry.release(&leaving.partition).await?;
            self.leaving.remove(&place);
            self.tell(Command::LetGo(place));
        }
        match self.leaving.values().find(|l| l.since.elapsed() > limit) {
            None => Ok(()),
            Some(late) => Err(SourceError::Transient(format!(
                "{}: the group asked for it back, and what was read of it is not committed after {} s: begun anew from the store",
                late.partition.id,
                limit.as_secs()
            ))),
        }
    }

    /// A batch that is there without waiting for the brokers.
    async fn batch(&mut self, limit: &BatchLimit) -> Result<Option<RawBatch>, SourceError> {
        loop {
            if let Some((place, piece)) = &self.ready {
                let Some(partition) = self.open.get(place).map(|open| open.partition.clone()) else {
                    return Ok(None);
                };
                let feed = self.days.feed(piece, &partition).await?;
                return Ok(self.hand_over(feed));
            }
            self.ready = self.piece(self.must_flush(limit));
            if self.ready.is_some() {
                continue;
            }
            match self.member.as_mut().and_then(|m| m.chunks.try_recv().ok()) {
                Some(chunk) => self.take_chunk(chunk, limit),
                None => self.ready = self.piece(true),
            }
            if self.ready.is_none() && self.is_dry() {
                return Ok(None);
            }
        }
    }

    fn hand_over(&mut self, feed: Arc<record::Feed>) -> Option<RawBatch> {
        let (place, piece) = self.ready.take()?;
        let open = self.open.get_mut(&place)?;
        open.handed = piece.to;
        let read_until = piece.arrivals.iter().copied().max().filter(|at| *at > 0);
        Some(RawBatch { read_until, ..piece.into_batch(open.partition.clone(), feed) })
    }

    /// Messages of many partitions wait for more of their own; together they may hold no more than a few batches.
    fn must_flush(&self, limit: &BatchLimit) -> bool {
        self.open.values().map(|open| open.cutter.held()).sum::<usize>() >= limit.bytes.saturating_mul(4)
    }

    fn is_dry(&self) -> bool {
        let waiting = self.member.as_ref().is_none_or(|m| m.chunks.is_empty());
        waiting && self.open.values().all(|open| open.cutter.held() == 0 && !open.stirred)
    }

    /// The next piece, of each partition in its turn.
    fn piece(&mut self, all: bool) -> Option<(Place, Piece)> {
        let count = self.open.len();
        self.turn = self.turn.wrapping_add(1);
        let start = self.turn.checked_rem(count)?;
        let (before, after): (Vec<_>, Vec<_>) =
            self.open.iter_mut().enumerate().partition(|(i, _)| *i < start);
        for (_, (place, open)) in after.into_iter().chain(before) {
            if let Some(piece) = open.next(all) {
                return Some((place.clone(), piece));
            }
        }
        None
    }

    fn take_chunk(&mut self, chunk: Chunk, limit: &BatchLimit) {
        if let Some(member) = &self.member {
            member.wake();
        }
        let Chunk { place, round, messages, then } = chunk;
        // What was fetched under an earlier assignment is nobody's.
        let Some(open) = self.open.get_mut(&place).filter(|open| open.round == round) else { return };
        open.take(&messages, limit);
        self.tasks.extend(messages.first().and_then(|first| open.gap_before(first)).map(Task::Noted));
        match then {
            Some(Then::AtEnd) => open.at_end = true,
            Some(Then::OutOfRange(held)) => self.tasks.push_back(Task::OutOfRange(place, held)),
            None => open.at_end = false,
        }
    }

    /// Waits until something comes, at most until then.
    async fn wait(&mut self, until: Instant, limit: &BatchLimit) -> Result<(), SourceError> {
        let again = self.held_by_another.map_or(until, |(_, again)| again.min(until));
        let Some(member) = &mut self.member else { return Ok(()) };
        tokio::select! {
            news = member.news.recv() => match news {
                Some(news) => self.tasks.push_back(Task::News(news)),
                None => return Err(SourceError::Transient(format!("{}: the consumer's thread has ended", self.name))),
            },
            Some(chunk) = member.chunks.recv() => self.take_chunk(chunk, limit),
            () = tokio::time::sleep_until(again) => {}
        }
        Ok(())
    }
}

#[async_trait]
impl Source for KafkaSource {
    async fn next_batch(&mut self, limit: &BatchLimit) -> Result<Next, SourceError> {
        let deadline = Instant::now() + limit.wait;
        self.start()?;
        loop {
            self.work().await?;
            if let Some(batch) = self.batch(limit).await? {
                return Ok(Next::Batch(batch));
            }
            if Instant::now() >= deadline {
                return Ok(Next::Idle);
            }
            self.wait(deadline, limit).await?;
        }
    }

    async fn committed(&mut self, partition: &PartitionId, upto: Progress) {
        if let Some(leaving) = self.leaving.values_mut().find(|l| l.partition.id == *partition) {
            leaving.committed = leaving.committed.max(upto);
        }
        let found = self.open.iter_mut().find(|(_, open)| open.partition.id == *partition);
        let place = found.map(|(place, open)| {
            open.committed = open.committed.max(upto);
            place.clone()
        });
        let place = place.or_else(|| {
            self.leaving.iter().find(|(_, l)| l.partition.id == *partition).map(|(p, _)| p.clone())
        });
        if let (Some(place), Some(next)) = (place, open::next_offset(upto)) {
            self.tell(Command::Committed(place, next));
        }
    }

    fn standing(&self) -> Standing {
        let open = self.open.values().map(|open| PartitionStanding {
            partition: open.partition.id.clone(),
            offset: open::next_offset(open.handed).and_then(|next| u64::try_from(next).ok()).unwrap_or(0),
            total: None,
            at_end: open.at_end,
        });
        let mut standing = Standing { open: open.collect(), ..Standing::default() };
        standing.open.sort_by(|a, b| a.partition.cmp(&b.partition));
        standing.caught_up = !standing.open.is_empty() && standing.open.iter().all(|p| p.at_end);
        standing
    }
}
