//! How a layout cuts bytes into records. The traits are here, so that sources need not know layouts; the framers
//! are in the crate `codecs`.
use crate::{Position, RawRecord};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What a layout keeps of the bytes before a record (a header line, a statement's attributes); opaque to sources.
pub type Context = Arc<dyn Any + Send + Sync>;

/// The records found in a piece of a feed. Spans index into [`Framed::payload`].
#[derive(Default)]
pub struct Framed {
    /// The bytes of the records. A framer appends what it keeps; separators may be left out.
    pub payload: Vec<u8>,
    pub records: Vec<RawRecord>,
    pub contexts: Vec<Context>,
    pub refused: Vec<FramingError>,
    /// Bytes of input consumed so far, counted in decoded bytes.
    pub consumed: u64,
}

impl Framed {
    pub fn clear(&mut self) {
        *self = Framed {
            payload: std::mem::take(&mut self.payload),
            records: std::mem::take(&mut self.records),
            ..Framed::default()
        };
        self.payload.clear();
        self.records.clear();
    }
}

impl fmt::Debug for Framed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framed")
            .field("records", &self.records.len())
            .field("consumed", &self.consumed)
            .finish_non_exhaustive()
    }
}

/// A piece of a feed that is no record: it becomes a quarantine row of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramingError {
    pub position: Position,
    /// A reason code such as `record_too_long`, `truncated`, `encoding`.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub text: String,
    /// At most the first 64 KiB.
    pub raw: Vec<u8>,
    /// The whole length.
    pub length: u64,
}

/// Cuts a partition into records. Fed with consecutive pieces; keeps what it needs between them, and no more than one record.
pub trait Framer: Send {
    /// Frames as much of `input` as holds whole records, and says how many bytes of it are done with. The caller
    /// hands over the rest again with more behind it. With `last`, nothing follows: what remains is a record or an error, and all
    /// of the input is consumed. A framer that can neither frame nor skip returns 0 and wants more input; it bounds its records, so that
    /// the caller's buffer stays bounded by [`Framer::record_limit`].
    fn frame(&mut self, input: &[u8], last: bool, out: &mut Framed) -> usize;

    /// The head of the feed was framed, and all up to the record that ended at `at` is done with: goes on behind it, without having seen
    /// what lies between. False, and nothing is changed, where a record depends on more than the head, or its line would not be known.
    fn skip_to(&mut self, _at: Position) -> bool {
        false
    }

    /// The longest record, in bytes. A longer one is refused and skipped to its end.
    fn record_limit(&self) -> usize;

    /// Ready for another feed of the same layout, as a new framer is; false if only a new one will do. A stream has a feed a message, and most
    /// of them hold one record.
    fn restart(&mut self) -> bool {
        false
    }
}

/// What one read-through of a feed with an end tells before it is streamed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    pub records: u64,
    /// The feed's own business date, `YYYY-MM-DD`, where the layout states one.
    pub business_date: Option<String>,
    /// When the feed says it was made, microseconds since 1970 UTC.
    pub arrival: Option<i64>,
    /// The count a header or trailer declares, and the records counted as the layout counts them.
    pub declared: Option<u64>,
    pub counted: u64,
    /// A declared figure that is wrong in itself: a total that the records do not sum to, or a count or total that is no number.
    pub wrong: Option<Control>,
    /// The trailer is missing where the layout demands one.
    pub unfinished: bool,
    /// Dates run backwards: the newest record stands first.
    pub newest_first: bool,
}

/// A figure that a feed declares of its records, and what they came to: plain decimals. What is declared may be no number: then it is as it
/// stands in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// [`Control::COUNT`] or [`Control::TOTAL`].
    pub rule: &'static str,
    pub declared: String,
    pub found: String,
}

impl Control {
    /// The rule of a count that disagrees.
    pub const COUNT: &str = "control_count";
    /// The rule of a sum that disagrees.
    pub const TOTAL: &str = "control_total";
}

impl Survey {
    /// Whether the feed is in as a whole: nothing is declared, or what is declared agrees.
    pub fn agrees(&self) -> bool {
        !self.unfinished && self.disagreement().is_none()
    }

    /// What the feed declares and does not hold: its count before its total.
    pub fn disagreement(&self) -> Option<Control> {
        let declared = self.declared.filter(|n| *n != self.counted);
        let count = declared.map(|n| Control {
            rule: Control::COUNT,
            declared: n.to_string(),
            found: self.counted.to_string(),
        });
        count.or_else(|| self.wrong.clone())
    }
}
