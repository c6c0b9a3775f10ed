//! Processes that ingest alone and share the shards of a stream by count: real processes, on one store. The product has no such role yet (who
//! would take the records on is the account edge through Kafka); `tests/examples/ingest.rs` is the rest of one around the product's own source, registry
//! and store.
use super::crash::{at, embedded};
use super::dietz::{Dietz, Pipeline, postgres, sqlite, until};
use super::harbor::{self, HEADER, line};
use crate::postgres::fresh_database;
use stand_ins::kinesis::{FakeKinesis, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{QuarantineFilter, Store};
use tokio::runtime::Runtime;

const STREAM: &str = "values";
const SHARDS: u32 = 6;
const ACCOUNTS: u32 = 20;

/// A stream, a store, and who ingests from the one into the other.
struct House {
    dietz: Dietz,
    fake: FakeKinesis,
    runtime: Runtime,
    store: Arc<dyn Store>,
}

impl House {
    fn new(sink: String, open: impl AsyncFn(&Dietz) -> Arc<dyn Store>) -> House {
        let mut dietz = harbor::folder();
        let fake = FakeKinesis::start(Settings::default()).expect("a fake Kinesis");
        fake.create_stream(STREAM, SHARDS).expect("a stream");
        dietz.env = fake.env();
        let source =
            format!("type = \"kinesis\"\nstream = \"{STREAM}\"\npoll = \"20ms\"\ndiscover = \"200ms\"");
        dietz.make("topology.toml", harbor::topology(&source, &format!("{sink}\nlease = \"1s\"")));
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime.block_on(open(&dietz));
        runtime.block_on(store.migrate()).expect("tables");
        House { dietz, fake, runtime, store }
    }

    fn ingest(&self) -> Pipeline {
        let here = std::env::current_exe().expect("the test binary has a path");
        let target = here.parent().and_then(Path::parent).expect("it lies in target/PROFILE/deps");
        let binary = target.join("examples/ingest");
        let what_to_do = "run `cargo build -p tests --examples` first";
        assert!(binary.is_file(), "{} is missing: {what_to_do}", binary.display());
        self.dietz.background(Command::new(binary))
    }

    /// How many open shards each process holds, by its number; everything that is held at all is held by one that lives.
    fn shares(&self) -> BTreeMap<String, usize> {
        let told = self.runtime.block_on(self.store.reader().ownership()).expect("the store answers");
        assert!(told.workers.iter().all(|w| w.role == "ingest"), "{told:?}");
        let shards = self.fake.shards(STREAM).expect("shards");
        let open: BTreeSet<String> =
            shards.into_iter().filter(|s| s.open).map(|s| format!("in/{}", s.id)).collect();
        let mut shares = BTreeMap::new();
        for (_, owner) in told.partitions.iter().filter(|(id, _)| open.contains(id.as_str())) {
            *shares.entry(owner.clone()).or_default() += 1;
        }
        shares
    }

    /// Waits until the open shards lie with these processes, so many each, and with nobody else.
    fn until_shared(&self, what: &str, wanted: &[(&Pipeline, usize)]) {
        let wanted: BTreeMap<String, usize> =
            wanted.iter().map(|(p, count)| (format!("ingest/{}", p.id()), *count)).collect();
        until(what, || (self.shares() == wanted).then_some(()));
    }

    /// Waits until something more of every open shard is committed.
    fn all_read_on(&self) {
        let committed = || -> BTreeMap<String, u64> {
            let all = self.runtime.block_on(self.store.reader().checkpoints()).expect("the store answers");
            all.into_iter().map(|c| (c.id.as_str().to_owned(), c.counts.read)).collect()
        };
        let before = committed();
        let shards = self.fake.shards(STREAM).expect("shards");
        until("more of every shard", || {
            let now = committed();
            let read = |id: &str, counts: &BTreeMap<String, u64>| {
                counts.get(&format!("in/{id}")).copied().unwrap_or_default()
            };
            let mut open = shards.iter().filter(|s| s.open);
            open.all(|s| read(&s.id, &now) > read(&s.id, &before)).then_some(())
        });
    }

    /// Lines of the stream that are in the store, as they were put, in no order.
    fn ingested(&self) -> Vec<String> {
        let (mut lines, mut after) = (Vec::new(), 0);
        loop {
            let page = self.store.reader();
            let page = self.runtime.block_on(page.quarantine(&QuarantineFilter::default(), after, 10_000));
            let page = page.expect("the store answers");
            let Some(last) = page.last() else { return lines };
            after = last.id;
            // Each message begins with the header.
            lines.extend(page.into_iter().map(|q| q.text + "\n").filter(|text| text != HEADER));
        }
    }

    /// Records committed, headers included, by what the checkpoints count.
    fn counted(&self) -> u64 {
        let all = self.runtime.block_on(self.store.reader().checkpoints()).expect("the store answers");
        all.iter().map(|c| c.counts.read).sum()
    }

    /// Puts lines until it is told to stop; all that were put, in order.
    fn put(&self, stop: &AtomicBool) -> Vec<String> {
        let mut put = Vec::new();
        for (account, day) in (0..).flat_map(|day| (0..ACCOUNTS).map(move |account| (account, day))) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let line = line(account, day);
            let message = HEADER.to_owned() + &line;
            self.fake.put(STREAM, &format!("A-{account}"), message.as_bytes()).expect("a put");
            put.push(line);
            std::thread::sleep(Duration::from_millis(3));
        }
        put
    }
}

fn shards_are_shared_by_count(house: &House) {
    let stop = AtomicBool::new(false);
    let mut put = std::thread::scope(|scope| {
        let putting = scope.spawn(|| house.put(&stop));
        // A failed assertion must end the writer too, or the scope waits for it for ever.
        let stopping = Stopping(&stop);
        let mut one = house.ingest();
        house.until_shared("all shards with the only process", &[(&one, 6)]);
        let mut two = house.ingest();
        house.until_shared("half of the shards with each process", &[(&one, 3), (&two, 3)]);
        house.all_read_on();
        let open = house.fake.shards(STREAM).expect("shards");
        house.fake.split(STREAM, &open[0].id).expect("a split");
        until("the children of a split shared out", || {
            let mut counts: Vec<usize> = house.shares().into_values().collect();
            counts.sort_unstable();
            (counts == [3, 4]).then_some(())
        });
        house.all_read_on();
        one.stop();
        house.until_shared("the shards of one that left with the other", &[(&two, 7)]);
        house.all_read_on();
        let mut three = house.ingest();
        until("a half with each again", || house.shares().values().all(|n| *n <= 4).then_some(()));
        house.all_read_on();
        two.kill();
        house.until_shared("the shards of one that died with the other", &[(&three, 7)]);
        house.all_read_on();
        drop(stopping);
        let put = putting.join().expect("the writer");
        // Each message is a header and a line.
        until("the rest of the records", || (house.counted() >= 2 * put.len() as u64).then_some(()));
        three.stop();
        put
    });
    assert_eq!(house.counted(), 2 * put.len() as u64, "some records were committed twice");
    let mut ingested = house.ingested();
    ingested.sort_unstable();
    put.sort_unstable();
    assert_eq!(ingested.len(), put.len());
    assert!(ingested == put, "every line that was put is in the store, once");
}

struct Stopping<'s>(&'s AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn two_processes_that_ingest_share_the_shards_by_count_as_they_come_and_go_on_the_embedded_store() {
    shards_are_shared_by_count(&House::new(sqlite("dietz.db"), async |dietz| embedded(dietz).await));
}

#[test]
fn two_processes_that_ingest_share_the_shards_by_count_as_they_come_and_go_on_postgres() {
    let url = fresh_database();
    shards_are_shared_by_count(&House::new(postgres(&url), async |_| at(&url).await));
}
