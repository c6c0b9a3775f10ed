//! Something with an end that can be read again from any byte.
use super::input::Stamp;
use crate::{Refused, SourceError};
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes with an end.
///
/// An error of reading may carry a [`Trouble`], which says more than that this one thing cannot be read.
pub(crate) trait Content: Send + Sync {
    /// How it stands now.
    fn stamp(&self) -> io::Result<Stamp>;

    /// Reads from a byte on, to the end. One reader at a time.
    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>>;

    /// What names the bytes without reading them, where something else vouches that no other bytes are ever given for it. Then reading may
    /// go on in the middle, and nothing is read just for its hash.
    fn version(&self) -> Option<&str> {
        None
    }

    /// What the store it lies in calls this version of it, as far as it was said: before the first read it may not be.
    fn object_version(&self) -> Option<Arc<str>> {
        None
    }
}

/// What is wrong beyond a thing's own bytes, inside of an [`io::Error`].
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Not this thing alone.
    #[error("{0}")]
    Source(SourceError),
    /// Other bytes lie there now.
    #[error("{0}")]
    Changed(String),
    /// Nothing lies there any more.
    #[error("{0}")]
    Gone(String),
    /// This thing alone cannot be read.
    #[error("{}", .0.text)]
    Refused(Refused),
}

impl Trouble {
    pub(crate) fn of(e: &io::Error) -> Option<&Trouble> {
        e.get_ref()?.downcast_ref()
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        io::Error::other(trouble)
    }
}

/// What an error of reading means for a source that was in the middle of a partition.
pub(crate) fn trouble(e: io::Error) -> SourceError {
    match Trouble::of(&e) {
        Some(Trouble::Source(e)) => e.clone(),
        _ => SourceError::Transient(e.to_string()),
    }
}
