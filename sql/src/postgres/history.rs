//! The parts of accounts that late facts reach, for a whole batch at once.
use super::types::{Day, RowReader};
use super::{PostgresStore, sets};
use crate::columns::{self, NamesView, daily, fact};
use crate::{HistoryRequest, StoreError};
use record::PartitionKey;
use returns::date::Date;
use returns::ledger::{History, StoredFact, summary_of};
use returns::{Key, Row};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use std::collections::{BTreeMap, HashSet};

impl PostgresStore {
    /// What was asked for, in the order asked, in one snapshot.
    pub(super) async fn histories(&self, asked: &[HistoryRequest]) -> Result<Vec<History>, StoreError> {
        let mut tx = self.snapshot().await?;
        let starts = self.starts(&mut tx, asked).await?;
        let mut found = vec![History { complete: true, ..History::default() }; asked.len()];
        let mut by_limit: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
        for (n, request) in asked.iter().enumerate() {
            by_limit.entry(request.reach.rows.map(|rows| rows.max(1))).or_default().push(n);
        }
        for (limit, numbers) in by_limit {
            self.fill_rows(&mut tx, asked, &starts, limit, &numbers, &mut found).await?;
        }
        self.fill_facts(&mut tx, asked, &mut found).await?;
        let partitions = found.iter().flat_map(partitions_of).collect();
        self.learn_partitions(&mut tx, partitions).await?;
        Ok(found)
    }

    /// Where each read begins: at `from`, or at the earliest fact of the keys without a date.
    async fn starts(
        &self,
        conn: &mut PgConnection,
        asked: &[HistoryRequest],
    ) -> Result<Vec<Date>, StoreError> {
        let mut starts: Vec<Date> = asked.iter().map(|r| r.reach.from).collect();
        let mut keys = sets::Keys::default();
        self.with_names(|names| {
            let undated =
                asked.iter().enumerate().flat_map(|(n, r)| r.reach.undated.iter().map(move |k| (n, r, k)));
            undated.map(|(n, r, key)| keys.push(n, r.account, key, names)).collect::<Result<Vec<_>, _>>()
        })?;
        if keys.is_empty() {
            return Ok(starts);
        }
        for row in keys.bind(sqlx::query(EARLIEST)).fetch_all(conn).await? {
            let (n, Day(date)): (i64, Day) = (row.try_get(0)?, row.try_get(1)?);
            if let Some(start) = usize::try_from(n).ok().and_then(|n| starts.get_mut(n)) {
                *start = date.min(*start);
            }
        }
        Ok(starts)
    }

    /// The row before, and up to `limit` rows from the start on; one more is read to know whether there is one.
    async fn fill_rows(
        &self,
        conn: &mut PgConnection,
        asked: &[HistoryRequest],
        starts: &[Date],
        limit: Option<u32>,
        numbers: &[usize],
        found: &mut [History],
    ) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT asked.n, d.later, {} FROM unnest($1::bigint[], $2::bigint[], $3::date[]) AS asked (n, id, start)
             CROSS JOIN LATERAL (
                (SELECT false AS later, b.* FROM performance_daily b
                 WHERE b.account_id = asked.id AND b.as_of < asked.start ORDER BY b.as_of DESC LIMIT 1)
                UNION ALL
                (SELECT true AS later, r.* FROM performance_daily r
                 WHERE r.account_id = asked.id AND r.as_of >= asked.start ORDER BY r.as_of LIMIT $4)
             ) d ORDER BY asked.n, d.as_of",
            columns::list(daily::DAILY, "d.")
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(numbers.iter().map(|n| i64::try_from(*n).unwrap_or(i64::MAX)).collect::<Vec<_>>())
            .bind(numbers.iter().map(|n| asked[*n].account).collect::<Vec<_>>())
            .bind(numbers.iter().map(|n| Day(starts[*n])).collect::<Vec<_>>())
            .bind(limit.map(|rows| i64::from(rows) + 1))
            .fetch_all(conn)
            .await?;
        for row in &rows {
            let (n, later): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
            let row = daily::read(&mut RowReader::from(row, 2), &self.names)?.row;
            let Some(history) = usize::try_from(n).ok().and_then(|n| found.get_mut(n)) else { continue };
            if later { history.rows.push(row) } else { history.before = Some(row) }
        }
        let limit = limit.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX);
        for n in numbers {
            found[*n].complete = found[*n].rows.len() <= limit;
            found[*n].rows.truncate(limit);
        }
        Ok(())
    }

    /// All facts after the row before and up to the last row, those that rows carry among them.
    async fn fill_facts(
        &self,
        conn: &mut PgConnection,
        asked: &[HistoryRequest],
        found: &mut [History],
    ) -> Result<(), StoreError> {
        let after = |h: &History| h.before.as_ref().map(|r| Day(r.as_of));
        let up_to = |h: &History| h.rows.last().filter(|_| !h.complete).map(|r| Day(r.as_of));
        let sql = format!(
            "SELECT asked.n, {} FROM unnest($1::bigint[], $2::bigint[], $3::date[], $4::date[]) AS asked (n, id, after, up_to)
             CROSS JOIN LATERAL (SELECT * FROM fact f WHERE f.account_id = asked.id
                AND f.as_of > coalesce(asked.after, '-infinity') AND f.as_of <= coalesce(asked.up_to, 'infinity') OFFSET 0) f",
            columns::list(&fact::columns(), "f.")
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind((0i64..).take(asked.len()).collect::<Vec<_>>())
            .bind(asked.iter().map(|r| r.account).collect::<Vec<_>>())
            .bind(found.iter().map(after).collect::<Vec<_>>())
            .bind(found.iter().map(up_to).collect::<Vec<_>>())
            .fetch_all(conn)
            .await?;
        for row in &rows {
            let n: i64 = row.try_get(0)?;
            let (_, stored) = fact::read(&mut RowReader::from(row, 1), &self.names)?;
            if let Some(history) = usize::try_from(n).ok().and_then(|n| found.get_mut(n)) {
                history.facts.push(stored);
            }
        }
        for history in found {
            let facts = std::mem::take(&mut history.facts);
            history.facts = with_carried(&history.rows, facts);
        }
        Ok(())
    }

    /// Looks names up under one lock.
    pub(super) fn with_names<T>(&self, look: impl FnOnce(NamesView<'_>) -> T) -> T {
        let vendors = self.names.vendors();
        self.names.symbols.view(|texts| look(NamesView { vendors: &vendors, texts }))
    }
}

/// The facts of `fact` and those that rows carry. Where both hold one, the row does: it is what stands.
pub fn with_carried(rows: &[Row], mut facts: Vec<StoredFact>) -> Vec<StoredFact> {
    let carried = rows.iter().filter(|r| r.carries).map(summary_of);
    let carried: Vec<StoredFact> =
        carried.map(|fact| StoredFact { fact, in_row: true, waiting: None }).collect();
    let identity =
        |s: &StoredFact| -> (Key, i64, [u8; 16]) { (s.fact.key(), s.fact.feed.0, s.fact.content.0) };
    if !facts.is_empty() {
        let known: HashSet<_> = carried.iter().map(identity).collect();
        facts.retain(|f| !known.contains(&identity(f)));
    }
    facts.extend(carried);
    facts
}

fn partitions_of(history: &History) -> Vec<PartitionKey> {
    let rows = history.before.iter().chain(&history.rows).map(|r| r.place.partition);
    rows.chain(history.facts.iter().map(|f| f.fact.place.partition)).collect()
}

/// The earliest fact of each question's keys without a date.
const EARLIEST: &str = "
    SELECT k.n, min(f.as_of)
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::date[], $6::text[])
        AS k (n, account_id, origin, kind, as_of, ref)
    CROSS JOIN LATERAL (
        SELECT f.as_of FROM fact f
        WHERE f.account_id = k.account_id AND f.kind = k.kind AND f.key_as_of IS NULL
            AND coalesce(f.ref, '') = coalesce(k.ref, '') AND f.ref IS NOT DISTINCT FROM k.ref AND f.origin = k.origin
        ORDER BY f.as_of LIMIT 1
    ) f
    GROUP BY k.n";
