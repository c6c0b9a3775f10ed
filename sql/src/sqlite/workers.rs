//! Who is at work: the rows of `worker`, and partitions shared out among those that ingest.
use super::errors::Failure;
use super::lease::{
    SLOTS, check_tokens, grant_partition, grant_slots, next_token, owner_lives, seconds_left,
};
use super::register::partition_id;
use super::wire::Columns;
use super::{SqliteStore, clock};
use crate::columns::{ColumnReader, need};
use crate::{Generation, Holders, Ownership, PartitionSpec, Pending, StoreError, WorkerRow};
use record::{PartitionId, PartitionKey};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::sync::Arc;
use std::time::Duration;

impl SqliteStore {
    pub(super) async fn become_active(&self, name: &str, ttl: Duration) -> Result<Generation, Failure> {
        // Who asks ten times a second writes nothing, as a rule: the file has one writer.
        if let Some(busy) = self.stands_by(name).await? {
            return Err(busy.into());
        }
        let mut tx = self.begin().await?;
        if let Some(busy) = active_beside(&mut tx, name).await? {
            enter(&mut tx, name, "standby", ttl).await?;
            tx.commit().await?;
            return Err(busy.into());
        }
        forget_the_dead(&mut tx, name).await?;
        let number = enter(&mut tx, name, "active", ttl).await?;
        grant_slots(&mut tx, number, name).await?;
        tx.commit().await?;
        Ok(Generation { worker: name.into(), number, slots: vec![number; SLOTS] })
    }

    /// Who is active beside a process that is seen to stand by, for two thirds of its time yet.
    async fn stands_by(&self, name: &str) -> Result<Option<StoreError>, Failure> {
        let mut connection = self.readers.acquire().await?;
        let seen = sqlx::query(
            "SELECT 1 FROM worker WHERE name = ? AND role = 'standby' AND expires_at > ? + ttl * 2 / 3",
        );
        match seen.bind(name).bind(clock()).fetch_optional(&mut *connection).await? {
            Some(_) => active_beside(&mut connection, name).await,
            None => Ok(None),
        }
    }

    pub(super) async fn join_ingest(&self, name: &str, ttl: Duration) -> Result<Generation, Failure> {
        let mut tx = self.begin().await?;
        forget_the_dead(&mut tx, name).await?;
        let number = enter(&mut tx, name, "ingest", ttl).await?;
        tx.commit().await?;
        Ok(Generation { worker: name.into(), number, slots: Vec::new() })
    }

    pub(super) async fn leave_standby(&self, name: &str) -> Result<(), Failure> {
        let sql = "DELETE FROM worker WHERE name = ? AND role = 'standby'";
        sqlx::query(sql).bind(name).execute(&self.writer).await?;
        Ok(())
    }

    pub(super) async fn renew_worker(&self, generation: &Generation) -> Result<(), Failure> {
        let renewed = sqlx::query("UPDATE worker SET expires_at = ? + ttl WHERE generation = ? AND name = ?")
            .bind(clock())
            .bind(generation.number)
            .bind(&*generation.worker)
            .execute(&self.writer)
            .await?;
        if renewed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::LeaseLost.into()) }
    }

    pub(super) async fn leave(&self, generation: &Generation) -> Result<(), Failure> {
        sqlx::query("DELETE FROM worker WHERE generation = ? AND name = ?")
            .bind(generation.number)
            .bind(&*generation.worker)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    pub(super) async fn who_holds(&self, partitions: &[PartitionId]) -> Result<Holders, Failure> {
        let mut tx = self.readers.begin().await?;
        let members = "SELECT name FROM worker WHERE role = 'ingest' AND expires_at > ? ORDER BY name";
        let members: Vec<String> = sqlx::query_scalar(members).bind(clock()).fetch_all(&mut *tx).await?;
        let owner = concat!(
            "SELECT l.owner FROM partition p JOIN lease l ON l.kind = 'partition' AND l.name = p.id WHERE p.name = ? AND ",
            owner_lives!()
        );
        let mut owners = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let owner = sqlx::query_scalar(owner).bind(partition.as_str()).bind(clock());
            owners.push(owner.fetch_optional(&mut *tx).await?.map(|o: String| Arc::from(o)));
        }
        Ok(Holders { members: members.into_iter().map(Into::into).collect(), owners })
    }

    pub(super) async fn take_free(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<Vec<PartitionId>, Failure> {
        let mut tx = self.begin().await?;
        check_tokens(&mut tx, generation).await?;
        let mut mine = Vec::new();
        for spec in specs {
            let id = partition_id(&mut tx, spec).await?;
            let held = "SELECT 1 FROM lease WHERE kind = 'partition' AND name = ? AND owner = ?";
            let held = sqlx::query(held).bind(id).bind(&*generation.worker);
            if held.fetch_optional(&mut *tx).await?.is_none() {
                match grant_partition(&mut tx, id, &generation.worker).await {
                    Ok(token) => fence(&mut tx, id, token).await?,
                    Err(Failure::Store(StoreError::Busy { .. })) => continue,
                    Err(e) => return Err(e),
                }
            }
            mine.push(spec.id.clone());
        }
        tx.commit().await?;
        mine.sort();
        Ok(mine)
    }

    pub(super) async fn give_back(&self, partition: PartitionKey, token: i64) -> Result<(), Failure> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM lease WHERE kind = 'partition' AND name = ? AND token = ?";
        let given = sqlx::query(sql).bind(partition.0).bind(token).execute(&mut *tx).await?;
        if given.rows_affected() > 0 {
            let token = next_token(&mut tx).await?;
            fence(&mut tx, partition.0, token).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn who_works(&self) -> Result<Ownership, Failure> {
        let (mut tx, now) = (self.readers.begin().await?, clock());
        let workers = "SELECT name, role, generation, since, expires_at FROM worker ORDER BY name";
        let workers = sqlx::query(workers).fetch_all(&mut *tx).await?;
        let slots = concat!(
            "SELECT l.name, l.owner FROM lease l WHERE l.kind = 'slot' AND ",
            owner_lives!(),
            " ORDER BY l.name"
        );
        let slots: Vec<(i64, String)> = sqlx::query_as(slots).bind(now).fetch_all(&mut *tx).await?;
        let partitions = concat!(
            "SELECT p.name, l.owner FROM lease l JOIN partition p ON p.id = l.name WHERE l.kind = 'partition' AND ",
            owner_lives!(),
            " ORDER BY p.name"
        );
        let partitions: Vec<(String, String)> =
            sqlx::query_as(partitions).bind(now).fetch_all(&mut *tx).await?;
        Ok(Ownership {
            now,
            workers: workers.iter().map(worker_row).collect::<Result<_, _>>()?,
            slots: slots.into_iter().map(|(n, o)| (u8::try_from(n).unwrap_or(u8::MAX), o)).collect(),
            partitions: partitions.into_iter().map(|(p, o)| (PartitionId::new(p), o)).collect(),
        })
    }

    pub(super) async fn what_waits(&self) -> Result<Pending, Failure> {
        let counts = "SELECT (SELECT count(*) FROM refold), (SELECT count(*) FROM tolerance_break WHERE status = 'open'),
            (SELECT count(*) FROM quarantine WHERE status = 'open')";
        let (marked, open, quarantined): (i64, i64, i64) =
            sqlx::query_as(counts).fetch_one(&self.readers).await?;
        let [marked, breaks_open, quarantined] = [marked, open, quarantined].map(i64::unsigned_abs);
        Ok(Pending { marked, breaks_open, quarantined })
    }
}

/// Another process that is active and lives.
async fn active_beside(connection: &mut SqliteConnection, name: &str) -> Result<Option<StoreError>, Failure> {
    let now = clock();
    let live: Option<(String, i64)> = sqlx::query_as(
        "SELECT name, expires_at FROM worker WHERE role = 'active' AND expires_at > ? AND name <> ?",
    )
    .bind(now)
    .bind(name)
    .fetch_optional(connection)
    .await?;
    Ok(live.map(|(owner, expires)| StoreError::Busy { owner, seconds: seconds_left(expires, now) }))
}

/// Takes away rows of others that expired: should one of them wake up, it finds its generation gone.
async fn forget_the_dead(connection: &mut SqliteConnection, name: &str) -> Result<(), Failure> {
    let sql = "DELETE FROM worker WHERE expires_at <= ? AND name <> ?";
    sqlx::query(sql).bind(clock()).bind(name).execute(connection).await?;
    Ok(())
}

/// The row of a process, in a role; its generation's number. Since when it has the role stays while it keeps it.
async fn enter(
    connection: &mut SqliteConnection,
    name: &str,
    role: &str,
    ttl: Duration,
) -> Result<i64, Failure> {
    let number = next_token(connection).await?;
    let (now, ttl) = (clock(), i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX));
    let enter =
        "INSERT INTO worker AS w (name, role, generation, since, ttl, expires_at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET role = excluded.role, generation = excluded.generation,
        since = CASE WHEN w.role = excluded.role THEN w.since ELSE excluded.since END,
        ttl = excluded.ttl, expires_at = excluded.expires_at";
    let query = sqlx::query(enter).bind(name).bind(role).bind(number).bind(now).bind(ttl);
    query.bind(now.saturating_add(ttl)).execute(connection).await?;
    Ok(number)
}

/// The checkpoint under a new token: a step under an older one is refused.
async fn fence(connection: &mut SqliteConnection, partition: i64, token: i64) -> Result<(), Failure> {
    let sql = "UPDATE checkpoint SET token = ? WHERE partition_id = ?";
    sqlx::query(sql).bind(token).bind(partition).execute(connection).await?;
    Ok(())
}

fn worker_row(row: &SqliteRow) -> Result<WorkerRow, Failure> {
    let mut c = Columns::new(row, 0);
    Ok(WorkerRow {
        name: need(c.text()?, "name")?.to_string(),
        role: need(c.text()?, "role")?.to_string(),
        generation: need(c.integer()?, "generation")?,
        since: need(c.time()?, "since")?,
        expires_at: need(c.time()?, "expires_at")?,
    })
}
