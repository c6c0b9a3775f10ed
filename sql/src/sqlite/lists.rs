//! Lists for people: breaks, quarantine, feeds, checkpoints, totals.
use super::errors::Failure;
use super::register::progress;
use super::wire::Columns;
use crate::columns::{ColumnError, ColumnReader, need};
use crate::{BreakRow, CheckpointRow, FeedRow, QuarantineFilter, QuarantineRow, Totals};
use record::{Counts, PartitionId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::sync::LazyLock;

/// Which breaks or quarantined records; everything without.
#[derive(Default)]
pub(super) struct Asked<'a> {
    pub id: Option<i64>,
    pub status: Option<&'a str>,
    /// Account and date.
    pub day: Option<(i64, &'a str)>,
}

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

impl Asked<'_> {
    /// Of a table or view with the columns id, status, account_id and as_of.
    fn bind(&self, query: Query) -> Query {
        query
            .bind(self.id)
            .bind(self.status.map(str::to_owned))
            .bind(self.day.map(|(account, _)| account))
            .bind(self.day.map(|(_, date)| date.to_owned()))
    }
}

pub(super) async fn breaks(
    connection: &mut SqliteConnection,
    asked: &Asked<'_>,
) -> Result<Vec<BreakRow>, Failure> {
    let query = "SELECT b.id, b.rule, b.severity, a.account_no, b.vendor, b.as_of, b.expected, b.actual, b.difference,
        b.difference_bp, b.tolerance, b.hint, b.status, b.first_seen, b.last_seen
        FROM tolerance_break b LEFT JOIN account a ON a.id = b.account_id
        WHERE (?1 IS NULL OR b.id = ?1) AND (?2 IS NULL OR b.status = ?2)
        AND (?3 IS NULL OR (b.account_id = ?3 AND b.as_of = ?4)) ORDER BY b.id";
    let rows = asked.bind(sqlx::query(query)).fetch_all(connection).await?;
    rows.iter().map(break_row).collect()
}

fn break_row(row: &SqliteRow) -> Result<BreakRow, Failure> {
    let mut c = Columns::new(row, 0);
    Ok(BreakRow {
        id: need(c.integer()?, "id")?,
        rule: string(&mut c, "rule")?,
        severity: string(&mut c, "severity")?,
        account_no: c.text()?,
        vendor: c.text()?.map(|t| t.to_string()),
        as_of: c.date()?,
        expected: c.decimal()?,
        actual: c.decimal()?,
        difference: c.decimal()?,
        difference_bp: c.decimal()?,
        tolerance: c.decimal()?,
        hint: c.text()?.map(|t| t.to_string()),
        status: string(&mut c, "status")?,
        first_seen: need(c.time()?, "first_seen")?,
        last_seen: need(c.time()?, "last_seen")?,
    })
}

fn string(columns: &mut Columns<'_>, name: &'static str) -> Result<String, ColumnError> {
    Ok(need(columns.text()?, name)?.to_string())
}

/// The columns of a record, but for its bytes, and where they come from.
const QUARANTINE: &str =
    "q.id, q.vendor, p.name, q.position, q.line, f.name, q.code, q.text, q.field, a.account_no,
    q.vendor_account, q.as_of, q.mapping_version, q.length, q.seen_at, q.status";
const FROM_QUARANTINE: &str =
    "FROM quarantine q LEFT JOIN partition p ON p.id = q.partition_id LEFT JOIN feed f ON f.id = q.feed_id
    LEFT JOIN account a ON a.id = q.account_id";

/// Without the raw bytes, those with an id above `after`.
pub(super) async fn quarantine_page(
    connection: &mut SqliteConnection,
    filter: &QuarantineFilter,
    after: i64,
    limit: u32,
) -> Result<Vec<QuarantineRow>, Failure> {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {QUARANTINE}, x'' {FROM_QUARANTINE} WHERE q.id > ?1 AND (?2 IS NULL OR q.status = ?2)
            AND (?3 IS NULL OR q.code = ?3) AND (?4 IS NULL OR q.vendor = ?4) ORDER BY q.id LIMIT ?5"
        )
    });
    let query = sqlx::query(PAGE.as_str()).bind(after).bind(&filter.status).bind(&filter.code);
    let rows = query.bind(&filter.vendor).bind(limit).fetch_all(connection).await?;
    rows.iter().map(quarantine_row).collect()
}

/// With the raw bytes only where one is asked for by its id.
pub(super) async fn quarantine(
    connection: &mut SqliteConnection,
    asked: &Asked<'_>,
) -> Result<Vec<QuarantineRow>, Failure> {
    static ASKED: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {QUARANTINE}, CASE WHEN ?1 IS NULL THEN x'' ELSE q.raw END {FROM_QUARANTINE}
            WHERE (?1 IS NULL OR q.id = ?1) AND (?2 IS NULL OR q.status = ?2)
            AND (?3 IS NULL OR (q.account_id = ?3 AND q.as_of = ?4)) ORDER BY q.id"
        )
    });
    let rows = asked.bind(sqlx::query(ASKED.as_str())).fetch_all(connection).await?;
    rows.iter().map(quarantine_row).collect()
}

fn quarantine_row(row: &SqliteRow) -> Result<QuarantineRow, Failure> {
    let mut c = Columns::new(row, 0);
    Ok(QuarantineRow {
        id: need(c.integer()?, "id")?,
        vendor: string(&mut c, "vendor")?,
        partition: PartitionId::new(c.text()?.unwrap_or_default()),
        position: progress(&need(c.text()?, "position")?)?,
        line: c.integer()?,
        feed: c.text()?.unwrap_or_default().to_string(),
        code: string(&mut c, "code")?,
        text: string(&mut c, "text")?,
        field: c.text()?.map(|t| t.to_string()),
        account_no: c.text()?,
        vendor_account: c.text()?.map(|t| t.to_string()),
        as_of: c.date()?,
        mapping_version: need(c.integer()?, "mapping_version")?,
        length: need(c.integer()?, "length")?,
        seen_at: need(c.time()?, "seen_at")?,
        status: string(&mut c, "status")?,
        raw: c.bytes()?.unwrap_or_default(),
    })
}

pub(super) async fn feeds(
    connection: &mut SqliteConnection,
    id: Option<i64>,
) -> Result<Vec<FeedRow>, Failure> {
    let query = "SELECT id, source, vendor, name, object_version, hash, arrival, business_date, declared, counted, status
        FROM feed WHERE ?1 IS NULL OR id = ?1 ORDER BY id";
    let rows = sqlx::query(query).bind(id).fetch_all(connection).await?;
    rows.iter().map(feed_row).collect()
}

fn feed_row(row: &SqliteRow) -> Result<FeedRow, Failure> {
    let mut c = Columns::new(row, 0);
    Ok(FeedRow {
        id: need(c.integer()?, "id")?,
        source: string(&mut c, "source")?,
        vendor: string(&mut c, "vendor")?,
        name: string(&mut c, "name")?,
        object_version: c.text()?.map(|t| t.to_string()),
        hash: c.text()?.map(|t| t.to_string()),
        arrival: c.time()?,
        business_date: c.date()?,
        declared: c.integer()?,
        counted: c.integer()?,
        status: string(&mut c, "status")?,
    })
}

pub(super) async fn checkpoints(connection: &mut SqliteConnection) -> Result<Vec<CheckpointRow>, Failure> {
    let query = "SELECT p.name, c.source, c.position, c.updated_at, c.read, c.decoded, c.ignored, c.quarantined, c.observed,
        c.accepted, c.unchanged, c.stale, c.waiting, c.bytes, c.read_until
        FROM checkpoint c JOIN partition p ON p.id = c.partition_id ORDER BY p.name";
    let rows = sqlx::query(query).fetch_all(connection).await?;
    rows.iter().map(checkpoint_row).collect()
}

fn checkpoint_row(row: &SqliteRow) -> Result<CheckpointRow, Failure> {
    let mut c = Columns::new(row, 0);
    let id = PartitionId::new(need(c.text()?, "name")?);
    let source = string(&mut c, "source")?;
    let progress = progress(&need(c.text()?, "position")?)?;
    let updated_at = c.time()?;
    let mut count =
        || Ok::<u64, ColumnError>(c.integer()?.and_then(|n| n.try_into().ok()).unwrap_or_default());
    let counts = Counts {
        read: count()?,
        decoded: count()?,
        ignored: count()?,
        quarantined: count()?,
        observed: count()?,
        accepted: count()?,
        unchanged: count()?,
        stale: count()?,
        waiting: count()?,
        bytes: count()?,
    };
    Ok(CheckpointRow { id, source, progress, counts, updated_at, read_until: c.time()? })
}

pub(super) async fn totals(connection: &mut SqliteConnection) -> Result<Totals, Failure> {
    let query = "SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM performance_daily),
        (SELECT count(*) FROM performance_history), (SELECT count(*) FROM tolerance_break WHERE status = 'open'),
        (SELECT count(*) FROM quarantine WHERE status = 'open'), (SELECT count(*) FROM fact)";
    let row = sqlx::query(query).fetch_one(connection).await?;
    let count = |index: usize| Ok::<u64, sqlx::Error>(row.try_get::<i64, _>(index)?.unsigned_abs());
    Ok(Totals {
        accounts: count(0)?,
        rows: count(1)?,
        history: count(2)?,
        breaks_open: count(3)?,
        quarantined: count(4)?,
        facts: count(5)?,
    })
}
