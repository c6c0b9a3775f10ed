//! From what was read through to a partition that is open.
use super::How;
use super::arrival::arrival;
use super::stream::Stream;
use super::survey::{Rejection, Told, Whole};
use crate::{FeedInfo, FeedStatus, NO_VENDOR, Registry, SourceError};
use record::{FramingError, PartitionId, Position, Progress, RawBatch, Survey};
use std::sync::Arc;

/// What came of it.
pub(crate) enum Opened<S> {
    Stream(Box<S>),
    /// All of it is committed, or was handed over earlier in this run.
    AtEnd(PartitionId),
    /// The one batch of something refused as a whole.
    Refused(Box<RawBatch>),
}

/// Registers the partition and the feed of something with an end. `handed` says whether all of it was handed over, now or before. May be
/// given up at any await and called again.
pub(crate) async fn open_whole<S: From<Stream>>(
    whole: &Whole,
    id: PartitionId,
    handed: bool,
    (source, how): (&Arc<str>, &How),
    registry: &dyn Registry,
) -> Result<Opened<S>, SourceError> {
    let name = &whole.subject.name;
    let Told { hash, survey, .. } = &whole.told;
    let stamp = whole.subject.found.and(Some(whole.stamp));
    let info = FeedInfo {
        source: source.clone(),
        vendor: whole.layout.vendor().into(),
        name: name.clone(),
        version: whole.subject.content.object_version(),
        partition: id.clone(),
        mapping_version: whole.layout.mapping_version(),
        hash: Some(*hash),
        size: Some(whole.stamp.size),
        modified: stamp.map(|s| s.modified),
        arrival: arrival(how.arrival, name, stamp, survey.arrival, &whole.layout.zone()),
        read_through: stamp.and(whole.kept.clone()),
        survey: survey.clone(),
        status: if survey.agrees() { FeedStatus::Coming } else { FeedStatus::Waiting },
    };
    if handed {
        // Only its size and time and what was told are news: the next run need not read it through.
        registry.note_file(&info).await?;
        return Ok(Opened::AtEnd(id));
    }
    let feed = registry.open_feed(&info).await?;
    let (partition, progress) = registry.open_partition(&id, &feed).await?;
    if progress == Progress::End {
        return Ok(Opened::AtEnd(id));
    }
    let unproved = whole.spared.then(|| Box::new(FeedInfo { read_through: None, ..info }));
    let stream = Stream::new(whole, partition, feed, progress, how.record_limit, unproved);
    Ok(Opened::Stream(Box::new(S::from(stream))))
}

/// Registers something refused as a whole, and gives the one batch that says so.
pub(crate) async fn open_refused<S>(
    rejection: &Rejection,
    id: PartitionId,
    handed: bool,
    source: &Arc<str>,
    registry: &dyn Registry,
) -> Result<Opened<S>, SourceError> {
    let Rejection { name, why, head, stamp, version, .. } = rejection;
    if handed {
        return Ok(Opened::AtEnd(id));
    }
    let size = stamp.map_or(0, |s| s.size);
    let info = FeedInfo {
        source: source.clone(),
        vendor: NO_VENDOR.into(),
        name: name.clone(),
        version: version.clone(),
        partition: id.clone(),
        mapping_version: 0,
        // The content may become a feed of its own once a layout knows it, and feeds are found by their hash.
        hash: None,
        size: stamp.map(|s| s.size),
        modified: stamp.map(|s| s.modified),
        arrival: None,
        read_through: None,
        survey: Survey::default(),
        status: FeedStatus::Refused,
    };
    let feed = registry.open_feed(&info).await?;
    let (partition, progress) = registry.open_partition(&id, &feed).await?;
    if progress == Progress::End {
        return Ok(Opened::AtEnd(id));
    }
    let refused = FramingError {
        position: Position::in_file(size, 1, 0),
        code: why.code,
        text: why.text.clone(),
        raw: head.clone(),
        length: size,
    };
    let step = RawBatch::step(partition, feed, progress, Progress::End);
    Ok(Opened::Refused(Box::new(RawBatch { refused: vec![refused], ..step })))
}
