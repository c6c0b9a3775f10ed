//! What is read of a topic, and from where.
use super::config;
use super::mock::{Mock, Sent, line, send};
use super::shelf::Shelf;
use crate::kafka::Start;
use crate::testing::{exposed, metric};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use record::{Position, Progress, Sequence};
use std::sync::Arc;

pub fn at(offset: u64) -> Progress {
    Progress::At(Position { sequence: Sequence::from(offset), sub: 0, item: 0 })
}

pub fn lines(partition: i32, numbers: std::ops::Range<usize>) -> Vec<Sent> {
    numbers.map(|n| line(partition, &n.to_string())).collect()
}

pub fn numbers(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| n.to_string()).collect()
}

/// What the group was told of a partition.
fn group_offset(brokers: &str, topic: &str, partition: i32) -> Offset {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let told = group_client(brokers).committed_offsets(list, std::time::Duration::from_secs(10)).unwrap();
    told.elements()[0].offset()
}

fn group_client(brokers: &str) -> BaseConsumer {
    ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "dietz").create().unwrap()
}

fn tell_the_group(brokers: &str, topic: &str, partition: i32, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    group_client(brokers).commit(&list, CommitMode::Sync).unwrap();
}

#[tokio::test]
async fn every_message_is_read_once_over_restarts_and_kills_whatever_the_group_was_told() {
    let mock = Mock::with("t", 2);
    let shelf = Arc::<Shelf>::default();
    for p in 0..2 {
        send(&mock.brokers, "t", "none", &lines(p, 0..100));
    }
    // Wrong in both directions.
    tell_the_group(&mock.brokers, "t", 0, 77);
    tell_the_group(&mock.brokers, "t", 1, 3);
    let mut reader = shelf.source(1, config(&mock.brokers, "t"));
    reader.until(60).await;
    // Killed with batches under way: they are committed by nobody.
    while reader.under_way.len() < 3 {
        reader.ask().await.unwrap();
    }
    drop(reader);
    let mut reader = shelf.source(1, config(&mock.brokers, "t"));
    reader.until(200).await;
    for p in 0..2 {
        assert_eq!(shelf.texts(&format!("k/t/{p}")), numbers(0..100));
    }
    drop(reader);
    assert_eq!(
        group_offset(&mock.brokers, "t", 0),
        Offset::Offset(100),
        "the group is told behind the store"
    );
}

#[tokio::test]
async fn a_store_ahead_of_the_group_or_behind_it_is_the_one_that_counts() {
    let mock = Mock::with("t", 2);
    let shelf = Arc::<Shelf>::default();
    for p in 0..2 {
        send(&mock.brokers, "t", "none", &lines(p, 0..20));
        tell_the_group(&mock.brokers, "t", p, 10);
    }
    shelf.stand_at("k/t/0", at(14));
    shelf.stand_at("k/t/1", at(4));
    shelf.source(1, config(&mock.brokers, "t")).until(20).await;
    assert_eq!(shelf.texts("k/t/0"), numbers(15..20));
    assert_eq!(shelf.texts("k/t/1"), numbers(5..20));
}

#[tokio::test]
async fn latest_is_settled_once_and_what_comes_while_nobody_reads_is_read() {
    let mock = Mock::with("t", 1);
    let shelf = Arc::<Shelf>::default();
    send(&mock.brokers, "t", "none", &lines(0, 0..5));
    let latest = || super::KafkaConfig { start: Start::Latest, ..config(&mock.brokers, "t") };
    let mut reader = shelf.source(1, latest());
    while shelf.begin("k/t/0").is_none() {
        reader.ask().await.unwrap();
    }
    drop(reader);
    assert_eq!(shelf.begin("k/t/0").as_deref(), Some("offset 5"));
    send(&mock.brokers, "t", "none", &lines(0, 5..9));
    shelf.source(1, latest()).until(4).await;
    assert_eq!(shelf.texts("k/t/0"), numbers(5..9));
}

#[tokio::test]
async fn a_tombstone_moves_the_position_and_a_header_names_the_file_and_the_brokers_time_is_the_arrival() {
    let mock = Mock::with("t", 1);
    let shelf = Arc::<Shelf>::default();
    let named = Sent {
        headers: vec![("other", "x"), ("file", "positions.csv")],
        millis: Some(1_764_547_200_123),
        ..line(0, "a")
    };
    let tombstone = Sent { millis: Some(1_764_547_200_124), ..Sent::default() };
    send(
        &mock.brokers,
        "t",
        "none",
        &[named, tombstone.clone(), Sent { millis: Some(1_764_547_200_125), ..line(0, "b") }, tombstone],
    );
    let mut reader = shelf.source(1, config(&mock.brokers, "t"));
    let to_the_end = async {
        while shelf.progress("k/t/0") < at(3) {
            reader.ask().await.unwrap();
            reader.commit().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), to_the_end).await.unwrap();
    assert_eq!(shelf.texts("k/t/0"), ["a", "b"]);
    assert_eq!(shelf.arrivals("k/t/0"), [1_764_547_200_123_000, 1_764_547_200_125_000]);
    assert_eq!(shelf.layout.names.lock().unwrap()[0], "positions.csv");
}

#[tokio::test]
async fn a_message_that_says_no_time_arrives_before_all_others_in_the_order_of_its_offset() {
    exposed();
    let mock = Mock::with("t", 1);
    let shelf = Arc::<Shelf>::default();
    const AT: i64 = 1_764_547_200_000;
    // None at all, a time before 1970 as some clients write theirs, and one beyond all calendars.
    let times = [AT, -1, -62_135_596_800_000, i64::MAX / 1_000, AT - 1];
    let sent: Vec<_> =
        times.iter().map(|at| Sent { millis: Some(*at), ..line(0, &at.to_string()) }).collect();
    send(&mock.brokers, "t", "none", &sent);
    shelf.named("timeless", 1, config(&mock.brokers, "t")).until(5).await;
    assert_eq!(shelf.arrivals("timeless/t/0"), [AT * 1_000, 0, 0, 0, (AT - 1) * 1_000]);
    assert_eq!(metric(r#"dietz_kafka_messages_without_time_total{source="timeless"}"#), Some(3.0));
    assert_eq!(
        shelf.read_until("timeless/t/0"),
        Some(AT * 1_000),
        "what says no time says nothing of how far it is read"
    );
}

#[tokio::test]
async fn what_the_producers_client_compressed_is_unpacked() {
    let mock = Mock::with("t", 1);
    let shelf = Arc::<Shelf>::default();
    for (i, codec) in ["gzip", "snappy", "lz4", "zstd"].into_iter().enumerate() {
        send(&mock.brokers, "t", codec, &lines(0, i * 50..i * 50 + 50));
    }
    shelf.source(1, config(&mock.brokers, "t")).until(200).await;
    assert_eq!(shelf.texts("k/t/0"), numbers(0..200));
}
