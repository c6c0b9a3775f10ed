//! `dietz`: streams vendor feeds into account performance.
//!
//! # Layout
//! - `commands/`: a file a command.
//! - [`open`]: the topology and its store, as commands need them.
//! - [`figure`] and [`table`]: how figures are printed.
//! - [`exit`]: what the process says to the shell.
//!
//! This crate is the only place that prints.
mod commands;
mod exit;
mod figure;
mod open;
mod table;

use clap::{CommandFactory, Parser, Subcommand};
use exit::Exit;
use std::path::PathBuf;
use std::process::ExitCode;

/// Much of what one thread allocates another frees: rows go from accumulator to sink, their texts to the database's thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Streams vendor feeds into account performance: net flow, market value and time-weighted return for every account and day,
/// traceable to the lines they came from.
///
/// Without a command it runs `topology.toml` in this folder.
#[derive(Parser)]
#[command(name = "dietz", version, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Stream the feeds of a topology into its store until they end, or until stopped
    Run(commands::run::Args),
    /// Check a topology and all mappings it names, without touching feeds or store; with --connect, try them
    Check(commands::check::Args),
    /// Draw a topology
    Graph(commands::graph::Args),
    /// Print performance from the store
    Report(commands::report::Args),
    /// Show how one figure came about
    Explain(commands::explain::Args),
    /// Records that could not become observations
    Quarantine(commands::quarantine::Args),
    /// Bring the store's tables up to date
    Migrate(commands::migrate::Args),
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
}

/// The topology whose store a command reads.
#[derive(clap::Args, Clone)]
pub struct TopologyArg {
    /// The topology file
    #[arg(long, value_name = "FILE", default_value = "topology.toml")]
    topology: PathBuf,
}

/// `dietz report | head` closes the pipe early: that is no fault, and nothing a person should read about.
fn end_quietly_on_a_closed_pipe() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>();
        if text.is_some_and(|t| t.starts_with("failed printing to stdout")) {
            std::process::exit(0);
        }
        usual(info);
    }));
}

fn main() -> ExitCode {
    end_quietly_on_a_closed_pipe();
    let command = Cli::parse().command.unwrap_or_else(|| Command::Run(commands::run::Args::default()));
    let result = match command {
        Command::Run(args) => commands::run::run(args),
        Command::Check(args) => commands::check::run(args),
        Command::Graph(args) => commands::graph::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Quarantine(args) => commands::quarantine::run(args),
        Command::Migrate(args) => commands::migrate::run(args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "dietz", &mut std::io::stdout());
            Ok(())
        }
    };
    exit::told(result)
}

/// What a command comes back with.
pub type Outcome = Result<(), Exit>;
