//! `dietz check`: whether a topology and its mappings are right; with `--connect`, whether what they name answers.
use super::progress::grouped;
use crate::open::Checked;
use crate::{Outcome, open};
use pipeline::dry_run::{DryRun, Outlook};
use pipeline::followed::Followed;
use pipeline::policy::{self, Change};
use pipeline::topology::config::Place;
use pipeline::topology::layouts::LayoutSet;
use pipeline::topology::notes::notes;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::sync::Arc;
use store::{Names, Store, StoreError};

#[derive(clap::Args)]
pub struct Args {
    /// The topology file
    #[arg(default_value = "topology.toml")]
    file: PathBuf,
    /// Also do the real operations once: open the store, look for the sources' files, bind the admin address
    #[arg(long)]
    connect: bool,
}

/// Whether a run would fold accounts anew, and what would come of it.
async fn tell_policy(
    store: &dyn Store,
    names: &Names,
    layouts: &LayoutSet,
    rules: &returns::tolerance::Rules,
) -> Outcome {
    let policy = &*layouts.policy;
    let ours = policy::spec(policy, rules);
    match store.policy_in_force().await? {
        None => println!("  policy: the first of this store"),
        Some(before) if before.hash == ours.hash => println!("  policy: as in the last run"),
        Some(before) => {
            let change = policy::change(&before.text, &ours.text);
            let feeds = &Followed::of(layouts).feeds(store).await?;
            let outlook = tried(DryRun { store, names, policy, feeds, rules }, &change).await?;
            println!("  policy: changed since the last run; {}", told(outlook));
        }
    }
    Ok(())
}

/// A dry run takes about as long as the fold it foresees, so a terminal is told how far it is.
async fn tried(dry_run: DryRun<'_>, change: &Change) -> Result<Outlook, StoreError> {
    let draws = stderr().is_terminal();
    let draw = |text: &str| {
        let _ = write!(stderr(), "\r\x1b[2K{text}");
        let _ = stderr().flush();
    };
    let tell = |o: &Outlook| {
        if draws {
            let [accounts, restated] = [o.accounts, o.restated].map(grouped);
            draw(&format!("  policy: {accounts} accounts tried, {restated} rows would be restated"));
        }
    };
    let outlook = dry_run.of(change, tell).await;
    if draws {
        draw("");
    }
    outlook
}

fn told(o: Outlook) -> String {
    if o.accounts == 0 {
        return "it touches no account".into();
    }
    let [accounts, restated, new, judged] = [o.accounts, o.restated, o.new, o.judged].map(grouped);
    format!(
        "{accounts} accounts will be folded anew: {restated} rows would be restated, {new} new, {judged} only judged otherwise"
    )
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
    for note in notes(&topology, &layouts) {
        println!("note: {note}");
    }
    if args.connect {
        let runtime = open::runtime()?;
        runtime.block_on(connect(&topology, &layouts, &rules, names))?;
    }
    Ok(())
}

/// What a bucket holds for a source, and whether it may be read.
fn objects(o: sources::s3::Outlook) -> String {
    let found = format!("{} object(s) of {} bytes may be listed", grouped(o.objects), grouped(o.bytes));
    match (o.unreadable, o.objects) {
        (Some(why), _) => format!("{found}; {why}"),
        (None, 0) => format!("{found}; whether they may be read is seen when there are some"),
        (None, _) => format!("{found}, the first may be read"),
    }
}

fn topic(topic: &sources::kafka::connect::Topic) -> String {
    let [partitions, messages] = [topic.partitions, topic.messages].map(grouped);
    format!("topic {} can be read: {partitions} partition(s), {messages} message(s)", topic.name)
}

/// The real operations and nothing more.
async fn connect(
    topology: &pipeline::Topology,
    layouts: &pipeline::topology::layouts::LayoutSet,
    rules: &returns::tolerance::Rules,
    names: Arc<Names>,
) -> Outcome {
    let store = open::store(topology, names.clone()).await?;
    store.ready().await?;
    println!("  store: answers, its tables are up to date");
    open::no_vendor_is_missing(&*store, topology, layouts).await?;
    open::mappings_may_be_read_with(&*store, layouts).await?;
    tell_policy(&*store, &names, layouts, rules).await?;
    for source in &topology.sources {
        let name = source.name.text.as_str();
        let wrong = |e| crate::exit::Exit::Other(format!("source {name}: {e}"));
        let found = match &source.kind.place {
            Place::File(file) => format!("{} file(s)", file.matching(&topology.base()).map_err(wrong)?),
            Place::Kinesis(kinesis) => {
                sources::kinesis::probe(name, kinesis, None).await.map_err(wrong)?.to_string()
            }
            Place::Kafka(kafka) => {
                let found =
                    sources::kafka::connect::connect(name, kafka).map_err(crate::exit::Exit::Other)?;
                found.iter().map(topic).collect::<Vec<_>>().join(", ")
            }
            Place::S3(s3) => objects(sources::s3::outlook(name, s3).await.map_err(wrong)?),
        };
        println!("  source {name}: {found}");
    }
    if let Some(listen) = &topology.admin.listen {
        tokio::net::TcpListener::bind(listen.as_str()).await.map_err(|e| {
            crate::exit::Exit::Other(format!("the admin address {listen} cannot be bound: {e}"))
        })?;
        println!("  admin: {listen} is free");
    }
    Ok(())
}
