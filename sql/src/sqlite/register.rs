//! What is registered once and known by a number ever after: partitions, mappings, account ids.
use super::errors::Failure;
use super::lease::{self, check_tokens};
use super::{SqliteStore, clock};
use crate::{Generation, KnownPartition, OpenPartition, PartitionSpec, StoreError};
use record::{FeedKey, PartitionId, PartitionKey, Progress};
use sqlx::{Connection, Row, SqliteConnection};
use std::ops::Range;
use std::sync::Arc;

impl SqliteStore {
    pub(super) async fn grant_partition(
        &self,
        generation: &Generation,
        spec: &PartitionSpec,
    ) -> Result<OpenPartition, Failure> {
        let mut connection = self.light().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        check_tokens(&mut tx, generation).await?;
        let id = partition_id(&mut tx, spec).await?;
        let token = lease::grant_partition(&mut tx, id, &generation.worker).await?;
        let (position, feed): (String, Option<i64>) = sqlx::query_as(
            "INSERT INTO checkpoint (partition_id, source, position, token) VALUES (?, ?, 'start', ?)
             ON CONFLICT (partition_id) DO UPDATE SET token = excluded.token RETURNING position, feed_id",
        )
        .bind(id)
        .bind(&*spec.source)
        .bind(token)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        let key = PartitionKey(id);
        self.names.partitions.insert(key, spec.id.clone());
        Ok(OpenPartition { key, token, progress: progress(&position)?, feed: feed.map(FeedKey) })
    }

    pub(super) async fn judge_mapping(
        &self,
        name: &str,
        version: u32,
        hash: [u8; 32],
    ) -> Result<(), Failure> {
        let latest = "SELECT version, hash FROM mapping WHERE name = ? ORDER BY version DESC LIMIT 1";
        let latest = sqlx::query_as(latest).bind(name).fetch_optional(&self.readers).await?;
        Ok(StoreError::judge_mapping(name, version, hash, latest)?)
    }

    pub(super) async fn register_mapping(
        &self,
        name: &str,
        version: u32,
        hash: [u8; 32],
    ) -> Result<(), Failure> {
        self.judge_mapping(name, version, hash).await?;
        let keep = "INSERT INTO mapping (name, version, hash) VALUES (?, ?, ?) ON CONFLICT (name, version) DO NOTHING";
        sqlx::query(keep).bind(name).bind(version).bind(&hash[..]).execute(&self.writer).await?;
        Ok(())
    }

    pub(super) async fn rewind_partitions(
        &self,
        generation: &Generation,
        partitions: &[PartitionId],
    ) -> Result<(), Failure> {
        let mut tx = self.begin().await?;
        check_tokens(&mut tx, generation).await?;
        let rewind = "UPDATE checkpoint SET position = 'start', read_until = NULL, updated_at = ?
            WHERE partition_id = (SELECT id FROM partition WHERE name = ?)";
        let forget = "UPDATE feed SET kept = NULL
            WHERE partition_id = (SELECT id FROM partition WHERE name = ?) AND kept IS NOT NULL";
        for partition in partitions {
            sqlx::query(rewind).bind(clock()).bind(partition.as_str()).execute(&mut *tx).await?;
            sqlx::query(forget).bind(partition.as_str()).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn known_partitions(&self, prefix: &str) -> Result<Vec<KnownPartition>, Failure> {
        let rows = sqlx::query(
            "SELECT p.id, p.name, p.file_size, p.file_modified, coalesce(c.position, 'start'), p.read_through,
                p.\"begin\", c.read_until
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
                begin: row.try_get::<Option<String>, _>(6)?.map(Arc::from),
                read_until: row.try_get(7)?,
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

/// The key of a partition's name, which is registered once for ever.
pub(super) async fn partition_id(
    connection: &mut SqliteConnection,
    spec: &PartitionSpec,
) -> Result<i64, Failure> {
    let insert = "INSERT INTO partition (name, source, \"begin\") VALUES (?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET source = excluded.source RETURNING id";
    let id =
        sqlx::query_scalar(insert).bind(spec.id.as_str()).bind(&*spec.source).bind(spec.begin.as_deref());
    Ok(id.fetch_one(connection).await?)
}

/// SQL's integers have a sign; nothing counted here comes near the bound.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
