//! The topology and its store, as commands need them.
use crate::exit::Exit;
use pipeline::rules::rules;
use pipeline::topology::config::StoreAddress;
use pipeline::topology::layouts::LayoutSet;
use pipeline::{Problem, Topology};
use returns::tolerance::Rules;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use store::{Names, Store, StoreError};
use tokio::runtime::Runtime;

/// Reads a topology file and checks all that can be checked without I/O.
pub fn topology(file: &Path) -> Result<Topology, Exit> {
    Topology::parse(&text(file)?, file).map_err(Exit::Topology)
}

fn text(file: &Path) -> Result<String, Exit> {
    std::fs::read_to_string(file).map_err(|e| {
        let message = match e.kind() {
            ErrorKind::NotFound => "there is no such file".into(),
            ErrorKind::IsADirectory => "is a folder".into(),
            _ => format!("cannot be read: {e}"),
        };
        Exit::Topology(vec![Problem {
            file: file.display().to_string(),
            line: 0,
            column: 0,
            message,
            help: Some("name a topology file, or run in a folder with a topology.toml".into()),
        }])
    })
}

/// A topology, the layouts it names and the tolerances it sets.
pub struct Checked {
    pub topology: Topology,
    pub layouts: LayoutSet,
    pub rules: Rules,
}

/// Reads a topology file, its mappings and rules, and says at once all that is wrong in them.
pub fn checked(file: &Path, names: &Names) -> Result<Checked, Exit> {
    let (topology, mut problems) = Topology::read(&text(file)?, file);
    let mut kept = |found: Vec<Problem>| problems.extend(found);
    let layouts = LayoutSet::load(&topology, names).map_err(&mut kept).ok();
    let rules = rules(&topology).map_err(&mut kept).ok();
    match (layouts, rules) {
        (Some(layouts), Some(rules)) if problems.is_empty() => Ok(Checked { topology, layouts, rules }),
        _ => {
            let file = file.display().to_string();
            problems.sort_by(|a, b| {
                let place = |p: &Problem| (p.file != file, p.file.clone(), p.line, p.column);
                place(a).cmp(&place(b))
            });
            Err(Exit::Topology(problems))
        }
    }
}

/// The mappings a topology names, compiled, and the policy they make.
pub fn layouts(topology: &Topology, names: &Names) -> Result<LayoutSet, Exit> {
    LayoutSet::load(topology, names).map_err(Exit::Topology)
}

/// The one runtime that the store's connections live in.
pub fn runtime() -> Result<Runtime, Exit> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(Exit::from)
}

/// Connects to the topology's store. The embedded one is made where it is not there, and brought up to date.
pub async fn store(topology: &Topology, names: Arc<Names>) -> Result<Arc<dyn Store>, Exit> {
    let [sink] = topology.sinks.as_slice() else {
        return Err(Exit::Other("a topology has one sink".into()));
    };
    Ok(match &sink.kind.store {
        StoreAddress::Sqlite(path) => Arc::new(store::sqlite::open(path, names).await?),
        StoreAddress::Postgres(url) => Arc::new(store::postgres::PostgresStore::connect(url, names).await?),
    })
}

/// The topology's store for a command that only reads: an embedded one that is not there is not made.
pub async fn filled_store(topology: &Topology, names: Arc<Names>) -> Result<Arc<dyn Store>, Exit> {
    if let [sink] = topology.sinks.as_slice()
        && let StoreAddress::Sqlite(path) = &sink.kind.store
        && !path.exists()
    {
        return Err(Exit::Store(format!("there is no store at {} yet: run `dietz` first", path.display())));
    }
    store(topology, names).await
}

/// A vendor whose figures are published and whose mapping is gone: without its conventions its rows cannot be folded, and would go.
pub async fn no_vendor_is_missing(
    store: &dyn Store,
    topology: &Topology,
    layouts: &LayoutSet,
) -> Result<(), Exit> {
    let known = |vendor: &String| layouts.iter().any(|l| *l.vendor_name == **vendor);
    let missing = store.vendors().await?.into_iter().filter(|v| !known(v));
    let problems: Vec<Problem> = missing
        .map(|vendor| Problem {
            file: topology.file.display().to_string(),
            line: 0,
            column: 0,
            message: format!(
                "the store has accounts of the vendor `{vendor}`, and no mapping of it is named"
            ),
            help: Some("name its folder in `vendors` of a decoder again; nothing has to read it".into()),
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Exit::Topology(problems)) }
}

/// A mapping that changed without a new version, or whose version went back, is its author's mistake, not the store's.
pub async fn mappings_may_be_read_with(store: &dyn Store, layouts: &LayoutSet) -> Result<(), Exit> {
    let mut problems = Vec::new();
    for layout in layouts.iter().map(|l| &l.layout) {
        match store.check_mapping(layout.name(), layout.version(), layout.hash()).await {
            Ok(()) => {}
            Err(StoreError::Refused(message)) => {
                let file = format!("mapping {}", layout.name());
                problems.push(Problem { file, line: 0, column: 0, message, help: None });
            }
            Err(other) => return Err(other.into()),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Exit::Topology(problems)) }
}
