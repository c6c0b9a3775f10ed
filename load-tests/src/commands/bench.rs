//! `bench`: figures of this machine.
use clap::ValueEnum;
use load_tests::bench::machine::Machine;
use load_tests::bench::report::{Document, Report};
use load_tests::bench::{self, Bench, Options};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// What to measure
    #[arg(value_enum)]
    bench: Name,
    /// [default: 100000; of `pipeline` 20000, of `stream` 10000, of `latency` 200, of `handover` 1000]
    #[arg(long)]
    accounts: Option<u32>,
    /// Business days of each account [default: 10; of `sink` 5, of `stream` and `handover` 20, of `latency` 1]
    #[arg(long)]
    days: Option<u32>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often each figure is measured [default: 5; of `sink` and `pipeline` 3, of `latency` 2]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    repeats: Option<u32>,
    /// A Postgres whose user may create databases; `sink`, `pipeline`, `latency` and `handover` measure it beside SQLite. Without it, what
    /// `DIETZ_TEST_POSTGRES_URL` says
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Append the figures to a file named by date and commit in this folder
    #[arg(long, num_args = 0..=1, default_missing_value = "load-tests/results", value_name = "FOLDER")]
    save: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Bytes to observations
    Decode,
    /// Bytes to rows in memory
    Accumulate,
    /// Rows to the store
    Sink,
    /// Files to the store, by all actors
    Pipeline,
    /// Answers of a stream to batches
    Stream,
    /// An event put to a stream until its row is in the store
    Latency,
    /// One process stopped or killed until the next has committed
    Handover,
    /// All of them
    All,
}

impl Name {
    fn benches(self) -> Vec<Bench> {
        match self {
            Name::Decode => vec![Bench::Decode],
            Name::Accumulate => vec![Bench::Accumulate],
            Name::Sink => vec![Bench::Sink],
            Name::Pipeline => vec![Bench::Pipeline],
            Name::Stream => vec![Bench::Stream],
            Name::Latency => vec![Bench::Latency],
            Name::Handover => vec![Bench::Handover],
            Name::All => Bench::ALL.to_vec(),
        }
    }
}

impl Args {
    fn options(&self, bench: Bench, postgres: &Option<String>) -> Options {
        let usual = bench.usual();
        Options {
            accounts: self.accounts.unwrap_or(usual.accounts),
            days: self.days.unwrap_or(usual.days),
            seed: self.seed,
            repeats: self.repeats.unwrap_or(usual.repeats),
            postgres: postgres.clone(),
        }
    }
}

pub fn run(args: Args) -> Result<(), String> {
    let machine = Machine::here();
    if machine.build == "debug" {
        eprintln!(
            "load-tests: this is a debug build: its figures say nothing of Dietz (cargo run --release)"
        );
    }
    let postgres = args.postgres.clone().or_else(|| std::env::var("DIETZ_TEST_POSTGRES_URL").ok());
    let mut reports = Vec::new();
    println!("{}", Document { machine: &machine, reports: &[] });
    for bench in args.bench.benches() {
        // Printed as they come: all of them take minutes.
        let report = bench::run(bench, &args.options(bench, &postgres)).map_err(|e| e.to_string())?;
        print!("{report}");
        reports.push(report);
    }
    args.save.map_or(Ok(()), |folder| save(&folder, &machine, &reports))
}

/// Appends, so that benches run one after the other on one commit stand in one file.
fn save(folder: &Path, machine: &Machine, reports: &[Report]) -> Result<(), String> {
    let path = folder.join(format!("{}-{}.md", machine.date, machine.commit));
    let append = || {
        fs::create_dir_all(folder)?;
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        write!(file, "{}", Document { machine, reports })
    };
    append().map_err(|e| format!("{}: {e}", path.display()))?;
    println!("saved to {}", path.display());
    Ok(())
}
