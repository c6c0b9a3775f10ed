//! Files that may grow: streams without an end, known by their path and how they begin.
//!
//! A growing file is known by its bytes up to the end of its first record, 64 KiB at most (a header is often the same in every file, the first record
//! hardly ever). So it has a partition only once it has a record. A file that begins otherwise than before, or is shorter than what was
//! read of it, is another one: rotated, or written anew. One that was replaced while nobody looked by a longer file with the same first
//! record is not told apart.
use super::find::Entry;
use super::look::may_grow;
use super::{FileConfig, FileSource, Stage, content};
use crate::whole::cutter::{Cut, Cutter};
use crate::whole::input::{Stamp, layout_name, read_full, read_head};
use crate::whole::survey::{Rejection, short};
use crate::{HEAD, Layouts, OpenLayout, SourceError};
use record::{BatchLimit, Feed, Partition, Progress};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::sync::Arc;
use std::time::Duration;

/// How a growing file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    pub length: u64,
    pub hash: [u8; 32],
}

impl Beginning {
    /// Of the first `length` bytes; `None` if there are fewer.
    fn of(file: &mut File, length: u64) -> io::Result<Option<Beginning>> {
        file.rewind()?;
        let mut hasher = blake3::Hasher::new();
        let mut chunk = [0; 16 * 1024];
        let mut rest = file.by_ref().take(length);
        loop {
            match read_full(&mut rest, &mut chunk)? {
                0 => break,
                n => hasher.update(&chunk[..n]),
            };
        }
        let whole = rest.limit() == 0;
        Ok(whole.then(|| Beginning { length, hash: *hasher.finalize().as_bytes() }))
    }
}

/// A growing file that is open as a partition, between two looks at it.
pub(super) struct Growing {
    pub name: Arc<str>,
    pub partition: Arc<Partition>,
    pub feed: Arc<Feed>,
    pub beginning: Beginning,
    pub cutter: Cutter,
}

/// A growing file, and where it is read from.
pub(super) struct Reading {
    pub growing: Box<Growing>,
    pub input: Take<File>,
}

/// What a look at a file finds.
pub(super) enum Look {
    /// No whole record yet.
    Nothing,
    New(Box<New>),
    /// The known file, with more in it; the handle stands where reading goes on, and ends at the size it had.
    More(Reading),
    /// What was read is no longer how the file begins.
    Replaced,
    Refused(Box<Rejection>),
}

/// A growing file seen for the first time, or that begins anew.
pub(super) struct New {
    pub entry: Entry,
    pub stamp: Stamp,
    pub beginning: Beginning,
    pub layout: Arc<dyn OpenLayout>,
}

/// Looks at a file that is known already.
pub(super) fn look_again(entry: &Entry, growing: Box<Growing>) -> Look {
    let look = || -> io::Result<Option<Take<File>>> {
        let mut file = File::open(&entry.path)?;
        let size = file.metadata()?.len();
        let same = Beginning::of(&mut file, growing.beginning.length)? == Some(growing.beginning);
        if !same || size < growing.cutter.consumed() {
            return Ok(None);
        }
        rest_of(file, growing.cutter.consumed(), size).map(Some)
    };
    match look() {
        Ok(Some(input)) => Look::More(Reading { growing, input }),
        Ok(None) => Look::Replaced,
        Err(e) => Look::Refused(Box::new(content::refusal(entry, &e.to_string()))),
    }
}

/// The file from `start` to the size it has now: what is written meanwhile is for the next look, so that no file keeps the others waiting.
pub(super) fn rest_of(mut file: File, start: u64, size: u64) -> io::Result<Take<File>> {
    file.seek(SeekFrom::Start(start))?;
    Ok(file.take(size.saturating_sub(start)))
}

/// Looks at a file for the first time.
/// `None`: the file's layout declares its end, so it does not grow.
pub(super) fn look(entry: &Entry, config: &FileConfig, layouts: &dyn Layouts) -> Option<Look> {
    let found = match &entry.stamp {
        Ok(_) => first_look(entry, config, layouts).map_err(|e| e.to_string()),
        Err(why) => Err(why.clone()),
    };
    found.unwrap_or_else(|why| Some(Look::Refused(Box::new(content::refusal(entry, &why)))))
}

fn first_look(entry: &Entry, config: &FileConfig, layouts: &dyn Layouts) -> io::Result<Option<Look>> {
    let mut file = File::open(&entry.path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let head = read_head(&mut file, HEAD)?;
    let Some(line) = head.iter().position(|b| *b == b'\n').or((head.len() == HEAD).then_some(HEAD - 1))
    else {
        return Ok(Some(Look::Nothing));
    };
    let layout = match layouts.choose(layout_name(&entry.name), &head) {
        Ok(layout) => layout,
        Err(why) => {
            // The first line stays as it is, whatever is written behind it; so the refusal is told once.
            let hash = *blake3::hash(&head[..=line]).as_bytes();
            let rejection = Rejection::of_content(&entry.name, why, head, &short(&hash), stamp);
            return Ok(Some(Look::Refused(Box::new(rejection))));
        }
    };
    if layout.declares_its_end() {
        return Ok(None);
    }
    file.rewind()?;
    let mut cutter = Cutter::new(layout.framer(config.record_limit), Progress::Start, false);
    let Some(length) = first_end(&mut cutter, &mut file)? else { return Ok(Some(Look::Nothing)) };
    let beginning = Beginning::of(&mut file, length.min(HEAD as u64))?;
    Ok(Some(beginning.map_or(Look::Nothing, |beginning| {
        Look::New(Box::new(New { entry: entry.clone(), stamp, beginning, layout }))
    })))
}

/// Where the first record ends, or the first refused piece.
fn first_end(cutter: &mut Cutter, file: &mut File) -> io::Result<Option<u64>> {
    let one = BatchLimit { records: 1, bytes: 1, wait: Duration::ZERO };
    loop {
        match cutter.next(file, &one) {
            Ok(Cut::Piece(piece)) => {
                let places =
                    [piece.records.first().map(|r| r.position), piece.refused.first().map(|r| r.position)];
                if let Some(first) = places.into_iter().flatten().min() {
                    return Ok(Some(first.offset()));
                }
            }
            Ok(Cut::Dry | Cut::End) => return Ok(None),
            Err(e) => {
                return Err(io::Error::other(match e {
                    SourceError::Transient(text) | SourceError::Fatal(text) => text,
                    lost @ SourceError::LeaseLost(_) => lost.to_string(),
                }));
            }
        }
    }
}

impl FileSource {
    /// Keeps a growing file until there is more of it; a source that does not watch is at its end.
    pub(super) fn set_down(&mut self, stream: Reading) {
        self.stage = Stage::Next;
        self.tally.standing.open.clear();
        self.tell_unfinished(&stream);
        if !self.settings.config.watch {
            return self.count_ended(&stream.growing.partition);
        }
        let mut growing = stream.growing;
        growing.cutter.set_down();
        self.growing.insert(growing.name.clone(), growing);
    }

    fn count_ended(&mut self, partition: &Partition) {
        let unchanged =
            self.known.as_ref().is_some_and(|known| known.handed(&partition.id) == partition.opened);
        self.tally.ended(&partition.id, unchanged);
    }

    /// Where no file is expected to grow, a line that waits for its end would not be missed.
    fn tell_unfinished(&mut self, stream: &Reading) {
        let growing = &stream.growing;
        let id = &growing.partition.id;
        let left = growing.cutter.left();
        if left > 0 && !may_grow(&self.settings.config) && self.told.insert(id.clone()) {
            tracing::warn!(
                source = %self.settings.name, file = %growing.name, bytes = left,
                "the last line has no end and is not read: the file was read as one that grows, and is read on as one; end the line"
            );
        }
    }
}
