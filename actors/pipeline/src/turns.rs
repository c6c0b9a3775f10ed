//! The turns of a partition's batches: all decoders of a source share each partition, and its order is kept.
//!
//! The source deals batches round, and each carries a [`Turn`]: a line from the batch before it in its partition and one to the batch
//! after it. A decoder decodes a batch at once, then waits until the one before has been handed on, hands its own on, and says so. What it says is
//! what was met of the feed so far, so that nothing is shared and nothing is locked.
//!
//! # Why nobody waits for ever
//! Batches enter the decoders' mailboxes one after the other in time, those of a partition in its order, for its one source deals the
//! next when the last is in. A mailbox is worked off in the order of entry, and a decoder hands its batches on in that order too.
//! Of all batches not yet handed on, look at the one that entered first. Those before it in its mailbox are handed on, so its decoder is
//! at it; the one before it in its partition entered earlier, so that is handed on as well, and its turn has come. So there is always a batch
//! that waits for nobody but the accumulators, and these never wait for a decoder. With it handed on, the same holds of the next.
//!
//! A turn that is dropped is an error to who waits for it, so a decoder that ends takes no other with it in silence.
use crate::followed::Tally;
use crate::guard::Failure;
use crate::mailbox::Mailbox;
use crate::messages::{Dealt, Flowing, Raw};
use foldhash::HashMap;
use record::{PartitionKey, Progress, RawBatch};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// What was met of the feed up to a batch; nothing of a feed without an end, or one that is through.
type Met = Option<Tally>;

/// A batch's place in the row of its partition.
pub(crate) struct Turn {
    before: Before,
    after: oneshot::Sender<Met>,
}

/// The batch before in the partition.
enum Before {
    UnderWay(oneshot::Receiver<Met>),
    /// Or there was none in this generation.
    HandedOn(Met),
    Dropped,
}

/// The batch before this one was dropped; whose fault it was, its decoder tells.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch before this one of its partition was dropped")]
pub(crate) struct OutOfTurn;

impl Before {
    fn is_handed_on(&mut self) -> bool {
        if let Before::UnderWay(before) = self {
            match before.try_recv() {
                Ok(met) => *self = Before::HandedOn(met),
                Err(TryRecvError::Closed) => *self = Before::Dropped,
                Err(TryRecvError::Empty) => {}
            }
        }
        matches!(self, Before::HandedOn(_))
    }

    /// Nothing is to be known of it any more.
    fn is_forgettable(&mut self) -> bool {
        self.is_handed_on() && matches!(self, Before::HandedOn(None))
    }
}

impl Turn {
    pub fn has_come(&mut self) -> bool {
        self.before.is_handed_on()
    }

    /// Waits for it; what was met of the feed comes with it.
    pub async fn come(&mut self) -> Result<Met, OutOfTurn> {
        match &mut self.before {
            Before::HandedOn(met) => Ok(met.take()),
            Before::UnderWay(before) => before.await.map_err(|_| OutOfTurn),
            Before::Dropped => Err(OutOfTurn),
        }
    }

    /// The batch is handed on: the next of its partition may be.
    pub fn pass(self, met: Met) {
        // Nobody hears it if the partition is at its end, or the source is gone.
        let _ = self.after.send(met);
    }
}

/// Deals a source's batches round its decoders.
///
/// One after the other, whatever partition they are of: shares are even when one file is large or one shard busy, which no rule by partition
/// can give. The price is that each decoder comes to know the accounts of all partitions.
pub struct Dealer {
    decoders: Vec<Mailbox<Raw>>,
    /// Who gets the next batch.
    next: usize,
    rows: Rows,
}

impl Dealer {
    pub fn new(decoders: Vec<Mailbox<Raw>>) -> Self {
        Dealer { decoders, next: 0, rows: Rows::default() }
    }

    /// Waits for room at the decoder whose batch it is to be.
    pub async fn deal(&mut self, raw: RawBatch) -> Result<(), Failure> {
        let Some(decoder) = self.decoders.get(self.next) else {
            return Err(Failure::fatal(format!("no decoder takes what {} reads", raw.partition.source)));
        };
        self.next = (self.next + 1) % self.decoders.len();
        let turn = self.rows.turn(raw.partition.key, raw.to == Progress::End);
        Ok(decoder.send(Flowing::Batch(Dealt { raw, turn })).await?)
    }

    /// Says that there is no more.
    pub async fn drain(&self) -> Result<(), Failure> {
        for decoder in &self.decoders {
            decoder.send(Flowing::Drain).await?;
        }
        Ok(())
    }
}

/// The last batch dealt of each partition that is not at its end.
#[derive(Default)]
struct Rows {
    last: HashMap<PartitionKey, Before>,
    /// With so many, those that nobody need know of are forgotten.
    full: usize,
}

/// Fewer are not worth a look.
const ROWS: usize = 1_024;

impl Rows {
    fn turn(&mut self, partition: PartitionKey, through: bool) -> Turn {
        let before = self.last.remove(&partition).unwrap_or(Before::HandedOn(None));
        let (after, last) = oneshot::channel();
        if !through {
            self.forget();
            self.last.insert(partition, Before::UnderWay(last));
        }
        Turn { before, after }
    }

    /// Growing files are never at their end, and there may be a million of them. Half as many again must come before the next look.
    fn forget(&mut self) {
        if self.last.len() >= self.full.max(ROWS) {
            self.last.retain(|_, before| !before.is_forgettable());
            self.full = self.last.len() + self.last.len() / 2;
        }
    }
}

#[cfg(test)]
mod tests;
