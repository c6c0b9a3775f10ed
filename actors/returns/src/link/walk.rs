//! F2 and F3: a day's sub-periods, linked one after the other.
use super::{Chain, Day, Linked};
use crate::date::days_between;
use crate::exact::{Product, from_index, index, mul_div};
use crate::money::{from_units, to_units};
use crate::policy::{FlowTiming, OnUndefined, Policy};
use crate::row::{Growth, Reason, Reasons, Run, Status};
use crate::subperiod::{Said, Terms};
use rust_decimal::Decimal;

/// One figure, net or gross, on its way through a day.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    now: Growth,
    /// The index the day began on.
    opening: Option<Decimal>,
    product: Product,
    /// The figure alone is ended or out of range: null until a new segment.
    lost: bool,
}

impl Figure {
    fn at(now: Growth) -> Figure {
        Figure { now, opening: now.growth, product: Product::ONE, lost: now.growth.is_none() }
    }

    /// Links N / D; with `carry` a loss beyond the capital as -100%, which is no run: N is not E there.
    fn count(&mut self, terms: &Terms, numerator: i128, begin: Decimal, carry: bool) -> Option<()> {
        if !carry || numerator >= 0 {
            return self.link(terms, numerator, begin);
        }
        self.product.times(0, u128::try_from(terms.capital).ok()?);
        self.now = Growth { growth: self.now.growth.map(|_| Decimal::ZERO), link: None };
        Some(())
    }

    /// Links N / D, both in the terms' unit. `None` out of range: then the index stays where it was.
    fn link(&mut self, terms: &Terms, numerator: i128, begin: Decimal) -> Option<()> {
        let n = u128::try_from(numerator).ok()?;
        let d = u128::try_from(terms.capital).ok()?;
        self.product.times(n, d);
        let Some(growth) = self.now.growth else { return Some(()) };
        let goes_on = self.now.link.take().filter(|_| terms.capital == terms.begin);
        let (start, capital) = match &goes_on {
            Some(run) => (run.growth, u128::try_from(to_units(run.capital)?.checked_mul(terms.per)?).ok()?),
            None => (growth, d),
        };
        let start_index = index(start)?;
        let linked = mul_div(start_index, n, capital)?;
        if linked == 0 && n > 0 && start_index > 0 {
            return None;
        }
        self.now.growth = Some(from_index(linked)?);
        if numerator == terms.end {
            self.now.link = match goes_on {
                Some(run) => Some(run),
                None => Some(Run { growth: start, capital: capital_of(terms, begin)? }),
            };
        }
        Some(())
    }

    /// Factor 1: the index stands, the next row begins a run.
    fn stand(&mut self) {
        self.now.link = None;
    }

    /// The day's index cannot be told: the figure ends, or stays where the day began.
    fn fail(&mut self, stays: bool) {
        self.now = Growth { growth: self.opening.filter(|_| stays), link: None };
        self.lost = true;
    }
}

/// D as an amount. Asked only where N = E: then D = B + C - W and the fees between N and the gain, whole whatever the
/// weights of the flows.
fn capital_of(terms: &Terms, begin: Decimal) -> Option<Decimal> {
    if terms.capital == terms.begin {
        return Some(begin);
    }
    debug_assert_eq!(terms.capital % terms.per, 0, "N = E with a broken D");
    from_units(terms.capital / terms.per)
}

pub(super) struct Walk {
    carry: bool,
    /// In units; 0 is off.
    residual: i128,
    begin: Decimal,
    incepted: bool,
    segment: u16,
    /// The next capital starts a new segment.
    restart: bool,
    status: Status,
    residual_money: bool,
    net: Figure,
    gross: Figure,
}

impl Walk {
    /// `before` is `None` for a first row with the vendor's own B.
    pub(super) fn new(before: Option<&Chain>, begin: Decimal, day: &Day, policy: &Policy) -> Walk {
        let start = Growth { growth: Some(Decimal::ONE), link: None };
        let (net, gross) = before.map_or((start, start), |chain| (chain.net, chain.gross));
        Walk {
            carry: policy.on_undefined == OnUndefined::Carry,
            residual: to_units(policy.residual).unwrap_or(0),
            begin,
            incepted: before.is_some_and(|chain| chain.incepted),
            segment: before.map_or(1, |chain| chain.segment),
            restart: before.is_some_and(|chain| {
                chain.incepted && (chain.is_over() || chain.reopens(day.as_of, policy.reopen_after))
            }),
            status: Status::NoCapital,
            residual_money: false,
            net: Figure::at(net),
            gross: Figure::at(gross),
        }
    }

    pub(super) fn step(&mut self, said: &Said, timing: FlowTiming) {
        match Terms::of(self.begin, said, timing) {
            Some(terms) => self.fold(&terms),
            None => {
                self.has_capital();
                self.note(Status::OutOfRange);
                self.stand();
            }
        }
        self.begin = said.end_value;
    }

    fn fold(&mut self, terms: &Terms) {
        let status = terms.status(self.incepted, self.residual);
        if terms.capital > 0 && status != Status::Residual {
            self.has_capital();
        }
        self.note(status);
        match status {
            Status::Ok | Status::TotalLoss => self.link(terms),
            Status::LossGt100 if self.carry => self.link(terms),
            _ => self.stand(),
        }
    }

    fn link(&mut self, terms: &Terms) {
        let same = terms.gross == terms.net && self.gross == self.net;
        if self.net.count(terms, terms.net, self.begin, self.carry).is_none() {
            self.note(Status::OutOfRange);
            return self.stand();
        }
        if same {
            self.gross.clone_from(&self.net);
            return;
        }
        if self.gross.count(terms, terms.gross, self.begin, self.carry).is_none() {
            self.gross.fail(self.carry);
        }
    }

    fn stand(&mut self) {
        self.net.stand();
        self.gross.stand();
    }

    /// The whole day is: with `carry`, and before inception, its factor is 1.
    fn out_of_range(&mut self) {
        self.status = Status::OutOfRange;
        let stays = self.carry || !self.incepted;
        self.net.fail(stays);
        self.gross.fail(stays);
    }

    fn has_capital(&mut self) {
        self.incepted = true;
        if self.restart {
            self.restart = false;
            self.segment = self.segment.saturating_add(1);
            let start = Figure::at(Growth { growth: Some(Decimal::ONE), link: None });
            self.net.clone_from(&start);
            self.gross = start;
        }
    }

    /// A day is what its weightiest sub-period is.
    fn note(&mut self, status: Status) {
        self.residual_money |= status == Status::Residual;
        if weight(status) > weight(self.status) {
            self.status = status;
        }
    }

    /// The row. `cumulative_net_flow` is `None` when the running sum leaves the decimal type.
    pub(super) fn close(
        mut self,
        before: Option<&Chain>,
        begin: Decimal,
        day: &Day,
        cumulative_net_flow: Option<Decimal>,
    ) -> Linked {
        let (twrr, twrr_gross) = self.rates();
        if cumulative_net_flow.is_none() {
            self.out_of_range();
        }
        if self.status.is_undefined() && !self.carry && self.incepted {
            self.net.fail(false);
            self.gross.fail(false);
        }
        let told = self.has_return();
        let mut reasons = Reasons::default();
        if self.residual_money {
            reasons.insert(Reason::ResidualMoney);
        }
        Linked {
            begin_value: begin,
            cumulative_net_flow: cumulative_net_flow
                .or(before.map(|chain| chain.cumulative_net_flow))
                .unwrap_or_default(),
            twrr: twrr.filter(|_| told),
            twrr_gross: twrr_gross.filter(|_| told && !self.gross.lost),
            net: self.net.now,
            gross: self.gross.now,
            incepted: self.incepted,
            segment: self.segment,
            sub_periods: day.sub_periods(),
            status: self.status,
            value_since: day.value_since(before),
            reasons,
        }
    }

    fn has_return(&self) -> bool {
        match self.status {
            Status::Ok | Status::TotalLoss => true,
            Status::LossGt100 => self.carry,
            _ => false,
        }
    }

    /// Net and gross return of the day; null where it has none or it leaves the decimal type.
    fn rates(&mut self) -> (Option<Decimal>, Option<Decimal>) {
        if !self.has_return() {
            return (None, None);
        }
        let Some(net) = self.net.product.rate() else {
            self.out_of_range();
            return (None, None);
        };
        if self.gross.product == self.net.product {
            return (Some(net), Some(net));
        }
        let gross = self.gross.product.rate();
        if gross.is_none() {
            self.gross.fail(self.carry);
        }
        (Some(net), gross)
    }
}

fn weight(status: Status) -> u8 {
    match status {
        Status::NoCapital | Status::Anchor | Status::Imported => 0,
        Status::Residual => 1,
        Status::Ok => 2,
        Status::TotalLoss => 3,
        Status::GainWithoutCapital | Status::NegativeCapital | Status::LossGt100 | Status::OutOfRange => 4,
    }
}

impl Chain {
    /// The net figure is ended or lost everything: the next capital starts a segment.
    pub(super) fn is_over(&self) -> bool {
        self.net.growth.is_none_or(|growth| growth.is_zero())
    }

    /// The account was worth 0 for at least that many whole days before this one.
    fn reopens(&self, as_of: crate::date::Date, reopen_after: Option<u16>) -> bool {
        reopen_after.is_some_and(|empty| {
            self.end_value.is_zero() && days_between(self.value_since, as_of) > i32::from(empty)
        })
    }
}
