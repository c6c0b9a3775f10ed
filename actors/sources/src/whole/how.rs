//! How what has an end is read.
use serde::Deserialize;

/// What a topology says of it, whatever the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub compression: Compression,
    /// The longest record in bytes.
    pub record_limit: usize,
    pub arrival: Option<Arrival>,
}

/// How a file or object is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// By its first bytes, else by its name (`.gz`, `.zst`).
    #[default]
    Auto,
    None,
    Gzip,
    Zstd,
}

/// Where a feed's time of arrival comes from. A date, year first, is midnight in the vendor's zone; where none is found there is
/// no arrival, which sorts below every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// The time the feed's own header states. A file that may grow is not read through, so it has none.
    Header,
    /// The last date, with a time if one follows, in the file's name: `positions_20251124.csv`, `2025-11-24T153000Z.json`.
    Name,
    /// The same, anywhere in the path below the root: `2025/11/24/positions.csv`.
    Path,
    /// The file's modification time, which changes when it is copied, so that a replay elsewhere may decide otherwise; of an object the
    /// time S3 states for its version.
    Mtime,
}
