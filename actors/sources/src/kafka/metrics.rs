//! What is counted and measured of a source of Kafka.
use super::place::Place;
use metrics::{Counter, counter, gauge};
use rdkafka::Statistics;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

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
    /// How far the partitions that are read here have come.
    reached: Mutex<BTreeMap<Place, Reached>>,
}

/// How far a partition has come, in offsets.
#[derive(Clone, Copy, Default)]
struct Reached {
    /// What lies before is committed in the store, or not to be read.
    committed: i64,
    /// The offset of the message that comes next, as the brokers said it last.
    end: Option<i64>,
}

impl Reached {
    fn lag(self) -> Option<i64> {
        self.end.map(|end| (end - self.committed).max(0))
    }
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
            reached: Mutex::default(),
        }
    }

    /// What lies before this offset of a partition is committed, or not to be read.
    pub(super) fn committed(&self, place: &Place, next: i64) {
        let mut reached = self.reached();
        let of = reached.entry(place.clone()).or_default();
        of.committed = of.committed.max(next);
    }

    /// From what librdkafka says every few seconds of the partitions it fetches: the lag of each that is read here, their sum and the largest.
    pub(super) fn statistics(&self, statistics: &Statistics) {
        let mut reached = self.reached();
        for (place, of) in &mut *reached {
            let topic = statistics.topics.get(&*place.topic);
            let said = topic.and_then(|topic| topic.partitions.get(&place.partition));
            of.end = said.and_then(end).or(of.end);
        }
        self.show(&reached);
    }

    /// Partitions that are another's, or nobody's: there is nothing to catch up with here.
    pub(super) fn let_go(&self, places: &[Place]) {
        self.forget(|place| places.contains(place));
    }

    pub(super) fn let_go_all(&self) {
        self.forget(|_| true);
    }

    fn forget(&self, gone: impl Fn(&Place) -> bool) {
        let mut reached = self.reached();
        for (place, _) in reached.extract_if(.., |place, _| gone(place)) {
            self.lag_of(&place, 0);
        }
        self.show(&reached);
    }

    fn reached(&self) -> MutexGuard<'_, BTreeMap<Place, Reached>> {
        self.reached.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn show(&self, reached: &BTreeMap<Place, Reached>) {
        let (mut sum, mut largest) = (0, 0);
        for (place, lag) in reached.iter().filter_map(|(place, of)| Some((place, of.lag()?))) {
            self.lag_of(place, lag);
            sum += lag;
            largest = lag.max(largest);
        }
        let source = || self.source.to_string();
        gauge!("dietz_kafka_lag_sum_messages", "source" => source()).set(sum as f64);
        gauge!("dietz_kafka_lag_max_messages", "source" => source()).set(largest as f64);
    }

    fn lag_of(&self, place: &Place, lag: i64) {
        let (topic, partition) = (place.topic.to_string(), place.partition.to_string());
        let source = self.source.to_string();
        gauge!("dietz_kafka_lag_messages", "source" => source, "topic" => topic, "partition" => partition)
            .set(lag as f64);
    }
}

/// Where a partition ends for a reader: before transactions that are open. librdkafka says less than 0 where it does not know yet.
fn end(of: &rdkafka::statistics::Partition) -> Option<i64> {
    [of.ls_offset, of.hi_offset].into_iter().find(|offset| *offset >= 0)
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
    describe_gauge!(
        "dietz_kafka_lag_messages",
        "Messages of a partition that are there and not committed in the store; 0 once another reads it"
    );
    describe_gauge!("dietz_kafka_lag_sum_messages", "The same, over all partitions of a source");
    describe_gauge!("dietz_kafka_lag_max_messages", "The largest of a source");
}
