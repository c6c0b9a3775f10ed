//! Equal observations of one feed told apart by a number.
//!
//! Two real flows of the same amount on one day are two flows, and the file sent again must give no third. So a flow without an id
//! is named by what it says and by which of its equals it is in its feed. That number depends on all lines before it, while decoders
//! share a feed and may begin in its middle; the framer alone sees every line, always from the first. So it counts.
//!
//! # Bound
//! While at most [`KEYS`] different flows and positions have been seen, all are remembered. Then only those of the date in hand are
//! kept, and a date that was forgotten must not come again: an observation of one is numbered [`UNKNOWN`] and its record refused
//! (`out_of_order`). A feed in date order, either way, may be of any length, with up to [`KEYS`] flows a day.
use crate::decode::Decoded;
use crate::decode::reader::{Reader, View, Writer, nowhere};
use crate::framing::AnyFramer;
use crate::framing::lines::{KEPT_OF_REFUSED, LineContext, Role};
use crate::layout::Mapped;
use record::{Context, Framed, Framer, FramingError, Position, RawRecord};
use returns::Date;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many different observations are remembered: 32 MiB or so.
const KEYS: usize = 1 << 20;
/// Bytes framed at once, and the contexts after which a batch is full: one slice of ordinary records adds far fewer than the rest.
const SLICE: usize = 32 * 1024;
const CONTEXTS: usize = 50_000;
/// The number of an observation whose equals are not known any more.
pub const UNKNOWN: u32 = u32::MAX;

/// A context of a record of which an observation is not the first of its equals.
pub struct Ordinals {
    pub base: Context,
    /// One per observation that is numbered, in the order of the mapping's blocks; 0 is the first of its equals.
    pub numbers: Vec<u32>,
}

/// A framer that numbers equals on the way.
pub struct NumberingFramer {
    inner: AnyFramer,
    reader: Reader,
    scratch: Decoded,
    seen: Seen,
}

impl NumberingFramer {
    pub fn new(inner: AnyFramer, mapped: Arc<Mapped>) -> Self {
        NumberingFramer {
            inner,
            reader: Reader::new(mapped),
            scratch: Decoded::default(),
            seen: Seen::new(KEYS),
        }
    }

    /// The numbers of a record's observations; none if all are the first of their equals.
    fn numbers(&mut self, raw: &[u8], context: Option<&Context>) -> Option<Vec<u32>> {
        let lines = context.and_then(|c| c.downcast_ref::<LineContext>());
        if lines.is_some_and(|c| c.role != Role::Data) {
            return None;
        }
        self.scratch.clear();
        let absent = lines.and_then(|c| c.columns.as_ref()).map_or(&[][..], |c| &c.absent);
        let view = View { context, ordinals: &[], absent };
        self.reader.forget();
        self.reader.read(raw, &view, &nowhere(), &mut Writer::new(&mut self.scratch)).ok()?;
        let numbers: Vec<u32> =
            self.reader.identities.iter().map(|(date, id)| self.seen.number(*date, *id)).collect();
        numbers.iter().any(|n| *n > 0).then_some(numbers)
    }
}

impl NumberingFramer {
    /// Numbers the records from `first` on.
    fn number(&mut self, first: usize, out: &mut Framed) {
        let mut n = first;
        while n < out.records.len() {
            let RawRecord { start, end, context, position, .. } = out.records[n];
            let base = out.contexts.get(usize::from(context)).cloned();
            let raw = &out.payload[start as usize..end as usize];
            let Some(numbers) = self.numbers(raw, base.as_ref()) else {
                n += 1;
                continue;
            };
            match u16::try_from(out.contexts.len()) {
                Ok(number) => {
                    let base = base.unwrap_or_else(|| Arc::new(()));
                    out.contexts.push(Arc::new(Ordinals { base, numbers }));
                    out.records[n].context = number;
                    n += 1;
                }
                Err(_) => {
                    out.refused.push(no_room(raw, position));
                    out.records.remove(n);
                }
            }
        }
    }
}

/// Beside a record far longer than a slice there may stand more equals than a batch can number. They are not lost.
fn no_room(raw: &[u8], position: Position) -> FramingError {
    FramingError {
        position,
        code: "out_of_order",
        text: "more equal lines close together than can be told apart: map an `id`".to_owned(),
        raw: raw[..raw.len().min(KEPT_OF_REFUSED)].to_vec(),
        length: raw.len() as u64,
    }
}

impl Framer for NumberingFramer {
    /// Frames a slice at a time, and stops when a batch has nearly as many contexts as it can count.
    fn frame(&mut self, input: &[u8], last: bool, out: &mut Framed) -> usize {
        let (mut used, mut slice) = (0, SLICE);
        loop {
            let end = input.len().min(used + slice);
            let (first, refused) = (out.records.len(), out.refused.len());
            let step = self.inner.frame(&input[used..end], last && end == input.len(), out);
            let stuck = step == 0 && (out.records.len(), out.refused.len()) == (first, refused);
            self.number(first, out);
            used += step;
            let done = end == input.len() && (stuck || used == input.len());
            if done || out.contexts.len() > CONTEXTS {
                return used;
            }
            slice = if stuck { slice * 2 } else { SLICE };
        }
    }

    fn record_limit(&self) -> usize {
        self.inner.record_limit()
    }
}

/// The observations seen so far, and how often.
struct Seen {
    limit: usize,
    counts: HashMap<(Date, u128), u32>,
    forgotten: HashSet<Date>,
}

impl Seen {
    fn new(limit: usize) -> Self {
        Seen { limit, counts: HashMap::new(), forgotten: HashSet::new() }
    }

    fn number(&mut self, date: Date, identity: u128) -> u32 {
        if self.forgotten.contains(&date) {
            return UNKNOWN;
        }
        if self.counts.len() >= self.limit && !self.counts.contains_key(&(date, identity)) {
            self.forget_other_dates(date);
            if self.counts.len() >= self.limit {
                return UNKNOWN;
            }
        }
        let count = self.counts.entry((date, identity)).or_insert(0);
        *count += 1;
        *count - 1
    }

    fn forget_other_dates(&mut self, kept: Date) {
        let forgotten = &mut self.forgotten;
        self.counts.retain(|(date, _), _| {
            if *date != kept {
                forgotten.insert(*date);
            }
            *date == kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn equals_are_counted_per_date_and_a_forgotten_date_is_refused() {
        let mut seen = Seen::new(2);
        let (monday, tuesday) = (date(2025, 1, 6), date(2025, 1, 7));
        assert_eq!([1, 1, 2].map(|id| seen.number(monday, id)), [0, 1, 0]);
        assert_eq!(seen.number(monday, 1), 2, "what is known is counted beyond the bound");
        assert_eq!(seen.number(tuesday, 1), 0, "the bound is reached: Monday is forgotten");
        assert_eq!(seen.number(monday, 1), UNKNOWN);
        assert_eq!([seen.number(tuesday, 2), seen.number(tuesday, 3)], [0, UNKNOWN]);
    }
}
