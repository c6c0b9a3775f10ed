//! Who is at work: the rows of `worker`, and partitions shared out among those that ingest.
use super::PostgresStore;
use super::lease::{
    PARTITION_LOCK, SLOT_LOCK, WORKER_LOCK, grant_slots, lock_number, owner_lives, register_partition,
    still_current,
};
use super::types::{Instant, RowReader};
use crate::columns::{ColumnReader, need};
use crate::{Generation, Holders, Ownership, PartitionSpec, Pending, StoreError, WorkerRow};
use record::{PartitionId, PartitionKey};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

impl PostgresStore {
    pub(super) async fn become_active(&self, name: &str, ttl: Duration) -> Result<Generation, StoreError> {
        // Who asks ten times a second takes no lock and writes nothing, as a rule.
        if let Some(busy) = self.stands_by(name).await? {
            return Err(busy);
        }
        let mut tx = self.pool.begin().await?;
        // Who is paused in here must not hold up the others for as long as a commit may take.
        sqlx::query("SET LOCAL idle_in_transaction_session_timeout = '5s'").execute(&mut *tx).await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1, 0)").bind(WORKER_LOCK).execute(&mut *tx).await?;
        if let Some(busy) = active_beside(&mut tx, name).await? {
            enter(&mut tx, name, "standby", ttl).await?;
            tx.commit().await?;
            return Err(busy);
        }
        end_commits_of_the_dead(&mut tx, name).await?;
        // The slots first: that waits for a commit under way, which must not wait for a row that is held here.
        let slots = grant_slots(&mut tx, name).await?;
        // Should it have come to life meanwhile, it is too late: its slots are taken.
        let sql = "DELETE FROM worker WHERE role = 'active' AND name <> $1";
        sqlx::query(sql).bind(name).execute(&mut *tx).await?;
        forget_the_dead(&mut tx, name).await?;
        let number = enter(&mut tx, name, "active", ttl).await?;
        tx.commit().await?;
        Ok(Generation { worker: name.into(), number, slots })
    }

    /// Who is active beside a process that is seen to stand by, for two thirds of its time yet.
    async fn stands_by(&self, name: &str) -> Result<Option<StoreError>, StoreError> {
        let mut conn = self.pool.acquire().await?;
        let seen = sqlx::query(
            "SELECT 1 FROM worker WHERE name = $1 AND role = 'standby' AND expires_at > clock_timestamp() + ttl * 2 / 3",
        );
        match seen.bind(name).fetch_optional(&mut *conn).await? {
            Some(_) => active_beside(&mut conn, name).await,
            None => Ok(None),
        }
    }

    pub(super) async fn join_ingest(&self, name: &str, ttl: Duration) -> Result<Generation, StoreError> {
        let mut tx = self.pool.begin().await?;
        forget_the_dead(&mut tx, name).await?;
        let number = enter(&mut tx, name, "ingest", ttl).await?;
        tx.commit().await?;
        Ok(Generation { worker: name.into(), number, slots: Vec::new() })
    }

    pub(super) async fn leave_standby(&self, name: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM worker WHERE name = $1 AND role = 'standby'";
        sqlx::query(sql).bind(name).execute(&self.pool).await?;
        Ok(())
    }

    pub(super) async fn renew_worker(&self, generation: &Generation) -> Result<(), StoreError> {
        let sql =
            "UPDATE worker SET expires_at = clock_timestamp() + ttl WHERE generation = $1 AND name = $2";
        let done =
            sqlx::query(sql).bind(generation.number).bind(&*generation.worker).execute(&self.pool).await?;
        if done.rows_affected() > 0 { Ok(()) } else { Err(StoreError::LeaseLost) }
    }

    /// A lease that is lost already needs no giving back.
    pub(super) async fn leave(&self, generation: &Generation) -> Result<(), StoreError> {
        let sql = "DELETE FROM worker WHERE generation = $1 AND name = $2";
        sqlx::query(sql).bind(generation.number).bind(&*generation.worker).execute(&self.pool).await?;
        Ok(())
    }

    pub(super) async fn who_holds(&self, partitions: &[PartitionId]) -> Result<Holders, StoreError> {
        let mut tx = self.snapshot().await?;
        let members: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM worker WHERE role = 'ingest' AND expires_at > clock_timestamp() ORDER BY name COLLATE \"C\"",
        )
        .fetch_all(&mut *tx)
        .await?;
        let owned: Vec<(String, String)> = sqlx::query_as(concat!(
            "SELECT p.name, l.owner FROM partition p JOIN lease l ON l.kind = 'partition' AND l.name = p.id
             WHERE p.name = ANY($1) AND ",
            owner_lives!()
        ))
        .bind(partitions.iter().map(PartitionId::as_str).collect::<Vec<_>>())
        .fetch_all(&mut *tx)
        .await?;
        let owned: HashMap<String, Arc<str>> = owned.into_iter().map(|(p, o)| (p, o.into())).collect();
        let owners = partitions.iter().map(|p| owned.get(p.as_str()).cloned()).collect();
        Ok(Holders { members: members.into_iter().map(Into::into).collect(), owners })
    }

    /// Takes what is free, under the locks of all of it: so of two that claim the same one waits, and finds it taken.
    pub(super) async fn take_free(
        &self,
        generation: &Generation,
        specs: &[PartitionSpec],
    ) -> Result<Vec<PartitionId>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let mut keys: HashMap<i64, &PartitionId> = HashMap::new();
        for spec in specs {
            keys.insert(register_partition(&mut tx, spec).await?.0, &spec.id);
        }
        let all: Vec<i64> = keys.keys().copied().collect();
        lock_partitions(&mut tx, &all).await?;
        still_current(&mut tx, generation).await?;
        let taken: Vec<(i64, i64)> = sqlx::query_as(concat!(
            "INSERT INTO lease AS l (kind, name, token, owner)
             SELECT 'partition', id, nextval('lease_tokens'), $2 FROM unnest($1::bigint[]) AS p (id)
             ON CONFLICT (kind, name) DO UPDATE SET token = excluded.token, owner = excluded.owner
             WHERE l.owner <> excluded.owner AND NOT ",
            owner_lives!(),
            " RETURNING name, token"
        ))
        .bind(&all)
        .bind(&*generation.worker)
        .fetch_all(&mut *tx)
        .await?;
        fence(&mut tx, &taken).await?;
        let mine: Vec<i64> = sqlx::query_scalar(
            "SELECT name FROM lease WHERE kind = 'partition' AND name = ANY($1) AND owner = $2",
        )
        .bind(&all)
        .bind(&*generation.worker)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut mine: Vec<PartitionId> =
            mine.iter().filter_map(|id| keys.get(id).copied().cloned()).collect();
        mine.sort();
        Ok(mine)
    }

    pub(super) async fn give_back(&self, partition: PartitionKey, token: i64) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_partitions(&mut tx, &[partition.0]).await?;
        let sql = "DELETE FROM lease WHERE kind = 'partition' AND name = $1 AND token = $2 RETURNING nextval('lease_tokens')";
        let next: Option<i64> =
            sqlx::query_scalar(sql).bind(partition.0).bind(token).fetch_optional(&mut *tx).await?;
        if let Some(next) = next {
            fence(&mut tx, &[(partition.0, next)]).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn who_works(&self) -> Result<Ownership, StoreError> {
        let mut tx = self.snapshot().await?;
        let Instant(now) = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut *tx).await?;
        let workers = sqlx::query(
            "SELECT name, role, generation, since, expires_at FROM worker ORDER BY name COLLATE \"C\"",
        )
        .fetch_all(&mut *tx)
        .await?;
        let slots: Vec<(i64, String)> = sqlx::query_as(concat!(
            "SELECT l.name, l.owner FROM lease l WHERE l.kind = 'slot' AND ",
            owner_lives!(),
            " ORDER BY l.name"
        ))
        .fetch_all(&mut *tx)
        .await?;
        let partitions: Vec<(String, String)> = sqlx::query_as(concat!(
            "SELECT p.name, l.owner FROM lease l JOIN partition p ON p.id = l.name WHERE l.kind = 'partition' AND ",
            owner_lives!(),
            " ORDER BY p.name"
        ))
        .fetch_all(&mut *tx)
        .await?;
        Ok(Ownership {
            now,
            workers: workers.iter().map(worker_row).collect::<Result<_, _>>()?,
            slots: slots.into_iter().map(|(n, o)| (u8::try_from(n).unwrap_or(u8::MAX), o)).collect(),
            partitions: partitions.into_iter().map(|(p, o)| (PartitionId::new(p), o)).collect(),
        })
    }

    pub(super) async fn what_waits(&self) -> Result<Pending, StoreError> {
        let (marked, open, quarantined): (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM refold), (SELECT count(*) FROM tolerance_break WHERE status = 'open'),
                (SELECT count(*) FROM quarantine WHERE status = 'open')",
        )
        .fetch_one(&self.pool)
        .await?;
        let [marked, breaks_open, quarantined] = [marked, open, quarantined].map(i64::unsigned_abs);
        Ok(Pending { marked, breaks_open, quarantined })
    }
}

/// Another process that is active and lives.
async fn active_beside(conn: &mut PgConnection, name: &str) -> Result<Option<StoreError>, StoreError> {
    let live: Option<(String, i64)> = sqlx::query_as(
        "SELECT name, ceil(extract(epoch FROM expires_at - clock_timestamp()))::bigint FROM worker
         WHERE role = 'active' AND expires_at > clock_timestamp() AND name <> $1",
    )
    .bind(name)
    .fetch_optional(conn)
    .await?;
    let busy = |(owner, seconds)| StoreError::Busy { owner, seconds: u64::try_from(seconds).unwrap_or(0) };
    Ok(live.map(busy))
}

/// A process that is paused or cut off in the middle of a commit would hold its slots for as long as the server waits for it. Once its lease
/// is over its sessions are ended: what they wrote is rolled back, and read again by who takes over. One that gave its lease back has ended
/// its commits, and one that is alive renews beside them.
async fn end_commits_of_the_dead(conn: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
         WHERE l.locktype = 'advisory' AND l.classid::bigint = $1 AND l.granted AND l.pid <> pg_backend_pid()
            AND a.datname = current_database() AND a.usename = current_user
            AND EXISTS (SELECT 1 FROM worker WHERE role = 'active' AND name <> $2 AND expires_at <= clock_timestamp())",
    )
    .bind(i64::from(SLOT_LOCK))
    .bind(name)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes away rows of others that expired: should one of them wake up, it finds its generation gone.
async fn forget_the_dead(conn: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM worker WHERE expires_at <= clock_timestamp() AND name <> $1";
    sqlx::query(sql).bind(name).execute(conn).await?;
    Ok(())
}

/// The row of a process, in a role; its generation's number. Since when it has the role stays while it keeps it.
async fn enter(conn: &mut PgConnection, name: &str, role: &str, ttl: Duration) -> Result<i64, StoreError> {
    let number = sqlx::query_scalar(
        "INSERT INTO worker AS w (name, role, generation, since, ttl, expires_at)
         VALUES ($1, $2, nextval('lease_tokens'), clock_timestamp(), $3 * interval '1 millisecond',
            clock_timestamp() + $3 * interval '1 millisecond')
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, generation = excluded.generation,
            since = CASE WHEN w.role = excluded.role THEN w.since ELSE excluded.since END,
            ttl = excluded.ttl, expires_at = excluded.expires_at
         RETURNING generation",
    )
    .bind(name)
    .bind(role)
    .bind(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
    .fetch_one(conn)
    .await?;
    Ok(number)
}

/// In the order in which commits take them, so that two never wait for each other.
async fn lock_partitions(conn: &mut PgConnection, keys: &[i64]) -> Result<(), StoreError> {
    let numbers: Vec<i32> = keys.iter().map(|key| lock_number(PartitionKey(*key))).collect();
    sqlx::query(
        "SELECT pg_advisory_xact_lock($1, number) FROM (SELECT * FROM unnest($2::int[]) AS l (number) ORDER BY 1) AS locks",
    )
    .bind(PARTITION_LOCK)
    .bind(numbers)
    .execute(conn)
    .await?;
    Ok(())
}

/// Checkpoints under new tokens: a step under an older one is refused.
async fn fence(conn: &mut PgConnection, granted: &[(i64, i64)]) -> Result<(), StoreError> {
    let (keys, tokens): (Vec<i64>, Vec<i64>) = granted.iter().copied().unzip();
    sqlx::query(
        "UPDATE checkpoint c SET token = g.token FROM unnest($1::bigint[], $2::bigint[]) AS g (id, token)
         WHERE c.partition_id = g.id",
    )
    .bind(keys)
    .bind(tokens)
    .execute(conn)
    .await?;
    Ok(())
}

fn worker_row(row: &PgRow) -> Result<WorkerRow, StoreError> {
    let mut r = RowReader::from(row, 0);
    Ok(WorkerRow {
        name: r.get()?,
        role: r.get()?,
        generation: r.get()?,
        since: need(r.time()?, "since")?,
        expires_at: need(r.time()?, "expires_at")?,
    })
}
