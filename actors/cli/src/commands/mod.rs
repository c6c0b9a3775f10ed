//! A file a command.
pub mod check;
pub mod explain;
pub mod graph;
pub mod migrate;
pub mod progress;
pub mod quarantine;
pub mod report;
pub mod run;
pub mod send;
pub mod status;
