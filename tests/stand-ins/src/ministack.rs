//! ministack: many AWS services in one process, and the only public stand-in whose EventBridge reaches Kinesis, by our launcher.
use crate::http;
use crate::installed::{launcher, python_program};
use crate::launch::{LaunchError, Recipe, Running};
use std::process::Command;

/// A ministack of its own. Kinesis, S3 with events, EventBridge, SQS, Secrets Manager, CloudWatch, CloudFormation.
///
/// Not for resharding: it loses what is unread in a shard that is split.
pub struct Ministack(Running);

impl Ministack {
    pub fn start() -> Result<Ministack, LaunchError> {
        let python = python_program("python")?;
        let command = |ports: &[u16]| {
            let mut command = Command::new(&python);
            command.arg(launcher("eventbridge_to_kinesis.py")).env("BIND_HOST", "127.0.0.1");
            // Left to the caller's shell these would reach a real account, or another port.
            command.env_remove("AWS_ENDPOINT_URL").env_remove("AWS_PROFILE").env_remove("USE_SSL");
            command.env("GATEWAY_PORT", ports.first().copied().unwrap_or_default().to_string());
            command
        };
        let recipe =
            Recipe { what: "ministack", command: &command, ports: 1, ready: Some("/_ministack/health") };
        Running::start(&recipe).map(Ministack)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// Forgets all that was made.
    pub fn reset(&self) -> Result<(), LaunchError> {
        let answer = http::call(self.0.port, "POST", "/_ministack/reset", "");
        answer.map(drop).map_err(LaunchError::io("resetting ministack"))
    }
}
