//! What one transaction writes, and what opening a generation gives.
use crate::{Generation, PartitionSpec};
use record::{Counts, Delivery, FeedKey, PartitionId, PartitionKey, Progress, Survey};
use returns::date::{Date, Micros};
use returns::ledger::{Profile, RowChange, StoredFact};
use returns::{Decimal, Key, Reasons, Verdict};
use std::sync::Arc;

/// A delivery seen.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedSpec {
    pub vendor: Arc<str>,
    /// The file's or object's name, relative to the source; the UTC date for a stream.
    pub name: Arc<str>,
    /// What the bucket calls this version of the object, where it keeps versions.
    pub object_version: Option<Arc<str>>,
    /// BLAKE3 of the bytes, for what has an end.
    pub hash: Option<[u8; 32]>,
    /// The version of the mapping it is read with: what has an end is read again as a feed of its own.
    pub mapping_version: u32,
    pub arrival: Option<Micros>,
    pub business_date: Option<Date>,
    pub declared: Option<u64>,
    pub counted: Option<u64>,
    /// `coming` (it has an end), `open` (a stream), `waiting` (its control count disagrees), `refused`. The step that reaches the end
    /// of one that is coming makes it `complete`.
    pub status: &'static str,
    pub file: FileSpec,
}

/// What a partition lies in, noted so that the same file is not read through again.
#[derive(Clone, Debug, PartialEq)]
pub struct FileSpec {
    pub partition: PartitionId,
    /// The source's name in the topology.
    pub source: Arc<str>,
    /// The file's size.
    pub bytes: Option<u64>,
    /// Its modification time; without one nothing is noted.
    pub modified: Option<Micros>,
    /// What the read-through told, in the source's own writing; kept with size and time, and `None` forgets it.
    pub read_through: Option<Vec<u8>>,
}

impl FileSpec {
    /// What it lies in, registered without a word on where it begins: at its first byte.
    pub(crate) fn partition_spec(&self) -> PartitionSpec {
        PartitionSpec { id: self.partition.clone(), source: self.source.clone(), begin: None }
    }
}

impl FeedSpec {
    /// Whether this is the earlier copy of what is known, by arrival and partition: so whichever copy is read first, the feed arrived when
    /// the earliest did. A day of a stream has one name and no copies.
    pub(crate) fn is_earlier_copy(&self, arrival: Option<Micros>, partition: Option<PartitionId>) -> bool {
        let known = partition.map(|partition| (arrival, partition));
        self.hash.is_some() && known.is_some_and(|known| (self.arrival, self.file.partition.clone()) < known)
    }
}

/// A feed as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFeed {
    pub key: FeedKey,
    /// The arrival of the earliest of its copies.
    pub arrival: Option<Micros>,
    /// The version of the mapping it was registered with: of a stream, that of its first records.
    pub mapping_version: u32,
    /// Readings of the same bytes with earlier versions of the mapping, in order of their versions.
    pub earlier: Vec<FeedKey>,
}

/// A feed with an end, as far as other feeds and open days depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingFeed {
    pub key: FeedKey,
    /// The layout that decodes it.
    pub layout: Arc<str>,
    pub business_date: Option<Date>,
    pub arrival: Option<Micros>,
    /// All of it is read.
    pub through: bool,
    /// What it declares disagrees, so that none of it counts: told only of what is read again.
    pub waits: bool,
    /// Records of it sit in quarantine that name no account and date.
    pub unread: bool,
    /// As in [`OpenFeed`].
    pub earlier: Vec<FeedKey>,
}

/// How much of a feed sits in quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BadRecords {
    pub count: u64,
    /// Some name no account and date.
    pub unread: bool,
}

/// What may change when a feed is through. `dates` is what steps that are not committed yet tell of the feed: facts of theirs may be
/// stored already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    /// Facts of one feed whose key another does not have.
    Lacking { of: FeedKey, dates: Option<(Date, Date)>, beside: FeedKey },
    /// All that a feed says: such accounts may change as a whole.
    All { of: FeedKey, dates: Option<(Date, Date)> },
    /// Holdings of a feed.
    Holdings { of: FeedKey, dates: Option<(Date, Date)> },
    /// What a feed says and waits to count, for its trailer was still to come.
    Waiting { of: FeedKey, dates: Option<(Date, Date)> },
    /// Days of a vendor that are open, up to a date; all of them without one.
    Open { vendor: Arc<str>, until: Option<Date> },
}

/// The dates of an account that are touched; `whole`: all of it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedAccount {
    pub account_no: Arc<str>,
    pub from: Date,
    pub until: Date,
    pub whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySpec {
    /// BLAKE3 of `text`, hex.
    pub hash: String,
    /// The policy as canonical text, for people.
    pub text: String,
}

/// Which accounts something touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    All,
    /// Those with facts of any of these vendors, as the crosswalk says: no fact of a vendor comes in before the alias that leads its
    /// account to ours. Corrections have no aliases: they overlay facts of vendors.
    OfVendors(Vec<Arc<str>>),
}

impl Touched {
    pub const NONE: Touched = Touched::OfVendors(Vec::new());
}

/// One transaction.
#[derive(Clone, Debug, Default)]
pub struct CommitUnit {
    /// The generation whose tokens must still hold, and the slots written to.
    pub generation: Option<Arc<Generation>>,
    pub accounts: Vec<AccountWrite>,
    /// At most one per account and date, sorted by them.
    pub rows: Vec<RowWrite>,
    /// At most one per identity; sorted by account.
    pub facts: Vec<FactWrite>,
    pub breaks: Vec<BreakWrite>,
    pub quarantine: Vec<QuarantineWrite>,
    /// Accounts with facts that are stored and not folded yet; kept in `refold` until they are.
    pub marked: Vec<i64>,
    /// Accounts whose stored facts are all folded now: no longer marked, and what their rows carry is no longer in `fact`. Written after `marked`.
    pub folded: Vec<i64>,
    pub deltas: Vec<DeltaWrite>,
    pub events: Vec<EventWrite>,
}

impl CommitUnit {
    /// Refuses a unit that writes accounts in the name of a generation that has no slots.
    pub(crate) fn writes_within_its_slots(&self) -> Result<(), crate::StoreError> {
        let touches = [&self.marked, &self.folded].iter().any(|ids| !ids.is_empty())
            || !(self.accounts.is_empty() && self.rows.is_empty() && self.facts.is_empty())
            || self.breaks.iter().any(|b| b.account.is_some());
        match &self.generation {
            Some(generation) if touches && generation.ingests_alone() => {
                let text =
                    format!("`{}` ingests alone: it has no slots, and writes no account", generation.worker);
                Err(crate::StoreError::Refused(text))
            }
            _ => Ok(()),
        }
    }
}

/// An account that is new, or whose profile changed.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountWrite {
    pub id: i64,
    pub account_no: Arc<str>,
    pub slot: u8,
    pub profile: Profile,
    /// (vendor, vendor account) pairs that lead to it from now on.
    pub aliases: Vec<(Arc<str>, Arc<str>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RowWrite {
    pub account: i64,
    pub change: RowChange,
    pub verdict: Verdict,
    /// The row's own reasons and those of the rules.
    pub reasons: Reasons,
    /// For history, where the change restates: what caused it.
    pub cause: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FactWrite {
    pub account: i64,
    pub stored: StoredFact,
}

/// In a [`BreakWrite`] that is not `broken`: every rule of that account and date.
pub const EVERY_RULE: &str = "*";

/// A tolerance exceeded, or one that holds again. With [`EVERY_RULE`] and not `broken`: every open break of that account and
/// date that the same unit does not break again is resolved. Its identity is (rule, account, vendor, as_of, feed).
#[derive(Clone, Debug, PartialEq)]
pub struct BreakWrite {
    pub rule: &'static str,
    /// `warn` or `block`.
    pub severity: &'static str,
    /// None for a break of a feed.
    pub account: Option<i64>,
    pub vendor: Option<Arc<str>>,
    pub as_of: Option<Date>,
    pub feed: Option<FeedKey>,
    pub position: Option<String>,
    pub expected: Option<Decimal>,
    pub actual: Option<Decimal>,
    pub difference: Option<Decimal>,
    pub difference_bp: Option<Decimal>,
    pub tolerance: Option<Decimal>,
    pub hint: Option<Arc<str>>,
    /// False: the rule passes now, and an open break of this identity is resolved.
    pub broken: bool,
}

/// A record that could not become an observation: what, where and why.
#[derive(Clone, Debug, PartialEq)]
pub struct QuarantineWrite {
    pub vendor: Arc<str>,
    pub partition: PartitionKey,
    pub position: Progress,
    pub line: Option<u64>,
    pub feed: FeedKey,
    /// Such as `bad_number`; a closed list documented with the codecs.
    pub code: Arc<str>,
    pub text: String,
    /// The field or column at fault, where one is.
    pub field: Option<String>,
    /// Up to 1 MiB whole; beyond, the first 64 KiB.
    pub raw: Vec<u8>,
    pub length: u64,
    pub raw_hash: [u8; 32],
    /// What the record names, where it does.
    pub account: Option<i64>,
    pub vendor_account: Option<String>,
    pub as_of: Option<Date>,
    pub mapping_version: u32,
}

/// A step of a partition, applied if and only if the checkpoint stands at `from` under `token`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeltaWrite {
    pub partition: PartitionKey,
    pub id: PartitionId,
    pub token: i64,
    pub from: Progress,
    pub to: Progress,
    pub counts: Counts,
    /// What it tells of feeds; at most one of each.
    pub feeds: Vec<FeedStep>,
    /// Of a stream: with this step all of the partition that arrived up to then is read. It only grows: an earlier one changes nothing.
    pub read_until: Option<Micros>,
}

/// What a step tells of the feed it reads, where that has an end, or waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedStep {
    pub feed: FeedKey,
    /// The first and the last date its facts speak of.
    pub dates: Option<(Date, Date)>,
    /// With this step all of it is in.
    pub through: bool,
    /// Of a delivery in several messages: how it stands with this step. One that is whole is `complete` with it, and waits no more.
    pub delivery: Option<Arc<Delivery>>,
}

impl FeedStep {
    /// Adds what the next step tells to what those before it told.
    pub fn add(self, steps: &mut Vec<FeedStep>) {
        let Some(step) = steps.iter_mut().find(|step| step.feed == self.feed) else {
            return steps.push(self);
        };
        let dates = match (step.dates, self.dates) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        *step = FeedStep { dates, ..self };
    }
}

/// How a delivery stands, as columns of its feed.
pub(crate) struct Delivered<'a> {
    /// While more is to come.
    pub kept: Option<&'a [u8]>,
    pub declared: Option<u64>,
    pub counted: Option<u64>,
    pub whole: bool,
}

impl<'a> From<&'a Delivery> for Delivered<'a> {
    fn from(stands: &'a Delivery) -> Self {
        let over = |survey: &Survey, whole| {
            let (declared, counted) = (survey.declared, Some(survey.counted));
            Delivered { kept: None, declared, counted, whole }
        };
        match stands {
            Delivery::Open { kept } => {
                Delivered { kept: Some(kept), declared: None, counted: None, whole: false }
            }
            Delivery::Whole(survey) => over(survey, true),
            Delivery::Waits(survey) => over(survey, false),
        }
    }
}

/// An event out, at least once, by its id.
#[derive(Clone, Debug, PartialEq)]
pub struct EventWrite {
    pub id: Arc<str>,
    pub detail_type: &'static str,
    pub detail: String,
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Rows inserted, changed, and removed; an identical row written again counts as none of them.
    pub inserted: u64,
    pub changed: u64,
    pub removed: u64,
    /// Rows moved to history.
    pub restated: u64,
    pub facts: u64,
    pub breaks_opened: u64,
    pub breaks_resolved: u64,
    pub quarantined: u64,
}

impl Receipt {
    /// What two transactions did together.
    #[must_use]
    pub fn and(self, other: Receipt) -> Receipt {
        Receipt {
            inserted: self.inserted + other.inserted,
            changed: self.changed + other.changed,
            removed: self.removed + other.removed,
            restated: self.restated + other.restated,
            facts: self.facts + other.facts,
            breaks_opened: self.breaks_opened + other.breaks_opened,
            breaks_resolved: self.breaks_resolved + other.breaks_resolved,
            quarantined: self.quarantined + other.quarantined,
        }
    }
}

/// A question: is this fact known?
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub account: i64,
    pub key: Key,
    pub feed: FeedKey,
    pub content: returns::Content,
}

/// How the store holds a probed fact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// Key, feed and content are known, first seen there.
    Same { arrival: returns::Arrival, place: returns::Place },
    /// Not known in that feed and content.
    No,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRequest {
    pub account: i64,
    pub reach: returns::ledger::Reach,
}

/// An account as the store knows it, with what memory needs to go on at its head.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAccount {
    pub id: i64,
    pub account_no: Arc<str>,
    pub slot: u8,
    pub profile: Profile,
    pub last: Option<returns::Row>,
    /// The row before the last.
    pub before_last: Option<returns::Row>,
    /// Facts dated on the last row's date that it does not carry, and all later ones.
    pub open: Vec<StoredFact>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub vendor: Arc<str>,
    pub vendor_account: Arc<str>,
    pub valid_from: Option<Date>,
    pub valid_to: Option<Date>,
    pub account: i64,
    pub account_no: Arc<str>,
}

/// An account's slot: the first byte of MD5 of its number as it first was. A contract: it never changes.
pub fn slot_of(account_no: &str) -> u8 {
    use md5::{Digest, Md5};
    Md5::digest(account_no.as_bytes())[0]
}
