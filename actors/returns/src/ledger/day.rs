//! What one vendor says of a day: its value (F5), and the flows and fees since the row before.
use super::live::Live;
use super::overlay::Fields;
use super::{Ground, WaitingReason, clock};
use crate::date::{Date, Micros};
use crate::fact::{Body, Class, Fact, Flow, Holding, Origin, Stated, Summary, Valuation};
use crate::money;
use crate::policy::{FlowsFrom, ValueFrom, Vendor};
use crate::row::{Reason, Reasons};
use rust_decimal::Decimal;

/// A vendor's value of a day.
pub(super) struct Value<'a> {
    /// Accrued income included.
    pub end: Decimal,
    pub accrued: Decimal,
    /// The fact the row is traced to.
    pub fact: &'a Fact,
    pub index: usize,
    pub marks: Reasons,
    /// From when on the day's flows belong to the next row; `None` at 24:00, which none of them reaches.
    pub closes: Option<Micros>,
}

/// An external flow with its date and, where known, its time.
#[derive(Clone, Copy)]
pub(super) struct DatedFlow {
    pub date: Date,
    pub at: Option<Micros>,
    /// In positive, out negative.
    pub amount: Decimal,
}

/// The one place each of a vendor's flows and fees comes from: summaries, or else flows one by one.
#[derive(Clone, Copy, Default)]
pub(super) struct FlowPlace {
    pub from_summary: bool,
    pub fees_from_summary: bool,
}

/// Flows and fees between two rows.
#[derive(Default)]
pub(super) struct Flows {
    pub contributions: Decimal,
    pub distributions: Decimal,
    pub fees: Decimal,
    pub fees_outside: Decimal,
    /// The external flows one by one.
    pub dated: Vec<DatedFlow>,
    /// Fees with times of their own, which parts of a day need: (when, amount).
    pub timed_fees: Vec<(Micros, Decimal)>,
    /// Stated for the whole period, so that the dates above mean nothing (F1).
    pub of_period: bool,
    /// Whether the vendor says anything of flows.
    pub stated: bool,
    pub place: FlowPlace,
    /// The net flow by the other place, where that states one: to be compared, never counted.
    pub other: Option<Decimal>,
    /// Which of contributions, distributions and fees it says. One by one, none is a statement too.
    pub known: Stated,
    pub reasons: Reasons,
}

/// A sum of amounts; beyond the decimal type it is the largest decimal, which links as `out_of_range`.
pub(super) fn sum(a: Decimal, b: Decimal) -> Decimal {
    if b.is_zero() { a } else { money::add(a, b).map_or(Decimal::MAX, |sum| sum.normalize()) }
}

/// Whose fact it is, if it is that vendor's.
fn is_of(live: &Live, vendor: Vendor) -> bool {
    !live.ended && live.fact.origin == Origin::Vendor(vendor)
}

/// A vendor's value on a date: a summary's, else the closing valuation, else its holdings where they are its values.
pub(super) fn value<'a>(
    window: &[Live<'a>],
    vendor: Vendor,
    as_of: Date,
    ground: Ground,
) -> Option<Value<'a>> {
    let own = || window.iter().filter(|l| l.date == as_of && is_of(l, vendor));
    let cut_off = || {
        let policy = ground.policy.vendor(vendor);
        policy.cut_off.map(|_| clock::close(policy, as_of))
    };
    if let Some((live, s)) = own().find_map(|l| ended_by(l).map(|s| (l, s))) {
        let accrued = if s.stated.has(Stated::ACCRUED) { s.accrued } else { Decimal::ZERO };
        return Some(valued(live, sum(s.end, accrued), accrued, cut_off()));
    }
    let closing = own().filter_map(|l| valuation(l).map(|v| (l, v))).max_by_key(|(l, v)| {
        // Without a time it is the closing value; among equal times the reference makes it one of them.
        (v.at.is_none(), v.at, l.fact.reference.clone())
    });
    if let Some((live, v)) = closing {
        return Some(valued(live, sum(v.value, v.accrued), v.accrued, v.at.or_else(cut_off)));
    }
    if ground.policy.vendor(vendor).value_from != ValueFrom::Holdings {
        return None;
    }
    let mut held = own().filter(|l| l.waits.is_none()).filter_map(|l| holding(l).map(|h| (l, h)));
    let (first, h) = held.next()?;
    let start = valued(first, sum(h.value, h.accrued), h.accrued, cut_off());
    Some(held.fold(start, |total, (l, h)| Value {
        end: sum(total.end, sum(h.value, h.accrued)),
        accrued: sum(total.accrued, h.accrued),
        marks: total.marks.and(l.marks),
        ..total
    }))
}

fn valued<'a>(live: &Live<'a>, end: Decimal, accrued: Decimal, closes: Option<Micros>) -> Value<'a> {
    Value { end, accrued, fact: live.fact, index: live.index, marks: live.marks, closes }
}

/// A summary, unless it waits: then it gives its day nothing.
pub(super) fn summary<'a>(live: &Live<'a>) -> Option<&'a Summary> {
    match &live.fact.body {
        Body::Summary(summary) if live.waits.is_none() => Some(summary),
        _ => None,
    }
}

/// A summary that states a value.
fn ended_by<'a>(live: &Live<'a>) -> Option<&'a Summary> {
    summary(live).filter(|s| s.stated.has(Stated::END))
}

/// A valuation, unless it waits.
pub(super) fn valuation<'a>(live: &Live<'a>) -> Option<&'a Valuation> {
    match &live.fact.body {
        Body::Valuation(valuation) if live.waits.is_none() => Some(valuation),
        _ => None,
    }
}

fn holding<'a>(live: &Live<'a>) -> Option<&'a Holding> {
    match &live.fact.body {
        Body::Holding(holding) => Some(holding),
        _ => None,
    }
}

pub(super) fn flow<'a>(live: &Live<'a>) -> Option<&'a Flow> {
    match &live.fact.body {
        Body::Flow(flow) => Some(flow),
        _ => None,
    }
}

/// A flow of the day itself after its closing value: it belongs to the next row. At equal times the valuation comes first.
pub(super) fn is_late(live: &Live, as_of: Date, closes: Option<Micros>) -> bool {
    let at = flow(live).and_then(|f| f.at);
    live.date == as_of && matches!((at, closes), (Some(at), Some(closes)) if at >= closes)
}

/// Whether a flow of its own counts, where a vendor's flows and fees come from such a place.
pub(super) fn takes_flow(live: &Live, place: FlowPlace) -> bool {
    match flow(live) {
        Some(f) if f.class == Class::FeeAdvisory => !place.fees_from_summary,
        Some(_) => !place.from_summary,
        None => false,
    }
}

/// A vendor's flows in a window, up to its value. They come from one place: summaries, or flows one by one.
pub(super) fn flows(window: &[Live], vendor: Vendor, as_of: Date, value: &Value, ground: Ground) -> Flows {
    let own = || window.iter().filter(|l| is_of(l, vendor) && !is_late(l, as_of, value.closes));
    let says_flows = |s: &Summary| s.stated.has(Stated::CONTRIBUTIONS) || s.stated.has(Stated::DISTRIBUTIONS);
    let from_summary = ground.policy.vendor(vendor).flows_from == FlowsFrom::Summary
        && (matches!(value.fact.body, Body::Summary(_)) || own().any(|l| summary(l).is_some_and(says_flows)));
    let fees_from_summary = own().any(|l| summary(l).is_some_and(|s| s.stated.has(Stated::FEES)));
    let place = FlowPlace { from_summary, fees_from_summary };
    let mut flows = Flows { stated: !from_summary, place, ..Flows::default() };
    if ground.policy.vendor(vendor).flows_from == FlowsFrom::Detail {
        flows.known = Stated::CONTRIBUTIONS.with(Stated::DISTRIBUTIONS).with(Stated::FEES);
    }
    for live in own() {
        if let Some(s) = summary(live) {
            if from_summary {
                flows.take_summary(s, live.date);
                flows.reasons = flows.reasons.and(live.marks);
            } else {
                flows.compare_summary(s);
            }
            flows.take_summary_fees(s);
        } else if let Some(f) = flow(live) {
            if takes_flow(live, place) {
                flows.take(live, f);
            } else {
                flows.compare(live, f);
            }
        } else if live.waits == Some(WaitingReason::Original) && !from_summary {
            flows.reasons.insert(Reason::WaitingInput);
        } else if live.waits == Some(WaitingReason::Currency) && is_missed(live, as_of) {
            flows.reasons.insert(Reason::Currency);
        }
    }
    flows
}

/// Whether a row lacks what waits for its currency: a position always, a value on its own day, and the flows and fees of a day without
/// a value on the next that has one.
fn is_missed(live: &Live, as_of: Date) -> bool {
    let moves = |s: &Summary| {
        [s.contributions, s.distributions, s.fees, s.fees_outside].iter().any(|amount| !amount.is_zero())
    };
    match &live.fact.body {
        Body::Summary(s) => live.date == as_of || moves(s),
        Body::Valuation(_) => live.date == as_of,
        _ => holding(live).is_some(),
    }
}

impl Flows {
    /// What a correction may touch, as the vendor says it.
    pub(super) fn fields(&self, value: &Value) -> Fields {
        let known = |field, amount| self.known.has(field).then_some(amount);
        [
            Some(value.end),
            known(Stated::CONTRIBUTIONS, self.contributions),
            known(Stated::DISTRIBUTIONS, self.distributions),
            known(Stated::FEES, self.fees),
        ]
    }

    fn take_summary(&mut self, s: &Summary, date: Date) {
        for (field, amount) in
            [(Stated::CONTRIBUTIONS, s.contributions), (Stated::DISTRIBUTIONS, -s.distributions)]
        {
            if s.stated.has(field) {
                self.stated = true;
                self.known = self.known.with(field);
                self.add(DatedFlow { date, at: None, amount });
            }
        }
        self.of_period |= s.stated.has(Stated::FLOWS_OF_PERIOD);
    }

    /// What is not stated is unknown, so that one side alone is no net flow.
    fn compare_summary(&mut self, s: &Summary) {
        if s.stated.has(Stated::CONTRIBUTIONS.with(Stated::DISTRIBUTIONS)) {
            self.other = Some(sum(self.other.unwrap_or_default(), sum(s.contributions, -s.distributions)));
        }
    }

    fn compare(&mut self, live: &Live, f: &Flow) {
        if let Some(amount) = f.amount.filter(|_| live.waits.is_none() && f.class.is_external()) {
            self.other = Some(sum(self.other.unwrap_or_default(), amount));
        }
    }

    fn take_summary_fees(&mut self, s: &Summary) {
        if s.stated.has(Stated::FEES) {
            self.known = self.known.with(Stated::FEES);
            self.fees = sum(self.fees, s.fees);
        }
        if s.stated.has(Stated::FEES_OUTSIDE) {
            self.fees_outside = sum(self.fees_outside, s.fees_outside);
        }
    }

    fn take(&mut self, live: &Live, f: &Flow) {
        self.reasons = self.reasons.and(live.marks);
        match (live.waits, f.amount) {
            (Some(WaitingReason::Currency), _) => self.reasons.insert(Reason::Currency),
            (Some(WaitingReason::Unpriced), _) | (None, None) => {
                self.reasons.insert(Reason::UnpricedTransfer)
            }
            (Some(_), _) => self.reasons.insert(Reason::WaitingInput),
            (None, Some(amount)) if f.class == Class::FeeAdvisory => {
                self.fees = sum(self.fees, -amount);
                self.timed_fees.extend(f.at.map(|at| (at, -amount)));
            }
            (None, Some(amount)) if f.class.is_external() => {
                self.add(DatedFlow { date: live.date, at: f.at, amount });
            }
            (None, Some(_)) => {}
        }
    }

    /// A negative contribution is a distribution, and the reverse.
    fn add(&mut self, flow: DatedFlow) {
        if flow.amount.is_zero() {
            return;
        }
        if flow.amount.is_sign_positive() {
            self.contributions = sum(self.contributions, flow.amount);
        } else {
            self.distributions = sum(self.distributions, -flow.amount);
        }
        self.dated.push(flow);
    }
}

/// Whether a fact is of a kind that can give its date a value.
pub(super) fn may_value(live: &Live) -> bool {
    ended_by(live).is_some() || valuation(live).is_some() || holding(live).is_some()
}
