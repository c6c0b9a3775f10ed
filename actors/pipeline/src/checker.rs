//! The checker: every row that changes is judged by the tolerance rules.
use crate::generation::Plan;
use crate::guard::{End, Failure, Guard};
use crate::mailbox::{Mailbox, Parcel};
use crate::messages::{CheckedBatch, Flowing, ReturnsBatch};
use actix::prelude::*;
use returns::ledger::RowChange;
use returns::tolerance::{Breach, Rules, judge};
use returns::{Policy, Row};
use std::sync::Arc;
use store::{BreakWrite, Names};

/// Judges batches in order.
pub struct CheckerActor {
    guard: Guard,
    rules: Arc<Rules>,
    policy: Arc<Policy>,
    names: Arc<Names>,
    out: Mailbox<Flowing<CheckedBatch>>,
    open_inputs: usize,
}

impl CheckerActor {
    pub fn new(guard: Guard, plan: &Plan, out: Mailbox<Flowing<CheckedBatch>>, inputs: usize) -> Self {
        let (rules, policy, names) = (plan.rules.clone(), plan.layouts.policy.clone(), plan.names.clone());
        CheckerActor { guard, rules, policy, names, out, open_inputs: inputs }
    }
}

impl Actor for CheckerActor {
    type Context = Context<Self>;
}

impl Handler<Parcel<Flowing<Arc<ReturnsBatch>>>> for CheckerActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, parcel: Parcel<Flowing<Arc<ReturnsBatch>>>, _: &mut Self::Context) -> Self::Result {
        let Parcel { body, room } = parcel;
        let passed_on = match body {
            Flowing::Batch(returns) => {
                Some(Flowing::Batch(check(returns, &self.rules, &self.policy, &self.names)))
            }
            Flowing::Drain => {
                self.open_inputs = self.open_inputs.saturating_sub(1);
                (self.open_inputs == 0).then_some(Flowing::Drain)
            }
        };
        let last = matches!(passed_on, Some(Flowing::Drain));
        let out = self.out.clone();
        AtomicResponse::new(Box::pin(
            async move {
                let result = match passed_on {
                    Some(message) => out.send(message).await.map_err(Failure::from),
                    None => Ok(()),
                };
                drop(room);
                result
            }
            .into_actor(self)
            .map(move |result, actor, ctx| match result {
                Ok(()) if last => {
                    actor.guard.tell(End::Finished);
                    ctx.stop();
                }
                Ok(()) => {}
                Err(failure) => {
                    actor.guard.failed(failure);
                    ctx.stop();
                }
            }),
        ))
    }
}

/// Judges every row of a batch.
pub fn check(returns: Arc<ReturnsBatch>, rules: &Rules, policy: &Policy, names: &Names) -> CheckedBatch {
    let mut verdicts = Vec::with_capacity(returns.rows.len());
    let mut breaks = Vec::new();
    let mut breaches = Vec::new();
    for (index, (account, change)) in (0u32..).zip(&returns.rows) {
        if !matches!(change, RowChange::New(_)) {
            breaks.push((index, settled(*account, change)));
        }
        let Some(row) = change.row() else {
            verdicts.push(Default::default());
            continue;
        };
        breaches.clear();
        verdicts.push(judge(row, rules, policy, &mut breaches));
        breaks.extend(breaches.drain(..).map(|b| (index, broken(*account, row, b, names))));
    }
    CheckedBatch { returns, verdicts, breaks }
}

/// Whatever was open of that account and date, and is not broken again, is resolved.
fn settled(account: i64, change: &RowChange) -> BreakWrite {
    BreakWrite {
        rule: store::EVERY_RULE,
        severity: "warn",
        account: Some(account),
        vendor: None,
        as_of: Some(change.as_of()),
        feed: None,
        position: None,
        expected: None,
        actual: None,
        difference: None,
        difference_bp: None,
        tolerance: None,
        hint: None,
        broken: false,
    }
}

fn broken(account: i64, row: &Row, b: Breach, names: &Names) -> BreakWrite {
    BreakWrite {
        rule: b.rule.as_str(),
        severity: b.severity.as_str(),
        account: Some(account),
        vendor: names.vendor_name(row.value_vendor),
        as_of: Some(row.as_of),
        feed: Some(row.feed),
        position: Some(row.place.position.to_string()),
        expected: b.expected,
        actual: b.actual,
        difference: b.difference,
        difference_bp: b.difference_bp,
        tolerance: b.tolerance,
        hint: b.hint.map(Into::into),
        broken: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{day, partition, piece, row};
    use record::Counts;
    use returns::fact::Stated;
    use returns::tolerance::{Levels, Limit, Rule};
    use returns::{Decimal, VendorPolicy, Verdict};

    /// A row whose vendor begins it with 5, where the row before ended with so much.
    fn begun_with_five(after: i64) -> Row {
        let mut row = row(day(7), 9);
        row.previous_as_of = Some(day(6));
        row.begin_value = Decimal::from(after);
        row.vendor_begin = Some(Decimal::from(5));
        row.stated = Stated(row.stated.0 | Stated::BEGIN.0);
        row
    }

    fn checked(rows: Vec<(i64, RowChange)>) -> CheckedBatch {
        let names = Names::default();
        names.vendor("harbor");
        let policy = Policy::new(vec![VendorPolicy::new("harbor")]);
        let mut rules = Rules::default();
        let levels = Levels { warn: None, block: Some(Limit { money: Decimal::ONE, ..Limit::default() }) };
        rules.set(Rule::RollForward, levels);
        let header = piece(1, 1, &partition(1), 1);
        let returns = ReturnsBatch { rows, ..ReturnsBatch::new(header, Counts::default()) };
        check(Arc::new(returns), &rules, &policy, &names)
    }

    #[test]
    fn a_row_beyond_a_blocking_tolerance_is_held_and_its_break_leads_to_the_line() {
        let checked =
            checked(vec![(3, RowChange::New(begun_with_five(5))), (4, RowChange::New(begun_with_five(7)))]);
        let verdicts: Vec<Verdict> = checked.verdicts.iter().map(|(verdict, _)| *verdict).collect();
        assert_eq!(verdicts, [Verdict::Final, Verdict::Held]);
        let [(index, found)] = checked.breaks.as_slice() else { panic!("{:?}", checked.breaks) };
        assert_eq!((*index, found.rule, found.severity, found.broken), (1, "roll_forward", "block", true));
        assert_eq!((found.account, found.as_of), (Some(4), Some(day(7))));
        assert_eq!((found.vendor.as_deref(), found.feed), (Some("harbor"), Some(record::FeedKey(1))));
        assert_eq!(found.position.as_deref(), Some("9.1.0"));
        assert_eq!((found.expected, found.actual), (Some(7.into()), Some(5.into())));
    }

    #[test]
    fn what_was_broken_before_a_row_changed_is_settled_first_and_opened_again_if_it_still_is() {
        let again = RowChange::Replaced { row: begun_with_five(7), restates: true };
        let checked = checked(vec![(3, RowChange::Gone(day(7))), (4, again)]);
        let told: Vec<_> = checked.breaks.iter().map(|(n, b)| (*n, b.rule, b.account, b.broken)).collect();
        assert_eq!(
            told,
            [
                (0, store::EVERY_RULE, Some(3), false),
                (1, store::EVERY_RULE, Some(4), false),
                (1, "roll_forward", Some(4), true)
            ]
        );
        assert_eq!(checked.verdicts.len(), 2, "one for each change, a row taken away too");
    }
}
