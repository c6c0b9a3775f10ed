//! `dietz graph`: draws a topology.
use crate::{Outcome, open};
use clap::ValueEnum;
use pipeline::topology::graph::Drawing;
use pipeline::topology::svg::svg;
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The topology file
    #[arg(default_value = "topology.toml")]
    file: PathBuf,
    /// What to draw it as
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For Markdown pages
    Mermaid,
    /// For Graphviz
    Dot,
    /// A picture
    Svg,
}

pub fn run(args: Args) -> Outcome {
    let drawing = Drawing::of(&open::topology(&args.file)?);
    let text = match args.format {
        Format::Mermaid => drawing.mermaid(),
        Format::Dot => drawing.dot(),
        Format::Svg => svg(&drawing),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
