//! What Kinesis does, by way of the AWS SDK.
use crate::rig::{Rig, code, key};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{ScalingType, Shard, ShardIteratorType};
use stand_ins::kinesis::{SequenceNumber, hash_key};
use std::collections::BTreeSet;
use std::time::SystemTime;

const FIRST: &str = "shardId-000000000000";
const SECOND: &str = "shardId-000000000001";

fn number(text: &str) -> SequenceNumber {
    SequenceNumber::parse(text).unwrap()
}

fn range(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range().unwrap();
    (key(range.starting_hash_key()), key(range.ending_hash_key()))
}

fn names<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    texts.into_iter().map(str::to_owned).collect()
}

pub async fn what_is_put_is_got_in_order_with_its_key_and_arrival(client: Client) {
    let rig = Rig::new(client, "in-order", 1).await;
    let mut put = Vec::new();
    for (key, text) in [("a", "one"), ("b \"quoted\" é", "two"), ("a", "three")] {
        put.push(rig.put(key, text).await.1);
    }
    let got = rig.read_all(FIRST, 3).await;
    assert_eq!(got.texts(), ["one", "two", "three"]);
    assert_eq!(got.records.iter().map(|r| r.sequence_number()).collect::<Vec<_>>(), put);
    assert_eq!(got.records[1].partition_key(), Some("b \"quoted\" é"));
    assert!(put.windows(2).all(|w| number(&w[0]) < number(&w[1])), "{put:?}");
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let arrived = |r: &aws_sdk_kinesis::types::Record| r.approximate_arrival_timestamp().unwrap().secs();
    assert!(got.records.iter().all(|r| (now - arrived(r)).abs() < 120));
}

pub async fn a_batch_is_put_whole_and_got_once(client: Client) {
    let rig = Rig::new(client, "batch", 2).await;
    let texts: Vec<String> = (0..100).map(|i| format!("text {i}")).collect();
    rig.put_many(texts.iter().map(|t| (t.clone(), t.clone()))).await;
    let expected =
        |shard: usize| texts.iter().filter(|t| usize::from(hash_key(t) >> 127 == 1) == shard).count();
    let mut got = rig.read_all(FIRST, expected(0)).await.texts();
    got.extend(rig.read_all(SECOND, expected(1)).await.texts());
    assert_eq!(got.len(), 100);
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), texts.into_iter().collect());
}

pub async fn a_page_holds_no_more_than_was_asked_for(client: Client) {
    let rig = Rig::new(client, "limit", 1).await;
    rig.put_many((0..5).map(|i| ("k".to_owned(), i.to_string()))).await;
    let iterator = rig.iterator(FIRST, ShardIteratorType::TrimHorizon, None).await;
    let page = rig.client.get_records().shard_iterator(iterator).limit(3).send().await.unwrap();
    assert_eq!(page.records().len(), 3);
    let rest = rig.read(page.next_shard_iterator().unwrap().to_owned(), 2).await;
    assert_eq!(rest.texts(), ["3", "4"]);
}

pub async fn a_partition_key_goes_where_its_md5_says(client: Client) {
    let rig = Rig::new(client, "routing", 3).await;
    let shards = rig.shards().await;
    let mut hit = BTreeSet::new();
    for i in 0..20 {
        let account = format!("account-{i}");
        let (start, end) = range(shards.iter().find(|s| range(s).1 >= hash_key(&account)).unwrap());
        let (shard, _) = rig.put(&account, "x").await;
        assert_eq!(range(&rig.shard(&shard).await), (start, end), "{account}");
        hit.insert(shard);
    }
    assert_eq!(hit.len(), 3);
}

pub async fn an_explicit_hash_key_goes_before_the_partition_key(client: Client) {
    let rig = Rig::new(client, "explicit", 2).await;
    assert_eq!(rig.put_at(0, "low").await.0, FIRST);
    assert_eq!(rig.put_at(u128::MAX, "high").await.0, SECOND);
}

pub async fn each_kind_of_iterator_starts_where_it_says(client: Client) {
    let rig = Rig::new(client, "iterators", 1).await;
    let (_, one) = rig.put("k", "one").await;
    rig.put("k", "two").await;
    let latest = rig.iterator(FIRST, ShardIteratorType::Latest, None).await;
    rig.put("k", "three").await;
    let horizon = rig.iterator(FIRST, ShardIteratorType::TrimHorizon, None).await;
    let at = rig.iterator(FIRST, ShardIteratorType::AtSequenceNumber, Some(&one)).await;
    let after = rig.iterator(FIRST, ShardIteratorType::AfterSequenceNumber, Some(&one)).await;
    assert_eq!(rig.read(latest, 1).await.texts(), ["three"]);
    assert_eq!(rig.read(horizon, 3).await.texts(), ["one", "two", "three"]);
    assert_eq!(rig.read(at, 3).await.texts(), ["one", "two", "three"]);
    assert_eq!(rig.read(after, 2).await.texts(), ["two", "three"]);
}

pub async fn an_iterator_at_a_time_starts_with_what_arrived_from_then_on(client: Client) {
    let rig = Rig::new(client, "at-a-time", 1).await;
    rig.put("k", "before").await;
    // Arrival is told in milliseconds, and times travel as binary fractions: the two must lie well apart.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    rig.put("k", "after").await;
    let got = rig.read_all(FIRST, 2).await;
    let arrival = |i: usize| got.records[i].approximate_arrival_timestamp().unwrap().to_millis().unwrap();
    let time = DateTime::from_millis(arrival(0) + (arrival(1) - arrival(0)) / 2);
    let got = rig.client.get_shard_iterator().stream_name(&rig.stream).shard_id(FIRST).timestamp(time);
    let got = got.shard_iterator_type(ShardIteratorType::AtTimestamp).send().await.unwrap();
    assert_eq!(rig.read(got.shard_iterator().unwrap().to_owned(), 1).await.texts(), ["after"]);
}

pub async fn the_start_of_a_shard_is_a_place_to_read_from(client: Client) {
    let rig = Rig::new(client, "start", 1).await;
    rig.put("k", "one").await;
    let shard = rig.shard(FIRST).await;
    let start = shard.sequence_number_range().unwrap().starting_sequence_number();
    for kind in [ShardIteratorType::AtSequenceNumber, ShardIteratorType::AfterSequenceNumber] {
        let iterator = rig.iterator(FIRST, kind, Some(start)).await;
        assert_eq!(rig.read(iterator, 1).await.texts(), ["one"]);
    }
}

pub async fn a_reader_at_the_tip_is_not_behind(client: Client) {
    let rig = Rig::new(client, "tip", 1).await;
    rig.put("k", "one").await;
    let iterator = rig.iterator(FIRST, ShardIteratorType::TrimHorizon, None).await;
    let page = rig.client.get_records().shard_iterator(iterator).send().await.unwrap();
    let tip = page.next_shard_iterator().unwrap();
    let page = rig.client.get_records().shard_iterator(tip).send().await.unwrap();
    assert_eq!((page.records().len(), page.millis_behind_latest()), (0, Some(0)));
    assert!(page.next_shard_iterator().is_some());
}

pub async fn a_stream_can_be_named_by_its_arn(client: Client) {
    let rig = Rig::new(client, "by-arn", 1).await;
    let arn = rig.arn().await;
    assert!(arn.ends_with(":stream/by-arn"), "{arn}");
    let listed = rig.client.list_shards().stream_arn(&arn).send().await.unwrap();
    assert_eq!(listed.shards().len(), 1);
}

pub async fn retention_can_be_changed(client: Client) {
    let rig = Rig::new(client, "retention", 1).await;
    let longer = rig.client.increase_stream_retention_period().stream_name(&rig.stream);
    longer.retention_period_hours(48).send().await.unwrap();
    rig.active().await;
    let said = rig.client.describe_stream_summary().stream_name(&rig.stream).send().await.unwrap();
    assert_eq!(said.stream_description_summary().unwrap().retention_period_hours(), 48);
}

pub async fn shards_come_in_pages_by_the_token_alone(client: Client) {
    let rig = Rig::new(client, "pages", 5).await;
    let (mut seen, mut token) = (Vec::new(), None::<String>);
    loop {
        let page = rig.client.list_shards().max_results(2);
        let page = match token.take() {
            Some(token) => page.next_token(token),
            None => page.stream_name(&rig.stream),
        };
        let page = page.send().await.unwrap();
        assert!(page.shards().len() <= 2);
        seen.extend(page.shards().iter().map(|s| s.shard_id().to_owned()));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 5);
}

async fn split_in_the_middle(rig: &Rig) {
    let split = rig.client.split_shard().stream_name(&rig.stream).shard_to_split(FIRST);
    split.new_starting_hash_key((1u128 << 127).to_string()).send().await.unwrap();
    rig.active().await;
}

pub async fn a_split_parent_is_read_to_its_end_and_names_its_children(client: Client) {
    let rig = Rig::new(client, "split-parent", 1).await;
    let texts: Vec<String> = (0..20).map(|i| format!("text {i}")).collect();
    rig.put_many(texts.iter().map(|t| (t.clone(), t.clone()))).await;
    split_in_the_middle(&rig).await;
    let got = rig.read_to_end(FIRST).await;
    assert_eq!(got.texts(), texts);
    let children = got.children.iter().map(|c| c.shard_id());
    assert_eq!(names(children), names([SECOND, "shardId-000000000002"]));
    assert!(got.children.iter().all(|c| c.parent_shards() == [FIRST]));
    let parent = rig.shard(FIRST).await;
    assert!(parent.sequence_number_range().unwrap().ending_sequence_number().is_some());
}

pub async fn children_hold_what_came_after_the_split(client: Client) {
    let rig = Rig::new(client, "split-children", 1).await;
    split_in_the_middle(&rig).await;
    let shards = rig.shards().await;
    let children: Vec<&Shard> = shards.iter().filter(|s| s.parent_shard_id() == Some(FIRST)).collect();
    assert_eq!(children.iter().map(|c| range(c)).collect::<BTreeSet<_>>().len(), 2);
    for child in children {
        let (start, end) = range(child);
        for hash in [start, end] {
            assert_eq!(rig.put_at(hash, "later").await.0, child.shard_id());
        }
        let got = rig.read_all(child.shard_id(), 2).await;
        let from = number(child.sequence_number_range().unwrap().starting_sequence_number());
        assert!(got.records.iter().all(|r| number(r.sequence_number()) > from));
    }
}

pub async fn a_merged_shard_has_two_parents_that_both_end(client: Client) {
    let rig = Rig::new(client, "merge", 2).await;
    rig.put_at(0, "low").await;
    rig.put_at(u128::MAX, "high").await;
    let merge = rig.client.merge_shards().stream_name(&rig.stream);
    merge.shard_to_merge(FIRST).adjacent_shard_to_merge(SECOND).send().await.unwrap();
    rig.active().await;
    let child = rig.shard("shardId-000000000002").await;
    let parents = [child.parent_shard_id(), child.adjacent_parent_shard_id()];
    assert_eq!(names(parents.into_iter().flatten()), names([FIRST, SECOND]));
    assert_eq!(range(&child), (0, u128::MAX));
    for (parent, text) in [(FIRST, "low"), (SECOND, "high")] {
        let got = rig.read_to_end(parent).await;
        assert_eq!(got.texts(), [text]);
        assert_eq!(got.children.len(), 1, "{parent}");
        assert_eq!(got.children[0].shard_id(), child.shard_id());
        let parents = got.children[0].parent_shards().iter().map(String::as_str);
        assert_eq!(names(parents), names([FIRST, SECOND]));
    }
}

pub async fn scaling_doubles_the_open_shards(client: Client) {
    let rig = Rig::new(client, "scale", 2).await;
    let scale = rig.client.update_shard_count().stream_name(&rig.stream).target_shard_count(4);
    scale.scaling_type(ScalingType::UniformScaling).send().await.unwrap();
    rig.active().await;
    let ending = |s: &Shard| s.sequence_number_range().unwrap().ending_sequence_number().is_some();
    let shards = rig.shards().await;
    let mut open: Vec<_> = shards.iter().filter(|s| !ending(s)).map(range).collect();
    open.sort_unstable();
    assert_eq!((open.len(), open[0].0, open[3].1), (4, 0, u128::MAX));
    assert!(open.windows(2).all(|w| w[0].1 + 1 == w[1].0));
}

pub async fn what_does_not_exist_is_not_found(client: Client) {
    let rig = Rig::new(client, "not-found", 1).await;
    let listed = rig.client.list_shards().stream_name("never-made").send().await;
    assert_eq!(code(listed), "ResourceNotFoundException");
    let iterator = rig.client.get_shard_iterator().stream_name(&rig.stream).shard_id("shardId-000000000099");
    let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await;
    assert_eq!(code(iterator), "ResourceNotFoundException");
}

pub async fn what_exists_is_not_made_again(client: Client) {
    let rig = Rig::new(client, "twice", 1).await;
    let again = rig.client.create_stream().stream_name(&rig.stream).shard_count(1).send().await;
    assert_eq!(code(again), "ResourceInUseException");
}

pub async fn an_iterator_that_is_none_is_refused(client: Client) {
    let refused = client.get_records().shard_iterator("AAAAAAAAAAHnot-an-iterator").send().await;
    assert_eq!(code(refused), "InvalidArgumentException");
}

pub async fn a_sequence_number_of_another_shard_is_refused(client: Client) {
    let rig = Rig::new(client, "foreign-number", 2).await;
    let (_, sequence) = rig.put_at(0, "low").await;
    let iterator = rig.client.get_shard_iterator().stream_name(&rig.stream).shard_id(SECOND);
    let iterator = iterator.shard_iterator_type(ShardIteratorType::AfterSequenceNumber);
    let refused = iterator.starting_sequence_number(sequence).send().await;
    assert_eq!(code(refused), "InvalidArgumentException");
}

pub async fn consumers_come_and_go(client: Client) {
    let rig = Rig::new(client, "fan-out", 1).await;
    let arn = rig.arn().await;
    let made =
        rig.client.register_stream_consumer().stream_arn(&arn).consumer_name("one").send().await.unwrap();
    let consumer = made.consumer().unwrap().consumer_arn().to_owned();
    let again = rig.client.register_stream_consumer().stream_arn(&arn).consumer_name("one").send().await;
    assert_eq!(code(again), "ResourceInUseException");
    rig.consumer_is_active(&consumer).await;
    let listed = rig.client.list_stream_consumers().stream_arn(&arn).send().await.unwrap();
    assert_eq!(listed.consumers().iter().map(|c| c.consumer_name()).collect::<Vec<_>>(), ["one"]);
    rig.client.deregister_stream_consumer().consumer_arn(&consumer).send().await.unwrap();
    rig.until("the consumer is gone", async || {
        let listed = rig.client.list_stream_consumers().stream_arn(&arn).send().await.unwrap();
        listed.consumers().is_empty().then_some(())
    })
    .await;
}
