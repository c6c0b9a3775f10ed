//! Answers of a Kinesis shard to batches: aggregates taken apart, messages framed and cut, with no network and nothing decoded.
use super::clock::{Cpu, Spent, timed};
use super::input::{Input, Messages};
use super::report::{Figure, Goal, Report, each, megabytes_per_second, per_second};
use super::{BenchError, Options, machine};
use crate::generate::Vendor;
use crate::generate::folder::{Sink, write_mappings, write_topology};
use bytes::Bytes;
use pipeline::topology::layouts::LayoutSet;
use pipeline::{Problem, SourceLayouts, Topology};
use record::BatchLimit;
use sources::Layouts;
use sources::kinesis::aggregate::Aggregate;
use sources::kinesis::measure::{Measured, hand_over};
use std::sync::Arc;
use std::time::Duration;
use store::Names;

/// Records of one answer, at most: what GetRecords gives.
const ANSWER: usize = 10_000;
/// Lines of a message, and messages of an aggregate, where there are many.
const MANY: usize = 100;
/// A core is to hold 50 full shards, each giving 2 MB a second: megabytes a second, in thousandths.
const GOAL: Goal = Goal::AtLeast(100_000);

pub fn run(options: &Options) -> Result<Report, BenchError> {
    machine::forget_peak();
    let input = Input::new(&options.feed())?;
    let layouts = layouts()?;
    let shapes = [
        ("a record a message", 1, input.messages(1)),
        ("100 records a message", MANY, input.messages(MANY)),
        ("aggregates of 100 messages of a record", 1, aggregates(input.messages(1))?),
    ];
    let mut figures = Vec::new();
    for (shape, lines, records) in &shapes {
        let answers: Vec<&[(String, Bytes)]> = records.chunks(ANSWER).collect();
        let runs: Result<Vec<Ran>, _> =
            (0..options.repeats).map(|_| take(&input, *lines, &layouts, &answers)).collect();
        figures.extend(self::figures(shape, &runs?));
    }
    Ok(Report { bench: "stream", about: options.about(&input), figures })
}

/// Time spent on all answers, and what they held.
struct Ran {
    spent: Spent,
    all: Measured,
}

fn figures(shape: &str, runs: &[Ran]) -> Vec<Figure> {
    let of = |pick: fn(&Ran) -> u64| runs.iter().map(pick).collect();
    vec![
        Figure::new(
            format!("{shape}, bytes of a CPU second"),
            "MB/s",
            of(|r| megabytes_per_second(r.all.bytes, r.spent.cpu)),
        )
        .goal(GOAL),
        Figure::new(
            format!("{shape}, messages of a CPU second"),
            "1/s",
            of(|r| per_second(r.all.user_records, r.spent.cpu)),
        ),
        Figure::new(
            format!("{shape}, CPU of a message"),
            "ns",
            of(|r| each(r.spent.cpu, r.all.user_records)),
        ),
    ]
}

fn take(
    input: &Input,
    lines: usize,
    layouts: &Arc<dyn Layouts>,
    answers: &[&[(String, Bytes)]],
) -> Result<Ran, BenchError> {
    let limit = BatchLimit { records: 4_096, bytes: 1 << 20, wait: Duration::ZERO };
    let (all, spent) = timed(Cpu::Thread, || {
        answers.iter().fold(Measured::default(), |mut all, answer| {
            let one = hand_over(layouts.clone(), answer, &limit);
            all.user_records += one.user_records;
            all.records += one.records;
            all.batches += one.batches;
            all.bytes += one.bytes;
            all
        })
    });
    // Each message begins with the header, which is a record too.
    let messages = input.records.div_ceil(lines as u64);
    if (all.user_records, all.records) != (messages, messages + input.records) {
        return Err(BenchError::Undone(format!(
            "of {} records in {messages} messages {} came in {}",
            input.records, all.records, all.user_records
        )));
    }
    Ok(Ran { spent, all })
}

/// The same messages, many in a record of the stream.
fn aggregates(messages: Messages) -> Result<Messages, BenchError> {
    let mut all = Vec::new();
    for many in messages.chunks(MANY) {
        let mut aggregate = Aggregate::new(1 << 20);
        let fits = many.iter().all(|(key, data)| aggregate.add(key, None, data.clone()));
        let record = aggregate.finish().filter(|_| fits);
        let record = record.ok_or_else(|| BenchError::Undone("messages too long for an aggregate".into()))?;
        all.push((record.partition_key, record.data));
    }
    Ok(all)
}

/// The main layout, as a source of the pipeline knows it.
fn layouts() -> Result<Arc<dyn Layouts>, BenchError> {
    let wrong =
        |problems: Vec<Problem>| BenchError::Layout(problems.iter().map(|p| format!("{p}\n")).collect());
    let folder = tempfile::tempdir()?;
    write_mappings(folder.path())?;
    write_topology(folder.path(), &Sink::Sqlite("bench.db".into()))?;
    let file = folder.path().join("topology.toml");
    let topology = Topology::parse(&std::fs::read_to_string(&file)?, &file).map_err(wrong)?;
    let set = LayoutSet::load(&topology, &Names::default()).map_err(wrong)?;
    Ok(Arc::new(SourceLayouts::new(&set, &[Vendor::Bulk.name().to_owned()], false)))
}
