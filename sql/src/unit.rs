//! What one transaction writes, and what opening a generation gives.
use crate::{FeedStep, Generation};
use record::{Counts, FeedKey, PartitionId, PartitionKey, Progress};
use returns::date::{Date, Micros};
use returns::ledger::{Profile, RowChange, StoredFact};
use returns::{Decimal, Key, Reasons, Verdict};
use std::sync::Arc;

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
