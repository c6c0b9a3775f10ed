//! What a chain needs of the row it goes on from, small enough to be held for every account.
use super::Ground;
use crate::date::Date;
use crate::fact::Stated;
use crate::link::Chain;
use crate::policy::Vendor;
use crate::row::{Growth, Reason, Row, Status};
use rust_decimal::Decimal;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub as_of: Date,
    value_since: Date,
    end_value: Decimal,
    cumulative_net_flow: Decimal,
    net: Growth,
    /// `None` where gross is net: an account without fees.
    gross: Option<Box<Growth>>,
    segment: u16,
    pub value_vendor: Vendor,
    status: Status,
    pub incepted: bool,
    /// The day may still change by what is yet to come (F6).
    pub open: bool,
    /// The row's value was a summary's.
    summed: bool,
    /// No other fact counts on the row's date.
    carries: bool,
}

impl From<&Row> for Head {
    fn from(row: &Row) -> Head {
        Head {
            as_of: row.as_of,
            value_since: row.value_since,
            end_value: row.end_value,
            cumulative_net_flow: row.cumulative_net_flow,
            net: row.net,
            gross: (row.gross != row.net).then(|| Box::new(row.gross)),
            segment: row.segment,
            value_vendor: row.value_vendor,
            status: row.status,
            incepted: row.incepted,
            open: row.reasons.has(Reason::Incomplete),
            summed: row.stated.has(Stated::END),
            carries: row.carries,
        }
    }
}

impl Head {
    pub(super) fn chain(&self) -> Chain {
        Chain {
            as_of: self.as_of,
            end_value: self.end_value,
            cumulative_net_flow: self.cumulative_net_flow,
            net: self.net,
            gross: self.gross.as_ref().map_or(self.net, |gross| **gross),
            incepted: self.incepted,
            segment: self.segment,
            status: self.status,
            value_since: self.value_since,
        }
    }

    /// Whether facts of this row's own date may belong to the next row.
    pub(super) fn leaves_late(&self, ground: Ground) -> bool {
        !self.carries && (!self.summed || has_cut_off(ground))
    }

    /// Whether valuations dated on this row's date may count on the next, `next`: after a cut-off.
    pub(super) fn spills_to(&self, next: Date, ground: Ground) -> bool {
        self.leaves_late(ground)
            && self.as_of.tomorrow().is_ok_and(|tomorrow| tomorrow == next)
            && has_cut_off(ground)
    }

    /// Whether a later fact alone can complete this row's day.
    pub(super) fn waits_for_later(&self, ground: Ground) -> bool {
        let vendor = ground.policy.vendor(self.value_vendor);
        vendor.needs_flows || vendor.close.is_some()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.gross.as_ref().map_or(0, |_| size_of::<Growth>())
    }
}

pub(super) fn has_cut_off(ground: Ground) -> bool {
    ground.policy.vendors.iter().any(|v| v.cut_off.is_some())
}
