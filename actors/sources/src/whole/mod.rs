//! What has an end, wherever it lies: read through once, then streamed.
//!
//! # Layout
//! - `content`: something that can be read again from any byte, and what can go wrong with that.
//! - `how`: what a topology says of every such source.
//! - `survey`, `kept`: the read-through; what it told, kept by the store.
//! - `open`: from what was read through to a partition that is open.
//! - `pieces`: one that is open, read step by step.
//! - `stream`, `cutter`: a partition being read; its bytes cut into batches.
//! - `input`, `arrival`: decompression and hashes; dates in names.
mod arrival;
pub(crate) mod content;
pub(crate) mod cutter;
mod how;
pub(crate) mod input;
mod kept;
pub(crate) mod open;
pub(crate) mod pieces;
pub(crate) mod stream;
pub(crate) mod survey;

pub(crate) use arrival::arrival;
pub(crate) use how::How;
pub use how::{Arrival, Compression};
