//! What is said about other facts: corrections, withdrawals, records in quarantine.
use super::Place;
use crate::date::Micros;
use record::FeedKey;
use rust_decimal::Decimal;
use std::sync::Arc;

/// A field a correction speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Patch {
    /// Not spoken of.
    #[default]
    Absent,
    /// JSON null: the field is no longer corrected.
    TakenAway,
    Set(Decimal),
}

/// A correction of single fields of one account-day (F7). Ordered by (revision of the ticket, event time, id).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Correction {
    pub end_value: Patch,
    pub contributions: Patch,
    pub distributions: Patch,
    pub fees: Patch,
    pub event_id: Arc<str>,
    pub event_time: Micros,
    pub ticket: Arc<str>,
    pub who: Arc<str>,
    pub reason: Arc<str>,
}

/// What a withdrawal takes back. It asks the place kept, alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Record(Place),
    Feed(FeedKey),
    /// A correction, by its ticket.
    Ticket(Arc<str>),
}

/// A withdrawal or its undoing; before, after or without its target. The latest by (event time, id) holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    pub target: Target,
    pub reinstate: bool,
    pub event_id: Arc<str>,
    pub event_time: Micros,
    pub who: Arc<str>,
    pub reason: Arc<str>,
}

/// Why a record sits in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    pub code: Arc<str>,
    /// Re-driven, accepted or discarded: holds no longer.
    pub released: bool,
}
