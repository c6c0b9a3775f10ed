//! A piece of a partition's messages: what becomes a batch.
use super::Message;
use super::deliveries::DeliveryId;
use crate::OpenLayout;
use bytes::Bytes;
use record::{
    BatchLimit, Context, Delivery, Feed, FramingError, Partition, Position, Progress, RawBatch, RawRecord,
    Survey,
};
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;

/// One batch, without the names of what it belongs to.
pub(crate) struct Piece {
    /// `None`: no layout was found, and all of it is refused.
    pub layout: Option<Arc<dyn OpenLayout>>,
    /// The feed: midnight of the day of arrival, microseconds since 1970 UTC.
    pub day: i64,
    /// Of a message that does not hold what it declares, so that its facts wait.
    pub gated: Option<Arc<Waits>>,
    /// Of a delivery in several messages, and how that stands behind this piece.
    pub delivery: Option<(Arc<DeliveryId>, Arc<Delivery>)>,
    pub from: Progress,
    pub to: Progress,
    pub payload: Bytes,
    pub records: Vec<RawRecord>,
    pub contexts: Vec<Context>,
    pub refused: Vec<FramingError>,
    pub arrivals: Vec<i64>,
    pub bytes: u64,
}

/// A message that holds a whole delivery, and not what that declares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// What reading it through told.
    pub survey: Survey,
    /// BLAKE3 of its bytes, unpacked: as a feed it is known by them.
    pub hash: [u8; 32],
}

/// What the records of a piece have in common.
#[derive(Clone, Default)]
pub(super) struct Common {
    pub layout: Option<Arc<dyn OpenLayout>>,
    pub day: i64,
    pub gated: Option<Arc<Waits>>,
    pub delivery: Option<Arc<DeliveryId>>,
}

impl Common {
    /// Layouts are told apart by their names. A message that waits goes with no other: its piece is closed behind it.
    pub fn is(&self, other: &Common) -> bool {
        let layouts = match (&self.layout, &other.layout) {
            (Some(one), Some(other)) => one.vendor() == other.vendor(),
            (one, other) => one.is_none() && other.is_none(),
        };
        layouts && self.day == other.day && self.gated == other.gated && self.delivery == other.delivery
    }
}

/// A piece that takes more messages.
pub(super) struct Open {
    pub common: Common,
    pub to: Position,
    pub payload: Vec<u8>,
    pub records: Vec<RawRecord>,
    pub contexts: Vec<Context>,
    pub refused: Vec<FramingError>,
    pub arrivals: Vec<i64>,
    pub bytes: u64,
    /// How the delivery it is of came out, where that is over with it.
    pub over: Option<Delivery>,
}

/// Records of a batch number their contexts with 16 bits.
const CONTEXTS: usize = 65_000;

impl Open {
    pub fn new(common: Common) -> Open {
        Open {
            common,
            to: Position::default(),
            payload: Vec::new(),
            records: Vec::new(),
            contexts: Vec::new(),
            refused: Vec::new(),
            arrivals: Vec::new(),
            bytes: 0,
            over: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.refused.is_empty()
    }

    /// It is nobody's yet: a delivery's piece holds how that stands, with or without a record.
    pub fn is_free(&self) -> bool {
        self.is_empty() && self.common.delivery.is_none()
    }

    /// Whether a next record may go with what is here; one always fits.
    pub fn takes(&self, common: &Common, bytes: usize, limit: &BatchLimit) -> bool {
        let same = self.common.is(common);
        self.is_free() || same && (self.is_empty() || self.fits(1, bytes, limit))
    }

    /// Whether so many more records with so many bytes in all stay within the limits.
    pub fn fits(&self, more: usize, bytes: usize, limit: &BatchLimit) -> bool {
        self.records.len() + self.refused.len() + more <= limit.records
            && self.payload.len() + bytes <= limit.bytes
            && self.contexts.len() + more <= CONTEXTS
    }

    /// The number of a message's arrival.
    pub fn arrival(&mut self, message: &Message) -> u32 {
        let place = (message.sequence, message.sub);
        if (self.to.sequence, self.to.sub) != place || self.arrivals.is_empty() {
            self.arrivals.push(message.arrival);
        }
        u32::try_from(self.arrivals.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn context(&mut self, context: Option<&Context>) -> u16 {
        let Some(context) = context else { return 0 };
        if !self.contexts.last().is_some_and(|last| Arc::ptr_eq(last, context)) {
            self.contexts.push(context.clone());
        }
        u16::try_from(self.contexts.len() - 1).unwrap_or(u16::MAX)
    }

    /// `stands`: how the delivery does, if it is of one.
    pub fn into_piece(self, from: Progress, to: Progress, stands: Option<Delivery>) -> Piece {
        let Common { layout, day, gated, delivery } = self.common;
        Piece {
            layout,
            day,
            gated,
            delivery: delivery
                .map(|id| (id, Arc::new(stands.unwrap_or(Delivery::Open { kept: Vec::new() })))),
            from,
            to,
            payload: self.payload.into(),
            records: self.records,
            contexts: self.contexts,
            refused: self.refused,
            arrivals: self.arrivals,
            bytes: self.bytes,
        }
    }
}

/// The start of a time's day, UTC.
pub(super) fn midnight(at: i64) -> i64 {
    at - at.rem_euclid(DAY)
}

impl Piece {
    pub(crate) fn into_batch(self, partition: Arc<Partition>, feed: Arc<Feed>) -> RawBatch {
        RawBatch {
            payload: self.payload,
            records: self.records,
            contexts: self.contexts,
            refused: self.refused,
            bytes: self.bytes,
            arrivals: self.arrivals,
            ..RawBatch::step(partition, feed, self.from, self.to)
        }
    }
}
