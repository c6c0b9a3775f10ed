//! Daily rows: new ones straight into the table, all others through a staging table.
use super::error::is_conflict;
use super::types::{Day, Instant};
use super::write::Writer;
use crate::columns::daily::{DAILY, Daily, POLICY_ID};
use crate::columns::{self, Column, ColumnWriter as _, daily};
use crate::{CommitError, Receipt, RowWrite};
use returns::Row;
use returns::date::Micros;
use returns::ledger::RowChange;
use sqlx::{AssertSqlSafe, Executor};
use std::sync::LazyLock;

/// The day was open, so it was not yet published (F6): its versions leave no history.
const WAS_OPEN: &str = "coalesce('incomplete' = ANY (d.reasons), false)";

impl Writer<'_> {
    /// Writes changes of rows, sorted by account and date, at most one for each.
    pub async fn rows(&mut self, writes: &[&RowWrite]) -> Result<Receipt, CommitError> {
        let new: Vec<&RowWrite> = select(writes, |c| matches!(c, RowChange::New(_)));
        let mut staged = select(writes, |c| matches!(c, RowChange::Replaced { .. }));
        let mut receipt = Receipt::default();
        match self.copy_new(&new).await? {
            Some(inserted) => receipt.inserted = inserted,
            // A row that the fold took for new is there already: these lines are read a second time.
            None => staged = select(writes, |c| !matches!(c, RowChange::Gone(_))),
        }
        receipt = receipt.and(self.replace(&staged).await?);
        Ok(receipt.and(self.remove(&select(writes, |c| matches!(c, RowChange::Gone(_)))).await?))
    }

    /// COPY straight into the table, undone as a whole (`None`) if one of the keys is there already.
    async fn copy_new(&mut self, new: &[&RowWrite]) -> Result<Option<u64>, CommitError> {
        if new.is_empty() {
            return Ok(Some(0));
        }
        self.conn.execute("SAVEPOINT new_rows").await?;
        let into = format!("performance_daily ({})", columns::list(DAILY, ""));
        let now = self.now;
        let copied = self
            .copy(&into, DAILY.len(), new, |write, names, out| match write.change.row() {
                Some(row) => daily::write(&published(write, row, now), names, out),
                None => Ok(()),
            })
            .await;
        match copied {
            Ok(count) => {
                self.conn.execute("RELEASE SAVEPOINT new_rows").await?;
                Ok(Some(count))
            }
            Err(e) if is_conflict(&e) => {
                self.conn.execute("ROLLBACK TO SAVEPOINT new_rows").await?;
                Ok(None)
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Rows through the staging table: history from the stored rows first, then one upsert that leaves identical rows alone.
    async fn replace(&mut self, staged: &[&RowWrite]) -> Result<Receipt, CommitError> {
        if staged.is_empty() {
            return Ok(Receipt::default());
        }
        self.stage().await?;
        let into = format!("stage_daily ({}, restates, cause)", columns::list(DAILY, ""));
        let now = self.now;
        self.copy(&into, DAILY.len() + 2, staged, |write, names, out| {
            if let Some(row) = write.change.row() {
                daily::write(&published(write, row, now), names, out)?;
                out.flag(Some(matches!(write.change, RowChange::Replaced { restates: true, .. })));
                out.text(write.cause.as_deref());
            }
            Ok(())
        })
        .await?;
        let restated = sqlx::query(AssertSqlSafe(&**KEEP))
            .bind(Instant(now))
            .execute(&mut *self.conn)
            .await?
            .rows_affected();
        let (inserted, changed): (i64, i64) =
            sqlx::query_as(AssertSqlSafe(&**UPSERT)).fetch_one(&mut *self.conn).await?;
        Ok(Receipt { inserted: count(inserted), changed: count(changed), restated, ..Receipt::default() })
    }

    /// Days left without a value: the row goes, its last version stays in history.
    async fn remove(&mut self, gone: &[&RowWrite]) -> Result<Receipt, CommitError> {
        if gone.is_empty() {
            return Ok(Receipt::default());
        }
        self.stage().await?;
        let (removed, restated): (i64, i64) = sqlx::query_as(AssertSqlSafe(&**REMOVE))
            .bind(gone.iter().map(|w| w.account).collect::<Vec<_>>())
            .bind(gone.iter().map(|w| Day(w.change.as_of())).collect::<Vec<_>>())
            .bind(gone.iter().map(|w| w.cause.as_deref()).collect::<Vec<_>>())
            .bind(Instant(self.now))
            .fetch_one(&mut *self.conn)
            .await?;
        Ok(Receipt { removed: count(removed), restated: count(restated), ..Receipt::default() })
    }
}

fn select<'a>(writes: &[&'a RowWrite], wanted: impl Fn(&RowChange) -> bool) -> Vec<&'a RowWrite> {
    writes.iter().copied().filter(|w| wanted(&w.change)).collect()
}

fn published<'a>(write: &RowWrite, row: &'a Row, now: Micros) -> Daily<&'a Row> {
    Daily { account: write.account, row, verdict: write.verdict, reasons: write.reasons, known_from: now }
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or(0)
}

/// All columns but `known_from`, which says when and not what.
fn said(prefix: &str) -> String {
    columns::list(&DAILY[..DAILY.len() - 1], prefix)
}

/// The columns by which a row is another than the one stored. Where the policy's number alone differs it is the same: it was made under
/// the policy it names, and under the new one it would be no other.
fn compared(prefix: &str) -> String {
    let said = &DAILY[..DAILY.len() - 1];
    let compared: Vec<Column> = said.iter().filter(|c| c.name != POLICY_ID).copied().collect();
    columns::list(&compared, prefix)
}

/// History of what restates: the stored version, if it was published and differs.
static KEEP: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO performance_history ({list}, known_to, cause)
         SELECT {stored}, $1, s.cause FROM stage_daily s
         JOIN performance_daily d ON d.account_id = s.account_id AND d.as_of = s.as_of
         WHERE s.restates AND NOT {WAS_OPEN} AND ({before}) IS DISTINCT FROM ({after})",
        list = columns::list(DAILY, ""),
        stored = columns::list(DAILY, "d."),
        before = compared("d."),
        after = compared("s."),
    )
});

/// What does not restate is known since the version it replaces was, unless that was not published.
static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let set = DAILY[2..].iter().map(|c| format!("{0} = excluded.{0}", c.name)).collect::<Vec<_>>().join(", ");
    format!(
        "WITH written AS (
            INSERT INTO performance_daily AS d ({list})
            SELECT {said}, CASE WHEN s.restates THEN s.known_from ELSE coalesce(
                (SELECT d.known_from FROM performance_daily d
                 WHERE d.account_id = s.account_id AND d.as_of = s.as_of AND NOT {WAS_OPEN}), s.known_from) END
            FROM stage_daily s
            ON CONFLICT (account_id, as_of) DO UPDATE SET {set}
            WHERE ({before}) IS DISTINCT FROM ({after})
            RETURNING xmax = 0 AS inserted
         )
         SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM written",
        list = columns::list(DAILY, ""),
        said = said("s."),
        before = compared("d."),
        after = compared("excluded."),
    )
});

static REMOVE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH gone AS (
            DELETE FROM performance_daily d USING unnest($1::bigint[], $2::date[], $3::text[]) AS g (account_id, as_of, cause)
            WHERE d.account_id = g.account_id AND d.as_of = g.as_of
            RETURNING d.*, g.cause
         ), kept AS (
            INSERT INTO performance_history ({list}, known_to, cause)
            SELECT {stored}, $4, d.cause FROM gone d WHERE NOT {WAS_OPEN}
            RETURNING 1
         )
         SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM kept)",
        list = columns::list(DAILY, ""),
        stored = columns::list(DAILY, "d."),
    )
});
