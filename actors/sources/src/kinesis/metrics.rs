//! What is counted. Per shard, and of the whole source where names of shards, which change, would be in the way.
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Of one shard. The gauges are set by who follows the stream; they read 0 of a shard that is not read here, or not any more.
pub(super) struct ShardMetrics {
    /// How far the reader is behind the newest record, as Kinesis says it, in milliseconds.
    pub millis_behind_latest: Gauge,
    /// Seconds since the last commit while something read is not committed; 0 when all is.
    pub checkpoint_age: Gauge,
    /// Answers that were refused since the shard gave as much as it may: normal where several read.
    pub throttles: Counter,
    /// Iterators that were too old, or were never there.
    pub iterator_renewals: Counter,
    pub subscription_renewals: Counter,
    /// Subscriptions refused since another holds the shard.
    pub subscriptions_in_use: Counter,
    pub empty_reads: Counter,
    pub failed_calls: Counter,
    pub records: Counter,
    pub bytes: Counter,
    pub user_records: Counter,
    pub user_records_per_aggregate: Histogram,
    /// What bears the mark of an aggregate and is none; it is read as a record like any other.
    pub unsound_aggregates: Counter,
    /// User records whose hash key does not belong to the shard; they are read all the same.
    pub out_of_range: Counter,
}

impl ShardMetrics {
    pub(super) fn new(source: &str, shard: &str) -> ShardMetrics {
        let count =
            |name: &'static str| counter!(name, "source" => source.to_owned(), "shard" => shard.to_owned());
        let level =
            |name: &'static str| gauge!(name, "source" => source.to_owned(), "shard" => shard.to_owned());
        ShardMetrics {
            millis_behind_latest: level("dietz_kinesis_shard_millis_behind_latest"),
            checkpoint_age: level("dietz_kinesis_shard_checkpoint_age_seconds"),
            throttles: count("dietz_kinesis_throttles_total"),
            iterator_renewals: count("dietz_kinesis_iterator_renewals_total"),
            subscription_renewals: count("dietz_kinesis_subscription_renewals_total"),
            subscriptions_in_use: count("dietz_kinesis_subscriptions_in_use_total"),
            empty_reads: count("dietz_kinesis_empty_reads_total"),
            failed_calls: count("dietz_kinesis_failed_calls_total"),
            records: count("dietz_kinesis_records_total"),
            bytes: count("dietz_kinesis_bytes_total"),
            user_records: count("dietz_kinesis_user_records_total"),
            user_records_per_aggregate: histogram!("dietz_kinesis_user_records_per_aggregate", "source" => source.to_owned()),
            unsound_aggregates: count("dietz_kinesis_unsound_aggregates_total"),
            out_of_range: count("dietz_kinesis_out_of_range_user_records_total"),
        }
    }

    /// The shard is not read any more.
    pub(super) fn done(&self) {
        self.millis_behind_latest.set(0.0);
        self.checkpoint_age.set(0.0);
    }
}

/// Of the source, over all its open shards; 0 once it is not read here any more.
pub(super) struct SourceMetrics {
    /// The largest of its open shards: one that is closed and read does not count.
    pub millis_behind_latest: Gauge,
    /// The same.
    pub checkpoint_age: Gauge,
    /// Times that something was lost, or may have been, before it was read: an error.
    pub gaps: Counter,
}

impl SourceMetrics {
    pub(super) fn new(source: &str) -> SourceMetrics {
        let level = |name: &'static str| gauge!(name, "source" => source.to_owned());
        SourceMetrics {
            millis_behind_latest: level("dietz_kinesis_millis_behind_latest"),
            checkpoint_age: level("dietz_kinesis_checkpoint_age_seconds"),
            gaps: counter!("dietz_kinesis_gaps_total", "source" => source.to_owned()),
        }
    }

    /// The source is not read any more.
    pub(super) fn done(&self) {
        self.millis_behind_latest.set(0.0);
        self.checkpoint_age.set(0.0);
    }
}
