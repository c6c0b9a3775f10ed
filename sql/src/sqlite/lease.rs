//! Who may write: the active pipeline, its slots and its partitions.
//!
//! A grant is a transaction of the one writer, so it waits for a commit under way, and the next commit sees it. Expiry is judged by
//! this machine's clock, which all processes on the file share.
use super::errors::Failure;
use super::{SqliteStore, clock};
use crate::{Generation, StoreError};
use sqlx::SqliteConnection;
use std::time::Duration;

/// The shares of all accounts.
const SLOTS: usize = 256;

impl SqliteStore {
    pub(super) async fn take_generation(&self, worker: &str, ttl: Duration) -> Result<Generation, Failure> {
        let mut tx = self.begin().await?;
        let now = clock();
        refuse_beside_another(&mut tx, worker, now).await?;
        let number = next_token(&mut tx).await?;
        let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
        let take = "INSERT INTO worker (one, name, generation, ttl, expires_at) VALUES (1, ?, ?, ?, ?)
            ON CONFLICT (one) DO UPDATE SET name = excluded.name, generation = excluded.generation,
            ttl = excluded.ttl, expires_at = excluded.expires_at";
        let expires_at = now.saturating_add(ttl);
        sqlx::query(take).bind(worker).bind(number).bind(ttl).bind(expires_at).execute(&mut *tx).await?;
        grant_slots(&mut tx, number, worker).await?;
        tx.commit().await?;
        Ok(Generation { worker: worker.into(), number, slots: vec![number; SLOTS] })
    }

    pub(super) async fn renew_generation(&self, generation: &Generation) -> Result<(), Failure> {
        let renewed = sqlx::query("UPDATE worker SET expires_at = ? + ttl WHERE generation = ? AND name = ?")
            .bind(clock())
            .bind(generation.number)
            .bind(&*generation.worker)
            .execute(&self.writer)
            .await?;
        if renewed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::LeaseLost.into()) }
    }

    pub(super) async fn release_generation(&self, generation: &Generation) -> Result<(), Failure> {
        sqlx::query("UPDATE worker SET expires_at = 0 WHERE generation = ? AND name = ?")
            .bind(generation.number)
            .bind(&*generation.worker)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// An error while another worker's lease runs. A worker may follow itself.
async fn refuse_beside_another(
    connection: &mut SqliteConnection,
    worker: &str,
    now: i64,
) -> Result<(), Failure> {
    let holder: Option<(String, i64)> =
        sqlx::query_as("SELECT name, expires_at FROM worker WHERE expires_at > ?")
            .bind(now)
            .fetch_optional(connection)
            .await?;
    match holder {
        Some((owner, expires)) if owner != worker => {
            let left = u64::try_from(expires - now).unwrap_or_default();
            Err(StoreError::Busy { owner, seconds: left.div_ceil(1_000_000) }.into())
        }
        _ => Ok(()),
    }
}

/// Every grant of a lease is a new token.
pub(super) async fn next_token(connection: &mut SqliteConnection) -> Result<i64, Failure> {
    let next = "UPDATE counter SET value = value + 1 WHERE name = 'token' RETURNING value";
    Ok(sqlx::query_scalar(next).fetch_one(connection).await?)
}

/// All slots go to the one active pipeline; the number of its generation is their token.
async fn grant_slots(connection: &mut SqliteConnection, token: i64, owner: &str) -> Result<(), Failure> {
    let grant = "INSERT INTO lease (kind, name, token, owner)
        WITH RECURSIVE slots (slot) AS (SELECT 0 UNION ALL SELECT slot + 1 FROM slots WHERE slot < 255)
        SELECT 'slot', slot, ?, ? FROM slots WHERE true
        ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner";
    sqlx::query(grant).bind(token).bind(owner).execute(connection).await?;
    Ok(())
}

/// The lease of one partition, with a token of its own.
pub(super) async fn grant_partition(
    connection: &mut SqliteConnection,
    partition: i64,
    owner: &str,
) -> Result<i64, Failure> {
    let token = next_token(connection).await?;
    let grant = "INSERT INTO lease (kind, name, token, owner) VALUES ('partition', ?, ?, ?)
        ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner";
    sqlx::query(grant).bind(partition).bind(token).bind(owner).execute(connection).await?;
    Ok(token)
}

/// Fails unless every slot still has the token this generation was granted.
pub(super) async fn check_tokens(
    connection: &mut SqliteConnection,
    generation: &Generation,
) -> Result<(), Failure> {
    let tokens: Vec<String> = generation.slots.iter().map(i64::to_string).collect();
    let held: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM json_each(?) mine
         JOIN lease ON kind = 'slot' AND lease.name = mine.key AND lease.token = mine.value",
    )
    .bind(format!("[{}]", tokens.join(",")))
    .fetch_one(connection)
    .await?;
    if usize::try_from(held) == Ok(SLOTS) { Ok(()) } else { Err(StoreError::LeaseLost.into()) }
}
