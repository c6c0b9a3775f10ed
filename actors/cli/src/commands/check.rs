//! `dietz check`: whether a topology and its mappings are right; with `--connect`, whether what they name answers.
use crate::open::Checked;
use crate::{Outcome, open};
use std::path::PathBuf;
use std::sync::Arc;
use store::Names;

#[derive(clap::Args)]
pub struct Args {
    /// The topology file
    #[arg(default_value = "topology.toml")]
    file: PathBuf,
    /// Also do the real operations once: open the store, look for the sources' files, bind the admin address
    #[arg(long)]
    connect: bool,
}

/// Whether a run would fold accounts anew.
async fn policy(
    store: &dyn store::Store,
    layouts: &pipeline::topology::layouts::LayoutSet,
    rules: &returns::tolerance::Rules,
) -> Outcome {
    let ours = pipeline::policy::spec(&layouts.policy, rules).hash;
    match store.policy_in_force().await? {
        None => println!("  policy: the first of this store"),
        Some(hash) if hash == ours => println!("  policy: as in the last run"),
        Some(_) => {
            let accounts = store.reader().totals().await?.accounts;
            println!("  policy: changed since the last run; {accounts} accounts will be folded anew");
        }
    }
    Ok(())
}

pub fn run(args: Args) -> Outcome {
    let names = Arc::new(Names::default());
    let Checked { topology, layouts, rules } = open::checked(&args.file, &names)?;
    println!("{}: right", args.file.display());
    for l in layouts.iter() {
        let (layout, version) = (l.layout.name(), l.layout.version());
        let numbers = match &*l.account_no {
            "{vendor_account}" => "account numbers as sent".into(),
            other => format!("account numbers {other}"),
        };
        println!("  vendor {}: layout {layout} (mapping version {version}), {numbers}", l.vendor_name);
    }
    if args.connect {
        let runtime = open::runtime()?;
        runtime.block_on(connect(&topology, &layouts, &rules, names))?;
    }
    Ok(())
}

/// The real operations and nothing more.
async fn connect(
    topology: &pipeline::Topology,
    layouts: &pipeline::topology::layouts::LayoutSet,
    rules: &returns::tolerance::Rules,
    names: Arc<Names>,
) -> Outcome {
    let store = open::store(topology, names).await?;
    store.ready().await?;
    println!("  store: answers, its tables are up to date");
    open::no_vendor_is_missing(&*store, topology, layouts).await?;
    policy(&*store, layouts, rules).await?;
    for source in &topology.sources {
        let found = source.kind.file.matching(&topology.base());
        let found =
            found.map_err(|e| crate::exit::Exit::Other(format!("source {}: {e}", source.name.text)))?;
        println!("  source {}: {found} file(s)", source.name.text);
    }
    if let Some(listen) = &topology.admin.listen {
        tokio::net::TcpListener::bind(listen.as_str()).await.map_err(|e| {
            crate::exit::Exit::Other(format!("the admin address {listen} cannot be bound: {e}"))
        })?;
        println!("  admin: {listen} is free");
    }
    Ok(())
}
