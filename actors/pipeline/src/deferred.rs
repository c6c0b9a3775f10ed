//! The slow path of an accumulator: facts that need a read. All of a batch's are read for at once.
use crate::accumulator::{Work, count};
use crate::guard::Failure;
use crate::histories::{Asking, Doing};
use crate::messages::ReturnsBatch;
use foldhash::HashMap;
use record::{Partitions, Symbol};
use returns::fact::Body;
use returns::ledger::{AccountState, Ground, History, Outcome, Refold, refold};
use returns::{Arrival, Fact, Place};
use std::sync::Arc;
use store::{Found, Probe};

impl Work {
    /// Settles deferred facts: known ones by their identity, the others on what history they reach.
    pub(crate) async fn settle_deferred(
        &mut self,
        deferred: Vec<(Symbol, Fact)>,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
        let unknown = self.without_known(deferred, out).await?;
        let fold = |facts: &Vec<Fact>, state: &mut AccountState, history: &History, ground: Ground| {
            refold(state, facts, history, ground)
        };
        self.read_and_do(self.by_account(unknown), Doing { fold, take: Work::take }, out).await
    }

    /// Takes out the facts that are known already, in that key, feed and content, from an earlier place.
    pub(crate) async fn without_known(
        &mut self,
        deferred: Vec<(Symbol, Fact)>,
        out: &mut ReturnsBatch,
    ) -> Result<Vec<(Symbol, Fact)>, Failure> {
        let in_hand = out.header.number;
        let mut probes = Vec::new();
        for (symbol, fact) in &deferred {
            if let Some(account) = self.accounts.get(symbol)
                && !account.is_new(&self.overlay, in_hand)
            {
                let (key, feed, content) = (fact.key(), fact.feed, fact.content);
                probes.push(Probe { account: account.id, key, feed, content });
            }
        }
        let answers = if probes.is_empty() { Vec::new() } else { self.store.identify(&probes).await? };
        let mut answers = answers.into_iter();
        let mut unknown = Vec::new();
        for (symbol, fact) in deferred {
            let Some(account) = self.accounts.get(&symbol) else { continue };
            let stored = if account.is_new(&self.overlay, in_hand) { None } else { answers.next() };
            let under_way = self.overlay.of(account.id, out).find(&fact.key(), fact.feed, fact.content);
            let kept = match (under_way, stored) {
                (Some(f), _) => Some((f.arrival, f.place)),
                (None, Some(Found::Same { arrival, place })) => Some((arrival, place)),
                (None, _) => None,
            };
            let partitions = &self.names.partitions;
            if kept.is_some_and(|k| !earlier((fact.arrival, fact.place), k, partitions)) {
                count(&mut out.counts, &fact, Outcome::Unchanged);
            } else {
                unknown.push((symbol, fact));
            }
        }
        Ok(unknown)
    }

    /// The facts of each account, in their order.
    fn by_account(&self, facts: Vec<(Symbol, Fact)>) -> Vec<Asking<Vec<Fact>>> {
        let ground = Ground { policy: &self.policy, partitions: &self.names.partitions, feeds: &self.feeds };
        let mut order: Vec<Symbol> = Vec::new();
        let mut grouped: HashMap<Symbol, Vec<Fact>> = HashMap::default();
        for (symbol, fact) in facts {
            grouped.entry(symbol).or_insert_with(|| {
                order.push(symbol);
                Vec::new()
            });
            if let Some(group) = grouped.get_mut(&symbol) {
                group.push(fact);
            }
        }
        let waiting = order.into_iter().filter_map(|symbol| {
            let account = self.accounts.get(&symbol)?;
            let facts = grouped.remove(&symbol)?;
            let reach = account.state.reach(&facts, ground);
            Some(Asking { symbol, id: account.id, what: facts, reach })
        });
        waiting.collect()
    }

    fn take(&self, asked: Asking<Vec<Fact>>, done: Refold, out: &mut ReturnsBatch) {
        for (fact, outcome) in asked.what.iter().zip(&done.outcomes) {
            count(&mut out.counts, fact, *outcome);
        }
        let why = || cause(&asked.what, &done.outcomes, &self.names);
        self.take_changes((asked.symbol, asked.id), done.changes, why, out);
    }
}

pub(crate) fn restates(change: &returns::ledger::RowChange) -> bool {
    use returns::ledger::RowChange::{Gone, New, Replaced};
    match change {
        New(_) => false,
        Replaced { restates, .. } => *restates,
        Gone(_) => true,
    }
}

/// Whether a place comes before the one kept: by arrival, partition and position.
fn earlier(new: (Arrival, Place), kept: (Arrival, Place), partitions: &Partitions) -> bool {
    let by_partition = || partitions.compare(new.1.partition, kept.1.partition);
    let by_position = || new.1.position.cmp(&kept.1.position);
    new.0.cmp(&kept.0).then_with(by_partition).then_with(by_position).is_lt()
}

/// What a person is told of why rows were restated: a correction before any other fact, else the first that was new.
fn cause(facts: &[Fact], outcomes: &[Outcome], names: &store::Names) -> Arc<str> {
    let new = || facts.iter().zip(outcomes).filter(|(_, o)| **o != Outcome::Unchanged).map(|(f, _)| f);
    let correction = new().find_map(|f| match &f.body {
        Body::Correction(c) => {
            Some(format!("correction {} by {}: {} (event {})", c.ticket, c.who, c.reason, c.event_id))
        }
        Body::Withdrawal(w) => Some(format!("withdrawal by {}: {} (event {})", w.who, w.reason, w.event_id)),
        _ => None,
    });
    let late = || {
        new().next().map_or_else(String::new, |f| {
            let partition = names.partitions.get(f.place.partition);
            let place =
                partition.map_or_else(|| "?".into(), |p| format!("{p} {}", p.place(f.place.position)));
            format!("late {} for {} from {place}", f.kind().as_str(), f.as_of)
        })
    };
    correction.unwrap_or_else(late).into()
}
