//! A partition with an end, being read.
use super::content::Content;
use super::cutter::{Cut, Cutter};
use super::input::{Input, Packing, Stamp, read_head};
use super::pieces::Piecewise;
use super::survey::{Told, Whole};
use crate::{FeedInfo, HEAD, PartitionStanding, SourceError};
use record::{BatchLimit, Feed, Partition, PartitionId, Progress};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

/// Something that was read through, streamed.
pub(crate) struct Stream {
    partition: Arc<Partition>,
    feed: Arc<Feed>,
    content: Arc<dyn Content>,
    packing: Packing,
    stamp: Stamp,
    told: Told,
    cutter: Cutter,
    /// From the first read on.
    input: Option<Input>,
    /// Its start was left out, so that the hash of what is read is not that of the whole.
    skipped: bool,
    /// Its bytes are not those that were read through.
    differs: bool,
    /// It was spared a read-through, and this opens its feed anew without what was kept of the last one.
    unproved: Option<Box<FeedInfo>>,
}

impl Stream {
    pub(super) fn new(
        whole: &Whole,
        partition: Arc<Partition>,
        feed: Arc<Feed>,
        progress: Progress,
        record_limit: usize,
        unproved: Option<Box<FeedInfo>>,
    ) -> Stream {
        Stream {
            partition,
            feed,
            content: whole.subject.content.clone(),
            packing: whole.packing,
            stamp: whole.stamp,
            told: whole.told.clone(),
            cutter: Cutter::new(whole.layout.framer(record_limit), progress, true),
            input: None,
            skipped: false,
            differs: false,
            unproved,
        }
    }

    /// From the first byte; or from the head and then where all is committed, where nobody can have changed what lies between and the
    /// layout does not need it.
    fn begin(&mut self) -> io::Result<Input> {
        let mut raw = self.content.read_from(0)?;
        let resumes = self.cutter.offset() > HEAD as u64 && self.content.version().is_some();
        if !resumes || self.packing != Packing::Plain {
            return Input::new(raw, self.packing);
        }
        let head = read_head(&mut raw, HEAD)?;
        self.skipped = self.cutter.skip(&head);
        if self.skipped {
            drop(raw);
            raw = self.content.read_from(self.cutter.consumed())?;
            return Input::new(raw, self.packing);
        }
        let mut input = Input::new(Box::new(Cursor::new(head).chain(raw)), self.packing)?;
        // The cutter has the head; the hash is of all.
        read_head(&mut input, HEAD)?;
        Ok(input)
    }

    /// What is read must be what was read through. Its stamp is looked at for each piece, its hash before the last: no partition comes to
    /// its end with other bytes than those that were read through.
    fn stands_still(&mut self, cut: &Cut) -> Result<(), SourceError> {
        let last = matches!(cut, Cut::Piece(p) if p.to == Progress::End);
        let mut same = || -> io::Result<bool> {
            let proved = match &mut self.input {
                Some(input) if last && !self.skipped => input.finish()? == self.told.hash,
                _ => true,
            };
            Ok(proved && self.content.stamp()? == self.stamp)
        };
        match same() {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.differs = true;
                let id = &self.partition.id;
                Err(SourceError::Transient(format!(
                    "{id} was changed while it was read: it is read again as what it is now"
                )))
            }
            Err(e) => Err(self.at(super::content::trouble(e))),
        }
    }

    fn at(&self, e: SourceError) -> SourceError {
        placed(&self.partition.id, e)
    }
}

impl Piecewise for Stream {
    fn read(&mut self, limit: &BatchLimit) -> Result<Cut, SourceError> {
        let input = match self.input.take() {
            Some(input) => input,
            None => self.begin().map_err(|e| self.at(super::content::trouble(e)))?,
        };
        let input = self.input.insert(input);
        let cut = self.cutter.next(input, limit);
        let cut = cut.map_err(|e| self.at(e))?;
        self.stands_still(&cut)?;
        Ok(cut)
    }

    fn of(&self) -> (Arc<Partition>, Arc<Feed>) {
        (self.partition.clone(), self.feed.clone())
    }

    fn unproved(&mut self) -> Option<Box<FeedInfo>> {
        // Where something vouches for the bytes, trouble on the way says nothing of them.
        let vouched = self.content.version().is_some() && !self.differs;
        self.unproved.take().filter(|_| !vouched)
    }

    fn standing(&self) -> PartitionStanding {
        let (partition, offset) = (self.partition.id.clone(), self.cutter.offset());
        PartitionStanding { partition, offset, total: Some(self.told.length), at_end: false }
    }
}

/// An error with the partition it is of.
pub(crate) fn placed(id: &PartitionId, e: SourceError) -> SourceError {
    match e {
        SourceError::Transient(text) => SourceError::Transient(format!("{id}: {text}")),
        SourceError::Fatal(text) => SourceError::Fatal(format!("{id}: {text}")),
        lost @ SourceError::LeaseLost(_) => lost,
    }
}
