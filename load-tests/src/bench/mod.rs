//! How fast Dietz is on this machine, and what memory it takes.
//!
//! # Layout
//! - one file a bench: [`decode`], [`accumulate`], [`sink`], [`pipeline`], [`stream`], [`latency`], [`handover`].
//! - `input`, `ledger`, `rows`: a feed, its accounts and their rows in memory.
//! - `live`, `bare`: a stream with `dietz` processes on it, and a client of the stream that does nothing else.
//! - `database`: a Postgres database of a bench's own.
//! - [`clock`], [`machine`], [`report`]: time, place, and how figures print.
//!
//! Timings mean something beside each other, in one run on one machine: what has a goal is therefore a ratio or CPU time. Each is
//! measured several times; the median counts, and the smallest and largest are printed with it.
pub mod accumulate;
mod bare;
pub mod clock;
mod database;
pub mod decode;
pub mod handover;
mod input;
pub mod latency;
mod ledger;
mod live;
pub mod machine;
pub mod pipeline;
pub mod report;
mod rows;
pub mod sink;
pub mod stream;

use crate::generate::{Feed, GenerateError};
use report::Report;
use std::io;
use store::{CommitError, StoreError};
use tokio::runtime::{Builder, Runtime};

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bench {
    /// Bytes to observations.
    Decode,
    /// Bytes to rows in memory.
    Accumulate,
    /// Rows to the store.
    Sink,
    /// Files to the store, by all actors.
    Pipeline,
    /// Answers of a stream to batches.
    Stream,
    /// An event put to a stream until its row is in the store.
    Latency,
    /// One process stopped or killed until the next has committed.
    Handover,
}

impl Bench {
    pub const ALL: [Bench; 7] = [
        Bench::Decode,
        Bench::Accumulate,
        Bench::Sink,
        Bench::Pipeline,
        Bench::Stream,
        Bench::Latency,
        Bench::Handover,
    ];

    /// The sizes it is measured at unless others are asked for. All together take about ten minutes with Postgres; accounts are
    /// many wherever caches count.
    pub fn usual(self) -> Options {
        let (accounts, days, repeats) = match self {
            Bench::Decode | Bench::Accumulate => (100_000, 10, 5),
            Bench::Sink => (100_000, 5, 3),
            Bench::Pipeline => (20_000, 10, 3),
            Bench::Stream => (10_000, 20, 5),
            Bench::Latency => (200, 1, 2),
            Bench::Handover => (1_000, 20, 5),
        };
        Options { accounts, days, repeats, seed: 1, postgres: None }
    }
}

/// With what, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub accounts: u32,
    pub days: u32,
    pub seed: u64,
    /// How often each figure is measured, at least once.
    pub repeats: u32,
    /// The URL of a Postgres whose user may create databases: each bench works in databases of its own, dropped afterwards.
    pub postgres: Option<String>,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error("the layout of the generated feed: {0}")]
    Layout(String),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    #[error("Kinesis: {0}")]
    Kinesis(String),
    /// What to build first.
    #[error("{0}")]
    Binary(String),
    /// The work that was timed was not all done, so its time says nothing.
    #[error("the bench did not do its work: {0}")]
    Undone(String),
}

/// Runs one bench.
///
/// # Errors
/// Whatever keeps it from being measured; a figure that misses its goal is none.
pub fn run(bench: Bench, options: &Options) -> Result<Report, BenchError> {
    match bench {
        Bench::Decode => decode::run(options),
        Bench::Accumulate => accumulate::run(options),
        Bench::Sink => sink::run(options),
        Bench::Pipeline => pipeline::run(options),
        Bench::Stream => stream::run(options),
        Bench::Latency => latency::run(options),
        Bench::Handover => handover::run(options),
    }
}

/// The runtime that the store's connections live in, as `dietz run` has one.
fn runtime() -> Result<Runtime, BenchError> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

impl Options {
    /// The feed a bench reads: plain records in order of date.
    fn feed(&self) -> Feed {
        Feed { accounts: self.accounts, days: self.days, seed: self.seed, ..Feed::default() }
    }

    /// The sizes of a bench, for its report.
    fn about(&self, input: &input::Input) -> String {
        format!(
            "{} records of {} bytes, {} accounts, {} days, in order of date; {} runs",
            input.records,
            input.size() / input.records.max(1),
            self.accounts,
            self.days,
            self.repeats
        )
    }
}
