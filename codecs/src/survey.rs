//! One read-through of a feed before it is streamed: framing, control count and totals, business date, order of dates.
mod totals;

use crate::decode::Decoded;
use crate::decode::reader::{Reader, Stamp, View, Writer, row_of};
use crate::decode::row::Row;
use crate::format::Fields;
use crate::format::delimited::carry;
use crate::framing::AnyFramer;
use crate::framing::lines::LineContext;
use crate::layout::Mapped;
use crate::mapping::model::BusinessDate;
use record::{Context, Control, FeedKey, Framed, Framer, PartitionKey, Position, Survey};
use returns::{Arrival, Date, Decimal, Place, Vendor};
use std::sync::Arc;
use totals::Totals;

/// Reads a feed through once. Fed with consecutive pieces; memory is bounded by the longest record.
pub trait Surveyor: Send {
    fn feed(&mut self, bytes: &[u8]);
    /// The end of the feed.
    fn finish(self: Box<Self>) -> Survey;
}

/// A record kept, with what it stands under.
type Kept = (Vec<u8>, Option<Context>);

/// Surveys by framing.
pub(crate) struct FramingSurveyor {
    framer: AnyFramer,
    /// `None` for corrections, which declare nothing of themselves.
    mapped: Option<Arc<Mapped>>,
    /// The file's, in which its date may stand.
    name: Box<str>,
    totals: Option<Totals>,
    /// What the framer has not done with.
    rest: Vec<u8>,
    framed: Framed,
    survey: Survey,
    first: Option<Kept>,
    last: Option<Kept>,
    /// The context of the last line, rows and others alike: it carries what header and trailer said.
    end: Option<Context>,
}

impl FramingSurveyor {
    pub fn new(framer: AnyFramer, mapped: Option<Arc<Mapped>>, name: &str) -> Self {
        let totals = mapped.as_ref().and_then(Totals::new);
        FramingSurveyor {
            framer,
            mapped,
            totals,
            name: name.into(),
            rest: Vec::new(),
            framed: Framed::default(),
            survey: Survey::default(),
            first: None,
            last: None,
            end: None,
        }
    }

    /// Frames what is at hand. Whole lines are framed where they are; only what is left over is copied.
    fn frame(&mut self, bytes: &[u8], last: bool) {
        if self.rest.is_empty() {
            let used = self.frame_all(bytes, last);
            self.rest.extend_from_slice(&bytes[used..]);
            return;
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let used = self.frame_all(&rest, last);
        rest.drain(..used);
        self.rest = rest;
    }

    fn frame_all(&mut self, bytes: &[u8], last: bool) -> usize {
        let mut used = 0;
        loop {
            self.framed.clear();
            let step = self.framer.frame(&bytes[used..], last, &mut self.framed);
            used += step;
            self.count();
            let gave = !self.framed.records.is_empty() || !self.framed.refused.is_empty();
            if step == 0 && !gave || used == bytes.len() {
                return used;
            }
        }
    }

    fn count(&mut self) {
        let includes = self.mapped.as_ref().map_or(&[][..], |m| &m.mapping.feed.count_includes);
        // Whether records under a context are rows, and whether they count.
        let kinds: Vec<(bool, bool)> = self.framed.contexts.iter().map(|c| kind(c, includes)).collect();
        let kind_of = |context: u16| kinds.get(usize::from(context)).copied().unwrap_or((true, true));
        let by_lines = self.mapped.as_ref().is_some_and(|m| m.counts_lines());
        let (mut first, mut last) = (None, None);
        for (n, record) in self.framed.records.iter().enumerate() {
            let (row, counts) = kind_of(record.context);
            let lines = if by_lines {
                lines_of(self.framed.payload.get(record.start as usize..record.end as usize))
            } else {
                1
            };
            self.survey.counted += if counts { lines } else { 0 };
            if row {
                if let Some(totals) = &mut self.totals {
                    totals.add(&self.framed, n);
                }
                first = first.or(Some(n));
                last = Some(n);
            }
        }
        self.survey.records += (self.framed.records.len() + self.framed.refused.len()) as u64;
        self.survey.counted += self.framed.refused.len() as u64;
        if let Some(totals) = &mut self.totals
            && !self.framed.refused.is_empty()
        {
            totals.lose();
        }
        if self.first.is_none() {
            self.first = first.map(|n| self.kept(n));
        }
        self.last = last.map(|n| self.kept(n)).or(self.last.take());
        if let Some(record) = self.framed.records.last() {
            self.end = self.framed.contexts.get(usize::from(record.context)).cloned();
        }
    }

    fn kept(&self, n: usize) -> Kept {
        let record = &self.framed.records[n];
        let raw = self.framed.payload[record.start as usize..record.end as usize].to_vec();
        (raw, self.framed.contexts.get(usize::from(record.context)).cloned())
    }

    /// What the feed says of itself: in lines what was carried to the last one, header and trailer alike; in JSON and XML what
    /// stands around the first record. A feed of many days, in either order, is of the latest.
    fn read_declarations(&mut self, mapped: &Mapped) {
        let lines = self.end.as_ref().is_some_and(|c| c.is::<LineContext>());
        let end = self.end.take().filter(|_| lines).map(|context| (Vec::new(), Some(context)));
        let (says, other) = if lines { (&end, &self.first) } else { (&self.first, &self.last) };
        let mut fields = Fields::default();
        let dates = [says, other].map(|kept| self.business_date(mapped, &around(mapped, kept, &mut fields)));
        self.survey.business_date = dates.into_iter().max().flatten().map(|date| date.to_string());
        let row = around(mapped, says, &mut fields);
        declare(&mut self.survey, mapped, &row);
        if let Some(totals) = &self.totals {
            match totals.disagreement(&row) {
                Ok(wrong) => self.survey.wrong = self.survey.wrong.take().or(wrong),
                Err(()) => self.survey.unfinished = true,
            }
        }
    }

    fn business_date(&self, mapped: &Mapped, row: &Row<'_>) -> Option<Date> {
        mapped.mapping.feed.business_date.iter().find_map(|place| match place {
            BusinessDate::Said(date) => row.moment(date).ok().flatten().map(|moment| moment.date),
            BusinessDate::InName(spelling) => spelling.last_in(self.name.as_bytes()),
        })
    }
}

/// What stands around a record kept; nothing if there is none, or it cannot be read. Lines carry it themselves.
fn around<'a>(mapped: &'a Mapped, kept: &'a Option<Kept>, fields: &'a mut Fields) -> Row<'a> {
    fields.reset(mapped.mapping.selectors.len());
    let Some((raw, context)) = kept else { return row_of(mapped, &[], fields) };
    if let Some(lines) = context.as_ref().and_then(|c| c.downcast_ref::<LineContext>()) {
        carry(lines, fields);
        return row_of(mapped, &[], fields);
    }
    if mapped.format.parse(raw, context.as_ref(), fields).is_err() {
        fields.reset(mapped.mapping.selectors.len());
    }
    row_of(mapped, raw, fields)
}

/// When the feed was made, what it declares to hold, and whether it came to its end.
fn declare(survey: &mut Survey, mapped: &Mapped, row: &Row<'_>) {
    let rules = &mapped.mapping.feed;
    let made = rules.arrival.as_ref().and_then(|made| row.moment(made).ok().flatten());
    survey.arrival = made.and_then(|made| made.instant_or_midnight(&mapped.mapping.zone));
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

/// The date of a record's first observation.
fn date_of(mapped: &Arc<Mapped>, record: &Option<Kept>) -> Option<Date> {
    let (raw, context) = record.as_ref()?;
    let place = Place { partition: PartitionKey(0), position: Position::default() };
    let stamp = Stamp {
        vendor: Vendor(0),
        arrival: Arrival(None),
        place,
        feed: FeedKey(0),
        salt: None,
        stream: None,
    };
    let view = View { context: context.as_ref(), ..View::default() };
    let mut reader = Reader::new(mapped.clone());
    let mut out = Decoded::default();
    match reader.read(raw, &view, &stamp, &mut Writer::new(&mut out)) {
        Ok(_) => out.observations.first().map(|o| o.fact.as_of).or_else(|| reader.names(raw).1),
        Err(_) => reader.names(raw).1,
    }
}

impl Surveyor for FramingSurveyor {
    fn feed(&mut self, bytes: &[u8]) {
        self.frame(bytes, false);
    }

    fn finish(mut self: Box<Self>) -> Survey {
        self.frame(&[], true);
        if let Some(mapped) = self.mapped.clone() {
            let dates = (date_of(&mapped, &self.first), date_of(&mapped, &self.last));
            self.survey.newest_first = matches!(dates, (Some(first), Some(last)) if first > last);
            self.read_declarations(&mapped);
        }
        if let Some((declared, counted)) = self.framer.control_count() {
            (self.survey.declared, self.survey.counted) = (Some(declared), counted);
        }
        self.survey
    }
}
