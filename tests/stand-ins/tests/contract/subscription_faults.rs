//! What can happen to a subscription of the fake.
use crate::rig::{Rig, client, code};
use crate::subscriptions::{after, horizon, next, texts};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use stand_ins::kinesis::{ErrorKind, FakeKinesis, Fault, Limits, Operation, Rule, Settings};
use std::time::Duration;

const FIRST: &str = "shardId-000000000000";
const STREAM: &str = "feeds";

/// A fake whose clock stands, with one stream of one shard and one consumer.
async fn made(settings: Settings) -> (FakeKinesis, Rig, String) {
    let kinesis = FakeKinesis::start(settings).unwrap();
    kinesis.clock().stop();
    kinesis.create_stream(STREAM, 1).unwrap();
    let rig = Rig { client: client(kinesis.url()), stream: STREAM.to_owned() };
    let consumer = rig.consumer("reader").await;
    (kinesis, rig, consumer)
}

async fn subscribe_code(rig: &Rig, consumer: &str) -> String {
    let asked = rig.client.subscribe_to_shard().consumer_arn(consumer).shard_id(FIRST);
    code(asked.starting_position(horizon()).send().await)
}

#[tokio::test]
async fn a_second_subscription_is_refused_for_five_seconds_and_then_takes_over() {
    let (kinesis, rig, consumer) = made(Settings::default()).await;
    let mut first = rig.subscribe(&consumer, horizon()).await;
    assert_eq!(subscribe_code(&rig, &consumer).await, "ResourceInUseException");
    kinesis.advance(Duration::from_secs(5));
    let mut second = rig.subscribe(&consumer, horizon()).await;
    let mut ended = next(&mut first).await;
    while let Ok(Some(_)) = ended {
        ended = next(&mut first).await;
    }
    assert_eq!(ended.unwrap_err(), "ResourceInUseException");
    kinesis.put(STREAM, "k", b"x").unwrap();
    assert_eq!(texts(&mut second, 1).await.0, ["x"]);
}

#[tokio::test]
async fn a_subscription_ends_with_its_time_and_another_goes_on_where_it_was() {
    let (kinesis, rig, consumer) = made(Settings::default()).await;
    kinesis.put(STREAM, "k", b"0").unwrap();
    let mut output = rig.subscribe(&consumer, horizon()).await;
    let (_, continuation) = texts(&mut output, 1).await;
    kinesis.advance(Duration::from_secs(300));
    assert!(next(&mut output).await.unwrap().is_none());
    kinesis.put(STREAM, "k", b"1").unwrap();
    let mut output = rig.subscribe(&consumer, after(&continuation.unwrap())).await;
    assert_eq!(texts(&mut output, 1).await.0, ["1"]);
    kinesis.end_subscriptions();
    assert!(next(&mut output).await.unwrap().is_none());
}

#[tokio::test]
async fn an_idle_subscription_is_told_how_far_it_is() {
    let (kinesis, rig, consumer) =
        made(Settings { heartbeat: Duration::from_millis(30), ..Settings::default() }).await;
    let mut output = rig.subscribe(&consumer, horizon()).await;
    let mut continuation = String::new();
    for _ in 0..3 {
        let event = next(&mut output).await.unwrap().unwrap();
        assert_eq!((event.records().len(), event.millis_behind_latest()), (0, 0));
        continuation = event.continuation_sequence_number().to_owned();
    }
    drop(output);
    kinesis.advance(Duration::from_secs(5));
    kinesis.put(STREAM, "k", b"0").unwrap();
    let mut output = rig.subscribe(&consumer, after(&continuation)).await;
    assert_eq!(texts(&mut output, 1).await.0, ["0"]);
}

#[tokio::test]
async fn a_subscription_is_cut_fails_or_loses_its_stream_on_command() {
    let (kinesis, rig, consumer) =
        made(Settings { subscription_hold: Duration::ZERO, ..Settings::default() }).await;
    kinesis.put(STREAM, "k", b"0").unwrap();
    kinesis.inject(Rule::on(Operation::SubscribeToShard, Fault::Cut).times(1));
    let mut output = rig.subscribe(&consumer, horizon()).await;
    assert_eq!(next(&mut output).await.unwrap_err(), "cut");
    let failure = Fault::EventError(ErrorKind::InternalFailure);
    kinesis.inject(Rule::on(Operation::SubscribeToShard, failure).times(1));
    let mut output = rig.subscribe(&consumer, horizon()).await;
    assert!(next(&mut output).await.unwrap_err().starts_with("InternalFailure"));
    let mut output = rig.subscribe(&consumer, horizon()).await;
    texts(&mut output, 1).await;
    kinesis.cut_connections();
    assert_eq!(next(&mut output).await.unwrap_err(), "cut");
    // The client may have kept another connection, which is cut too, and would only find out with the next call.
    let rig = Rig { client: client(kinesis.url()), stream: STREAM.to_owned() };
    let mut output = rig.subscribe(&consumer, horizon()).await;
    texts(&mut output, 1).await;
    kinesis.delete_stream(STREAM).unwrap();
    assert_eq!(next(&mut output).await.unwrap_err(), "ResourceNotFoundException");
    assert_eq!(kinesis.counts().injected_anywhere(Fault::Cut), 1);
}

#[tokio::test]
async fn a_consumer_is_given_two_megabytes_a_second() {
    let (kinesis, rig, consumer) = made(Settings { limits: Limits::REAL, ..Settings::default() }).await;
    for _ in 0..6 {
        kinesis.put(STREAM, "k", &[b'x'; 1_000_000]).unwrap();
    }
    let mut output = rig.subscribe(&consumer, horizon()).await;
    texts(&mut output, 3).await;
    let none = tokio::time::timeout(Duration::from_millis(200), output.event_stream.recv()).await;
    assert!(none.is_err(), "a fourth megabyte came in the same second");
    kinesis.advance(Duration::from_secs(3));
    texts(&mut output, 3).await;
}

#[tokio::test]
async fn http_2_without_tls_carries_calls_and_subscriptions() {
    let (kinesis, _, consumer) = made(Settings::default()).await;
    kinesis.put(STREAM, "k", b"over two").unwrap();
    let socket = tokio::net::TcpStream::connect(kinesis.url().trim_start_matches("http://")).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request = |operation: &str, body: String| {
        Request::post(kinesis.url())
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .body(Full::new(Bytes::from(body)))
            .unwrap()
    };
    let listed = sender.send_request(request("ListStreams", "{}".to_owned())).await.unwrap();
    let body = listed.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains(r#""StreamNames":["feeds"]"#));
    let body = format!(
        r#"{{"ConsumerARN":"{consumer}","ShardId":"{FIRST}","StartingPosition":{{"Type":"TRIM_HORIZON"}}}}"#
    );
    let mut pushed = sender.send_request(request("SubscribeToShard", body)).await.unwrap().into_body();
    let mut got = Vec::new();
    // Base64 of what was put.
    while !String::from_utf8_lossy(&got).contains("b3ZlciB0d28=") {
        got.extend_from_slice(&pushed.frame().await.unwrap().unwrap().into_data().unwrap());
    }
}
