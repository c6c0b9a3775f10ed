//! The promise: the same facts, in any order, any number of times, in any pieces, with memory lost in between, give the same rows, and a
//! row that does not change is not written.
mod drive;
mod given;

use drive::Ledger;
use given::{Plan, ground_of, plan};
use proptest::prelude::*;
use returns::ledger::{Profile, fold};

fn check(plan: &Plan) -> Result<(), TestCaseError> {
    let (policy, partitions) = ground_of(plan);
    let ground = returns::ledger::Ground { policy: &policy, partitions: &partitions };
    let all: Vec<_> = plan.facts.iter().map(drive::as_new).collect();
    let folded = fold(&all, &Profile::default(), ground);
    let mut ledger = Ledger::default();
    for batch in &plan.batches {
        let facts: Vec<_> = batch.facts.iter().map(|&n| plan.facts[n].clone()).collect();
        ledger.take(&facts, ground)?;
        if batch.evict {
            ledger.evict(ground);
        }
    }
    ledger.compare(&folded)?;
    ledger.rebuild(ground)
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
    fn facts_of_every_kind_in_any_order_give_the_same_rows(plan in plan(given::EVERYTHING)) {
        check(&plan)?;
    }
}
