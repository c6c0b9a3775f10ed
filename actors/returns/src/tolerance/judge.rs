//! One row judged by the rules that need nothing but the row.
use super::rule::{Limit, Rule, Rules, Severity};
use crate::date::{Date, days};
use crate::fact::{Span, Stated};
use crate::policy::Policy;
use crate::row::{Reason, Reasons, Row, Verdict};
use rust_decimal::Decimal;

/// A tolerance exceeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    pub rule: Rule,
    pub severity: Severity,
    pub expected: Option<Decimal>,
    pub actual: Option<Decimal>,
    pub difference: Option<Decimal>,
    /// The difference in basis points of what is compared with, rounded to 4 places.
    pub difference_bp: Option<Decimal>,
    pub tolerance: Option<Decimal>,
    /// What would explain it.
    pub hint: Option<String>,
}

/// What a rule compares.
struct Compared {
    rule: Rule,
    expected: Decimal,
    actual: Decimal,
    /// What basis points are taken of; 1 for rates.
    of: Decimal,
    /// Tolerated beside the limit, whatever the level.
    slack: Decimal,
}

const BP: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

/// Applies all rules. Breaches are appended; the verdict and the reasons of the row and of the rules come back.
pub fn judge(row: &Row, rules: &Rules, policy: &Policy, breaches: &mut Vec<Breach>) -> (Verdict, Reasons) {
    let first = breaches.len();
    let open = row.reasons.has(Reason::Incomplete);
    amounts(row, rules, policy, open, breaches);
    if !open {
        counts(row, rules, breaches);
    }
    marks(row, rules, breaches);
    let mut reasons = row.reasons;
    let mut verdict = standing(row.reasons);
    for b in &breaches[first..] {
        reasons.insert(b.rule.reason());
        verdict = verdict.max(match b.severity {
            Severity::Warn => Verdict::Preliminary,
            Severity::Block => Verdict::Held,
        });
    }
    (verdict, reasons)
}

/// What the row's own reasons make of it: input in quarantine or without a price holds it, an open day is preliminary.
fn standing(reasons: Reasons) -> Verdict {
    let holds = [Reason::QuarantinedInput, Reason::UnpricedTransfer, Reason::Currency, Reason::WaitingInput];
    let warns = [Reason::Incomplete, Reason::ResidualMoney, Reason::HeldChange, Reason::FeedUnconfirmed];
    if holds.iter().any(|r| reasons.has(*r)) {
        Verdict::Held
    } else if warns.iter().any(|r| reasons.has(*r)) {
        Verdict::Preliminary
    } else {
        Verdict::Final
    }
}

fn amounts(row: &Row, rules: &Rules, policy: &Policy, open: bool, out: &mut Vec<Breach>) {
    if row.stated.has(Stated::BEGIN)
        && row.previous_as_of.is_some()
        && let Some(vendor) = row.vendor_begin
    {
        let of = row.begin_value.abs();
        let slack = Decimal::ZERO;
        compare(Compared { rule: Rule::RollForward, expected: row.begin_value, actual: vendor, of, slack }, rules, out);
    }
    if let (Some(own), Some(vendor), Span::Day | Span::Period) = (row.twrr, row.reported_return, row.reported_span) {
        let digits = policy.vendor(row.value_vendor).return_digits;
        let slack = printed(digits) + cent_over_capital(row);
        compare(Compared { rule: Rule::VendorReturn, expected: own, actual: vendor, of: Decimal::ONE, slack }, rules, out);
        explain(row, out);
    }
    // A day half told has no outliers.
    if let (Some(own), false) = (row.twrr, open) {
        let c = Compared { rule: Rule::ReturnOutlier, expected: Decimal::ZERO, actual: own, of: Decimal::ONE, slack: Decimal::ZERO };
        compare(c, rules, out);
    }
    let flow = row.contributions.max(row.distributions);
    if flow > Decimal::ZERO && row.begin_value > Decimal::ZERO {
        let of = row.begin_value;
        compare(Compared { rule: Rule::LargeFlow, expected: Decimal::ZERO, actual: flow, of, slack: Decimal::ZERO }, rules, out);
    }
    if row.fees > Decimal::ZERO && row.begin_value > Decimal::ZERO {
        let of = row.begin_value;
        compare(Compared { rule: Rule::FeeSize, expected: Decimal::ZERO, actual: row.fees, of, slack: Decimal::ZERO }, rules, out);
    }
}

/// Half the last printed unit of the vendor's return, and a millionth for its own rounding inside.
fn printed(digits: u8) -> Decimal {
    Decimal::new(5, u32::from(digits) + 1) + Decimal::new(1, 6)
}

/// What a cent of value moves the return by.
fn cent_over_capital(row: &Row) -> Decimal {
    let capital = row.begin_value + row.contributions;
    if capital <= Decimal::ZERO {
        return Decimal::ZERO;
    }
    Decimal::new(1, 2).checked_div(capital).map_or(Decimal::ZERO, |d| d.round_dp(18))
}

fn compare(c: Compared, rules: &Rules, out: &mut Vec<Breach>) {
    let levels = rules.of(c.rule);
    let Some(difference) = c.actual.checked_sub(c.expected) else { return };
    let tolerated = |l: Limit| (c.of * BP).checked_mul(l.bp).unwrap_or(Decimal::MAX) + l.money + c.slack;
    for (severity, limit) in [(Severity::Block, levels.block), (Severity::Warn, levels.warn)] {
        let Some(limit) = limit else { continue };
        let tolerance = tolerated(limit);
        if difference.abs() > tolerance {
            let share = difference.checked_div(c.of).and_then(|s| s.checked_mul(Decimal::from(10_000)));
            out.push(Breach {
                rule: c.rule,
                severity,
                expected: Some(c.expected),
                actual: Some(c.actual),
                difference: Some(difference),
                difference_bp: share.map(|s| s.round_dp(4)),
                tolerance: Some(tolerance),
                hint: None,
            });
            return;
        }
    }
}

/// When the vendor's return breaks: which flow timing, or which fee basis, would give the vendor's figure to what it prints.
fn explain(row: &Row, out: &mut [Breach]) {
    let Some(breach) = out.last_mut().filter(|b| b.rule == Rule::VendorReturn) else { return };
    let (Some(vendor), two) = (breach.actual, Decimal::TWO) else { return };
    let (b, c, w, e) = (row.begin_value, row.contributions, row.distributions, row.end_value);
    let half = |d: Decimal| d.checked_div(two).unwrap_or_default();
    let gain = row.gain();
    let mut hints = Vec::new();
    for (name, capital) in [("split", b + c), ("start", b + c - w), ("end", b), ("mid", b + half(c - w))] {
        for (fees, gain) in [("", gain - row.fees_outside), (" gross of fees", gain + row.fees)] {
            let differs = row.fees != Decimal::ZERO || row.fees_outside != Decimal::ZERO;
            let matches = capital > Decimal::ZERO
                && gain.checked_div(capital).is_some_and(|r| (r - vendor).abs() <= printed(6));
            if matches && (fees.is_empty() || differs) {
                hints.push(format!("flow timing `{name}`{fees}"));
            }
        }
    }
    let value = e;
    breach.hint = match hints.first() {
        Some(first) => Some(format!("the vendor's figure is what {first} gives")),
        None if value == b => Some("no flow timing or fee basis explains it; the value did not move".into()),
        None => Some("no flow timing or fee basis explains it".into()),
    };
}

fn counts(row: &Row, rules: &Rules, out: &mut Vec<Breach>) {
    if row.end_value != Decimal::ZERO {
        let still = business_days(row.value_since, row.as_of);
        count(Rule::StaleValue, still, rules, out);
    }
    if let Some(previous) = row.previous_as_of {
        // Business days strictly between two rows.
        let missing = business_days(previous, row.as_of).saturating_sub(1);
        count(Rule::MissingDay, missing, rules, out);
    }
}

fn count(rule: Rule, found: i64, rules: &Rules, out: &mut Vec<Breach>) {
    let levels = rules.of(rule);
    for (severity, limit) in [(Severity::Block, levels.block), (Severity::Warn, levels.warn)] {
        let Some(limit) = limit.filter(|l| l.days > 0 && found >= i64::from(l.days)) else { continue };
        out.push(Breach {
            rule,
            severity,
            expected: None,
            actual: Some(found.into()),
            difference: None,
            difference_bp: None,
            tolerance: Some(limit.days.into()),
            hint: None,
        });
        return;
    }
}

/// Days from Monday to Friday after `from`, up to and including `to`.
fn business_days(from: Date, to: Date) -> i64 {
    // Days since Monday 1969-12-29, so that a week's five first days are business days.
    let upto = |d: Date| {
        let n = i64::from(days(d)) + 3;
        n.div_euclid(7) * 5 + (n.rem_euclid(7) + 1).min(5)
    };
    (upto(to) - upto(from)).max(0)
}

/// What the fold found and marked on the row.
fn marks(row: &Row, rules: &Rules, out: &mut Vec<Breach>) {
    let marked = [
        Rule::SourceSwitch,
        Rule::Pinned,
        Rule::Reverted,
        Rule::SameArrival,
        Rule::UnpricedTransfer,
        Rule::Currency,
    ];
    for rule in marked.into_iter().filter(|r| row.reasons.has(r.reason())) {
        mark(rule, None, rules, out);
    }
    if row.end_value < Decimal::ZERO {
        mark(Rule::NegativeValue, Some(row.end_value), rules, out);
    }
}

fn mark(rule: Rule, actual: Option<Decimal>, rules: &Rules, out: &mut Vec<Breach>) {
    let levels = rules.of(rule);
    let severity = match (levels.block, levels.warn) {
        (Some(_), _) => Severity::Block,
        (None, Some(_)) => Severity::Warn,
        (None, None) => return,
    };
    out.push(Breach {
        rule,
        severity,
        expected: None,
        actual,
        difference: None,
        difference_bp: None,
        tolerance: None,
        hint: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn business_days_leave_out_weekends() {
        let friday = date(2025, 1, 3);
        assert_eq!(business_days(friday, date(2025, 1, 5)), 0, "Saturday and Sunday");
        assert_eq!(business_days(friday, date(2025, 1, 6)), 1, "the Monday after");
        assert_eq!(business_days(friday, date(2025, 1, 10)), 5);
        assert_eq!(business_days(date(2025, 1, 4), date(2025, 1, 6)), 1, "from a Saturday");
        assert_eq!(business_days(friday, friday), 0);
    }
}
