//! Kinesis data streams.
mod config;

pub use config::{Consumer, KinesisConfig, OnGap, Start};
