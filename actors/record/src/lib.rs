//! Where a record came from, and how far we are.
//!
//! # Layout
//! - [`position`]: a place inside a partition, and how far a reader stands.
//! - [`partition`]: the name of a partition and its natural order.
//! - [`checkpoint`]: half-open steps and the algebra by which they are applied.
//! - [`batch`]: what a source hands over: bytes, records in them, one step of one partition.
//! - [`framing`]: the trait by which a layout cuts bytes into records, and what one read-through of a feed tells.
//! - [`counts`]: the outcomes of records and observations, and the sums that must agree.
//! - [`symbols`]: strings named once, carried as numbers.
//!
//! Nothing here does I/O, knows a clock, or is asynchronous.
pub mod batch;
pub mod checkpoint;
pub mod counts;
pub mod framing;
pub mod partition;
pub mod position;
pub mod symbols;

pub use batch::{BatchLimit, Delivery, Feed, FeedKey, Partition, RawBatch, RawRecord};
pub use checkpoint::{Checkpoint, CheckpointDelta, DeltaError};
pub use counts::Counts;
pub use framing::{Context, Control, Framed, Framer, FramingError, Survey};
pub use partition::{PartitionId, PartitionKey, Partitions};
pub use position::{Position, Progress, Sequence};
pub use symbols::{Symbol, SymbolMap, Symbols};
