//! One day's facts made into its row.
use super::day::{Flows, Value, flow, flows, is_late, sum, value};
use super::head::Head;
use super::live::{Live, as_cancel, live, names};
use super::overlay::{Fields, Overlay, overlay};
use super::parts::{Amounts, Cut, Shape};
use super::version::{Said, by_key};
use super::{Ground, Profile, carry};
use crate::date::{Date, Micros};
use crate::fact::{Body, Fact, Kind, Origin, Stated};
use crate::link::{Day, Import, Linked, link, link_imported};
use crate::policy::{FlowTiming, Vendor};
use crate::row::{Reason, Reasons, Row};
use rust_decimal::Decimal;

/// Everything a day is made from.
pub(super) struct Scene<'a, 'l> {
    pub as_of: Date,
    pub before: Option<&'l Head>,
    /// When the row before closed, if times can tell.
    pub opens: Option<Micros>,
    /// What is live since the row before, late flows of its date included.
    pub window: &'l [Live<'a>],
    /// Something else dated on this day counts on the next.
    pub spills: bool,
    /// Every content that stands, by key; only read under a correction.
    pub said: &'l [Said<'a>],
    pub profile: &'l Profile,
    pub ground: Ground<'l>,
}

/// A row, and what follows from how it was made.
pub(super) struct Made {
    pub row: Row,
    /// Where the summary it carries is among the facts.
    pub carried: Option<usize>,
    /// When the day closed, if times can tell.
    pub closes: Option<Micros>,
}

impl<'a, 'l> Scene<'a, 'l> {
    /// The day's row; `None` if nobody who feeds the account gives it a value.
    pub(super) fn make(&self) -> Option<Made> {
        let fed = self.feeding(|vendor| value(self.window, vendor, self.as_of, self.ground));
        if let Some((fact, import)) = self.imported() {
            return Some(self.make_imported(fact, import, fed));
        }
        let (vendor, value) = fed?;
        let flows = flows(self.window, vendor, self.as_of, &value, self.ground);
        Some(self.make_valued(vendor, &value, &flows))
    }

    /// When the day closed, as its row was made: by the value that feeds it. History moved in as a standing has the day's flows in it.
    pub(super) fn closes(&self) -> Option<Micros> {
        let fed = self.feeding(|vendor| value(self.window, vendor, self.as_of, self.ground));
        let stands = matches!(self.imported(), Some((_, Import::Opening(_))));
        fed.filter(|_| !stands).and_then(|(_, value)| value.closes)
    }

    /// The vendor that feeds the day, by precedence from its first value on, and what `says` tells of it (F7).
    fn feeding<T>(&self, says: impl Fn(Vendor) -> Option<T>) -> Option<(Vendor, T)> {
        for &vendor in &self.ground.policy.precedence {
            let feeds =
                self.profile.first_values.iter().any(|(v, first)| *v == vendor && *first <= self.as_of);
            if !feeds {
                continue;
            }
            if let Some(said) = says(vendor) {
                return Some((vendor, said));
            }
            if !self.ground.policy.failover {
                return None;
            }
        }
        None
    }

    fn make_valued(&self, vendor: Vendor, value: &Value<'a>, flows: &Flows) -> Made {
        let overlay = self.overlay(vendor, value, flows);
        let (amounts, shape) = self.shape(vendor, value, flows, &overlay);
        let linked = self.link(&day(self.as_of, begin_of(value.fact), &amounts, &shape));
        let mut reasons = linked.reasons.and(value.marks).and(flows.reasons).and(overlay.reasons);
        if shape.long {
            reasons.insert(Reason::LongPeriod);
        }
        let mut row = self.row(value.fact, vendor, &amounts, linked, shape.timing, reasons);
        row.accrued = value.accrued;
        row.flow_vendor = flows.stated.then_some(vendor);
        // What is not stated is unknown, so that one side alone is no net flow to compare with.
        let both_sides = flows.known.has(Stated::CONTRIBUTIONS.with(Stated::DISTRIBUTIONS));
        row.other_net_flow = flows.other.filter(|other| both_sides && *other != row.net_flow());
        // What was said of the days between, or of flows, ended or not, would be out of reach of a head restored from this row.
        let beside = |l: &Live| match l.fact.kind() {
            Kind::Withdrawal => false,
            Kind::Flow => true,
            _ => l.fact.as_of != self.as_of,
        };
        let alone = !self.spills
            && !self.window.iter().any(beside)
            && self.window.iter().filter(|l| !l.ended).count() == 1;
        row.carries = alone && carry::gives_back(&row, value.fact);
        let carried = row.carries.then_some(value.index);
        Made { row, carried, closes: value.closes }
    }

    /// The amounts as they are linked, and how they stand in time.
    pub(super) fn shape(
        &self,
        vendor: Vendor,
        value: &Value<'a>,
        flows: &Flows,
        overlay: &Overlay,
    ) -> (Amounts, Shape) {
        let amounts = overlaid(value, flows, overlay);
        let known = self.before.map(|head| head.chain().end_value);
        let begin = known.or(begin_of(value.fact)).unwrap_or_default();
        let Scene { window, as_of, before, ground, .. } = *self;
        let shape = Cut { window, vendor, as_of, before, begin, value, flows, ground }.shape(&amounts);
        (amounts, shape)
    }

    fn link(&self, day: &Day) -> Linked {
        link(self.before.map(Head::chain).as_ref(), day, self.ground.policy)
    }

    /// History moved in for this date: of several the one whose vendor comes first, a standing before a return.
    fn imported(&self) -> Option<(&'a Fact, Import)> {
        let rank = |origin: Origin| match origin {
            Origin::Vendor(vendor) => self.ground.policy.precedence.iter().position(|v| *v == vendor),
            Origin::Correction => None,
        };
        let today = self.window.iter().filter(|l| l.date == self.as_of && !l.ended);
        let imports = today.filter_map(|l| match l.fact.body {
            Body::Opening(opening) => Some((l.fact, Import::Opening(opening))),
            Body::Return(returned) => Some((l.fact, Import::Return(returned))),
            _ => None,
        });
        imports.min_by_key(|(fact, _)| {
            (fact.kind(), rank(fact.origin).unwrap_or(usize::MAX), fact.reference.clone())
        })
    }

    fn make_imported(&self, fact: &'a Fact, import: Import, fed: Option<(Vendor, Value<'a>)>) -> Made {
        let mut amounts = Amounts {
            end: Decimal::ZERO,
            contributions: Decimal::ZERO,
            distributions: Decimal::ZERO,
            fees: Decimal::ZERO,
            fees_outside: Decimal::ZERO,
        };
        let mut closes = None;
        let mut accrued = Decimal::ZERO;
        let mut vendor = match fact.origin {
            Origin::Vendor(vendor) => vendor,
            Origin::Correction => Vendor(0),
        };
        match (import, fed) {
            // The standing's cumulative net flow has the day's flows in it.
            (Import::Opening(opening), _) => amounts.end = opening.end,
            (Import::Return(_), Some((feeding, value))) => {
                vendor = feeding;
                let flows = flows(self.window, vendor, self.as_of, &value, self.ground);
                amounts = overlaid(&value, &flows, &Overlay::default());
                (closes, accrued) = (value.closes, value.accrued);
            }
            (Import::Return(_), None) => {}
        }
        let shape = Shape { timing: FlowTiming::Split, long: false, flows: Vec::new(), parts: Vec::new() };
        let day = day(self.as_of, None, &amounts, &shape);
        let linked = link_imported(self.before.map(Head::chain).as_ref(), &day, import);
        let reasons = linked.reasons;
        let mut row = self.row(fact, vendor, &amounts, linked, shape.timing, reasons);
        row.accrued = accrued;
        Made { row, carried: None, closes }
    }

    /// The row with the lineage of the fact it is traced to.
    fn row(
        &self,
        fact: &Fact,
        vendor: Vendor,
        amounts: &Amounts,
        linked: Linked,
        flow_timing: FlowTiming,
        reasons: Reasons,
    ) -> Row {
        let said = match &fact.body {
            Body::Summary(summary) => *summary,
            _ => Default::default(),
        };
        let returned = said.stated.has(Stated::REPORTED_RETURN);
        Row {
            as_of: self.as_of,
            previous_as_of: self.before.map(|head| head.as_of),
            begin_value: linked.begin_value,
            contributions: amounts.contributions,
            distributions: amounts.distributions,
            cumulative_net_flow: linked.cumulative_net_flow,
            fees: amounts.fees,
            fees_outside: amounts.fees_outside,
            accrued: Decimal::ZERO,
            end_value: amounts.end,
            twrr: linked.twrr,
            twrr_gross: linked.twrr_gross,
            net: linked.net,
            gross: linked.gross,
            incepted: linked.incepted,
            segment: linked.segment,
            sub_periods: linked.sub_periods,
            status: linked.status,
            flow_timing,
            reasons: reasons.and(self.holds(vendor)),
            revision: fact.revision,
            value_since: linked.value_since,
            value_vendor: vendor,
            flow_vendor: None,
            carries: false,
            vendor_account: fact.vendor_account,
            vendor_begin: begin_of(fact),
            other_net_flow: None,
            stated: said.stated,
            content: fact.content,
            mapping_version: fact.mapping_version,
            feed: fact.feed,
            place: fact.place,
            arrival: fact.arrival,
            reported_return: returned.then_some(said.reported_return),
            reported_span: said.reported_span,
            policy_id: self.ground.policy.id,
        }
    }

    /// Reasons that come from beside the value: quarantined input since the row before, another vendor than the row before.
    fn holds(&self, vendor: Vendor) -> Reasons {
        let mut reasons = Reasons::default();
        if self.window.iter().any(|l| !l.ended && l.fact.kind() == Kind::Quarantined) {
            reasons.insert(Reason::QuarantinedInput);
        }
        if self.before.is_some_and(|head| head.value_vendor != vendor) {
            reasons.insert(Reason::SourceSwitch);
        }
        reasons
    }

    pub(super) fn overlay(&self, vendor: Vendor, value: &Value, flows: &Flows) -> Overlay {
        let is_correction = |l: &&Live| l.date == self.as_of && l.fact.kind() == Kind::Correction;
        if !self.window.iter().any(|l| is_correction(&l)) {
            return Overlay::default();
        }
        let said = self.said_in_window();
        let moments: Vec<&Fact> = said.iter().map(|s| s.fact).collect();
        let now = flows.fields(value);
        let corrections = self.window.iter().filter(is_correction).map(|l| l.fact);
        overlay(corrections, &moments, now, |until| self.fields_at(&said, vendor, until), self.ground)
    }

    /// Every content, winning or not, of the keys that count in this window or once did, and the cancels that name them.
    fn said_in_window(&self) -> Vec<Said<'a>> {
        let mut winners: Vec<usize> = self.window.iter().map(|l| l.index).collect();
        winners.sort_unstable();
        let is_named = |s: &Said| match as_cancel(s.fact).and_then(|cancel| cancel.original.as_deref()) {
            Some(original) => {
                self.window.iter().any(|l| flow(l).is_some() && names(original, l.fact, s.fact))
            }
            None => false,
        };
        let counts = |contents: &&[Said]| {
            contents.iter().any(|s| winners.binary_search(&s.index).is_ok() || is_named(s))
        };
        self.said.chunk_by(|a, b| by_key(a.fact, b.fact).is_eq()).filter(counts).flatten().copied().collect()
    }

    /// The vendor's fields as they were when a fact had come; `None` before its value had.
    fn fields_at(&self, said: &[Said<'a>], vendor: Vendor, until: &Fact) -> Option<Fields> {
        let mut window = live(said, Some(until), self.profile.base_currency, self.ground);
        window.retain(|l| self.covers(l));
        let value = value(&window, vendor, self.as_of, self.ground)?;
        let flows = flows(&window, vendor, self.as_of, &value, self.ground);
        Some(flows.fields(&value))
    }

    /// Whether something counts in this window: another version of an undated flow may be dated anywhere.
    fn covers(&self, l: &Live) -> bool {
        let is_after =
            |head: &Head| l.date > head.as_of || (flow(l).is_some() && is_late(l, head.as_of, self.opens));
        l.date <= self.as_of
            && self.before.is_none_or(is_after)
            && self.profile.performance_start.is_none_or(|start| l.date >= start)
    }
}

/// What of a window belongs to the next row: flows of the day itself, after it closed.
pub(super) fn keep_late(window: &mut Vec<Live>, as_of: Date, closes: Option<Micros>) {
    window.retain(|l| flow(l).is_some() && is_late(l, as_of, closes));
}

fn begin_of(fact: &Fact) -> Option<Decimal> {
    match &fact.body {
        Body::Summary(s) if s.stated.has(Stated::BEGIN) => Some(s.begin),
        _ => None,
    }
}

fn overlaid(value: &Value, flows: &Flows, overlay: &Overlay) -> Amounts {
    let [end, contributions, distributions, fees] = overlay.fields;
    let mut amounts = Amounts {
        end: end.unwrap_or(value.end),
        contributions: contributions.unwrap_or(flows.contributions),
        distributions: distributions.unwrap_or(flows.distributions),
        fees: fees.unwrap_or(flows.fees),
        fees_outside: flows.fees_outside,
    };
    let (c, w) = (amounts.contributions, amounts.distributions);
    if c < Decimal::ZERO || w < Decimal::ZERO {
        let positive = |d: Decimal| d.max(Decimal::ZERO);
        amounts.contributions = sum(positive(c), positive(-w));
        amounts.distributions = sum(positive(w), positive(-c));
    }
    amounts
}

fn day<'d>(as_of: Date, stated_begin: Option<Decimal>, amounts: &Amounts, shape: &'d Shape) -> Day<'d> {
    Day {
        as_of,
        stated_begin,
        end_value: amounts.end,
        contributions: amounts.contributions,
        distributions: amounts.distributions,
        fees: amounts.fees,
        fees_outside: amounts.fees_outside,
        timing: shape.timing,
        flows: &shape.flows,
        parts: &shape.parts,
    }
}
