//! `dietz`: streams vendor feeds into account performance.
//!
//! # Layout
//! - `commands/`: a file a command.
//! - [`argument`]: words of the command line that mean something.
//! - [`open`]: the topology and its store, as commands need them.
//! - [`figure`] and [`table`]: how figures are printed.
//! - [`exit`]: what the process says to the shell.
//!
//! This crate is the only place that prints.
mod argument;
mod commands;
mod exit;
mod figure;
mod open;
mod table;

use clap::error::{ContextKind, ContextValue, ErrorKind};
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
/// Without a command it runs `topology.toml` in this folder, with the options of `dietz run`.
#[derive(Parser)]
#[command(name = "dietz", version, after_help = exit::HELP, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    options: commands::run::Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Stream the feeds of a topology into its store until they end, or until stopped
    Run(commands::run::Args),
    /// Put feeds into a stream, keyed by account, or into a bucket as they are
    Send(commands::send::Args),
    /// Check a topology and all mappings it names, without touching feeds or store; with --connect, try them
    Check(commands::check::Args),
    /// Draw a topology
    Graph(commands::graph::Args),
    /// Print performance from the store
    Report(commands::report::Args),
    /// Show how one figure came about
    Explain(commands::explain::Args),
    /// List, show or export records that could not become observations
    Quarantine(commands::quarantine::Args),
    /// Show who is at work on the store, how far each partition is, and what waits
    Status(commands::status::Args),
    /// Bring the store's tables up to date
    Migrate(commands::migrate::Args),
    /// Print a completion script for a shell
    Completions {
        /// Whose completion script
        shell: clap_complete::Shell,
    },
}

/// The topology whose store a command reads.
#[derive(clap::Args, Clone)]
pub struct TopologyArg {
    /// The topology file
    #[arg(long, global = true, value_name = "FILE", default_value = "topology.toml")]
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

/// Where a topology file stands in a wrong place, the right one is told.
fn with_tip(mut wrong: clap::Error) -> clap::Error {
    let file = wrong.context().find_map(|(_, value)| match value {
        ContextValue::String(word) => Some(word).filter(|word| word.ends_with(".toml")),
        ContextValue::Strings(words) => words.iter().find(|word| word.ends_with(".toml")),
        _ => None,
    });
    let takes_file = wrong.get(ContextKind::Usage).is_some_and(|usage| usage.to_string().contains("[FILE]"));
    let tip = file.and_then(|file| match wrong.kind() {
        ErrorKind::InvalidSubcommand | ErrorKind::ArgumentConflict => {
            Some(format!("to run a topology, write `dietz run {file}`, and options after it"))
        }
        ErrorKind::UnknownArgument if !takes_file => {
            Some(format!("another topology is named by `--topology {file}`"))
        }
        _ => None,
    });
    if let Some(tip) = tip {
        wrong.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    wrong
}

fn main() -> ExitCode {
    end_quietly_on_a_closed_pipe();
    let cli = Cli::try_parse().unwrap_or_else(|e| with_tip(e).exit());
    let command = cli.command.unwrap_or_else(|| Command::Run(cli.options.into()));
    let result = match command {
        Command::Run(args) => commands::run::run(args),
        Command::Send(args) => commands::send::run(args),
        Command::Check(args) => commands::check::run(args),
        Command::Graph(args) => commands::graph::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Quarantine(args) => commands::quarantine::run(args),
        Command::Status(args) => commands::status::run(args),
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
