//! A file with an end, as something to read through. The handle stays open, so that a file put in its place changes nothing.
use super::find::Entry;
use super::{FileConfig, Settings};
use crate::whole::content::Content;
use crate::whole::input::{Packing, Stamp, read_head};
use crate::whole::survey::{self, Rejection, Subject, Surveyed};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

struct Lies(File);

impl Content for Lies {
    fn stamp(&self) -> io::Result<Stamp> {
        Ok(Stamp::of(&self.0.metadata()?))
    }

    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

/// Reads a file through, unless `kept` tells what that would give. `kept` is what the store has of a file of this name and stamp.
pub(super) fn survey(entry: &Entry, kept: Option<&[u8]>, settings: &Settings) -> Surveyed {
    match &entry.stamp {
        Ok(stamp) => File::open(&entry.path)
            .and_then(|file| read(entry, file, Some(*stamp), kept, settings))
            .unwrap_or_else(|e| unreadable(entry, &e.to_string())),
        Err(why) => unreadable(entry, why),
    }
}

/// Reads what can be read only once, by keeping it in a temporary file without a name.
pub(super) fn survey_once(entry: &Entry, input: &mut dyn Read, settings: &Settings) -> Surveyed {
    spool(input)
        .and_then(|file| read(entry, file, None, None, settings))
        .unwrap_or_else(|e| unreadable(entry, &e.to_string()))
}

fn read(
    entry: &Entry,
    file: File,
    found: Option<Stamp>,
    kept: Option<&[u8]>,
    settings: &Settings,
) -> io::Result<Surveyed> {
    let subject = Subject { name: entry.name.clone(), content: Arc::new(Lies(file)), found };
    survey::survey(subject, kept, &settings.config.how(), &*settings.layouts)
}

fn unreadable(entry: &Entry, why: &str) -> Surveyed {
    Surveyed::Refused(Box::new(refusal(entry, why)))
}

/// The refusal of a file that cannot be read.
pub(super) fn refusal(entry: &Entry, why: &str) -> Rejection {
    let text = format!(
        "{} cannot be read: {why}; give Dietz the right to read it, or leave it out of `path`",
        entry.name
    );
    Rejection::unreadable(&entry.name, text)
}

fn spool(input: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(input, &mut file)?;
    file.flush()?;
    Ok(file)
}

/// Whether the file is not compressed, or cannot be looked at.
pub(super) fn is_plain(path: &Path, config: &FileConfig, name: &str) -> bool {
    let head = File::open(path).and_then(|mut file| read_head(&mut file, 4)).unwrap_or_default();
    Packing::of(config.compression, &head, name) == Packing::Plain
}
