//! Days of history moved in, beside what vendors say of them (F9).
use crate::said::*;
use returns::ledger::{AccountState, Changes, Ground, NO_FEEDS, Offer, Restore, fold};
use returns::policy::FlowsFrom;

/// The vendor that feeds is silent on the imported day, and the one whose return is moved in gives it a value that closes it at ten.
#[test]
fn an_imported_day_is_not_closed_by_two_different_values() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let partitions = partitions();
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &NO_FEEDS };
    let of_day = [
        returned(2).vendor(1),
        valuation(2, 10, 300).vendor(1),
        flow(2, "noon", 50).and_flow(|f| f.at = Some(noon_of(2))),
    ];
    let facts = [&[valuation(1, 16, 100)], &of_day[..], &[valuation(3, 16, 160)]].concat();
    let whole = fold(&new(&facts), &Default::default(), ground);
    let [first, imported, last] = whole.rows.as_slice() else { panic!("{:?}", ends(&whole)) };

    // A part of the history, from the imported row on, tells when that day closed by what is dated on it.
    let open = whole.facts.iter().filter(|s| s.fact.as_of == imported.as_of).cloned().collect();
    let (last_row, before_last) = (Some(imported), Some(first));
    let from = Restore { profile: whole.profile.clone(), last: last_row, before_last, open };
    let mut state = AccountState::restore(from, ground);
    let mut changes = Changes::default();
    let next = new(&facts[4..]).remove(0).fact;
    assert!(matches!(state.offer(&next, ground, &mut changes), Offer::Settled(_)));
    assert_eq!(changes.rows[0].row(), Some(last), "the flow at noon counts once, on the same day");
}
