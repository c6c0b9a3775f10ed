//! Files to the store, by all actors: what a user of `dietz run` waits for.
use super::clock::{Cpu, Spent, Stopwatch};
use super::database::Database;
use super::report::{Figure, Goal, Report, each, megabytes_per_second, per_second, times};
use super::{BenchError, Options, machine, runtime};
use crate::generate::folder::{FEEDS, Sink, write_mappings, write_topology};
use crate::generate::{Feed, Order, Written, write};
use pipeline::board::Board;
use pipeline::topology::config::StoreAddress;
use pipeline::topology::layouts::LayoutSet;
use pipeline::{Plan, Problem, Topology, policy, rules};
use record::Counts;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::postgres::PostgresStore;
use store::{Names, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A feed sorted newest first may take this many times the time of one in order of date, in thousandths.
const NEWEST_FIRST_GOAL: Goal = Goal::AtMost(2_000);

#[derive(Clone, Copy, Debug)]
struct Run {
    spent: Spent,
    peak: u64,
}

/// A feed in a folder, ready to run.
struct Prepared {
    folder: TempDir,
    written: Written,
}

pub fn run(options: &Options) -> Result<Report, BenchError> {
    let by_date = prepare(&options.feed())?;
    let newest_first = prepare(&Feed { order: Order::NewestFirst, ..options.feed() })?;
    let runtime = runtime()?;
    let mut figures = Vec::new();
    for (name, postgres) in [("SQLite", None), ("Postgres", options.postgres.as_deref())] {
        if name == "Postgres" && postgres.is_none() {
            continue;
        }
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        // In turn, so that what else the machine does falls on both.
        for _ in 0..options.repeats {
            forward.push(once(&by_date, postgres, &runtime)?);
            backward.push(once(&newest_first, postgres, &runtime)?);
        }
        figures.extend(self::figures(name, &by_date.written, &forward, &backward));
    }
    let Written { records, bytes, .. } = by_date.written;
    let about = format!(
        "{records} records of {} bytes, {} accounts, {} days, from a file to the store; {} runs",
        bytes / records.max(1),
        options.accounts,
        options.days,
        options.repeats
    );
    Ok(Report { bench: "pipeline", about, figures })
}

fn figures(store: &str, written: &Written, forward: &[Run], backward: &[Run]) -> Vec<Figure> {
    let of = |pick: &dyn Fn(&Run) -> u64| forward.iter().map(pick).collect();
    let later =
        |pick: fn(&Run) -> u64| forward.iter().zip(backward).map(|(f, b)| times(pick(b), pick(f))).collect();
    let records = written.records;
    vec![
        Figure::new(format!("{store}, records"), "1/s", of(&|r| per_second(records, r.spent.wall))),
        Figure::new(
            format!("{store}, bytes"),
            "MB/s",
            of(&|r| megabytes_per_second(written.bytes, r.spent.wall)),
        ),
        Figure::new(format!("{store}, our CPU of a record"), "ns", of(&|r| each(r.spent.cpu, records))),
        Figure::new(
            format!("{store}, newest first beside order of date"),
            "times as long",
            later(|r| r.spent.wall),
        )
        .goal(NEWEST_FIRST_GOAL),
        Figure::new(
            format!("{store}, our CPU of newest first beside order of date"),
            "times as much",
            later(|r| r.spent.cpu),
        ),
        Figure::new(format!("{store}, peak memory"), "MiB", of(&|r| each(r.peak, 1 << 20))),
    ]
}

fn prepare(feed: &Feed) -> Result<Prepared, BenchError> {
    let folder = tempfile::tempdir()?;
    let written = write(feed, &folder.path().join(FEEDS))?;
    write_mappings(folder.path())?;
    Ok(Prepared { folder, written })
}

/// One run into a new store, which is gone afterwards.
fn once(prepared: &Prepared, postgres: Option<&str>, runtime: &Runtime) -> Result<Run, BenchError> {
    let Prepared { folder, written } = prepared;
    let Some(base) = postgres else {
        let file = tempfile::tempdir()?;
        let path = file.path().join("bench.db").display().to_string();
        return stream(folder.path(), &Sink::Sqlite(path), written, runtime);
    };
    let database = runtime.block_on(Database::create(base))?;
    let ran = stream(folder.path(), &Sink::Postgres(database.url.clone()), written, runtime);
    runtime.block_on(database.drop())?;
    ran
}

fn stream(folder: &Path, sink: &Sink, written: &Written, runtime: &Runtime) -> Result<Run, BenchError> {
    write_topology(folder, sink)?;
    let (say_stop, stop) = watch::channel(false);
    let plan = plan(&folder.join("topology.toml"), stop, runtime)?;
    let board = plan.board.clone();
    let options = pipeline::Options {
        worker: "bench".to_owned(),
        lease: Duration::from_secs(60),
        restarts: 0,
        notices: Box::new(|_| {}),
    };
    machine::forget_peak();
    let watch = Stopwatch::start(Cpu::Process);
    let ended = actix::System::new().block_on(pipeline::run(plan, options));
    let (spent, peak) = (watch.spent(), machine::peak());
    drop(say_stop);
    ended.map_err(|failure| BenchError::Undone(failure.text))?;
    all_accepted(written, &board.seen().counts)?;
    Ok(Run { spent, peak })
}

/// Reads the topology and opens its store, as `dietz run` does.
fn plan(file: &PathBuf, stop: watch::Receiver<bool>, runtime: &Runtime) -> Result<Plan, BenchError> {
    let names = Arc::new(Names::default());
    let topology = Topology::parse(&std::fs::read_to_string(file)?, file).map_err(wrong)?;
    let layouts = LayoutSet::load(&topology, &names).map_err(wrong)?;
    let rules = rules::rules(&topology).map_err(wrong)?;
    let store = runtime.block_on(open(&topology, names.clone()))?;
    let id = runtime.block_on(store.keep_policy(&policy::spec(&layouts.policy, &rules)))?;
    Ok(Plan {
        once: false,
        topology: Arc::new(topology),
        layouts: layouts.with_policy_id(id),
        rules: Arc::new(rules),
        store,
        names,
        board: Arc::new(Board::default()),
        runtime: runtime.handle().clone(),
        rewound: None,
        stop,
        numbers: Arc::default(),
    })
}

async fn open(topology: &Topology, names: Arc<Names>) -> Result<Arc<dyn Store>, BenchError> {
    let address = topology.sinks.first().map(|sink| &sink.kind.store);
    let store: Arc<dyn Store> = match address {
        Some(StoreAddress::Sqlite(path)) => Arc::new(store::sqlite::open(path, names).await?),
        Some(StoreAddress::Postgres(url)) => Arc::new(PostgresStore::connect(url, names).await?),
        None => return Err(BenchError::Undone("the topology has no sink".into())),
    };
    store.migrate().await?;
    Ok(store)
}

fn wrong(problems: Vec<Problem>) -> BenchError {
    BenchError::Layout(problems.iter().map(|p| format!("{p}\n")).collect())
}

fn all_accepted(written: &Written, counts: &Counts) -> Result<(), BenchError> {
    // The header is a line that was read and left out.
    if counts.read == written.records + counts.ignored && counts.accepted == written.records {
        return Ok(());
    }
    Err(BenchError::Undone(format!(
        "of {} records {} were read and {} accepted",
        written.records, counts.read, counts.accepted
    )))
}
