//! One day linked to the chain: F1 (a sub-period), F2 (linking over runs), F3 (statuses and segments).
use crate::date::Date;
use crate::money::{add, sub};
use crate::policy::{FlowTiming, Policy};
use crate::row::{Growth, Reasons, Row, Status};
use crate::subperiod::Said;
use rust_decimal::Decimal;
use walk::Walk;

mod imported;
mod walk;

pub use imported::{Import, link_imported};

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

/// Links a day to the chain before it; `None` before an account's first row. The same chain and day give the same digits,
/// whether the chain was carried in memory or read from a stored row.
///
/// Total: what cannot be told is a status, and the sums behind it are checked. An amount with more than 8 places, or a sum
/// beyond the decimal type, is `out_of_range`; a cumulative net flow that would leave the type stays where it was.
///
/// A day in parts has the status of its weightiest part: undefined, then `total_loss`, `ok`, `residual`, `no_capital`; a new
/// segment starts with a row, so at most one a day.
pub fn link(before: Option<&Chain>, day: &Day, policy: &Policy) -> Linked {
    let known = before.filter(|chain| !chain.lacks_value());
    let Some(begin) = known.map(|chain| chain.end_value).or(day.stated_begin) else {
        return anchor(before, day);
    };
    let mut walk = Walk::new(before, begin, day, policy);
    if day.parts.is_empty() {
        walk.step(&Said::whole(day), day.timing);
    }
    for part in day.parts {
        walk.step(&Said::part(part), day.timing);
    }
    walk.close(before, begin, day, day.cumulative_net_flow(before))
}

/// Whether a relink may stop: the whole state that `a` and `b`, two versions of one day's row, carry to the next day agrees
/// (null differs from 1).
pub fn chain_meets(a: &Row, b: &Row) -> bool {
    Chain::from(a) == Chain::from(b)
}

/// The first value: no return, and no B (0). After imported returns, which have no values, the index goes on from theirs.
fn anchor(before: Option<&Chain>, day: &Day) -> Linked {
    let start = Growth { growth: Some(Decimal::ONE), link: None };
    let flow = day.cumulative_net_flow(before);
    Linked {
        begin_value: Decimal::ZERO,
        cumulative_net_flow: flow.or(before.map(|chain| chain.cumulative_net_flow)).unwrap_or_default(),
        twrr: None,
        twrr_gross: None,
        net: before.map_or(start, |chain| chain.net),
        gross: before.map_or(start, |chain| chain.gross),
        incepted: before.is_some_and(|chain| chain.incepted),
        segment: before.map_or(1, |chain| chain.segment),
        sub_periods: day.sub_periods(),
        status: Status::Anchor,
        value_since: day.value_since(before),
        reasons: Reasons::default(),
    }
}

impl Chain {
    /// The state after a day, as a stored row of it gives it back.
    pub fn after(day: &Day, linked: &Linked) -> Chain {
        Chain {
            as_of: day.as_of,
            end_value: day.end_value,
            cumulative_net_flow: linked.cumulative_net_flow,
            net: linked.net,
            gross: linked.gross,
            incepted: linked.incepted,
            segment: linked.segment,
            status: linked.status,
            value_since: linked.value_since,
        }
    }

    /// After an imported return without a value, E is 0 and means nothing.
    fn lacks_value(&self) -> bool {
        self.status == Status::Imported && self.end_value.is_zero()
    }
}

impl Day<'_> {
    /// The running sum of C - W after this day; `None` when it leaves the decimal type.
    fn cumulative_net_flow(&self, before: Option<&Chain>) -> Option<Decimal> {
        let sum = before.map_or(Decimal::ZERO, |chain| chain.cumulative_net_flow);
        if self.contributions.is_zero() && self.distributions.is_zero() {
            return Some(sum);
        }
        sub(add(sum, self.contributions)?, self.distributions)
    }

    fn value_since(&self, before: Option<&Chain>) -> Date {
        before.filter(|chain| chain.end_value == self.end_value).map_or(self.as_of, |chain| chain.value_since)
    }

    fn sub_periods(&self) -> u16 {
        u16::try_from(self.parts.len().max(1)).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
pub(crate) mod tests;
