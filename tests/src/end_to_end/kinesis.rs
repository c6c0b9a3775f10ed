//! A stream read by the binary: generated feeds as messages, shards that split and merge, pipelines that are killed.
use super::crash::{embedded, end};
use super::dietz::{Dietz, Pipeline, Settings, sqlite, text};
use load_tests::{Feed, Share};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sources::kinesis::aggregate::Aggregate;
use stand_ins::kinesis::{FakeKinesis, Operation, Settings as Fake, rough_sea};
use std::time::{Duration, Instant};
use store::Store;

pub const FEEDS: &str = "feeds";
pub const CORRECTIONS: &str = "corrections";
/// How long anything may take before a test says that it does not happen.
pub const PATIENCE: Duration = Duration::from_secs(90);

fn feed() -> Feed {
    Feed {
        accounts: 40,
        days: 60,
        vendors: 2,
        late: Share::percent(3),
        duplicate: Share::percent(1),
        malformed: Share::percent(1),
        ..Feed::default()
    }
}

/// What is put into a stream: the account, and a message that is whole by itself.
pub type Message = (String, String);

/// The lines of the generated feeds, each with its header, and the corrections.
pub fn messages(dietz: &Dietz) -> (Vec<Message>, Vec<Message>) {
    let read = |path: &str| std::fs::read_to_string(dietz.path(path)).expect("a generated feed");
    let mut feeds = Vec::new();
    for (path, separator, column) in [("feeds/bulk.csv", ',', 0), ("feeds/mirror.psv", '|', 1)] {
        let all = read(path);
        let (header, lines) = all.split_once('\n').expect("a header");
        for line in lines.lines() {
            // A malformed line may name nobody, and Kinesis takes no empty key.
            let account = line.split(separator).nth(column).filter(|a| !a.is_empty()).unwrap_or("none");
            feeds.push((account.to_owned(), format!("{header}\n{line}\n")));
        }
    }
    let corrections = read("corrections/corrections.jsonl");
    let corrections = corrections.lines().map(|line| ("corrections".to_owned(), line.to_owned()));
    (feeds, corrections.collect())
}

/// Writes a topology over the two streams into an embedded store.
pub fn over_streams(dietz: &Dietz, file: &str, store: &str, consumer: &str) {
    let settings =
        Settings { sink: sqlite(store), batch_records: 50, batch_rows: 100, ..Settings::default() };
    dietz.topology(file, &settings);
    for stream in [FEEDS, CORRECTIONS] {
        let from = format!("type = \"file\"\npath = \"{stream}\"");
        let to = format!(
            "type = \"kinesis\"\nstream = \"{stream}\"\npoll = \"20ms\"\ndiscover = \"200ms\"\n{consumer}"
        );
        dietz.change(file, &from, &to);
    }
}

/// A generated feed and its mappings, and the streams it is put into.
struct Bench {
    dietz: Dietz,
    fake: FakeKinesis,
    feeds: Vec<Message>,
    corrections: Vec<Message>,
}

impl Bench {
    fn new(settings: Fake) -> Bench {
        let mut dietz = Dietz::generated(&feed(), Share::percent(1));
        let fake = FakeKinesis::start(settings).expect("a fake Kinesis");
        fake.create_stream(FEEDS, 2).expect("a stream");
        fake.create_stream(CORRECTIONS, 1).expect("a stream");
        dietz.env = fake.env();
        let (feeds, corrections) = messages(&dietz);
        Bench { dietz, fake, feeds, corrections }
    }

    fn put(&self, stream: &str, messages: &[Message]) {
        for (key, message) in messages {
            self.fake.put(stream, key, message.as_bytes()).expect("a put");
        }
    }

    fn topology(&self, file: &str, store: &str, consumer: &str) {
        over_streams(&self.dietz, file, store, consumer);
    }

    fn start(&self, topology: &str) -> Pipeline {
        self.dietz.spawn(&["run", topology])
    }

    /// Records of both streams.
    fn total(&self) -> u64 {
        (self.feeds.len() + self.corrections.len()) as u64
    }
}

/// Records committed; the header that each message has is ignored.
pub async fn read(store: &dyn Store) -> u64 {
    let all = store.reader().checkpoints().await.expect("the store answers");
    all.iter().map(|c| c.counts.decoded + c.counts.quarantined).sum()
}

/// Waits until so many records are committed; the pipeline must be alive all the while.
pub async fn until_read(store: &dyn Store, records: u64, child: &mut Pipeline) {
    let since = Instant::now();
    loop {
        let now = read(store).await;
        assert!(now <= records, "{now} records were committed of {records}: some twice");
        if now == records {
            return;
        }
        assert_eq!(child.ended(), None, "the pipeline ended with {now} of {records}");
        assert!(since.elapsed() < PATIENCE, "{now} of {records} records came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same streams read once, undisturbed.
async fn undisturbed(bench: &Bench) -> (String, Vec<String>) {
    bench.topology("undisturbed.toml", "undisturbed.db", "");
    let store = embedded_at(bench, "undisturbed.db").await;
    let mut child = bench.start("undisturbed.toml");
    until_read(&*store, bench.total(), &mut child).await;
    child.stop();
    end(&bench.dietz, "undisturbed.toml")
}

async fn embedded_at(bench: &Bench, file: &str) -> std::sync::Arc<dyn Store> {
    if file == "dietz.db" {
        let store = embedded(&bench.dietz).await;
        store.migrate().await.expect("tables");
        return store;
    }
    let names = std::sync::Arc::new(store::Names::default());
    let opened = store::sqlite::open(&bench.dietz.path(file), names).await.expect("the embedded store");
    let opened: std::sync::Arc<dyn Store> = std::sync::Arc::new(opened);
    opened.migrate().await.expect("tables");
    opened
}

fn reshard(fake: &FakeKinesis, chance: &mut SmallRng) {
    let mut open: Vec<_> = fake.shards(FEEDS).expect("shards").into_iter().filter(|s| s.open).collect();
    open.sort_by_key(|s| s.range.start);
    let at = chance.random_range(0..open.len());
    if open.len() < 3 || (open.len() < 6 && chance.random_bool(0.5)) {
        fake.split(FEEDS, &open[at].id).expect("a split");
    } else {
        let at = at.min(open.len() - 2);
        fake.merge(FEEDS, &open[at].id, &open[at + 1].id).expect("a merge");
    }
}

async fn killed_while_shards_split_and_merge(consumer: &str) {
    let bench = Bench::new(Fake {
        page_bytes: 4_000,
        event_bytes: 4_000,
        subscription_hold: Duration::from_millis(300),
        ..Fake::default()
    });
    bench.topology("topology.toml", "dietz.db", consumer);
    let store = embedded_at(&bench, "dietz.db").await;
    bench.fake.inject_all(rough_sea(10));
    let mut chance = SmallRng::seed_from_u64(9);
    let parts = 10;
    for part in 0..parts {
        let of = |all: &[Message]| {
            let each = all.len().div_ceil(parts);
            all[(part * each).min(all.len())..((part + 1) * each).min(all.len())].to_vec()
        };
        let before = read(&*store).await;
        let mut child = bench.start("topology.toml");
        bench.put(FEEDS, &of(&bench.feeds));
        bench.put(CORRECTIONS, &of(&bench.corrections));
        reshard(&bench.fake, &mut chance);
        let since = Instant::now();
        while read(&*store).await == before && since.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..60))).await;
        if part % 3 == 2 {
            child.stop();
        } else {
            child.kill();
        }
    }
    let mut child = bench.start("topology.toml");
    until_read(&*store, bench.total(), &mut child).await;
    child.stop();
    assert!(bench.fake.shards(FEEDS).expect("shards").len() > 8, "shards were split and merged");
    let fans_out = bench.fake.counts().calls(Operation::SubscribeToShard) > 0;
    assert_eq!(fans_out, !consumer.is_empty());
    bench.fake.calm();
    let (report, quarantine) = end(&bench.dietz, "topology.toml");
    let (expected, quarantined) = undisturbed(&bench).await;
    assert!(report.lines().count() > 1_000, "{} rows", report.lines().count());
    let differs = report.lines().zip(expected.lines()).find(|(killed, whole)| killed != whole);
    assert_eq!(differs, None, "the report differs from that of an undisturbed run");
    assert_eq!(report.lines().count(), expected.lines().count());
    // Where a record of the stream lies is the same in both runs.
    assert_eq!(quarantine, quarantined);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_shards_split_and_merge_a_polling_pipeline_loses_and_doubles_nothing() {
    killed_while_shards_split_and_merge("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_shards_split_and_merge_a_subscribing_pipeline_loses_and_doubles_nothing() {
    killed_while_shards_split_and_merge("consumer = \"fan_out\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_comes_over_several_shards_or_in_aggregates_has_the_same_figures_as_from_a_file() {
    let bench = Bench::new(Fake::default());
    // No record lies beside those of its account, and records of an account overtake each other.
    let mut aggregate = Aggregate::new(20_000);
    for (n, (_, message)) in bench.feeds.iter().enumerate() {
        let key = format!("{:08x}", (n as u32).wrapping_mul(2_654_435_761));
        if n % 2 == 0 {
            bench.fake.put(FEEDS, &key, message.as_bytes()).expect("a put");
        } else if !aggregate.add(&key, None, message.clone().into()) {
            put_aggregate(&bench, &mut aggregate);
            assert!(aggregate.add(&key, None, message.clone().into()));
        }
    }
    put_aggregate(&bench, &mut aggregate);
    bench.put(CORRECTIONS, &bench.corrections);
    let (odd, _) = undisturbed(&bench).await;
    bench.dietz.topology("files.toml", &Settings { sink: sqlite("files.db"), ..Settings::default() });
    bench.dietz.ok(&["run", "files.toml"]);
    let files = bench.dietz.report("files.toml");
    let differs = odd.lines().zip(files.lines()).find(|(stream, file)| stream != file);
    assert_eq!(differs, None, "the report differs from that of the file");
    assert_eq!(odd.lines().count(), files.lines().count());
    // What that costs is told before a run.
    let check = bench.dietz.output(&["check", "undisturbed.toml", "--connect"]);
    let said = text(&check.stdout);
    assert!(said.contains("stream feeds: 2 shard(s), records are kept for 24 hours"), "{said}");
    assert!(said.contains("do not look like accounts"), "{said}");
}

fn put_aggregate(bench: &Bench, aggregate: &mut Aggregate) {
    if let Some(record) = aggregate.finish() {
        bench.fake.put(FEEDS, &record.partition_key, &record.data).expect("a put");
    }
}

#[test]
fn a_stream_that_is_not_there_ends_the_run_with_what_to_do() {
    let bench = Bench::new(Fake::default());
    bench.fake.delete_stream(FEEDS).expect("a stream");
    bench.topology("topology.toml", "dietz.db", "");
    for args in [&["run", "topology.toml"][..], &["check", "topology.toml", "--connect"]] {
        let output = bench.dietz.output(args);
        let said = text(&output.stderr);
        assert!(!output.status.success());
        assert!(
            said.contains("stream feeds in us-east-1") && said.contains("check the stream's name"),
            "{said}"
        );
    }
}

#[test]
fn without_credentials_the_run_ends_with_where_they_are_looked_for() {
    let bench = Bench::new(Fake::default());
    bench.topology("topology.toml", "dietz.db", "");
    let mut command = bench.dietz.command(&["run", "topology.toml"]);
    let home = bench.dietz.path("nobody");
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env("HOME", home);
    let said = text(&command.output().expect("the binary runs").stderr);
    assert!(said.contains("no AWS credentials were found: set AWS_PROFILE"), "{said}");
}
