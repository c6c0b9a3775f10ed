//! Vendors' layouts: bytes in, observations out.
//!
//! A layout is framing (where a record ends) x format (what it says) x mapping (what that means in our terms). A vendor
//! is a folder with a `mapping.toml`, a `sample.*` and an `expected.json`, and no Rust.
//!
//! # Layout
//! - [`mapping`]: `mapping.toml` read and checked: a closed list of keys and verbs, every error with its place.
//! - [`framing`]: bytes cut into records.
//! - [`mod@format`]: the fields of a record.
//! - [`value`]: amounts and dates as vendors spell them.
//! - [`decode`]: records into observations, by a mapping.
//! - [`layout`]: all of it behind one type.
//! - [`message`]: a feed cut into messages for a stream; [`assembly`]: a delivery put together of messages.
//!
//! Pure: no I/O, no clock, nothing asynchronous.
pub mod assembly;
pub mod decode;
mod equals;
pub mod format;
pub mod framing;
pub mod layout;
pub mod mapping;
pub mod message;
pub mod problem;
pub mod survey;
pub mod value;

pub use assembly::Assembly;
pub use decode::{Decoded, Decoder, Drift, Observation, Reject};
pub use layout::Layout;
pub use message::{Message, MessageCutter, MessageError};
pub use problem::Problem;
pub use survey::Surveyor;
