//! `dietz report --windows`: returns over windows.
use super::{Args, Format, PAGE, nothing_of, quoted};
use crate::Outcome;
use crate::exit::Exit;
use crate::figure::{exact, money, percent};
use crate::table::{Lean, Table};
use returns::annualise::YearCount;
use returns::windows::{Measured, Money, Series, Window};
use returns::{Date, Decimal, Row, Verdict};
use std::io::Write;
use std::sync::Arc;
use store::{Published, Reader, RowFilter};

/// Prints the windows of each account asked for: those offered, or the one from a date to another.
pub(super) async fn print(args: &Args, reader: &dyn Reader, out: &mut impl Write) -> Outcome {
    let accounts = match &args.account {
        Some(no) => vec![Arc::from(no.as_str())],
        None => reader.account_numbers().await?,
    };
    let mut printer = WindowPrinter { format: args.format, rows: 0 };
    printer.begin(out)?;
    for account in accounts {
        let rows = all_rows(reader, &account).await?;
        let Some(last) = rows.last() else { continue };
        let as_of = args.to.or(args.as_of).unwrap_or(last.row.as_of);
        let pairs: Vec<(&Row, Verdict)> = rows.iter().map(|p| (&p.row, p.verdict)).collect();
        let imported_from = reader.inception(&account).await?;
        let series = Series { rows: &pairs, imported_from, year_count: YearCount::default() };
        let measured: Vec<Measured> = match args.from {
            Some(from) => vec![series.measure(Window::Between { from, to: as_of }, as_of)],
            None => series.measure_all(as_of).collect(),
        };
        printer.account(&account, as_of, &measured, out)?;
    }
    let none = printer.rows == 0;
    printer.end(out)?;
    match (none, &args.account) {
        (true, Some(no)) => Err(Exit::NotFound(nothing_of(no, args, reader).await?)),
        _ => Ok(()),
    }
}

async fn all_rows(reader: &dyn Reader, account: &Arc<str>) -> Result<Vec<Published>, Exit> {
    let filter = RowFilter { account_no: Some(account.to_string()), ..RowFilter::default() };
    let mut rows: Vec<Published> = Vec::new();
    loop {
        let after = rows.last().map(|p| (p.account_no.clone(), p.row.as_of));
        let page = reader.rows(&filter, after, PAGE).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

struct WindowPrinter {
    format: Format,
    rows: u64,
}

const WINDOW_COLUMNS: [&str; 21] = [
    "account_no",
    "as_of",
    "window",
    "base",
    "to",
    "base_row",
    "last_row",
    "begin_value",
    "contributions",
    "distributions",
    "net_flow",
    "fees",
    "fees_outside",
    "gain",
    "end_value",
    "twrr",
    "annualised",
    "twrr_gross",
    "annualised_gross",
    "reason",
    "verdict",
];

impl WindowPrinter {
    fn begin(&self, out: &mut impl Write) -> Outcome {
        match self.format {
            Format::Csv => writeln!(out, "{}", WINDOW_COLUMNS.join(","))?,
            Format::Json => out.write_all(b"[")?,
            Format::Table => {}
        }
        Ok(())
    }

    fn account(
        &mut self,
        account: &str,
        as_of: Date,
        measured: &[Measured],
        out: &mut impl Write,
    ) -> Outcome {
        if self.format == Format::Table {
            self.rows += 1;
            writeln!(out, "account {account} as of {as_of}\n{}", window_table(measured).page())?;
            return Ok(());
        }
        for m in measured {
            self.rows += 1;
            let fields = window_fields(account, as_of, m);
            if self.format == Format::Csv {
                writeln!(out, "{}", fields.join(","))?;
                continue;
            }
            let comma = if self.rows > 1 { ",\n " } else { "\n " };
            let map: serde_json::Map<String, serde_json::Value> = WINDOW_COLUMNS
                .iter()
                .zip(fields)
                .map(|(k, v)| {
                    ((*k).to_owned(), if v.is_empty() { serde_json::Value::Null } else { v.into() })
                })
                .collect();
            write!(out, "{comma}{}", serde_json::Value::Object(map))?;
        }
        Ok(())
    }

    fn end(&self, out: &mut impl Write) -> Outcome {
        if self.format == Format::Json {
            writeln!(out, "\n]")?;
        }
        Ok(())
    }
}

fn window_table(measured: &[Measured]) -> Table {
    use Lean::{Left, Right};
    let mut table = Table::new(&[
        ("window", Left),
        ("from row", Left),
        ("to row", Left),
        ("begin value", Right),
        ("net flow", Right),
        ("fees", Right),
        ("gain", Right),
        ("end value", Right),
        ("net", Right),
        ("gross", Right),
        ("annualised", Right),
        ("note", Left),
    ]);
    for m in measured {
        let cell = |pick: fn(&Money) -> Option<Decimal>| {
            m.money.as_ref().and_then(pick).map(money).unwrap_or_default()
        };
        table.row(vec![
            m.window.to_string(),
            date(m.base_row),
            date(m.last_row),
            cell(|x| Some(x.begin_value)),
            cell(|x| Some(x.net_flow)),
            cell(|x| x.parts.map(|p| p.fees)),
            cell(|x| Some(x.gain)),
            cell(|x| Some(x.end_value)),
            m.net.map_or_else(|_| "-".into(), |r| percent(Some(r.cumulative))),
            m.gross.map_or_else(|_| "-".into(), |r| percent(Some(r.cumulative))),
            m.net.ok().and_then(|r| r.annualised).map_or_else(String::new, |a| percent(Some(a))),
            window_note(m),
        ]);
    }
    table
}

fn window_note(m: &Measured) -> String {
    let mut notes: Vec<&str> = m.net.err().map(|e| e.as_str()).into_iter().collect();
    if m.verdict != Verdict::Final {
        notes.push(m.verdict.as_str());
    }
    if m.imported {
        notes.push("imported");
    }
    notes.join(", ")
}

fn window_fields(account: &str, as_of: Date, m: &Measured) -> [String; 21] {
    let of = |pick: fn(&Money) -> Option<Decimal>| exact(m.money.as_ref().and_then(pick));
    [
        quoted(account),
        as_of.to_string(),
        m.window.to_string(),
        date(m.base),
        m.to.to_string(),
        date(m.base_row),
        date(m.last_row),
        of(|x| Some(x.begin_value)),
        of(|x| x.parts.map(|p| p.contributions)),
        of(|x| x.parts.map(|p| p.distributions)),
        of(|x| Some(x.net_flow)),
        of(|x| x.parts.map(|p| p.fees)),
        of(|x| x.parts.map(|p| p.fees_outside)),
        of(|x| Some(x.gain)),
        of(|x| Some(x.end_value)),
        exact(m.net.ok().map(|r| r.cumulative)),
        exact(m.net.ok().and_then(|r| r.annualised)),
        exact(m.gross.ok().map(|r| r.cumulative)),
        exact(m.gross.ok().and_then(|r| r.annualised)),
        m.net.err().map(|e| e.as_str().to_owned()).unwrap_or_default(),
        m.verdict.as_str().into(),
    ]
}

fn date(d: Option<Date>) -> String {
    d.map(|d| d.to_string()).unwrap_or_default()
}
