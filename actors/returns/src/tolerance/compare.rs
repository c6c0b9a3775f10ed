//! A difference against the levels of its rule.
use super::rule::{Limit, Rule, Rules, Severity};
use crate::row::difference;
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

impl Breach {
    /// A breach of a rule that compares no amounts.
    pub(super) fn bare(rule: Rule, severity: Severity, actual: Option<Decimal>) -> Breach {
        Breach {
            rule,
            severity,
            expected: None,
            actual,
            difference: None,
            difference_bp: None,
            tolerance: None,
            hint: None,
        }
    }
}

/// What a rule compares.
pub(super) struct Compared {
    pub rule: Rule,
    pub expected: Decimal,
    pub actual: Decimal,
    /// What basis points are taken of, >= 0; 1 for rates.
    pub of: Decimal,
    /// What the way of printing hides: no level is tighter than this.
    pub slack: Decimal,
}

impl Compared {
    /// How large a part of `of` an amount is.
    pub(super) fn share(rule: Rule, amount: Decimal, of: Decimal) -> Compared {
        Compared { rule, expected: Decimal::ZERO, actual: amount, of, slack: Decimal::ZERO }
    }

    pub(super) fn breach(&self, rules: &Rules) -> Option<Breach> {
        let difference = difference(self.actual, self.expected);
        let (severity, tolerance) = rules.of(self.rule).heaviest(|limit| {
            let tolerance = self.tolerance(limit);
            (difference.abs() > tolerance).then_some(tolerance)
        })?;
        Some(Breach {
            expected: Some(self.expected),
            difference: Some(difference),
            difference_bp: self.in_bp(difference),
            tolerance: Some(tolerance),
            ..Breach::bare(self.rule, severity, Some(self.actual))
        })
    }

    fn tolerance(&self, limit: Limit) -> Decimal {
        let share = self.of.saturating_mul(limit.bp).saturating_mul(BP);
        limit.money.saturating_add(share).max(self.slack)
    }

    /// None of nothing, and beyond the decimal type.
    fn in_bp(&self, difference: Decimal) -> Option<Decimal> {
        let share = difference.checked_div(self.of)?.checked_mul(Decimal::from(10_000))?;
        Some(share.round_dp(4).normalize())
    }
}

/// A feed of so many records, of which so many are bad. Feed rules only warn (F11).
pub fn bad_share(records: u64, bad: u64, rules: &Rules) -> Option<Breach> {
    if records == 0 {
        return None;
    }
    let share = Compared::share(Rule::BadShare, Decimal::from(bad), Decimal::from(records));
    share.breach(rules)
}

const BP: Decimal = Decimal::from_parts(1, 0, 0, false, 4);
