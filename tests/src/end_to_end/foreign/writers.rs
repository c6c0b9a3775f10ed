//! Streams that others wrote.
use super::{Bench, CORRECTIONS, FEEDS};
use crate::end_to_end::aws;
use serde_json::json;
use stand_ins::Ministack;

#[test]
fn what_another_producer_aggregates_gives_the_report_of_the_files() {
    let server = Ministack::start().expect("ministack");
    let bench = Bench::with_streams(&server.url());
    // Some as they are, some in aggregates by their keys, some by hash keys that lie all over the stream. It makes an aggregate with no regard
    // to shards: most of what is in one belongs elsewhere.
    let third = bench.feeds.len() / 3;
    let (plain, rest) = bench.feeds.split_at(third);
    let (keyed, hashed) = rest.split_at(third);
    bench.put(FEEDS, plain, None);
    bench.put(FEEDS, keyed, Some(4_096));
    let far = (0u128..).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834));
    let hashed = hashed.iter().zip(far);
    let hashed =
        hashed.map(|((key, data), hash)| json!({"key": key, "hash": hash.to_string(), "data": data}));
    bench.client(json!(["put", FEEDS, hashed.collect::<Vec<_>>(), 4_096]));
    bench.put(CORRECTIONS, &bench.corrections, Some(1_000_000));
    bench.topology("");
    bench.run_once();
    bench.is_as_from_files();
}

#[test]
fn whole_feeds_put_by_awscli_record_by_record_give_the_report_of_the_files() {
    let server = Ministack::start().expect("ministack");
    let bench = Bench::with_streams(&server.url());
    let put = |stream: &str, key: &str, file: &str| {
        let data = format!("fileb://{}", bench.dietz.path(file).display());
        let put = ["kinesis", "put-record", "--stream-name", stream, "--partition-key", key, "--data", &data];
        aws::aws(&bench.dietz.env, &put);
    };
    put(FEEDS, "bulk", "feeds/bulk.csv");
    put(FEEDS, "mirror", "feeds/mirror.psv");
    put(CORRECTIONS, "events", "corrections/corrections.jsonl");
    bench.topology("");
    bench.run_once();
    bench.is_as_from_files();
}
