//! Feeds as wholes: registered, followed to their end, and what depends on that.
use super::SqliteStore;
use super::errors::Failure;
use super::register::{partition_id, whole};
use super::wire::{Columns, text_date};
use crate::columns::{ColumnReader, need};
use crate::{
    Affected, AffectedAccount, BadRecords, Delivered, FeedSpec, FeedStep, FileSpec, OpenDelivery, OpenFeed,
    StandingFeed,
};
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use returns::date::{Date, Micros};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use std::sync::Arc;

/// A feed that is known: its id, and the arrival and partition of its earliest copy.
type Known = (i64, Option<Micros>, Option<String>);

impl SqliteStore {
    pub(super) async fn register_feed(&self, spec: &FeedSpec) -> Result<OpenFeed, Failure> {
        let mut connection = self.light().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let partition = note_file(&mut tx, &spec.file).await?;
        let (id, arrival) = match known(&mut tx, spec).await? {
            Some((id, arrival, name)) => {
                bring_up_to_date(&mut tx, spec, id).await?;
                let is_earlier = spec.is_earlier_copy(arrival, name.map(PartitionId::new));
                if is_earlier {
                    rename(&mut tx, spec, id, partition).await?;
                }
                (id, if is_earlier { spec.arrival } else { arrival })
            }
            None => (insert(&mut tx, spec, partition).await?, spec.arrival),
        };
        let (mapping_version, earlier): (u32, Option<String>) = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT f.mapping_version, {EARLIER} FROM feed f WHERE f.id = ?"
        )))
        .bind(id)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(OpenFeed { key: FeedKey(id), arrival, mapping_version, earlier: keys(earlier.as_deref()) })
    }

    pub(super) async fn keep_file(&self, file: &FileSpec) -> Result<(), Failure> {
        let mut connection = self.light().await?;
        note_file(&mut connection, file).await.map(drop)
    }

    pub(super) async fn feeds_standing(&self, layouts: &[Arc<str>]) -> Result<Vec<StandingFeed>, Failure> {
        let list = vec!["?"; layouts.len()].join(", ");
        let query = format!(
            "SELECT f.id, f.vendor, f.business_date, f.arrival, f.status = 'complete' OR f.status = 'waiting' AND {REPLACED}, f.status = 'waiting', EXISTS (
                SELECT 1 FROM quarantine q
                WHERE q.feed_id = f.id AND q.status = 'open' AND (q.account_id IS NULL OR q.as_of IS NULL)), {EARLIER} AS earlier
            FROM feed f WHERE f.hash IS NOT NULL
                AND (f.status IN ('coming', 'complete') AND f.vendor IN ({list})
                    OR f.status IN ('coming', 'complete', 'waiting') AND earlier IS NOT NULL)"
        );
        let mut query = sqlx::query(AssertSqlSafe(query));
        for layout in layouts {
            query = query.bind(layout.clone());
        }
        let rows = query.fetch_all(&self.readers).await?;
        let feed = |row: &SqliteRow| -> Result<StandingFeed, Failure> {
            let mut c = Columns::new(row, 0);
            Ok(StandingFeed {
                key: FeedKey(need(c.integer()?, "id")?),
                layout: need(c.text()?, "vendor")?,
                business_date: c.date()?,
                arrival: c.time()?,
                through: c.integer()? == Some(1),
                waits: c.integer()? == Some(1),
                unread: c.integer()? == Some(1),
                earlier: keys(c.text()?.as_deref()),
            })
        };
        rows.iter().map(feed).collect()
    }

    pub(super) async fn accounts_affected(&self, what: &Affected) -> Result<Vec<AffectedAccount>, Failure> {
        let query = match what {
            Affected::Lacking { of, dates, beside } => {
                between(sqlx::query(LACKING).bind(of.0), *dates).bind(beside.0)
            }
            Affected::All { of, dates } => between(sqlx::query(ALL).bind(of.0), *dates),
            Affected::Holdings { of, dates } => between(sqlx::query(HOLDINGS).bind(of.0), *dates),
            Affected::Waiting { of, dates } => between(sqlx::query(WAITING).bind(of.0), *dates),
            Affected::Open { vendor, until } => {
                sqlx::query(OPEN).bind(vendor.clone()).bind(until.map(text_date))
            }
        };
        let rows = query.fetch_all(&self.readers).await?;
        let account = |row: &SqliteRow| -> Result<AffectedAccount, Failure> {
            let mut c = Columns::new(row, 0);
            Ok(AffectedAccount {
                account_no: need(c.text()?, "account_no")?,
                from: need(c.date()?, "as_of")?,
                until: need(c.date()?, "as_of")?,
                whole: c.integer()? == Some(1),
            })
        };
        rows.iter().map(account).collect()
    }

    pub(super) async fn deliveries_open(
        &self,
        partition: PartitionKey,
    ) -> Result<Vec<OpenDelivery>, Failure> {
        let open = "SELECT vendor, mapping_version, kept FROM feed WHERE partition_id = ? AND kept IS NOT NULL ORDER BY id";
        let open: Vec<(String, u32, Vec<u8>)> =
            sqlx::query_as(open).bind(partition.0).fetch_all(&self.readers).await?;
        let open = open.into_iter().map(|(vendor, mapping_version, kept)| OpenDelivery {
            vendor: vendor.into(),
            mapping_version,
            kept,
        });
        Ok(open.collect())
    }

    pub(super) async fn records_bad(
        &self,
        feed: FeedKey,
        partition: PartitionKey,
        before: Progress,
    ) -> Result<BadRecords, Failure> {
        let before = match before {
            Progress::Start => Some(-1),
            // Offsets in files fit: what does not is a stream, whose feeds have no end.
            Progress::At(position) => Some(i64::try_from(position.sequence).unwrap_or(i64::MAX)),
            Progress::End => None,
        };
        let query = "SELECT
                count(*) FILTER (WHERE partition_id = ?2 AND (?3 IS NULL OR CAST(position AS INTEGER) <= ?3)),
                coalesce(max(status = 'open' AND (account_id IS NULL OR as_of IS NULL)), 0)
            FROM quarantine WHERE feed_id = ?1";
        let row =
            sqlx::query(query).bind(feed.0).bind(partition.0).bind(before).fetch_one(&self.readers).await?;
        let count: i64 = row.try_get(0)?;
        Ok(BadRecords { count: count.unsigned_abs(), unread: row.try_get::<i64, _>(1)? == 1 })
    }
}

/// The feed a step belongs to, brought up to date with it; one that is through replaces the readings before it, and what was wrong with those.
/// Returns how many breaks that resolved.
pub(super) async fn step(
    connection: &mut SqliteConnection,
    step: &FeedStep,
    now: Micros,
) -> Result<u64, Failure> {
    let update = "UPDATE feed SET first_as_of = coalesce(min(first_as_of, ?2), first_as_of, ?2),
        last_as_of = coalesce(max(last_as_of, ?3), last_as_of, ?3),
        status = CASE WHEN ?4 AND status = 'coming' THEN 'complete' ELSE status END WHERE id = ?1";
    let [first, last] = [step.dates.map(|d| text_date(d.0)), step.dates.map(|d| text_date(d.1))];
    sqlx::query(update)
        .bind(step.feed.0)
        .bind(first)
        .bind(last)
        .bind(step.through)
        .execute(&mut *connection)
        .await?;
    if let Some(stands) = step.delivery.as_deref() {
        delivered(connection, step.feed, stands.into()).await?;
    }
    if !step.through {
        return Ok(0);
    }
    for update in REPLACE.map(of_earlier) {
        sqlx::query(AssertSqlSafe(update)).bind(step.feed.0).execute(&mut *connection).await?;
    }
    let mut resolved = 0;
    for settles in [of_earlier(RESOLVE), SETTLE.to_owned()] {
        let settled =
            sqlx::query(AssertSqlSafe(settles)).bind(step.feed.0).bind(now).execute(&mut *connection).await?;
        resolved += settled.rows_affected();
    }
    Ok(resolved)
}

/// How a delivery in several messages stands. What was released before stays so.
async fn delivered(
    connection: &mut SqliteConnection,
    feed: FeedKey,
    stands: Delivered<'_>,
) -> Result<(), Failure> {
    let update = "UPDATE feed SET kept = ?, declared = ?, counted = ?,
        status = CASE WHEN ? AND status = 'waiting' THEN 'complete' ELSE status END WHERE id = ?";
    sqlx::query(update)
        .bind(stands.kept.map(<[u8]>::to_vec))
        .bind(stands.declared.map(whole))
        .bind(stands.counted.map(whole))
        .bind(stands.whole)
        .bind(feed.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The readings before a feed that is through, their records in quarantine, and what was wrong with them as wholes.
const REPLACE: [&str; 2] = [
    "UPDATE feed SET status = 'replaced' WHERE id",
    "UPDATE quarantine SET status = 'replaced' WHERE status = 'open' AND feed_id",
];
const RESOLVE: &str = "UPDATE tolerance_break SET status = 'resolved', last_seen = ?2
    WHERE status = 'open' AND account_id IS NULL AND feed_id";

fn of_earlier(update: &str) -> String {
    format!(
        "{update} IN (SELECT e.id FROM feed e
            JOIN feed f ON f.vendor = e.vendor AND f.hash = e.hash AND f.mapping_version > e.mapping_version
            WHERE f.id = ?1 AND f.status IN ('complete', 'waiting'))"
    )
}

/// A feed that waits and comes again under its name is in by the one that is whole, so that what it declared is settled: whichever of the
/// two is read first. What the two say of their business dates must not differ, and a name alone arrives before every time.
const SETTLE: &str = "
    UPDATE tolerance_break SET status = 'resolved', last_seen = ?2
    WHERE status = 'open' AND rule IN ('control_count', 'control_total') AND feed_id IN (
        SELECT waiting.id FROM feed this
        JOIN feed waiting USING (source, vendor, name) JOIN feed whole USING (source, vendor, name)
        WHERE this.id = ?1 AND waiting.status = 'waiting' AND whole.status = 'complete'
            AND coalesce(waiting.business_date = whole.business_date, 1)
            AND (waiting.arrival IS NULL OR waiting.arrival <= whole.arrival))";

/// The readings before a feed `f`, as text.
const EARLIER: &str =
    "(SELECT group_concat(e.id) FROM (SELECT id FROM feed e WHERE e.vendor = f.vendor AND e.hash = f.hash
    AND e.mapping_version < f.mapping_version ORDER BY e.mapping_version) e)";

/// Whether a feed `f` has replaced those: a feed that waits says so alone that all of it is read.
const REPLACED: &str = "NOT EXISTS (SELECT 1 FROM feed e WHERE e.vendor = f.vendor AND e.hash = f.hash
    AND e.mapping_version < f.mapping_version AND e.status <> 'replaced')";

fn keys(list: Option<&str>) -> Vec<FeedKey> {
    list.into_iter().flat_map(|list| list.split(',')).filter_map(|id| id.parse().ok()).map(FeedKey).collect()
}

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn between(query: Query, dates: Option<(Date, Date)>) -> Query {
    query.bind(dates.map(|d| text_date(d.0))).bind(dates.map(|d| text_date(d.1)))
}

/// Account by account over the dates the feed speaks of, so that it costs what the feed holds and not what the store does.
const LACKING: &str = "
    SELECT a.account_no, min(said.as_of), max(said.as_of), max(said.whole)
    FROM (
        SELECT x.account_id, x.as_of, x.key_as_of IS NULL OR x.kind = 'account' AS whole
        FROM feed f CROSS JOIN account b CROSS JOIN fact x
            ON x.account_id = b.id AND x.as_of BETWEEN coalesce(min(f.first_as_of, ?2), f.first_as_of, ?2) AND coalesce(max(f.last_as_of, ?3), f.last_as_of, ?3) AND x.feed_id = f.id
        WHERE f.id = ?1 AND x.kind <> 'quarantined'
            AND NOT EXISTS (SELECT 1 FROM fact y WHERE y.account_id = x.account_id AND y.kind = x.kind
                AND coalesce(y.key_as_of, '') = coalesce(x.key_as_of, '') AND y.origin = x.origin
                AND coalesce(y.ref, '') = coalesce(x.ref, '') AND y.feed_id = ?4)
            AND NOT (x.kind = 'summary' AND EXISTS (SELECT 1 FROM performance_daily y WHERE y.account_id = x.account_id
                AND y.as_of = x.as_of AND y.feed_id = ?4 AND y.carries = 1 AND y.value_vendor = x.origin))
        UNION ALL
        SELECT d.account_id, d.as_of, 0
        FROM feed f CROSS JOIN account b CROSS JOIN performance_daily d
            ON d.account_id = b.id AND d.as_of BETWEEN coalesce(min(f.first_as_of, ?2), f.first_as_of, ?2) AND coalesce(max(f.last_as_of, ?3), f.last_as_of, ?3)
        WHERE f.id = ?1 AND d.feed_id = f.id AND d.carries = 1
            AND NOT EXISTS (SELECT 1 FROM fact y WHERE y.account_id = d.account_id AND y.kind = 'summary'
                AND coalesce(y.key_as_of, '') = d.as_of AND y.origin = d.value_vendor
                AND coalesce(y.ref, '') = '' AND y.feed_id = ?4)
    ) said JOIN account a ON a.id = said.account_id GROUP BY a.id";

const ALL: &str = "
    SELECT a.account_no, min(said.as_of), max(said.as_of), 1
    FROM (
        SELECT x.account_id, x.as_of
        FROM feed f CROSS JOIN account b CROSS JOIN fact x
            ON x.account_id = b.id AND x.as_of BETWEEN coalesce(min(f.first_as_of, ?2), f.first_as_of, ?2) AND coalesce(max(f.last_as_of, ?3), f.last_as_of, ?3) AND x.feed_id = f.id
        WHERE f.id = ?1
        UNION ALL
        SELECT d.account_id, d.as_of
        FROM feed f CROSS JOIN account b CROSS JOIN performance_daily d
            ON d.account_id = b.id AND d.as_of BETWEEN coalesce(min(f.first_as_of, ?2), f.first_as_of, ?2) AND coalesce(max(f.last_as_of, ?3), f.last_as_of, ?3)
        WHERE f.id = ?1 AND d.feed_id = f.id AND d.carries = 1
    ) said JOIN account a ON a.id = said.account_id GROUP BY a.id";

const HOLDINGS: &str = "
    SELECT a.account_no, min(x.as_of), max(x.as_of), 0
    FROM feed f CROSS JOIN account a CROSS JOIN fact x
        ON x.account_id = a.id AND x.as_of BETWEEN coalesce(min(f.first_as_of, ?2), f.first_as_of, ?2) AND coalesce(max(f.last_as_of, ?3), f.last_as_of, ?3) AND x.feed_id = f.id AND x.kind = 'holding'
    WHERE f.id = ?1 GROUP BY a.id";

const WAITING: &str = "
    SELECT a.account_no, min(x.as_of), max(x.as_of), max(x.key_as_of IS NULL OR x.kind = 'account')
    FROM feed f CROSS JOIN account a CROSS JOIN fact x
        ON x.account_id = a.id AND x.as_of BETWEEN coalesce(min(f.first_as_of, ?2), f.first_as_of, ?2) AND coalesce(max(f.last_as_of, ?3), f.last_as_of, ?3) AND x.feed_id = f.id AND x.waiting_reason = 'trailer'
    WHERE f.id = ?1 GROUP BY a.id";

/// By the index of open days; the bit is that of `incomplete`.
const OPEN: &str = "
    SELECT a.account_no, min(d.as_of), max(d.as_of), 0
    FROM performance_daily d JOIN account a ON a.id = d.account_id
    WHERE d.row_reasons & 1 <> 0 AND d.value_vendor = ?1 AND (?2 IS NULL OR d.as_of <= ?2) GROUP BY a.id";

/// Size and time of the file that was read through, and what that told; returns its partition.
async fn note_file(connection: &mut SqliteConnection, spec: &FileSpec) -> Result<i64, Failure> {
    let id = partition_id(connection, &spec.partition_spec()).await?;
    if spec.modified.is_some() {
        sqlx::query("UPDATE partition SET file_size = ?, file_modified = ?, read_through = ? WHERE id = ?")
            .bind(spec.bytes.map(whole))
            .bind(spec.modified)
            .bind(spec.read_through.clone())
            .bind(id)
            .execute(connection)
            .await?;
    }
    Ok(id)
}

/// What has an end is known by its layout, hash and mapping's version, a day of a stream by source, layout and date.
async fn known(connection: &mut SqliteConnection, spec: &FeedSpec) -> Result<Option<Known>, Failure> {
    let by_hash = "SELECT f.id, f.arrival, p.name FROM feed f LEFT JOIN partition p ON p.id = f.partition_id
        WHERE f.vendor = ? AND f.hash = ? AND f.mapping_version = ?";
    let by_day = "SELECT f.id, f.arrival, p.name FROM feed f LEFT JOIN partition p ON p.id = f.partition_id
        WHERE f.vendor = ? AND f.hash IS NULL AND f.source = ? AND f.name = ?";
    let asked = match spec.hash {
        Some(hash) => sqlx::query_as(by_hash).bind(&*spec.vendor).bind(hex(&hash)).bind(spec.mapping_version),
        None => sqlx::query_as(by_day).bind(&*spec.vendor).bind(&*spec.file.source).bind(&*spec.name),
    };
    Ok(asked.fetch_optional(connection).await?)
}

/// A known feed stays as it is, save for what its read-through tells.
async fn bring_up_to_date(
    connection: &mut SqliteConnection,
    spec: &FeedSpec,
    id: i64,
) -> Result<(), Failure> {
    // What was refused is known by its name, whatever its bytes.
    let update = "UPDATE feed SET declared = ?, counted = ?, business_date = ?, object_version = CASE WHEN hash IS NULL THEN ? ELSE object_version END,
        status = CASE status WHEN 'waiting' THEN ? ELSE status END WHERE id = ?";
    sqlx::query(update)
        .bind(spec.declared.map(whole))
        .bind(spec.counted.map(whole))
        .bind(spec.business_date.map(text_date))
        .bind(spec.object_version.as_deref())
        .bind(spec.status)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn rename(
    connection: &mut SqliteConnection,
    spec: &FeedSpec,
    id: i64,
    partition: i64,
) -> Result<(), Failure> {
    let update = "UPDATE feed SET source = ?, name = ?, object_version = ?, arrival = ?, partition_id = ? WHERE id = ?";
    sqlx::query(update)
        .bind(&*spec.file.source)
        .bind(&*spec.name)
        .bind(spec.object_version.as_deref())
        .bind(spec.arrival)
        .bind(partition)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, spec: &FeedSpec, partition: i64) -> Result<i64, Failure> {
    let insert = "INSERT INTO feed
        (source, vendor, name, object_version, hash, mapping_version, bytes, arrival, business_date, declared, counted, status, partition_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
    Ok(sqlx::query_scalar(insert)
        .bind(&*spec.file.source)
        .bind(&*spec.vendor)
        .bind(&*spec.name)
        .bind(spec.object_version.as_deref())
        .bind(spec.hash.map(|h| hex(&h)))
        .bind(spec.mapping_version)
        .bind(spec.file.bytes.map(whole))
        .bind(spec.arrival)
        .bind(spec.business_date.map(text_date))
        .bind(spec.declared.map(whole))
        .bind(spec.counted.map(whole))
        .bind(spec.status)
        .bind(partition)
        .fetch_one(connection)
        .await?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
