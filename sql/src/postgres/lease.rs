//! Who may write: the active pipeline's slots, the leases of partitions, and their tokens. Who is at work at all is in `workers`.
//!
//! A commit takes the advisory locks of what it writes shared, and then compares tokens; a grant takes them exclusive, and then changes
//! the tokens. So a grant waits for a commit under way, and a commit that comes after it sees the new token. Two commits of one pipeline
//! run side by side.
use crate::{Generation, OpenPartition, PartitionSpec, StoreError};
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use sqlx::{PgConnection, PgPool, Row};

/// First numbers of the advisory locks: one name space per thing locked.
pub const WORKER_LOCK: i32 = 0x6469_6574;
/// Its second number is the slot.
pub const SLOT_LOCK: i32 = WORKER_LOCK + 1;
pub const PARTITION_LOCK: i32 = WORKER_LOCK + 2;
pub const ACCOUNT_IDS_LOCK: i32 = WORKER_LOCK + 3;
const SLOTS: i64 = 256;

/// Of a lease `l`: its owner is at work.
macro_rules! owner_lives {
    () => {
        "EXISTS (SELECT 1 FROM worker w WHERE w.name = l.owner AND w.role <> 'standby' AND w.expires_at > clock_timestamp())"
    };
}
pub(super) use owner_lives;

/// Takes all slots; waits for commits under way.
pub async fn grant_slots(conn: &mut PgConnection, owner: &str) -> Result<Vec<i64>, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, slot) FROM generate_series(0, 255) slot")
        .bind(SLOT_LOCK)
        .execute(&mut *conn)
        .await?;
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
pub fn lock_number(partition: PartitionKey) -> i32 {
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
    let token: Option<i64> = sqlx::query_scalar(concat!(
        "INSERT INTO lease AS l (kind, name, token, owner) VALUES ('partition', $1, nextval('lease_tokens'), $2)
         ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner
         WHERE l.owner = excluded.owner OR NOT ",
        owner_lives!(),
        " RETURNING token"
    ))
    .bind(key.0)
    .bind(&*generation.worker)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(token) = token else { return Err(who_holds(&mut tx, key).await?) };
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

async fn who_holds(conn: &mut PgConnection, partition: PartitionKey) -> Result<StoreError, StoreError> {
    let (owner, seconds): (String, i64) = sqlx::query_as(
        "SELECT l.owner, coalesce(ceil(extract(epoch FROM w.expires_at - clock_timestamp())), 0)::bigint
         FROM lease l LEFT JOIN worker w ON w.name = l.owner WHERE l.kind = 'partition' AND l.name = $1",
    )
    .bind(partition.0)
    .fetch_one(conn)
    .await?;
    Ok(StoreError::Busy { owner, seconds: u64::try_from(seconds).unwrap_or(0) })
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
    .bind(&keys)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE feed SET kept = NULL WHERE partition_id = ANY($1) AND kept IS NOT NULL")
        .bind(&keys)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

pub fn progress(text: &str) -> Result<Progress, StoreError> {
    text.parse().map_err(|e| StoreError::Refused(format!("a checkpoint of the store: {e}")))
}
