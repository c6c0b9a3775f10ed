//! A unit as transactions: one, or two side by side.
//!
//! A small unit is one transaction. A large one is split by its accounts' slots into two halves that two connections write at the same time:
//! one backend is bound by one core. The second half also holds the deltas, and is committed only after the first: so whatever happens
//! between, the checkpoint has not moved, the lines are read again, and the facts of the first half are found `unchanged`. Breaks go with
//! their account's half and events with the first, so that a row never stands without what tells of it.
use super::lease::{guard, progress};
use super::register::signed;
use super::types::Instant;
use super::write::Writer;
use super::{PostgresStore, error, feeds};
use crate::{
    AccountWrite, BreakWrite, CommitError, CommitUnit, DeltaWrite, EventWrite, FactWrite, QuarantineWrite,
    Receipt, RowWrite, StoreError,
};
use record::PartitionKey;
use returns::date::Micros;
use sqlx::{PgConnection, Row};
use std::collections::{BTreeSet, HashMap};
use tokio::sync::oneshot;

/// Units of fewer rows and facts go in one transaction: what a second connection saves is then less than it costs.
const WORTH_SPLITTING: usize = 4_000;

/// What one transaction writes.
#[derive(Default)]
pub(super) struct Half<'a> {
    /// Which rows of `commit_clock` it advances.
    clocks: BTreeSet<i16>,
    slots: BTreeSet<u8>,
    pub accounts: Vec<&'a AccountWrite>,
    pub rows: Vec<&'a RowWrite>,
    pub facts: Vec<&'a FactWrite>,
    pub breaks: Vec<&'a BreakWrite>,
    marked: Vec<&'a i64>,
    folded: Vec<&'a i64>,
    pub quarantine: &'a [QuarantineWrite],
    pub events: &'a [EventWrite],
    deltas: Vec<DeltaWrite>,
}

impl Half<'_> {
    fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.breaks.is_empty()
    }
}

impl PostgresStore {
    pub(super) async fn commit_unit(&self, unit: &CommitUnit) -> Result<Receipt, CommitError> {
        unit.writes_within_its_slots()?;
        let _alone = self.committing.lock().await;
        let deltas = coalesce(&unit.deltas)?;
        self.learn_slots(unit).await?;
        let [mut first, mut second] = self.split(unit)?;
        second.deltas = deltas;
        second.quarantine = &unit.quarantine;
        let events_with_first = !first.is_empty();
        (if events_with_first { &mut first } else { &mut second }).events = &unit.events;
        if first.is_empty() {
            return self.write_half(unit, second, None, None).await;
        }
        let (done, first_done) = oneshot::channel();
        let (first, second) = tokio::join!(
            self.write_half(unit, first, None, Some(done)),
            self.write_half(unit, second, Some(first_done), None)
        );
        // If the first failed, the second only says that it gave up: the first knows why.
        let (first, second) = (first?, second?);
        Ok(first.and(second))
    }

    /// One transaction. With `after`, it is committed only once that says so; with `done`, it says so.
    async fn write_half(
        &self,
        unit: &CommitUnit,
        half: Half<'_>,
        after: Option<oneshot::Receiver<()>>,
        done: Option<oneshot::Sender<()>>,
    ) -> Result<Receipt, CommitError> {
        let mut tx = self.pool.begin().await?;
        let slots: Vec<u8> = half.slots.iter().copied().collect();
        let partitions: Vec<PartitionKey> = half.deltas.iter().map(|d| d.partition).collect();
        guard(&mut tx, unit.generation.as_deref(), &slots, &partitions).await?;
        let now = advance_clock(&mut tx, &half.clocks).await?;
        let mut writer = Writer::new(&mut tx, &self.names, now);
        let mut receipt = writer.write(&half).await?;
        mark(&mut tx, &half).await?;
        if let Some(after) = after {
            after.await.map_err(|_| StoreError::Unreachable("the other half of the unit failed".into()))?;
        }
        apply(&mut tx, &half.deltas, now).await?;
        receipt.breaks_resolved += feeds::step(&mut tx, &half.deltas, now).await?;
        tx.commit().await.map_err(error::of_commit)?;
        if let Some(done) = done {
            // Nobody listens if the other half failed meanwhile; it reports that itself.
            let _ = done.send(());
        }
        Ok(receipt)
    }

    /// The two halves by slot; all in the second where the unit is small.
    fn split<'a>(&self, unit: &'a CommitUnit) -> Result<[Half<'a>; 2], StoreError> {
        let slots = self.slots.read().unwrap_or_else(|e| e.into_inner());
        let small = unit.rows.len() + unit.facts.len() < WORTH_SPLITTING;
        let mut halves = [Half::default(), Half::default()];
        let mut route = |account: i64| -> Result<usize, StoreError> {
            let slot = *slots.get(&account).ok_or_else(|| unknown_account(account))?;
            let index = if small { 1 } else { usize::from(slot % 2) };
            halves[index].slots.insert(slot);
            halves[index].clocks.insert(i16::from(slot % 2));
            Ok(index)
        };
        let accounts = routed(&unit.accounts, |a| Some(a.id), &mut route)?;
        let rows = routed(&unit.rows, |r| Some(r.account), &mut route)?;
        let facts = routed(&unit.facts, |f| Some(f.account), &mut route)?;
        let breaks = routed(&unit.breaks, |b| b.account, &mut route)?;
        let marked = routed(&unit.marked, |a| Some(*a), &mut route)?;
        let folded = routed(&unit.folded, |a| Some(*a), &mut route)?;
        for (half, (marked, folded)) in halves.iter_mut().zip(marked.into_iter().zip(folded)) {
            (half.marked, half.folded) = (marked, folded);
        }
        let parts = accounts.into_iter().zip(rows).zip(facts).zip(breaks);
        for (half, (((accounts, rows), facts), breaks)) in halves.iter_mut().zip(parts) {
            (half.accounts, half.rows, half.facts, half.breaks) = (accounts, rows, facts, breaks);
        }
        Ok(halves)
    }

    /// Sees to it that the slot of every account of the unit is known.
    async fn learn_slots(&self, unit: &CommitUnit) -> Result<(), StoreError> {
        self.remember_slots(unit.accounts.iter().map(|a| (a.id, a.slot)));
        let mut unknown: Vec<i64> = {
            let known = self.slots.read().unwrap_or_else(|e| e.into_inner());
            let written = unit.rows.iter().map(|r| r.account).chain(unit.facts.iter().map(|f| f.account));
            let marks = unit.marked.iter().chain(&unit.folded).copied();
            let all = written.chain(unit.breaks.iter().filter_map(|b| b.account)).chain(marks);
            all.filter(|account| !known.contains_key(account)).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        unknown.sort_unstable();
        unknown.dedup();
        let rows: Vec<(i64, i16)> = sqlx::query_as("SELECT id, slot FROM account WHERE id = ANY($1)")
            .bind(unknown)
            .fetch_all(&self.pool)
            .await?;
        self.remember_slots(rows.into_iter().map(|(id, slot)| (id, u8::try_from(slot).unwrap_or(0))));
        Ok(())
    }
}

fn unknown_account(account: i64) -> StoreError {
    StoreError::Refused(format!("account id {account} is neither in the store nor in the unit"))
}

/// Sorts items into the halves. Those sorted by account ask once for each; those of no account go with the second half.
fn routed<'a, T>(
    items: &'a [T],
    account: impl Fn(&T) -> Option<i64>,
    route: &mut impl FnMut(i64) -> Result<usize, StoreError>,
) -> Result<[Vec<&'a T>; 2], StoreError> {
    let mut halves = [vec![], vec![]];
    let mut last = (None, 1);
    for item in items {
        let id = account(item);
        if id != last.0 {
            last = (id, id.map_or(Ok(1), &mut *route)?);
        }
        halves[last.1].push(item);
    }
    Ok(halves)
}

/// The time from which the unit is known: the store's clock, read after the locks, and later than any earlier unit of these halves.
async fn advance_clock(conn: &mut PgConnection, clocks: &BTreeSet<i16>) -> Result<Micros, StoreError> {
    let clocks: Vec<i16> = clocks.iter().copied().collect();
    let Instant(now) = sqlx::query_scalar(
        "WITH now AS (SELECT greatest(clock_timestamp(), max(at) + interval '1 microsecond') AS at FROM commit_clock),
              advanced AS (UPDATE commit_clock c SET at = now.at FROM now WHERE c.half = ANY($1))
         SELECT at FROM now",
    )
    .bind(clocks)
    .fetch_one(conn)
    .await?;
    Ok(now)
}

/// Accounts whose facts are stored and not folded, and those that are folded now.
async fn mark(conn: &mut PgConnection, half: &Half<'_>) -> Result<(), CommitError> {
    let ids = |accounts: &[&i64]| accounts.iter().map(|a| **a).collect::<Vec<i64>>();
    if !half.marked.is_empty() {
        sqlx::query(
            "INSERT INTO refold (account_id, cause) SELECT id, 'stored first' FROM unnest($1::bigint[]) AS u (id)
             ON CONFLICT (account_id) DO NOTHING",
        )
        .bind(ids(&half.marked))
        .execute(&mut *conn)
        .await?;
    }
    if !half.folded.is_empty() {
        sqlx::query("DELETE FROM refold WHERE account_id = ANY($1)")
            .bind(ids(&half.folded))
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// The steps of each partition as one, in the order they came.
fn coalesce(deltas: &[DeltaWrite]) -> Result<Vec<DeltaWrite>, CommitError> {
    let mut order: Vec<DeltaWrite> = vec![];
    let mut by_partition: HashMap<PartitionKey, usize> = HashMap::new();
    for delta in deltas {
        let Some(index) = by_partition.get(&delta.partition) else {
            by_partition.insert(delta.partition, order.len());
            order.push(delta.clone());
            continue;
        };
        let whole = &mut order[*index];
        if whole.to != delta.from || whole.token != delta.token {
            return Err(CommitError::Delta { partition: delta.id.clone(), at: whole.to, from: delta.from });
        }
        whole.to = delta.to;
        whole.counts += delta.counts;
        delta.feeds.iter().cloned().for_each(|step| step.add(&mut whole.feeds));
        whole.read_until = whole.read_until.max(delta.read_until);
    }
    Ok(order)
}

/// Moves the checkpoints, each if and only if it stands where its delta begins, under the delta's token.
async fn apply(conn: &mut PgConnection, deltas: &[DeltaWrite], now: Micros) -> Result<(), CommitError> {
    if deltas.is_empty() {
        return Ok(());
    }
    let counts = |pick: fn(&record::Counts) -> u64| {
        deltas.iter().map(|d| signed(pick(&d.counts))).collect::<Vec<i64>>()
    };
    let moved: Vec<i64> = sqlx::query_scalar(MOVE)
        .bind(deltas.iter().map(|d| d.partition.0).collect::<Vec<_>>())
        .bind(deltas.iter().map(|d| d.token).collect::<Vec<_>>())
        .bind(deltas.iter().map(|d| d.from.to_string()).collect::<Vec<_>>())
        .bind(deltas.iter().map(|d| d.to.to_string()).collect::<Vec<_>>())
        .bind(counts(|c| c.read))
        .bind(counts(|c| c.decoded))
        .bind(counts(|c| c.ignored))
        .bind(counts(|c| c.quarantined))
        .bind(counts(|c| c.observed))
        .bind(counts(|c| c.accepted))
        .bind(counts(|c| c.unchanged))
        .bind(counts(|c| c.stale))
        .bind(counts(|c| c.waiting))
        .bind(counts(|c| c.bytes))
        .bind(Instant(now))
        .bind(deltas.iter().map(|d| d.feeds.last().map(|step| step.feed.0)).collect::<Vec<_>>())
        .bind(deltas.iter().map(|d| d.read_until.map(Instant)).collect::<Vec<_>>())
        .fetch_all(&mut *conn)
        .await?;
    match deltas.iter().find(|d| !moved.contains(&d.partition.0)) {
        Some(refused) => Err(why_refused(conn, refused).await),
        None => Ok(()),
    }
}

const MOVE: &str = "
    UPDATE checkpoint c SET position = d.to_position, read = c.read + d.read, decoded = c.decoded + d.decoded,
        ignored = c.ignored + d.ignored, quarantined = c.quarantined + d.quarantined, observed = c.observed + d.observed,
        accepted = c.accepted + d.accepted, unchanged = c.unchanged + d.unchanged, stale = c.stale + d.stale,
        waiting = c.waiting + d.waiting, bytes = c.bytes + d.bytes, updated_at = $15, feed_id = coalesce(d.feed_id, c.feed_id),
        read_until = greatest(c.read_until, d.read_until)
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $16::bigint[],
            $17::timestamptz[])
        AS d (partition_id, token, from_position, to_position, read, decoded, ignored, quarantined, observed, accepted, unchanged,
            stale, waiting, bytes, feed_id, read_until)
    WHERE c.partition_id = d.partition_id AND c.position = d.from_position AND c.token = d.token
    RETURNING c.partition_id";

/// The lease went to another, or the checkpoint stands elsewhere: at the delta's end, if it was applied already.
async fn why_refused(conn: &mut PgConnection, delta: &DeltaWrite) -> CommitError {
    let row = sqlx::query("SELECT token, position FROM checkpoint WHERE partition_id = $1")
        .bind(delta.partition.0)
        .fetch_optional(conn)
        .await;
    let read = |row: sqlx::postgres::PgRow| -> Result<(i64, record::Progress), StoreError> {
        Ok((row.try_get(0)?, progress(row.try_get(1)?)?))
    };
    match row.map_err(StoreError::from).and_then(|r| r.map(read).transpose()) {
        Ok(Some((token, at))) if token == delta.token => {
            CommitError::Delta { partition: delta.id.clone(), at, from: delta.from }
        }
        Ok(_) => StoreError::LeaseLost.into(),
        Err(e) => e.into(),
    }
}
