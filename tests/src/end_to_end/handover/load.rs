//! A folder under load, and pipelines on it.
use crate::end_to_end::crash::{at, embedded};
use crate::end_to_end::dietz::{Dietz, postgres, sqlite, text};
use crate::end_to_end::service::{stop, until};
use crate::postgres::fresh_database;
use record::Progress;
use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::Store;
use tokio::runtime::Runtime;

const MAPPING: &str = r#"
name = "harbor"
version = 1

[format]
type = "delimited"

[[observation]]
kind = "summary"
account = "Account"
as_of = "Date"
end = "End"
contributions = "In"
"#;

const ACCOUNTS: u32 = 10;

/// What carries the load. Another source needs its own table in the topology, and a way to put lines into it.
pub struct Feed {
    folder: std::path::PathBuf,
    days: AtomicU32,
}

/// The source's table.
const SOURCE: &str = "type = \"file\"\npath = \"in\"\nwatch = true\npoll = \"10ms\"\n";

impl Feed {
    fn new(dietz: &Dietz) -> Feed {
        let feed = Feed { folder: dietz.path("in"), days: AtomicU32::new(0) };
        std::fs::create_dir_all(&feed.folder).expect("a folder");
        for file in ["even.csv", "odd.csv"] {
            std::fs::write(feed.folder.join(file), "Account,Date,End,In\n").expect("writable");
        }
        feed
    }

    /// A day more of every account; even days come in another partition than odd ones.
    pub fn put_a_day(&self) {
        let day = self.days.fetch_add(1, Ordering::SeqCst);
        let date: jiff::civil::Date = "2010-01-01".parse().expect("a date");
        let date = date.checked_add(jiff::Span::new().days(day)).expect("a date of this century");
        let lines: String = (0..ACCOUNTS)
            .map(|a| {
                format!(
                    "A-{a},{date},{}.00,{}.00\n",
                    1_000 + 7 * a + day % 97,
                    if day % 30 == a { 50 } else { 0 }
                )
            })
            .collect();
        let file = self.folder.join(if day.is_multiple_of(2) { "even.csv" } else { "odd.csv" });
        let file = File::options().append(true).open(file);
        file.expect("the file").write_all(lines.as_bytes()).expect("writable");
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

/// A folder under load, and its store as anybody can read it.
pub struct House {
    pub dietz: Dietz,
    pub feed: Arc<Feed>,
    runtime: Runtime,
    store: Arc<dyn Store>,
}

impl House {
    fn new(lease: &str, sink: String, open: impl AsyncFn(&Dietz) -> Arc<dyn Store>) -> House {
        let dietz = Dietz { folder: tempfile::tempdir().expect("a temporary folder"), env: Vec::new() };
        std::fs::create_dir_all(dietz.path("vendors/harbor")).expect("a folder");
        std::fs::write(dietz.path("vendors/harbor/mapping.toml"), MAPPING).expect("writable");
        write_topology(&dietz, "topology.toml", lease, &sink);
        let feed = Arc::new(Feed::new(&dietz));
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime.block_on(open(&dietz));
        runtime.block_on(store.migrate()).expect("tables");
        House { dietz, feed, runtime, store }
    }

    pub fn embedded(lease: &str) -> House {
        House::new(lease, sqlite("dietz.db"), async |dietz| embedded(dietz).await)
    }

    pub fn on_postgres(lease: &str) -> House {
        let url = fresh_database();
        House::new(lease, postgres(&url), async |_| at(&url).await)
    }

    /// A pipeline, and what it says on standard error in a file of its own.
    pub fn spawn(&self) -> Pipeline {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let said = self.dietz.path(&format!("stderr-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut command = self.dietz.command(&["run"]);
        command.stdout(Stdio::null()).stderr(File::create(&said).expect("writable"));
        Pipeline { child: command.spawn().expect("the binary starts"), said }
    }

    /// Whether a process has this role, and is alive.
    pub fn is(&self, pipeline: &Pipeline, role: &str) -> bool {
        let told = self.runtime.block_on(self.store.reader().ownership()).expect("the store answers");
        let name = format!("/{}", pipeline.child.id());
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
        write_topology(&self.dietz, "undisturbed.toml", "15s", &sqlite("undisturbed.db"));
        let undisturbed = self.dietz.spawn(&["run", "undisturbed.toml"]);
        let rows = || {
            let report = self.dietz.output(&["report", "--topology", "undisturbed.toml", "--format", "csv"]);
            text(&report.stdout).lines().count() as u64
        };
        until("all rows of the undisturbed run", || (rows() == self.feed.rows() + 1).then_some(()));
        stop(undisturbed);
        let (disturbed, undisturbed) =
            (self.dietz.report("topology.toml"), self.dietz.report("undisturbed.toml"));
        let differs = disturbed.lines().zip(undisturbed.lines()).find(|(one, other)| one != other);
        assert_eq!(differs, None, "the report differs from that of an undisturbed run");
        assert_eq!(disturbed.lines().count(), undisturbed.lines().count());
    }
}

fn write_topology(dietz: &Dietz, file: &str, lease: &str, sink: &str) {
    let text = format!(
        r#"
[sources.in]
{SOURCE}
[decoders.layouts]
inputs = ["in"]
vendors = "vendors"

[accumulators.returns]
inputs = ["layouts"]
instances = 2

[checkers.tolerance]
inputs = ["returns"]

[sinks.store]
inputs = ["tolerance"]
{sink}
linger = "10ms"
lease = "{lease}"
"#
    );
    std::fs::write(dietz.path(file), text).expect("writable");
}

pub struct Pipeline {
    pub child: Child,
    said: std::path::PathBuf,
}

impl Pipeline {
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).expect("what it said")
    }

    /// A stop by signal is a good end.
    pub fn stop(mut self) {
        self.signal("-TERM");
        assert_eq!(self.child.wait().expect("a child").code(), Some(0), "{}", self.said());
    }
}

impl Drop for Pipeline {
    /// A test that fails leaves nobody behind; of one that ended there is nothing to end.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.child.kill();
        }
    }
}
