//! Feeds as wholes: registered, followed to their end, and what depends on that.
use super::lease::register_partition;
use super::register::signed;
use super::types::{Day, Instant};
use crate::{
    Affected, AffectedAccount, BadRecords, Delivered, DeltaWrite, FeedSpec, FeedStep, FileSpec, OpenDelivery,
    OpenFeed, StandingFeed, StoreError,
};
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use returns::Date;
use returns::date::Micros;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use std::sync::Arc;

/// What has an end is known by its layout, hash and mapping's version, a day of a stream by source, layout and date. A known one stays as it
/// is, save for what its read-through tells.
/// What was refused has no hash and is known by its name, whatever its bytes: it is the version that came last.
const REGISTER: [&str; 2] = [
    "INSERT INTO feed AS f (source, vendor, name, hash, bytes, arrival, business_date, declared, counted, status, partition_id, mapping_version, object_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (vendor, hash, mapping_version) WHERE hash IS NOT NULL DO UPDATE SET declared = excluded.declared, counted = excluded.counted,
        business_date = excluded.business_date, status = CASE f.status WHEN 'waiting' THEN excluded.status ELSE f.status END
     RETURNING id, arrival, (SELECT name FROM partition p WHERE p.id = partition_id)",
    "INSERT INTO feed AS f (source, vendor, name, hash, bytes, arrival, business_date, declared, counted, status, partition_id, mapping_version, object_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (source, vendor, name) WHERE hash IS NULL DO UPDATE SET declared = excluded.declared, counted = excluded.counted, object_version = excluded.object_version
     RETURNING id, arrival, (SELECT name FROM partition p WHERE p.id = partition_id)",
];

pub async fn open(pool: &PgPool, spec: &FeedSpec) -> Result<OpenFeed, StoreError> {
    let mut tx = pool.begin().await?;
    let partition = note(&mut tx, &spec.file).await?;
    let row = sqlx::query(REGISTER[usize::from(spec.hash.is_none())])
        .bind(&*spec.file.source)
        .bind(&*spec.vendor)
        .bind(&*spec.name)
        .bind(spec.hash.map(Vec::from))
        .bind(spec.file.bytes.map(signed))
        .bind(spec.arrival.map(Instant))
        .bind(spec.business_date.map(Day))
        .bind(spec.declared.map(signed))
        .bind(spec.counted.map(signed))
        .bind(spec.status)
        .bind(partition.0)
        .bind(i64::from(spec.mapping_version))
        .bind(spec.object_version.as_deref())
        .fetch_one(&mut *tx)
        .await?;
    let id: i64 = row.try_get(0)?;
    let kept = (row.try_get::<Option<Instant>, _>(1)?.map(|t| t.0), row.try_get::<Option<String>, _>(2)?);
    let is_earlier = spec.is_earlier_copy(kept.0, kept.1.map(PartitionId::new));
    if is_earlier {
        sqlx::query("UPDATE feed SET source = $2, name = $3, arrival = $4, partition_id = $5, object_version = $6 WHERE id = $1")
            .bind(id)
            .bind(&*spec.file.source)
            .bind(&*spec.name)
            .bind(spec.arrival.map(Instant))
            .bind(partition.0)
            .bind(spec.object_version.as_deref())
            .execute(&mut *tx)
            .await?;
    }
    let told = sqlx::query(AssertSqlSafe(format!(
        "SELECT f.mapping_version, {EARLIER} FROM feed f WHERE f.id = $1"
    )))
    .bind(id)
    .fetch_one(&mut *tx)
    .await?;
    let mapping_version = u32::try_from(told.try_get::<i64, _>(0)?).unwrap_or(u32::MAX);
    let earlier = told.try_get::<Vec<i64>, _>(1)?.into_iter().map(FeedKey).collect();
    tx.commit().await?;
    let arrival = if is_earlier { spec.arrival } else { kept.0 };
    Ok(OpenFeed { key: FeedKey(id), arrival, mapping_version, earlier })
}

/// The readings before a feed `f`.
const EARLIER: &str = "ARRAY(SELECT e.id FROM feed e WHERE e.vendor = f.vendor AND e.hash = f.hash
    AND e.mapping_version < f.mapping_version ORDER BY e.mapping_version)";

/// Whether a feed `f` has replaced those: a feed that waits says so alone that all of it is read.
const REPLACED: &str = "NOT EXISTS (SELECT FROM feed e WHERE e.vendor = f.vendor AND e.hash = f.hash
    AND e.mapping_version < f.mapping_version AND e.status <> 'replaced')";

pub async fn note_file(pool: &PgPool, file: &FileSpec) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    note(&mut tx, file).await?;
    Ok(tx.commit().await?)
}

/// Size and time of the file that was read through, and what that told; returns its partition.
async fn note(conn: &mut PgConnection, file: &FileSpec) -> Result<PartitionKey, StoreError> {
    let partition = register_partition(conn, &file.partition_spec()).await?;
    if file.modified.is_some() {
        sqlx::query(
            "UPDATE partition SET file_size = $2, file_modified = $3, read_through = $4 WHERE id = $1",
        )
        .bind(partition.0)
        .bind(file.bytes.map(signed))
        .bind(file.modified.map(Instant))
        .bind(&file.read_through)
        .execute(conn)
        .await?;
    }
    Ok(partition)
}

/// The feeds that steps belong to, brought up to date with them; one that is through replaces the readings before it, and what was wrong with
/// those. Returns how many breaks that resolved.
pub async fn step(conn: &mut PgConnection, deltas: &[DeltaWrite], now: Micros) -> Result<u64, StoreError> {
    let steps: Vec<&FeedStep> = deltas.iter().flat_map(|d| &d.feeds).collect();
    if steps.is_empty() {
        return Ok(0);
    }
    sqlx::query(
        "UPDATE feed f SET first_as_of = least(f.first_as_of, s.first), last_as_of = greatest(f.last_as_of, s.last),
            status = CASE WHEN s.through AND f.status = 'coming' THEN 'complete' ELSE f.status END
         FROM unnest($1::bigint[], $2::date[], $3::date[], $4::boolean[]) AS s (id, first, last, through) WHERE f.id = s.id",
    )
    .bind(steps.iter().map(|s| s.feed.0).collect::<Vec<_>>())
    .bind(steps.iter().map(|s| s.dates.map(|d| Day(d.0))).collect::<Vec<_>>())
    .bind(steps.iter().map(|s| s.dates.map(|d| Day(d.1))).collect::<Vec<_>>())
    .bind(steps.iter().map(|s| s.through).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    delivered(conn, &steps).await?;
    let through: Vec<i64> = steps.iter().filter(|s| s.through).map(|s| s.feed.0).collect();
    let mut resolved = 0;
    for settles in [REPLACE, SETTLE].into_iter().filter(|_| !through.is_empty()) {
        let settled = sqlx::query(settles).bind(&through).bind(Instant(now)).execute(&mut *conn).await?;
        resolved += settled.rows_affected();
    }
    Ok(resolved)
}

/// How deliveries in several messages stand. What was released before stays so.
async fn delivered(conn: &mut PgConnection, steps: &[&FeedStep]) -> Result<(), StoreError> {
    let all = steps.iter().filter_map(|step| Some((step.feed, step.delivery.as_deref()?)));
    let told: Vec<(FeedKey, Delivered<'_>)> = all.map(|(feed, stands)| (feed, stands.into())).collect();
    if told.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE feed f SET kept = s.kept, declared = s.declared, counted = s.counted,
            status = CASE WHEN s.whole AND f.status = 'waiting' THEN 'complete' ELSE f.status END
         FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::boolean[]) AS s (id, kept, declared, counted, whole)
         WHERE f.id = s.id",
    )
    .bind(told.iter().map(|(feed, _)| feed.0).collect::<Vec<_>>())
    .bind(told.iter().map(|(_, d)| d.kept).collect::<Vec<_>>())
    .bind(told.iter().map(|(_, d)| d.declared.map(signed)).collect::<Vec<_>>())
    .bind(told.iter().map(|(_, d)| d.counted.map(signed)).collect::<Vec<_>>())
    .bind(told.iter().map(|(_, d)| d.whole).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn open_deliveries(
    pool: &PgPool,
    partition: PartitionKey,
) -> Result<Vec<OpenDelivery>, StoreError> {
    let rows = sqlx::query(
        "SELECT vendor, mapping_version, kept FROM feed WHERE partition_id = $1 AND kept IS NOT NULL ORDER BY id",
    )
    .bind(partition.0)
    .fetch_all(pool)
    .await?;
    let open = |row: &PgRow| -> Result<OpenDelivery, StoreError> {
        Ok(OpenDelivery {
            vendor: row.try_get::<String, _>(0)?.into(),
            mapping_version: u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or(u32::MAX),
            kept: row.try_get(2)?,
        })
    };
    rows.iter().map(open).collect()
}

/// A feed that waits and comes again under its name is in by the one that is whole, so that what it declared is settled: whichever of the
/// two is read first. What the two say of their business dates must not differ, and a name alone arrives before every time.
const SETTLE: &str = "
    UPDATE tolerance_break SET status = 'resolved', last_seen = $2
    WHERE status = 'open' AND rule IN ('control_count', 'control_total') AND feed_id IN (
        SELECT waiting.id FROM feed this
        JOIN feed waiting USING (source, vendor, name) JOIN feed whole USING (source, vendor, name)
        WHERE this.id = ANY ($1) AND waiting.status = 'waiting' AND whole.status = 'complete'
            AND coalesce(waiting.business_date = whole.business_date, true)
            AND (waiting.arrival IS NULL OR waiting.arrival <= whole.arrival))";

const REPLACE: &str = "
    WITH earlier AS (
        UPDATE feed e SET status = 'replaced' FROM feed f
        WHERE f.id = ANY ($1) AND f.status IN ('complete', 'waiting') AND f.vendor = e.vendor AND f.hash = e.hash
            AND f.mapping_version > e.mapping_version
        RETURNING e.id
    ), records AS (
        UPDATE quarantine q SET status = 'replaced' FROM earlier WHERE q.feed_id = earlier.id AND q.status = 'open'
    )
    UPDATE tolerance_break b SET status = 'resolved', last_seen = $2 FROM earlier
    WHERE b.feed_id = earlier.id AND b.account_id IS NULL AND b.status = 'open'";

pub async fn standing(pool: &PgPool, layouts: &[Arc<str>]) -> Result<Vec<StandingFeed>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT f.id, f.vendor, f.business_date, f.arrival, f.status = 'complete' OR f.status = 'waiting' AND {REPLACED}, f.status = 'waiting', EXISTS (
            SELECT FROM quarantine q
            WHERE q.feed_id = f.id AND q.status = 'open' AND (q.account_id IS NULL OR q.as_of IS NULL)), e.earlier
         FROM feed f CROSS JOIN LATERAL (SELECT {EARLIER} AS earlier) e
         WHERE f.hash IS NOT NULL AND (f.status IN ('coming', 'complete') AND f.vendor = ANY ($1)
            OR f.status IN ('coming', 'complete', 'waiting') AND cardinality(e.earlier) > 0)"
    )))
    .bind(layouts.iter().map(|l| l.to_string()).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?;
    let feed = |row: &PgRow| -> Result<StandingFeed, StoreError> {
        Ok(StandingFeed {
            key: FeedKey(row.try_get(0)?),
            layout: row.try_get::<String, _>(1)?.into(),
            business_date: row.try_get::<Option<Day>, _>(2)?.map(|d| d.0),
            arrival: row.try_get::<Option<Instant>, _>(3)?.map(|t| t.0),
            through: row.try_get(4)?,
            waits: row.try_get(5)?,
            unread: row.try_get(6)?,
            earlier: row.try_get::<Vec<i64>, _>(7)?.into_iter().map(FeedKey).collect(),
        })
    };
    rows.iter().map(feed).collect()
}

pub async fn affected(pool: &PgPool, what: &Affected) -> Result<Vec<AffectedAccount>, StoreError> {
    let rows = match what {
        Affected::Lacking { of, dates, beside } => {
            between(sqlx::query(LACKING).bind(of.0), *dates).bind(beside.0).fetch_all(pool).await?
        }
        Affected::All { of, dates } => between(sqlx::query(ALL).bind(of.0), *dates).fetch_all(pool).await?,
        Affected::Holdings { of, dates } => {
            between(sqlx::query(HOLDINGS).bind(of.0), *dates).fetch_all(pool).await?
        }
        Affected::Waiting { of, dates } => {
            between(sqlx::query(WAITING).bind(of.0), *dates).fetch_all(pool).await?
        }
        Affected::Open { vendor, until } => {
            sqlx::query(OPEN).bind(&**vendor).bind(until.map(Day)).fetch_all(pool).await?
        }
    };
    let account = |row: &PgRow| -> Result<AffectedAccount, StoreError> {
        Ok(AffectedAccount {
            account_no: row.try_get::<String, _>(0)?.into(),
            from: row.try_get::<Day, _>(1)?.0,
            until: row.try_get::<Day, _>(2)?.0,
            whole: row.try_get(3)?,
        })
    };
    rows.iter().map(account).collect()
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn between<'q>(query: Query<'q>, dates: Option<(Date, Date)>) -> Query<'q> {
    query.bind(dates.map(|d| Day(d.0))).bind(dates.map(|d| Day(d.1)))
}

/// Account by account over the dates the feed speaks of, so that it costs what the feed holds and not what the store does.
const LACKING: &str = "
    SELECT a.account_no, min(said.as_of), max(said.as_of), bool_or(said.whole)
    FROM feed f CROSS JOIN account a CROSS JOIN LATERAL (
        SELECT x.as_of, x.key_as_of IS NULL OR x.kind = 'account' AS whole FROM fact x
        WHERE x.account_id = a.id AND x.as_of BETWEEN least(f.first_as_of, $2) AND greatest(f.last_as_of, $3) AND x.feed_id = f.id
            AND x.kind <> 'quarantined'
            AND NOT EXISTS (SELECT FROM fact y WHERE y.account_id = a.id AND y.feed_id = $4 AND y.kind = x.kind
                AND y.origin = x.origin AND y.key_as_of IS NOT DISTINCT FROM x.key_as_of
                AND y.ref IS NOT DISTINCT FROM x.ref AND (x.key_as_of IS NULL OR y.as_of = x.as_of))
            AND NOT (x.kind = 'summary' AND EXISTS (SELECT FROM performance_daily y WHERE y.account_id = a.id
                AND y.as_of = x.as_of AND y.feed_id = $4 AND y.carries AND y.value_vendor = x.origin))
        UNION ALL
        SELECT d.as_of, false FROM performance_daily d
        WHERE d.account_id = a.id AND d.as_of BETWEEN least(f.first_as_of, $2) AND greatest(f.last_as_of, $3) AND d.feed_id = f.id AND d.carries
            AND NOT EXISTS (SELECT FROM fact y WHERE y.account_id = a.id AND y.as_of = d.as_of AND y.feed_id = $4
                AND y.kind = 'summary' AND y.origin = d.value_vendor)
    ) said
    WHERE f.id = $1 GROUP BY a.account_no";

const ALL: &str = "
    SELECT a.account_no, min(said.as_of), max(said.as_of), true
    FROM feed f CROSS JOIN account a CROSS JOIN LATERAL (
        SELECT x.as_of FROM fact x WHERE x.account_id = a.id AND x.feed_id = f.id
            AND x.as_of BETWEEN least(f.first_as_of, $2) AND greatest(f.last_as_of, $3)
        UNION ALL
        SELECT d.as_of FROM performance_daily d WHERE d.account_id = a.id AND d.feed_id = f.id AND d.carries
            AND d.as_of BETWEEN least(f.first_as_of, $2) AND greatest(f.last_as_of, $3)
    ) said
    WHERE f.id = $1 GROUP BY a.account_no";

const HOLDINGS: &str = "
    SELECT a.account_no, min(x.as_of), max(x.as_of), false
    FROM feed f CROSS JOIN account a CROSS JOIN LATERAL (
        SELECT as_of FROM fact WHERE account_id = a.id AND as_of BETWEEN least(f.first_as_of, $2) AND greatest(f.last_as_of, $3)
            AND feed_id = f.id AND kind = 'holding'
    ) x
    WHERE f.id = $1 GROUP BY a.account_no";

const WAITING: &str = "
    SELECT a.account_no, min(x.as_of), max(x.as_of), bool_or(x.whole)
    FROM feed f CROSS JOIN account a CROSS JOIN LATERAL (
        SELECT as_of, key_as_of IS NULL OR kind = 'account' AS whole FROM fact
        WHERE account_id = a.id AND as_of BETWEEN least(f.first_as_of, $2) AND greatest(f.last_as_of, $3)
            AND feed_id = f.id AND waiting_reason = 'trailer'
    ) x
    WHERE f.id = $1 GROUP BY a.account_no";

/// By the index of open days; the bit is that of `incomplete`.
const OPEN: &str = "
    SELECT a.account_no, min(d.as_of), max(d.as_of), false
    FROM performance_daily d JOIN account a ON a.id = d.account_id
    WHERE d.row_reasons & 1 <> 0 AND d.value_vendor = $1 AND ($2::date IS NULL OR d.as_of <= $2)
    GROUP BY a.account_no";

pub async fn bad_records(
    pool: &PgPool,
    feed: FeedKey,
    partition: PartitionKey,
    before: Progress,
) -> Result<BadRecords, StoreError> {
    let before = match before {
        Progress::Start => Some("-1".to_owned()),
        Progress::At(position) => Some(position.sequence.to_string()),
        Progress::End => None,
    };
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE partition_id = $2 AND ($3::numeric IS NULL OR split_part(position, '.', 1)::numeric <= $3::numeric)),
            coalesce(bool_or(status = 'open' AND (account_id IS NULL OR as_of IS NULL)), false)
         FROM quarantine WHERE feed_id = $1",
    )
    .bind(feed.0)
    .bind(partition.0)
    .bind(before)
    .fetch_one(pool)
    .await?;
    Ok(BadRecords { count: row.try_get::<i64, _>(0)?.unsigned_abs(), unread: row.try_get(1)? })
}
