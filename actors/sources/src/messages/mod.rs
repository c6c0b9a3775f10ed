//! Messages of a stream: what Kinesis and Kafka have in common once a message is at hand.
//!
//! # Layout
//! - `cutter`: the messages of one partition, framed and cut into pieces.
//! - `unpack`: payloads that are compressed.
//! - `feeds`: the days of a stream that its messages belong to.
//!
//! A message is framed by itself, from its first byte to its last: a layout with a header line has one in each message. The feed of a message is the
//! day (UTC) it arrived on. A message of a layout that declares its end holds a whole delivery, and waits as one if what it declares disagrees.
mod cutter;
mod feeds;
#[cfg(test)]
mod tests;
mod unpack;

pub(crate) use cutter::{MessageCutter, Piece};
pub(crate) use feeds::DaysOfStream;

use bytes::Bytes;
use record::Sequence;

/// One message of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Its place: sequence number or offset, and the place inside an aggregate.
    pub sequence: Sequence,
    pub sub: u64,
    /// When it arrived, by what the stream states; microseconds since 1970 UTC.
    pub arrival: i64,
    /// The name of the file it was sent from, where the stream says so: layouts may be known by it.
    pub name: Option<Box<str>>,
    pub payload: Bytes,
}
