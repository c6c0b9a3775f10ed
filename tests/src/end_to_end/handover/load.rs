//! A source under load, and pipelines on it.
use crate::end_to_end::crash::{at, embedded};
use crate::end_to_end::dietz::{Dietz, Pipeline, postgres, sqlite, until};
use crate::end_to_end::harbor::{self, HEADER, line};
use crate::postgres::fresh_database;
use record::Progress;
use stand_ins::kinesis::{FakeKinesis, Settings};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::Store;
use tokio::runtime::Runtime;

const ACCOUNTS: u32 = 10;
const STREAM: &str = "values";

/// What carries the load.
enum Carrier {
    /// Two files that grow: even days come in another partition than odd ones.
    Files(PathBuf),
    /// A stream of three shards, keyed by account.
    Stream(FakeKinesis),
}

/// Days of all accounts, put one after the other.
pub struct Feed {
    carrier: Carrier,
    days: AtomicU32,
}

impl Feed {
    fn files(dietz: &mut Dietz) -> Feed {
        ["in/even.csv", "in/odd.csv"].iter().for_each(|file| dietz.make(file, HEADER));
        Feed { carrier: Carrier::Files(dietz.path("in")), days: AtomicU32::new(0) }
    }

    fn stream(dietz: &mut Dietz) -> Feed {
        let fake = FakeKinesis::start(Settings::default()).expect("a fake Kinesis");
        fake.create_stream(STREAM, 3).expect("a stream");
        dietz.env = fake.env();
        Feed { carrier: Carrier::Stream(fake), days: AtomicU32::new(0) }
    }

    /// The source's table in a topology.
    fn source(&self) -> String {
        match &self.carrier {
            Carrier::Files(_) => "type = \"file\"\npath = \"in\"\nwatch = true\npoll = \"10ms\"".to_owned(),
            Carrier::Stream(_) => format!("type = \"kinesis\"\nstream = \"{STREAM}\"\npoll = \"20ms\""),
        }
    }

    /// A day more of every account.
    pub fn put_a_day(&self) {
        let day = self.days.fetch_add(1, Ordering::SeqCst);
        match &self.carrier {
            Carrier::Files(folder) => {
                let file = folder.join(if day.is_multiple_of(2) { "even.csv" } else { "odd.csv" });
                let lines: String = (0..ACCOUNTS).map(|account| line(account, day)).collect();
                let file = File::options().append(true).open(file);
                file.expect("the file").write_all(lines.as_bytes()).expect("writable");
            }
            Carrier::Stream(fake) => (0..ACCOUNTS).for_each(|account| {
                let message = HEADER.to_owned() + &line(account, day);
                fake.put(STREAM, &format!("A-{account}"), message.as_bytes()).expect("a put");
            }),
        }
    }

    /// How many rows all that was put gives.
    pub fn rows(&self) -> u64 {
        u64::from(self.days.load(Ordering::SeqCst) * ACCOUNTS)
    }
}

/// Puts a day every few milliseconds until it is stopped.
pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub fn start(feed: &Arc<Feed>) -> Writer {
        let (stop, feed) = (Arc::new(AtomicBool::new(false)), feed.clone());
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                feed.put_a_day();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Writer { stop, thread }
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer");
    }
}

/// A source under load, and its store as anybody can read it.
pub struct House {
    pub dietz: Dietz,
    pub feed: Arc<Feed>,
    runtime: Runtime,
    store: Arc<dyn Store>,
}

impl House {
    fn new(
        lease: &str,
        feed: fn(&mut Dietz) -> Feed,
        sink: String,
        open: impl AsyncFn(&Dietz) -> Arc<dyn Store>,
    ) -> House {
        let mut dietz = harbor::folder();
        let feed = Arc::new(feed(&mut dietz));
        dietz
            .make("topology.toml", harbor::topology(&feed.source(), &format!("{sink}\nlease = \"{lease}\"")));
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime.block_on(open(&dietz));
        runtime.block_on(store.migrate()).expect("tables");
        House { dietz, feed, runtime, store }
    }

    fn with_embedded(lease: &str, feed: fn(&mut Dietz) -> Feed) -> House {
        House::new(lease, feed, sqlite("dietz.db"), async |dietz| embedded(dietz).await)
    }

    fn with_postgres(lease: &str, feed: fn(&mut Dietz) -> Feed) -> House {
        let url = fresh_database();
        House::new(lease, feed, postgres(&url), async |_| at(&url).await)
    }

    pub fn embedded(lease: &str) -> House {
        House::with_embedded(lease, Feed::files)
    }

    pub fn on_postgres(lease: &str) -> House {
        House::with_postgres(lease, Feed::files)
    }

    /// The load comes over a stream.
    pub fn stream_embedded(lease: &str) -> House {
        House::with_embedded(lease, Feed::stream)
    }

    /// The load comes over a stream.
    pub fn stream_on_postgres(lease: &str) -> House {
        House::with_postgres(lease, Feed::stream)
    }

    pub fn spawn(&self) -> Pipeline {
        self.dietz.spawn(&["run"])
    }

    /// Whether a process has this role, and is alive.
    pub fn is(&self, pipeline: &Pipeline, role: &str) -> bool {
        let told = self.runtime.block_on(self.store.reader().ownership()).expect("the store answers");
        let name = format!("/{}", pipeline.id());
        told.workers.iter().any(|w| w.name.ends_with(&name) && w.role == role && w.expires_at > told.now)
    }

    pub fn until(&self, pipeline: &Pipeline, role: &str) {
        until(role, || self.is(pipeline, role).then_some(()));
    }

    /// One that stands by.
    pub fn standby(&self) -> Pipeline {
        let pipeline = self.spawn();
        self.until(&pipeline, "standby");
        pipeline
    }

    fn positions(&self) -> Vec<Progress> {
        let all = self.runtime.block_on(self.store.reader().checkpoints()).expect("the store answers");
        all.into_iter().map(|c| c.progress).collect()
    }

    /// Partitions that something was committed of.
    pub fn partitions(&self) -> usize {
        self.positions().iter().filter(|at| **at != Progress::Start).count()
    }

    /// How long it takes from `since` until a pipeline is active and has committed something of its own.
    pub fn reads_on(&self, pipeline: &Pipeline, since: Instant) -> Duration {
        self.until(pipeline, "active");
        let before = self.positions();
        until("a commit by who took over", || (self.positions() != before).then_some(()));
        since.elapsed()
    }

    pub fn rows(&self) -> u64 {
        self.runtime.block_on(self.store.reader().totals()).expect("the store answers").rows
    }

    pub fn all_is_committed(&self) {
        until("the rest of the rows", || (self.rows() == self.feed.rows()).then_some(()));
    }

    /// Each line counted once, and the report that of a run nobody disturbed.
    pub fn ended_right(&self) {
        let all = self.runtime.block_on(self.store.reader().checkpoints()).expect("the store answers");
        let decoded: u64 = all.iter().map(|c| c.counts.decoded).sum();
        assert_eq!(decoded, self.feed.rows(), "every line once");
        for c in &all {
            assert_eq!((c.counts.records_unaccounted(), c.counts.observations_unaccounted()), (0, 0));
        }
        let topology = harbor::topology(&self.feed.source(), &sqlite("undisturbed.db"));
        self.dietz.make("undisturbed.toml", topology);
        self.dietz.ok(&["run", "undisturbed.toml", "--once"]);
        let (disturbed, undisturbed) =
            (self.dietz.report("topology.toml"), self.dietz.report("undisturbed.toml"));
        let differs = disturbed.lines().zip(undisturbed.lines()).find(|(one, other)| one != other);
        assert_eq!(differs, None, "the report differs from that of an undisturbed run");
        assert_eq!(disturbed.lines().count(), undisturbed.lines().count());
        assert_eq!(
            disturbed.lines().count() as u64,
            self.feed.rows() + 1,
            "a header, and a row of every line"
        );
    }
}
