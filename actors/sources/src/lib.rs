//! Where feeds come from.
//!
//! # Layout
//! - [`source`]: the trait every source implements, and its errors.
//! - [`layout`]: what a source needs to know of layouts, as traits.
//! - [`registry`]: what it needs of the store, as a trait.
//! - [`balance`]: how partitions are shared out among processes.
//! - [`file`]: files, folders, globs and standard input.
//! - [`kinesis`], [`kafka`]: streams of messages; what they have in common: `messages`.
//! - [`s3`]: objects of a bucket.
//!
//! A source frames its partitions (only a layout knows where a record ends) and decodes nothing.
pub mod balance;
pub mod file;
mod job;
pub mod kafka;
pub mod kinesis;
pub mod layout;
mod messages;
pub mod registry;
pub mod s3;
pub mod source;
#[cfg(test)]
mod testing;

pub use file::{Arrival, Compression, FileConfig, FileSource};
pub use kafka::{KafkaConfig, KafkaSource};
pub use kinesis::KinesisConfig;
pub use layout::{HEAD, Layouts, OpenLayout, Refused, Surveyor};
pub use registry::{FeedInfo, FeedStatus, Gap, KnownPartition, NO_VENDOR, Registry};
pub use s3::S3Config;
pub use source::{Next, PartitionStanding, Source, SourceError, Standing};
