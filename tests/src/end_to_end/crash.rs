//! Killed at random moments, and going on: the same end.
use super::dietz::{Dietz, Settings, postgres};
use crate::postgres::fresh_database;
use load_tests::{Feed, Share};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use record::Progress;
use std::sync::Arc;
use std::time::Duration;
use store::{Names, Store};

const KILLS: u32 = 20;

fn feed() -> Feed {
    Feed {
        accounts: 150,
        days: 230,
        vendors: 2,
        late: Share::percent(3),
        duplicate: Share::percent(1),
        malformed: Share::percent(1),
        ..Feed::default()
    }
}

/// The checkpoints of the store, whoever is writing to it.
async fn positions(store: &dyn Store) -> Vec<Progress> {
    store.reader().checkpoints().await.expect("the store answers").into_iter().map(|c| c.progress).collect()
}

fn is_between(positions: &[Progress]) -> bool {
    positions.iter().any(|p| *p != Progress::Start) && positions.iter().any(|p| *p != Progress::End)
}

/// Starts, waits until something more is committed than before, kills a random moment later; says whether that was between the first and the
/// last commit.
pub async fn start_and_kill(dietz: &Dietz, store: &dyn Store, args: &[&str], chance: &mut SmallRng) -> bool {
    let before = positions(store).await;
    let mut child = dietz.spawn(args);
    while positions(store).await == before {
        if child.ended().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_micros(chance.random_range(0..40_000))).await;
    child.kill();
    is_between(&positions(store).await)
}

/// Everything that is asked of the end: figures, what is in quarantine, and how often the same was found again.
pub fn end(dietz: &Dietz, topology: &str) -> (String, Vec<String>) {
    let quarantine = dietz.ok(&["quarantine", "--topology", topology, "list"]);
    // The id, first on the line, is no part of what must be the same.
    let mut lines: Vec<String> =
        quarantine.lines().map(|l| l.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).collect();
    lines.sort();
    (dietz.report(topology), lines)
}

async fn killed_twenty_times_ends_the_same(sink: String, open: impl AsyncFn(&Dietz) -> Arc<dyn Store>) {
    let dietz = Dietz::generated(&feed(), Share::percent(1));
    super::feeds::resent(&dietz);
    dietz.topology(
        "undisturbed.toml",
        &Settings { sink: super::dietz::sqlite("undisturbed.db"), ..Settings::default() },
    );
    super::feeds::add_to(&dietz, "undisturbed.toml");
    dietz.ok(&["run", "undisturbed.toml"]);
    dietz.topology(
        "topology.toml",
        &Settings { sink, batch_records: 200, batch_rows: 150, ..Settings::default() },
    );
    super::feeds::add_to(&dietz, "topology.toml");
    let store = open(&dietz).await;
    store.migrate().await.expect("tables");

    let mut chance = SmallRng::seed_from_u64(7);
    let mut between = 0;
    for _ in 0..KILLS {
        between += u32::from(start_and_kill(&dietz, &*store, &["run"], &mut chance).await);
    }
    assert!(between >= 15, "only {between} of {KILLS} kills fell between the first and the last commit");
    let output = dietz.output(&["run", "topology.toml"]);
    let said = super::dietz::text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("starting again"), "nothing but the kills ends a generation: {said}");
    let (report, quarantine) = end(&dietz, "topology.toml");
    let (undisturbed, quarantined) = end(&dietz, "undisturbed.toml");
    let differs = report.lines().zip(undisturbed.lines()).find(|(killed, undisturbed)| killed != undisturbed);
    assert_eq!(differs, None, "the report differs from that of an undisturbed run");
    assert_eq!(report.lines().count(), undisturbed.lines().count());
    assert_eq!(quarantine, quarantined);
}

/// The embedded store of a folder, whoever writes to it.
pub async fn embedded(dietz: &Dietz) -> Arc<dyn Store> {
    let opened = store::sqlite::open(&dietz.path("dietz.db"), Arc::new(Names::default())).await;
    Arc::new(opened.expect("the embedded store"))
}

/// The same of a database.
pub async fn at(url: &str) -> Arc<dyn Store> {
    let opened = store::postgres::PostgresStore::connect(url, Arc::new(Names::default())).await;
    Arc::new(opened.expect("Postgres"))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_twenty_random_moments_the_embedded_store_ends_with_the_same_figures() {
    killed_twenty_times_ends_the_same(super::dietz::sqlite("dietz.db"), async |dietz| embedded(dietz).await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_twenty_random_moments_postgres_ends_with_the_same_figures() {
    let url = fresh_database();
    killed_twenty_times_ends_the_same(postgres(&url), async |_| at(&url).await).await;
}
