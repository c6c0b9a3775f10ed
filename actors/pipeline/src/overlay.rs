//! What an accumulator has sent on and the store does not hold yet. A read is always the store plus this.
use crate::messages::ReturnsBatch;
use foldhash::HashMap;
use record::FeedKey;
use returns::ledger::{History, Reach, RowChange, StoredFact, summary_of};
use returns::{Content, Date, Fact, Key, Row};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Batches not committed yet, oldest first.
#[derive(Default)]
pub struct Overlay {
    batches: VecDeque<Pending>,
}

struct Pending {
    batch: Arc<ReturnsBatch>,
    committed: bool,
    /// Where each account's rows and facts lie in the batch; made on the first read, since most batches are never read.
    index: Option<HashMap<i64, Span>>,
}

#[derive(Default)]
struct Span {
    rows: Vec<u32>,
    facts: Vec<u32>,
}

/// One account's part of the overlay, oldest first.
#[derive(Default)]
pub struct Uncommitted<'a> {
    pub rows: Vec<&'a RowChange>,
    pub facts: Vec<&'a StoredFact>,
}

impl Overlay {
    pub fn push(&mut self, batch: Arc<ReturnsBatch>) {
        self.batches.push_back(Pending { batch, committed: false, index: None });
    }

    /// Forgets batches the store holds now, up to the first it does not. A later one stays: what an earlier one says of the same
    /// account would be laid over the store and hide what came after it.
    pub fn committed(&mut self, numbers: &[u64]) {
        for pending in &mut self.batches {
            pending.committed |= numbers.contains(&pending.batch.header.number);
        }
        while self.batches.front().is_some_and(|p| p.committed) {
            self.batches.pop_front();
        }
    }

    /// Everything not committed: earlier batches, then the batch in hand.
    pub fn batches<'a>(&'a self, in_hand: &'a ReturnsBatch) -> impl Iterator<Item = &'a ReturnsBatch> {
        self.batches.iter().map(|pending| &*pending.batch).chain([in_hand])
    }

    /// Whether a batch of that number is part of every read.
    pub fn holds(&self, number: u64) -> bool {
        self.batches.iter().any(|p| p.batch.header.number == number)
    }

    /// The lowest number of a batch kept here.
    pub fn oldest(&self) -> Option<u64> {
        self.batches.iter().map(|p| p.batch.header.number).min()
    }

    /// What of an account is not committed: earlier batches, then what of the batch in hand is settled.
    pub fn of<'a>(&'a mut self, account: i64, in_hand: &'a ReturnsBatch) -> Uncommitted<'a> {
        for pending in &mut self.batches {
            let batch = &pending.batch;
            pending.index.get_or_insert_with(|| index(batch));
        }
        let mut found = Uncommitted::default();
        for pending in &self.batches {
            if let Some(span) = pending.index.as_ref().and_then(|i| i.get(&account)) {
                found.rows.extend(span.rows.iter().map(|i| &pending.batch.rows[*i as usize].1));
                found.facts.extend(span.facts.iter().map(|i| &pending.batch.facts[*i as usize].1));
            }
        }
        found.rows.extend(in_hand.rows.iter().filter(|(a, _)| *a == account).map(|(_, r)| r));
        found.facts.extend(in_hand.facts.iter().filter(|(a, _)| *a == account).map(|(_, f)| f));
        found
    }
}

fn index(batch: &ReturnsBatch) -> HashMap<i64, Span> {
    let mut spans: HashMap<i64, Span> = HashMap::default();
    for (i, (account, _)) in (0u32..).zip(&batch.rows) {
        spans.entry(*account).or_default().rows.push(i);
    }
    for (i, (account, _)) in (0u32..).zip(&batch.facts) {
        spans.entry(*account).or_default().facts.push(i);
    }
    spans
}

impl Uncommitted<'_> {
    /// The fact of that identity as it will be kept, if one is under way.
    pub fn find(&self, key: &Key, feed: FeedKey, content: Content) -> Option<Fact> {
        let same = |f: &Fact| f.feed == feed && f.content == content && f.key() == *key;
        let moved = self.facts.iter().rev().map(|s| &s.fact).find(|f| same(f));
        let in_row = || self.rows.iter().rev().filter_map(|r| carried(r.row()?)).find(|f| same(f));
        moved.cloned().or_else(in_row)
    }

    /// A reach widened to the dates of facts under way that it names without a date.
    pub fn widen(&self, mut reach: Reach) -> Reach {
        for stored in &self.facts {
            if stored.fact.as_of < reach.from && reach.undated.contains(&stored.fact.key()) {
                reach.from = stored.fact.as_of;
            }
        }
        reach
    }

    /// The store's answer with what is under way laid over it; `Err` names a date from which to read again, when the row before the read
    /// is itself on its way out.
    pub fn lay_over(&self, history: History) -> Result<History, Date> {
        let after = history.before.as_ref().map(|r| r.as_of);
        let until = if history.complete { None } else { history.rows.last().map(|r| r.as_of) };
        let inside = |d: Date| after.is_none_or(|a| d > a) && until.is_none_or(|u| d <= u);
        let mut before = history.before;
        let mut rows: BTreeMap<Date, Row> = history.rows.into_iter().map(|r| (r.as_of, r)).collect();
        let mut facts = history.facts;
        for change in &self.rows {
            let date = change.as_of();
            if Some(date) == after {
                before = Some(change.row().cloned().ok_or(date)?);
            } else if inside(date) {
                let carries = change.row().and_then(carried);
                let same = |f: &StoredFact| carries.as_ref().is_some_and(|c| same_identity(&f.fact, c));
                // The row carries another fact from now on, and that one nowhere else.
                facts.retain(|f| !(same(f) || f.in_row && f.fact.as_of == date));
                facts.extend(carries.map(|fact| StoredFact { fact, in_row: true, waiting: None }));
                match change.row() {
                    Some(row) => drop(rows.insert(date, row.clone())),
                    None => drop(rows.remove(&date)),
                }
            }
        }
        for stored in self.facts.iter().filter(|s| inside(s.fact.as_of)) {
            let at = facts.iter().position(|f| same_identity(&f.fact, &stored.fact));
            match at {
                Some(at) => facts[at] = (*stored).clone(),
                None => facts.push((*stored).clone()),
            }
        }
        Ok(History { before, rows: rows.into_values().collect(), facts, complete: history.complete })
    }
}

/// The fact a row carries.
fn carried(row: &Row) -> Option<Fact> {
    row.carries.then(|| summary_of(row))
}

fn same_identity(a: &Fact, b: &Fact) -> bool {
    a.content == b.content && a.feed == b.feed && a.key() == b.key()
}

#[cfg(test)]
mod tests;
