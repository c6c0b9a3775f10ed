//! What is registered once and known by a number: mappings, partitions, account ids.
use super::lease::{ACCOUNT_IDS_LOCK, progress};
use super::types::Instant;
use crate::{KnownPartition, Names, StoreError};
use record::{PartitionId, PartitionKey};
use sqlx::{PgPool, Row};
use std::ops::Range;
use std::sync::Arc;

/// Counts and sizes fit 63 bits.
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub async fn check_mapping(
    pool: &PgPool,
    name: &str,
    version: u32,
    hash: [u8; 32],
) -> Result<(), StoreError> {
    let latest = "SELECT version, hash FROM mapping WHERE name = $1 ORDER BY version DESC LIMIT 1";
    let latest: Option<(i64, Vec<u8>)> = sqlx::query_as(latest).bind(name).fetch_optional(pool).await?;
    let latest = latest.map(|(version, hash)| (u32::try_from(version).unwrap_or(u32::MAX), hash));
    StoreError::judge_mapping(name, version, hash, latest)
}

pub async fn keep_mapping(pool: &PgPool, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
    check_mapping(pool, name, version, hash).await?;
    let keep = "INSERT INTO mapping (name, version, hash) VALUES ($1, $2, $3) ON CONFLICT (name, version) DO NOTHING";
    sqlx::query(keep).bind(name).bind(i64::from(version)).bind(&hash[..]).execute(pool).await?;
    Ok(())
}

pub async fn partitions(
    pool: &PgPool,
    names: &Names,
    prefix: &str,
) -> Result<Vec<KnownPartition>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.name, p.id, coalesce(c.position, 'start'), p.file_size, p.file_modified, p.read_through, p.begin,
            c.read_until
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
            begin: row.try_get::<Option<&str>, _>(6)?.map(Arc::from),
            read_until: row.try_get::<Option<Instant>, _>(7)?.map(|t| t.0),
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
