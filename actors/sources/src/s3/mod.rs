//! Objects in S3.
mod config;

pub use config::S3Config;
