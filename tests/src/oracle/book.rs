//! What one vendor says of one date, from a set of winning facts (F1's order in a day, F5, F6).
use super::number::{Q, exact, is_zero, zero};
use super::standing::{Names, Winners, contents, is_released, winners};
use super::whole::{is_aside, is_coming};
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use record::FeedKey;
use returns::fact::{Class, Flow, Holding, Stated, Summary, Valuation};
use returns::ledger::{Needs, Stage, WholeFeed};
use returns::policy::{FlowDate, FlowsFrom, ValueFrom, Vendor};
use returns::{Body, Fact, Key, Kind, Origin, Policy};

/// Microseconds since 1970 UTC.
pub type Instant = i64;

/// Winning facts of a moment, and the conventions they are read by.
pub struct Book<'a> {
    pub winners: Vec<Fact>,
    /// Those that may have come twice.
    waiting: Vec<Key>,
    /// Of holdings, the winners among contents that a feed says of which no more is to come: those are summed.
    holdings: Vec<Fact>,
    standing: &'a [Fact],
    pub policy: &'a Policy,
    base_currency: Option<[u8; 3]>,
    whole: &'a [WholeFeed],
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
        standing: &'a [Fact],
        names: &Names,
        policy: &'a Policy,
        base_currency: Option<[u8; 3]>,
        whole: &'a [WholeFeed],
    ) -> Book<'a> {
        // Of a feed that is still coming a holding says nothing yet, and is as if it had not come.
        let told = |f: &&Fact| f.kind() == Kind::Holding && !is_coming(f.feed, whole);
        let told: Vec<Fact> = standing.iter().filter(told).cloned().collect();
        let mut holdings = winners(&contents(&told, names), names, policy).facts;
        holdings.sort_by(|a, b| a.reference.cmp(&b.reference));
        let Winners { facts, waiting } = winners(standing, names, policy);
        Book { winners: facts, waiting, holdings, standing, policy, base_currency, whole }
    }

    fn of(&self, vendor: Vendor) -> impl Iterator<Item = &Fact> {
        self.winners.iter().filter(move |f| f.origin == Origin::Vendor(vendor))
    }

    /// Those that may count: a line in another currency than the base waits, and gives its day nothing.
    fn counted(&self, vendor: Vendor) -> impl Iterator<Item = &Fact> {
        self.of(vendor).filter(|f| match &f.body {
            Body::Summary(s) => self.is_base_currency(s.currency),
            Body::Valuation(v) => self.is_base_currency(v.currency),
            _ => true,
        })
    }

    pub fn summary(&self, vendor: Vendor, date: Date) -> Option<(&Fact, &Summary)> {
        self.counted(vendor).filter(|f| f.as_of == date).find_map(|f| match &f.body {
            Body::Summary(s) => Some((f, s)),
            _ => None,
        })
    }

    /// The valuations that belong to a date: a time after the cut-off belongs to the next date. By time, one without a time last.
    pub fn valuations(&self, vendor: Vendor, date: Date) -> Vec<(&Fact, Option<Instant>, Q)> {
        let mut found: Vec<_> = self
            .counted(vendor)
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

    /// E: a summary's value, else the closing valuation, else the sum of holdings where they are the vendor's values.
    pub fn value(&self, vendor: Vendor, date: Date) -> Option<(&Fact, Q)> {
        let summary = self.summary(vendor, date).filter(|(_, s)| s.stated.has(Stated::END));
        match summary {
            Some((fact, s)) => Some((fact, exact(s.end) + exact(s.accrued))),
            None => self
                .valuations(vendor, date)
                .pop()
                .map(|(fact, _, value)| (fact, value))
                .or_else(|| self.held_value(vendor, date)),
        }
    }

    /// The first holding stands for all of them.
    fn held_value(&self, vendor: Vendor, date: Date) -> Option<(&Fact, Q)> {
        let held: Vec<(&Fact, Q)> = self
            .held(vendor)
            .filter(|(f, _)| f.as_of == date)
            .map(|(f, h)| (f, exact(h.value) + exact(h.accrued)))
            .collect();
        let (first, _) = held.first()?;
        Some((first, held.iter().map(|(_, value)| value.clone()).sum()))
    }

    /// The holdings that count for a vendor's values.
    fn held(&self, vendor: Vendor) -> impl Iterator<Item = (&Fact, &Holding)> {
        let as_values = self.policy.vendor(vendor).value_from == ValueFrom::Holdings;
        let own = move |f: &&Fact| as_values && f.origin == Origin::Vendor(vendor);
        self.holdings.iter().filter(own).filter_map(|f| match &f.body {
            Body::Holding(h) if self.is_base_currency(h.currency) => Some((f, h)),
            _ => None,
        })
    }

    /// Whether a date's value is its closing one without a time of its own.
    pub fn closes_untimed(&self, vendor: Vendor, date: Date) -> bool {
        let summary = self.summary(vendor, date).is_some_and(|(_, s)| s.stated.has(Stated::END));
        summary || self.valuations(vendor, date).is_empty()
    }

    /// The dates on which a vendor gives a value, in order.
    pub fn valued_dates(&self, vendor: Vendor) -> Vec<Date> {
        let mut dates: Vec<Date> = self
            .counted(vendor)
            .filter_map(|f| match &f.body {
                Body::Summary(s) if s.stated.has(Stated::END) => Some(f.as_of),
                Body::Valuation(v) => Some(self.valued_on(vendor, f.as_of, v)),
                _ => None,
            })
            .chain(self.held(vendor).map(|(f, _)| f.as_of))
            .collect();
        dates.sort();
        dates.dedup();
        dates
    }

    /// Flows by date, from the one place the vendor's policy names, and fees from both.
    pub fn moves(&self, vendor: Vendor) -> Vec<Move> {
        let from_summary = self.policy.vendor(vendor).flows_from == FlowsFrom::Summary;
        let mut moves: Vec<Move> = self.counted(vendor).flat_map(fees_of_summary).collect();
        if from_summary {
            moves.extend(self.counted(vendor).flat_map(flows_of_summary));
        }
        let details = self.of(vendor).flat_map(|f| self.moves_of_detail(vendor, f));
        moves.extend(details.filter(|m| !from_summary || !is_zero(&m.fee)));
        moves
    }

    /// Flows by date from the place that does not count: of summaries those that state both sides, of details those with an amount.
    pub fn other_flows(&self, vendor: Vendor) -> Vec<Move> {
        let both = Stated::CONTRIBUTIONS.with(Stated::DISTRIBUTIONS);
        let of_summary = |f: &Fact| match &f.body {
            Body::Summary(s) if s.stated.has(both) => flows_of_summary(f),
            _ => vec![],
        };
        let of_detail = |f: &Fact| match &f.body {
            Body::Flow(flow) if flow.class.is_external() && flow.amount.is_some() => {
                self.moves_of_detail(vendor, f)
            }
            _ => vec![],
        };
        match self.policy.vendor(vendor).flows_from {
            FlowsFrom::Summary => self.of(vendor).flat_map(of_detail).collect(),
            FlowsFrom::Detail => self.counted(vendor).flat_map(of_summary).collect(),
        }
    }

    fn moves_of_detail(&self, vendor: Vendor, fact: &Fact) -> Vec<Move> {
        let Body::Flow(flow) = &fact.body else { return vec![] };
        if !self.is_base_currency(flow.currency) || self.waiting.contains(&fact.key()) {
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

    fn is_base_currency(&self, currency: Option<[u8; 3]>) -> bool {
        currency.is_none() || currency == self.base_currency
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
        let states = |f: &Fact| matches!(&f.body, Body::Summary(s) if s.stated.has(field));
        self.counted(vendor).filter(inside).any(states)
    }

    /// F6: the vendor says what a day needs, and no fact has completed it.
    pub fn is_open(&self, vendor: Vendor, date: Date) -> bool {
        let policy = self.policy.vendor(vendor);
        let later = self.of(vendor).any(|f| f.as_of > date && !is_released(f, self.standing.iter()));
        // A value without a time is the closing one.
        let closed = |minutes: u16| {
            let close = instant(date, minutes, &policy.zone);
            self.valuations(vendor, date).iter().any(|(_, at, _)| at.is_none_or(|at| at >= close))
        };
        let both = Stated::CONTRIBUTIONS.with(Stated::DISTRIBUTIONS);
        let flows_told = self.summary(vendor, date).is_some_and(|(_, s)| s.stated.has(both));
        let (values_in, flows_in) =
            (self.is_in(vendor, date, |n| n.values), self.is_in(vendor, date, |n| n.flows));
        let values_open = policy.close.is_some_and(|minutes| !closed(minutes)) && !values_in;
        (values_open || (policy.needs_flows && !flows_told && !flows_in)) && !later
    }

    /// Whether a feed that gives what a day needs has ended: one of that date or a later one, or one that speaks of the day itself.
    fn is_in(&self, vendor: Vendor, date: Date, gives: fn(&Needs) -> bool) -> bool {
        let of_day = |f: &&Fact| !is_released(f, self.standing.iter()) && self.counts_on(vendor, f) == date;
        let live = self.of(vendor).chain(self.holdings.iter().filter(|f| f.origin == Origin::Vendor(vendor)));
        let speaking: Vec<FeedKey> = live.filter(of_day).flat_map(|f| feeds(f, self.standing)).collect();
        self.whole
            .iter()
            .filter(|w| w.vendor == vendor && w.stage != Stage::Coming && gives(&w.gives))
            .filter(|w| !is_aside(w.key, self.whole))
            .any(|w| w.business_date.is_some_and(|d| d >= date) || speaking.contains(&w.key))
    }

    fn counts_on(&self, vendor: Vendor, fact: &Fact) -> Date {
        match &fact.body {
            Body::Valuation(v) => self.valued_on(vendor, fact.as_of, v),
            Body::Flow(f) => self.flow_date(vendor, fact.as_of, f),
            _ => fact.as_of,
        }
    }

    /// A record in quarantine that names a date in (after, to]: it may be a flow of that row.
    pub fn is_quarantined(&self, after: Option<Date>, to: Date) -> bool {
        self.winners
            .iter()
            .filter(|f| after.is_none_or(|after| f.as_of > after) && f.as_of <= to)
            .any(|f| f.kind() == Kind::Quarantined && !is_released(f, self.standing.iter()))
    }
}

/// The feeds that say a content.
fn feeds<'a>(fact: &'a Fact, standing: &'a [Fact]) -> impl Iterator<Item = FeedKey> + 'a {
    standing.iter().filter(|f| f.key() == fact.key() && f.content == fact.content).map(|f| f.feed)
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
