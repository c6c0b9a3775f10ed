//! What people read.
use super::PostgresStore;
use super::history::with_carried;
use super::lease::progress;
use super::types::{Day, Instant, RowReader};
use crate::columns::daily::{DAILY, HISTORY};
use crate::columns::{self, ColumnReader, daily, fact, need};
use crate::read;
use crate::{
    BreakRow, CheckpointRow, Evidence, FeedRow, GapRow, Ownership, Pending, Published, QuarantineFilter,
    QuarantineRow, Reader, RowFilter, StoreError, Superseded, Totals,
};
use async_trait::async_trait;
use record::{Counts, FeedKey, PartitionId};
use returns::date::Date;
use returns::ledger::StoredFact;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, QueryBuilder, Row as _};
use std::sync::Arc;

#[async_trait]
impl Reader for PostgresStore {
    async fn rows(
        &self,
        filter: &RowFilter,
        after: Option<(Arc<str>, Date)>,
        limit: u32,
    ) -> Result<Vec<Published>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new("SELECT p.account_no, ");
        sql.push(columns::list(DAILY, "p."));
        match filter.known_at {
            Some(at) => sql.push(" FROM performance_as_known(").push_bind(Instant(at)).push(") p WHERE true"),
            None => sql.push(" FROM performance p WHERE true"),
        };
        if let Some(number) = &filter.account_no {
            sql.push(" AND p.account_no = ").push_bind(number.as_str());
        }
        if let Some(from) = filter.from {
            sql.push(" AND p.as_of >= ").push_bind(Day(from));
        }
        if let Some(to) = filter.to {
            sql.push(" AND p.as_of <= ").push_bind(Day(to));
        }
        if let Some((number, date)) = &after {
            // The first condition is implied by the second, and is the one an index serves.
            sql.push(" AND p.account_no >= ").push_bind(&**number);
            sql.push(" AND (p.account_no, p.as_of) > (").push_bind(&**number);
            sql.push(", ").push_bind(Day(*date)).push(")");
        }
        sql.push(" ORDER BY p.account_no, p.as_of LIMIT ").push_bind(i64::from(limit));
        let rows = sql.build().fetch_all(&self.pool).await?;
        rows.iter().map(|row| self.published(row)).collect()
    }

    async fn account_numbers(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let numbers: Vec<String> = sqlx::query_scalar("SELECT account_no FROM account ORDER BY account_no")
            .fetch_all(&self.pool)
            .await?;
        Ok(numbers.into_iter().map(Into::into).collect())
    }

    async fn inception(&self, account_no: &str) -> Result<Option<Date>, StoreError> {
        let query = sqlx::query("SELECT inception FROM account WHERE account_no = $1").bind(account_no);
        let row = query.fetch_optional(&self.pool).await?;
        let date = row.map(|row| RowReader::from(&row, 0).date()).transpose()?;
        Ok(date.flatten())
    }

    async fn evidence(&self, account_no: &str, as_of: Date) -> Result<Option<Evidence>, StoreError> {
        let mut tx = self.snapshot().await?;
        let found = sqlx::query("SELECT id, base_currency FROM account WHERE account_no = $1")
            .bind(account_no)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(found) = found else { return Ok(None) };
        let mut found = RowReader::from(&found, 0);
        let account = need(found.integer()?, "id")?;
        let base_currency = columns::currency(found.text()?)?;
        let published = self.one_row(&mut tx, account, as_of, "p.as_of = $2").await?;
        let before = self.one_row(&mut tx, account, as_of, "p.as_of < $2").await?;
        let after = before.as_ref().map(|b| b.row.as_of);
        let rows: Vec<_> = published.iter().map(|p| p.row.clone()).collect();
        let mut facts = with_carried(&rows, self.facts_touching(&mut tx, account, after, as_of).await?);
        let superseded = self.superseded(&mut tx, account, as_of).await?;
        let shown = published.iter().chain(&before).chain(superseded.iter().map(|s| &s.published));
        let partitions = shown.map(|p| p.row.place.partition);
        let partitions = partitions.chain(facts.iter().map(|f| f.fact.place.partition)).collect();
        self.learn_partitions(&mut tx, partitions).await?;
        read::in_order(&mut facts, &self.names.partitions);
        let where_day = "WHERE b.account_id = $1 AND b.as_of = $2";
        let breaks = sqlx::query(AssertSqlSafe(format!("{BREAKS} {where_day} ORDER BY b.id")));
        let breaks = breaks.bind(account).bind(Day(as_of)).fetch_all(&mut *tx).await?;
        let where_day = "WHERE q.account_id = $1 AND q.as_of = $2 ORDER BY q.id";
        let quarantine = sqlx::query(AssertSqlSafe(format!(
            "SELECT {QUARANTINE}, ''::bytea {FROM_QUARANTINE} {where_day}"
        )));
        let quarantine = quarantine.bind(account).bind(Day(as_of)).fetch_all(&mut *tx).await?;
        Ok(Some(Evidence {
            published,
            before,
            base_currency,
            facts,
            superseded,
            breaks: breaks.iter().map(break_row).collect::<Result<_, _>>()?,
            quarantine: quarantine.iter().map(quarantine_row).collect::<Result<_, _>>()?,
        }))
    }

    async fn breaks(&self, status: Option<&str>) -> Result<Vec<BreakRow>, StoreError> {
        let sql = format!("{BREAKS} WHERE $1::text IS NULL OR b.status = $1 ORDER BY b.id");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(status).fetch_all(&self.pool).await?;
        rows.iter().map(break_row).collect()
    }

    async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<QuarantineRow>, StoreError> {
        let sql = format!(
            "SELECT {QUARANTINE}, ''::bytea {FROM_QUARANTINE} WHERE q.id > $1
             AND ($2::text IS NULL OR q.status = $2) AND ($3::text IS NULL OR q.code = $3)
             AND ($4::text IS NULL OR q.vendor = $4) ORDER BY q.id LIMIT $5"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(after).bind(&filter.status).bind(&filter.code);
        let rows = query.bind(&filter.vendor).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        rows.iter().map(quarantine_row).collect()
    }

    async fn quarantined(&self, id: i64) -> Result<Option<QuarantineRow>, StoreError> {
        let sql = format!("SELECT {QUARANTINE}, q.raw {FROM_QUARANTINE} WHERE q.id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        row.as_ref().map(quarantine_row).transpose()
    }

    async fn feeds(&self) -> Result<Vec<FeedRow>, StoreError> {
        let sql = format!("{FEEDS} ORDER BY id");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(feed_row).collect()
    }

    async fn feed_name(&self, feed: FeedKey) -> Result<Option<FeedRow>, StoreError> {
        let sql = format!("{FEEDS} WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(feed.0).fetch_optional(&self.pool).await?;
        row.as_ref().map(feed_row).transpose()
    }

    async fn checkpoints(&self) -> Result<Vec<CheckpointRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT p.name, c.source, c.position, c.updated_at, c.read, c.decoded, c.ignored, c.quarantined, c.observed, c.accepted,
                c.unchanged, c.stale, c.waiting, c.bytes, c.read_until
             FROM checkpoint c JOIN partition p ON p.id = c.partition_id ORDER BY p.name",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(checkpoint_row).collect()
    }

    async fn gaps(&self) -> Result<Vec<GapRow>, StoreError> {
        self.gaps_noted().await
    }

    async fn ownership(&self) -> Result<Ownership, StoreError> {
        self.who_works().await
    }

    async fn pending(&self) -> Result<Pending, StoreError> {
        self.what_waits().await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM performance_daily),
                (SELECT count(*) FROM performance_history), (SELECT count(*) FROM tolerance_break WHERE status = 'open'),
                (SELECT count(*) FROM quarantine WHERE status = 'open'), (SELECT count(*) FROM fact)",
        )
        .fetch_one(&self.pool)
        .await?;
        let mut r = RowReader::from(&row, 0);
        Ok(Totals {
            accounts: count(&mut r)?,
            rows: count(&mut r)?,
            history: count(&mut r)?,
            breaks_open: count(&mut r)?,
            quarantined: count(&mut r)?,
            facts: count(&mut r)?,
        })
    }

    async fn policy(&self, id: i64) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar("SELECT text FROM policy WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?)
    }
}

impl PostgresStore {
    /// A row of the view `performance`: the number, then the columns of the table.
    fn published(&self, row: &PgRow) -> Result<Published, StoreError> {
        let mut r = RowReader::from(row, 0);
        let account_no = need(r.text()?, "account_no")?;
        let daily = daily::read(&mut r, &self.names)?;
        Ok(Published {
            account_no,
            account: daily.account,
            row: daily.row,
            verdict: daily.verdict,
            reasons: daily.reasons,
            known_from: daily.known_from,
        })
    }

    /// The latest row of an account that fits a condition on its date (`$2`).
    async fn one_row(
        &self,
        conn: &mut PgConnection,
        account: i64,
        as_of: Date,
        condition: &str,
    ) -> Result<Option<Published>, StoreError> {
        let sql = format!(
            "SELECT p.account_no, {} FROM performance p WHERE p.account_id = $1 AND {condition} ORDER BY p.as_of DESC LIMIT 1",
            columns::list(DAILY, "p.")
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(account).bind(Day(as_of)).fetch_optional(conn).await?;
        row.map(|row| self.published(&row)).transpose()
    }

    /// The facts dated in (after, up to], and the undated ones of other dates that touch them.
    async fn facts_touching(
        &self,
        conn: &mut PgConnection,
        account: i64,
        after: Option<Date>,
        up_to: Date,
    ) -> Result<Vec<StoredFact>, StoreError> {
        let sql = format!(
            "SELECT {} FROM fact f WHERE f.account_id = $1
                AND (f.as_of > coalesce($2, '-infinity') AND f.as_of <= $3 OR f.key_as_of IS NULL)
             ORDER BY f.as_of, f.kind, f.arrival NULLS FIRST, f.content",
            columns::list(&fact::columns(), "f.")
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(account)
            .bind(after.map(Day))
            .bind(Day(up_to))
            .fetch_all(conn)
            .await?;
        let read = |row: &PgRow| Ok(fact::read(&mut RowReader::from(row, 0), &self.names)?.1);
        let facts = rows.iter().map(read).collect::<Result<Vec<StoredFact>, StoreError>>()?;
        let inside = |f: &StoredFact| f.fact.as_of <= up_to && after.is_none_or(|after| f.fact.as_of > after);
        let (inside, outside): (Vec<_>, Vec<_>) = facts.into_iter().partition(inside);
        let touching = read::touching(outside, &inside);
        Ok(inside.into_iter().chain(touching).collect())
    }

    async fn superseded(
        &self,
        conn: &mut PgConnection,
        account: i64,
        as_of: Date,
    ) -> Result<Vec<Superseded>, StoreError> {
        let sql = format!(
            "SELECT a.account_no, {}, {} FROM performance_history h JOIN account a ON a.id = h.account_id
             WHERE h.account_id = $1 AND h.as_of = $2 ORDER BY h.known_to",
            columns::list(DAILY, "h."),
            columns::list(HISTORY, "h.")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(account).bind(Day(as_of)).fetch_all(conn).await?;
        let superseded = |row: &PgRow| -> Result<Superseded, StoreError> {
            let mut r = RowReader::from(row, 1 + DAILY.len());
            Ok(Superseded {
                published: self.published(row)?,
                known_to: need(r.time()?, "known_to")?,
                cause: r.get()?,
            })
        };
        rows.iter().map(superseded).collect()
    }
}

const BREAKS: &str = "
    SELECT b.id, b.rule, b.severity, a.account_no, b.vendor, b.as_of, b.expected, b.actual, b.difference, b.difference_bp,
        b.tolerance, b.hint, b.status, b.first_seen, b.last_seen
    FROM tolerance_break b LEFT JOIN account a ON a.id = b.account_id";

fn break_row(row: &PgRow) -> Result<BreakRow, StoreError> {
    let mut r = RowReader::from(row, 0);
    Ok(BreakRow {
        id: r.get()?,
        rule: r.get()?,
        severity: r.get()?,
        account_no: r.text()?,
        vendor: r.get()?,
        as_of: r.date()?,
        expected: r.decimal()?,
        actual: r.decimal()?,
        difference: r.decimal()?,
        difference_bp: r.decimal()?,
        tolerance: r.decimal()?,
        hint: r.get()?,
        status: r.get()?,
        first_seen: need(r.time()?, "first_seen")?,
        last_seen: need(r.time()?, "last_seen")?,
    })
}

const QUARANTINE: &str = "q.id, q.vendor, p.name, q.position, q.line, f.name, q.code, q.text, q.field, a.account_no, \
    q.vendor_account, q.as_of, q.mapping_version, q.length, q.seen_at, q.status";
const FROM_QUARANTINE: &str = "FROM quarantine q LEFT JOIN partition p ON p.id = q.partition_id \
    LEFT JOIN feed f ON f.id = q.feed_id LEFT JOIN account a ON a.id = q.account_id";

fn quarantine_row(row: &PgRow) -> Result<QuarantineRow, StoreError> {
    let mut r = RowReader::from(row, 0);
    Ok(QuarantineRow {
        id: r.get()?,
        vendor: r.get()?,
        partition: PartitionId::new(r.get::<Option<&str>>()?.unwrap_or_default()),
        position: progress(r.get()?)?,
        line: r.get()?,
        feed: r.get::<Option<String>>()?.unwrap_or_default(),
        code: r.get()?,
        text: r.get()?,
        field: r.get()?,
        account_no: r.text()?,
        vendor_account: r.get()?,
        as_of: r.date()?,
        mapping_version: r.get()?,
        length: r.get()?,
        seen_at: need(r.time()?, "seen_at")?,
        status: r.get()?,
        raw: r.get()?,
    })
}

const FEEDS: &str = "
    SELECT id, source, vendor, name, object_version, encode(hash, 'hex'), arrival, business_date, declared, counted, status FROM feed";

fn feed_row(row: &PgRow) -> Result<FeedRow, StoreError> {
    let mut r = RowReader::from(row, 0);
    Ok(FeedRow {
        id: r.get()?,
        source: r.get()?,
        vendor: r.get()?,
        name: r.get()?,
        object_version: r.get()?,
        hash: r.get()?,
        arrival: r.time()?,
        business_date: r.date()?,
        declared: r.get()?,
        counted: r.get()?,
        status: r.get()?,
    })
}

fn checkpoint_row(row: &PgRow) -> Result<CheckpointRow, StoreError> {
    let (name, position): (&str, &str) = (row.try_get(0)?, row.try_get(2)?);
    let updated_at = row.try_get::<Option<Instant>, _>(3)?.map(|t| t.0);
    let mut r = RowReader::from(row, 4);
    let counts = Counts {
        read: count(&mut r)?,
        decoded: count(&mut r)?,
        ignored: count(&mut r)?,
        quarantined: count(&mut r)?,
        observed: count(&mut r)?,
        accepted: count(&mut r)?,
        unchanged: count(&mut r)?,
        stale: count(&mut r)?,
        waiting: count(&mut r)?,
        bytes: count(&mut r)?,
    };
    Ok(CheckpointRow {
        id: PartitionId::new(name),
        source: row.try_get(1)?,
        progress: progress(position)?,
        counts,
        updated_at,
        read_until: r.time()?,
    })
}

fn count(r: &mut RowReader<'_>) -> Result<u64, StoreError> {
    Ok(u64::try_from(r.get::<i64>()?).unwrap_or(0))
}
