//! Daily rows and their history.
//!
//! New rows are inserted as they are. Everything else is compared with the stored row first: what is the same is left alone, what was
//! published moves to history, and a summary the row stops standing for becomes a row of `fact`.
use super::bulk::Bulk;
use super::errors::Failure;
use super::facts;
use super::wire::{Columns, Values};
use crate::columns::daily::{self, DAILY, Daily, HISTORY};
use crate::columns::{self, ColumnError, ColumnWriter, NamesView};
use crate::{FactWrite, Names, Receipt, RowWrite};
use returns::date::{Date, Micros};
use returns::ledger::{RowChange, StoredFact, summary_of};
use returns::{Reason, Row};
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Rows compared with the stored ones at a time, which bounds the memory of a commit that restates much.
const COMPARED: usize = 4096;

/// A row that goes into the table, and since when it is what we say.
type Put<'a> = (&'a RowWrite, &'a Row, Micros);

/// A row that is there already stays, and is told by the count. Nothing is undone, so SQLite keeps no journal of the statement.
static INSERT: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new(&format!("INSERT OR IGNORE INTO {}", target()), DAILY.len(), ""));

static UPSERT: LazyLock<Bulk> = LazyLock::new(|| {
    let set: Vec<_> = DAILY.iter().skip(2).map(|c| format!("{0} = excluded.{0}", c.name)).collect();
    let tail = format!("ON CONFLICT (account_id, as_of) DO UPDATE SET {}", set.join(", "));
    Bulk::new(&format!("INSERT INTO {}", target()), DAILY.len(), &tail)
});

fn target() -> String {
    format!("performance_daily ({})", columns::list(DAILY, ""))
}

pub(super) static STORED: LazyLock<Bulk> = LazyLock::new(|| {
    let tail = format!(
        "SELECT {} FROM asked CROSS JOIN performance_daily d ON d.account_id = asked.account AND d.as_of = asked.date",
        columns::list(DAILY, "d.")
    );
    Bulk::asking(&["account", "date"], &tail)
});

/// History is made from the stored row, not from what anybody remembers of it.
pub(super) static ARCHIVE: LazyLock<Bulk> = LazyLock::new(|| {
    let head = format!(
        "INSERT INTO performance_history ({}, {}) WITH asked (account, date, known_to, cause) AS (",
        columns::list(DAILY, ""),
        columns::list(HISTORY, "")
    );
    let tail = format!(
        ") SELECT {}, asked.known_to, asked.cause FROM asked CROSS JOIN performance_daily d
         ON d.account_id = asked.account AND d.as_of = asked.date",
        columns::list(DAILY, "d.")
    );
    Bulk::new(&head, 4, &tail)
});

pub(super) static DELETE: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "DELETE FROM performance_daily WHERE rowid IN (WITH asked (account, date) AS (",
        2,
        ") SELECT d.rowid FROM asked CROSS JOIN performance_daily d
         ON d.account_id = asked.account AND d.as_of = asked.date)",
    )
});

/// Writes a unit's rows, at most one per account and date.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    rows: &[RowWrite],
    names: &Names,
    now: Micros,
) -> Result<Receipt, Failure> {
    let mut receipt = Receipt::default();
    let mut compared = Vec::new();
    let mut new: Vec<Put<'_>> = Vec::with_capacity(rows.len());
    for write in rows {
        match &write.change {
            RowChange::New(row) => new.push((write, row, now)),
            RowChange::Replaced { .. } | RowChange::Gone(_) => compared.push(write),
        }
    }
    receipt.inserted = INSERT.run(connection, &new, |chunk, values| encode(chunk, names, values)).await?;
    if receipt.inserted < new.len() as u64 {
        // Some were there already. Those just inserted will compare as the same.
        compared.extend(new.iter().map(|(write, ..)| write));
    }
    for some in compared.chunks(COMPARED) {
        replace(connection, some, names, now, &mut receipt).await?;
    }
    Ok(receipt)
}

fn encode(chunk: &[Put<'_>], names: &Names, values: &mut Values) -> Result<(), ColumnError> {
    let vendors = names.vendors();
    names.symbols.view(|texts| {
        let view = NamesView { vendors: &vendors, texts };
        chunk.iter().try_for_each(|(write, row, known_from)| {
            let (account, verdict, reasons) = (write.account, write.verdict, write.reasons);
            let daily = Daily { account, row: *row, verdict, reasons, known_from: *known_from };
            daily::write(&daily, view, values)
        })
    })
}

/// What a comparison with the stored rows comes to.
#[derive(Default)]
struct Plan<'a> {
    archive: Vec<(i64, Date, Option<Arc<str>>)>,
    put: Vec<Put<'a>>,
    delete: Vec<(i64, Date)>,
    /// Summaries that no row stands for any more.
    freed: Vec<FactWrite>,
}

async fn replace(
    connection: &mut SqliteConnection,
    rows: &[&RowWrite],
    names: &Names,
    now: Micros,
    receipt: &mut Receipt,
) -> Result<(), Failure> {
    let stored = stored(connection, rows, names).await?;
    let mut plan = Plan::default();
    for write in rows {
        plan.add(write, stored.get(&(write.account, write.change.as_of())), now, receipt);
    }
    plan.run(connection, names, now).await
}

async fn stored(
    connection: &mut SqliteConnection,
    rows: &[&RowWrite],
    names: &Names,
) -> Result<HashMap<(i64, Date), Daily<Row>>, Failure> {
    let keys = |chunk: &[&RowWrite], values: &mut Values| {
        for write in chunk {
            values.integer(Some(write.account));
            values.date(Some(write.change.as_of()));
        }
        Ok(())
    };
    let found = STORED.fetch(connection, rows, keys).await?;
    let read = |row| daily::read(&mut Columns::new(row, 0), names).map(|d| ((d.account, d.row.as_of), d));
    Ok(found.iter().map(read).collect::<Result<_, _>>()?)
}

impl<'a> Plan<'a> {
    fn add(&mut self, write: &'a RowWrite, stored: Option<&Daily<Row>>, now: Micros, receipt: &mut Receipt) {
        match (stored, write.change.row()) {
            (None, None) => {}
            (None, Some(row)) => {
                receipt.inserted += 1;
                self.put.push((write, row, now));
            }
            (Some(before), None) => {
                receipt.removed += 1;
                self.delete.push((write.account, before.row.as_of));
                self.leave(write, before, restates(before, &write.change), receipt);
            }
            (Some(before), Some(row)) if is_same(before, write, row) => {}
            (Some(before), Some(row)) => {
                receipt.changed += 1;
                let restates = restates(before, &write.change);
                // Where only lineage moves, what we say is what we said.
                let known_from = if restates || is_open(before) { now } else { before.known_from };
                self.put.push((write, row, known_from));
                self.leave(write, before, restates, receipt);
            }
        }
    }

    /// Keeps what the stored row alone says.
    fn leave(&mut self, write: &RowWrite, before: &Daily<Row>, restates: bool, receipt: &mut Receipt) {
        if restates {
            receipt.restated += 1;
            self.archive.push((write.account, before.row.as_of, write.cause.clone()));
        }
        if before.row.carries && !write.change.row().is_some_and(|row| carries_same(row, &before.row)) {
            let stored = StoredFact { fact: summary_of(&before.row), in_row: false, waiting: None };
            self.freed.push(FactWrite { account: write.account, stored });
        }
    }

    async fn run(self, connection: &mut SqliteConnection, names: &Names, now: Micros) -> Result<(), Failure> {
        let archived = |chunk: &[(i64, Date, Option<Arc<str>>)], values: &mut Values| {
            for (account, date, cause) in chunk {
                values.integer(Some(*account));
                values.date(Some(*date));
                values.time(Some(now));
                values.text(cause.as_deref());
            }
            Ok(())
        };
        ARCHIVE.run(connection, &self.archive, archived).await?;
        facts::keep(connection, &self.freed, names).await?;
        let deleted = |chunk: &[(i64, Date)], values: &mut Values| {
            for (account, date) in chunk {
                values.integer(Some(*account));
                values.date(Some(*date));
            }
            Ok(())
        };
        DELETE.run(connection, &self.delete, deleted).await?;
        UPSERT.run(connection, &self.put, |chunk, values| encode(chunk, names, values)).await?;
        Ok(())
    }
}

/// A row of an open day is overwritten in place: history begins with the first complete version.
fn is_open(stored: &Daily<Row>) -> bool {
    stored.row.reasons.has(Reason::Incomplete)
}

/// Where the policy's number alone differs, the row is the same: it was made under the policy it names, and under the new one it would be
/// no other.
fn is_same(stored: &Daily<Row>, write: &RowWrite, row: &Row) -> bool {
    let same_row = || stored.row == Row { policy_id: stored.row.policy_id, ..row.clone() };
    stored.verdict == write.verdict && stored.reasons == write.reasons && same_row()
}

/// Whether what was published moves, as the fold says. A row it took for new and that is there already is the same lines read again.
fn restates(stored: &Daily<Row>, change: &RowChange) -> bool {
    let moves = matches!(change, RowChange::Replaced { restates: true, .. } | RowChange::Gone(_));
    moves && !is_open(stored)
}

fn carries_same(row: &Row, before: &Row) -> bool {
    row.carries
        && (row.value_vendor, row.feed, row.content) == (before.value_vendor, before.feed, before.content)
}
