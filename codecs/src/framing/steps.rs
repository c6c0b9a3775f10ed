//! Framers that go through a feed step by step, and may stop after any step for want of input or of room.
use super::place::Place;
use record::Framed;

/// A place in the input: the first byte not done with, and the first not looked at.
pub(super) struct Cursor<'a> {
    pub(super) input: &'a [u8],
    pub(super) base: usize,
    pub(super) scan: usize,
}

impl Cursor<'_> {
    pub(super) fn done(&mut self, to: usize) {
        (self.base, self.scan) = (to, to);
    }
}

/// What one step came to.
pub(super) enum Went {
    On,
    /// More input is needed.
    Wait,
    /// There is no room for another record.
    Full,
}

pub(super) trait Stepwise {
    /// Where the framer stands, and how many bytes of what comes again it looked at before.
    fn standing(&mut self) -> (&mut Place, &mut usize);

    fn step(&mut self, at: &mut Cursor, last: bool, out: &mut Framed) -> Went;

    /// Nothing follows: what is still open is an error.
    fn finish(&mut self, at: &mut Cursor, out: &mut Framed);
}

/// Frames what of `input` can be framed; see [`record::Framer::frame`].
pub(super) fn frame(framer: &mut impl Stepwise, input: &[u8], last: bool, out: &mut Framed) -> usize {
    let (_, scanned) = framer.standing();
    let mut at = Cursor { input, base: 0, scan: (*scanned).min(input.len()) };
    let went = loop {
        match framer.step(&mut at, last, out) {
            Went::On => {}
            stop => break stop,
        }
    };
    if last && matches!(went, Went::Wait) {
        framer.finish(&mut at, out);
    }
    let (place, scanned) = framer.standing();
    *scanned = at.scan - at.base;
    place.consume(input, at.base);
    out.consumed += at.base as u64;
    at.base
}
