//! Facts: what figures are a function of.
//!
//! A fact says something about one account (the account itself stands beside the fact, not in it). What it says is
//! never updated or deleted; which facts stand, and which of several wins, is decided by the fold in [`crate::ledger`].
//!
//! Here stand a fact's place, key and identity; beside it what it says: `body` (values of an account), `flow` (money that moves),
//! `judgement` (what is said about other facts).
mod body;
mod flow;
mod judgement;

pub use body::{AccountInfo, Body, Holding, ImportedReturn, Opening, Span, Stated, Summary, Valuation};
pub use flow::{Cancel, Class, Flow};
pub use judgement::{Correction, Patch, Quarantined, Target, Withdrawal};

use crate::date::{Date, Micros};
use crate::policy::Vendor;
use record::{FeedKey, PartitionKey, Position, Symbol};
use std::sync::Arc;

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    Vendor(Vendor),
    /// People who correct; a correction overlays single fields on the vendor's winner (F7).
    Correction,
}

/// When a fact came, by what its source or feed states, never by our clock: so a replay anywhere decides the same.
/// A feed that states no time (a bare name) sorts below every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(pub Option<Micros>);

/// Where a fact came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub partition: PartitionKey,
    pub position: Position,
}

/// A hash of what a fact says: the mapped fields, the vendor's revision and the account as sent, with numbers normalised;
/// not its place, feed or mapping. Made by [`Fact::content_of`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content(pub [u8; 16]);

/// One thing said about one account. Identity is (key, feed, content); see [`Fact::key`].
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub origin: Origin,
    /// The business date it speaks of. For a flow the date the vendor's value knows it.
    pub as_of: Date,
    /// Empty (`None`) for a summary; the time for a valuation; the security (with what the mapping names, and the ordinal
    /// among equals) for a holding; the ticket for a correction; F5's rule for a flow; what is targeted for a withdrawal or a cancel.
    pub reference: Option<Arc<str>>,
    /// The vendor's own revision of what it says; none is lowest.
    pub revision: Option<u64>,
    pub arrival: Arrival,
    pub place: Place,
    pub feed: FeedKey,
    pub content: Content,
    /// The account as the vendor sent it.
    pub vendor_account: Symbol,
    pub mapping_version: u32,
    pub body: Body,
}

/// Kinds of facts, as keys and as stored text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    Summary = 1,
    Valuation = 2,
    Flow = 3,
    Holding = 4,
    Account = 5,
    Opening = 6,
    Return = 7,
    Correction = 8,
    Cancel = 9,
    Withdrawal = 10,
    Quarantined = 11,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Summary,
        Kind::Valuation,
        Kind::Flow,
        Kind::Holding,
        Kind::Account,
        Kind::Opening,
        Kind::Return,
        Kind::Correction,
        Kind::Cancel,
        Kind::Withdrawal,
        Kind::Quarantined,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Summary => "summary",
            Kind::Valuation => "valuation",
            Kind::Flow => "flow",
            Kind::Holding => "holding",
            Kind::Account => "account",
            Kind::Opening => "opening",
            Kind::Return => "return",
            Kind::Correction => "correction",
            Kind::Cancel => "cancel",
            Kind::Withdrawal => "withdrawal",
            Kind::Quarantined => "quarantined",
        }
    }
}

/// What may hold one current content. A flow with the vendor's own id has no date in its key, so that its date can be corrected;
/// nor has the cancel of a named original.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub origin: Origin,
    pub kind: Kind,
    pub as_of: Option<Date>,
    pub reference: Option<Arc<str>>,
}

impl Fact {
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    pub fn key(&self) -> Key {
        Key {
            origin: self.origin,
            kind: self.kind(),
            as_of: self.is_dated().then_some(self.as_of),
            reference: self.reference.clone(),
        }
    }

    /// Whether the date is part of the key.
    pub fn is_dated(&self) -> bool {
        match &self.body {
            Body::Flow(f) => !f.own_id,
            Body::Cancel(c) => c.original.is_none(),
            Body::Withdrawal(_) => false,
            _ => true,
        }
    }
}
