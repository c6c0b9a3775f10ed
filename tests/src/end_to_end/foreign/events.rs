//! S3's own events: a bucket that tells EventBridge, a rule that puts what it is told into a stream.
use super::Bench;
use crate::end_to_end::aws;
use crate::end_to_end::crash::embedded;
use crate::end_to_end::dietz::Settings;
use crate::end_to_end::kinesis::until_read;
use serde_json::json;
use stand_ins::Ministack;

const TOLD: &str = "told";

/// Ministack's rules reach no stream by themselves; our launcher of it delivers there.
fn tell_of_new_objects(env: &aws::Env) {
    let told = r#"{"EventBridgeConfiguration":{}}"#;
    let bucket = ["s3api", "put-bucket-notification-configuration", "--bucket", "feeds"];
    aws::aws(env, &[&bucket[..], &["--notification-configuration", told]].concat());
    let pattern =
        r#"{"source":["aws.s3"],"detail-type":["Object Created"],"detail":{"bucket":{"name":["feeds"]}}}"#;
    aws::aws(env, &["events", "put-rule", "--name", "objects", "--event-pattern", pattern]);
    let target = format!(
        r#"[{{"Id":"1","Arn":"arn:aws:kinesis:us-east-1:000000000000:stream/{TOLD}","RoleArn":"arn:aws:iam::000000000000:role/r","KinesisParameters":{{"PartitionKeyPath":"$.detail.object.key"}}}}]"#
    );
    let answer = aws::aws(env, &["events", "put-targets", "--rule", "objects", "--targets", &target]);
    assert!(answer.contains("\"FailedEntryCount\": 0"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_s3_itself_tells_of_is_read_though_nobody_lists_it() {
    let server = Ministack::start().expect("ministack");
    let bench = Bench::at(&server.url());
    let env = &bench.dietz.env;
    bench.client(json!(["create", TOLD, 1]));
    aws::aws(env, &["s3", "mb", "s3://feeds"]);
    let put = |file: &str| {
        let from = bench.dietz.path("feeds").join(file);
        let from = from.to_str().expect("a path of text");
        aws::aws(env, &["s3", "cp", "--only-show-errors", from, &format!("s3://feeds/in/{file}")]);
    };
    // The next look at the bucket after the first is in an hour.
    bench.dietz.topology("topology.toml", &Settings::default());
    let objects = "type = \"s3\"\nbucket = \"feeds\"\nprefix = \"in/\"\nwatch = true\npoll = \"1h\"";
    let objects = format!("{objects}\nevents_from = \"{TOLD}\"");
    bench.dietz.change("topology.toml", "type = \"file\"\npath = \"feeds\"", &objects);
    let events = format!(
        "[sources.{TOLD}]\ntype = \"kinesis\"\nstream = \"{TOLD}\"\nformat = \"eventbridge\"\npoll = \"20ms\"\n\n"
    );
    bench.dietz.change("topology.toml", "[sources.corrections]", &format!("{events}[sources.corrections]"));
    bench.dietz.change("topology.toml", "inputs = [\"feeds\"", &format!("inputs = [\"{TOLD}\", \"feeds\""));

    // What is there before is found by that first look.
    put("bulk.csv");
    let mirrored = std::fs::read_to_string(bench.dietz.path("feeds/mirror.psv")).expect("a feed");
    let mirrored = mirrored.lines().count() as u64 - 1;
    let store = embedded(&bench.dietz).await;
    store.migrate().await.expect("tables");
    let mut child = bench.start();
    until_read(&*store, bench.records - mirrored, &mut child).await;

    tell_of_new_objects(env);
    put("mirror.psv");
    until_read(&*store, bench.records, &mut child).await;
    child.stop();
    bench.is_as_from_files();
    let told = bench.client(json!(["get", TOLD]));
    assert!(told.as_array().is_some_and(|t| t.len() == 1) && told[0]["key"] == "in/mirror.psv", "{told}");
}
