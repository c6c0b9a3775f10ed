//! The figures of a day and their linking (F1, F2, F3).
use super::number::{Q, abs, exact, fits, int, is_negative, is_positive, is_zero, round, zero};
use jiff::civil::Date;
use returns::policy::{FlowTiming, OnUndefined};
use returns::{Policy, Status};

const PLACES: u32 = 18;

/// An index of 18 places, and (index, denominator) with which its run began.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub growth: Option<Q>,
    pub run: Option<(Q, Q)>,
}

/// What the next day needs, and what a day prints.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub as_of: Date,
    pub begin_value: Q,
    pub contributions: Q,
    pub distributions: Q,
    pub fees: Q,
    pub fees_outside: Q,
    pub end_value: Q,
    pub cumulative_net_flow: Q,
    pub twrr: Option<Q>,
    pub twrr_gross: Option<Q>,
    pub net: Index,
    pub gross: Index,
    pub incepted: bool,
    pub segment: u16,
    pub sub_periods: u16,
    pub status: Status,
    pub value_since: Date,
    /// Small money in a part of the day.
    pub residual_money: bool,
}

/// One sub-period: sums, and what the flows add to B in the denominator.
#[derive(Clone, Debug)]
pub struct Part {
    pub contributions: Q,
    pub distributions: Q,
    pub fees: Q,
    pub fees_outside: Q,
    /// Sum of w F; read when the timing is `timed`.
    pub weighted: Q,
    pub end_value: Q,
}

pub struct Day {
    pub as_of: Date,
    pub stated_begin: Option<Q>,
    pub timing: FlowTiming,
    pub parts: Vec<Part>,
}

/// One sub-period's numbers.
struct Sub {
    d: Q,
    n: Q,
    gross: Q,
    gain: Q,
    end_value: Q,
}

fn sub(b: &Q, part: &Part, timing: FlowTiming) -> Sub {
    let (c, w) = (&part.contributions, &part.distributions);
    let d = match timing {
        FlowTiming::Split => b + c,
        FlowTiming::Start => b + c - w,
        FlowTiming::End => b.clone(),
        FlowTiming::Mid => b + (c - w) / int(2),
        FlowTiming::Timed => b + &part.weighted,
    };
    let gain = &part.end_value - b - c + w;
    let n = &d + &gain - &part.fees_outside;
    let gross = &n + &part.fees + &part.fees_outside;
    Sub { d, n, gross, gain, end_value: part.end_value.clone() }
}

fn classify(sub: &Sub, residual: &Q, after_inception: bool) -> Status {
    let small = |x: &Q| x <= residual;
    if is_zero(&sub.d) && is_zero(&sub.gain) {
        Status::NoCapital
    } else if after_inception
        && is_positive(residual)
        && !is_negative(&sub.d)
        && small(&sub.d)
        && small(&abs(&sub.gain))
    {
        Status::Residual
    } else if is_zero(&sub.d) {
        Status::GainWithoutCapital
    } else if is_negative(&sub.d) {
        Status::NegativeCapital
    } else if is_negative(&sub.n) {
        Status::LossGt100
    } else if is_zero(&sub.n) {
        Status::TotalLoss
    } else {
        Status::Ok
    }
}

/// The first row: an anchor, unless the vendor gives its own B.
fn anchor(day: &Day) -> Figures {
    let one = Index { growth: Some(int(1)), run: None };
    Figures {
        twrr: None,
        twrr_gross: None,
        net: one.clone(),
        gross: one,
        status: Status::Anchor,
        ..blank(day, zero(), None)
    }
}

/// Everything of a day that is no return.
fn blank(day: &Day, begin_value: Q, before: Option<&Figures>) -> Figures {
    let sum = |what: fn(&Part) -> &Q| day.parts.iter().map(|p| what(p).clone()).sum::<Q>();
    let (contributions, distributions) = (sum(|p| &p.contributions), sum(|p| &p.distributions));
    let end_value = day.parts.last().unwrap().end_value.clone();
    let flow_before = before.map_or(zero(), |b| b.cumulative_net_flow.clone());
    let unchanged = before.filter(|b| b.end_value == end_value);
    let ended = Index { growth: None, run: None };
    Figures {
        as_of: day.as_of,
        begin_value,
        cumulative_net_flow: flow_before + &contributions - &distributions,
        contributions,
        distributions,
        fees: sum(|p| &p.fees),
        fees_outside: sum(|p| &p.fees_outside),
        end_value,
        twrr: None,
        twrr_gross: None,
        net: ended.clone(),
        gross: ended,
        incepted: before.is_some_and(|b| b.incepted),
        segment: before.map_or(1, |b| b.segment),
        sub_periods: u16::try_from(day.parts.len()).unwrap(),
        status: Status::Ok,
        value_since: unchanged.map_or(day.as_of, |b| b.value_since),
        residual_money: false,
    }
}

pub fn next(before: Option<&Figures>, day: &Day, policy: &Policy) -> Figures {
    let begin = match (before, &day.stated_begin) {
        (Some(b), _) => b.end_value.clone(),
        (None, Some(own)) => own.clone(),
        (None, None) => return anchor(day),
    };
    let mut b = begin.clone();
    let mut subs = Vec::new();
    for part in &day.parts {
        subs.push(sub(&b, part, day.timing));
        b = part.end_value.clone();
    }
    let mut row = blank(day, begin.clone(), before);
    let mut walk = Walk::begin(before, policy, begin, day.as_of);
    let statuses: Vec<Status> = subs.iter().map(|s| walk.step(s)).collect();
    row.status = summarise(&statuses, &subs, &mut walk);
    row.residual_money = statuses.contains(&Status::Residual);
    row.incepted = walk.incepted;
    row.segment = walk.segment;
    if matches!(row.status, Status::Ok | Status::TotalLoss) {
        let product = |n: fn(&Sub) -> &Q| round(&(factor(&subs, &statuses, n) - int(1)), PLACES);
        row.twrr = Some(product(|s| &s.n));
        let gross = product(|s| &s.gross).max(int(-1));
        if !fits(&gross) {
            walk.untold_gross();
        }
        row.twrr_gross = Some(gross).filter(|_| walk.tells_gross());
    }
    if row.status == Status::LossGt100 && policy.on_undefined == OnUndefined::Carry {
        // Carried, the loss is told as -100%.
        row.twrr = Some(int(-1));
        let gross = subs.last().map(|s| round(&(&s.gross / &s.d - int(1)), PLACES).max(int(-1)));
        row.twrr_gross = gross.filter(|_| walk.tells_gross());
    }
    row.net = walk.net;
    row.gross = walk.gross;
    row
}

fn factor(subs: &[Sub], statuses: &[Status], numerator: fn(&Sub) -> &Q) -> Q {
    let counts = |status: Status| matches!(status, Status::Ok | Status::TotalLoss);
    subs.iter().zip(statuses).filter(|(_, s)| counts(**s)).map(|(sub, _)| numerator(sub) / &sub.d).product()
}

/// A day of several sub-periods: the first undefined one decides; a total loss stays one; money without a return is the last word
/// only if nothing else was there.
fn summarise(statuses: &[Status], subs: &[Sub], walk: &mut Walk) -> Status {
    if let Some(undefined) = statuses.iter().find(|s| s.is_undefined()) {
        // The row is one row: undefined in a part is undefined, and what another part linked is not kept.
        if walk.ends() {
            walk.undefined();
        }
        return *undefined;
    }
    let last = *statuses.last().unwrap();
    if statuses.contains(&Status::TotalLoss) {
        return Status::TotalLoss;
    }
    if !statuses.contains(&Status::Ok) {
        return if statuses.contains(&Status::Residual) { Status::Residual } else { last };
    }
    if !fits(&(factor(subs, statuses, |s| &s.n) - int(1))) {
        walk.net.growth = walk.opening.clone();
        walk.gross.growth = walk.opening_gross.clone();
        walk.undefined();
        return Status::OutOfRange;
    }
    Status::Ok
}

/// The carried state, moved on one sub-period at a time.
struct Walk<'a> {
    policy: &'a Policy,
    net: Index,
    gross: Index,
    incepted: bool,
    segment: u16,
    /// The figure ended, or the capital was lost, with a row before: this row starts a segment where it has D > 0.
    restart: bool,
    /// Gross alone may be out of range.
    gross_is_told: bool,
    /// The indices the day began on.
    opening: Option<Q>,
    opening_gross: Option<Q>,
    end_before: Q,
}

impl Walk<'_> {
    fn begin<'a>(before: Option<&Figures>, policy: &'a Policy, begin: Q, as_of: Date) -> Walk<'a> {
        let Some(b) = before else {
            let one = Index { growth: Some(int(1)), run: None };
            return Walk {
                policy,
                net: one.clone(),
                gross: one,
                incepted: false,
                segment: 1,
                restart: false,
                gross_is_told: true,
                opening: Some(int(1)),
                opening_gross: Some(int(1)),
                end_before: begin,
            };
        };
        let empty_days = (as_of - b.as_of).get_days();
        let lost = b.net.growth.as_ref().is_some_and(is_zero);
        let reopened = policy.reopen_after.is_some_and(|days| empty_days > i32::from(days));
        Walk {
            policy,
            net: b.net.clone(),
            gross: b.gross.clone(),
            incepted: b.incepted,
            segment: b.segment,
            restart: b.net.growth.is_none() || lost || (reopened && b.incepted),
            gross_is_told: true,
            opening: b.net.growth.clone(),
            opening_gross: b.gross.growth.clone(),
            end_before: b.end_value.clone(),
        }
    }

    fn step(&mut self, sub: &Sub) -> Status {
        let mut status = classify(sub, &exact(self.policy.residual), self.incepted);
        let has_capital = is_positive(&sub.d) && status != Status::Residual;
        if has_capital && self.restart {
            self.segment += 1;
            self.net = Index { growth: Some(int(1)), run: None };
            self.gross = self.net.clone();
            self.opening = Some(int(1));
            self.opening_gross = Some(int(1));
            self.restart = false;
        }
        self.incepted |= has_capital;
        match status {
            Status::Ok | Status::TotalLoss => {
                if !advance(&mut self.net, sub, &sub.n, &self.end_before) {
                    status = Status::OutOfRange;
                    self.undefined();
                } else {
                    self.step_gross(sub);
                }
            }
            Status::NoCapital | Status::Residual => self.carry(),
            Status::LossGt100 if self.policy.on_undefined == OnUndefined::Carry => {
                // Carried, a loss beyond the capital is told as -100%: no run.
                self.net = Index { growth: Some(zero()), run: None };
                self.step_gross(sub);
            }
            _ => self.undefined(),
        }
        self.end_before = sub.end_value.clone();
        status
    }

    /// Gross alone may be undefined: then it is null until a new segment, or -100% where losses are carried.
    fn step_gross(&mut self, sub: &Sub) {
        let carries = self.policy.on_undefined == OnUndefined::Carry;
        let lost = is_negative(&sub.gross) && carries && self.gross.growth.is_some();
        if lost {
            self.gross = Index { growth: Some(zero()), run: None };
        } else if is_negative(&sub.gross) || !advance(&mut self.gross, sub, &sub.gross, &self.end_before) {
            self.untold_gross();
        }
    }

    fn untold_gross(&mut self) {
        let carries = self.policy.on_undefined == OnUndefined::Carry;
        self.gross_is_told = false;
        self.gross = Index { growth: self.opening_gross.clone().filter(|_| carries), run: None };
    }

    fn carry(&mut self) {
        self.net.run = None;
        self.gross.run = None;
    }

    fn tells_gross(&self) -> bool {
        self.gross_is_told && self.gross.growth.is_some()
    }

    fn ends(&self) -> bool {
        self.policy.on_undefined == OnUndefined::End && self.incepted
    }

    /// After inception it ends the figure; before, it is flagged and skipped.
    fn undefined(&mut self) {
        if self.ends() {
            self.net = Index { growth: None, run: None };
            self.gross = self.net.clone();
        } else {
            self.carry();
        }
    }
}

/// Links one sub-period over its run; false where the index does not fit.
fn advance(index: &mut Index, sub: &Sub, numerator: &Q, end_before: &Q) -> bool {
    let Some(growth) = index.growth.clone() else { return true };
    let (g0, d0) = match index.run.clone() {
        Some(run) if sub.d == *end_before => run,
        _ => (growth, sub.d.clone()),
    };
    let quotient = &g0 * numerator / &d0;
    let linked = round(&quotient, PLACES);
    let vanished = is_zero(&linked) && is_positive(&quotient);
    if vanished || !fits(&linked) {
        return false;
    }
    *index = Index { growth: Some(linked), run: (*numerator == sub.end_value).then_some((g0, d0)) };
    true
}
