//! What the process says to the shell: one line of what is wrong, and a code.
use crate::commands::progress::counted;
use pipeline::{Class, Failure, Problem};
use std::io::ErrorKind;
use std::process::ExitCode;
use store::{FeedRow, StoreError};

/// Printed under `dietz --help`.
pub const HELP: &str = "Exit codes:
  0  done
  1  something else went wrong
  2  the command line is wrong
  3  the topology or a mapping is wrong
  4  the store cannot be reached, or is in use
  5  under --strict: a record of this run went to quarantine, or a feed of it
     waits because its control count disagrees
  6  nothing found: no such account, date or record";

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Exit {
    #[error("{}", listed(.0))]
    Topology(Vec<Problem>),
    #[error("{0}")]
    Store(String),
    /// Under `--strict`: what this run read and could not use.
    #[error("{}", held_back(*.records, .feeds))]
    HeldBack { records: u64, feeds: Vec<FeedRow> },
    /// Who read our output wants no more of it: no fault.
    #[error("the reader closed the pipe")]
    ReaderGone,
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Other(String),
}

impl Exit {
    fn code(&self) -> u8 {
        match self {
            Exit::ReaderGone => 0,
            Exit::Other(_) => 1,
            Exit::Topology(_) => 3,
            Exit::Store(_) => 4,
            Exit::HeldBack { .. } => 5,
            Exit::NotFound(_) => 6,
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn held_back(records: u64, feeds: &[FeedRow]) -> String {
    let records = (records > 0)
        .then(|| format!("{} went to quarantine (see `dietz quarantine list`)", counted(records, "record")));
    let feeds = match feeds {
        [] => None,
        [one] => Some(format!("the feed {} waits because its control count disagrees", one.name)),
        more => Some(format!("{} feeds wait because their control counts disagree", more.len())),
    };
    records.into_iter().chain(feeds).collect::<Vec<String>>().join("; ")
}

impl From<StoreError> for Exit {
    fn from(e: StoreError) -> Self {
        Exit::Store(e.to_string())
    }
}

impl From<Failure> for Exit {
    fn from(f: Failure) -> Self {
        match f.class {
            Class::Transient | Class::LeaseLost => Exit::Store(f.text),
            Class::Fatal | Class::Poison => Exit::Other(f.text),
        }
    }
}

impl From<std::io::Error> for Exit {
    fn from(e: std::io::Error) -> Self {
        match e.kind() {
            ErrorKind::BrokenPipe => Exit::ReaderGone,
            _ => Exit::Other(e.to_string()),
        }
    }
}

/// Prints what went wrong, on standard error, and turns it into the process's code. A reader that closed the pipe is no fault.
pub fn told(result: Result<(), Exit>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Exit::ReaderGone) => ExitCode::SUCCESS,
        Err(e) => {
            match &e {
                // Each has its place in front, as editors and people expect.
                Exit::Topology(_) => eprintln!("{e}"),
                _ => eprintln!("dietz: {e}"),
            }
            ExitCode::from(e.code())
        }
    }
}
