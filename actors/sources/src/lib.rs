//! Where feeds come from.
//!
//! # Layout
//! - [`source`]: the trait every source implements, and its errors.
//! - [`layout`]: what a source needs to know of layouts, as traits.
//! - [`registry`]: what it needs of the store, as a trait.
//! - `aws`: what the sources that read AWS have in common.
//! - [`balance`]: how partitions are shared out among processes.
//! - [`file`]: files, folders, globs and standard input.
//! - [`kinesis`], [`kafka`]: streams of messages; what they have in common: `messages`.
//! - [`s3`]: objects of a bucket.
//! - `whole`: what files and objects share: they have an end.
//! - [`send`]: the other way: feeds into streams and buckets.
//!
//! A source frames its partitions (only a layout knows where a record ends) and decodes nothing.
mod aws;
pub mod balance;
pub mod file;
mod job;
pub mod kafka;
pub mod kinesis;
pub mod layout;
mod messages;
pub mod registry;
pub mod s3;
pub mod send;
pub mod source;
#[cfg(test)]
mod testing;
mod whole;

pub use file::{FileConfig, FileSource};
pub use kafka::{KafkaConfig, KafkaSource};
pub use kinesis::{KinesisConfig, KinesisSource};
pub use layout::{Assembly, HEAD, Layouts, OpenLayout, Refused, Surveyor};
pub use registry::{FeedInfo, FeedStatus, Gap, KnownPartition, NO_VENDOR, OpenDelivery, Registry};
pub use s3::{S3Config, S3Source};
pub use source::{Next, PartitionStanding, Source, SourceError, Standing};
pub use whole::{Arrival, Compression};
