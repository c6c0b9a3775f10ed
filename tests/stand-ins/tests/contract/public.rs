//! The public stand-ins beside Kinesis: that they start, do what we need of them, and end.
use crate::rig::{PATIENCE, Rig, client, code};
use crate::servers::{FAKE, MINISTACK, fake, ministack};
use stand_ins::kinesis::{FakeKinesis, Settings};
use stand_ins::{Microburst, Noida, python_program};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn aws(url: &str, arguments: &[&str]) -> Output {
    let mut aws = Command::new(python_program("aws").unwrap());
    aws.args(["--endpoint-url", url, "--region", "us-east-1", "--output", "json"]).args(arguments);
    aws.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env_remove("AWS_PROFILE");
    let output = aws.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[tokio::test]
async fn an_independent_client_puts_and_gets_by_way_of_the_fake() {
    let kinesis = FakeKinesis::start(Settings::default()).unwrap();
    let url = kinesis.url();
    aws(url, &["kinesis", "create-stream", "--stream-name", "cli", "--shard-count", "1"]);
    let put = ["kinesis", "put-record", "--stream-name", "cli", "--partition-key", "k", "--data", "hello"];
    aws(url, &put);
    let rig = Rig { client: client(url), stream: "cli".to_owned() };
    assert_eq!(rig.read_all("shardId-000000000000", 1).await.texts(), ["hello"]);
    let listed = aws(url, &["kinesis", "list-shards", "--stream-name", "cli"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("shardId-000000000000"));
}

#[tokio::test]
async fn microburst_throttles_what_passes_through_it() {
    let rig = Rig::new(fake(), "behind-microburst", 1).await;
    let microburst = Microburst::start(FAKE.url()).unwrap();
    let through = client(&microburst.url());
    let list = || through.list_shards().stream_name(&rig.stream).send();
    assert_eq!(list().await.unwrap().shards().len(), 1);
    let error = r#""error":{"code":"ProvisionedThroughputExceededException"}"#;
    microburst
        .set_rules(&format!(
            r#"[{{"service":"kinesis","operation":"ListShards","probability":1.0,{error}}}]"#
        ))
        .unwrap();
    assert_eq!(code(list().await), "ProvisionedThroughputExceededException");
    assert!(microburst.fired().unwrap().contains("ListShards"));
}

#[tokio::test]
async fn a_rule_of_eventbridge_reaches_a_stream_with_its_key() {
    let rig = Rig::new(ministack(), "from-eventbridge", 1).await;
    let (url, arn) = (MINISTACK.url(), rig.arn().await);
    aws(&url, &["events", "put-rule", "--name", "to-stream", "--event-pattern", r#"{"source":["custody"]}"#]);
    let target = format!(
        r#"[{{"Id":"1","Arn":"{arn}","RoleArn":"arn:aws:iam::000000000000:role/r","KinesisParameters":{{"PartitionKeyPath":"$.detail.account"}}}}]"#
    );
    aws(&url, &["events", "put-targets", "--rule", "to-stream", "--targets", &target]);
    let entries = r#"[{"Source":"custody","DetailType":"Correction","Detail":"{\"account\":\"A-17\"}"}]"#;
    aws(&url, &["events", "put-events", "--entries", entries]);
    let got = rig.read_all("shardId-000000000000", 1).await;
    assert_eq!(got.records[0].partition_key(), Some("A-17"));
    assert!(got.texts()[0].contains(r#""source": "custody""#), "{:?}", got.texts());
}

#[test]
fn a_broker_starts_and_ends_with_its_owner() {
    let noida = Noida::start().unwrap();
    let bootstrap = noida.bootstrap();
    assert!(TcpStream::connect(&bootstrap).is_ok());
    drop(noida);
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&bootstrap).is_ok() {
        assert!(Instant::now() < deadline, "the broker goes on without its owner");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn aggregated_records_can_be_made_by_another() {
    let python = python_program("python").unwrap();
    let made = Command::new(python).args(["-c", "import aws_kinesis_agg.aggregator"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
