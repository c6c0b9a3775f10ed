//! Splits and merges, with crashes in between.
use super::support::*;
use crate::kinesis::{Consumer, KinesisSource};
use crate::{Next, Source};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use record::Progress;
use stand_ins::kinesis::{FakeKinesis, Operation, Settings, ShardEnd, ShardOrder, rough_sea};
use std::collections::HashMap;

/// A key, and the running number of its records: those of one key must come in order.
fn put(bench: &Bench, counters: &mut HashMap<usize, usize>, key: usize) {
    let n = counters.entry(key).or_default();
    bench.put(&format!("U{key}"), &format!("{key}:{n}"));
    *n += 1;
}

fn reshard(fake: &FakeKinesis, random: &mut SmallRng) {
    let mut open: Vec<_> = fake.shards(STREAM).unwrap().into_iter().filter(|s| s.open).collect();
    open.sort_by_key(|s| s.range.start);
    if open.len() < 3 || (open.len() < 6 && random.random_bool(0.5)) {
        let at = random.random_range(0..open.len());
        fake.split(STREAM, &open[at].id).unwrap();
    } else {
        let at = random.random_range(0..open.len() - 1);
        fake.merge(STREAM, &open[at].id, &open[at + 1].id).unwrap();
    }
}

/// What was committed, key by key.
#[derive(Default)]
struct Committed(HashMap<usize, Vec<usize>>);

impl Committed {
    fn add(&mut self, lines: &[String]) {
        for line in lines {
            let (key, n) = line.split_once(':').unwrap();
            self.0.entry(key.parse().unwrap()).or_default().push(n.parse().unwrap());
        }
    }

    fn total(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// Takes some batches; some of the newest are never committed.
async fn read_some(bench: &Bench, source: &mut KinesisSource, committed: &mut Committed, calls: usize) {
    for _ in 0..calls {
        if let Next::Batch(batch) = source.next_batch(&bench.limit).await.unwrap() {
            bench.commit(source, &batch).await;
            committed.add(&said(&batch));
        }
    }
}

async fn a_rough_history(seed: u64, fans_out: bool, shard_end: ShardEnd) {
    let mut random = SmallRng::seed_from_u64(seed);
    let settings = Settings {
        seed,
        shard_end,
        page_bytes: 60,
        event_bytes: 60,
        list_page: 2,
        subscription_hold: std::time::Duration::from_millis(200),
        ..Settings::default()
    };
    let mut bench = Bench::with(2, settings);
    bench.limit.records = 3;
    bench.limit.wait = std::time::Duration::from_millis(5);
    if fans_out {
        bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
    }
    bench.fake.list_shards_in(ShardOrder::Shuffled(seed));
    let (mut counters, mut committed) = (HashMap::new(), Committed::default());
    let mut source = bench.source();
    bench.fake.inject_all(rough_sea(30));
    for round in 0..24 {
        for _ in 0..random.random_range(0..12) {
            put(&bench, &mut counters, random.random_range(0..10));
        }
        if round % 3 == 0 {
            reshard(&bench.fake, &mut random);
        }
        let calls = random.random_range(0..12);
        read_some(&bench, &mut source, &mut committed, calls).await;
        if random.random_bool(0.25) {
            // It is killed, with what it has read and not committed.
            source = bench.source();
        }
    }
    let total: usize = counters.values().sum();
    let since = std::time::Instant::now();
    while committed.total() < total {
        assert!(since.elapsed() < 2 * PATIENCE, "seed {seed}: {} of {total} came", committed.total());
        read_some(&bench, &mut source, &mut committed, 5).await;
    }
    bench.nothing_comes(&mut source).await;
    for (key, n) in counters {
        assert_eq!(
            committed.0[&key],
            (0..n).collect::<Vec<_>>(),
            "seed {seed}, key {key}: once, and in order"
        );
    }
    let closed = bench.fake.shards(STREAM).unwrap().into_iter().filter(|s| !s.open);
    let all: Vec<String> = closed.map(|s| s.id).collect();
    bench.read_until(&mut source, |b| all.iter().all(|id| b.progress(id) == Some(Progress::End))).await;
}

#[tokio::test]
async fn splits_and_merges_under_load_with_crashes_between_lose_and_double_nothing_and_keep_each_keys_order()
{
    for seed in 1..4 {
        a_rough_history(seed, false, ShardEnd::WithLastRecords).await;
    }
    a_rough_history(4, false, ShardEnd::OnAnEmptyPage).await;
}

#[tokio::test]
async fn the_same_holds_for_subscriptions() {
    a_rough_history(11, true, ShardEnd::WithLastRecords).await;
    a_rough_history(12, true, ShardEnd::OnAnEmptyPage).await;
}

#[tokio::test]
async fn the_tail_of_a_closed_parent_is_read_to_its_end_after_a_restart() {
    let mut bench = Bench::new(1);
    bench.limit.records = 2;
    bench.put_many(0..6);
    let mut source = bench.source();
    let batch = bench.next(&mut source).await.unwrap();
    bench.commit(&mut source, &batch).await;
    drop(source);
    let children = bench.fake.split(STREAM, "shardId-000000000000").unwrap();
    bench.put_many(6..12);
    let mut source = bench.source();
    let read = bench.read(&mut source, 10).await;
    let first: Vec<String> = (2..6).map(|n| n.to_string()).collect();
    assert_eq!(read[..4], first, "the parent's first");
    assert_eq!(numbers(&read), (2..12).collect::<Vec<_>>());
    assert_eq!(bench.progress("shardId-000000000000"), Some(Progress::End));
    assert!(children.iter().all(|c| bench.progress(c).is_some()));
}

#[tokio::test]
async fn a_child_is_not_asked_for_while_its_parents_end_is_read_and_not_committed() {
    let bench = Bench::new(1);
    bench.put_many(0..2);
    bench.fake.split(STREAM, "shardId-000000000000").unwrap();
    bench.put_many(2..9);
    let mut source = bench.source();
    let mut unsettled = Vec::new();
    loop {
        let batch = bench.next(&mut source).await.unwrap();
        unsettled.push(batch);
        if unsettled.last().unwrap().to == Progress::End {
            break;
        }
    }
    for _ in 0..20 {
        assert!(matches!(source.next_batch(&bench.limit).await.unwrap(), Next::Idle), "it is not committed");
    }
    assert_eq!(bench.fake.counts().calls(Operation::GetShardIterator), 1);
    for batch in &unsettled {
        bench.commit(&mut source, batch).await;
    }
    assert_eq!(numbers(&bench.read(&mut source, 7).await), (2..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_a_family_long_gone_the_grandchildren_are_read_from_their_start() {
    let bench = Bench::new(1);
    let [low, _] = bench.fake.split(STREAM, "shardId-000000000000").unwrap();
    bench.fake.split(STREAM, &low).unwrap();
    bench.fake.forget_shard(STREAM, "shardId-000000000000").unwrap();
    bench.fake.forget_shard(STREAM, &low).unwrap();
    bench.put_many(0..20);
    assert_eq!(numbers(&bench.read(&mut bench.source(), 20).await), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_shard_that_is_another_processs_to_read_is_let_go_once_all_that_was_read_of_it_is_committed() {
    let bench = Bench::new(2);
    bench.put_many(0..40);
    let mut source = bench.source();
    let (mut held, mut lines) = (Vec::new(), 0);
    while lines < 40 {
        let batch = bench.next(&mut source).await.unwrap();
        lines += said(&batch).len();
        held.push(batch);
    }
    let theirs = "s/shardId-000000000001".to_owned();
    bench.memory.others.lock().unwrap().insert(theirs.clone());
    let since = std::time::Instant::now();
    while since.elapsed() < std::time::Duration::from_secs(4) {
        assert!(matches!(source.next_batch(&bench.limit).await.unwrap(), Next::Idle));
        assert!(bench.memory.released.lock().unwrap().is_empty(), "what was read of it is not committed");
    }
    for batch in &held {
        bench.commit(&mut source, batch).await;
    }
    bench.read_until(&mut source, |b| *b.memory.released.lock().unwrap() == [theirs.clone()]).await;
    bench.put_many(40..80);
    let ours = bench.fake.records(STREAM, "shardId-000000000000").unwrap().len();
    let before =
        held.iter().filter(|b| b.partition.id.as_str() != theirs).map(|b| said(b).len()).sum::<usize>();
    bench.read(&mut source, ours - before).await;
    bench.nothing_comes(&mut source).await;
    bench.memory.others.lock().unwrap().clear();
    let rest = 40 - (ours - before);
    assert_eq!(bench.read(&mut source, rest).await.len(), rest, "given back, it is read on");
}
