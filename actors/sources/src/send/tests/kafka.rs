use super::{messages, numbers};
use crate::send::Sent;
use crate::send::kafka::KafkaSender;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Reads so many messages: their keys, payloads, partitions and the header `file`.
fn read(brokers: &str, topic: &str, partitions: i32, count: usize) -> Vec<(String, String, i32, String)> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "reader").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let (mut found, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(30));
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
    while found.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} came", found.len());
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        let header = message.headers().unwrap().get(0);
        assert_eq!(header.key, "file");
        found.push((text(message.key()), text(message.payload()), message.partition(), text(header.value)));
    }
    found
}

#[tokio::test]
async fn messages_go_by_key_in_order_and_name_their_file() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("feeds", 3, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let mut sender = KafkaSender::open(&brokers, "feeds", &BTreeMap::new(), 1_000_000).await.unwrap();
    let all = messages(500, 30);
    for message in &all {
        sender.send(message.clone()).await.unwrap();
    }
    sender.finish().await.unwrap();
    let Sent { messages, bytes, .. } = &*sender.sent;
    assert_eq!(messages.load(Relaxed), 500);
    assert_eq!(bytes.load(Relaxed), all.iter().map(|m| m.payload.len() as u64).sum::<u64>());
    let found = tokio::task::spawn_blocking(move || read(&brokers, "feeds", 3, 500)).await.unwrap();
    for n in 0..30 {
        let key = format!("A-{n}");
        let of = || found.iter().filter(|(k, ..)| *k == key);
        assert_eq!(of().map(|(_, text, ..)| text.clone()).collect::<Vec<_>>(), numbers(&all, &key));
        assert_eq!(of().map(|(_, _, partition, _)| partition).collect::<BTreeSet<_>>().len(), 1);
        assert!(of().all(|(.., file)| file == "values.csv"));
    }
}

#[tokio::test]
async fn settings_that_order_rests_on_and_unknown_ones_are_refused() {
    let open = |key: &str, value: &str| {
        let settings = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        async move { KafkaSender::open("127.0.0.1:1", "feeds", &settings, 1_000).await.err().unwrap().0 }
    };
    assert!(open("enable.idempotence", "false").await.contains("cannot be set"));
    assert!(open("no.such.setting", "1").await.contains("no.such.setting"));
}
