//! A controlled feed that a forwarder sends line by line: it counts as the file does, or not at all.
use super::crash::{at, embedded, start_and_kill};
use super::dietz::{Dietz, Settings, postgres, sqlite};
use crate::postgres::fresh_database;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use stand_ins::kinesis::{FakeKinesis, Settings as Fake};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;

const STREAM: &str = "forwarded";
/// A month of one custodian's feeds, each with the number of its rows in the last line.
const FEEDS: &str = "quarry_202501";

/// Files in a folder, and a stream that they are forwarded to.
struct Bench {
    dietz: Dietz,
    fake: FakeKinesis,
}

impl Bench {
    fn new() -> Bench {
        let mut dietz = Dietz::shipped();
        let fake = FakeKinesis::start(Fake { page_bytes: 4_000, ..Fake::default() }).expect("a fake Kinesis");
        fake.create_stream(STREAM, 2).expect("a stream");
        dietz.env = vec![
            ("AWS_ENDPOINT_URL", fake.url().to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ];
        let bench = Bench { dietz, fake };
        std::fs::create_dir(bench.dietz.path("sent")).expect("a folder");
        bench
    }

    /// The feeds of the month, in their order.
    fn feeds(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.dietz.path("codecs/samples/feeds")).expect("the samples");
        let mut feeds: Vec<PathBuf> = all.map(|entry| entry.expect("a sample").path()).collect();
        feeds.retain(|f| f.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FEEDS)));
        feeds.sort();
        assert!(feeds.len() > 15, "{} feeds", feeds.len());
        feeds
    }

    /// A file to be read as one.
    fn file(&self, feed: &Path) {
        let name = feed.file_name().expect("a name").to_owned();
        std::fs::copy(feed, self.dietz.path("sent").join(name)).expect("a copy");
    }

    /// The lines of a text as messages, without their ends.
    fn forward(&self, feed: &str) {
        for line in feed.lines() {
            self.fake.put(STREAM, "forwarder", line.as_bytes()).expect("a put");
        }
    }

    fn topology(&self, file: &str, source: &str, sink: &str) {
        let settings = Settings { sink: sink.into(), batch_rows: 60, ..Settings::default() };
        self.dietz.topology(file, &settings);
        let corrections = "[sources.corrections]\ntype = \"file\"\npath = \"corrections\"\nformat = \"eventbridge\"\nbatch_records = 4096\n";
        self.dietz.change(file, corrections, "");
        self.dietz.change(file, "[\"feeds\", \"corrections\"]", "[\"feeds\"]");
        self.dietz.change(file, "type = \"file\"\npath = \"feeds\"\nbatch_records = 4096", source);
        let vendors = format!("vendors = \"{}\"", load_tests::generate::folder::VENDORS);
        self.dietz.change(file, &vendors, "vendors = \"codecs/vendors\"");
    }

    /// What the files give that were put aside.
    fn expected(&self) -> String {
        self.topology("files.toml", "type = \"file\"\npath = \"sent\"", &sqlite("files.db"));
        self.dietz.ok(&["run", "files.toml"]);
        let report = self.dietz.report("files.toml");
        assert!(report.lines().count() > 40, "{} rows", report.lines().count());
        report
    }

    fn streamed(&self, sink: &str) {
        let source = format!(
            "type = \"kinesis\"\nstream = \"{STREAM}\"\nvendors = [\"quarry\"]\nbatch_records = 7\npoll = \"20ms\"\ndiscover = \"200ms\""
        );
        self.topology("stream.toml", &source, sink);
    }

    /// Reads what there is; the closing summary.
    fn run(&self) -> String {
        self.dietz.ok(&["run", "stream.toml", "--once"])
    }
}

fn assert_same(streamed: &str, files: &str) {
    let differs = streamed.lines().zip(files.lines()).find(|(stream, file)| stream != file);
    assert_eq!(differs, None, "the report differs from that of the files");
    assert_eq!(streamed.lines().count(), files.lines().count());
}

/// The first lines of a feed, and the others.
fn halves(feed: &str) -> (String, String) {
    let lines: Vec<&str> = feed.lines().collect();
    let (begun, rest) = lines.split_at(lines.len() / 2);
    (begun.join("\n"), rest.join("\n"))
}

fn read(feed: &Path) -> String {
    std::fs::read_to_string(feed).expect("a sample")
}

/// The trailer's count raised by one.
fn wrong(feed: &str) -> String {
    let (rows, trailer) = feed.trim_end().rsplit_once('\n').expect("a trailer");
    let count: u64 = trailer[54..64].trim().parse().expect("a count");
    format!("{rows}\n{}{:010}{}\n", &trailer[..54], count + 1, &trailer[64..])
}

#[test]
fn feeds_forwarded_line_by_line_give_the_report_of_the_files() {
    let bench = Bench::new();
    for feed in bench.feeds() {
        bench.forward(&read(&feed));
        bench.file(&feed);
    }
    bench.streamed(&sqlite("dietz.db"));
    let said = bench.run();
    assert!(!said.contains("waiting as a whole"), "{said}");
    assert_same(&bench.dietz.report("stream.toml"), &bench.expected());
    // Sent once more, they say nothing new.
    bench.feeds().iter().for_each(|feed| bench.forward(&read(feed)));
    let again = bench.run();
    assert!(again.contains("rows          0 new, 0 changed, 0 removed"), "{again}");
    assert_same(&bench.dietz.report("stream.toml"), &bench.expected());
}

#[test]
fn of_a_delivery_whose_trailer_is_wrong_nothing_counts_and_one_row_says_why() {
    let bench = Bench::new();
    let feeds = bench.feeds();
    let (last, others) = feeds.split_last().expect("feeds");
    for feed in others {
        bench.forward(&read(feed));
        bench.file(feed);
    }
    bench.forward(&wrong(&read(last)));
    bench.streamed(&sqlite("dietz.db"));
    let said = bench.run();
    assert!(said.contains("1 waiting as a whole, of which nothing counts"), "{said}");
    assert!(said.contains("(quarry): declares "), "{said}");
    assert_same(&bench.dietz.report("stream.toml"), &bench.expected());
    // Begun and not ended: it waits as well, until the rest of it comes.
    let whole = read(last);
    let (begun, rest) = halves(&whole);
    bench.forward(&begun);
    let said = bench.run();
    assert!(said.contains("1 waiting as a whole") && said.contains("its trailer is missing"), "{said}");
    assert_same(&bench.dietz.report("stream.toml"), &bench.expected());
    bench.forward(&rest);
    let said = bench.run();
    assert!(!said.contains("waiting as a whole"), "{said}");
    bench.file(last);
    assert_same(&bench.dietz.report("stream.toml"), &bench.expected());
}

async fn killed_while_deliveries_are_open(sink: String, open: impl AsyncFn(&Dietz) -> Arc<dyn Store>) {
    let bench = Bench::new();
    bench.streamed(&sink);
    let store = open(&bench.dietz).await;
    store.migrate().await.expect("tables");
    let mut chance = SmallRng::seed_from_u64(11);
    for feed in bench.feeds() {
        bench.file(&feed);
        let (begun, rest) = halves(&read(&feed));
        bench.forward(&begun);
        start_and_kill(&bench.dietz, &*store, &["run", "stream.toml"], &mut chance).await;
        bench.forward(&rest);
    }
    let said = bench.run();
    assert!(!said.contains("waiting as a whole"), "{said}");
    assert_same(&bench.dietz.report("stream.toml"), &bench.expected());
    let waiting = store.reader().feeds().await.expect("the store answers");
    assert!(waiting.iter().all(|feed| feed.status != "waiting"), "{waiting:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_deliveries_the_embedded_store_has_the_report_of_the_files() {
    killed_while_deliveries_are_open(sqlite("dietz.db"), async |dietz| embedded(dietz).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_deliveries_postgres_has_the_report_of_the_files() {
    let url = fresh_database();
    killed_while_deliveries_are_open(postgres(&url), async |_| at(&url).await).await;
}
