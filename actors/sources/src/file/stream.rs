//! A partition being read.
use super::cutter::{Cut, Cutter};
use super::growing::Beginning;
use super::input::{Input, Stamp};
use super::kept::Told;
use super::survey::Whole;
use crate::{FeedInfo, PartitionStanding, SourceError};
use record::{BatchLimit, Feed, Partition, Progress};
use std::fs::File;
use std::io::Take;
use std::sync::Arc;

/// An open partition and where it reads from.
pub(super) struct Stream {
    pub name: Arc<str>,
    pub partition: Arc<Partition>,
    pub feed: Arc<Feed>,
    pub cutter: Cutter,
    pub from: Origin,
}

#[allow(clippy::large_enum_variant)] // one a partition
pub(super) enum Origin {
    /// `unproved`: the file was spared a read-through, and this opens its feed anew without what was kept of the last one.
    Whole {
        input: Input,
        file: File,
        stamp: Stamp,
        told: Told,
        unproved: Option<Box<FeedInfo>>,
    },
    Growing {
        input: Take<File>,
        beginning: Beginning,
    },
}

impl Origin {
    /// A file that was read through, from its start again.
    pub(super) fn whole(whole: &Whole, unproved: Option<Box<FeedInfo>>) -> std::io::Result<Origin> {
        let file = whole.file.try_clone()?;
        Ok(Origin::Whole {
            input: Input::new(whole.file.try_clone()?, whole.packing)?,
            file,
            stamp: whole.stamp,
            told: whole.told.clone(),
            unproved,
        })
    }
}

impl Stream {
    /// The next piece; blocks.
    pub(super) fn read(&mut self, limit: &BatchLimit) -> Result<Cut, SourceError> {
        let cut = match &mut self.from {
            Origin::Whole { input, .. } => self.cutter.next(input, limit),
            Origin::Growing { input, .. } => self.cutter.next(input, limit),
        };
        let cut = cut.map_err(|e| self.at(e))?;
        self.stands_still(&cut)?;
        Ok(cut)
    }

    /// What the source knows of this file only from an earlier run, if it does.
    pub(super) fn unproved(&mut self) -> Option<Box<FeedInfo>> {
        match &mut self.from {
            Origin::Whole { unproved, .. } => unproved.take(),
            Origin::Growing { .. } => None,
        }
    }

    /// What is read of a file with an end must be what was read through. Its time is looked at for each piece, its hash before
    /// the last: no partition comes to its end with other bytes than those it is named after.
    fn stands_still(&mut self, cut: &Cut) -> Result<(), SourceError> {
        let Origin::Whole { input, file, stamp, told, .. } = &mut self.from else { return Ok(()) };
        let last = matches!(cut, Cut::Piece(p) if p.to == Progress::End);
        let mut same = || -> std::io::Result<bool> {
            Ok(Stamp::of(&file.metadata()?) == *stamp && (!last || input.finish()? == told.hash))
        };
        match same() {
            Ok(true) => Ok(()),
            Ok(false) => Err(SourceError::Transient(format!(
                "{} was changed while it was read: it is read again as what it is now",
                self.partition.id
            ))),
            Err(e) => Err(self.at(SourceError::Transient(e.to_string()))),
        }
    }

    fn at(&self, e: SourceError) -> SourceError {
        let id = &self.partition.id;
        match e {
            SourceError::Transient(text) => SourceError::Transient(format!("{id}: {text}")),
            SourceError::Fatal(text) => SourceError::Fatal(format!("{id}: {text}")),
            lost @ SourceError::LeaseLost(_) => lost,
        }
    }

    pub(super) fn standing(&self) -> PartitionStanding {
        let total = match &self.from {
            Origin::Whole { told, .. } => Some(told.length),
            Origin::Growing { .. } => None,
        };
        let (partition, offset) = (self.partition.id.clone(), self.cutter.offset());
        PartitionStanding { partition, offset, total, at_end: false }
    }
}
