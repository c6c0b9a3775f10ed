//! An object's bytes as a reader that blocks, with the network on the other side of a bounded channel.
use super::bucket::{Bucket, Got};
use super::object::Object;
use crate::SourceError;
use crate::aws::chain;
use crate::whole::content::{Content, Trouble};
use crate::whole::input::Stamp;
use bytes::{Buf, Bytes};
use metrics::Counter;
use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Chunks between the network and the reader. A chunk is what came at once, some hundred KiB at most.
const CHUNKS: usize = 16;
/// How often in a row a body that brings nothing is asked for again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// An object that can be read from any byte.
pub(super) struct Remote {
    pub bucket: Arc<Bucket>,
    pub object: Object,
    /// Where the network is.
    pub runtime: Handle,
    /// The version that was given, from the first answer on.
    given: Arc<OnceLock<Arc<str>>>,
}

impl Remote {
    pub(super) fn new(bucket: &Arc<Bucket>, object: Object, runtime: &Handle) -> Remote {
        Remote { bucket: bucket.clone(), object, runtime: runtime.clone(), given: Arc::default() }
    }
}

impl Content for Remote {
    /// As it was found: that it is that still, each request makes sure.
    fn stamp(&self) -> io::Result<Stamp> {
        Ok(stamp(&self.object))
    }

    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let (tell, chunks) = mpsc::channel(CHUNKS);
        let pump = Pump::new(self, offset, tell);
        self.runtime.spawn(pump.run());
        Ok(Box::new(Download { chunks, chunk: Bytes::new(), over: false }))
    }

    fn version(&self) -> Option<&str> {
        Some(&self.object.mark)
    }

    fn object_version(&self) -> Option<Arc<str>> {
        self.given.get().or(self.object.version.as_ref()).cloned()
    }
}

pub(super) fn stamp(object: &Object) -> Stamp {
    object.stands.as_ref().map_or_else(Stamp::default, |s| Stamp { size: s.size, modified: s.modified })
}

/// `None` is the end.
type Chunk = Option<Result<Bytes, Trouble>>;

struct Download {
    chunks: mpsc::Receiver<Chunk>,
    chunk: Bytes,
    over: bool,
}

impl Read for Download {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.over {
            match self.chunks.blocking_recv() {
                Some(Some(Ok(chunk))) => self.chunk = chunk,
                Some(Some(Err(trouble))) => return Err(trouble.into()),
                Some(None) => self.over = true,
                None => {
                    let text = "a download was given up in its middle".to_owned();
                    return Err(Trouble::Source(SourceError::Transient(text)).into());
                }
            }
        }
        let n = buf.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buf[..n]);
        Ok(n)
    }
}

/// Brings an object's bytes to a reader, and goes on where a body broke off.
struct Pump {
    bucket: Arc<Bucket>,
    object: Object,
    reached: u64,
    size: u64,
    tell: mpsc::Sender<Chunk>,
    given: Arc<OnceLock<Arc<str>>>,
    got: Counter,
    retries: Counter,
}

/// Why a body is over.
enum Over {
    /// Nobody reads any more.
    Left,
    /// All of it came.
    Whole,
    /// It broke off, for this reason.
    Cut(String),
}

impl Pump {
    fn new(remote: &Remote, reached: u64, tell: mpsc::Sender<Chunk>) -> Pump {
        let source = remote.bucket.source.to_string();
        Pump {
            bucket: remote.bucket.clone(),
            object: remote.object.clone(),
            reached,
            size: stamp(&remote.object).size,
            tell,
            given: remote.given.clone(),
            got: metrics::counter!("dietz_s3_bytes_got_total", "source" => source.clone()),
            retries: metrics::counter!("dietz_s3_retries_total", "source" => source),
        }
    }

    async fn run(mut self) {
        let last = match self.all().await {
            Ok(true) => None,
            Ok(false) => return,
            Err(trouble) => Some(Err(trouble)),
        };
        // If nobody reads any more nobody misses it.
        let _ = self.tell.send(last).await;
    }

    /// Brings all of it; false if nobody reads any more.
    async fn all(&mut self) -> Result<bool, Trouble> {
        let mut tries = 0;
        while self.reached < self.size {
            let before = self.reached;
            let cut = match self.body().await? {
                Over::Left => return Ok(false),
                Over::Whole => break,
                Over::Cut(why) => why,
            };
            tries = if self.reached > before { 1 } else { tries + 1 };
            if tries > TRIES {
                return Err(self.broken(&format!("broke off {tries} times at byte {}: {cut}", self.reached)));
            }
            tracing::debug!(source = %self.bucket.source, key = %self.object.key, at = self.reached, why = %cut, "goes on with a range");
            self.retries.increment(1);
            tokio::time::sleep(PAUSE * 2u32.saturating_pow(tries - 1)).await;
        }
        Ok(true)
    }

    /// One request's worth of bytes. The SDK has tried again for its answer; the body is ours.
    async fn body(&mut self) -> Result<Over, Trouble> {
        let Got { mut body, version } = self.bucket.get(&self.object, self.reached, None).await?;
        if let Some(version) = version {
            // Of several with the same bytes the first that was read.
            let _ = self.given.set(version);
        }
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                // All of it is there, so what is wrong is what it says: its checksum.
                Err(e) if self.reached == self.size => {
                    return Err(self.broken(&format!("arrived damaged: {}", chain(&e))));
                }
                Err(e) => return Ok(Over::Cut(chain(&e))),
            };
            self.reached += chunk.len() as u64;
            self.got.increment(chunk.len() as u64);
            if self.reached > self.size {
                return Err(self.broken("is longer than it says"));
            }
            if !chunk.is_empty() && self.tell.send(Some(Ok(chunk))).await.is_err() {
                return Ok(Over::Left);
            }
        }
        let whole = self.reached == self.size;
        Ok(if whole { Over::Whole } else { Over::Cut("its connection ended early".into()) })
    }

    fn broken(&self, what: &str) -> Trouble {
        let place = format!("s3://{}/{}", self.bucket.name, self.object.key);
        Trouble::Source(SourceError::Transient(format!("{place} {what}")))
    }
}
