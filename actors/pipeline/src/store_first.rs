//! Facts that are stored before they are folded: of feeds that run backwards, and of feeds that are not in.
use crate::accumulator::{Work, count};
use crate::decoder::owner;
use crate::guard::Failure;
use crate::messages::{Flowing, ReturnsBatch};
use foldhash::HashSet;
use record::{Counts, Symbol};
use returns::ledger::{Ground, History, Outcome, Reach, StoredFact, WaitingReason, refold, summary_of};
use returns::{Date, Fact};
use std::sync::Arc;
use store::{HistoryRequest, slot_of};

/// Accounts folded per read and per message, so that memory stays bounded whatever the feed.
const CHUNK: usize = 200;

impl Work {
    /// Stores facts that are not known yet. They wait for their feed's trailer, or mark their accounts.
    pub(crate) async fn store_first(
        &mut self,
        facts: Vec<(Symbol, Fact)>,
        waits: bool,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
        let waiting = waits.then_some(WaitingReason::Trailer);
        let outcome = waiting.map_or(Outcome::Accepted, Outcome::Waiting);
        // A batch goes forward in its feed, so the first of equal facts is the one whose place is kept.
        let mut in_batch = HashSet::default();
        for (symbol, fact) in self.without_known(facts, out).await? {
            let Some(account) = self.accounts.get(&symbol) else { continue };
            if !in_batch.insert((symbol, fact.feed, fact.content, fact.key())) {
                count(&mut out.counts, &fact, Outcome::Unchanged);
                continue;
            }
            count(&mut out.counts, &fact, outcome);
            out.facts.push((account.id, StoredFact { fact, in_row: false, waiting }));
            if !waits && self.marked.insert(symbol) {
                out.marked.push(account.id);
            }
        }
        Ok(())
    }

    /// Accounts an earlier generation stored facts of and did not come to fold; asked for once.
    pub(crate) async fn learn_marks(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.marks_known, true) {
            return Ok(());
        }
        let (index, of) = self.share;
        for account_no in self.store.marked().await? {
            if owner(slot_of(&account_no), of) == index {
                self.marked.insert(self.names.symbols.intern(&account_no));
            }
        }
        Ok(())
    }

    /// Folds every marked account, whole. All but the last chunk goes ahead as more of the batch in hand.
    pub(crate) async fn fold_marked(&mut self, out: &mut ReturnsBatch) -> Result<(), Failure> {
        let mut marked: Vec<Symbol> = self.marked.drain().collect();
        marked.sort_unstable_by_key(|s| self.accounts.get(s).map(|a| a.id));
        for (i, chunk) in marked.chunks(CHUNK).enumerate() {
            if i > 0 {
                self.send_ahead(out).await?;
            }
            self.fold_whole(chunk, out).await?;
        }
        Ok(())
    }

    /// Sends what is in hand ahead of the piece it belongs to; the piece itself, with the counts, stays.
    async fn send_ahead(&mut self, out: &mut ReturnsBatch) -> Result<(), Failure> {
        let rest = ReturnsBatch::new(out.header.clone(), out.counts);
        let mut ahead = std::mem::replace(out, rest);
        ahead.header.piece = 0;
        ahead.counts = Counts::default();
        let ahead = Arc::new(ahead);
        self.overlay.push(ahead.clone());
        Ok(self.out.send(Flowing::Batch(ahead)).await?)
    }

    async fn fold_whole(&mut self, chunk: &[Symbol], out: &mut ReturnsBatch) -> Result<(), Failure> {
        let gone: Vec<Symbol> = chunk.iter().filter(|s| !self.accounts.contains_key(s)).copied().collect();
        if !gone.is_empty() {
            self.load(&gone, out.header.number, out).await?;
        }
        let known = chunk.iter().filter_map(|s| Some((*s, self.accounts.get(s)?.id)));
        let known: Vec<(Symbol, i64)> = known.collect();
        let reach = Reach { from: Date::MIN, undated: Vec::new(), rows: None };
        let asked: Vec<HistoryRequest> =
            known.iter().map(|(_, id)| HistoryRequest { account: *id, reach: reach.clone() }).collect();
        let read = self.store.history(&asked).await?;
        for ((symbol, id), history) in known.into_iter().zip(read) {
            let whole = self.overlay.of(id, out).lay_over(history);
            let (unfolded, whole) =
                apart(whole.map_err(|d| Failure::fatal(format!("a whole read has a row before {d}")))?);
            let ground = Ground { policy: &self.policy, partitions: &self.names.partitions };
            let Some(account) = self.accounts.get_mut(&symbol) else { continue };
            let done = refold(&mut account.state, &unfolded, &whole, ground).map_err(|reach| {
                Failure::fatal(format!("all of account {id} was read, and {reach:?} is asked for"))
            })?;
            let carried =
                done.changes.rows.iter().filter_map(|r| r.row()).filter(|r| r.carries).map(summary_of);
            // Stored apart until now; from now on the row carries it, and it leaves `fact`.
            out.facts.extend(carried.map(|fact| (id, StoredFact { fact, in_row: true, waiting: None })));
            out.rows.extend(done.changes.rows.into_iter().map(|r| (id, r)));
            out.facts.extend(done.changes.facts.into_iter().map(|f| (id, f)));
            out.folded.push(id);
            if let Some(profile) = done.changes.profile {
                self.write_profile(symbol, id, profile, out);
            }
        }
        Ok(())
    }
}

/// The facts no row carries, to be folded as if they came now, and the rest.
fn apart(mut whole: History) -> (Vec<Fact>, History) {
    let facts = std::mem::take(&mut whole.facts);
    let (kept, unfolded): (Vec<StoredFact>, Vec<StoredFact>) =
        facts.into_iter().partition(|s| s.in_row || s.waiting == Some(WaitingReason::Trailer));
    whole.facts = kept;
    (unfolded.into_iter().map(|s| s.fact).collect(), whole)
}
