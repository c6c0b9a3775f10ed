//! Files that are not read through a second time, and those that are.
use super::ended::{gzip, long_feed};
use super::*;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

const SMALL: BatchLimit = BatchLimit { records: 1500, bytes: 1 << 16, wait: WAIT };

impl Bench {
    /// Reads one batch and is gone, as a process that dies.
    async fn read_a_part(&self) -> RawBatch {
        let mut source = self.source("path = \".\"");
        let Next::Batch(batch) = source.next_batch(&SMALL).await.unwrap() else { panic!("no batch") };
        self.memory.commit(&batch);
        assert_ne!(batch.to, Progress::End);
        batch
    }

    async fn half_read(name: &str, content: &[u8]) -> (Bench, RawBatch) {
        let bench = Bench::new();
        bench.write(name, content);
        let first = bench.read_a_part().await;
        assert_eq!(bench.surveys(), 1);
        (bench, first)
    }

    fn surveys(&self) -> usize {
        self.layout.surveys.load(Ordering::Relaxed)
    }

    fn open(&self, name: &str) -> File {
        File::options().write(true).open(self.path().join(name)).unwrap()
    }

    /// Other bytes, of the same size and time.
    fn forge(&self, name: &str) {
        let file = self.open(name);
        let modified = file.metadata().unwrap().modified().unwrap();
        file.write_all_at(b"9", 200_000).unwrap();
        file.set_modified(modified).unwrap();
    }

    /// All partitions set back to their start, as `--from-start` does.
    fn rewind(&self) {
        self.memory.checkpoints.lock().unwrap().values_mut().for_each(|p| *p = Progress::Start);
    }
}

#[tokio::test]
async fn a_file_half_read_is_not_read_through_again() {
    let feed = format!("{}#20000\n", long_feed());
    let zstd = zstd::encode_all(feed.as_bytes(), 1).unwrap();
    for (name, content) in
        [("a.csv", feed.clone().into_bytes()), ("a.csv.gz", gzip(feed.as_bytes())), ("a.csv.zst", zstd)]
    {
        let (bench, first) = Bench::half_read(name, &content).await;
        let told = bench.memory.feed(name);
        assert_eq!((told.survey.records, told.survey.declared), (20_000, Some(20_000)));
        let mut batches = vec![first];
        let mut source = bench.source("path = \".\"");
        batches.extend(bench.drain(&mut source).await);
        assert_eq!(bench.surveys(), 1, "{name}");
        assert_eq!(bench.memory.feed(name), told, "{name}: the feed is opened as it was");
        assert_eq!(records(&batches).len(), 20_000, "{name}");
        assert_eq!(batches.last().unwrap().to, Progress::End);
    }
}

#[tokio::test]
async fn the_progress_of_a_spared_file_has_its_whole_length() {
    let feed = long_feed();
    let (bench, _) = Bench::half_read("a.csv.gz", &gzip(feed.as_bytes())).await;
    let mut source = bench.source("path = \".\"");
    assert!(matches!(source.next_batch(&SMALL).await, Ok(Next::Batch(_))));
    assert_eq!(source.standing().open[0].total, Some(feed.len() as u64));
    assert_eq!(bench.surveys(), 1);
}

#[tokio::test]
async fn a_file_set_back_to_its_start_is_read_but_not_through() {
    let bench = Bench::new();
    bench.write("good.csv", "h\n1\n2\n#2\n");
    bench.write("bad.csv", "h\n1\n2\n#3\n");
    let of = |batches: &[RawBatch]| {
        let gated: Vec<bool> = batches.iter().map(|b| b.feed.gated).collect();
        (records(batches), gated)
    };
    let first = of(&bench.drain(&mut bench.source("path = \".\"")).await);
    assert_eq!(first.1, [true, false]);
    bench.rewind();
    assert_eq!(of(&bench.drain(&mut bench.source("path = \".\"")).await), first);
    assert_eq!(bench.surveys(), 2);
}

#[tokio::test]
async fn another_mapping_reads_through_again() {
    let (bench, _) = Bench::half_read("a.csv", long_feed().as_bytes()).await;
    bench.layout.version.store(2, Ordering::Relaxed);
    bench.read_a_part().await;
    assert_eq!(bench.surveys(), 2, "another version");
    bench.layout.hash.store(2, Ordering::Relaxed);
    bench.read_a_part().await;
    assert_eq!(bench.surveys(), 3, "another text");
    bench.read_a_part().await;
    assert_eq!(bench.surveys(), 3, "and what that told is kept");
}

#[tokio::test]
async fn another_record_limit_or_compression_reads_through_again() {
    let (bench, _) = Bench::half_read("a.csv", long_feed().as_bytes()).await;
    for (keys, surveys) in [
        ("path = \".\"\ncompression = \"none\"", 1), // as it was found to be
        ("path = \".\"\nrecord_limit = 1000", 2),
    ] {
        let mut source = bench.source(keys);
        assert!(matches!(source.next_batch(&SMALL).await, Ok(Next::Batch(_))));
        assert_eq!(bench.surveys(), surveys, "{keys}");
    }
}

#[tokio::test]
async fn another_size_or_time_reads_through_again() {
    let (bench, first) = Bench::half_read("a.csv", long_feed().as_bytes()).await;
    bench.open("a.csv").set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(bench.read_a_part().await.partition.id, first.partition.id, "found to be the same");
    assert_eq!(bench.surveys(), 2);
    bench.append("a.csv", "one,1\n");
    bench.open("a.csv").set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let batches = bench.drain(&mut bench.source("path = \".\"")).await;
    assert_eq!(bench.surveys(), 3);
    assert_eq!(records(&batches).len(), 20_001, "another file, from its start");
}

#[tokio::test]
async fn what_was_kept_and_is_damaged_reads_through_again() {
    let damages: [fn(&mut FeedInfo); 4] = [
        |f| f.read_through.as_mut().unwrap()[30] ^= 4,
        |f| f.read_through.as_mut().unwrap().truncate(60),
        |f| f.read_through = Some(Vec::new()),
        |f| f.read_through = None,
    ];
    for (i, damage) in damages.into_iter().enumerate() {
        let (bench, first) = Bench::half_read("a.csv", long_feed().as_bytes()).await;
        let told = bench.memory.feed("a.csv");
        damage(bench.memory.feeds.lock().unwrap().last_mut().unwrap());
        let mut batches = vec![first];
        batches.extend(bench.drain(&mut bench.source("path = \".\"")).await);
        assert_eq!(bench.surveys(), 2, "damage {i}");
        assert_eq!(bench.memory.feed("a.csv"), told, "damage {i}: kept anew");
        assert_eq!(records(&batches).len(), 20_000);
    }
}

#[tokio::test]
async fn a_file_that_only_looks_the_same_is_found_out_and_read_as_what_it_is() {
    let (bench, first) = Bench::half_read("a.csv", long_feed().as_bytes()).await;
    bench.forge("a.csv");
    let mut source = bench.source("path = \".\"");
    let error = loop {
        match source.next_batch(&SMALL).await {
            Ok(Next::Batch(batch)) => assert_ne!(batch.to, Progress::End),
            Ok(other) => panic!("{other:?}"),
            Err(e) => break e,
        }
    };
    assert!(error.to_string().contains("it is read again as what it is now"), "{error}");
    assert_eq!(bench.surveys(), 1);
    // The generation that follows does not fall for it a second time.
    let second = bench.read_a_part().await;
    assert_eq!(bench.surveys(), 2);
    assert_ne!(second.partition.id, first.partition.id);
    let mut batches = vec![second];
    batches.extend(bench.drain(&mut bench.source("path = \".\"")).await);
    assert_eq!((bench.surveys(), records(&batches).len()), (2, 20_000), "and what it is now is kept");
}

#[tokio::test]
async fn of_two_contents_of_one_size_and_time_neither_is_taken_for_granted() {
    let (bench, _) = Bench::half_read("a.csv", long_feed().as_bytes()).await;
    bench.forge("a.csv");
    bench.open("a.csv").set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let second = bench.read_a_part().await;
    assert_eq!(bench.surveys(), 2);
    for feed in bench.memory.feeds.lock().unwrap().iter_mut() {
        feed.modified = Some(0);
    }
    assert_eq!(bench.read_a_part().await.partition.id, second.partition.id);
    assert_eq!(bench.surveys(), 3);
}

#[tokio::test]
async fn standard_input_is_never_spared() {
    let bench = Bench::new();
    for n in 1..=2 {
        bench.drain(&mut bench.stdin(b"h\n1\n2\n")).await;
        assert_eq!((bench.surveys(), bench.memory.feed("stdin").read_through), (n, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stood_still_is_spared_while_watching_too() {
    let (bench, first) = Bench::half_read("a.csv", long_feed().as_bytes()).await;
    let keys = "path = \".\"\nwatch = true\ngrows = false\npoll = \"1s\"";
    let mut source = bench.source(keys);
    let mut batches = vec![first];
    while records(&batches).len() < 20_000 {
        batches.extend(bench.drain(&mut source).await);
    }
    assert_eq!(bench.surveys(), 1);
}
