//! One day linked to the chain: F1 (a sub-period), F2 (linking over runs), F3 (statuses and segments).
use crate::date::Date;
use crate::policy::{FlowTiming, Policy};
use crate::row::{Growth, Reasons, Row, Status};
use rust_decimal::Decimal;

/// All that the next day needs of the days before: what a stored row gives back, so that a chain resumed from any row goes on with the
/// same digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    pub as_of: Date,
    pub end_value: Decimal,
    pub cumulative_net_flow: Decimal,
    pub net: Growth,
    pub gross: Growth,
    /// Whether a row with D > 0 has been.
    pub incepted: bool,
    pub segment: u16,
    pub status: Status,
    pub value_since: Date,
}

impl From<&Row> for Chain {
    fn from(row: &Row) -> Chain {
        Chain {
            as_of: row.as_of,
            end_value: row.end_value,
            cumulative_net_flow: row.cumulative_net_flow,
            net: row.net,
            gross: row.gross,
            incepted: row.incepted,
            segment: row.segment,
            status: row.status,
            value_since: row.value_since,
        }
    }
}

/// An external flow and the part of its sub-period that is left after it: w = left / span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightedFlow {
    /// In positive, out negative.
    pub amount: Decimal,
    pub left: i64,
    pub span: i64,
}

/// The part of a day between two valuations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubPeriod {
    pub contributions: Decimal,
    pub distributions: Decimal,
    pub fees: Decimal,
    pub fees_outside: Decimal,
    /// Only read when the day's timing is `timed`.
    pub flows: Vec<WeightedFlow>,
    pub end_value: Decimal,
}

/// What a day says, settled: one value, one set of flows.
#[derive(Clone, Debug, PartialEq)]
pub struct Day<'a> {
    pub as_of: Date,
    /// The vendor's own B, where stated (0 included): used for the first row of an account only.
    pub stated_begin: Option<Decimal>,
    /// E, accrued income included.
    pub end_value: Decimal,
    /// C and W of the whole day, both >= 0 (a negative one is turned into the other before).
    pub contributions: Decimal,
    pub distributions: Decimal,
    /// A, advisory fees taken out of the account.
    pub fees: Decimal,
    /// X, advisory fees of this account paid elsewhere.
    pub fees_outside: Decimal,
    pub timing: FlowTiming,
    /// With `timed` and one sub-period: the flows and their weights; they sum to C - W.
    pub flows: &'a [WeightedFlow],
    /// Two or more: each is a link of its own, r is one quotient over the day. Empty: the day is one sub-period.
    pub parts: &'a [SubPeriod],
}

/// The figures of a day: all of a row that does not come from its facts' lineage.
#[derive(Clone, Debug, PartialEq)]
pub struct Linked {
    pub begin_value: Decimal,
    pub cumulative_net_flow: Decimal,
    pub twrr: Option<Decimal>,
    pub twrr_gross: Option<Decimal>,
    pub net: Growth,
    pub gross: Growth,
    pub incepted: bool,
    pub segment: u16,
    pub sub_periods: u16,
    pub status: Status,
    pub value_since: Date,
    /// Residual money.
    pub reasons: Reasons,
}
