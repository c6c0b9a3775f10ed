//! The parts of accounts that late facts reach, and whole accounts.
use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::Failure;
use super::wire::{Columns, Values, text_date};
use crate::columns::daily::{self, DAILY, Daily};
use crate::columns::{self, Column, ColumnWriter, NamesView, fact};
use crate::{HistoryRequest, Names};
use returns::ledger::{History, Reach, StoredFact, summary_of};
use returns::{Date, Key, Row};
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Sorts after every date.
const NO_END: &str = "~";

impl SqliteStore {
    pub(super) async fn read_history(&self, asked: &[HistoryRequest]) -> Result<Vec<History>, Failure> {
        let mut tx = self.readers.begin().await?;
        let whole: Vec<i64> = asked.iter().filter(|r| is_whole(&r.reach)).map(|r| r.account).collect();
        let mut whole = whole_accounts(&mut tx, &whole, &self.names).await?;
        let mut all = Vec::with_capacity(asked.len());
        for request in asked {
            all.push(match whole.remove(&request.account).filter(|_| is_whole(&request.reach)) {
                Some(history) => history,
                None => history(&mut tx, request, &self.names).await?,
            });
        }
        self.know_places(&mut tx, all.iter().flat_map(|h| &h.facts)).await?;
        Ok(all)
    }
}

fn is_whole(reach: &Reach) -> bool {
    reach.from == Date::MIN && reach.rows.is_none()
}

pub(super) static WHOLE_ROWS: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = columns::list(DAILY, "d.");
    let tail =
        format!("SELECT {columns} FROM asked CROSS JOIN performance_daily d ON d.account_id = asked.account");
    Bulk::asking(&["account"], &tail)
});

pub(super) static WHOLE_SUMMARIES: LazyLock<Bulk> =
    LazyLock::new(|| whole_facts(&fact::summary_columns(), "f.kind = 'summary'"));

pub(super) static WHOLE_OTHERS: LazyLock<Bulk> =
    LazyLock::new(|| whole_facts(&fact::columns(), "f.kind <> 'summary'"));

fn whole_facts(columns: &[Column], which: &str) -> Bulk {
    let columns = columns::list(columns, "f.");
    let tail =
        format!("SELECT {columns} FROM asked CROSS JOIN fact f ON f.account_id = asked.account AND {which}");
    Bulk::asking(&["account"], &tail)
}

/// Accounts with all that is said of them: a fold from scratch asks for hundreds at once.
async fn whole_accounts(
    connection: &mut SqliteConnection,
    accounts: &[i64],
    names: &Names,
) -> Result<HashMap<i64, History>, Failure> {
    let encode = |chunk: &[i64], values: &mut Values| {
        chunk.iter().for_each(|account| values.integer(Some(*account)));
        Ok(())
    };
    let empty = |account: &i64| (*account, History { complete: true, ..History::default() });
    let mut found: HashMap<i64, History> = accounts.iter().map(empty).collect();
    for row in &WHOLE_ROWS.fetch(connection, accounts, encode).await? {
        let Daily { account, row, .. } = daily::read(&mut Columns::new(row, 0), names)?;
        if let Some(history) = found.get_mut(&account) {
            history.rows.push(row);
        }
    }
    for question in [&WHOLE_SUMMARIES, &WHOLE_OTHERS] {
        for row in &question.fetch(connection, accounts, encode).await? {
            let (account, stored) = fact::read(&mut Columns::new(row, 0), names)?;
            if let Some(history) = found.get_mut(&account) {
                history.facts.push(stored);
            }
        }
    }
    for history in found.values_mut() {
        history.rows.sort_unstable_by_key(|row| row.as_of);
        history.facts.extend(history.rows.iter().filter_map(carried));
    }
    Ok(found)
}

async fn history(
    connection: &mut SqliteConnection,
    request: &HistoryRequest,
    names: &Names,
) -> Result<History, Failure> {
    let (account, reach) = (request.account, &request.reach);
    let mut start = text_date(reach.from);
    for key in &reach.undated {
        if let Some(earlier) = earliest(connection, account, key, names).await?.filter(|date| *date < start) {
            start = earlier;
        }
    }
    let before = row_before(connection, account, &start, names).await?.map(|daily| daily.row);
    let limit = reach.rows.map(|rows| rows.max(1));
    let (rows, complete) = rows_from(connection, account, &start, limit, names).await?;
    let after = before.as_ref().map(|row| text_date(row.as_of)).unwrap_or_default();
    let until = match rows.last() {
        Some(row) if !complete => text_date(row.as_of),
        _ => NO_END.to_owned(),
    };
    let mut facts = facts_between(connection, account, &after, &until, names).await?;
    facts.extend(rows.iter().filter_map(carried));
    Ok(History { before, rows, facts, complete })
}

/// The summary a row stands for.
pub(super) fn carried(row: &Row) -> Option<StoredFact> {
    row.carries.then(|| StoredFact { fact: summary_of(row), in_row: true, waiting: None })
}

/// The earliest date on which facts of a key without a date lie.
async fn earliest(
    connection: &mut SqliteConnection,
    account: i64,
    key: &Key,
    names: &Names,
) -> Result<Option<String>, Failure> {
    let vendors = names.vendors();
    let origin = fact::origin_text(key.origin, NamesView { vendors: &vendors, texts: &[] })?;
    let query =
        "SELECT min(as_of) FROM fact WHERE account_id = ? AND kind = ? AND coalesce(key_as_of, '') = ''
        AND origin = ? AND coalesce(ref, '') = ?";
    Ok(sqlx::query_scalar(query)
        .bind(account)
        .bind(key.kind.as_str())
        .bind(origin)
        .bind(key.reference.as_deref().unwrap_or_default())
        .fetch_one(connection)
        .await?)
}

/// The last row before a date.
pub(super) async fn row_before(
    connection: &mut SqliteConnection,
    account: i64,
    date: &str,
    names: &Names,
) -> Result<Option<Daily<Row>>, Failure> {
    static BEFORE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {} FROM performance_daily WHERE account_id = ? AND as_of < ? ORDER BY as_of DESC LIMIT 1",
            columns::list(DAILY, "")
        )
    });
    let row = sqlx::query(BEFORE.as_str()).bind(account).bind(date).fetch_optional(connection).await?;
    Ok(row.map(|row| daily::read(&mut Columns::new(&row, 0), names)).transpose()?)
}

/// The rows from a date on, at most `limit`, and whether nothing lies after them.
async fn rows_from(
    connection: &mut SqliteConnection,
    account: i64,
    date: &str,
    limit: Option<u32>,
    names: &Names,
) -> Result<(Vec<Row>, bool), Failure> {
    static FROM: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {} FROM performance_daily WHERE account_id = ? AND as_of >= ? ORDER BY as_of LIMIT ?",
            columns::list(DAILY, "")
        )
    });
    // One more than asked tells whether there are more; without a bound, SQLite wants -1.
    let most = limit.map_or(-1, |n| i64::from(n) + 1);
    let found = sqlx::query(FROM.as_str()).bind(account).bind(date).bind(most).fetch_all(connection).await?;
    let read = |row| daily::read(&mut Columns::new(row, 0), names).map(|daily| daily.row);
    let mut rows = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let kept = limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let complete = rows.len() <= kept;
    rows.truncate(kept);
    Ok((rows, complete))
}

/// Facts that no row carries, dated after one date and up to another.
pub(super) async fn facts_between(
    connection: &mut SqliteConnection,
    account: i64,
    after: &str,
    until: &str,
    names: &Names,
) -> Result<Vec<StoredFact>, Failure> {
    static BETWEEN: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {} FROM fact WHERE account_id = ? AND as_of > ? AND as_of <= ? ORDER BY as_of, rowid",
            columns::list(&fact::columns(), "")
        )
    });
    let rows =
        sqlx::query(BETWEEN.as_str()).bind(account).bind(after).bind(until).fetch_all(connection).await?;
    let read = |row| fact::read(&mut Columns::new(row, 0), names).map(|(_, stored)| stored);
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}
