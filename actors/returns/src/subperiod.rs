//! F1: one sub-period's denominator, numerators and gain, exactly, and what they mean (F3).
use crate::link::{Day, SubPeriod, WeightedFlow};
use crate::money::to_units;
use crate::policy::FlowTiming;
use crate::row::Status;
use rust_decimal::Decimal;

/// What a sub-period says: a whole day, or one of its parts.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    contributions: Decimal,
    distributions: Decimal,
    fees: Decimal,
    fees_outside: Decimal,
    pub(crate) end_value: Decimal,
    flows: &'a [WeightedFlow],
}

impl<'a> Said<'a> {
    pub(crate) fn whole(day: &Day<'a>) -> Self {
        Said {
            contributions: day.contributions,
            distributions: day.distributions,
            fees: day.fees,
            fees_outside: day.fees_outside,
            end_value: day.end_value,
            flows: day.flows,
        }
    }

    pub(crate) fn part(part: &'a SubPeriod) -> Self {
        Said {
            contributions: part.contributions,
            distributions: part.distributions,
            fees: part.fees,
            fees_outside: part.fees_outside,
            end_value: part.end_value,
            flows: &part.flows,
        }
    }
}

/// A sub-period in whole numbers of 10^-8 / `per`. Weights of flows are fractions; `per` is what makes all of them whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) per: i128,
    /// B and E.
    pub(crate) begin: i128,
    pub(crate) end: i128,
    /// D.
    pub(crate) capital: i128,
    /// E - B - C + W.
    pub(crate) gain: i128,
    /// N, net and gross.
    pub(crate) net: i128,
    pub(crate) gross: i128,
}

impl Terms {
    /// `None` where a sum leaves 128 bits, an amount has more than 8 places, or a weight has no span: no such input passes
    /// the bounds on amounts.
    pub(crate) fn of(begin: Decimal, said: &Said, timing: FlowTiming) -> Option<Terms> {
        // No check in these sums: a few values below 8 x 10^36 each.
        let (begin, end) = (to_units(begin)?, to_units(said.end_value)?);
        let (inflow, outflow) = (to_units(said.contributions)?, to_units(said.distributions)?);
        let (fees, outside) = (to_units(said.fees)?, to_units(said.fees_outside)?);
        let gain = end - begin - inflow + outflow;
        let (added, per) = match timing {
            FlowTiming::Split => (inflow, 1),
            FlowTiming::Start => (inflow - outflow, 1),
            FlowTiming::End => (0, 1),
            FlowTiming::Mid => (inflow - outflow, 2),
            FlowTiming::Timed => weighted(said.flows)?,
        };
        let whole = |units: i128| if per == 1 { Some(units) } else { units.checked_mul(per) };
        let begin = whole(begin)?;
        let capital = begin.checked_add(added)?;
        let net = capital.checked_add(whole(gain - outside)?)?;
        let gross = net.checked_add(whole(fees + outside)?)?;
        Some(Terms { per, begin, end: whole(end)?, capital, gain: whole(gain)?, net, gross })
    }

    /// F3 without `out_of_range`, which only the link can tell. `residual` is in units, 0 is off.
    pub(crate) fn status(&self, incepted: bool, residual: i128) -> Status {
        if self.capital == 0 && self.gain == 0 {
            return Status::NoCapital;
        }
        if self.capital >= 0 && residual > 0 && incepted {
            let bound = residual.saturating_mul(self.per);
            if self.capital <= bound && self.gain.abs() <= bound {
                return Status::Residual;
            }
        }
        match (self.capital.signum(), self.net.signum()) {
            (0, _) => Status::GainWithoutCapital,
            (-1, _) => Status::NegativeCapital,
            (_, -1) => Status::LossGt100,
            (_, 0) => Status::TotalLoss,
            _ => Status::Ok,
        }
    }
}

/// The sum of w F over a common denominator of the weights.
fn weighted(flows: &[WeightedFlow]) -> Option<(i128, i128)> {
    flows.iter().try_fold((0i128, 1i128), |(sum, per), flow| {
        if flow.span <= 0 {
            return None;
        }
        let (left, span) = (i128::from(flow.left), i128::from(flow.span));
        let shared = gcd(left, span);
        let (left, span) = (left / shared, span / shared);
        let common = (per / gcd(per, span)).checked_mul(span)?;
        let share = left.checked_mul(common / span)?.checked_mul(to_units(flow.amount)?)?;
        Some((sum.checked_mul(common / per)?.checked_add(share)?, common))
    })
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
