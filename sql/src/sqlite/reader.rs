//! What people read.
use super::SqliteStore;
use super::errors::Failure;
use super::history::{carried, facts_between, row_before};
use super::lists::{self, Asked};
use super::wire::{Columns, text_date};
use crate::columns::daily::{self, DAILY, Daily};
use crate::columns::{self, ColumnReader, fact, need};
use crate::read;
use crate::{
    BreakRow, CheckpointRow, Evidence, FeedRow, GapRow, Names, Ownership, Pending, Published,
    QuarantineFilter, QuarantineRow, Reader, RowFilter, StoreError, Superseded, Totals,
};
use async_trait::async_trait;
use record::FeedKey;
use returns::Row;
use returns::date::Date;
use returns::ledger::StoredFact;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::sync::{Arc, LazyLock};

/// Sorts after every account number and every date.
const NO_END: &str = "\u{10FFFF}";

#[async_trait]
impl Reader for SqliteStore {
    async fn rows(
        &self,
        filter: &RowFilter,
        after: Option<(Arc<str>, Date)>,
        limit: u32,
    ) -> Result<Vec<Published>, StoreError> {
        Ok(self.page(filter, after, limit).await?)
    }
    async fn account_numbers(&self) -> Result<Vec<Arc<str>>, StoreError> {
        Ok(self.numbers().await?)
    }
    async fn inception(&self, account_no: &str) -> Result<Option<Date>, StoreError> {
        Ok(self.inception_of(account_no).await?)
    }
    async fn evidence(&self, account_no: &str, as_of: Date) -> Result<Option<Evidence>, StoreError> {
        Ok(self.gather(account_no, as_of).await?)
    }
    async fn breaks(&self, status: Option<&str>) -> Result<Vec<BreakRow>, StoreError> {
        let mut connection = self.reading().await?;
        Ok(lists::breaks(&mut connection, &Asked { status, ..Asked::default() }).await?)
    }
    async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<QuarantineRow>, StoreError> {
        let mut connection = self.reading().await?;
        Ok(lists::quarantine_page(&mut connection, filter, after, limit).await?)
    }
    async fn quarantined(&self, id: i64) -> Result<Option<QuarantineRow>, StoreError> {
        let mut connection = self.reading().await?;
        let asked = Asked { id: Some(id), ..Asked::default() };
        Ok(lists::quarantine(&mut connection, &asked).await?.pop())
    }
    async fn feeds(&self) -> Result<Vec<FeedRow>, StoreError> {
        let mut connection = self.reading().await?;
        Ok(lists::feeds(&mut connection, None).await?)
    }
    async fn feed_name(&self, feed: FeedKey) -> Result<Option<FeedRow>, StoreError> {
        let mut connection = self.reading().await?;
        Ok(lists::feeds(&mut connection, Some(feed.0)).await?.pop())
    }
    async fn checkpoints(&self) -> Result<Vec<CheckpointRow>, StoreError> {
        let mut connection = self.reading().await?;
        Ok(lists::checkpoints(&mut connection).await?)
    }
    async fn gaps(&self) -> Result<Vec<GapRow>, StoreError> {
        Ok(self.gaps_noted().await?)
    }
    async fn ownership(&self) -> Result<Ownership, StoreError> {
        Ok(self.who_works().await?)
    }
    async fn pending(&self) -> Result<Pending, StoreError> {
        Ok(self.what_waits().await?)
    }
    async fn totals(&self) -> Result<Totals, StoreError> {
        let mut connection = self.reading().await?;
        Ok(lists::totals(&mut connection).await?)
    }
    async fn policy(&self, id: i64) -> Result<Option<String>, StoreError> {
        Ok(self.policy_text(id).await?)
    }
}

static NOW: LazyLock<String> = LazyLock::new(|| page_of("performance_daily", ""));
static STILL: LazyLock<String> = LazyLock::new(|| page_of("performance_daily", "AND d.known_from <= ?8"));
static THEN: LazyLock<String> =
    LazyLock::new(|| page_of("performance_history", "AND d.known_from <= ?8 AND d.known_to > ?8"));

/// Rows in order of account number and date, between bounds and after a place. Text compares byte by byte.
fn page_of(table: &str, known: &str) -> String {
    format!(
        "SELECT a.account_no, {} FROM account a CROSS JOIN {table} d ON d.account_id = a.id
         WHERE a.account_no BETWEEN ?1 AND ?2 AND d.as_of BETWEEN ?3 AND ?4
         AND (a.account_no > ?5 OR d.as_of > ?6) {known}
         ORDER BY a.account_no, d.as_of LIMIT ?7",
        columns::list(DAILY, "d.")
    )
}

async fn page(
    connection: &mut SqliteConnection,
    sql: &'static str,
    filter: &RowFilter,
    after: Option<&(Arc<str>, Date)>,
    limit: u32,
    names: &Names,
) -> Result<Vec<Published>, Failure> {
    let after_no = after.map(|(number, _)| &**number).unwrap_or_default();
    let only = filter.account_no.as_deref();
    let rows = sqlx::query(sql)
        .bind(only.unwrap_or_default().max(after_no))
        .bind(only.unwrap_or(NO_END))
        .bind(filter.from.map(text_date).unwrap_or_default())
        .bind(filter.to.map_or(NO_END.to_owned(), text_date))
        .bind(after_no)
        .bind(after.map(|(_, date)| text_date(*date)).unwrap_or_default())
        .bind(limit)
        .bind(filter.known_at)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(published_at(row, names)?.0)).collect()
}

/// An account number and the columns of a row; and the reader behind them.
fn published_at<'r>(row: &'r SqliteRow, names: &Names) -> Result<(Published, Columns<'r>), Failure> {
    let mut columns = Columns::new(row, 0);
    let account_no = need(columns.text()?, "account_no")?;
    let daily = daily::read(&mut columns, names)?;
    Ok((published(account_no, daily), columns))
}

fn published(account_no: Arc<str>, daily: Daily<Row>) -> Published {
    let Daily { account, row, verdict, reasons, known_from } = daily;
    Published { account_no, account, row, verdict, reasons, known_from }
}

/// What was said of a day before, in order.
async fn superseded(
    connection: &mut SqliteConnection,
    account: i64,
    date: &str,
    names: &Names,
) -> Result<Vec<Superseded>, Failure> {
    static BEFORE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT a.account_no, {}, d.known_to, d.cause FROM performance_history d
             JOIN account a ON a.id = d.account_id WHERE d.account_id = ? AND d.as_of = ? ORDER BY d.known_to",
            columns::list(DAILY, "d.")
        )
    });
    let rows = sqlx::query(BEFORE.as_str()).bind(account).bind(date).fetch_all(connection).await?;
    let read = |row| {
        let (published, mut columns) = published_at(row, names)?;
        let known_to = need(columns.time()?, "known_to")?;
        Ok(Superseded { published, known_to, cause: columns.text()?.map(|t| t.to_string()) })
    };
    rows.iter().map(read).collect()
}

/// The facts of an account whose key has no date, dated outside of a span.
async fn undated_elsewhere(
    connection: &mut SqliteConnection,
    account: i64,
    after: &str,
    until: &str,
    names: &Names,
) -> Result<Vec<StoredFact>, Failure> {
    static ELSEWHERE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {} FROM fact WHERE account_id = ? AND key_as_of IS NULL
             AND NOT (as_of > ? AND as_of <= ?) ORDER BY as_of, rowid",
            columns::list(&fact::columns(), "")
        )
    });
    let rows =
        sqlx::query(ELSEWHERE.as_str()).bind(account).bind(after).bind(until).fetch_all(connection).await?;
    let read = |row| fact::read(&mut Columns::new(row, 0), names).map(|(_, stored)| stored);
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

type Reading = sqlx::pool::PoolConnection<sqlx::Sqlite>;

impl SqliteStore {
    async fn reading(&self) -> Result<Reading, Failure> {
        Ok(self.readers.acquire().await?)
    }

    async fn numbers(&self) -> Result<Vec<Arc<str>>, Failure> {
        let all: Vec<String> = sqlx::query_scalar("SELECT account_no FROM account ORDER BY account_no")
            .fetch_all(&self.readers)
            .await?;
        Ok(all.into_iter().map(Arc::from).collect())
    }

    async fn inception_of(&self, account_no: &str) -> Result<Option<Date>, Failure> {
        let query = sqlx::query("SELECT inception FROM account WHERE account_no = ?").bind(account_no);
        let row = query.fetch_optional(&self.readers).await?;
        let date = row.map(|row| Columns::new(&row, 0).date()).transpose()?;
        Ok(date.flatten())
    }

    async fn policy_text(&self, id: i64) -> Result<Option<String>, Failure> {
        let query = sqlx::query_scalar("SELECT text FROM policy WHERE id = ?").bind(id);
        Ok(query.fetch_optional(&self.readers).await?)
    }

    async fn page(
        &self,
        filter: &RowFilter,
        after: Option<(Arc<str>, Date)>,
        limit: u32,
    ) -> Result<Vec<Published>, Failure> {
        let mut tx = self.readers.begin().await?;
        let mut rows = Vec::new();
        let tables: &[&'static LazyLock<String>] =
            if filter.known_at.is_some() { &[&STILL, &THEN] } else { &[&NOW] };
        for sql in tables {
            rows.extend(page(&mut tx, sql, filter, after.as_ref(), limit, &self.names).await?);
        }
        // Of two pages in order, the first rows of both are the page.
        rows.sort_by(|a, b| (&a.account_no, a.row.as_of).cmp(&(&b.account_no, b.row.as_of)));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    async fn gather(&self, account_no: &str, as_of: Date) -> Result<Option<Evidence>, Failure> {
        let mut tx = self.readers.begin().await?;
        let found = sqlx::query("SELECT id, base_currency FROM account WHERE account_no = ?")
            .bind(account_no)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(found) = found else { return Ok(None) };
        let mut found = Columns::new(&found, 0);
        let account = need(found.integer()?, "id")?;
        let base_currency = columns::currency(found.text()?)?;
        let number: Arc<str> = account_no.into();
        let date = text_date(as_of);
        let publish = |daily| published(number.clone(), daily);
        let before = row_before(&mut tx, account, &date, &self.names).await?.map(publish);
        let filter = RowFilter {
            account_no: Some(account_no.into()),
            from: Some(as_of),
            to: Some(as_of),
            known_at: None,
        };
        let published = page(&mut tx, &NOW, &filter, None, 1, &self.names).await?.pop();
        let after = before.as_ref().map(|b: &Published| text_date(b.row.as_of)).unwrap_or_default();
        let mut facts = facts_between(&mut tx, account, &after, &date, &self.names).await?;
        facts.extend(published.as_ref().and_then(|p| carried(&p.row)));
        let elsewhere = undated_elsewhere(&mut tx, account, &after, &date, &self.names).await?;
        facts.extend(read::touching(elsewhere, &facts));
        self.know_places(&mut tx, facts.iter()).await?;
        read::in_order(&mut facts, &self.names.partitions);
        let asked = Asked { day: Some((account, date.as_str())), ..Asked::default() };
        Ok(Some(Evidence {
            superseded: superseded(&mut tx, account, &date, &self.names).await?,
            breaks: lists::breaks(&mut tx, &asked).await?,
            quarantine: lists::quarantine(&mut tx, &asked).await?,
            published,
            before,
            base_currency,
            facts,
        }))
    }
}
