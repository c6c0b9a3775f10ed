//! `cargo run --release -p load-tests -- generate | bench | samples`: feeds of any size, and how fast Dietz is with them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]
mod commands;

use clap::Parser;
use std::process::ExitCode;

/// The same as `dietz` has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("load-tests: {text}");
            ExitCode::FAILURE
        }
    }
}
