//! An account all of whose lines wait never has a row: what memory keeps of it has a bound all the same.
use crate::drive::{Ledger, as_new};
use crate::given::{self, Seed};
use proptest::prelude::*;
use returns::fact::{Body, Fact};
use returns::ledger::{Ground, NO_FEEDS, Profile, fold};
use returns::{Date, Policy, VendorPolicy};

const LINES: u32 = 10_000;

fn policy() -> Policy {
    let mut vendor = VendorPolicy::new("first");
    vendor.base_currency = Some(*b"USD");
    Policy::new(vec![vendor])
}

/// A summary a day, in a currency of its own.
fn line(day: Date, n: u32, currency: Option<[u8; 3]>) -> Fact {
    let seed: Seed = (0, 0, 0, 9, None, Some(i64::from(n)), (0, 1), 0, 0, 1);
    let place = u64::from(n);
    let mut fact = given::fact(seed);
    fact.as_of = day;
    fact.place.position = record::Position::in_file(place * 100, place, 0);
    if let Body::Summary(summary) = &mut fact.body {
        summary.currency = currency;
    }
    Fact { content: fact.content_of("A1"), ..fact }
}

fn lines() -> Vec<Fact> {
    let days = std::iter::successors(Some(jiff::civil::date(1990, 1, 1)), |day| day.tomorrow().ok());
    (0..LINES).zip(days).map(|(n, day)| line(day, n, Some(*b"EUR"))).collect()
}

#[test]
fn an_account_all_of_whose_lines_wait_takes_bounded_memory_and_gives_the_same_figures()
-> Result<(), TestCaseError> {
    let (policy, partitions) = (policy(), record::Partitions::default());
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let mut facts = lines();
    let mut ledger = Ledger::default();
    let mut most = 0;
    for batch in facts.chunks(1_000) {
        ledger.take(batch, ground)?;
        most = most.max(ledger.memory_bytes());
    }
    prop_assert!(most < 1 << 20, "{most} bytes");
    // In the end a line comes that waits for nothing, and one more that was late.
    let next = facts.last().and_then(|f| f.as_of.tomorrow().ok()).unwrap_or(Date::MAX);
    for (n, date) in [(LINES, next), (LINES + 1, facts[7].as_of)] {
        let plain = line(date, n, None);
        ledger.take(std::slice::from_ref(&plain), ground)?;
        facts.push(plain);
    }
    let all: Vec<_> = facts.iter().map(as_new).collect();
    let folded = fold(&all, &Profile::default(), ground);
    prop_assert_eq!(folded.rows.len(), 2);
    ledger.compare(&folded)?;
    prop_assert!(ledger.memory_bytes() < 1 << 10, "with a row it is as small as any");
    ledger.evict(ground);
    ledger.rebuild(ground)
}
