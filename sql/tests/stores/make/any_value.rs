//! Any value at all: dates, amounts, texts, places, reasons.
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use record::{PartitionKey, Position, Sequence};
use returns::date::Date;
use returns::fact::Patch;
use returns::row::{Growth, Run};
use returns::{Decimal, Place, Reason, Reasons, Verdict};
use std::sync::Arc;

/// The first `count` values of a strategy, the same in every run.
pub fn sample<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

pub fn any_date() -> impl Strategy<Value = Date> {
    prop_oneof![
        8 => (1950i16..=2100, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap()),
        1 => Just(Date::new(1, 1, 1).unwrap()),
        1 => Just(Date::new(9999, 12, 31).unwrap()),
    ]
}

pub fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![-62_135_596_800_000_000i64..253_402_300_799_999_999, Just(0), Just(-1)]
}

/// Amounts: 15 digits before and 8 after the point.
pub fn money() -> impl Strategy<Value = Decimal> {
    let whole = -99_999_999_999_999_999_999_999i128..=99_999_999_999_999_999_999_999;
    prop_oneof![
        (whole, 0u32..=8)
            .prop_map(|(n, scale)| Decimal::from_i128_with_scale(n / 10i128.pow(8 - scale), scale)),
        (-1_000_000i128..1_000_000).prop_map(|n| Decimal::from_i128_with_scale(n, 2)),
        Just(Decimal::ZERO),
    ]
}

/// Rates and indices: 18 places and as many digits before the point as 96 bits leave.
pub fn rate() -> impl Strategy<Value = Decimal> {
    (-9_999_999_999_999_999_999_999_999_999i128..=9_999_999_999_999_999_999_999_999_999, 0u32..=18)
        .prop_map(|(n, scale)| Decimal::from_i128_with_scale(n, scale))
}

pub fn any_text() -> impl Strategy<Value = Arc<str>> {
    "[ -~äß€漢,;\\\\\"'\t\n]{0,12}".prop_map(Into::into)
}

pub fn any_place() -> impl Strategy<Value = Place> {
    (any::<i64>(), any::<[u64; 3]>(), any::<u64>(), any::<u32>(), any::<bool>()).prop_map(
        |(p, limbs, sub, item, wide)| {
            let sequence =
                if wide { Sequence::from_limbs(limbs) } else { Sequence::from(limbs[0] % 1_000_000) };
            Place { partition: PartitionKey(p), position: Position { sequence, sub, item } }
        },
    )
}

pub fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

pub fn any_reasons() -> impl Strategy<Value = Reasons> {
    let one = proptest::sample::select(Reason::ALL);
    proptest::collection::vec(one, 0..4).prop_map(|all| {
        let mut reasons = Reasons::default();
        all.into_iter().for_each(|r| reasons.insert(r));
        reasons
    })
}

pub fn any_growth() -> impl Strategy<Value = Growth> {
    let run = (rate(), money()).prop_map(|(growth, capital)| Run { growth, capital });
    (proptest::option::of(rate()), proptest::option::of(run))
        .prop_map(|(growth, link)| Growth { growth, link })
}

pub fn any_reasons_and_verdict() -> impl Strategy<Value = (Reasons, Verdict)> {
    (any_reasons(), one_of(&Verdict::ALL))
}

pub fn any_currency() -> impl Strategy<Value = Option<[u8; 3]>> {
    proptest::option::of(proptest::sample::select(vec![*b"USD", *b"EUR", *b"CHF"]))
}

pub fn any_patch() -> impl Strategy<Value = Patch> {
    prop_oneof![Just(Patch::Absent), Just(Patch::TakenAway), money().prop_map(Patch::Set)]
}
