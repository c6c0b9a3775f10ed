//! The binary in a folder of its own.
use load_tests::generate::folder::{VENDORS, write_mappings};
use load_tests::{Feed, Share, binary, write, write_corrections};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder with a topology, and the binary to run in it.
pub struct Dietz {
    pub folder: TempDir,
    /// Set for every command.
    pub env: Vec<(&'static str, String)>,
}

/// What a topology for generated feeds sets; the rest is as the product's defaults.
pub struct Settings {
    pub sink: String,
    pub batch_records: usize,
    pub batch_rows: usize,
    pub accounts: usize,
    /// Of accumulators.
    pub instances: usize,
    pub decoders: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let sink = sqlite("dietz.db");
        Settings {
            sink,
            batch_records: 4_096,
            batch_rows: 100_000,
            accounts: 1_000_000,
            instances: 2,
            decoders: 1,
        }
    }
}

pub fn sqlite(path: &str) -> String {
    format!("type = \"sqlite\"\npath = \"{path}\"")
}

pub fn postgres(url: &str) -> String {
    format!("type = \"postgres\"\nurl = \"{url}\"")
}

/// The root of the checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout").to_owned()
}

impl Dietz {
    pub fn empty() -> Dietz {
        Dietz { folder: tempfile::tempdir().expect("a temporary folder"), env: Vec::new() }
    }

    /// A copy of what the repository's own topology needs, as a clone has it.
    pub fn shipped() -> Dietz {
        let dietz = Dietz::empty();
        let from = checkout();
        std::fs::copy(from.join("topology.toml"), dietz.path("topology.toml")).expect("the shipped topology");
        for part in ["codecs/samples", "codecs/vendors"] {
            copy(&from.join(part), &dietz.path(part));
        }
        // Tests run side by side, and the admin address is one.
        dietz.change("topology.toml", "\"127.0.0.1:9464\"", "\"off\"");
        dietz
    }

    /// A generated feed, its vendors' mappings and corrections.
    pub fn generated(feed: &Feed, corrections: Share) -> Dietz {
        let dietz = Dietz::empty();
        write(feed, &dietz.path("feeds")).expect("a generated feed");
        write_mappings(dietz.folder.path()).expect("the mappings of the generated vendors");
        write_corrections(feed, corrections, &dietz.path("corrections")).expect("generated corrections");
        dietz
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file, and the folders it lies in.
    pub fn make(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("writable");
    }

    pub fn change(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(file)).expect("a file to change");
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(self.path(file), text.replace(from, to)).expect("writable");
    }

    /// Writes a topology over the generated feeds.
    pub fn topology(&self, file: &str, s: &Settings) {
        let Settings { sink, batch_records, batch_rows, accounts, instances, decoders } = s;
        let text = format!(
            r#"
[sources.feeds]
type = "file"
path = "feeds"
batch_records = {batch_records}

[sources.corrections]
type = "file"
path = "corrections"
format = "eventbridge"
batch_records = {batch_records}

[decoders.layouts]
inputs = ["feeds", "corrections"]
vendors = "{VENDORS}"
instances = {decoders}

[accumulators.returns]
inputs = ["layouts"]
instances = {instances}
accounts = {accounts}

[checkers.tolerance]
inputs = ["returns"]

[checkers.tolerance.rules]
vendor_return = {{ warn = {{ bp = "0" }}, block = {{ bp = "5" }} }}
roll_forward = {{ warn = {{ money = "0.01" }}, block = {{ money = "1.00", bp = "1" }} }}
pinned = {{ warn = {{}} }}

[sinks.store]
inputs = ["tolerance"]
{sink}
batch_rows = {batch_rows}
linger = "20ms"
lease = "1s"
"#
        );
        self.make(file, text);
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary::dietz().expect("the binary"));
        command.args(args);
        self.at_home(command)
    }

    /// A command in the folder and its environment.
    fn at_home(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end, whatever the end is.
    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// Runs to a good end; what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(
            output.status.success(),
            "dietz {args:?} ended with {:?}\n{out}\n{err}",
            output.status.code()
        );
        out
    }

    /// Starts in the background.
    pub fn spawn(&self, args: &[&str]) -> Pipeline {
        self.background(self.command(args))
    }

    /// Starts another program in the background, in the folder and its environment.
    pub fn background(&self, command: Command) -> Pipeline {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let said = self.path(&format!("stderr-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut command = self.at_home(command);
        command.stdout(Stdio::null()).stderr(File::create(&said).expect("writable"));
        Pipeline { child: command.spawn().expect("the binary starts"), said }
    }

    pub fn report(&self, topology: &str) -> String {
        self.ok(&["report", "--topology", topology, "--format", "csv"])
    }
}

/// The binary in the background.
pub struct Pipeline {
    child: Child,
    /// What it says on standard error.
    said: PathBuf,
}

impl Pipeline {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).expect("what it said")
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Waits until it ends.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child")
    }

    /// Asks it to stop, which is a good end, and waits for that.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        assert_eq!(self.wait().code(), Some(0), "{}", self.said());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child to kill");
        self.child.wait().expect("a child");
    }
}

impl Drop for Pipeline {
    /// A test that fails leaves nobody behind; of one that ended there is nothing to end.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Asks until the answer is there; a bound, not a wait: it ends with the first good answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what} did not come about in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder of the checkout") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("a copy");
        }
    }
}
