//! A partition being read: of a file with an end, or of one that may grow.
use super::growing::Reading;
use crate::whole::cutter::Cut;
use crate::whole::pieces::Piecewise;
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

impl Piecewise for Stream {
    fn read(&mut self, limit: &BatchLimit) -> Result<Cut, SourceError> {
        match self {
            Stream::Whole(whole) => whole.read(limit),
            Stream::Growing(Reading { growing, input }) => {
                growing.cutter.next(input, limit).map_err(|e| placed(&growing.partition.id, e))
            }
        }
    }

    fn of(&self) -> (Arc<Partition>, Arc<Feed>) {
        match self {
            Stream::Whole(whole) => whole.of(),
            Stream::Growing(r) => (r.growing.partition.clone(), r.growing.feed.clone()),
        }
    }

    fn unproved(&mut self) -> Option<Box<FeedInfo>> {
        match self {
            Stream::Whole(whole) => whole.unproved(),
            Stream::Growing(_) => None,
        }
    }

    fn standing(&self) -> PartitionStanding {
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
