//! `dietz report`: performance from the store.
use crate::exit::Exit;
use crate::figure::{cumulative, exact, money, row_return};
use crate::table::{Lean, Table};
use crate::{Outcome, TopologyArg, argument, open};
use clap::ValueEnum;
use returns::{Date, Row, Status};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use store::{Published, Reader, RowFilter};

mod windows;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    topology: TopologyArg,
    /// Only this account
    #[arg(long, value_name = "NO")]
    account: Option<String>,
    /// From this date on; with --windows the one window from the close of this date
    #[arg(long, value_name = "DATE", value_parser = argument::date)]
    from: Option<Date>,
    /// Up to this date; with --windows the last date of the window
    #[arg(long, value_name = "DATE", value_parser = argument::date)]
    to: Option<Date>,
    /// How to print: for people, or exact decimals for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Returns over windows instead of days: month, quarter and year to date, trailing years, since inception
    #[arg(long)]
    windows: bool,
    /// The date windows end on; the account's last row without
    #[arg(long, value_name = "DATE", value_parser = argument::date, requires = "windows", conflicts_with = "to")]
    as_of: Option<Date>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

const COLUMNS: [&str; 18] = [
    "account_no",
    "as_of",
    "begin_value",
    "contributions",
    "distributions",
    "net_flow",
    "cumulative_net_flow",
    "fees",
    "end_value",
    "twrr",
    "cumulative_twrr",
    "twrr_gross",
    "cumulative_twrr_gross",
    "segment",
    "status",
    "flow_timing",
    "verdict",
    "revision",
];

/// Rows read from the store at a time.
const PAGE: u32 = 5_000;

/// Dates that cannot be meant.
fn check(args: &Args) -> Outcome {
    let to = args.to.or(args.as_of);
    match (args.from, to) {
        (Some(from), Some(to)) if from > to => {
            Err(Exit::Other(format!("the range is empty: it begins on {from} and ends on {to}, before it")))
        }
        (None, Some(_)) if args.windows && args.to.is_some() => Err(Exit::Other(
            "--to with --windows needs --from; to end all windows on a date, use --as-of".into(),
        )),
        _ => Ok(()),
    }
}

pub fn run(args: Args) -> Outcome {
    check(&args)?;
    let topology = open::topology(&args.topology.topology)?;
    open::runtime()?.block_on(async {
        let store = open::filled_store(&topology, Arc::default()).await?;
        store.ready().await?;
        let reader = store.reader();
        let mut out = BufWriter::new(std::io::stdout().lock());
        if args.windows {
            windows::print(&args, reader, &mut out).await?;
        } else {
            days(&args, reader, &mut out).await?;
        }
        out.flush().map_err(Exit::from)
    })
}

async fn days(args: &Args, reader: &dyn Reader, out: &mut impl Write) -> Outcome {
    let filter = RowFilter { account_no: args.account.clone(), from: args.from, to: args.to, known_at: None };
    let mut after = None;
    let mut first = true;
    let mut printer = Printer::new(args.format, out)?;
    loop {
        let page = reader.rows(&filter, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.account_no.clone(), last.row.as_of));
        first = false;
        for p in &page {
            printer.row(p, out)?;
        }
    }
    printer.end(out)?;
    match &args.account {
        Some(no) if first => Err(Exit::NotFound(nothing_of(no, args, reader).await?)),
        None if first && args.format == Format::Table => writeln!(out, "no rows").map_err(Exit::from),
        _ => Ok(()),
    }
}

/// Why there is no row of an account: no such account, none with a value, or none in the range.
async fn nothing_of(no: &str, args: &Args, reader: &dyn Reader) -> Result<String, Exit> {
    let whole = RowFilter { account_no: Some(no.to_owned()), ..RowFilter::default() };
    if !reader.rows(&whole, None, 1).await?.is_empty() {
        let from = args.from.map(|d| format!(" from {d}")).unwrap_or_default();
        let to = args.to.map(|d| format!(" to {d}")).unwrap_or_default();
        return Ok(format!("account {no} has no rows{from}{to}"));
    }
    let known = reader.account_numbers().await?.iter().any(|known| **known == *no);
    Ok(if known { format!("account {no} has no rows yet") } else { format!("there is no account {no}") })
}

/// Prints row by row; a table is printed account by account, since widths must be known.
struct Printer {
    format: Format,
    rows: u64,
    account: Option<Arc<str>>,
    table: Table,
    notes: Vec<String>,
}

impl Printer {
    fn new(format: Format, out: &mut impl Write) -> Result<Self, Exit> {
        match format {
            Format::Csv => writeln!(out, "{}", COLUMNS.join(","))?,
            Format::Json => out.write_all(b"[")?,
            Format::Table => {}
        }
        Ok(Printer { format, rows: 0, account: None, table: day_table(), notes: Vec::new() })
    }

    fn row(&mut self, p: &Published, out: &mut impl Write) -> Outcome {
        self.rows += 1;
        match self.format {
            Format::Csv => writeln!(out, "{}", fields(p).join(","))?,
            Format::Json => {
                let comma = if self.rows > 1 { ",\n " } else { "\n " };
                write!(out, "{comma}{}", object(p))?;
            }
            Format::Table => {
                if self.account.as_ref() != Some(&p.account_no) {
                    self.flush(out)?;
                    self.account = Some(p.account_no.clone());
                }
                self.table.row(day_cells(p));
                self.notes.extend(note(&p.row));
            }
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut impl Write) -> Outcome {
        let Some(account) = self.account.take() else { return Ok(()) };
        writeln!(out, "account {account}\n{}", self.table.page())?;
        for n in self.notes.drain(..) {
            writeln!(out, "  {n}")?;
        }
        self.table = day_table();
        Ok(())
    }

    fn end(mut self, out: &mut impl Write) -> Outcome {
        self.flush(out)?;
        if self.format == Format::Json {
            writeln!(out, "\n]")?;
        }
        Ok(())
    }
}

fn day_table() -> Table {
    use Lean::{Left, Right};
    Table::new(&[
        ("date", Left),
        ("begin value", Right),
        ("net flow", Right),
        ("fees", Right),
        ("end value", Right),
        ("return", Right),
        ("cumulative", Right),
        ("status", Left),
        ("verdict", Left),
        ("reasons", Left),
    ])
}

fn day_cells(p: &Published) -> Vec<String> {
    let r = &p.row;
    vec![
        r.as_of.to_string(),
        money(r.begin_value),
        money(r.net_flow()),
        money(r.fees),
        money(r.end_value),
        row_return(r, r.twrr),
        cumulative(r),
        r.status.as_str().into(),
        p.verdict.as_str().into(),
        p.reasons.iter().map(|x| x.as_str()).collect::<Vec<_>>().join(", "),
    ]
}

/// A footnote where the cumulative figure ends.
fn note(r: &Row) -> Option<String> {
    let why = match r.status {
        Status::GainWithoutCapital => "money appeared where there was no capital",
        Status::NegativeCapital => "capital was negative",
        Status::LossGt100 => "the loss was more than the capital",
        Status::OutOfRange => "the figure is beyond what can be held exactly",
        _ => return None,
    };
    let effect = if r.incepted { "the cumulative figure ends here" } else { "before inception, left out" };
    Some(format!("n/m on {}: {why}; {effect}", r.as_of))
}

fn fields(p: &Published) -> [String; 18] {
    let r = &p.row;
    [
        quoted(&p.account_no),
        r.as_of.to_string(),
        exact(Some(r.begin_value)),
        exact(Some(r.contributions)),
        exact(Some(r.distributions)),
        exact(Some(r.net_flow())),
        exact(Some(r.cumulative_net_flow)),
        exact(Some(r.fees)),
        exact(Some(r.end_value)),
        exact(r.twrr),
        exact(r.cumulative_twrr()),
        exact(r.twrr_gross),
        exact(r.cumulative_twrr_gross()),
        r.segment.to_string(),
        r.status.as_str().into(),
        r.flow_timing.as_str().into(),
        p.verdict.as_str().into(),
        r.revision.map(|n| n.to_string()).unwrap_or_default(),
    ]
}

/// A CSV field, in quotes only where it must be (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// One JSON object; numbers are texts, so that no reader makes them floats, and null is null.
fn object(p: &Published) -> String {
    let values = fields(p);
    let mut map = serde_json::Map::new();
    for (name, value) in COLUMNS.iter().zip(values) {
        let value = match (*name, value) {
            ("account_no", _) => serde_json::Value::String(p.account_no.to_string()),
            ("segment", v) => v.parse::<u64>().map_or(serde_json::Value::Null, Into::into),
            (_, v) if v.is_empty() => serde_json::Value::Null,
            (_, v) => serde_json::Value::String(v),
        };
        map.insert((*name).to_owned(), value);
    }
    serde_json::Value::Object(map).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn said(line: &str) -> Option<String> {
        let line = Line::try_parse_from(["report"].into_iter().chain(line.split_whitespace())).ok()?;
        check(&line.args).err().map(|e| e.to_string())
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        for line in ["--from 2025-02-01 --to 2025-01-31", "--windows --from 2025-02-01 --as-of 2025-01-31"] {
            assert!(said(line).is_some_and(|text| text.contains("2025-01-31, before it")), "{line}");
        }
        assert_eq!(said("--from 2025-01-31 --to 2025-01-31"), None);
    }

    #[test]
    fn a_window_to_a_date_needs_its_beginning() {
        assert!(said("--windows --to 2025-01-31").is_some_and(|text| text.contains("needs --from")));
        assert_eq!(said("--to 2025-01-31"), None);
    }
}
