//! The days of a stream as feeds.
use super::{Piece, cutter::Waits};
use crate::{FeedInfo, FeedStatus, NO_VENDOR, Registry, SourceError};
use record::{Feed, FeedKey, Partition, Position, Progress, RawBatch, Survey};
use std::collections::HashMap;
use std::sync::Arc;

/// How many days are remembered: of each vendor the stream carries the last few matter.
const REMEMBERED: usize = 1_024;

/// The feeds of one source: one for each layout and day (UTC) of arrival, registered when the first piece of it comes.
pub(crate) struct DaysOfStream {
    source: Arc<str>,
    registry: Arc<dyn Registry>,
    known: HashMap<(Arc<str>, i64), Arc<Feed>>,
}

impl DaysOfStream {
    pub(crate) fn new(source: Arc<str>, registry: Arc<dyn Registry>) -> DaysOfStream {
        DaysOfStream { source, registry, known: HashMap::new() }
    }

    /// The piece as a batch of its partition and feed; messages come in the order they arrived in. May be given up at any await and called again.
    pub(crate) async fn batch(
        &mut self,
        piece: Piece,
        partition: Arc<Partition>,
    ) -> Result<RawBatch, SourceError> {
        let feed = self.feed(&piece, &partition).await?;
        let read_until = piece.arrivals.last().copied();
        Ok(RawBatch { read_until, ..piece.into_batch(partition, feed) })
    }

    /// The step from a place to the end of a partition of which nothing more can be read.
    pub(crate) fn end(partition: Arc<Partition>, from: Progress) -> RawBatch {
        RawBatch::step(partition, Arc::new(nothing()), from, Progress::End)
    }

    /// The feed a piece belongs to. May be given up at any await and called again.
    pub(crate) async fn feed(
        &mut self,
        piece: &Piece,
        partition: &Partition,
    ) -> Result<Arc<Feed>, SourceError> {
        if piece.layout.is_none() && piece.refused.is_empty() {
            return Ok(Arc::new(nothing()));
        }
        if let Some(waits) = &piece.gated {
            let feed = self.registry.open_feed(&self.waiting(waits, piece, partition)).await?;
            let (control, earlier) = (waits.survey.disagreement(), Vec::new());
            return Ok(Arc::new(Feed { ends: false, gated: true, control, earlier, ..Feed::clone(&feed) }));
        }
        let key = (vendor(piece), piece.day);
        if let Some(feed) = self.known.get(&key) {
            return Ok(feed.clone());
        }
        let feed = self.registry.open_feed(&self.day(piece, partition)).await?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, feed.clone());
        Ok(feed)
    }

    fn day(&self, piece: &Piece, partition: &Partition) -> FeedInfo {
        FeedInfo {
            source: self.source.clone(),
            vendor: vendor(piece),
            name: date(piece.day).into(),
            version: None,
            partition: partition.id.clone(),
            mapping_version: piece.layout.as_ref().map_or(0, |layout| layout.mapping_version()),
            hash: None,
            size: None,
            modified: None,
            arrival: Some(piece.day),
            read_through: None,
            survey: Survey::default(),
            status: FeedStatus::Open,
        }
    }

    /// A message that waits is a feed by itself, known by its bytes: so it can be released, and what is sent again right is not taken for what
    /// waits.
    fn waiting(&self, waits: &Waits, piece: &Piece, partition: &Partition) -> FeedInfo {
        let at = match piece.to {
            Progress::At(at) => partition.id.place(Position { item: 0, ..at }),
            to => to.to_string(),
        };
        let name = format!("{} {}: {at}", date(piece.day), partition.id).into();
        FeedInfo {
            name,
            hash: Some(waits.hash),
            survey: waits.survey.clone(),
            status: FeedStatus::Waiting,
            ..self.day(piece, partition)
        }
    }
}

fn vendor(piece: &Piece) -> Arc<str> {
    piece.layout.as_ref().map_or(NO_VENDOR, |layout| layout.vendor()).into()
}

fn date(day: i64) -> String {
    jiff::Timestamp::from_microsecond(day)
        .map_or_else(|_| day.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// Of what holds nothing at all: a step alone.
fn nothing() -> Feed {
    Feed::new(FeedKey(0), NO_VENDOR)
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
