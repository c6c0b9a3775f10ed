//! What people read: reports, explanations, breaks, quarantine, feeds.
use crate::StoreError;
use async_trait::async_trait;
use record::{Counts, PartitionId, Partitions, Progress};
use returns::date::{Date, Micros};
use returns::fact::Target;
use returns::ledger::StoredFact;
use returns::{Body, Decimal, Fact, Kind, Reasons, Row, Verdict};
use std::sync::Arc;

/// A row as it is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    pub account_no: Arc<str>,
    pub account: i64,
    pub row: Row,
    pub verdict: Verdict,
    pub reasons: Reasons,
    pub known_from: Micros,
}

/// A row that was replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Superseded {
    pub published: Published,
    pub known_to: Micros,
    pub cause: Option<String>,
}

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowFilter {
    pub account_no: Option<String>,
    pub from: Option<Date>,
    pub to: Option<Date>,
    /// As it was known then; the current rows without.
    pub known_at: Option<Micros>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BreakRow {
    pub id: i64,
    pub rule: String,
    pub severity: String,
    pub account_no: Option<Arc<str>>,
    pub vendor: Option<String>,
    pub as_of: Option<Date>,
    pub expected: Option<Decimal>,
    pub actual: Option<Decimal>,
    pub difference: Option<Decimal>,
    pub difference_bp: Option<Decimal>,
    pub tolerance: Option<Decimal>,
    pub hint: Option<String>,
    /// `open`, `resolved` or `accepted`.
    pub status: String,
    pub first_seen: Micros,
    pub last_seen: Micros,
}

/// Which quarantined records; all of them by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    pub status: Option<String>,
    /// The reason code.
    pub code: Option<String>,
    pub vendor: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct QuarantineRow {
    pub id: i64,
    pub vendor: String,
    pub partition: PartitionId,
    pub position: Progress,
    pub line: Option<i64>,
    pub feed: String,
    pub code: String,
    pub text: String,
    pub field: Option<String>,
    pub account_no: Option<Arc<str>>,
    pub vendor_account: Option<String>,
    pub as_of: Option<Date>,
    pub mapping_version: i64,
    pub length: i64,
    pub seen_at: Micros,
    pub status: String,
    /// Only filled when one row is asked for.
    pub raw: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FeedRow {
    pub id: i64,
    pub source: String,
    pub vendor: String,
    pub name: String,
    /// Of an object in a bucket that keeps versions.
    pub object_version: Option<String>,
    pub hash: Option<String>,
    pub arrival: Option<Micros>,
    pub business_date: Option<Date>,
    pub declared: Option<i64>,
    pub counted: Option<i64>,
    pub status: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointRow {
    pub id: PartitionId,
    pub source: String,
    pub progress: Progress,
    pub counts: Counts,
    pub updated_at: Option<Micros>,
    /// Of a stream: all that arrived up to then is read.
    pub read_until: Option<Micros>,
}

/// A gap as it was noted: see [`crate::GapWrite`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapRow {
    pub id: i64,
    pub partition: PartitionId,
    pub source: String,
    pub from: Progress,
    pub from_arrival: Option<Micros>,
    pub to: Option<Progress>,
    pub to_arrival: Option<Micros>,
    pub retention_hours: Option<i64>,
    /// When it was first noted, by the store's clock.
    pub noticed_at: Micros,
}

/// Everything one figure rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub published: Option<Published>,
    pub before: Option<Published>,
    /// The account's base currency, as the fold knows it: none where only the vendor's convention says it.
    pub base_currency: Option<[u8; 3]>,
    /// Every fact dated after the row before, up to this date, whether it stands or not; and, of whatever date, the other versions of
    /// flows with the vendor's own id among them, and the cancels and withdrawals that touch any of these.
    pub facts: Vec<StoredFact>,
    pub superseded: Vec<Superseded>,
    pub breaks: Vec<BreakRow>,
    pub quarantine: Vec<QuarantineRow>,
}

/// Of the undated facts of other dates, those that touch a span's facts: versions of flows among these, then what takes any of them back.
pub(crate) fn touching(elsewhere: Vec<StoredFact>, facts: &[StoredFact]) -> Vec<StoredFact> {
    let (acts, said): (Vec<_>, Vec<_>) =
        elsewhere.into_iter().partition(|s| s.fact.kind() == Kind::Withdrawal);
    let any = |touches: fn(&Fact, &Fact) -> bool, by: &Fact, of: &[StoredFact]| {
        of.iter().any(|s| touches(by, &s.fact))
    };
    let mut found: Vec<_> = said.into_iter().filter(|s| any(is_of_flow, &s.fact, facts)).collect();
    let takes_back = |act: &StoredFact| any(withdraws, &act.fact, facts) || any(withdraws, &act.fact, &found);
    let acts: Vec<_> = acts.into_iter().filter(takes_back).collect();
    found.extend(acts);
    found
}

/// Whether a fact is another version of a flow with the vendor's own id, or the cancel that names it.
fn is_of_flow(fact: &Fact, flow: &Fact) -> bool {
    let (id, is_cancel) = match &fact.body {
        Body::Cancel(cancel) => (&cancel.original, true),
        _ => (&fact.reference, false),
    };
    flow.kind() == Kind::Flow
        && fact.origin == flow.origin
        && *id == flow.reference
        && (is_cancel || !flow.is_dated())
}

fn withdraws(act: &Fact, fact: &Fact) -> bool {
    let Body::Withdrawal(withdrawal) = &act.body else { return false };
    match (&withdrawal.target, &fact.body) {
        (Target::Record(place), _) => *place == fact.place,
        (Target::Feed(feed), _) => *feed == fact.feed,
        (Target::Ticket(ticket), Body::Correction(c)) => *ticket == c.ticket,
        (Target::Ticket(_), _) => false,
    }
}

/// Facts as they are told: by date, then kind, then as they came. The same in every store, since people refer to them by number.
pub(crate) fn in_order(facts: &mut [StoredFact], partitions: &Partitions) {
    facts.sort_by_cached_key(|stored| {
        let f = &stored.fact;
        let came = (f.arrival, partitions.get(f.place.partition), f.place.position);
        (f.as_of, f.kind().as_str(), came, f.content)
    });
}

/// Who is at work on the store, and what each holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The store's clock, by which leases expire.
    pub now: Micros,
    /// In order of their names; those that expired too, until another takes their place.
    pub workers: Vec<WorkerRow>,
    /// Slots and who holds them, in order. No lease is listed here or below whose owner is not alive.
    pub slots: Vec<(u8, String)>,
    /// Partitions and who holds them.
    pub partitions: Vec<(PartitionId, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    pub name: String,
    /// `active`, `ingest` or `standby`.
    pub role: String,
    pub generation: i64,
    pub since: Micros,
    pub expires_at: Micros,
}

/// What waits for somebody: for a fold, or for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Accounts with facts that are stored and not folded.
    pub marked: u64,
    pub breaks_open: u64,
    pub quarantined: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub accounts: u64,
    pub rows: u64,
    pub history: u64,
    pub breaks_open: u64,
    pub quarantined: u64,
    pub facts: u64,
}

#[async_trait]
pub trait Reader: Send + Sync {
    /// The rows, ordered by account number (as bytes) and date, a bounded page at a time: those after `after` (account number, date), at
    /// most `limit`.
    async fn rows(
        &self,
        filter: &RowFilter,
        after: Option<(Arc<str>, Date)>,
        limit: u32,
    ) -> Result<Vec<Published>, StoreError>;
    /// Account numbers, ordered as bytes.
    async fn account_numbers(&self) -> Result<Vec<Arc<str>>, StoreError>;
    /// Since when an account has a return: its first row with capital, or what history moved in says.
    async fn inception(&self, account_no: &str) -> Result<Option<Date>, StoreError>;
    async fn evidence(&self, account_no: &str, as_of: Date) -> Result<Option<Evidence>, StoreError>;
    async fn breaks(&self, status: Option<&str>) -> Result<Vec<BreakRow>, StoreError>;
    /// Quarantined records without their bytes, in the order of their ids, a bounded page at a time: those with an id above `after`, at
    /// most `limit`.
    async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<QuarantineRow>, StoreError>;
    /// One record, with its bytes.
    async fn quarantined(&self, id: i64) -> Result<Option<QuarantineRow>, StoreError>;
    async fn feeds(&self) -> Result<Vec<FeedRow>, StoreError>;
    async fn feed_name(&self, feed: record::FeedKey) -> Result<Option<FeedRow>, StoreError>;
    async fn checkpoints(&self) -> Result<Vec<CheckpointRow>, StoreError>;
    /// What streams lost, in the order it was noticed.
    async fn gaps(&self) -> Result<Vec<GapRow>, StoreError>;
    async fn ownership(&self) -> Result<Ownership, StoreError>;
    async fn pending(&self) -> Result<Pending, StoreError>;
    async fn totals(&self) -> Result<Totals, StoreError>;
    /// The policy text by id.
    async fn policy(&self, id: i64) -> Result<Option<String>, StoreError>;
}
