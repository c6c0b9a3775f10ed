//! `dietz quarantine`: records that could not become observations.
use crate::exit::Exit;
use crate::table::{Lean, Table};
use crate::{Outcome, TopologyArg, open};
use clap::Subcommand;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use store::{QuarantineRow, Reader};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    topology: TopologyArg,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A line a record: where it came from and why it is here
    List {
        /// Only records with this reason code
        #[arg(long)]
        code: Option<String>,
        /// Only this vendor's
        #[arg(long)]
        vendor: Option<String>,
    },
    /// One record, with its bytes
    Show { id: i64 },
    /// The raw bytes of all records, a file each, into a folder
    Export {
        /// The folder; made if it is not there
        folder: PathBuf,
    },
}

pub fn run(args: Args) -> Outcome {
    let topology = open::topology(&args.topology.topology)?;
    open::runtime()?.block_on(async {
        let store = open::filled_store(&topology, Arc::default()).await?;
        store.ready().await?;
        let reader = store.reader();
        match args.what {
            What::List { code, vendor } => list(reader, code, vendor).await,
            What::Show { id } => show(reader, id).await,
            What::Export { folder } => export(reader, &folder).await,
        }
    })
}

async fn list(reader: &dyn Reader, code: Option<String>, vendor: Option<String>) -> Outcome {
    use Lean::{Left, Right};
    let rows = reader.quarantine(None).await?;
    let wanted = |q: &&QuarantineRow| {
        code.as_ref().is_none_or(|c| *c == q.code) && vendor.as_ref().is_none_or(|v| *v == q.vendor)
    };
    let mut table = Table::new(&[
        ("id", Right),
        ("vendor", Left),
        ("place", Left),
        ("line", Right),
        ("reason", Left),
        ("account", Left),
        ("date", Left),
        ("status", Left),
        ("what is wrong", Left),
    ]);
    for q in rows.iter().filter(wanted) {
        table.row(vec![
            q.id.to_string(),
            q.vendor.clone(),
            q.partition.to_string(),
            q.line.map(|l| l.to_string()).unwrap_or_default(),
            q.code.clone(),
            q.account_no
                .as_ref()
                .map(ToString::to_string)
                .or_else(|| q.vendor_account.clone())
                .unwrap_or_default(),
            q.as_of.map(|d| d.to_string()).unwrap_or_default(),
            q.status.clone(),
            q.text.clone(),
        ]);
    }
    if table.is_empty() {
        println!("no records in quarantine");
    } else {
        print!("{}", table.render());
    }
    Ok(())
}

async fn show(reader: &dyn Reader, id: i64) -> Outcome {
    let found = reader.quarantined(id).await?;
    let q = found.ok_or_else(|| Exit::NotFound(format!("no record {id} in quarantine")))?;
    println!("record     {} ({})", q.id, q.status);
    println!("vendor     {}, mapping version {}", q.vendor, q.mapping_version);
    println!("place      {} at {}", q.partition, q.position);
    if let Some(line) = q.line {
        println!("line       {line}");
    }
    println!("feed       {}", q.feed);
    println!("reason     {}: {}", q.code, q.text);
    if let Some(field) = &q.field {
        println!("field      {field}");
    }
    if let (Some(account), Some(date)) = (q.account_no.as_deref().or(q.vendor_account.as_deref()), q.as_of) {
        println!("holds      account {account} on {date}");
    }
    let kept = if i64::try_from(q.raw.len()) == Ok(q.length) { "" } else { ", the first of them kept" };
    println!("bytes      {}{kept}\n", q.length);
    let mut out = std::io::stdout().lock();
    out.write_all(&printable(&q.raw))?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Control characters as `\x..`, so that a record cannot play with the terminal.
fn printable(raw: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push_str(&c.escape_default().to_string()),
            c => out.push(c),
        }
    }
    out.into_bytes()
}

async fn export(reader: &dyn Reader, folder: &std::path::Path) -> Outcome {
    let at = |e: std::io::Error| Exit::Other(format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(folder).map_err(at)?;
    let rows = reader.quarantine(None).await?;
    let mut written = 0u64;
    for row in rows {
        let Some(q) = reader.quarantined(row.id).await? else { continue };
        std::fs::write(folder.join(format!("{}-{}-{}.raw", q.vendor, q.code, q.id)), &q.raw).map_err(at)?;
        written += 1;
    }
    println!("{written} records written to {}", folder.display());
    Ok(())
}
