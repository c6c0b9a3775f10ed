//! What is registered once and known by a number: feeds, policies, partitions, account ids.
use super::lease::{ACCOUNT_IDS_LOCK, progress};
use super::types::Instant;
use crate::{KnownPartition, Names, PolicySpec, StoreError};
use record::{PartitionId, PartitionKey};
use sqlx::{PgConnection, PgPool, Row};
use std::ops::Range;

/// Counts and sizes fit 63 bits.
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub async fn keep_policy(pool: &PgPool, spec: &PolicySpec) -> Result<i64, StoreError> {
    let sql = "INSERT INTO policy AS p (hash, text) VALUES ($1, $2)
               ON CONFLICT (hash) DO UPDATE SET hash = p.hash RETURNING id";
    Ok(sqlx::query_scalar(sql).bind(&spec.hash).bind(&spec.text).fetch_one(pool).await?)
}

/// The policy in force: its id and hash.
pub async fn policy_in_force(conn: &mut PgConnection) -> Result<Option<(i64, String)>, StoreError> {
    let sql = "SELECT id, hash FROM policy WHERE in_force_since IS NOT NULL ORDER BY in_force_since DESC, id DESC LIMIT 1";
    Ok(sqlx::query_as(sql).fetch_optional(conn).await?)
}

pub async fn enforce_policy(conn: &mut PgConnection, id: i64) -> Result<u64, StoreError> {
    let before = policy_in_force(conn).await?;
    if before.as_ref().is_some_and(|(current, _)| *current == id) {
        return Ok(0);
    }
    sqlx::query("UPDATE policy SET in_force_since = clock_timestamp() WHERE id = $1")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    if before.is_none() {
        return Ok(0);
    }
    let mark = "INSERT INTO refold (account_id, cause) SELECT id, 'the policy changed' FROM account
                ON CONFLICT (account_id) DO NOTHING";
    Ok(sqlx::query(mark).execute(&mut *conn).await?.rows_affected())
}

pub async fn keep_mapping(pool: &PgPool, name: &str, version: u32, hash: [u8; 32]) -> Result<(), StoreError> {
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
