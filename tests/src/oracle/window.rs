//! Windows over rows (F4), by walking over all of them.
use super::chain::{Figures, Index};
use super::number::{Q, fits, int, is_zero, root, round, zero};
use jiff::civil::Date;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    NotLongEnough,
    NoValue,
    StaleBase,
    Segment,
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

#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub net: Result<Q, Missing>,
    pub gross: Result<Q, Missing>,
    pub rests_on: Option<(Date, Date)>,
    /// B, C, W, A, X, gain, E.
    pub money: Option<[Q; 7]>,
}

/// What stands at a window's base.
struct Base {
    date: Date,
    value: Q,
    segment: u16,
    net: Option<Q>,
    gross: Option<Q>,
}

/// A first row with its own r rests on the day before it, where the index is 1.
fn base_at(rows: &[Figures], date: Date) -> Option<Base> {
    let first = rows.first()?;
    let day_before = first.as_of.yesterday().unwrap();
    match rows.iter().rev().find(|r| r.as_of <= date) {
        Some(r) => Some(Base {
            date: r.as_of,
            value: r.end_value.clone(),
            segment: r.segment,
            net: r.net.growth.clone(),
            gross: r.gross.growth.clone(),
        }),
        None if first.status != returns::Status::Anchor && date >= day_before => Some(Base {
            date: day_before,
            value: first.begin_value.clone(),
            segment: 1,
            net: Some(int(1)),
            gross: Some(int(1)),
        }),
        None => None,
    }
}

/// (base, to]: G(last row up to `to`) / G(last row up to `base`) - 1.
pub fn between(rows: &[Figures], base: Date, to: Date, may_be_stale: bool) -> Window {
    let none = |why| Window { net: Err(why), gross: Err(why), rests_on: None, money: None };
    let Some(from) = base_at(rows, base) else { return none(Missing::NotLongEnough) };
    let inside: Vec<&Figures> = rows.iter().filter(|r| r.as_of > base && r.as_of <= to).collect();
    let Some(last) = inside.last() else { return none(Missing::NoValue) };
    let stale = may_be_stale && (base - from.date).get_days() > 4;
    let figure = |now: &Index, then: &Option<Q>| match (&now.growth, then) {
        _ if stale => Err(Missing::StaleBase),
        (None, _) => Err(Missing::Undefined),
        _ if last.segment != from.segment => Err(Missing::Segment),
        // As a row's own return beyond the decimal type is `out_of_range`, a window's is undefined.
        (Some(now), Some(then)) if last.incepted && !is_zero(then) => {
            Some(round(&(now / then - int(1)), 18)).filter(fits).ok_or(Missing::Undefined)
        }
        _ => Err(Missing::Undefined),
    };
    Window {
        net: figure(&last.net, &from.net),
        gross: figure(&last.gross, &from.gross),
        rests_on: Some((from.date, last.as_of)),
        money: Some(money(&from.value, &inside, last)),
    }
}

fn money(begin: &Q, inside: &[&Figures], last: &Figures) -> [Q; 7] {
    let sum = |of: fn(&Figures) -> &Q| inside.iter().map(|r| of(r).clone()).fold(zero(), |a, b| a + b);
    let (c, w) = (sum(|r| &r.contributions), sum(|r| &r.distributions));
    let gain = &last.end_value - begin - &c + &w;
    [begin.clone(), c, w, sum(|r| &r.fees), sum(|r| &r.fees_outside), gain, last.end_value.clone()]
}

/// The date so many months back, clamped; a month's last day from a month's last day.
pub fn months_back(as_of: Date, months: i32) -> Date {
    let back = as_of.first_of_month().checked_sub(jiff::Span::new().months(months)).unwrap();
    let last = back.last_of_month();
    if as_of == as_of.last_of_month() || as_of.day() > last.day() {
        last
    } else {
        Date::new(back.year(), back.month(), as_of.day()).unwrap()
    }
}

/// The last day of the period before the one that `as_of` lies in; periods of 1, 3 or 12 months.
pub fn period_base(as_of: Date, months: i8) -> Date {
    let first_month = (as_of.month() - 1) / months * months + 1;
    Date::new(as_of.year(), first_month, 1).unwrap().yesterday().unwrap()
}

/// (1 + cum)^(1/y) - 1 at 12 places, only beyond one calendar year: y = whole anniversaries + days left / days of that anniversary year.
pub fn annualised(cumulative: &Q, base: Date, to: Date) -> Option<Q> {
    let mut whole = 0;
    while anniversary(base, whole + 1) <= to {
        whole += 1;
    }
    let start = anniversary(base, whole);
    let days = (anniversary(base, whole + 1) - start).get_days();
    let left = (to - start).get_days();
    if whole < 1 || (whole == 1 && left == 0) {
        return None;
    }
    let (p, q) = (whole * days + left, days);
    let factor = cumulative + int(1);
    if is_zero(&factor) {
        return Some(int(-1));
    }
    Some(root(&factor, q.unsigned_abs(), p.unsigned_abs(), 12) - int(1))
}

/// 29 February clamps to 28 February.
fn anniversary(base: Date, years: i32) -> Date {
    base.checked_add(jiff::Span::new().years(years)).unwrap()
}
