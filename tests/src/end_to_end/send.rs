//! `dietz send`: the samples over streams and into a bucket, and what cannot be sent.
use super::aws::aws;
use super::dietz::{Dietz, checkout, text};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use stand_ins::kinesis::{FakeKinesis, Fault, Operation, Rule, Settings as Fake};
use stand_ins::{Ministack, Noida};
use std::io::Write;
use std::process::Stdio;

/// The shipped samples, and who signs calls for them.
fn shipped() -> Dietz {
    let mut dietz = Dietz::shipped();
    dietz.env = vec![
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        // Nothing of who runs the tests.
        ("AWS_CONFIG_FILE", "none".into()),
        ("AWS_SHARED_CREDENTIALS_FILE", "none".into()),
    ];
    dietz
}

fn kinesis(dietz: &mut Dietz, streams: &[(&str, u32)]) -> FakeKinesis {
    let fake = FakeKinesis::start(Fake::default()).expect("a fake Kinesis");
    for (name, shards) in streams {
        fake.create_stream(name, *shards).expect("a stream");
    }
    dietz.env.push(("AWS_ENDPOINT_URL_KINESIS", fake.url().to_owned()));
    fake
}

/// The sample feeds whose names fit, in order; as arguments.
fn feeds(dietz: &Dietz, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = std::fs::read_dir(dietz.path("codecs/samples/feeds")).expect("sample feeds");
    let names = folder.map(|e| e.expect("a file").file_name().to_string_lossy().into_owned());
    let mut found: Vec<String> =
        names.filter(|name| fits(name)).map(|name| format!("codecs/samples/feeds/{name}")).collect();
    found.sort();
    found
}

fn send(dietz: &Dietz, before: &[&str], files: &[String]) -> String {
    let args: Vec<&str> =
        ["send"].iter().chain(before).copied().chain(files.iter().map(String::as_str)).collect();
    dietz.ok(&args)
}

fn remove(dietz: &Dietz, files: &[String]) {
    files.iter().for_each(|file| std::fs::remove_file(dietz.path(file)).expect("a file that goes"));
}

fn stored_report() -> String {
    std::fs::read_to_string(checkout().join("tests/expected/report.csv")).expect("tests/expected/report.csv")
}

const CUSTODY: &str =
    "type = \"file\"\npath = \"codecs/samples/feeds\"     # a folder: every file in it, in order of name";
const EVENTS: &str = "type = \"file\"\npath = \"codecs/samples/corrections.jsonl\"";
const INPUTS: &str = "inputs = [\"custody\", \"corrections\"]";

/// A source of the stream `series`, beside the others.
fn with_series(dietz: &Dietz) {
    let inputs = "inputs = [\"series\", \"custody\", \"corrections\"]";
    dietz.change("topology.toml", INPUTS, inputs);
    let text = std::fs::read_to_string(dietz.path("topology.toml")).expect("a topology");
    let series = "[sources.series]\ntype = \"kinesis\"\nstream = \"series\"\npoll = \"50ms\"\n";
    std::fs::write(dietz.path("topology.toml"), format!("{series}\n{text}")).expect("writable");
}

#[tokio::test]
async fn the_samples_sent_to_kinesis_kafka_and_s3_give_the_report_of_the_files() {
    let (server, broker) =
        (Ministack::start().expect("a stand-in for S3"), Noida::start().expect("a broker"));
    let mut dietz = shipped();
    let _fake = kinesis(&mut dietz, &[("series", 3)]);
    dietz.env.push(("AWS_ENDPOINT_URL_S3", server.url()));
    aws(&dietz.env, &["s3", "mb", "s3://custody"]);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().expect("a client");
    let topic = NewTopic::new("corrections", 2, TopicReplication::Fixed(1));
    admin.create_topics(&[topic], &AdminOptions::new()).await.expect("an answer")[0]
        .as_ref()
        .expect("a topic");

    let series = feeds(&dietz, |name| name.starts_with("tidemark"));
    let told = send(&dietz, &["--to", "kinesis://series"], &series);
    assert!(told.contains("sent 4 files: 665 records in 35 messages"), "{told}");
    let rest = feeds(&dietz, |name| !name.starts_with("tidemark"));
    let told = send(&dietz, &["--to", "s3://custody/in/"], &rest);
    assert!(
        told.contains("s3://custody/in/quarry_20250102.qps  ") && told.contains("sent 147 files"),
        "{told}"
    );
    let events = ["codecs/samples/corrections.jsonl".to_owned()];
    let to = format!("kafka://{}/corrections", broker.bootstrap());
    let told = send(&dietz, &["--to", &to], &events);
    assert!(told.contains("sent 1 file: 16 records in"), "{told}");
    [series, rest, events.to_vec()].iter().for_each(|files| remove(&dietz, files));

    with_series(&dietz);
    dietz.change("topology.toml", CUSTODY, "type = \"s3\"\nbucket = \"custody\"\nprefix = \"in/\"");
    let kafka = format!("type = \"kafka\"\nbrokers = \"{}\"\ntopics = [\"corrections\"]", broker.bootstrap());
    dietz.change("topology.toml", EVENTS, &kafka);
    let summary = dietz.ok(&["run", "--once"]);
    assert!(
        dietz.report("topology.toml") == stored_report(),
        "the report is not that of the files\n{summary}"
    );
}

#[test]
fn aggregated_and_compressed_feeds_over_a_stream_that_refuses_some_give_the_same_report() {
    let mut dietz = shipped();
    let fake = kinesis(&mut dietz, &[("series", 4)]);
    let refusing = fake.inject(Rule::on(Operation::PutRecords, Fault::PartialPut(500)).times(4));
    let plain = feeds(&dietz, |name| name.starts_with("tidemark"));
    let packed: Vec<String> = plain.iter().map(|file| format!("{file}.gz")).collect();
    for (from, to) in plain.iter().zip(&packed) {
        let file = std::fs::File::create(dietz.path(to)).expect("a file");
        let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        gzip.write_all(&std::fs::read(dietz.path(from)).expect("a sample")).expect("writable");
        gzip.finish().expect("writable");
    }
    let told = send(&dietz, &["--to", "kinesis://series", "--aggregate"], &packed);
    assert!(told.contains("665 records in 35 messages (") && told.contains("of the stream)"), "{told}");
    assert!(fake.fired(refusing) > 0, "the fault happened");
    remove(&dietz, &plain);
    remove(&dietz, &packed);
    with_series(&dietz);
    let summary = dietz.ok(&["run", "--once"]);
    assert!(
        dietz.report("topology.toml") == stored_report(),
        "the report is not that of the files\n{summary}"
    );
}

#[test]
fn a_file_in_a_bucket_is_the_file_byte_for_byte_in_one_call_and_in_parts() {
    let server = Ministack::start().expect("a stand-in for S3");
    let mut dietz = shipped();
    dietz.env.push(("AWS_ENDPOINT_URL_S3", server.url()));
    aws(&dietz.env, &["s3", "mb", "s3://custody"]);
    let line = "MT-100-0001,2025-01-06,a line of a file that is sent in parts\n";
    for (name, bytes) in [("small.csv", line.to_owned()), ("large.csv", line.repeat(400_000))] {
        std::fs::write(dietz.path(name), &bytes).expect("writable");
        let told = dietz.ok(&["send", "--to", &format!("s3://custody/{name}"), name]);
        let listed = aws(&dietz.env, &["s3api", "head-object", "--bucket", "custody", "--key", name]);
        let etag = told.split_whitespace().nth(1).expect("an ETag");
        assert!(listed.contains(etag), "{told}{listed}");
        let back = dietz.path("back.csv");
        aws(
            &dietz.env,
            &[
                "s3",
                "cp",
                "--only-show-errors",
                &format!("s3://custody/{name}"),
                back.to_str().expect("text"),
            ],
        );
        assert!(std::fs::read(&back).expect("an object") == bytes.as_bytes(), "{name}");
    }
    let output = dietz.output(&["send", "--to", "s3://nowhere/", "small.csv"]);
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains("there is no such bucket"), "{told}");
}

#[test]
fn standard_input_goes_at_the_rate_that_is_asked_for() {
    let mut dietz = shipped();
    let fake = kinesis(&mut dietz, &[("events", 1)]);
    let began = std::time::Instant::now();
    let args = ["send", "--to", "kinesis://events", "--vendor", "corrections", "--rate", "10", "-"];
    let mut child =
        dietz.command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let events = std::fs::read(dietz.path("codecs/samples/corrections.jsonl")).expect("samples");
    child.stdin.take().expect("a pipe").write_all(&events).expect("it reads");
    let told = text(&child.wait_with_output().expect("it ends").stdout);
    assert!(told.contains("sent 1 file: 16 records"), "{told}");
    assert!(began.elapsed() >= std::time::Duration::from_millis(1_300), "16 records at 10 a second");
    let [shard] = &fake.shards("events").expect("the stream")[..] else { panic!("one shard") };
    assert!(shard.records > 5);
}

#[test]
fn what_cannot_be_sent_is_told_with_what_to_do() {
    let mut dietz = shipped();
    let _fake = kinesis(&mut dietz, &[("feeds", 1)]);
    let xml = "codecs/samples/feeds/ibkr_flex_2025-01.xml";
    let cases: [(&[&str], i32, &str); 7] = [
        (&["--to", "kinesis://none", xml], 1, "there is no such stream"),
        (&["--to", "kinesis://feeds", "codecs"], 1, "codecs is a folder"),
        (&["--to", "kinesis://feeds", "topology.toml"], 1, "name its vendor by --vendor"),
        (&["--to", "kinesis://feeds", "--vendor", "tidemrak", xml], 1, "the topology knows ibkr, lantern"),
        (&["--to", "kinesis://feeds", "--max-message", "2KiB", xml], 1, "cannot be cut; raise --max-message"),
        (&["--to", "sqs://feeds", xml], 2, "write kinesis://STREAM"),
        (&["--to", "s3://feeds/", "--aggregate", xml], 2, "--aggregate is for Kinesis alone"),
    ];
    for (args, code, said) in cases {
        let args: Vec<&str> = ["send"].iter().chain(args).copied().collect();
        let output = dietz.output(&args);
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(code) && told.contains(said), "{args:?}: {told}");
    }
    dietz.env.retain(|(name, _)| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    let output = dietz
        .command(&["send", "--to", "kinesis://feeds", xml])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output();
    let told = text(&output.expect("it runs").stderr);
    assert!(told.contains("no AWS credentials were found"), "{told}");
}
