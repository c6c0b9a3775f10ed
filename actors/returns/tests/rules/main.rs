//! What the ledger promises of vendors, corrections, withdrawals and open days, by example.
//!
//! - `versions`: which of several things said counts: copies, versions, withdrawals, vendors.
//! - `corrections`: corrections, over what a vendor says.
//! - `flows`: flows and what cancels them.
//! - `doubled`: flows without an id that came twice.
//! - `days`: what makes a day: its value, whether it is open or held, and history moved in.
//! - `explained`: what is told of how a day came about.
//! - `rowless`: the same of days without a row.
//! - `imported`: days of history moved in, and what closes them.
//! - `stored`: what is kept of an account, in rows and in memory.
//! - `summary_flows`: a vendor's summary held against its flows one by one.
//! - `currency`: amounts in another currency than the account's.
//! - `said`: facts to fold, in few words.
mod corrections;
mod currency;
mod days;
mod doubled;
mod explained;
mod flows;
mod imported;
mod rowless;
mod said;
mod stored;
mod summary_flows;
mod versions;
