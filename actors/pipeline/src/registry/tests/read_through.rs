//! A file source over a store. Whether it reads a file through is told by what it opens: partitions are named after the content.
use super::*;
use crate::source_layouts::SourceLayouts;
use codecs::Layout;
use record::BatchLimit;
use sources::{FileSource, Next, Source};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

/// Long enough that no look at its beginning sees its end.
const LINES: usize = 2_000;
const LINE: usize = 100;

struct Bench {
    folder: tempfile::TempDir,
    names: Arc<Names>,
    store: Arc<dyn Store>,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let names = Arc::new(Names::default());
        let store = store::sqlite::open(&folder.path().join("dietz.db"), names.clone()).await.unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        let lines = (0..LINES).map(|n| format!("{:<width$}\n", format!("{{\"id\":{n}}}"), width = LINE - 1));
        fs::write(folder.path().join("in/a.json"), lines.collect::<String>()).unwrap();
        Bench { folder, names, store: Arc::new(store) }
    }

    /// Writes over a byte near the file's end, which makes two pieces of the last line; its size and time stay what they were.
    fn forge(&self) {
        let file = File::options().write(true).open(self.folder.path().join("in/a.json")).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.write_all_at(b"!", (LINES * LINE - 10) as u64).unwrap();
        file.set_modified(modified).unwrap();
    }

    fn touch(&self) {
        let file = File::options().write(true).open(self.folder.path().join("in/a.json")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    /// The partition a generation opens, and the records its feed has; it is gone before it commits anything.
    async fn opened(&self, from_start: bool) -> (PartitionId, u64) {
        let generation = Arc::new(self.store.open_generation("w", Duration::from_secs(60)).await.unwrap());
        let registry = StoreRegistry {
            store: self.store.clone(),
            generation: generation.clone(),
            names: self.names.clone(),
            source: "s".into(),
            rewound: from_start.then(Arc::default),
            versions: Arc::new([]),
        };
        let layouts = SourceLayouts::of(vec![Arc::new(Layout::eventbridge())], true);
        let config = toml::from_str("path = \"in\"").unwrap();
        let source = FileSource::new("s", config, self.folder.path(), Arc::new(layouts), Arc::new(registry));
        let limit = BatchLimit { records: 10, bytes: 1 << 16, wait: Duration::from_secs(1) };
        let Next::Batch(batch) = source.unwrap().next_batch(&limit).await.unwrap() else {
            panic!("no batch")
        };
        self.store.close_generation(&generation).await.unwrap();
        assert_eq!(batch.from, Progress::Start);
        (batch.partition.id.clone(), batch.feed.records)
    }
}

#[tokio::test]
async fn the_store_spares_a_file_of_the_same_size_and_time_a_second_read_through() {
    let bench = Bench::new().await;
    let first = bench.opened(false).await;
    assert_eq!(first.1, LINES as u64);
    bench.forge();
    assert_eq!(bench.opened(false).await, first, "only reading it through could tell");
    assert_eq!(bench.opened(true).await, first, "with --from-start neither");
    bench.touch();
    let read_through = bench.opened(false).await;
    assert_ne!(read_through.0, first.0, "another time");
    assert_eq!(read_through.1, LINES as u64 + 1);
}
