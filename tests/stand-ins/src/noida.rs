//! noida-db: a small broker with Kafka's protocol, and with real groups and transactions.
use crate::installed::{launcher, python_program};
use crate::launch::{LaunchError, Recipe, Running};
use std::process::Command;
use tempfile::TempDir;

/// A broker of its own, with nothing in it.
pub struct Noida {
    running: Running,
    // Removed after the broker has ended.
    _data: TempDir,
}

impl Noida {
    pub fn start() -> Result<Noida, LaunchError> {
        let python = python_program("python")?;
        let noida = python_program("noida-db")?;
        let data = tempfile::tempdir().map_err(LaunchError::io("making a folder for noida-db"))?;
        let command = |ports: &[u16]| {
            let mut command = Command::new(&python);
            command.arg(launcher("ends_with_us.py")).arg(&noida).args([
                "start",
                "--only",
                "kafka",
                "--data-dir",
            ]);
            command.arg(data.path()).arg("--kafka-port");
            command.arg(ports.first().copied().unwrap_or_default().to_string());
            command
        };
        let recipe = Recipe { what: "noida-db", command: &command, ports: 1, ready: None };
        let running = Running::start(&recipe)?;
        Ok(Noida { running, _data: data })
    }

    /// For `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.running.port)
    }
}
