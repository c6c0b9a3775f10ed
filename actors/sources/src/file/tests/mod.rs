//! The promises of the `file` source.
mod cutting;
mod ended;
mod kept_way;
mod spared;
mod watched;

use super::*;
use crate::FeedInfo;
use crate::testing::{LinesLayout, Memory, Shared};
use record::{Progress, RawBatch, RawRecord};
use std::fs;
use std::path::Path;
use std::time::Duration;

const WAIT: Duration = Duration::from_millis(1500);
const LIMIT: BatchLimit = BatchLimit { records: 1000, bytes: 1 << 20, wait: WAIT };

/// A folder, a store and what reads one into the other.
struct Bench {
    folder: tempfile::TempDir,
    memory: Arc<Memory>,
    layout: Arc<LinesLayout>,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        Bench { folder, memory: Arc::default(), layout: Arc::default() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn append(&self, name: &str, content: &str) {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().append(true).open(self.path().join(name)).unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    /// A source of the name `s` with these keys.
    fn source(&self, keys: &str) -> FileSource {
        let config = toml::from_str(keys).unwrap();
        let layouts = Arc::new(Shared(self.layout.clone()));
        FileSource::new("s", config, self.path(), layouts, self.memory.clone()).unwrap()
    }

    fn stdin(&self, content: &'static [u8]) -> FileSource {
        let config = toml::from_str("path = \"-\"").unwrap();
        let layouts = Arc::new(Shared(self.layout.clone()));
        let stdin = Box::new(move || Box::new(content) as Box<dyn Read>);
        FileSource::reading("s", config, self.path().into(), layouts, self.memory.clone(), stdin).unwrap()
    }

    /// Reads until the source is at its end, or idle, and commits each batch.
    async fn drain(&self, source: &mut FileSource) -> Vec<RawBatch> {
        self.drain_in(source, &LIMIT).await
    }

    async fn drain_in(&self, source: &mut FileSource, limit: &BatchLimit) -> Vec<RawBatch> {
        let mut batches = Vec::new();
        loop {
            match source.next_batch(limit).await.unwrap() {
                Next::Batch(batch) => {
                    self.memory.commit(&batch);
                    batches.push(batch);
                }
                Next::Idle | Next::End => return batches,
            }
        }
    }

    /// What a fresh source of a folder reads.
    async fn run(&self) -> Vec<String> {
        records(&self.drain(&mut self.source("path = \".\"")).await)
    }

    async fn error(&self, keys: &str) -> SourceError {
        let mut source = self.source(keys);
        loop {
            match source.next_batch(&LIMIT).await {
                Ok(Next::Batch(_)) => {}
                Ok(other) => panic!("no error but {other:?}"),
                Err(e) => return e,
            }
        }
    }
}

/// `header>record` of each record.
fn records(batches: &[RawBatch]) -> Vec<String> {
    let of = |b: &RawBatch| {
        let text = |r: &RawRecord| {
            let header = b.contexts[usize::from(r.context)].downcast_ref::<String>().unwrap();
            format!("{header}>{}", String::from_utf8_lossy(b.record(r)))
        };
        b.records.iter().map(text).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}
