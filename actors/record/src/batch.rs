//! What a source hands over.
use crate::{Context, Control, PartitionId, PartitionKey, Position, Progress, Survey};
use bytes::Bytes;
use std::sync::Arc;

/// A partition open for reading in this generation.
#[derive(Debug)]
pub struct Partition {
    pub key: PartitionKey,
    pub id: PartitionId,
    /// The source's name in the topology.
    pub source: Arc<str>,
    /// The lease token this reader was granted; a commit under an older one is refused.
    pub token: i64,
    /// How far it was committed when it was opened.
    pub opened: crate::Progress,
}

/// The number a store gave to a feed. It orders nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedKey(pub i64);

/// The delivery a batch belongs to: a file or object, or a day of a stream.
#[derive(Clone, Debug)]
pub struct Feed {
    pub key: FeedKey,
    /// The layout (vendor) that decodes it.
    pub vendor: Arc<str>,
    /// When the feed arrived, microseconds since 1970 UTC, by what the source or the feed states; `None` where nothing states a time.
    pub arrival: Option<i64>,
    /// Of several copies of the same bytes, when the first arrived.
    pub first_arrival: Option<i64>,
    /// The date the feed says it is of, `YYYY-MM-DD`.
    pub business_date: Option<Arc<str>>,
    /// The records in it, where it was read through.
    pub records: u64,
    /// BLAKE3 of the bytes, for what has an end; it makes a delta feed's flow references.
    pub hash: Option<[u8; 32]>,
    /// False for a stream, where equal content is the same fact whatever the feed.
    pub ends: bool,
    /// The feed declared a control count or total and it disagrees, so its facts wait for `release`.
    pub gated: bool,
    /// What it declares that disagrees; `None` also where its trailer is missing.
    pub control: Option<Control>,
    /// The readings of the same bytes with earlier versions of the layout's mapping: when all of this one is in, it counts instead of them.
    pub earlier: Vec<FeedKey>,
    /// It may grow, and its first records were read with an earlier version of the mapping.
    pub begun_with_earlier: bool,
    /// Its dates run backwards: facts are stored as they come, and accounts folded once when it is through.
    pub newest_first: bool,
    /// Of a delivery in several messages of a stream: how it stands with this batch. `None` for all else.
    pub delivery: Option<Arc<Delivery>>,
}

/// How a delivery stands that comes in several messages of a stream: a header in one, rows in many, a trailer in the last. Until it is whole its
/// facts wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// More of it is to come, and is read with what is kept of the messages up to now.
    Open { kept: Vec<u8> },
    /// All of it is in and agrees with what it declares: with this batch it counts.
    Whole(Survey),
    /// It is over, and does not hold what it declares.
    Waits(Survey),
}

impl Feed {
    /// A feed of which nothing is stated: a day of a stream, or what is to be said of it by struct update.
    pub fn new(key: FeedKey, vendor: impl Into<Arc<str>>) -> Feed {
        Feed {
            key,
            vendor: vendor.into(),
            arrival: None,
            first_arrival: None,
            business_date: None,
            records: 0,
            hash: None,
            ends: false,
            gated: false,
            control: None,
            earlier: Vec::new(),
            begun_with_earlier: false,
            newest_first: false,
            delivery: None,
        }
    }
}

/// One record: a span of the batch's bytes and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord {
    pub start: u32,
    pub end: u32,
    pub position: Position,
    /// Which of [`RawBatch::contexts`] the record stands under.
    pub context: u16,
    /// Which of [`RawBatch::arrivals`] is its message's; of what has no messages it tells nothing.
    pub message: u32,
}

/// One message of the pipeline: consecutive records of one partition, and the step they make.
#[derive(Debug)]
pub struct RawBatch {
    /// Counts up per process; names the batch in logs and in acknowledgements. 0 until the pipeline gives it.
    pub number: u64,
    pub partition: Arc<Partition>,
    pub feed: Arc<Feed>,
    pub from: Progress,
    /// The whole batch: bad, empty and left-out records included.
    pub to: Progress,
    pub payload: Bytes,
    pub records: Vec<RawRecord>,
    /// What stands before a record and is needed to read it, such as the header line of its section.
    pub contexts: Vec<Context>,
    /// Records the framer itself refused (no end found, longer than the bound), with the reason.
    pub refused: Vec<crate::FramingError>,
    /// Bytes of the source this batch consumed, decompressed.
    pub bytes: u64,
    /// Of a stream: when each message arrived, microseconds since 1970 UTC, by what the source states. Empty for a file or object: all of it arrived
    /// when its feed did.
    pub arrivals: Vec<i64>,
    /// Of a stream: with this batch all of the partition that arrived up to then is read; microseconds since 1970 UTC. `None` where that is
    /// not known, and for what has no arrival record by record.
    pub read_until: Option<i64>,
}

impl RawBatch {
    /// A step that holds nothing.
    pub fn step(partition: Arc<Partition>, feed: Arc<Feed>, from: Progress, to: Progress) -> RawBatch {
        RawBatch {
            number: 0,
            partition,
            feed,
            from,
            to,
            payload: Bytes::new(),
            records: Vec::new(),
            contexts: Vec::new(),
            refused: Vec::new(),
            bytes: 0,
            arrivals: Vec::new(),
            read_until: None,
        }
    }

    pub fn record(&self, r: &RawRecord) -> &[u8] {
        &self.payload[r.start as usize..r.end as usize]
    }

    /// Whether it is of messages of a stream; else it is of a file or object, whose records stand on lines.
    pub fn is_of_messages(&self) -> bool {
        !self.arrivals.is_empty()
    }

    /// When a record arrived: with its message, else with its feed.
    pub fn arrival(&self, r: &RawRecord) -> Option<i64> {
        self.arrivals.get(r.message as usize).copied().or(self.feed.arrival)
    }

    /// When what stands at a position arrived.
    pub fn arrival_at(&self, position: Position) -> Option<i64> {
        let found = self.records.binary_search_by(|r| r.position.cmp(&position));
        found.ok().and_then(|i| self.arrival(&self.records[i])).or(self.feed.arrival)
    }

    /// The line a person finds a position's record on, from 1; of a message there is none.
    pub fn line(&self, position: Position) -> Option<u64> {
        (!self.is_of_messages()).then_some(position.sub).filter(|line| *line > 0)
    }
}

/// How large a batch may become. The first bound reached ends it; one record always fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimit {
    pub records: usize,
    pub bytes: usize,
    pub wait: std::time::Duration,
}
