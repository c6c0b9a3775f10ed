//! A partition that is open, read a piece at a time; and what was read, counted.
use super::cutter::Cut;
use crate::job::Job;
use crate::{FeedInfo, PartitionStanding, Registry, SourceError, Standing};
use record::{BatchLimit, Feed, Partition, PartitionId, Progress, RawBatch};
use std::collections::HashSet;
use std::sync::Arc;

/// What is read in pieces.
pub(crate) trait Piecewise: Send + 'static {
    /// The next piece; blocks.
    fn read(&mut self, limit: &BatchLimit) -> Result<Cut, SourceError>;

    fn of(&self) -> (Arc<Partition>, Arc<Feed>);

    /// After an error: what the source knows of this only from an earlier run, if that may be why.
    fn unproved(&mut self) -> Option<Box<FeedInfo>>;

    fn standing(&self) -> PartitionStanding;
}

/// Something open. Reading blocks, so that each piece is a [`Job`].
pub(crate) enum Pieces<S> {
    Ready(Box<S>),
    Read(Job<(Box<S>, Result<Cut, SourceError>)>),
    /// It is not what the store keeps of it: that is to be forgotten, or the next run would fail too.
    Disproved(Box<FeedInfo>, SourceError),
    /// It was given up or handed back.
    Over,
}

/// What came of reading on.
pub(crate) enum Came<S> {
    /// A batch, and how far its partition is read: until this is `None` there is more.
    Batch(Box<RawBatch>, Option<PartitionStanding>),
    /// The bytes are over for now.
    Dry(Box<S>),
    Nothing,
}

impl<S: Piecewise> Pieces<S> {
    /// Goes one step on. May be given up at any await and called again.
    pub(crate) async fn next(
        &mut self,
        limit: &BatchLimit,
        registry: &dyn Registry,
    ) -> Result<Came<S>, SourceError> {
        *self = match std::mem::replace(self, Pieces::Over) {
            Pieces::Ready(mut stream) => {
                let limit = *limit;
                Pieces::Read(Job::spawn(move || {
                    let cut = stream.read(&limit);
                    (stream, cut)
                }))
            }
            other => other,
        };
        match self {
            Pieces::Read(job) => {
                let (stream, cut) = job.done().await?;
                *self = Pieces::Over;
                self.was_read(stream, cut)
            }
            Pieces::Disproved(feed, e) => {
                registry.note_file(feed).await?;
                Err(e.clone())
            }
            Pieces::Ready(_) | Pieces::Over => {
                Err(SourceError::Transient("a partition was to be read on that was given up before".into()))
            }
        }
    }

    fn was_read(
        &mut self,
        mut stream: Box<S>,
        cut: Result<Cut, SourceError>,
    ) -> Result<Came<S>, SourceError> {
        let piece = match cut {
            Ok(Cut::Piece(piece)) => piece,
            Ok(Cut::Dry | Cut::End) => return Ok(Came::Dry(stream)),
            Err(e) => {
                let feed = stream.unproved().ok_or_else(|| e.clone())?;
                *self = Pieces::Disproved(feed, e);
                return Ok(Came::Nothing);
            }
        };
        let (partition, feed) = stream.of();
        let batch = piece.into_batch(partition, feed);
        let more = (batch.to != Progress::End).then(|| stream.standing());
        if more.is_some() {
            *self = Pieces::Ready(stream);
        }
        Ok(Came::Batch(Box::new(batch), more))
    }
}

/// How a source of things with an end stands; each partition is counted once.
#[derive(Default)]
pub(crate) struct Tally {
    pub standing: Standing,
    counted: HashSet<PartitionId>,
}

impl Tally {
    /// A partition is at its end; `unchanged`: there was nothing to do for it.
    pub(crate) fn ended(&mut self, id: &PartitionId, unchanged: bool) {
        if self.counted.insert(id.clone()) {
            self.standing.ended += 1;
            self.standing.unchanged += u64::from(unchanged);
        }
    }

    pub(crate) fn handed_over(&mut self, batch: &RawBatch) {
        if batch.to == Progress::End {
            self.ended(&batch.partition.id, false);
        }
    }
}
