//! Records into observations. A record is all or nothing, and a bad one never stops the run.
mod clock;
mod drift;
pub mod fault;
mod flow;
mod history;
pub(crate) mod reader;
pub(crate) mod row;
mod summary;

pub use drift::Drift;

use crate::equals::Ordinals;
use crate::format::delimited::Delimited;
use crate::format::{eventbridge, offset};
use crate::framing::lines::{KEPT_OF_REFUSED, LineContext, Role};
use crate::layout::{Body as LayoutBody, Layout};
use fault::{Fault, Outcome, storable};
use reader::{Reader, Stamp, Verdict, View, Writer, check_account};
use record::{Context, Counts, Position, RawBatch, RawRecord};
use returns::{Arrival, Body, Date, Fact, Origin, Place, Vendor};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// A record up to this long is kept whole in quarantine, in bytes.
const KEPT_WHOLE: usize = 1024 * 1024;

/// What a batch came to. Reused: [`Decoded::clear`] keeps its room.
#[derive(Debug, Default)]
pub struct Decoded {
    pub observations: Vec<Observation>,
    /// What the accounts' spans point into.
    pub text: Vec<u8>,
    pub rejects: Vec<Reject>,
    /// Read, decoded, ignored, quarantined, observed, bytes.
    pub counts: Counts,
    /// Records left out, by class.
    pub ignored: Vec<(String, u64)>,
    /// Names the mapping does not know: columns once a header, those of records once.
    pub drift: Vec<Drift>,
}

/// What a record says of one account.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The account's text, as a span of [`Decoded::text`].
    pub account: (u32, u32),
    /// The text is our own account number; otherwise the account as the vendor sent it.
    pub is_account_no: bool,
    /// Its `vendor_account` is not filled in yet.
    pub fact: Fact,
}

/// A record that could not become an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    pub position: Position,
    /// From 1, where the feed has lines.
    pub line: Option<u64>,
    pub code: &'static str,
    pub text: String,
    pub field: Option<String>,
    /// The whole record up to 1 MiB; of a longer one the first 64 KiB.
    pub raw: Vec<u8>,
    /// The record's whole length in bytes.
    pub length: u64,
    /// The account and date the record names, where they can be read: that day is held.
    pub account: Option<String>,
    pub as_of: Option<Date>,
    /// Byte offset in the record where it goes wrong.
    pub at: Option<u32>,
}

impl Decoded {
    /// The text of an observation's account.
    pub fn account(&self, observation: &Observation) -> &str {
        let (start, end) = observation.account;
        let bytes = self.text.get(start as usize..end as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    pub fn clear(&mut self) {
        let Decoded { observations, text, rejects, counts, ignored, drift } = self;
        observations.clear();
        text.clear();
        rejects.clear();
        *counts = Counts::default();
        ignored.clear();
        drift.clear();
    }

    fn ignore(&mut self, class: &str, records: u64) {
        self.counts.ignored += records;
        match self.ignored.iter_mut().find(|(c, _)| c == class) {
            Some((_, n)) => *n += records,
            None => self.ignored.push((class.to_owned(), records)),
        }
    }

    fn reject(
        &mut self,
        raw: &[u8],
        record: &RawRecord,
        fault: Fault,
        names: (Option<String>, Option<Date>),
        line: Option<u64>,
    ) {
        let kept = if raw.len() <= KEPT_WHOLE { raw.len() } else { KEPT_OF_REFUSED };
        self.counts.quarantined += 1;
        self.rejects.push(Reject {
            position: record.position,
            line,
            code: fault.code,
            text: storable(fault.text),
            field: fault.field.map(storable),
            raw: raw[..kept].to_vec(),
            length: raw.len() as u64,
            account: names.0,
            as_of: names.1,
            at: fault.at,
        });
    }
}

/// Decodes the batches of one layout. One per decoder actor: it owns what is reused from record to record.
pub struct Decoder {
    vendor: Vendor,
    work: Work,
    drift: drift::Told,
}

enum Work {
    Mapped { reader: Box<Reader>, salted: bool },
    Events { version: u32 },
}

impl Decoder {
    pub fn new(layout: &Arc<Layout>, vendor: Vendor) -> Decoder {
        let work = match layout.body() {
            LayoutBody::Mapped(mapped) => {
                Work::Mapped { reader: Box::new(Reader::new(mapped.clone())), salted: !layout.is_full() }
            }
            LayoutBody::Events => Work::Events { version: layout.version() },
        };
        Decoder { vendor, work, drift: drift::Told::default() }
    }

    /// Decodes a batch, behind what `out` holds already.
    pub fn decode(&mut self, batch: &RawBatch, out: &mut Decoded) {
        let before = out.observations.len();
        out.counts.bytes += batch.bytes;
        for refused in &batch.refused {
            out.counts.read += 1;
            out.counts.quarantined += 1;
            out.rejects.push(of_framing(refused, batch.line(refused.position)));
        }
        match &mut self.work {
            Work::Mapped { reader, salted } => {
                self.drift.of_headers(reader, batch, out);
                mapped((reader, &mut self.drift), *salted, self.vendor, batch, out);
            }
            Work::Events { version } => events(*version, batch, out),
        }
        out.counts.observed += (out.observations.len() - before) as u64;
    }
}

fn of_framing(refused: &record::FramingError, line: Option<u64>) -> Reject {
    Reject {
        position: refused.position,
        line,
        code: refused.code,
        text: storable(refused.text.clone()),
        field: None,
        raw: refused.raw.clone(),
        length: refused.length,
        account: None,
        as_of: None,
        at: None,
    }
}

/// The framer's own context, without the numbers that tell equals apart.
fn base(context: &Context) -> &Context {
    context.downcast_ref::<Ordinals>().map_or(context, |o| &o.base)
}

/// What is known of a context for all records under it.
struct Run<'b> {
    view: View<'b>,
    /// The class its records are left out under.
    class: Option<&'b str>,
    /// Why they cannot be left out: a header without the columns its rows need.
    fault: Option<Box<Fault>>,
}

fn run<'b>(context: &'b Context, stream: bool, reader: &Reader) -> Run<'b> {
    let ordinals = context.downcast_ref::<Ordinals>();
    let base = base(context);
    let lines = base.downcast_ref::<LineContext>();
    let absent = lines.and_then(|c| c.columns.as_ref()).map_or(&[][..], |c| &c.absent);
    let header = lines.filter(|c| c.role == Role::Header);
    let twice = header.and_then(|c| Delimited::fault(c.columns.as_ref()?)).map(Into::into);
    let fault = twice.or_else(|| reader.check_header(header?.section, absent).err());
    // On a stream equals are told apart by the ledger, which lets them wait.
    let numbers = ordinals.filter(|_| !stream).map_or(&[][..], |o| &o.numbers);
    let view = View { context: Some(base), ordinals: numbers, absent };
    Run { view, class: lines.and_then(|c| c.role.class()), fault }
}

fn mapped(
    (reader, drift): (&mut Reader, &mut drift::Told),
    salted: bool,
    vendor: Vendor,
    batch: &RawBatch,
    out: &mut Decoded,
) {
    let runs: Vec<Run<'_>> = batch.contexts.iter().map(|c| run(c, !batch.feed.ends, reader)).collect();
    let bare = Run { view: View::default(), class: None, fault: None };
    let mut stamp = Stamp {
        vendor,
        arrival: Arrival(batch.feed.arrival),
        place: Place { partition: batch.partition.key, position: Position::default() },
        feed: batch.feed.key,
        salt: batch.feed.hash.filter(|_| salted),
        stream: (!batch.feed.ends).then(|| xxh3_128(batch.partition.id.as_str().as_bytes())),
    };
    let mut writer = Writer::new(out);
    for record in &batch.records {
        writer.out.counts.read += 1;
        let run = runs.get(usize::from(record.context)).unwrap_or(&bare);
        if let Some(class) = run.class {
            match &run.fault {
                None => writer.out.ignore(class, 1),
                Some(fault) => bad_header(reader, batch, record, (run, fault), writer.out),
            }
            continue;
        }
        stamp.place.position = record.position;
        stamp.arrival = Arrival(batch.arrival(record));
        one((reader, drift), batch, record, run, &stamp, &mut writer);
    }
}

#[cold]
fn bad_header(
    reader: &mut Reader,
    batch: &RawBatch,
    record: &RawRecord,
    (run, fault): (&Run<'_>, &Fault),
    out: &mut Decoded,
) {
    let raw = batch.record(record);
    let fault = reader.unreadable(raw, &run.view).map_or_else(|| fault.clone(), |why| *why);
    out.reject(raw, record, fault, (None, None), batch.line(record.position));
}

fn one(
    (reader, drift): (&mut Reader, &mut drift::Told),
    batch: &RawBatch,
    record: &RawRecord,
    run: &Run<'_>,
    stamp: &Stamp,
    writer: &mut Writer<'_>,
) {
    let raw = batch.record(record);
    let (observations, text) = (writer.out.observations.len(), writer.out.text.len());
    reader.forget();
    match reader.read(raw, &run.view, stamp, writer) {
        Ok(Verdict::Decoded) => {
            writer.out.counts.decoded += 1;
            drift.of_record(reader, raw, record.position, writer.out);
        }
        Ok(Verdict::Ignored(class)) => writer.out.ignore(class, 1),
        Err(fault) => {
            writer.roll_back(observations, text);
            let names = reader.names(raw);
            writer.out.reject(raw, record, *fault, names, batch.line(record.position));
        }
    }
}

fn events(version: u32, batch: &RawBatch, out: &mut Decoded) {
    for record in &batch.records {
        out.counts.read += 1;
        let raw = batch.record(record);
        let said = match eventbridge::object_created(raw) {
            // A source reads it; it says nothing of figures.
            Some(Ok(_)) => {
                out.ignore("object created", 1);
                continue;
            }
            Some(Err(e)) => Err(Box::<Fault>::from(crate::format::FormatError::from(e))),
            None => event(version, batch, record, raw, out),
        };
        match said {
            Ok(observation) => {
                out.counts.decoded += 1;
                out.observations.push(observation);
            }
            Err(fault) => {
                let (account, as_of) = eventbridge::names(raw);
                let account = account.filter(|a| check_account(a, "").is_ok());
                out.reject(raw, record, *fault, (account, as_of), batch.line(record.position));
            }
        }
    }
}

/// The texts of an event are kept as those of any record are.
fn check_texts(event: &eventbridge::Event) -> Outcome<()> {
    let c = &event.correction;
    for (label, text) in [
        ("id", &*c.event_id),
        ("detail.ticket", &*c.ticket),
        ("detail.who", &*c.who),
        ("detail.reason", &*c.reason),
        ("detail.account", event.account.as_str()),
    ] {
        row::utf8(text.as_bytes(), label)?;
    }
    check_account(&event.account, "detail.account")
}

/// A correction. It arrives when its event says, so that the same event in a file and on a stream gives the same figures.
fn event(
    version: u32,
    batch: &RawBatch,
    record: &RawRecord,
    raw: &[u8],
    out: &mut Decoded,
) -> Outcome<Observation> {
    let event =
        eventbridge::decode(raw).map_err(|e| Box::<Fault>::from(crate::format::FormatError::from(e)))?;
    check_texts(&event)?;
    let reference = event.correction.ticket.clone();
    let arrival = Arrival(Some(event.correction.event_time));
    let body = Body::Correction(Box::new(event.correction));
    let content = returns::ledger::content(
        &body,
        Origin::Correction,
        body.kind(),
        event.date,
        Some(&reference),
        event.revision,
        &event.account,
    );
    let start = offset(out.text.len());
    out.text.extend_from_slice(event.account.as_bytes());
    Ok(Observation {
        account: (start, offset(out.text.len())),
        is_account_no: true,
        fact: Fact {
            origin: Origin::Correction,
            as_of: event.date,
            reference: Some(reference),
            revision: event.revision,
            arrival,
            place: Place { partition: batch.partition.key, position: record.position },
            feed: batch.feed.key,
            content,
            vendor_account: Default::default(),
            mapping_version: version,
            body,
        },
    })
}
