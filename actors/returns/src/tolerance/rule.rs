//! The rules by name, and their levels.
use super::Calendar;
use crate::row::Reason;
use rust_decimal::Decimal;

/// A rule over single rows, or over a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The vendor's own return against ours.
    VendorReturn,
    /// The vendor's B(t) against our E(t-1).
    RollForward,
    /// The net flow of a vendor's summaries against that of its flows one by one.
    SummaryFlows,
    /// A return far from 0.
    ReturnOutlier,
    /// A flow that is a large part of the value.
    LargeFlow,
    /// The same value to the cent for business days on end.
    StaleValue,
    /// Business days without a row.
    MissingDay,
    /// An advisory fee that is a large part of B.
    FeeSize,
    NegativeValue,
    /// A value after 0 without a contribution.
    NewValueWithoutFlow,
    /// Another vendor feeds than the day before.
    SourceSwitch,
    /// A vendor's change under a live correction.
    Pinned,
    /// A return to earlier content without a version.
    Reverted,
    /// Equal arrivals or equal revisions with different content.
    SameArrival,
    /// A transfer in kind without amount or price.
    UnpricedTransfer,
    /// An amount in another currency than the account's.
    Currency,
    /// Records of a feed that are bad, as a part of all.
    BadShare,
}

impl Rule {
    pub const ALL: [Rule; 17] = [
        Rule::VendorReturn,
        Rule::RollForward,
        Rule::SummaryFlows,
        Rule::ReturnOutlier,
        Rule::LargeFlow,
        Rule::StaleValue,
        Rule::MissingDay,
        Rule::FeeSize,
        Rule::NegativeValue,
        Rule::NewValueWithoutFlow,
        Rule::SourceSwitch,
        Rule::Pinned,
        Rule::Reverted,
        Rule::SameArrival,
        Rule::UnpricedTransfer,
        Rule::Currency,
        Rule::BadShare,
    ];

    pub fn as_str(self) -> &'static str {
        self.reason().map_or("bad_share", Reason::as_str)
    }

    /// The reason a breach leaves on the row; the names are the same. A rule over feeds leaves none.
    pub fn reason(self) -> Option<Reason> {
        Some(match self {
            Rule::VendorReturn => Reason::VendorReturn,
            Rule::RollForward => Reason::RollForward,
            Rule::SummaryFlows => Reason::SummaryFlows,
            Rule::ReturnOutlier => Reason::ReturnOutlier,
            Rule::LargeFlow => Reason::LargeFlow,
            Rule::StaleValue => Reason::StaleValue,
            Rule::MissingDay => Reason::MissingDay,
            Rule::FeeSize => Reason::FeeSize,
            Rule::NegativeValue => Reason::NegativeValue,
            Rule::NewValueWithoutFlow => Reason::NewValueWithoutFlow,
            Rule::SourceSwitch => Reason::SourceSwitch,
            Rule::Pinned => Reason::Pinned,
            Rule::Reverted => Reason::Reverted,
            Rule::SameArrival => Reason::SameArrival,
            Rule::UnpricedTransfer => Reason::UnpricedTransfer,
            Rule::Currency => Reason::Currency,
            Rule::BadShare => return None,
        })
    }
}

/// What a limit is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Money,
    /// Basis points of what the rule compares with.
    Bp,
    /// Business days.
    Days,
}

impl Measure {
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Money => "money",
            Measure::Bp => "bp",
            Measure::Days => "days",
        }
    }
}

impl Rule {
    /// The measures its limits take; any other would be ignored. A rule over marks takes none: it breaks at the mark.
    pub fn measures(self) -> &'static [Measure] {
        match self {
            Rule::RollForward | Rule::SummaryFlows | Rule::LargeFlow | Rule::FeeSize => {
                &[Measure::Money, Measure::Bp]
            }
            Rule::VendorReturn | Rule::ReturnOutlier | Rule::BadShare => &[Measure::Bp],
            Rule::StaleValue | Rule::MissingDay => &[Measure::Days],
            Rule::NegativeValue
            | Rule::NewValueWithoutFlow
            | Rule::SourceSwitch
            | Rule::Pinned
            | Rule::Reverted
            | Rule::SameArrival
            | Rule::UnpricedTransfer
            | Rule::Currency => &[],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warn,
    Block,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warn => "warn",
            Severity::Block => "block",
        }
    }
}

/// How much is tolerated: money, plus basis points of what is compared with; or, for counts, business days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    pub money: Decimal,
    pub bp: Decimal,
    pub days: u16,
}

/// The two levels of a rule; a level that is not set never breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    pub warn: Option<Limit>,
    pub block: Option<Limit>,
}

impl Levels {
    /// The heaviest level at which `exceeded` finds something.
    pub(super) fn heaviest<T>(self, exceeded: impl Fn(Limit) -> Option<T>) -> Option<(Severity, T)> {
        let at = |severity, limit: Option<Limit>| Some((severity, exceeded(limit?)?));
        at(Severity::Block, self.block).or_else(|| at(Severity::Warn, self.warn))
    }
}

/// The levels of every rule, and the calendar in which days are counted. By default no rule is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    levels: [Levels; Rule::ALL.len()],
    /// What a business day is; Monday to Friday by default.
    pub calendar: Calendar,
}

impl Rules {
    pub fn set(&mut self, rule: Rule, levels: Levels) {
        self.levels[rule as usize] = levels;
    }

    pub fn of(&self, rule: Rule) -> Levels {
        self.levels[rule as usize]
    }
}
