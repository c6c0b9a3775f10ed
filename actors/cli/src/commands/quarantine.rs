//! `dietz quarantine`: records that could not become observations.
use crate::commands::progress::counted;
use crate::exit::Exit;
use crate::table::{Lean, Table};
use crate::{Outcome, TopologyArg, open};
use clap::Subcommand;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{QuarantineFilter, QuarantineRow, Reader};

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
        /// Also those that a later version of the mapping has read
        #[arg(long)]
        all: bool,
        /// Only records with this reason code
        #[arg(long)]
        code: Option<String>,
        /// Only this vendor's
        #[arg(long)]
        vendor: Option<String>,
    },
    /// One record, with its bytes
    Show {
        /// The record's number in the list
        id: i64,
    },
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
            What::List { all, code, vendor } => {
                let status = (!all).then(|| "open".to_owned());
                list(reader, &QuarantineFilter { code, vendor, status }, &mut out()).await
            }
            What::Show { id } => show(reader, id, &mut out()).await,
            What::Export { folder } => export(reader, &folder, &mut out()).await,
        }
    })
}

fn out() -> impl Write {
    BufWriter::new(std::io::stdout().lock())
}

/// Records read from the store at a time.
const PAGE: u32 = 1_000;

async fn list(reader: &dyn Reader, filter: &QuarantineFilter, out: &mut impl Write) -> Outcome {
    let (mut table, mut after) = (list_table(), None);
    loop {
        let page = reader.quarantine(filter, after.unwrap_or_default(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        page.iter().for_each(|q| table.row(cells(q)));
        out.write_all(table.page().as_bytes())?;
    }
    if after.is_none() {
        writeln!(out, "{}", nothing(filter))?;
    }
    out.flush().map_err(Exit::from)
}

fn nothing(filter: &QuarantineFilter) -> String {
    let of = [("of the vendor", &filter.vendor), ("with the reason code", &filter.code)];
    let of = of.iter().filter_map(|(what, asked)| Some(format!(" {what} {}", asked.as_ref()?)));
    format!("no records in quarantine{}", of.collect::<String>())
}

fn list_table() -> Table {
    use Lean::{Left, Right};
    Table::new(&[
        ("id", Right),
        ("vendor", Left),
        ("place", Left),
        ("line", Right),
        ("reason", Left),
        ("account", Left),
        ("date", Left),
        ("status", Left),
        ("what is wrong", Left),
    ])
}

fn cells(q: &QuarantineRow) -> Vec<String> {
    let account = q.account_no.as_deref().or(q.vendor_account.as_deref());
    let cells = vec![
        q.id.to_string(),
        q.vendor.clone(),
        q.partition.to_string(),
        q.line.map(|l| l.to_string()).unwrap_or_default(),
        q.code.clone(),
        account.unwrap_or_default().to_owned(),
        q.as_of.map(|d| d.to_string()).unwrap_or_default(),
        q.status.clone(),
        q.text.clone(),
    ];
    // A record is one line, and cannot play with the terminal.
    cells.iter().map(|cell| printable(cell, |_| false)).collect()
}

async fn show(reader: &dyn Reader, id: i64, out: &mut impl Write) -> Outcome {
    let found = reader.quarantined(id).await?;
    let q = found.ok_or_else(|| {
        Exit::NotFound(format!("no record {id} in quarantine; `dietz quarantine list` shows their numbers"))
    })?;
    writeln!(out, "record     {} ({})", q.id, q.status)?;
    writeln!(out, "vendor     {}, mapping version {}", q.vendor, q.mapping_version)?;
    writeln!(out, "place      {} at {}", q.partition, q.position)?;
    if let Some(line) = q.line {
        writeln!(out, "line       {line}")?;
    }
    writeln!(out, "feed       {}", q.feed)?;
    writeln!(out, "reason     {}: {}", q.code, q.text)?;
    if let Some(field) = &q.field {
        writeln!(out, "field      {field}")?;
    }
    if let (Some(account), Some(date)) = (q.account_no.as_deref().or(q.vendor_account.as_deref()), q.as_of) {
        writeln!(out, "holds      account {account} on {date}")?;
    }
    let kept = if i64::try_from(q.raw.len()) == Ok(q.length) { "" } else { ", the first of them kept" };
    writeln!(out, "bytes      {}{kept}\n", q.length)?;
    writeln!(out, "{}", printable(&String::from_utf8_lossy(&q.raw), |c| matches!(c, '\n' | '\t')))?;
    out.flush().map_err(Exit::from)
}

/// Control characters as escapes, but for those that are let through, so that a record cannot play with the terminal.
fn printable(text: &str, passes: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() && !passes(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

async fn export(reader: &dyn Reader, folder: &Path, out: &mut impl Write) -> Outcome {
    let at = |e: std::io::Error| Exit::Other(format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(folder).map_err(at)?;
    let (mut written, mut after) = (0u64, 0);
    loop {
        let page = reader.quarantine(&QuarantineFilter::default(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for row in &page {
            let Some(q) = reader.quarantined(row.id).await? else { continue };
            let name = format!("{}-{}-{}.raw", q.vendor, q.code, q.id);
            std::fs::write(folder.join(name), &q.raw).map_err(at)?;
            written += 1;
        }
    }
    writeln!(out, "{} written to {}", counted(written, "record"), folder.display())?;
    out.flush().map_err(Exit::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_cannot_play_with_the_terminal() {
        assert_eq!(printable("a\x1b[2J\tb\n", |c| c == '\n'), "a\\u{1b}[2J\\tb\n");
    }

    #[test]
    fn an_empty_list_says_what_was_asked_for() {
        assert_eq!(nothing(&QuarantineFilter::default()), "no records in quarantine");
        let asked = QuarantineFilter { vendor: Some("alpha".into()), ..QuarantineFilter::default() };
        assert_eq!(nothing(&asked), "no records in quarantine of the vendor alpha");
    }
}
