//! The promise: the same facts, in any order, any number of times, in any pieces, with memory lost in between, give the same rows, and a
//! row that does not change is not written.
mod drive;
mod given;

use drive::Ledger;
use given::{Plan, ground_of, plan};
use proptest::prelude::*;
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
    fn facts_of_every_kind_in_any_order_give_the_same_rows(plan in plan(given::EVERYTHING)) {
        check(&plan)?;
    }
}
