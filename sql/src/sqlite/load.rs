//! What the pipeline reads. Each call is one snapshot of the file.
use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::Failure;
use super::wire::{Columns, Values, text_date};
use crate::columns::daily::{self, DAILY, Daily};
use crate::columns::{self, ColumnReader, ColumnWriter, NamesView, fact, need};
use crate::{Alias, Found, HistoryRequest, Names, Probe, StoredAccount};
use record::{PartitionId, PartitionKey, Position};
use returns::date::Date;
use returns::ledger::{History, Profile, StoredFact, summary_of};
use returns::{Arrival, Key, Kind, Place, Row as DailyRow};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

/// Sorts after every date.
const NO_END: &str = "~";

impl SqliteStore {
    pub(super) async fn read_accounts(
        &self,
        numbers: &[Arc<str>],
    ) -> Result<Vec<Option<StoredAccount>>, Failure> {
        let mut tx = self.readers.begin().await?;
        let mut found = accounts(&mut tx, numbers, &self.names).await?;
        last_rows(&mut tx, &mut found, &self.names).await?;
        open_facts(&mut tx, &mut found, &self.names).await?;
        self.know_places(&mut tx, found.values().flat_map(|a| &a.open)).await?;
        let by_number: HashMap<&str, &StoredAccount> = found.values().map(|a| (&*a.account_no, a)).collect();
        Ok(numbers.iter().map(|number| by_number.get(&**number).copied().cloned()).collect())
    }

    pub(super) async fn read_aliases(&self, asked: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Alias>, Failure> {
        static ALIASES: LazyLock<Bulk> = LazyLock::new(|| {
            Bulk::asking(
                &["vendor", "vendor_account"],
                "SELECT l.vendor, l.vendor_account, l.valid_from, l.valid_to, l.account_id, a.account_no
                 FROM asked CROSS JOIN account_alias l
                 ON l.vendor = asked.vendor AND l.vendor_account = asked.vendor_account
                 JOIN account a ON a.id = l.account_id",
            )
        });
        let once: Vec<_> = asked.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut connection = self.readers.acquire().await?;
        let rows = ALIASES
            .fetch(&mut connection, &once, |chunk, values| {
                for (vendor, number) in chunk {
                    values.text(Some(vendor));
                    values.text(Some(number));
                }
                Ok(())
            })
            .await?;
        rows.iter().map(alias).collect()
    }

    pub(super) async fn find_facts(&self, probes: &[Probe]) -> Result<Vec<Found>, Failure> {
        let mut found = vec![Found::No; probes.len()];
        let asked: Vec<(usize, &Probe)> = probes.iter().enumerate().collect();
        let carried: Vec<(usize, &Probe)> =
            asked.iter().copied().filter(|(_, p)| may_be_carried(&p.key)).collect();
        let mut tx = self.readers.begin().await?;
        for (question, probes) in [(&*IN_FACT, &asked), (&*IN_ROW, &carried)] {
            let encode = |chunk: &[(usize, &Probe)], values: &mut Values| {
                let vendors = self.names.vendors();
                let view = NamesView { vendors: &vendors, texts: &[] };
                chunk.iter().try_for_each(|(number, probe)| encode_probe(*number, probe, view, values))
            };
            for row in question.fetch(&mut tx, probes, encode).await? {
                let (number, same) = found_at(&row)?;
                if let Some(answer) = found.get_mut(number) {
                    *answer = same;
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn read_history(&self, asked: &[HistoryRequest]) -> Result<Vec<History>, Failure> {
        let mut tx = self.readers.begin().await?;
        let mut all = Vec::with_capacity(asked.len());
        for request in asked {
            all.push(history(&mut tx, request, &self.names).await?);
        }
        self.know_places(&mut tx, all.iter().flat_map(|h| &h.facts)).await?;
        Ok(all)
    }

    /// Facts are ordered by the names of their partitions: another process may have registered one since this one looked.
    pub(super) async fn know_places(
        &self,
        connection: &mut SqliteConnection,
        mut facts: impl Iterator<Item = &StoredFact>,
    ) -> Result<(), Failure> {
        if facts.any(|f| self.names.partitions.get(f.fact.place.partition).is_none()) {
            learn_partitions(connection, &self.names).await?;
        }
        Ok(())
    }
}

/// Takes the names of all partitions into memory.
pub(super) async fn learn_partitions(
    connection: &mut SqliteConnection,
    names: &Names,
) -> Result<(), Failure> {
    let all: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, name FROM partition").fetch_all(connection).await?;
    for (id, name) in all {
        names.partitions.insert(PartitionKey(id), PartitionId::new(name));
    }
    Ok(())
}

async fn accounts(
    connection: &mut SqliteConnection,
    numbers: &[Arc<str>],
    names: &Names,
) -> Result<HashMap<i64, StoredAccount>, Failure> {
    static ACCOUNTS: LazyLock<Bulk> = LazyLock::new(|| {
        Bulk::asking(
            &["account_no"],
            "SELECT a.id, a.account_no, a.slot, a.base_currency, a.performance_start, a.inception, a.closed_on,
             a.first_values FROM asked CROSS JOIN account a ON a.account_no = asked.account_no",
        )
    });
    let rows = ACCOUNTS
        .fetch(connection, numbers, |chunk, values| {
            chunk.iter().for_each(|number| values.text(Some(number)));
            Ok(())
        })
        .await?;
    rows.iter().map(|row| account(row, names).map(|a| (a.id, a))).collect()
}

fn account(row: &SqliteRow, names: &Names) -> Result<StoredAccount, Failure> {
    let mut c = Columns::new(row, 0);
    let id = need(c.integer()?, "id")?;
    let account_no = need(c.text()?, "account_no")?;
    let slot = columns::narrow(need(c.integer()?, "slot")?, "slot")?;
    let base_currency = columns::currency(c.text()?)?;
    let (performance_start, inception, closed_on) = (c.date()?, c.date()?, c.date()?);
    let first_values = c.text()?;
    let first_values = columns::parse_first_values(first_values.iter().flat_map(|t| t.lines()), names)?;
    let profile = Profile { base_currency, performance_start, inception, closed_on, first_values };
    Ok(StoredAccount { id, account_no, slot, profile, last: None, before_last: None, open: Vec::new() })
}

async fn last_rows(
    connection: &mut SqliteConnection,
    accounts: &mut HashMap<i64, StoredAccount>,
    names: &Names,
) -> Result<(), Failure> {
    static LAST_TWO: LazyLock<Bulk> = LazyLock::new(|| {
        let tail = format!(
            "SELECT {} FROM asked CROSS JOIN performance_daily d ON d.account_id = asked.account AND d.as_of IN
             (SELECT l.as_of FROM performance_daily l WHERE l.account_id = asked.account ORDER BY l.as_of DESC LIMIT 2)",
            columns::list(DAILY, "d.")
        );
        Bulk::asking(&["account"], &tail)
    });
    let ids: Vec<i64> = accounts.keys().copied().collect();
    let rows = LAST_TWO
        .fetch(connection, &ids, |chunk, values| {
            chunk.iter().for_each(|id| values.integer(Some(*id)));
            Ok(())
        })
        .await?;
    for row in &rows {
        let Daily { account, row, .. } = daily::read(&mut Columns::new(row, 0), names)?;
        let Some(account) = accounts.get_mut(&account) else { continue };
        let (earlier, later) = match account.last.take() {
            Some(other) if other.as_of > row.as_of => (Some(row), other),
            other => (other, row),
        };
        (account.before_last, account.last) = (earlier, Some(later));
    }
    Ok(())
}

async fn open_facts(
    connection: &mut SqliteConnection,
    accounts: &mut HashMap<i64, StoredAccount>,
    names: &Names,
) -> Result<(), Failure> {
    static FROM_DATE: LazyLock<Bulk> = LazyLock::new(|| {
        let tail = format!(
            "SELECT {} FROM asked CROSS JOIN fact f ON f.account_id = asked.account AND f.as_of >= asked.date",
            columns::list(&fact::columns(), "f.")
        );
        Bulk::asking(&["account", "date"], &tail)
    });
    let asked: Vec<(i64, Option<Date>)> =
        accounts.values().map(|a| (a.id, a.last.as_ref().map(|row| row.as_of))).collect();
    let rows = FROM_DATE
        .fetch(connection, &asked, |chunk, values| {
            for (account, date) in chunk {
                values.integer(Some(*account));
                match date {
                    Some(_) => values.date(*date),
                    None => values.text(Some("")),
                }
            }
            Ok(())
        })
        .await?;
    for row in &rows {
        let (account, stored) = fact::read(&mut Columns::new(row, 0), names)?;
        if let Some(account) = accounts.get_mut(&account) {
            account.open.push(stored);
        }
    }
    Ok(())
}

fn alias(row: &SqliteRow) -> Result<Alias, Failure> {
    let mut c = Columns::new(row, 0);
    Ok(Alias {
        vendor: need(c.text()?, "vendor")?,
        vendor_account: need(c.text()?, "vendor_account")?,
        valid_from: c.date()?,
        valid_to: c.date()?,
        account: need(c.integer()?, "account_id")?,
        account_no: need(c.text()?, "account_no")?,
    })
}

const PROBE: [&str; 8] = ["number", "account", "kind", "date", "origin", "ref", "feed", "content"];

/// On a stream, the same content is the same fact whatever the day it came on.
static IN_FACT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::asking(
        &PROBE,
        "SELECT asked.number, f.arrival, f.partition_id, f.position FROM asked CROSS JOIN fact f
         ON f.account_id = asked.account AND f.kind = asked.kind AND coalesce(f.key_as_of, '') = asked.date
         AND f.origin = asked.origin AND coalesce(f.ref, '') = asked.ref AND f.content = asked.content
         AND (f.feed_id = asked.feed OR (SELECT count(*) FROM feed WHERE id IN (f.feed_id, asked.feed) AND hash IS NULL) = 2)",
    )
});

static IN_ROW: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::asking(
        &PROBE,
        "SELECT asked.number, d.arrived_at, d.partition_id, d.position FROM asked CROSS JOIN performance_daily d
         ON d.account_id = asked.account AND d.as_of = asked.date AND d.carries = 1
         AND d.value_vendor = asked.origin AND d.content = asked.content
         AND (d.feed_id = asked.feed OR (SELECT count(*) FROM feed WHERE id IN (d.feed_id, asked.feed) AND hash IS NULL) = 2)",
    )
});

fn may_be_carried(key: &Key) -> bool {
    key.kind == Kind::Summary && key.as_of.is_some() && key.reference.is_none()
}

fn encode_probe(
    number: usize,
    probe: &Probe,
    names: NamesView<'_>,
    values: &mut Values,
) -> Result<(), columns::ColumnError> {
    values.integer(i64::try_from(number).ok());
    values.integer(Some(probe.account));
    values.text(Some(probe.key.kind.as_str()));
    match probe.key.as_of {
        Some(date) => values.date(Some(date)),
        None => values.text(Some("")),
    }
    values.text(Some(fact::origin_text(probe.key.origin, names)?));
    values.text(Some(probe.key.reference.as_deref().unwrap_or_default()));
    values.integer(Some(probe.feed.0));
    values.bytes(Some(&probe.content.0));
    Ok(())
}

fn found_at(row: &SqliteRow) -> Result<(usize, Found), Failure> {
    let mut c = Columns::new(row, 0);
    let number = columns::narrow(need(c.integer()?, "number")?, "number")?;
    let arrival = Arrival(c.time()?);
    let partition = PartitionKey(need(c.integer()?, "partition_id")?);
    let position: Position = need(c.position()?, "position")?;
    Ok((number, Found::Same { arrival, place: Place { partition, position } }))
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
pub(super) fn carried(row: &DailyRow) -> Option<StoredFact> {
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
) -> Result<Option<Daily<DailyRow>>, Failure> {
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
) -> Result<(Vec<DailyRow>, bool), Failure> {
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
