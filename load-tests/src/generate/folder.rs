//! A feed ready to run: its files, its vendors' mappings and a topology in one folder.
use super::corrections::FILE_NAME;
use super::{GenerateError, Vendor, make_folder};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Where feeds, mappings and corrections lie below the folder.
pub const FEEDS: &str = "feeds";
pub const VENDORS: &str = "vendors";
pub const CORRECTIONS: &str = "corrections";

/// The sink of a topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// A database file, by its path below the folder.
    Sqlite(String),
    /// A database, by its URL.
    Postgres(String),
}

impl Sink {
    /// What its table in a topology says of where it is.
    pub(crate) fn place(&self) -> String {
        match self {
            Sink::Sqlite(path) => format!("type = \"sqlite\"\npath = {}", quoted(path)),
            Sink::Postgres(url) => format!("type = \"postgres\"\nurl = {}", quoted(url)),
        }
    }
}

/// Writes the mappings of the generated vendors, each in a folder of its own below [`VENDORS`].
///
/// # Errors
/// What the file system says.
pub fn write_mappings(folder: &Path) -> Result<(), GenerateError> {
    for vendor in Vendor::ALL {
        let own = folder.join(VENDORS).join(vendor.name());
        make_folder(&own)?;
        write_text(&own.join("mapping.toml"), vendor.mapping())?;
    }
    Ok(())
}

/// Writes `topology.toml`: the folder's feeds, and its corrections if there are any, into that store.
///
/// # Errors
/// What the file system says.
pub fn write_topology(folder: &Path, sink: &Sink) -> Result<(), GenerateError> {
    let corrected = folder.join(CORRECTIONS).is_dir();
    write_text(&folder.join("topology.toml"), &topology(sink, corrected))
}

pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), GenerateError> {
    fs::write(path, text).map_err(|error| GenerateError::Io { path: path.to_owned(), error })
}

fn topology(sink: &Sink, corrected: bool) -> String {
    let mut text = format!("[sources.feeds]\ntype = \"file\"\npath = \"{FEEDS}\"\nvendors = \"auto\"\n");
    let mut inputs = "\"feeds\"".to_owned();
    if corrected {
        let path = format!("{CORRECTIONS}/{FILE_NAME}*");
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[sources.corrections]\ntype = \"file\"\npath = \"{path}\"\nformat = \"eventbridge\"\n"
        );
        inputs.push_str(", \"corrections\"");
    }
    let place = sink.place();
    let _ = write!(
        text,
        "\n[decoders.layouts]\ninputs = [{inputs}]\nvendors = \"{VENDORS}\"\n\
         \n[accumulators.returns]\ninputs = [\"layouts\"]\n\
         \n[checkers.tolerance]\ninputs = [\"returns\"]\n\
         \n[checkers.tolerance.rules]\nvendor_return = {{ warn = {{ bp = \"0\" }}, block = {{ bp = \"5\" }} }}\n\
         roll_forward = {{ warn = {{ money = \"0.01\" }}, block = {{ money = \"1.00\", bp = \"1\" }} }}\n\
         \n[sinks.store]\ninputs = [\"tolerance\"]\n{place}\n"
    );
    text
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
