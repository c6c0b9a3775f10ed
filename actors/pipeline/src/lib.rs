//! Every actor, the topology that wires them, and the supervisor that keeps them alive.
//!
//! # Layout
//! - [`topology`]: the file: what it says, whether it is a graph, which layouts and policy it means, how it looks.
//! - `messages`: what actors say to each other; `mailbox`: the bounded edges between them.
//! - one file an actor: `source_actor` (how it deals to several decoders: `turns`), `decoder` (what it hands on: `pieces`, `quarantined`; in which
//!   order: `hand_on`), `accumulator`, `checker`, `sink` (what it gathers: `gather`).
//! - what the accumulator keeps: `accounts`, and of what is not committed: `overlay`; its slow path: `deferred`, which reads `histories`; feeds that
//!   are stored before they are folded: `store_first`; what the end of a feed decides: `feed_end`, of feeds that are [`followed`].
//! - `supervisor` starts and watches a `generation`; `guard` tells it how actors end.
//! - [`rules`] and [`policy`]: the tolerances and conventions a topology sets, and what a change of them touches; [`dry_run`]: what it would
//!   do to the rows that are stored.
//! - what sources ask: `source_layouts` and, of the store, `registry`; `telling`: records that tell another source what to read; [`crosswalk`]: vendors' accounts and ours.
//! - [`board`] and [`admin`]: what a run has done, for people and for Prometheus.
//!
//! How a record flows and what holds at a crash is told in `actors/README.md`.
mod accounts;
mod accumulator;
pub mod admin;
pub mod board;
mod checker;
pub mod crosswalk;
mod decoder;
mod deferred;
mod drifts;
pub mod dry_run;
mod enter;
mod feed_end;
#[cfg(test)]
mod fixture;
pub mod followed;
mod gather;
mod generation;
mod guard;
mod hand_on;
mod histories;
mod mailbox;
mod messages;
mod overlay;
mod pieces;
pub mod policy;
mod quarantined;
mod registry;
pub mod rules;
mod sink;
mod source_actor;
mod source_layouts;
mod store_first;
mod supervisor;
mod telling;
pub mod topology;
mod turns;

pub use generation::Plan;
pub use guard::{Class, Failure};
pub use registry::StoreRegistry;
pub use source_layouts::SourceLayouts;
pub use supervisor::{Notice, Options, run};
pub use topology::{Problem, Topology};
