//! The file: opened, tuned and brought up to date.
use super::errors::Failure;
use crate::StoreError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Executor, SqlStr};
use std::path::Path;
use std::time::Duration;

/// How long a statement waits for another process's write before it gives up; the longest transaction is one batch.
const BUSY: Duration = Duration::from_secs(30);
/// Connections for people's and the pipeline's reads. Each is a thread.
const READERS: u32 = 4;
/// Prepared statements kept per connection; this crate has fewer.
const STATEMENTS: usize = 200;

/// Rows that a connection's thread reads ahead of who asks; waking each other for every few costs more than the rows.
const READ_AHEAD: usize = 1024;

/// SQLite's code for a file that is none of its own.
const NOT_A_DATABASE: &str = "26";

/// Bytes; larger pages suit wide rows that come in blocks.
const PAGE: u32 = 8192;

const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "store", include_str!("../../migrations/sqlite/0001_store.sql"))];

/// One connection that writes, so that writers queue here instead of failing in the file, and a few that read beside it.
pub(super) async fn pools(path: &Path) -> Result<(SqlitePool, SqlitePool), StoreError> {
    check_folder(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(READ_AHEAD)
        .page_size(PAGE)
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let cannot_open = |e: sqlx::Error| match e.as_database_error().and_then(|e| e.code()).as_deref() {
        Some(NOT_A_DATABASE) => StoreError::Refused(format!(
            "the file {} is no SQLite database; name another one, or move it away",
            path.display()
        )),
        _ => StoreError::Unreachable(format!("cannot open the database file {}: {e}", path.display())),
    };
    // A registration turns this off for itself (see `SqliteStore::light`); whatever became of it, the next one to write begins with FULL.
    let writer = pool(1).before_acquire(|connection, _| {
        Box::pin(async move { connection.execute("PRAGMA synchronous = FULL").await.map(|_| true) })
    });
    let writer = writer.connect_with(options.clone()).await.map_err(cannot_open)?;
    let readers =
        pool(READERS).connect_with(options.pragma("query_only", "on")).await.map_err(cannot_open)?;
    Ok((writer, readers))
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// SQLite's own message for a missing folder does not name it.
fn check_folder(path: &Path) -> Result<(), StoreError> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => Err(StoreError::Refused(format!(
            "the folder {} for the database file {} does not exist; create it first",
            folder.display(),
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Applies what is missing, all of it or nothing; says what.
pub(super) async fn migrate(writer: &SqlitePool) -> Result<Vec<String>, Failure> {
    // Two processes may open a fresh file at once: the second waits here and then finds nothing to do.
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    let missing = missing(&mut tx).await?;
    if missing.is_empty() {
        return Ok(missing);
    }
    // Not `run`: its borrow of the connection is too general for a future that is sent between threads.
    migrator().run_direct(None, &mut *tx, false).await.map_err(schema_error)?;
    tx.commit().await?;
    Ok(missing)
}

pub(super) async fn ready(readers: &SqlitePool) -> Result<(), Failure> {
    let mut connection = readers.acquire().await?;
    match missing(&mut connection).await?.as_slice() {
        [] => Ok(()),
        names => Err(Failure::Store(StoreError::Schema(format!(
            "the schema is behind this program ({} missing); run `dietz migrate`",
            names.join(", ")
        )))),
    }
}

/// The migrations this program has and the file has not.
async fn missing(connection: &mut sqlx::SqliteConnection) -> Result<Vec<String>, Failure> {
    let migrated: bool =
        sqlx::query_scalar("SELECT count(*) > 0 FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await?;
    let applied: Vec<i64> = if migrated {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version")
            .fetch_all(&mut *connection)
            .await?
    } else {
        Vec::new()
    };
    if let Some(newer) = applied.iter().find(|v| !MIGRATIONS.iter().any(|(own, ..)| own == *v)) {
        return Err(newer_schema(*newer).into());
    }
    let missing = MIGRATIONS.iter().filter(|(version, ..)| !applied.contains(version));
    Ok(missing.map(|(version, name, _)| format!("{version:04}_{name}")).collect())
}

fn migrator() -> Migrator {
    let all = MIGRATIONS.iter().map(|(version, name, sql)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(all.collect())
}

fn schema_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => newer_schema(version),
        other => StoreError::Schema(format!("the schema cannot be brought up to date: {other}")),
    }
}

fn newer_schema(version: i64) -> StoreError {
    StoreError::Schema(format!(
        "the schema is newer than this program (migration {version:04} is unknown to it); use a newer dietz"
    ))
}
