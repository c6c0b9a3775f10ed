//! A partition that is read, and one that is given back.
use super::KafkaConfig;
use crate::messages::{Message, MessageCutter, Piece};
use crate::{Gap, Layouts, OpenDelivery};
use record::{BatchLimit, Partition, Position, Progress};
use std::sync::Arc;
use tokio::time::Instant;

/// A partition that the group gave to this member and the store leased to this process.
pub(super) struct Open {
    pub partition: Arc<Partition>,
    pub cutter: MessageCutter,
    /// Where reading began.
    pub offset: i64,
    /// The assignment it is read under.
    pub round: u64,
    /// How far batches were handed over, and how far those are committed.
    pub handed: Progress,
    pub committed: Progress,
    pub at_end: bool,
    /// Messages were taken in since the cutter was last asked for all it has: they may hold no byte and move the position all the same.
    pub stirred: bool,
    /// The latest time that a message taken in arrived at.
    pub arrived: Option<i64>,
    /// What was lost before the next message, while that is not seen.
    pub gap: Option<Gap>,
}

/// A partition that the group asks back.
pub(super) struct Leaving {
    pub partition: Arc<Partition>,
    handed: Progress,
    pub committed: Progress,
    pub since: Instant,
}

impl Open {
    pub(super) fn new(
        partition: Arc<Partition>,
        (progress, deliveries): (Progress, Vec<OpenDelivery>),
        offset: i64,
        config: &KafkaConfig,
        layouts: Arc<dyn Layouts>,
    ) -> Open {
        let (packing, limit) = (config.compression, config.record_limit);
        let cutter = MessageCutter::new(layouts, packing, limit, progress, deliveries);
        Open {
            partition,
            cutter,
            offset,
            round: 0,
            handed: progress,
            committed: progress,
            at_end: false,
            stirred: false,
            arrived: None,
            gap: None,
        }
    }

    pub(super) fn take(&mut self, messages: &[Message], limit: &BatchLimit) {
        for message in messages {
            self.cutter.push(message, limit);
            self.arrived = self.arrived.max(told(message));
        }
        self.stirred |= !messages.is_empty();
    }

    /// The gap that ends with this message, if one does.
    pub(super) fn gap_before(&mut self, first: &Message) -> Option<Gap> {
        let to = Position { sequence: first.sequence, sub: 0, item: 0 };
        self.gap.take().map(|gap| Gap { to: Some(Progress::At(to)), to_arrival: told(first), ..gap })
    }

    pub(super) fn next(&mut self, all: bool) -> Option<Piece> {
        let piece = self.cutter.next(all);
        self.stirred &= !(all && piece.is_none());
        piece
    }

    pub(super) fn leaving(self) -> Leaving {
        let Open { partition, handed, committed, .. } = self;
        Leaving { partition, handed, committed, since: Instant::now() }
    }
}

impl Leaving {
    /// All that was handed over is committed.
    pub(super) fn is_through(&self) -> bool {
        self.committed >= self.handed
    }
}

/// When a message arrived, where it says so.
fn told(message: &Message) -> Option<i64> {
    Some(message.arrival).filter(|at| *at > 0)
}

/// The offset that a group of Kafka is told, and where the next message stands at the earliest; `None` where nothing is committed.
pub(super) fn next_offset(progress: Progress) -> Option<i64> {
    let Progress::At(place) = progress else { return None };
    i64::try_from(place.offset()).ok()?.checked_add(1)
}
