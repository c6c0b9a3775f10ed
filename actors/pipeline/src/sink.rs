//! The sink: gathers what is checked and commits it, one transaction at a time.
use crate::accumulator::AccumulatorActor;
use crate::enter::entered;
use crate::gather::{Gather, Gathered};
use crate::generation::Plan;
use crate::guard::{Class, End, Failure, Guard};
use crate::mailbox::{Parcel, Room};
use crate::messages::{CheckedBatch, Committed, Flowing};
use crate::source_actor::SourceActor;
use actix::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{CommitError, Generation, Receipt, StoreError};

/// Commits.
pub struct SinkActor {
    guard: Guard,
    plan: Plan,
    generation: Arc<Generation>,
    settings: Settings,
    back: Back,
    gather: Gather,
    /// Since when the oldest gathered batch waits.
    since: Option<Instant>,
    /// Rooms of batches gathered beyond the bound while a transaction runs: not given back, so that senders wait.
    held: Vec<Room>,
    committing: bool,
    open_inputs: usize,
}

/// When a transaction begins.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub batch_rows: usize,
    pub linger: Duration,
}

/// Who hears of commits.
#[derive(Clone, Default)]
pub struct Back {
    pub sources: Vec<Addr<SourceActor>>,
    pub accumulators: Vec<Addr<AccumulatorActor>>,
}

/// Who hears of commits, once they are started: the sink is started before them.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Listen(pub Back);

impl SinkActor {
    pub fn new(
        guard: Guard,
        plan: Plan,
        generation: Arc<Generation>,
        settings: Settings,
        inputs: usize,
    ) -> Self {
        SinkActor {
            guard,
            plan,
            generation,
            settings,
            back: Back::default(),
            gather: Gather::default(),
            since: None,
            held: Vec::new(),
            committing: false,
            open_inputs: inputs,
        }
    }

    fn drained(&self) -> bool {
        self.open_inputs == 0
    }

    /// Begins a transaction when one is due: enough rows, old enough, or nothing more to come.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        if self.committing {
            return;
        }
        if self.gather.is_empty() {
            if self.drained() {
                self.guard.tell(End::Finished);
                ctx.stop();
            }
            return;
        }
        let old = self.since.is_some_and(|s| s.elapsed() >= self.settings.linger);
        if self.drained() || old || self.gather.size() >= self.settings.batch_rows {
            self.commit(ctx);
        }
    }

    fn commit(&mut self, ctx: &mut Context<Self>) {
        self.committing = true;
        self.since = None;
        self.held.clear();
        let gathered = self.gather.take(&self.generation);
        let store = self.plan.store.clone();
        let work = entered(&self.plan.runtime, async move {
            let started = Instant::now();
            let result = store.commit(&gathered.unit).await;
            (result, gathered, started.elapsed())
        });
        ctx.spawn(work.into_actor(self).map(|(result, gathered, took), actor, ctx| {
            actor.committing = false;
            match result {
                Ok(receipt) => {
                    actor.settled(gathered, receipt, took);
                    actor.advance(ctx);
                }
                Err(e) => {
                    actor.guard.failed(failure(&e));
                    ctx.stop();
                }
            }
        }));
    }

    fn settled(&mut self, gathered: Gathered, receipt: Receipt, took: Duration) {
        self.plan.board.committed(&gathered, &receipt, took);
        let committed = Committed { batches: Arc::new(gathered.whole) };
        for source in &self.back.sources {
            tell(source, &committed);
        }
        for accumulator in &self.back.accumulators {
            tell(accumulator, &committed);
        }
    }
}

/// The back edge is unbounded and small: one message a commit. A bounded one could wait for who waits for us.
#[expect(clippy::disallowed_methods, reason = "a back edge, never the data path")]
fn tell<A>(to: &Addr<A>, committed: &Committed)
where
    A: Actor<Context = Context<A>> + Handler<Committed>,
{
    to.do_send(committed.clone());
}

fn failure(e: &CommitError) -> Failure {
    let class = match e {
        CommitError::Store(StoreError::Unreachable(_)) | CommitError::Unknown(_) => Class::Transient,
        // Somebody else moved the checkpoint: read it again, never guess.
        CommitError::Delta { .. } => Class::Transient,
        CommitError::Store(StoreError::LeaseLost | StoreError::Busy { .. }) => Class::LeaseLost,
        CommitError::Store(StoreError::Schema(_) | StoreError::Refused(_)) => Class::Fatal,
        CommitError::Data(_) => Class::Poison,
    };
    Failure { class, text: e.to_string() }
}

impl Actor for SinkActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let tick = (self.settings.linger / 2).max(Duration::from_millis(5));
        ctx.run_interval(tick, |actor, ctx| actor.advance(ctx));
    }
}

impl Handler<Listen> for SinkActor {
    type Result = ();
    fn handle(&mut self, listen: Listen, _: &mut Self::Context) {
        self.back = listen.0;
    }
}

impl Handler<Parcel<Flowing<CheckedBatch>>> for SinkActor {
    type Result = ();

    fn handle(&mut self, parcel: Parcel<Flowing<CheckedBatch>>, ctx: &mut Self::Context) {
        let Parcel { body, room } = parcel;
        match body {
            Flowing::Batch(batch) => {
                self.gather.add(batch);
                self.since.get_or_insert_with(Instant::now);
                if self.committing && self.gather.size() >= self.settings.batch_rows {
                    self.held.push(room);
                }
            }
            Flowing::Drain => self.open_inputs = self.open_inputs.saturating_sub(1),
        }
        self.advance(ctx);
    }
}
