//! Times as a vendor's clock shows them.
use super::fault::{Fault, Outcome};
use crate::layout::Mapped;
use crate::value::date::Moment;
use jiff::civil::{DateTime, Time};
use returns::Date;

/// The local date and time of a moment, in the mapping's zone.
pub fn local(mapped: &Mapped, moment: &Moment) -> Outcome<DateTime> {
    let zone = &mapped.mapping.zone;
    match (moment.offset, moment.instant(zone)) {
        (Some(_), Some(instant)) => {
            jiff::Timestamp::from_microsecond(instant).map(|t| zone.to_datetime(t)).map_err(|_| beyond())
        }
        _ => Ok(moment.date.to_datetime(moment.time.unwrap_or(Time::midnight()))),
    }
}

/// The date on which the vendor's value knows a flow: after the cut-off it is the next.
pub fn flow_date(mapped: &Mapped, moment: &Moment) -> Outcome<Date> {
    let local = local(mapped, moment)?;
    let time = local.time();
    let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
    let on_the_minute = time.second() == 0 && time.subsec_nanosecond() == 0;
    let cut_off = mapped.mapping.policy.cut_off.filter(|_| moment.time.is_some());
    let late = cut_off.is_some_and(|cut_off| minute > cut_off || minute == cut_off && !on_the_minute);
    if late { local.date().tomorrow().map_err(|_| beyond()) } else { Ok(local.date()) }
}

fn beyond() -> Box<Fault> {
    Fault::new("bad_date", "a time beyond the calendar")
}
