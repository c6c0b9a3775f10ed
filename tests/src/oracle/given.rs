//! Random accounts: what may be said of one, small enough to shrink well and nasty enough to meet every rule.
use jiff::civil::{Date, date};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use record::{FeedKey, PartitionId, PartitionKey, Partitions, Position, Symbol};
use returns::fact::{
    Cancel, Class, Correction, Flow, Patch, Quarantined, Stated, Summary, Target, Valuation, Withdrawal,
};
use returns::policy::{FlowTiming, FlowsFrom, OnUndefined, Vendor, VendorPolicy};
use returns::{Arrival, Body, Content, Decimal, Fact, Origin, Place, Policy};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// An account's facts and the ground they are folded on.
#[derive(Clone, Debug)]
pub struct Given {
    pub policy: Policy,
    pub facts: Vec<Fact>,
}

pub const BASE: [u8; 3] = *b"USD";
const FEEDS: [&str; 5] = ["a/day-9.csv", "a/day-10.csv", "b/1", "b/01", "ops/0"];

pub fn names() -> HashMap<PartitionKey, String> {
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
    Summary { day: u8, end: Option<i64>, begin: Option<i64>, flows: [Option<i64>; 2], fees: [i64; 2], accrued: i64, of_period: bool },
    Valuation { day: u8, minute: Option<u8>, value: i64 },
    Flow { day: u8, id: Option<u8>, fee: bool, amount: Option<i64>, minute: Option<u8>, foreign: bool },
    Cancel { day: u8, original: Option<u8>, amount: i64 },
    Correction { day: u8, ticket: u8, time: u8, fields: [Option<Option<i64>>; 4] },
    Withdrawal { target: u8, of: u8, reinstate: bool, time: u8 },
    Quarantined { day: u8, released: bool },
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

/// Hundred-millionths of money: mostly plain sums, some at the edges.
fn money() -> impl Strategy<Value = i64> {
    const ONE: i64 = 100_000_000;
    prop_oneof![
        6 => (900i64..1100).prop_map(|n| n * ONE),
        3 => (0i64..300_000).prop_map(|n| n * ONE / 100),
        2 => Just(0),
        1 => (1i64..60).prop_map(|n| n * ONE),
        1 => 1i64..10,
        1 => (-30i64..0).prop_map(|n| n * ONE),
        1 => Just(90_000_000_000 * ONE),
    ]
}

fn flow() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(0), 3 => (1i64..400).prop_map(|n| n * 100_000_000), 1 => money(), 1 => money().prop_map(|m| -m)]
}

fn fee() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0), 2 => (0i64..500).prop_map(|n| n * 1_000_000), 1 => (-50i64..0).prop_map(|n| n * 1_000_000)]
}

fn summary() -> impl Strategy<Value = Say> {
    let flows = [weighted(0.7, flow()), weighted(0.7, flow())];
    (0u8..14, weighted(0.9, money()), weighted(0.2, money()), flows, [fee(), fee()], prop_oneof![5 => Just(0), 1 => fee()], weighted(0.2, Just(())))
        .prop_map(|(day, end, begin, flows, fees, accrued, of_period)| Say::Summary { day, end, begin, flows, fees, accrued, of_period: of_period.is_some() })
}

fn valuation() -> impl Strategy<Value = Say> {
    (0u8..14, of(0u8..24), money()).prop_map(|(day, minute, value)| Say::Valuation { day, minute, value })
}

fn detail() -> impl Strategy<Value = Say> {
    (0u8..14, of(0u8..4), weighted(0.2, Just(())), weighted(0.9, flow()), of(0u8..24), weighted(0.1, Just(()))).prop_map(
        |(day, id, fee, amount, minute, foreign)| Say::Flow { day, id, fee: fee.is_some(), amount, minute, foreign: foreign.is_some() },
    )
}

fn correction() -> impl Strategy<Value = Say> {
    let patch = || weighted(0.4, weighted(0.8, prop_oneof![money(), flow().prop_map(i64::abs)]));
    (0u8..14, 0u8..3, 0u8..4, [patch(), patch(), patch(), patch()])
        .prop_map(|(day, ticket, time, fields)| Say::Correction { day, ticket, time, fields })
}

fn rest() -> impl Strategy<Value = Say> {
    prop_oneof![
        2 => (0u8..14, of(0u8..4), flow()).prop_map(|(day, original, amount)| Say::Cancel { day, original, amount }),
        4 => (0u8..3, 0u8..40, any::<bool>(), 0u8..4)
            .prop_map(|(target, of, reinstate, time)| Say::Withdrawal { target, of, reinstate, time }),
        1 => (0u8..14, any::<bool>()).prop_map(|(day, released)| Say::Quarantined { day, released }),
    ]
}

fn spec(kind: Kinds) -> impl Strategy<Value = Spec> {
    let say = match kind {
        Kinds::Summaries => summary().boxed(),
        Kinds::Valuations => prop_oneof![2 => valuation(), 1 => detail(), 1 => summary_of_flows()].boxed(),
        Kinds::All => prop_oneof![8 => summary(), 4 => detail(), 2 => correction(), 2 => rest(), 1 => valuation()].boxed(),
    };
    let again = weighted(0.15, (0u8..4, of(0u8..6)));
    (say, prop_oneof![3 => Just(0u16), 1 => Just(1u16)], 0u8..4, weighted(0.9, 0u8..6), weighted(0.2, 0u64..3), again)
        .prop_map(|(say, vendor, feed, arrival, revision, again)| Spec { say, vendor, feed, arrival, revision, again })
}

/// A line that states flows but no value.
fn summary_of_flows() -> impl Strategy<Value = Say> {
    (0u8..14, [of(flow()), of(flow())])
        .prop_map(|(day, flows)| Say::Summary { day, end: None, begin: None, flows, fees: [0, 0], accrued: 0, of_period: false })
}

/// What an account is made of.
#[derive(Clone, Copy, Debug)]
pub enum Kinds {
    /// Lines with values and flows, in many versions.
    Summaries,
    /// Values at times and flows at times.
    Valuations,
    All,
}

fn policy(timed: bool) -> impl Strategy<Value = Policy> {
    let timings: Vec<FlowTiming> =
        FlowTiming::ALL.into_iter().filter(|t| timed || *t != FlowTiming::Timed).collect();
    let vendor = (proptest::sample::select(timings), any::<bool>());
    let undefined = prop_oneof![4 => Just(OnUndefined::End), 1 => Just(OnUndefined::Carry)];
    ([vendor.clone(), vendor], any::<bool>(), any::<bool>(), any::<bool>(), undefined).prop_map(
        |(vendors, failover, residual, swapped, on_undefined)| {
            let [a, b] = [("alpha", vendors[0]), ("beta", vendors[1])].map(|(name, (timing, detail))| {
                let mut vendor = VendorPolicy::new(name);
                vendor.flow_timing = timing;
                vendor.flows_from = if detail { FlowsFrom::Detail } else { FlowsFrom::Summary };
                vendor
            });
            let mut policy = Policy::new(vec![a, b]);
            policy.failover = failover;
            policy.on_undefined = on_undefined;
            policy.residual = if residual { Decimal::from(50) } else { Decimal::ZERO };
            if swapped {
                policy.precedence.reverse();
            }
            policy
        },
    )
}

pub fn given(kinds: Kinds, timed: bool) -> impl Strategy<Value = Given> {
    (policy(timed), vec(spec(kinds), 1..24)).prop_map(|(policy, specs)| Given { policy, facts: facts(&specs) })
}

pub fn facts(specs: &[Spec]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (n, spec) in specs.iter().enumerate() {
        let fact = fact(n, spec, specs);
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

/// Of the days 0 to 13 some lie close together, some far apart.
pub fn day(n: u8) -> Date {
    const GAPS: [i32; 14] = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 18, 25, 26];
    date(2026, 1, 1).checked_add(jiff::Span::new().days(GAPS[usize::from(n)])).unwrap()
}

fn cents(units: i64) -> Decimal {
    Decimal::new(units, 8).normalize()
}

fn place(feed: u8, n: usize) -> Place {
    Place { partition: PartitionKey(i64::from(feed)), position: Position::in_file(n as u64, n as u64, 0) }
}

fn at(arrival: Option<u8>) -> Arrival {
    Arrival(arrival.map(|a| i64::from(a) * 1_000_000))
}

fn feed_of(spec: &Spec) -> u8 {
    match spec.say {
        Say::Withdrawal { .. } | Say::Correction { .. } => 4,
        _ => spec.feed,
    }
}

fn fact(n: usize, spec: &Spec, all: &[Spec]) -> Fact {
    let vendor = Origin::Vendor(Vendor(spec.vendor));
    let (origin, as_of, reference, body) = said(&spec.say, vendor, n, all);
    let revision = if matches!(spec.say, Say::Withdrawal { .. }) { None } else { spec.revision };
    let content = content(&body, revision);
    let feed = feed_of(spec);
    Fact {
        origin,
        as_of,
        reference,
        revision,
        arrival: at(spec.arrival),
        place: place(feed, n),
        feed: FeedKey(i64::from(feed)),
        content,
        vendor_account: Symbol(1),
        mapping_version: 1,
        body,
    }
}

/// Any hash serves: what matters is that it differs where what is said differs.
fn content(body: &Body, revision: Option<u64>) -> Content {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, format!("{body:?}"), revision).hash(&mut hasher);
        hasher.finish().to_be_bytes()
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&hash(1));
    bytes[8..].copy_from_slice(&hash(2));
    Content(bytes)
}

type Said = (Origin, Date, Option<Arc<str>>, Body);

fn said(say: &Say, vendor: Origin, n: usize, all: &[Spec]) -> Said {
    let text = |t: String| Some(Arc::<str>::from(t));
    match say {
        Say::Summary { day: d, .. } => (vendor, day(*d), None, summary_body(say)),
        Say::Valuation { day: d, minute, value } => {
            let at = minute.map(|m| instant(*d, m));
            let valuation = Valuation { at, value: cents(*value), accrued: Decimal::ZERO };
            (vendor, day(*d), at.and_then(|at| text(at.to_string())), Body::Valuation(valuation))
        }
        Say::Flow { day: d, id, .. } => {
            let reference = id.map_or_else(|| format!("line-{n}"), |id| format!("id-{id}"));
            (vendor, day(*d), text(reference), flow_body(say))
        }
        Say::Cancel { day: d, original, amount } => {
            let original = original.map(|id| Arc::from(format!("id-{id}")));
            let class = class_of(*amount, false);
            let cancel = Cancel { original, class, amount: Some(cents(*amount)), security: None };
            // A tombstone is keyed by what it targets.
            let reference = cancel.original.as_deref().map_or_else(|| format!("cancel-{n}"), str::to_owned);
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
            (vendor, day(*d), text(format!("q{n}")), Body::Quarantined(Box::new(body)))
        }
    }
}

/// The place of a record; never of an order, so that no order undoes another.
fn record_of(n: usize, all: &[Spec]) -> Target {
    match feed_of(&all[n]) {
        4 => Target::Feed(FeedKey(0)),
        feed => Target::Record(place(feed, n)),
    }
}

fn instant(d: u8, hour: u8) -> i64 {
    let midnight = i64::from(returns::date::days(day(d))) * 86_400_000_000;
    midnight + i64::from(hour) * 3_600_000_000
}

fn class_of(amount: i64, fee: bool) -> Class {
    match (fee, amount < 0) {
        (true, _) => Class::FeeAdvisory,
        (_, true) => Class::Distribution,
        (_, false) => Class::Contribution,
    }
}

fn summary_body(say: &Say) -> Body {
    let Say::Summary { end, begin, flows, fees, accrued, of_period, .. } = say else { unreachable!() };
    let mut stated = Stated::default();
    for (flag, is_stated) in [
        (Stated::END, end.is_some()),
        (Stated::BEGIN, begin.is_some()),
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
        begin: cents(begin.unwrap_or(0)),
        end: cents(end.unwrap_or(0)),
        contributions: cents(flows[0].unwrap_or(0)),
        distributions: cents(flows[1].unwrap_or(0)),
        fees: cents(fees[0]),
        fees_outside: cents(fees[1]),
        accrued: cents(if end.is_some() { *accrued } else { 0 }),
        stated,
        ..Summary::default()
    })
}

fn flow_body(say: &Say) -> Body {
    let Say::Flow { day: d, id, fee, amount, minute, foreign } = say else { unreachable!() };
    let amount = if *fee { amount.map(|a| -a.abs() / 100) } else { *amount };
    Body::Flow(Flow {
        class: class_of(amount.unwrap_or(0), *fee),
        amount: amount.map(cents),
        currency: foreign.then_some(*b"EUR"),
        at: minute.map(|m| instant(*d, m)),
        effective: None,
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
