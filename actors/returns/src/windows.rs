//! F4: returns over windows, from stored rows.
//!
//! A window is (base, to]: from the close of its base date to the close of its last. Its return is one quotient of two
//! growth indices, G(last row in it) / G(last row up to the base) - 1, rounded once to 18 places.
use crate::annualise::{YearCount, annualised, years};
use crate::date::{Date, days_between};
use crate::exact::{index, rate};
use crate::money::{add, sub};
use crate::row::{Growth, Row, Status, Verdict};
use rust_decimal::Decimal;
use std::fmt;

mod period;

/// A base row may lie this many days before the base: a weekend and a holiday on either side.
const STALE_AFTER_DAYS: i32 = 4;

/// A window, as of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The row of the date itself, from the row before.
    Day,
    MonthToDate,
    QuarterToDate,
    YearToDate,
    PreviousMonth,
    PreviousQuarter,
    PreviousYear,
    /// From the same day so many months back, clamped; from a month's last day when as of one.
    Trailing {
        months: u16,
    },
    SinceInception,
    /// From the close of `from` to the close of `to`, whatever the as-of date.
    Between {
        from: Date,
        to: Date,
    },
}

impl Window {
    /// Those that need no dates of their own, in the order of reports.
    pub const OFFERED: [Window; 12] = [
        Window::Day,
        Window::MonthToDate,
        Window::QuarterToDate,
        Window::YearToDate,
        Window::PreviousMonth,
        Window::PreviousQuarter,
        Window::PreviousYear,
        Window::Trailing { months: 12 },
        Window::Trailing { months: 36 },
        Window::Trailing { months: 60 },
        Window::Trailing { months: 120 },
        Window::SinceInception,
    ];
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Window::Day => "day",
            Window::MonthToDate => "mtd",
            Window::QuarterToDate => "qtd",
            Window::YearToDate => "ytd",
            Window::PreviousMonth => "previous_month",
            Window::PreviousQuarter => "previous_quarter",
            Window::PreviousYear => "previous_year",
            Window::SinceInception => "since_inception",
            Window::Between { .. } => "from_to",
            Window::Trailing { months } if months % 12 == 0 => return write!(f, "{}y", months / 12),
            Window::Trailing { months } => return write!(f, "{months}m"),
        };
        f.pad(name)
    }
}

/// Why a window has no return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// No row lies at or before the base.
    NotLongEnough,
    /// No row lies inside.
    NoValue,
    /// The base row lies more than 4 days before the base.
    StaleBase,
    /// A new segment starts inside.
    Segment,
    /// An undefined return lies inside, or there was no capital to have one.
    Undefined,
}

impl Missing {
    pub fn as_str(self) -> &'static str {
        match self {
            Missing::NotLongEnough => "not_long_enough",
            Missing::NoValue => "no_value",
            Missing::StaleBase => "stale_base",
            Missing::Segment => "segment",
            Missing::Undefined => "undefined",
        }
    }
}

/// A return over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// 18 places.
    pub cumulative: Decimal,
    /// 12 places; only where the window is longer than one calendar year.
    pub annualised: Option<Decimal>,
}

/// The money of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    pub begin_value: Decimal,
    /// C - W.
    pub net_flow: Decimal,
    /// What it is made of; `None` where a standing moved in says their balance alone.
    pub parts: Option<Parts>,
    /// E - B - C + W.
    pub gain: Decimal,
    pub end_value: Decimal,
}

/// Flows and fees of a window, each of them summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub contributions: Decimal,
    pub distributions: Decimal,
    /// A, taken out of the account, and X, paid elsewhere.
    pub fees: Decimal,
    pub fees_outside: Decimal,
}

/// What a window says.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub window: Window,
    /// The window's own dates; no base before an account's first row.
    pub base: Option<Date>,
    pub to: Date,
    /// The dates of the rows it rests on. The base row of a first row with its own r is the day before it.
    pub base_row: Option<Date>,
    pub last_row: Option<Date>,
    /// Without both rows, across an imported stretch without values, from inside one, or beyond the decimal type there is none.
    pub money: Option<Money>,
    pub net: Result<Return, Missing>,
    pub gross: Result<Return, Missing>,
    /// The worst of the rows it rests on, the base row included: its value is the window's B.
    pub verdict: Verdict,
    /// It rests on history moved in.
    pub imported: bool,
}

/// One account's rows, in order of dates, with their verdicts.
#[derive(Clone, Copy)]
pub struct Series<'a> {
    pub rows: &'a [(&'a Row, Verdict)],
    /// The date from which moved-in history counts, the account's inception: used where the first row is imported.
    pub imported_from: Option<Date>,
    pub year_count: YearCount,
}

/// The state at a window's base: a row's, or that of the day before a first row with its own r.
#[derive(Clone, Copy)]
struct Base {
    date: Date,
    value: Decimal,
    net: Option<Decimal>,
    gross: Option<Decimal>,
    segment: u16,
    /// How many rows lie at or before the base.
    rows: usize,
}

impl Series<'_> {
    /// A window as of a date.
    pub fn measure(&self, window: Window, as_of: Date) -> Measured {
        match window {
            Window::Day => self.day(as_of),
            Window::SinceInception => self.between(window, self.start().map(|base| base.date), as_of, false),
            Window::Between { from, to } => self.between(window, Some(from), to, true),
            _ => match period::bounds(window, as_of) {
                Some((from, to)) => self.between(window, Some(from), to, true),
                None => self.between(window, None, as_of, true),
            },
        }
    }

    /// Every window of [`Window::OFFERED`].
    pub fn measure_all(&self, as_of: Date) -> impl Iterator<Item = Measured> {
        Window::OFFERED.into_iter().map(move |window| self.measure(window, as_of))
    }

    fn day(&self, as_of: Date) -> Measured {
        let end = self.rows_to(as_of);
        let mut measured = Measured::empty(Window::Day, None, as_of, Missing::NoValue);
        let Some((row, _)) =
            end.checked_sub(1).map(|last| self.rows[last]).filter(|(row, _)| row.as_of == as_of)
        else {
            return measured;
        };
        let base = match end {
            // What a standing says is no day's.
            1 => self.before_first().filter(|_| !is_standing(row)),
            _ => Some(self.base_row(end - 1)),
        };
        measured.base = base.map(|base| base.date);
        measured.base_row = measured.base;
        measured.last_row = Some(as_of);
        self.rest_on(&mut measured, end - 1, end);
        measured.money = base.and_then(|base| self.money(&base, end));
        let missing = if base.is_none() { Missing::NotLongEnough } else { Missing::Undefined };
        let own = |rate: Option<Decimal>| rate.map(Return::cumulative).ok_or(missing);
        measured.net = own(row.twrr);
        measured.gross = own(row.twrr_gross);
        measured
    }

    fn between(&self, window: Window, from: Option<Date>, to: Date, may_be_stale: bool) -> Measured {
        let mut measured = Measured::empty(window, from, to, Missing::NotLongEnough);
        let Some((from, base)) = from.and_then(|from| Some((from, self.base(from)?))) else {
            return measured;
        };
        measured.base_row = Some(base.date);
        let end = self.rows_to(to);
        if end <= base.rows {
            measured.net = Err(Missing::NoValue);
            measured.gross = Err(Missing::NoValue);
            return measured;
        }
        let last = self.rows[end - 1].0;
        measured.last_row = Some(last.as_of);
        self.rest_on(&mut measured, base.rows, end);
        let stale = may_be_stale && days_between(base.date, from) > STALE_AFTER_DAYS;
        measured.money = self.money(&base, end);
        let figure = |now: Growth, then: Option<Decimal>| {
            if stale {
                return Err(Missing::StaleBase);
            }
            let cumulative = linked(last, now, then, base.segment)?;
            let annualised = years(from, to, self.year_count).and_then(|years| annualised(cumulative, years));
            Ok(Return { cumulative, annualised })
        };
        measured.net = figure(last.net, base.net);
        measured.gross = figure(last.gross, base.gross);
        measured
    }

    /// The rows at or before a date.
    fn rows_to(&self, date: Date) -> usize {
        self.rows.partition_point(|(row, _)| row.as_of <= date)
    }

    fn base(&self, date: Date) -> Option<Base> {
        match self.rows_to(date) {
            // Inside history moved in nothing is known but where it began.
            0 => self.before_first().filter(|base| base.date == date),
            rows => Some(self.base_row(rows)),
        }
    }

    fn base_row(&self, rows: usize) -> Base {
        let row = self.rows[rows - 1].0;
        Base {
            date: row.as_of,
            value: row.end_value,
            net: row.net.growth,
            gross: row.gross.growth,
            segment: row.segment,
            rows,
        }
    }

    /// The base of the whole record: the anchor, or the day before a first row with its own r.
    fn start(&self) -> Option<Base> {
        self.before_first().or_else(|| (!self.rows.is_empty()).then(|| self.base_row(1)))
    }

    fn before_first(&self) -> Option<Base> {
        let (row, _) = self.rows.first().filter(|(row, _)| row.status != Status::Anchor)?;
        let moved_in = self.imported_from.filter(|_| row.status == Status::Imported);
        Some(Base {
            date: moved_in.filter(|date| *date < row.as_of).or(row.as_of.yesterday().ok())?,
            value: row.begin_value,
            net: Some(Decimal::ONE),
            gross: Some(Decimal::ONE),
            segment: row.segment,
            rows: 0,
        })
    }

    /// Marks what the rows from the base row on say of the window. `first` counts the rows up to the base.
    fn rest_on(&self, measured: &mut Measured, first: usize, end: usize) {
        for (row, verdict) in &self.rows[first.saturating_sub(1)..end] {
            measured.verdict = measured.verdict.max(*verdict);
            measured.imported |= row.status == Status::Imported;
        }
    }

    fn money(&self, base: &Base, end: usize) -> Option<Money> {
        let inside = &self.rows[base.rows..end];
        let last = inside.last()?.0;
        let imported = |row: &Row| row.status == Status::Imported;
        let unvalued = imported(last) && last.end_value.is_zero();
        // A return moved in says nothing of the value it began with.
        let unbegun =
            base.rows == 0 && inside.first().is_some_and(|(row, _)| imported(row) && !is_standing(row));
        if unvalued || unbegun || inside.iter().any(|(row, _)| row.status == Status::Anchor) {
            return None;
        }
        let parts = if inside.iter().any(|(row, _)| is_standing(row)) { None } else { Some(parts(inside)?) };
        let net_flow = match parts {
            Some(parts) => sub(parts.contributions, parts.distributions)?,
            // From its own beginning on, the standing's balance is in the running sum.
            None if base.rows == 0 => last.cumulative_net_flow,
            None => return None,
        };
        let gain = sub(sub(last.end_value, base.value)?, net_flow)?;
        Some(Money { begin_value: base.value, net_flow, parts, gain, end_value: last.end_value })
    }
}

/// A standing moved in: a value and what came of all before it, with no return of its own.
fn is_standing(row: &Row) -> bool {
    row.status == Status::Imported && row.twrr.is_none()
}

fn parts(rows: &[(&Row, Verdict)]) -> Option<Parts> {
    let mut parts = Parts::default();
    for (row, _) in rows {
        parts.contributions = add(parts.contributions, row.contributions)?;
        parts.distributions = add(parts.distributions, row.distributions)?;
        parts.fees = add(parts.fees, row.fees)?;
        parts.fees_outside = add(parts.fees_outside, row.fees_outside)?;
    }
    Some(parts)
}

/// One quotient of the two indices. Before inception nothing was at stake: a figure of 0 would claim a return.
fn linked(last: &Row, now: Growth, then: Option<Decimal>, segment: u16) -> Result<Decimal, Missing> {
    let now = now.growth.filter(|_| last.incepted).ok_or(Missing::Undefined)?;
    if last.segment != segment {
        return Err(Missing::Segment);
    }
    let quotient = || rate(index(now)?, index(then?)?);
    quotient().ok_or(Missing::Undefined)
}

impl Return {
    fn cumulative(cumulative: Decimal) -> Return {
        Return { cumulative, annualised: None }
    }
}

impl Measured {
    fn empty(window: Window, base: Option<Date>, to: Date, missing: Missing) -> Measured {
        Measured {
            window,
            base,
            to,
            base_row: None,
            last_row: None,
            money: None,
            net: Err(missing),
            gross: Err(missing),
            verdict: Verdict::Final,
            imported: false,
        }
    }
}

#[cfg(test)]
mod tests;
