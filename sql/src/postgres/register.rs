//! What is registered once and known by a number: mappings, partitions, account ids.
use super::lease::{ACCOUNT_IDS_LOCK, progress};
use super::types::Instant;
use crate::{KnownPartition, Names, StoreError};
use record::{PartitionId, PartitionKey};
use sqlx::{PgPool, Row};
use std::ops::Range;

/// Counts and sizes fit 63 bits.
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub async fn keep_mapping(pool: &PgPool, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
    let latest: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM mapping WHERE name = $1")
        .bind(name)
        .fetch_one(pool)
        .await?;
    if let Some(latest) = latest.and_then(|v| u32::try_from(v).ok()).filter(|latest| *latest > version) {
        return Err(StoreError::earlier_mapping(name, version, latest));
    }
    let sql = "INSERT INTO mapping AS m (name, version, hash) VALUES ($1, $2, $3)
               ON CONFLICT (name, version) DO UPDATE SET hash = m.hash RETURNING hash";
    let kept: Vec<u8> =
        sqlx::query_scalar(sql).bind(name).bind(i64::from(version)).bind(&hash[..]).fetch_one(pool).await?;
    if kept == hash { Ok(()) } else { Err(StoreError::other_mapping(name, version)) }
}

pub async fn partitions(
    pool: &PgPool,
    names: &Names,
    prefix: &str,
) -> Result<Vec<KnownPartition>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.name, p.id, coalesce(c.position, 'start'), p.file_size, p.file_modified, p.read_through
         FROM partition p LEFT JOIN checkpoint c ON c.partition_id = p.id
         WHERE starts_with(p.name, $1) ORDER BY p.name",
    )
    .bind(prefix)
    .fetch_all(pool)
    .await?;
    let known = |row: &sqlx::postgres::PgRow| -> Result<KnownPartition, StoreError> {
        let id = PartitionId::new(row.try_get::<&str, _>(0)?);
        let key = PartitionKey(row.try_get(1)?);
        names.partitions.insert(key, id.clone());
        Ok(KnownPartition {
            id,
            key,
            progress: progress(row.try_get(2)?)?,
            file_size: row.try_get(3)?,
            file_modified: row.try_get::<Option<Instant>, _>(4)?.map(|t| t.0),
            read_through: row.try_get(5)?,
        })
    };
    rows.iter().map(known).collect()
}

/// A block of ids from the sequence. Under a lock: two statements on a sequence are not one.
pub async fn reserve_accounts(pool: &PgPool, count: u32) -> Result<Range<i64>, StoreError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, 0)").bind(ACCOUNT_IDS_LOCK).execute(&mut *tx).await?;
    let first: i64 = sqlx::query_scalar("SELECT nextval('account_ids')").fetch_one(&mut *tx).await?;
    let after = first + i64::from(count);
    sqlx::query("SELECT setval('account_ids', $1, false)").bind(after).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(first..after)
}
