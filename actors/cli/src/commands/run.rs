//! `dietz run`: streams the feeds of a topology into its store.
use crate::commands::progress;
use crate::exit::Exit;
use crate::open::Checked;
use crate::{Outcome, open};
use pipeline::admin::{self, Health};
use pipeline::board::{Board, Seen};
use pipeline::{Notice, Plan, Topology};
use std::io::{IsTerminal, Write};
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use store::{FeedRow, Names, Reader, Store, StoreError};
use tokio::runtime::Runtime;
use tokio::sync::watch;

#[derive(clap::Args)]
pub struct Args {
    /// The topology file
    #[arg(default_value = TOPOLOGY)]
    file: PathBuf,
    #[command(flatten)]
    options: Options,
}

/// How to run: `dietz --strict` is `dietz run topology.toml --strict`.
#[derive(clap::Args)]
pub struct Options {
    /// Read every feed again from its start; what is known already is counted as unchanged
    #[arg(long)]
    from_start: bool,
    /// End when all that is there is read, also of streams and of folders and buckets that are watched
    #[arg(long)]
    once: bool,
    /// End with exit code 5 if, in this run, a record went to quarantine or a feed waits because its control count disagrees;
    /// all else is committed as ever
    #[arg(long)]
    strict: bool,
}

const TOPOLOGY: &str = "topology.toml";

impl From<Options> for Args {
    fn from(options: Options) -> Self {
        Args { file: TOPOLOGY.into(), options }
    }
}

pub fn run(args: Args) -> Outcome {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("DIETZ_LOG").unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let prometheus = admin::recorder().map_err(|e| Exit::Other(e.to_string()))?;
    let began = Instant::now();
    let names = Arc::new(Names::default());
    let Checked { topology, layouts, rules } = open::checked(&args.file, &names)?;
    let runtime = open::runtime()?;
    let store = runtime.block_on(prepared(&topology, names.clone()))?;
    runtime.block_on(open::no_vendor_is_missing(&*store, &topology, &layouts))?;
    let layouts = runtime.block_on(with_policy(layouts, &rules, &*store))?;
    let (board, health) = (Arc::new(Board::default()), Arc::new(Health::default()));
    serve(&topology, &runtime, prometheus, board.clone(), health.clone())?;
    let topology = Arc::new(topology);
    let plan = Plan {
        topology: topology.clone(),
        layouts,
        rules: Arc::new(rules),
        store: store.clone(),
        names,
        board: board.clone(),
        runtime: runtime.handle().clone(),
        rewound: args.options.from_start.then(Arc::default),
        once: args.options.once,
        stop: signals(&runtime),
        numbers: Arc::default(),
    };
    let line = progress::start(board.clone());
    let result = actix::System::new().block_on(pipeline::run(plan, watched(&topology, health)));
    line.stop();
    result?;
    let (seen, reader) = (board.seen(), store.reader());
    let totals = runtime.block_on(reader.totals())?;
    let feeds = runtime.block_on(still_waiting(&seen, reader))?;
    // Who reads the summary may leave early; what became of the run is in the exit code all the same.
    match print(&progress::summary(&seen, &totals, &feeds, began.elapsed())) {
        Err(Exit::ReaderGone) | Ok(()) => {}
        Err(e) => return Err(e),
    }
    let records = seen.counts.quarantined;
    if args.options.strict && (records > 0 || !feeds.is_empty()) {
        return Err(Exit::HeldBack { records, feeds });
    }
    Ok(())
}

fn print(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush().map_err(Exit::from)
}

/// The feeds this run left waiting; one that was released meanwhile is none of them.
async fn still_waiting(seen: &Seen, reader: &dyn Reader) -> Result<Vec<FeedRow>, StoreError> {
    let mut waiting = Vec::new();
    for key in &seen.waiting_feeds {
        waiting.extend(reader.feed_name(*key).await?.filter(|feed| feed.status == "waiting"));
    }
    Ok(waiting)
}

/// The store, ready: the embedded one is brought up to date by itself, another must be migrated first.
async fn prepared(topology: &Topology, names: Arc<Names>) -> Result<Arc<dyn Store>, Exit> {
    let store = open::store(topology, names).await?;
    store.ready().await?;
    Ok(store)
}

/// The policy kept in the store, so that rows can name it.
async fn with_policy(
    layouts: pipeline::topology::layouts::LayoutSet,
    rules: &returns::tolerance::Rules,
    store: &dyn Store,
) -> Result<pipeline::topology::layouts::LayoutSet, Exit> {
    open::mappings_may_be_read_with(store, &layouts).await?;
    for l in layouts.iter() {
        store.keep_mapping(l.layout.name(), l.layout.version(), l.layout.hash()).await?;
    }
    let id = store.keep_policy(&pipeline::policy::spec(&layouts.policy, rules)).await?;
    Ok(layouts.with_policy_id(id))
}

fn serve(
    topology: &Topology,
    runtime: &Runtime,
    prometheus: metrics_exporter_prometheus::PrometheusHandle,
    board: Arc<Board>,
    health: Arc<Health>,
) -> Outcome {
    let Some(listen) = &topology.admin.listen else { return Ok(()) };
    let address = listen.to_socket_addrs().ok().and_then(|mut found| found.next());
    let address = address.ok_or_else(|| Exit::Other(format!("admin.listen: `{listen}` is no address")))?;
    let listener = runtime.block_on(admin::bind(address)).map_err(|e| {
        Exit::Other(format!("admin.listen: {listen} cannot be bound: {e}; choose another, or \"off\""))
    })?;
    runtime.spawn(admin::serve(listener, prometheus, board, health));
    Ok(())
}

/// SIGINT and SIGTERM: stop reading, pass everything on, commit, exit 0. A second one ends the process at once.
fn signals(runtime: &Runtime) -> watch::Receiver<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (say, stop) = watch::channel(false);
    runtime.spawn(async move {
        let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            eprintln!("dietz: signals cannot be listened to; the process will end without draining");
            return say.closed().await;
        };
        loop {
            tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
            if say.send_replace(true) {
                std::process::exit(130);
            }
            eprintln!("dietz: stopping: committing what was read (again to stop at once)");
        }
    });
    stop
}

fn watched(topology: &Topology, health: Arc<Health>) -> pipeline::Options {
    let lease = topology.sinks.first().map(|s| s.kind.lease).unwrap_or_default();
    pipeline::Options {
        worker: worker(),
        lease,
        restarts: 20,
        notices: Box::new(move |notice| tell(&health, notice)),
    }
}

fn worker() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "host" } else { host.trim() };
    format!("{host}/{}", std::process::id())
}

fn tell(health: &Health, notice: Notice) {
    let active = matches!(notice, Notice::Active { .. } | Notice::PolicyChanged { .. });
    health.ready.store(active, Ordering::Relaxed);
    match notice {
        Notice::Active { .. } => {}
        Notice::PolicyChanged { accounts } => {
            eprintln!("dietz: the policy changed since the last run: {accounts} accounts are folded anew");
        }
        Notice::StandingBy { owner, seconds } => {
            eprintln!(
                "dietz: standing by: the store is in use by {owner}; its lease ends in {seconds} s unless renewed"
            );
        }
        Notice::Restarting { actor, why, after } => {
            eprintln!("dietz: {actor}: {why}; starting again from the store in {:.1} s", after.as_secs_f32());
        }
    }
}
