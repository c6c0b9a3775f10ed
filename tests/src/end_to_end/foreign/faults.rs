//! A proxy between us and the server that makes faults: dietz comes back by itself, and the figures are those of the files.
use super::Bench;
use super::servers::read_while;
use crate::end_to_end::aws;
use crate::end_to_end::dietz::Settings;
use stand_ins::{Microburst, Ministack};

/// One of ten calls. A call that no rule before took counts, so that the rules take turns.
const TURN: &str = r#""sequence":{"fail":1,"pass":9}"#;

fn rule(service: &str, operation: &str, when: &str, effect: &str) -> String {
    format!(r#"{{"service":"{service}","operation":"{operation}",{when},{effect}}}"#)
}

fn error(code: &str, status: u16) -> String {
    format!(r#""error":{{"code":"{code}","status":{status}}}"#)
}

/// A server, the proxy, and what reads through it. Who writes goes around it.
struct Rough {
    _server: Ministack,
    proxy: Microburst,
    bench: Bench,
}

impl Rough {
    fn new(rules: &[String], bench: impl FnOnce(&str) -> Bench) -> Rough {
        let server = Ministack::start().expect("ministack");
        let proxy = Microburst::start(&server.url()).expect("microburst");
        proxy.set_rules(&format!("[{}]", rules.join(","))).expect("rules");
        let mut bench = bench(&server.url());
        bench.reads_through = Some(proxy.url());
        Rough { _server: server, proxy, bench }
    }

    /// Each of these happened.
    fn fired(&self, actions: &[&str]) {
        let fired = self.proxy.fired().expect("an answer");
        for action in actions {
            assert!(fired.contains(action), "microburst did no {action}: {fired}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polled_through_a_rough_sea_a_stream_gives_the_report_of_the_files() {
    let get = |effect: &str| rule("kinesis", "GetRecords", TURN, effect);
    let rough = Rough::new(
        &[
            rule("kinesis", "ListShards", r#""times":2"#, r#""reset":true"#),
            rule("kinesis", "DescribeStreamSummary", r#""times":2"#, &error("InternalFailure", 500)),
            rule("kinesis", "GetShardIterator", r#""times":3"#, &error("ServiceUnavailable", 503)),
            get(&error("ProvisionedThroughputExceededException", 400)),
            get(&error("ExpiredIteratorException", 400)),
            get(&error("InternalFailure", 500)),
            get(r#""reset":true"#),
            get(r#""latency":300"#),
            get(r#""response":{"abort_frac":0.5}"#),
        ],
        Bench::with_streams,
    );
    rough.bench.topology("");
    read_while(&rough.bench, |_| {}).await;
    rough.fired(&[
        "reset",
        "latency:300ms",
        "response:abort",
        "error:ProvisionedThroughputExceededException",
        "error:ExpiredIteratorException",
        "error:InternalFailure",
        "error:ServiceUnavailable",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_through_a_rough_sea_a_stream_gives_the_report_of_the_files() {
    let subscribe = |effect: &str| rule("kinesis", "SubscribeToShard", r#""times":1"#, effect);
    let rough = Rough::new(
        &[
            subscribe(&error("ResourceInUseException", 400)),
            subscribe(&error("LimitExceededException", 400)),
            subscribe(r#""reset":true"#),
            subscribe(r#""response":{"event_frames":[{"at":1,"cut":0.5}]}"#),
            subscribe(r#""response":{"event_frames":[{"at":1,"bad_crc":true}]}"#),
            subscribe(
                r#""response":{"event_error":{"code":"InternalFailureException","message":"slowed","after_frames":1}}"#,
            ),
        ],
        Bench::with_streams,
    );
    rough.bench.topology("consumer = \"fan_out\"");
    read_while(&rough.bench, |_| {}).await;
    rough.fired(&[
        "error:ResourceInUseException",
        "error:LimitExceededException",
        "reset",
        "response:event_frames",
        "response:event_error",
    ]);
}

#[test]
fn got_through_a_rough_sea_objects_give_the_report_of_the_files() {
    let get = |effect: &str| rule("s3", "GetObject", r#""times":2"#, effect);
    let rough = Rough::new(
        &[
            rule("s3", "ListObjectsV2", r#""times":1"#, &error("InternalError", 500)),
            get(&error("SlowDown", 503)),
            get(r#""reset":true"#),
            get(r#""response":{"abort_frac":0.5}"#),
        ],
        Bench::at,
    );
    let bench = &rough.bench;
    aws::aws(&bench.dietz.env, &["s3", "mb", "s3://feeds"]);
    let folder = bench.dietz.path("feeds");
    let folder = folder.to_str().expect("a path of text");
    aws::aws(&bench.dietz.env, &["s3", "cp", "--recursive", "--only-show-errors", folder, "s3://feeds/in/"]);
    bench.dietz.topology("topology.toml", &Settings::default());
    let objects = "type = \"s3\"\nbucket = \"feeds\"\nprefix = \"in/\"";
    bench.dietz.change("topology.toml", "type = \"file\"\npath = \"feeds\"", objects);
    bench.run_once();
    bench.is_as_from_files();
    rough.fired(&["error:InternalError", "error:SlowDown", "reset", "response:abort"]);
}
