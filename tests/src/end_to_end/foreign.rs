//! Other people's software on the other side: what they write we read, what we write they read, and where they serve we are served. The figures
//! are those of the files.
//!
//! - [`writers`]: streams written by aws-kinesis-agg and by awscli.
//! - [`readers`]: what `dietz send` wrote, read by aws-kinesis-agg.
//! - [`servers`]: Kinesis as kinesis-local and ministack have it, split and merged, polled and pushed.
//! - [`faults`]: microburst between us and them.
//! - [`events`]: S3's own events over EventBridge and Kinesis.
mod events;
mod faults;
mod readers;
mod servers;
mod writers;

use super::aws::{self, Env, Kinesis};
use super::dietz::{Dietz, Pipeline, Settings, sqlite};
use super::kinesis::{CORRECTIONS, FEEDS, Message, messages, over_streams};
use load_tests::{Feed, Share};
use serde_json::{Value, json};
use std::cell::RefCell;

/// Generated feeds, the report of the files they are in, and streams at a stand-in.
struct Bench {
    dietz: Dietz,
    /// Of one to three lines each, whole by themselves.
    feeds: Vec<Message>,
    corrections: Vec<Message>,
    /// Of both together.
    records: u64,
    from_files: String,
    /// What reaches where others write; dietz may read elsewhere.
    writes: Env,
    /// Started when it is first asked.
    client: RefCell<Option<Kinesis>>,
}

impl Bench {
    /// Makes the streams too, of two shards and of one.
    fn with_streams(url: &str) -> Bench {
        let bench = Bench::at(url);
        for (stream, shards) in [(FEEDS, 2), (CORRECTIONS, 1)] {
            bench.client(json!(["create", stream, shards]));
        }
        bench
    }

    fn at(url: &str) -> Bench {
        let feed = Feed {
            accounts: 12,
            days: 25,
            vendors: 2,
            late: Share::percent(3),
            duplicate: Share::percent(1),
            malformed: Share::percent(1),
            ..Feed::default()
        };
        let mut dietz = Dietz::generated(&feed, Share::percent(3));
        dietz.topology("files.toml", &Settings { sink: sqlite("files.db"), ..Settings::default() });
        dietz.ok(&["run", "files.toml"]);
        let from_files = dietz.report("files.toml");
        assert!(from_files.lines().count() > 250, "{} rows", from_files.lines().count());
        let writes = aws::env(url);
        dietz.env = writes.clone();
        let (lines, corrections) = messages(&dietz);
        let records = (lines.len() + corrections.len()) as u64;
        Bench {
            dietz,
            feeds: bundled(lines),
            corrections,
            records,
            from_files,
            writes,
            client: RefCell::default(),
        }
    }

    /// Writes a topology over the streams.
    fn topology(&self, consumer: &str) {
        over_streams(&self.dietz, "topology.toml", "dietz.db", consumer);
    }

    /// Has the independent client do something.
    fn client(&self, command: Value) -> Value {
        let mut client = self.client.borrow_mut();
        client.get_or_insert_with(|| Kinesis::client(&self.writes)).call(&command)
    }

    /// Puts messages as records, or in aggregates of so many bytes.
    fn put(&self, stream: &str, messages: &[Message], aggregates: Option<u32>) {
        let message = |(key, data): &Message| json!({"key": key, "hash": null, "data": data});
        let messages: Vec<Value> = messages.iter().map(message).collect();
        self.client(json!(["put", stream, messages, aggregates]));
    }

    /// Runs until what is there is read.
    fn run_once(&self) {
        self.dietz.ok(&["run", "topology.toml", "--once"]);
    }

    /// Starts in the background.
    fn start(&self) -> Pipeline {
        self.dietz.spawn(&["run", "topology.toml"])
    }

    /// The report is that of the files, to the byte.
    fn is_as_from_files(&self) {
        let report = self.dietz.report("topology.toml");
        let differs = report.lines().zip(self.from_files.lines()).find(|(stream, file)| stream != file);
        assert_eq!(differs, None, "the report (left) differs from that of the files");
        assert!(report == self.from_files, "one report is longer than the other");
    }
}

/// Makes one message of up to three that follow each other and have the same header.
fn bundled(lines: Vec<Message>) -> Vec<Message> {
    let header = |text: &str| text.split_once('\n').expect("a header").0.to_owned();
    let (mut made, mut held): (Vec<Message>, usize) = (Vec::new(), 0);
    for (key, text) in lines {
        let most = 1 + made.len() % 3;
        match made.last_mut() {
            Some((_, last)) if held < most && header(last) == header(&text) => {
                last.push_str(text.split_once('\n').expect("a header").1);
                held += 1;
            }
            _ => {
                made.push((key, text));
                held = 1;
            }
        }
    }
    made
}
