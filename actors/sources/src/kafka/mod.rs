//! Kafka topics.
mod config;

pub use config::{KafkaConfig, Start};
