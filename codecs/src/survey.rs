//! One read-through of a feed before it is streamed: framing, control count and totals, business date, order of dates.
pub(crate) mod tally;
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
use record::{Context, FeedKey, Framed, Framer, PartitionKey, Position, Survey};
use returns::{Arrival, Date, Place, Vendor};
use std::sync::Arc;
use tally::Tally;

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
    tally: Tally,
    /// What the framer has not done with.
    rest: Vec<u8>,
    framed: Framed,
    first: Option<Kept>,
    last: Option<Kept>,
    /// The context of the last line, rows and others alike: it carries what header and trailer said.
    end: Option<Context>,
}

impl FramingSurveyor {
    pub fn new(framer: AnyFramer, mapped: Option<Arc<Mapped>>, name: &str) -> Self {
        FramingSurveyor {
            framer,
            tally: Tally::new(mapped.clone()),
            mapped,
            name: name.into(),
            rest: Vec::new(),
            framed: Framed::default(),
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
        let rows = self.tally.add(&self.framed);
        if self.first.is_none() {
            self.first = rows.map(|(first, _)| self.kept(first));
        }
        self.last = rows.map(|(_, last)| self.kept(last)).or(self.last.take());
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
        self.tally.survey.business_date = dates.into_iter().max().flatten().map(|date| date.to_string());
        self.tally.hold_against(mapped, &around(mapped, says, &mut fields));
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
            self.tally.survey.newest_first = matches!(dates, (Some(first), Some(last)) if first > last);
            self.read_declarations(&mapped);
        }
        if let Some((declared, counted)) = self.framer.control_count() {
            (self.tally.survey.declared, self.tally.survey.counted) = (Some(declared), counted);
        }
        self.tally.survey
    }
}
