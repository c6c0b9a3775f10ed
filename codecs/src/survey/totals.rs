//! Control totals: what a feed declares its records to sum to.
use crate::decode::reader::row_of;
use crate::decode::row::Row;
use crate::format::Fields;
use crate::layout::Mapped;
use record::{Control, Framed};
use returns::Decimal;
use std::sync::Arc;

/// The sums of a feed's records, one per total that its mapping names.
pub(super) struct Totals {
    mapped: Arc<Mapped>,
    /// `None` beyond what a decimal holds.
    sums: Vec<Option<Decimal>>,
    fields: Fields,
}

impl Totals {
    /// None where the mapping names no total: only then are records not read twice.
    pub fn new(mapped: &Arc<Mapped>) -> Option<Totals> {
        let count = mapped.mapping.feed.totals.len();
        let sums = vec![Some(Decimal::ZERO); count];
        (count > 0).then(|| Totals { mapped: mapped.clone(), sums, fields: Fields::default() })
    }

    /// Adds a row. What cannot be read adds nothing: if the vendor counted it in, the sums disagree.
    pub fn add(&mut self, framed: &Framed, number: usize) {
        let record = &framed.records[number];
        let raw = &framed.payload[record.start as usize..record.end as usize];
        let context = framed.contexts.get(usize::from(record.context));
        if self.mapped.format.parse(raw, context, &mut self.fields).is_err() {
            return;
        }
        let row = row_of(&self.mapped, raw, &self.fields);
        for (sum, total) in self.sums.iter_mut().zip(&self.mapped.mapping.feed.totals) {
            let is_for = total.record.is_none() || total.record == self.fields.record_type;
            if is_for
                && row.holds(&total.when).unwrap_or(false)
                && let Ok(Some(amount)) = row.amount(&total.of)
            {
                *sum = sum.and_then(|sum| sum.checked_add(amount));
            }
        }
    }

    /// Holds the sums against what the feed declares, in the row of its header and trailer: the first that disagrees. `None` for a
    /// total that is declared nowhere.
    pub fn disagreement(&self, says: &Row<'_>) -> Option<Option<Control>> {
        let mut wrong = None;
        for (sum, total) in self.sums.iter().zip(&self.mapped.mapping.feed.totals) {
            let declared = says.amount(&total.declared).ok().flatten()?;
            if *sum != Some(declared) && wrong.is_none() {
                let found = sum.map_or("a sum out of range".to_owned(), |sum| sum.normalize().to_string());
                wrong = Some(Control { rule: "control_total", declared: declared.to_string(), found });
            }
        }
        Some(wrong)
    }
}
