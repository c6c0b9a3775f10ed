//! The promises of messages framed.
mod deliveries;

use super::*;
use crate::testing::{LinesLayout, Memory, Shared};
use crate::{Compression, Registry};
use proptest::prelude::*;
use record::{BatchLimit, FeedKey, PartitionId, Position, Progress};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// 2025-12-01T00:00:00Z, microseconds.
const MONDAY: i64 = 1_764_547_200_000_000;

fn message(sequence: u64, sub: u64, arrival: i64, text: &str) -> Message {
    let payload = text.to_owned().into();
    Message { sequence: Sequence::from(sequence), sub, arrival, name: None, payload }
}

fn limit(records: usize) -> BatchLimit {
    BatchLimit { records, bytes: 1 << 20, wait: Duration::ZERO }
}

struct Bench {
    layout: Arc<LinesLayout>,
    cutter: MessageCutter,
}

impl Bench {
    fn after(committed: Progress) -> Bench {
        let layout: Arc<LinesLayout> = Arc::default();
        let layouts = Arc::new(Shared(layout.clone()));
        Bench { cutter: MessageCutter::new(layouts, Compression::Auto, 100, committed, Vec::new()), layout }
    }

    /// Pieces of these messages, the last one included.
    fn cut(&mut self, messages: &[Message], limit: &BatchLimit) -> Vec<Piece> {
        messages.iter().for_each(|m| self.cutter.push(m, limit));
        std::iter::from_fn(|| self.cutter.next(true)).collect()
    }
}

/// Text, place and arrival of each record.
fn said(pieces: &[Piece]) -> Vec<(String, String, i64)> {
    let of = |p: &Piece| -> Vec<_> {
        let text = |r: &record::RawRecord| {
            String::from_utf8_lossy(&p.payload[r.start as usize..r.end as usize]).into_owned()
        };
        p.records.iter().map(|r| (text(r), r.position.to_string(), p.arrivals[r.message as usize])).collect()
    };
    pieces.iter().flat_map(of).collect()
}

fn at(sequence: u64, sub: u64, item: u32) -> Progress {
    Progress::At(Position { sequence: Sequence::from(sequence), sub, item })
}

#[test]
fn a_record_has_the_place_and_the_arrival_of_its_message() {
    let messages = [
        message(7, 0, MONDAY + 1, "h\na\nb\n"),
        message(7, 1, MONDAY + 1, "h\nc\n"),
        message(9, 0, MONDAY + 5, "h\nd"),
    ];
    let pieces = Bench::after(Progress::Start).cut(&messages, &limit(100));
    let expected = [("a", "7.0.0", 1), ("b", "7.0.1", 1), ("c", "7.1.0", 1), ("d", "9.0.0", 5)];
    let expected: Vec<_> = expected.map(|(t, p, a)| (t.to_owned(), p.to_owned(), MONDAY + a)).to_vec();
    assert_eq!(said(&pieces), expected);
    assert_eq!(
        (pieces.len(), pieces[0].from, pieces[0].to, pieces[0].day),
        (1, Progress::Start, at(9, 0, 0), MONDAY)
    );
}

#[test]
fn a_message_without_a_record_moves_the_position() {
    let pieces = Bench::after(at(3, 0, 0))
        .cut(&[message(4, 0, MONDAY, ""), message(5, 0, MONDAY, "h\n")], &limit(100));
    assert_eq!((pieces.len(), pieces[0].from, pieces[0].to), (1, at(3, 0, 0), at(5, 0, 0)));
    assert!(pieces[0].records.is_empty() && !pieces[0].arrivals.is_empty());
}

#[test]
fn what_is_committed_is_left_out_also_inside_a_message() {
    let messages = [message(7, 0, MONDAY, "h\na\nb\nc"), message(7, 1, MONDAY, "h\nd")];
    for (committed, expected) in [
        (Progress::Start, "abcd"),
        (at(7, 0, 0), "bcd"),
        (at(7, 0, 1), "cd"),
        (at(7, 0, 2), "d"),
        (at(7, 1, 0), ""),
        (at(8, 0, 0), ""),
        (Progress::End, ""),
    ] {
        let pieces = Bench::after(committed).cut(&messages, &limit(100));
        let texts: String = said(&pieces).into_iter().map(|(text, ..)| text).collect();
        assert_eq!(texts, expected, "after {committed}");
        assert!(pieces.iter().all(|p| p.to > p.from), "no step without a way");
    }
}

#[test]
fn a_message_of_no_layout_is_refused_in_its_place_and_the_others_go_on() {
    let messages = [message(1, 0, MONDAY, "h\na"), message(2, 0, MONDAY, "?"), message(3, 0, MONDAY, "h\nb")];
    let pieces = Bench::after(Progress::Start).cut(&messages, &limit(100));
    let refused: Vec<_> =
        pieces.iter().flat_map(|p| &p.refused).map(|e| (e.code, e.position.to_string(), &*e.raw)).collect();
    assert_eq!(refused, [("unknown_layout", "2.0.0".to_owned(), &b"?"[..])]);
    assert_eq!(said(&pieces).len(), 2);
    assert!(pieces[1].layout.is_none() && pieces[0].layout.is_some() && pieces[2].layout.is_some());
}

#[test]
fn each_day_of_arrival_has_pieces_of_its_own() {
    const DAY: i64 = 86_400_000_000;
    let messages = [message(1, 0, MONDAY + DAY - 1, "h\na"), message(2, 0, MONDAY + DAY, "h\nb")];
    let pieces = Bench::after(Progress::Start).cut(&messages, &limit(100));
    assert_eq!(pieces.iter().map(|p| p.day).collect::<Vec<_>>(), [MONDAY, MONDAY + DAY]);
    assert_eq!(pieces[0].to, pieces[1].from);
}

#[test]
fn a_message_that_does_not_hold_what_it_declares_waits_alone() {
    let mut bench = Bench::after(Progress::Start);
    bench.layout.declares.store(true, Ordering::Relaxed);
    let messages = [
        message(1, 0, MONDAY, "h\na\n#1"),
        message(2, 0, MONDAY, "h\nb\n#2"),
        message(3, 0, MONDAY, "h\nc\n#1"),
    ];
    let pieces = bench.cut(&messages, &limit(100));
    let gate = |p: &Piece| p.gated.as_ref().map(|waits| (waits.survey.declared, waits.survey.counted));
    assert_eq!(pieces.iter().map(gate).collect::<Vec<_>>(), [None, Some((Some(2), 1)), None]);
}

#[tokio::test]
async fn a_message_that_waits_is_a_feed_of_its_own_and_found_again() {
    let memory: Arc<Memory> = Arc::default();
    let (partition, _) = memory.open_stream(&PartitionId::new("s/shardId-1")).await.unwrap();
    let mut days = DaysOfStream::new("s".into(), memory.clone());
    let mut feeds = Vec::new();
    for _ in 0..2 {
        let mut bench = Bench::after(Progress::Start);
        bench.layout.declares.store(true, Ordering::Relaxed);
        for piece in
            bench.cut(&[message(1, 0, MONDAY, "h\na\n#2"), message(2, 0, MONDAY, "h\na\nb\n#2")], &limit(9))
        {
            let feed = days.batch(piece, partition.clone()).await.unwrap().feed.clone();
            feeds.push((feed.key, feed.ends, feed.gated, feed.control.is_some()));
        }
    }
    assert_eq!(feeds[..2], [(FeedKey(0), false, true, true), (FeedKey(1), false, false, false)]);
    assert_eq!(feeds[2..], feeds[..2]);
    assert_eq!(&*memory.feeds.lock().unwrap()[0].name, "2025-12-01 s/shardId-1: message 1, record 1");
}

#[test]
fn packed_payloads_are_unpacked_and_damaged_ones_told() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"h\na\n").unwrap();
    let gzip = gzip.finish().unwrap();
    let packed =
        |sequence, payload: Vec<u8>| Message { payload: payload.into(), ..message(sequence, 0, MONDAY, "") };
    let half = gzip[..gzip.len() / 2].to_vec();
    let messages =
        [packed(1, gzip), packed(2, zstd::encode_all(&b"h\nb\n"[..], 0).unwrap()), packed(3, half)];
    let pieces = Bench::after(Progress::Start).cut(&messages, &limit(100));
    let texts: Vec<_> = said(&pieces).into_iter().map(|(text, ..)| text).collect();
    assert_eq!(texts, ["a", "b"]);
    let damaged: Vec<_> = pieces.iter().flat_map(|p| &p.refused).map(|e| e.code).collect();
    assert_eq!(damaged, ["compression"]);
}

#[test]
fn a_payload_that_unpacks_without_end_is_refused() {
    let bomb = zstd::encode_all(std::io::repeat(b' ').take(super::unpack::UNPACKED + 1), 1).unwrap();
    let bomb = Message { payload: bomb.into(), ..message(1, 0, MONDAY, "") };
    let pieces = Bench::after(Progress::Start).cut(&[bomb], &limit(100));
    assert_eq!(pieces[0].refused[0].code, "record_too_long");
}

#[test]
fn the_end_of_a_partition_is_a_step_of_its_own() {
    let mut bench = Bench::after(Progress::Start);
    bench.cutter.push(&message(1, 0, MONDAY, "h\na"), &limit(100));
    let steps: Vec<_> = std::iter::from_fn(|| bench.cutter.end()).map(|p| (p.from, p.to)).collect();
    assert_eq!(steps, [(Progress::Start, at(1, 0, 0)), (at(1, 0, 0), Progress::End)]);
    assert!(bench.cutter.next(true).is_none());
}

/// Messages of up to four lines, some of them too long, some of no layout.
fn any_messages() -> impl Strategy<Value = Vec<Message>> {
    let line = prop_oneof![8 => "[a-z]{1,9}", 1 => "x{101,120}", 1 => Just(String::new())];
    let text = prop_oneof![
        9 => prop::collection::vec(line, 0..4).prop_map(|lines| format!("h\n{}", lines.join("\n"))),
        1 => Just("?".to_owned()),
        1 => Just(String::new()),
    ];
    prop::collection::vec((text, 0..3u64, 1..3u64), 0..12).prop_map(|texts| {
        let (mut sequence, mut sub) = (1, 0);
        let place = |(text, same, step): (String, u64, u64)| {
            (sequence, sub) = if same == 0 { (sequence, sub + 1) } else { (sequence + step, 0) };
            message(sequence, sub, MONDAY + sequence as i64, &text)
        };
        texts.into_iter().map(place).collect()
    })
}

/// What a cutting hands over in all, whatever its pieces are.
fn all(pieces: &[Piece]) -> (Vec<(String, String, i64)>, Vec<String>) {
    (said(pieces), pieces.iter().flat_map(|p| &p.refused).map(|e| e.position.to_string()).collect())
}

proptest! {
    #[test]
    fn every_record_is_handed_over_once_whatever_the_bounds_and_wherever_it_goes_on(
        messages in any_messages(),
        (small, large) in (1..4usize, 1..9usize),
        stop in any::<prop::sample::Index>(),
    ) {
        let whole = Bench::after(Progress::Start).cut(&messages, &limit(1000));
        let pieces = Bench::after(Progress::Start).cut(&messages, &limit(small));
        prop_assert_eq!(all(&pieces), all(&whole));
        let mut reached = Progress::Start;
        for piece in &pieces {
            prop_assert_eq!(piece.from, reached);
            prop_assert!(piece.to > piece.from);
            prop_assert!(piece.records.len() + piece.refused.len() <= small);
            let last = piece.records.iter().map(|r| r.position).chain(piece.refused.iter().map(|e| e.position)).max();
            prop_assert!(last.is_none_or(|last| Progress::At(last) <= piece.to));
            reached = piece.to;
        }
        // Stopped after some pieces, and begun again from what was committed, with all messages coming again.
        if !pieces.is_empty() {
            let kept = stop.index(pieces.len());
            let again = Bench::after(pieces[kept].to).cut(&messages, &limit(large));
            let (mut records, mut refused) = all(&pieces[..=kept]);
            let (more, worse) = all(&again);
            records.extend(more);
            refused.extend(worse);
            prop_assert_eq!((records, refused), all(&whole));
        }
    }
}

#[tokio::test]
async fn a_day_is_registered_once_as_a_feed_that_has_no_end() {
    let memory: Arc<Memory> = Arc::default();
    let (partition, _) = memory.open_stream(&PartitionId::new("s/shardId-1")).await.unwrap();
    let mut days = DaysOfStream::new("s".into(), memory.clone());
    let messages = [message(1, 0, MONDAY, "h\na"), message(2, 0, MONDAY + 1, "h\nb\nc")];
    for piece in Bench::after(Progress::Start).cut(&messages, &limit(1)) {
        let batch = days.batch(piece, partition.clone()).await.unwrap();
        assert!(!batch.feed.ends && batch.is_of_messages());
        assert_eq!(batch.read_until, batch.arrivals.last().copied());
        memory.commit(&batch);
    }
    let feeds = memory.feeds.lock().unwrap();
    let names: Vec<_> = feeds.iter().map(|f| (&*f.name, &*f.vendor, f.hash, f.arrival)).collect();
    assert_eq!(names, [("2025-12-01", "lines", None, Some(MONDAY))]);
}
