//! What is kept of an account, in rows and in memory.
use crate::said::*;
use returns::Decimal;
use returns::fact::Stated;
use returns::ledger::{AccountState, Changes, Ground, NO_FEEDS, Offer, Outcome};

#[test]
fn a_row_carries_its_summary_only_where_its_columns_give_it_back() {
    let plain = fold_of(&[summary(1, 100)], &policy());
    assert_eq!(returns::ledger::summary_of(&plain.rows[0]), plain.facts[0].fact);
    let negative = summary(1, 100).and_summary(|s| {
        s.contributions = Decimal::from(-5);
        s.stated = s.stated.with(Stated::CONTRIBUTIONS);
    });
    let turned = fold_of(&[negative], &policy());
    assert_eq!(turned.rows[0].distributions, Decimal::from(5));
    assert!(!turned.rows[0].carries && !turned.facts[0].in_row);
}

/// The goal of 256 bytes an account, map and all, leaves room for the map.
#[test]
fn an_account_of_plain_summaries_takes_little_memory() {
    let (policy, partitions) = (policy(), partitions());
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let mut state = AccountState::default();
    for (stored, day) in new(&[summary(1, 100), summary(2, 101), summary(3, 102)]).iter().zip(1..) {
        let mut changes = Changes::default();
        assert_eq!(state.offer(&stored.fact, ground, &mut changes), Offer::Settled(Outcome::Accepted));
        assert_eq!(changes.rows.len(), 1, "one row a summary");
        assert!(changes.facts.is_empty(), "what one summary says is stored once");
        assert_eq!(changes.profile.is_some(), day <= 2, "the profile is written when it changes");
        assert!(state.memory_bytes() <= 200, "{} bytes", state.memory_bytes());
    }
}
