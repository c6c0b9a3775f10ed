//! Asking the brokers what there is; joins no group.
use super::begin::{Begin, Held};
use super::context::Context;
use super::place::{Place, offsets};
use super::trouble::{Trouble, no_such_topic};
use super::{KafkaConfig, Start};
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{IsError, KafkaError};
use std::time::Duration;

/// How long a broker may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A partition as it was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub place: Place,
    pub held: Held,
}

/// Asks on behalf of one source. All of it blocks.
pub(super) struct Asker<'c> {
    pub consumer: &'c BaseConsumer<Context>,
    pub config: &'c KafkaConfig,
}

impl Asker<'_> {
    /// All partitions of the source's topics.
    pub(super) fn partitions(&self) -> Result<Vec<Place>, Trouble> {
        let mut places = Vec::new();
        for topic in &self.config.topics {
            places.extend(self.topic(topic)?);
        }
        Ok(places)
    }

    fn topic(&self, name: &str) -> Result<Vec<Place>, Trouble> {
        let doing = format!("topic {name}");
        let metadata =
            self.consumer.fetch_metadata(Some(name), ANSWER).map_err(|e| self.unanswered(&e, &doing))?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        let topic = topic.ok_or_else(|| no_such_topic(name, &self.config.brokers))?;
        if let Some(error) = topic.error().filter(|e| e.is_error()) {
            use rdkafka::types::RDKafkaErrorCode::{UnknownTopic, UnknownTopicOrPartition};
            let error = KafkaError::MetadataFetch(error.into());
            return Err(match error.rdkafka_error_code() {
                Some(UnknownTopic | UnknownTopicOrPartition) => no_such_topic(name, &self.config.brokers),
                _ => Trouble::of(&error, &doing, ""),
            });
        }
        let place = |p: i32| Place { topic: name.into(), partition: p };
        Ok(topic.partitions().iter().map(|p| place(p.id())).collect())
    }

    /// What a partition holds now.
    pub(super) fn held(&self, place: &Place) -> Result<Found, Trouble> {
        let (low, high) = self
            .consumer
            .fetch_watermarks(&place.topic, place.partition, ANSWER)
            .map_err(|e| self.unanswered(&e, &place.to_string()))?;
        Ok(Found { place: place.clone(), held: Held { low, high } })
    }

    /// Where `start` means to begin each of them.
    pub(super) fn begins(&self, found: &[Found]) -> Result<Vec<Begin>, Trouble> {
        match self.config.start {
            Start::Earliest => Ok(vec![Begin::Earliest; found.len()]),
            Start::Latest => Ok(found.iter().map(|f| Begin::Offset(f.held.high)).collect()),
            Start::AtTimestamp(at) => self.begins_at(at, found),
        }
    }

    /// The first message of that time or a later one; where there is none yet, the next that comes.
    fn begins_at(&self, micros: i64, found: &[Found]) -> Result<Vec<Begin>, Trouble> {
        let failed = |e: KafkaError| self.unanswered(&e, "offsets of a time");
        let millis = micros.div_euclid(1_000) + i64::from(micros.rem_euclid(1_000) > 0);
        let times = offsets(found.iter().map(|f| (&f.place, millis))).map_err(failed)?;
        let offsets = self.consumer.offsets_for_times(times, ANSWER).map_err(failed)?;
        let begin = |f: &Found| {
            let element = offsets.find_partition(&f.place.topic, f.place.partition);
            let Some(element) = element else { return Ok(Begin::Offset(f.held.high)) };
            element.error().map_err(failed)?;
            Ok(match element.offset() {
                Offset::Offset(offset) if offset >= 0 => Begin::Offset(offset),
                _ => Begin::Offset(f.held.high),
            })
        };
        found.iter().map(begin).collect()
    }

    /// What went wrong, with the reason that a broker or connection gave meanwhile.
    pub(super) fn unanswered(&self, error: &KafkaError, doing: &str) -> Trouble {
        // Reasons come with events, which are taken by polling.
        for _ in 0..16 {
            if self.consumer.poll(Duration::ZERO).is_none() && !self.consumer.context().was_called() {
                break;
            }
        }
        let Some((cause, reason)) = self.consumer.context().error() else {
            return self.at_the_brokers(Trouble::of(error, doing, ""));
        };
        match Trouble::of(&cause, doing, &reason) {
            Trouble::Again(_) => Trouble::of(error, doing, ""),
            other => self.at_the_brokers(other),
        }
    }

    fn at_the_brokers(&self, trouble: Trouble) -> Trouble {
        let brokers = &self.config.brokers;
        match trouble {
            Trouble::Passing(text) => Trouble::Passing(format!(
                "no answer from {brokers}: {text}: check `brokers`, and whether they can be reached from here"
            )),
            other => other,
        }
    }
}
