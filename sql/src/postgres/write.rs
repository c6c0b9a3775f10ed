//! What a transaction writes, each kind as one set: COPY into a temporary table, then one statement from there.
use super::commit::Half;
use super::copy::CopyBuffer;
use super::types::Instant;
use crate::columns::{self, ColumnError, ColumnWriter, NamesView, fact};
use crate::{AccountWrite, BreakWrite, CommitError, EVERY_RULE, FactWrite, Names, QuarantineWrite, Receipt};
use returns::date::Micros;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::collections::BTreeMap;

/// A COPY is encoded and sent in pieces of about this size, so that the backend works on one while we encode the next.
const PIECE: usize = 256 * 1024;

/// The staging tables of a connection, made once and emptied by every COMMIT. The planner knows nothing of them, and must not read a whole
/// table for a batch: joins go by index.
const STAGES: &str = "
    SET LOCAL enable_hashjoin = off;
    SET LOCAL enable_mergejoin = off;
    CREATE TEMP TABLE IF NOT EXISTS stage_daily (LIKE performance_daily, restates boolean NOT NULL, cause text)
        ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_fact (LIKE fact) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_account (LIKE account) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_break (
        identity text PRIMARY KEY, broken boolean NOT NULL, rule text NOT NULL, severity text NOT NULL, account_id bigint, vendor text,
        as_of date, feed_id bigint, position text, expected numeric, actual numeric, difference numeric, difference_bp numeric,
        tolerance numeric, hint text) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_quarantine (
        vendor text NOT NULL, partition_id bigint NOT NULL, position text NOT NULL, line bigint, feed_id bigint NOT NULL,
        code text NOT NULL, text text NOT NULL, field text, raw bytea NOT NULL, length bigint NOT NULL, raw_hash bytea NOT NULL,
        account_id bigint, vendor_account text, as_of date, mapping_version bigint NOT NULL) ON COMMIT DELETE ROWS;";

/// Writes into one transaction.
pub(super) struct Writer<'a> {
    pub conn: &'a mut PgConnection,
    names: &'a Names,
    /// From when on what is written is known.
    pub now: Micros,
    buffer: CopyBuffer,
    staged: bool,
}

impl<'a> Writer<'a> {
    pub fn new(conn: &'a mut PgConnection, names: &'a Names, now: Micros) -> Self {
        Writer { conn, names, now, buffer: CopyBuffer::with_capacity(PIECE + PIECE / 4), staged: false }
    }

    pub async fn write(&mut self, half: &Half<'_>) -> Result<Receipt, CommitError> {
        self.accounts(&half.accounts).await?;
        let facts = self.facts(half).await?;
        let rows = self.rows(&half.rows).await?;
        let breaks = self.breaks(&half.breaks).await?;
        let quarantined = self.quarantine(half.quarantine).await?;
        self.events(half).await?;
        Ok(Receipt { facts, quarantined, ..rows.and(breaks) })
    }

    /// Sees to it that the staging tables are there.
    pub async fn stage(&mut self) -> Result<(), sqlx::Error> {
        if !self.staged {
            self.conn.execute(STAGES).await?;
            self.staged = true;
        }
        Ok(())
    }

    /// Copies items into a table; `put` writes the columns that `into` names.
    pub async fn copy<T>(
        &mut self,
        into: &str,
        columns: usize,
        items: &[T],
        put: impl Fn(&T, NamesView<'_>, &mut CopyBuffer) -> Result<(), ColumnError>,
    ) -> Result<u64, sqlx::Error> {
        let columns = i16::try_from(columns).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
        let vendors = self.names.vendors();
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.header();
        let mut items = items.iter();
        let mut copy = self.conn.copy_in_raw(&format!("COPY {into} FROM STDIN (FORMAT binary)")).await?;
        while !items.as_slice().is_empty() {
            let filled = self.names.symbols.view(|texts| {
                let names = NamesView { vendors: &vendors, texts };
                while buffer.as_slice().len() < PIECE
                    && let Some(item) = items.next()
                {
                    buffer.row(columns);
                    put(item, names, buffer)?;
                }
                Ok(())
            });
            filled.map_err(|e: ColumnError| sqlx::Error::Encode(Box::new(e)))?;
            copy.send(buffer.as_slice()).await?;
            buffer.clear();
        }
        buffer.trailer();
        copy.send(buffer.as_slice()).await?;
        copy.finish().await
    }

    async fn accounts(&mut self, accounts: &[&AccountWrite]) -> Result<(), CommitError> {
        if accounts.is_empty() {
            return Ok(());
        }
        self.stage().await?;
        let into = "stage_account (id, account_no, base_currency, performance_start, inception, closed_on, status, slot, first_values)";
        self.copy(into, 9, accounts, |a, names, out| {
            let profile = &a.profile;
            out.integer(Some(a.id));
            out.text(Some(&a.account_no));
            out.text(profile.base_currency.map(columns::currency_text).as_deref());
            out.date(profile.performance_start);
            out.date(profile.inception);
            out.date(profile.closed_on);
            out.text(Some(if profile.closed_on.is_some() { "closed" } else { "open" }));
            out.bytes(Some(&i16::from(a.slot).to_be_bytes()));
            out.texts(columns::first_values(&profile.first_values, names)?.iter().map(String::as_str));
            Ok(())
        })
        .await?;
        sqlx::query(
            "INSERT INTO account AS a SELECT * FROM stage_account
             ON CONFLICT (id) DO UPDATE SET account_no = excluded.account_no, base_currency = excluded.base_currency,
                performance_start = excluded.performance_start, inception = excluded.inception,
                closed_on = excluded.closed_on, status = excluded.status, first_values = excluded.first_values
             WHERE a IS DISTINCT FROM excluded",
        )
        .execute(&mut *self.conn)
        .await?;
        self.aliases(accounts).await
    }

    async fn aliases(&mut self, accounts: &[&AccountWrite]) -> Result<(), CommitError> {
        // Of two that name one vendor account the last one counts, as if they came one after the other.
        let aliases: BTreeMap<(&str, &str), i64> =
            accounts.iter().flat_map(|a| a.aliases.iter().map(|(v, n)| ((&**v, &**n), a.id))).collect();
        if aliases.is_empty() {
            return Ok(());
        }
        let (named, ids): (Vec<(&str, &str)>, Vec<i64>) = aliases.into_iter().unzip();
        let (vendors, numbers): (Vec<&str>, Vec<&str>) = named.into_iter().unzip();
        sqlx::query(
            "INSERT INTO account_alias (vendor, vendor_account, account_id)
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
             ON CONFLICT (vendor, vendor_account, valid_from) DO UPDATE SET account_id = excluded.account_id",
        )
        .bind(vendors)
        .bind(numbers)
        .bind(ids)
        .execute(&mut *self.conn)
        .await?;
        Ok(())
    }

    /// New facts are inserted; of those known by (key, feed, content) the place, arrival and waiting mark are replaced. Facts that a row
    /// carries from now on leave the table.
    async fn facts(&mut self, half: &Half<'_>) -> Result<u64, CommitError> {
        if half.facts.is_empty() {
            return Ok(0);
        }
        self.stage().await?;
        let all = fact::columns();
        let list = columns::list(&all, "");
        for in_row in [true, false] {
            let some: Vec<&FactWrite> =
                half.facts.iter().copied().filter(|f| f.stored.in_row == in_row).collect();
            let into = format!("stage_fact ({list})");
            let copied = self
                .copy(&into, all.len(), &some, |f, names, out| fact::write(f.account, &f.stored, names, out))
                .await?;
            if in_row && copied > 0 {
                self.conn.execute("DELETE FROM fact f USING stage_fact s WHERE f.account_id = s.account_id AND f.content = s.content
                    AND f.kind = s.kind AND f.origin = s.origin AND f.key_as_of IS NOT DISTINCT FROM s.key_as_of
                    AND f.ref IS NOT DISTINCT FROM s.ref AND f.feed_id = s.feed_id").await?;
                self.conn.execute("DELETE FROM stage_fact").await?;
            }
        }
        let sql = format!(
            "INSERT INTO fact AS f ({list}) SELECT {list} FROM stage_fact
             ON CONFLICT (account_id, content, kind, origin, key_as_of, ref, feed_id) DO UPDATE SET
                arrival = excluded.arrival, partition_id = excluded.partition_id, position = excluded.position,
                mapping_version = excluded.mapping_version, waiting_reason = excluded.waiting_reason
             WHERE (f.arrival, f.partition_id, f.position, f.mapping_version, f.waiting_reason) IS DISTINCT FROM
                (excluded.arrival, excluded.partition_id, excluded.position, excluded.mapping_version, excluded.waiting_reason)"
        );
        Ok(sqlx::query(AssertSqlSafe(sql)).execute(&mut *self.conn).await?.rows_affected())
    }

    async fn breaks(&mut self, breaks: &[&BreakWrite]) -> Result<Receipt, CommitError> {
        if breaks.is_empty() {
            return Ok(Receipt::default());
        }
        self.stage().await?;
        let last_said: BTreeMap<String, &BreakWrite> = breaks.iter().map(|b| (identity(b), *b)).collect();
        let last_said: Vec<(String, &BreakWrite)> = last_said.into_iter().collect();
        let into = "stage_break (identity, broken, rule, severity, account_id, vendor, as_of, feed_id, position, expected, actual, \
                    difference, difference_bp, tolerance, hint)";
        self.copy(into, 15, &last_said, |(identity, b), _, out| {
            out.text(Some(identity));
            out.flag(Some(b.broken));
            out.text(Some(b.rule));
            out.text(Some(b.severity));
            out.integer(b.account);
            out.text(b.vendor.as_deref());
            out.date(b.as_of);
            out.integer(b.feed.map(|f| f.0));
            out.text(b.position.as_deref());
            for figure in [b.expected, b.actual, b.difference, b.difference_bp, b.tolerance] {
                out.decimal(figure);
            }
            out.text(b.hint.as_deref());
            Ok(())
        })
        .await?;
        let (opened, resolved): (i64, i64) = sqlx::query_as(BREAKS)
            .bind(Instant(self.now))
            .bind(EVERY_RULE)
            .fetch_one(&mut *self.conn)
            .await?;
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(Receipt { breaks_opened: count(opened), breaks_resolved: count(resolved), ..Receipt::default() })
    }

    /// A record in quarantine is known by its place; sent again it is the same.
    async fn quarantine(&mut self, records: &[QuarantineWrite]) -> Result<u64, CommitError> {
        if records.is_empty() {
            return Ok(0);
        }
        self.stage().await?;
        let list = "vendor, partition_id, position, line, feed_id, code, text, field, raw, length, raw_hash, account_id, \
                    vendor_account, as_of, mapping_version";
        self.copy(&format!("stage_quarantine ({list})"), 15, records, |q, _, out| {
            out.text(Some(&q.vendor));
            out.integer(Some(q.partition.0));
            out.text(Some(&q.position.to_string()));
            out.integer(q.line.map(super::register::signed));
            out.integer(Some(q.feed.0));
            out.text(Some(&q.code));
            out.text(Some(&q.text));
            out.text(q.field.as_deref());
            out.bytes(Some(&q.raw));
            out.integer(Some(super::register::signed(q.length)));
            out.bytes(Some(&q.raw_hash));
            out.integer(q.account);
            out.text(q.vendor_account.as_deref());
            out.date(q.as_of);
            out.integer(Some(q.mapping_version.into()));
            Ok(())
        })
        .await?;
        let sql = format!(
            "INSERT INTO quarantine ({list}, seen_at) SELECT {list}, $1 FROM stage_quarantine
             ON CONFLICT (partition_id, position, feed_id) DO NOTHING"
        );
        let written =
            sqlx::query(AssertSqlSafe(sql)).bind(Instant(self.now)).execute(&mut *self.conn).await?;
        Ok(written.rows_affected())
    }

    async fn events(&mut self, half: &Half<'_>) -> Result<(), CommitError> {
        if half.events.is_empty() {
            return Ok(());
        }
        let column =
            |pick: fn(&crate::EventWrite) -> &str| half.events.iter().map(pick).collect::<Vec<&str>>();
        sqlx::query(
            "INSERT INTO outbox (id, detail_type, detail, made_at)
             SELECT e.*, $4 FROM unnest($1::text[], $2::text[], $3::text[]) e ON CONFLICT (id) DO NOTHING",
        )
        .bind(column(|e| &e.id))
        .bind(column(|e| e.detail_type))
        .bind(column(|e| &e.detail))
        .bind(Instant(self.now))
        .execute(&mut *self.conn)
        .await?;
        Ok(())
    }
}

/// Rule, account, date, feed and vendor as one text; the vendor, which alone may hold any character, comes last.
fn identity(b: &BreakWrite) -> String {
    let (account, feed) = (b.account.unwrap_or(-1), b.feed.map_or(-1, |f| f.0));
    let date = b.as_of.map(|d| d.to_string()).unwrap_or_default();
    format!("{}|{account}|{date}|{feed}|{}", b.rule, b.vendor.as_deref().unwrap_or_default())
}

/// Opens, opens again, and resolves; says how many were opened and resolved. What was accepted stays so while the difference is no larger
/// and its term has not passed.
const BREAKS: &str = "
    WITH broken AS (
        SELECT s.*, b.status AS was FROM stage_break s LEFT JOIN tolerance_break b ON b.identity = s.identity
        WHERE s.broken AND (b.status IS DISTINCT FROM 'accepted' OR abs(s.difference) > abs(b.difference)
            OR b.accepted_until <= $1)
    ), written AS (
        INSERT INTO tolerance_break (identity, rule, severity, account_id, vendor, as_of, feed_id, position, expected, actual,
            difference, difference_bp, tolerance, hint, first_seen, last_seen)
        SELECT identity, rule, severity, account_id, vendor, as_of, feed_id, position, expected, actual, difference, difference_bp,
            tolerance, hint, $1, $1 FROM broken
        ON CONFLICT (identity) DO UPDATE SET status = 'open', severity = excluded.severity, position = excluded.position,
            expected = excluded.expected, actual = excluded.actual, difference = excluded.difference,
            difference_bp = excluded.difference_bp, tolerance = excluded.tolerance, hint = excluded.hint,
            last_seen = excluded.last_seen
    ), resolved AS (
        UPDATE tolerance_break b SET status = 'resolved', last_seen = $1
        WHERE b.status = 'open' AND b.id IN (
            SELECT one.id FROM stage_break s JOIN tolerance_break one ON one.identity = s.identity WHERE NOT s.broken
            UNION
            SELECT day.id FROM stage_break s
            JOIN tolerance_break day ON day.account_id = s.account_id AND day.as_of = s.as_of
            WHERE NOT s.broken AND s.rule = $2
                AND NOT EXISTS (SELECT FROM stage_break again WHERE again.broken AND again.identity = day.identity)
        )
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM broken WHERE was IS DISTINCT FROM 'open'), (SELECT count(*) FROM resolved)";
