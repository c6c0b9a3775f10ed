//! Kinesis data streams.
pub mod aggregate;
mod bucket;
mod config;
mod graph;
mod position;

pub use config::{Consumer, KinesisConfig, OnGap, Start};
