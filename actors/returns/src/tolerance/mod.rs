//! Tolerance rules (F11): what is compared with what, and which difference is a break.
//!
//! A breach is |difference| > tolerance: equal passes. Counts of days break at the figure itself. Rules look at facts, arrivals
//! and calendars, never at a clock.
mod judge;
mod rule;

pub use judge::{Breach, judge};
pub use rule::{Levels, Limit, Rule, Rules, Severity};
