//! Cutting bytes into batches.
use crate::testing::Lines;
use crate::whole::cutter::{Cut, Cutter, Piece};
use proptest::prelude::*;
use record::{BatchLimit, Framer, Position, Progress};
use std::io::{self, Read};
use std::time::Duration;

const RECORD_LIMIT: usize = 12;

fn cutter(committed: Progress, smallest_read: usize) -> Cutter {
    let mut cutter = Cutter::new(Box::new(Lines::new(RECORD_LIMIT)), committed, true);
    cutter.smallest_read = smallest_read;
    cutter
}

fn limit(records: usize, bytes: usize) -> BatchLimit {
    BatchLimit { records, bytes, wait: Duration::ZERO }
}

fn pieces(mut cutter: Cutter, content: &[u8], limit: &BatchLimit) -> Vec<Piece> {
    let mut input = content;
    let mut pieces = Vec::new();
    loop {
        match cutter.next(&mut input, limit).unwrap() {
            Cut::Piece(piece) => pieces.push(piece),
            Cut::End => return pieces,
            Cut::Dry => panic!("a file with an end is never dry"),
        }
    }
}

/// Everything handed over: place, bytes (or the reason of refusal), header.
fn content(pieces: &[Piece]) -> Vec<(Position, String)> {
    let mut all = Vec::new();
    for piece in pieces {
        let mut of_piece: Vec<_> =
            piece.refused.iter().map(|r| (r.position, format!("{} {}", r.code, r.length))).collect();
        for r in &piece.records {
            let header = piece.contexts[usize::from(r.context)].downcast_ref::<String>().unwrap();
            let text = String::from_utf8_lossy(&piece.payload[r.start as usize..r.end as usize]);
            of_piece.push((r.position, format!("{header}>{text}")));
        }
        of_piece.sort();
        all.extend(of_piece);
    }
    all
}

/// Lines short and long, empty ones, CR LF, with or without an end of the last.
fn feeds() -> impl Strategy<Value = String> {
    (prop::collection::vec("[a-c]{0,20}\r?", 0..30), any::<bool>())
        .prop_map(|(lines, ended)| lines.join("\n") + if ended { "\n" } else { "" })
}

proptest! {
    #[test]
    fn resuming_after_any_batch_gives_what_an_uninterrupted_read_gives(
        feed in feeds(), records in 1usize..5, bytes in 1usize..40, read in 1usize..30, other_read in 1usize..30,
    ) {
        let limit = limit(records, bytes);
        let whole = pieces(cutter(Progress::Start, read), feed.as_bytes(), &limit);
        for (n, piece) in whole.iter().enumerate() {
            let resumed = pieces(cutter(piece.to, other_read), feed.as_bytes(), &limit);
            prop_assert_eq!(content(&whole[n + 1..]), content(&resumed));
            prop_assert!(resumed.first().is_none_or(|first| first.from == piece.to));
        }
    }

    #[test]
    fn resuming_after_any_record_gives_the_rest(feed in feeds(), read in 1usize..30) {
        let whole = content(&pieces(cutter(Progress::Start, 64), feed.as_bytes(), &limit(1000, 1000)));
        for (n, (place, _)) in whole.iter().enumerate() {
            let resumed = pieces(cutter(Progress::At(*place), read), feed.as_bytes(), &limit(1000, 1000));
            prop_assert_eq!(&whole[n + 1..], &content(&resumed)[..]);
        }
    }

    #[test]
    fn the_steps_join_and_cover_the_whole_feed(feed in feeds(), records in 1usize..5, bytes in 1usize..40, read in 1usize..30) {
        let all = pieces(cutter(Progress::Start, read), feed.as_bytes(), &limit(records, bytes));
        let mut at = Progress::Start;
        for piece in &all {
            prop_assert_eq!(piece.from, at);
            prop_assert!(piece.to > at);
            at = piece.to;
        }
        prop_assert_eq!(at, Progress::End);
        prop_assert_eq!(all.iter().map(|p| p.bytes).sum::<u64>(), feed.len() as u64);
    }

    #[test]
    fn a_batch_keeps_its_bounds_and_one_record_always_fits(feed in feeds(), records in 1usize..5, bytes in 1usize..40, read in 1usize..30) {
        for piece in pieces(cutter(Progress::Start, read), feed.as_bytes(), &limit(records, bytes)) {
            let pieces = piece.records.len() + piece.refused.len();
            let size: usize = piece.records.iter().map(|r| (r.end - r.start) as usize).sum();
            prop_assert!(pieces <= records);
            prop_assert!(size <= bytes || pieces == 1);
        }
    }

    #[test]
    fn how_much_is_read_at_a_time_changes_nothing(feed in feeds(), read in 1usize..30) {
        let wide = limit(1000, 1);
        let one = content(&pieces(cutter(Progress::Start, read), feed.as_bytes(), &wide));
        let other = content(&pieces(cutter(Progress::Start, 4096), feed.as_bytes(), &wide));
        prop_assert_eq!(one, other);
    }
}

/// A header, then one line of a gigabyte, then a record; made as it is read.
struct Giant {
    left: u64,
    before: &'static [u8],
    after: &'static [u8],
}

impl Read for Giant {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.before.is_empty() {
            return self.before.read(buf);
        }
        if self.left == 0 {
            return self.after.read(buf);
        }
        let n = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buf[..n].fill(b'x');
        self.left -= n as u64;
        Ok(n)
    }
}

#[test]
fn a_line_of_a_gigabyte_is_refused_and_memory_stays_bounded() {
    const LONG: u64 = 1 << 30;
    let mut giant = Giant { left: LONG, before: b"h\n", after: b"\nrecord\n" };
    let mut cutter = Cutter::new(Box::new(Lines::new(1 << 20)), Progress::Start, true);
    let mut all = Vec::new();
    while let Cut::Piece(piece) = cutter.next(&mut giant, &limit(1000, 1 << 20)).unwrap() {
        assert!(piece.payload.len() < 4 << 20);
        assert!(cutter.buffered() <= 8 << 20, "{} bytes are kept", cutter.buffered());
        all.push(piece);
    }
    let told = content(&all);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].1, format!("record_too_long {LONG}"));
    assert_eq!(told[1].1, "h>record");
    assert_eq!(all.iter().map(|p| p.bytes).sum::<u64>(), LONG + 10);
}

/// A framer that neither takes nor refuses anything.
struct Stuck;

impl Framer for Stuck {
    fn frame(&mut self, _input: &[u8], _last: bool, _out: &mut record::Framed) -> usize {
        0
    }
    fn record_limit(&self) -> usize {
        1000
    }
}

#[test]
fn a_framer_that_makes_no_progress_is_an_error_and_not_a_loop() {
    let mut endless = io::repeat(b'x');
    let error =
        Cutter::new(Box::new(Stuck), Progress::Start, true).next(&mut endless, &limit(10, 10)).unwrap_err();
    assert!(error.to_string().contains("more than its longest record"), "{error}");
    let error =
        Cutter::new(Box::new(Stuck), Progress::Start, true).next(&mut &b"x"[..], &limit(10, 10)).unwrap_err();
    assert!(error.to_string().contains("takes nothing of the last bytes"), "{error}");
}

#[test]
fn half_a_line_is_no_record_while_the_file_may_grow() {
    let mut cutter = Cutter::new(Box::new(Lines::new(100)), Progress::Start, false);
    let Cut::Piece(first) = cutter.next(&mut &b"h\na\nha"[..], &limit(10, 10)).unwrap() else { panic!() };
    assert_eq!(content(&[first])[0].1, "h>a");
    assert!(matches!(cutter.next(&mut &b""[..], &limit(10, 10)).unwrap(), Cut::Dry));
    cutter.set_down();
    assert_eq!(cutter.consumed(), 4);
    let Cut::Piece(second) = cutter.next(&mut &b"half\n"[..], &limit(10, 10)).unwrap() else { panic!() };
    assert_eq!(content(&[second])[0], (Position::in_file(9, 3, 0), "h>half".to_owned()));
}
