//! Where `dietz send` puts feeds: messages into streams, files into buckets.
//!
//! # Layout
//! - [`target`]: where to, as people write it.
//! - `window`: what goes next, so that a record never overtakes an earlier one of its key.
//! - [`kinesis`], [`kafka`]: messages by key.
//! - [`aggregate`]: many messages in one record of Kinesis, in the producer library's format.
//! - [`s3`]: files as they are.
//! - `unpacked`: a file read for its records.
//!
//! At least once: what a call did that was never answered is not known, so it is put again, and readers find the same record twice. Order per
//! key holds all the same.
pub mod aggregate;
pub mod kafka;
pub mod kinesis;
pub mod s3;
pub mod target;
#[cfg(test)]
mod tests;
mod unpacked;
mod window;

pub use target::Target;
pub use unpacked::Unpacked;

use crate::SourceError;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One message on its way.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Messages of one key are put in the order in which they come.
    pub key: Arc<str>,
    pub payload: Bytes,
    /// The name of the file it is from, where the stream can carry it.
    pub file: Arc<str>,
}

/// Why it cannot go on. The text says what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SendError(pub String);

impl From<SourceError> for SendError {
    fn from(e: SourceError) -> Self {
        SendError(e.to_string())
    }
}

/// What was put so far; read while it goes on.
#[derive(Debug, Default)]
pub struct Sent {
    /// Messages that the stream has.
    pub messages: AtomicU64,
    /// Their bytes, keys left out.
    pub bytes: AtomicU64,
    /// Records of the stream: aggregates hold many messages.
    pub puts: AtomicU64,
    /// Records that were put again after they had been refused or nobody answered.
    pub retries: AtomicU64,
}

impl Sent {
    fn count(&self, messages: u64, bytes: usize) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.puts.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream open for writing.
pub enum Sender {
    Kinesis(Box<kinesis::KinesisSender>),
    Kafka(Box<kafka::KafkaSender>),
}

impl Sender {
    /// Takes a message; waits while too much is under way.
    ///
    /// # Errors
    /// What will not pass by itself, and what did not pass for two minutes.
    pub async fn send(&mut self, message: Outgoing) -> Result<(), SendError> {
        match self {
            Sender::Kinesis(sender) => sender.send(message).await,
            Sender::Kafka(sender) => sender.send(message).await,
        }
    }

    /// Goes on putting what it took, up to a time.
    pub async fn work_until(&mut self, time: Instant) -> Result<(), SendError> {
        match self {
            Sender::Kinesis(sender) => sender.work_until(time).await,
            Sender::Kafka(sender) => sender.work_until(time).await,
        }
    }

    /// Waits until all that was taken is put.
    pub async fn finish(&mut self) -> Result<(), SendError> {
        match self {
            Sender::Kinesis(sender) => sender.finish().await,
            Sender::Kafka(sender) => sender.finish().await,
        }
    }

    pub fn sent(&self) -> Arc<Sent> {
        match self {
            Sender::Kinesis(sender) => sender.sent.clone(),
            Sender::Kafka(sender) => sender.sent.clone(),
        }
    }
}

/// How long nothing may pass before it is given up: at first, when a wrong address is likely; and later.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(120));
