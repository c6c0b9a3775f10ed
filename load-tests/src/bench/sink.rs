//! Rows to the store: what a commit costs, beside one plain binary COPY of the same rows on the same Postgres.
use super::clock::{Cpu, Spent, Stopwatch};
use super::database::Database;
use super::input::Input;
use super::report::{Figure, Goal, Report, each, per_second, times};
use super::rows::{Rows, Unit};
use super::{BenchError, Options, machine, runtime};
use futures_util::TryStreamExt;
use record::PartitionId;
use sqlx::{Connection, Executor, PgConnection};
use std::sync::Arc;
use std::time::Duration;
use store::postgres::PostgresStore;
use store::{CommitUnit, FeedSpec, FileSpec, Generation, PartitionSpec, PolicySpec, Store};

/// The least share of a plain COPY's speed, in thousandths.
const COPY_GOAL: Goal = Goal::AtLeast(700);
/// The fewest rows a CPU second into the embedded store, in thousandths.
const SQLITE_GOAL: Goal = Goal::AtLeast(100_000_000);
/// Longer than any bench: nobody renews.
const LEASE: Duration = Duration::from_secs(24 * 3600);

pub fn run(options: &Options) -> Result<Report, BenchError> {
    machine::forget_peak();
    let input = Input::new(&options.feed())?;
    let rows = Rows::new(&input)?;
    let about = format!("{}; {} transactions of whole days", options.about(&input), rows.units.len());
    drop(input);
    let runtime = runtime()?;
    let mut figures = Vec::new();
    if let Some(url) = &options.postgres {
        let runs = (0..options.repeats).map(|_| runtime.block_on(postgres(url, &rows)));
        figures.extend(postgres_figures(&rows, &runs.collect::<Result<Vec<_>, _>>()?));
    }
    let runs =
        (0..options.repeats).map(|_| runtime.block_on(sqlite(&rows))).collect::<Result<Vec<_>, _>>()?;
    figures.extend(sqlite_figures(&rows, &runs));
    figures.push(Figure::new("peak memory, the rows included", "MiB", vec![each(machine::peak(), 1 << 20)]));
    Ok(Report { bench: "sink", about, figures })
}

fn postgres_figures(rows: &Rows, runs: &[(Spent, Spent)]) -> Vec<Figure> {
    let of =
        |pick: &dyn Fn(&Spent, &Spent) -> u64| runs.iter().map(|(store, copy)| pick(store, copy)).collect();
    vec![
        Figure::new("Postgres, rows", "1/s", of(&|store, _| per_second(rows.count, store.wall))),
        Figure::new("one plain binary COPY of them", "1/s", of(&|_, copy| per_second(rows.count, copy.wall))),
        Figure::new(
            "Postgres beside the plain COPY",
            "ratio",
            of(&|store, copy| times(copy.wall, store.wall)),
        )
        .goal(COPY_GOAL),
        Figure::new("Postgres, our CPU of a row", "ns", of(&|store, _| each(store.cpu, rows.count))),
    ]
}

fn sqlite_figures(rows: &Rows, runs: &[Spent]) -> Vec<Figure> {
    let of = |pick: &dyn Fn(&Spent) -> u64| runs.iter().map(pick).collect();
    vec![
        Figure::new("SQLite, rows", "1/s", of(&|s| per_second(rows.count, s.wall))),
        Figure::new("SQLite, rows of a CPU second", "1/s", of(&|s| per_second(rows.count, s.cpu)))
            .goal(SQLITE_GOAL),
    ]
}

async fn sqlite(rows: &Rows) -> Result<Spent, BenchError> {
    let folder = tempfile::tempdir()?;
    let store = store::sqlite::open(&folder.path().join("bench.db"), rows.names.clone()).await?;
    commit_all(&store, rows).await
}

/// Into the store, and then into a plain table of the same columns, keys and indexes.
async fn postgres(url: &str, rows: &Rows) -> Result<(Spent, Spent), BenchError> {
    let database = Database::create(url).await?;
    let measured = async {
        let store = PostgresStore::connect(&database.url, rows.names.clone()).await?;
        store.migrate().await?;
        let mut connection = database.connect().await?;
        settle(&mut connection).await;
        let ours = commit_all(&store, rows).await?;
        store.close().await;
        settle(&mut connection).await;
        let plain = copy_all(&mut connection, rows).await?;
        connection.close().await?;
        Ok((ours, plain))
    };
    let measured = measured.await;
    database.drop().await?;
    measured
}

/// Lets the server write what it has put off, so that it is not charged to what is measured next. Not every user may ask for it.
async fn settle(connection: &mut PgConnection) {
    let _ = connection.execute("CHECKPOINT").await;
}

/// Commits all units; only commits are timed.
async fn commit_all(store: &dyn Store, rows: &Rows) -> Result<Spent, BenchError> {
    let generation = Arc::new(open(store, rows).await?);
    let mut spent = Spent::default();
    let mut inserted = 0;
    for Unit { rows, .. } in &rows.units {
        let unit =
            CommitUnit { generation: Some(generation.clone()), rows: rows.clone(), ..CommitUnit::default() };
        let watch = Stopwatch::start(Cpu::Process);
        inserted += store.commit(&unit).await?.inserted;
        spent += watch.spent();
    }
    if inserted != rows.count {
        return Err(BenchError::Undone(format!("of {} rows {inserted} were inserted", rows.count)));
    }
    Ok(spent)
}

/// What stands in the store before the first row: the lease, the names that rows bear, and the accounts.
async fn open(store: &dyn Store, rows: &Rows) -> Result<Generation, BenchError> {
    let generation = store.open_generation("bench", LEASE).await?;
    let id = PartitionId::new("bench/bulk.csv");
    let spec = PartitionSpec { id: id.clone(), source: "bench".into(), begin: None };
    store.open_partition(&generation, &spec).await?;
    let feed = FeedSpec {
        vendor: "bulk".into(),
        name: "bulk.csv".into(),
        object_version: None,
        hash: Some([1; 32]),
        mapping_version: 1,
        arrival: None,
        business_date: None,
        declared: None,
        counted: None,
        status: "complete",
        file: FileSpec {
            partition: id,
            source: "bench".into(),
            bytes: None,
            modified: None,
            read_through: None,
        },
    };
    store.open_feed(&feed).await?;
    store.keep_policy(&PolicySpec { hash: "bench".into(), text: String::new() }).await?;
    let count = u32::try_from(rows.accounts.len()).unwrap_or(u32::MAX);
    if store.reserve_accounts(count).await?.start != 1 {
        return Err(BenchError::Undone("the store is not new".into()));
    }
    let unit = CommitUnit {
        generation: Some(Arc::new(generation.clone())),
        accounts: rows.accounts.clone(),
        ..CommitUnit::default()
    };
    store.commit(&unit).await?;
    Ok(generation)
}

/// Copies the rows of each unit out of the store, sorted as it was given them, and into the plain table; only the latter is timed.
async fn copy_all(connection: &mut PgConnection, rows: &Rows) -> Result<Spent, BenchError> {
    connection.execute("CREATE TABLE plain_daily (LIKE performance_daily INCLUDING ALL)").await?;
    let mut spent = Spent::default();
    let mut copied = 0;
    for unit in &rows.units {
        let bytes = copy_out(connection, unit).await?;
        let watch = Stopwatch::start(Cpu::Process);
        copied += copy_in(connection, &bytes).await?;
        spent += watch.spent();
    }
    if copied != rows.count {
        return Err(BenchError::Undone(format!("of {} rows {copied} were copied", rows.count)));
    }
    Ok(spent)
}

async fn copy_out(connection: &mut PgConnection, unit: &Unit) -> Result<Vec<u8>, BenchError> {
    let Unit { from, to, .. } = unit;
    let sql = format!(
        "COPY (SELECT * FROM performance_daily WHERE as_of BETWEEN '{from}' AND '{to}' ORDER BY account_id, as_of)
         TO STDOUT (FORMAT binary)"
    );
    let mut stream = connection.copy_out_raw(&sql).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn copy_in(connection: &mut PgConnection, bytes: &[u8]) -> Result<u64, BenchError> {
    let mut transaction = connection.begin().await?;
    let mut copy = transaction.copy_in_raw("COPY plain_daily FROM STDIN (FORMAT binary)").await?;
    for piece in bytes.chunks(1 << 20) {
        copy.send(piece).await?;
    }
    let copied = copy.finish().await?;
    transaction.commit().await?;
    Ok(copied)
}
