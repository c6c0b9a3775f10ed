//! All of an account's facts to all of its rows, from nothing, each time.
use super::book::{Book, Fields, Instant, Move, instant};
use super::chain::{Day, Figures, Part, next};
use super::number::{Q, exact, int, is_negative, is_positive, is_zero, zero};
use super::overlay::overlay;
use super::standing::{Names, standing};
use jiff::civil::Date;
use returns::fact::Stated;
use returns::policy::{FlowTiming, Vendor};
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
}

pub struct Account<'a> {
    pub facts: &'a [Fact],
    pub names: &'a Names,
    pub policy: &'a Policy,
    pub base_currency: Option<[u8; 3]>,
}

impl Account<'_> {
    pub fn rows(&self) -> Vec<OracleRow> {
        let standing = standing(self.facts, self.names);
        let book = Book::new(&standing, self.names, self.policy, self.base_currency);
        let plan = feeding(&book);
        let mut rows: Vec<OracleRow> = Vec::new();
        for (date, vendor) in &plan {
            let settled = Settled { account: self, standing: &standing, book: &book, plan: &plan, date: *date, vendor: *vendor };
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
        let corrected = self.overlay(self.date);
        let (winner, own_value) = self.book.value(self.vendor, self.date).unwrap();
        let end_value = corrected.end_value.clone().unwrap_or(own_value);
        let moves = self.moves(before_date);
        let begin = before.map(|b| b.figures.end_value.clone());
        let period = Period::of(before_date, self.date, begin.as_ref(), &moves);
        let is_long = period.as_ref().is_some_and(|p| p.days > i64::from(self.book.policy.long_period_days));
        let by_date = is_long && moves.iter().any(|m| m.is_flow() && !m.of_period);
        let timing = if by_date { FlowTiming::Timed } else { self.book.policy.vendor(self.vendor).flow_timing };
        let day = Day {
            as_of: self.date,
            stated_begin: self.stated_begin(),
            timing,
            parts: self.parts(&moves, end_value, period.filter(|_| by_date)),
        };
        let figures = next(before.map(|b| &b.figures), &day, self.book.policy);
        OracleRow {
            previous_as_of: before_date,
            flow_timing: timing,
            value_vendor: self.vendor,
            revision: winner.revision,
            reasons: self.reasons(by_date, &figures, &corrected),
            figures,
        }
    }

    fn stated_begin(&self) -> Option<Q> {
        let (_, s) = self.book.summary(self.vendor, self.date)?;
        s.stated.has(Stated::BEGIN).then(|| exact(s.begin))
    }

    fn overlay(&self, date: Date) -> Fields {
        let a = self.account;
        overlay(self.standing, a.names, a.policy, a.base_currency, self.vendor, date)
    }

    /// Flows and fees of this row: each belongs to the first valued day on or after its date; one timed at or after its day's closing
    /// valuation to the next.
    fn moves(&self, before: Option<Date>) -> Vec<Move> {
        let mut moves = self.corrected_moves();
        moves.retain(|m| {
            let late = self.is_late(m);
            let after_before = before.is_none_or(|b| m.date > b || (m.date == b && late));
            after_before && (m.date < self.date || (m.date == self.date && !late))
        });
        moves
    }

    fn is_late(&self, m: &Move) -> bool {
        let valued = self.plan.iter().any(|(date, vendor)| *date == m.date && *vendor == self.vendor);
        let summary = self.book.summary(self.vendor, m.date).is_some_and(|(_, s)| s.stated.has(Stated::END));
        let closing = self.book.valuations(self.vendor, m.date).pop().and_then(|(_, at, _)| at);
        valued && !summary && closing.zip(m.at).is_some_and(|(closing, at)| at >= closing)
    }

    /// The vendor's moves, with corrected sums in the place of those of their date.
    fn corrected_moves(&self) -> Vec<Move> {
        let mut moves = self.book.moves(self.vendor);
        let mut dates: Vec<Date> =
            self.standing.iter().filter(|f| f.kind() == returns::Kind::Correction).map(|f| f.as_of).collect();
        dates.sort();
        dates.dedup();
        for date in dates {
            let by = self.overlay(date);
            let mut put = |amount: Option<Q>, is_replaced: fn(&Move) -> bool| {
                if let Some(amount) = amount {
                    let of_period = moves.iter().any(|m| m.date == date && is_replaced(m) && m.of_period);
                    moves.retain(|m| m.date != date || !is_replaced(m));
                    moves.push(Move { amount, of_period, ..Move::on(date) });
                }
            };
            put(by.contributions, |m| is_positive(&m.amount));
            put(by.distributions.map(|w| -w), |m| is_negative(&m.amount));
            if let Some(fee) = by.fees {
                moves.iter_mut().filter(|m| m.date == date).for_each(|m| m.fee = zero());
                moves.push(Move { fee, ..Move::on(date) });
            }
        }
        moves
    }

    fn parts(&self, moves: &[Move], end_value: Q, by_date: Option<Period>) -> Vec<Part> {
        let summary =
            self.book.summary(self.vendor, self.date).is_some_and(|(_, s)| s.stated.has(Stated::END));
        let mut bounds: Vec<(Option<Instant>, Q)> =
            self.book.valuations(self.vendor, self.date).into_iter().map(|(_, at, v)| (at, v)).collect();
        if summary {
            bounds.push((None, end_value.clone()));
        }
        let last = bounds.len() - 1;
        bounds[last].1 = end_value;
        let start = self.open_instant();
        let mut parts = Vec::new();
        for (n, (at, value)) in bounds.iter().enumerate() {
            let from = if n == 0 { start } else { bounds[n - 1].0.unwrap() };
            let to = at.unwrap_or_else(|| self.close_instant(self.date));
            let inside: Vec<&Move> = moves.iter().filter(|m| self.part_of(m, &bounds) == n).collect();
            parts.push(part(&inside, value.clone(), from, to, by_date.as_ref()));
        }
        parts
    }

    /// By time, a valuation before a flow of the same time; an untimed inflow first, an untimed outflow last.
    fn part_of(&self, m: &Move, bounds: &[(Option<Instant>, Q)]) -> usize {
        let last = bounds.len() - 1;
        match m.at {
            _ if m.date < self.date => 0,
            Some(at) => bounds.iter().position(|(bound, _)| bound.is_none_or(|b| at < b)).unwrap_or(last),
            None if is_positive(&m.amount) => 0,
            None => last,
        }
    }

    fn close_instant(&self, date: Date) -> Instant {
        let policy = self.book.policy.vendor(self.vendor);
        instant(date, policy.cut_off.unwrap_or(1440), &policy.zone)
    }

    fn open_instant(&self) -> Instant {
        self.close_instant(self.date.yesterday().unwrap())
    }

    fn reasons(&self, by_date: bool, figures: &Figures, corrected: &Fields) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut note = |reason: Reason, holds: bool| holds.then(|| reasons.push(reason));
        note(Reason::Incomplete, self.book.is_open(self.vendor, self.date));
        note(Reason::QuarantinedInput, self.book.is_quarantined(self.date));
        note(Reason::UnpricedTransfer, self.book.has_unpriced(self.vendor, self.date));
        note(Reason::Corrected, *corrected != Fields::default());
        note(Reason::LongPeriod, by_date);
        note(Reason::ResidualMoney, figures.status == returns::Status::Residual);
        reasons
    }
}

/// A sub-period by dates: from the row before, or from B = 0 from its first inflow.
struct Period {
    to: Date,
    days: i64,
}

impl Period {
    fn of(before: Option<Date>, to: Date, begin: Option<&Q>, moves: &[Move]) -> Option<Period> {
        let mut from = before?;
        if begin.is_some_and(is_zero)
            && let Some(first) = moves.iter().filter(|m| is_positive(&m.amount) && !m.of_period).map(|m| m.date).min()
        {
            from = from.max(first.yesterday().unwrap());
        }
        Some(Period { to, days: i64::from((to - from).get_days()) })
    }

    /// Days left of days; an inflow counts its own day.
    fn weight(&self, m: &Move) -> Q {
        let own_day = i64::from(is_positive(&m.amount));
        let left = i64::from((self.to - m.date).get_days()) + own_day;
        int(left.min(self.days)) / int(self.days)
    }
}

fn part(moves: &[&Move], end_value: Q, from: Instant, to: Instant, by_date: Option<&Period>) -> Part {
    let sum = |of: &dyn Fn(&Move) -> Q| moves.iter().map(|m| of(m)).sum::<Q>();
    let weight = |m: &Move| match (by_date, m.at) {
        (Some(period), _) => period.weight(m),
        (None, Some(at)) => int(to - at.max(from)) / int(to - from),
        (None, None) => int(i64::from(is_positive(&m.amount))),
    };
    let only = |keep: bool, amount: Q| if keep { amount } else { zero() };
    Part {
        contributions: sum(&|m| only(is_positive(&m.amount), m.amount.clone())),
        distributions: sum(&|m| only(is_negative(&m.amount), -m.amount.clone())),
        fees: sum(&|m| m.fee.clone()),
        fees_outside: sum(&|m| m.fee_outside.clone()),
        weighted: sum(&|m| weight(m) * &m.amount),
        end_value,
    }
}
