//! What the sink has taken and not yet committed: coalesced rows and facts, and the steps that are whole.
use crate::messages::{CheckedBatch, CommittedBatch, Header, Part};
use foldhash::HashMap;
use record::{Counts, Partition, PartitionKey, Progress};
use returns::ledger::RowChange;
use returns::{Date, Reasons};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{AccountWrite, BreakWrite, CommitUnit, DeltaWrite, FactWrite, FeedStep, Generation, RowWrite};

/// Steps of one partition under way, by batch number.
struct Track {
    partition: Arc<Partition>,
    /// Where the committed steps, and those already handed to a transaction, end.
    at: Progress,
    under_way: BTreeMap<u64, Step>,
}

struct Step {
    from: Progress,
    to: Progress,
    missing: u32,
    counts: Counts,
    feed: Option<FeedStep>,
    read_until: Option<i64>,
}

/// Gathers checked batches into the next transaction.
#[derive(Default)]
pub struct Gather {
    batches: Vec<CheckedBatch>,
    size: usize,
    tracks: HashMap<PartitionKey, Track>,
    /// Gathered batches that make no step.
    alone: Vec<CommittedBatch>,
}

/// A transaction, and which batches are whole with it.
pub struct Gathered {
    pub unit: CommitUnit,
    pub whole: Vec<CommittedBatch>,
    pub counts: Counts,
    pub brought_in: u64,
}

impl Gather {
    pub fn add(&mut self, batch: CheckedBatch) {
        let r = &batch.returns;
        self.size += r.rows.len() + r.facts.len() + r.quarantine.len() + r.folded.len() + 1;
        match r.header.part {
            Part::Piece { of } => self.track(&r.header, of, r.counts),
            Part::More => {}
            Part::Alone => self.alone.push(committed(&r.header)),
        }
        self.batches.push(batch);
    }

    /// Rows, facts and quarantined records gathered.
    pub fn size(&self) -> usize {
        self.size
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    fn track(&mut self, header: &Header, pieces: u32, counts: Counts) {
        let track = self.tracks.entry(header.partition.key).or_insert_with(|| Track {
            partition: header.partition.clone(),
            at: header.partition.opened,
            under_way: BTreeMap::new(),
        });
        // Given up and opened again meanwhile, by this process or with others between: what was under way then is committed.
        if track.under_way.is_empty() && track.partition.token != header.partition.token {
            (track.partition, track.at) = (header.partition.clone(), header.partition.opened);
        }
        let step = track.under_way.entry(header.number).or_insert(Step {
            from: header.from,
            to: header.to,
            missing: pieces,
            counts: Counts::default(),
            feed: header.feed.clone(),
            read_until: header.read_until,
        });
        step.missing = step.missing.saturating_sub(1);
        step.counts += counts;
    }

    /// All that was gathered, as one transaction; steps with pieces still to come stay behind.
    pub fn take(&mut self, generation: &Arc<Generation>) -> Gathered {
        let batches = std::mem::take(&mut self.batches);
        self.size = 0;
        let (deltas, mut whole) = self.whole_steps();
        whole.append(&mut self.alone);
        let mut counts = Counts::default();
        deltas.iter().for_each(|d| counts += d.counts);
        let brought_in = batches.iter().map(|b| b.returns.brought_in).sum();
        let mut unit = CommitUnit { generation: Some(generation.clone()), deltas, ..CommitUnit::default() };
        fill(&mut unit, batches);
        Gathered { unit, whole, counts, brought_in }
    }

    /// The steps whose pieces are all in, in order, merged per partition.
    fn whole_steps(&mut self) -> (Vec<DeltaWrite>, Vec<CommittedBatch>) {
        let (mut deltas, mut whole) = (Vec::new(), Vec::new());
        for (key, track) in &mut self.tracks {
            let (id, token) = (track.partition.id.clone(), track.partition.token);
            let (partition, from, to, counts) = (*key, track.at, track.at, Counts::default());
            let feeds = Vec::new();
            let mut delta = DeltaWrite { partition, id, token, from, to, counts, feeds, read_until: None };
            let mut any = false;
            while let Some(step) = track.under_way.first_entry() {
                if step.get().missing > 0 || step.get().from != delta.to {
                    break;
                }
                let (number, step) = step.remove_entry();
                delta.to = step.to;
                delta.counts += step.counts;
                step.feed.into_iter().for_each(|step| step.add(&mut delta.feeds));
                delta.read_until = delta.read_until.max(step.read_until);
                any = true;
                whole.push(CommittedBatch { number, partition: track.partition.clone(), to: step.to });
            }
            if any {
                track.at = delta.to;
                deltas.push(delta);
            }
        }
        // A partition that is through needs no memory.
        self.tracks.retain(|_, t| t.at != Progress::End || !t.under_way.is_empty());
        deltas.sort_by(|a, b| a.id.cmp(&b.id));
        (deltas, whole)
    }
}

fn committed(header: &Header) -> CommittedBatch {
    CommittedBatch { number: header.number, partition: header.partition.clone(), to: header.to }
}

/// Merges batches into a unit: one row per account and date, one fact per identity, sorted by account.
fn fill(unit: &mut CommitUnit, batches: Vec<CheckedBatch>) {
    let mut causes: HashMap<(i64, Date), Arc<str>> = HashMap::default();
    // These are the bulk of a unit, up to a hundred megabytes: grown step by step, they would be copied over and over.
    let mut rows: Vec<(i64, Date, u32, RowWrite)> =
        Vec::with_capacity(batches.iter().map(|b| b.returns.rows.len()).sum());
    unit.facts.reserve_exact(batches.iter().map(|b| b.returns.facts.len()).sum());
    let mut breaks: Vec<(u32, BreakWrite)> = Vec::new();
    let mut order = 0u32;
    for batch in batches {
        breaks.extend(batch.breaks.into_iter().map(|(row, b)| (order + row, b)));
        breaks.extend(batch.returns.breaks.iter().map(|b| (order, b.clone())));
        let returns = Arc::unwrap_or_clone(batch.returns);
        unit.quarantine.extend(returns.quarantine);
        unit.facts.extend(returns.facts.into_iter().map(|(account, stored)| FactWrite { account, stored }));
        unit.accounts.extend(returns.accounts);
        unit.marked.extend(returns.marked);
        unit.folded.extend(returns.folded);
        causes.extend(returns.causes.into_iter().map(|(account, date, cause)| ((account, date), cause)));
        for ((account, change), (verdict, reasons)) in returns.rows.into_iter().zip(batch.verdicts) {
            let date = change.as_of();
            let reasons = merge_reasons(&change, reasons);
            rows.push((account, date, order, RowWrite { account, change, verdict, reasons, cause: None }));
            order += 1;
        }
    }
    unit.breaks = of_last_changes(breaks, &rows);
    unit.rows = coalesce(rows);
    for row in &mut unit.rows {
        row.cause = causes.remove(&(row.account, row.change.as_of()));
    }
    dedup_facts(&mut unit.facts);
    for accounts in [&mut unit.marked, &mut unit.folded] {
        accounts.sort_unstable();
        accounts.dedup();
    }
    merge_accounts(&mut unit.accounts);
}

/// One write per account: the last profile, all aliases.
fn merge_accounts(accounts: &mut Vec<AccountWrite>) {
    accounts.sort_by_key(|a| a.id);
    accounts.dedup_by(|after, kept| {
        let same = after.id == kept.id;
        if same {
            kept.profile = std::mem::take(&mut after.profile);
            kept.aliases.append(&mut after.aliases);
        }
        same
    });
}

/// The breaks of each account and date as its last change left them: what an earlier version of the row broke is no matter any more.
/// What was resolved stays so, once: a day that went and came back may have left breaks open in the store.
fn of_last_changes(breaks: Vec<(u32, BreakWrite)>, rows: &[(i64, Date, u32, RowWrite)]) -> Vec<BreakWrite> {
    let mut last: HashMap<(i64, Date, bool), u32> = HashMap::default();
    for (order, b) in &breaks {
        if let (Some(account), Some(date)) = (b.account, b.as_of) {
            last.insert((account, date, b.broken), *order);
        }
    }
    for (account, date, order, _) in rows {
        if let Some(seen) = last.get_mut(&(*account, *date, true)) {
            *seen = (*seen).max(*order);
        }
    }
    let is_last = |order: u32, b: &BreakWrite| match (b.account, b.as_of) {
        (Some(account), Some(date)) => last.get(&(account, date, b.broken)) == Some(&order),
        _ => true,
    };
    breaks.into_iter().filter(|(order, b)| is_last(*order, b)).map(|(_, b)| b).collect()
}

fn merge_reasons(change: &RowChange, rules: Reasons) -> Reasons {
    Reasons(rules.0 | change.row().map_or(0, |r| r.reasons.0))
}

/// One change per account and date: what the store sees is the first state it has and the last state it gets.
fn coalesce(mut rows: Vec<(i64, Date, u32, RowWrite)>) -> Vec<RowWrite> {
    // Rows are wide: by the keys alone, each is moved once.
    rows.sort_by_cached_key(|(account, date, order, _)| (*account, *date, *order));
    let mut out: Vec<RowWrite> = Vec::with_capacity(rows.len());
    for (account, date, _, write) in rows {
        let same = out.last().is_some_and(|l| l.account == account && l.change.as_of() == date);
        if !same {
            out.push(write);
            continue;
        }
        let Some(before) = out.pop() else { continue };
        out.extend(compose(before, write));
    }
    out
}

fn compose(before: RowWrite, after: RowWrite) -> Option<RowWrite> {
    use RowChange::{Gone, New, Replaced};
    let change = match (&before.change, after.change) {
        // Never stored and not to be: nothing happened.
        (New(_), Gone(_)) => return None,
        (New(_), New(row) | Replaced { row, .. }) => New(row),
        (Gone(_), New(row) | Replaced { row, .. }) => Replaced { row, restates: true },
        (Replaced { restates: a, .. }, Replaced { row, restates: b }) => Replaced { row, restates: *a || b },
        (Replaced { .. }, New(row)) => Replaced { row, restates: true },
        (Replaced { .. } | Gone(_), Gone(date)) => Gone(date),
    };
    Some(RowWrite { change, ..after })
}

/// The last write of an identity (account, key, feed, content) holds.
fn dedup_facts(facts: &mut Vec<FactWrite>) {
    let mut last: HashMap<(i64, record::FeedKey, returns::Content, returns::Key), usize> = HashMap::default();
    for (i, f) in facts.iter().enumerate() {
        last.insert((f.account, f.stored.fact.feed, f.stored.fact.content, f.stored.fact.key()), i);
    }
    if last.len() < facts.len() {
        let mut i = 0;
        facts.retain(|f| {
            let keep = last.get(&(f.account, f.stored.fact.feed, f.stored.fact.content, f.stored.fact.key()))
                == Some(&i);
            i += 1;
            keep
        });
    }
    facts.sort_by_key(|f| f.account);
}

#[cfg(test)]
mod tests;
