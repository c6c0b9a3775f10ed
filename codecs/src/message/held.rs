//! What of a feed is still needed while it is cut.
use record::FramingError;

/// The bytes of a feed that were given and are not done with.
#[derive(Default)]
pub(super) struct Held {
    pub bytes: Vec<u8>,
    /// The place of the first of them in the feed.
    from: u64,
    /// Of them, how many the framer has taken.
    pub framed: usize,
    /// What was longer than a message was forgotten.
    forgotten: bool,
}

impl Held {
    /// All up to a place in the feed is done with.
    pub(super) fn done(&mut self, end: u64) {
        let bytes = usize::try_from(end.saturating_sub(self.from)).unwrap_or(usize::MAX).min(self.framed);
        self.bytes.drain(..bytes);
        self.framed -= bytes;
        self.from += bytes as u64;
        self.forgotten = false;
    }

    /// What stands between records may be of any length; of more than a message nothing is kept.
    pub(super) fn forget(&mut self, limit: usize) {
        if self.framed > limit {
            self.forgotten = true;
            self.bytes.drain(..self.framed);
            self.from += self.framed as u64;
            self.framed = 0;
        }
    }

    /// All of a refused piece; `None` if that was too long to be kept.
    pub(super) fn raw(&self, error: &FramingError, end: u64, is_line: bool) -> Option<Vec<u8>> {
        if error.raw.len() as u64 == error.length {
            return Some(error.raw.clone());
        }
        if self.forgotten {
            return None;
        }
        let end = usize::try_from(end.checked_sub(self.from)?).ok()?;
        let piece = self.bytes.get(..end)?;
        if is_line {
            let blank = piece.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
            return Some(piece[blank..].to_vec());
        }
        let length = usize::try_from(error.length).ok()?;
        Some(piece[piece.len().checked_sub(length)?..].to_vec())
    }
}
