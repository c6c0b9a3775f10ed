//! Rows of a feed as the sink would write them, ready for a store.
use super::BenchError;
use super::input::Input;
use super::ledger::Ledger;
use codecs::Decoded;
use returns::ledger::{Profile, RowChange};
use returns::{Date, Vendor, Verdict};
use std::mem;
use std::sync::Arc;
use store::{AccountWrite, Names, RowWrite, slot_of};

/// What a catching-up sink gathers before it commits, in rows; the topology's default.
const UNIT_ROWS: usize = 100_000;

/// The rows of all accounts, in units of whole days.
pub struct Rows {
    pub names: Arc<Names>,
    pub accounts: Vec<AccountWrite>,
    /// Sorted by account and date.
    pub units: Vec<Unit>,
    pub count: u64,
}

/// What goes into one transaction.
pub struct Unit {
    pub from: Date,
    pub to: Date,
    pub rows: Vec<RowWrite>,
}

impl Rows {
    /// Decodes and accumulates the whole feed, which is in order of date. Accounts have ids from 1 on.
    pub fn new(input: &Input) -> Result<Rows, BenchError> {
        let mut ledger = Ledger::new(&input.layout);
        let mut decoder = input.layout.decoder(Vendor(0));
        let (mut out, mut changes) = (Decoded::default(), Vec::new());
        let (mut units, mut open) = (Vec::new(), Vec::with_capacity(UNIT_ROWS));
        for batch in input.batches() {
            decoder.decode(&batch, &mut out);
            ledger.take(&mut out, &mut changes)?;
            out.clear();
            for (account, change) in changes.drain(..) {
                let new_day = open.last().is_some_and(|row: &RowWrite| row.change.as_of() < change.as_of());
                if new_day && open.len() >= UNIT_ROWS {
                    units.extend(closed(mem::take(&mut open)));
                }
                open.push(write(account, change));
            }
        }
        units.extend(closed(open));
        let count = units.iter().map(|unit: &Unit| unit.rows.len() as u64).sum();
        if count != input.records {
            return Err(BenchError::Undone(format!("{count} rows came of {} records", input.records)));
        }
        Ok(Rows {
            accounts: ledger.accounts().into_iter().map(account).collect(),
            names: ledger.names,
            units,
            count,
        })
    }
}

fn closed(mut rows: Vec<RowWrite>) -> Option<Unit> {
    // They came day by day.
    let (from, to) = (rows.first()?.change.as_of(), rows.last()?.change.as_of());
    rows.sort_unstable_by_key(|row| (row.account, row.change.as_of()));
    Some(Unit { from, to, rows })
}

fn write(account: i64, change: RowChange) -> RowWrite {
    let reasons = change.row().map(|row| row.reasons).unwrap_or_default();
    RowWrite { account, change, verdict: Verdict::Final, reasons, cause: None }
}

fn account((id, account_no, profile): (i64, Arc<str>, Profile)) -> AccountWrite {
    let slot = slot_of(&account_no);
    AccountWrite { id, account_no, slot, profile, aliases: Vec::new() }
}
