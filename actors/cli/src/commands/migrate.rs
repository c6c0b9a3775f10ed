//! `dietz migrate`: brings the store's tables up to date.
use crate::{Outcome, TopologyArg, open};
use std::sync::Arc;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    topology: TopologyArg,
}

pub fn run(args: Args) -> Outcome {
    let topology = open::topology(&args.topology.topology)?;
    open::runtime()?.block_on(async {
        let store = open::store(&topology, Arc::default()).await?;
        let applied = store.migrate().await?;
        for name in &applied {
            println!("applied {name}");
        }
        if applied.is_empty() {
            println!("up to date");
        }
        Ok(())
    })
}
