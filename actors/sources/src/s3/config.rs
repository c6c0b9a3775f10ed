//! The keys of an `s3` source.
use crate::{Arrival, Compression};
use std::time::Duration;

/// Which objects of a bucket to read. Where it is and who asks comes from the AWS SDK's own chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    pub bucket: String,
    /// Keys that begin so are read; a key's name in reports is what follows the last `/` of it.
    pub prefix: String,
    /// Of those, the ones whose name fits (`*` stays between slashes).
    pub matching: Option<String>,
    /// Go on when all is read: list again every `poll`, and never end.
    pub watch: bool,
    pub poll: Duration,
    /// Objects are told of by "Object Created" events that come with the records of this source; then nothing is listed unless `watch` is set.
    pub events_from: Option<String>,
    pub compression: Compression,
    /// Where an object's time of arrival comes from; without it the header's time, else the date in its name, else none.
    pub arrival: Option<Arrival>,
    /// The longest record in bytes; a longer one goes to quarantine.
    pub record_limit: usize,
}
