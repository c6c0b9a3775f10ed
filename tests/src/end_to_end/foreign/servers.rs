//! Streams that others serve.
use super::{Bench, CORRECTIONS, FEEDS};
use crate::end_to_end::aws;
use crate::end_to_end::crash::embedded;
use crate::end_to_end::kinesis::until_read;
use serde_json::json;
use stand_ins::{KinesisLocal, Ministack};

/// Reads while others write, in four parts with something done to the stream before each of them but the first.
pub async fn read_while(bench: &Bench, mut before: impl FnMut(usize)) {
    let store = embedded(&bench.dietz).await;
    store.migrate().await.expect("tables");
    let mut child = bench.start();
    bench.put(CORRECTIONS, &bench.corrections, None);
    let part = bench.feeds.len().div_ceil(4);
    for (n, messages) in bench.feeds.chunks(part).enumerate() {
        before(n);
        bench.put(FEEDS, messages, None);
    }
    until_read(&*store, bench.records, &mut child).await;
    child.stop();
    bench.is_as_from_files();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_kinesis_local_that_is_split_and_merged_while_it_is_read_gives_the_report_of_the_files() {
    let server = KinesisLocal::start().expect("kinesis-local");
    let bench = Bench::with_streams(&server.url());
    bench.topology("");
    let changes = [&[][..], &["split", "split"], &["merge"], &["merge", "split"]];
    read_while(&bench, |n| {
        for change in changes[n] {
            bench.client(json!([change, FEEDS]));
        }
    })
    .await;
    // And once more over a stream whose shards are nearly all closed.
    std::fs::remove_file(bench.dietz.path("dietz.db")).expect("a store that goes");
    bench.run_once();
    bench.is_as_from_files();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_ministack_that_is_polled_gives_the_report_of_the_files() {
    let server = Ministack::start().expect("ministack");
    let bench = Bench::with_streams(&server.url());
    bench.topology("");
    read_while(&bench, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ministack_pushes_gives_the_report_of_the_files() {
    let server = Ministack::start().expect("ministack");
    let bench = Bench::with_streams(&server.url());
    bench.topology("consumer = \"fan_out\"\nconsumer_name = \"figures\"");
    read_while(&bench, |_| {}).await;
    let arn = aws::aws(
        &bench.dietz.env,
        &[
            "kinesis",
            "describe-stream-summary",
            "--stream-name",
            FEEDS,
            "--output",
            "text",
            "--query",
            "*.StreamARN",
        ],
    );
    let consumers =
        aws::aws(&bench.dietz.env, &["kinesis", "list-stream-consumers", "--stream-arn", arn.trim()]);
    assert!(consumers.contains("\"figures\""), "{consumers}");
}
