//! Feeds of any size, and how fast Dietz is with them.
//!
//! # Layout
//! - [`generate`]: a seeded feed of any size, written as vendors write; also used by the end-to-end tests.
//! - [`mod@bench`]: what decoding, accumulating, the store and the whole pipeline cost, measured on this machine.
//! - [`mod@binary`]: the product itself, for those that run it.
//! - [`samples`]: the feeds that the repository's own topology streams.
//!
//! README.md beside this crate tells how to use both from the command line.
pub mod bench;
pub mod binary;
pub mod generate;
pub mod samples;

pub use generate::corrections::write_corrections;
pub use generate::{Feed, GenerateError, Order, Share, Vendor, Written, write};
