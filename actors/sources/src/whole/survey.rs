//! The read-through of what has an end: its hash, its layout, and what the layout's surveyor tells. It is spared where the store kept
//! what it told.
use super::How;
use super::content::{Content, Trouble};
use super::input::{Input, Packing, Stamp, layout_name, read_full, read_head};
pub(crate) use super::kept::Told;
use super::kept::{self, Reader};
use crate::{HEAD, Layouts, OpenLayout, Refused};
use record::Survey;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

const CHUNK: usize = 1024 * 1024;

/// What is to be read through.
pub(crate) struct Subject {
    /// Its path below the root.
    pub name: Arc<str>,
    pub content: Arc<dyn Content>,
    /// How it stood when it was found; `None` if it lies nowhere, as standard input does.
    pub found: Option<Stamp>,
}

/// Something with an end, read through.
pub(crate) struct Whole {
    pub subject: Subject,
    pub packing: Packing,
    pub stamp: Stamp,
    pub layout: Arc<dyn OpenLayout>,
    pub told: Told,
    /// `told`, for the store to keep.
    pub kept: Option<Vec<u8>>,
    /// It was not read through: `told` is what the store kept.
    pub spared: bool,
}

/// Something refused as a whole.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub name: Arc<str>,
    /// What tells this refusal from the thing's own partition, and from other refusals of it.
    pub mark: String,
    pub why: Refused,
    /// How it begins, as it lies there.
    pub head: Vec<u8>,
    /// Whether it could be read at all: then it is as it is until it changes.
    pub readable: bool,
    pub stamp: Option<Stamp>,
    /// [`Content::object_version`].
    pub version: Option<Arc<str>>,
}

impl Rejection {
    pub(crate) fn unreadable(name: &Arc<str>, text: String) -> Rejection {
        Rejection {
            name: name.clone(),
            mark: "unreadable".into(),
            why: Refused { code: "unreadable", text },
            head: Vec::new(),
            readable: false,
            stamp: None,
            version: None,
        }
    }

    /// `content` tells one content from another.
    pub(crate) fn of_content(
        name: &Arc<str>,
        why: Refused,
        head: Vec<u8>,
        content: &str,
        stamp: Stamp,
    ) -> Rejection {
        let (name, mark) = (name.clone(), format!("refused-{content}"));
        Rejection { name, mark, why, head, readable: true, stamp: Some(stamp), version: None }
    }
}

/// What a read-through gives.
pub(crate) enum Surveyed {
    Whole(Box<Whole>),
    Refused(Box<Rejection>),
    /// It was written to while it was read.
    Changed(String),
}

/// The part of a hash that stands in a partition's name.
pub(crate) fn short(hash: &[u8; 32]) -> String {
    hash[..8].iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads something through, unless `kept` tells what that would give: what the store has of the same name and stamp. Blocks.
///
/// # Errors
/// That of reading it at all; what is wrong with its bytes is a refusal.
pub(crate) fn survey(
    subject: Subject,
    kept: Option<&[u8]>,
    how: &How,
    layouts: &dyn Layouts,
) -> io::Result<Surveyed> {
    let (name, content) = (subject.name.clone(), subject.content.clone());
    let stamp = content.stamp()?;
    let mut raw = content.read_from(0)?;
    let raw_head = read_head(&mut raw, HEAD)?;
    let packing = Packing::of(how.compression, &raw_head, &name);
    let mut input = Input::new(Box::new(Cursor::new(raw_head.clone()).chain(raw)), packing)?;
    // What was kept is that of the thing as it was found, which need not be the one that was opened.
    let kept = kept.filter(|_| subject.found == Some(stamp));
    let whole = |begun: Begun, told: Told, spared: bool| {
        let (layout, kept) = (begun.layout, kept::keep(&begun.reader, &told));
        Surveyed::Whole(Box::new(Whole { subject, packing, stamp, layout, told, kept, spared }))
    };
    let begun = begin(&name, &mut input, packing, how, layouts);
    let recalled = begun.as_ref().ok().zip(kept).and_then(|(begun, kept)| kept::recall(kept, &begun.reader));
    let begun = match (begun, recalled) {
        (Ok(begun), Some(told)) => {
            tracing::debug!(file = %name, "is as it was: not read through again");
            return Ok(whole(begun, told, true));
        }
        (begun, _) => begun,
    };
    let read = begun.and_then(|begun| Ok((read_on(&name, &begun, &mut input, packing, how)?, begun)));
    let read = match read {
        Err(Unread::Failed(e)) => return Err(e),
        Err(Unread::Refused(why)) => Err(why),
        Ok(read) => Ok(read),
    };
    if let (Err(why), Some(version)) = (&read, content.version()) {
        let rejection = Rejection::of_content(&name, why.clone(), raw_head, version, stamp);
        let rejection = Rejection { version: content.object_version(), ..rejection };
        return Ok(Surveyed::Refused(Box::new(rejection)));
    }
    let hash = input.finish()?;
    let after = content.stamp()?;
    if after != stamp {
        return Ok(Surveyed::Changed(format!(
            "{name} was written to while it was read through ({} bytes before, {} after)",
            stamp.size, after.size
        )));
    }
    Ok(match read {
        Ok(((survey, length), begun)) => whole(begun, Told { hash, length, survey }, false),
        Err(why) => {
            let rejection = Rejection::of_content(&name, why, raw_head, &short(&hash), after);
            Surveyed::Refused(Box::new(rejection))
        }
    })
}

/// How a feed begins, and the layout that knows it by that.
struct Begun {
    head: Vec<u8>,
    layout: Arc<dyn OpenLayout>,
    reader: Reader,
}

/// Why a feed is not read through.
enum Unread {
    Refused(Refused),
    Failed(io::Error),
}

impl From<Refused> for Unread {
    fn from(why: Refused) -> Self {
        Unread::Refused(why)
    }
}

fn begin(
    name: &str,
    input: &mut Input,
    packing: Packing,
    how: &How,
    layouts: &dyn Layouts,
) -> Result<Begun, Unread> {
    let head = read_head(input, HEAD).map_err(|e| damage(name, packing, e))?;
    if head.is_empty() {
        let text = format!("{name} holds no bytes at all: have it sent again, or take it away");
        return Err(Refused { code: "empty_feed", text }.into());
    }
    let layout = layouts.choose(layout_name(name), &head)?;
    let reader = Reader::new(&*layout, how, packing);
    Ok(Begun { head, layout, reader })
}

/// The survey of all of a feed, and its length decompressed.
fn read_on(
    name: &str,
    begun: &Begun,
    input: &mut Input,
    packing: Packing,
    how: &How,
) -> Result<(Survey, u64), Unread> {
    let mut surveyor = begun.layout.surveyor(how.record_limit);
    surveyor.feed(&begun.head);
    let mut length = begun.head.len() as u64;
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = read_full(input, &mut chunk).map_err(|e| damage(name, packing, e))?;
        surveyor.feed(&chunk[..n]);
        length += n as u64;
        if n < chunk.len() {
            return Ok((surveyor.finish(), length));
        }
    }
}

fn damage(name: &str, packing: Packing, e: io::Error) -> Unread {
    if Trouble::of(&e).is_some() {
        return Unread::Failed(e);
    }
    let (code, text) = match (packing, e.kind()) {
        (Packing::Plain, _) => ("unreadable", format!("{name} cannot be read: {e}")),
        (_, io::ErrorKind::UnexpectedEof) => {
            ("truncated", format!("{name} ends in the middle of its compressed data: have it sent again"))
        }
        (packing, _) => (
            "compression",
            format!(
                "{name} is no sound {packing:?} file ({e}): have it sent again, or correct `compression`"
            ),
        ),
    };
    Refused { code, text }.into()
}
