//! Who may write: the active pipeline's slots, the leases of partitions, and their tokens. Who is at work at all is in `workers`.
//!
//! A grant is a transaction of the one writer, so it waits for a commit under way, and the next commit sees it. Expiry is judged by
//! this machine's clock, which all processes on the file share.
use super::clock;
use super::errors::Failure;
use crate::{Generation, StoreError};
use sqlx::SqliteConnection;

/// The shares of all accounts.
pub(super) const SLOTS: usize = 256;

/// Of a lease `l`: its owner is at work, by the time that is bound next.
macro_rules! owner_lives {
    () => {
        "EXISTS (SELECT 1 FROM worker w WHERE w.name = l.owner AND w.role <> 'standby' AND w.expires_at > ?)"
    };
}
pub(super) use owner_lives;

/// Every grant of a lease is a new token.
pub(super) async fn next_token(connection: &mut SqliteConnection) -> Result<i64, Failure> {
    let next = "UPDATE counter SET value = value + 1 WHERE name = 'token' RETURNING value";
    Ok(sqlx::query_scalar(next).fetch_one(connection).await?)
}

/// All slots go to the one active pipeline; the number of its generation is their token.
pub(super) async fn grant_slots(
    connection: &mut SqliteConnection,
    token: i64,
    owner: &str,
) -> Result<(), Failure> {
    let grant = "INSERT INTO lease (kind, name, token, owner)
        WITH RECURSIVE slots (slot) AS (SELECT 0 UNION ALL SELECT slot + 1 FROM slots WHERE slot < 255)
        SELECT 'slot', slot, ?, ? FROM slots WHERE true
        ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner";
    sqlx::query(grant).bind(token).bind(owner).execute(connection).await?;
    Ok(())
}

/// The lease of one partition, with a token of its own; none while another living process holds it. Its checkpoint is not under it yet.
pub(super) async fn grant_partition(
    connection: &mut SqliteConnection,
    partition: i64,
    owner: &str,
) -> Result<i64, Failure> {
    let token = next_token(connection).await?;
    let grant = concat!(
        "INSERT INTO lease AS l (kind, name, token, owner) VALUES ('partition', ?, ?, ?)
        ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner
        WHERE l.owner = excluded.owner OR NOT ",
        owner_lives!()
    );
    let granted = sqlx::query(grant).bind(partition).bind(token).bind(owner).bind(clock());
    match granted.execute(&mut *connection).await?.rows_affected() {
        0 => Err(who_holds(connection, partition).await?.into()),
        _ => Ok(token),
    }
}

async fn who_holds(connection: &mut SqliteConnection, partition: i64) -> Result<StoreError, Failure> {
    let holder =
        "SELECT l.owner, coalesce(w.expires_at, 0) FROM lease l LEFT JOIN worker w ON w.name = l.owner
        WHERE l.kind = 'partition' AND l.name = ?";
    let (owner, expires): (String, i64) =
        sqlx::query_as(holder).bind(partition).fetch_one(connection).await?;
    Ok(StoreError::Busy { owner, seconds: seconds_left(expires, clock()) })
}

/// Whole seconds until a time, rounded up.
pub(super) fn seconds_left(expires: i64, now: i64) -> u64 {
    u64::try_from(expires.saturating_sub(now)).unwrap_or_default().div_ceil(1_000_000)
}

/// Fails unless every slot still has the token this generation was granted; one without slots must still be at work.
pub(super) async fn check_tokens(
    connection: &mut SqliteConnection,
    generation: &Generation,
) -> Result<(), Failure> {
    if generation.ingests_alone() {
        let found = sqlx::query("SELECT 1 FROM worker WHERE generation = ? AND name = ?")
            .bind(generation.number)
            .bind(&*generation.worker)
            .fetch_optional(connection)
            .await?;
        return found.map(|_| ()).ok_or(StoreError::LeaseLost.into());
    }
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
