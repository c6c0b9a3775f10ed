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
use crate::whole::open::Opened;
use crate::whole::pieces::{Came, Pieces, Tally};
use crate::whole::stream::Stream;
use crate::{Layouts, Next, Registry, Source, SourceError, Standing};
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

/// What each figure means, for those who read the metrics.
pub fn describe() {
    use metrics::{Unit, describe_counter};
    describe_counter!("dietz_s3_objects_listed_total", "Objects that listings told of");
    describe_counter!(
        "dietz_s3_bytes_got_total",
        Unit::Bytes,
        "Bytes of objects that came, read-throughs included"
    );
    describe_counter!("dietz_s3_retries_total", "Bodies that broke off and were gone on with");
    describe_counter!("dietz_s3_events_total", "Objects that events told of, by whether they are wanted");
}

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
    tally: Tally,
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
    Read(Pieces<Stream>),
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
            tally: Tally::default(),
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
                return Ok(self.opened(opened));
            }
            Stage::Read(pieces) => {
                let next = pieces.next(limit, &*self.registry);
                let Ok(came) = timeout_at(deadline, next).await else { return Ok(Some(Next::Idle)) };
                return Ok(self.came(came?));
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
                self.tally.ended(&id, true);
            } else if !self.seen.insert(id, true).unwrap_or(false) {
                self.queue.push_back(object);
            }
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

    fn opened(&mut self, opened: Opened<Stream>) -> Option<Next> {
        self.stage = Stage::Next;
        match opened {
            Opened::AtEnd(id) => self.tally.ended(&id, true),
            Opened::Refused(batch) => {
                self.tally.standing.refused += 1;
                return Some(self.hand_over(*batch));
            }
            Opened::Stream(stream) => self.stage = Stage::Read(Pieces::Ready(stream)),
        }
        None
    }

    fn came(&mut self, came: Came<Stream>) -> Option<Next> {
        match came {
            Came::Batch(batch, more) => {
                if more.is_none() {
                    self.stage = Stage::Next;
                }
                self.tally.standing.open = more.into_iter().collect();
                Some(self.hand_over(*batch))
            }
            Came::Dry(_) => {
                self.stage = Stage::Next;
                None
            }
            Came::Nothing => None,
        }
    }

    fn hand_over(&mut self, batch: RawBatch) -> Next {
        self.known.note(&batch.partition.id, batch.to);
        self.tally.handed_over(&batch);
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
        let mut standing = self.tally.standing.clone();
        standing.pending = self.queue.len() as u64;
        // Who is told of objects is at its end when the source that tells is.
        standing.caught_up = matches!(self.stage, Stage::Rest) && self.settings.told.is_none();
        standing
    }
}
