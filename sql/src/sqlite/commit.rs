//! The one transaction.
use super::bulk::Bulk;
use super::errors::{Failure, outcome};
use super::lease::check_tokens;
use super::register::{progress, whole};
use super::{SqliteStore, breaks, clock, daily, facts, feeds, quarantine};
use crate::columns::{self, ColumnWriter, NamesView};
use crate::{AccountWrite, CommitError, CommitUnit, DeltaWrite, EventWrite, Names, Receipt, StoreError};
use returns::date::Micros;
use sqlx::SqliteConnection;
use std::sync::{Arc, LazyLock};

impl SqliteStore {
    /// All of the unit, or nothing.
    pub(super) async fn write(&self, unit: &CommitUnit) -> Result<Receipt, CommitError> {
        unit.writes_within_its_slots()?;
        let mut tx = self.begin().await?;
        if let Some(generation) = &unit.generation {
            check_tokens(&mut tx, generation).await?;
        }
        let now = tick(&mut tx).await?;
        let mut receipt = write_ledger(&mut tx, unit, &self.names, now).await?;
        for delta in &unit.deltas {
            apply(&mut tx, delta, now).await?;
            for step in &delta.feeds {
                receipt.breaks_resolved += feeds::step(&mut tx, step, now).await?;
            }
        }
        tx.commit().await.map_err(outcome)?;
        Ok(receipt)
    }
}

/// The time of this commit: this machine's clock, but always after the commit before, so that what an account says is in order.
async fn tick(connection: &mut SqliteConnection) -> Result<Micros, Failure> {
    let tick = "UPDATE counter SET value = max(value + 1, ?) WHERE name = 'known_from' RETURNING value";
    Ok(sqlx::query_scalar(tick).bind(clock()).fetch_one(connection).await?)
}

async fn write_ledger(
    connection: &mut SqliteConnection,
    unit: &CommitUnit,
    names: &Names,
    now: Micros,
) -> Result<Receipt, Failure> {
    write_accounts(connection, &unit.accounts, names).await?;
    let mut receipt = daily::write(connection, &unit.rows, names, now).await?;
    receipt.facts = facts::write(connection, &unit.facts, names).await?;
    facts::leave_to_rows(connection, &unit.rows, &unit.facts, names).await?;
    (receipt.breaks_opened, receipt.breaks_resolved) = breaks::write(connection, &unit.breaks, now).await?;
    receipt.quarantined = quarantine::write(connection, &unit.quarantine, now).await?;
    write_events(connection, &unit.events, now).await?;
    mark(connection, unit, now).await?;
    Ok(receipt)
}

static ACCOUNT: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = [
        "account_no",
        "slot",
        "base_currency",
        "performance_start",
        "inception",
        "closed_on",
        "status",
        "first_values",
    ];
    // An account's slot never changes.
    let set: Vec<_> =
        columns.iter().filter(|c| **c != "slot").map(|c| format!("{c} = excluded.{c}")).collect();
    Bulk::new(
        &format!("INSERT INTO account (id, {})", columns.join(", ")),
        columns.len() + 1,
        &format!("ON CONFLICT (id) DO UPDATE SET {}", set.join(", ")),
    )
});

static ALIAS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO account_alias (vendor, vendor_account, account_id)",
        3,
        "ON CONFLICT (vendor, vendor_account, coalesce(valid_from, '')) DO UPDATE SET account_id = excluded.account_id",
    )
});

async fn write_accounts(
    connection: &mut SqliteConnection,
    accounts: &[AccountWrite],
    names: &Names,
) -> Result<(), Failure> {
    let vendors = names.vendors();
    let view = NamesView { vendors: &vendors, texts: &[] };
    let encode = |chunk: &[AccountWrite], values: &mut super::wire::Values| {
        for account in chunk {
            let profile = &account.profile;
            let currency = profile.base_currency.map(columns::currency_text);
            let first_values = columns::first_values(&profile.first_values, view)?;
            values.integer(Some(account.id));
            values.text(Some(&account.account_no));
            values.short(Some(account.slot.into()));
            values.text(currency.as_deref());
            values.date(profile.performance_start);
            values.date(profile.inception);
            values.date(profile.closed_on);
            values.text(Some(if profile.closed_on.is_some() { "closed" } else { "open" }));
            values.text((!first_values.is_empty()).then(|| first_values.join("\n")).as_deref());
        }
        Ok(())
    };
    ACCOUNT.run(connection, accounts, encode).await?;
    let aliases: Vec<(&Arc<str>, &Arc<str>, i64)> =
        accounts.iter().flat_map(|a| a.aliases.iter().map(|(v, n)| (v, n, a.id))).collect();
    ALIAS
        .run(connection, &aliases, |chunk, values| {
            for (vendor, number, account) in chunk {
                values.text(Some(vendor));
                values.text(Some(number));
                values.integer(Some(*account));
            }
            Ok(())
        })
        .await?;
    Ok(())
}

static MARK: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new("INSERT INTO refold (account_id, cause, marked_at)", 3, "ON CONFLICT (account_id) DO NOTHING")
});

/// Accounts whose facts are stored and not folded, and those that are folded now.
async fn mark(connection: &mut SqliteConnection, unit: &CommitUnit, now: Micros) -> Result<(), Failure> {
    MARK.run(connection, &unit.marked, |chunk, values| {
        for account in chunk {
            values.integer(Some(*account));
            values.text(Some("stored first"));
            values.time(Some(now));
        }
        Ok(())
    })
    .await?;
    for account in &unit.folded {
        sqlx::query("DELETE FROM refold WHERE account_id = ?")
            .bind(*account)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn write_events(
    connection: &mut SqliteConnection,
    events: &[EventWrite],
    now: Micros,
) -> Result<(), Failure> {
    let insert = "INSERT INTO outbox (id, detail_type, detail, made_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (id) DO NOTHING";
    for event in events {
        sqlx::query(insert)
            .bind(event.id.clone())
            .bind(event.detail_type)
            .bind(&event.detail)
            .bind(now)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

const APPLY: &str = "UPDATE checkpoint SET position = ?, updated_at = ?,
    read = read + ?, decoded = decoded + ?, ignored = ignored + ?, quarantined = quarantined + ?,
    observed = observed + ?, accepted = accepted + ?, unchanged = unchanged + ?, stale = stale + ?,
    waiting = waiting + ?, bytes = bytes + ?, feed_id = coalesce(?, feed_id),
    read_until = max(coalesce(read_until, ?), coalesce(?, read_until))
    WHERE partition_id = ? AND position = ? AND token = ?";

/// One step, if and only if the checkpoint stands where it begins, under the token it was read with.
async fn apply(
    connection: &mut SqliteConnection,
    delta: &DeltaWrite,
    now: Micros,
) -> Result<(), CommitError> {
    let c = &delta.counts;
    let counts = [
        c.read,
        c.decoded,
        c.ignored,
        c.quarantined,
        c.observed,
        c.accepted,
        c.unchanged,
        c.stale,
        c.waiting,
        c.bytes,
    ];
    let mut update = sqlx::query(APPLY).bind(delta.to.to_string()).bind(now);
    for count in counts {
        update = update.bind(whole(count));
    }
    update = update
        .bind(delta.feeds.last().map(|step| step.feed.0))
        .bind(delta.read_until)
        .bind(delta.read_until)
        .bind(delta.partition.0)
        .bind(delta.from.to_string())
        .bind(delta.token);
    let applied = update.execute(&mut *connection).await.map_err(Failure::from)?;
    if applied.rows_affected() == 1 { Ok(()) } else { Err(refusal(connection, delta).await?) }
}

/// Why a step was not applied.
async fn refusal(connection: &mut SqliteConnection, delta: &DeltaWrite) -> Result<CommitError, Failure> {
    let stands: Option<(String, i64)> =
        sqlx::query_as("SELECT position, token FROM checkpoint WHERE partition_id = ?")
            .bind(delta.partition.0)
            .fetch_optional(connection)
            .await?;
    Ok(match stands {
        Some((at, token)) if token == delta.token => {
            CommitError::Delta { partition: delta.id.clone(), at: progress(&at)?, from: delta.from }
        }
        Some(_) => CommitError::Store(StoreError::LeaseLost),
        None => CommitError::Store(StoreError::Refused(format!(
            "{}: the partition was not opened before its step was committed",
            delta.id
        ))),
    })
}
