//! One row judged by the rules that need nothing but the row.
use super::compare::{Breach, Compared};
use super::rule::{Rule, Rules, Severity};
use super::vendor_return;
use crate::fact::Stated;
use crate::policy::{FlowsFrom, Policy};
use crate::row::{Reason, Reasons, Row, Status, Verdict};
use rust_decimal::Decimal;

/// Applies all rules. Breaches are appended, of a rule at most one, that of its heaviest level; the verdict and the reasons of
/// the row and of the rules come back.
pub fn judge(row: &Row, rules: &Rules, policy: &Policy, breaches: &mut Vec<Breach>) -> (Verdict, Reasons) {
    let first = breaches.len();
    breaches.extend(roll_forward(row).and_then(|c| c.breach(rules)));
    breaches.extend(vendor_return::check(row, rules, policy));
    breaches.extend(summary_flows(row, rules, policy));
    for compared in [return_outlier(row), large_flow(row), fee_size(row)].into_iter().flatten() {
        breaches.extend(compared.breach(rules));
    }
    counts(row, rules, breaches);
    marks(row, rules, breaches);
    let mut reasons = row.reasons;
    let mut verdict = standing(row.reasons);
    for breach in &breaches[first..] {
        breach.rule.reason().into_iter().for_each(|reason| reasons.insert(reason));
        verdict = verdict.max(match breach.severity {
            Severity::Warn => Verdict::Preliminary,
            Severity::Block => Verdict::Held,
        });
    }
    (verdict, reasons)
}

/// What the row's own reasons make of it, whatever the rules say (F6). A flow in another currency is missing from the figure:
/// it is not final, and the rule of that name says whether it is held.
fn standing(reasons: Reasons) -> Verdict {
    let any = |of: &[Reason]| of.iter().any(|reason| reasons.has(*reason));
    if any(&[Reason::QuarantinedInput, Reason::UnpricedTransfer, Reason::WaitingInput, Reason::HeldChange]) {
        Verdict::Held
    } else if any(&[Reason::Incomplete, Reason::ResidualMoney, Reason::Currency, Reason::FeedUnconfirmed]) {
        Verdict::Preliminary
    } else {
        Verdict::Final
    }
}

/// The vendor's own B. A first row has no E before it: there the vendor's is the one used.
fn roll_forward(row: &Row) -> Option<Compared> {
    row.previous_as_of?;
    let vendor = row.vendor_begin.filter(|_| row.stated.has(Stated::BEGIN))?;
    Some(Compared {
        rule: Rule::RollForward,
        expected: row.begin_value,
        actual: vendor,
        of: row.begin_value.abs(),
        slack: Decimal::ZERO,
    })
}

/// The place that feeds the return against the vendor's other one (F5). Of a day half told one side may still be to come.
fn summary_flows(row: &Row, rules: &Rules, policy: &Policy) -> Option<Breach> {
    let other = row.other_net_flow.filter(|_| !row.reasons.has(Reason::Incomplete))?;
    let compared = Compared {
        rule: Rule::SummaryFlows,
        expected: row.net_flow(),
        actual: other,
        of: row.end_value.abs(),
        slack: Decimal::ZERO,
    };
    let breach = compared.breach(rules)?;
    let hint = match policy.vendor(row.value_vendor).flows_from {
        FlowsFrom::Summary => "the summary's net flow counts; the transactions one by one add up to another",
        FlowsFrom::Detail => "the transactions one by one count; the summary states another net flow",
    };
    Some(Breach { hint: Some(hint.into()), ..breach })
}

/// A day half told has no outliers (F6), and history moved in has returns over any span.
fn return_outlier(row: &Row) -> Option<Compared> {
    let own = row.twrr.filter(|_| !row.reasons.has(Reason::Incomplete) && row.status != Status::Imported)?;
    Some(Compared::share(Rule::ReturnOutlier, own, Decimal::ONE))
}

fn large_flow(row: &Row) -> Option<Compared> {
    let flow = row.contributions.max(row.distributions);
    (row.begin_value > Decimal::ZERO).then(|| Compared::share(Rule::LargeFlow, flow, row.begin_value))
}

/// Advisory fees, wherever they were paid; a rebate counts by its size.
fn fee_size(row: &Row) -> Option<Compared> {
    let fees = row.fees.saturating_add(row.fees_outside);
    (row.begin_value > Decimal::ZERO).then(|| Compared::share(Rule::FeeSize, fees, row.begin_value))
}

fn counts(row: &Row, rules: &Rules, out: &mut Vec<Breach>) {
    if row.end_value != Decimal::ZERO {
        let still = rules.calendar.business_days(row.value_since, row.as_of);
        out.extend(count(Rule::StaleValue, still, rules));
    }
    // History moved in has the dates it has.
    if let Some(previous) = row.previous_as_of.filter(|_| row.status != Status::Imported) {
        let missing = rules.calendar.business_days_between(previous, row.as_of);
        out.extend(count(Rule::MissingDay, missing, rules));
    }
}

/// A level of 0 days is none.
fn count(rule: Rule, found: i64, rules: &Rules) -> Option<Breach> {
    if found == 0 {
        return None;
    }
    let reached = |days: u16| (days > 0 && found >= i64::from(days)).then_some(days);
    let (severity, days) = rules.of(rule).heaviest(|limit| reached(limit.days))?;
    Some(Breach { tolerance: Some(days.into()), ..Breach::bare(rule, severity, Some(found.into())) })
}

/// What the fold found and marked on the row, and what a value shows by itself.
fn marks(row: &Row, rules: &Rules, out: &mut Vec<Breach>) {
    let marked = [
        Rule::SourceSwitch,
        Rule::Pinned,
        Rule::Reverted,
        Rule::SameArrival,
        Rule::UnpricedTransfer,
        Rule::Currency,
    ];
    for rule in marked.into_iter().filter(|rule| rule.reason().is_some_and(|reason| row.reasons.has(reason)))
    {
        out.extend(mark(rule, None, rules));
    }
    if row.end_value < Decimal::ZERO {
        out.extend(mark(Rule::NegativeValue, Some(row.end_value), rules));
    }
    if appears(row) {
        out.extend(mark(Rule::NewValueWithoutFlow, Some(row.end_value), rules));
    }
}

/// Whether a value comes after 0 with nothing that brought it.
fn appears(row: &Row) -> bool {
    let fed = !matches!(row.status, Status::Anchor | Status::Imported);
    let from_nothing = row.begin_value.is_zero() && row.contributions.is_zero();
    fed && row.previous_as_of.is_some() && from_nothing && !row.end_value.is_zero()
}

/// A rule without a measure breaks at the heaviest level that is set.
fn mark(rule: Rule, actual: Option<Decimal>, rules: &Rules) -> Option<Breach> {
    let (severity, ()) = rules.of(rule).heaviest(|_| Some(()))?;
    Some(Breach::bare(rule, severity, actual))
}
