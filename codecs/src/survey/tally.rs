//! What a feed holds so far, counted and summed as its layout does, and what it declares of that.
use super::totals::Totals;
use crate::decode::row::Row;
use crate::framing::lines::LineContext;
use crate::layout::Mapped;
use record::{Context, Control, Framed, Survey};
use returns::Decimal;
use std::sync::Arc;

/// Counts records as they are framed.
pub(crate) struct Tally {
    /// `None` for corrections, which declare nothing of themselves.
    mapped: Option<Arc<Mapped>>,
    totals: Option<Totals>,
    pub survey: Survey,
}

impl Tally {
    pub fn new(mapped: Option<Arc<Mapped>>) -> Tally {
        let totals = mapped.as_ref().and_then(Totals::new);
        Tally { mapped, totals, survey: Survey::default() }
    }

    /// Goes on behind what was counted and summed before.
    pub fn resume(mapped: Arc<Mapped>, records: u64, counted: u64, sums: Vec<Option<i128>>) -> Tally {
        let mut tally = Tally::new(Some(mapped));
        (tally.survey.records, tally.survey.counted) = (records, counted);
        if let Some(totals) = &mut tally.totals {
            totals.resume(sums);
        }
        tally
    }

    /// In units of an amount's last place; nothing where a sum is not known any more.
    pub fn sums(&self) -> &[Option<i128>] {
        self.totals.as_ref().map_or(&[], Totals::sums)
    }

    /// Adds what was framed. The first and the last row of it.
    pub fn add(&mut self, framed: &Framed) -> Option<(usize, usize)> {
        let includes = self.mapped.as_ref().map_or(&[][..], |m| &m.mapping.feed.count_includes);
        // Whether records under a context are rows, and whether they count.
        let kinds: Vec<(bool, bool)> = framed.contexts.iter().map(|c| kind(c, includes)).collect();
        let kind_of = |context: u16| kinds.get(usize::from(context)).copied().unwrap_or((true, true));
        let by_lines = self.mapped.as_ref().is_some_and(|m| m.counts_lines());
        let mut rows: Option<(usize, usize)> = None;
        for (n, record) in framed.records.iter().enumerate() {
            let (row, counts) = kind_of(record.context);
            let lines = if by_lines {
                lines_of(framed.payload.get(record.start as usize..record.end as usize))
            } else {
                1
            };
            self.survey.counted += if counts { lines } else { 0 };
            if row {
                if let Some(totals) = &mut self.totals {
                    totals.add(framed, n);
                }
                rows = Some((rows.map_or(n, |(first, _)| first), n));
            }
        }
        self.survey.records += (framed.records.len() + framed.refused.len()) as u64;
        self.survey.counted += framed.refused.len() as u64;
        if let Some(totals) = &mut self.totals
            && !framed.refused.is_empty()
        {
            totals.lose();
        }
        rows
    }

    /// Notes when the feed was made, what it declares to hold, whether it came to its end, and what of that its records do not come to. `says`
    /// is the row of its header and trailer.
    pub fn hold_against(&mut self, mapped: &Mapped, says: &Row<'_>) {
        declare(&mut self.survey, mapped, says);
        if let Some(totals) = &self.totals {
            match totals.disagreement(says) {
                Ok(wrong) => self.survey.wrong = self.survey.wrong.take().or(wrong),
                Err(()) => self.survey.unfinished = true,
            }
        }
    }
}

fn declare(survey: &mut Survey, mapped: &Mapped, row: &Row<'_>) {
    let rules = &mapped.mapping.feed;
    let made = rules.arrival.as_ref().and_then(|made| row.moment(made).ok().flatten());
    survey.arrival = made.and_then(|made| made.instant_or_midnight(&mapped.mapping.zone));
    (survey.declared, survey.wrong, survey.unfinished) = (None, None, false);
    if let Some(count) = &rules.count {
        let said = row.amount(count);
        let whole = |n: &Decimal| u64::try_from(n.mantissa()).ok().filter(|_| n.scale() == 0);
        survey.declared = said.as_ref().ok().and_then(|said| whole(said.as_ref()?));
        survey.unfinished |= matches!(said, Ok(None));
        survey.wrong = (survey.declared.is_none() && !survey.unfinished).then(|| Control {
            rule: Control::COUNT,
            declared: row.as_it_stands(count),
            found: survey.counted.to_string(),
        });
    }
    if let Some(trailer) = &rules.trailer {
        survey.unfinished |= !matches!(row.text(trailer), Ok(Some(_)));
    }
}

/// The lines of a record.
fn lines_of(record: Option<&[u8]>) -> u64 {
    1 + memchr::memchr_iter(b'\n', record.unwrap_or_default()).count() as u64
}

/// Whether records under a context are rows, and whether a control count includes them.
fn kind(context: &Context, includes: &[String]) -> (bool, bool) {
    match context.downcast_ref::<LineContext>().and_then(|c| c.role.class()) {
        Some(class) => (false, includes.iter().any(|i| i == class)),
        None => (true, true),
    }
}
