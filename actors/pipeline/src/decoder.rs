//! The decoder: bytes to observations, and each observation to the accumulator that owns its account.
use crate::crosswalk::{Crosswalk, Resolved, account_no};
use crate::enter::entered;
use crate::followed::{Followed, Tally};
use crate::generation::Plan;
use crate::guard::{Failure, Guard};
use crate::mailbox::{Mailbox, Parcel};
use crate::messages::{AccountBatch, Flowing, NewAlias, Raw, Rejected};
use crate::pieces::{bad_share, controls_hold, split, undecodable};
use crate::topology::layouts::CORRECTIONS;
use actix::prelude::*;
use codecs::{Decoded, Observation, Reject};
use foldhash::HashMap;
use record::{Counts, PartitionKey, Progress, RawBatch};
use returns::Vendor;
use returns::tolerance::Rules;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Names, Store};
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
    followed: Followed,
    rules: Arc<Rules>,
    /// Of feeds with an end that are being read.
    tallies: HashMap<PartitionKey, Tally>,
    out: Vec<Mailbox<Flowing<AccountBatch>>>,
    decoded: Decoded,
}

/// What a decoder keeps per layout; `name` is the vendor's.
pub(crate) struct VendorWork {
    pub(crate) name: Arc<str>,
    pub(crate) vendor: Vendor,
    decoder: codecs::Decoder,
    pub(crate) crosswalk: Crosswalk,
    account_no: Arc<str>,
    pub(crate) mapping_version: u32,
    /// Its feeds declare counts or totals.
    controlled: bool,
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
        let (followed, rules) = (Followed::of(&plan.layouts), plan.rules.clone());
        let (tallies, decoded) = (HashMap::default(), Decoded::default());
        let work = Work { store, names, vendors, followed, rules, tallies, out, decoded };
        DecoderActor { guard, work: Some(work), runtime: plan.runtime.clone(), open_inputs: inputs }
    }
}

impl VendorWork {
    pub(crate) fn new(l: &crate::topology::layouts::VendorLayout) -> Self {
        let name = l.vendor_name.clone();
        let counter = |outcome: &'static str| metrics::counter!("dietz_records_total", "vendor" => name.to_string(), "outcome" => outcome);
        VendorWork {
            vendor: l.vendor,
            decoder: l.layout.decoder(l.vendor),
            crosswalk: Crosswalk::default(),
            account_no: l.account_no.clone(),
            mapping_version: l.layout.version(),
            controlled: l.layout.is_controlled(),
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
        let before = self.tally_before(&raw).await?;
        let mut pieces = match self.vendors.get_mut(&raw.feed.vendor) {
            Some(vendor) => {
                decode(|batch, out| vendor.decoder.decode(batch, out), &raw, &mut self.decoded);
                tell_drift(vendor, &self.decoded, &raw);
                let aliases = learn(vendor, &self.decoded, &*self.store, &self.names).await?;
                vendor.metrics.count(&self.decoded.counts);
                let follow = |unread| self.followed.of_batch(&raw, unread || before.unread);
                split(vendor, &raw, &mut self.decoded, aliases, follow, self.out.len(), &self.names)
            }
            None => undecodable(&raw, self.out.len())?,
        };
        self.tally_after(&raw, before, &mut pieces);
        for (k, piece) in pieces.into_iter().enumerate() {
            if let Some(piece) = piece {
                self.out[k].send(Flowing::Batch(piece)).await?;
            }
        }
        Ok(())
    }
}

impl Work {
    /// What was met of the batch's feed before it; what an earlier run read of it is in the store.
    async fn tally_before(&mut self, raw: &RawBatch) -> Result<Tally, Failure> {
        let (key, from) = (raw.partition.key, raw.from);
        match self.tallies.remove(&key) {
            Some(tally) => Ok(tally),
            None if raw.feed.ends && from != Progress::Start => {
                Ok(self.store.bad_records(raw.feed.key, key, from).await?.into())
            }
            None => Ok(Tally::default()),
        }
    }

    /// Adds the batch to what was met; with the last one, the share of bad records is judged.
    fn tally_after(&mut self, raw: &RawBatch, mut tally: Tally, pieces: &mut [Option<AccountBatch>]) {
        if !raw.feed.ends {
            return;
        }
        let rejects = pieces.iter().flatten().flat_map(|piece| &piece.rejects);
        tally.unread |= rejects.clone().any(Rejected::names_nothing);
        tally.bad += rejects.count() as u64;
        if raw.to != Progress::End {
            self.tallies.insert(raw.partition.key, tally);
            return;
        }
        if let Some(Some(first)) = pieces.first_mut() {
            first.breaks.extend(bad_share(raw, &tally, &self.rules));
            let controlled = self.vendors.get(&raw.feed.vendor).is_some_and(|vendor| vendor.controlled);
            first.breaks.extend(controls_hold(raw).into_iter().filter(|_| controlled));
        }
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
            let line = raw.line(record.position);
            out.rejects.push(panicked(raw.record(record), record.position, line));
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
        arrivals: raw.arrivals.clone(),
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

fn panicked(raw: &[u8], position: record::Position, line: Option<u64>) -> Reject {
    Reject {
        position,
        line,
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

pub(crate) fn account_text<'d>(decoded: &'d Decoded, o: &Observation) -> &'d str {
    let bytes = decoded.text.get(o.account.0 as usize..o.account.1 as usize).unwrap_or_default();
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
