//! All of an account's facts to all of its rows, from nothing, each time.
use super::book::{Book, Fields, Instant, Move, instant};
use super::chain::{Day, Figures, Part, next};
use super::number::{Q, exact, int, is_negative, is_positive, is_zero, zero};
use super::overlay::overlay;
use super::standing::{Names, standing};
use jiff::civil::Date;
use returns::fact::Stated;
use returns::ledger::WholeFeed;
use returns::policy::{FlowTiming, FlowsFrom, Vendor};
use returns::{Fact, Policy, Reason};

/// A row, and of its lineage what the contract fixes.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleRow {
    pub figures: Figures,
    pub previous_as_of: Option<Date>,
    pub flow_timing: FlowTiming,
    pub value_vendor: Vendor,
    pub revision: Option<u64>,
    pub reasons: Vec<Reason>,
    /// C - W by the place that does not count, where it says another than the one that does.
    pub other_net_flow: Option<Q>,
}

pub struct Account<'a> {
    pub facts: &'a [Fact],
    pub names: &'a Names,
    pub policy: &'a Policy,
    pub base_currency: Option<[u8; 3]>,
    /// What is known of feeds with an end.
    pub whole: &'a [WholeFeed],
}

impl Account<'_> {
    pub fn rows(&self) -> Vec<OracleRow> {
        let standing = standing(self.facts, self.names, self.whole);
        let book = Book::new(&standing, self.names, self.policy, self.base_currency, self.whole);
        let plan = feeding(&book);
        let mut rows: Vec<OracleRow> = Vec::new();
        for (date, vendor) in &plan {
            let settled = Settled {
                account: self,
                standing: &standing,
                book: &book,
                plan: &plan,
                date: *date,
                vendor: *vendor,
            };
            let row = settled.row(rows.last());
            rows.push(row);
        }
        rows
    }
}

/// Which dates have a value, and whose. A vendor feeds from its first value on; if it is silent the day has no value,
/// unless failover takes the next one (F7).
fn feeding(book: &Book) -> Vec<(Date, Vendor)> {
    let valued: Vec<(Vendor, Vec<Date>)> =
        book.policy.precedence.iter().map(|v| (*v, book.valued_dates(*v))).collect();
    let mut dates: Vec<Date> = valued.iter().flat_map(|(_, dates)| dates.clone()).collect();
    dates.sort();
    dates.dedup();
    let at = |date: Date| {
        let mut ranked = valued.iter().filter(|(_, dates)| dates.first().is_some_and(|first| *first <= date));
        let candidates: Vec<_> = match book.policy.failover {
            true => ranked.collect(),
            false => ranked.next().into_iter().collect(),
        };
        candidates.into_iter().find(|(_, dates)| dates.contains(&date)).map(|(v, _)| (date, *v))
    };
    dates.into_iter().filter_map(at).collect()
}

/// A corrected sum, and the moves it stands in for.
type Side = (Option<Q>, fn(&Move) -> bool);

/// One row being made.
struct Settled<'a> {
    account: &'a Account<'a>,
    standing: &'a [Fact],
    book: &'a Book<'a>,
    plan: &'a [(Date, Vendor)],
    date: Date,
    vendor: Vendor,
}

impl Settled<'_> {
    fn row(&self, before: Option<&OracleRow>) -> OracleRow {
        let before_date = before.map(|b| b.figures.as_of);
        let (winner, own_value) = self.book.value(self.vendor, self.date).unwrap();
        let a = self.account;
        let corrected = overlay(self.standing, a.names, self.date, |then| self.fields(then, before_date));
        let end_value = corrected.end_value.clone().unwrap_or(own_value);
        let mut moves = self.moves(self.book, before_date);
        let vendor = self.book.policy.vendor(self.vendor);
        let of_period = vendor.flows_from == FlowsFrom::Summary
            && self.book.summarises(self.vendor, Stated::FLOWS_OF_PERIOD, before_date, self.date);
        self.correct(&mut moves, &corrected, of_period);
        let begin = before.map(|b| b.figures.end_value.clone()).or(self.stated_begin()).unwrap_or(zero());
        let period = Period::of(before_date, self.date, &begin, &moves);
        let is_long = period.days() > i64::from(self.book.policy.long_period_days);
        let by_date = is_long && moves.iter().any(|m| m.is_flow() && !m.of_period);
        let timing =
            if by_date { FlowTiming::Timed } else { self.book.policy.vendor(self.vendor).flow_timing };
        let day = Day {
            as_of: self.date,
            stated_begin: self.stated_begin(),
            timing,
            parts: self.parts(&moves, end_value, &period, by_date),
        };
        let figures = next(before.map(|b| &b.figures), &day, self.book.policy);
        OracleRow {
            previous_as_of: before_date,
            flow_timing: timing,
            value_vendor: self.vendor,
            revision: winner.revision,
            reasons: self.reasons(before_date, &moves, by_date, &figures, &corrected),
            other_net_flow: self.other_net_flow(before_date, &figures),
            figures,
        }
    }

    fn other_net_flow(&self, before: Option<Date>, figures: &Figures) -> Option<Q> {
        let mut said = self.book.other_flows(self.vendor);
        self.keep_inside(self.book, &mut said, before);
        let summarises = |field| self.book.summarises(self.vendor, field, before, self.date);
        let counted_is_said = self.book.policy.vendor(self.vendor).flows_from == FlowsFrom::Detail
            || (summarises(Stated::CONTRIBUTIONS) && summarises(Stated::DISTRIBUTIONS));
        let other: Q = said.iter().map(|m| m.amount.clone()).sum();
        let counted = &figures.contributions - &figures.distributions;
        (counted_is_said && !said.is_empty() && other != counted).then_some(other)
    }

    fn stated_begin(&self) -> Option<Q> {
        let (_, s) = self.book.summary(self.vendor, self.date)?;
        s.stated.has(Stated::BEGIN).then(|| exact(s.begin))
    }

    /// The fields a correction may touch, as the vendor's facts so far give them.
    fn fields(&self, then: &[Fact], before: Option<Date>) -> Fields {
        let a = self.account;
        let book = Book::new(then, a.names, a.policy, a.base_currency, a.whole);
        let Some((_, value)) = book.value(self.vendor, self.date) else { return Fields::default() };
        let moves = self.moves(&book, before);
        let sum = |of: fn(&Move) -> Q| moves.iter().map(of).sum::<Q>();
        let known =
            |field: Stated, amount: Q| book.knows(self.vendor, field, before, self.date).then_some(amount);
        Fields {
            end_value: Some(value),
            contributions: known(Stated::CONTRIBUTIONS, sum(|m| m.amount.clone().max(zero()))),
            distributions: known(Stated::DISTRIBUTIONS, sum(|m| (-m.amount.clone()).max(zero()))),
            fees: known(Stated::FEES, sum(|m| m.fee.clone())),
        }
    }

    /// Flows and fees of this row: each belongs to the first valued day on or after its date; one timed at or after its day's closing
    /// valuation to the next.
    fn moves(&self, book: &Book, before: Option<Date>) -> Vec<Move> {
        let mut moves = book.moves(self.vendor);
        self.keep_inside(book, &mut moves, before);
        if moves.iter().any(|m| m.states_fee) {
            moves.retain(|m| m.states_fee || is_zero(&m.fee));
        }
        moves
    }

    fn keep_inside(&self, book: &Book, moves: &mut Vec<Move>, before: Option<Date>) {
        moves.retain(|m| {
            let late = self.is_late(book, m);
            let after_before = before.is_none_or(|b| m.date > b || (m.date == b && late));
            after_before && (m.date < self.date || (m.date == self.date && !late))
        });
    }

    /// Of this row's own date `then` says when it closed; the rows before are as they are.
    fn is_late(&self, then: &Book, m: &Move) -> bool {
        let Some((date, vendor)) = self.plan.iter().find(|(date, _)| *date == m.date) else { return false };
        let book = if *date == self.date { then } else { self.book };
        let untimed = book.closes_untimed(*vendor, *date);
        let closing = book.valuations(*vendor, *date).pop().and_then(|(_, at, _)| at).filter(|_| !untimed);
        let policy = self.book.policy.vendor(*vendor);
        let cut_off = policy.cut_off.map(|minutes| instant(*date, minutes, &policy.zone));
        closing.or(cut_off).zip(m.at).is_some_and(|(closes, at)| at >= closes)
    }

    /// Puts corrected sums in the place of the row's own.
    fn correct(&self, moves: &mut Vec<Move>, by: &Fields, of_period: bool) {
        let sides: [Side; 2] = [
            (by.contributions.clone(), |m| is_positive(&m.amount)),
            (by.distributions.clone().map(|w| -w), |m| is_negative(&m.amount)),
        ];
        let mut corrected = Vec::new();
        for (amount, is_replaced) in sides {
            let said: Q = moves.iter().filter(|m| is_replaced(m)).map(|m| m.amount.clone()).sum();
            if let Some(amount) = amount.filter(|amount| *amount != said) {
                moves.iter_mut().filter(|m| is_replaced(m)).for_each(|m| m.amount = zero());
                corrected.push(Move { amount, of_period, ..Move::on(self.date) });
            }
        }
        moves.extend(corrected);
        let said: Q = moves.iter().map(|m| m.fee.clone()).sum();
        if let Some(fee) = by.fees.clone().filter(|fee| *fee != said) {
            moves.iter_mut().for_each(|m| m.fee = zero());
            moves.push(Move { fee, ..Move::on(self.date) });
        }
    }

    fn parts(&self, moves: &[Move], end_value: Q, period: &Period, by_date: bool) -> Vec<Part> {
        let mut bounds: Vec<(Option<Instant>, Q)> =
            self.book.valuations(self.vendor, self.date).into_iter().map(|(_, at, v)| (at, v)).collect();
        if self.book.closes_untimed(self.vendor, self.date) {
            // A value without a time is the closing one, and a summary's goes before it.
            bounds.retain(|(at, _)| at.is_some());
            bounds.push((None, end_value.clone()));
        }
        if bounds.last().is_some_and(|(at, _)| at.is_none()) {
            bounds.retain(|(at, _)| at.is_none_or(|at| at < self.close(self.date)));
        }
        let last = bounds.len() - 1;
        bounds[last].1 = end_value;
        let mut parts: Vec<Part> = Vec::new();
        let mut from = period.begins_at.unwrap_or_else(|| self.close(period.from));
        for (n, (at, value)) in bounds.iter().enumerate() {
            let to = at.unwrap_or_else(|| self.close(self.date));
            let inside: Vec<&Move> = moves.iter().filter(|m| self.part_of(m, &bounds) == n).collect();
            parts.push(part(&inside, value.clone(), |m| match m.at.filter(|_| n > 0 || !by_date) {
                Some(at) => share(to - at, to - from),
                None if n > 0 => int(i64::from(is_positive(&m.amount))),
                None => period.weight(m),
            }));
            from = to;
        }
        parts
    }

    /// By time, a valuation before a flow of the same time; an untimed inflow first, an untimed outflow last.
    fn part_of(&self, m: &Move, bounds: &[(Option<Instant>, Q)]) -> usize {
        let last = bounds.len() - 1;
        match m.at {
            _ if m.date < self.date && m.is_flow() => 0,
            Some(at) => bounds.iter().position(|(bound, _)| bound.is_none_or(|b| at < b)).unwrap_or(last),
            None if is_positive(&m.amount) => 0,
            None => last,
        }
    }

    fn close(&self, date: Date) -> Instant {
        let policy = self.book.policy.vendor(self.vendor);
        instant(date, policy.cut_off.unwrap_or(1440), &policy.zone)
    }

    fn reasons(
        &self,
        before: Option<Date>,
        moves: &[Move],
        by_date: bool,
        figures: &Figures,
        corrected: &Fields,
    ) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut note = |reason: Reason, holds: bool| holds.then(|| reasons.push(reason));
        // A row after it completes a day, whoever fed that.
        let is_last = self.plan.last().is_some_and(|(date, _)| *date == self.date);
        note(Reason::Incomplete, is_last && self.book.is_open(self.vendor, self.date));
        note(Reason::QuarantinedInput, self.book.is_quarantined(before, self.date));
        note(Reason::UnpricedTransfer, moves.iter().any(|m| m.unpriced));
        note(Reason::Corrected, *corrected != Fields::default());
        note(Reason::LongPeriod, by_date);
        note(Reason::ResidualMoney, figures.residual_money);
        reasons
    }
}

/// The time since the row before (a day, if there is none); from B = 0 it begins with its first inflow.
struct Period {
    from: Date,
    to: Date,
    begins_at: Option<Instant>,
}

impl Period {
    fn of(before: Option<Date>, to: Date, begin: &Q, moves: &[Move]) -> Period {
        let mut period = Period { from: before.unwrap_or(to.yesterday().unwrap()), to, begins_at: None };
        let inflows = moves.iter().filter(|m| is_positive(&m.amount));
        if is_zero(begin)
            && let Some(first) = inflows.min_by_key(|m| (m.date, m.at))
        {
            period.from = period.from.max(first.date.yesterday().unwrap());
            period.begins_at = first.at;
        }
        period
    }

    fn days(&self) -> i64 {
        i64::from((self.to - self.from).get_days())
    }

    /// Days left of days; an inflow counts its own day.
    fn weight(&self, m: &Move) -> Q {
        let own_day = i64::from(is_positive(&m.amount));
        share(i64::from((self.to - m.date).get_days()) + own_day, self.days())
    }
}

fn share(left: i64, span: i64) -> Q {
    let span = span.max(1);
    int(left.clamp(0, span)) / int(span)
}

fn part(moves: &[&Move], end_value: Q, weight: impl Fn(&Move) -> Q) -> Part {
    let sum = |of: &dyn Fn(&Move) -> Q| moves.iter().map(|m| of(m)).sum::<Q>();
    Part {
        contributions: sum(&|m| m.amount.clone().max(zero())),
        distributions: sum(&|m| (-m.amount.clone()).max(zero())),
        fees: sum(&|m| m.fee.clone()),
        fees_outside: sum(&|m| m.fee_outside.clone()),
        weighted: sum(&|m| weight(m) * &m.amount),
        end_value,
    }
}
