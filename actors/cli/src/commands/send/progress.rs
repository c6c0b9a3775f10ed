//! The live line on a terminal, and the closing one.
use super::Went;
use super::files::Input;
use crate::commands::progress::{counted, grouped, per_second, width};
use sources::send::Sent;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How far sending is.
pub struct Progress {
    files: usize,
    done: AtomicU64,
    /// Bytes of all files, as they lie there; 0 where that is not known.
    size: u64,
    pub read: Arc<AtomicU64>,
    pub records: AtomicU64,
    /// Bytes of messages handed over to be sent.
    pub taken: AtomicU64,
    file: Mutex<String>,
}

impl Progress {
    pub fn new(inputs: &[Input]) -> Progress {
        let known = inputs.iter().all(|i| i.size > 0);
        Progress {
            files: inputs.len(),
            done: AtomicU64::new(0),
            size: if known { inputs.iter().map(|i| i.size).sum() } else { 0 },
            read: Arc::default(),
            records: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            file: Mutex::default(),
        }
    }

    pub fn begin(&self, file: &str) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file.to_owned();
    }

    pub fn end(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    pub fn message_bytes(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn line(&self, sent: Option<&Sent>, elapsed: Duration) -> String {
        let read = self.read.load(Ordering::Relaxed);
        let mut out = String::new();
        // Writing to a text cannot fail.
        if self.size > 0 {
            let done = usize::try_from(u128::from(read) * 20 / u128::from(self.size)).unwrap_or(20).min(20);
            let percent = (u128::from(read) * 100 / u128::from(self.size)).min(100);
            let _ = write!(out, "[{}{}] {percent:3}%  ", "#".repeat(done), " ".repeat(20 - done));
        }
        if let Some(sent) = sent {
            let records = self.records();
            let _ = write!(out, "{} records  {}/s  ", grouped(records), per_second(records, elapsed));
            let _ = write!(out, "{} messages  ", grouped(sent.messages.load(Ordering::Relaxed)));
            let _ = write!(out, "{} retries  ", grouped(sent.retries.load(Ordering::Relaxed)));
        } else {
            let _ = write!(out, "{} bytes  ", grouped(read));
        }
        let (done, files) = (self.done.load(Ordering::Relaxed), self.files);
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(out, "{done}/{files} {file}");
        out.chars().take(width()).collect()
    }

    /// What went, in one line; of a bucket, a line an object before it.
    pub fn summary(&self, went: &Went, took: Duration) -> String {
        let mut out = String::new();
        for (place, etag) in &went.objects {
            let _ = writeln!(out, "{place}  {etag}");
        }
        let _ = write!(out, "sent {}", counted(self.done.load(Ordering::Relaxed), "file"));
        if let Some(messages) = went.messages {
            let _ =
                write!(out, ": {} in {}", counted(self.records(), "record"), counted(messages, "message"));
            if went.puts != messages {
                let _ = write!(out, " ({} of the stream)", counted(went.puts, "record"));
            }
        }
        let (bytes, retries) =
            (grouped(went.bytes), counted(went.retries, "retry").replace("retrys", "retries"));
        let _ = write!(out, ", {bytes} bytes");
        if went.messages.is_some() {
            let _ = write!(out, ", {retries}");
        }
        let _ = write!(out, ", {}.{} s", took.as_secs(), took.subsec_millis() / 100);
        out
    }
}

/// A line that is drawn until it is stopped.
pub struct Line {
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

const PERIOD: Duration = Duration::from_millis(200);

impl Line {
    /// Draws the line while standard error is a terminal; else nothing.
    pub fn start(progress: Arc<Progress>, sent: Option<Arc<Sent>>) -> Line {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let draw = move || {
            let began = Instant::now();
            while !seen.load(Ordering::Relaxed) {
                let text = progress.line(sent.as_deref(), began.elapsed());
                let _ = write!(stderr(), "\r\x1b[2K{text}");
                let _ = stderr().flush();
                std::thread::park_timeout(PERIOD);
            }
            let _ = write!(stderr(), "\r\x1b[2K");
        };
        let thread = Mutex::new(stderr().is_terminal().then(|| std::thread::spawn(draw)));
        Line { stop, thread }
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            // A thread that only draws has nothing to tell.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_counts_what_went_and_how_often_again() {
        let progress = Progress::new(&[]);
        progress.end();
        progress.records.store(12, Ordering::Relaxed);
        let went =
            |messages, puts, retries| Went { messages, bytes: 3456, puts, retries, objects: Vec::new() };
        let took = Duration::from_millis(1_260);
        assert_eq!(
            progress.summary(&went(Some(4), 2, 1), took),
            "sent 1 file: 12 records in 4 messages (2 records of the stream), 3,456 bytes, 1 retry, 1.2 s"
        );
        assert_eq!(progress.summary(&went(None, 1, 0), took), "sent 1 file, 3,456 bytes, 1.2 s");
    }
}
