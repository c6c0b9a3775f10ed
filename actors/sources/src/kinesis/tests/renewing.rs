//! Subscriptions over time: renewed before they end, refused, silent. Five minutes pass at once.
use super::seen::{Metrics, pass};
use super::support::*;
use crate::kinesis::{Consumer, KinesisSource};
use stand_ins::kinesis::{ErrorKind, Fault, Operation, Rule, Settings};
use std::time::Duration;
use tokio::time::Instant;

/// A reader of one shard by subscription, on the fake's clock and on its own, which go together.
struct Reader {
    bench: Bench,
    source: KinesisSource,
    put: usize,
}

impl Reader {
    fn new(heartbeat: Duration) -> Reader {
        let mut bench = Bench::with(1, Settings { heartbeat, ..Settings::default() });
        bench.config.consumer = Consumer::FanOut { name: "dietz".into() };
        bench.fake.clock().stop();
        let source = bench.source();
        Reader { bench, source, put: 0 }
    }

    /// Puts two records and reads them, and no other.
    async fn read_two(&mut self) {
        let next = self.put..self.put + 2;
        self.bench.put_many(next.clone());
        self.put = next.end;
        assert_eq!(numbers(&self.bench.read(&mut self.source, 2).await), next.collect::<Vec<_>>());
    }

    /// So many seconds pass, during which it reads on.
    async fn read_for(&mut self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.bench.fake.advance(Duration::from_secs(10));
            pass(Duration::from_secs(10)).await;
            self.read_two().await;
        }
    }

    /// Subscriptions that were granted.
    fn granted(&self) -> u64 {
        let counts = self.bench.fake.counts();
        let (call, refused) = (Operation::SubscribeToShard, ErrorKind::ResourceInUse);
        counts.calls(call) - counts.errors(call, refused)
    }

    async fn until_granted(&mut self, subscriptions: u64) {
        let Reader { bench, source, .. } = self;
        let granted = |b: &Bench| b.fake.counts().calls(Operation::SubscribeToShard) >= subscriptions;
        assert_eq!(bench.read_until(source, granted).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_subscription_is_renewed_before_its_five_minutes_end_and_nothing_is_lost_or_doubled() {
    let metrics = Metrics::new();
    let _watched = metrics.watch();
    let mut reader = Reader::new(Duration::from_millis(20));
    reader.read_two().await;
    for renewal in 1..4 {
        // The fake's seconds are those it was told of; the reader's are also those that the test takes.
        let (mut seconds, since) = (0, Instant::now());
        while reader.granted() == renewal {
            reader.read_for(10).await;
            seconds += 10;
            assert!(seconds < 300, "a subscription came to its end");
        }
        assert!(since.elapsed() > Duration::from_secs(250), "it was renewed after {:?}", since.elapsed());
    }
    reader.bench.nothing_comes(&mut reader.source).await;
    assert_eq!(metrics.of(0, "subscription_renewals_total"), Some(3));
    assert_eq!(metrics.of(0, "failed_calls_total"), Some(0));
}

#[tokio::test]
async fn while_a_renewal_is_refused_the_old_subscription_goes_on_and_another_follows_its_end() {
    let metrics = Metrics::new();
    let _watched = metrics.watch();
    let mut reader = Reader::new(Duration::from_millis(20));
    reader.read_two().await;
    let in_use = Fault::Error(ErrorKind::ResourceInUse);
    let rule = reader.bench.fake.inject(Rule::on(Operation::SubscribeToShard, in_use).times(1));
    reader.read_for(290).await;
    assert_eq!((reader.bench.fake.fired(rule), reader.granted()), (1, 1));
    reader.read_for(20).await;
    assert_eq!(reader.granted(), 2);
    reader.bench.nothing_comes(&mut reader.source).await;
    assert_eq!(metrics.of(0, "subscriptions_in_use_total"), Some(1));
    assert_eq!(metrics.of(0, "subscription_renewals_total"), Some(1));
}

#[tokio::test]
async fn a_subscription_that_falls_silent_is_replaced() {
    // Nobody says that nothing came.
    let mut reader = Reader::new(Duration::from_secs(86_400));
    reader.read_two().await;
    reader.bench.nothing_comes(&mut reader.source).await;
    assert_eq!(reader.granted(), 1);
    let silence = Duration::from_secs(41);
    reader.bench.fake.advance(silence);
    pass(silence).await;
    reader.until_granted(2).await;
    reader.read_two().await;
}
