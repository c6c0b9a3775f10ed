//! The stand-ins of the tour: Kinesis and S3 (ministack) and Kafka (noida-db) on loopback, with a stream, a bucket and a broker to send to.
use clap::Parser;
use stand_ins::{Ministack, Noida, python_program};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Starts what stands in for Kinesis, S3 and Kafka, with a stream of two shards and a bucket in it, and prints what the environment of
/// `dietz` needs. Ends on Ctrl-C or SIGTERM; nothing is kept. The first start installs them.
#[derive(Parser)]
#[command(name = "stand-ins")]
struct Arguments {
    /// Name of the stream and of the bucket.
    #[arg(long, default_value = "feeds")]
    name: String,
    /// Write the environment into this file instead, once all answers.
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let given = Arguments::parse();
    let (aws, kafka) = (Ministack::start()?, Noida::start()?);
    let environment = [
        ("AWS_ENDPOINT_URL", aws.url()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ("AWS_REGION", "us-east-1".into()),
        // The name awscli has for it.
        ("AWS_DEFAULT_REGION", "us-east-1".into()),
        ("KAFKA_BROKERS", kafka.bootstrap()),
    ];
    let call = |arguments: &[&str]| -> Result<(), Box<dyn Error>> {
        let mut command = Command::new(python_program("aws")?);
        let said =
            command.args(arguments).envs(environment.iter().map(|(name, value)| (*name, value))).output()?;
        let told = String::from_utf8_lossy(&said.stderr);
        if said.status.success() {
            Ok(())
        } else {
            Err(format!("aws {}: {told}", arguments.join(" ")).into())
        }
    };
    call(&["kinesis", "create-stream", "--stream-name", &given.name, "--shard-count", "2"])?;
    call(&["s3api", "create-bucket", "--bucket", &given.name])?;
    let exports: String =
        environment.iter().map(|(name, value)| format!("export {name}={value}\n")).collect();
    match &given.env {
        Some(file) => std::fs::write(file, exports).map_err(|e| format!("{}: {e}", file.display()))?,
        None => std::io::stdout().write_all(exports.as_bytes())?,
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(stand_ins::told_to_end())?)
}
