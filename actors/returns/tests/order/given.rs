//! Facts of one account, at random: few dates, feeds and references, so that they meet.
use jiff::civil::date;
use proptest::prelude::*;
use record::{FeedKey, PartitionId, PartitionKey, Partitions, Position, Symbol};
use returns::fact::*;
use returns::ledger::{FEED_REFERENCE, Needs, STREAM_REFERENCE, Stage, WholeFeed};
use returns::policy::{FlowDate, FlowsFrom, PossibleDuplicate, ValueFrom};
use returns::{Date, Decimal, FlowTiming, Policy, Vendor, VendorPolicy};
use std::fmt;
use std::sync::Arc;

#[derive(Clone)]
pub struct Plan {
    pub facts: Vec<Fact>,
    pub batches: Vec<Batch>,
    /// Of some feeds it is known when they are through.
    pub whole: Vec<WholeFeed>,
    pub policy: u16,
}

impl Plan {
    /// With every vendor's flows one by one.
    pub fn in_detail(self) -> Plan {
        // The third bit of each vendor's own, see `ground_of`.
        Plan { policy: self.policy | 1 << 3 | 1 << 8 | 1 << 13, ..self }
    }
}

/// A line each, so that a counterexample can be read.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fact) in self.facts.iter().enumerate() {
            let Fact { origin, as_of, reference, revision, arrival, place, feed, body, .. } = fact;
            writeln!(
                f,
                "\n[{n}] {origin:?} {as_of} {reference:?} r{revision:?} a{:?} p{}:{} {feed:?} {body:?}",
                arrival.0, place.partition.0, place.position
            )?;
        }
        for feed in &self.whole {
            writeln!(f, "{feed:?}")?;
        }
        writeln!(f, "{:?} {:?}", self.batches, ground_of(self).0)
    }
}

#[derive(Debug, Clone)]
pub struct Batch {
    pub facts: Vec<usize>,
    pub evict: bool,
}

/// How often each kind comes: summary, valuation, flow, flow with an id, correction, cancel, withdrawal, quarantined, holding,
/// account, opening or return; and of few amounts, so that they agree, flow with an id, correction of flows, flow or cancel without an id.
pub type Mix = [u32; 14];
pub const SUMMARIES: Mix = [10, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0];
pub const DETAIL: Mix = [2, 8, 6, 6, 0, 4, 1, 0, 2, 0, 0, 0, 0, 0];
pub const CORRECTED: Mix = [10, 0, 1, 1, 8, 0, 3, 1, 0, 0, 0, 0, 0, 0];
pub const MOVED: Mix = [8, 1, 0, 0, 0, 2, 1, 1, 0, 0, 0, 9, 7, 0];
pub const TWICE: Mix = [6, 2, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 14];
pub const EVERYTHING: Mix = [10, 4, 3, 3, 3, 2, 2, 1, 1, 1, 1, 0, 0, 2];

/// Numbers a fact is made from: its kind, vendor, day, amount, revision, arrival, place, feed, name, and bits for the rest.
pub type Seed = (usize, u16, u8, i64, Option<u64>, Option<i64>, (i64, u64), i64, u8, u16);

pub fn plan(mix: Mix) -> impl Strategy<Value = Plan> {
    let kinds: Vec<usize> =
        mix.iter().enumerate().flat_map(|(kind, n)| std::iter::repeat_n(kind, *n as usize)).collect();
    let seed = (
        proptest::sample::select(kinds),
        0u16..3,
        0u8..9,
        -4i64..20,
        proptest::option::weighted(0.2, 0u64..3),
        proptest::option::weighted(0.9, 0i64..7),
        (0i64..3, 0u64..12),
        0i64..4,
        0u8..3,
        any::<u16>(),
    );
    let policy = prop_oneof![2 => Just(0u16), 3 => any::<u16>()];
    let copy =
        (any::<proptest::sample::Index>(), proptest::option::weighted(0.9, 0i64..7), (0i64..3, 0u64..12));
    let copies = proptest::collection::vec(copy, 0..8);
    let whole = proptest::option::weighted(0.4, proptest::collection::vec(whole(), 4));
    let whole = (whole, proptest::sample::select(READINGS.as_slice()));
    (proptest::collection::vec(seed, 1..24), copies, policy, whole, any::<[u8; 16]>()).prop_flat_map(
        |(seeds, copies, policy, (whole, again), cuts)| {
            let whole: Vec<WholeFeed> = whole
                .into_iter()
                .flatten()
                .enumerate()
                .filter_map(|(n, feed)| {
                    let earlier = again[n].iter().copied().map(FeedKey).collect();
                    let feed = WholeFeed { key: FeedKey(n as i64), earlier, ..feed? };
                    let waits = !feed.earlier.is_empty() && feed.business_date.is_none();
                    Some(if waits { WholeFeed { stage: Stage::Waits, ..feed } } else { feed })
                })
                .collect();
            let mut facts: Vec<Fact> = seeds.into_iter().map(fact).collect();
            let copies: Vec<Fact> = copies.into_iter().map(|copy| copied(&facts, copy)).collect();
            facts.extend(copies);
            let order: Vec<usize> = (0..facts.len()).collect();
            let again = proptest::collection::vec(0..facts.len(), 0..6);
            (Just(facts), Just(order).prop_shuffle(), again).prop_map(move |(facts, mut order, again)| {
                order.extend(again);
                let mut batches = Vec::new();
                let mut rest = order.as_slice();
                for cut in cuts.iter().cycle() {
                    if rest.is_empty() {
                        break;
                    }
                    let (batch, after) = rest.split_at(rest.len().min(usize::from(cut % 5) + 1));
                    batches.push(Batch { facts: batch.to_vec(), evict: cut % 3 == 0 });
                    rest = after;
                }
                Plan { facts, batches, whole: whole.clone(), policy }
            })
        },
    )
}

/// Of each of four feeds, which feeds it is a later reading of.
const READINGS: [[&[i64]; 4]; 4] =
    [[&[]; 4], [&[], &[0], &[], &[]], [&[], &[0], &[0, 1], &[]], [&[], &[0], &[], &[2]]];

/// What is known of a feed once it is through.
fn whole() -> impl Strategy<Value = Option<WholeFeed>> {
    let feed = (0u16..3, any::<[bool; 4]>(), proptest::option::weighted(0.9, 0i64..4), 0u8..9, 0u8..8);
    let feed = feed.prop_map(|(vendor, [full, dated, values, flows], arrival, n, unread)| WholeFeed {
        key: FeedKey(0),
        vendor: Vendor(vendor),
        layout: "one".into(),
        business_date: (full || dated).then(|| day(if full { 5 } else { n })),
        arrival: Arrival(arrival),
        full,
        gives: Needs { values, flows },
        stage: Stage::In { unread: unread == 0 },
        earlier: Vec::new(),
    });
    proptest::option::weighted(0.7, feed)
}

/// A reference made where a feed gives none: from the place on a stream, else from which of its equals the record is.
fn made(name: u8, position: u64) -> Arc<str> {
    match name {
        1 if !position.is_multiple_of(3) => format!("{FEED_REFERENCE}{:032x}#{}", 7, position % 3 + 1),
        1 => format!("{FEED_REFERENCE}{:032x}", 7),
        _ => format!("{STREAM_REFERENCE}{position:032x}"),
    }
    .into()
}

fn day(n: u8) -> Date {
    // Two long gaps among the days.
    let days = [1, 2, 3, 5, 6, 14, 15, 16, 24];
    date(2025, 1, days[usize::from(n) % days.len()])
}

fn at(day: Date, hours: u16) -> i64 {
    i64::from(returns::date::days(day)) * 86_400_000_000 + i64::from(hours) * 3_600_000_000
}

pub fn fact(seed: Seed) -> Fact {
    let (kind, vendor, n, amount, revision, arrival, (partition, position), feed, name, more) = seed;
    let (vendor, n) = if kind == 13 { (0, n % 3) } else { (vendor, n) };
    let as_of = day(n);
    let place =
        Place { partition: PartitionKey(partition), position: Position::in_file(position, position, 0) };
    let body = body(kind, as_of, amount, name, more);
    let reference: Option<Arc<str>> = match &body {
        Body::Summary(_) | Body::Account(_) | Body::Opening(_) | Body::Return(_) => None,
        Body::Valuation(v) => v.at.map(|at| at.to_string().into()),
        Body::Flow(f) if !f.own_id && name > 0 => Some(made(name, position)),
        Body::Cancel(c) => Some(c.original.clone().unwrap_or_else(|| made(name, position))),
        Body::Correction(c) => Some(c.ticket.clone()),
        Body::Withdrawal(_) => Some("w".into()),
        _ => Some(format!("r{name}").into()),
    };
    let origin = match body {
        Body::Correction(_) | Body::Withdrawal(_) => Origin::Correction,
        _ => Origin::Vendor(Vendor(vendor)),
    };
    let mut fact = Fact {
        origin,
        as_of,
        reference,
        revision,
        arrival: Arrival(arrival),
        place,
        feed: FeedKey(feed),
        content: Content::default(),
        vendor_account: Symbol(1),
        mapping_version: 1,
        body,
    };
    fact.content = fact.content_of("A1");
    fact
}

/// The same bytes delivered once more, at another time and place: the same feed and content.
fn copied(facts: &[Fact], copy: (proptest::sample::Index, Option<i64>, (i64, u64))) -> Fact {
    let (of, arrival, (partition, position)) = copy;
    let place =
        Place { partition: PartitionKey(partition), position: Position::in_file(position, position, 0) };
    Fact { arrival: Arrival(arrival), place, ..of.get(facts).clone() }
}

fn body(kind: usize, as_of: Date, amount: i64, name: u8, more: u16) -> Body {
    let money = Decimal::from(amount);
    let bit = |n: u16| more & (1 << n) != 0;
    match kind {
        0 => Body::Summary(summary(amount, more)),
        1 => Body::Valuation(Valuation {
            at: (!bit(0)).then(|| at(as_of, (more >> 1) % 24)),
            value: Decimal::from(amount + 100),
            accrued: Decimal::ZERO,
            currency: currency(more),
        }),
        2 | 3 => Body::Flow(Flow {
            class: [Class::Contribution, Class::FeeAdvisory, Class::Journal, Class::Journal]
                [usize::from(more % 4)],
            amount: (!bit(3) || !bit(4)).then_some(money),
            currency: (bit(5) && bit(6)).then_some(*b"EUR"),
            at: bit(7).then(|| at(as_of, (more >> 8) % 24)),
            effective: bit(13).then(|| day((more % 9) as u8)),
            security: None,
            counter_account: None,
            description: None,
            own_id: kind == 3,
        }),
        4 => Body::Correction(Box::new(correction(amount, name, more))),
        5 => Body::Cancel(Box::new(Cancel {
            original: bit(0).then(|| format!("r{name}").into()),
            class: [Class::Contribution, Class::Journal][usize::from(bit(1))],
            amount: Some(money),
            security: None,
        })),
        6 => Body::Withdrawal(Box::new(Withdrawal {
            target: match more % 3 {
                0 => Target::Feed(FeedKey(i64::from(name))),
                1 => Target::Ticket(format!("t{name}").into()),
                _ => Target::Record(Place {
                    partition: PartitionKey(i64::from(name)),
                    position: Position::in_file(amount.unsigned_abs(), amount.unsigned_abs(), 0),
                }),
            },
            reinstate: bit(4),
            event_id: format!("e{}", (more >> 5) % 4).into(),
            event_time: i64::from(more >> 8) % 3,
            who: "w".into(),
            reason: "".into(),
        })),
        7 => {
            Body::Quarantined(Box::new(Quarantined { code: "bad_number".into(), released: bit(0) && bit(1) }))
        }
        8 => Body::Holding(Holding {
            security: format!("s{name}").into(),
            value: money,
            accrued: Decimal::ONE,
            quantity: None,
            price: None,
            currency: bit(0).then_some(if bit(1) { *b"EUR" } else { *b"USD" }),
        }),
        9 => Body::Account(AccountInfo {
            base_currency: bit(0).then_some(if bit(1) { *b"EUR" } else { *b"USD" }),
            performance_start: bit(2).then(|| day((more >> 3) as u8 % 5)),
            closed_on: None,
            name: None,
        }),
        11 => Body::Flow(Flow {
            class: Class::Contribution,
            amount: (!bit(0) || !bit(1)).then_some(Decimal::from(amount % 3)),
            currency: None,
            at: bit(2).then(|| at(as_of, (more >> 8) % 24)),
            effective: None,
            security: None,
            counter_account: None,
            description: None,
            own_id: true,
        }),
        12 => Body::Correction(Box::new(Correction {
            end_value: Patch::Absent,
            fees: Patch::Absent,
            ..correction(amount, name, more & !0b10_1000)
        })),
        13 if more.is_multiple_of(4) => Body::Cancel(Box::new(Cancel {
            original: None,
            class: Class::Contribution,
            amount: Some(Decimal::from(amount % 2)),
            security: None,
        })),
        13 => Body::Flow(Flow {
            class: Class::Contribution,
            amount: Some(Decimal::from(amount % 2)),
            currency: None,
            at: (bit(2) && bit(3)).then(|| at(as_of, 15 + 3 * ((more >> 4) % 2))),
            effective: (bit(5) && bit(6)).then(|| day((more >> 7) as u8 % 3)),
            security: None,
            counter_account: None,
            description: None,
            own_id: false,
        }),
        _ if bit(0) => Body::Opening(Opening {
            end: Decimal::from(amount + 50),
            cumulative_twrr: Decimal::new(amount, 2),
            cumulative_twrr_gross: bit(1).then(|| Decimal::new(amount + 1, 2)),
            cumulative_net_flow: money,
            inception: date(2020, 1, 1),
        }),
        _ => Body::Return(ImportedReturn {
            from: as_of.yesterday().unwrap_or(as_of),
            net: Decimal::new(amount, 2),
            gross: bit(1).then(|| Decimal::new(amount + 1, 2)),
        }),
    }
}

fn summary(amount: i64, more: u16) -> Summary {
    let bit = |n: u16| more & (1 << n) != 0;
    let stated = |n: u16, field| if bit(n) && bit(n + 1) { field } else { Stated(0) };
    let end = if bit(0) || bit(1) || bit(2) { Stated::END } else { Stated(0) };
    let stated = [
        end,
        stated(3, Stated::CONTRIBUTIONS),
        stated(5, Stated::DISTRIBUTIONS),
        stated(7, Stated::FEES),
        stated(9, Stated::ACCRUED),
        stated(11, Stated::BEGIN),
        stated(13, Stated::FLOWS_OF_PERIOD),
    ]
    .into_iter()
    .fold(Stated(0), Stated::with);
    let of = |field, amount: i64| if stated.has(field) { Decimal::new(amount, 1) } else { Decimal::ZERO };
    Summary {
        begin: of(Stated::BEGIN, amount * 10),
        end: of(Stated::END, amount * 10),
        contributions: of(Stated::CONTRIBUTIONS, i64::from(more % 60) - 5),
        distributions: of(Stated::DISTRIBUTIONS, i64::from(more % 41) - 3),
        fees: of(Stated::FEES, i64::from(more % 7)),
        fees_outside: Decimal::ZERO,
        accrued: of(Stated::ACCRUED, i64::from(more % 11)),
        reported_return: Decimal::ZERO,
        reported_span: Span::Day,
        stated,
        currency: currency(more),
    }
}

/// Of one in four what it is in: the base of some accounts and vendors, or another.
fn currency(more: u16) -> Option<[u8; 3]> {
    [None, None, None, Some(if more & 1 << 13 == 0 { *b"USD" } else { *b"EUR" })][usize::from(more >> 14)]
}

fn correction(amount: i64, name: u8, more: u16) -> Correction {
    let patch = |n: u16, value: i64| match (more >> n) & 3 {
        0 => Patch::Set(Decimal::from(value)),
        1 if n == 0 => Patch::Set(Decimal::from(value)),
        3 if more >> 14 == 0 => Patch::TakenAway,
        _ => Patch::Absent,
    };
    Correction {
        end_value: patch(0, amount),
        contributions: patch(2, i64::from(more % 5)),
        distributions: patch(4, i64::from(more % 4)),
        fees: patch(6, i64::from(more % 2)),
        event_id: format!("c{}", (more >> 8) % 4).into(),
        event_time: i64::from(more >> 10) % 4,
        ticket: format!("t{name}").into(),
        who: "w".into(),
        reason: "".into(),
    }
}

pub fn ground_of(plan: &Plan) -> (Policy, Partitions) {
    let bit = |n: u16| plan.policy & (1 << n) != 0;
    let vendors = [0u16, 1, 2].map(|n| {
        let mut vendor = VendorPolicy::new(["alpha", "beta", "gamma"][usize::from(n)]);
        let own = plan.policy.rotate_right(u32::from(n) * 5);
        let bit = |n: u16| own & (1 << n) != 0;
        vendor.flow_timing = FlowTiming::ALL[usize::from(own % 5)];
        vendor.flows_from = if bit(3) { FlowsFrom::Detail } else { FlowsFrom::Summary };
        vendor.value_from = if bit(4) { ValueFrom::Holdings } else { ValueFrom::Valuation };
        vendor.cut_off = (bit(5) && bit(6)).then_some(16 * 60);
        vendor.needs_flows = bit(7) && bit(8);
        vendor.close = (bit(9) && bit(10)).then_some(17 * 60);
        vendor.possible_duplicate =
            [PossibleDuplicate::Wait, PossibleDuplicate::Distinct, PossibleDuplicate::Same]
                [usize::from(own >> 8) % 3];
        vendor.flow_date = if bit(11) && bit(12) && bit(13) { FlowDate::Effective } else { FlowDate::Posted };
        vendor.base_currency = bit(2).then_some(*b"USD");
        vendor.zone = if bit(14) { "America/New_York".into() } else { "UTC".into() };
        vendor
    });
    let mut policy = Policy::new(vendors.to_vec());
    policy.failover = bit(15);
    policy.residual = if bit(14) { Decimal::ONE } else { Decimal::ZERO };
    let partitions = Partitions::default();
    for (key, name) in [(0, "f/10"), (1, "f/9"), (2, "f/a")] {
        partitions.insert(PartitionKey(key), PartitionId::new(name));
    }
    (policy, partitions)
}
