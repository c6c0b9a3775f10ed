//! What tests and load tests run against in place of AWS and Kafka.
//!
//! [`kinesis`] is our own and needs nothing. The others come from package registries: the first test that asks installs them, pinned,
//! into `tests/stand-ins/.installed`. Without Python or Node.js starting one fails with a message that says what to do.
mod http;
mod installed;
pub mod kinesis;
mod kinesis_local;
mod launch;
mod microburst;
mod ministack;
mod noida;

pub use installed::{node_modules, python_program};
pub use kinesis_local::KinesisLocal;
pub use launch::LaunchError;
pub use microburst::Microburst;
pub use ministack::Ministack;
pub use noida::Noida;

/// Waits for Ctrl-C or SIGTERM.
pub async fn told_to_end() -> std::io::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = term.recv() => Ok(()),
    }
}
