//! The days of a stream as feeds.
use super::Piece;
use super::deliveries::DeliveryId;
use super::piece::Waits;
use crate::{FeedInfo, FeedStatus, NO_VENDOR, Registry, SourceError};
use record::{Delivery, Feed, FeedKey, Partition, PartitionKey, Position, Progress, RawBatch, Survey};
use std::collections::HashMap;
use std::sync::Arc;

/// How many days are remembered: of each vendor the stream carries the last few matter.
const REMEMBERED: usize = 1_024;

/// A delivery that is registered.
type Known = (Arc<DeliveryId>, Arc<Feed>);

/// The feeds of one source: one for each layout and day (UTC) of arrival, registered when the first piece of it comes.
pub(crate) struct DaysOfStream {
    source: Arc<str>,
    registry: Arc<dyn Registry>,
    known: HashMap<(Arc<str>, i64), Arc<Feed>>,
    /// The delivery that each partition and layout was at last.
    deliveries: HashMap<(PartitionKey, Arc<str>), Known>,
}

impl DaysOfStream {
    pub(crate) fn new(source: Arc<str>, registry: Arc<dyn Registry>) -> DaysOfStream {
        DaysOfStream { source, registry, known: HashMap::new(), deliveries: HashMap::new() }
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
        if let Some((id, stands)) = &piece.delivery {
            return self.part(id, stands, piece, partition).await;
        }
        if piece.layout.is_none() && piece.refused.is_empty() {
            return Ok(Arc::new(nothing()));
        }
        if let Some(waits) = &piece.gated {
            let feed = self.registry.open_feed(&self.waiting(waits, piece, partition)).await?;
            let (control, earlier) = (waits.survey.disagreement(), Vec::new());
            return Ok(Arc::new(Feed { ends: false, gated: true, control, earlier, ..Feed::clone(&feed) }));
        }
        self.of_day(piece, partition).await
    }

    async fn of_day(&mut self, piece: &Piece, partition: &Partition) -> Result<Arc<Feed>, SourceError> {
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

    /// A delivery in several messages is a feed by itself, known by where it begins; its facts wait.
    async fn part(
        &mut self,
        id: &Arc<DeliveryId>,
        stands: &Arc<Delivery>,
        piece: &Piece,
        partition: &Partition,
    ) -> Result<Arc<Feed>, SourceError> {
        let key = (partition.key, id.vendor.clone());
        let known = self.deliveries.get(&key).filter(|(known, _)| known == id).map(|(_, feed)| feed.clone());
        let feed = match known {
            Some(feed) => feed,
            None => {
                if piece.layout.is_some() {
                    // With which mapping the stream is read stands with its days.
                    self.of_day(piece, partition).await?;
                }
                self.registry.open_feed(&self.delivery(id, piece, partition)).await?
            }
        };
        self.deliveries.insert(key, (id.clone(), feed.clone()));
        let control = match &**stands {
            Delivery::Open { .. } | Delivery::Whole(_) => None,
            Delivery::Waits(survey) => survey.disagreement(),
        };
        let (earlier, delivery) = (Vec::new(), Some(stands.clone()));
        let gated =
            Feed { ends: false, gated: true, hash: None, control, earlier, delivery, ..Feed::clone(&feed) };
        Ok(Arc::new(gated))
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
        FeedInfo {
            name: format!("{} {}: {at}", date(piece.day), partition.id).into(),
            hash: Some(waits.hash),
            survey: waits.survey.clone(),
            status: FeedStatus::Waiting,
            ..self.day(piece, partition)
        }
    }

    /// The same of a delivery in several messages, known by where the first of them stands.
    fn delivery(&self, id: &DeliveryId, piece: &Piece, partition: &Partition) -> FeedInfo {
        let at = partition.id.place(id.begins);
        let name = format!("{} {}: from {at}", date(id.day), partition.id);
        FeedInfo {
            hash: Some(blake3::hash(name.as_bytes()).into()),
            name: name.into(),
            vendor: id.vendor.clone(),
            mapping_version: id.mapping_version,
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
