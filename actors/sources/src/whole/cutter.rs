//! Cuts one partition's bytes into batches: the framer finds the records, the cutter keeps the bounds and the steps.
use super::content::trouble;
use super::input::read_full;
use crate::SourceError;
use bytes::Bytes;
use record::{BatchLimit, Context, Feed, Framed, Framer, FramingError, Partition, Position, Progress};
use record::{RawBatch, RawRecord};
use std::io::Read;
use std::mem;
use std::sync::Arc;

/// What a reader wants to read at a time: below it system calls are felt, above it caches are.
const CHUNK: std::ops::RangeInclusive<usize> = 64 * 1024..=4 * 1024 * 1024;

/// What the cutter has.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one a batch, moved a few times
pub(crate) enum Cut {
    Piece(Piece),
    /// The bytes are over for now; what is left of them is no whole record.
    Dry,
    /// The step to [`Progress::End`] was handed out.
    End,
}

/// One batch, without the names of what it belongs to.
#[derive(Debug)]
pub(crate) struct Piece {
    pub from: Progress,
    pub to: Progress,
    pub payload: Bytes,
    pub records: Vec<RawRecord>,
    pub contexts: Vec<Context>,
    pub refused: Vec<FramingError>,
    pub bytes: u64,
}

impl Piece {
    pub(crate) fn into_batch(self, partition: Arc<Partition>, feed: Arc<Feed>) -> RawBatch {
        RawBatch {
            payload: self.payload,
            records: self.records,
            contexts: self.contexts,
            refused: self.refused,
            bytes: self.bytes,
            ..RawBatch::step(partition, feed, self.from, self.to)
        }
    }
}

/// The state of cutting one partition. It begins at the first byte, since the framer must see what stands there (a header); what is
/// committed already is framed and left out, or skipped ([`Cutter::skip`]).
///
/// Its buffer holds what the framer cannot finish yet, at most two records of the longest kind and a chunk.
pub(crate) struct Cutter {
    framer: Box<dyn Framer>,
    /// False for what may grow: its last line is no record while its end is missing.
    ends: bool,
    buffer: Vec<u8>,
    filled: usize,
    pub(crate) smallest_read: usize,
    /// Records the next piece may hold.
    expected: usize,
    /// Bytes the framer is done with.
    consumed: u64,
    /// What was handed out, or committed before.
    handed: Progress,
    handed_bytes: u64,
    framed: Option<Uncut>,
    over: bool,
}

/// Framed and not handed out yet.
struct Uncut {
    payload: Bytes,
    records: std::vec::IntoIter<RawRecord>,
    refused: std::vec::IntoIter<FramingError>,
    contexts: Vec<Context>,
    end: Progress,
    end_bytes: u64,
}

impl Cutter {
    pub(crate) fn new(framer: Box<dyn Framer>, committed: Progress, ends: bool) -> Cutter {
        let handed_bytes = if let Progress::At(p) = committed { p.offset() } else { 0 };
        Cutter {
            framer,
            ends,
            buffer: Vec::new(),
            filled: 0,
            smallest_read: *CHUNK.start(),
            expected: 0,
            consumed: 0,
            handed: committed,
            handed_bytes,
            framed: None,
            over: committed == Progress::End,
        }
    }

    /// Bytes handed out so far.
    pub(crate) fn offset(&self) -> u64 {
        self.handed_bytes
    }

    #[cfg(test)]
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes that were read and are no whole record yet.
    pub(crate) fn left(&self) -> usize {
        self.filled
    }

    /// Where reading must go on after [`Cutter::set_down`].
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Lets the buffer go. The next reader must begin at [`Cutter::consumed`].
    pub(crate) fn set_down(&mut self) {
        self.buffer = Vec::new();
        self.filled = 0;
    }

    /// Goes on where all is committed without reading what lies between that and `head`, how the feed begins. True: reading must go on at
    /// [`Cutter::consumed`]; false: behind the head, as its layout needs all that comes before a record.
    pub(crate) fn skip(&mut self, head: &[u8]) -> bool {
        let Progress::At(at) = self.handed else { return false };
        let far = at.offset() > head.len() as u64 && self.consumed == 0;
        // All of the head is committed, so what is framed of it is left out.
        let taken = if far { self.framer.frame(head, false, &mut Framed::default()) } else { 0 };
        let skips = far && self.framer.skip_to(at);
        let rest = if skips { &[][..] } else { head.get(taken..).unwrap_or_default() };
        self.buffer = rest.to_vec();
        self.filled = rest.len();
        self.consumed = if skips { at.offset() } else { taken as u64 };
        skips
    }

    /// The next piece out of `input`, which goes on where the last call stopped reading.
    pub(crate) fn next(&mut self, input: &mut impl Read, limit: &BatchLimit) -> Result<Cut, SourceError> {
        let mut want = limit.bytes.clamp(self.smallest_read, *CHUNK.end()).max(2 * self.filled);
        loop {
            if let Some(piece) = self.cut(limit) {
                return Ok(Cut::Piece(piece));
            }
            if self.over {
                return Ok(Cut::End);
            }
            let dry = self.fill(input, want)?;
            let before = self.consumed;
            self.frame(dry && self.ends)?;
            let stuck = self.consumed == before && self.framed.is_none();
            match (stuck, dry) {
                (true, true) if !self.ends => return Ok(Cut::Dry),
                (true, true) if !self.over => return Err(fault("takes nothing of the last bytes")),
                (true, false) => want = self.more(want)?,
                _ => {}
            }
        }
    }

    /// Twice as much, so that a long record is looked at a few times and not at every chunk.
    fn more(&self, want: usize) -> Result<usize, SourceError> {
        let most = self.framer.record_limit().saturating_mul(2).saturating_add(*CHUNK.end());
        if self.filled >= most {
            return Err(fault(&format!("takes none of {most} bytes, more than its longest record")));
        }
        Ok(want.saturating_mul(2).min(most))
    }

    /// Fills the buffer up to `want` bytes; true if the input is over.
    fn fill(&mut self, input: &mut impl Read, want: usize) -> Result<bool, SourceError> {
        if self.buffer.len() < want {
            self.buffer.resize(want, 0);
        }
        let room = want.saturating_sub(self.filled);
        let read = read_full(input, &mut self.buffer[self.filled..self.filled + room]).map_err(trouble)?;
        self.filled += read;
        Ok(read < room)
    }

    /// Frames what the buffer holds and keeps what is new of it.
    fn frame(&mut self, last: bool) -> Result<(), SourceError> {
        let mut out = Framed {
            payload: Vec::with_capacity(self.filled),
            records: Vec::with_capacity(self.expected),
            ..Framed::default()
        };
        let taken = self.framer.frame(&self.buffer[..self.filled], last, &mut out);
        if taken > self.filled {
            return Err(fault(&format!("takes {taken} of {} bytes", self.filled)));
        }
        self.buffer.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        self.consumed += taken as u64;
        // Pieces of a feed hold about as many records each, so room for as many as last time spares growing.
        self.expected = out.records.len() + out.records.len() / 16;
        // A framer may stop early when a batch is full; then it is asked again.
        self.over = last && self.filled == 0;
        if taken == 0 && !self.over && out.records.is_empty() && out.refused.is_empty() {
            return Ok(());
        }
        self.keep(out);
        Ok(())
    }

    /// Leaves out what is committed, and notes where the rest ends.
    fn keep(&mut self, mut out: Framed) {
        // A refused piece may be told of late; positions decide where it belongs.
        out.refused.sort_by_key(|r| r.position);
        debug_assert!(out.records.is_sorted_by(|a, b| a.position < b.position), "positions must grow");
        let reached = Position::in_file(self.consumed, 0, 0);
        let places = [out.records.last().map(|r| r.position), out.refused.last().map(|r| r.position)];
        let end = places.into_iter().flatten().fold(reached, Position::max);
        if let Progress::At(committed) = self.handed {
            out.records.drain(..out.records.partition_point(|r| r.position <= committed));
            out.refused.drain(..out.refused.partition_point(|r| r.position <= committed));
        }
        self.framed = Some(Uncut {
            payload: Bytes::from(out.payload),
            records: out.records.into_iter(),
            refused: out.refused.into_iter(),
            contexts: out.contexts,
            end: if self.over { Progress::End } else { Progress::At(end) },
            end_bytes: self.consumed,
        });
    }

    /// A piece of what is framed; `None` if nothing is left that moves the position.
    pub(crate) fn cut(&mut self, limit: &BatchLimit) -> Option<Piece> {
        let uncut = self.framed.as_mut()?;
        let (records, refused) = uncut.take(limit);
        let (to, to_bytes) = if uncut.is_empty() {
            (uncut.end, uncut.end_bytes)
        } else {
            let places = [records.last().map(|r| r.position), refused.last().map(|r| r.position)];
            let last = places.into_iter().flatten().fold(Position::default(), Position::max);
            (Progress::At(last), last.offset())
        };
        let piece = Piece {
            from: self.handed,
            to,
            payload: uncut.payload.clone(),
            records,
            contexts: uncut.contexts.clone(),
            refused,
            bytes: to_bytes.saturating_sub(self.handed_bytes),
        };
        if uncut.is_empty() {
            self.framed = None;
        }
        if to <= self.handed {
            return None;
        }
        self.handed = to;
        self.handed_bytes = self.handed_bytes.max(to_bytes);
        Some(piece)
    }
}

impl Uncut {
    fn is_empty(&self) -> bool {
        self.records.as_slice().is_empty() && self.refused.as_slice().is_empty()
    }

    /// As many records and refused pieces as a batch may hold, in order of their places, and at least one.
    fn take(&mut self, limit: &BatchLimit) -> (Vec<RawRecord>, Vec<FramingError>) {
        let whole =
            self.records.len() + self.refused.len() <= limit.records && self.payload.len() <= limit.bytes;
        if whole {
            // Collecting an untouched iterator gives the same vector back.
            return (mem::take(&mut self.records).collect(), mem::take(&mut self.refused).collect());
        }
        let (records, refused) = self.fitting(limit);
        (self.records.by_ref().take(records).collect(), self.refused.by_ref().take(refused).collect())
    }

    fn fitting(&self, limit: &BatchLimit) -> (usize, usize) {
        let (records, refused) = (self.records.as_slice(), self.refused.as_slice());
        let (mut i, mut j, mut bytes) = (0, 0, 0);
        loop {
            let refused_next = match (records.get(i), refused.get(j)) {
                (None, None) => break,
                (Some(r), Some(e)) => e.position <= r.position,
                (r, _) => r.is_none(),
            };
            bytes += if refused_next {
                refused[j].raw.len()
            } else {
                (records[i].end - records[i].start) as usize
            };
            if i + j > 0 && (i + j >= limit.records || bytes > limit.bytes) {
                break;
            }
            if refused_next { j += 1 } else { i += 1 }
        }
        (i, j)
    }
}

fn fault(what: &str) -> SourceError {
    SourceError::Fatal(format!("the layout's framer {what}: this is a fault in Dietz, please report it"))
}
