//! One read-through of a feed before it is streamed: framing, control count, business date, order of dates.
use crate::decode::Decoded;
use crate::decode::reader::{Reader, Stamp, View, Writer};
use crate::format::Fields;
use crate::framing::AnyFramer;
use crate::framing::lines::LineContext;
use crate::layout::Mapped;
use record::{Context, FeedKey, Framed, Framer, PartitionKey, Position, Survey};
use returns::{Arrival, Date, Place, Vendor};
use std::sync::Arc;

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
    pub fn new(framer: AnyFramer, mapped: Option<Arc<Mapped>>) -> Self {
        FramingSurveyor {
            framer,
            mapped,
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
        let (mut first, mut last) = (None, None);
        for (n, record) in self.framed.records.iter().enumerate() {
            let (row, counts) = kind_of(record.context);
            self.survey.counted += u64::from(counts);
            if row {
                first = first.or(Some(n));
                last = Some(n);
            }
        }
        self.survey.records += (self.framed.records.len() + self.framed.refused.len()) as u64;
        self.survey.counted += self.framed.refused.len() as u64;
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

    /// What the feed says of itself: of lines by the context of the last one, which carries header and trailer; of JSON and XML
    /// by what stands around the first record.
    fn read_declarations(&mut self, mapped: &Mapped) {
        let rules = &mapped.mapping.feed;
        let mut fields = Fields::default();
        fields.reset(mapped.mapping.selectors.len());
        let lines = self.end.as_ref().and_then(|c| c.downcast_ref::<LineContext>());
        let mut record: &[u8] = &[];
        if let Some(lines) = lines {
            crate::format::delimited::carry(lines, &mut fields);
        } else if let Some((raw, context)) = &self.first
            && mapped.format.parse(raw, context.as_ref(), &mut fields).is_ok()
        {
            record = raw;
        }
        let row = crate::decode::reader::row_of(mapped, record, &fields);
        let moment = |date: &Option<crate::mapping::model::DateOf>| {
            date.as_ref().and_then(|d| {
                row.moment(d).ok().flatten().map(|m| (m, m.instant_or_midnight(&mapped.mapping.zone)))
            })
        };
        self.survey.business_date = moment(&rules.business_date).map(|(m, _)| m.date.to_string());
        self.survey.arrival = moment(&rules.arrival).and_then(|(_, instant)| instant);
        if let Some(count) = &rules.count {
            let declared = row.amount(count).ok().flatten().filter(|n| n.scale() == 0);
            self.survey.declared = declared.and_then(|n| u64::try_from(n.mantissa()).ok());
            self.survey.unfinished |= self.survey.declared.is_none();
        }
        if let Some(trailer) = &rules.trailer {
            self.survey.unfinished |= !matches!(row.text(trailer), Ok(Some(_)));
        }
    }
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
        stream: false,
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
