//! Random accounts: what may be said of one, small enough to shrink well and nasty enough to meet every rule.
use super::said::{Say, Spec, at, day, facts};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use record::{FeedKey, Partitions};
use returns::ledger::{Feeds, Ground, Needs, Stage, WholeFeed};
use returns::policy::{
    FlowDate, FlowTiming, FlowsFrom, OnUndefined, PossibleDuplicate, ValueFrom, Vendor, VendorPolicy,
};
use returns::{Decimal, Fact, Policy};
use std::fmt;

/// An account's facts and the ground they are folded on.
#[derive(Clone)]
pub struct Given {
    pub policy: Policy,
    pub facts: Vec<Fact>,
    /// What is known of feeds with an end.
    pub whole: Vec<WholeFeed>,
}

/// A line each, so that a counterexample can be read.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Fact { origin, as_of, reference, revision, arrival, place, feed, body, .. } in &self.facts {
            let (feed, at, arrival) = (feed.0, place.position, arrival.0);
            writeln!(
                f,
                "\nfeed {feed} {at} arrival {arrival:?} revision {revision:?} {origin:?} {as_of} {reference:?}: {body:?}"
            )?;
        }
        self.whole.iter().try_for_each(|feed| writeln!(f, "{feed:?}"))?;
        writeln!(f, "{:?}", self.policy)
    }
}

impl Given {
    pub fn ground<'a>(&'a self, partitions: &'a Partitions, feeds: &'a Feeds) -> Ground<'a> {
        Ground { policy: &self.policy, partitions, feeds }
    }
}

pub const BASE: [u8; 3] = *b"USD";
/// Hundred-millionths of money: mostly plain sums, some at the edges.
fn money() -> BoxedStrategy<i64> {
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
    .boxed()
}

fn flow() -> BoxedStrategy<i64> {
    prop_oneof![4 => Just(0), 3 => (1i64..400).prop_map(|n| n * 100_000_000), 1 => money(), 1 => money().prop_map(|m| -m)]
        .boxed()
}

fn fee() -> BoxedStrategy<i64> {
    prop_oneof![6 => Just(0), 2 => (0i64..500).prop_map(|n| n * 1_000_000), 1 => (-50i64..0).prop_map(|n| n * 1_000_000)]
        .boxed()
}

/// What a line says its amounts are in: mostly nothing, else the base or another.
fn currency() -> BoxedStrategy<Option<[u8; 3]>> {
    prop_oneof![6 => Just(None), 1 => Just(Some(BASE)), 1 => Just(Some(*b"EUR"))].boxed()
}

fn summary() -> BoxedStrategy<Say> {
    let flows = [weighted(0.7, flow()), weighted(0.7, flow())];
    let accrued = prop_oneof![5 => Just(0), 1 => fee()];
    (0u8..14, weighted(0.9, money()), weighted(0.2, money()), flows, [fee(), fee()], accrued, currency())
        .prop_map(|(day, end, begin, flows, fees, accrued, currency)| Say::Summary {
            day,
            end,
            begin,
            flows,
            fees,
            accrued,
            of_period: false,
            currency,
        })
        .boxed()
}

fn valuation() -> BoxedStrategy<Say> {
    (0u8..14, of(0u8..24), money(), currency())
        .prop_map(|(day, minute, value, currency)| Say::Valuation { day, minute, value, currency })
        .boxed()
}

fn detail() -> BoxedStrategy<Say> {
    let flag = |share| weighted(share, Just(())).prop_map(|flag| flag.is_some());
    (0u8..14, of(0u8..4), flag(0.2), weighted(0.9, flow()), of(0u8..24), flag(0.1), of(0u8..14))
        .prop_map(|(day, id, fee, amount, minute, foreign, effective)| {
            let effective = effective.map(|e| e.min(day));
            Say::Flow { day, id, fee, amount, minute, foreign, effective }
        })
        .boxed()
}

fn correction() -> BoxedStrategy<Say> {
    let patch = |amount| weighted(0.4, weighted(0.8, amount));
    let sum = || prop_oneof![money().prop_map(i64::abs), flow().prop_map(i64::abs)].boxed();
    (0u8..14, 0u8..3, 0u8..4, [patch(money()), patch(sum()), patch(sum()), patch(fee())])
        .prop_map(|(day, ticket, time, fields)| Say::Correction { day, ticket, time, fields })
        .boxed()
}

/// A few sums of flows, so that what a vendor says and what a correction says meet.
fn round_sum() -> impl Strategy<Value = i64> {
    prop_oneof![2 => Just(0i64), 3 => Just(100_000_000i64), 1 => Just(200_000_000i64)]
}

/// A flow with an id, of which there are two: it is seldom said but once.
fn versioned_flow() -> BoxedStrategy<Say> {
    let amount = (round_sum(), any::<bool>()).prop_map(|(sum, out)| if out { -sum } else { sum });
    (0u8..14, 0u8..2, weighted(0.9, amount), of(0u8..24), of(0u8..14))
        .prop_map(|(day, id, amount, minute, effective)| {
            let effective = effective.map(|e| e.min(day));
            Say::Flow { day, id: Some(id), fee: false, amount, minute, foreign: false, effective }
        })
        .boxed()
}

/// A flow without an id, or a cancel without an original, of a few sums: they meet, and may have come twice.
fn nameless() -> BoxedStrategy<Say> {
    let amount = || (round_sum(), any::<bool>()).prop_map(|(sum, out)| if out { -sum } else { sum });
    let flow = (0u8..14, weighted(0.95, amount()), weighted(0.1, 0u8..24), weighted(0.2, 0u8..14)).prop_map(
        |(day, amount, minute, effective)| {
            let effective = effective.map(|e| e.min(day));
            Say::Flow { day, id: None, fee: false, amount, minute, foreign: false, effective }
        },
    );
    let cancel = (0u8..14, amount()).prop_map(|(day, amount)| Say::Cancel { day, original: None, amount });
    prop_oneof![4 => flow, 1 => cancel].boxed()
}

fn correction_of_flows() -> BoxedStrategy<Say> {
    let patch = || weighted(0.6, weighted(0.9, round_sum()));
    (0u8..14, 0u8..3, 0u8..4, [patch(), patch()])
        .prop_map(|(day, ticket, time, [contributions, distributions])| Say::Correction {
            day,
            ticket,
            time,
            fields: [None, contributions, distributions, None],
        })
        .boxed()
}

fn quarantined() -> BoxedStrategy<Say> {
    (0u8..14, any::<bool>()).prop_map(|(day, released)| Say::Quarantined { day, released }).boxed()
}

/// A tombstone of an original speaks of one date, however often it comes: whether one that another has replaced is still a record of a
/// later date, which completes the days before (F6), the contract does not say.
fn cancel() -> BoxedStrategy<Say> {
    let day = |(day, original): (u8, Option<u8>)| original.map_or(day, |id| id * 3);
    (0u8..14, of(0u8..4), flow())
        .prop_map(move |(any, original, amount)| Say::Cancel { day: day((any, original)), original, amount })
        .boxed()
}

fn rest() -> BoxedStrategy<Say> {
    prop_oneof![
        2 => cancel(),
        4 => (0u8..3, 0u8..40, any::<bool>(), 0u8..4)
            .prop_map(|(target, of, reinstate, time)| Say::Withdrawal { target, of, reinstate, time }),
        1 => quarantined(),
    ]
    .boxed()
}

fn holding() -> BoxedStrategy<Say> {
    (0u8..14, 0u8..3, money(), fee(), weighted(0.1, Just(())))
        .prop_map(|(day, security, value, accrued, foreign)| Say::Holding {
            day,
            security,
            value,
            accrued,
            foreign: foreign.is_some(),
        })
        .boxed()
}

/// What is known of a feed with an end: mostly full ones of few layouts and dates, so that they meet.
fn whole() -> BoxedStrategy<Option<WholeFeed>> {
    let stage = prop_oneof![
        6 => Just(Stage::In { unread: false }),
        1 => Just(Stage::In { unread: true }),
        2 => Just(Stage::Coming),
    ];
    let full = prop_oneof![5 => Just(true), 1 => Just(false)];
    let layout = prop_oneof![5 => Just("alpha/values"), 1 => Just("beta/activity")];
    let business_date = weighted(0.9, prop_oneof![4 => Just(2u8), 1 => 0u8..5]);
    (0u16..2, layout, business_date, of(0u8..4), full, any::<(bool, bool)>(), stage)
        .prop_map(|(vendor, layout, business_date, arrival, full, (values, flows), stage)| WholeFeed {
            key: FeedKey(0),
            vendor: Vendor(vendor),
            layout: layout.into(),
            business_date: business_date.map(day),
            arrival: at(arrival),
            full,
            gives: Needs { values, flows },
            stage,
            earlier: Vec::new(),
        })
        .prop_map(Some)
        .boxed()
}

fn wholes() -> BoxedStrategy<Vec<WholeFeed>> {
    let some = prop_oneof![4 => whole(), 1 => Just(None)];
    let keyed = |(n, feed): (i64, Option<WholeFeed>)| Some(WholeFeed { key: FeedKey(n), ..feed? });
    let feeds = vec(some, 4).prop_map(move |feeds| (0..).zip(feeds).filter_map(keyed).collect());
    (feeds, readings()).prop_map(|(feeds, again)| read_again(feeds, again)).boxed()
}

/// Of each of four feeds, which feeds it is a later reading of.
fn readings() -> BoxedStrategy<[&'static [i64]; 4]> {
    prop_oneof![
        5 => Just([&[][..]; 4]),
        2 => Just([&[], &[0][..], &[], &[]]),
        1 => Just([&[], &[0][..], &[0, 1], &[]]),
        1 => Just([&[], &[0][..], &[], &[2]]),
    ]
    .boxed()
}

fn read_again(mut feeds: Vec<WholeFeed>, again: [&[i64]; 4]) -> Vec<WholeFeed> {
    for feed in &mut feeds {
        let waits = feed.business_date.is_none() && feed.stage != Stage::Coming;
        let earlier = usize::try_from(feed.key.0).ok().and_then(|n| again.get(n)).copied();
        feed.earlier = earlier.unwrap_or_default().iter().copied().map(FeedKey).collect();
        if waits && !feed.earlier.is_empty() {
            feed.stage = Stage::Waits;
        }
    }
    feeds
}

fn spec(kind: Kinds) -> BoxedStrategy<Spec> {
    let say = match kind {
        Kinds::Summaries => summary().boxed(),
        Kinds::Valuations => prop_oneof![2 => valuation(), 1 => detail(), 1 => summary_of_flows()].boxed(),
        Kinds::Versions => {
            prop_oneof![5 => summary(), 7 => versioned_flow(), 4 => correction_of_flows(), 2 => cancel(), 1 => rest()]
                .boxed()
        }
        Kinds::Nameless => prop_oneof![4 => summary(), 9 => nameless(), 1 => rest()].boxed(),
        Kinds::All => {
            prop_oneof![8 => summary(), 4 => detail(), 2 => correction(), 2 => rest(), 1 => valuation()]
                .boxed()
        }
        Kinds::Whole => {
            prop_oneof![6 => summary(), 4 => detail(), 4 => holding(), 1 => correction(), 2 => rest(), 2 => valuation(), 1 => quarantined()]
                .boxed()
        }
    };
    // What is in one whole feed is mostly in the other as well.
    let again = weighted(if matches!(kind, Kinds::Whole) { 0.4 } else { 0.15 }, (0u8..4, of(0u8..6)));
    (
        say,
        prop_oneof![3 => Just(0u16), 1 => Just(1u16)],
        0u8..4,
        weighted(0.9, 0u8..6),
        weighted(0.2, 0u64..3),
        again,
    )
        .prop_map(|(say, vendor, feed, arrival, revision, again)| Spec {
            say,
            vendor,
            feed,
            arrival,
            revision,
            again,
        })
        .boxed()
}

/// A line that states flows but no value.
fn summary_of_flows() -> BoxedStrategy<Say> {
    (0u8..14, [of(flow()), of(flow())], currency())
        .prop_map(|(day, flows, currency)| Say::Summary {
            day,
            end: None,
            begin: None,
            flows,
            fees: [0, 0],
            accrued: 0,
            of_period: false,
            currency,
        })
        .boxed()
}

/// What an account is made of.
#[derive(Clone, Copy, Debug)]
pub enum Kinds {
    /// Lines with values and flows, in many versions.
    Summaries,
    /// Values at times and flows at times.
    Valuations,
    /// Flows with an id in many versions, on few dates, and corrections of their sums.
    Versions,
    /// Flows without an id, that may have come twice.
    Nameless,
    All,
    /// All of these and holdings, in feeds of which some have an end, on few dates.
    Whole,
}

fn policy(timed: bool) -> impl Strategy<Value = Policy> {
    let timings: Vec<FlowTiming> =
        FlowTiming::ALL.into_iter().filter(|t| timed || *t != FlowTiming::Timed).collect();
    let timing = proptest::sample::select(timings);
    let clock = (weighted(0.3, Just(17 * 60u16)), weighted(0.3, Just(16 * 60u16)), any::<bool>());
    let duplicate = proptest::sample::select(vec![
        PossibleDuplicate::Wait,
        PossibleDuplicate::Same,
        PossibleDuplicate::Distinct,
    ]);
    let vendor = (
        timing,
        any::<bool>(),
        clock,
        weighted(0.2, Just(())),
        weighted(0.2, Just(())),
        any::<bool>(),
        duplicate,
    );
    let undefined = prop_oneof![4 => Just(OnUndefined::End), 1 => Just(OnUndefined::Carry)];
    ([vendor.clone(), vendor], any::<bool>(), any::<bool>(), any::<bool>(), undefined).prop_map(
        move |(vendors, failover, residual, swapped, on_undefined)| {
            let [a, b] = [("alpha", &vendors[0]), ("beta", &vendors[1])].map(|(name, said)| {
                let (timing, detail, (cut_off, close, abroad), needs_flows, effective, holdings, duplicate) =
                    said;
                let mut vendor = VendorPolicy::new(name);
                vendor.flow_timing = *timing;
                vendor.flows_from = if *detail { FlowsFrom::Detail } else { FlowsFrom::Summary };
                vendor.value_from =
                    if *detail && *holdings { ValueFrom::Holdings } else { ValueFrom::Valuation };
                vendor.cut_off = *cut_off;
                vendor.possible_duplicate = *duplicate;
                vendor.close = *close;
                vendor.zone = if *abroad { "America/New_York" } else { "UTC" }.into();
                vendor.needs_flows = needs_flows.is_some();
                vendor.flow_date = if effective.is_some() { FlowDate::Effective } else { FlowDate::Posted };
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

pub fn given(kinds: Kinds, timed: bool) -> BoxedStrategy<Given> {
    let is_whole = matches!(kinds, Kinds::Whole);
    let feeds = if is_whole { wholes() } else { Just(Vec::new()).boxed() };
    (policy(timed), vec(spec(kinds), 1..24), any::<bool>(), feeds)
        .prop_map(move |(mut policy, mut specs, period, whole)| {
            let is_dense = is_whole || matches!(kinds, Kinds::Versions | Kinds::Nameless);
            specs.iter_mut().filter(|_| is_dense).for_each(|spec| spec.say.on_few_dates(5));
            // Whether flows are those of a line's whole period is the mapping's to say, once for all lines.
            for spec in &mut specs {
                if let Say::Summary { of_period, .. } = &mut spec.say {
                    *of_period = period;
                }
            }
            let details = matches!(kinds, Kinds::Valuations | Kinds::Versions | Kinds::Nameless);
            for vendor in policy.vendors.iter_mut().filter(|_| details) {
                vendor.flows_from = FlowsFrom::Detail;
            }
            // What carrying means for a part of a day the contract does not say.
            if !matches!(kinds, Kinds::Summaries) {
                policy.on_undefined = OnUndefined::End;
            }
            // A vendor whose summaries give its flows gives a summary with every value.
            let is_value = |say: &Say| matches!(say, Say::Valuation { .. } | Say::Holding { .. });
            let summarises =
                |spec: &Spec| policy.vendors[usize::from(spec.vendor)].flows_from == FlowsFrom::Summary;
            specs.retain(|spec| !(summarises(spec) && is_value(&spec.say)));
            Given { facts: facts(&specs, &policy), policy, whole }
        })
        .prop_filter("says nothing", |given| !given.facts.is_empty())
        .boxed()
}
