//! What the ledger promises of vendors, corrections, withdrawals and open days, by example.
mod currency;
mod said;

use jiff::civil::date;
use returns::fact::{Patch, Stated, Target};
use returns::ledger::{
    AccountState, Became, Changes, Ground, NO_FEEDS, Offer, Outcome, Restore, WaitingReason, explain_day,
    fold,
};
use returns::policy::{FlowsFrom, PossibleDuplicate, ValueFrom};
use returns::{Decimal, Reason, Vendor};
use said::*;

#[test]
fn a_feed_sent_twice_changes_nothing() {
    let one = summary(1, 100).feed(1).arrival(1);
    let folded = fold_of(&[one.clone(), one.clone(), one], &policy());
    assert_eq!(folded.outcomes, [Outcome::Accepted, Outcome::Unchanged, Outcome::Unchanged]);
    assert_eq!(folded.rows.len(), 1);
    assert!(folded.rows[0].carries);
}

#[test]
fn the_later_arrival_wins_and_a_revision_wins_over_arrival() {
    let plain = fold_of(&[summary(1, 100).arrival(2), summary(1, 90).arrival(1)], &policy());
    assert_eq!(ends(&plain), [100]);
    let revised = fold_of(&[summary(1, 100).arrival(2), summary(1, 90).arrival(1).revision(1)], &policy());
    assert_eq!(ends(&revised), [90]);
    assert_eq!(revised.rows[0].revision, Some(1));
}

#[test]
fn partitions_order_by_name_with_digits_as_numbers() {
    // Partition 0 is f/10, partition 1 is f/9.
    let folded = fold_of(&[summary(1, 10).partition(0), summary(1, 9).partition(1)], &policy());
    assert_eq!(ends(&folded), [10]);
    assert!(folded.rows[0].reasons.has(Reason::SameArrival), "nothing but the file's name decides");
}

#[test]
fn uploading_last_months_folder_again_undoes_nothing() {
    let facts = [
        summary(1, 100).arrival(1).feed(1),
        summary(1, 105).arrival(2).feed(2),
        summary(1, 100).arrival(3).feed(3),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [105]);
    assert_eq!(folded.outcomes[2], Outcome::Stale);
    assert!(folded.rows[0].reasons.has(Reason::Reverted));
}

#[test]
fn a_withdrawn_feed_leaves_what_another_said() {
    let facts = [
        summary(1, 100).arrival(1).feed(1),
        summary(1, 100).arrival(2).feed(2),
        withdraw(Target::Feed(record::FeedKey(1)), 1, false),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [100]);
    assert_eq!(folded.rows[0].feed, record::FeedKey(2));
}

#[test]
fn the_same_bytes_stay_withdrawn_until_reinstated() {
    let place = summary(1, 100).0.place;
    let withdrawn = [withdraw(Target::Record(place), 1, false), summary(1, 100)];
    assert_eq!(ends(&fold_of(&withdrawn, &policy())), [0; 0]);
    let back = [
        withdraw(Target::Record(place), 2, true),
        withdraw(Target::Record(place), 1, false),
        summary(1, 100),
    ];
    assert_eq!(ends(&fold_of(&back, &policy())), [100]);
}

#[test]
fn equal_revisions_with_different_content_are_a_break() {
    let folded =
        fold_of(&[summary(1, 100).revision(3).arrival(1), summary(1, 101).revision(3).arrival(2)], &policy());
    assert_eq!(ends(&folded), [101]);
    assert!(folded.rows[0].reasons.has(Reason::SameArrival));
}

#[test]
fn a_correction_overlays_single_fields_on_whatever_the_vendor_sends_later() {
    let fixed = correction(1, "t").end(120).arrival(2);
    let facts = [summary(1, 100).arrival(1), fixed.clone(), summary(1, 110).arrival(3)];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [120]);
    let reasons = folded.rows[0].reasons;
    assert!(reasons.has(Reason::Corrected) && reasons.has(Reason::Pinned));
    let unchanged = fold_of(&[summary(1, 100).arrival(1), fixed], &policy());
    assert!(!unchanged.rows[0].reasons.has(Reason::Pinned));
}

#[test]
fn a_confirmed_correction_is_released_for_good() {
    let facts = [
        summary(1, 100).arrival(1),
        correction(1, "t").end(120).arrival(2),
        summary(1, 120).arrival(3),
        summary(1, 130).arrival(4),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [130]);
    assert!(!folded.rows[0].reasons.has(Reason::Corrected));
}

#[test]
fn a_field_superseded_by_a_confirmed_correction_does_not_come_back() {
    let facts = [
        summary(1, 100).arrival(1),
        correction(1, "a").end(110).event(1).arrival(2),
        correction(1, "b").end(120).event(2).arrival(3),
        summary(1, 120).arrival(4),
        summary(1, 130).arrival(5),
    ];
    assert_eq!(ends(&fold_of(&facts, &policy())), [130]);
}

#[test]
fn null_takes_a_corrected_field_away_and_leaves_the_others() {
    let facts = [
        summary(1, 100).arrival(1),
        correction(1, "t").end(120).event(1).arrival(2).and(|c| c.contributions = Patch::Set(Decimal::TEN)),
        correction(1, "t").event(2).arrival(3).and(|c| c.end_value = Patch::TakenAway),
    ];
    let folded = fold_of(&facts, &policy());
    assert_eq!((ends(&folded), folded.rows[0].contributions), (vec![100], Decimal::TEN));
}

#[test]
fn withdrawing_a_ticket_brings_the_vendor_back() {
    let facts = [
        withdraw(Target::Ticket("t".into()), 1, false),
        correction(1, "t").end(120).arrival(2),
        summary(1, 100).arrival(1),
    ];
    assert_eq!(ends(&fold_of(&facts, &policy())), [100]);
}

#[test]
fn a_vendor_feeds_from_its_first_value_on_and_then_alone() {
    // Vendor 0 comes first in precedence, but begins on day 3 and is silent on day 4.
    let other = |day, end| summary(day, end).vendor(1);
    let facts = [other(1, 10), other(2, 11), other(3, 12), summary(3, 100), other(4, 13), summary(5, 101)];
    let folded = fold_of(&facts, &policy());
    assert_eq!(ends(&folded), [10, 11, 100, 101]);
    assert!(folded.rows[2].reasons.has(Reason::SourceSwitch));
    assert!(!folded.rows[3].reasons.has(Reason::SourceSwitch));
    let mut failover = policy();
    failover.failover = true;
    assert_eq!(ends(&fold_of(&facts, &failover)), [10, 11, 100, 13, 101]);
}

#[test]
fn a_flow_on_a_day_without_a_value_belongs_to_the_next_valued_day() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let facts = [summary(1, 100), flow(2, "a", 50), summary(3, 150)];
    let folded = fold_of(&facts, &policy);
    assert_eq!(folded.rows[1].contributions, Decimal::from(50));
    assert_eq!(folded.rows[1].twrr, Some(Decimal::ZERO));
}

#[test]
fn a_correction_is_released_by_what_a_flow_with_an_id_said_before_its_next_version() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let id = |day, amount| flow(day, "id", amount).own_id();
    let taken = |n| correction(17, "t").and(|c| c.distributions = Patch::Set(Decimal::from(90))).arrival(n);
    let unpriced = || id(9, 0).and_flow(|f| f.amount = None);
    let tells = |facts: &[Said]| {
        let folded = fold_of(facts, &policy);
        let row = folded.rows.last().unwrap();
        (row.reasons.has(Reason::Corrected), row.distributions)
    };
    let before = [summary(1, 900).arrival(0), summary(17, 900).arrival(0)];
    let of = |facts: &[Said]| tells(&[&before[..], facts].concat());
    let (agreed, free) = (id(9, -90).arrival(2), (false, Decimal::ZERO));
    // The vendor agreed before its flow lost its amount, moved to another row's days or was cancelled, on whatever date.
    assert_eq!(of(&[taken(1), agreed.clone(), unpriced().arrival(3)]), free);
    assert_eq!(of(&[taken(1), agreed.clone(), id(1, -90).arrival(3)]), free);
    assert_eq!(of(&[taken(1), agreed.clone(), cancel(1, Some("id"), -90).arrival(3)]), free);
    // It had lost before the correction came.
    let held = (true, Decimal::from(90));
    assert_eq!(of(&[agreed.clone(), unpriced().arrival(3), taken(4)]), held);
    assert_eq!(of(&[agreed.clone(), id(1, -90).arrival(3), taken(4)]), held);
    assert_eq!(of(&[agreed.clone(), cancel(1, Some("id"), -90).arrival(3), taken(4)]), held);
    // A version that never counted, for a higher one dated elsewhere was there already.
    assert_eq!(of(&[id(1, -90).revision(5).arrival(1), taken(1), agreed]), held);
}

#[test]
fn a_flow_with_an_id_moves_with_its_corrected_date() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let id = |day, amount| flow(day, "id", amount).own_id();
    let facts =
        [summary(1, 100), summary(2, 100), summary(3, 150), id(2, 50).arrival(1), id(3, 50).arrival(2)];
    let folded = fold_of(&facts, &policy);
    let flows: Vec<_> = folded.rows.iter().map(|r| r.contributions).collect();
    assert_eq!(flows, [Decimal::ZERO, Decimal::ZERO, Decimal::from(50)]);
}

#[test]
fn a_cancel_works_before_and_after_its_flow_and_waits_without_one() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let day = [summary(1, 100), summary(2, 100)];
    let (id, gone) = (flow(2, "id", 50).own_id(), cancel(2, Some("id"), 50));
    for pair in [[id.clone(), gone.clone()], [gone, id]] {
        let facts = [&day[..], &pair].concat();
        assert_eq!(fold_of(&facts, &policy).rows[1].contributions, Decimal::ZERO);
    }
    // Without a reference: the latest of two equal flows, and only one of them.
    let two = [&day[..], &[flow(2, "a", 50), flow(2, "b", 50).arrival(9), cancel(2, None, 50)]].concat();
    assert_eq!(fold_of(&two, &policy).rows[1].contributions, Decimal::from(50));
    let none = [&day[..], &[cancel(2, None, 70)]].concat();
    let folded = fold_of(&none, &policy);
    assert_eq!(folded.outcomes[2], Outcome::Waiting(WaitingReason::Original));
    assert!(folded.rows[1].reasons.has(Reason::WaitingInput));
}

/// A reference made on a stream (`~`) or in a feed with an end (`=`), the n-th.
fn made(begins: char, n: u8) -> String {
    let (hash, nth) = if begins == '~' { (n, String::new()) } else { (0, format!("#{n}")) };
    format!("{begins}{hash:032x}{}", if n > 1 { nth } else { String::new() })
}

/// The contributions of the second day, and whether it waits for something, under each policy: wait, distinct, same.
fn under_each_policy(said: &[Said]) -> [(Decimal, bool); 3] {
    [PossibleDuplicate::Wait, PossibleDuplicate::Distinct, PossibleDuplicate::Same].map(|choice| {
        let mut policy = policy();
        policy.vendors[0].flows_from = FlowsFrom::Detail;
        policy.vendors[0].possible_duplicate = choice;
        let facts = [&[summary(1, 100)], said, &[summary(2, 200)]].concat();
        let folded = fold_of(&facts, &policy);
        (folded.rows[1].contributions, folded.rows[1].reasons.has(Reason::WaitingInput))
    })
}

fn is(money: i64, waits: bool) -> (Decimal, bool) {
    (Decimal::from(money), waits)
}

#[test]
fn equal_flows_of_a_stream_without_ids_are_what_the_policy_says() {
    let said = [flow(2, &made('~', 1), 50), flow(2, &made('~', 2), 50).arrival(9)];
    assert_eq!(under_each_policy(&said), [is(50, true), is(100, false), is(50, false)]);
}

#[test]
fn a_flow_of_a_stream_that_a_feed_with_an_end_gives_too_is_what_the_policy_says_whichever_came_first() {
    for arrivals in [(1, 9), (9, 1)] {
        let stream = flow(2, &made('~', 1), 50).arrival(arrivals.0);
        let said = [stream, flow(2, &made('=', 1), 50).arrival(arrivals.1)];
        assert_eq!(under_each_policy(&said), [is(50, true), is(100, false), is(50, false)]);
    }
}

#[test]
fn two_equal_lines_of_a_feed_with_an_end_are_two_flows_beside_a_stream_too() {
    let whole = [flow(2, &made('=', 1), 50), flow(2, &made('=', 2), 50)];
    assert_eq!(under_each_policy(&whole), [is(100, false); 3]);
    let streamed = [1, 2, 3].map(|n| flow(2, &made('~', n), 50).arrival(1));
    let both = [&whole[..], &streamed].concat();
    assert_eq!(under_each_policy(&both), [is(100, true), is(250, false), is(100, false)]);
}

#[test]
fn a_reference_of_the_vendors_own_is_no_made_one_however_it_begins() {
    let hash = "00000000000000000000000000000000";
    let stream = flow(2, &made('~', 1), 50);
    let own = flow(2, &format!("={hash}"), 50).own_id();
    let mapped = flow(2, "=\"0001\"", 50);
    let other_amount = flow(2, &made('=', 1), 60);
    for (other, sum) in [(own, 100), (mapped, 100), (other_amount, 110)] {
        assert_eq!(under_each_policy(&[stream.clone(), other]), [is(sum, false); 3]);
    }
}

#[test]
fn a_feed_read_both_ways_counts_once_with_what_is_cancelled_in_it() {
    let cancels = |begins, n| {
        let mut cancel = cancel(2, None, 50);
        cancel.0.reference = Some(made(begins, n).into());
        cancel
    };
    // A deposit, its cancel, and the deposit again.
    let whole = [flow(2, &made('=', 1), 50), cancels('=', 1), flow(2, &made('=', 2), 50)];
    let streamed = [flow(2, &made('~', 1), 50), cancels('~', 2), flow(2, &made('~', 3), 50)];
    let sums = |facts: &[Said]| under_each_policy(facts).map(|(sum, _)| sum);
    let [once, twice] = [50, 100].map(Decimal::from);
    for arrivals in [(1, 9), (9, 1)] {
        let both: Vec<Said> = (whole.iter().map(|f| f.clone().arrival(arrivals.0)))
            .chain(streamed.iter().map(|f| f.clone().arrival(arrivals.1)))
            .collect();
        assert_eq!(sums(&both), [once, twice, once]);
    }
    // A cancel that only the stream has takes the flow that counts, and not the copy beside it.
    let grown = [&whole[..1], &streamed[..2]].concat();
    assert_eq!(sums(&grown), [Decimal::ZERO, once, Decimal::ZERO]);
}

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

#[test]
fn what_became_of_each_fact_is_told() {
    let facts = [
        summary(1, 100).arrival(1),
        summary(1, 105).arrival(2),
        summary(1, 105).arrival(3).feed(2),
        summary(1, 99).vendor(1),
        correction(1, "t").end(120).arrival(3),
        correction(1, "u").end(119).event(-1).arrival(3),
        summary(1, 1).arrival(9).feed(7),
        withdraw(Target::Feed(record::FeedKey(7)), 1, false),
    ];
    let policy = policy();
    let (stored, partitions) = (new(&facts), partitions());
    let ground = returns::ledger::Ground {
        policy: &policy,
        partitions: &partitions,
        feeds: &returns::ledger::NO_FEEDS,
    };
    let folded = fold(&stored, &Default::default(), ground);
    let told = explain_day(&stored, &folded.rows[0], None, None, ground);
    let expected = [
        Became::Superseded { by: Some(1) },
        Became::Won { rivals: 1 },
        Became::Witness { of: 1 },
        Became::OtherVendor,
        Became::Overlays,
        Became::Overruled,
        Became::Withdrawn,
        Became::Acts,
    ];
    assert_eq!(told.became, expected);
    assert_eq!(told.day.unwrap().end_value, Decimal::from(120));
    assert_eq!(folded.rows[0].value_vendor, Vendor(0));
}

#[test]
fn a_correction_that_a_moved_flow_confirmed_is_told_as_released() {
    let mut policy = policy();
    policy.vendors[0].flows_from = FlowsFrom::Detail;
    let id = |day, amount| flow(day, "id", amount).own_id();
    let facts = [
        summary(1, 900).arrival(0),
        summary(17, 900).arrival(0),
        correction(17, "t").and(|c| c.distributions = Patch::Set(Decimal::from(90))).arrival(1),
        id(9, -90).arrival(2),
        id(1, -90).arrival(3),
    ];
    let partitions = partitions();
    let ground = returns::ledger::Ground {
        policy: &policy,
        partitions: &partitions,
        feeds: &returns::ledger::NO_FEEDS,
    };
    let folded = fold(&new(&facts), &Default::default(), ground);
    // What the store gives of the second row: the facts of its days, and all versions of the flow among them.
    let told = explain_day(&folded.facts[1..], &folded.rows[1], Some(&folded.rows[0]), None, ground);
    let expected =
        [Became::Won { rivals: 0 }, Became::Released, Became::Superseded { by: Some(3) }, Became::OtherDate];
    assert_eq!(told.became, expected);
    assert_eq!(told.day.unwrap().distributions, Decimal::ZERO);
    assert!(!folded.rows[1].reasons.has(Reason::Corrected));
}

#[test]
fn a_vendors_change_under_a_correction_is_told_with_its_three_values() {
    let facts =
        [summary(1, 100).arrival(1), correction(1, "t").end(120).arrival(2), summary(1, 105).arrival(3)];
    let policy = policy();
    let (stored, partitions) = (new(&facts), partitions());
    let ground = returns::ledger::Ground {
        policy: &policy,
        partitions: &partitions,
        feeds: &returns::ledger::NO_FEEDS,
    };
    let folded = fold(&stored, &Default::default(), ground);
    let told = explain_day(&stored, &folded.rows[0], None, None, ground);
    let [pinned] = told.pinned.as_slice() else { panic!("{:?}", told.pinned) };
    let values = [pinned.said_then, pinned.says_now, Some(pinned.corrected_to)];
    assert_eq!(values, [100, 105, 120].map(|v| Some(Decimal::from(v))));
    assert_eq!(pinned.field, "end value");
}

/// The goal of 256 bytes an account, map and all, leaves room for the map.
#[test]
fn an_account_of_plain_summaries_takes_little_memory() {
    let (policy, partitions) = (policy(), partitions());
    let ground = returns::ledger::Ground {
        policy: &policy,
        partitions: &partitions,
        feeds: &returns::ledger::NO_FEEDS,
    };
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
