//! A message as librdkafka has it, as the house knows it.
use crate::messages::Message;
use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Headers};
use record::Sequence;

/// The header that says which file a message was sent from.
pub const FILE: &str = "file";

/// 9999-12-31T00:00:00Z in milliseconds: what says a later time says none.
const LAST: i64 = 253_402_214_400_000;

/// What is taken over of a message, and what is only counted of it.
pub(super) struct Taken {
    pub message: Message,
    /// It has no payload at all: it says that its key is gone.
    pub tombstone: bool,
    /// It says no time of its own.
    pub timeless: bool,
}

/// A message without a time arrived before every other, as what says no time does everywhere: never when our clock says, or a replay would decide
/// otherwise.
pub(super) fn taken(from: &BorrowedMessage<'_>) -> Taken {
    let millis = from.timestamp().to_millis().filter(|ms| (0..=LAST).contains(ms));
    let message = Message {
        sequence: Sequence::from(u64::try_from(from.offset()).unwrap_or(0)),
        sub: 0,
        arrival: millis.unwrap_or(0).saturating_mul(1_000),
        name: from.headers().and_then(file_named),
        payload: from.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
    };
    Taken { message, tombstone: from.payload().is_none(), timeless: millis.is_none() }
}

/// Of several such headers the last holds, as Kafka's own clients have it.
fn file_named(headers: &impl Headers) -> Option<Box<str>> {
    let named = (0..headers.count()).rev().map(|i| headers.get(i)).find(|header| header.key == FILE)?;
    std::str::from_utf8(named.value?).ok().map(Box::from)
}
