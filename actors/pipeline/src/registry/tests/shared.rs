//! Processes that ingest alone, over one store: who reads what as they come and go.
use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use store::CommitError;
use tokio::task::JoinHandle;

const LEASE: Duration = Duration::from_secs(1);
const PARTITIONS: u64 = 8;

fn partitions() -> Vec<PartitionId> {
    (0..PARTITIONS).map(|n| PartitionId::new(format!("s/shard-{n}"))).collect()
}

fn at(step: u64) -> Progress {
    Progress::At(Position::in_file(step, step, 0))
}

fn step_of(progress: Progress) -> u64 {
    if let Progress::At(position) = progress { position.offset() } else { 0 }
}

/// Every step that was committed: of which partition, which one, under which token, by whom.
type Log = Arc<Mutex<Vec<(PartitionId, u64, i64, String)>>>;
/// What a process reads, and how far.
type Reads = BTreeMap<PartitionId, (Arc<Partition>, Progress)>;

/// A process: it reads its share, step by step, until it is stopped; then it comes back with what it reads, and its lease runs out.
struct Process {
    stop: Arc<AtomicBool>,
    running: JoinHandle<(StoreRegistry, Reads)>,
}

impl Process {
    async fn start(name: &str, store: Arc<dyn Store>, log: &Log) -> Process {
        let generation = Arc::new(store.join(name, LEASE).await.unwrap());
        let registry = StoreRegistry {
            store,
            generation,
            names: Arc::default(),
            source: "s".into(),
            rewound: None,
            versions: Arc::new([]),
        };
        let (stop, log) = (Arc::new(AtomicBool::new(false)), log.clone());
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let (mut reads, mut renewed) = (Reads::new(), Instant::now());
            while !stopped.load(Ordering::Relaxed) {
                if renewed.elapsed() > LEASE / 4 {
                    registry.store.renew(&registry.generation).await.unwrap();
                    renewed = Instant::now();
                }
                turn(&registry, &mut reads, &log).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (registry, reads)
        });
        Process { stop, running }
    }

    async fn stopped(self) -> (StoreRegistry, Reads) {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}

/// What a source does: asks for its share, lets go of what is no longer in it, and reads the rest on.
async fn turn(registry: &StoreRegistry, reads: &mut Reads, log: &Log) {
    let mine: BTreeSet<PartitionId> = registry.share(&partitions()).await.unwrap().into_iter().collect();
    let gone: Vec<PartitionId> = reads.keys().filter(|id| !mine.contains(*id)).cloned().collect();
    for id in gone {
        let (partition, _) = reads.remove(&id).unwrap();
        registry.release(&partition).await.unwrap();
    }
    for id in mine {
        if !reads.contains_key(&id) {
            reads.insert(id.clone(), registry.open_partition(&id, &grows(1)).await.unwrap());
        }
    }
    for (partition, progress) in reads.values_mut() {
        *progress = step(registry, partition, *progress).await.unwrap();
        let entry = (
            partition.id.clone(),
            step_of(*progress),
            partition.token,
            registry.generation.worker.to_string(),
        );
        log.lock().unwrap().push(entry);
    }
}

/// Commits one step more; where the partition stands then.
async fn step(
    registry: &StoreRegistry,
    partition: &Partition,
    from: Progress,
) -> Result<Progress, CommitError> {
    let to = at(step_of(from) + 1);
    let delta = DeltaWrite {
        partition: partition.key,
        id: partition.id.clone(),
        token: partition.token,
        from,
        to,
        counts: Counts::default(),
        feeds: Vec::new(),
        read_until: None,
    };
    let generation = Some(registry.generation.clone());
    registry.store.commit(&CommitUnit { generation, deltas: vec![delta], ..CommitUnit::default() }).await?;
    Ok(to)
}

/// Waits until so many partitions lie with each of these, and none with another.
async fn shared_out(store: &dyn Store, shares: &[usize]) -> Duration {
    let began = Instant::now();
    loop {
        let holders = store.holders(&partitions()).await.unwrap();
        let mut counts: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        holders.owners.iter().flatten().for_each(|owner| *counts.entry(owner.clone()).or_default() += 1);
        let mut found: Vec<usize> = counts.values().copied().collect();
        found.sort_unstable();
        if found == shares {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{counts:?} is not {shares:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until every partition was read on.
async fn all_read_on(log: &Log) {
    let (seen, began) = (log.lock().unwrap().len(), Instant::now());
    loop {
        let read: BTreeSet<PartitionId> =
            log.lock().unwrap()[seen..].iter().map(|(id, ..)| id.clone()).collect();
        if read.len() as u64 == PARTITIONS {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "only {read:?} are read");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn partitions_are_shared_as_processes_come_and_go(open: impl AsyncFn() -> Arc<dyn Store>) {
    let (store, log) = (open().await, Log::default());
    store.migrate().await.unwrap();
    let first = Process::start("host/1", open().await, &log).await;
    shared_out(&*store, &[8]).await;
    let second = Process::start("host/2", open().await, &log).await;
    shared_out(&*store, &[4, 4]).await;
    all_read_on(&log).await;
    let third = Process::start("host/3", open().await, &log).await;
    shared_out(&*store, &[2, 3, 3]).await;
    all_read_on(&log).await;

    let (dead, its) = second.stopped().await;
    let after = shared_out(&*store, &[4, 4]).await;
    println!("the share of a dead process was taken over after {after:?}, of a lease of {LEASE:?}");
    assert!(its.len() == 2 || its.len() == 3);
    all_read_on(&log).await;
    // It was only paused, and wakes up: it commits nothing.
    for (partition, progress) in its.values() {
        let late = step(&dead, partition, *progress).await;
        assert!(matches!(late, Err(CommitError::Store(StoreError::LeaseLost))), "{late:?}");
    }
    let (registry, _) = third.stopped().await;
    registry.store.close_generation(&registry.generation).await.unwrap();
    let after = shared_out(&*store, &[8]).await;
    assert!(after < LEASE, "what is given back in order is taken at once, not after {after:?}");
    first.stopped().await;
    nothing_was_committed_by_two(&log.lock().unwrap());
}

fn nothing_was_committed_by_two(log: &[(PartitionId, u64, i64, String)]) {
    for id in partitions() {
        let mut of: Vec<_> =
            log.iter().filter(|(p, ..)| *p == id).map(|(_, n, t, who)| (*n, *t, who)).collect();
        of.sort_unstable();
        let steps: Vec<u64> = of.iter().map(|(n, ..)| *n).collect();
        assert_eq!(steps, (1..=of.len() as u64).collect::<Vec<_>>(), "{id}: each step once, none left out");
        let by: BTreeMap<i64, BTreeSet<&String>> =
            of.iter().fold(BTreeMap::new(), |mut by, (_, token, who)| {
                by.entry(*token).or_insert_with(BTreeSet::new).insert(who);
                by
            });
        assert!(by.values().all(|who| who.len() == 1), "{id}: {by:?}");
        assert!(
            of.windows(2).all(|two| two[0].1 <= two[1].1),
            "{id}: who has a later token has all later steps"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_shared_as_processes_come_and_go_on_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dietz.db");
    partitions_are_shared_as_processes_come_and_go(async || {
        Arc::new(store::sqlite::open(&path, Arc::default()).await.unwrap()) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_shared_as_processes_come_and_go_on_postgres() {
    let url = postgres::fresh_database();
    partitions_are_shared_as_processes_come_and_go(async || {
        let store = store::postgres::PostgresStore::connect(&url, Arc::default()).await;
        Arc::new(store.unwrap()) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn the_active_pipeline_reads_all_partitions() {
    let (_folder, registry, _) = advanced().await;
    registry.store.join("host/2", LEASE).await.unwrap();
    assert_eq!(registry.share(&partitions()).await.unwrap(), partitions());
}
