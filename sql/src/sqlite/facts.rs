//! Facts that no daily row stands for.
use super::bulk::Bulk;
use super::errors::Failure;
use super::wire::Values;
use crate::columns::{self, Column, ColumnError, ColumnWriter, NamesView, fact};
use crate::{FactWrite, Names, RowWrite};
use record::FeedKey;
use returns::{Content, Date, Kind, Origin, Vendor};
use sqlx::SqliteConnection;
use std::collections::HashSet;
use std::sync::LazyLock;

/// The columns of the index by which a fact is known.
const IDENTITY: &str =
    "account_id, kind, coalesce(key_as_of, ''), origin, coalesce(ref, ''), feed_id, content";

/// On identity, the place and the waiting mark are those given now.
static UPSERT: LazyLock<Bulk> = LazyLock::new(|| upsert(&fact::columns()));

static UPSERT_SUMMARY: LazyLock<Bulk> = LazyLock::new(|| upsert(&fact::summary_columns()));

fn upsert(columns: &[Column]) -> Bulk {
    let moving = ["arrival", "partition_id", "position", "mapping_version", "waiting_reason", "released"];
    let set: Vec<_> = moving.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    let list = |table: &str| moving.map(|c| format!("{table}.{c}")).join(", ");
    let tail = format!(
        "ON CONFLICT ({IDENTITY}) DO UPDATE SET {} WHERE ({}) IS NOT ({})",
        set.join(", "),
        list("fact"),
        list("excluded")
    );
    insert(columns, &tail)
}

static KEEP: LazyLock<Bulk> =
    LazyLock::new(|| insert(&fact::summary_columns(), &format!("ON CONFLICT ({IDENTITY}) DO NOTHING")));

fn insert(columns: &[Column], tail: &str) -> Bulk {
    Bulk::new(&format!("INSERT INTO fact ({})", columns::list(columns, "")), columns.len(), tail)
}

pub(super) static CARRIED: LazyLock<Bulk> = LazyLock::new(|| {
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
    let apart = facts.iter().filter(|f| !f.stored.in_row);
    let (summaries, others): (Vec<_>, Vec<_>) = apart.partition(|f| f.stored.fact.kind() == Kind::Summary);
    let written = |view: NamesView<'_>, f: &FactWrite, values: &mut Values| {
        fact::write(f.account, &f.stored, view, values)
    };
    Ok(put_summaries(connection, &UPSERT_SUMMARY, &summaries, names).await?
        + put(connection, &UPSERT, &others, names, written).await?)
}

/// Inserts summaries that are not there yet.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    facts: &[FactWrite],
    names: &Names,
) -> Result<u64, Failure> {
    let facts: Vec<&FactWrite> = facts.iter().collect();
    put_summaries(connection, &KEEP, &facts, names).await
}

async fn put_summaries(
    connection: &mut SqliteConnection,
    statement: &Bulk,
    facts: &[&FactWrite],
    names: &Names,
) -> Result<u64, Failure> {
    let written = |view: NamesView<'_>, f: &FactWrite, values: &mut Values| {
        fact::write_summary(f.account, &f.stored, view, values)
    };
    put(connection, statement, facts, names, written).await
}

async fn put(
    connection: &mut SqliteConnection,
    statement: &Bulk,
    facts: &[&FactWrite],
    names: &Names,
    write: impl Fn(NamesView<'_>, &FactWrite, &mut Values) -> Result<(), ColumnError>,
) -> Result<u64, Failure> {
    let encode = |chunk: &[&FactWrite], values: &mut Values| {
        let vendors = names.vendors();
        names.symbols.view(|texts| {
            let view = NamesView { vendors: &vendors, texts };
            chunk.iter().try_for_each(|f| write(view, f, values))
        })
    };
    statement.run(connection, facts, encode).await
}

/// A summary that stands in a row: account, date, vendor, feed, content.
type Carried = (i64, Date, Vendor, FeedKey, Content);

/// A summary that a row stands for has no row of its own. Most accounts have no summary here at all, so those that have are asked
/// for first.
pub(super) async fn leave_to_rows(
    connection: &mut SqliteConnection,
    rows: &[RowWrite],
    facts: &[FactWrite],
    names: &Names,
) -> Result<(), Failure> {
    let mut carried: Vec<Carried> = facts.iter().filter_map(in_row).collect();
    if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
        let with_summaries = with_summaries(connection, first.account, last.account).await?;
        carried.extend(rows.iter().filter(|w| with_summaries.contains(&w.account)).filter_map(carrying));
    }
    // A fold of facts that were stored first names each of them by both.
    carried.sort_unstable();
    carried.dedup();
    let vendors = names.vendors();
    let view = NamesView { vendors: &vendors, texts: &[] };
    let identity = |chunk: &[Carried], values: &mut Values| {
        for (account, date, vendor, feed, content) in chunk {
            values.integer(Some(*account));
            values.date(Some(*date));
            values.text(Some(view.vendor(*vendor)?));
            values.integer(Some(feed.0));
            values.bytes(Some(&content.0));
        }
        Ok(())
    };
    CARRIED.run(connection, &carried, identity).await?;
    Ok(())
}

/// Of accounts numbered from first to last, those with a summary that no row stands for.
async fn with_summaries(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<HashSet<i64>, Failure> {
    let query = "SELECT DISTINCT account_id FROM fact INDEXED BY fact_summaries
        WHERE kind = 'summary' AND account_id BETWEEN ? AND ?";
    let accounts: Vec<i64> = sqlx::query_scalar(query).bind(first).bind(last).fetch_all(connection).await?;
    Ok(accounts.into_iter().collect())
}

fn carrying(write: &RowWrite) -> Option<Carried> {
    let row = write.change.row().filter(|row| row.carries)?;
    Some((write.account, row.as_of, row.value_vendor, row.feed, row.content))
}

fn in_row(write: &FactWrite) -> Option<Carried> {
    let fact = &write.stored.fact;
    match fact.origin {
        Origin::Vendor(vendor) if write.stored.in_row => {
            Some((write.account, fact.as_of, vendor, fact.feed, fact.content))
        }
        _ => None,
    }
}
