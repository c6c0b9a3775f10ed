//! One shard: its records, where it comes from, and what it allows.
use super::hash_key::HashRange;
use super::sequence::SequenceNumber;
use super::settings::{Limits, ShardEnd, TrimmedStart};
use super::throttle::Bucket;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// A record as it is held: the JSON that readers are given is made once, when it is put.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub sequence: SequenceNumber,
    /// Milliseconds since 1970 UTC.
    pub arrival: i64,
    /// Bytes of payload and partition key.
    pub size: u64,
    pub json: Bytes,
}

/// How a shard came to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub ending: SequenceNumber,
    pub at: i64,
}

/// Where a reader stands: the first record it is given is at or above this number.
pub(super) type Position = SequenceNumber;

pub(super) struct Shard {
    pub index: usize,
    pub parents: Vec<usize>,
    pub range: HashRange,
    pub start: SequenceNumber,
    /// When it was opened, in milliseconds.
    pub opened: i64,
    pub closed: Option<Closed>,
    /// No longer listed: nothing is known of it any more.
    pub forgotten: bool,
    pub records: VecDeque<Stored>,
    /// Every record below is gone.
    pub horizon: SequenceNumber,
    pub records_in: Bucket,
    pub bytes_in: Bucket,
    pub bytes_out: Bucket,
    pub get_records: Bucket,
    pub get_shard_iterator: Bucket,
    /// The last subscription of each consumer ARN: when it was granted, and its number.
    pub subscriptions: BTreeMap<String, (i64, u64)>,
}

/// Records one call hands over.
pub(super) struct Page {
    pub records: Vec<Bytes>,
    /// Payload and partition key bytes.
    pub bytes: u64,
    pub next: Position,
    /// The number of the last record.
    pub last: Option<SequenceNumber>,
    pub millis_behind: i64,
    /// The shard is closed and this page is the last.
    pub ended: bool,
}

impl Shard {
    pub(super) fn new(
        index: usize,
        parents: Vec<usize>,
        range: HashRange,
        (start, opened): (SequenceNumber, i64),
        limits: &Limits,
    ) -> Self {
        Shard {
            index,
            parents,
            range,
            start,
            opened,
            closed: None,
            forgotten: false,
            records: VecDeque::new(),
            horizon: SequenceNumber::ZERO,
            records_in: Bucket::new(limits.records_in),
            bytes_in: Bucket::new(limits.bytes_in),
            bytes_out: Bucket::new(limits.bytes_out),
            get_records: Bucket::new(limits.get_records),
            get_shard_iterator: Bucket::new(limits.get_shard_iterator),
            subscriptions: BTreeMap::new(),
        }
    }

    pub(super) fn id(&self) -> String {
        shard_id(self.index)
    }

    /// Takes away what arrived before `horizon`, and says how many bytes that were.
    pub(super) fn trim_arrived_before(&mut self, horizon: i64) -> u64 {
        let mut freed = 0;
        while let Some(gone) = self.records.pop_front_if(|r| r.arrival < horizon) {
            self.horizon = gone.sequence.following();
            freed += gone.size;
        }
        freed
    }

    /// Takes away what is below `horizon`, and says how many bytes that were.
    pub(super) fn trim_below(&mut self, horizon: SequenceNumber) -> u64 {
        let mut freed = 0;
        while let Some(gone) = self.records.pop_front_if(|r| r.sequence < horizon) {
            freed += gone.size;
        }
        self.horizon = self.horizon.max(horizon);
        freed
    }

    /// Where the first record that arrived at `time` or later stands; `None` where there is none.
    pub(super) fn arrived_from(&self, time: i64) -> Option<Position> {
        self.records.iter().find(|r| r.arrival >= time).map(|r| r.sequence)
    }

    /// What a reader is given that stands below the horizon and does not leave it; `None` where there is none such.
    pub(super) fn stuck(&self, from: Position, trimmed: TrimmedStart, retention_hours: u32) -> Option<Page> {
        let millis_behind = i64::from(retention_hours) * 3_600_000;
        let is_below = from != SequenceNumber::ZERO && from < self.horizon;
        let page =
            Page { records: Vec::new(), bytes: 0, next: from, last: None, millis_behind, ended: false };
        (trimmed == TrimmedStart::Stuck && is_below).then_some(page)
    }

    /// Up to `limit` records of up to `bytes` in all, but one at least, from `from` on.
    pub(super) fn page(&self, from: Position, limit: usize, bytes: u64, now: i64, end: ShardEnd) -> Page {
        let first = self.records.partition_point(|r| r.sequence < from);
        let mut page =
            Page { records: Vec::new(), bytes: 0, next: from, last: None, millis_behind: 0, ended: false };
        for record in self.records.range(first..).take(limit) {
            if !page.records.is_empty() && page.bytes + record.size > bytes {
                break;
            }
            page.records.push(record.json.clone());
            page.bytes += record.size;
            page.next = record.sequence.following();
            page.last = Some(record.sequence);
        }
        let unread = self.records.get(first + page.records.len());
        page.millis_behind = unread.map_or(0, |r| now.saturating_sub(r.arrival).max(0));
        let told = page.records.is_empty() || end == ShardEnd::WithLastRecords;
        page.ended = self.closed.is_some() && unread.is_none() && told;
        page
    }
}

/// `shardId-000000000007`.
pub(super) fn shard_id(index: usize) -> String {
    format!("shardId-{index:012}")
}

/// The place in its stream that a shard's name tells.
pub(super) fn shard_index(id: &str) -> Option<usize> {
    let digits = id.strip_prefix("shardId-")?;
    (digits.len() == 12).then(|| digits.parse().ok()).flatten()
}
