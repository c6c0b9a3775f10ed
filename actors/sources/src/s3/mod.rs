//! Objects in S3.
//!
//! # Layout
//! - [`config`](S3Config): the keys of the topology.
//! - `object`: which objects are wanted, their names, the names of their partitions.
//! - `bucket`, `fault`: what S3 is asked, and what its answers mean.
//! - `download`: an object's bytes, gone on with where they broke off.
//! - `look`: an object read through, as everything with an end is (`whole`).
//! - `open`: from an object that was looked at to a partition that is open.
//! - `known`: what the store knows of the objects.
//! - `told`: objects that events told of.
//! - `check`: the real operations once, for a person.
//!
//! An object is known by its ETag: no other bytes are ever given for it, each request says so (`If-Match`), so an object that was read is not
//! asked for again, and one that was read in part goes on near where it is committed. One object is read at a time, in natural order of
//! names, so that order does not depend on the network.
mod bucket;
mod check;
mod config;
mod download;
mod fault;
mod known;
mod look;
mod object;
mod open;
#[cfg(test)]
mod tests;
mod told;

pub use check::{Outlook, outlook};
pub use config::S3Config;
pub use told::{Created, Told};

use crate::job::Job;
use crate::whole::How;
use crate::whole::cutter::Cut;
use crate::whole::open::Opened;
use crate::whole::stream::Stream;
use crate::{FeedInfo, Layouts, Next, Registry, Source, SourceError, Standing};
use async_trait::async_trait;
use bucket::Bucket;
use known::Known;
use look::{Outcome, look};
use object::Object;
use open::Opening;
use record::{BatchLimit, PartitionId, Progress, RawBatch};
use std::collections::{HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// Reads objects. See [`S3Config`] for what it can be told.
pub struct S3Source {
    settings: Arc<Settings>,
    registry: Arc<dyn Registry>,
    bucket: Option<Arc<Bucket>>,
    known: Known,
    stage: Stage,
    queue: VecDeque<Object>,
    /// Contents that were found in this run: whether there is nothing to do for them.
    seen: HashMap<PartitionId, bool>,
    /// Told of, and not readable when they were looked at.
    later: Vec<Object>,
    next_look: Instant,
    standing: Standing,
    /// Partitions counted as ended.
    counted: HashSet<PartitionId>,
}

/// What does not change while a source lives.
struct Settings {
    name: Arc<str>,
    config: S3Config,
    how: How,
    layouts: Arc<dyn Layouts>,
    told: Option<Arc<Told>>,
}

impl Settings {
    fn lists(&self) -> bool {
        self.config.watch || self.told.is_none()
    }
}

/// What the source is doing.
enum Stage {
    /// Asks the store what it knows.
    Learn,
    List(Job<Result<Vec<Object>, SourceError>>),
    Next,
    Look(Object, Job<Result<Outcome, SourceError>>),
    Open(Opening),
    Ready(Box<Stream>),
    Read(Job<(Box<Stream>, Result<Cut, SourceError>)>),
    /// An object is not what the store keeps of it: that is to be forgotten, or the next run would fail too.
    Disproved(Box<FeedInfo>, SourceError),
    /// Waits for the time to list again, or to be told.
    Rest,
    End,
}

/// How many unreadable objects are tried again.
const LATER: usize = 10_000;

impl S3Source {
    /// `name` is the source's name in the topology; `told` brings the events of `events_from`. Asks nobody yet.
    pub fn new(
        name: &str,
        config: S3Config,
        layouts: Arc<dyn Layouts>,
        registry: Arc<dyn Registry>,
        told: Option<Arc<Told>>,
    ) -> Result<S3Source, SourceError> {
        config.check().map_err(SourceError::Fatal)?;
        let name: Arc<str> = name.into();
        let how = How {
            compression: config.compression,
            record_limit: config.record_limit,
            arrival: config.arrival,
        };
        Ok(S3Source {
            known: Known::new(name.clone()),
            settings: Arc::new(Settings { name, config, how, layouts, told }),
            registry,
            bucket: None,
            stage: Stage::Learn,
            queue: VecDeque::new(),
            seen: HashMap::new(),
            later: Vec::new(),
            next_look: Instant::now(),
            standing: Standing::default(),
            counted: HashSet::new(),
        })
    }

    async fn bucket(&mut self) -> Result<Arc<Bucket>, SourceError> {
        if let Some(bucket) = &self.bucket {
            return Ok(bucket.clone());
        }
        let bucket = Arc::new(Bucket::open(&self.settings.name, &self.settings.config).await?);
        Ok(self.bucket.insert(bucket).clone())
    }

    /// Goes one step on. A step that waits leaves everything as it was until it has what it waited for, so that it can be given up.
    async fn step(&mut self, limit: &BatchLimit, deadline: Instant) -> Result<Option<Next>, SourceError> {
        match &mut self.stage {
            Stage::Learn => {
                let bucket = self.bucket().await?;
                let partitions = self.registry.known(&format!("{}/", self.settings.name)).await?;
                let unread = self.known.learn(partitions, &bucket.wanted);
                if self.settings.told.is_some() {
                    self.plan(unread);
                }
                self.stage = self.list(bucket);
            }
            Stage::List(job) => {
                let Ok(found) = timeout_at(deadline, job.done()).await else { return Ok(Some(Next::Idle)) };
                let found = found??;
                self.forget(&found);
                self.plan(found);
                self.stage = Stage::Next;
            }
            Stage::Next => self.take_next(),
            Stage::Look(object, job) => {
                let Ok(looked) = timeout_at(deadline, job.done()).await else { return Ok(Some(Next::Idle)) };
                let object = object.clone();
                self.looked(object, looked??);
            }
            Stage::Open(opening) => {
                let opened = opening.open(&self.settings, &self.known, &*self.registry).await?;
                return self.opened(opened);
            }
            Stage::Ready(_) => self.start_reading(*limit),
            Stage::Read(job) => {
                let Ok(read) = timeout_at(deadline, job.done()).await else { return Ok(Some(Next::Idle)) };
                let (stream, cut) = read?;
                return self.was_read(stream, cut);
            }
            Stage::Disproved(feed, e) => {
                self.registry.note_file(feed).await?;
                return Err(e.clone());
            }
            Stage::Rest => return self.rest(deadline).await,
            Stage::End => return Ok(Some(Next::End)),
        }
        Ok(None)
    }

    fn list(&mut self, bucket: Arc<Bucket>) -> Stage {
        self.next_look = Instant::now() + self.settings.config.poll;
        match self.settings.lists() {
            true => Stage::List(Job::task(async move { bucket.list().await })),
            false => Stage::Next,
        }
    }

    /// What is listed no more is forgotten, unless it may have been told of.
    fn forget(&mut self, found: &[Object]) {
        if self.settings.told.is_none() {
            let listed: HashSet<PartitionId> =
                found.iter().map(|o| self.known.id(&o.name, &o.mark)).collect();
            self.seen.retain(|id, _| listed.contains(id));
        }
    }

    /// Queues what there is to do for the objects found.
    fn plan(&mut self, found: Vec<Object>) {
        for object in found {
            let id = self.known.id(&object.name, &object.mark);
            if self.known.at_end(&id) {
                self.count_unchanged(id);
            } else if !self.seen.insert(id, true).unwrap_or(false) {
                self.queue.push_back(object);
            }
        }
    }

    fn count_unchanged(&mut self, id: PartitionId) {
        if self.counted.insert(id) {
            self.standing.ended += 1;
            self.standing.unchanged += 1;
        }
    }

    /// Takes up what was told meanwhile; true if nothing will be told any more.
    fn hear(&mut self) -> bool {
        let Some(told) = &self.settings.told else { return true };
        let news = told.take();
        self.plan(news.objects);
        if news.more {
            self.stage = Stage::Learn;
        }
        news.over && !news.more
    }

    fn take_next(&mut self) {
        let over = self.hear();
        if matches!(self.stage, Stage::Learn) {
            return;
        }
        let Some(bucket) = self.bucket.clone() else { return self.stage = Stage::Learn };
        self.stage = match self.queue.pop_front() {
            Some(object) => {
                let kept = self.known.told(&self.known.id(&object.name, &object.mark));
                let (settings, runtime) = (self.settings.clone(), Handle::current());
                let looked_at = object.clone();
                let work = move || look(looked_at, kept.as_deref(), &settings, &bucket, &runtime);
                Stage::Look(object, Job::spawn(work))
            }
            None if over && !self.settings.config.watch => Stage::End,
            None => Stage::Rest,
        };
    }

    /// Until it is time to list again, or something was told.
    async fn rest(&mut self, deadline: Instant) -> Result<Option<Next>, SourceError> {
        let wake = tokio::time::sleep_until(self.next_look.min(deadline));
        match &self.settings.told {
            Some(told) => tokio::select! {
                () = told.woken() => {
                    self.stage = Stage::Next;
                    return Ok(None);
                }
                () = wake => {}
            },
            None => wake.await,
        }
        if Instant::now() < self.next_look {
            return Ok(Some(Next::Idle));
        }
        let bucket = self.bucket().await?;
        self.queue.extend(mem::take(&mut self.later));
        self.stage = self.list(bucket);
        Ok(None)
    }

    /// Decides what follows from a look.
    fn looked(&mut self, object: Object, outcome: Outcome) {
        let own = self.known.id(&object.name, &object.mark);
        self.stage = match outcome {
            Outcome::Whole(whole) => Stage::Open(Opening::Whole(whole, own)),
            Outcome::Refused(why) => {
                if !why.readable {
                    self.look_again(object, &own);
                }
                let id = self.known.id(&why.name, &why.mark);
                let begun = id == own && matches!(self.known.handed(&id), Progress::At(_));
                match begun {
                    // What was read of it stands; the rest is lost, and its feed never complete.
                    true => {
                        tracing::warn!(source = %self.settings.name, partition = %id, "was read in part, and cannot be read on: {}", why.why.text);
                        Stage::Next
                    }
                    false => Stage::Open(Opening::Refused(why, id)),
                }
            }
            Outcome::Again(now) => {
                self.plan(vec![*now]);
                Stage::Next
            }
            Outcome::Nothing => Stage::Next,
        };
    }

    /// It may become readable without a sign of it.
    fn look_again(&mut self, object: Object, id: &PartitionId) {
        if self.settings.lists() {
            self.seen.insert(id.clone(), false);
        } else if self.later.len() < LATER {
            self.later.push(object);
        }
    }

    fn opened(&mut self, opened: Opened<Stream>) -> Result<Option<Next>, SourceError> {
        self.stage = Stage::Next;
        match opened {
            Opened::AtEnd(id) => self.count_unchanged(id),
            Opened::Refused(batch) => {
                self.standing.refused += 1;
                return Ok(Some(self.hand_over(*batch)));
            }
            Opened::Stream(stream) => self.stage = Stage::Ready(stream),
        }
        Ok(None)
    }

    fn start_reading(&mut self, limit: BatchLimit) {
        if let Stage::Ready(mut stream) = mem::replace(&mut self.stage, Stage::Next) {
            self.stage = Stage::Read(Job::spawn(move || {
                let cut = stream.read(&limit);
                (stream, cut)
            }));
        }
    }

    fn was_read(
        &mut self,
        mut stream: Box<Stream>,
        cut: Result<Cut, SourceError>,
    ) -> Result<Option<Next>, SourceError> {
        self.stage = Stage::Next;
        let piece = match cut {
            Ok(Cut::Piece(piece)) => piece,
            Ok(Cut::Dry | Cut::End) => return Ok(None),
            Err(e) => {
                let feed = stream.unproved().ok_or_else(|| e.clone())?;
                self.stage = Stage::Disproved(feed, e);
                return Ok(None);
            }
        };
        let batch = piece.into_batch(stream.partition.clone(), stream.feed.clone());
        if batch.to == Progress::End {
            self.standing.open.clear();
        } else {
            self.standing.open = vec![stream.standing()];
            self.stage = Stage::Ready(stream);
        }
        Ok(Some(self.hand_over(batch)))
    }

    fn hand_over(&mut self, batch: RawBatch) -> Next {
        self.known.note(&batch.partition.id, batch.to);
        if batch.to == Progress::End && self.counted.insert(batch.partition.id.clone()) {
            self.standing.ended += 1;
        }
        Next::Batch(batch)
    }
}

#[async_trait]
impl Source for S3Source {
    async fn next_batch(&mut self, limit: &BatchLimit) -> Result<Next, SourceError> {
        let deadline = Instant::now() + limit.wait;
        loop {
            if let Some(next) = self.step(limit, deadline).await? {
                return Ok(next);
            }
        }
    }

    fn standing(&self) -> Standing {
        let mut standing = self.standing.clone();
        standing.pending = self.queue.len() as u64;
        // Who is told of objects is at its end when the source that tells is.
        standing.caught_up = matches!(self.stage, Stage::Rest) && self.settings.told.is_none();
        standing
    }
}
