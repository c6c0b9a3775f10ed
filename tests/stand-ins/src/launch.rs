//! Starting a stand-in, waiting until it answers, and ending it.
use crate::http;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Why a stand-in could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("{program} was not found: {remedy}")]
    Missing { program: &'static str, remedy: &'static str },
    #[error("installing {what} failed; what was said last:\n{said}")]
    Install { what: &'static str, said: String },
    #[error("{what} does not answer on port {port} after {}; what it said last:\n{said}", seconds(.waited))]
    NotReady { what: &'static str, port: u16, waited: Duration, said: String },
    #[error("{what}: {error}")]
    Io { what: String, error: std::io::Error },
}

fn seconds(time: &Duration) -> String {
    format!("{} s", time.as_secs())
}

impl LaunchError {
    /// For `map_err`, with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> LaunchError {
        let what = what.into();
        |error| LaunchError::Io { what, error }
    }
}

/// How a stand-in is started on a port.
pub(crate) struct Recipe<'a> {
    pub what: &'static str,
    /// The command for the ports given, the first of which is asked for readiness.
    pub command: &'a dyn Fn(&[u16]) -> Command,
    pub ports: usize,
    /// What answers 200 once it is ready; without it a port that takes connections is enough.
    pub ready: Option<&'static str>,
}

/// A stand-in that runs. Ended when dropped, and also when this process is killed: it watches its standard input.
pub(crate) struct Running {
    child: Child,
    pub port: u16,
}

/// A busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(120);
/// So long it may take to end what it has started; killed before that, it would leave it behind.
const FAREWELL: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(20);
/// A free port may be taken by another before the stand-in has it.
const ATTEMPTS: usize = 3;
/// Of what a stand-in wrote, so much is shown when it fails.
const SAID: u64 = 4096;

impl Running {
    pub(crate) fn start(recipe: &Recipe<'_>) -> Result<Running, LaunchError> {
        let mut attempts = 1;
        loop {
            match Running::attempt(recipe) {
                Err(LaunchError::NotReady { waited, .. }) if attempts < ATTEMPTS && waited < PATIENCE => {
                    attempts += 1;
                }
                other => return other,
            }
        }
    }

    fn attempt(recipe: &Recipe<'_>) -> Result<Running, LaunchError> {
        let ports = free_ports(recipe.ports).map_err(LaunchError::io("looking for a free port"))?;
        let mut log = tempfile::tempfile().map_err(LaunchError::io("making a log file"))?;
        let out = log.try_clone().map_err(LaunchError::io("sharing a log file"))?;
        let err = log.try_clone().map_err(LaunchError::io("sharing a log file"))?;
        let mut command = (recipe.command)(&ports);
        command.stdin(Stdio::piped()).stdout(out).stderr(err);
        let child = command.spawn().map_err(LaunchError::io(format!("starting {}", recipe.what)))?;
        let port = ports.first().copied().unwrap_or_default();
        let mut running = Running { child, port };
        let began = Instant::now();
        while !is_ready(port, recipe.ready) {
            let ended = !matches!(running.child.try_wait(), Ok(None));
            if ended || began.elapsed() > PATIENCE {
                let said = last_said(&mut log).unwrap_or_default();
                return Err(LaunchError::NotReady { what: recipe.what, port, waited: began.elapsed(), said });
            }
            sleep(GLANCE);
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its standard input ends first, so that it can end what it has started itself.
        drop(self.child.stdin.take());
        let deadline = Instant::now() + FAREWELL;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            sleep(GLANCE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(port: u16, path: Option<&str>) -> bool {
    match path {
        Some(path) => http::call(port, "GET", path, "").is_ok_and(|answer| answer.status == 200),
        None => std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
    }
}

fn free_ports(count: usize) -> std::io::Result<Vec<u16>> {
    let held = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let held = held.collect::<std::io::Result<Vec<_>>>()?;
    held.iter().map(|l| l.local_addr().map(|a| a.port())).collect()
}

/// The end of what was written.
fn last_said(log: &mut File) -> std::io::Result<String> {
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(SAID)))?;
    let mut said = Vec::new();
    log.take(SAID).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}
