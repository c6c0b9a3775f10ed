//! When inside a day, or a longer period, its flows count: weights, and the parts between several valuations (F1).
use super::day::{DatedFlow, Flows, Value, sum, valuation};
use super::head::Head;
use super::live::Live;
use super::{Ground, clock};
use crate::date::{Date, Micros, days_between};
use crate::fact::Origin;
use crate::link::{SubPeriod, WeightedFlow};
use crate::policy::{FlowTiming, Vendor};
use rust_decimal::Decimal;
use std::borrow::Cow;

/// The amounts of a day as they are linked, corrections overlaid. All flows are >= 0.
#[derive(Clone, Copy)]
pub(super) struct Amounts {
    pub end: Decimal,
    pub contributions: Decimal,
    pub distributions: Decimal,
    pub fees: Decimal,
    pub fees_outside: Decimal,
}

/// How a day's flows stand in time.
pub(super) struct Shape {
    pub timing: FlowTiming,
    /// `timed` by date because the period is long, whatever the vendor's setting.
    pub long: bool,
    /// With `timed` and one sub-period.
    pub flows: Vec<WeightedFlow>,
    /// Two or more, or none.
    pub parts: Vec<SubPeriod>,
}

/// The time a row covers.
struct Period {
    begin: Date,
    end: Date,
    begins_at: Option<Micros>,
    long: bool,
}

/// What a vendor's day is cut into.
pub(super) struct Cut<'a, 'l> {
    pub window: &'l [Live<'a>],
    pub vendor: Vendor,
    pub as_of: Date,
    pub before: Option<&'l Head>,
    /// B.
    pub begin: Decimal,
    pub value: &'l Value<'a>,
    pub flows: &'l Flows,
    pub ground: Ground<'l>,
}

impl Cut<'_, '_> {
    pub(super) fn shape(&self, amounts: &Amounts) -> Shape {
        let policy = self.ground.policy.vendor(self.vendor);
        let dated = self.dated(amounts);
        let period = self.period(&dated);
        let timing = if period.long { FlowTiming::Timed } else { policy.flow_timing };
        let splits = self.splits();
        if splits.is_empty() && timing != FlowTiming::Timed {
            return Shape { timing, long: period.long, flows: Vec::new(), parts: Vec::new() };
        }
        let mut parts = self.parts(&splits, &period, amounts, &dated);
        let single = parts.len() == 1;
        let flows = if single { parts.remove(0).flows } else { Vec::new() };
        Shape { timing, long: period.long, flows, parts }
    }

    /// The flows one by one. A corrected sum has no times: it is one untimed flow of the day itself, in the place of those it corrects.
    fn dated(&self, amounts: &Amounts) -> Cow<'_, [DatedFlow]> {
        let new_in = Some(amounts.contributions).filter(|c| *c != self.flows.contributions);
        let new_out = Some(amounts.distributions).filter(|w| *w != self.flows.distributions);
        if new_in.is_none() && new_out.is_none() {
            return Cow::Borrowed(&self.flows.dated);
        }
        let stands = |f: &DatedFlow| if f.amount.is_sign_positive() { new_in } else { new_out }.is_none();
        let corrected = new_in.into_iter().chain(new_out.map(|w| -w)).filter(|amount| !amount.is_zero());
        let corrected = corrected.map(|amount| DatedFlow { date: self.as_of, at: None, amount });
        self.flows.dated.iter().copied().filter(stands).chain(corrected).collect()
    }

    /// The period since the row before; from B = 0 it begins with its first inflow.
    fn period(&self, dated: &[DatedFlow]) -> Period {
        let mut begin =
            self.before.map_or_else(|| self.as_of.yesterday().unwrap_or(self.as_of), |head| head.as_of);
        let mut begins_at = None;
        if self.begin.is_zero() {
            let inflows = dated.iter().filter(|f| f.amount.is_sign_positive());
            if let Some(first) = inflows.min_by_key(|f| (f.date, f.at)) {
                begin = begin.max(first.date.yesterday().unwrap_or(first.date));
                begins_at = first.at;
            }
        }
        let length = days_between(begin, self.as_of);
        let long = length > i32::from(self.ground.policy.long_period_days)
            && !self.flows.of_period
            && !dated.is_empty();
        Period { begin, end: self.as_of, begins_at, long }
    }

    /// The valuations before the closing one, by time.
    fn splits(&self) -> Vec<(Micros, Decimal)> {
        let timed = |l: &Live| {
            let own = !l.ended && l.date == self.as_of && l.fact.origin == Origin::Vendor(self.vendor);
            let v = valuation(l).filter(|_| own)?;
            Some((v.at?, sum(v.value, v.accrued)))
        };
        let mut splits: Vec<_> = self.window.iter().filter_map(timed).collect();
        if !splits.is_empty() {
            let closes = self.closes();
            splits.retain(|(at, _)| *at < closes);
            splits.sort_unstable();
            splits.dedup_by_key(|(at, _)| *at);
        }
        splits
    }

    fn closes(&self) -> Micros {
        let policy = self.ground.policy.vendor(self.vendor);
        self.value.closes.unwrap_or_else(|| clock::close(policy, self.as_of))
    }

    fn parts(
        &self,
        splits: &[(Micros, Decimal)],
        period: &Period,
        amounts: &Amounts,
        dated: &[DatedFlow],
    ) -> Vec<SubPeriod> {
        let policy = self.ground.policy.vendor(self.vendor);
        let start = period.begins_at.unwrap_or_else(|| clock::close(policy, period.begin));
        let mut edges = vec![start];
        edges.extend(splits.iter().map(|(at, _)| *at));
        edges.push(self.closes());
        let last = splits.len();
        let mut parts: Vec<SubPeriod> =
            splits.iter().map(|(_, value)| SubPeriod { end_value: *value, ..SubPeriod::default() }).collect();
        parts.push(SubPeriod { end_value: amounts.end, ..SubPeriod::default() });
        for flow in dated {
            let n = part_of(flow, self.as_of, splits);
            let times = flow.at.filter(|_| n > 0 || !period.long).map(|at| (at, edges[n], edges[n + 1]));
            add(&mut parts[n], weighted(flow, times, n, last, period));
        }
        let mut untimed = amounts.fees;
        for (at, fee) in self.flows.timed_fees.iter().filter(|_| amounts.fees == self.flows.fees) {
            let n = splits.iter().filter(|(split, _)| split <= at).count();
            parts[n].fees = sum(parts[n].fees, *fee);
            untimed = sum(untimed, -*fee);
        }
        parts[last].fees = sum(parts[last].fees, untimed);
        parts[last].fees_outside = amounts.fees_outside;
        parts
    }
}

/// Which part a flow falls into: by time, at equal times after the valuation; an untimed inflow first, an untimed outflow last.
fn part_of(flow: &DatedFlow, as_of: Date, splits: &[(Micros, Decimal)]) -> usize {
    match flow.at {
        _ if flow.date < as_of => 0,
        Some(at) => splits.iter().filter(|(split, _)| *split <= at).count(),
        None if flow.amount.is_sign_positive() => 0,
        None => splits.len(),
    }
}

/// The part of its sub-period left after a flow: by time where times are known, else by date, where an inflow counts its own day.
fn weighted(
    flow: &DatedFlow,
    times: Option<(Micros, Micros, Micros)>,
    part: usize,
    last: usize,
    period: &Period,
) -> WeightedFlow {
    let inflow = flow.amount.is_sign_positive();
    let (left, span) = match times {
        Some((at, begin, end)) => (end.saturating_sub(at), end.saturating_sub(begin).max(1)),
        None if part == last && part > 0 => (i64::from(inflow), 1),
        None => {
            let left = days_between(flow.date, period.end) + i32::from(inflow);
            (i64::from(left), i64::from(days_between(period.begin, period.end).max(1)))
        }
    };
    WeightedFlow { amount: flow.amount, left: left.clamp(0, span), span }
}

fn add(part: &mut SubPeriod, flow: WeightedFlow) {
    if flow.amount.is_sign_positive() {
        part.contributions = sum(part.contributions, flow.amount);
    } else {
        part.distributions = sum(part.distributions, -flow.amount);
    }
    part.flows.push(flow);
}
