//! The README's tour of streams: the samples sent to Kinesis, Kafka and S3 and read from all three at once.
use super::aws;
use super::dietz::{Dietz, checkout};
use stand_ins::{Ministack, Noida};

/// What the tour's one command starts, and the environment it tells of.
struct StandIns {
    _aws: Ministack,
    _kafka: Noida,
    env: aws::Env,
}

impl StandIns {
    fn start() -> StandIns {
        let (server, kafka) = (Ministack::start().expect("ministack"), Noida::start().expect("noida-db"));
        let mut env = aws::env(&server.url());
        env.push(("KAFKA_BROKERS", kafka.bootstrap()));
        let stand_ins = StandIns { _aws: server, _kafka: kafka, env };
        let calls: [&[&str]; 2] = [
            &["kinesis", "create-stream", "--stream-name", "feeds", "--shard-count", "2"],
            &["s3api", "create-bucket", "--bucket", "feeds"],
        ];
        calls.iter().for_each(|call| drop(aws::aws(&stand_ins.env, call)));
        stand_ins
    }
}

/// The sample feeds, by whether their names begin so.
fn samples(begin: &str) -> (Vec<String>, Vec<String>) {
    let folder = checkout().join("codecs/samples/feeds");
    let files = std::fs::read_dir(folder).expect("the samples").map(|e| e.expect("an entry").file_name());
    let mut names: Vec<String> = files.map(|name| name.into_string().expect("a name of text")).collect();
    names.sort();
    let path = |name: String| format!("codecs/samples/feeds/{name}");
    let (those, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.starts_with(begin));
    (those.into_iter().map(path).collect(), others.into_iter().map(path).collect())
}

#[test]
fn the_samples_over_kinesis_kafka_and_s3_give_the_report_of_the_files_byte_for_byte() {
    const STREAMS: &str = "deploy/streams.toml";
    let stand_ins = StandIns::start();
    let mut dietz = Dietz::shipped();
    std::fs::create_dir_all(dietz.path("deploy")).expect("a folder");
    std::fs::copy(checkout().join(STREAMS), dietz.path(STREAMS)).expect("a copy");
    dietz.change(STREAMS, "listen = \"127.0.0.1:9464\"", "listen = \"off\"");
    dietz.ok(&[]);
    let from_files = dietz.report("topology.toml");

    dietz.env = stand_ins.env.clone();
    let send = |to: &str, files: &[String]| {
        let mut args = vec!["send", "--topology", STREAMS, "--to", to];
        args.extend(files.iter().map(String::as_str));
        dietz.ok(&args)
    };
    let (tidemark, others) = samples("tidemark");
    send("kinesis://feeds", &["codecs/samples/corrections.jsonl".into()]);
    let brokers = &stand_ins.env.iter().find(|(name, _)| *name == "KAFKA_BROKERS").expect("brokers").1;
    send(&format!("kafka://{brokers}/feeds"), &tidemark);
    send("s3://feeds/", &others);

    let told = dietz.ok(&["check", STREAMS, "--connect"]);
    for source in ["corrections: stream feeds", "performance: topic feeds", "custody: 147 object(s)"] {
        assert!(told.contains(source), "{told}");
    }
    let first = dietz.ok(&["run", STREAMS, "--once"]);
    assert!(dietz.report(STREAMS) == from_files, "the report is not that of the files\n{first}");

    // Sent once more, and read once more: every record is known.
    send("kinesis://feeds", &["codecs/samples/corrections.jsonl".into()]);
    send("s3://feeds/", &others);
    let again = dietz.ok(&["run", STREAMS, "--once"]);
    assert!(
        again.contains("16 read"),
        "the events alone are read again, and nothing of the objects\n{again}"
    );
    assert!(dietz.report(STREAMS) == from_files, "what comes again changes nothing\n{again}");
}
