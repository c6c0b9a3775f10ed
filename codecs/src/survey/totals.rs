//! Control totals: what a feed declares its records to sum to.
use crate::decode::reader::row_of;
use crate::decode::row::Row;
use crate::format::Fields;
use crate::layout::Mapped;
use crate::value::money::Digits;
use record::{Control, Framed};
use returns::Decimal;
use std::sync::Arc;

/// The sums of a feed's records, one per total that its mapping names.
///
/// A record that cannot be read is in quarantine, and holds its account's day. It makes a sum unknown, and what is unknown is held
/// against nothing: otherwise one bad line would keep out all that came with it.
pub(super) struct Totals {
    mapped: Arc<Mapped>,
    /// In units of an amount's last place, so that they are exact however many there are.
    sums: Vec<Option<i128>>,
    fields: Fields,
}

impl Totals {
    /// None where the mapping names no total: only where it does are records read twice.
    pub fn new(mapped: &Arc<Mapped>) -> Option<Totals> {
        let count = mapped.mapping.feed.totals.len();
        (count > 0).then(|| Totals {
            mapped: mapped.clone(),
            sums: vec![Some(0); count],
            fields: Fields::default(),
        })
    }

    pub fn sums(&self) -> &[Option<i128>] {
        &self.sums
    }

    /// Goes on with sums of the same mapping's totals.
    pub fn resume(&mut self, sums: Vec<Option<i128>>) {
        if sums.len() == self.sums.len() {
            self.sums = sums;
        }
    }

    /// Adds a row.
    pub fn add(&mut self, framed: &Framed, number: usize) {
        let record = &framed.records[number];
        let raw = &framed.payload[record.start as usize..record.end as usize];
        let context = framed.contexts.get(usize::from(record.context));
        if self.mapped.format.parse(raw, context, &mut self.fields).is_err() {
            return self.lose();
        }
        let row = row_of(&self.mapped, raw, &self.fields);
        for (sum, total) in self.sums.iter_mut().zip(&self.mapped.mapping.feed.totals) {
            if total.record.is_some() && total.record != self.fields.record_type {
                continue;
            }
            let amount =
                row.holds(&total.when).and_then(|is| if is { row.amount(&total.of) } else { Ok(None) });
            *sum = match amount {
                Ok(amount) => sum.and_then(|sum| sum.checked_add(units(amount.unwrap_or_default())?)),
                Err(_) => None,
            };
        }
    }

    /// A piece of the feed could not be read.
    pub fn lose(&mut self) {
        self.sums.fill(None);
    }

    /// Holds the sums against what the feed declares, in the row of its header and trailer: the first that disagrees, or is no number.
    /// An error where a total is not declared at all.
    pub fn disagreement(&self, says: &Row<'_>) -> Result<Option<Control>, ()> {
        let mut wrong = None;
        for (sum, total) in self.sums.iter().zip(&self.mapped.mapping.feed.totals) {
            let declared = match says.amount(&total.declared) {
                Ok(None) => return Err(()),
                Ok(Some(declared)) if sum.is_none_or(|sum| Some(sum) == units(declared)) => continue,
                Ok(Some(declared)) => declared.to_string(),
                Err(_) => says.as_it_stands(&total.declared),
            };
            let found = sum.map_or_else(String::new, shown);
            wrong = wrong.or(Some(Control { rule: Control::TOTAL, declared, found }));
        }
        Ok(wrong)
    }
}

/// An amount in units of its last place.
fn units(amount: Decimal) -> Option<i128> {
    let missing = u32::from(Digits::AMOUNT.after).checked_sub(amount.scale())?;
    amount.mantissa().checked_mul(10i128.pow(missing))
}

fn shown(units: i128) -> String {
    let sum = Decimal::try_from_i128_with_scale(units, Digits::AMOUNT.after.into()).ok();
    sum.map_or_else(|| "more than an amount can be".to_owned(), |sum| sum.normalize().to_string())
}
