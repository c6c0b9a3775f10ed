//! What to ask a store with.
//!
//! - `ready`: a store that is ready for a first commit, and what it is asked.
//! - `plain`: one plain row, fact, account, break.
//! - `any_value`, `any_row`, `any_fact`: any at all, of every type that is stored.
mod any_fact;
mod any_row;
mod any_value;
mod plain;
mod ready;

pub use any_fact::any_fact;
pub use any_row::any_row;
pub use any_value::{any_reasons_and_verdict, sample};
pub use plain::*;
pub use ready::*;
