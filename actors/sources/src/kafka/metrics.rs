//! What is counted and measured of a source of Kafka.
use super::Place;
use metrics::{Counter, counter, gauge};
use rdkafka::Statistics;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// The figures of one source.
pub(super) struct Figures {
    source: Arc<str>,
    pub messages: Counter,
    pub bytes: Counter,
    pub tombstones: Counter,
    pub timeless: Counter,
    pub errors: Counter,
    pub gaps: Counter,
    pub rebalances: Counter,
    /// Partitions whose lag was told and not yet set back.
    told: Mutex<HashSet<Place>>,
}

impl Figures {
    pub(super) fn new(source: &Arc<str>) -> Figures {
        let count = |name: &'static str| {
            let counter = counter!(name, "source" => source.to_string());
            counter.increment(0);
            counter
        };
        Figures {
            source: source.clone(),
            messages: count("dietz_kafka_messages_total"),
            bytes: count("dietz_kafka_bytes_total"),
            tombstones: count("dietz_kafka_tombstones_total"),
            timeless: count("dietz_kafka_messages_without_time_total"),
            errors: count("dietz_kafka_errors_total"),
            gaps: count("dietz_kafka_gaps_total"),
            rebalances: count("dietz_kafka_rebalances_total"),
            told: Mutex::default(),
        }
    }

    /// The lag of each partition that is read here, their sum and the largest; 0 for what was let go.
    pub(super) fn lag(&self, statistics: &Statistics) {
        let mut told = self.told.lock().unwrap_or_else(|e| e.into_inner());
        let lags = lags(statistics);
        for place in told.drain() {
            self.lag_of(&place, 0);
        }
        for (place, lag) in &lags {
            self.lag_of(place, *lag);
        }
        let source = || self.source.to_string();
        let all = lags.iter().map(|(_, lag)| *lag);
        gauge!("dietz_kafka_lag_sum_messages", "source" => source()).set(all.clone().sum::<i64>() as f64);
        gauge!("dietz_kafka_lag_max_messages", "source" => source()).set(all.max().unwrap_or(0) as f64);
        told.extend(lags.into_iter().map(|(place, _)| place));
    }

    fn lag_of(&self, place: &Place, lag: i64) {
        let (topic, partition) = (place.topic.to_string(), place.partition.to_string());
        let source = self.source.to_string();
        gauge!("dietz_kafka_lag_messages", "source" => source, "topic" => topic, "partition" => partition)
            .set(lag as f64);
    }
}

/// Of the partitions that are fetched; librdkafka says -1 where it does not know yet.
fn lags(statistics: &Statistics) -> Vec<(Place, i64)> {
    let partitions = statistics.topics.values().flat_map(|topic| {
        let name: Arc<str> = topic.topic.as_str().into();
        topic.partitions.values().map(move |p| (Place { topic: name.clone(), partition: p.partition }, p))
    });
    let read = partitions.filter(|(_, p)| p.fetch_state == "active" && p.consumer_lag >= 0);
    read.map(|(place, p)| (place, p.consumer_lag)).collect()
}

/// What each figure means, for those who read the metrics.
pub fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_counter!("dietz_kafka_messages_total", "Messages fetched, by source");
    describe_counter!(
        "dietz_kafka_bytes_total",
        Unit::Bytes,
        "Bytes of their payloads, as Kafka's client unpacked them"
    );
    describe_counter!("dietz_kafka_tombstones_total", "Messages without a payload, which hold no record");
    describe_counter!(
        "dietz_kafka_messages_without_time_total",
        "Messages that say no time: they sort before all others"
    );
    describe_counter!("dietz_kafka_errors_total", "Errors of brokers and connections, passing ones too");
    describe_counter!("dietz_kafka_gaps_total", "Gaps: offsets that a topic let go before they were read");
    describe_counter!(
        "dietz_kafka_rebalances_total",
        "Times the group gave partitions to this member or asked for them back"
    );
    describe_gauge!("dietz_kafka_lag_messages", "Messages of a partition that are there and not fetched");
    describe_gauge!("dietz_kafka_lag_sum_messages", "The same, over all partitions of a source");
    describe_gauge!("dietz_kafka_lag_max_messages", "The largest of a source");
}
