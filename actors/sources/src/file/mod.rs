//! Files, folders, globs and standard input.
//!
//! # Layout
//! - [`config`]: the keys of the topology.
//! - `find`: which files, in which order.
//! - `look`: whether one may grow or has an end.
//! - `content`: a file with an end, read through as everything with one is (`whole`).
//! - `growing`: files that may grow.
//! - `open`: from a file that was looked at to a partition that is open.
//! - `stream`: a partition being read.
//! - `known`: what the store knows of the files, and the names of partitions.
//!
//! One file is read at a time, so that order does not depend on threads. All that blocks runs as a [`Job`].
mod config;
mod content;
mod find;
mod growing;
mod known;
mod look;
mod open;
mod stream;
#[cfg(test)]
mod tests;

pub use config::FileConfig;

use crate::job::Job;
use crate::whole::input::Stamp;
use crate::whole::open::Opened;
use crate::whole::pieces::{Came, Pieces, Tally};
use crate::whole::survey::Surveyed;
use crate::{Layouts, Next, PartitionStanding, Registry, Source, SourceError, Standing};
use async_trait::async_trait;
use find::{Entry, Pattern};
use growing::{Growing, Look};
use known::{Before, Known};
use look::{Outcome, Task, look};
use open::Opening;
use record::{BatchLimit, PartitionId, RawBatch};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Read;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use stream::Stream;
use tokio::time::Instant;

/// Reads files. See [`FileConfig`] for what it can be told.
pub struct FileSource {
    settings: Arc<Settings>,
    registry: Arc<dyn Registry>,
    known: Option<Known>,
    stage: Stage,
    queue: VecDeque<Task>,
    /// While watching: how each file stood at the last look.
    seen: HashMap<Arc<str>, Seen>,
    growing: HashMap<Arc<str>, Box<Growing>>,
    next_look: Instant,
    tally: Tally,
    /// Those whose last line has no end, and it was told.
    told: HashSet<PartitionId>,
}

/// What does not change while a source lives.
struct Settings {
    name: Arc<str>,
    config: FileConfig,
    patterns: Vec<Pattern>,
    layouts: Arc<dyn Layouts>,
    stdin: Box<dyn Fn() -> Box<dyn Read> + Send + Sync>,
}

/// What the source is doing.
enum Stage {
    Find(Option<Job<Result<Vec<Entry>, SourceError>>>),
    Next,
    Look(Entry, Job<Outcome>),
    Open(Opening),
    Read(Pieces<Stream>),
    /// Waits for the time to look again.
    Rest,
    End,
}

struct Seen {
    stamp: Result<Stamp, String>,
    /// There is nothing to do for it until its stamp changes.
    done: bool,
}

impl FileSource {
    /// `name` is the source's name in the topology, `base` the folder relative paths start from. Touches no file.
    pub fn new(
        name: &str,
        config: FileConfig,
        base: impl Into<PathBuf>,
        layouts: Arc<dyn Layouts>,
        registry: Arc<dyn Registry>,
    ) -> Result<FileSource, SourceError> {
        let stdin = Box::new(|| Box::new(std::io::stdin()) as Box<dyn Read>);
        FileSource::reading(name, config, base.into(), layouts, registry, stdin)
    }

    fn reading(
        name: &str,
        config: FileConfig,
        base: PathBuf,
        layouts: Arc<dyn Layouts>,
        registry: Arc<dyn Registry>,
        stdin: Box<dyn Fn() -> Box<dyn Read> + Send + Sync>,
    ) -> Result<FileSource, SourceError> {
        let patterns = Pattern::all(&config, &base).map_err(SourceError::Fatal)?;
        Ok(FileSource {
            settings: Arc::new(Settings { name: name.into(), config, patterns, layouts, stdin }),
            registry,
            known: None,
            stage: Stage::Find(None),
            queue: VecDeque::new(),
            seen: HashMap::new(),
            growing: HashMap::new(),
            next_look: Instant::now(),
            tally: Tally::default(),
            told: HashSet::new(),
        })
    }

    /// Goes one step on. A step that waits leaves everything as it was until it has what it waited for, so that it can be given up.
    async fn step(&mut self, limit: &BatchLimit, deadline: Instant) -> Result<Option<Next>, SourceError> {
        match &mut self.stage {
            Stage::Find(job) => {
                let settings = &self.settings;
                let job = job.get_or_insert_with(|| {
                    let s = settings.clone();
                    Job::spawn(move || find::find(&s.patterns, s.config.watch))
                });
                if self.known.is_none() {
                    let partitions = self.registry.known(&format!("{}/", settings.name)).await?;
                    self.known = Some(Known::new(settings.name.clone(), partitions));
                }
                let found = job.done().await??;
                self.plan(found);
            }
            Stage::Next => self.take_next(),
            Stage::Look(entry, job) => {
                let outcome = job.done().await?;
                let entry = entry.clone();
                self.looked(entry, outcome)?;
            }
            Stage::Open(opening) => {
                let known =
                    self.known.get_or_insert_with(|| Known::new(self.settings.name.clone(), Vec::new()));
                let opened = opening.open(&self.settings, known, &*self.registry).await?;
                return Ok(self.opened(opened));
            }
            Stage::Read(pieces) => {
                let came = pieces.next(limit, &*self.registry).await?;
                return Ok(self.came(came));
            }
            Stage::Rest => {
                tokio::time::sleep_until(self.next_look.min(deadline)).await;
                if Instant::now() < self.next_look {
                    return Ok(Some(Next::Idle));
                }
                self.stage = Stage::Find(None);
            }
            Stage::End => return Ok(Some(Next::End)),
        }
        Ok(None)
    }

    /// Queues what there is to do for the files found.
    fn plan(&mut self, found: Vec<Entry>) {
        let watch = self.settings.config.watch;
        let mut before = mem::take(&mut self.seen);
        for entry in found {
            let last = before.remove(&entry.name).filter(|s| s.stamp == entry.stamp);
            let done = last.as_ref().is_some_and(|s| s.done);
            let settled = last.is_some() || !watch;
            if watch {
                self.seen.insert(entry.name.clone(), Seen { stamp: entry.stamp.clone(), done: true });
            }
            let stamp = entry.stamp.as_ref().ok().filter(|_| !entry.is_stdin());
            let known = self.known.as_ref().zip(stamp);
            let unchanged = known.is_some_and(|(known, stamp)| known.unchanged(&entry.name, *stamp));
            match (done, unchanged) {
                (true, _) => {}
                (false, true) => {
                    self.tally.standing.ended += 1;
                    self.tally.standing.unchanged += 1;
                }
                (false, false) => {
                    let before = self.before(&entry);
                    self.queue.push_back(Task { entry, settled, before });
                }
            }
        }
        // A file that is gone is forgotten; what was handed over of it stays noted.
        self.growing.retain(|name, _| self.seen.contains_key(name));
        self.next_look = Instant::now() + self.settings.config.poll;
        self.stage = Stage::Next;
    }

    fn before(&self, entry: &Entry) -> Before {
        let stamp = entry.stamp.as_ref().ok().filter(|_| !entry.is_stdin());
        let known = self.known.as_ref().zip(stamp);
        known.map(|(known, stamp)| known.before(&entry.name, *stamp)).unwrap_or_default()
    }

    fn take_next(&mut self) {
        self.stage = match self.queue.pop_front() {
            Some(task) => {
                let (settings, growing) = (self.settings.clone(), self.growing.remove(&task.entry.name));
                let (entry, once) = (task.entry.clone(), task.entry.is_stdin());
                let work = move || look(&task, growing, &settings);
                Stage::Look(entry, if once { Job::detached(work) } else { Job::spawn(work) })
            }
            None if self.settings.config.watch => Stage::Rest,
            None => Stage::End,
        };
    }

    /// Decides what follows from a look.
    fn looked(&mut self, entry: Entry, outcome: Outcome) -> Result<(), SourceError> {
        let settings = &self.settings;
        self.stage = match outcome {
            Outcome::Grows(Look::New(new)) => Stage::Open(Opening::Growing(new)),
            Outcome::Grows(Look::More(reading)) => {
                Stage::Read(Pieces::Ready(Box::new(Stream::Growing(reading))))
            }
            Outcome::Grows(Look::Replaced) => {
                tracing::info!(source = %settings.name, file = %entry.name, "begins anew: read as a new partition");
                let before = self.before(&entry);
                self.queue.push_front(Task { entry, settled: false, before });
                Stage::Next
            }
            Outcome::Grows(Look::Refused(why)) | Outcome::Ends(Surveyed::Refused(why)) => {
                // It may become readable without a sign of it, so it is tried again.
                self.look_again(&entry.name, !why.readable);
                Stage::Open(Opening::Refused(why))
            }
            Outcome::Ends(Surveyed::Whole(whole)) => Stage::Open(Opening::Whole(whole)),
            Outcome::Ends(Surveyed::Changed(why)) if !settings.config.watch => {
                return Err(SourceError::Transient(format!(
                    "{}: {why}: it is read when it is complete; set `watch = true` for a file that grows",
                    settings.name
                )));
            }
            Outcome::Ends(Surveyed::Changed(_)) | Outcome::Unsettled => {
                self.look_again(&entry.name, true);
                Stage::Next
            }
            Outcome::Grows(Look::Nothing) => Stage::Next,
        };
        Ok(())
    }

    fn look_again(&mut self, name: &str, again: bool) {
        if let Some(seen) = self.seen.get_mut(name) {
            seen.done = !again;
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
                return Some(self.hand_over(*batch));
            }
            Came::Dry(stream) => {
                self.stage = Stage::Next;
                if let Stream::Growing(reading) = *stream {
                    self.set_down(reading);
                }
            }
            Came::Nothing => {}
        }
        None
    }

    fn hand_over(&mut self, batch: RawBatch) -> Next {
        if let Some(known) = &mut self.known {
            known.note(&batch.partition.id, batch.to);
        }
        self.tally.handed_over(&batch);
        Next::Batch(batch)
    }
}

#[async_trait]
impl Source for FileSource {
    async fn next_batch(&mut self, limit: &BatchLimit) -> Result<Next, SourceError> {
        let deadline = Instant::now() + limit.wait;
        loop {
            if let Some(next) = self.step(limit, deadline).await? {
                return Ok(next);
            }
        }
    }

    fn standing(&self) -> Standing {
        let resting = self.growing.values().map(|g| PartitionStanding {
            partition: g.partition.id.clone(),
            offset: g.cutter.offset(),
            total: None,
            at_end: true,
        });
        let mut standing = self.tally.standing.clone();
        standing.open.extend(resting);
        standing.open.sort_by(|a, b| a.partition.cmp(&b.partition));
        standing.pending = self.queue.len() as u64;
        standing.caught_up = matches!(self.stage, Stage::Rest);
        standing
    }
}
