//! Facts that are stored before they are folded (of feeds that run backwards, that are not in, or that are read again), and accounts folded
//! anew.
use crate::accumulator::{Work, count};
use crate::guard::Failure;
use crate::messages::{Header, Intake, Part, ReturnsBatch};
use crate::pieces::owner;
use foldhash::HashSet;
use record::{Counts, Partition, PartitionId, PartitionKey, Progress, Symbol};
use returns::ledger::{Ground, Outcome, Reach, StoredFact, WaitingReason, rebuild};
use returns::{Date, Fact};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{HistoryRequest, slot_of};

/// Accounts folded per read and per message, so that memory stays bounded whatever the feed.
pub(crate) const CHUNK: usize = 200;

impl Work {
    /// Stores facts that are not known yet. They wait for their feed's trailer, or count for nothing until all of their reading is in, or mark
    /// their accounts.
    pub(crate) async fn store_first(
        &mut self,
        facts: Vec<(Symbol, Fact)>,
        intake: Intake,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
        let waiting = matches!(intake, Intake::Wait { .. }).then_some(WaitingReason::Trailer);
        let outcome = waiting.map_or(Outcome::Accepted, Outcome::Waiting);
        // A batch goes forward in its feed, so the first of equal facts is the one whose place is kept.
        let mut in_batch = HashSet::default();
        let (mut unknown, asked): (Vec<_>, Vec<_>) =
            facts.into_iter().partition(|(symbol, fact)| self.begins_earlier(*symbol, fact));
        unknown.extend(self.without_known(asked, out).await?);
        for (symbol, fact) in unknown {
            let Some(account) = self.accounts.get(&symbol) else { continue };
            if !in_batch.insert((symbol, fact.feed, fact.content, fact.key())) {
                count(&mut out.counts, &fact, Outcome::Unchanged);
                continue;
            }
            count(&mut out.counts, &fact, outcome);
            if !matches!(intake, Intake::Wait { .. } | Intake::Aside) && self.marked.insert(symbol) {
                out.marked.push(account.id);
                if account.born == Some(out.header.number) {
                    self.began.insert(symbol, fact.as_of);
                }
            }
            if let Some(began) = self.began.get_mut(&symbol) {
                *began = fact.as_of.min(*began);
            }
            out.facts.push((account.id, StoredFact { fact, in_row: false, waiting }));
        }
        Ok(())
    }

    /// Whether a fact is dated before anything known of its account, which begins with it from now on. So is nearly every fact of a new
    /// feed that comes newest first, and the store need not be asked for it.
    fn begins_earlier(&mut self, symbol: Symbol, fact: &Fact) -> bool {
        match self.began.get_mut(&symbol) {
            Some(began) if fact.is_dated() && fact.as_of < *began => {
                *began = fact.as_of;
                true
            }
            _ => false,
        }
    }

    /// Folds what earlier generations stored and did not come to fold, and what a changed policy touches; asked for once, before anything else.
    pub(crate) async fn fold_left_over(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.marks_known, true) {
            return Ok(());
        }
        for feed in self.followed.known(&*self.store).await? {
            self.feeds.note(feed);
        }
        let (index, of) = self.share;
        let numbers = self.store.marked().await?;
        let mine = numbers.iter().filter(|no| owner(slot_of(no), of) == index);
        self.marked.extend(mine.map(|no| self.names.symbols.intern(no)));
        while !self.marked.is_empty() {
            let mut out = ReturnsBatch::new(self.alone(), Counts::default());
            let chunk: Vec<Symbol> = self.marked.iter().take(CHUNK).copied().collect();
            chunk.iter().for_each(|s| {
                self.marked.remove(s);
            });
            self.fold_whole(&chunk, WHY, &mut out).await?;
            self.pass_on(out).await?;
        }
        Ok(())
    }

    /// The header of a batch that makes no step of any partition.
    fn alone(&self) -> Header {
        let id = PartitionId::new("refold");
        let (key, source, opened) = (PartitionKey(0), "refold".into(), Progress::End);
        let partition = Arc::new(Partition { key, id, source, token: 0, opened });
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (from, to) = (Progress::End, Progress::End);
        Header { number, part: Part::Alone, partition, from, to, feed: None, read_until: None }
    }

    /// Folds every marked account, whole. All but the last chunk goes ahead as more of the batch in hand.
    pub(crate) async fn fold_marked(&mut self, out: &mut ReturnsBatch) -> Result<(), Failure> {
        self.began.clear();
        let mut marked: Vec<Symbol> = self.marked.drain().collect();
        marked.sort_unstable_by_key(|s| self.accounts.get(s).map(|a| a.id));
        for (i, chunk) in marked.chunks(CHUNK).enumerate() {
            if i > 0 {
                self.send_ahead(out).await?;
            }
            self.fold_whole(chunk, WHY, out).await?;
        }
        Ok(())
    }

    /// Sends what is in hand ahead of the piece it belongs to; the piece itself, with the counts, stays.
    pub(crate) async fn send_ahead(&mut self, out: &mut ReturnsBatch) -> Result<(), Failure> {
        let rest = ReturnsBatch::new(out.header.clone(), out.counts);
        let mut ahead = std::mem::replace(out, rest);
        ahead.header.part = Part::More;
        ahead.counts = Counts::default();
        self.pass_on(ahead).await
    }

    pub(crate) async fn fold_whole(
        &mut self,
        chunk: &[Symbol],
        why: &str,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
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
            let whole = whole.map_err(|d| Failure::fatal(format!("a whole read has a row before {d}")))?;
            let ground =
                Ground { policy: &self.policy, partitions: &self.names.partitions, feeds: &self.feeds };
            let Some(account) = self.accounts.get_mut(&symbol) else { continue };
            // Until this batch is committed the store would give back the account as it was.
            account.touched = out.header.number;
            let changes = rebuild(&mut account.state, &whole, ground);
            self.take_changes((symbol, id), changes, || why.into(), out);
            // Of one that is marked all the same, more facts come before its fold is due.
            if !self.marked.contains(&symbol) {
                out.folded.push(id);
            }
        }
        Ok(())
    }
}

/// Told in history where a fold of marked accounts moves what was published.
const WHY: &str = "folded anew: the policy changed, or facts had been stored first";

#[cfg(test)]
mod tests;
