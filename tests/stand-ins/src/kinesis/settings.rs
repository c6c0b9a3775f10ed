//! How a fake Kinesis behaves, as it is started.
use std::time::Duration;

/// How a fake Kinesis behaves. `Settings::default()` is AWS without its limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The same seed and the same calls give the same sequence numbers and the same faults.
    pub seed: u64,
    /// Loopback port; 0 for any free one.
    pub port: u16,
    pub region: String,
    /// Twelve digits.
    pub account: String,
    pub credentials: Credentials,
    pub limits: Limits,
    /// How long an iterator may be used after it was given.
    pub iterator_life: Duration,
    /// The same of a `NextToken`.
    pub token_life: Duration,
    /// How long a subscription lasts before the fake ends it, as AWS does.
    pub subscription_life: Duration,
    /// For how long after a subscription a second one of the same consumer and shard is `ResourceInUse`; later it takes over and ends the
    /// first.
    pub subscription_hold: Duration,
    /// How often an idle subscription is told that there is nothing.
    pub heartbeat: Duration,
    /// For how long streams and consumers are creating, updating and deleting. The work is done at once all the same.
    pub change_time: Duration,
    /// Payload bytes of one GetRecords page, at most; one record is always given.
    pub page_bytes: u64,
    /// The same of one event of a subscription.
    pub event_bytes: u64,
    /// Shards of one ListShards page, at most, whatever is asked for.
    pub list_page: usize,
    /// Open shards of all streams, at most.
    pub shard_limit: usize,
    /// Bytes held, at most. Puts beyond it fail with a message that says so.
    pub max_bytes: u64,
    pub trimmed: TrimmedStart,
    pub shard_end: ShardEnd,
    /// Sequence numbers have 55 digits at first and 56 soon after, so that comparing them as text goes wrong.
    pub sequences_lengthen: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let five_minutes = Duration::from_secs(300);
        Settings {
            seed: 1,
            port: 0,
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            credentials: Credentials::Any,
            limits: Limits::NONE,
            iterator_life: five_minutes,
            token_life: five_minutes,
            subscription_life: five_minutes,
            subscription_hold: Duration::from_secs(5),
            heartbeat: Duration::from_secs(5),
            change_time: Duration::ZERO,
            page_bytes: 10 * 1024 * 1024,
            event_bytes: 1024 * 1024,
            list_page: 1000,
            shard_limit: 1000,
            max_bytes: 2 * 1024 * 1024 * 1024,
            trimmed: TrimmedStart::Horizon,
            shard_end: ShardEnd::WithLastRecords,
            sequences_lengthen: false,
        }
    }
}

/// Whom the fake answers. No signature is ever computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Anyone, signed or not.
    Any,
    /// Who signs for the fake's region, within five minutes of the fake's clock, with this access key.
    Key(String),
}

/// What an iterator does at a sequence number that retention has taken away, or takes away before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimmedStart {
    /// It begins at the oldest record there is, and nothing is said. Documented of AWS for times, and reported by other consumers
    /// for sequence numbers; not verified against AWS here.
    Horizon,
    /// It is refused as an invalid argument.
    Refused,
    /// It stays at the horizon: its answers are empty, without end, and as far behind as the stream keeps records. So does a subscription. Reported by
    /// other consumers (harlow/kinesis-consumer#125); not verified against AWS here.
    Stuck,
}

/// How the end of a closed shard is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardEnd {
    /// On the page that holds the last records.
    WithLastRecords,
    /// On an empty page of its own after them.
    OnAnEmptyPage,
}

/// What a shard allows in a second, by the fake's clock. `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub records_in: Option<u32>,
    pub bytes_in: Option<u32>,
    /// Of all readers by GetRecords together.
    pub bytes_out: Option<u32>,
    pub get_records: Option<u32>,
    pub get_shard_iterator: Option<u32>,
    /// Of each fan-out consumer.
    pub bytes_fan_out: Option<u32>,
}

impl Limits {
    pub const NONE: Limits = Limits {
        records_in: None,
        bytes_in: None,
        bytes_out: None,
        get_records: None,
        get_shard_iterator: None,
        bytes_fan_out: None,
    };

    /// AWS's: 1,000 records and 1 MB in, 2 MB and 5 calls out.
    pub const REAL: Limits = Limits {
        records_in: Some(1000),
        bytes_in: Some(1024 * 1024),
        bytes_out: Some(2 * 1024 * 1024),
        get_records: Some(5),
        get_shard_iterator: Some(5),
        bytes_fan_out: Some(2 * 1024 * 1024),
    };
}
