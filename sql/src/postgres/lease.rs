//! Who may write: the worker row, the leases of slots and partitions, and their tokens.
//!
//! A commit takes the advisory locks of what it writes shared, and then compares tokens; a grant takes them exclusive, and then changes
//! the tokens. So a grant waits for a commit under way, and a commit that comes after it sees the new token. Two commits of one pipeline
//! run side by side.
use crate::{Generation, OpenPartition, PartitionSpec, StoreError};
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use sqlx::{PgConnection, PgPool, Row};
use std::time::Duration;

/// First numbers of the advisory locks: one name space per thing locked.
pub const WORKER_LOCK: i32 = 0x6469_6574;
/// Its second number is the slot.
pub const SLOT_LOCK: i32 = WORKER_LOCK + 1;
const PARTITION_LOCK: i32 = WORKER_LOCK + 2;
pub const ACCOUNT_IDS_LOCK: i32 = WORKER_LOCK + 3;
const SLOTS: i64 = 256;

pub async fn open_generation(pool: &PgPool, name: &str, ttl: Duration) -> Result<Generation, StoreError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, 0)").bind(WORKER_LOCK).execute(&mut *tx).await?;
    refuse_if_busy(&mut tx, name).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, slot) FROM generate_series(0, 255) slot")
        .bind(SLOT_LOCK)
        .execute(&mut *tx)
        .await?;
    let number = sqlx::query_scalar(
        "INSERT INTO worker AS w (name, generation, ttl, expires_at)
         VALUES ($1, 1, $2 * interval '1 millisecond', clock_timestamp() + $2 * interval '1 millisecond')
         ON CONFLICT (one) DO UPDATE SET name = excluded.name, generation = w.generation + 1, ttl = excluded.ttl,
             expires_at = excluded.expires_at
         RETURNING generation",
    )
    .bind(name)
    .bind(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
    .fetch_one(&mut *tx)
    .await?;
    let slots = grant_slots(&mut tx, name).await?;
    tx.commit().await?;
    Ok(Generation { worker: name.into(), number, slots })
}

async fn refuse_if_busy(conn: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    let live: Option<(String, i64)> = sqlx::query_as(
        "SELECT name, ceil(extract(epoch FROM expires_at - clock_timestamp()))::bigint FROM worker
         WHERE expires_at > clock_timestamp() AND name <> $1",
    )
    .bind(name)
    .fetch_optional(conn)
    .await?;
    match live {
        Some((owner, seconds)) => {
            Err(StoreError::Busy { owner, seconds: u64::try_from(seconds).unwrap_or(0) })
        }
        None => Ok(()),
    }
}

async fn grant_slots(conn: &mut PgConnection, owner: &str) -> Result<Vec<i64>, StoreError> {
    let granted: Vec<(i64, i64)> = sqlx::query_as(
        "INSERT INTO lease (kind, name, token, owner)
         SELECT 'slot', slot, nextval('lease_tokens'), $1 FROM generate_series(0, $2 - 1) slot
         ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner
         RETURNING name, token",
    )
    .bind(owner)
    .bind(SLOTS)
    .fetch_all(conn)
    .await?;
    let mut granted = granted;
    granted.sort_unstable();
    Ok(granted.into_iter().map(|(_, token)| token).collect())
}

pub async fn renew(pool: &PgPool, generation: &Generation) -> Result<(), StoreError> {
    let sql = "UPDATE worker SET expires_at = clock_timestamp() + ttl WHERE generation = $1 AND name = $2";
    match set_expiry(pool, generation, sql).await? {
        true => Ok(()),
        false => Err(StoreError::LeaseLost),
    }
}

/// A lease that is lost already needs no giving back.
pub async fn close_generation(pool: &PgPool, generation: &Generation) -> Result<(), StoreError> {
    let sql = "UPDATE worker SET expires_at = clock_timestamp() WHERE generation = $1 AND name = $2";
    set_expiry(pool, generation, sql).await.map(|_| ())
}

/// Whether the worker row is still this generation's.
async fn set_expiry(pool: &PgPool, generation: &Generation, sql: &'static str) -> Result<bool, StoreError> {
    let done = sqlx::query(sql).bind(generation.number).bind(&*generation.worker).execute(pool).await?;
    Ok(done.rows_affected() > 0)
}

/// Locks slots and partitions shared until the transaction ends, then compares the slots' tokens. The tokens of partitions are compared
/// where their checkpoints move.
pub async fn guard(
    conn: &mut PgConnection,
    generation: Option<&Generation>,
    slots: &[u8],
    partitions: &[PartitionKey],
) -> Result<(), StoreError> {
    let locks = slots
        .iter()
        .map(|slot| (SLOT_LOCK, i32::from(*slot)))
        .chain(partitions.iter().map(|p| (PARTITION_LOCK, lock_number(*p))));
    let (classes, numbers): (Vec<i32>, Vec<i32>) = locks.unzip();
    sqlx::query(
        "SELECT pg_advisory_xact_lock_shared(class, number)
         FROM (SELECT * FROM unnest($1::int[], $2::int[]) AS l (class, number) ORDER BY 1, 2) AS locks",
    )
    .bind(classes)
    .bind(numbers)
    .execute(&mut *conn)
    .await?;
    match generation {
        Some(generation) => compare_tokens(conn, generation, slots).await,
        None => Ok(()),
    }
}

async fn compare_tokens(
    conn: &mut PgConnection,
    generation: &Generation,
    slots: &[u8],
) -> Result<(), StoreError> {
    let names: Vec<i64> = slots.iter().map(|s| i64::from(*s)).collect();
    let tokens: Vec<i64> =
        slots.iter().filter_map(|s| generation.slots.get(usize::from(*s))).copied().collect();
    let held: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM lease l JOIN unnest($1::bigint[], $2::bigint[]) AS mine (name, token)
         ON l.kind = 'slot' AND l.name = mine.name AND l.token = mine.token",
    )
    .bind(&names)
    .bind(tokens)
    .fetch_one(conn)
    .await?;
    if usize::try_from(held) == Ok(names.len()) { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// Advisory locks have 32 bits; two partitions that share one only wait for each other.
fn lock_number(partition: PartitionKey) -> i32 {
    i32::try_from(partition.0 & i64::from(i32::MAX)).unwrap_or(0)
}

/// Fails unless the generation is the store's current one; holds it so until the transaction ends.
pub async fn still_current(conn: &mut PgConnection, generation: &Generation) -> Result<(), StoreError> {
    let current: Option<i64> =
        sqlx::query_scalar("SELECT generation FROM worker WHERE generation = $1 AND name = $2 FOR SHARE")
            .bind(generation.number)
            .bind(&*generation.worker)
            .fetch_optional(conn)
            .await?;
    current.map(|_| ()).ok_or(StoreError::LeaseLost)
}

pub async fn open_partition(
    pool: &PgPool,
    generation: &Generation,
    spec: &PartitionSpec,
) -> Result<OpenPartition, StoreError> {
    let mut tx = pool.begin().await?;
    let key = register_partition(&mut tx, spec).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(PARTITION_LOCK)
        .bind(lock_number(key))
        .execute(&mut *tx)
        .await?;
    // Only now: the check holds the worker row, which renewing writes, and the lock may have waited for a commit.
    still_current(&mut tx, generation).await?;
    let token: i64 = sqlx::query_scalar(
        "INSERT INTO lease (kind, name, token, owner) VALUES ('partition', $1, nextval('lease_tokens'), $2)
         ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner RETURNING token",
    )
    .bind(key.0)
    .bind(&*generation.worker)
    .fetch_one(&mut *tx)
    .await?;
    let (position, feed): (String, Option<i64>) = sqlx::query_as(
        "INSERT INTO checkpoint (partition_id, source, token) VALUES ($1, $2, $3)
         ON CONFLICT (partition_id) DO UPDATE SET token = excluded.token RETURNING position, feed_id",
    )
    .bind(key.0)
    .bind(&*spec.source)
    .bind(token)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(OpenPartition { key, token, progress: progress(&position)?, feed: feed.map(FeedKey) })
}

/// The key of a partition's name, which is registered once for ever.
pub async fn register_partition(
    conn: &mut PgConnection,
    spec: &PartitionSpec,
) -> Result<PartitionKey, StoreError> {
    let known = sqlx::query("SELECT id FROM partition WHERE name = $1")
        .bind(spec.id.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(row) = known {
        return Ok(PartitionKey(row.try_get(0)?));
    }
    let key = sqlx::query_scalar(
        "INSERT INTO partition AS p (name, source, begin) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET source = p.source RETURNING id",
    )
    .bind(spec.id.as_str())
    .bind(&*spec.source)
    .bind(spec.begin.as_deref())
    .fetch_one(conn)
    .await?;
    Ok(PartitionKey(key))
}

/// The checkpoints of these partitions set back to the start, as a commit under the lease; their counters go on.
pub async fn rewind(
    pool: &PgPool,
    generation: &Generation,
    partitions: &[PartitionId],
) -> Result<(), StoreError> {
    let names: Vec<&str> = partitions.iter().map(PartitionId::as_str).collect();
    let mut tx = pool.begin().await?;
    let keys: Vec<i64> = sqlx::query_scalar("SELECT id FROM partition WHERE name = ANY($1)")
        .bind(names)
        .fetch_all(&mut *tx)
        .await?;
    let partitions: Vec<PartitionKey> = keys.iter().copied().map(PartitionKey).collect();
    guard(&mut tx, Some(generation), &[], &partitions).await?;
    still_current(&mut tx, generation).await?;
    sqlx::query(
        "UPDATE checkpoint SET position = 'start', read_until = NULL, updated_at = clock_timestamp()
         WHERE partition_id = ANY($1)",
    )
    .bind(keys)
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

pub fn progress(text: &str) -> Result<Progress, StoreError> {
    text.parse().map_err(|e| StoreError::Refused(format!("a checkpoint of the store: {e}")))
}
