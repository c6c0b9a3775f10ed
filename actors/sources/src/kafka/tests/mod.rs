//! The promises of the Kafka source: against librdkafka's own mock of a cluster, and against a broker with real groups.
mod faults;
mod groups;
mod lag;
mod mock;
mod reading;
mod shelf;

use super::{KafkaConfig, Start};
use crate::Compression;
use crate::kinesis::OnGap;
use std::collections::BTreeMap;

/// A source of one topic, from its start.
pub(super) fn config(brokers: &str, topic: &str) -> KafkaConfig {
    KafkaConfig {
        brokers: brokers.into(),
        topics: vec![topic.into()],
        group: "dietz".into(),
        start: Start::Earliest,
        on_gap: OnGap::Stop,
        prefetch: 8 << 20,
        compression: Compression::Auto,
        record_limit: 1 << 20,
        settings: BTreeMap::new(),
    }
}
