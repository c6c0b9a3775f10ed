//! kinesis-local: a Kinesis whose closed shards stay readable, end, and name their children. Slow.
use crate::installed::{launcher, node_modules};
use crate::launch::{LaunchError, Recipe, Running};
use std::process::Command;

/// A kinesis-local of its own.
pub struct KinesisLocal(Running);

impl KinesisLocal {
    pub fn start() -> Result<KinesisLocal, LaunchError> {
        let package = node_modules()?.join("kinesis-local");
        let command = |ports: &[u16]| {
            let mut command = Command::new("node");
            // It looks for its certificate in the folder it is started in.
            command.current_dir(&package).arg("--require").arg(launcher("loopback.cjs")).arg("main.js");
            command
                .env("KINESIS_MOCK_CERT_PATH", "server.json")
                .env("SHARD_LIMIT", "200")
                .env("LOG_LEVEL", "ERROR");
            for (port, name) in ports.iter().zip(["KINESIS_MOCK_PLAIN_PORT", "KINESIS_MOCK_TLS_PORT"]) {
                command.env(name, port.to_string());
            }
            for change in
                ["CREATE_STREAM", "DELETE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT"]
            {
                command.env(format!("{change}_DURATION"), "20ms");
            }
            for change in ["REGISTER", "DEREGISTER"] {
                command.env(format!("{change}_STREAM_CONSUMER_DURATION"), "20ms");
            }
            command
        };
        let recipe =
            Recipe { what: "kinesis-local", command: &command, ports: 2, ready: Some("/healthcheck") };
        Running::start(&recipe).map(KinesisLocal)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }
}
