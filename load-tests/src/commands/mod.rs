//! The commands.
mod bench;
mod generate;

use clap::Parser;

/// Feeds of any size, and how fast Dietz is with them
#[derive(Parser)]
#[command(name = "load-tests", version)]
pub enum Command {
    /// Write a seeded feed, its mappings and a topology into a folder
    Generate(generate::Args),
    /// Measure a stage, or all of them, on this machine
    Bench(bench::Args),
    /// Write the repository's own sample feeds again
    Samples {
        /// The folder with `feeds` and `corrections.jsonl`, from the root of the repository
        #[arg(default_value = "codecs/samples")]
        folder: std::path::PathBuf,
    },
}

impl Command {
    pub fn run(self) -> Result<(), String> {
        match self {
            Command::Generate(args) => generate::run(args),
            Command::Bench(args) => bench::run(args),
            Command::Samples { folder } => {
                let files =
                    load_tests::samples::write(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
                println!("{files} files in {}", folder.display());
                Ok(())
            }
        }
    }
}
