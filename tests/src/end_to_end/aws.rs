//! Clients of AWS's services that are not ours: awscli, and `tests/clients/kinesis.py` over botocore and aws-kinesis-agg.
use super::dietz::{checkout, text};
use serde_json::Value;
use stand_ins::python_program;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a command needs to call the stand-in at this URL, and nobody else.
pub type Env = Vec<(&'static str, String)>;

pub fn env(url: &str) -> Env {
    vec![
        ("AWS_ENDPOINT_URL", url.to_owned()),
        ("AWS_REGION", "us-east-1".into()),
        // The name that awscli and botocore have for it.
        ("AWS_DEFAULT_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        // Nothing of who runs the tests.
        ("AWS_CONFIG_FILE", "none".into()),
        ("AWS_SHARED_CREDENTIALS_FILE", "none".into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
    ]
}

/// Runs awscli; what it printed.
pub fn aws(env: &Env, args: &[&str]) -> String {
    let program = python_program("aws").expect("awscli is installed");
    let output = within(Command::new(program).args(args), env).output().expect("it runs");
    assert!(output.status.success(), "aws {args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// `tests/clients/kinesis.py`, which runs as long as this is held.
pub struct Kinesis {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Kinesis {
    pub fn client(env: &Env) -> Kinesis {
        let program = python_program("python").expect("Python is installed");
        let mut command = Command::new(program);
        command.arg(checkout().join("tests/clients/kinesis.py"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = within(&mut command, env).spawn().expect("it runs");
        let commands = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Kinesis { child, commands, answers }
    }

    /// The answer to a command, a list as the script has it. What went wrong stands in the test's output.
    pub fn call(&mut self, command: &Value) -> Value {
        writeln!(self.commands, "{command}").expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        assert!(!answer.is_empty(), "{} of {} failed", command[0], command[1]);
        serde_json::from_str(&answer).expect("JSON")
    }
}

impl Drop for Kinesis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn within<'a>(command: &'a mut Command, env: &Env) -> &'a mut Command {
    command.envs(env.iter().map(|(name, value)| (name, value))).env_remove("AWS_PROFILE")
}
