//! What one vendor says of one date, from a set of winning facts (F1's order in a day, F5, F6).
use super::number::{Q, exact, is_zero, zero};
use super::standing::Names;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use returns::fact::{Class, Flow, Stated, Summary, Valuation};
use returns::policy::{FlowDate, FlowsFrom, Vendor};
use returns::{Body, Fact, Origin, Policy};

/// Microseconds since 1970 UTC.
pub type Instant = i64;

/// Winning facts of a moment, and the conventions they are read by.
pub struct Book<'a> {
    pub winners: Vec<Fact>,
    pub policy: &'a Policy,
    pub base_currency: Option<[u8; 3]>,
}

/// Money that crossed the border, or a fee, with its date.
#[derive(Clone, Debug)]
pub struct Move {
    pub date: Date,
    pub at: Option<Instant>,
    /// In positive, out negative.
    pub amount: Q,
    /// Fees taken out (A) and paid elsewhere (X).
    pub fee: Q,
    pub fee_outside: Q,
    /// Stated for the whole period, not for this date.
    pub of_period: bool,
    /// A fee that a summary states: then fees told one by one are the other side.
    pub states_fee: bool,
    /// In kind, without amount or price: its amount is unknown.
    pub unpriced: bool,
}

/// The single fields a correction may speak of, as the vendor says them. `None`: not stated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    pub end_value: Option<Q>,
    pub contributions: Option<Q>,
    pub distributions: Option<Q>,
    pub fees: Option<Q>,
}

impl Book<'_> {
    pub fn new<'a>(
        standing: &[Fact],
        names: &Names,
        policy: &'a Policy,
        base_currency: Option<[u8; 3]>,
    ) -> Book<'a> {
        Book { winners: super::standing::winners(standing, names), policy, base_currency }
    }

    fn of(&self, vendor: Vendor) -> impl Iterator<Item = &Fact> {
        self.winners.iter().filter(move |f| f.origin == Origin::Vendor(vendor))
    }

    pub fn summary(&self, vendor: Vendor, date: Date) -> Option<(&Fact, &Summary)> {
        self.of(vendor).filter(|f| f.as_of == date).find_map(|f| match &f.body {
            Body::Summary(s) => Some((f, s)),
            _ => None,
        })
    }

    /// The valuations that belong to a date: a time after the cut-off belongs to the next date. By time, one without a time last.
    pub fn valuations(&self, vendor: Vendor, date: Date) -> Vec<(&Fact, Option<Instant>, Q)> {
        let mut found: Vec<_> = self
            .of(vendor)
            .filter_map(|f| match &f.body {
                Body::Valuation(v) if self.valued_on(vendor, f.as_of, v) == date => {
                    Some((f, v.at, exact(v.value) + exact(v.accrued)))
                }
                _ => None,
            })
            .collect();
        found.sort_by_key(|(_, at, _)| at.unwrap_or(Instant::MAX));
        found
    }

    fn valued_on(&self, vendor: Vendor, as_of: Date, valuation: &Valuation) -> Date {
        let policy = self.policy.vendor(vendor);
        match (valuation.at, policy.cut_off) {
            (Some(at), Some(minutes)) if at > instant(as_of, minutes, &policy.zone) => {
                as_of.tomorrow().unwrap()
            }
            _ => as_of,
        }
    }

    /// E: a summary's value, else the closing valuation.
    pub fn value(&self, vendor: Vendor, date: Date) -> Option<(&Fact, Q)> {
        let summary = self.summary(vendor, date).filter(|(_, s)| s.stated.has(Stated::END));
        match summary {
            Some((fact, s)) => Some((fact, exact(s.end) + exact(s.accrued))),
            None => self.valuations(vendor, date).pop().map(|(fact, _, value)| (fact, value)),
        }
    }

    /// The dates on which a vendor gives a value, in order.
    pub fn valued_dates(&self, vendor: Vendor) -> Vec<Date> {
        let mut dates: Vec<Date> = self
            .of(vendor)
            .filter_map(|f| match &f.body {
                Body::Summary(s) if s.stated.has(Stated::END) => Some(f.as_of),
                Body::Valuation(v) => Some(self.valued_on(vendor, f.as_of, v)),
                _ => None,
            })
            .collect();
        dates.sort();
        dates.dedup();
        dates
    }

    /// Flows by date, from the one place the vendor's policy names, and fees from both.
    pub fn moves(&self, vendor: Vendor) -> Vec<Move> {
        let from_summary = self.policy.vendor(vendor).flows_from == FlowsFrom::Summary;
        let mut moves: Vec<Move> = self.of(vendor).flat_map(fees_of_summary).collect();
        if from_summary {
            moves.extend(self.of(vendor).flat_map(flows_of_summary));
        }
        let details = self.of(vendor).flat_map(|f| self.moves_of_detail(vendor, f));
        moves.extend(details.filter(|m| !from_summary || !is_zero(&m.fee)));
        moves
    }

    fn moves_of_detail(&self, vendor: Vendor, fact: &Fact) -> Vec<Move> {
        let Body::Flow(flow) = &fact.body else { return vec![] };
        if !self.is_base_currency(flow) {
            return vec![];
        }
        let mut moved = Move { at: flow.at, ..Move::on(self.flow_date(vendor, fact.as_of, flow)) };
        moved.unpriced = flow.amount.is_none();
        let amount = exact(flow.amount.unwrap_or_default());
        match flow.class {
            class if class.is_external() => moved.amount = amount,
            Class::FeeAdvisory => moved.fee = -amount,
            _ => return vec![],
        }
        vec![moved]
    }

    fn is_base_currency(&self, flow: &Flow) -> bool {
        flow.currency.is_none() || flow.currency == self.base_currency
    }

    fn flow_date(&self, vendor: Vendor, as_of: Date, flow: &Flow) -> Date {
        match self.policy.vendor(vendor).flow_date {
            FlowDate::Posted => as_of,
            FlowDate::Effective => flow.effective.unwrap_or(as_of),
        }
    }

    /// Whether the vendor says a field of the days in (after, to] at all: what is not said is unknown, not zero.
    pub fn knows(&self, vendor: Vendor, field: Stated, after: Option<Date>, to: Date) -> bool {
        self.policy.vendor(vendor).flows_from == FlowsFrom::Detail
            || self.summarises(vendor, field, after, to)
    }

    /// Whether a summary of the days in (after, to] states a field.
    pub fn summarises(&self, vendor: Vendor, field: Stated, after: Option<Date>, to: Date) -> bool {
        let inside = |f: &&Fact| after.is_none_or(|after| f.as_of > after) && f.as_of <= to;
        self.of(vendor).filter(inside).any(|f| matches!(&f.body, Body::Summary(s) if s.stated.has(field)))
    }

    /// F6: the vendor says what a day needs, and no fact has completed it.
    pub fn is_open(&self, vendor: Vendor, date: Date) -> bool {
        let policy = self.policy.vendor(vendor);
        let is_over = |f: &Fact| matches!(&f.body, Body::Quarantined(q) if q.released);
        let later = self.of(vendor).any(|f| f.as_of > date && !is_over(f));
        // A value without a time is the closing one.
        let closed = |minutes: u16| {
            let close = instant(date, minutes, &policy.zone);
            self.valuations(vendor, date).iter().any(|(_, at, _)| at.is_none_or(|at| at >= close))
        };
        let both = Stated::CONTRIBUTIONS.with(Stated::DISTRIBUTIONS);
        let flows_told = self.summary(vendor, date).is_some_and(|(_, s)| s.stated.has(both));
        let values_open = policy.close.is_some_and(|minutes| !closed(minutes));
        (values_open || (policy.needs_flows && !flows_told)) && !later
    }

    /// A record in quarantine that names a date in (after, to]: it may be a flow of that row.
    pub fn is_quarantined(&self, after: Option<Date>, to: Date) -> bool {
        self.winners
            .iter()
            .filter(|f| after.is_none_or(|after| f.as_of > after) && f.as_of <= to)
            .any(|f| matches!(&f.body, Body::Quarantined(q) if !q.released))
    }
}

impl Move {
    pub fn on(date: Date) -> Move {
        Move {
            date,
            at: None,
            amount: zero(),
            fee: zero(),
            fee_outside: zero(),
            of_period: false,
            states_fee: false,
            unpriced: false,
        }
    }

    pub fn is_flow(&self) -> bool {
        !is_zero(&self.amount)
    }
}

/// A negative contribution is a distribution and the reverse: the sign of the move alone decides.
fn flows_of_summary(fact: &Fact) -> Vec<Move> {
    let Body::Summary(s) = &fact.body else { return vec![] };
    let mut moves = Vec::new();
    for (stated, amount) in
        [(Stated::CONTRIBUTIONS, exact(s.contributions)), (Stated::DISTRIBUTIONS, -exact(s.distributions))]
    {
        let of_period = s.stated.has(Stated::FLOWS_OF_PERIOD);
        if s.stated.has(stated) {
            moves.push(Move { amount, of_period, ..Move::on(fact.as_of) });
        }
    }
    moves
}

fn fees_of_summary(fact: &Fact) -> Vec<Move> {
    let Body::Summary(s) = &fact.body else { return vec![] };
    let states_fee = s.stated.has(Stated::FEES);
    vec![Move { fee: exact(s.fees), fee_outside: exact(s.fees_outside), states_fee, ..Move::on(fact.as_of) }]
}

/// The instant of a local time; minute 1440 is the next midnight.
pub fn instant(date: Date, minutes: u16, zone: &str) -> Instant {
    let zone = TimeZone::get(zone).unwrap();
    let (date, minutes) =
        if minutes >= 1440 { (date.tomorrow().unwrap(), minutes - 1440) } else { (date, minutes) };
    let clock = time((minutes / 60) as i8, (minutes % 60) as i8, 0, 0);
    zone.to_timestamp(date.to_datetime(clock)).unwrap().as_microsecond()
}
