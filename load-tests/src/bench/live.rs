//! A stream, a store, and `dietz` processes that read the one into the other, as a user runs them.
use super::BenchError;
use super::database::Database;
use crate::binary;
use crate::generate::folder::{Sink, VENDORS, write_mappings, write_text};
use stand_ins::kinesis::{FakeKinesis, Settings};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use store::postgres::PostgresStore;
use store::{Names, Store};
use tempfile::TempDir;

pub const STREAM: &str = "feeds";
/// How often the store is looked at: no delay is told finer.
pub const LOOK: Duration = Duration::from_millis(1);
/// How long anything may take before the bench says that it does not happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a run is measured with, beside the product's defaults.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Further keys of the source.
    pub source: &'static str,
    /// Further keys of the sink.
    pub sink: &'static str,
}

/// A stream of one shard, and a new store.
pub struct Live {
    pub fake: FakeKinesis,
    /// As anybody can read it.
    pub store: Arc<dyn Store>,
    database: Option<Database>,
    folder: TempDir,
    binary: PathBuf,
}

impl Live {
    /// `postgres`: a database of its own there, else an embedded store.
    pub async fn new(settled: Settled, postgres: Option<&str>) -> Result<Live, BenchError> {
        let binary = binary::dietz().map_err(BenchError::Binary)?;
        let kinesis = |e: &dyn std::fmt::Display| BenchError::Kinesis(e.to_string());
        let fake = FakeKinesis::start(Settings::default())?;
        fake.create_stream(STREAM, 1).map_err(|e| kinesis(&e))?;
        let folder = tempfile::tempdir()?;
        write_mappings(folder.path())?;
        let (sink, store, database): (_, Arc<dyn Store>, _) = match postgres {
            None => {
                let path = folder.path().join("bench.db");
                let store = store::sqlite::open(&path, Arc::new(Names::default())).await?;
                (Sink::Sqlite("bench.db".into()), Arc::new(store), None)
            }
            Some(base) => {
                let database = Database::create(base).await?;
                let store = PostgresStore::connect(&database.url, Arc::new(Names::default())).await?;
                (Sink::Postgres(database.url.clone()), Arc::new(store), Some(database))
            }
        };
        store.migrate().await?;
        write_text(&folder.path().join("topology.toml"), &topology(settled, &sink))?;
        Ok(Live { fake, store, database, folder, binary })
    }

    /// Puts one message; when it was put.
    pub fn put(&self, (key, message): &(String, bytes::Bytes)) -> Result<Instant, BenchError> {
        let at = Instant::now();
        self.fake.put(STREAM, key, message).map_err(|e| BenchError::Kinesis(e.to_string()))?;
        Ok(at)
    }

    pub fn start(&self) -> Result<Process, BenchError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let said = self.folder.path().join(format!("stderr-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut command = Command::new(&self.binary);
        command.arg("run").current_dir(self.folder.path()).envs(self.fake.env());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said)?);
        Ok(Process { child: command.spawn()?, said })
    }

    /// How many messages are committed.
    pub async fn committed(&self) -> Result<u64, BenchError> {
        Ok(self.store.reader().checkpoints().await?.iter().map(|c| c.counts.decoded).sum())
    }

    /// Whether a process has this role, and is alive.
    pub async fn is(&self, process: &Process, role: &str) -> Result<bool, BenchError> {
        let told = self.store.reader().ownership().await?;
        let name = format!("/{}", process.child.id());
        Ok(told.workers.iter().any(|w| w.name.ends_with(&name) && w.role == role && w.expires_at > told.now))
    }

    /// Each of so many messages gave a row, once.
    pub async fn all_are_rows(&self, messages: u64) -> Result<(), BenchError> {
        let (rows, committed) = (self.store.reader().totals().await?.rows, self.committed().await?);
        match (rows, committed) == (messages, messages) {
            true => Ok(()),
            false => {
                let text = format!(
                    "{messages} messages were put, {committed} committed, and {rows} rows came of them"
                );
                Err(BenchError::Undone(text))
            }
        }
    }

    pub async fn end(self) -> Result<(), BenchError> {
        drop(self.store);
        if let Some(database) = self.database {
            database.drop().await?;
        }
        Ok(())
    }
}

fn topology(settled: Settled, sink: &Sink) -> String {
    let Settled { source, sink: more } = settled;
    let place = sink.place();
    format!(
        "[sources.feeds]\ntype = \"kinesis\"\nstream = \"{STREAM}\"\n{source}\n\
         \n[decoders.layouts]\ninputs = [\"feeds\"]\nvendors = \"{VENDORS}\"\n\
         \n[accumulators.returns]\ninputs = [\"layouts\"]\n\
         \n[checkers.tolerance]\ninputs = [\"returns\"]\n\
         \n[sinks.store]\ninputs = [\"tolerance\"]\n{place}\n{more}\n"
    )
}

/// `dietz run`; it is killed when this is dropped.
pub struct Process {
    child: Child,
    said: PathBuf,
}

impl Process {
    /// Asks it to stop, and waits until it has: that is a good end.
    pub fn stop(&mut self) -> Result<(), BenchError> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        match told.success() && self.child.wait()?.success() {
            true => Ok(()),
            false => Err(self.undone("a process that was asked to stop did not end well")),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<(), BenchError> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The bench could not do its work: what, and what the process said.
    pub fn undone(&self, what: &str) -> BenchError {
        let said = fs::read_to_string(&self.said).unwrap_or_default();
        BenchError::Undone(format!("{what}; dietz said:\n{said}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of one that has ended there is nothing to end.
        let _ = self.kill();
    }
}
