//! Records that could not become observations.
use super::bulk::Bulk;
use super::errors::Failure;
use super::register::whole;
use crate::QuarantineWrite;
use crate::columns::ColumnWriter;
use returns::date::Micros;
use sqlx::SqliteConnection;
use std::sync::LazyLock;

const COLUMNS: [&str; 16] = [
    "vendor",
    "partition_id",
    "position",
    "line",
    "feed_id",
    "code",
    "text",
    "field",
    "raw",
    "length",
    "raw_hash",
    "account_id",
    "vendor_account",
    "as_of",
    "mapping_version",
    "seen_at",
];

/// A record is known by its place and feed: read again as the same feed, it is the same.
static INSERT: LazyLock<Bulk> = LazyLock::new(|| {
    let head = format!("INSERT INTO quarantine ({})", COLUMNS.join(", "));
    Bulk::new(&head, COLUMNS.len(), "ON CONFLICT (partition_id, position, feed_id) DO NOTHING")
});

/// Returns how many were not there yet.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    records: &[QuarantineWrite],
    now: Micros,
) -> Result<u64, Failure> {
    // A record holds up to 1 MiB: a few at a time bound the memory their copies take.
    let mut inserted = 0;
    for some in records.chunks(16) {
        inserted += INSERT
            .run(connection, some, |chunk, values| {
                for record in chunk {
                    values.text(Some(&record.vendor));
                    values.integer(Some(record.partition.0));
                    values.text(Some(&record.position.to_string()));
                    values.integer(record.line.map(whole));
                    values.integer(Some(record.feed.0));
                    values.text(Some(&record.code));
                    values.text(Some(&record.text));
                    values.text(record.field.as_deref());
                    values.bytes(Some(&record.raw));
                    values.integer(Some(whole(record.length)));
                    values.bytes(Some(&record.raw_hash));
                    values.integer(record.account);
                    values.text(record.vendor_account.as_deref());
                    values.date(record.as_of);
                    values.integer(Some(record.mapping_version.into()));
                    values.time(Some(now));
                }
                Ok(())
            })
            .await?;
    }
    Ok(inserted)
}
