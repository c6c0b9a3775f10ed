//! What memory needs of accounts, a batch at a time: their heads, the crosswalk, and whether facts are known.
use super::types::{Day, RowReader};
use super::{PostgresStore, sets};
use crate::columns::{self, ColumnReader, daily, fact, narrow, need};
use crate::{Alias, Found, Probe, StoreError, StoredAccount};
use record::{PartitionKey, Position};
use returns::ledger::{Profile, StoredFact};
use returns::{Arrival, Place, Row};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use std::collections::HashMap;
use std::sync::Arc;

impl PostgresStore {
    /// Accounts by number, in the order asked. One snapshot: an account's rows and facts belong together.
    pub(super) async fn accounts(
        &self,
        numbers: &[Arc<str>],
    ) -> Result<Vec<Option<StoredAccount>>, StoreError> {
        let mut tx = self.snapshot().await?;
        let asked: Vec<&str> = numbers.iter().map(|n| &**n).collect();
        let rows = sqlx::query(
            "SELECT id, account_no, slot, base_currency, performance_start, inception, closed_on, first_values
             FROM account WHERE account_no = ANY($1)",
        )
        .bind(asked)
        .fetch_all(&mut *tx)
        .await?;
        let mut accounts = rows.iter().map(|r| self.account(r)).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<i64> = accounts.iter().map(|a| a.id).collect();
        let mut heads = self.last_rows(&mut tx, &ids).await?;
        for account in &mut accounts {
            let mut last = heads.remove(&account.id).unwrap_or_default().into_iter();
            (account.last, account.before_last) = (last.next(), last.next());
        }
        self.fill_open(&mut tx, &mut accounts).await?;
        self.remember_slots(accounts.iter().map(|a| (a.id, a.slot)));
        let mut by_number: HashMap<Arc<str>, StoredAccount> =
            accounts.into_iter().map(|a| (a.account_no.clone(), a)).collect();
        // A number may be asked for twice: the last asker takes it, the others get a copy.
        let last_asked: HashMap<&str, usize> = numbers.iter().enumerate().map(|(i, n)| (&**n, i)).collect();
        let take = |(i, n): (usize, &Arc<str>)| match last_asked.get(&**n) == Some(&i) {
            true => by_number.remove(n),
            false => by_number.get(n).cloned(),
        };
        Ok(numbers.iter().enumerate().map(take).collect())
    }

    fn account(&self, row: &PgRow) -> Result<StoredAccount, StoreError> {
        let mut r = RowReader::from(row, 0);
        let id = need(r.integer()?, "id")?;
        let account_no = need(r.text()?, "account_no")?;
        let slot: i16 = r.get()?;
        let currency = r.text()?;
        let (performance_start, inception, closed_on) = (r.date()?, r.date()?, r.date()?);
        let first: Vec<String> = r.get()?;
        Ok(StoredAccount {
            id,
            account_no,
            slot: narrow(slot.into(), "slot")?,
            profile: Profile {
                base_currency: columns::currency(currency)?,
                performance_start,
                inception,
                closed_on,
                first_values: columns::parse_first_values(first.iter().map(String::as_str), &self.names)?,
            },
            last: None,
            before_last: None,
            open: vec![],
        })
    }

    /// The last two rows of each account, the last first.
    async fn last_rows(
        &self,
        conn: &mut PgConnection,
        ids: &[i64],
    ) -> Result<HashMap<i64, Vec<Row>>, StoreError> {
        let sql = format!(
            "SELECT {} FROM unnest($1::bigint[]) AS asked (id) CROSS JOIN LATERAL
             (SELECT * FROM performance_daily d WHERE d.account_id = asked.id ORDER BY as_of DESC LIMIT 2) d
             ORDER BY d.account_id, d.as_of DESC",
            columns::list(daily::DAILY, "d.")
        );
        let mut heads: HashMap<i64, Vec<Row>> = HashMap::with_capacity(ids.len());
        for row in sqlx::query(AssertSqlSafe(sql)).bind(ids).fetch_all(conn).await? {
            let daily = daily::read(&mut RowReader::from(&row, 0), &self.names)?;
            heads.entry(daily.account).or_default().push(daily.row);
        }
        Ok(heads)
    }

    /// The facts dated on the last row's date or later that no row carries.
    async fn fill_open(
        &self,
        conn: &mut PgConnection,
        accounts: &mut [StoredAccount],
    ) -> Result<(), StoreError> {
        let ids: Vec<i64> = accounts.iter().map(|a| a.id).collect();
        let from: Vec<Option<Day>> = accounts.iter().map(|a| a.last.as_ref().map(|r| Day(r.as_of))).collect();
        let sql = format!(
            "SELECT {} FROM unnest($1::bigint[], $2::date[]) AS asked (id, first_date)
             JOIN LATERAL (SELECT * FROM fact WHERE account_id = asked.id
                AND as_of >= coalesce(asked.first_date, '-infinity') OFFSET 0) f ON true",
            columns::list(&fact::columns(), "f.")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(ids).bind(from).fetch_all(&mut *conn).await?;
        let mut open: HashMap<i64, Vec<StoredFact>> = HashMap::new();
        for row in &rows {
            let (account, stored) = fact::read(&mut RowReader::from(row, 0), &self.names)?;
            open.entry(account).or_default().push(stored);
        }
        for account in accounts.iter_mut() {
            account.open = open.remove(&account.id).unwrap_or_default();
        }
        let facts = accounts.iter().flat_map(|a| a.open.iter().map(|f| f.fact.place.partition));
        let rows =
            accounts.iter().flat_map(|a| [&a.last, &a.before_last]).flatten().map(|r| r.place.partition);
        let partitions: Vec<PartitionKey> = facts.chain(rows).collect();
        self.learn_partitions(conn, partitions).await
    }

    /// The crosswalk's entries for these vendor accounts.
    pub(super) async fn aliases(&self, asked: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Alias>, StoreError> {
        let (vendors, accounts): (Vec<&str>, Vec<&str>) = asked.iter().map(|(v, a)| (&**v, &**a)).unzip();
        let rows = sqlx::query(
            "SELECT l.vendor, l.vendor_account, l.valid_from, l.valid_to, l.account_id, a.account_no, a.slot
             FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[])) AS asked (vendor, vendor_account)
             CROSS JOIN LATERAL (SELECT * FROM account_alias l WHERE l.vendor = asked.vendor
                AND l.vendor_account = asked.vendor_account OFFSET 0) l
             JOIN account a ON a.id = l.account_id
             ORDER BY l.vendor COLLATE \"C\", l.vendor_account COLLATE \"C\", l.valid_from NULLS FIRST",
        )
        .bind(vendors)
        .bind(accounts)
        .fetch_all(&self.pool)
        .await?;
        let alias = |row: &PgRow| -> Result<(Alias, u8), StoreError> {
            let mut r = RowReader::from(row, 0);
            let alias = Alias {
                vendor: need(r.text()?, "vendor")?,
                vendor_account: need(r.text()?, "vendor_account")?,
                valid_from: r.date()?,
                valid_to: r.date()?,
                account: need(r.integer()?, "account_id")?,
                account_no: need(r.text()?, "account_no")?,
            };
            Ok((alias, narrow(r.get::<i16>()?.into(), "slot")?))
        };
        let found = rows.iter().map(alias).collect::<Result<Vec<_>, _>>()?;
        self.remember_slots(found.iter().map(|(a, slot)| (a.account, *slot)));
        Ok(found.into_iter().map(|(alias, _)| alias).collect())
    }

    /// How the store holds each probed fact: in `fact`, or in the daily row that carries it.
    pub(super) async fn found(&self, probes: &[Probe]) -> Result<Vec<Found>, StoreError> {
        let asked = self.names.symbols.view(|texts| {
            let vendors = self.names.vendors();
            sets::Probes::of(probes, columns::NamesView { vendors: &vendors, texts })
        })?;
        let rows = asked.bind(sqlx::query(IDENTIFY)).fetch_all(&self.pool).await?;
        let mut found = vec![Found::No; probes.len()];
        for row in &rows {
            let index: i64 = row.try_get(0)?;
            let mut r = RowReader::from(row, 1);
            let arrival = Arrival(r.time()?);
            let partition = PartitionKey(need(r.integer()?, "partition_id")?);
            let position: Position = need(r.position()?, "position")?;
            if let Some(answer) = usize::try_from(index).ok().and_then(|i| found.get_mut(i)) {
                *answer = Found::Same { arrival, place: Place { partition, position } };
            }
        }
        let partitions = found.iter().filter_map(|f| match f {
            Found::Same { place, .. } => Some(place.partition),
            Found::No => None,
        });
        let partitions: Vec<PartitionKey> = partitions.collect();
        let mut conn = self.pool.acquire().await?;
        self.learn_partitions(&mut conn, partitions).await?;
        Ok(found)
    }
}

/// One look-up for each probe in each place a fact may live. On a stream the same content is the same fact, whatever the day it came on.
const IDENTIFY: &str = "
    WITH asked AS (
        SELECT p.*, streams.id IS NOT NULL AS streams
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::date[], $6::text[], $7::bigint[], $8::bytea[])
            AS p (n, account_id, origin, kind, as_of, ref, feed_id, content)
        LEFT JOIN feed streams ON streams.id = p.feed_id AND streams.hash IS NULL
    )
    SELECT asked.n, known.arrival, known.partition_id, known.position
    FROM asked CROSS JOIN LATERAL (
        SELECT f.arrival, f.partition_id, f.position FROM fact f
        WHERE f.account_id = asked.account_id AND f.content = asked.content AND f.kind = asked.kind
            AND f.origin = asked.origin AND f.key_as_of IS NOT DISTINCT FROM asked.as_of
            AND f.ref IS NOT DISTINCT FROM asked.ref
            AND (f.feed_id = asked.feed_id
                OR asked.streams AND EXISTS (SELECT FROM feed s WHERE s.id = f.feed_id AND s.hash IS NULL))
        UNION ALL
        SELECT d.arrived_at, d.partition_id, d.position FROM performance_daily d
        WHERE asked.kind = 'summary' AND asked.ref IS NULL
            AND d.account_id = asked.account_id AND d.as_of = asked.as_of
            AND d.carries AND d.value_vendor = asked.origin AND d.content = asked.content
            AND (d.feed_id = asked.feed_id
                OR asked.streams AND EXISTS (SELECT FROM feed s WHERE s.id = d.feed_id AND s.hash IS NULL))
        LIMIT 1
    ) known";
