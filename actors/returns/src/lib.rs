//! Facts, the ledger that folds them, returns and their linking, tolerance rules.
//!
//! # Layout
//! - [`fact`]: what a record, a correction or an operator says, its key, identity and version.
//! - [`policy`]: the conventions a figure depends on, chosen in `topology.toml`.
//! - [`row`]: one account-day as it is stored and printed, with statuses, verdicts and reasons.
//! - [`ledger`]: one account's facts folded into rows.
//! - [`link`]: one day linked to the chain; `subperiod` (private): the formulas of one sub-period.
//! - [`windows`]: returns over months, years, since inception; [`annualise`]: as yearly returns.
//! - [`money`]: amounts, exactly, and how numbers are written; `exact` (private): quotients rounded once.
//! - [`tolerance`]: which difference is a break, and the verdict of a row.
//! - [`date`]: dates as days, instants as microseconds.
//!
//! Pure: no I/O, no clock, no float, no order of arrival. The contract of meaning is the sections F1 to F12 that the
//! docs cite.
pub mod annualise;
pub mod date;
pub(crate) mod exact;
pub mod fact;
pub mod ledger;
pub mod link;
pub mod money;
pub mod policy;
pub mod row;
pub(crate) mod subperiod;
pub mod tolerance;
pub mod windows;

pub use date::Date;
pub use fact::{Arrival, Body, Content, Fact, Key, Kind, Origin, Place};
pub use policy::{FlowTiming, Policy, Vendor, VendorPolicy};
pub use row::{Reason, Reasons, Row, Status, Verdict};
pub use rust_decimal::Decimal;
