//! What the pipeline reads. Each call is one snapshot of the file.
use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::Failure;
use super::wire::Columns;
use crate::columns::daily::{self, DAILY, Daily};
use crate::columns::{self, ColumnReader, ColumnWriter, fact, need};
use crate::{Alias, Names, StoredAccount};
use record::{PartitionId, PartitionKey};
use returns::date::Date;
use returns::ledger::{Profile, StoredFact};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

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
