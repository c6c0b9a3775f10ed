//! One pipeline after the other on one store, under load: stopped, killed, paused. What they leave is what an undisturbed run leaves.
use super::crash::{at, embedded};
use super::dietz::{Dietz, postgres, sqlite, text};
use super::service::{stop, until};
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
const HANDOVERS: usize = 50;

/// What carries the load. Another source needs its own table in the topology, and a way to put lines into it.
struct Feed {
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
    fn put_a_day(&self) {
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
        let file = self.folder.join(if day % 2 == 0 { "even.csv" } else { "odd.csv" });
        let file = File::options().append(true).open(file);
        file.expect("the file").write_all(lines.as_bytes()).expect("writable");
    }

    /// How many rows all that was put gives.
    fn rows(&self) -> u64 {
        u64::from(self.days.load(Ordering::SeqCst) * ACCOUNTS)
    }
}

/// Puts a day every few milliseconds until it is stopped.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Writer {
    fn start(feed: &Arc<Feed>) -> Writer {
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

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer");
    }
}

/// A folder under load, and its store as anybody can read it.
struct House {
    dietz: Dietz,
    feed: Arc<Feed>,
    runtime: Runtime,
    store: Arc<dyn Store>,
}

impl House {
    fn new(lease: &str, sink: String, open: impl AsyncFn(&Dietz) -> Arc<dyn Store>) -> House {
        let dietz = Dietz { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir_all(dietz.path("vendors/harbor")).expect("a folder");
        std::fs::write(dietz.path("vendors/harbor/mapping.toml"), MAPPING).expect("writable");
        write_topology(&dietz, "topology.toml", lease, &sink);
        let feed = Arc::new(Feed::new(&dietz));
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime.block_on(open(&dietz));
        runtime.block_on(store.migrate()).expect("tables");
        House { dietz, feed, runtime, store }
    }

    fn embedded(lease: &str) -> House {
        House::new(lease, sqlite("dietz.db"), async |dietz| embedded(dietz).await)
    }

    fn on_postgres(lease: &str) -> House {
        let url = fresh_database();
        House::new(lease, postgres(&url), async |_| at(&url).await)
    }

    /// A pipeline, and what it says on standard error in a file of its own.
    fn spawn(&self) -> Pipeline {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let said = self.dietz.path(&format!("stderr-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut command = self.dietz.command(&["run"]);
        command.stdout(Stdio::null()).stderr(File::create(&said).expect("writable"));
        Pipeline { child: command.spawn().expect("the binary starts"), said }
    }

    /// Whether a process has this role, and is alive.
    fn is(&self, pipeline: &Pipeline, role: &str) -> bool {
        let told = self.runtime.block_on(self.store.reader().ownership()).expect("the store answers");
        let name = format!("/{}", pipeline.child.id());
        told.workers.iter().any(|w| w.name.ends_with(&name) && w.role == role && w.expires_at > told.now)
    }

    fn until(&self, pipeline: &Pipeline, role: &str) {
        until(role, || self.is(pipeline, role).then_some(()));
    }

    /// One that stands by.
    fn standby(&self) -> Pipeline {
        let pipeline = self.spawn();
        self.until(&pipeline, "standby");
        pipeline
    }

    fn positions(&self) -> Vec<Progress> {
        let all = self.runtime.block_on(self.store.reader().checkpoints()).expect("the store answers");
        all.into_iter().map(|c| c.progress).collect()
    }

    /// How long it takes from `since` until a pipeline is active and has committed something of its own.
    fn reads_on(&self, pipeline: &Pipeline, since: Instant) -> Duration {
        self.until(pipeline, "active");
        let before = self.positions();
        until("a commit by who took over", || (self.positions() != before).then_some(()));
        since.elapsed()
    }

    fn rows(&self) -> u64 {
        self.runtime.block_on(self.store.reader().totals()).expect("the store answers").rows
    }

    fn all_is_committed(&self) {
        until("the rest of the rows", || (self.rows() == self.feed.rows()).then_some(()));
    }

    /// Each line counted once, and the report that of a run nobody disturbed.
    fn ended_right(&self) {
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

struct Pipeline {
    child: Child,
    said: std::path::PathBuf,
}

impl Pipeline {
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).expect("what it said")
    }

    fn stop(self) {
        stop(self.child);
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

fn told(what: &str, mut gaps: Vec<Duration>) -> Duration {
    gaps.sort_unstable();
    let (median, worst) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    println!("{what}: read on after {median:?} (median of {}), {worst:?} at worst", gaps.len());
    median
}

/// The lease is long: who does not give it back keeps the next one waiting for it.
fn stopped_fifty_times_ends_the_same(house: &House) {
    let writer = Writer::start(&house.feed);
    let mut active = house.spawn();
    house.until(&active, "active");
    let mut gaps = Vec::new();
    while gaps.len() < HANDOVERS {
        let next = house.standby();
        let since = Instant::now();
        active.signal("-TERM");
        gaps.push(house.reads_on(&next, since));
        assert_eq!(active.child.wait().expect("a child").code(), Some(0), "{}", active.said());
        active = next;
    }
    writer.stop();
    house.all_is_committed();
    active.stop();
    let median = told("stopped", gaps);
    assert!(median < Duration::from_secs(1), "another reads on within a second, not after {median:?}");
    house.ended_right();
}

#[test]
fn fifty_handovers_under_load_leave_what_an_undisturbed_run_leaves_on_the_embedded_store() {
    stopped_fifty_times_ends_the_same(&House::embedded("30s"));
}

#[test]
fn fifty_handovers_under_load_leave_what_an_undisturbed_run_leaves_on_postgres() {
    stopped_fifty_times_ends_the_same(&House::on_postgres("30s"));
}

fn killed_is_replaced_within_its_lease(house: &House, lease: Duration) {
    let writer = Writer::start(&house.feed);
    let mut active = house.spawn();
    house.until(&active, "active");
    let mut gaps = Vec::new();
    while gaps.len() < 5 {
        let next = house.standby();
        let since = Instant::now();
        active.signal("-KILL");
        active.child.wait().expect("a child");
        gaps.push(house.reads_on(&next, since));
        active = next;
    }
    writer.stop();
    house.all_is_committed();
    active.stop();
    let median = told("killed, under a lease of 1 s", gaps);
    // To notice it and to begin takes a moment more.
    assert!(
        median < lease + Duration::from_secs(1),
        "another reads on within the lease time, not after {median:?}"
    );
    house.ended_right();
}

#[test]
fn a_killed_pipeline_is_replaced_within_its_lease_on_the_embedded_store() {
    killed_is_replaced_within_its_lease(&House::embedded("1s"), Duration::from_secs(1));
}

#[test]
fn a_killed_pipeline_is_replaced_within_its_lease_on_postgres() {
    killed_is_replaced_within_its_lease(&House::on_postgres("1s"), Duration::from_secs(1));
}

/// Whoever is paused past its lease finds its tokens gone when it wakes: it commits nothing, says why, and stands by.
fn paused_commits_nothing_more(house: &House, pause: impl FnOnce(&Pipeline)) {
    let active = house.spawn();
    house.until(&active, "active");
    let next = house.standby();
    pause(&active);
    let writer = Writer::start(&house.feed);
    house.reads_on(&next, Instant::now());
    active.signal("-CONT");
    let said = until("word of the lost lease", || {
        let said = active.said();
        (said.contains("the lease was lost to another process") && said.contains("standing by"))
            .then_some(said)
    });
    assert!(said.contains(&format!("/{}", next.child.id())), "it says who has the store: {said}");
    assert!(house.is(&next, "active"));
    house.until(&active, "standby");
    assert!(!next.said().contains("lost"), "{}", next.said());
    next.stop();
    house.reads_on(&active, Instant::now());
    writer.stop();
    house.all_is_committed();
    active.stop();
    house.ended_right();
}

#[test]
fn a_pipeline_paused_past_its_lease_commits_nothing_when_it_wakes_on_the_embedded_store() {
    let house = House::embedded("1s");
    // Paused in the middle of a transaction it would hold the lock of the file, and nobody could write: so not while it commits. What is
    // put then it finds when it wakes.
    paused_commits_nothing_more(&house, |active| {
        (0..200).for_each(|_| house.feed.put_a_day());
        house.all_is_committed();
        active.signal("-STOP");
        house.feed.put_a_day();
    });
}

#[test]
fn a_pipeline_paused_past_its_lease_commits_nothing_when_it_wakes_on_postgres() {
    let house = House::on_postgres("1s");
    // In the middle of its work: in a transaction, as a rule.
    paused_commits_nothing_more(&house, |active| {
        let writer = Writer::start(&house.feed);
        until("a part of the rows", || (house.rows() > 300).then_some(()));
        active.signal("-STOP");
        writer.stop();
    });
}

fn status_tells_who_holds_what(house: &House) {
    let json = || -> serde_json::Value {
        serde_json::from_str(&house.dietz.ok(&["status", "--format", "json"])).expect("JSON")
    };
    assert_eq!(json()["workers"].as_array().map(Vec::len), Some(0));
    let said = house.dietz.ok(&["status"]);
    assert!(said.contains("nobody is at work on the store"), "{said}");
    (0..20).for_each(|_| house.feed.put_a_day());
    let (active, standby) = (house.spawn(), house.spawn());
    house.all_is_committed();
    let (active, standby) = if house.is(&active, "active") { (active, standby) } else { (standby, active) };
    house.until(&standby, "standby");

    let told = json();
    let name = |p: &Pipeline| format!("/{}", p.child.id());
    let worker = |p: &Pipeline| {
        let all = told["workers"].as_array().expect("workers").iter();
        let mut mine = all.filter(|w| w["name"].as_str().is_some_and(|n| n.ends_with(&name(p))));
        mine.next().expect("a worker").clone()
    };
    let (first, second) = (worker(&active), worker(&standby));
    assert_eq!((&first["role"], &first["alive"]), (&"active".into(), &true.into()));
    assert_eq!((&first["slots"], &first["partitions"]), (&serde_json::json!(["0-255"]), &2.into()));
    assert_eq!((&second["role"], &second["slots"]), (&"standby".into(), &serde_json::json!([])));
    let partitions = told["partitions"].as_array().expect("partitions");
    assert_eq!(partitions.len(), 2);
    assert!(partitions.iter().all(|p| p["owner"] == first["name"] && p["age_seconds"].is_u64()), "{told:#}");
    assert_eq!((&told["records"]["unaccounted"], &told["records"]["decoded"]), (&"0".into(), &200.into()));
    let said = house.dietz.ok(&["status"]);
    for part in [name(&active).as_str(), "active", "standby", "0-255", "even.csv", "odd.csv", "decoded"] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
    standby.stop();
    active.stop();
    let told = json();
    assert_eq!(told["workers"].as_array().map(Vec::len), Some(0), "both have left: {told:#}");
    assert!(told["partitions"].as_array().is_some_and(|all| all.iter().all(|p| p["owner"].is_null())));
}

#[test]
fn status_tells_who_holds_what_beside_pipelines_and_without_on_the_embedded_store() {
    status_tells_who_holds_what(&House::embedded("5s"));
}

#[test]
fn status_tells_who_holds_what_beside_pipelines_and_without_on_postgres() {
    status_tells_who_holds_what(&House::on_postgres("5s"));
}
