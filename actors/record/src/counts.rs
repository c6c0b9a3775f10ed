//! What became of records and observations, and the two sums that must agree.
use std::ops::AddAssign;

/// Counters of one delta, a run or a checkpoint.
///
/// Two sums hold at every commit: `read = decoded + ignored + quarantined` for records, settled by the decoder,
/// and `observed = accepted + unchanged + stale + waiting` for observations, settled when they are added to the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read.
    pub read: u64,
    /// Records that gave observations, all of them.
    pub decoded: u64,
    /// Records a mapping says to leave out, such as headings, totals and transaction classes that are no flow.
    pub ignored: u64,
    /// Records that could not become an observation.
    pub quarantined: u64,
    /// Observations the decoded records gave.
    pub observed: u64,
    /// Observations that are new facts.
    pub accepted: u64,
    /// Observations already known as facts.
    pub unchanged: u64,
    /// Observations that return to a content the vendor had replaced, without a version of its own.
    pub stale: u64,
    /// Observations stored that cannot fold yet.
    pub waiting: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
}

impl Counts {
    /// `read - (decoded + ignored + quarantined)`: 0, or records were lost or doubled.
    pub fn records_unaccounted(&self) -> i128 {
        i128::from(self.read)
            - i128::from(self.decoded)
            - i128::from(self.ignored)
            - i128::from(self.quarantined)
    }

    /// `observed - (accepted + unchanged + stale + waiting)`: 0, or observations were lost or doubled.
    pub fn observations_unaccounted(&self) -> i128 {
        let settled =
            [self.accepted, self.unchanged, self.stale, self.waiting].map(i128::from).iter().sum::<i128>();
        i128::from(self.observed) - settled
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, o: Counts) {
        self.read += o.read;
        self.decoded += o.decoded;
        self.ignored += o.ignored;
        self.quarantined += o.quarantined;
        self.observed += o.observed;
        self.accepted += o.accepted;
        self.unchanged += o.unchanged;
        self.stale += o.stale;
        self.waiting += o.waiting;
        self.bytes += o.bytes;
    }
}
