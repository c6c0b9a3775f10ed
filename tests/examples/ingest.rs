//! A process that ingests alone: it reads its share of the streams of `topology.toml` in this folder until it is asked to stop, and commits each step with
//! the records in it, as rows of quarantine: whoever ingests writes no account, and nobody takes the records on yet.
use pipeline::topology::config::{Place, StoreAddress};
use pipeline::topology::layouts::LayoutSet;
use pipeline::{Problem, SourceLayouts, StoreRegistry, Topology};
use record::{BatchLimit, Counts, Progress, RawBatch};
use sources::{KinesisSource, Next, Source};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::postgres::PostgresStore;
use store::{CommitUnit, DeltaWrite, Generation, Names, QuarantineWrite, Store};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let file = Path::new("topology.toml");
    let topology = Topology::parse(&std::fs::read_to_string(file)?, file).map_err(told)?;
    let names = Arc::new(Names::default());
    let layouts = LayoutSet::load(&topology, &names).map_err(told)?;
    let ([sink], [node]) = (topology.sinks.as_slice(), topology.sources.as_slice()) else {
        return Err("a topology of one source and one sink is wanted".into());
    };
    let Place::Kinesis(kinesis) = &node.kind.place else { return Err("a stream is wanted".into()) };
    let store: Arc<dyn Store> = match &sink.kind.store {
        StoreAddress::Sqlite(path) => Arc::new(store::sqlite::open(path, names.clone()).await?),
        StoreAddress::Postgres(url) => Arc::new(PostgresStore::connect(url, names.clone()).await?),
    };
    let worker = format!("ingest/{}", std::process::id());
    let generation = Arc::new(store.join(&worker, sink.kind.lease).await?);
    let name: Arc<str> = node.name.text.as_str().into();
    let registry = StoreRegistry {
        store: store.clone(),
        generation: generation.clone(),
        names,
        source: name.clone(),
        rewound: None,
        versions: Arc::new([]),
    };
    let layouts = Arc::new(SourceLayouts::new(&layouts, &[], false));
    let source = KinesisSource::new(&name, kinesis.clone(), layouts, Arc::new(registry));
    let ended = ingest(&*store, &generation, source, sink.kind.lease).await;
    // What it holds is free at once.
    store.close_generation(&generation).await?;
    ended
}

/// Reads and commits until it is asked to stop.
async fn ingest(
    store: &dyn Store,
    generation: &Arc<Generation>,
    mut source: KinesisSource,
    lease: Duration,
) -> Outcome<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let said = stop.clone();
    tokio::spawn(async move {
        let _ = stand_ins::told_to_end().await;
        said.store(true, Ordering::Relaxed);
    });
    let limit = BatchLimit { records: 100, bytes: 1 << 20, wait: Duration::from_millis(50) };
    let mut renewed = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if renewed.elapsed() > lease / 4 {
            store.renew(generation).await?;
            renewed = Instant::now();
        }
        if let Next::Batch(batch) = source.next_batch(&limit).await? {
            let unit = unit(generation, &batch);
            let written = store.commit(&unit).await?.quarantined;
            if written != unit.quarantine.len() as u64 {
                return Err(format!("of {} records {written} are new", unit.quarantine.len()).into());
            }
            source.committed(&batch.partition.id, batch.to).await;
        }
    }
    Ok(())
}

/// A step, and the records in it.
fn unit(generation: &Arc<Generation>, batch: &RawBatch) -> CommitUnit {
    let quarantine: Vec<QuarantineWrite> = batch.records.iter().map(|r| record(batch, r)).collect();
    let count = quarantine.len() as u64;
    let delta = DeltaWrite {
        partition: batch.partition.key,
        id: batch.partition.id.clone(),
        token: batch.partition.token,
        from: batch.from,
        to: batch.to,
        counts: Counts { read: count, quarantined: count, bytes: batch.bytes, ..Counts::default() },
        feeds: Vec::new(),
        read_until: batch.read_until,
    };
    CommitUnit {
        generation: Some(generation.clone()),
        quarantine,
        deltas: vec![delta],
        ..CommitUnit::default()
    }
}

fn record(batch: &RawBatch, r: &record::RawRecord) -> QuarantineWrite {
    let raw = batch.record(r).to_vec();
    QuarantineWrite {
        vendor: batch.feed.vendor.clone(),
        partition: batch.partition.key,
        position: Progress::At(r.position),
        line: None,
        feed: batch.feed.key,
        code: "ingested".into(),
        text: String::from_utf8_lossy(&raw).into_owned(),
        field: None,
        length: raw.len() as u64,
        raw,
        raw_hash: [0; 32],
        account: None,
        vendor_account: None,
        as_of: None,
        mapping_version: 1,
    }
}

fn told(problems: Vec<Problem>) -> Box<dyn Error> {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n").into()
}
