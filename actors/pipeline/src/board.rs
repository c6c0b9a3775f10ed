//! What a run has done so far: for the progress line, the closing summary and the metrics.
use crate::gather::Gathered;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use record::{Control, Counts, Delivery, FeedKey};
use sources::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::Receipt;

/// Shared by the actors that write it and the people who read it.
pub struct Board {
    state: Mutex<Seen>,
    commit_seconds: Histogram,
    rows: [Counter; 3],
    restated: Counter,
    facts: Counter,
    observations: [Counter; 4],
    batches: Counter,
    bytes: Counter,
    conservation: [Gauge; 2],
    began: Instant,
    /// Milliseconds after `began` when a source, or for the lease, was last asked, and when something was last committed.
    polled: AtomicU64,
    last_commit: AtomicU64,
}

/// What a run has done, at a moment.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Committed in this run.
    pub counts: Counts,
    pub receipt: Receipt,
    pub commits: u64,
    /// Feeds of which this run committed something, all of it waiting because their control count disagrees.
    pub waiting_feeds: BTreeSet<FeedKey>,
    /// Accounts this run has touched; one that was dropped from memory meanwhile counts again.
    pub accounts: u64,
    /// Read in this run, committed or not.
    pub records_read: u64,
    pub restarts: u64,
    /// Where each source stands.
    pub sources: BTreeMap<Arc<str>, Standing>,
}

impl Default for Board {
    fn default() -> Self {
        let rows = |change: &'static str| counter!("dietz_store_rows_total", "change" => change);
        let observed = |outcome: &'static str| counter!("dietz_observations_total", "outcome" => outcome);
        let unaccounted = |of: &'static str| gauge!("dietz_conservation_unaccounted", "of" => of);
        Board {
            state: Mutex::default(),
            commit_seconds: histogram!("dietz_commit_duration_seconds"),
            rows: [rows("inserted"), rows("changed"), rows("removed")],
            restated: counter!("dietz_restatements_total"),
            facts: counter!("dietz_store_facts_total"),
            observations: ["accepted", "unchanged", "stale", "waiting"].map(observed),
            batches: counter!("dietz_batches_committed_total"),
            bytes: counter!("dietz_source_bytes_total"),
            conservation: [unaccounted("records"), unaccounted("observations")],
            began: Instant::now(),
            polled: AtomicU64::new(0),
            last_commit: AtomicU64::new(0),
        }
    }
}

impl Board {
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Notes a commit; the sums that must agree are checked here, at every one.
    pub fn committed(&self, gathered: &Gathered, receipt: &Receipt, took: Duration) {
        let c = &gathered.counts;
        self.commit_seconds.record(took.as_secs_f64());
        for (counter, n) in self.rows.iter().zip([receipt.inserted, receipt.changed, receipt.removed]) {
            counter.increment(n);
        }
        for (counter, n) in self.observations.iter().zip([c.accepted, c.unchanged, c.stale, c.waiting]) {
            counter.increment(n);
        }
        self.restated.increment(receipt.restated);
        self.facts.increment(receipt.facts);
        self.batches.increment(gathered.whole.len() as u64);
        self.bytes.increment(c.bytes);
        self.last_commit.store(self.now(), Ordering::Relaxed);
        let mut seen = self.lock();
        seen.counts += *c;
        seen.commits += 1;
        seen.accounts += gathered.brought_in;
        let breaks = gathered
            .unit
            .breaks
            .iter()
            .filter(|b| b.broken && [Control::COUNT, Control::TOTAL].contains(&b.rule));
        seen.waiting_feeds.extend(breaks.filter_map(|b| b.feed));
        for step in gathered.unit.deltas.iter().flat_map(|delta| &delta.feeds) {
            match step.delivery.as_deref() {
                // Its trailer may never come.
                Some(Delivery::Open { .. }) => drop(seen.waiting_feeds.insert(step.feed)),
                Some(Delivery::Whole(_)) => drop(seen.waiting_feeds.remove(&step.feed)),
                Some(Delivery::Waits(_)) | None => {}
            }
        }
        seen.receipt = seen.receipt.and(*receipt);
        self.conservation[0].set(seen.counts.records_unaccounted() as f64);
        self.conservation[1].set(seen.counts.observations_unaccounted() as f64);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a source was asked for records within that time, or the lease while another pipeline is active.
    pub fn polled_within(&self, time: Duration) -> bool {
        self.silence_at(self.now()) <= time
    }

    /// How long nobody was asked, at so many milliseconds after the beginning.
    fn silence_at(&self, now: u64) -> Duration {
        Duration::from_millis(now.saturating_sub(self.polled.load(Ordering::Relaxed)))
    }

    /// A pipeline that stands by is as alive as one that reads.
    pub fn asked_for_the_lease(&self) {
        self.polled.store(self.now(), Ordering::Relaxed);
    }

    /// Brings gauges up to date that are only worth it when somebody looks.
    pub fn gauges(&self) {
        let seen = self.seen();
        let age = self.now().saturating_sub(self.last_commit.load(Ordering::Relaxed));
        gauge!("dietz_checkpoint_age_seconds").set(Duration::from_millis(age).as_secs_f64());
        for (source, s) in &seen.sources {
            let lag: u64 = s.open.iter().filter_map(|p| Some(p.total?.saturating_sub(p.offset))).sum();
            gauge!("dietz_source_lag_bytes", "source" => source.to_string()).set(lag as f64);
            for (state, n) in [
                ("open", s.open.len() as u64),
                ("pending", s.pending),
                ("ended", s.ended),
                ("refused", s.refused),
            ] {
                gauge!("dietz_source_partitions", "source" => source.to_string(), "state" => state)
                    .set(n as f64);
            }
        }
    }

    pub fn standing(&self, source: &Arc<str>, standing: Standing, records: u64) {
        self.polled.store(self.now(), Ordering::Relaxed);
        let mut seen = self.lock();
        seen.records_read += records;
        seen.sources.insert(source.clone(), standing);
    }

    pub fn restarted(&self) {
        self.lock().restarts += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{BreakWrite, CommitUnit};

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn silence_grows_until_somebody_is_asked_again() {
        let board = Board::default();
        board.polled.store(1_000, Ordering::Relaxed);
        assert_eq!(board.silence_at(61_000), MINUTE);
        assert!(board.silence_at(61_001) > MINUTE);
        assert!(board.polled_within(MINUTE), "just begun");
    }

    #[test]
    fn asking_a_source_and_asking_for_the_lease_both_end_the_silence() {
        let ask_source = |board: &Board| board.standing(&"s".into(), Standing::default(), 3);
        for ask in [ask_source, Board::asked_for_the_lease] {
            let board = Board { began: Instant::now() - Duration::from_secs(600), ..Board::default() };
            assert!(!board.polled_within(MINUTE));
            ask(&board);
            assert!(board.polled_within(MINUTE));
        }
    }

    fn control_count(feed: i64, rule: &'static str) -> BreakWrite {
        BreakWrite {
            rule,
            severity: "block",
            account: None,
            vendor: None,
            as_of: None,
            feed: Some(FeedKey(feed)),
            position: None,
            expected: None,
            actual: None,
            difference: None,
            difference_bp: None,
            tolerance: None,
            hint: None,
            broken: true,
        }
    }

    #[test]
    fn a_feed_that_waits_is_noted_once_however_many_batches_it_has() {
        let board = Board::default();
        for feeds in [[1, 2], [2, 3]] {
            let mut breaks: Vec<_> = feeds.map(|f| control_count(f, Control::COUNT)).into();
            breaks.push(control_count(9, "quarantined_input"));
            let unit = CommitUnit { breaks, ..CommitUnit::default() };
            let gathered = Gathered { unit, whole: Vec::new(), counts: Counts::default(), brought_in: 0 };
            board.committed(&gathered, &Receipt::default(), Duration::ZERO);
        }
        assert_eq!(board.seen().waiting_feeds, BTreeSet::from([1, 2, 3].map(FeedKey)));
        assert_eq!(board.seen().commits, 2);
    }
}
