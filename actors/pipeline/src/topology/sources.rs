//! The keys of a source: those that all have, and those of each `type` in a file of its name.
mod file;
mod kafka;
mod kinesis;
mod s3;

use super::config::{Place, Source, bounded};
use super::problem::Problems;
use super::reader::Reader;
use sources::Compression;

#[derive(Clone, Copy)]
enum Type {
    File,
    Kinesis,
    Kafka,
    S3,
}

pub(super) fn source(r: &mut Reader, p: &mut Problems) -> Source {
    let types = [("file", Type::File), ("kinesis", Type::Kinesis), ("kafka", Type::Kafka), ("s3", Type::S3)];
    let kind = r.required_choice("type", &types, p);
    let eventbridge = r.choice("format", &[("eventbridge", true)], p).unwrap_or(false);
    let vendors = r.words("vendors", p).unwrap_or_default();
    let auto = vendors.len() == 1 && vendors[0].text == "auto";
    let mut events_from = None;
    Source {
        place: match kind {
            None | Some(Type::File) => Place::File(file::file(r, p)),
            Some(Type::Kinesis) => Place::Kinesis(kinesis::kinesis(r, p)),
            Some(Type::Kafka) => Place::Kafka(kafka::kafka(r, p)),
            Some(Type::S3) => Place::S3(s3::s3(r, &mut events_from, p)),
        },
        eventbridge,
        events_from,
        vendors: if auto { Vec::new() } else { vendors },
        batch_records: bounded(r.number("batch_records", 1..=100_000, p), 4_096),
        // Spans in a batch have 32 bits.
        batch_bytes: bounded(r.size("batch_bytes", 1 << 30, p), 1 << 20),
        in_flight: r.size("in_flight", 1 << 40, p).unwrap_or(256 << 20),
    }
}

/// The layouts bound their records themselves; this bounds what has no layout.
const RECORD_LIMIT: usize = 10 << 20;

fn compression(r: &mut Reader, p: &mut Problems) -> Compression {
    let words = [
        ("auto", Compression::Auto),
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
    ];
    r.choice("compression", &words, p).unwrap_or_default()
}

/// A text that must stand there and hold something.
fn required(r: &mut Reader, key: &'static str, what: &str, p: &mut Problems) -> String {
    if !r.has(key) {
        p.add(r.span.clone(), format!("`{}` needs `{key}`: {what}", r.path), None);
        return String::new();
    }
    let Some(word) = r.word(key, p) else { return String::new() };
    if word.text.trim().is_empty() {
        p.add(word.span.clone(), format!("`{}.{key}` is empty: write {what}", r.path), None);
    }
    word.text
}

/// The word a stream is begun with, and the key `timestamp` that goes with `at_timestamp`.
enum Begin {
    Oldest,
    Latest,
    At(i64),
}

fn begin(r: &mut Reader, oldest: &'static str, p: &mut Problems) -> Begin {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Oldest,
        Latest,
        At,
    }
    let words = [(oldest, Word::Oldest), ("latest", Word::Latest), ("at_timestamp", Word::At)];
    let word = r.choice("start", &words, p).unwrap_or(Word::Oldest);
    let (stands, timestamp) = (r.place("timestamp"), r.word("timestamp", p));
    let help = || Some("write start = \"at_timestamp\" and timestamp = \"2026-01-31T08:00:00Z\"".to_owned());
    match (word, stands) {
        (Word::At, None) => {
            p.add(r.span.clone(), format!("`{}` starts at a timestamp and has none", r.path), help());
        }
        (Word::Oldest | Word::Latest, Some(span)) => {
            p.add(span, format!("`{}.timestamp` says nothing beside another `start`", r.path), help());
        }
        _ => {}
    }
    match word {
        Word::Oldest => Begin::Oldest,
        Word::Latest => Begin::Latest,
        Word::At => Begin::At(timestamp.map_or(0, |word| match word.text.parse::<jiff::Timestamp>() {
            Ok(at) => at.as_microsecond(),
            Err(_) => {
                let message = format!("`{}.timestamp`: `{}` is no time with its zone", r.path, word.text);
                p.add(word.span, message, help());
                0
            }
        })),
    }
}

fn on_gap(r: &mut Reader, p: &mut Problems) -> sources::kinesis::OnGap {
    use sources::kinesis::OnGap;
    r.choice("on_gap", &[("stop", OnGap::Stop), ("continue", OnGap::Continue)], p).unwrap_or_default()
}

fn prefetch(r: &mut Reader, p: &mut Problems) -> u64 {
    r.size("prefetch", 1 << 36, p).unwrap_or(64 << 20)
}
