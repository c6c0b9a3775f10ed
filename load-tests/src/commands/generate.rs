//! `generate`: a feed, ready to run.
use clap::ValueEnum;
use load_tests::generate::folder::{CORRECTIONS, FEEDS, Sink, write_mappings, write_topology};
use load_tests::{Feed, Order, Share, Written};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The folder to write into; what is there under the same names is replaced
    #[arg(long, default_value = "target/generated")]
    out: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value = "feed")]
    kind: Kind,
    /// Accounts, from 1 to 100 million
    #[arg(long, default_value_t = 1_000)]
    accounts: u32,
    /// Business days of each account
    #[arg(long, default_value_t = 60)]
    days: u32,
    /// 1, or 2: a second vendor sends about a quarter of the accounts as well
    #[arg(long, default_value_t = 1)]
    vendors: u8,
    /// Share of records that come one to five rounds late (a round is a day's lines, or an account's)
    #[arg(long, default_value = "0%")]
    late: Share,
    /// Share of records that come twice
    #[arg(long, default_value = "0%")]
    duplicate: Share,
    /// Share of records that come damaged
    #[arg(long, default_value = "0%")]
    malformed: Share,
    /// Share of account-days with a contribution or a distribution
    #[arg(long, default_value = "5%")]
    flows: Share,
    /// The same seed gives the same bytes on every machine
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The order of the lines
    #[arg(long, value_enum, default_value = "date")]
    order: OrderName,
    /// The first day is the first Monday at or after this date
    #[arg(long, default_value = "2024-01-01")]
    start: jiff::civil::Date,
    /// Compress the files
    #[arg(long)]
    gzip: bool,
    /// With `--kind corrections`: share of account-days that are corrected
    #[arg(long, default_value = "1%")]
    corrected: Share,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// The vendors' feeds
    Feed,
    /// Correction events for the same accounts, in EventBridge's envelope
    Corrections,
}

#[derive(Clone, Copy, ValueEnum)]
enum OrderName {
    Date,
    Account,
    NewestFirst,
}

impl From<OrderName> for Order {
    fn from(name: OrderName) -> Order {
        match name {
            OrderName::Date => Order::Date,
            OrderName::Account => Order::Account,
            OrderName::NewestFirst => Order::NewestFirst,
        }
    }
}

impl Args {
    fn feed(&self) -> Feed {
        Feed {
            accounts: self.accounts,
            days: self.days,
            vendors: self.vendors,
            late: self.late,
            duplicate: self.duplicate,
            malformed: self.malformed,
            flows: self.flows,
            seed: self.seed,
            order: self.order.into(),
            start: self.start,
            gzip: self.gzip,
        }
    }
}

pub fn run(args: Args) -> Result<(), String> {
    let feed = args.feed();
    let written = match args.kind {
        Kind::Feed => load_tests::write(&feed, &args.out.join(FEEDS)),
        Kind::Corrections => {
            load_tests::write_corrections(&feed, args.corrected, &args.out.join(CORRECTIONS))
        }
    };
    let written = written.map_err(|e| e.to_string())?;
    write_mappings(&args.out).map_err(|e| e.to_string())?;
    write_topology(&args.out, &Sink::Sqlite("dietz.db".to_owned())).map_err(|e| e.to_string())?;
    tell(&written, &args.out.join("topology.toml"));
    Ok(())
}

fn tell(written: &Written, topology: &std::path::Path) {
    for file in &written.files {
        println!("{}", file.display());
    }
    let Written { records, late, duplicate, malformed, bytes, .. } = written;
    println!("{records} records, {bytes} bytes: {late} late, {duplicate} duplicate, {malformed} malformed");
    println!("run it: dietz run {}", topology.display());
}
