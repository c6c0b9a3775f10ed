//! The read-through of a file with an end: its hash, its layout, and what the layout's surveyor tells. It is spared where the store kept
//! what it told.
use super::FileConfig;
use super::find::Entry;
use super::input::{Input, Packing, Stamp, layout_name, read_full, read_head};
use super::kept::{self, Reader, Told};
use crate::{HEAD, Layouts, OpenLayout, Refused};
use record::Survey;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

const CHUNK: usize = 1024 * 1024;

/// A file with an end, read through. The handle stays open, so that a file put in its place changes nothing.
pub(super) struct Whole {
    pub entry: Entry,
    pub file: File,
    pub packing: Packing,
    pub stamp: Stamp,
    pub layout: Arc<dyn OpenLayout>,
    pub told: Told,
    /// `told`, for the store to keep.
    pub kept: Option<Vec<u8>>,
    /// It was not read through: `told` is what the store kept.
    pub spared: bool,
}

/// A file refused as a whole.
#[derive(Debug)]
pub(super) struct Rejection {
    pub entry: Entry,
    /// What tells this refusal from the file's own partition, and from other refusals of it.
    pub mark: String,
    pub why: Refused,
    /// How the file begins, as it lies there.
    pub head: Vec<u8>,
    /// Whether it could be read at all: then it is as it is until it changes.
    pub readable: bool,
    pub stamp: Option<Stamp>,
}

impl Rejection {
    pub(super) fn unreadable(entry: &Entry, why: &str) -> Rejection {
        let text = format!(
            "{} cannot be read: {why}; give Dietz the right to read it, or leave it out of `path`",
            entry.name
        );
        Rejection {
            entry: entry.clone(),
            mark: "unreadable".into(),
            why: Refused { code: "unreadable", text },
            head: Vec::new(),
            readable: false,
            stamp: None,
        }
    }

    pub(super) fn of_content(
        entry: &Entry,
        why: Refused,
        head: Vec<u8>,
        hash: [u8; 32],
        stamp: Stamp,
    ) -> Rejection {
        let mark = format!("refused-{}", short(&hash));
        Rejection { entry: entry.clone(), mark, why, head, readable: true, stamp: Some(stamp) }
    }
}

/// What a read-through gives.
pub(super) enum Surveyed {
    Whole(Box<Whole>),
    Refused(Box<Rejection>),
    /// It was written to while it was read.
    Changed(String),
}

/// The part of a hash that stands in a partition's name.
pub(super) fn short(hash: &[u8; 32]) -> String {
    hash[..8].iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads a file through, unless `kept` tells what that would give. `kept` is what the store has of a file of this name and stamp.
pub(super) fn survey(
    entry: &Entry,
    kept: Option<&[u8]>,
    config: &FileConfig,
    layouts: &dyn Layouts,
) -> Surveyed {
    let read = || read_through(entry, File::open(&entry.path)?, kept, config, layouts);
    match &entry.stamp {
        Ok(_) => read().unwrap_or_else(|e| unreadable(entry, &e.to_string())),
        Err(why) => unreadable(entry, why),
    }
}

/// Reads what can be read only once, by keeping it in a temporary file without a name.
pub(super) fn survey_once(
    entry: &Entry,
    input: &mut dyn Read,
    config: &FileConfig,
    layouts: &dyn Layouts,
) -> Surveyed {
    spool(input)
        .and_then(|file| read_through(entry, file, None, config, layouts))
        .unwrap_or_else(|e| unreadable(entry, &e.to_string()))
}

fn unreadable(entry: &Entry, why: &str) -> Surveyed {
    Surveyed::Refused(Box::new(Rejection::unreadable(entry, why)))
}

fn spool(input: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(input, &mut file)?;
    file.flush()?;
    Ok(file)
}

/// The error is that of reading the file itself; what is wrong with its content is a refusal.
fn read_through(
    entry: &Entry,
    mut file: File,
    kept: Option<&[u8]>,
    config: &FileConfig,
    layouts: &dyn Layouts,
) -> io::Result<Surveyed> {
    let stamp = Stamp::of(&file.metadata()?);
    file.rewind()?;
    let raw_head = read_head(&mut file, HEAD)?;
    let packing = Packing::of(config.compression, &raw_head, &entry.name);
    let mut input = Input::new(file.try_clone()?, packing)?;
    let whole = |file: File, begun: &Begun, told: Told, spared: bool| {
        let (layout, kept) = (begun.layout.clone(), kept::keep(&begun.reader, &told));
        let whole = Whole { entry: entry.clone(), file, packing, stamp, layout, told, kept, spared };
        Surveyed::Whole(Box::new(whole))
    };
    let begun = begin(entry, &mut input, packing, config, layouts);
    // What was kept is that of the file as it was found, which need not be the one that was opened.
    let kept = kept.filter(|_| entry.stamp.as_ref().ok() == Some(&stamp));
    if let (Ok(begun), Some(kept)) = (&begun, kept)
        && let Some(told) = kept::recall(kept, &begun.reader)
    {
        tracing::debug!(file = %entry.name, "has the size and time it had: not read through again");
        return Ok(whole(file, begun, told, true));
    }
    let read = begun.and_then(|begun| Ok((read_on(entry, &begun, &mut input, packing, config)?, begun)));
    let hash = input.finish()?;
    let after = Stamp::of(&file.metadata()?);
    if after != stamp {
        return Ok(Surveyed::Changed(format!(
            "{} was written to while it was read through ({} bytes before, {} after)",
            entry.name, stamp.size, after.size
        )));
    }
    Ok(match read {
        Ok(((survey, length), begun)) => whole(file, &begun, Told { hash, length, survey }, false),
        Err(why) => Surveyed::Refused(Box::new(Rejection::of_content(entry, why, raw_head, hash, after))),
    })
}

/// How a feed begins, and the layout that knows it by that.
struct Begun {
    head: Vec<u8>,
    layout: Arc<dyn OpenLayout>,
    reader: Reader,
}

fn begin(
    entry: &Entry,
    input: &mut Input,
    packing: Packing,
    config: &FileConfig,
    layouts: &dyn Layouts,
) -> Result<Begun, Refused> {
    let head = read_head(input, HEAD).map_err(|e| damage(entry, packing, &e))?;
    if head.is_empty() {
        let text = format!("{} holds no bytes at all: have it sent again, or take it away", entry.name);
        return Err(Refused { code: "empty_feed", text });
    }
    let layout = layouts.choose(layout_name(&entry.name), &head)?;
    let reader = Reader::new(&*layout, config, packing);
    Ok(Begun { head, layout, reader })
}

/// The survey of all of a feed, and its length decompressed.
fn read_on(
    entry: &Entry,
    begun: &Begun,
    input: &mut Input,
    packing: Packing,
    config: &FileConfig,
) -> Result<(Survey, u64), Refused> {
    let mut surveyor = begun.layout.surveyor(config.record_limit);
    surveyor.feed(&begun.head);
    let mut length = begun.head.len() as u64;
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = read_full(input, &mut chunk).map_err(|e| damage(entry, packing, &e))?;
        surveyor.feed(&chunk[..n]);
        length += n as u64;
        if n < chunk.len() {
            return Ok((surveyor.finish(), length));
        }
    }
}

fn damage(entry: &Entry, packing: Packing, e: &io::Error) -> Refused {
    let name = &entry.name;
    match (packing, e.kind()) {
        (Packing::Plain, _) => Refused { code: "unreadable", text: format!("{name} cannot be read: {e}") },
        (_, io::ErrorKind::UnexpectedEof) => Refused {
            code: "truncated",
            text: format!("{name} ends in the middle of its compressed data: have it sent again"),
        },
        (packing, _) => Refused {
            code: "compression",
            text: format!(
                "{name} is no sound {packing:?} file ({e}): have it sent again, or correct `compression`"
            ),
        },
    }
}
