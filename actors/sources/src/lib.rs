//! Where feeds come from.
//!
//! # Layout
//! - [`source`]: the trait every source implements, and its errors.
//! - [`layout`]: what a source needs to know of layouts, as traits.
//! - [`registry`]: what it needs of the store, as a trait.
//! - [`balance`]: how partitions are shared out among processes.
//! - [`file`]: files, folders, globs and standard input.
//!
//! A source frames its partitions (only a layout knows where a record ends) and decodes nothing.
pub mod balance;
pub mod file;
mod job;
pub mod layout;
pub mod registry;
pub mod source;

pub use file::{Arrival, Compression, FileConfig, FileSource};
pub use layout::{HEAD, Layouts, OpenLayout, Refused, Surveyor};
pub use registry::{FeedInfo, FeedStatus, Gap, KnownPartition, NO_VENDOR, Registry};
pub use source::{Next, PartitionStanding, Source, SourceError, Standing};
