//! The keys of a `file` source.
use crate::whole::How;
use crate::{Arrival, Compression};
use serde::{Deserialize, Deserializer, de::Error};
use std::time::Duration;

/// The keys of `[sources.NAME]` with `type = "file"`.
///
/// ```
/// let config: sources::FileConfig = toml::from_str(r#"
///     path = ["in/positions-*.csv", "in/activity"]
///     watch = true
///     poll = "5s"
/// "#).unwrap();
/// assert!(config.watch && config.grows);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// What to read: a file, a folder, a glob (`in/**/*.csv`; `*` stays inside a folder), or `-` for standard input; one or a list.
    /// A relative path is relative to the topology file. Names that begin with a dot are left out unless a path names them.
    ///
    /// Files are read one after the other, in natural order (`day-9` before `day-10`) of their path below the root: the folder, the folder
    /// part of a glob before its first wildcard, the folder of a file.
    #[serde(deserialize_with = "one_or_many")]
    pub path: Vec<String>,
    /// For a folder: the folders below it as well. Links to folders are not followed.
    #[serde(default)]
    pub recursive: bool,
    #[serde(default)]
    pub compression: Compression,
    /// Go on when all is read: look for new files and growth every `poll`, and never end.
    #[serde(default)]
    pub watch: bool,
    /// How often to look, such as `"500ms"`, `"5s"` or `"1m"`.
    #[serde(default = "default_poll", deserialize_with = "duration")]
    pub poll: Duration,
    /// With `watch`: files may grow, and are streams without an end, known by their path and their beginning. With `false` a file is
    /// complete once its size and time stood still for one `poll`, and is known by its content, as it always is without `watch`.
    /// Compressed files never grow.
    ///
    /// A file keeps the way it was first read, under any setting: one that begins like a file of its name that was read as growing goes on
    /// as growing (without `watch` up to the end it has, and a last line without its end stays unread), and one whose content was read as
    /// a whole stands at its end.
    #[serde(default = "yes")]
    pub grows: bool,
    /// Where a feed's time of arrival comes from; without it the header's time, else the date in the file's name, else none.
    pub arrival: Option<Arrival>,
    /// The longest record in bytes; a longer one goes to quarantine.
    #[serde(default = "default_record_limit")]
    pub record_limit: usize,
}

impl FileConfig {
    /// Says what is wrong with the paths, without touching a file.
    pub fn check(&self) -> Result<(), String> {
        super::find::Pattern::all(self, std::path::Path::new("")).map(drop)
    }

    pub(super) fn how(&self) -> How {
        How { compression: self.compression, record_limit: self.record_limit, arrival: self.arrival }
    }
}

fn yes() -> bool {
    true
}

fn default_poll() -> Duration {
    Duration::from_secs(2)
}

fn default_record_limit() -> usize {
    4 * 1024 * 1024
}

fn one_or_many<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let paths = match OneOrMany::deserialize(d) {
        Ok(OneOrMany::One(path)) => vec![path],
        Ok(OneOrMany::Many(paths)) => paths,
        Err(_) => return Err(D::Error::custom("`path` must be a text or a list of texts")),
    };
    if paths.is_empty() || paths.iter().any(|p| p.trim().is_empty()) {
        return Err(D::Error::custom(
            "`path` is empty: name a file, a folder, a glob, or `-` for standard input",
        ));
    }
    Ok(paths)
}

fn duration<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|d| Duration::try_from(d).ok())
        .filter(|d| *d >= Duration::from_millis(10))
        .ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no time to wait: write at least 10ms, such as `500ms` or `5s`"
            ))
        })
}
