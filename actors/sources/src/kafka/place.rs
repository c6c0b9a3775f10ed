//! Partitions of topics, and lists of them as librdkafka has them.
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use std::fmt;
use std::sync::Arc;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub topic: Arc<str>,
    pub partition: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl Place {
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Place {
        Place { topic: message.topic().into(), partition: message.partition() }
    }
}

pub(super) fn places(list: &TopicPartitionList) -> Vec<Place> {
    list.elements().iter().map(|e| Place { topic: e.topic().into(), partition: e.partition() }).collect()
}

pub(super) fn list<'p>(places: impl IntoIterator<Item = &'p Place>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for place in places {
        list.add_partition(&place.topic, place.partition);
    }
    list
}

pub(super) fn offsets<'p>(
    places: impl IntoIterator<Item = (&'p Place, i64)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (place, offset) in places {
        list.add_partition_offset(&place.topic, place.partition, Offset::Offset(offset))?;
    }
    Ok(list)
}
