//! What an operator sees of a source: its metrics, and the log. And time that passes at once.
use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::subscriber::DefaultGuard;

/// The metrics of what is made on this thread while they are watched.
pub struct Metrics(PrometheusRecorder);

impl Metrics {
    pub fn new() -> Metrics {
        Metrics(PrometheusBuilder::new().build_recorder())
    }

    pub fn watch(&self) -> LocalRecorderGuard<'_> {
        metrics::set_default_local_recorder(&self.0)
    }

    /// `dietz_kinesis_{name}` of the source, without a shard label. `None`: it is not there.
    pub fn all(&self, name: &str) -> Option<u64> {
        self.find(name, |labels| !labels.contains("shard="))
    }

    /// The same of the shard of this number.
    pub fn of(&self, shard: usize, name: &str) -> Option<u64> {
        let label = format!("shard=\"shardId-{shard:012}\"");
        self.find(name, |labels| labels.contains(&label))
    }

    fn find(&self, name: &str, fits: impl Fn(&str) -> bool) -> Option<u64> {
        let text = self.0.handle().render();
        let name = format!("dietz_kinesis_{name}");
        let values = text.lines().filter_map(|line| {
            let (labels, value) = line.strip_prefix(&name)?.strip_prefix('{')?.split_once("} ")?;
            (labels.contains("source=\"s\"") && fits(labels)).then(|| value.parse().unwrap())
        });
        let values: Vec<u64> = values.collect();
        assert!(values.len() < 2, "{name} is there more than once:\n{text}");
        values.first().copied()
    }
}

/// The log of this thread from now on.
pub struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn new() -> Log {
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        Log { text, _guard: tracing::subscriber::set_default(subscriber.finish()) }
    }

    /// The lines that hold all of these.
    pub fn lines(&self, parts: &[&str]) -> Vec<String> {
        let bytes = self.text.0.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let fit = text.lines().filter(|line| parts.iter().all(|part| line.contains(part)));
        fit.map(str::to_owned).collect()
    }
}

/// Lets time pass for the source at once. The fake has a clock of its own.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
