//! Files that appear and grow. Time is paused: a wait takes none, and ends when nothing else is left to do.
use super::*;
use crate::FeedStatus;

const WATCH: &str = "path = \"*\"\nwatch = true\npoll = \"1s\"";

fn marks(bench: &Bench) -> Vec<String> {
    bench.memory.partitions().iter().map(|p| p.split('@').nth(1).unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn growth_is_read_and_half_a_line_is_no_record() {
    let bench = Bench::new();
    let mut source = bench.source(WATCH);
    assert!(bench.drain(&mut source).await.is_empty(), "a folder without files is no error while watching");
    bench.write("a.csv", "h\n1\nha");
    assert_eq!(records(&bench.drain(&mut source).await), ["h>1"]);
    bench.append("a.csv", "lf");
    assert!(bench.drain(&mut source).await.is_empty());
    bench.append("a.csv", "\n2\n");
    let batches = bench.drain(&mut source).await;
    assert_eq!(records(&batches), ["h>half", "h>2"]);
    assert!(!batches[0].feed.ends && batches[0].feed.hash.is_none());
    assert_eq!(bench.memory.feed("a.csv").status, FeedStatus::Open);
    assert_eq!(marks(&bench), [format!("grow-{}", &blake3::hash(b"h\n1\n").to_hex()[..16])]);
    let standing = source.standing();
    assert_eq!((standing.open[0].offset, standing.open[0].at_end), (11, true));
}

#[tokio::test(start_paused = true)]
async fn a_look_comes_once_a_poll_and_idle_within_the_wait_of_the_caller() {
    let bench = Bench::new();
    let mut source = bench.source("path = \"*\"\nwatch = true\npoll = \"1m\"");
    let start = Instant::now();
    assert!(matches!(source.next_batch(&LIMIT).await, Ok(Next::Idle)));
    assert_eq!((Instant::now() - start).as_millis(), WAIT.as_millis());
    bench.write("a.csv", "h\n1\n");
    while matches!(source.next_batch(&LIMIT).await, Ok(Next::Idle)) {}
    let took = Instant::now() - start;
    assert!(took >= Duration::from_secs(60) && took < Duration::from_secs(62), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_growing_file_is_gone_on_with_by_the_next_run() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2\n");
    assert_eq!(records(&bench.drain(&mut bench.source(WATCH)).await), ["h>1", "h>2"]);
    bench.append("a.csv", "3\n");
    assert_eq!(records(&bench.drain(&mut bench.source(WATCH)).await), ["h>3"]);
    assert_eq!(marks(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_file_is_a_new_partition_even_under_the_same_header() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2\n");
    let mut source = bench.source(WATCH);
    assert_eq!(records(&bench.drain(&mut source).await).len(), 2);
    bench.write("a.csv", "h\n7\n8\n9\n");
    assert_eq!(records(&bench.drain(&mut source).await), ["h>7", "h>8", "h>9"]);
    bench.append("a.csv", "10\n");
    assert_eq!(records(&bench.drain(&mut source).await), ["h>10"]);
    bench.write("a.csv", "h\n5\n5\n5\n5\n5\n5\n");
    assert_eq!(records(&bench.drain(&mut bench.source(WATCH)).await).len(), 6, "and while nobody looked");
    assert_eq!(marks(&bench).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_file_cut_short_is_read_from_its_start_as_a_new_partition() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n2\n3\n");
    let mut source = bench.source(WATCH);
    assert_eq!(records(&bench.drain(&mut source).await).len(), 3);
    bench.write("a.csv", "h\n1\n");
    assert_eq!(records(&bench.drain(&mut source).await), ["h>1"]);
    // The next run goes on with the later of the two, and cut short again while nobody looked it is a third.
    bench.append("a.csv", "4\n");
    assert_eq!(records(&bench.drain(&mut bench.source(WATCH)).await), ["h>4"]);
    bench.write("a.csv", "h\n1\n");
    assert_eq!(records(&bench.drain(&mut bench.source(WATCH)).await), ["h>1"]);
    let base = format!("grow-{}", &blake3::hash(b"h\n1\n").to_hex()[..16]);
    assert_eq!(marks(&bench), [base.clone(), format!("{base}-2"), format!("{base}-3")]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_goes_and_comes_back_keeps_its_lease_and_its_place() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    let mut source = bench.source(WATCH);
    assert_eq!(records(&bench.drain(&mut source).await), ["h>1"]);
    fs::rename(bench.path().join("a.csv"), bench.path().join(".a.csv")).unwrap();
    assert!(bench.drain(&mut source).await.is_empty());
    fs::rename(bench.path().join(".a.csv"), bench.path().join("a.csv")).unwrap();
    bench.append("a.csv", "2\n");
    assert_eq!(records(&bench.drain(&mut source).await), ["h>2"]);
    assert_eq!(bench.memory.grants.lock().unwrap().values().copied().collect::<Vec<_>>(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_file_has_no_partition_before_its_first_record() {
    let bench = Bench::new();
    bench.write("a.csv", "");
    let mut source = bench.source(WATCH);
    assert!(bench.drain(&mut source).await.is_empty(), "what may grow is not told of as empty");
    bench.write("a.csv", "header");
    assert!(bench.drain(&mut source).await.is_empty());
    bench.append("a.csv", "\n");
    assert!(bench.drain(&mut source).await.is_empty());
    assert!(bench.memory.partitions().is_empty());
    bench.append("a.csv", "1\n");
    assert_eq!(records(&bench.drain(&mut source).await), ["header>1"]);
}

#[tokio::test(start_paused = true)]
async fn what_no_layout_knows_is_refused_once_however_it_grows() {
    let bench = Bench::new();
    bench.write("a.csv", "?what\n1\n");
    let mut source = bench.source(WATCH);
    let batches = bench.drain(&mut source).await;
    assert_eq!((batches.len(), batches[0].refused[0].code), (1, "unknown_layout"));
    bench.append("a.csv", "2\n");
    assert!(bench.drain(&mut source).await.is_empty());
    assert!(bench.drain(&mut bench.source(WATCH)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn files_that_do_not_grow_are_read_when_they_stand_still() {
    let bench = Bench::new();
    let keys = format!("{WATCH}\ngrows = false");
    let mut source = bench.source(&keys);
    bench.write("a.csv", "h\n1");
    let first = source.next_batch(&LIMIT).await.unwrap();
    assert!(matches!(&first, Next::Batch(b) if b.feed.ends && b.to == Progress::End), "{first:?}");
    let Next::Batch(first) = first else { unreachable!() };
    bench.memory.commit(&first);
    assert_eq!(records(&[first]), ["h>1"]);
    let patient = BatchLimit { wait: Duration::from_secs(5), ..LIMIT };
    bench.write("b.csv", "h\n2\n");
    assert_eq!(records(&bench.drain_in(&mut source, &patient).await), ["h>2"]);
    // Changed: another feed, and what stands at its end is left alone by the next run.
    bench.write("a.csv", "h\n1\n3\n");
    assert_eq!(records(&bench.drain_in(&mut source, &patient).await), ["h>1", "h>3"]);
    assert!(bench.drain_in(&mut bench.source(&keys), &patient).await.is_empty());
    assert_eq!(marks(&bench).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_compressed_file_never_grows() {
    let bench = Bench::new();
    bench.write("a.csv.zst", zstd::encode_all(&b"h\n1\n2"[..], 1).unwrap());
    let batches = bench.drain(&mut bench.source(WATCH)).await;
    assert_eq!(records(&batches), ["h>1", "h>2"]);
    assert!(batches[0].feed.ends);
}
