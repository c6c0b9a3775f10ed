//! The decoder: bytes to observations, and each observation to the accumulator that owns its account.
use crate::crosswalk::{Crosswalk, Resolved, Target, account_no};
use crate::enter::entered;
use crate::generation::Plan;
use crate::guard::{Failure, Guard};
use crate::mailbox::{Mailbox, Parcel};
use crate::messages::{AccountBatch, Flowing, Header, Intake, NewAlias, Part, Raw, Rejected};
use crate::topology::layouts::CORRECTIONS;
use actix::prelude::*;
use codecs::{Decoded, Observation, Reject};
use foldhash::HashMap;
use record::{Counts, RawBatch, Symbol};
use returns::fact::{Body, Quarantined};
use returns::{Arrival, Fact, Kind, Origin, Place, Vendor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{BreakWrite, Names, QuarantineWrite, Store};
use tokio::runtime::Handle;

/// Decodes batches in the order they come, and hands the pieces on.
pub struct DecoderActor {
    guard: Guard,
    /// Out while a message is handled: handlers never overlap (`AtomicResponse`).
    work: Option<Work>,
    /// Where the store's connections live.
    runtime: Handle,
    /// Sources that have not said `Drain` yet.
    open_inputs: usize,
}

struct Work {
    store: Arc<dyn Store>,
    names: Arc<Names>,
    /// By the layout's name.
    vendors: HashMap<Arc<str>, VendorWork>,
    out: Vec<Mailbox<Flowing<AccountBatch>>>,
    decoded: Decoded,
}

/// What a decoder keeps per layout; `name` is the vendor's.
struct VendorWork {
    name: Arc<str>,
    vendor: Vendor,
    decoder: codecs::Decoder,
    crosswalk: Crosswalk,
    account_no: Arc<str>,
    mapping_version: u32,
    metrics: VendorMetrics,
}

struct VendorMetrics {
    decoded: metrics::Counter,
    ignored: metrics::Counter,
    quarantined: metrics::Counter,
}

impl DecoderActor {
    pub fn new(guard: Guard, plan: &Plan, out: Vec<Mailbox<Flowing<AccountBatch>>>, inputs: usize) -> Self {
        let vendors = plan.layouts.iter().map(|l| (Arc::from(l.layout.name()), VendorWork::new(l))).collect();
        let (store, names) = (plan.store.clone(), plan.names.clone());
        let work = Work { store, names, vendors, out, decoded: Decoded::default() };
        DecoderActor { guard, work: Some(work), runtime: plan.runtime.clone(), open_inputs: inputs }
    }
}

impl VendorWork {
    fn new(l: &crate::topology::layouts::VendorLayout) -> Self {
        let name = l.vendor_name.clone();
        let counter = |outcome: &'static str| metrics::counter!("dietz_records_total", "vendor" => name.to_string(), "outcome" => outcome);
        VendorWork {
            vendor: l.vendor,
            decoder: l.layout.decoder(l.vendor),
            crosswalk: Crosswalk::default(),
            account_no: l.account_no.clone(),
            mapping_version: l.layout.version(),
            metrics: VendorMetrics {
                decoded: counter("decoded"),
                ignored: counter("ignored"),
                quarantined: counter("quarantined"),
            },
            name,
        }
    }

    /// Whether its accounts are our own numbers, so that no alias stands between.
    fn speaks_our_numbers(&self) -> bool {
        &*self.name == CORRECTIONS
    }
}

impl Actor for DecoderActor {
    type Context = Context<Self>;
}

impl Handler<Parcel<Raw>> for DecoderActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, parcel: Parcel<Raw>, _: &mut Self::Context) -> Self::Result {
        let mut work = self.work.take();
        let last = match parcel.body {
            Flowing::Drain => {
                self.open_inputs = self.open_inputs.saturating_sub(1);
                self.open_inputs == 0
            }
            Flowing::Batch(_) => false,
        };
        let Parcel { body, room } = parcel;
        AtomicResponse::new(Box::pin(
            entered(&self.runtime, async move {
                let result = match (&mut work, body) {
                    (Some(work), Flowing::Batch(raw)) => work.batch(raw).await,
                    (Some(work), Flowing::Drain) if last => work.drain().await,
                    _ => Ok(()),
                };
                drop(room);
                (work, result)
            })
            .into_actor(self)
            .map(move |(work, result), actor, ctx| {
                actor.work = work;
                match result {
                    Ok(()) if last => {
                        actor.guard.tell(crate::guard::End::Finished);
                        ctx.stop();
                    }
                    Ok(()) => {}
                    Err(failure) => {
                        actor.guard.failed(failure);
                        ctx.stop();
                    }
                }
            }),
        ))
    }
}

impl Work {
    async fn drain(&mut self) -> Result<(), Failure> {
        for out in &self.out {
            out.send(Flowing::Drain).await?;
        }
        Ok(())
    }

    async fn batch(&mut self, raw: RawBatch) -> Result<(), Failure> {
        let pieces = match self.vendors.get_mut(&raw.feed.vendor) {
            Some(vendor) => {
                decode(|batch, out| vendor.decoder.decode(batch, out), &raw, &mut self.decoded);
                tell_drift(vendor, &self.decoded, &raw);
                let aliases = learn(vendor, &self.decoded, &*self.store, &self.names).await?;
                vendor.metrics.count(&self.decoded.counts);
                split(vendor, &raw, &mut self.decoded, aliases, self.out.len(), &self.names)
            }
            None => undecodable(&raw, self.out.len())?,
        };
        for (k, piece) in pieces.into_iter().enumerate() {
            if let Some(piece) = piece {
                self.out[k].send(Flowing::Batch(piece)).await?;
            }
        }
        Ok(())
    }
}

impl VendorMetrics {
    fn count(&self, counts: &Counts) {
        self.decoded.increment(counts.decoded);
        self.ignored.increment(counts.ignored);
        self.quarantined.increment(counts.quarantined);
    }
}

/// Decodes a batch; a record that panics the decoder is rejected there and then, and the others go on.
fn decode(mut decoder: impl FnMut(&RawBatch, &mut Decoded), raw: &RawBatch, out: &mut Decoded) {
    out.clear();
    let mut survives =
        |batch: &RawBatch, out: &mut Decoded| catch_unwind(AssertUnwindSafe(|| decoder(batch, out))).is_ok();
    if survives(raw, out) {
        return;
    }
    out.clear();
    // What the framer refused comes with no record, so it goes first and by itself.
    survives(&part(raw, Vec::new(), raw.refused.clone()), out);
    let mut one = Decoded::default();
    for record in &raw.records {
        one.clear();
        if survives(&part(raw, vec![*record], Vec::new()), &mut one) {
            append(out, &mut one);
        } else {
            out.counts.read += 1;
            out.counts.quarantined += 1;
            out.rejects.push(panicked(raw.record(record), record.position));
        }
    }
}

/// A batch with some of another's records, over the same bytes.
fn part(raw: &RawBatch, records: Vec<record::RawRecord>, refused: Vec<record::FramingError>) -> RawBatch {
    RawBatch {
        records,
        refused,
        partition: raw.partition.clone(),
        feed: raw.feed.clone(),
        payload: raw.payload.clone(),
        contexts: raw.contexts.clone(),
        ..*raw
    }
}

/// New columns are no error, but somebody should look: counted, and logged once a header.
fn tell_drift(vendor: &VendorWork, decoded: &Decoded, raw: &RawBatch) {
    for drift in &decoded.drift {
        metrics::counter!("dietz_drift_columns_total", "vendor" => vendor.name.to_string())
            .increment(drift.columns.len() as u64);
        let columns = drift.columns.join(", ");
        tracing::warn!(vendor = %vendor.name, partition = %raw.partition.id, %columns, "columns the mapping does not name");
    }
}

fn append(out: &mut Decoded, one: &mut Decoded) {
    let shift = u32::try_from(out.text.len()).unwrap_or(u32::MAX);
    out.text.append(&mut one.text);
    out.observations.extend(one.observations.drain(..).map(|mut o| {
        o.account = (o.account.0.saturating_add(shift), o.account.1.saturating_add(shift));
        o
    }));
    out.rejects.append(&mut one.rejects);
    out.counts += one.counts;
}

fn panicked(raw: &[u8], position: record::Position) -> Reject {
    Reject {
        position,
        line: Some(position.sub),
        code: "decoder_panic",
        text: "the decoder broke on this record; this is a fault of Dietz, please report it".into(),
        field: None,
        raw: raw[..raw.len().min(1 << 20)].to_vec(),
        length: raw.len() as u64,
        account: None,
        as_of: None,
        at: None,
    }
}

/// A feed no layout was found for: its pieces go to quarantine as they are.
fn undecodable(raw: &RawBatch, outputs: usize) -> Result<Vec<Option<AccountBatch>>, Failure> {
    if !raw.records.is_empty() {
        let text = format!("no layout `{}` for {}", raw.feed.vendor, raw.partition.id);
        return Err(Failure::fatal(text));
    }
    let refused = raw.refused.len() as u64;
    let counts = Counts { read: refused, quarantined: refused, bytes: raw.bytes, ..Counts::default() };
    let mut pieces: Vec<Option<AccountBatch>> = (0..outputs).map(|_| None).collect();
    let rejects = raw.refused.iter().map(|r| Rejected { write: refusal(raw, r), account: None }).collect();
    pieces[0] = Some(AccountBatch {
        header: header(raw, 1),
        facts: Vec::new(),
        intake: intake(raw),
        aliases: Vec::new(),
        breaks: feed_breaks(raw, std::slice::from_ref(&rejects)),
        rejects,
        counts,
    });
    Ok(pieces)
}

fn refusal(raw: &RawBatch, r: &record::FramingError) -> QuarantineWrite {
    QuarantineWrite {
        vendor: raw.feed.vendor.clone(),
        partition: raw.partition.key,
        position: record::Progress::At(r.position),
        line: Some(r.position.sub).filter(|n| *n > 0),
        feed: raw.feed.key,
        code: r.code.into(),
        text: r.text.clone(),
        field: None,
        raw: r.raw.clone(),
        length: r.length,
        raw_hash: blake3::hash(&r.raw).into(),
        account: None,
        vendor_account: None,
        as_of: None,
        mapping_version: 0,
    }
}

/// Resolves vendor accounts never seen before, all of a batch at once. Returns those that are new to the store too.
async fn learn(
    vendor: &mut VendorWork,
    decoded: &Decoded,
    store: &dyn Store,
    names: &Names,
) -> Result<Vec<NewAlias>, Failure> {
    let mut unknown: Vec<&str> = Vec::new();
    let mut last: Option<(u32, u32)> = None;
    for o in &decoded.observations {
        // Consecutive records of one account share the span of its text.
        if last.replace(o.account) == Some(o.account) {
            continue;
        }
        let text = account_text(decoded, o);
        if vendor.crosswalk.resolve(text.as_bytes(), o.fact.as_of).1 == Resolved::Unknown {
            unknown.push(text);
        }
    }
    let named = decoded.rejects.iter().filter(|r| r.as_of.is_some()).filter_map(|r| r.account.as_deref());
    unknown.extend(named.filter(|a| !vendor.crosswalk.knows(a)));
    unknown.sort_unstable();
    unknown.dedup();
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<(Arc<str>, Arc<str>)> =
        unknown.iter().map(|a| (vendor.name.clone(), Arc::from(*a))).collect();
    let known = if vendor.speaks_our_numbers() { Vec::new() } else { store.load_aliases(&asked).await? };
    let mut new = Vec::new();
    for account in unknown {
        let mine: Vec<store::Alias> =
            known.iter().filter(|k| &*k.vendor_account == account).cloned().collect();
        let number = account_no(&vendor.account_no, account);
        if vendor.crosswalk.learn(account, &mine, &number, names) && !vendor.speaks_our_numbers() {
            new.push(NewAlias {
                account: names.symbols.intern(&number),
                vendor: vendor.name.clone(),
                vendor_account: names.symbols.intern(account),
            });
        }
    }
    Ok(new)
}

fn account_text<'d>(decoded: &'d Decoded, o: &Observation) -> &'d str {
    let bytes = decoded.text.get(o.account.0 as usize..o.account.1 as usize).unwrap_or_default();
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Which accumulator owns a slot: contiguous shares of the 256.
pub fn owner(slot: u8, accumulators: usize) -> usize {
    usize::from(slot) * accumulators / 256
}

/// Splits a batch by accumulator. Piece 1 always goes and carries what belongs to the batch as a whole.
fn split(
    vendor: &mut VendorWork,
    raw: &RawBatch,
    decoded: &mut Decoded,
    aliases: Vec<NewAlias>,
    outputs: usize,
    names: &Names,
) -> Vec<Option<AccountBatch>> {
    let mut facts: Vec<Vec<(Symbol, Fact)>> = (0..outputs).map(|_| Vec::new()).collect();
    if outputs == 1 {
        facts[0].reserve(decoded.observations.len());
    }
    let mut rejects: Vec<Vec<Rejected>> = (0..outputs).map(|_| Vec::new()).collect();
    let mut observations = std::mem::take(&mut decoded.observations);
    let mut last: Option<((u32, u32), returns::Date, Symbol, Target)> = None;
    let mut unresolved_at = None;
    for o in observations.drain(..) {
        let (symbol, target) = match last {
            Some((span, date, symbol, target)) if span == o.account && date == o.fact.as_of => {
                (symbol, target)
            }
            _ => {
                let text = account_text(decoded, &o);
                match vendor.crosswalk.resolve(text.as_bytes(), o.fact.as_of) {
                    (symbol, Resolved::To(target)) => (symbol, target),
                    _ => {
                        let rejected = unresolved(vendor, raw, &o, text);
                        decoded.counts.observed -= 1;
                        // Several observations of one record are one record in quarantine.
                        if unresolved_at.replace(o.fact.place.position) != Some(o.fact.place.position) {
                            decoded.counts.decoded -= 1;
                            decoded.counts.quarantined += 1;
                            rejects[0].push(rejected);
                        }
                        continue;
                    }
                }
            }
        };
        last = Some((o.account, o.fact.as_of, symbol, target));
        let mut fact = o.fact;
        fact.vendor_account = symbol;
        facts[owner(target.slot, outputs)].push((target.account, fact));
    }
    decoded.observations = observations;
    for r in decoded.rejects.drain(..) {
        // A record that names an account goes to the one writer of that account.
        let (to, rejected) = reject(vendor, raw, r, &mut facts, outputs);
        rejects[to].push(rejected);
    }
    pieces(raw, facts, aliases, rejects, decoded.counts, names)
}

fn pieces(
    raw: &RawBatch,
    facts: Vec<Vec<(Symbol, Fact)>>,
    aliases: Vec<NewAlias>,
    rejects: Vec<Vec<Rejected>>,
    mut counts: Counts,
    names: &Names,
) -> Vec<Option<AccountBatch>> {
    counts.bytes = raw.bytes;
    let outputs = facts.len();
    let mut by_owner: Vec<Vec<NewAlias>> = (0..outputs).map(|_| Vec::new()).collect();
    for alias in aliases {
        let slot = store::slot_of(&names.symbols.text(alias.account));
        by_owner[owner(slot, outputs)].push(alias);
    }
    // The end of a feed that is folded once concerns every accumulator.
    let all = intake(raw) == Intake::StoreFirst { last: true };
    let goes: Vec<bool> = (0..outputs)
        .map(|k| k == 0 || all || !(facts[k].is_empty() && by_owner[k].is_empty() && rejects[k].is_empty()))
        .collect();
    let total = u32::try_from(goes.iter().filter(|g| **g).count()).unwrap_or(u32::MAX);
    let mut first = Some((counts, feed_breaks(raw, &rejects)));
    let mut out = Vec::with_capacity(outputs);
    for (((facts, aliases), rejects), goes) in facts.into_iter().zip(by_owner).zip(rejects).zip(goes) {
        out.push(goes.then(|| {
            let (counts, breaks) = first.take().unwrap_or_default();
            let header = header(raw, total);
            AccountBatch { header, facts, intake: intake(raw), aliases, rejects, breaks, counts }
        }));
    }
    out
}

/// Breaks of the feed as a whole: its control count disagrees, or a record that names no account and date is in quarantine (F6).
fn feed_breaks(raw: &RawBatch, rejects: &[Vec<Rejected>]) -> Vec<BreakWrite> {
    let mut breaks = Vec::new();
    if raw.feed.gated {
        let number = |n: u64| Some(n.into());
        let (expected, actual) = raw.feed.control.map_or((None, None), |(d, c)| (number(d), number(c)));
        let hint = match expected {
            Some(_) => {
                "the count it declares disagrees with its records; nothing of it counts until it is released or sent again"
            }
            None => "its trailer is missing; nothing of it counts until it is released or sent again",
        };
        breaks.push(BreakWrite { expected, actual, ..feed_break(raw, "control_count", "block", hint) });
    }
    if let Some(r) = rejects.iter().flatten().find(|r| r.account.is_none() || r.write.as_of.is_none()) {
        let hint = "a record of the feed is in quarantine and names no account and date";
        let position = Some(r.write.position.to_string());
        breaks.push(BreakWrite { position, ..feed_break(raw, "quarantined_input", "warn", hint) });
    }
    breaks
}

fn feed_break(raw: &RawBatch, rule: &'static str, severity: &'static str, hint: &str) -> BreakWrite {
    BreakWrite {
        rule,
        severity,
        account: None,
        vendor: Some(raw.feed.vendor.clone()),
        as_of: None,
        feed: Some(raw.feed.key),
        position: None,
        expected: None,
        actual: None,
        difference: None,
        difference_bp: None,
        tolerance: None,
        hint: Some(hint.into()),
        broken: true,
    }
}

fn intake(raw: &RawBatch) -> Intake {
    match (raw.feed.gated, raw.feed.newest_first) {
        (true, _) => Intake::Wait,
        (false, true) => Intake::StoreFirst { last: raw.to == record::Progress::End },
        (false, false) => Intake::Fold,
    }
}

fn header(raw: &RawBatch, pieces: u32) -> Header {
    let (partition, part) = (raw.partition.clone(), Part::Piece { of: pieces });
    Header { number: raw.number, part, partition, from: raw.from, to: raw.to }
}

/// A record whose account has aliases, none of which covers its date.
fn unresolved(vendor: &VendorWork, raw: &RawBatch, o: &Observation, account: &str) -> Rejected {
    let position = o.fact.place.position;
    let record = raw.records.iter().find(|r| r.position == position);
    let bytes = record.map_or(&[][..], |r| raw.record(r));
    let write = QuarantineWrite {
        vendor: vendor.name.clone(),
        partition: raw.partition.key,
        position: record::Progress::At(position),
        line: Some(position.sub),
        feed: raw.feed.key,
        code: "no_alias_on_date".into(),
        text: format!("the account has aliases, but none on {}", o.fact.as_of),
        field: None,
        raw: bytes[..bytes.len().min(1 << 20)].to_vec(),
        length: bytes.len() as u64,
        raw_hash: blake3::hash(bytes).into(),
        account: None,
        vendor_account: Some(account.to_owned()),
        as_of: Some(o.fact.as_of),
        mapping_version: vendor.mapping_version,
    };
    Rejected { write, account: None }
}

/// A rejected record as a quarantine row; where it names an account and a date, that day is held by a fact (F6).
fn reject(
    vendor: &mut VendorWork,
    raw: &RawBatch,
    r: Reject,
    facts: &mut [Vec<(Symbol, Fact)>],
    outputs: usize,
) -> (usize, Rejected) {
    let (mut to, mut named) = (0, None);
    if let (Some(account), Some(as_of)) = (r.account.as_deref(), r.as_of)
        && let (symbol, Resolved::To(target)) = vendor.crosswalk.resolve(account.as_bytes(), as_of)
    {
        (to, named) = (owner(target.slot, outputs), Some(target.account));
        let hold = hold(vendor, raw, &r, as_of, symbol, account);
        facts[to].push((target.account, hold));
    }
    let write = QuarantineWrite {
        vendor: vendor.name.clone(),
        partition: raw.partition.key,
        position: record::Progress::At(r.position),
        line: r.line,
        feed: raw.feed.key,
        code: r.code.into(),
        text: r.text,
        field: r.field,
        raw_hash: blake3::hash(&r.raw).into(),
        raw: r.raw,
        length: r.length,
        account: None,
        vendor_account: r.account,
        as_of: r.as_of,
        mapping_version: vendor.mapping_version,
    };
    (to, Rejected { write, account: named })
}

fn hold(
    vendor: &VendorWork,
    raw: &RawBatch,
    r: &Reject,
    as_of: returns::Date,
    symbol: Symbol,
    account: &str,
) -> Fact {
    let body = Body::Quarantined(Box::new(Quarantined { code: r.code.into(), released: false }));
    let reference: Arc<str> = format!("{}@{}", r.position, raw.partition.id).into();
    let origin = Origin::Vendor(vendor.vendor);
    let content =
        returns::ledger::content(&body, origin, Kind::Quarantined, as_of, Some(&reference), None, account);
    Fact {
        origin,
        as_of,
        reference: Some(reference),
        revision: None,
        arrival: Arrival(raw.feed.arrival),
        place: Place { partition: raw.partition.key, position: r.position },
        feed: raw.feed.key,
        content,
        vendor_account: symbol,
        mapping_version: vendor.mapping_version,
        body,
    }
}

#[cfg(test)]
mod tests;
