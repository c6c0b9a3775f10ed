//! Where a framer stands, and how what it finds is handed over.
use record::{Context, Framed, FramingError, Position, RawRecord};
use std::sync::Arc;

/// How much of a refused piece is kept.
const RAW_LIMIT: usize = 64 * 1024;

/// The place of the input's first byte in its feed, and the line up to which newlines have been counted.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Decoded bytes before the input's first.
    offset: u64,
    /// Newlines before `counted`.
    newlines: u64,
    /// A byte of the input.
    counted: usize,
    /// The line the last record began on, and how many have begun there.
    last: (u64, u32),
}

impl Place {
    /// The position of a piece that begins and ends there in the input. Pieces come in order.
    fn position(&mut self, input: &[u8], start: usize, end: usize) -> Position {
        self.count(input, start);
        let line = self.newlines + 1;
        self.last = if self.last.0 == line { (line, self.last.1.saturating_add(1)) } else { (line, 0) };
        Position::in_file(self.offset + end as u64, line, self.last.1)
    }

    fn count(&mut self, input: &[u8], to: usize) {
        if let Some(piece) = input.get(self.counted..to) {
            self.newlines += memchr::memchr_iter(b'\n', piece).count() as u64;
            self.counted = to;
        }
    }

    /// So many bytes of the input are done with; the rest comes again.
    pub(crate) fn consume(&mut self, input: &[u8], bytes: usize) {
        self.count(input, bytes);
        self.counted -= bytes.min(self.counted);
        self.offset += bytes as u64;
    }

    /// Hands over a record; false if there is no room for another: a batch numbers its bytes with 32 bits, and
    /// its contexts with 16.
    pub(crate) fn emit(
        &mut self,
        input: &[u8],
        span: (usize, usize),
        context: Option<&Context>,
        out: &mut Framed,
    ) -> bool {
        let Some(context) = context_number(context, out) else { return false };
        let begin = out.payload.len();
        let bytes = &input[span.0..span.1];
        let (Ok(start), Ok(end)) = (u32::try_from(begin), u32::try_from(begin + bytes.len())) else {
            return false;
        };
        out.payload.extend_from_slice(bytes);
        let position = self.position(input, span.0, span.1);
        out.records.push(RawRecord { start, end, position, context, message: 0 });
        true
    }

    /// Begins to refuse a piece of which the input holds `start..end`; more of it may follow.
    pub(crate) fn refuse(
        &mut self,
        input: &[u8],
        span: (usize, usize),
        code: &'static str,
        text: String,
    ) -> FramingError {
        let position = self.position(input, span.0, span.1);
        let mut error = FramingError { position, code, text, raw: Vec::new(), length: 0 };
        extend(&mut error, &input[span.0..span.1]);
        error
    }

    /// More of a refused piece, up to `end` in the input.
    pub(crate) fn refuse_more(&self, error: &mut FramingError, input: &[u8], span: (usize, usize)) {
        extend(error, &input[span.0..span.1]);
        let Position { sub, item, .. } = error.position;
        error.position = Position::in_file(self.offset + span.1 as u64, sub, item);
    }
}

fn extend(error: &mut FramingError, bytes: &[u8]) {
    let room = RAW_LIMIT - error.raw.len();
    error.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
    error.length += bytes.len() as u64;
}

/// The number of a context in this batch; 0 for none.
fn context_number(context: Option<&Context>, out: &mut Framed) -> Option<u16> {
    let Some(context) = context else { return Some(0) };
    if !out.contexts.last().is_some_and(|last| Arc::ptr_eq(last, context)) {
        u16::try_from(out.contexts.len()).ok()?;
        out.contexts.push(context.clone());
    }
    u16::try_from(out.contexts.len() - 1).ok()
}

#[cfg(test)]
pub(crate) mod testing {
    //! Feeds a framer as a source would, in pieces of any size.
    use record::{Context, Framed, Framer, FramingError, Position};

    /// What a framer made of a feed: records with their places and contexts, and what it refused.
    #[derive(Debug, Default, PartialEq)]
    pub(crate) struct Seen<C> {
        pub records: Vec<(String, Position, Option<C>)>,
        pub refused: Vec<FramingError>,
    }

    impl<C> Seen<C> {
        pub fn texts(&self) -> Vec<&str> {
            self.records.iter().map(|(text, ..)| text.as_str()).collect()
        }

        pub fn codes(&self) -> Vec<&str> {
            self.refused.iter().map(|e| e.code).collect()
        }
    }

    /// `pieces` are taken in turn, again and again; none means: all at once.
    pub(crate) fn feed<C>(
        framer: &mut dyn Framer,
        bytes: &[u8],
        pieces: &[usize],
        context: impl Fn(&Context) -> C,
    ) -> Seen<C> {
        let mut seen = Seen { records: Vec::new(), refused: Vec::new() };
        let (mut buffer, mut given, mut turn, mut done) = (Vec::new(), 0, 0, 0u64);
        loop {
            let piece = pieces.get(turn % pieces.len().max(1)).copied().unwrap_or(bytes.len()).max(1);
            turn += 1;
            let next = (given + piece).min(bytes.len());
            buffer.extend_from_slice(&bytes[given..next]);
            given = next;
            let last = given == bytes.len();
            let mut out = Framed::default();
            let used = framer.frame(&buffer, last, &mut out);
            assert!(used <= buffer.len());
            assert_eq!(out.consumed, used as u64);
            done += used as u64;
            buffer.drain(..used);
            // A name or a tag to look ahead for is all a framer may keep besides a record.
            assert!(buffer.len() <= framer.record_limit() + 100, "the caller's buffer stays bounded");
            for r in &out.records {
                let text =
                    String::from_utf8_lossy(&out.payload[r.start as usize..r.end as usize]).into_owned();
                seen.records.push((text, r.position, out.contexts.get(usize::from(r.context)).map(&context)));
            }
            seen.refused.extend(out.refused);
            if last && buffer.is_empty() {
                assert_eq!(done, bytes.len() as u64);
                return seen;
            }
            assert!(!last || used > 0, "with nothing to follow, all input is consumed");
        }
    }
}
