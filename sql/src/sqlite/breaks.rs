//! Tolerance breaks: opened, seen again, resolved.
use super::bulk::Bulk;
use super::errors::Failure;
use super::value;
use super::wire::{Columns, text_date};
use crate::columns::{ColumnReader, ColumnWriter};
use crate::{BreakWrite, EVERY_RULE};
use returns::Decimal;
use returns::date::Micros;
use sqlx::{Row, SqliteConnection};
use std::collections::HashSet;
use std::sync::LazyLock;

/// What makes a break the same break, as columns; one that is none equals another that is none.
const IDENTITY: &str =
    "rule, coalesce(account_id, 0), coalesce(vendor, ''), coalesce(as_of, ''), coalesce(feed_id, 0)";

/// The values of [`IDENTITY`].
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    rule: String,
    account: i64,
    vendor: String,
    as_of: String,
    feed: i64,
}

impl From<&BreakWrite> for Identity {
    fn from(write: &BreakWrite) -> Identity {
        Identity {
            rule: write.rule.into(),
            account: write.account.unwrap_or_default(),
            vendor: write.vendor.as_deref().unwrap_or_default().into(),
            as_of: write.as_of.map(text_date).unwrap_or_default(),
            feed: write.feed.unwrap_or_default().0,
        }
    }
}

/// Returns how many were opened and how many resolved.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    breaks: &[BreakWrite],
    now: Micros,
) -> Result<(u64, u64), Failure> {
    let (broken, holding): (Vec<_>, Vec<_>) = breaks.iter().partition(|b| b.broken);
    let (days, single): (Vec<_>, Vec<_>) = holding.into_iter().partition(|b| b.rule == EVERY_RULE);
    let again: HashSet<Identity> = broken.iter().map(|b| Identity::from(*b)).collect();
    let mut resolved = resolve_days(connection, &days, &again, now).await?;
    for write in single {
        resolved += resolve(connection, write, now).await?;
    }
    let mut opened = 0;
    for write in broken {
        opened += u64::from(open(connection, write, now).await?);
    }
    Ok((opened, resolved))
}

static OPEN_ON_DAYS: LazyLock<Bulk> = LazyLock::new(|| {
    let tail = format!(
        "SELECT b.id, {IDENTITY} FROM asked CROSS JOIN tolerance_break b
         ON b.account_id = asked.account AND b.as_of = asked.date AND b.status = 'open'"
    );
    Bulk::asking(&["account", "date"], &tail)
});

/// Resolves what is open on whole account-days and is not broken again.
async fn resolve_days(
    connection: &mut SqliteConnection,
    days: &[&BreakWrite],
    again: &HashSet<Identity>,
    now: Micros,
) -> Result<u64, Failure> {
    let open = OPEN_ON_DAYS
        .fetch(connection, days, |chunk, values| {
            for write in chunk {
                values.integer(write.account);
                values.date(write.as_of);
            }
            Ok(())
        })
        .await?;
    let mut resolved = 0;
    for row in &open {
        let identity = Identity {
            rule: row.try_get(1)?,
            account: row.try_get(2)?,
            vendor: row.try_get(3)?,
            as_of: row.try_get(4)?,
            feed: row.try_get(5)?,
        };
        if !again.contains(&identity) {
            let id: i64 = row.try_get(0)?;
            let update = "UPDATE tolerance_break SET status = 'resolved', last_seen = ? WHERE id = ? AND status = 'open'";
            resolved +=
                sqlx::query(update).bind(now).bind(id).execute(&mut *connection).await?.rows_affected();
        }
    }
    Ok(resolved)
}

async fn resolve(connection: &mut SqliteConnection, write: &BreakWrite, now: Micros) -> Result<u64, Failure> {
    let Some(stored) = find(connection, write).await?.filter(|b| b.status == "open") else { return Ok(0) };
    sqlx::query("UPDATE tolerance_break SET status = 'resolved', last_seen = ? WHERE id = ?")
        .bind(now)
        .bind(stored.id)
        .execute(connection)
        .await?;
    Ok(1)
}

/// A break as it stands.
struct Stored {
    id: i64,
    status: String,
    difference: Option<Decimal>,
    until: Option<Micros>,
}

async fn find(connection: &mut SqliteConnection, write: &BreakWrite) -> Result<Option<Stored>, Failure> {
    static FIND: LazyLock<Bulk> = LazyLock::new(|| {
        Bulk::asking(
            &["rule", "account", "vendor", "date", "feed"],
            "SELECT b.id, b.status, b.difference, b.accepted_until FROM asked CROSS JOIN tolerance_break b
             ON b.rule = asked.rule AND coalesce(b.account_id, 0) = asked.account
             AND coalesce(b.vendor, '') = asked.vendor AND coalesce(b.as_of, '') = asked.date
             AND coalesce(b.feed_id, 0) = asked.feed",
        )
    });
    let identity = Identity::from(write);
    let found = FIND
        .fetch(connection, &[identity], |chunk, values| {
            for i in chunk {
                values.text(Some(&i.rule));
                values.integer(Some(i.account));
                values.text(Some(&i.vendor));
                values.text(Some(&i.as_of));
                values.integer(Some(i.feed));
            }
            Ok(())
        })
        .await?;
    let Some(row) = found.first() else { return Ok(None) };
    Ok(Some(Stored {
        id: row.try_get(0)?,
        status: row.try_get(1)?,
        difference: Columns::new(row, 2).decimal()?,
        until: row.try_get(3)?,
    }))
}

/// Opens a break, or notes that it is still there; true when it was not open before.
async fn open(connection: &mut SqliteConnection, write: &BreakWrite, now: Micros) -> Result<bool, Failure> {
    match find(connection, write).await? {
        None => insert(connection, write, now).await.map(|()| true),
        Some(stored) if stored.status == "accepted" && covers(&stored, write, now) => {
            sqlx::query("UPDATE tolerance_break SET last_seen = ? WHERE id = ?")
                .bind(now)
                .bind(stored.id)
                .execute(connection)
                .await?;
            Ok(false)
        }
        Some(stored) => update(connection, &stored, write, now).await.map(|()| stored.status != "open"),
    }
}

/// Acceptance covers the difference that was accepted and smaller ones, until its end.
fn covers(accepted: &Stored, write: &BreakWrite, now: Micros) -> bool {
    let in_time = accepted.until.is_none_or(|until| now < until);
    let size = |difference: Option<Decimal>| difference.map(|d| d.abs());
    in_time && size(write.difference) <= size(accepted.difference)
}

const STATED: [&str; 8] =
    ["severity", "position", "expected", "actual", "difference", "difference_bp", "tolerance", "hint"];

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Binds the values of [`STATED`].
fn bind_stated<'q>(query: Query<'q>, write: &'q BreakWrite) -> Query<'q> {
    let decimal = |d: Option<Decimal>| d.map(|d| value::decimal(d).as_str().to_owned());
    query
        .bind(write.severity)
        .bind(write.position.as_deref())
        .bind(decimal(write.expected))
        .bind(decimal(write.actual))
        .bind(decimal(write.difference))
        .bind(decimal(write.difference_bp))
        .bind(decimal(write.tolerance))
        .bind(write.hint.as_deref())
}

async fn insert(connection: &mut SqliteConnection, write: &BreakWrite, now: Micros) -> Result<(), Failure> {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT INTO tolerance_break ({}, rule, account_id, vendor, as_of, feed_id, first_seen, last_seen)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            STATED.join(", ")
        )
    });
    bind_stated(sqlx::query(INSERT.as_str()), write)
        .bind(write.rule)
        .bind(write.account)
        .bind(write.vendor.as_deref())
        .bind(write.as_of.map(text_date))
        .bind(write.feed.map(|f| f.0))
        .bind(now)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

async fn update(
    connection: &mut SqliteConnection,
    stored: &Stored,
    write: &BreakWrite,
    now: Micros,
) -> Result<(), Failure> {
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        let set = STATED.map(|c| format!("{c} = ?")).join(", ");
        format!(
            "UPDATE tolerance_break SET {set}, status = 'open', accepted_by = NULL, accepted_until = NULL,
             last_seen = ? WHERE id = ?"
        )
    });
    bind_stated(sqlx::query(UPDATE.as_str()), write).bind(now).bind(stored.id).execute(connection).await?;
    Ok(())
}
