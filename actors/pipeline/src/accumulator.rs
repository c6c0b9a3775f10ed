//! The accumulator: one writer for the accounts of its slots. Adds facts, relinks, and hands on what changes.
use crate::accounts::Account;
use crate::deferred::restates;
use crate::enter::entered;
use crate::followed::Followed;
use crate::guard::{End, Failure, Guard};
use crate::mailbox::{Mailbox, Parcel};
use crate::messages::{AccountBatch, Committed, Flowing, Intake, ReturnsBatch};
use crate::overlay::Overlay;
use actix::prelude::*;
use foldhash::{HashMap, HashSet};
use record::{Counts, FeedKey, Symbol, SymbolMap};
use returns::ledger::{Changes, Feeds, Ground, Offer, Outcome, Profile, RowChange, Stage};
use returns::{Date, Fact, Kind, Policy};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use store::{AccountWrite, Names, Store, slot_of};
use tokio::runtime::Handle;

/// The stateful stage.
pub struct AccumulatorActor {
    guard: Guard,
    /// Out while a message is handled: handlers never overlap (`AtomicResponse`).
    work: Option<Work>,
    /// Where the store's connections live.
    runtime: Handle,
    open_inputs: usize,
}

/// The state of one accumulator.
pub struct Work {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) names: Arc<Names>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) accounts: SymbolMap<Account>,
    pub(crate) overlay: Overlay,
    /// Whole feeds, as far as this accumulator has been told: its batches come in their order, so nothing of a feed that is in is to come.
    pub(crate) feeds: Feeds,
    /// The dates they speak of, as far as batches of this generation tell.
    pub(crate) feed_dates: HashMap<FeedKey, (Date, Date)>,
    pub(crate) followed: Followed,
    /// Accounts with facts stored and not folded.
    pub(crate) marked: HashSet<Symbol>,
    pub(crate) marks_known: bool,
    /// Of marked accounts that began in this generation: nothing is known of them before this date.
    pub(crate) began: HashMap<Symbol, Date>,
    /// Which of how many accumulators this is.
    pub(crate) share: (usize, usize),
    /// Numbers batches, over all sources and accumulators.
    pub(crate) numbers: Arc<AtomicU64>,
    pub(crate) out: Mailbox<Flowing<Arc<ReturnsBatch>>>,
    pub(crate) ids: Range<i64>,
    /// Accounts kept in memory, at most (those with anything uncommitted stay).
    pub(crate) limit: usize,
    /// Reused from fact to fact.
    scratch: Changes,
}

impl AccumulatorActor {
    pub fn new(guard: Guard, work: Work, runtime: Handle, inputs: usize) -> Self {
        AccumulatorActor { guard, work: Some(work), runtime, open_inputs: inputs }
    }
}

impl Actor for AccumulatorActor {
    type Context = Context<Self>;
}

impl Handler<Parcel<Flowing<AccountBatch>>> for AccumulatorActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, parcel: Parcel<Flowing<AccountBatch>>, _: &mut Self::Context) -> Self::Result {
        let mut work = self.work.take();
        let Parcel { body, room } = parcel;
        let last = match body {
            Flowing::Drain => {
                self.open_inputs = self.open_inputs.saturating_sub(1);
                self.open_inputs == 0
            }
            Flowing::Batch(_) => false,
        };
        AtomicResponse::new(Box::pin(
            entered(&self.runtime, async move {
                let result = match (&mut work, body) {
                    (Some(work), Flowing::Batch(batch)) => work.batch(batch).await,
                    (Some(work), Flowing::Drain) if last => work.drain().await,
                    _ => Ok(()),
                };
                drop(room);
                (work, result)
            })
            .into_actor(self)
            .map(move |(work, result), actor, ctx| {
                actor.work = work;
                match result {
                    // It stays until the sink has committed, for `Committed` still comes; the generation's end stops it.
                    Ok(()) if last => actor.guard.tell(End::Finished),
                    Ok(()) => {}
                    Err(failure) => {
                        actor.guard.failed(failure);
                        ctx.stop();
                    }
                }
            }),
        ))
    }
}

impl Handler<Committed> for AccumulatorActor {
    type Result = ();

    fn handle(&mut self, committed: Committed, _: &mut Self::Context) {
        if let Some(work) = &mut self.work {
            let numbers: Vec<u64> = committed.batches.iter().map(|b| b.number).collect();
            work.overlay.committed(&numbers);
            work.evict();
        }
    }
}

impl Work {
    pub fn new(
        store: Arc<dyn Store>,
        names: Arc<Names>,
        policy: Arc<Policy>,
        out: Mailbox<Flowing<Arc<ReturnsBatch>>>,
        limit: usize,
        share: (usize, usize),
        numbers: Arc<AtomicU64>,
    ) -> Self {
        Work {
            store,
            names,
            policy,
            accounts: SymbolMap::default(),
            overlay: Overlay::default(),
            feeds: Feeds::default(),
            feed_dates: HashMap::default(),
            followed: Followed::default(),
            marked: HashSet::default(),
            marks_known: false,
            began: HashMap::default(),
            share,
            numbers,
            out,
            ids: 0..0,
            limit,
            scratch: Changes::default(),
        }
    }

    /// The same, with feeds of these layouts followed to their end.
    #[must_use]
    pub fn following(self, followed: Followed) -> Self {
        Work { followed, ..self }
    }

    pub(crate) async fn drain(&mut self) -> Result<(), Failure> {
        self.fold_left_over().await?;
        Ok(self.out.send(Flowing::Drain).await?)
    }

    pub(crate) async fn batch(&mut self, batch: AccountBatch) -> Result<(), Failure> {
        self.fold_left_over().await?;
        let out = self.settle(batch).await?;
        self.pass_on(out).await
    }

    /// Hands a batch on; until it is committed, it is part of every read.
    pub(crate) async fn pass_on(&mut self, out: ReturnsBatch) -> Result<(), Failure> {
        let out = Arc::new(out);
        self.overlay.push(out.clone());
        self.evict();
        self.out.send(Flowing::Batch(out)).await?;
        Ok(())
    }

    /// Adds a batch's facts to the ledger; what changes comes back.
    pub(crate) async fn settle(&mut self, batch: AccountBatch) -> Result<ReturnsBatch, Failure> {
        self.hear_of(batch.feed.as_deref(), batch.header.feed.as_ref());
        let mut out = ReturnsBatch::new(batch.header, batch.counts);
        out.rows.reserve(batch.facts.len());
        let touched = out.header.number;
        self.bring_in(&batch.facts, &batch.rejects, &batch.aliases, touched, &mut out).await?;
        let mut deferred: Vec<(Symbol, Fact)> = Vec::new();
        let mut to_store: Vec<(Symbol, Fact)> = Vec::new();
        let mut waits_for_read: HashSet<Symbol> = HashSet::default();
        for (symbol, fact) in batch.facts {
            if batch.intake != Intake::Fold || self.marked.contains(&symbol) {
                to_store.push((symbol, fact));
            } else if waits_for_read.contains(&symbol) {
                deferred.push((symbol, fact));
            } else if let Some(outcome) = self.offer(symbol, &fact, touched, &mut out) {
                count(&mut out.counts, &fact, outcome);
            } else {
                waits_for_read.insert(symbol);
                deferred.push((symbol, fact));
            }
        }
        if !deferred.is_empty() {
            self.settle_deferred(deferred, &mut out).await?;
        }
        if !to_store.is_empty() {
            self.store_first(to_store, batch.intake, &mut out).await?;
        }
        let through = batch.feed.filter(|feed| feed.stage != Stage::Coming);
        if let Some(feed) = &through {
            self.feeds.note((**feed).clone());
        }
        if batch.intake == (Intake::StoreFirst { last: true }) {
            self.fold_marked(&mut out).await?;
        }
        if batch.intake == (Intake::Wait { whole: true }) {
            self.release(&mut out).await?;
        }
        if let Some(feed) = &through {
            self.feed_end(feed, &mut out).await?;
        }
        out.breaks = batch.breaks;
        for mut rejected in batch.rejects {
            let account = rejected.account.and_then(|s| self.accounts.get(&s));
            rejected.write.account = account.map(|a| a.id);
            out.quarantine.push(rejected.write);
        }
        Ok(out)
    }

    /// The fast path: what goes on at the head of the chain is settled in memory.
    fn offer(
        &mut self,
        symbol: Symbol,
        fact: &Fact,
        touched: u64,
        out: &mut ReturnsBatch,
    ) -> Option<Outcome> {
        let account = self.accounts.get_mut(&symbol)?;
        let ground = Ground { policy: &self.policy, partitions: &self.names.partitions, feeds: &self.feeds };
        account.touched = touched;
        match account.state.offer(fact, ground, &mut self.scratch) {
            Offer::Settled(outcome) => {
                let id = account.id;
                self.take_scratch(symbol, id, out);
                Some(outcome)
            }
            Offer::Deferred => None,
        }
    }

    /// Moves what a fold changed from the scratch into the batch.
    fn take_scratch(&mut self, symbol: Symbol, id: i64, out: &mut ReturnsBatch) {
        out.rows.extend(self.scratch.rows.drain(..).map(|r| (id, r)));
        out.facts.extend(self.scratch.facts.drain(..).map(|f| (id, f)));
        if let Some(profile) = self.scratch.profile.take() {
            self.write_profile(symbol, id, profile, out);
        }
    }

    /// Moves what a fold changed into the batch; where that moves what was published, with its cause.
    pub(crate) fn take_changes(
        &self,
        (symbol, id): (Symbol, i64),
        changes: Changes,
        cause: impl FnOnce() -> Arc<str>,
        out: &mut ReturnsBatch,
    ) {
        let restated: Vec<Date> = changes.rows.iter().filter(|r| restates(r)).map(RowChange::as_of).collect();
        if !restated.is_empty() {
            let cause = cause();
            out.causes.extend(restated.into_iter().map(|date| (id, date, cause.clone())));
        }
        out.rows.extend(changes.rows.into_iter().map(|r| (id, r)));
        out.facts.extend(changes.facts.into_iter().map(|f| (id, f)));
        if let Some(profile) = changes.profile {
            self.write_profile(symbol, id, profile, out);
        }
    }

    pub(crate) fn write_profile(&self, symbol: Symbol, id: i64, profile: Profile, out: &mut ReturnsBatch) {
        // A batch may move a profile twice; the last state is the one to store.
        match out.accounts.iter_mut().rev().take(64).find(|w| w.id == id) {
            Some(write) => write.profile = profile,
            None => {
                let account_no = self.names.symbols.text(symbol);
                let slot = slot_of(&account_no);
                out.accounts.push(AccountWrite { id, account_no, slot, profile, aliases: Vec::new() });
            }
        }
    }
}

/// Notes an outcome. A hold by a quarantined record is counted as that record, not as an observation.
pub(crate) fn count(counts: &mut Counts, fact: &Fact, outcome: Outcome) {
    if fact.kind() == Kind::Quarantined {
        return;
    }
    match outcome {
        Outcome::Accepted => counts.accepted += 1,
        Outcome::Unchanged => counts.unchanged += 1,
        Outcome::Stale => counts.stale += 1,
        Outcome::Waiting(_) => counts.waiting += 1,
    }
}

#[cfg(test)]
mod tests;
