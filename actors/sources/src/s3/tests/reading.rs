//! Listing and reading.
use super::*;
use std::io::Write;

#[tokio::test]
async fn objects_on_all_pages_are_read_in_natural_order_and_folder_markers_are_not() {
    let bench = Bench::new();
    for (key, body) in
        [("in/", ""), ("in/day-10.csv", "h\nten"), ("in/day-9.csv", "h\nnine\n"), ("in/x/a.csv", "h\na\n")]
    {
        bench.bucket.put(key, body);
    }
    bench.bucket.put("out/b.csv", "h\nb\n");
    let mut source = bench.source(config("in/", None));
    assert_eq!(records(&bench.drain(&mut source).await), ["nine", "ten", "a"]);
    assert_eq!(source.standing().ended, 3);
    assert_eq!(bench.bucket.asked().iter().filter(|a| *a == "LIST").count(), 2, "four keys, two a page");
    let day = format!("s/day-9.csv@{}", fake::etag(b"h\nnine\n"));
    assert!(bench.memory.partitions().contains(&day), "{:?}", bench.memory.partitions());
    let feed = bench.memory.feed("day-9.csv");
    assert_eq!((feed.size, feed.modified), (Some(7), Some(1_445_412_480_000_000)));
    let matched = bench.source(config("in/", Some("*.csv"))).standing();
    assert_eq!(matched, Standing::default());
}

#[tokio::test]
async fn the_same_object_again_is_unchanged_without_asking_for_it() {
    let bench = Bench::new();
    bench.bucket.put("a.csv", "h\n1\n");
    assert_eq!(bench.run().await, ["1"]);
    bench.bucket.asked();
    let mut source = bench.source(config("", None));
    assert!(bench.drain(&mut source).await.is_empty());
    assert_eq!((source.standing().ended, source.standing().unchanged), (1, 1));
    assert_eq!(bench.bucket.asked(), ["LIST"]);
    bench.bucket.put("a.csv", "h\n1\n2\n");
    assert_eq!(bench.run().await, ["1", "2"], "another content is another partition");
}

#[tokio::test]
async fn compressed_objects_are_known_by_their_bytes_or_name() {
    let bench = Bench::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"h\ngz\n").unwrap();
    bench.bucket.put("a.csv.gz", gzip.finish().unwrap());
    bench.bucket.put("b.csv", zstd::encode_all(&b"h\nzst\n"[..], 1).unwrap());
    assert_eq!(bench.run().await, ["gz", "zst"]);
    assert_eq!(*bench.layout.names.lock().unwrap(), ["a.csv", "b.csv"]);
}

#[tokio::test]
async fn a_body_that_breaks_off_goes_on_with_a_range_from_the_byte_reached() {
    let bench = Bench::new();
    let (text, lines) = long(20_000);
    bench.bucket.put("a.csv", &text);
    // The read-through breaks off twice, the reading once.
    bench.bucket.state.lock().unwrap().cuts = vec![70_000, 5_000, usize::MAX, 100_000];
    assert_eq!(bench.run().await, lines);
    let asked = bench.bucket.asked();
    let gets: Vec<&str> = asked.iter().filter_map(|a| a.strip_prefix("GET a.csv")).collect();
    assert_eq!(gets, ["", " bytes=70000-", " bytes=75000-", "", " bytes=100000-"]);
}

#[tokio::test]
async fn a_body_that_brings_nothing_is_given_up_after_a_few_tries() {
    let bench = Bench::new();
    bench.bucket.put("a.csv", "h\n1\n");
    bench.bucket.state.lock().unwrap().cuts = vec![0; 100];
    let e = bench.error(bench.source(config("", None))).await;
    assert!(matches!(&e, SourceError::Transient(t) if t.contains("s3://feeds/a.csv broke off")), "{e}");
    assert!(bench.bucket.asked().len() < 10);
    bench.bucket.state.lock().unwrap().cuts.clear();
    assert_eq!(bench.run().await, ["1"], "and is read when it comes");
}

#[tokio::test]
async fn an_object_that_is_half_committed_goes_on_near_that_byte() {
    let bench = Bench::new();
    let (text, lines) = long(30_000);
    bench.bucket.put("a.csv", &text);
    let mut source = bench.source(config("", None));
    let mut read = Vec::new();
    while read.len() < 20_000 {
        let batch = next(&mut source, &SMALL).await.unwrap();
        bench.memory.commit(&batch);
        read.extend(records(&[batch]));
    }
    drop(source);
    bench.layout.skips.store(true, std::sync::atomic::Ordering::Relaxed);
    bench.bucket.asked();
    let surveys = bench.layout.surveys.load(std::sync::atomic::Ordering::Relaxed);
    let range = format!("GET a.csv bytes={}-", 2 + read.len() * 12);
    read.extend(bench.run().await);
    assert_eq!(read, lines);
    assert_eq!(
        bench.layout.surveys.load(std::sync::atomic::Ordering::Relaxed),
        surveys,
        "not read through again"
    );
    let asked = bench.bucket.asked();
    assert_eq!(asked.last(), Some(&range), "{asked:?}");
}

#[tokio::test]
async fn a_layout_that_needs_all_lines_is_read_from_the_start_and_hands_out_the_rest_alone() {
    let bench = Bench::new();
    let (text, lines) = long(30_000);
    bench.bucket.put("a.csv", &text);
    let mut source = bench.source(config("", None));
    let first = next(&mut source, &SMALL).await.unwrap();
    bench.memory.commit(&first);
    let mut read = records(&[first]);
    while read.len() < 20_000 {
        let batch = next(&mut source, &SMALL).await.unwrap();
        bench.memory.commit(&batch);
        read.extend(records(&[batch]));
    }
    drop(source);
    read.extend(bench.run().await);
    assert_eq!(read, lines);
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_told_and_read_as_what_it_is_then() {
    let bench = Bench::new();
    let (text, _) = long(20_000);
    let (other, lines) = long(21_000);
    bench.bucket.put("a.csv", &text);
    {
        let mut state = bench.bucket.state.lock().unwrap();
        // The reading breaks off, and is gone on with when the object is another.
        state.cuts = vec![usize::MAX, 100_000];
        state.replaces = Some((1, "a.csv".into(), other.into_bytes()));
    }
    let e = bench.error(bench.source(config("", None))).await;
    assert!(matches!(&e, SourceError::Transient(t) if t.contains("was replaced by another")), "{e}");
    assert_eq!(bench.run().await, lines);
}

#[tokio::test]
async fn an_object_that_is_replaced_after_it_was_listed_is_read_as_what_it_is() {
    let bench = Bench::new();
    bench.bucket.put("a.csv", "h\n1\n");
    bench.bucket.put("b.csv", "h\n2\n");
    bench.bucket.state.lock().unwrap().replaces = Some((1, "b.csv".into(), b"h\n3\n".to_vec()));
    assert_eq!(bench.run().await, ["1", "3"]);
}

#[tokio::test]
async fn one_unreadable_object_is_one_refused_row_and_the_others_go_on() {
    let bench = Bench::new();
    for key in ["a.csv", "b.csv", "c.csv"] {
        bench.bucket.put(key, format!("h\n{key}\n"));
    }
    bench.bucket.put("d.csv", "?\n");
    bench.bucket.state.lock().unwrap().denied.insert("b.csv".into(), (403, "AccessDenied"));
    let mut source = bench.source(config("", None));
    let batches = bench.drain(&mut source).await;
    assert_eq!(records(&batches), ["a.csv", "c.csv"]);
    let refused: Vec<_> = batches.iter().flat_map(|b| &b.refused).map(|r| (r.code, r.text.clone())).collect();
    assert_eq!(refused.iter().map(|r| r.0).collect::<Vec<_>>(), ["unreadable", "unknown_layout"]);
    assert!(refused[0].1.contains("allow s3:GetObject"), "{refused:?}");
    assert_eq!(source.standing().refused, 2);
    assert!(bench.run().await.is_empty(), "and is told once");
    bench.bucket.state.lock().unwrap().denied.clear();
    assert_eq!(bench.run().await, ["b.csv"], "once it may be read it is");
}

#[tokio::test]
async fn who_watches_finds_what_comes_later_and_reads_again_what_could_not_be_read() {
    let bench = Bench::new();
    bench.bucket.put("a.csv", "h\n1\n");
    bench.bucket.state.lock().unwrap().denied.insert("a.csv".into(), (403, "AccessDenied"));
    let mut source = bench.source(S3Config { watch: true, ..config("", None) });
    assert_eq!(next(&mut source, &LIMIT).await.unwrap().refused.len(), 1);
    bench.bucket.state.lock().unwrap().denied.clear();
    assert_eq!(records(&[next(&mut source, &LIMIT).await.unwrap()]), ["1"]);
    bench.bucket.put("b.csv", "h\n2\n");
    assert_eq!(records(&[next(&mut source, &LIMIT).await.unwrap()]), ["2"]);
}

#[tokio::test]
async fn what_is_wrong_with_the_whole_bucket_stops_the_source_and_says_what_to_do() {
    for (status, code, what) in [
        (404, "NoSuchBucket", "correct `bucket`"),
        (403, "AccessDenied", "allow s3:ListBucket"),
        (301, "PermanentRedirect", "set AWS_REGION to `eu-west-1`"),
        (403, "InvalidAccessKeyId", "AWS_PROFILE"),
    ] {
        let bench = Bench::new();
        bench.bucket.state.lock().unwrap().listing_denied = Some((status, code));
        let e = bench.error(bench.source(config("", None))).await;
        assert!(matches!(&e, SourceError::Fatal(t) if t.contains(what)), "{code}: {e}");
    }
}

#[tokio::test]
async fn a_look_says_how_much_there_is_and_whether_it_may_be_read() {
    let bench = Bench::new();
    bench.bucket.put("a.csv", "h\n1\n");
    bench.bucket.put("b.csv", "h\n22\n");
    let bucket = bench.bucket(&config("", None));
    let good = check::of(&bucket).await.unwrap();
    assert_eq!(good, Outlook { objects: 2, bytes: 9, unreadable: None });
    assert_eq!(bench.bucket.asked(), ["LIST", "HEAD a.csv", "GET a.csv bytes=0-0"]);
    bench.bucket.state.lock().unwrap().denied.insert("a.csv".into(), (403, "AccessDenied"));
    let denied = check::of(&bucket).await.unwrap();
    assert!(denied.unreadable.is_some_and(|why| why.contains("s3:GetObject")));
}
