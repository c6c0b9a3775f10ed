//! One shard being read: answers come in, batches go out. How answers are got is the matter of `polling` and `fan_out`.
use super::OnGap;
use super::bucket::Pauses;
use super::graph::ShardId;
use super::keys;
use super::metrics::ShardMetrics;
use super::position::{Ask, Begin};
use super::retention::{First, Lag, Lost, Watch};
use super::shared::{Handed, Held, ShardState, Shared, Told, now};
use super::stall::Stall;
use super::stream::{Kind, Page, Trouble};
use super::unpack::Met;
use super::work::Work;
use crate::messages::{DaysOfStream, MessageCutter, Piece};
use crate::{Gap, OpenDelivery, SourceError};
use record::{Partition, Progress};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// A shard that is open, and what is known of it.
pub(super) struct Shard {
    pub(super) shared: Arc<Shared>,
    pub(super) id: ShardId,
    pub(super) metrics: ShardMetrics,
    pub(super) pauses: Pauses,
    partition: Arc<Partition>,
    begin: Begin,
    work: Work,
    days: DaysOfStream,
    watch: Watch,
    state: Arc<ShardState>,
    stall: Stall,
    /// The record read last is gone: Kinesis does not take its number, or leads nowhere from there. The oldest is asked for until a record comes; what
    /// was taken in before is left out, so that it does no harm where it is not so.
    is_gone: bool,
    noted: Option<Instant>,
    warned: Option<Instant>,
}

/// Where a shard is opened.
pub(super) struct Opening {
    pub id: ShardId,
    pub partition: Arc<Partition>,
    pub committed: Progress,
    pub deliveries: Vec<OpenDelivery>,
    pub begin: Begin,
    pub range: Option<super::graph::HashRange>,
    /// Everything that arrived up to then is read, of it or of its parents.
    pub until: Option<i64>,
    pub state: Arc<ShardState>,
}

/// How a reader goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// With the next answer.
    More,
    /// By asking anew: what it was given leads nowhere.
    Anew,
    /// Not at all: the shard is through.
    Through,
}

/// Bytes of a shard that wait to be taken by the pipeline, beyond which it reads no further: what is compressed may be many times what was fetched.
const WAITING: u64 = 16 << 20;
/// The first and the longest pause after a call that failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// How far our clock may be ahead of that of AWS, microseconds.
const AHEAD: i64 = 900_000_000;
/// Calls that failed in a row before it is told.
const LASTS: u32 = 2;
/// The same trouble is told again after so long.
const TELL_AGAIN: Duration = Duration::from_secs(60);

impl Shard {
    pub(super) fn new(shared: Arc<Shared>, opening: Opening) -> Shard {
        let Opening { id, partition, committed, deliveries, begin, range, until, state } = opening;
        let (layouts, config) = (shared.layouts.clone(), &shared.config);
        let (packing, limit) = (config.compression, config.record_limit);
        let cutter = MessageCutter::new(layouts, packing, limit, committed, deliveries);
        let seed = id.bytes().fold(0u32, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(b)));
        Shard {
            metrics: ShardMetrics::new(&shared.name, &id),
            pauses: Pauses::new(PAUSES.0, PAUSES.1, seed),
            days: DaysOfStream::new(shared.name.clone(), shared.registry.clone()),
            work: Work::new(cutter, range, shared.limit),
            watch: Watch::new(until),
            stall: Stall::default(),
            is_gone: false,
            noted: None,
            warned: None,
            shared,
            id,
            partition,
            begin,
            state,
        }
    }

    /// What to ask Kinesis for now: behind what this process has read, and behind what is committed only where it has read nothing.
    pub(super) fn ask(&mut self) -> Ask {
        let ask = Ask::behind(self.work.reached(), self.begin);
        if let Ask::Record(last) = ask {
            self.watch.asked(last);
            if self.is_gone {
                return Ask::Oldest;
            }
        }
        ask
    }

    /// Takes an answer in and hands over what it gave.
    pub(super) async fn take(
        &mut self,
        page: Page,
        permit: OwnedSemaphorePermit,
    ) -> Result<Taken, SourceError> {
        self.pauses.worked();
        self.shared.worked.store(true, Ordering::Relaxed);
        let (time, horizon) = (now(), self.shared.horizon());
        let (last_page, behind) = (page.is_last(), page.millis_behind);
        let first = page.records.first().map(|r| First { sequence: r.sequence, arrival: r.arrival });
        let at_tip = behind == Some(0) || last_page;
        if let Some(lost) = self.watch.missing(first, at_tip, time, horizon) {
            self.lost(lost).await?;
        }
        self.count(&page);
        let is_empty = page.records.is_empty();
        self.is_gone &= is_empty;
        let millis = behind.unwrap_or(0).max(0);
        self.state.millis_behind.fetch_max(millis, Ordering::Relaxed);
        let last = page.records.iter().map(|r| r.arrival).max();
        let children = page.children;
        self.hand_over(page.records, Arc::new(permit)).await?;
        // Not before: who has caught up has handed over what there was.
        self.state.millis_behind.store(millis, Ordering::Relaxed);
        self.state.answered.store(true, Ordering::Relaxed);
        self.watch.read(last, behind, time, horizon);
        self.tell_lag(time);
        if last_page {
            self.end(children).await?;
            return Ok(Taken::Through);
        }
        if at_tip {
            self.note_tip().await?;
        }
        let stands = self.stall.stands(is_empty, behind) && matches!(self.work.reached(), Progress::At(_));
        if stands {
            self.is_gone = true;
            let (source, shard) = (&self.shared.name, &self.id);
            tracing::info!(%source, %shard, "Kinesis leads nowhere from the record read last, its answers are empty and stay {} s behind; its oldest record is asked for", millis / 1000);
            return Ok(Taken::Anew);
        }
        Ok(Taken::More)
    }

    fn count(&self, page: &Page) {
        self.metrics.records.increment(page.records.len() as u64);
        self.metrics.bytes.increment(page.bytes());
        if page.records.is_empty() {
            self.metrics.empty_reads.increment(1);
        }
    }

    /// Records become batches, some at a time, so that neither a large answer nor one that unpacks to much more takes more than its room.
    async fn hand_over(
        &mut self,
        records: Vec<super::stream::Incoming>,
        permit: Arc<OwnedSemaphorePermit>,
    ) -> Result<(), SourceError> {
        self.work.add(records);
        while !self.work.is_done() {
            let met = self.work.step(&self.shared).await?;
            self.tell_met(&met);
            while let Some(piece) = self.work.next_piece() {
                self.send(piece, &permit).await?;
            }
            wait_until_taken(self.state.clone()).await;
        }
        Ok(())
    }

    async fn send(&mut self, piece: Piece, permit: &Arc<OwnedSemaphorePermit>) -> Result<(), SourceError> {
        let batch = self.days.batch(piece, self.partition.clone()).await?;
        self.state.handed(batch.to);
        let bytes = batch.payload.len() as u64;
        self.state.untaken.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { bytes, state: self.state.clone(), _permit: permit.clone() };
        let gone = |_| SourceError::Transient("a source was dropped while it was read".into());
        self.shared.out.send(Ok(Handed { batch, _held: held })).map_err(gone)
    }

    /// The shard is through. Its children are told before the step to its end, so that whoever sees that step committed knows of them.
    async fn end(&mut self, children: Vec<super::graph::ShardInfo>) -> Result<(), SourceError> {
        // Nobody listens any more only when the source was dropped.
        let _ = self.shared.tell.send(Told::Children(children));
        let permit = Arc::new(self.shared.budget.for_bytes(1).await?);
        while let Some(piece) = self.work.end() {
            self.send(piece, &permit).await?;
        }
        self.state.millis_behind.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn tell_met(&self, met: &Met) {
        self.metrics.user_records.increment(met.user_records);
        self.metrics.unsound_aggregates.increment(met.unsound);
        self.metrics.out_of_range.increment(met.out_of_range);
        met.aggregates.iter().for_each(|n| self.metrics.user_records_per_aggregate.record(f64::from(*n)));
        if met.odd_keys {
            tracing::warn!(source = %self.shared.name, stream = self.shared.stream.name(), "{}", keys::ADVICE);
        }
    }

    /// Something was lost before it was read: it is kept in the store, and the policy decides whether reading goes on.
    async fn lost(&mut self, lost: Lost) -> Result<(), SourceError> {
        let to =
            lost.to.map(|first| Progress::At(record::Position { sequence: first.sequence, sub: 0, item: 0 }));
        let gap = Gap {
            partition: self.partition.id.clone(),
            from: self.work.reached(),
            from_arrival: lost.from,
            to,
            to_arrival: Some(lost.to.map_or(lost.horizon, |first| first.arrival)),
            retention_hours: Some(self.shared.retention_hours()),
        };
        note_gap(&self.shared, &gap).await
    }

    fn tell_lag(&mut self, time: i64) {
        let (source, shard) = (&self.shared.name, &self.id);
        match self.watch.lag(time, self.shared.horizon()) {
            Some(Lag::Half) => {
                let hours = self.shared.retention_hours();
                tracing::warn!(%source, %shard, "what is read of this shard is older than half of the {hours} hours that the stream keeps: once it is older \
                     than all of them records are lost. Read faster, or let the stream keep them longer");
            }
            Some(Lag::Recovered) => tracing::info!(%source, %shard, "the shard has caught up"),
            None => {}
        }
    }

    /// While nothing comes, the store is told now and then that nothing is missing up to now.
    async fn note_tip(&mut self) -> Result<(), SourceError> {
        let hundredth =
            Duration::from_micros(u64::try_from(self.shared.horizon().retention / 100).unwrap_or(0));
        let every = hundredth.max(Duration::from_secs(60));
        let Some(until) = self.watch.until().filter(|_| self.state.is_settled()) else { return Ok(()) };
        if self.noted.is_some_and(|at| at.elapsed() < every) {
            return Ok(());
        }
        self.noted = Some(Instant::now());
        let note = (self.partition.clone(), self.work.reached(), until);
        self.shared.registry.note_read_until(&[note]).await
    }

    /// What to do about a call that gave nothing: how long to wait, or that this cannot go on.
    pub(super) fn bear(&mut self, trouble: Trouble) -> Result<Duration, SourceError> {
        match trouble.kind {
            Kind::Throttled => self.metrics.throttles.increment(1),
            Kind::Expired => {
                self.metrics.iterator_renewals.increment(1);
                return Ok(Duration::ZERO);
            }
            Kind::Busy => self.metrics.subscriptions_in_use.increment(1),
            Kind::Invalid if !self.is_gone && matches!(self.work.reached(), Progress::At(_)) => {
                self.is_gone = true;
                return Ok(Duration::ZERO);
            }
            Kind::Invalid if self.begins_ahead() => {
                let text = format!("{}; the clock of this machine may be ahead of that of AWS", trouble.text);
                self.warn(&Trouble { text, ..trouble });
            }
            Kind::Passing => {
                self.metrics.failed_calls.increment(1);
                self.warn(&trouble);
            }
            Kind::Gone | Kind::Denied | Kind::Invalid => {
                self.metrics.failed_calls.increment(1);
                return Err(hopeless(trouble, self.shared.worked.load(Ordering::Relaxed)));
            }
        }
        Ok(self.pauses.failed())
    }

    /// Kinesis takes no time that is ahead of its own clock, and `latest` is settled by ours: a little later it does.
    fn begins_ahead(&self) -> bool {
        let is_recent = matches!(self.begin, Begin::At(at) if at > now() - AHEAD);
        is_recent && self.work.reached() == Progress::Start
    }

    /// Tells trouble that lasts: of a call that works when it is tried again nobody needs to know.
    fn warn(&mut self, trouble: &Trouble) {
        if self.pauses.failures() < LASTS {
            return;
        }
        if self.warned.is_none_or(|at| at.elapsed() >= TELL_AGAIN) {
            self.warned = Some(Instant::now());
            let (source, shard, failures) = (&self.shared.name, &self.id, self.pauses.failures() + 1);
            tracing::warn!(%source, %shard, failures, "{}; it is tried again", trouble.text);
        }
    }
}

async fn wait_until_taken(state: Arc<ShardState>) {
    while state.untaken.load(Ordering::Relaxed) > WAITING {
        state.taken.notified().await;
    }
}

/// Trouble that a pause does not mend. What the credentials may not do may be given back while we run; at the start it is a mistake.
pub(super) fn hopeless(trouble: Trouble, worked: bool) -> SourceError {
    match trouble.kind {
        Kind::Denied if worked => SourceError::Transient(trouble.text),
        Kind::Denied | Kind::Gone | Kind::Invalid => SourceError::Fatal(trouble.text),
        _ => SourceError::Transient(trouble.text),
    }
}

/// Keeps a gap in the store and tells it. An error where the policy is to stop.
pub(super) async fn note_gap(shared: &Shared, gap: &Gap) -> Result<(), SourceError> {
    shared.registry.note_gap(gap).await?;
    shared.metrics.gaps.increment(1);
    let time = |at: Option<i64>| {
        let at = at.and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
        at.map_or("an unknown time".into(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    };
    let text = format!(
        "{}: the stream {} keeps records for {} hours and no longer has all that was not read yet: what arrived from {} to {} is lost, or may be. It is \
         kept in the table `retention_gap`",
        gap.partition,
        shared.stream.name(),
        shared.retention_hours(),
        time(gap.from_arrival),
        time(gap.to_arrival),
    );
    match shared.config.on_gap {
        OnGap::Continue => {
            tracing::error!("{text}; reading goes on behind it");
            Ok(())
        }
        OnGap::Stop => Err(SourceError::Fatal(format!(
            "{text}. Have it sent again by another way if it matters; to read on behind it, set on_gap = \"continue\" in [sources.{}]",
            shared.name
        ))),
    }
}
