//! `dietz send`: puts feeds into a stream, keyed by account, or into a bucket as they are.
mod feed;
mod files;
mod pace;
mod progress;

use crate::argument::{self, Rate};
use crate::exit::Exit;
use crate::{Outcome, TopologyArg, open};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory};
use feed::Feeds;
use files::Input;
use pipeline::topology::layouts::LayoutSet;
use progress::{Line, Progress};
use sources::send::kafka::KafkaSender;
use sources::send::kinesis::KinesisSender;
use sources::send::s3::S3Sender;
use sources::send::{SendError, Sender, Target};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use store::Names;

/// Puts feeds into a stream of Kinesis or a topic of Kafka, message by message with the account for a key, or into a bucket of S3 as they
/// are.
///
/// A message can be read alone: what a record needs before it, such as a header line, travels with it. A feed that declares its end (a control
/// count, a total, XML) is one message. Credentials, region and endpoint are found where the AWS command line finds them.
#[derive(clap::Args)]
pub struct Args {
    /// kinesis://STREAM, kafka://HOST:PORT/TOPIC or s3://BUCKET/KEY; with s3 a KEY that ends in / is a folder
    #[arg(long, value_name = "TARGET")]
    to: Target,
    /// The files to send, in this order; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The vendor or layout of all files; without it each is known by its mapping's [detect]
    #[arg(long, value_name = "NAME")]
    vendor: Option<String>,
    /// At most so many records a second, as in 500, or bytes, as in 2MiB
    #[arg(long, value_name = "RATE", value_parser = argument::rate)]
    rate: Option<Rate>,
    /// Kinesis: many messages in one record, in the format of the Kinesis Producer Library
    #[arg(long)]
    aggregate: bool,
    /// The longest message, as in 10MiB where the stream is set so [default: 1MiB; Kafka 1000000B]
    #[arg(long, value_name = "SIZE", value_parser = argument::size)]
    max_message: Option<u64>,
    /// Kafka: the brokers, where TARGET names none
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Kafka: a setting of the client, as in compression.type=zstd
    #[arg(long = "set", value_name = "KEY=VALUE", action = ArgAction::Append, value_parser = argument::setting)]
    settings: Vec<(String, String)>,
    #[command(flatten)]
    topology: TopologyArg,
}

/// The longest message there may be, in bytes: readers take no longer one.
const LONGEST: u64 = 64 << 20;
const LONGEST_OF_KINESIS: u64 = 10 << 20;
/// Of an aggregate, so that a shard, which takes 1 MB a second, takes some of them a second.
const AGGREGATE: usize = 128 << 10;

pub fn run(args: Args) -> Outcome {
    args.check();
    let inputs = files::inputs(&args.files)?;
    let progress = Arc::new(Progress::new(&inputs));
    let began = Instant::now();
    let runtime = open::runtime()?;
    let sent = match &args.to {
        Target::S3 { bucket, key } => {
            let placed = files::keys(&inputs, key)?;
            runtime.block_on(to_bucket(bucket, &inputs, &placed, &progress, args.rate))?
        }
        _ => {
            let topology = open::topology(&args.topology.topology)?;
            let layouts = open::layouts(&topology, &Names::default())?;
            runtime.block_on(to_stream(&args, &inputs, &layouts, &progress))?
        }
    };
    println!("{}", progress.summary(&sent, began.elapsed()));
    Ok(())
}

impl Args {
    /// What one target alone understands is refused for another, so that nobody waits for an effect.
    fn check(&self) {
        let is_kafka = matches!(self.to, Target::Kafka { .. });
        let has_brokers = self.brokers.is_some();
        match &self.to {
            Target::S3 { .. } if self.vendor.is_some() || self.max_message.is_some() => {
                wrong("files go to S3 as they are: leave out --vendor and --max-message")
            }
            Target::S3 { .. } if matches!(self.rate, Some(Rate::Records(_))) => wrong(
                "files go to S3 as they are, and nobody counts their records: give --rate in bytes, as in 2MiB",
            ),
            Target::Kafka { brokers: None, .. } if !has_brokers => {
                wrong("no broker is named: write kafka://HOST:PORT/TOPIC, or give --brokers")
            }
            Target::Kafka { brokers: Some(_), .. } if has_brokers => {
                wrong("brokers stand in --to and in --brokers: leave one of them out")
            }
            _ if !is_kafka && (has_brokers || !self.settings.is_empty()) => {
                wrong("--brokers and --set are for Kafka alone")
            }
            _ if self.aggregate && !matches!(self.to, Target::Kinesis { .. }) => {
                wrong("--aggregate is for Kinesis alone")
            }
            _ => {}
        }
        let most = if matches!(self.to, Target::Kinesis { .. }) { LONGEST_OF_KINESIS } else { LONGEST };
        if self.max_message.is_some_and(|n| !(1024..=most).contains(&n)) {
            wrong(&format!("--max-message is from 1KiB to {}MiB here", most >> 20));
        }
    }

    fn longest(&self) -> usize {
        let usual = if matches!(self.to, Target::Kafka { .. }) { 1_000_000 } else { 1 << 20 };
        usize::try_from(self.max_message.unwrap_or(usual)).unwrap_or(usize::MAX)
    }

    async fn sender(&self) -> Result<Sender, SendError> {
        Ok(match &self.to {
            Target::Kafka { brokers, topic } => {
                let brokers = brokers.as_deref().or(self.brokers.as_deref()).unwrap_or_default();
                let settings: BTreeMap<String, String> = self.settings.iter().cloned().collect();
                Sender::Kafka(Box::new(KafkaSender::open(brokers, topic, &settings, self.longest()).await?))
            }
            Target::Kinesis { stream } => {
                let aggregate = self.aggregate.then(|| AGGREGATE.min(self.longest()));
                Sender::Kinesis(Box::new(KinesisSender::open(stream, aggregate).await?))
            }
            Target::S3 { .. } => return Err(SendError("a bucket takes no messages".into())),
        })
    }
}

/// Ends as for any command line that cannot be understood.
fn wrong(text: &str) -> ! {
    let mut command = crate::Cli::command();
    command.build();
    let mut command = command.find_subcommand("send").cloned().unwrap_or(command);
    command.error(ErrorKind::ArgumentConflict, text).exit()
}

/// What went, for the closing line.
pub struct Went {
    /// Messages, or `None` where files went as they are.
    pub messages: Option<u64>,
    pub bytes: u64,
    /// Records of the stream that hold the messages.
    pub puts: u64,
    pub retries: u64,
    /// The ETag of each object, where files went as they are.
    pub objects: Vec<(String, String)>,
}

async fn to_stream(
    args: &Args,
    inputs: &[Input],
    layouts: &LayoutSet,
    progress: &Arc<Progress>,
) -> Result<Went, Exit> {
    let mut sender = args.sender().await?;
    let sent = sender.sent();
    let line = Line::start(progress.clone(), Some(sent.clone()));
    let mut feeds = Feeds::new(args, layouts, progress);
    let mut result = feeds.send(inputs, &mut sender).await;
    // What was taken before an error is put all the same, so that it is known what went.
    if let Err(e) = sender.finish().await {
        result = result.and(Err(e.into()));
    }
    line.stop();
    feeds.warn();
    let went = Went {
        messages: Some(sent.messages.load(Ordering::Relaxed)),
        bytes: sent.bytes.load(Ordering::Relaxed),
        puts: sent.puts.load(Ordering::Relaxed),
        retries: sent.retries.load(Ordering::Relaxed),
        objects: Vec::new(),
    };
    result.map_err(|e| e.after(went.messages.unwrap_or_default()))?;
    Ok(went)
}

async fn to_bucket(
    bucket: &str,
    inputs: &[Input],
    keys: &[String],
    progress: &Arc<Progress>,
    rate: Option<Rate>,
) -> Result<Went, Exit> {
    let sender = S3Sender::open(bucket).await?;
    let line = Line::start(progress.clone(), None);
    let mut pace = pace::Pace::new(rate);
    let mut objects = Vec::new();
    for (input, key) in inputs.iter().zip(keys) {
        progress.begin(&input.name);
        let spooled = input.spooled()?;
        let path = spooled.as_ref().map_or(input.path.as_path(), |file| file.path());
        let etag = sender.put(path, key).await;
        if etag.is_err() {
            line.stop();
        }
        objects.push((format!("s3://{bucket}/{key}"), etag?));
        let bytes = sender.bytes.load(Ordering::Relaxed);
        progress.read.store(bytes, Ordering::Relaxed);
        progress.end();
        if let Some(time) = pace.due(0, bytes) {
            tokio::time::sleep_until(time.into()).await;
        }
    }
    line.stop();
    let bytes = sender.bytes.load(Ordering::Relaxed);
    Ok(Went { messages: None, bytes, puts: objects.len() as u64, retries: 0, objects })
}

impl From<SendError> for Exit {
    fn from(e: SendError) -> Self {
        Exit::Other(e.0)
    }
}
