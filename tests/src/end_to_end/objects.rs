//! Objects in S3: the same as the files they were.
use super::aws;
use super::crash::{embedded, start_and_kill};
use super::dietz::{Dietz, Settings, checkout, sqlite, text};
use load_tests::{Feed, Share};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde_json::Value;
use stand_ins::Ministack;
use std::collections::BTreeSet;

/// A bucket called `feeds` on a server of its own, and an independent client.
struct Bucket {
    server: Ministack,
}

impl Bucket {
    fn start() -> Bucket {
        let bucket = Bucket { server: Ministack::start().expect("a stand-in for S3") };
        bucket.aws(&["s3", "mb", "s3://feeds"]);
        bucket
    }

    fn env(&self) -> aws::Env {
        aws::env(&self.server.url())
    }

    fn aws(&self, args: &[&str]) -> String {
        aws::aws(&self.env(), args)
    }

    /// Puts a folder of files below `in/`.
    fn take(&self, dietz: &mut Dietz, folder: &str) {
        let from = dietz.path(folder);
        let from = from.to_str().expect("a path of text");
        self.aws(&["s3", "cp", "--recursive", "--only-show-errors", from, "s3://feeds/in/"]);
        std::fs::remove_dir_all(from).expect("files that go");
        dietz.env = self.env();
    }

    /// One "Object Created" event a line for each object, as EventBridge has them.
    fn events(&self) -> String {
        let listed = self.aws(&["s3api", "list-objects-v2", "--bucket", "feeds", "--output", "json"]);
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let event = |o: &Value| {
            let etag = o["ETag"].as_str().expect("an ETag").trim_matches('"');
            let object =
                serde_json::json!({"key": o["Key"], "size": o["Size"], "etag": etag, "sequencer": "00"});
            let detail = serde_json::json!({"version": "0", "bucket": {"name": "feeds"}, "object": object});
            let event = serde_json::json!({
                "version": "0", "id": o["Key"], "detail-type": "Object Created", "source": "aws.s3",
                "time": "2026-01-09T15:04:05Z", "detail": detail,
            });
            format!("{event}\n")
        };
        listed["Contents"].as_array().expect("objects").iter().map(event).collect()
    }
}

const FILES: &str =
    "type = \"file\"\npath = \"codecs/samples/feeds\"     # a folder: every file in it, in order of name";
const OBJECTS: &str = "type = \"s3\"\nbucket = \"feeds\"\nprefix = \"in/\"";

fn stored_report() -> String {
    std::fs::read_to_string(checkout().join("tests/expected/report.csv")).expect("tests/expected/report.csv")
}

/// The numbers of a line of the closing summary.
fn numbers(summary: &str, head: &str) -> Vec<u64> {
    let line =
        summary.lines().find(|l| l.starts_with(head)).unwrap_or_else(|| panic!("no `{head}` in\n{summary}"));
    line.replace(',', "").split_whitespace().filter_map(|w| w.parse().ok()).collect()
}

#[test]
fn the_samples_in_a_bucket_give_the_report_of_the_samples_in_a_folder() {
    let bucket = Bucket::start();
    let mut dietz = Dietz::shipped();
    bucket.take(&mut dietz, "codecs/samples/feeds");
    dietz.change("topology.toml", FILES, OBJECTS);
    let checked = dietz.ok(&["check", "--connect"]);
    assert!(checked.contains("source custody: 1") && checked.contains("the first may be read"), "{checked}");
    dietz.ok(&[]);
    assert!(dietz.report("topology.toml") == stored_report(), "the report is not that of the files");
    let second = dietz.ok(&[]);
    assert_eq!(numbers(&second, "records"), [0, 0, 0, 0], "{second}");
}

#[test]
fn objects_that_events_tell_of_give_the_report_of_the_samples_in_a_folder() {
    let bucket = Bucket::start();
    let mut dietz = Dietz::shipped();
    bucket.take(&mut dietz, "codecs/samples/feeds");
    let mut events = bucket.events();
    // Told twice, and of another bucket.
    let first = events.lines().next().expect("an event").to_owned();
    events.push_str(&format!("{first}\n{}\n", first.replace("\"feeds\"", "\"others\"")));
    std::fs::write(dietz.path("events.jsonl"), &events).expect("writable");
    let told = format!(
        "{OBJECTS}\nevents_from = \"events\"\n[sources.events]\ntype = \"file\"\npath = \"events.jsonl\"\nformat = \"eventbridge\""
    );
    dietz.change("topology.toml", FILES, &told);
    // `vendors` follows in the file, and is of no source of events.
    dietz.change("topology.toml", "vendors = \"auto\"", "#");
    dietz.change("topology.toml", "inputs = [\"custody\"", "inputs = [\"events\", \"custody\"");
    let summary = dietz.ok(&[]);
    assert!(
        dietz.report("topology.toml") == stored_report(),
        "the report is not that of the files\n{summary}"
    );
    let second = dietz.ok(&[]);
    assert_eq!(numbers(&second, "records"), [0, 0, 0, 0], "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_objects_a_run_ends_with_the_same_figures() {
    let feed = Feed { accounts: 150, days: 230, vendors: 2, late: Share::percent(3), ..Feed::default() };
    let mut dietz = Dietz::generated(&feed, Share::percent(1));
    let files = Settings { sink: sqlite("files.db"), ..Settings::default() };
    dietz.topology("files.toml", &files);
    dietz.ok(&["run", "files.toml"]);
    let expected = dietz.report("files.toml");

    let bucket = Bucket::start();
    bucket.take(&mut dietz, "feeds");
    let settings = Settings { batch_records: 200, batch_rows: 150, ..Settings::default() };
    dietz.topology("topology.toml", &settings);
    dietz.change("topology.toml", "type = \"file\"\npath = \"feeds\"", OBJECTS);
    let store = embedded(&dietz).await;
    store.migrate().await.expect("tables");
    let mut chance = SmallRng::seed_from_u64(7);
    let mut between = 0;
    for _ in 0..8 {
        between += u32::from(start_and_kill(&dietz, &*store, &["run"], &mut chance).await);
    }
    assert!(between >= 5, "only {between} of 8 kills fell between the first and the last commit");
    let output = dietz.output(&["run", "topology.toml"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && !said.contains("starting again"), "{said}");
    assert!(dietz.report("topology.toml") == expected, "the report differs from that of the files");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_in_a_bucket_that_keeps_versions_says_which_one_it_is_and_the_same_bytes_again_are_unchanged()
{
    let bucket = Bucket::start();
    bucket.aws(&[
        "s3api",
        "put-bucket-versioning",
        "--bucket",
        "feeds",
        "--versioning-configuration",
        "Status=Enabled",
    ]);
    let mut dietz = Dietz::shipped();
    bucket.take(&mut dietz, "codecs/samples/feeds");
    dietz.change("topology.toml", FILES, OBJECTS);
    dietz.ok(&[]);
    let store = embedded(&dietz).await;
    let listed = async || {
        let rows = store.reader().feeds().await.expect("feeds");
        rows.into_iter().map(|f| (f.name, f.object_version)).collect::<BTreeSet<_>>()
    };
    let before = listed().await;
    let (name, version) =
        before.iter().find(|f| f.1.is_some()).expect("a feed of an object says its version");
    let key = format!("in/{name}");
    let versions = |key: &str| {
        let listed = bucket.aws(&[
            "s3api",
            "list-object-versions",
            "--bucket",
            "feeds",
            "--prefix",
            key,
            "--output",
            "json",
        ]);
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let id = |v: &Value| v["VersionId"].as_str().expect("a version").to_owned();
        listed["Versions"].as_array().expect("versions").iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(*version, versions(&key).pop());
    let place = format!("s3://feeds/{key}");
    bucket.aws(&["s3", "cp", "--only-show-errors", &place, dietz.path("copy").to_str().expect("text")]);
    bucket.aws(&["s3", "cp", "--only-show-errors", dietz.path("copy").to_str().expect("text"), &place]);
    assert_eq!(versions(&key).len(), 2);
    let again = dietz.ok(&[]);
    assert_eq!(numbers(&again, "records"), [0, 0, 0, 0], "{again}");
    assert_eq!(listed().await, before);
}

/// What a run of the shipped topology over objects ends with, with nothing but this of AWS in its environment.
fn refused(env: Vec<(&'static str, String)>) -> (Option<i32>, String) {
    let mut dietz = Dietz::shipped();
    dietz.change("topology.toml", FILES, OBJECTS);
    dietz.env = env;
    let mut command = dietz.command(&[]);
    for name in
        ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"]
    {
        if !dietz.env.iter().any(|(set, _)| *set == name) {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("the binary runs");
    (output.status.code(), text(&output.stderr))
}

#[test]
fn without_credentials_or_a_bucket_a_run_stops_and_says_what_to_do() {
    let nobody = vec![
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "none".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "none".to_owned()),
    ];
    let with = |name: &'static str, value: &str| {
        let mut env = nobody.clone();
        env.retain(|(set, _)| *set != name);
        env.push((name, value.to_owned()));
        env
    };
    for (env, what) in [
        (nobody.clone(), "no AWS credentials were found"),
        (with("AWS_PROFILE", ""), "AWS_PROFILE is set and empty"),
        (with("AWS_REGION", ""), "AWS_REGION is set and empty"),
    ] {
        let (code, said) = refused(env);
        assert!(code.is_some_and(|c| c != 0) && said.contains(what), "{code:?} {said}");
    }
    let bucket = Bucket { server: Ministack::start().expect("a stand-in for S3") };
    let (code, said) = refused(bucket.env());
    assert!(code.is_some_and(|c| c != 0) && said.contains("there is no bucket feeds"), "{code:?} {said}");
}
