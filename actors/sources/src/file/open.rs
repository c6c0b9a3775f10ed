//! From a file that was looked at to a partition that is open.
use super::Settings;
use super::arrival::arrival;
use super::cutter::{Cutter, Piece};
use super::growing::{New, rest_of};
use super::kept::Told;
use super::known::Known;
use super::stream::{Origin, Stream};
use super::survey::{Rejection, Whole, short};
use crate::{FeedInfo, FeedStatus, NO_VENDOR, Registry, SourceError};
use bytes::Bytes;
use record::{FramingError, PartitionId, Position, Progress, RawBatch, Survey};
use std::fs::File;
use std::io;

/// What is to be opened.
pub(super) enum Opening {
    Whole(Box<Whole>),
    Growing(Box<New>),
    Refused(Box<Rejection>),
}

/// What came of it.
pub(super) enum Opened {
    Stream(Box<Stream>),
    /// All of it is committed, or was handed over earlier in this run.
    AtEnd(PartitionId),
    /// The one batch of a file refused as a whole.
    Refused(Box<RawBatch>),
}

impl Opening {
    /// Registers partition and feed. May be given up at any await and called again.
    pub(super) async fn open(
        &self,
        settings: &Settings,
        known: &mut Known,
        registry: &dyn Registry,
    ) -> Result<Opened, SourceError> {
        match self {
            Opening::Whole(whole) => open_whole(whole, settings, known, registry).await,
            Opening::Growing(new) => open_growing(new, settings, known, registry).await,
            Opening::Refused(rejection) => open_refused(rejection, settings, known, registry).await,
        }
    }
}

async fn open_whole(
    whole: &Whole,
    settings: &Settings,
    known: &Known,
    registry: &dyn Registry,
) -> Result<Opened, SourceError> {
    let (name, rule) = (&whole.entry.name, settings.config.arrival);
    let Told { hash, survey, .. } = &whole.told;
    let id = known.id(name, &short(hash));
    let stamp = (!whole.entry.is_stdin()).then_some(whole.stamp);
    let info = FeedInfo {
        source: settings.name.clone(),
        vendor: whole.layout.vendor().into(),
        name: name.clone(),
        partition: id.clone(),
        mapping_version: whole.layout.mapping_version(),
        hash: Some(*hash),
        size: Some(whole.stamp.size),
        modified: stamp.map(|s| s.modified),
        arrival: arrival(rule, name, stamp, survey.arrival, &whole.layout.zone()),
        read_through: stamp.and(whole.kept.clone()),
        survey: survey.clone(),
        status: if survey.agrees() { FeedStatus::Coming } else { FeedStatus::Waiting },
    };
    if known.at_end(&id) {
        // Only its size and time and what was told are news: the next run need not read it through.
        registry.note_file(&info).await?;
        return Ok(Opened::AtEnd(id));
    }
    let feed = registry.open_feed(&info).await?;
    let (partition, progress) = registry.open_partition(&id, &feed).await?;
    if progress == Progress::End {
        return Ok(Opened::AtEnd(id));
    }
    let cutter = Cutter::new(whole.layout.framer(settings.config.record_limit), progress, true);
    let unproved = whole.spared.then(|| Box::new(FeedInfo { read_through: None, ..info }));
    let from = Origin::whole(whole, unproved).map_err(|e| unreadable(&id, &e))?;
    Ok(Opened::Stream(Box::new(Stream { name: name.clone(), partition, feed, cutter, from })))
}

async fn open_growing(
    new: &New,
    settings: &Settings,
    known: &mut Known,
    registry: &dyn Registry,
) -> Result<Opened, SourceError> {
    let (name, rule) = (&new.entry.name, settings.config.arrival);
    let id = known.growing(name, &new.beginning, new.stamp.size);
    let info = FeedInfo {
        source: settings.name.clone(),
        vendor: new.layout.vendor().into(),
        name: name.clone(),
        partition: id.clone(),
        mapping_version: new.layout.mapping_version(),
        hash: None,
        size: Some(new.stamp.size),
        modified: Some(new.stamp.modified),
        arrival: arrival(rule, name, Some(new.stamp), None, &new.layout.zone()),
        read_through: None,
        survey: Survey::default(),
        status: FeedStatus::Open,
    };
    // A lease granted in this run is kept: a second grant would void what is under way under the first.
    let (partition, feed, progress) = match known.granted(&id) {
        Some(granted) => granted,
        None => {
            let feed = registry.open_feed(&info).await?;
            let (partition, progress) = registry.open_partition(&id, &feed).await?;
            known.grant(&partition, &feed, progress);
            (partition, feed, progress)
        }
    };
    let cutter = Cutter::new(new.layout.framer(settings.config.record_limit), progress, false);
    let opened = File::open(&new.entry.path).and_then(|file| rest_of(file, 0, new.stamp.size));
    let from = Origin::Growing { input: opened.map_err(|e| unreadable(&id, &e))?, beginning: new.beginning };
    Ok(Opened::Stream(Box::new(Stream { name: name.clone(), partition, feed, cutter, from })))
}

async fn open_refused(
    rejection: &Rejection,
    settings: &Settings,
    known: &Known,
    registry: &dyn Registry,
) -> Result<Opened, SourceError> {
    let Rejection { entry, mark, why, head, stamp, .. } = rejection;
    let id = known.id(&entry.name, mark);
    if known.at_end(&id) {
        return Ok(Opened::AtEnd(id));
    }
    let size = stamp.map_or(0, |s| s.size);
    let info = FeedInfo {
        source: settings.name.clone(),
        vendor: NO_VENDOR.into(),
        name: entry.name.clone(),
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
    let piece = Piece {
        from: progress,
        to: Progress::End,
        payload: Bytes::new(),
        records: Vec::new(),
        contexts: Vec::new(),
        refused: vec![refused],
        bytes: 0,
    };
    Ok(Opened::Refused(Box::new(piece.into_batch(partition, feed))))
}

fn unreadable(id: &PartitionId, e: &io::Error) -> SourceError {
    SourceError::Transient(format!("{id} could be read a moment ago and cannot now: {e}"))
}
