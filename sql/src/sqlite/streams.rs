//! What partitions of streams need beside a checkpoint: where they begin, how far they are read, and what was lost of them.
use super::errors::Failure;
use super::lease::check_tokens;
use super::register::{partition_id, progress};
use super::wire::Columns;
use super::{SqliteStore, clock};
use crate::columns::{ColumnReader, need};
use crate::{GapRow, GapWrite, Generation, PartitionSpec, ReadUntil, StoreError};
use record::PartitionId;
use sqlx::Connection;
use sqlx::sqlite::SqliteRow;
use std::sync::Arc;

impl SqliteStore {
    /// Waits for the disk: what a stream's start means must not be settled twice.
    pub(super) async fn register_all(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<(), Failure> {
        let mut tx = self.begin().await?;
        check_tokens(&mut tx, generation).await?;
        let register =
            "INSERT INTO partition (name, source, \"begin\") VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING";
        for spec in specs {
            sqlx::query(register)
                .bind(spec.id.as_str())
                .bind(&*spec.source)
                .bind(spec.begin.as_deref())
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn keep_read_until(&self, notes: &[ReadUntil]) -> Result<(), Failure> {
        let mut connection = self.light().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        // A note made elsewhere changes nothing, but still tells by its token whether the lease is lost.
        let keep = "UPDATE checkpoint SET
            read_until = CASE WHEN position = ? THEN max(coalesce(read_until, ?), ?) ELSE read_until END
            WHERE partition_id = ? AND token = ?";
        for note in notes {
            let kept = sqlx::query(keep)
                .bind(note.at.to_string())
                .bind(note.until)
                .bind(note.until)
                .bind(note.partition.0)
                .bind(note.token)
                .execute(&mut *tx)
                .await?;
            if kept.rows_affected() != 1 {
                return Err(StoreError::LeaseLost.into());
            }
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn keep_gap(&self, generation: &Generation, gap: &GapWrite) -> Result<(), Failure> {
        let mut tx = self.begin().await?;
        check_tokens(&mut tx, generation).await?;
        let spec = PartitionSpec { id: gap.partition.clone(), source: gap.source.clone(), begin: None };
        let partition = partition_id(&mut tx, &spec).await?;
        sqlx::query(
            "INSERT INTO retention_gap (source, partition_id, from_position, from_arrival, to_position, to_arrival,
                retention_hours, noticed_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (partition_id, from_position) DO UPDATE SET
                from_arrival = coalesce(from_arrival, excluded.from_arrival),
                to_position = coalesce(excluded.to_position, to_position),
                to_arrival = coalesce(excluded.to_arrival, to_arrival),
                retention_hours = coalesce(excluded.retention_hours, retention_hours)",
        )
        .bind(&*gap.source)
        .bind(partition)
        .bind(gap.from.to_string())
        .bind(gap.from_arrival)
        .bind(gap.to.map(|to| to.to_string()))
        .bind(gap.to_arrival)
        .bind(gap.retention_hours)
        .bind(clock())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Days of streams, and messages that wait: feeds without a hash that were read.
    pub(super) async fn earliest_versions(&self, source: &str) -> Result<Vec<(Arc<str>, u32)>, Failure> {
        let found: Vec<(String, i64)> = sqlx::query_as(
            "SELECT vendor, min(mapping_version) FROM feed
             WHERE source = ? AND hash IS NULL AND status IN ('open', 'waiting') GROUP BY vendor ORDER BY vendor",
        )
        .bind(source)
        .fetch_all(&self.readers)
        .await?;
        let version = |version| u32::try_from(version).unwrap_or(u32::MAX);
        Ok(found.into_iter().map(|(layout, earliest)| (layout.into(), version(earliest))).collect())
    }

    pub(super) async fn gaps_noted(&self) -> Result<Vec<GapRow>, Failure> {
        let rows = sqlx::query(
            "SELECT g.id, p.name, g.source, g.from_position, g.from_arrival, g.to_position, g.to_arrival, g.retention_hours,
                g.noticed_at
             FROM retention_gap g JOIN partition p ON p.id = g.partition_id ORDER BY g.noticed_at, g.id",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(gap_row).collect()
    }
}

fn gap_row(row: &SqliteRow) -> Result<GapRow, Failure> {
    let mut c = Columns::new(row, 0);
    Ok(GapRow {
        id: need(c.integer()?, "id")?,
        partition: PartitionId::new(need(c.text()?, "name")?),
        source: need(c.text()?, "source")?.to_string(),
        from: progress(&need(c.text()?, "from_position")?)?,
        from_arrival: c.time()?,
        to: c.text()?.map(|to| progress(&to)).transpose()?,
        to_arrival: c.time()?,
        retention_hours: c.integer()?,
        noticed_at: need(c.time()?, "noticed_at")?,
    })
}
