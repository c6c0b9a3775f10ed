//! A partition being read: of a file with an end, or of one that may grow.
use super::growing::Reading;
use crate::whole::cutter::Cut;
use crate::whole::stream::{self, placed};
use crate::{FeedInfo, PartitionStanding, SourceError};
use record::{BatchLimit, Feed, Partition};
use std::sync::Arc;

/// An open partition and where it reads from.
#[allow(clippy::large_enum_variant)] // one at a time
pub(super) enum Stream {
    Whole(stream::Stream),
    Growing(Reading),
}

impl From<stream::Stream> for Stream {
    fn from(whole: stream::Stream) -> Self {
        Stream::Whole(whole)
    }
}

impl Stream {
    /// The next piece; blocks.
    pub(super) fn read(&mut self, limit: &BatchLimit) -> Result<Cut, SourceError> {
        match self {
            Stream::Whole(whole) => whole.read(limit),
            Stream::Growing(Reading { growing, input }) => {
                growing.cutter.next(input, limit).map_err(|e| placed(&growing.partition.id, e))
            }
        }
    }

    pub(super) fn of(&self) -> (Arc<Partition>, Arc<Feed>) {
        match self {
            Stream::Whole(whole) => (whole.partition.clone(), whole.feed.clone()),
            Stream::Growing(r) => (r.growing.partition.clone(), r.growing.feed.clone()),
        }
    }

    /// What the source knows of this file only from an earlier run, if it does.
    pub(super) fn unproved(&mut self) -> Option<Box<FeedInfo>> {
        match self {
            Stream::Whole(whole) => whole.unproved(),
            Stream::Growing(_) => None,
        }
    }

    pub(super) fn standing(&self) -> PartitionStanding {
        match self {
            Stream::Whole(whole) => whole.standing(),
            Stream::Growing(r) => PartitionStanding {
                partition: r.growing.partition.id.clone(),
                offset: r.growing.cutter.offset(),
                total: None,
                at_end: false,
            },
        }
    }
}
