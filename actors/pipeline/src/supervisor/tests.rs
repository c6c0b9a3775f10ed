mod faulty;

use super::*;
use crate::board::Board;
use crate::topology::Topology;
use crate::topology::layouts::LayoutSet;
use faulty::{Fault, Faulty};
use returns::tolerance::Rules;
use std::fmt::Write;
use std::sync::Mutex;
use store::sqlite::SqliteStore;
use store::{Names, Published, RowFilter, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

#[test]
fn pauses_double_to_ten_minutes_and_are_spread() {
    assert_eq!(pause(FIRST_PAUSE, 1, 0), Duration::from_secs(1));
    assert_eq!(pause(FIRST_PAUSE, 4, 0), Duration::from_secs(8));
    assert_eq!(pause(FIRST_PAUSE, 40, 0), LONGEST_PAUSE);
    let spread = |p: Duration| p > LONGEST_PAUSE * 3 / 4 && p <= LONGEST_PAUSE;
    assert!((0..64).map(|seed| pause(FIRST_PAUSE, 11, seed)).all(spread));
}

const ACCOUNTS: u64 = 12;
const DAYS: u64 = 8;

/// Every node has the same name, batches are small, and memory has room for two accounts.
const TOPOLOGY: &str = r#"
[sources.main]
type = "file"
path = "feed.csv"
batch_records = 7
[decoders.main]
inputs = ["main"]
vendors = "harbor"
instances = 2
[accumulators.main]
inputs = ["main"]
instances = 2
accounts = 2
[checkers.main]
inputs = ["main"]
[sinks.main]
inputs = ["main"]
type = "sqlite"
batch_rows = 1
linger = "0ms"
"#;

const MAPPING: &str = r#"
name = "harbor"
version = 1
[format]
type = "delimited"
dates = ["iso"]
[[observation]]
kind = "summary"
account = "Account"
as_of = "Date"
end = "Value"
contributions = "In"
"#;

/// Accounts' days, by date; the third day comes again at the end with another value, late.
fn feed() -> String {
    let mut text = String::from("Account,Date,Value,In\n");
    let line = |text: &mut String, account: u64, day: u64, extra: u64| {
        let (value, into) = (1_000 + 37 * account + 11 * day + extra, if day == 5 { 100 } else { 0 });
        writeln!(text, "{account},2025-01-{:02},{value},{into}", day + 1).unwrap();
    };
    (0..DAYS).for_each(|day| (0..ACCOUNTS).for_each(|account| line(&mut text, account, day, 0)));
    (0..ACCOUNTS).for_each(|account| line(&mut text, account, 2, 5));
    text
}

/// A folder with a feed and a store that fails as told.
struct Bench {
    _folder: TempDir,
    runtime: Runtime,
    plan: Plan,
    store: Arc<Faulty<SqliteStore>>,
    stop: watch::Sender<bool>,
}

fn bench(commits: &[Fault], openings: &[Fault]) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("harbor")).unwrap();
    std::fs::write(path("harbor/mapping.toml"), MAPPING).unwrap();
    std::fs::write(path("feed.csv"), feed()).unwrap();
    let topology = Topology::parse(TOPOLOGY, &path("topology.toml")).unwrap();
    let names = Arc::new(Names::default());
    let layouts = LayoutSet::load(&topology, &names).unwrap();
    let runtime = Runtime::new().unwrap();
    let store = Faulty {
        store: runtime.block_on(store::sqlite::open(&path("dietz.db"), names.clone())).unwrap(),
        commits: Mutex::new(commits.iter().copied().collect()),
        openings: Mutex::new(openings.iter().copied().collect()),
    };
    let spec = crate::policy::spec(&layouts.policy, &Rules::default());
    let policy = runtime.block_on(store.keep_policy(&spec)).unwrap();
    let store = Arc::new(store);
    let (stop, stopped) = watch::channel(false);
    let plan = Plan {
        topology: Arc::new(topology),
        layouts: layouts.with_policy_id(policy),
        rules: Arc::default(),
        store: store.clone(),
        names,
        board: Arc::new(Board::default()),
        runtime: runtime.handle().clone(),
        rewound: None,
        once: false,
        stop: stopped,
        numbers: Arc::default(),
    };
    Bench { _folder: folder, runtime, plan, store, stop }
}

fn options(restarts: u32, notices: mpsc::UnboundedSender<Notice>) -> Options {
    let notices = Box::new(move |notice| drop(notices.send(notice)));
    Options { worker: "here/1".into(), lease: Duration::from_secs(30), restarts, notices }
}

impl Bench {
    /// Runs to the end, with hardly a pause between generations; what was told on the way comes along.
    fn run(&self, restarts: u32) -> (Result<(), Failure>, Vec<Notice>) {
        let (to, mut from) = mpsc::unbounded_channel();
        let ended = self.supervise(&options(restarts, to));
        (ended, std::iter::from_fn(|| from.try_recv().ok()).collect())
    }

    fn supervise(&self, options: &Options) -> Result<(), Failure> {
        actix::System::new().block_on(supervise(&self.plan, options, Duration::from_millis(1)))
    }

    fn rows(&self) -> Vec<Published> {
        let all = RowFilter::default();
        let mut rows = self.runtime.block_on(self.store.reader().rows(&all, None, 1_000)).unwrap();
        // Ids depend on which accumulator came first, and the clock on the day.
        for row in &mut rows {
            (row.account, row.known_from, row.row.vendor_account) = (0, 0, Default::default());
        }
        rows
    }

    /// As a run without trouble leaves it: every record counted once, the partition read to its end.
    fn ended_right(&self, undisturbed: &Bench) {
        assert_eq!(self.rows(), undisturbed.rows());
        let checkpoints = self.runtime.block_on(self.store.reader().checkpoints()).unwrap();
        assert_eq!(checkpoints.len(), 1);
        assert_eq!(checkpoints[0].progress, record::Progress::End);
        let counts = checkpoints[0].counts;
        assert_eq!(
            (counts.decoded, counts.ignored),
            (ACCOUNTS * (DAYS + 1), 1),
            "every line once, and the header"
        );
        assert_eq!((counts.records_unaccounted(), counts.observations_unaccounted()), (0, 0));
    }
}

fn undisturbed() -> Bench {
    let bench = bench(&[], &[]);
    let (ended, told) = bench.run(0);
    assert_eq!(ended, Ok(()));
    assert_eq!(told, [Notice::Active { generation: told_number(&told) }]);
    assert_eq!(bench.rows().len(), usize::try_from(ACCOUNTS * DAYS).unwrap());
    bench
}

fn told_number(told: &[Notice]) -> i64 {
    told.iter()
        .find_map(|n| if let Notice::Active { generation } = n { Some(*generation) } else { None })
        .unwrap()
}

fn restarts(told: &[Notice]) -> Vec<&str> {
    told.iter()
        .filter_map(|n| if let Notice::Restarting { actor, .. } = n { Some(actor.as_str()) } else { None })
        .collect()
}

#[test]
fn a_run_goes_on_from_the_store_after_trouble_and_ends_right() {
    let undisturbed = undisturbed();
    let (ok, away) = (Fault::None, Fault::Away);
    let troubles: [&[Fault]; 5] = [
        &[away],
        &[ok, away, ok, away],
        &[ok, Fault::AwayAfterwards, ok, Fault::AwayAfterwards],
        &[ok, Fault::Panic],
        &[Fault::Panic, away, ok, Fault::AwayAfterwards],
    ];
    for commits in troubles {
        let bench = bench(commits, &[]);
        let (ended, told) = bench.run(9);
        assert_eq!(ended, Ok(()), "{commits:?}");
        // How much one commit holds depends on how fast the actors are; not all that could go wrong need have come to it.
        let met = commits.len() - bench.store.commits.lock().unwrap().len();
        let faults = commits[..met].iter().filter(|f| **f != ok).count();
        assert!(faults > 0);
        assert_eq!(restarts(&told), vec!["sinks.main"; faults], "{commits:?}");
        assert_eq!(bench.plan.board.seen().restarts, faults as u64);
        bench.ended_right(&undisturbed);
    }
}

#[test]
fn a_store_away_when_a_generation_is_to_begin_is_asked_again() {
    let undisturbed = undisturbed();
    let bench = bench(&[Fault::None, Fault::Away], &[Fault::Away, Fault::None, Fault::Away]);
    let (ended, told) = bench.run(9);
    assert_eq!(ended, Ok(()));
    assert_eq!(restarts(&told), ["supervisor", "sinks.main", "supervisor"]);
    bench.ended_right(&undisturbed);
}

#[test]
fn trouble_that_will_not_pass_ends_the_run_and_keeps_what_is_committed() {
    for (fault, class) in [(Fault::Schema, Class::Fatal), (Fault::Data, Class::Poison)] {
        let bench = bench(&[Fault::None, fault], &[]);
        let (ended, told) = bench.run(9);
        assert_eq!(ended.unwrap_err().class, class);
        assert_eq!(restarts(&told), Vec::<&str>::new());
        assert!(bench.rows().len() < usize::try_from(ACCOUNTS * DAYS).unwrap());
        let next = bench.run(0).0;
        assert_eq!(next, Ok(()), "the lease was given back, and another run goes on");
        bench.ended_right(&undisturbed());
    }
}

#[test]
fn restarts_have_a_budget() {
    let bench = bench(&[Fault::Away; 9], &[]);
    let (ended, told) = bench.run(2);
    assert_eq!(ended.unwrap_err().class, Class::Transient);
    assert_eq!(restarts(&told).len(), 2);
    assert_eq!(bench.rows(), []);
}

/// Runs beside another pipeline that is active; what to do when standing by is told.
fn beside_another(
    bench: &Bench,
    then: impl AsyncFnOnce(&Bench, &Generation),
) -> (Result<(), Failure>, Vec<Notice>) {
    let ttl = Duration::from_secs(60);
    let other = bench.runtime.block_on(bench.store.open_generation("there/2", ttl)).unwrap();
    let (to, mut from) = mpsc::unbounded_channel();
    let options = options(0, to);
    let mut told = Vec::new();
    let ended = actix::System::new().block_on(async {
        let run = supervise(&bench.plan, &options, Duration::from_millis(1));
        let meanwhile = async {
            told.extend(from.recv().await);
            then(bench, &other).await;
        };
        tokio::join!(run, meanwhile).0
    });
    told.extend(std::iter::from_fn(|| from.try_recv().ok()));
    (ended, told)
}

#[test]
fn a_pipeline_stands_by_while_another_is_active_and_takes_over_when_it_ends() {
    let bench = bench(&[], &[]);
    let (ended, told) = beside_another(&bench, async |bench, other| {
        entered(bench, bench.store.close_generation(other)).await.unwrap();
    });
    assert_eq!(ended, Ok(()));
    let stands_by = matches!(&told[0], Notice::StandingBy { owner, .. } if owner == "there/2");
    assert!(stands_by && told.len() == 2, "told once, then active: {told:?}");
    bench.ended_right(&undisturbed());
}

#[test]
fn a_pipeline_told_to_stop_while_it_stands_by_stops() {
    let bench = bench(&[], &[]);
    let (ended, told) = beside_another(&bench, async |bench, _| bench.stop.send(true).unwrap());
    assert_eq!((ended, told.len(), bench.rows().len()), (Ok(()), 1, 0));
}

#[test]
fn a_pipeline_that_lost_its_lease_commits_nothing_and_stands_by() {
    let bench = bench(&[], &[]);
    let (to, mut from) = mpsc::unbounded_channel();
    let options = options(3, to);
    let taken = actix::System::new().block_on(async {
        let lease = entered(&bench, bench.store.open_generation("here/1", Duration::ZERO)).await.unwrap();
        let next =
            entered(&bench, bench.store.open_generation("there/2", Duration::from_secs(60))).await.unwrap();
        let ended = one_generation(&bench.plan, &options, Arc::new(lease)).await.unwrap_err().1;
        (ended, next)
    });
    assert_eq!(taken.0.class, Class::LeaseLost, "{}", taken.0.text);
    assert!(from.try_recv().is_err());
    assert_eq!(bench.rows(), []);
}

async fn entered<F: Future>(bench: &Bench, work: F) -> F::Output {
    crate::enter::entered(bench.runtime.handle(), work).await
}
