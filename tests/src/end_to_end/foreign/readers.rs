//! Streams that we wrote, read by others.
use super::CORRECTIONS;
use crate::end_to_end::aws::{self, Kinesis};
use crate::end_to_end::dietz::Dietz;
use serde_json::json;
use sources::kinesis::aggregate::Aggregate;
use stand_ins::kinesis::{FakeKinesis, Settings};
use std::collections::{BTreeMap, BTreeSet};

/// Of each shard and partition key the messages in their order: explicit hash key and payload.
type Read = BTreeMap<(String, String), Vec<(Option<String>, String)>>;

/// All of a stream, of which everything or nothing is in aggregates.
fn read(client: &mut Kinesis, stream: &str, aggregated: bool) -> Read {
    let mut read = Read::new();
    for message in client.call(&json!(["get", stream])).as_array().expect("messages") {
        assert_eq!(message["aggregated"], aggregated, "{message}");
        let optional = |name: &str| message[name].as_str().map(str::to_owned);
        let text = |name: &str| optional(name).expect("text");
        let of_key = read.entry((text("shard"), text("key"))).or_default();
        of_key.push((optional("hash"), text("data")));
    }
    read
}

#[test]
fn what_is_sent_in_aggregates_another_consumer_reads_as_what_is_sent_alone() {
    let fake = FakeKinesis::start(Settings::default()).expect("a fake Kinesis");
    let mut dietz = Dietz::shipped();
    dietz.env = aws::env(fake.url());
    let events = "codecs/samples/corrections.jsonl";
    let feeds: Vec<String> = ["01", "02", "03"]
        .iter()
        .map(|month| format!("codecs/samples/feeds/tidemark_2025-{month}.json"))
        .collect();
    for stream in ["alone", "together"] {
        fake.create_stream(stream, 3).expect("a stream");
        let to = format!("kinesis://{stream}");
        let mut args = vec!["send", "--to", &to, events];
        args.extend(feeds.iter().map(String::as_str));
        args.extend((stream == "together").then_some("--aggregate"));
        dietz.ok(&args);
    }
    let mut client = Kinesis::client(&dietz.env);
    let (alone, together) = (read(&mut client, "alone", false), read(&mut client, "together", true));
    let shards: BTreeSet<&String> = alone.keys().map(|(shard, _)| shard).collect();
    assert!(shards.len() == 3 && alone.len() > 10, "{:?}", alone.keys());
    // The stream chose the shard of what was sent alone by its key. In an aggregate it is in that shard too, in the order of its key.
    assert!(alone.keys().eq(together.keys()), "{:?}\n{:?}", alone.keys(), together.keys());
    let differs = alone.iter().zip(&together).find(|(alone, together)| alone != together);
    assert_eq!(differs, None, "what was sent alone (left) is not what was sent in aggregates");
    // And the events are the lines of their file; neighbours of one account share a message.
    let mut sent: Vec<&str> = together.values().flatten().flat_map(|(_, data)| data.lines()).collect();
    sent.retain(|line| line.contains("\"detail-type\""));
    sent.sort_unstable();
    let file = std::fs::read_to_string(dietz.path(events)).expect("samples");
    let mut lines: Vec<&str> = file.lines().collect();
    lines.sort_unstable();
    assert_eq!(sent, lines);
}

#[test]
fn hash_keys_in_our_aggregates_are_what_another_consumer_reads() {
    let fake = FakeKinesis::start(Settings::default()).expect("a fake Kinesis");
    fake.create_stream(CORRECTIONS, 1).expect("a stream");
    let hashes = [0, 1, u128::MAX / 2, u128::MAX];
    let mut aggregate = Aggregate::new(1 << 20);
    let mut expected = Read::new();
    // All have one: where some do, that consumer gives the first hash key to those that have none.
    for n in 0..20 {
        let (key, hash) = (format!("A-{}", n % 6), hashes[n % hashes.len()]);
        let data = format!("message {n}, naïve");
        assert!(aggregate.add(&key, Some(hash), data.clone().into()));
        let of_key = expected.entry(("shardId-000000000000".to_owned(), key)).or_default();
        of_key.push((Some(hash.to_string()), data));
    }
    let made = aggregate.finish().expect("an aggregate");
    fake.put(CORRECTIONS, &made.partition_key, &made.data).expect("a put");
    assert_eq!(read(&mut Kinesis::client(&aws::env(fake.url())), CORRECTIONS, true), expected);
}
