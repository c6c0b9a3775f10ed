//! What makes a day: its value, whether it is open or held, and history moved in.
use crate::said::*;
use jiff::civil::date;
use returns::ledger::{AccountState, Changes, Ground, NO_FEEDS, Offer, Restore};
use returns::policy::ValueFrom;
use returns::{Decimal, Reason};

#[test]
fn holdings_are_a_value_where_the_vendor_says_so() {
    let mut policy = policy();
    policy.vendors[0].value_from = ValueFrom::Holdings;
    let facts = [holding(1, "cash", 40), holding(1, "fund", 60)];
    assert_eq!(ends(&fold_of(&facts, &policy)), [100]);
    assert_eq!(ends(&fold_of(&facts, &self::policy())), [0; 0]);
}

#[test]
fn the_closing_value_is_the_last_at_or_before_the_cut_off() {
    let mut policy = policy();
    policy.vendors[0].cut_off = Some(16 * 60);
    let facts = [valuation(1, 10, 90), valuation(1, 16, 100), valuation(1, 17, 999), valuation(2, 16, 110)];
    let folded = fold_of(&facts, &policy);
    assert_eq!(ends(&folded), [100, 110]);
    // The late one is a valuation of the next day, inside it.
    assert_eq!((folded.rows[0].sub_periods, folded.rows[1].sub_periods), (2, 2));
}

#[test]
fn an_intraday_day_is_open_until_a_value_after_its_close_or_a_later_date() {
    let mut policy = policy();
    policy.vendors[0].close = Some(16 * 60);
    let open = |facts: &[Said]| {
        let folded = fold_of(facts, &policy);
        folded.rows.iter().map(|r| r.reasons.has(Reason::Incomplete)).collect::<Vec<_>>()
    };
    let noon = valuation(1, 12, 100);
    assert_eq!(open(std::slice::from_ref(&noon)), [true]);
    assert_eq!(open(&[noon.clone(), valuation(1, 16, 101)]), [false]);
    assert_eq!(open(&[noon, valuation(2, 12, 101)]), [false, true]);
}

#[test]
fn an_open_day_is_built_anew_when_another_vendors_next_day_completes_it() {
    let mut policy = policy();
    policy.vendors[0].close = Some(16 * 60);
    policy.vendors[1].cut_off = Some(17 * 60);
    policy.failover = true;
    let first = fold_of(&[returned(1)], &policy);
    assert!(first.rows[0].reasons.has(Reason::Incomplete));
    let partitions = partitions();
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let (last, open) = (first.rows.first(), new(&[returned(1)]));
    let restore = Restore { profile: first.profile.clone(), last, before_last: None, open };
    let mut state = AccountState::restore(restore, ground);
    let next = &new(&[summary(2, 110).vendor(1)])[0].fact;
    let mut changes = Changes::default();
    let offered = state.offer(next, ground, &mut changes);
    let rebuilt = changes.rows.iter().any(|change| change.as_of() == first.rows[0].as_of);
    assert!(offered == Offer::Deferred || rebuilt, "{offered:?} {:?}", changes.rows);
}

#[test]
fn a_record_in_quarantine_holds_its_day_or_the_next_row_until_released() {
    let facts = [summary(1, 100), quarantined(2, false), summary(3, 100)];
    let held = |facts: &[Said]| fold_of(facts, &policy()).rows[1].reasons.has(Reason::QuarantinedInput);
    assert!(held(&facts));
    let released = [&facts[..], &[quarantined(2, true).feed(2)]].concat();
    assert!(!held(&released));
}

#[test]
fn an_opening_stands_for_the_history_before_it() {
    let folded = fold_of(&[opening(1, 100, 25), summary(2, 110)], &policy());
    assert_eq!(folded.rows[1].twrr, Some(Decimal::new(1, 1)));
    assert_eq!(folded.rows[1].cumulative_twrr().map(|c| c.normalize()), Some(Decimal::new(375, 3)));
    assert_eq!(folded.profile.inception, Some(date(2020, 1, 1)));
}

#[test]
fn history_moved_in_as_returns_begins_with_the_first_of_them() {
    let folded = fold_of(&[returned(1), summary(2, 110)], &policy());
    assert_eq!(folded.profile.inception, Some(date(2019, 12, 31)));
}
