//! Files with an end.
use super::*;
use crate::FeedStatus;
use flate2::{Compression as Level, write::GzEncoder};
use std::io::Write;
use std::sync::atomic::Ordering;

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Level::default());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

/// A feed of some hundred kilobytes.
pub(super) fn long_feed() -> String {
    let lines = (0..20_000).map(|n| format!("account-{n},{}\n", n * 7));
    std::iter::once("header\n".to_owned()).chain(lines).collect()
}

#[tokio::test]
async fn a_file_is_read_to_its_end_and_named_by_its_content() {
    let bench = Bench::new();
    bench.write("in/a.csv", "h\n1\n2\n");
    let mut source = bench.source("path = \"in/a.csv\"");
    let batches = bench.drain(&mut source).await;
    assert_eq!(records(&batches), ["h>1", "h>2"]);
    let hash = blake3::hash(b"h\n1\n2\n").to_hex();
    assert_eq!(bench.memory.partitions(), [format!("s/a.csv@{}", &hash[..16])]);
    assert_eq!(batches.last().unwrap().to, Progress::End);
    let feed = bench.memory.feed("a.csv");
    assert_eq!((feed.status, feed.size, feed.survey.records), (FeedStatus::Coming, Some(6), 2));
    assert_eq!(source.standing(), Standing { ended: 1, ..Standing::default() });
    assert!(matches!(source.next_batch(&LIMIT).await, Ok(Next::End)), "the end stays the end");
}

#[tokio::test]
async fn gzip_and_zstd_give_what_plain_gives_by_content_or_by_name() {
    let feed = long_feed();
    let plain = Bench::new();
    plain.write("a.csv", &feed);
    let expected = plain.run().await;
    assert_eq!(expected.len(), 20_000);
    let zstd = zstd::encode_all(feed.as_bytes(), 1).unwrap();
    let two_members = [gzip(&feed.as_bytes()[..1000]), gzip(&feed.as_bytes()[1000..])].concat();
    for (name, packed) in [
        ("a.csv.gz", gzip(feed.as_bytes())),
        ("a.csv", zstd.clone()),
        ("a.csv.ZST", zstd),
        ("a", two_members),
    ] {
        let bench = Bench::new();
        bench.write(name, packed);
        assert_eq!(bench.run().await, expected, "{name}");
        let stem = name.strip_suffix(".gz").or(name.strip_suffix(".ZST")).unwrap_or(name);
        assert_eq!(*bench.layout.names.lock().unwrap(), [stem], "a layout sees the name without the suffix");
    }
}

#[tokio::test]
async fn a_run_that_stops_after_any_batch_is_gone_on_with_by_the_next() {
    let feed = gzip(long_feed().as_bytes());
    let small = BatchLimit { records: 1500, bytes: 1 << 16, wait: WAIT };
    let whole = Bench::new();
    whole.write("a.csv.gz", &feed);
    let expected = records(&whole.drain_in(&mut whole.source("path = \".\""), &small).await);
    let bench = Bench::new();
    bench.write("a.csv.gz", &feed);
    let mut got = Vec::new();
    // Each run reads one batch and is dropped in the middle of the next.
    loop {
        let mut source = bench.source("path = \".\"");
        let Next::Batch(batch) = source.next_batch(&small).await.unwrap() else { break };
        bench.memory.commit(&batch);
        got.push(batch);
        let _ = tokio::time::timeout(Duration::ZERO, source.next_batch(&small)).await;
    }
    assert!(got.len() > 10, "{} runs", got.len());
    assert_eq!(records(&got), expected);
}

#[tokio::test]
async fn a_call_that_is_given_up_loses_nothing() {
    let bench = Bench::new();
    bench.write("a.csv", long_feed());
    bench.write("b.csv", "h\n1\n");
    let small = BatchLimit { records: 1500, bytes: 1 << 16, wait: WAIT };
    let mut source = bench.source("path = \".\"");
    let mut batches = Vec::new();
    let mut given_up = 0;
    loop {
        // Polled once and dropped: whatever it waits for, it waits for in vain.
        let mut once = Box::pin(source.next_batch(&small));
        match std::future::poll_fn(|cx| std::task::Poll::Ready(once.as_mut().poll(cx))).await {
            std::task::Poll::Pending => given_up += 1,
            std::task::Poll::Ready(Ok(Next::Batch(batch))) => {
                bench.memory.commit(&batch);
                batches.push(batch);
            }
            std::task::Poll::Ready(Ok(_)) => break,
            std::task::Poll::Ready(Err(e)) => panic!("{e}"),
        }
        drop(once);
        tokio::task::yield_now().await;
    }
    assert!(given_up > 5);
    assert_eq!(records(&batches).len(), 20_001);
}

#[tokio::test]
async fn files_of_a_folder_come_in_natural_order_and_hidden_ones_do_not_come() {
    let bench = Bench::new();
    for name in ["day-10.csv", "day-9.csv", "day-1.csv", ".day-2.csv", "below/day-3.csv"] {
        bench.write(name, format!("{name}\n1\n"));
    }
    assert_eq!(bench.run().await, ["day-1.csv>1", "day-9.csv>1", "day-10.csv>1"]);
    let again = Bench { memory: Arc::default(), ..bench };
    let all = again.drain(&mut again.source("path = \".\"\nrecursive = true")).await;
    assert_eq!(records(&all), ["below/day-3.csv>1", "day-1.csv>1", "day-9.csv>1", "day-10.csv>1"]);
}

#[tokio::test]
async fn a_glob_names_files_below_its_root_and_a_star_stays_in_its_folder() {
    let bench = Bench::new();
    for name in ["in/a/1.csv", "in/b/2.csv", "in/b/c/3.csv", "in/b/4.txt"] {
        bench.write(name, format!("{name}\n1\n"));
    }
    let read = async |path: &str| {
        let bench =
            Bench { folder: tempfile::tempdir().unwrap(), memory: Arc::default(), layout: Arc::default() };
        let keys = format!("path = \"{path}\"");
        let found = records(&bench.drain(&mut bench.source(&keys)).await);
        (
            found,
            bench
                .memory
                .partitions()
                .iter()
                .map(|p| p.split('@').next().unwrap().to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let root = bench.path().display();
    assert_eq!(read(&format!("{root}/in/*/*.csv")).await.1, ["s/a/1.csv", "s/b/2.csv"]);
    assert_eq!(read(&format!("{root}/in/b/**/*.csv")).await.0, ["in/b/2.csv>1", "in/b/c/3.csv>1"]);
}

#[tokio::test]
async fn the_same_content_twice_is_one_feed_in_two_partitions() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    bench.write("b.csv", "h\n1\n");
    let batches = bench.drain(&mut bench.source("path = \".\"")).await;
    assert_eq!(records(&batches), ["h>1", "h>1"]);
    assert_eq!(bench.memory.partitions().len(), 2);
    let keys: std::collections::HashSet<_> = batches.iter().map(|b| b.feed.key).collect();
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn what_stands_at_its_end_is_not_read_again() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    bench.write("b.csv", "h\n2\n");
    assert_eq!(bench.run().await.len(), 2);
    assert_eq!(bench.layout.surveys.load(Ordering::Relaxed), 2);
    let mut again = bench.source("path = \".\"");
    assert!(bench.drain(&mut again).await.is_empty());
    assert_eq!(again.standing(), Standing { ended: 2, unchanged: 2, ..Standing::default() });
    assert_eq!(bench.layout.surveys.load(Ordering::Relaxed), 2, "neither was read through");
    // Touched: read through once more, found to be the same, and then known by its new time.
    let touched = fs::File::options().append(true).open(bench.path().join("a.csv")).unwrap();
    touched.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(bench.run().await.is_empty());
    assert_eq!(bench.layout.surveys.load(Ordering::Relaxed), 3);
    assert!(bench.run().await.is_empty());
    assert_eq!(bench.layout.surveys.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_changed_file_is_another_partition_and_another_feed() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    let first = bench.drain(&mut bench.source("path = \".\"")).await;
    bench.write("a.csv", "h\n1\n22\n");
    let second = bench.drain(&mut bench.source("path = \".\"")).await;
    assert_eq!(records(&second), ["h>1", "h>22"]);
    assert_ne!(first[0].feed.key, second[0].feed.key);
    assert_ne!(first[0].partition.id, second[0].partition.id);
}

#[tokio::test]
async fn a_file_changed_while_it_is_streamed_never_comes_to_its_end() {
    let bench = Bench::new();
    bench.write("a.csv", long_feed());
    let small = BatchLimit { records: 1500, bytes: 1 << 16, wait: WAIT };
    let mut source = bench.source("path = \".\"");
    assert!(matches!(source.next_batch(&small).await, Ok(Next::Batch(_))));
    // Same size and same time, other bytes: only the hash can tell.
    let file = fs::File::options().write(true).open(bench.path().join("a.csv")).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"9", 200_000).unwrap();
    file.set_modified(modified).unwrap();
    let error = loop {
        match source.next_batch(&small).await {
            Ok(Next::Batch(batch)) => assert_ne!(batch.to, Progress::End),
            Ok(other) => panic!("{other:?}"),
            Err(e) => break e,
        }
    };
    assert!(
        matches!(&error, SourceError::Transient(text) if text.contains("was changed while it was read")),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_written_to_while_it_is_read_through_is_read_later() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n1\n");
    let path = bench.path().join("a.csv");
    *bench.layout.meanwhile.lock().unwrap() = Some(Box::new(move || fs::write(&path, "h\n1\n2\n").unwrap()));
    let error = bench.error("path = \".\"").await;
    assert!(
        matches!(&error, SourceError::Transient(text) if text.contains("a.csv was written to")),
        "{error}"
    );
    assert!(bench.memory.partitions().is_empty());
}

#[tokio::test]
async fn a_file_without_a_byte_is_told_once_and_read_when_it_has_some() {
    for (name, content) in [("a.csv", Vec::new()), ("a.csv.gz", gzip(b"")), ("b.csv.gz", Vec::new())] {
        let bench = Bench::new();
        bench.write(name, &content);
        let mut source = bench.source("path = \".\"");
        let batches = bench.drain(&mut source).await;
        assert_eq!((batches.len(), batches[0].records.len(), batches[0].to), (1, 0, Progress::End), "{name}");
        let refused = &batches[0].refused[0];
        assert_eq!((refused.code, batches[0].refused.len()), ("empty_feed", 1), "{name}");
        assert!(refused.text.starts_with(name), "{}", refused.text);
        assert_eq!((source.standing().ended, source.standing().refused), (1, 1));
        assert!(bench.run().await.is_empty());
        assert_eq!(bench.memory.partitions().len(), 1, "{name}: told once");
        bench.write(name, gzip(b"h\n1\n"));
        assert_eq!(bench.run().await, ["h>1"], "{name}");
    }
}

#[tokio::test]
async fn a_control_count_that_disagrees_makes_the_feed_wait_as_a_whole() {
    let bench = Bench::new();
    bench.write("good.csv", "h\n1\n2\n#2\n");
    bench.write("bad.csv", "h\n1\n2\n#3\n");
    let batches = bench.drain(&mut bench.source("path = \".\"")).await;
    assert_eq!(batches.iter().map(|b| b.feed.gated).collect::<Vec<_>>(), [true, false]);
    assert_eq!(records(&batches).len(), 4, "its facts are stored all the same");
    assert_eq!(bench.memory.feed("bad.csv").status, FeedStatus::Waiting);
    assert_eq!(bench.memory.feed("good.csv").status, FeedStatus::Coming);
}

#[tokio::test]
async fn a_path_that_matches_nothing_is_an_error_that_names_it() {
    let bench = Bench::new();
    bench.write("a.csv", "h\n");
    for path in ["b.csv", "*.txt", "folder/", "none/**/*.csv"] {
        let error = bench.error(&format!("path = [\"a.csv\", \"{path}\"]")).await;
        let SourceError::Fatal(text) = &error else { panic!("{error}") };
        assert!(
            text.contains(&format!("nothing matches `{path}`")) && text.contains("watch = true"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_no_layout_knows_is_refused_once_and_the_others_are_read() {
    let bench = Bench::new();
    bench.write("1.csv", "?what\n");
    bench.write("2.csv", "h\n1\n");
    let mut source = bench.source("path = \".\"");
    let batches = bench.drain(&mut source).await;
    assert_eq!(records(&batches), ["h>1"]);
    let refused = &batches[0].refused[0];
    assert_eq!((refused.code, &*refused.text), ("unknown_layout", "no vendor knows 1.csv"));
    assert_eq!((&refused.raw[..], refused.length), (&b"?what\n"[..], 6));
    assert_eq!((&*batches[0].feed.vendor, batches[0].to), ("unknown", Progress::End));
    assert_eq!(source.standing(), Standing { ended: 2, refused: 1, ..Standing::default() });
    let mut again = bench.source("path = \".\"");
    assert!(bench.drain(&mut again).await.is_empty());
    assert_eq!(again.standing(), Standing { ended: 2, unchanged: 2, ..Standing::default() });
}

#[tokio::test]
async fn what_was_refused_is_read_once_a_layout_knows_it() {
    let bench = Bench::new();
    bench.write("1.csv", "?what\n1\n");
    assert!(bench.run().await.is_empty());
    // A vendor is added; nothing else changes.
    bench.layout.knows_all.store(true, Ordering::Relaxed);
    assert_eq!(bench.run().await, ["?what>1"]);
    assert!(bench.run().await.is_empty());
}

#[tokio::test]
async fn a_damaged_archive_is_refused_as_a_whole_with_the_reason() {
    let packed = gzip(long_feed().as_bytes());
    let cases = [
        ("cut.csv.gz", packed[..packed.len() / 2].to_vec(), "truncated", "ends in the middle"),
        ("no.csv.gz", b"header\n1\n2\n3\n4\n".to_vec(), "compression", "is no sound Gzip file"),
        ("no.csv.zst", b"header\n1\n2\n3\n4\n".to_vec(), "compression", "is no sound Zstd file"),
    ];
    for (name, content, code, text) in cases {
        let bench = Bench::new();
        bench.write(name, &content);
        let batches = bench.drain(&mut bench.source("path = \".\"")).await;
        let refused = &batches[0].refused[0];
        assert_eq!((batches.len(), refused.code, refused.length), (1, code, content.len() as u64), "{name}");
        assert!(refused.text.contains(text) && refused.text.contains(name), "{}", refused.text);
    }
}

#[tokio::test]
async fn an_unreadable_file_is_refused_by_name_and_the_others_are_read() {
    let bench = Bench::new();
    // A link to itself cannot be read by anybody, not even by root.
    std::os::unix::fs::symlink("loop.csv", bench.path().join("loop.csv")).unwrap();
    bench.write("ok.csv", "h\n1\n");
    let batches = bench.drain(&mut bench.source("path = \".\"")).await;
    assert_eq!(records(&batches), ["h>1"]);
    let refused = &batches[0].refused[0];
    assert_eq!(refused.code, "unreadable");
    assert!(refused.text.starts_with("loop.csv cannot be read: "), "{}", refused.text);
    assert!(bench.run().await.is_empty(), "told once");
    fs::remove_file(bench.path().join("loop.csv")).unwrap();
    bench.write("loop.csv", "h\n2\n");
    assert_eq!(bench.run().await, ["h>2"], "read when it can be");
}

#[tokio::test]
async fn standard_input_is_a_file_known_by_its_content() {
    let bench = Bench::new();
    let batches = bench.drain(&mut bench.stdin(b"h\n1\n2")).await;
    assert_eq!(records(&batches), ["h>1", "h>2"], "the last line counts without its end");
    let hash = blake3::hash(b"h\n1\n2").to_hex();
    assert_eq!(bench.memory.partitions(), [format!("s/stdin@{}", &hash[..16])]);
    assert!(bench.drain(&mut bench.stdin(b"h\n1\n2")).await.is_empty(), "the same again is known");
    assert_eq!(records(&bench.drain(&mut bench.stdin(b"h\n3\n")).await), ["h>3"]);
}

#[tokio::test]
async fn two_files_of_one_name_below_their_roots_are_told_apart_by_the_user() {
    let bench = Bench::new();
    bench.write("x/a.csv", "h\n1\n");
    bench.write("y/a.csv", "h\n2\n");
    let error = bench.error("path = [\"x\", \"y\"]").await;
    assert!(error.to_string().contains("same name"), "{error}");
    let once = bench.drain(&mut bench.source("path = [\"x\", \"x/a.csv\"]")).await;
    assert_eq!(records(&once), ["h>1"], "a file two paths match is read once");
}

#[test]
fn keys_that_mean_nothing_are_refused() {
    let parse = |keys: &str| toml::from_str::<FileConfig>(keys).map_err(|e| e.to_string());
    for (keys, part) in [
        ("path = \"a\"\nwacth = true", "unknown field `wacth`"),
        ("path = []", "`path` is empty"),
        ("path = \"\"", "`path` is empty"),
        ("path = 7", "`path` must be a text or a list"),
        ("path = \"a\"\npoll = \"soon\"", "`soon` is no time to wait"),
        ("path = \"a\"\npoll = \"0s\"", "at least 10ms"),
        ("path = \"a\"\narrival = \"ctime\"", "unknown variant `ctime`"),
    ] {
        let error = parse(keys).unwrap_err();
        assert!(error.contains(part), "{keys}: {error}");
    }
    let of = |keys: &str| {
        let layouts = Arc::new(Shared(Arc::default()));
        let memory = Arc::new(Memory::default());
        FileSource::new("s", parse(keys).unwrap(), "/", layouts, memory).err().map(|e| e.to_string())
    };
    assert!(of("path = \"a[\"").unwrap().contains("`a[` is no glob"));
    assert!(of("path = \"-\"\nwatch = true").unwrap().contains("standard input"));
    assert_eq!(of("path = \"a\"\npoll = \"1m 30s\""), None);
    assert!(parse("path = [\"a\", \"-\"]").unwrap().check().unwrap_err().contains("standard input"));
}
