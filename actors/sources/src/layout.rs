//! What a source needs to know of layouts. The pipeline implements these traits, so that sources know no vendor.
use record::{Framed, Framer, Survey};
use std::sync::Arc;

/// The layouts a source's feeds may have.
pub trait Layouts: Send + Sync {
    /// Chooses the layout of a feed: the one the topology names, or the one that recognises it.
    ///
    /// `file_name` is the bare name without a suffix of compression (`positions.csv` for `in/positions.csv.gz`; `stdin` for standard
    /// input). `head` is how the feed begins, decompressed: at most [`HEAD`] bytes, all of it if it is shorter. It is never empty: a
    /// feed without a byte is refused before.
    fn choose(&self, file_name: &str, head: &[u8]) -> Result<Arc<dyn OpenLayout>, Refused>;

    /// The layout of that name, for messages; `None` where it is none of these any more.
    fn named(&self, name: &str) -> Option<Arc<dyn OpenLayout>>;
}

/// How much of a feed [`Layouts::choose`] sees at most, in bytes.
pub const HEAD: usize = 64 * 1024;

/// A layout ready to read feeds.
pub trait OpenLayout: Send + Sync {
    /// The vendor's name, as its mapping gives it.
    fn vendor(&self) -> &str;

    /// The version of its mapping, and the hash of the mapping's text: what a read-through told holds for this mapping alone.
    fn mapping_version(&self) -> u32;
    fn mapping_hash(&self) -> [u8; 32];

    /// The zone in which a date in a file's name is meant.
    fn zone(&self) -> jiff::tz::TimeZone;

    /// A feed of this layout declares how much it holds: it has an end, and is read as a whole or not at all.
    fn declares_its_end(&self) -> bool {
        false
    }

    /// A framer at the start of a feed. It must refuse records longer than `record_limit` bytes.
    fn framer(&self, record_limit: usize) -> Box<dyn Framer>;

    /// A surveyor at the start of a feed.
    fn surveyor(&self, record_limit: usize) -> Box<dyn Surveyor>;

    /// Puts a delivery together that comes in several messages: from its start, or on from what was `kept` of it with this version of the
    /// mapping. `None` where the layout's deliveries are whole messages, and where what was kept cannot be read.
    fn assembly(&self, _record_limit: usize, _kept: Option<&[u8]>) -> Option<Box<dyn Assembly>> {
        None
    }
}

/// A delivery in several messages of a stream, as far as it has come. Each message ends where a record may end.
pub trait Assembly: Send {
    /// Whether a message is of another delivery, for it begins as this one did.
    fn begins_another(&self, message: &[u8]) -> bool;

    /// Frames the next message, all of it; `each` takes what was framed, piece by piece. What is not whole yet comes with a later message.
    fn take(&mut self, message: &[u8], each: &mut dyn FnMut(&mut Framed));

    /// Bytes that wait for the next message.
    fn pending(&self) -> usize;

    /// How it came out, once it is over: with its trailer, or the last record it declares ahead.
    fn over(&self) -> Option<&Survey>;

    /// What it holds and declares up to now.
    fn survey(&mut self) -> Survey;

    /// What is needed to read the next message, however much came before: some kilobytes beside what is pending.
    fn keep(&self) -> Vec<u8>;
}

/// Reads a feed through once, before it is streamed.
pub trait Surveyor: Send {
    /// The next bytes of the feed, decompressed. Pieces are consecutive and end anywhere; they are not handed over again, so
    /// the surveyor keeps what it needs of an unfinished record, within the record limit.
    fn feed(&mut self, piece: &[u8]);

    /// The feed is over.
    fn finish(self: Box<Self>) -> Survey;
}

/// Why a feed cannot be read at all. It becomes one quarantine row, and the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A reason code such as `unknown_layout`.
    pub code: &'static str,
    /// What is wrong and what to do, for a person.
    pub text: String,
}
