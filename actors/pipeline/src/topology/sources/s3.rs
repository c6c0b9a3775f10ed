//! `type = "s3"`.
use super::required;
use crate::topology::config::HOUR;
use crate::topology::problem::Problems;
use crate::topology::reader::{Reader, Word};
use sources::S3Config;
use std::time::Duration;

/// `events_from` is filled with its word: whether there is such a source is seen when all are read.
pub(super) fn s3(r: &mut Reader, events_from: &mut Option<Word>, p: &mut Problems) -> S3Config {
    let bucket = required(r, "bucket", "the bucket's name", p);
    let prefix = r.word("prefix", p).map_or_else(String::new, |word| word.text);
    let matching = r.word("matching", p);
    *events_from = r.word("events_from", p);
    let config = S3Config {
        bucket,
        prefix,
        matching: matching.as_ref().map(|word| word.text.clone()),
        watch: r.flag("watch", p).unwrap_or(false),
        poll: r.duration("poll", Duration::from_millis(100)..=HOUR, p).unwrap_or(Duration::from_secs(30)),
        events_from: events_from.as_ref().map(|word| word.text.clone()),
        compression: super::compression(r, p),
        arrival: super::file::arrival(r, p),
        record_limit: super::RECORD_LIMIT,
    };
    if let Err(wrong) = config.check() {
        let span = matching.map_or(r.span.clone(), |word| word.span);
        p.add(span, format!("`{}.matching`: {wrong}", r.path), None);
    }
    config
}
