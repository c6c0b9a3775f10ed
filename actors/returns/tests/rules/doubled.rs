//! Flows without an id that came twice: what is a copy, and what the policy makes of it.
use crate::said::*;
use returns::policy::{FlowsFrom, PossibleDuplicate};
use returns::{Decimal, Reason};

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
