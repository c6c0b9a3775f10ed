//! What is said of an account by small numbers, made into facts.
use super::standing::Names;
use jiff::civil::{Date, date};
use record::{FeedKey, PartitionId, PartitionKey, Partitions, Position, Symbol};
use returns::fact::{
    Cancel, Class, Correction, Flow, Holding, Patch, Quarantined, Stated, Summary, Target, Valuation,
    Withdrawal,
};
use returns::policy::Vendor;
use returns::{Arrival, Body, Content, Decimal, Fact, Origin, Place, Policy};
use std::sync::Arc;

const FEEDS: [&str; 5] = ["a/day-9.csv", "a/day-10.csv", "b/1", "b/01", "ops/0"];

pub fn names() -> Names {
    (0..).map(PartitionKey).zip(FEEDS.map(str::to_owned)).collect()
}

pub fn partitions() -> Partitions {
    let known = Partitions::default();
    for (key, name) in names() {
        known.insert(key, PartitionId::new(name));
    }
    known
}

/// One thing said, by small numbers.
#[derive(Clone, Debug)]
pub enum Say {
    Summary {
        day: u8,
        end: Option<i64>,
        begin: Option<i64>,
        flows: [Option<i64>; 2],
        fees: [i64; 2],
        accrued: i64,
        of_period: bool,
        currency: Option<[u8; 3]>,
    },
    Valuation {
        day: u8,
        minute: Option<u8>,
        value: i64,
        currency: Option<[u8; 3]>,
    },
    Flow {
        day: u8,
        id: Option<u8>,
        fee: bool,
        amount: Option<i64>,
        minute: Option<u8>,
        foreign: bool,
        effective: Option<u8>,
    },
    Holding {
        day: u8,
        security: u8,
        value: i64,
        accrued: i64,
        foreign: bool,
    },
    Cancel {
        day: u8,
        original: Option<u8>,
        amount: i64,
    },
    Correction {
        day: u8,
        ticket: u8,
        time: u8,
        fields: [Option<Option<i64>>; 4],
    },
    Withdrawal {
        target: u8,
        of: u8,
        reinstate: bool,
        time: u8,
    },
    Quarantined {
        day: u8,
        released: bool,
    },
}

impl Say {
    /// The same said on one of a few dates, so that much is said of each.
    pub fn on_few_dates(&mut self, dates: u8) {
        match self {
            Say::Flow { day, effective, .. } => {
                *day %= dates;
                *effective = effective.map(|e| e.min(*day));
            }
            Say::Summary { day, .. }
            | Say::Valuation { day, .. }
            | Say::Holding { day, .. }
            | Say::Cancel { day, .. }
            | Say::Correction { day, .. }
            | Say::Quarantined { day, .. } => *day %= dates,
            Say::Withdrawal { .. } => {}
        }
    }
}

#[derive(Clone, Debug)]
pub struct Spec {
    pub say: Say,
    pub vendor: u16,
    pub feed: u8,
    pub arrival: Option<u8>,
    pub revision: Option<u64>,
    /// Said once more, there and then.
    pub again: Option<(u8, Option<u8>)>,
}

pub fn facts(specs: &[Spec], policy: &Policy) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (n, spec) in specs.iter().enumerate() {
        let fact = fact(n, spec, specs, &policy.vendors[usize::from(spec.vendor)].zone);
        if let Some((feed, arrival)) = spec.again {
            let place = place(feed, 100 + n);
            // What people order is said in one place; what vendors send may come again anywhere.
            let feed = if feed_of(spec) == 4 { fact.feed } else { FeedKey(i64::from(feed)) };
            facts.push(Fact { place, feed, arrival: at(arrival), ..fact.clone() });
        }
        facts.push(fact);
    }
    facts
}

/// Of the days 0 to 13 some lie close together, some far apart; the clocks of New York change on day 5.
pub fn day(n: u8) -> Date {
    const GAPS: [i32; 14] = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 18, 25, 26];
    date(2026, 3, 1).checked_add(jiff::Span::new().days(GAPS[usize::from(n)])).unwrap()
}

fn cents(units: i64) -> Decimal {
    Decimal::new(units, 8).normalize()
}

fn place(feed: u8, n: usize) -> Place {
    Place { partition: PartitionKey(i64::from(feed)), position: Position::in_file(n as u64, n as u64, 0) }
}

pub fn at(arrival: Option<u8>) -> Arrival {
    Arrival(arrival.map(|a| i64::from(a) * 1_000_000))
}

fn feed_of(spec: &Spec) -> u8 {
    match spec.say {
        Say::Withdrawal { .. } | Say::Correction { .. } => 4,
        _ => spec.feed,
    }
}

fn fact(n: usize, spec: &Spec, all: &[Spec], zone: &str) -> Fact {
    let vendor = Origin::Vendor(Vendor(spec.vendor));
    let (origin, as_of, reference, body) = said(&spec.say, vendor, n, all, zone);
    let revision = if matches!(spec.say, Say::Withdrawal { .. }) { None } else { spec.revision };
    let feed = feed_of(spec);
    let mut fact = Fact {
        origin,
        as_of,
        reference,
        revision,
        arrival: at(spec.arrival),
        place: place(feed, n),
        feed: FeedKey(i64::from(feed)),
        content: Content::default(),
        vendor_account: Symbol(1),
        mapping_version: 1,
        body,
    };
    fact.content = fact.content_of("A-1");
    fact
}

type Said = (Origin, Date, Option<Arc<str>>, Body);

fn said(say: &Say, vendor: Origin, n: usize, all: &[Spec], zone: &str) -> Said {
    let text = |t: String| Some(Arc::<str>::from(t));
    match say {
        Say::Summary { day: d, .. } => (vendor, day(*d), None, summary_body(say)),
        Say::Valuation { day: d, minute, value, currency } => {
            let at = minute.map(|m| instant(*d, m, zone));
            let (value, accrued) = (cents(*value), Decimal::ZERO);
            let valuation = Valuation { at, value, accrued, currency: *currency };
            (vendor, day(*d), at.and_then(|at| text(at.to_string())), Body::Valuation(valuation))
        }
        Say::Flow { day: d, id, .. } => {
            let reference = match id {
                Some(id) => format!("id-{id}"),
                None => made(n, say).unwrap_or_else(|| format!("line-{}", n % 6)),
            };
            (vendor, day(*d), text(reference), flow_body(say, zone))
        }
        Say::Holding { day: d, security, value, accrued, foreign } => {
            let security: Arc<str> = format!("S{security}").into();
            let holding = Holding {
                security: security.clone(),
                value: cents(*value),
                accrued: cents(*accrued),
                quantity: None,
                price: None,
                currency: foreign.then_some(*b"EUR"),
            };
            (vendor, day(*d), Some(security), Body::Holding(holding))
        }
        Say::Cancel { day: d, original, amount } => {
            let original = original.map(|id| Arc::from(format!("id-{id}")));
            let class = class_of(*amount, false);
            let cancel = Cancel { original, class, amount: Some(cents(*amount)), security: None };
            // A tombstone is keyed by what it targets.
            let reference = match &cancel.original {
                Some(original) => original.to_string(),
                None => made(n, say).unwrap_or_else(|| format!("cancel-{n}")),
            };
            (vendor, day(*d), text(reference), Body::Cancel(Box::new(cancel)))
        }
        Say::Correction { day: d, ticket, time, fields } => {
            let ticket: Arc<str> = format!("T{ticket}").into();
            let body = Body::Correction(Box::new(correction_body(ticket.clone(), *time, fields, n)));
            (Origin::Correction, day(*d), Some(ticket), body)
        }
        Say::Withdrawal { target, of, reinstate, time } => {
            let target = match target {
                0 => Target::Feed(FeedKey(i64::from(of % 4))),
                1 => Target::Ticket(format!("T{}", of % 3).into()),
                _ => record_of(usize::from(*of) % all.len(), all),
            };
            let body = Withdrawal {
                target,
                reinstate: *reinstate,
                event_id: format!("w{n}").into(),
                event_time: i64::from(*time),
                who: "someone".into(),
                reason: "".into(),
            };
            (Origin::Correction, day(0), text(format!("w{n}")), Body::Withdrawal(Box::new(body)))
        }
        Say::Quarantined { day: d, released } => {
            let body = Quarantined { code: "bad_number".into(), released: *released };
            (vendor, day(*d), text(format!("q{}", n % 4)), Body::Quarantined(Box::new(body)))
        }
    }
}

/// Of two in three a reference as it is made where the vendor gives none: on a stream by the place, in a feed with an end by what is said
/// and which of its equals it is.
fn made(n: usize, say: &Say) -> Option<String> {
    let amount = match say {
        Say::Flow { amount, .. } => amount.unwrap_or_default(),
        Say::Cancel { amount, .. } => *amount,
        _ => return None,
    };
    // Into the account and out of it are two references.
    let what = amount.unsigned_abs() << 1 | u64::from(amount < 0);
    match n % 3 {
        0 => None,
        1 if n.is_multiple_of(2) => Some(format!("={what:032x}#2")),
        1 => Some(format!("={what:032x}")),
        _ => Some(format!("~{n:032x}")),
    }
}

/// The place of a record; never of an order, so that no order undoes another.
fn record_of(n: usize, all: &[Spec]) -> Target {
    match feed_of(&all[n]) {
        4 => Target::Feed(FeedKey(0)),
        feed => Target::Record(place(feed, n)),
    }
}

/// The instant of a whole hour of the vendor's local time.
fn instant(d: u8, hour: u8, zone: &str) -> i64 {
    super::book::instant(day(d), u16::from(hour) * 60, zone)
}

fn class_of(amount: i64, fee: bool) -> Class {
    match (fee, amount < 0) {
        (true, _) => Class::FeeAdvisory,
        (_, true) => Class::Distribution,
        (_, false) => Class::Contribution,
    }
}

fn summary_body(say: &Say) -> Body {
    let Say::Summary { end, begin, flows, fees, accrued, of_period, currency, .. } = say else {
        unreachable!()
    };
    let mut stated = Stated::default();
    for (flag, is_stated) in [
        (Stated::END, end.is_some()),
        (Stated::BEGIN, begin.is_some() && end.is_some()),
        (Stated::CONTRIBUTIONS, flows[0].is_some()),
        (Stated::DISTRIBUTIONS, flows[1].is_some()),
        (Stated::FEES, fees[0] != 0),
        (Stated::FEES_OUTSIDE, fees[1] != 0),
        (Stated::ACCRUED, *accrued != 0 && end.is_some()),
        (Stated::FLOWS_OF_PERIOD, *of_period),
    ] {
        stated = if is_stated { stated.with(flag) } else { stated };
    }
    Body::Summary(Summary {
        begin: cents(begin.filter(|_| end.is_some()).unwrap_or(0)),
        end: cents(end.unwrap_or(0)),
        contributions: cents(flows[0].unwrap_or(0)),
        distributions: cents(flows[1].unwrap_or(0)),
        fees: cents(fees[0]),
        fees_outside: cents(fees[1]),
        accrued: cents(if end.is_some() { *accrued } else { 0 }),
        stated,
        currency: *currency,
        ..Summary::default()
    })
}

fn flow_body(say: &Say, zone: &str) -> Body {
    let Say::Flow { day: d, id, fee, amount, minute, foreign, effective } = say else { unreachable!() };
    let amount = if *fee { Some(-amount.unwrap_or(0).abs() / 100) } else { *amount };
    Body::Flow(Flow {
        class: class_of(amount.unwrap_or(0), *fee),
        amount: amount.map(cents),
        currency: (*foreign && amount.is_some()).then_some(*b"EUR"),
        at: minute.map(|m| instant(*d, m, zone)),
        effective: effective.map(day),
        security: None,
        counter_account: None,
        description: None,
        own_id: id.is_some(),
    })
}

fn correction_body(ticket: Arc<str>, time: u8, fields: &[Option<Option<i64>>; 4], n: usize) -> Correction {
    let patch = |n: usize| match fields[n] {
        None => Patch::Absent,
        Some(None) => Patch::TakenAway,
        Some(Some(units)) => Patch::Set(cents(units)),
    };
    Correction {
        end_value: patch(0),
        contributions: patch(1),
        distributions: patch(2),
        fees: patch(3),
        event_id: format!("e{n}").into(),
        event_time: i64::from(time),
        ticket,
        who: "someone".into(),
        reason: "".into(),
    }
}
