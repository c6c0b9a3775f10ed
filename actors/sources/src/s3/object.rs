//! Objects by name: which of a bucket are wanted, what they are called, and which partition they are.
use crate::{S3Config, SourceError};
use globset::{GlobBuilder, GlobMatcher};
use record::PartitionId;
use std::sync::Arc;

/// An object as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// Its key without the folder of the prefix.
    pub name: Arc<str>,
    pub key: String,
    /// [`mark`] of its ETag.
    pub mark: String,
    /// Where an event named it, and the bucket keeps versions: then this one is asked for, and not the latest.
    pub version: Option<Arc<str>>,
    /// Not known of one that an event told of, until it is looked at.
    pub stands: Option<Stands>,
}

/// How an object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stands {
    /// What S3 calls its content, without quotes.
    pub etag: String,
    pub size: u64,
    /// When its version came to be, microseconds since 1970 UTC.
    pub modified: i64,
}

/// Which objects of a bucket a source reads.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub prefix: String,
    /// The part of the prefix that stands in no name: up to its last `/`.
    folder: usize,
    matching: Option<GlobMatcher>,
}

impl Wanted {
    pub(super) fn new(config: &S3Config) -> Result<Wanted, String> {
        let matcher = |text: &String| {
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            glob.map(|g| g.compile_matcher()).map_err(|e| format!("`{text}` is no glob: {}", e.kind()))
        };
        let matching = config.matching.as_ref().map(matcher).transpose()?;
        let folder = config.prefix.rfind('/').map_or(0, |n| n + 1);
        Ok(Wanted { prefix: config.prefix.clone(), folder, matching })
    }

    /// The name of a wanted key. A key that ends in `/` marks a folder and is no object to read.
    pub(super) fn name<'k>(&self, key: &'k str) -> Option<&'k str> {
        let name = key.strip_prefix(self.prefix.get(..self.folder)?)?;
        let wanted = key.starts_with(&self.prefix) && !name.is_empty() && !name.ends_with('/');
        (wanted && self.matching.as_ref().is_none_or(|m| m.is_match(name))).then_some(name)
    }

    /// The key of a name.
    fn key(&self, name: &str) -> String {
        format!("{}{name}", &self.prefix[..self.folder])
    }
}

/// What tells the contents of one key apart in the names of partitions: the ETag, which changes with the content. No other bytes are ever given
/// for it, so the same object again is known without reading it.
pub(super) fn mark(etag: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !etag.is_empty()
        && etag.len() <= 64
        && etag.bytes().all(plain)
        && !etag.starts_with(REFUSED)
        && etag != UNREADABLE
    {
        return etag.to_owned();
    }
    crate::whole::survey::short(blake3::hash(etag.as_bytes()).as_bytes())
}

/// How the marks of refusals begin; those of contents do not.
const REFUSED: &str = "refused-";
const UNREADABLE: &str = "unreadable";

/// `source/name@mark`.
pub(super) fn partition(source: &str, name: &str, mark: &str) -> PartitionId {
    PartitionId::new(format!("{source}/{name}@{mark}"))
}

/// What is noted of an object that an event told of, beside its partition's name, so that it is found again: its version.
pub(super) fn note(version: Option<&str>) -> Arc<str> {
    format!("object {}", version.unwrap_or("-")).into()
}

/// The object that a partition is of: its name and mark say which, the note, if there is one, which version.
pub(super) fn noted(source: &str, id: &PartitionId, note: Option<&str>, wanted: &Wanted) -> Option<Object> {
    let (name, mark) = id.as_str().strip_prefix(source)?.strip_prefix('/')?.rsplit_once('@')?;
    if mark.starts_with(REFUSED) || mark == UNREADABLE {
        return None;
    }
    let version = note.and_then(|n| n.strip_prefix("object ")).filter(|v| *v != "-").map(Arc::from);
    let key = wanted.key(name);
    // The topology may want less than when it was noted.
    wanted.name(&key)?;
    Some(Object { name: name.into(), key, mark: mark.to_owned(), version, stands: None })
}

impl S3Config {
    /// Says what is wrong with the keys, without asking anybody.
    pub fn check(&self) -> Result<(), String> {
        Wanted::new(self).map(drop)
    }
}

/// Objects in natural order of their names, as files are.
pub(super) fn order(objects: &mut [Object]) {
    objects.sort_by_cached_key(|o| PartitionId::new(o.name.clone()));
}

/// How many objects a source may have.
pub(super) const MOST: usize = 1_000_000;

pub(super) fn too_many(bucket: &str, prefix: &str) -> SourceError {
    SourceError::Fatal(format!(
        "s3://{bucket}/{prefix} has more than {MOST} objects: give parts of them to sources of their own, by `prefix` or `matching`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(prefix: &str, matching: Option<&str>) -> Wanted {
        Wanted::new(&super::super::tests::config(prefix, matching)).unwrap()
    }

    #[test]
    fn a_name_is_the_key_without_the_folder_of_the_prefix() {
        for (prefix, key, name) in [
            ("", "a.csv", Some("a.csv")),
            ("", "in/a.csv", Some("in/a.csv")),
            ("in/", "in/a.csv", Some("a.csv")),
            ("in/2025-", "in/2025-01/a.csv", Some("2025-01/a.csv")),
            ("in/2025-", "in/2024-01/a.csv", None),
            ("in/2025-", "other/2025-01/a.csv", None),
            ("in/", "in/", None),
            ("in/", "in/deep/", None),
            ("in", "inside", Some("inside")),
            ("\u{e9}/x", "\u{e9}/xy", Some("xy")),
        ] {
            assert_eq!(wanted(prefix, None).name(key), name, "{prefix} {key}");
        }
    }

    #[test]
    fn a_star_stays_between_slashes() {
        let w = wanted("in/", Some("*.csv"));
        assert_eq!(w.name("in/a.csv"), Some("a.csv"));
        assert_eq!((w.name("in/deep/a.csv"), w.name("in/a.txt")), (None, None));
        assert!(Wanted::new(&super::super::tests::config("", Some("[a"))).unwrap_err().contains("no glob"));
    }

    #[test]
    fn what_was_noted_is_found_again_by_its_partition_and_note_alone() {
        let w = wanted("in/", None);
        for version in [None, Some("Ie.x_1")] {
            let id = partition("s", "d/a@b.csv", &mark("ab12-3"));
            assert_eq!(id.as_str(), "s/d/a@b.csv@ab12-3");
            let object = noted("s", &id, Some(&note(version)), &w).unwrap();
            assert_eq!((&*object.name, object.key.as_str()), ("d/a@b.csv", "in/d/a@b.csv"));
            assert_eq!((object.mark.as_str(), object.version.as_deref()), ("ab12-3", version));
        }
        let of = |mark: &str| noted("s", &partition("s", "a.csv", mark), None, &w);
        assert!(of("ab12").is_some(), "one that was listed has no note");
        assert_eq!((of("refused-ab12"), of("unreadable")), (None, None));
        assert_eq!(noted("t", &partition("s", "a.csv", "ab12"), None, &w), None);
    }

    #[test]
    fn an_etag_that_could_not_stand_in_a_name_is_hashed() {
        assert_eq!(mark("d41d8cd98f00b204e9800998ecf8427e-12"), "d41d8cd98f00b204e9800998ecf8427e-12");
        for odd in ["a@b", "", "refused-1", &"a".repeat(65), "a/b"] {
            let mark = mark(odd);
            assert!(mark.len() == 16 && mark.bytes().all(|b| b.is_ascii_hexdigit()), "{odd} {mark}");
        }
    }

    #[test]
    fn objects_come_in_natural_order() {
        let object = |name: &str| Object {
            name: name.into(),
            key: name.into(),
            mark: "e".into(),
            version: None,
            stands: None,
        };
        let mut objects = ["day-10.csv", "day-9.csv", "a"].map(object);
        order(&mut objects);
        assert_eq!(objects.map(|o| o.key), ["a", "day-9.csv", "day-10.csv"]);
    }
}
