//! The sample feeds of `topology.toml`: a made-up firm, three months of it, with everything that happens to feeds in practice.
//!
//! # Layout
//! - `cast`: the accounts, and what happens to each of them.
//! - `story`: what accounts are worth on each business day; `said`: where a vendor first says something else.
//! - `meridian`, `activity`, `quarry`, `tidemark`, `ibkr`: the vendors' layouts, a file each.
//! - `corrections`: the events that mend what vendors said.
//!
//! All amounts are whole cents. The same bytes come out on every machine, and a test compares them with the committed files: to
//! change a sample, change what is here and write them again.
mod activity;
mod calendar;
mod cast;
mod corrections;
mod ibkr;
mod meridian;
mod quarry;
mod said;
mod story;
mod text;
mod tidemark;

use std::fs;
use std::io;
use std::path::Path;

/// The feeds' folder, below the one that is asked for.
pub const FEEDS: &str = "feeds";

/// A file: its path below the samples' folder, and its bytes.
pub struct Sample {
    pub path: String,
    pub bytes: Vec<u8>,
}

impl Sample {
    fn feed(name: &str, bytes: impl Into<Vec<u8>>) -> Sample {
        Sample { path: format!("{FEEDS}/{name}"), bytes: bytes.into() }
    }
}

/// All files, a vendor after the other.
pub fn files() -> Vec<Sample> {
    let book = story::Book::new();
    let mut files = meridian::files(&book);
    files.extend(activity::files(&book));
    files.extend(quarry::files(&book));
    files.extend(tidemark::files(&book));
    files.extend(ibkr::files(&book));
    files.push(Sample { path: "corrections.jsonl".to_owned(), bytes: corrections::lines(&book).into() });
    files
}

/// Writes all files below a folder and tells how many. Files of other names stay: a test tells of them.
///
/// # Errors
/// Whatever the file system says.
pub fn write(folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder.join(FEEDS))?;
    let files = files();
    for file in &files {
        fs::write(folder.join(&file.path), &file.bytes)?;
    }
    Ok(files.len())
}
