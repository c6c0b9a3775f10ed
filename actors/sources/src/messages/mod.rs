//! Messages of a stream: what Kinesis and Kafka have in common once a message is at hand.
//!
//! # Layout
//! - `cutter`: the messages of one partition, framed and cut into pieces; `piece`: such a piece.
//! - `deliveries`: deliveries that go over several messages.
//! - `unpack`: payloads that are compressed.
//! - `feeds`: the days of a stream that its messages belong to.
//!
//! A message is framed by itself, from its first byte to its last: a layout with a header line has one in each message. The feed of a message is the
//! day (UTC) it arrived on.
//!
//! # Deliveries
//! A message of a layout that declares its end holds a whole delivery, or begins one: the next messages of the partition and layout are framed on
//! from it, up to the one with the trailer. What it takes to read on (counts, sums, what the header said) goes with each piece into the same
//! transaction as its facts and its step, so that whoever reads on needs no message again. A delivery is a feed of its own, whose facts wait;
//! the piece with the trailer says whether they count. One that is over without its end (another begins, the partition ends) goes on waiting, and a step
//! without a record says so.
mod cutter;
mod deliveries;
mod feeds;
mod piece;
#[cfg(test)]
mod tests;
mod unpack;

pub(crate) use cutter::MessageCutter;
pub(crate) use feeds::DaysOfStream;
pub(crate) use piece::Piece;

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
