//! The ledger: one account's facts, folded into rows.
//!
//! What memory keeps of an account is [`AccountState`]. A fact is first [`AccountState::offer`]ed: what goes on at the head
//! of the chain is settled at once, without a read. Everything else is deferred; the caller reads the store for all deferred facts of
//! a batch at once ([`Reach`] says what is needed), and [`refold`] settles them.
//!
//! # Layout
//! Every path goes through one function, `settle`:
//! - `merge`: identity and the place kept. `withdrawn`, `feeds`, `standing`, `version`, `undated`, `live`: which facts stand, win, are cancelled
//!   or wait; `double`: which came twice.
//! - `extent`: which dates a change can touch. `build`: rows from there on, until the chain meets what is stored.
//! - `make`: one day: `day` (a vendor's value and flows), `overlay` (corrections), `parts` (when flows count), `clock` (cut-offs).
//! - `state`: what memory holds, and the plain summaries it links without all that; `refold`: late facts, and the fold from scratch.
//! - [`carry`]: the summary a row carries; [`content`](mod@content): what makes two facts the same; [`explain`]: what became of each.
mod build;
pub mod carry;
mod clock;
pub mod content;
mod day;
mod double;
pub mod explain;
mod extent;
mod feeds;
mod head;
mod live;
mod make;
mod merge;
mod overlay;
mod parts;
mod refold;
mod settle;
mod standing;
mod state;
mod undated;
mod version;
mod withdrawn;

pub use carry::summary_of;
pub use content::content;
pub use double::{FEED_REFERENCE, STREAM_REFERENCE};
pub use explain::{Became, Explained, ExplainedDay, explain_day, explain_rowless};
pub use feeds::{Feeds, NO_FEEDS, Needs, Stage, WholeFeed};
pub use overlay::Pinned;
pub use refold::{Folded, Refold, fold, rebuild, refold, renew};
pub use state::{AccountState, Offer, Restore};

use crate::date::Date;
use crate::fact::{Fact, Key};
use crate::policy::{Policy, Vendor};
use crate::row::Row;
use record::Partitions;
use smallvec::SmallVec;

/// What a fold needs beside the account: the conventions, the names by which partitions are ordered, and what is known of whole feeds.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub policy: &'a Policy,
    pub partitions: &'a Partitions,
    pub feeds: &'a Feeds,
}

/// What is known of a whole account and needed by the fold of any part of it. Stored in `account`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// ISO 4217; unknown until an account fact or the policy says it.
    pub base_currency: Option<[u8; 3]>,
    pub performance_start: Option<Date>,
    pub inception: Option<Date>,
    pub closed_on: Option<Date>,
    /// Each vendor's first value of this account: a vendor feeds only from there (F7).
    pub first_values: FirstValues,
}

/// Vendors of an account with the dates of their first values. Nearly every account has one vendor, and is looked up out of the caches.
pub type FirstValues = SmallVec<[(Vendor, Date); 2]>;

/// What became of an observation. The four sum to the observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Accepted,
    Unchanged,
    Stale,
    Waiting(WaitingReason),
}

/// Why a fact is stored but not folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WaitingReason {
    Alias = 1,
    Trailer = 2,
    Approval = 3,
    Original = 4,
    Currency = 5,
    PossibleDuplicate = 6,
    /// In kind, without amount or price.
    Unpriced = 7,
    /// A flow with the vendor's own id that a newer version or a cancel has taken from its date. Its key has no date, so
    /// that one day's facts alone could not tell.
    Superseded = 8,
    /// The same of what a newer full feed lacks: a flow with the vendor's own id, or the cancel of a named original.
    Lacked = 9,
}

impl WaitingReason {
    pub const ALL: [WaitingReason; 9] = [
        WaitingReason::Alias,
        WaitingReason::Trailer,
        WaitingReason::Approval,
        WaitingReason::Original,
        WaitingReason::Currency,
        WaitingReason::PossibleDuplicate,
        WaitingReason::Unpriced,
        WaitingReason::Superseded,
        WaitingReason::Lacked,
    ];
    pub fn as_str(self) -> &'static str {
        match self {
            WaitingReason::Alias => "alias",
            WaitingReason::Trailer => "trailer",
            WaitingReason::Approval => "approval",
            WaitingReason::Original => "original",
            WaitingReason::Currency => "currency",
            WaitingReason::PossibleDuplicate => "possible_duplicate",
            WaitingReason::Unpriced => "unpriced",
            WaitingReason::Superseded => "superseded",
            WaitingReason::Lacked => "lacked",
        }
    }
}

impl WaitingReason {
    /// Whether it waits for nothing: the mark of an undated fact that counts on no date.
    pub fn is_over(self) -> bool {
        matches!(self, WaitingReason::Superseded | WaitingReason::Lacked)
    }
}

/// A fact as the store holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFact {
    pub fact: Fact,
    /// In the daily row of its date (true), or a row of `fact`.
    pub in_row: bool,
    /// Stored before its feed was confirmed, or otherwise not to be folded yet.
    pub waiting: Option<WaitingReason>,
}

/// What of an account must be read before deferred facts can be settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The earliest date that may change.
    pub from: Date,
    /// Keys without a date, whose facts may lie earlier than `from`: the read then starts at the earliest of them.
    pub undated: Vec<Key>,
    /// How many rows from the start on to read; `None` for all. [`refold`] asks again with more if the chain has not met.
    pub rows: Option<u32>,
}

/// What was read: consistent, from the store and what is not committed yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The last row before the start of the read.
    pub before: Option<Row>,
    /// The rows from the start on, in order.
    pub rows: Vec<Row>,
    /// All facts dated after `before` (all, if there is none) and up to the last row of `rows`; with `complete`, up to the end.
    pub facts: Vec<StoredFact>,
    /// Nothing lies after `rows`.
    pub complete: bool,
}

/// A row that changes.
#[derive(Clone, Debug, PartialEq)]
pub enum RowChange {
    /// No row of that date was stored or on its way.
    New(Row),
    /// A row of that date is stored or on its way; `restates` when what was published moves (not while the day was open, and
    /// not when only lineage moves).
    Replaced { row: Row, restates: bool },
    /// The day is left without facts that give a value.
    Gone(Date),
}

impl RowChange {
    pub fn as_of(&self) -> Date {
        match self {
            RowChange::New(row) | RowChange::Replaced { row, .. } => row.as_of,
            RowChange::Gone(date) => *date,
        }
    }
    pub fn row(&self) -> Option<&Row> {
        match self {
            RowChange::New(row) | RowChange::Replaced { row, .. } => Some(row),
            RowChange::Gone(_) => None,
        }
    }
}

/// What the store must write for one account's batch: rows, facts that no row carries, and the profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub rows: Vec<RowChange>,
    /// Upserts into `fact`: inserted, or on identity (key, feed, content) the place and waiting mark are replaced by these. One with
    /// `in_row` lives in its daily row from now on, or under another place there, and is not in `fact`.
    pub facts: Vec<StoredFact>,
    pub profile: Option<Profile>,
}
