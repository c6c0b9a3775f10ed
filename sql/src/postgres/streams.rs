//! What partitions of streams need beside a checkpoint: where they begin, how far they are read, and what was lost of them.
use super::PostgresStore;
use super::lease::{progress, register_partition, still_current};
use super::types::{Instant, RowReader};
use crate::columns::{ColumnReader, need};
use crate::{GapRow, GapWrite, Generation, PartitionSpec, ReadUntil, StoreError};
use record::PartitionId;
use sqlx::postgres::PgRow;
use std::sync::Arc;

impl PostgresStore {
    pub(super) async fn register_all(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        still_current(&mut tx, generation).await?;
        sqlx::query(
            "INSERT INTO partition (name, source, begin) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(specs.iter().map(|s| s.id.as_str()).collect::<Vec<_>>())
        .bind(specs.iter().map(|s| &*s.source).collect::<Vec<_>>())
        .bind(specs.iter().map(|s| s.begin.as_deref()).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// A checkpoint stays where it is if it does not stand where the note was made; so the tokens alone tell whether the lease is lost.
    pub(super) async fn keep_read_until(&self, notes: &[ReadUntil]) -> Result<(), StoreError> {
        let held: i64 = sqlx::query_scalar(
            "WITH note AS (
                SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[]) AS n (id, token, at, until)
             ), moved AS (
                UPDATE checkpoint c SET read_until = greatest(c.read_until, note.until) FROM note
                WHERE c.partition_id = note.id AND c.token = note.token AND c.position = note.at
             )
             SELECT count(*) FROM note JOIN checkpoint c ON c.partition_id = note.id AND c.token = note.token",
        )
        .bind(notes.iter().map(|n| n.partition.0).collect::<Vec<_>>())
        .bind(notes.iter().map(|n| n.token).collect::<Vec<_>>())
        .bind(notes.iter().map(|n| n.at.to_string()).collect::<Vec<_>>())
        .bind(notes.iter().map(|n| Instant(n.until)).collect::<Vec<_>>())
        .fetch_one(&self.pool)
        .await?;
        if usize::try_from(held) == Ok(notes.len()) { Ok(()) } else { Err(StoreError::LeaseLost) }
    }

    pub(super) async fn keep_gap(&self, generation: &Generation, gap: &GapWrite) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        still_current(&mut tx, generation).await?;
        let spec = PartitionSpec { id: gap.partition.clone(), source: gap.source.clone(), begin: None };
        let partition = register_partition(&mut tx, &spec).await?;
        sqlx::query(
            "INSERT INTO retention_gap AS g (source, partition_id, from_position, from_arrival, to_position, to_arrival,
                retention_hours, noticed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())
             ON CONFLICT (partition_id, from_position) DO UPDATE SET
                from_arrival = coalesce(g.from_arrival, excluded.from_arrival),
                to_position = coalesce(excluded.to_position, g.to_position),
                to_arrival = coalesce(excluded.to_arrival, g.to_arrival),
                retention_hours = coalesce(excluded.retention_hours, g.retention_hours)",
        )
        .bind(&*gap.source)
        .bind(partition.0)
        .bind(gap.from.to_string())
        .bind(gap.from_arrival.map(Instant))
        .bind(gap.to.map(|to| to.to_string()))
        .bind(gap.to_arrival.map(Instant))
        .bind(gap.retention_hours.map(|hours| i32::try_from(hours).unwrap_or(i32::MAX)))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Days of streams, and messages that wait: feeds without a hash that were read.
    pub(super) async fn earliest_versions(&self, source: &str) -> Result<Vec<(Arc<str>, u32)>, StoreError> {
        let found: Vec<(String, i64)> = sqlx::query_as(
            "SELECT vendor, min(mapping_version) FROM feed
             WHERE source = $1 AND hash IS NULL AND status IN ('open', 'waiting') GROUP BY vendor ORDER BY vendor",
        )
        .bind(source)
        .fetch_all(&self.pool)
        .await?;
        let version = |version| u32::try_from(version).unwrap_or(u32::MAX);
        Ok(found.into_iter().map(|(layout, earliest)| (layout.into(), version(earliest))).collect())
    }

    pub(super) async fn gaps_noted(&self) -> Result<Vec<GapRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT g.id, p.name, g.source, g.from_position, g.from_arrival, g.to_position, g.to_arrival,
                g.retention_hours::bigint, g.noticed_at
             FROM retention_gap g JOIN partition p ON p.id = g.partition_id ORDER BY g.noticed_at, g.id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(gap_row).collect()
    }
}

fn gap_row(row: &PgRow) -> Result<GapRow, StoreError> {
    let mut r = RowReader::from(row, 0);
    Ok(GapRow {
        id: r.get()?,
        partition: PartitionId::new(r.get::<&str>().map(Arc::<str>::from)?),
        source: r.get()?,
        from: progress(r.get()?)?,
        from_arrival: r.time()?,
        to: r.get::<Option<&str>>()?.map(progress).transpose()?,
        to_arrival: r.time()?,
        retention_hours: r.get()?,
        noticed_at: need(r.time()?, "noticed_at")?,
    })
}
