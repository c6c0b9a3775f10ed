//! What the store knows of a source's files, kept up to date with what is handed over.
use super::growing::Beginning;
use crate::KnownPartition;
use crate::whole::input::Stamp;
use crate::whole::survey::short;
use record::{Feed, Partition, PartitionId, Progress};
use std::collections::HashMap;
use std::sync::Arc;

/// Partitions of one source, named `source/path@mark`. The mark is
///
/// - the first 16 hex digits of the content's BLAKE3, for a file with an end;
/// - `grow-` and as much of the hash of its beginning, for one that may grow; the second of the same beginning ends in `-2`;
/// - `refused-` and a hash, or `unreadable`, for what was refused as a whole: should it become readable, its own partition is at the start.
pub(super) struct Known {
    source: Arc<str>,
    handed: HashMap<PartitionId, Progress>,
    /// Files with an end that were read through, by name.
    read_through: HashMap<String, Vec<ReadThrough>>,
    /// How files began that were read as growing, by name, as it stands in the names of their partitions.
    began: HashMap<String, Vec<String>>,
    /// Growing files opened in this run.
    granted: HashMap<PartitionId, (Arc<Partition>, Arc<Feed>)>,
}

/// A file with an end, as it lay there when it was read through, and what that told.
struct ReadThrough {
    /// The part of its hash that stands in its partition's name.
    content: String,
    stamp: Stamp,
    at_end: bool,
    told: Option<Arc<[u8]>>,
}

/// How files of one name were read before.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// What the read-through of the file as it lies there told.
    pub told: Option<Arc<[u8]>>,
    /// The contents of its size that were read as a whole.
    pub contents: Vec<String>,
    /// How those began that were read as growing.
    pub beginnings: Vec<String>,
}

impl Before {
    pub(super) fn has_content(&self, hash: &[u8; 32]) -> bool {
        self.contents.contains(&short(hash))
    }

    pub(super) fn began_so(&self, beginning: &Beginning) -> bool {
        self.beginnings.contains(&short(&beginning.hash))
    }
}

impl Known {
    pub(super) fn new(source: Arc<str>, partitions: Vec<KnownPartition>) -> Known {
        let mut known = Known {
            source,
            handed: HashMap::new(),
            read_through: HashMap::new(),
            began: HashMap::new(),
            granted: HashMap::new(),
        };
        for p in partitions {
            known.learn(&p);
            known.handed.insert(p.id, p.progress);
        }
        known
    }

    /// Files it by its name and mark; `None` if neither tells how a file is to be read.
    fn learn(&mut self, p: &KnownPartition) -> Option<()> {
        let (name, mark) = p.id.as_str().strip_prefix(&*self.source)?.strip_prefix('/')?.rsplit_once('@')?;
        if let Some(began) = mark.strip_prefix("grow-") {
            let beginning = began.split('-').next().unwrap_or(began).to_owned();
            self.began.entry(name.to_owned()).or_default().push(beginning);
        } else if mark.bytes().all(|b| b.is_ascii_hexdigit()) {
            let stamp = Stamp { size: p.size?, modified: p.modified? };
            let (at_end, told) = (p.progress == Progress::End, p.read_through.as_deref().map(Arc::from));
            let read_through = ReadThrough { content: mark.to_owned(), stamp, at_end, told };
            self.read_through.entry(name.to_owned()).or_default().push(read_through);
        }
        Some(())
    }

    pub(super) fn before(&self, name: &str, stamp: Stamp) -> Before {
        let read = self.read_through.get(name).into_iter().flatten();
        Before {
            told: self.told(name, stamp),
            contents: read.filter(|r| r.stamp.size == stamp.size).map(|r| r.content.clone()).collect(),
            beginnings: self.began.get(name).cloned().unwrap_or_default(),
        }
    }

    /// Whether a file was read to its end and has the size and time it had then.
    pub(super) fn unchanged(&self, name: &str, stamp: Stamp) -> bool {
        self.stamped(name, stamp).any(|r| r.at_end)
    }

    /// What the read-through of a file of this size and time told. Where two contents of it had both, it is not known which lies there.
    fn told(&self, name: &str, stamp: Stamp) -> Option<Arc<[u8]>> {
        let mut told = self.stamped(name, stamp).filter_map(|r| r.told.as_ref());
        told.next().filter(|_| told.next().is_none()).cloned()
    }

    fn stamped(&self, name: &str, stamp: Stamp) -> impl Iterator<Item = &ReadThrough> {
        self.read_through.get(name).into_iter().flatten().filter(move |r| r.stamp == stamp)
    }

    pub(super) fn id(&self, name: &str, mark: &str) -> PartitionId {
        PartitionId::new(format!("{}/{name}@{mark}", self.source))
    }

    /// Whether all of a partition was handed over, now or before.
    pub(super) fn at_end(&self, id: &PartitionId) -> bool {
        self.handed.get(id) == Some(&Progress::End)
    }

    pub(super) fn handed(&self, id: &PartitionId) -> Progress {
        self.handed.get(id).copied().unwrap_or_default()
    }

    pub(super) fn note(&mut self, id: &PartitionId, handed: Progress) {
        self.handed.insert(id.clone(), handed);
    }

    pub(super) fn grant(&mut self, partition: &Arc<Partition>, feed: &Arc<Feed>, committed: Progress) {
        self.note(&partition.id, committed);
        self.granted.insert(partition.id.clone(), (partition.clone(), feed.clone()));
    }

    /// A growing file's partition that was opened in this run, and how much of it was handed over.
    pub(super) fn granted(&self, id: &PartitionId) -> Option<(Arc<Partition>, Arc<Feed>, Progress)> {
        let (partition, feed) = self.granted.get(id)?.clone();
        Some((partition, feed, self.handed(id)))
    }

    /// The partition of a growing file that begins so and has `size` bytes: the latest of that beginning, or a new one if more was
    /// read of that than there is now.
    pub(super) fn growing(&self, name: &str, beginning: &Beginning, size: u64) -> PartitionId {
        let base = format!("grow-{}", short(&beginning.hash));
        let mut id = self.id(name, &base);
        for n in 2.. {
            match self.handed.get(&id) {
                Some(Progress::At(p)) if p.offset() > size => {}
                Some(_) if self.handed.contains_key(&self.id(name, &format!("{base}-{n}"))) => {}
                _ => break,
            }
            id = self.id(name, &format!("{base}-{n}"));
        }
        id
    }
}
