//! What is registered once and known by a number ever after: partitions, feeds, policies, account ids.
use super::errors::Failure;
use super::lease::{self, check_tokens};
use super::{SqliteStore, clock};
use crate::{Generation, KnownPartition, OpenPartition, PartitionSpec, PolicySpec, StoreError};
use record::{PartitionId, PartitionKey, Progress};
use sqlx::{Connection, Row, SqliteConnection};
use std::ops::Range;

impl SqliteStore {
    pub(super) async fn grant_partition(
        &self,
        generation: &Generation,
        spec: &PartitionSpec,
    ) -> Result<OpenPartition, Failure> {
        let mut connection = self.light().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        check_tokens(&mut tx, generation).await?;
        let id = partition_id(&mut tx, &spec.id, &spec.source).await?;
        let token = lease::grant_partition(&mut tx, id, &generation.worker).await?;
        let position: String = sqlx::query_scalar(
            "INSERT INTO checkpoint (partition_id, source, position, token) VALUES (?, ?, 'start', ?)
             ON CONFLICT (partition_id) DO UPDATE SET token = excluded.token RETURNING position",
        )
        .bind(id)
        .bind(&*spec.source)
        .bind(token)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        let key = PartitionKey(id);
        self.names.partitions.insert(key, spec.id.clone());
        Ok(OpenPartition { key, token, progress: progress(&position)? })
    }

    pub(super) async fn register_policy(&self, spec: &PolicySpec) -> Result<i64, Failure> {
        let insert = "INSERT INTO policy (hash, text, kept_at) VALUES (?, ?, ?)
            ON CONFLICT (hash) DO UPDATE SET hash = hash RETURNING id";
        let kept = sqlx::query_scalar(insert).bind(&spec.hash).bind(&spec.text).bind(clock());
        Ok(kept.fetch_one(&self.writer).await?)
    }

    pub(super) async fn put_in_force(&self, generation: &Generation, id: i64) -> Result<u64, Failure> {
        let mut tx = self.begin().await?;
        check_tokens(&mut tx, generation).await?;
        let before = policy_in_force(&mut tx).await?;
        if before.as_ref().is_some_and(|(current, _)| *current == id) {
            return Ok(0);
        }
        // Strictly later than the one before, whatever the clock does.
        let enforce = "UPDATE policy SET in_force_since = max(?, (SELECT coalesce(max(in_force_since), 0) + 1 FROM policy)) WHERE id = ?";
        sqlx::query(enforce).bind(clock()).bind(id).execute(&mut *tx).await?;
        let mark = "INSERT INTO refold (account_id, cause, marked_at) SELECT id, 'the policy changed', ? FROM account WHERE true
            ON CONFLICT (account_id) DO NOTHING";
        let marked = match before {
            Some(_) => sqlx::query(mark).bind(clock()).execute(&mut *tx).await?.rows_affected(),
            None => 0,
        };
        tx.commit().await?;
        Ok(marked)
    }

    pub(super) async fn register_mapping(
        &self,
        name: &str,
        version: u32,
        hash: [u8; 32],
    ) -> Result<(), Failure> {
        let keep = "INSERT INTO mapping (name, version, hash) VALUES (?, ?, ?)
            ON CONFLICT (name, version) DO UPDATE SET hash = hash RETURNING hash";
        let kept = sqlx::query_scalar(keep).bind(name).bind(version).bind(&hash[..]);
        let kept: Vec<u8> = kept.fetch_one(&self.writer).await?;
        if kept == hash { Ok(()) } else { Err(StoreError::other_mapping(name, version).into()) }
    }

    pub(super) async fn rewind_partitions(
        &self,
        generation: &Generation,
        partitions: &[PartitionId],
    ) -> Result<(), Failure> {
        let mut tx = self.begin().await?;
        check_tokens(&mut tx, generation).await?;
        let rewind = "UPDATE checkpoint SET position = 'start', updated_at = ?
            WHERE partition_id = (SELECT id FROM partition WHERE name = ?)";
        for partition in partitions {
            sqlx::query(rewind).bind(clock()).bind(partition.as_str()).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn known_partitions(&self, prefix: &str) -> Result<Vec<KnownPartition>, Failure> {
        let rows = sqlx::query(
            "SELECT p.id, p.name, p.file_size, p.file_modified, coalesce(c.position, 'start'), p.read_through
             FROM partition p LEFT JOIN checkpoint c ON c.partition_id = p.id
             WHERE substr(p.name, 1, length(?1)) = ?1 ORDER BY p.name",
        )
        .bind(prefix)
        .fetch_all(&self.readers)
        .await?;
        let known = |row: &sqlx::sqlite::SqliteRow| {
            Ok(KnownPartition {
                key: PartitionKey(row.try_get(0)?),
                id: PartitionId::new(row.try_get::<String, _>(1)?),
                file_size: row.try_get(2)?,
                file_modified: row.try_get(3)?,
                progress: progress(row.try_get(4)?)?,
                read_through: row.try_get(5)?,
            })
        };
        rows.iter().map(known).collect()
    }

    pub(super) async fn take_account_ids(&self, count: u32) -> Result<Range<i64>, Failure> {
        let count = i64::from(count);
        let next: i64 =
            sqlx::query_scalar("UPDATE counter SET value = value + ? WHERE name = 'account' RETURNING value")
                .bind(count)
                .fetch_one(&self.writer)
                .await?;
        Ok(next - count..next)
    }
}

/// A position as stored.
pub(super) fn progress(text: &str) -> Result<Progress, Failure> {
    let unknown = |_| crate::columns::ColumnError::Unknown { column: "position", value: text.to_owned() };
    Ok(text.parse().map_err(unknown)?)
}

pub(super) async fn partition_id(
    connection: &mut SqliteConnection,
    id: &PartitionId,
    source: &str,
) -> Result<i64, Failure> {
    let insert = "INSERT INTO partition (name, source) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET source = excluded.source RETURNING id";
    Ok(sqlx::query_scalar(insert).bind(id.as_str()).bind(source).fetch_one(connection).await?)
}

/// SQL's integers have a sign; nothing counted here comes near the bound.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The policy in force: its id and hash.
pub(super) async fn policy_in_force(
    connection: &mut SqliteConnection,
) -> Result<Option<(i64, String)>, Failure> {
    let latest =
        "SELECT id, hash FROM policy WHERE in_force_since IS NOT NULL ORDER BY in_force_since DESC LIMIT 1";
    Ok(sqlx::query_as(latest).fetch_optional(connection).await?)
}
