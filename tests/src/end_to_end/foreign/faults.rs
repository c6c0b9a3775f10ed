//! A proxy between us and the server that makes faults: dietz comes back by itself, and the figures are those of the files.
use super::Bench;
use super::servers::read_while;
use crate::end_to_end::aws;
use crate::end_to_end::dietz::Settings;
use serde_json::Value;
use stand_ins::{Microburst, Ministack};
use std::sync::LazyLock;
use tokio::sync::Mutex;

/// One of ten calls. A call that no rule before took counts, so that the rules take turns.
const TURN: &str = r#""sequence":{"fail":1,"pass":9}"#;

fn rule(service: &str, operation: &str, when: &str, effect: &str) -> String {
    format!(r#"{{"service":"{service}","operation":"{operation}",{when},{effect}}}"#)
}

fn error(code: &str, status: u16) -> String {
    format!(r#""error":{{"code":"{code}","status":{status}}}"#)
}

/// A server, and the proxy in front of it. Both are slow to start, so that all tests use these, one after the other.
struct Sea {
    server: Ministack,
    proxy: Microburst,
}

static SEA: LazyLock<Mutex<Sea>> = LazyLock::new(|| {
    let server = Ministack::start().expect("ministack");
    let proxy = Microburst::start(&server.url()).expect("microburst");
    Mutex::new(Sea { server, proxy })
});

impl Sea {
    /// Forgets what was in it, and makes these faults besides those that other tests have left for their own calls.
    fn rough(&self, rules: &[String]) {
        self.server.reset().expect("an empty server");
        self.proxy.set_rules(&format!("[{}]", rules.join(","))).expect("rules");
    }

    /// Dietz reads through the proxy; who writes goes around it.
    fn reached_by(&self, mut bench: Bench) -> Bench {
        bench.dietz.env = aws::env(&self.proxy.url());
        bench
    }

    /// Each of these happened to calls of the operation.
    fn fired(&self, operation: &str, effects: &[&str]) {
        let fired = self.proxy.fired().expect("an answer");
        let all: Vec<Value> = serde_json::from_str(&fired).expect("JSON");
        let of_it = all.iter().filter(|f| f["operation"] == operation).filter_map(|f| f["action"].as_str());
        let of_it: Vec<&str> = of_it.collect();
        for effect in effects {
            assert!(of_it.iter().any(|a| a.contains(effect)), "no {effect} of {operation}: {of_it:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polled_through_a_rough_sea_a_stream_gives_the_report_of_the_files() {
    let get = |effect: &str| rule("kinesis", "GetRecords", TURN, effect);
    let sea = SEA.lock().await;
    sea.rough(&[
        rule("kinesis", "ListShards", r#""times":2"#, r#""reset":true"#),
        rule("kinesis", "DescribeStreamSummary", r#""times":2"#, &error("InternalFailure", 500)),
        rule("kinesis", "GetShardIterator", r#""times":3"#, &error("ServiceUnavailable", 503)),
        get(&error("ProvisionedThroughputExceededException", 400)),
        get(&error("ExpiredIteratorException", 400)),
        get(&error("InternalFailure", 500)),
        get(r#""reset":true"#),
        get(r#""latency":300"#),
        get(r#""response":{"abort_frac":0.5}"#),
    ]);
    let bench = sea.reached_by(Bench::with_streams(&sea.server.url()));
    bench.topology("");
    read_while(&bench, |_| {}).await;
    sea.fired("ListShards", &["reset"]);
    sea.fired("DescribeStreamSummary", &["error:InternalFailure"]);
    sea.fired("GetShardIterator", &["error:ServiceUnavailable"]);
    sea.fired(
        "GetRecords",
        &["error:ProvisionedThroughputExceededException", "error:ExpiredIteratorException"],
    );
    sea.fired("GetRecords", &["error:InternalFailure", "reset", "latency:300ms", "response:abort"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_through_a_rough_sea_a_stream_gives_the_report_of_the_files() {
    let subscribe = |effect: &str| rule("kinesis", "SubscribeToShard", r#""times":1"#, effect);
    let sea = SEA.lock().await;
    sea.rough(
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
    );
    let bench = sea.reached_by(Bench::with_streams(&sea.server.url()));
    bench.topology("consumer = \"fan_out\"");
    read_while(&bench, |_| {}).await;
    sea.fired("SubscribeToShard", &["error:ResourceInUseException", "error:LimitExceededException", "reset"]);
    sea.fired("SubscribeToShard", &["response:event_frames", "response:event_error"]);
}

#[test]
fn got_through_a_rough_sea_objects_give_the_report_of_the_files() {
    let get = |effect: &str| rule("s3", "GetObject", r#""times":2"#, effect);
    let sea = SEA.blocking_lock();
    sea.rough(&[
        rule("s3", "ListObjectsV2", r#""times":1"#, &error("InternalError", 500)),
        get(&error("SlowDown", 503)),
        get(r#""reset":true"#),
        get(r#""response":{"abort_frac":0.5}"#),
    ]);
    let bench = sea.reached_by(Bench::at(&sea.server.url()));
    aws::aws(&bench.writes, &["s3", "mb", "s3://feeds"]);
    let folder = bench.dietz.path("feeds");
    let folder = folder.to_str().expect("a path of text");
    aws::aws(&bench.writes, &["s3", "cp", "--recursive", "--only-show-errors", folder, "s3://feeds/in/"]);
    bench.dietz.topology("topology.toml", &Settings::default());
    let objects = "type = \"s3\"\nbucket = \"feeds\"\nprefix = \"in/\"";
    bench.dietz.change("topology.toml", "type = \"file\"\npath = \"feeds\"", objects);
    bench.run_once();
    bench.is_as_from_files();
    sea.fired("ListObjectsV2", &["error:InternalError"]);
    sea.fired("GetObject", &["error:SlowDown", "reset", "response:abort"]);
}
