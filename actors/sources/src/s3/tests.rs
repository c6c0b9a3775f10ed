//! The promises of the `s3` source.
use super::S3Config;
use crate::Compression;
use std::time::Duration;

pub(super) fn config(prefix: &str, matching: Option<&str>) -> S3Config {
    S3Config {
        bucket: "feeds".into(),
        prefix: prefix.into(),
        matching: matching.map(str::to_owned),
        watch: false,
        poll: Duration::from_millis(50),
        events_from: None,
        compression: Compression::Auto,
        arrival: None,
        record_limit: 1 << 20,
    }
}
