//! A file keeps the way it was first read: as one that grows, or as a whole.
use super::*;
use std::fs::File;
use std::time::SystemTime;

const WATCH: &str = "path = \".\"\nwatch = true\npoll = \"1s\"";
const ONCE: &str = "path = \".\"";
const WHOLE_FILES: &str = "path = \".\"\nwatch = true\npoll = \"1s\"\ngrows = false";

impl Bench {
    async fn read(&self, keys: &str) -> Vec<String> {
        records(&self.drain(&mut self.source(keys)).await)
    }

    fn touch(&self, name: &str) {
        let file = File::options().write(true).open(self.path().join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    fn set_back(&self) {
        self.memory.checkpoints.lock().unwrap().values_mut().for_each(|p| *p = Progress::Start);
    }

    fn grew(&self) -> Vec<bool> {
        self.memory.partitions().iter().map(|p| p.contains("@grow-")).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_read_as_growing_goes_on_as_growing_without_watch() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2\n");
    assert_eq!(bench.read(WATCH).await, ["h>1", "h>2"]);
    assert!(bench.read(ONCE).await.is_empty());
    bench.append("a.csv", "3\n4");
    let mut source = bench.source(ONCE);
    assert_eq!(records(&bench.drain(&mut source).await), ["h>3"], "a line without its end may still grow");
    assert_eq!((source.standing().ended, source.standing().unchanged), (1, 0));
    bench.append("a.csv", "0\n");
    assert_eq!(bench.read(WATCH).await, ["h>40"]);
    assert_eq!(bench.grew(), [true]);
    assert_eq!(bench.layout.surveys.load(std::sync::atomic::Ordering::Relaxed), 0, "nothing is read through");
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_growing_file_stands_at_its_end_and_the_next_file_is_read() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    bench.read(WATCH).await;
    bench.write("b.csv", "h\n7\n8");
    let mut source = bench.source(ONCE);
    assert_eq!(records(&bench.drain(&mut source).await), ["h>7", "h>8"]);
    let standing = source.standing();
    assert_eq!((standing.ended, standing.unchanged, standing.open), (2, 1, vec![]));
    assert_eq!(bench.grew(), [true, false], "a file that is new is read as the topology says");
}

#[tokio::test(start_paused = true)]
async fn a_file_read_as_growing_goes_on_as_growing_where_files_arrive_whole() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    bench.read(WATCH).await;
    let mut source = bench.source(WHOLE_FILES);
    assert!(bench.drain(&mut source).await.is_empty());
    bench.append("a.csv", "2\n");
    assert_eq!(records(&bench.drain(&mut source).await), ["h>2"]);
    assert_eq!(bench.grew(), [true]);
}

#[tokio::test(start_paused = true)]
async fn a_growing_file_set_back_is_read_as_growing_from_its_start() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2\n");
    bench.read(WATCH).await;
    bench.set_back();
    assert_eq!(bench.read(ONCE).await, ["h>1", "h>2"]);
    assert_eq!(bench.grew(), [true]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_begins_otherwise_than_the_growing_one_is_a_whole() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2\n");
    bench.read(WATCH).await;
    bench.write("a.csv", "h\n5\n6");
    assert_eq!(bench.read(ONCE).await, ["h>5", "h>6"]);
    assert_eq!(bench.grew(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_file_read_as_a_whole_stands_at_its_end_under_watch_touched_or_not() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2");
    assert_eq!(bench.read(ONCE).await, ["h>1", "h>2"]);
    assert!(bench.read(WATCH).await.is_empty());
    bench.touch("a.csv");
    let mut source = bench.source(WATCH);
    assert!(bench.drain(&mut source).await.is_empty());
    assert_eq!((source.standing().ended, source.standing().unchanged), (1, 1));
    assert_eq!(bench.grew(), [false]);
}

#[tokio::test(start_paused = true)]
async fn a_whole_set_back_or_half_read_is_read_on_as_a_whole_under_watch() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2");
    bench.read(ONCE).await;
    bench.set_back();
    assert_eq!(bench.read(WATCH).await, ["h>1", "h>2"]);
    bench.write("b.csv", "h\n3\n4\n5");
    let one = BatchLimit { records: 1, ..LIMIT };
    let Next::Batch(first) = bench.source(ONCE).next_batch(&one).await.unwrap() else { panic!("no batch") };
    bench.memory.commit(&first);
    bench.touch("b.csv");
    assert_eq!(bench.read(WATCH).await, ["h>4", "h>5"]);
    assert_eq!(bench.grew(), [false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_whole_that_has_grown_is_a_growing_file_from_then_on() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    bench.read(ONCE).await;
    bench.append("a.csv", "2\n");
    assert_eq!(bench.read(WATCH).await, ["h>1", "h>2"]);
    assert!(bench.read(ONCE).await.is_empty(), "and keeps that way");
    // The old content again: known as a whole, so it is no file cut short.
    bench.write("a.csv", "h\n1\n");
    bench.touch("a.csv");
    assert!(bench.read(WATCH).await.is_empty());
    assert!(bench.read(ONCE).await.is_empty());
    assert_eq!(bench.grew(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn other_bytes_of_the_size_of_a_whole_are_another_file() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2\n");
    bench.read(ONCE).await;
    bench.write("a.csv", "h\n1\n3\n");
    bench.touch("a.csv");
    assert_eq!(bench.read(WATCH).await, ["h>1", "h>3"]);
    assert_eq!(bench.grew(), [false, true]);
}
