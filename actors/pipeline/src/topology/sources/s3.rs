//! `type = "s3"`.
use super::required;
use crate::topology::config::HOUR;
use crate::topology::problem::Problems;
use crate::topology::reader::Reader;
use sources::S3Config;
use std::time::Duration;

pub(super) fn s3(r: &mut Reader, p: &mut Problems) -> S3Config {
    S3Config {
        bucket: required(r, "bucket", "the bucket's name", p),
        prefix: r.word("prefix", p).map_or_else(String::new, |word| word.text),
        matching: r.word("matching", p).map(|word| word.text),
        watch: r.flag("watch", p).unwrap_or(false),
        poll: r.duration("poll", Duration::from_millis(100)..=HOUR, p).unwrap_or(Duration::from_secs(30)),
        events_from: r.word("events_from", p).map(|word| word.text),
        compression: super::compression(r, p),
        arrival: super::file::arrival(r, p),
        record_limit: super::RECORD_LIMIT,
    }
}
