//! Tolerance rules (F11): what is compared with what, and which difference is a break.
//!
//! - `rule`: the rules by name, and their levels.
//! - `calendar`: which days are business days.
//! - `judge`: a row judged by all rules, and its verdict.
//! - `compare`: a difference against the levels of its rule.
//! - `vendor_return`: the vendor's own return, and what would explain it.
//!
//! A breach is |difference| > tolerance: equal passes. Counts of days break at the figure itself. Rules look at facts, arrivals
//! and calendars, never at a clock.
mod calendar;
mod compare;
mod judge;
mod rule;
mod vendor_return;

pub use calendar::{Calendar, CalendarError};
pub use compare::{Breach, bad_share};
pub use judge::judge;
pub use rule::{Levels, Limit, Measure, Rule, Rules, Severity};

#[cfg(test)]
mod tests;
