//! The promises of deliveries in several messages.
use super::{MONDAY, limit, message};
use crate::messages::{DaysOfStream, Message, MessageCutter};
use crate::testing::{LinesLayout, Memory, Shared};
use crate::{Assembly, Compression, FeedStatus, Layouts, OpenLayout, Refused, Registry, Surveyor};
use proptest::prelude::*;
use record::{Delivery, FeedKey, Framer, PartitionId, Position, Progress};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A controlled layout, and beside it one of messages that begin with `=`.
struct Two(Shared);

/// The other layout.
struct Plain(Shared);

impl Two {
    fn new() -> Two {
        let layout: Arc<LinesLayout> = Arc::default();
        layout.declares.store(true, Ordering::Relaxed);
        Two(Shared(layout))
    }
}

impl Layouts for Two {
    fn choose(&self, name: &str, head: &[u8]) -> Result<Arc<dyn OpenLayout>, Refused> {
        if head.starts_with(b"=") {
            return Ok(Arc::new(Plain(Shared(Arc::default()))));
        }
        // Rows alone are of no layout that is known by them.
        let of_none = || Refused { code: "unknown_layout", text: String::new() };
        head.starts_with(b"h").then(|| self.0.choose(name, head)).ok_or_else(of_none)?
    }
    fn named(&self, name: &str) -> Option<Arc<dyn OpenLayout>> {
        self.0.named(name)
    }
}

impl OpenLayout for Plain {
    fn vendor(&self) -> &str {
        "plain"
    }
    fn mapping_version(&self) -> u32 {
        0
    }
    fn mapping_hash(&self) -> [u8; 32] {
        [0; 32]
    }
    fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::UTC
    }
    fn framer(&self, record_limit: usize) -> Box<dyn Framer> {
        self.0.framer(record_limit)
    }
    fn surveyor(&self, record_limit: usize) -> Box<dyn Surveyor> {
        self.0.surveyor(record_limit)
    }
    fn assembly(&self, _: usize, _: Option<&[u8]>) -> Option<Box<dyn Assembly>> {
        None
    }
}

/// A record that was handed over: its text, its place, its feed, and whether it waits.
type Handed = (String, String, FeedKey, bool);

/// What is known of a partition: the store, and all that was handed over and committed.
#[derive(Default)]
struct Bench {
    memory: Arc<Memory>,
    handed: Vec<Handed>,
    /// How each delivery came out: declared, counted, and whether it is whole.
    over: Vec<(FeedKey, Option<u64>, u64, bool)>,
}

impl Bench {
    /// Reads on where the store stands, up to so many pieces, and commits them. Each message comes twice.
    async fn read(&mut self, messages: &[Message], records: usize, pieces: usize) {
        let id = PartitionId::new("s/shardId-1");
        let (partition, committed) = self.memory.open_stream(&id).await.unwrap();
        let open = self.memory.open_deliveries(&partition).await.unwrap();
        let layouts = Arc::new(Two::new());
        let mut cutter = MessageCutter::new(layouts, Compression::Auto, 100, committed, open);
        let mut days = DaysOfStream::new("s".into(), self.memory.clone());
        let is_read = |m: &&Message| {
            let last = Position { sequence: m.sequence, sub: m.sub, item: u32::MAX };
            Progress::At(last) >= committed
        };
        let mut left = pieces;
        for message in messages.iter().filter(is_read).flat_map(|m| [m, m]) {
            cutter.push(message, &limit(records));
            // As a source that is asked for all it has after each message, and after some.
            let all = message.arrival % 3 == 0;
            while let Some(piece) = cutter.next(all).filter(|_| left > 0) {
                left -= 1;
                let batch = days.batch(piece, partition.clone()).await.unwrap();
                self.take(&batch);
            }
        }
        while let Some(piece) = cutter.next(true).filter(|_| left > 0) {
            left -= 1;
            let batch = days.batch(piece, partition.clone()).await.unwrap();
            self.take(&batch);
        }
    }

    fn take(&mut self, batch: &record::RawBatch) {
        self.memory.commit(batch);
        let (feed, waits) = (batch.feed.key, batch.feed.gated);
        self.handed.extend(batch.records.iter().map(|r| {
            let text = String::from_utf8_lossy(batch.record(r)).into_owned();
            (text, r.position.to_string(), feed, waits)
        }));
        self.over.extend(match batch.feed.delivery.as_deref() {
            Some(Delivery::Whole(s)) => Some((feed, s.declared, s.counted, true)),
            Some(Delivery::Waits(s)) => Some((feed, s.declared, s.counted, false)),
            Some(Delivery::Open { .. }) | None => None,
        });
    }

    /// The texts of records that wait, and of those that do not.
    fn texts(&self, waits: bool) -> String {
        self.handed.iter().filter(|h| h.3 == waits).map(|h| h.0.as_str()).collect()
    }
}

fn messages(texts: &[&str]) -> Vec<Message> {
    (1..).zip(texts).map(|(n, text)| message(n, 0, MONDAY + n as i64, text)).collect()
}

#[tokio::test]
async fn messages_up_to_the_trailer_are_one_delivery_whatever_comes_between() {
    let mut bench = Bench::default();
    bench.read(&messages(&["h", "a", "=\nx", "b\n", "", "c", "#3", "h\nd\n#1"]), 9, 99).await;
    assert_eq!((bench.texts(true), bench.texts(false)), ("abc".into(), "xd".into()));
    assert_eq!(bench.over, [(bench.handed[0].2, Some(3), 3, true)]);
    let name = "2025-12-01 s/shardId-1: from message 1, record 1";
    assert_eq!(bench.memory.feed(name).status, FeedStatus::Waiting);
}

#[tokio::test]
async fn a_delivery_whose_trailer_disagrees_goes_on_waiting_and_the_next_is_whole() {
    let mut bench = Bench::default();
    bench.read(&messages(&["h\na", "b", "#3", "h", "a", "b", "#2"]), 9, 99).await;
    let outcome: Vec<_> = bench.over.iter().map(|o| (o.1, o.2, o.3)).collect();
    assert_eq!(outcome, [(Some(3), 2, false), (Some(2), 2, true)]);
    assert_ne!(bench.over[0].0, bench.over[1].0, "each is a feed of its own");
}

#[tokio::test]
async fn a_header_before_the_trailer_gives_the_delivery_before_up_and_a_step_says_so() {
    let mut bench = Bench::default();
    bench.read(&messages(&["h", "a", "h", "b", "#1"]), 9, 99).await;
    let outcome: Vec<_> = bench.over.iter().map(|o| (o.1, o.2, o.3)).collect();
    assert_eq!(outcome, [(None, 1, false), (Some(1), 1, true)]);
    assert!(bench.memory.deliveries.lock().unwrap().is_empty(), "nothing is open any more");
}

#[tokio::test]
async fn a_partition_that_ends_gives_up_what_is_not_over() {
    let mut cutter =
        MessageCutter::new(Arc::new(Two::new()), Compression::Auto, 100, Progress::Start, Vec::new());
    messages(&["h", "a"]).iter().for_each(|m| cutter.push(m, &limit(9)));
    let steps = std::iter::from_fn(|| cutter.end());
    let stands: Vec<_> = steps.map(|p| (p.to == Progress::End, p.delivery.map(|d| d.1))).collect();
    let [(false, Some(open)), (false, Some(given_up)), (true, None)] = &stands[..] else {
        panic!("{stands:?}");
    };
    assert!(matches!(**open, Delivery::Open { .. }) && matches!(**given_up, Delivery::Waits(_)));
}

#[tokio::test]
async fn a_delivery_begun_with_another_mapping_is_given_up() {
    let mut bench = Bench::default();
    let all = messages(&["h", "a", "b", "=\nx"]);
    bench.read(&all[..2], 9, 99).await;
    bench.memory.deliveries.lock().unwrap().values_mut().for_each(|open| open.mapping_version = 7);
    bench.read(&all[3..], 9, 99).await;
    assert_eq!(bench.over.iter().map(|o| o.3).collect::<Vec<_>>(), [false]);
    assert_eq!(bench.texts(false), "x");
}

/// Deliveries with right and wrong trailers, cut at line ends, with other messages between.
fn any_messages() -> impl Strategy<Value = Vec<Message>> {
    let rows = prop::collection::vec("[a-g]{1,3}", 0..7);
    let delivery = (rows, prop_oneof![4 => Just(0usize), 1 => Just(1)]).prop_map(|(rows, wrong)| {
        let trailer = format!("#{}", rows.len() + wrong);
        std::iter::once("h".to_owned()).chain(rows).chain([trailer]).collect::<Vec<_>>()
    });
    let cut = (any::<bool>(), any::<bool>(), 0..6u8, 1..3u64);
    let cuts = prop::collection::vec(cut, 40);
    (prop::collection::vec(delivery, 1..4), cuts).prop_map(|(deliveries, cuts)| {
        let mut all: Vec<String> = Vec::new();
        let mut places: Vec<(u64, u64)> = Vec::new();
        let (mut sequence, mut sub) = (1, 0);
        let mut cuts = cuts.into_iter();
        for lines in deliveries {
            let mut text = String::new();
            for (n, line) in lines.iter().enumerate() {
                text.push_str(line);
                let (go_on, ended, other, step) = cuts.next().unwrap_or((true, true, 0, 1));
                if go_on && n + 1 < lines.len() {
                    text.push('\n');
                    continue;
                }
                let mut put = |text: String| {
                    (sequence, sub) = if step == 2 { (sequence + 1, 0) } else { (sequence, sub + 1) };
                    all.push(text);
                    places.push((sequence, sub));
                };
                put(format!("{}{}", std::mem::take(&mut text), if ended { "\n" } else { "" }));
                match other {
                    0 => put("=\nx\ny".to_owned()),
                    1 => put(String::new()),
                    _ => {}
                }
            }
        }
        let place = |(text, (sequence, sub)): (String, (u64, u64))| {
            message(sequence, sub, MONDAY + (sequence + sub) as i64, &text)
        };
        all.into_iter().zip(places).map(place).collect()
    })
}

proptest! {
    #[test]
    fn however_a_delivery_is_cut_and_wherever_reading_stops_it_comes_out_the_same(
        messages in any_messages(),
        bounds in prop::collection::vec((1..5usize, 0..4usize), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut whole = Bench::default();
        runtime.block_on(whole.read(&messages, 1_000, usize::MAX));
        let mut stopped = Bench::default();
        for (records, pieces) in bounds {
            runtime.block_on(stopped.read(&messages, records, pieces));
        }
        runtime.block_on(stopped.read(&messages, 2, usize::MAX));
        // Feeds are numbered as they are met, which is in the order of their records.
        prop_assert_eq!(stopped.texts(true), whole.texts(true));
        let records = |bench: &Bench| -> Vec<_> {
            bench.handed.iter().map(|h| (h.0.clone(), h.1.clone(), h.3)).collect()
        };
        prop_assert_eq!(records(&stopped), records(&whole));
        let outcome = |bench: &Bench| -> Vec<_> { bench.over.iter().map(|o| (o.1, o.2, o.3)).collect() };
        prop_assert_eq!(outcome(&stopped), outcome(&whole));
        prop_assert!(stopped.memory.deliveries.lock().unwrap().is_empty());
        for (_, declared, counted, is_whole) in &stopped.over {
            prop_assert_eq!(declared == &Some(*counted), *is_whole);
        }
    }
}
