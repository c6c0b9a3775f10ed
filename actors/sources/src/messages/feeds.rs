//! The days of a stream as feeds.
use super::Piece;
use crate::{FeedInfo, FeedStatus, NO_VENDOR, Registry, SourceError};
use record::{Feed, FeedKey, Partition, RawBatch, Survey};
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

    /// The piece as a batch of its partition and feed. May be given up at any await and called again.
    pub(crate) async fn batch(
        &mut self,
        piece: Piece,
        partition: Arc<Partition>,
    ) -> Result<RawBatch, SourceError> {
        let feed = self.feed(&piece, &partition).await?;
        Ok(RawBatch {
            number: 0,
            partition,
            feed,
            from: piece.from,
            to: piece.to,
            payload: piece.payload,
            records: piece.records,
            contexts: piece.contexts,
            refused: piece.refused,
            bytes: piece.bytes,
            arrivals: piece.arrivals,
        })
    }

    async fn feed(&mut self, piece: &Piece, partition: &Partition) -> Result<Arc<Feed>, SourceError> {
        if piece.layout.is_none() && piece.refused.is_empty() {
            return Ok(Arc::new(nothing()));
        }
        let vendor: Arc<str> = piece.layout.as_ref().map_or(NO_VENDOR, |layout| layout.vendor()).into();
        let key = (vendor, piece.day);
        if let Some(feed) = self.known.get(&key) {
            return Ok(gated(feed, piece));
        }
        let feed = self.registry.open_feed(&self.info(&key, piece, partition)).await?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, feed.clone());
        Ok(gated(&feed, piece))
    }

    fn info(&self, (vendor, day): &(Arc<str>, i64), piece: &Piece, partition: &Partition) -> FeedInfo {
        let date = jiff::Timestamp::from_microsecond(*day).map(|at| at.strftime("%Y-%m-%d").to_string());
        FeedInfo {
            source: self.source.clone(),
            vendor: vendor.clone(),
            name: date.unwrap_or_else(|_| day.to_string()).into(),
            partition: partition.id.clone(),
            mapping_version: piece.layout.as_ref().map_or(0, |layout| layout.mapping_version()),
            hash: None,
            size: None,
            modified: None,
            arrival: Some(*day),
            read_through: None,
            survey: Survey::default(),
            status: FeedStatus::Open,
        }
    }
}

/// The feed as a piece of it stands: a message that does not hold what it declares waits, the others of its day do not.
fn gated(feed: &Arc<Feed>, piece: &Piece) -> Arc<Feed> {
    let Some(control) = &piece.gated else { return feed.clone() };
    Arc::new(Feed { gated: true, control: control.clone(), ..Feed::clone(feed) })
}

/// Of what holds nothing at all: a step alone.
fn nothing() -> Feed {
    Feed {
        key: FeedKey(0),
        vendor: NO_VENDOR.into(),
        arrival: None,
        first_arrival: None,
        business_date: None,
        records: 0,
        hash: None,
        ends: false,
        gated: false,
        control: None,
        earlier: Vec::new(),
        begun_with_earlier: false,
        newest_first: false,
    }
}
