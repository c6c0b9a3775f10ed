//! A Kinesis of our own: AWS's HTTP API on a loopback port, with AWS's rules, and with faults on command.
//!
//! It does what public stand-ins do not: the limits of a shard, iterators that expire, errors and cut connections by rule or by
//! seed, partial failures, retention, merges of two parents. It speaks AWS JSON 1.1 over HTTP/1.1 and over HTTP/2 without TLS; CBOR,
//! which some clients prefer, is refused with a message that says so. No signature is computed, and nothing is kept on disk.
//!
//! ```
//! use stand_ins::kinesis::{FakeKinesis, Fault, Operation, Rule, Settings};
//!
//! let kinesis = FakeKinesis::start(Settings { seed: 7, ..Settings::default() })?;
//! kinesis.create_stream("feeds", 2)?;
//! kinesis.inject(Rule::on(Operation::GetRecords, Fault::Cut).times(1));
//! kinesis.put("feeds", "account-1", b"a record")?;
//! println!("export AWS_ENDPOINT_URL={}", kinesis.url());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod account;
mod calls;
mod clock;
mod content;
mod error;
mod event_frame;
mod faults;
mod hash_key;
mod operation;
mod reshard;
mod script;
mod sequence;
mod server;
mod settings;
mod shard;
mod signature;
mod stream;
mod subscription;
mod throttle;
mod token;
mod wire;

pub use calls::ShardOrder;
pub use clock::Clock;
pub use error::{ApiError, ErrorKind};
pub use faults::{Counts, Fault, Rule, RuleId, rough_sea};
pub use hash_key::{HashRange, hash_key};
pub use operation::Operation;
pub use script::{Placed, Record, ShardState};
pub use sequence::SequenceNumber;
pub use settings::{Credentials, Limits, Settings, ShardEnd, TrimmedStart};

use account::Account;
use faults::Faults;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// A running fake Kinesis. It ends when it is dropped, with all its connections.
pub struct FakeKinesis {
    url: String,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What calls, subscriptions and the test share.
struct Shared {
    settings: Settings,
    clock: Clock,
    account: Mutex<Account>,
    faults: Mutex<Faults>,
    /// Something changed that subscriptions may wait for.
    changed: watch::Sender<()>,
    /// Every connection is to be closed now.
    cut: watch::Sender<()>,
}

impl FakeKinesis {
    /// Starts on its own thread, so that a test that blocks, or has no runtime, can use it. It answers when this returns.
    pub fn start(settings: Settings) -> std::io::Result<FakeKinesis> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            clock: Clock::new(),
            account: Mutex::new(Account::new(&settings)),
            faults: Mutex::new(Faults::new(settings.seed)),
            changed: watch::Sender::new(()),
            cut: watch::Sender::new(()),
            settings,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stop = watch::Sender::new(false);
        let (stopped, serving) = (stop.subscribe(), shared.clone());
        let work = move || runtime.block_on(server::serve(listener, serving, stopped));
        let thread = std::thread::Builder::new().name("fake-kinesis".to_owned()).spawn(work)?;
        Ok(FakeKinesis { url, shared, stop, thread: Some(thread) })
    }

    /// The endpoint, such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the environment of a process must say so that its AWS client finds this, and nothing of who runs it.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let settings = self.settings();
        let key = match &settings.credentials {
            Credentials::Any => "test",
            Credentials::Key(key) => key,
        };
        vec![
            ("AWS_ENDPOINT_URL_KINESIS", self.url.clone()),
            ("AWS_REGION", settings.region.clone()),
            ("AWS_ACCESS_KEY_ID", key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "none".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "none".to_owned()),
        ]
    }

    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}

impl Drop for FakeKinesis {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed; a second one here would end the process.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn announce(&self) {
        self.changed.send_replace(());
    }
}

/// What a panic elsewhere left behind is used as it is: a test is about to fail anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
