//! Which date a time belongs to, by a vendor's cut-off and zone.
use super::Ground;
use crate::date::{Date, Micros};
use crate::fact::{Body, Fact, Origin};
use crate::policy::{FlowDate, VendorPolicy};
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// The instant of a local time of a vendor, in minutes after midnight: a repeated hour is the first, a skipped one moves on.
pub(super) fn instant(vendor: &VendorPolicy, date: Date, minutes: u16) -> Micros {
    // An unknown zone is refused when the topology is checked; UTC keeps this total.
    let zone = TimeZone::get(&vendor.zone).unwrap_or(TimeZone::UTC);
    let (date, minutes) = match minutes {
        1440.. => (date.tomorrow().unwrap_or(date), minutes - 1440),
        _ => (date, minutes),
    };
    let hour = i8::try_from(minutes / 60).unwrap_or(0);
    let minute = i8::try_from(minutes % 60).unwrap_or(0);
    let time = Time::new(hour, minute, 0, 0).unwrap_or(Time::midnight());
    zone.to_timestamp(date.to_datetime(time)).map_or(Micros::MAX, |t| t.as_microsecond())
}

/// When a vendor's day closes: at its cut-off, else at 24:00.
pub(super) fn close(vendor: &VendorPolicy, date: Date) -> Micros {
    instant(vendor, date, vendor.cut_off.unwrap_or(1440))
}

/// The date a fact counts on: a valuation after the cut-off belongs to the next date, a flow to its effective date where the policy says so.
pub(super) fn counts_on(fact: &Fact, ground: Ground) -> Date {
    let Origin::Vendor(vendor) = fact.origin else { return fact.as_of };
    let vendor = ground.policy.vendor(vendor);
    match &fact.body {
        Body::Flow(flow) if vendor.flow_date == FlowDate::Effective => {
            // Never later than posted: what is known on a day is never counted after it.
            flow.effective.map_or(fact.as_of, |effective| effective.min(fact.as_of))
        }
        Body::Valuation(v) if vendor.cut_off.is_some() => match v.at {
            Some(at) if at > close(vendor, fact.as_of) => fact.as_of.tomorrow().unwrap_or(fact.as_of),
            _ => fact.as_of,
        },
        _ => fact.as_of,
    }
}
