//! Amounts in another currency than the account's base wait, and are never added (F5).
use crate::said::*;
use jiff::civil::date;
use record::Partitions;
use returns::fact::{Class, Stated, Summary};
use returns::ledger::{
    AccountState, Became, Changes, Ground, History, NO_FEEDS, Offer, Outcome, Profile, WaitingReason,
    explain_day, fold, refold,
};
use returns::policy::FlowsFrom;
use returns::{Decimal, Policy, Reason, Vendor};

#[test]
fn another_currency_and_an_unpriced_transfer_wait_and_hold_the_day() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let base = account(1, *b"USD");
    let euros = flow(2, "a", 50).in_currency(b"EUR");
    let in_kind = flow(2, "b", 1).and_flow(|f| (f.amount, f.class) = (None, Class::TransferIn));
    let folded = fold_of(&[base, summary(1, 100), euros, in_kind, summary(2, 100)], &policy);
    assert_eq!(folded.outcomes[2], Outcome::Waiting(WaitingReason::Currency));
    assert_eq!(folded.outcomes[3], Outcome::Waiting(WaitingReason::Unpriced));
    let reasons = folded.rows[1].reasons;
    assert!(reasons.has(Reason::Currency) && reasons.has(Reason::UnpricedTransfer));
    assert_eq!(folded.rows[1].contributions, Decimal::ZERO);
}

#[test]
fn amounts_of_two_currencies_are_never_added_while_nobody_says_what_the_base_is() {
    let sum = |base| {
        let mut policy = policy();
        policy.vendors[0].flows_from = FlowsFrom::Detail;
        policy.vendors[0].base_currency = base;
        let (euros, dollars) = (flow(2, "a", 50).in_currency(b"EUR"), flow(2, "b", 50).in_currency(b"USD"));
        let facts = [summary(1, 100), euros, dollars, summary(2, 200)];
        let folded = fold_of(&facts, &policy);
        (folded.rows[1].contributions, folded.rows[1].reasons.has(Reason::Currency))
    };
    assert_eq!(sum(None), (Decimal::ZERO, true));
    assert_eq!(
        sum(Some(*b"USD")),
        (Decimal::from(50), true),
        "the vendor's base, where no account record says one"
    );
}

/// A vendor of accounts in dollars, where no account record says another base.
fn dollars() -> Policy {
    let mut policy = policy();
    policy.vendors[0].base_currency = Some(*b"USD");
    policy
}

fn ground<'a>(policy: &'a Policy, partitions: &'a Partitions) -> Ground<'a> {
    Ground { policy, partitions, feeds: &NO_FEEDS }
}

#[test]
fn a_line_in_another_currency_waits_and_holds_nothing_but_its_own_day() {
    let lines = |second: Said| [summary(1, 100), second, summary(3, 120)];
    let folded = fold_of(&lines(summary(2, 999).in_currency(b"EUR")), &dollars());
    assert_eq!(ends(&folded), [100, 120], "its own day has no value");
    assert_eq!(folded.outcomes[1], Outcome::Waiting(WaitingReason::Currency));
    assert!(folded.rows.iter().all(|row| !row.reasons.has(Reason::Currency)));
    assert_eq!(folded.rows[1].begin_value, Decimal::from(100));

    let in_base = fold_of(&lines(summary(2, 110).in_currency(b"USD")), &dollars());
    let plain = fold_of(&lines(summary(2, 110)), &dollars());
    assert_eq!(ends(&in_base), [100, 110, 120]);
    assert!(in_base.outcomes.iter().all(|o| *o == Outcome::Accepted));
    assert_eq!(in_base.rows[2], plain.rows[2]);
    assert!(
        plain.rows[1].carries && !in_base.rows[1].carries,
        "no column of the row gives the currency back"
    );
}

#[test]
fn a_day_with_a_value_beside_one_in_another_currency_says_so() {
    let euros = [summary(2, 999).in_currency(b"EUR"), valuation(2, 12, 999).in_currency(b"EUR")];
    for euros in euros {
        let other = if euros.0.reference.is_none() { valuation(2, 16, 110) } else { summary(2, 110) };
        let folded = fold_of(&[summary(1, 100), euros, other, summary(3, 120)], &dollars());
        assert_eq!(ends(&folded), [100, 110, 120]);
        assert_eq!(folded.rows[1].sub_periods, 1, "no part of the day ends with it");
        let marked: Vec<bool> = folded.rows.iter().map(|row| row.reasons.has(Reason::Currency)).collect();
        assert_eq!(marked, [false, true, false]);
    }
}

#[test]
fn flows_in_another_currency_of_a_day_without_a_value_are_missed_by_the_next_row() {
    let flows = |s: &mut Summary| {
        s.contributions = Decimal::from(50);
        s.fees = Decimal::ONE;
        s.stated = s.stated.with(Stated::CONTRIBUTIONS).with(Stated::FEES);
    };
    let euros = summary(2, 999).in_currency(b"EUR").and_summary(flows);
    let folded = fold_of(&[summary(1, 100), euros, summary(3, 120)], &dollars());
    let row = &folded.rows[1];
    assert_eq!((row.contributions, row.fees), (Decimal::ZERO, Decimal::ZERO));
    assert!(row.reasons.has(Reason::Currency), "a flow of a day without a value belongs to the next");
}

#[test]
fn a_value_in_another_currency_is_no_first_value() {
    let facts = [summary(1, 999).in_currency(b"EUR"), summary(1, 70).vendor(1), summary(2, 80).vendor(1)];
    let folded = fold_of(&facts, &dollars());
    assert_eq!(ends(&folded), [70, 80], "the next in precedence feeds");
    assert_eq!(folded.profile.first_values.as_slice(), [(Vendor(1), date(2025, 1, 1))]);
}

#[test]
fn a_line_that_waits_for_its_currency_folds_once_the_account_is_said_to_be_in_it() {
    let euros = |n, end| summary(n, end).in_currency(b"EUR");
    let lines = [summary(1, 50), euros(2, 100), valuation(3, 16, 110).in_currency(b"EUR"), euros(4, 120)];
    let waiting = fold_of(&lines, &dollars());
    assert_eq!(ends(&waiting), [50]);

    let (policy, partitions) = (dollars(), partitions());
    let ground = ground(&policy, &partitions);
    let all = new(&[lines.as_slice(), &[account(4, *b"EUR")]].concat());
    let at_once = fold(&all, &Profile::default(), ground);
    assert_eq!(ends(&at_once), [50, 100, 110, 120]);
    assert!(at_once.facts.iter().all(|s| s.waiting.is_none()));

    let mut state = AccountState::default();
    let mut told = Changes::default();
    for line in new(&lines) {
        assert!(matches!(state.offer(&line.fact, ground, &mut told), Offer::Settled(_)), "{line:?}");
    }
    let rows = told.rows.iter().filter_map(|change| change.row().cloned()).collect();
    let facts = told.facts.clone();
    let history = History { rows, facts, complete: true, ..History::default() };
    let base = std::slice::from_ref(&all[4].fact);
    let refolded = refold(&mut state, base, &history, ground).unwrap();
    let new_rows: Vec<_> = refolded.changes.rows.iter().filter_map(|change| change.row().cloned()).collect();
    assert_eq!(new_rows, at_once.rows[1..], "what was said before is as it was");
    assert_eq!(refolded.outcomes, [Outcome::Accepted]);
}

#[test]
fn lines_that_state_the_base_go_on_at_the_head_without_a_read() {
    let (policy, partitions) = (dollars(), partitions());
    let ground = ground(&policy, &partitions);
    let mut state = AccountState::default();
    let mut changes = Changes::default();
    for n in 1..=20 {
        let line = summary(n, 100 + i64::from(n)).in_currency(b"USD");
        let offer = state.offer(&new(&[line])[0].fact, ground, &mut changes);
        assert_eq!(offer, Offer::Settled(Outcome::Accepted), "day {n}");
    }
    assert_eq!((changes.rows.len(), changes.facts.len()), (20, 20));
    assert!(state.memory_bytes() < 4096, "memory keeps the head, not the history");
}

#[test]
fn a_line_in_another_currency_is_told_as_waiting() {
    let facts = [summary(1, 100), valuation(2, 12, 999).in_currency(b"EUR"), summary(2, 110)];
    let (policy, partitions) = (dollars(), partitions());
    let ground = ground(&policy, &partitions);
    let folded = fold(&new(&facts), &Profile::default(), ground);
    let told = explain_day(&folded.facts[1..], &folded.rows[1], Some(&folded.rows[0]), None, ground);
    assert_eq!(told.became[0], Became::Waiting(WaitingReason::Currency));
    assert_eq!(told.became[0].to_string(), "waits (currency)");
    assert_eq!(told.became[1], Became::Won { rivals: 0 });
}
