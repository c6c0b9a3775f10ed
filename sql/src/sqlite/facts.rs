//! Facts that no daily row stands for.
use super::bulk::Bulk;
use super::errors::Failure;
use super::wire::Values;
use crate::columns::{self, ColumnError, ColumnWriter, NamesView, fact};
use crate::{FactWrite, Names, RowWrite};
use sqlx::SqliteConnection;
use std::collections::HashSet;
use std::sync::LazyLock;

/// The columns of the index by which a fact is known.
const IDENTITY: &str =
    "account_id, kind, coalesce(key_as_of, ''), origin, coalesce(ref, ''), feed_id, content";

/// On identity, the place and the waiting mark are those given now.
static UPSERT: LazyLock<Bulk> = LazyLock::new(|| {
    let moving = ["arrival", "partition_id", "position", "mapping_version", "waiting_reason", "released"];
    let set: Vec<_> = moving.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    let list = |table: &str| moving.map(|c| format!("{table}.{c}")).join(", ");
    insert(&format!(
        "ON CONFLICT ({IDENTITY}) DO UPDATE SET {} WHERE ({}) IS NOT ({})",
        set.join(", "),
        list("fact"),
        list("excluded")
    ))
});

static KEEP: LazyLock<Bulk> = LazyLock::new(|| insert(&format!("ON CONFLICT ({IDENTITY}) DO NOTHING")));

fn insert(tail: &str) -> Bulk {
    let all = fact::columns();
    Bulk::new(&format!("INSERT INTO fact ({})", columns::list(&all, "")), all.len(), tail)
}

static CARRIED: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "DELETE FROM fact WHERE rowid IN (WITH asked (account, date, origin, feed, content) AS (",
        5,
        ") SELECT f.rowid FROM asked CROSS JOIN fact f ON f.account_id = asked.account AND f.kind = 'summary'
           AND coalesce(f.key_as_of, '') = asked.date AND f.origin = asked.origin AND coalesce(f.ref, '') = ''
           AND f.feed_id = asked.feed AND f.content = asked.content)",
    )
});

/// Inserts or, on identity, moves; those that a row stands for now are taken out. Returns how many are new or moved.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    facts: &[FactWrite],
    names: &Names,
) -> Result<u64, Failure> {
    let apart: Vec<&FactWrite> = facts.iter().filter(|f| !f.stored.in_row).collect();
    UPSERT.run(connection, &apart, |chunk, values| encode(chunk, names, values)).await
}

/// Inserts what is not there yet.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    facts: &[FactWrite],
    names: &Names,
) -> Result<u64, Failure> {
    let facts: Vec<&FactWrite> = facts.iter().collect();
    KEEP.run(connection, &facts, |chunk, values| encode(chunk, names, values)).await
}

fn encode(chunk: &[&FactWrite], names: &Names, values: &mut Values) -> Result<(), ColumnError> {
    let vendors = names.vendors();
    names.symbols.view(|texts| {
        let view = NamesView { vendors: &vendors, texts };
        chunk.iter().try_for_each(|f| fact::write(f.account, &f.stored, view, values))
    })
}

/// A summary that a written row stands for has no row of its own. Most accounts have no summary here at all, so those that have
/// are asked for first.
pub(super) async fn leave_to_rows(
    connection: &mut SqliteConnection,
    rows: &[RowWrite],
    names: &Names,
) -> Result<(), Failure> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let with_summaries: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT account_id FROM fact WHERE kind = 'summary' AND account_id BETWEEN ? AND ?",
    )
    .bind(first.account)
    .bind(last.account)
    .fetch_all(&mut *connection)
    .await?;
    let with_summaries: HashSet<i64> = with_summaries.into_iter().collect();
    let carrying = |write: &&RowWrite| {
        with_summaries.contains(&write.account) && write.change.row().is_some_and(|row| row.carries)
    };
    let carrying: Vec<&RowWrite> = rows.iter().filter(carrying).collect();
    let vendors = names.vendors();
    let view = NamesView { vendors: &vendors, texts: &[] };
    let identity = |chunk: &[&RowWrite], values: &mut Values| {
        for (account, row) in chunk.iter().filter_map(|w| Some((w.account, w.change.row()?))) {
            values.integer(Some(account));
            values.date(Some(row.as_of));
            values.text(Some(view.vendor(row.value_vendor)?));
            values.integer(Some(row.feed.0));
            values.bytes(Some(&row.content.0));
        }
        Ok(())
    };
    CARRIED.run(connection, &carrying, identity).await?;
    Ok(())
}
