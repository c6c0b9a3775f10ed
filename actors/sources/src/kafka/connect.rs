//! Whether topics can be read, for `dietz check --connect`: the real operations, and no group is joined.
use super::KafkaConfig;
use super::context::Context;
use super::look::{Asker, Found};
use super::metrics::Figures;
use super::place::{Place, list, offsets};
use super::trouble::Trouble;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long all partitions together may take to give a message, or to say that there is none.
const READ: Duration = Duration::from_secs(20);

/// A topic that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub partitions: u64,
    /// Offsets that are there, over all partitions; a topic that skips some has fewer messages.
    pub messages: u64,
}

/// Asks for the topics, reads a message of each partition, and asks for the group's offsets. Blocks for up to a minute. The error says what is
/// wrong and what to do.
pub fn connect(source: &str, config: &KafkaConfig) -> Result<Vec<Topic>, String> {
    tried(source, config).map_err(|trouble| format!("source {source}: {}", trouble.text()))
}

fn tried(source: &str, config: &KafkaConfig) -> Result<Vec<Topic>, Trouble> {
    let figures = Arc::new(Figures::new(&source.into()));
    let context = Context::new(&source.into(), figures);
    let client = config.member(1);
    let consumer: BaseConsumer<Context> =
        client.create_with_context(context).map_err(|e| Trouble::of(&e, "consumer", ""))?;
    let asker = Asker { consumer: &consumer, config };
    let places = asker.partitions()?;
    let found = places.iter().map(|place| asker.held(place)).collect::<Result<Vec<_>, _>>()?;
    may_read_the_group(&asker, &found)?;
    read_one_of_each(&asker, &found)?;
    let mut topics: BTreeMap<Arc<str>, Topic> = BTreeMap::new();
    for Found { place, held } in found {
        let name = place.topic.to_string();
        let topic = topics.entry(place.topic).or_insert(Topic { name, partitions: 0, messages: 0 });
        topic.partitions += 1;
        topic.messages += u64::try_from(held.high - held.low).unwrap_or(0);
    }
    Ok(topics.into_values().collect())
}

fn may_read_the_group(asker: &Asker<'_>, found: &[Found]) -> Result<(), Trouble> {
    let list = list(found.iter().map(|f| &f.place));
    let doing = format!("group {}", asker.config.group);
    let committed = asker.consumer.committed_offsets(list, Duration::from_secs(10));
    let committed = committed.map_err(|e| asker.unanswered(&e, &doing))?;
    let refused = committed.elements().iter().find_map(|e| e.error().err());
    refused.map_or(Ok(()), |e| Err(Trouble::of(&e, &doing, "")))
}

/// A right to list a topic is none to read it, so one message of each partition is read.
fn read_one_of_each(asker: &Asker<'_>, found: &[Found]) -> Result<(), Trouble> {
    let failed = |e: &KafkaError, doing: &str| asker.unanswered(e, doing);
    let list = offsets(found.iter().map(|f| (&f.place, f.held.low))).map_err(|e| failed(&e, "consumer"))?;
    asker.consumer.assign(&list).map_err(|e| failed(&e, "consumer"))?;
    let mut left: HashSet<Place> =
        found.iter().filter(|f| f.held.high > f.held.low).map(|f| f.place.clone()).collect();
    let until = Instant::now() + READ;
    while !left.is_empty() && Instant::now() < until {
        match asker.consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                left.remove(&Place::of(&message));
            }
            // It says of which partition, not of which topic: one that has no message to give (its offsets are skipped) is read all the same.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                left.retain(|place| place.partition != partition)
            }
            Some(Err(e)) => match failed(&e, "reading") {
                Trouble::Passing(_) => {}
                other => return Err(other),
            },
        }
    }
    match left.iter().min() {
        None => Ok(()),
        Some(place) => {
            Err(Trouble::Again(format!("{place}: no message of it came within {} s", READ.as_secs())))
        }
    }
}
