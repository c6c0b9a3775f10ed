//! Rows, facts and units to ask a store with.
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use record::{Counts, FeedKey, PartitionId, PartitionKey, Position, Progress, Sequence, Symbol};
use returns::date::Date;
use returns::fact::{
    AccountInfo, Cancel, Class, Correction, Flow, Holding, ImportedReturn, Opening, Patch, Quarantined, Span,
    Stated, Summary, Target, Valuation, Withdrawal,
};
use returns::ledger::{Profile, RowChange, StoredFact, WaitingReason};
use returns::row::{Growth, Run};
use returns::{
    Arrival, Body, Content, Decimal, Fact, FlowTiming, Origin, Place, Reason, Reasons, Row, Status, Vendor,
    Verdict,
};
use std::sync::Arc;
use std::time::Duration;
use store::{
    AccountWrite, CommitUnit, DeltaWrite, FactWrite, FeedSpec, Generation, Names, PartitionSpec, RowWrite,
    Store, slot_of,
};

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// The first `count` values of a strategy, the same in every run.
pub fn sample<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// A row with the figures of a plain day.
pub fn row(as_of: &str, end_value: &str) -> Row {
    let as_of = date(as_of);
    Row {
        as_of,
        previous_as_of: None,
        begin_value: Decimal::ZERO,
        contributions: Decimal::ZERO,
        distributions: Decimal::ZERO,
        cumulative_net_flow: Decimal::ZERO,
        fees: Decimal::ZERO,
        fees_outside: Decimal::ZERO,
        accrued: Decimal::ZERO,
        end_value: dec(end_value),
        twrr: None,
        twrr_gross: None,
        net: Growth { growth: Some(Decimal::ONE), link: None },
        gross: Growth { growth: Some(Decimal::ONE), link: None },
        incepted: false,
        segment: 1,
        sub_periods: 1,
        status: Status::Anchor,
        flow_timing: FlowTiming::Split,
        reasons: Reasons::default(),
        revision: None,
        value_since: as_of,
        value_vendor: Vendor(0),
        flow_vendor: None,
        carries: true,
        vendor_account: Symbol(0),
        vendor_begin: None,
        other_net_flow: None,
        stated: Stated::END,
        content: Content([7; 16]),
        mapping_version: 1,
        feed: FeedKey(1),
        place: Place { partition: PartitionKey(1), position: Position::in_file(10, 1, 0) },
        arrival: Arrival(Some(1_700_000_000_000_000)),
        reported_return: None,
        reported_span: Span::Day,
        policy_id: 1,
    }
}

pub fn write(account: i64, change: RowChange) -> RowWrite {
    let reasons = change.row().map(|r| r.reasons).unwrap_or_default();
    RowWrite { account, change, verdict: Verdict::Final, reasons, cause: None }
}

/// The change of a row that restates it, and why.
pub fn restated(account: i64, row: Row, cause: &str) -> RowWrite {
    RowWrite { cause: Some(cause.into()), ..write(account, RowChange::Replaced { row, restates: true }) }
}

/// A flow with an id of its own.
pub fn flow(as_of: &str, id: &str, amount: &str) -> StoredFact {
    let body = Body::Flow(Flow {
        class: Class::Contribution,
        amount: Some(dec(amount)),
        currency: None,
        at: None,
        effective: None,
        security: None,
        counter_account: None,
        description: None,
        own_id: true,
    });
    fact(as_of, Some(id), body)
}

pub fn fact(as_of: &str, reference: Option<&str>, body: Body) -> StoredFact {
    let mut content = [0u8; 16];
    let text = format!("{as_of}{reference:?}{body:?}");
    for (i, byte) in text.bytes().enumerate() {
        content[i % 16] = content[i % 16].rotate_left(3) ^ byte;
    }
    StoredFact {
        fact: Fact {
            origin: Origin::Vendor(Vendor(0)),
            as_of: date(as_of),
            reference: reference.map(Into::into),
            revision: None,
            arrival: Arrival(Some(1_700_000_000_000_000)),
            place: Place { partition: PartitionKey(1), position: Position::in_file(20, 2, 0) },
            feed: FeedKey(1),
            content: Content(content),
            vendor_account: Symbol(0),
            mapping_version: 1,
            body,
        },
        in_row: false,
        waiting: None,
    }
}

pub fn account(id: i64, number: &str) -> AccountWrite {
    let profile = Profile::default();
    AccountWrite { id, account_no: number.into(), slot: slot_of(number), profile, aliases: vec![] }
}

pub fn facts(account: i64, facts: impl IntoIterator<Item = StoredFact>) -> Vec<FactWrite> {
    facts.into_iter().map(|stored| FactWrite { account, stored }).collect()
}

/// A migrated store with a live generation, a partition, a file and a vendor called `alpha` (number 0), and account 1, `A-1`.
pub struct Ready {
    pub opened: crate::Opened,
    pub generation: Arc<Generation>,
    pub partition: store::OpenPartition,
    pub partition_id: PartitionId,
    pub feed: FeedKey,
}

impl Ready {
    pub async fn new(opened: crate::Opened) -> Ready {
        let (store, names) = (&opened.store, &opened.names);
        store.migrate().await.unwrap();
        assert_eq!(names.vendor("alpha"), Vendor(0));
        assert_eq!(names.vendor("beta"), Vendor(1));
        let generation = Arc::new(store.open_generation("test", Duration::from_secs(60)).await.unwrap());
        let partition_id = PartitionId::new("feeds/day-1.csv");
        let partition = open_partition(&**store, &generation, &partition_id).await;
        let feed = store.open_feed(&file("day-1.csv", 1)).await.unwrap().key;
        let ready = Ready { opened, generation, partition, partition_id, feed };
        ready.commit(CommitUnit { accounts: vec![account(1, "A-1")], ..ready.unit() }).await;
        ready
    }

    pub fn store(&self) -> &dyn Store {
        &*self.opened.store
    }

    pub fn names(&self) -> &Names {
        &self.opened.names
    }

    /// A unit of this generation, without a delta.
    pub fn unit(&self) -> CommitUnit {
        CommitUnit { generation: Some(self.generation.clone()), ..CommitUnit::default() }
    }

    pub fn delta(&self, from: Progress, to: Progress) -> DeltaWrite {
        let counts = Counts {
            read: 3,
            decoded: 2,
            quarantined: 1,
            observed: 2,
            accepted: 2,
            bytes: 99,
            ..Counts::default()
        };
        let (partition, token) = (self.partition.key, self.partition.token);
        DeltaWrite { partition, id: self.partition_id.clone(), token, from, to, counts, feed: None }
    }

    pub async fn commit(&self, unit: CommitUnit) -> store::Receipt {
        self.store().commit(&unit).await.unwrap()
    }

    pub async fn commit_rows(&self, rows: Vec<RowWrite>) -> store::Receipt {
        self.commit(CommitUnit { rows, ..self.unit() }).await
    }

    /// The rows of all accounts, as published now.
    pub async fn rows(&self) -> Vec<store::Published> {
        self.store().reader().rows(&store::RowFilter::default(), None, 100_000).await.unwrap()
    }

    pub async fn superseded(&self, number: &str, as_of: &str) -> Vec<store::Superseded> {
        let evidence = self.store().reader().evidence(number, date(as_of)).await.unwrap();
        evidence.map(|e| e.superseded).unwrap_or_default()
    }

    pub async fn progress(&self) -> (Progress, Counts) {
        let all = self.store().reader().checkpoints().await.unwrap();
        let row = all.into_iter().find(|c| c.id == self.partition_id).unwrap();
        (row.progress, row.counts)
    }
}

pub async fn open_partition(
    store: &dyn Store,
    generation: &Generation,
    id: &PartitionId,
) -> store::OpenPartition {
    let spec = PartitionSpec { id: id.clone(), source: "feeds".into() };
    store.open_partition(generation, &spec).await.unwrap()
}

pub fn file(name: &str, hash: u8) -> FeedSpec {
    FeedSpec {
        source: "feeds".into(),
        vendor: "alpha".into(),
        name: name.into(),
        hash: Some([hash; 32]),
        bytes: Some(1000),
        arrival: Some(1_700_000_000_000_000),
        business_date: Some(date("2025-01-02")),
        declared: Some(3),
        counted: Some(3),
        status: "coming",
        partition: PartitionId::new(format!("feeds/{name}")),
        file_modified: Some(1_700_000_000_000_001),
        read_through: Some(vec![0, 255, hash]),
    }
}

pub fn at(n: u64) -> Progress {
    Progress::At(Position::in_file(n * 100, n, 0))
}

// Any value at all, of every type that is stored.

fn any_date() -> impl Strategy<Value = Date> {
    prop_oneof![
        8 => (1950i16..=2100, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap()),
        1 => Just(Date::new(1, 1, 1).unwrap()),
        1 => Just(Date::new(9999, 12, 31).unwrap()),
    ]
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![-62_135_596_800_000_000i64..253_402_300_799_999_999, Just(0), Just(-1)]
}

/// Amounts: 15 digits before and 8 after the point.
fn money() -> impl Strategy<Value = Decimal> {
    let whole = -99_999_999_999_999_999_999_999i128..=99_999_999_999_999_999_999_999;
    prop_oneof![
        (whole, 0u32..=8)
            .prop_map(|(n, scale)| Decimal::from_i128_with_scale(n / 10i128.pow(8 - scale), scale)),
        (-1_000_000i128..1_000_000).prop_map(|n| Decimal::from_i128_with_scale(n, 2)),
        Just(Decimal::ZERO),
    ]
}

/// Rates and indices: 18 places and as many digits before the point as 96 bits leave.
fn rate() -> impl Strategy<Value = Decimal> {
    (-9_999_999_999_999_999_999_999_999_999i128..=9_999_999_999_999_999_999_999_999_999, 0u32..=18)
        .prop_map(|(n, scale)| Decimal::from_i128_with_scale(n, scale))
}

fn any_text() -> impl Strategy<Value = Arc<str>> {
    "[ -~äß€漢,;\\\\\"'\t\n]{0,12}".prop_map(Into::into)
}

fn any_place() -> impl Strategy<Value = Place> {
    (any::<i64>(), any::<[u64; 3]>(), any::<u64>(), any::<u32>(), any::<bool>()).prop_map(
        |(p, limbs, sub, item, wide)| {
            let sequence =
                if wide { Sequence::from_limbs(limbs) } else { Sequence::from(limbs[0] % 1_000_000) };
            Place { partition: PartitionKey(p), position: Position { sequence, sub, item } }
        },
    )
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn any_reasons() -> impl Strategy<Value = Reasons> {
    let one = proptest::sample::select(Reason::ALL);
    proptest::collection::vec(one, 0..4).prop_map(|all| {
        let mut reasons = Reasons::default();
        all.into_iter().for_each(|r| reasons.insert(r));
        reasons
    })
}

fn any_growth() -> impl Strategy<Value = Growth> {
    let run = (rate(), money()).prop_map(|(growth, capital)| Run { growth, capital });
    (proptest::option::of(rate()), proptest::option::of(run))
        .prop_map(|(growth, link)| Growth { growth, link })
}

/// Any row; its vendors are 0 and 1, its symbols below `symbols`.
pub fn any_row(symbols: u32) -> impl Strategy<Value = Row> {
    let figures = (
        (any_date(), proptest::option::of(any_date()), money(), money(), money(), money(), money(), money()),
        (
            money(),
            money(),
            proptest::option::of(rate()),
            proptest::option::of(rate()),
            any_growth(),
            any_growth(),
        ),
    );
    let settled = (
        (
            any::<bool>(),
            any::<u16>(),
            any::<u16>(),
            one_of(&Status::ALL),
            one_of(&FlowTiming::ALL),
            any_reasons(),
        ),
        (
            proptest::option::of(any::<u64>()),
            any_date(),
            0u16..2,
            proptest::option::of(0u16..2),
            any::<bool>(),
        ),
    );
    let lineage = (
        (
            0..symbols,
            proptest::option::of(money()),
            any::<u16>(),
            any::<[u8; 16]>(),
            any::<u32>(),
            any::<i64>(),
        ),
        (
            any_place(),
            proptest::option::of(any_time()),
            proptest::option::of(rate()),
            one_of(&Span::ALL),
            any::<i64>(),
        ),
    );
    (figures, settled, lineage).prop_map(|((f, g), (s, t), (l, m))| Row {
        as_of: f.0,
        previous_as_of: f.1,
        begin_value: f.2,
        contributions: f.3,
        distributions: f.4,
        cumulative_net_flow: f.5,
        fees: f.6,
        fees_outside: f.7,
        accrued: g.0,
        end_value: g.1,
        twrr: g.2,
        twrr_gross: g.3,
        net: g.4,
        gross: g.5,
        incepted: s.0,
        segment: s.1,
        sub_periods: s.2,
        status: s.3,
        flow_timing: s.4,
        reasons: s.5,
        revision: t.0,
        value_since: t.1,
        value_vendor: Vendor(t.2),
        flow_vendor: t.3.map(Vendor),
        carries: t.4,
        vendor_account: Symbol(l.0),
        vendor_begin: l.1,
        other_net_flow: l.1.map(|begin| -begin),
        stated: Stated(l.2),
        content: Content(l.3),
        mapping_version: l.4,
        feed: FeedKey(l.5),
        place: m.0,
        arrival: Arrival(m.1),
        reported_return: m.2,
        reported_span: m.3,
        policy_id: m.4,
    })
}

pub fn any_reasons_and_verdict() -> impl Strategy<Value = (Reasons, Verdict)> {
    (any_reasons(), one_of(&Verdict::ALL))
}

fn any_currency() -> impl Strategy<Value = Option<[u8; 3]>> {
    proptest::option::of(proptest::sample::select(vec![*b"USD", *b"EUR", *b"CHF"]))
}

fn any_patch() -> impl Strategy<Value = Patch> {
    prop_oneof![Just(Patch::Absent), Just(Patch::TakenAway), money().prop_map(Patch::Set)]
}

fn any_summary() -> impl Strategy<Value = Body> {
    (
        (money(), money(), money(), money()),
        (money(), money(), money(), rate()),
        one_of(&Span::ALL),
        any::<u16>(),
        any_currency(),
    )
        .prop_map(
            |(
                (begin, end, contributions, distributions),
                (fees, fees_outside, accrued, reported_return),
                reported_span,
                bits,
                currency,
            )| {
                Body::Summary(Summary {
                    begin,
                    end,
                    contributions,
                    distributions,
                    fees,
                    fees_outside,
                    accrued,
                    reported_return,
                    reported_span,
                    stated: Stated(bits),
                    currency,
                })
            },
        )
}

fn any_flow() -> impl Strategy<Value = Body> {
    let text = || proptest::option::of(any_text());
    let first = (
        one_of(&Class::ALL),
        proptest::option::of(money()),
        any_currency(),
        proptest::option::of(any_time()),
    );
    (first, proptest::option::of(any_date()), text(), text(), text(), any::<bool>()).prop_map(
        |((class, amount, currency, at), effective, security, counter_account, description, own_id)| {
            Body::Flow(Flow {
                class,
                amount,
                currency,
                at,
                effective,
                security,
                counter_account,
                description,
                own_id,
            })
        },
    )
}

fn any_holding() -> impl Strategy<Value = Body> {
    let some = || proptest::option::of(rate());
    (any_text(), money(), money(), some(), some(), any_currency()).prop_map(
        |(security, value, accrued, quantity, price, currency)| {
            Body::Holding(Holding { security, value, accrued, quantity, price, currency })
        },
    )
}

fn any_reference_body() -> impl Strategy<Value = Body> {
    let date = || proptest::option::of(any_date());
    let info = (any_currency(), date(), date(), proptest::option::of(any_text())).prop_map(
        |(base_currency, performance_start, closed_on, name)| {
            Body::Account(AccountInfo { base_currency, performance_start, closed_on, name })
        },
    );
    let opening = (money(), rate(), proptest::option::of(rate()), money(), any_date()).prop_map(
        |(end, cumulative_twrr, cumulative_twrr_gross, cumulative_net_flow, inception)| {
            Body::Opening(Opening {
                end,
                cumulative_twrr,
                cumulative_twrr_gross,
                cumulative_net_flow,
                inception,
            })
        },
    );
    let imported = (any_date(), rate(), proptest::option::of(rate()))
        .prop_map(|(from, net, gross)| Body::Return(ImportedReturn { from, net, gross }));
    prop_oneof![info, opening, imported]
}

fn any_correction() -> impl Strategy<Value = Body> {
    let patches = (any_patch(), any_patch(), any_patch(), any_patch());
    (patches, any_text(), any_time(), any_text(), any_text(), any_text()).prop_map(
        |((end_value, contributions, distributions, fees), event_id, event_time, ticket, who, reason)| {
            Body::Correction(Box::new(Correction {
                end_value,
                contributions,
                distributions,
                fees,
                event_id,
                event_time,
                ticket,
                who,
                reason,
            }))
        },
    )
}

fn any_tombstone() -> impl Strategy<Value = Body> {
    let text = || proptest::option::of(any_text());
    let cancel = (text(), one_of(&Class::ALL), proptest::option::of(money()), text()).prop_map(
        |(original, class, amount, security)| {
            Body::Cancel(Box::new(Cancel { original, class, amount, security }))
        },
    );
    let target = prop_oneof![
        any_place().prop_map(Target::Record),
        any::<i64>().prop_map(|f| Target::Feed(FeedKey(f))),
        any_text().prop_map(Target::Ticket),
    ];
    let withdrawal = (target, any::<bool>(), any_text(), any_time(), any_text(), any_text()).prop_map(
        |(target, reinstate, event_id, event_time, who, reason)| {
            Body::Withdrawal(Box::new(Withdrawal { target, reinstate, event_id, event_time, who, reason }))
        },
    );
    let quarantined = (any_text(), any::<bool>())
        .prop_map(|(code, released)| Body::Quarantined(Box::new(Quarantined { code, released })));
    prop_oneof![cancel, withdrawal, quarantined]
}

/// Any fact that lives in `fact`, of every kind.
pub fn any_fact(symbols: u32) -> impl Strategy<Value = StoredFact> {
    let valuation = (proptest::option::of(any_time()), money(), money(), any_currency()).prop_map(
        |(at, value, accrued, currency)| Body::Valuation(Valuation { at, value, accrued, currency }),
    );
    let body = prop_oneof![
        any_summary(),
        valuation,
        any_flow(),
        any_holding(),
        any_reference_body(),
        any_correction(),
        any_tombstone()
    ];
    let origin = prop_oneof![Just(Origin::Correction), (0u16..2).prop_map(|v| Origin::Vendor(Vendor(v)))];
    let said =
        (origin, any_date(), proptest::option::of(any_text()), proptest::option::of(any::<u64>()), body);
    let came = (
        proptest::option::of(any_time()),
        any_place(),
        any::<i64>(),
        any::<[u8; 16]>(),
        0..symbols,
        any::<u32>(),
    );
    let waiting = proptest::option::of(one_of(&WaitingReason::ALL));
    (said, came, waiting).prop_map(|(said, came, waiting)| {
        let (origin, as_of, reference, revision, body) = said;
        let (arrival, place, feed, content, symbol, mapping_version) = came;
        let fact = Fact {
            origin,
            as_of,
            reference,
            revision,
            arrival: Arrival(arrival),
            place,
            feed: FeedKey(feed),
            content: Content(content),
            vendor_account: Symbol(symbol),
            mapping_version,
            body,
        };
        StoredFact { fact, in_row: false, waiting }
    })
}
