//! The read-through of a file with an end: its hash, its layout, and what the layout's surveyor tells.
use super::FileConfig;
use super::find::Entry;
use super::input::{Input, Packing, Stamp, layout_name, read_full, read_head};
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
    pub hash: [u8; 32],
    pub layout: Arc<dyn OpenLayout>,
    pub survey: Survey,
    /// Decompressed bytes.
    pub length: u64,
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

/// Reads a file through.
pub(super) fn survey(entry: &Entry, config: &FileConfig, layouts: &dyn Layouts) -> Surveyed {
    let read = || read_through(entry, File::open(&entry.path)?, config, layouts);
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
        .and_then(|file| read_through(entry, file, config, layouts))
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
    config: &FileConfig,
    layouts: &dyn Layouts,
) -> io::Result<Surveyed> {
    let before = Stamp::of(&file.metadata()?);
    file.rewind()?;
    let raw_head = read_head(&mut file, HEAD)?;
    let packing = Packing::of(config.compression, &raw_head, &entry.name);
    let mut input = Input::new(file.try_clone()?, packing)?;
    let told = told(entry, &mut input, packing, config, layouts);
    let hash = input.finish()?;
    let after = Stamp::of(&file.metadata()?);
    if after != before {
        return Ok(Surveyed::Changed(format!(
            "{} was written to while it was read through ({} bytes before, {} after)",
            entry.name, before.size, after.size
        )));
    }
    Ok(match told {
        Ok(Told { layout, survey, length }) => Surveyed::Whole(Box::new(Whole {
            entry: entry.clone(),
            file,
            packing,
            stamp: after,
            hash,
            layout,
            survey,
            length,
        })),
        Err(why) => Surveyed::Refused(Box::new(Rejection::of_content(entry, why, raw_head, hash, after))),
    })
}

struct Told {
    layout: Arc<dyn OpenLayout>,
    survey: Survey,
    length: u64,
}

fn told(
    entry: &Entry,
    input: &mut Input,
    packing: Packing,
    config: &FileConfig,
    layouts: &dyn Layouts,
) -> Result<Told, Refused> {
    let damaged = |e| damage(entry, packing, &e);
    let head = read_head(input, HEAD).map_err(damaged)?;
    if head.is_empty() {
        let text = format!("{} holds no bytes at all: have it sent again, or take it away", entry.name);
        return Err(Refused { code: "empty_feed", text });
    }
    let layout = layouts.choose(layout_name(&entry.name), &head)?;
    let mut surveyor = layout.surveyor(config.record_limit);
    surveyor.feed(&head);
    let mut length = head.len() as u64;
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = read_full(input, &mut chunk).map_err(damaged)?;
        surveyor.feed(&chunk[..n]);
        length += n as u64;
        if n < chunk.len() {
            return Ok(Told { survey: surveyor.finish(), layout, length });
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
