//! A fake Kinesis of its own process: for a tour, a load test, or a program that is not ours.
use clap::Parser;
use stand_ins::kinesis::{FakeKinesis, Limits, Settings};
use std::error::Error;
use std::io::Write;

/// Serves AWS's Kinesis API on loopback, and prints its URL once it answers. Ends on Ctrl-C or SIGTERM; nothing is kept.
#[derive(Parser)]
#[command(name = "fake-kinesis")]
struct Arguments {
    /// Port on 127.0.0.1; 0 for any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A stream to begin with and its shards, such as `feeds:4`; may be given more than once.
    #[arg(long = "stream", value_name = "NAME:SHARDS", value_parser = stream)]
    streams: Vec<(String, u32)>,
    /// AWS's limits of a shard, or none.
    #[arg(long, value_name = "none|real", default_value = "none", value_parser = limits)]
    limits: Limits,
    /// What decides sequence numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bytes of records held, at most; puts beyond it fail.
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    memory: u64,
}

fn stream(text: &str) -> Result<(String, u32), String> {
    let wrong = || format!("`{text}` is not NAME:SHARDS, such as feeds:4");
    let (name, shards) = text.split_once(':').ok_or_else(wrong)?;
    let shards = shards.parse().ok().filter(|n| (1..=1000).contains(n)).ok_or_else(wrong)?;
    Ok((name.to_owned(), shards))
}

fn limits(text: &str) -> Result<Limits, String> {
    match text {
        "none" => Ok(Limits::NONE),
        "real" => Ok(Limits::REAL),
        other => Err(format!("`{other}` is neither none nor real")),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let given = Arguments::parse();
    let settings = Settings {
        seed: given.seed,
        port: given.port,
        limits: given.limits,
        max_bytes: given.memory.saturating_mul(1024 * 1024),
        ..Settings::default()
    };
    let kinesis = FakeKinesis::start(settings)
        .map_err(|e| format!("cannot listen on 127.0.0.1:{}: {e}", given.port))?;
    for (name, shards) in &given.streams {
        kinesis.create_stream(name, *shards)?;
    }
    writeln!(std::io::stdout(), "{}", kinesis.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(stand_ins::told_to_end())?;
    Ok(())
}
