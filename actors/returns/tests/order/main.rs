//! The promise: the same facts, in any order, any number of times, in any pieces, with memory lost in between, give the same rows, and a
//! row that does not change is not written.
mod drive;
mod given;
mod waiting;

use drive::Ledger;
use given::{Batch, Plan, Seed, ground_of, plan};
use proptest::prelude::*;
use returns::Reason;
use returns::ledger::{Feeds, Ground, Profile, Stage, WholeFeed, fold};

fn check(plan: &Plan) -> Result<(), TestCaseError> {
    let (policy, partitions) = ground_of(plan);
    let mut feeds = Feeds::default();
    plan.whole.iter().for_each(|feed| feeds.note(WholeFeed { stage: Stage::Coming, ..feed.clone() }));
    let mut ledger = Ledger::default();
    let mut to_come: Vec<&WholeFeed> = plan.whole.iter().collect();
    let mut rest = plan.batches.as_slice();
    while let Some((batch, after)) = rest.split_first() {
        let ground = Ground { policy: &policy, partitions: &partitions, feeds: &feeds };
        let facts: Vec<_> = batch.facts.iter().map(|&n| plan.facts[n].clone()).collect();
        ledger.take(&facts, ground)?;
        if batch.evict {
            ledger.evict(ground);
        }
        rest = after;
        // A feed is through when no fact of it is to come for the first time.
        let (coming, through) = to_come.iter().partition(|feed| {
            let first = |n: &usize| plan.facts[*n].feed == feed.key && !seen(plan, rest.len(), *n);
            rest.iter().flat_map(|b| &b.facts).any(first)
        });
        to_come = coming;
        for feed in through {
            feeds.note(feed.clone());
            let ground = Ground { policy: &policy, partitions: &partitions, feeds: &feeds };
            ledger.through(feed, ground)?;
        }
    }
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &feeds };
    let all: Vec<_> = plan.facts.iter().map(drive::as_new).collect();
    ledger.compare(&fold(&all, &Profile::default(), ground))?;
    ledger.rebuild(ground)
}

/// Whether a fact has come with so many batches to go.
fn seen(plan: &Plan, to_go: usize, fact: usize) -> bool {
    let so_far = plan.batches.len() - to_go;
    plan.batches[..so_far].iter().any(|batch| batch.facts.contains(&fact))
}

/// Of the first vendor, whose day closes at 16:00 where the policy has a cut-off: a summary's value, a flow with the one id, a correction.
fn summary(day: u8, end: i64, arrival: i64) -> Seed {
    (0, 0, day, end, None, Some(arrival), (0, 1), 0, 0, 1)
}

fn distribution_of_one_at_18(day: u8, arrival: i64) -> Seed {
    (11, 0, day, -1, None, Some(arrival), (0, 2), 0, 0, 18 << 8 | 1 << 2)
}

fn correction_to_a_distribution_of_one(day: u8, arrival: i64) -> Seed {
    (12, 0, day, 0, None, Some(arrival), (0, 3), 0, 0, 0b101)
}

/// Whether any row stays corrected. The last fact comes alone, memory lost, so that what it touches is folded by what is read for it.
fn stays_corrected(said: impl IntoIterator<Item = Seed>, cut_off: bool) -> Result<bool, TestCaseError> {
    let facts: Vec<_> = said.into_iter().map(given::fact).collect();
    let last = facts.len() - 1;
    let batches = [0..last, last..last + 1].map(|n| Batch { facts: n.collect(), evict: true }).to_vec();
    // The bits of flows one by one, and of a cut-off.
    let policy = 1 << 3 | if cut_off { 1 << 5 | 1 << 6 } else { 0 };
    let plan = Plan { facts, batches, whole: Vec::new(), policy };
    check(&plan)?;
    let (policy, partitions) = ground_of(&plan);
    let ground = Ground { policy: &policy, partitions: &partitions, feeds: &Feeds::default() };
    let all: Vec<_> = plan.facts.iter().map(drive::as_new).collect();
    let folded = fold(&all, &Profile::default(), ground);
    Ok(folded.rows.iter().any(|row| row.reasons.has(Reason::Corrected)))
}

/// The day it counted on until then is otherwise one summary, which its row could carry alone.
#[test]
fn a_flow_after_the_cut_off_that_moved_away_is_known_to_every_fold_of_the_next_day()
-> Result<(), TestCaseError> {
    let values = (0..4).map(|day| summary(day, 9, 0));
    let confirmed = [
        correction_to_a_distribution_of_one(2, 1),
        distribution_of_one_at_18(1, 2),
        distribution_of_one_at_18(8, 3),
    ];
    prop_assert!(!stays_corrected(values.chain(confirmed).chain([summary(2, 10, 4)]), true)?);
    Ok(())
}

#[test]
fn a_flow_that_moved_far_back_before_a_correction_came_confirms_it_in_no_fold() -> Result<(), TestCaseError> {
    let values = (0..9).map(|day| summary(day, 9, 0));
    let too_late = [
        distribution_of_one_at_18(8, 1),
        distribution_of_one_at_18(0, 2),
        correction_to_a_distribution_of_one(8, 3),
    ];
    prop_assert!(stays_corrected(values.chain(too_late).chain([summary(8, 10, 4)]), false)?);
    Ok(())
}

/// `PROPTEST_CASES=100000` looks harder.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn summaries_in_any_order_give_the_same_rows(plan in plan(given::SUMMARIES)) {
        check(&plan)?;
    }

    #[test]
    fn flows_valuations_and_cancels_in_any_order_give_the_same_rows(plan in plan(given::DETAIL)) {
        check(&plan)?;
    }

    #[test]
    fn corrections_and_withdrawals_in_any_order_give_the_same_rows(plan in plan(given::CORRECTED)) {
        check(&plan)?;
    }

    #[test]
    fn corrections_of_days_that_flows_with_an_id_left_in_any_order_give_the_same_rows(plan in plan(given::MOVED)) {
        check(&plan.in_detail())?;
    }

    #[test]
    fn flows_that_came_twice_in_any_order_give_the_same_rows(plan in plan(given::TWICE)) {
        check(&plan.in_detail())?;
    }

    #[test]
    fn facts_of_every_kind_in_any_order_give_the_same_rows(plan in plan(given::EVERYTHING)) {
        check(&plan)?;
    }
}
