//! A Postgres to test against.
//!
//! With `DIETZ_TEST_POSTGRES_URL` set, databases are made in that cluster. Without it one throwaway cluster is started for this process, on
//! a socket in a temporary folder, and is gone when the process ends, however it ends. Postgres refuses to run as root, so root
//! becomes the user `postgres` for it. Without Postgres binaries a test fails and says what is missing: it never passes unseen.
#![allow(dead_code, clippy::expect_used, reason = "helpers of tests, of which each test binary uses a part")]
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The URL of a new, empty database.
pub fn fresh_database() -> String {
    fresh_database_with("")
}

/// The URL of a new, empty database made with these options of `CREATE DATABASE`, such as a collation of its own.
pub fn fresh_database_with(options: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let base = cluster_url();
    let name = format!("dietz_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let sql = format!("CREATE DATABASE {name} {options}");
    run(Command::new(binary("psql")).args([base, "-v", "ON_ERROR_STOP=1", "-qXc", &sql]));
    in_database(base, &name)
}

/// The same URL, naming another database.
fn in_database(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').map_or((url, String::new()), |(p, q)| (p, format!("?{q}")));
    let (scheme, rest) = place.split_once("://").unwrap_or(("postgres", place));
    let host = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{host}/{name}{query}")
}

/// The cluster's URL: given, or started on first use.
pub fn cluster_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| std::env::var("DIETZ_TEST_POSTGRES_URL").unwrap_or_else(|_| start()))
}

/// Starts a cluster, and with it a shell that waits for this process to end and then takes the cluster away.
fn start() -> String {
    static KEEPER: OnceLock<Child> = OnceLock::new();
    let dir = std::env::temp_dir().join(format!("dietz-pg-{}", std::process::id()));
    let (data, log) = (dir.join("data"), dir.join("log"));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(&dir));
    }
    run(as_postgres("initdb")
        .args(["-U", "app", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"])
        .arg("-D")
        .arg(&data));
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=300 -c fsync=off",
        dir.display()
    );
    run(as_postgres("pg_ctl").arg("-D").arg(&data).arg("-l").arg(&log).args(["-w", "-o", &options, "start"]));
    KEEPER.get_or_init(|| keeper(&dir, &data));
    format!("postgres://app@localhost/postgres?host={}", dir.display())
}

/// Its standard input is a pipe that closes with this process.
fn keeper(dir: &Path, data: &Path) -> Child {
    let script = "trap '' INT TERM; read _; \"$@\"; rm -rf \"$0\"";
    let mut stop = as_postgres("pg_ctl");
    stop.arg("-D").arg(data).args(["-m", "immediate", "stop"]);
    Command::new("sh")
        .args(["-c", script])
        .arg(dir)
        .arg(stop.get_program())
        .args(stop.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh")
}

fn as_postgres(name: &str) -> Command {
    if !is_root() {
        return Command::new(binary(name));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(binary(name));
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    output.stdout.trim_ascii() == b"0"
}

/// The newest of Debian's versions, or what PATH has.
fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<(u32, PathBuf)> = versions
        .filter_map(|v| Some((v.file_name().to_str()?.parse().ok()?, v.path().join("bin").join(name))))
        .filter(|(_, path)| path.exists())
        .collect();
    installed.sort();
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.exists())
    };
    installed.pop().map(|(_, path)| path).or_else(on_path).unwrap_or_else(|| {
        panic!("no `{name}` in /usr/lib/postgresql/*/bin or PATH: install Postgres 15 or later, or run ./tests/run")
    })
}

fn run(command: &mut Command) {
    // The server inherits what it is started with: a pipe would be held open for as long as it runs.
    let log = std::env::temp_dir().join(format!("dietz-pg-{}.out", std::process::id()));
    let out = std::fs::File::create(&log).expect("a temporary file");
    let status = command.stdin(Stdio::null()).stdout(out.try_clone().expect("a handle")).stderr(out).status();
    let ok = status.as_ref().is_ok_and(|s| s.success());
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(&log);
    assert!(ok, "{command:?} failed ({status:?}): {said}");
}
