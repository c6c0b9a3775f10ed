//! The keys of a `kafka` source.
use crate::Compression;
use std::collections::BTreeMap;

/// How to read topics as a member of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `bootstrap.servers`: hosts and ports, with commas between.
    pub brokers: String,
    pub topics: Vec<String>,
    /// `group.id`.
    pub group: String,
    /// Where a partition is read from when nothing of it is committed.
    pub start: Start,
    /// What becomes of a partition of which the topic has lost what was not read yet.
    pub on_gap: crate::kinesis::OnGap,
    /// Bytes fetched and not yet handed over, at most.
    pub prefetch: u64,
    /// How the payload of a message is compressed, by its sender; what the producer's client compressed is unpacked before.
    pub compression: Compression,
    /// The longest record in bytes; a longer one goes to quarantine.
    pub record_limit: usize,
    /// Any other setting of librdkafka, passed on as it is (`security.protocol`, `sasl.mechanism`, ...).
    pub settings: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    #[default]
    Earliest,
    Latest,
    /// With what has this timestamp or a later one, microseconds since 1970 UTC.
    AtTimestamp(i64),
}
