//! microburst: a proxy that makes faults in front of any other stand-in.
use crate::http;
use crate::installed::{launcher, python_program};
use crate::launch::{LaunchError, Recipe, Running};
use std::process::Command;

/// A microburst of its own.
pub struct Microburst(Running);

impl Microburst {
    /// In front of the stand-in at this URL.
    pub fn start(upstream: &str) -> Result<Microburst, LaunchError> {
        let python = python_program("python")?;
        let microburst = python_program("microburst")?;
        let command = |ports: &[u16]| {
            let mut command = Command::new(&python);
            command.arg(launcher("ends_with_us.py")).arg(&microburst);
            command.args(["--upstream", upstream, "--host", "127.0.0.1", "--port"]);
            command.arg(ports.first().copied().unwrap_or_default().to_string());
            command
        };
        let recipe =
            Recipe { what: "microburst", command: &command, ports: 1, ready: Some("/_microburst/rules") };
        Running::start(&recipe).map(Microburst)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// Sets the rules, a JSON list as microburst's own documentation has it.
    pub fn set_rules(&self, rules: &str) -> Result<(), LaunchError> {
        let answer = http::call(self.0.port, "PATCH", "/_microburst/rules", rules)
            .map_err(LaunchError::io("setting microburst's rules"))?;
        if answer.status < 300 {
            return Ok(());
        }
        let error = std::io::Error::other(format!("HTTP {}: {}", answer.status, answer.body));
        Err(LaunchError::Io { what: "setting microburst's rules".to_owned(), error })
    }

    /// What was injected so far, as JSON.
    pub fn fired(&self) -> Result<String, LaunchError> {
        let answer = http::call(self.0.port, "GET", "/_microburst/fired", "");
        answer.map(|a| a.body).map_err(LaunchError::io("asking microburst what it injected"))
    }
}
