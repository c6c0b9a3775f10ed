//! Every actor, the topology that wires them, and the supervisor that keeps them alive.
//!
//! # Layout
//! - [`topology`]: the file: what it says, whether it is a graph, which layouts and policy it means, how it looks.
//! - [`messages`]: what actors say to each other; [`mailbox`]: the bounded edges between them.
//! - one file an actor: [`source_actor`], [`decoder`] (what it hands on: `pieces`, `quarantined`), [`accumulator`] (what it keeps: `accounts`; its slow path: [`deferred`], which reads [`histories`]; feeds that are stored before they are folded:
//!   [`store_first`]; what the end of a feed decides: [`feed_end`], of feeds that are [`followed`]; its memory of what is not committed:
//!   [`overlay`]), [`checker`], [`sink`] (what it gathers: [`gather`]).
//! - [`supervisor`] starts and watches a [`generation`]; [`guard`] tells it how actors end.
//! - [`rules`] and [`policy`]: the tolerances and conventions a topology sets, and what a change of them touches; [`dry_run`]: what it would
//!   do to the rows that are stored.
//! - [`registry`]: what sources ask of layouts and store; [`crosswalk`]: vendors' accounts and ours.
//! - [`board`] and [`admin`]: what a run has done, for people and for Prometheus.
//!
//! How a record flows and what holds at a crash is told in `actors/README.md`.
mod accounts;
pub mod accumulator;
pub mod admin;
pub mod board;
pub mod checker;
pub mod crosswalk;
pub mod decoder;
mod deferred;
pub mod dry_run;
pub mod enter;
mod feed_end;
#[cfg(test)]
mod fixture;
pub mod followed;
pub mod gather;
pub mod generation;
pub mod guard;
mod histories;
pub mod mailbox;
pub mod messages;
pub mod overlay;
mod pieces;
pub mod policy;
mod quarantined;
pub mod registry;
pub mod rules;
pub mod sink;
pub mod source_actor;
mod store_first;
pub mod supervisor;
pub mod topology;

pub use generation::Plan;
pub use guard::{Class, Failure};
pub use supervisor::{Notice, Options, run};
pub use topology::{Problem, Topology};
