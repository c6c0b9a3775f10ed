//! Buckets that keep versions.
use super::*;

fn version(bench: &Bench, name: &str) -> Option<String> {
    bench.memory.feed(name).version.as_deref().map(str::to_owned)
}

#[tokio::test]
async fn a_feed_keeps_the_version_of_its_object_and_a_bucket_without_versions_says_none() {
    let bench = Bench::new();
    bench.bucket.put_version("a.csv", "v1", "h\n1\n");
    bench.bucket.put("b.csv", "h\n2\n");
    bench.bucket.put_version("unknown.csv", "v7", "?");
    assert_eq!(bench.run().await, ["1", "2"]);
    assert_eq!(
        ["a.csv", "b.csv", "unknown.csv"].map(|name| version(&bench, name)),
        [Some("v1"), None, Some("v7")].map(|v| v.map(str::to_owned))
    );
}

#[tokio::test]
async fn new_bytes_in_a_new_version_are_a_new_feed_and_the_same_bytes_are_unchanged() {
    let bench = Bench::new();
    bench.bucket.put_version("a.csv", "v1", "h\n1\n");
    assert_eq!(bench.run().await, ["1"]);
    bench.bucket.put_version("a.csv", "v2", "h\n1\n");
    let mut source = bench.source(config("", None));
    assert!(bench.drain(&mut source).await.is_empty());
    assert_eq!((source.standing().unchanged, version(&bench, "a.csv").as_deref()), (1, Some("v1")));
    bench.bucket.put_version("a.csv", "v3", "h\n2\n");
    assert_eq!(bench.run().await, ["2"]);
    assert_eq!(version(&bench, "a.csv").as_deref(), Some("v3"));
    let of_a = bench
        .memory
        .feeds
        .lock()
        .unwrap()
        .iter()
        .filter(|f| &*f.name == "a.csv")
        .map(|f| f.hash)
        .collect::<HashSet<_>>();
    assert_eq!(of_a.len(), 2, "a feed each");
}
