//! The decoder: bytes to observations, and each observation to the accumulator that owns its account.
//!
//! Batches of one partition lie with several decoders, so all that costs by the record is done without regard to order; what needs it is in `hand_on`.
use crate::crosswalk::{Crosswalk, Resolved, account_no};
use crate::drifts::Drifts;
use crate::enter::entered;
use crate::followed::Followed;
use crate::generation::Plan;
use crate::guard::{Failure, Guard};
use crate::hand_on::{HandOn, Ready};
use crate::mailbox::{Mailbox, Parcel, Room};
use crate::messages::{AccountBatch, Dealt, Flowing, NewAlias, Raw};
use crate::pieces::{split, undecodable};
use crate::topology::layouts::CORRECTIONS;
use actix::prelude::*;
use codecs::{Decoded, Observation, Reject};
use foldhash::HashMap;
use record::{Counts, RawBatch};
use returns::Vendor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Names, Store};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Decodes batches in the order they come, and hands the pieces on in that order, each in its turn.
pub struct DecoderActor {
    guard: Arc<Guard>,
    /// Out while a message is handled: handlers never overlap (`AtomicResponse`).
    work: Option<Work>,
    /// Where the store's connections live.
    runtime: Handle,
    /// Sources that have not said `Drain` yet.
    open_inputs: usize,
}

struct Work {
    names: Arc<Names>,
    /// By the layout's name.
    vendors: HashMap<Arc<str>, VendorWork>,
    decoded: Decoded,
    drifts: Arc<Drifts>,
    hand_on: Arc<HandOn>,
    /// The batch before, if its turn had not come when it was decoded: one, at most. It is handed on in the runtime, since this
    /// thread is decoding the next one meanwhile.
    aside: JoinSet<Result<(), Failure>>,
    runtime: Handle,
}

/// What a decoder keeps per layout; `name` is the vendor's.
pub(crate) struct VendorWork {
    pub(crate) name: Arc<str>,
    pub(crate) vendor: Vendor,
    decoder: codecs::Decoder,
    pub(crate) crosswalk: Crosswalk,
    account_no: Arc<str>,
    pub(crate) mapping_version: u32,
    metrics: VendorMetrics,
}

struct VendorMetrics {
    decoded: metrics::Counter,
    ignored: metrics::Counter,
    quarantined: metrics::Counter,
}

impl DecoderActor {
    /// `inputs` is how many sources there are; `drifts` is shared with the other decoders of the node.
    pub fn new(
        guard: Guard,
        plan: &Plan,
        out: Vec<Mailbox<Flowing<AccountBatch>>>,
        inputs: usize,
        drifts: Arc<Drifts>,
    ) -> Self {
        let guard = Arc::new(guard);
        let vendors = plan.layouts.iter().map(|l| (Arc::from(l.layout.name()), VendorWork::new(l))).collect();
        let controlled = plan.layouts.iter().filter(|l| l.layout.is_controlled());
        let hand_on = HandOn {
            store: plan.store.clone(),
            followed: Followed::of(&plan.layouts),
            rules: plan.rules.clone(),
            controlled: controlled.map(|l| Arc::from(l.layout.name())).collect(),
            out,
            guard: Arc::downgrade(&guard),
        };
        let work = Work {
            names: plan.names.clone(),
            vendors,
            decoded: Decoded::default(),
            drifts,
            hand_on: Arc::new(hand_on),
            aside: JoinSet::new(),
            runtime: plan.runtime.clone(),
        };
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
                    (Some(work), Flowing::Batch(dealt)) => work.batch(dealt, room).await,
                    (Some(work), Flowing::Drain) if last => work.drain().await,
                    _ => Ok(()),
                };
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
        self.aside_is_handed_on().await?;
        self.hand_on.drain().await
    }

    /// Decodes a batch and hands it on, or sets it aside until its turn comes.
    async fn batch(&mut self, dealt: Dealt, room: Room) -> Result<(), Failure> {
        let Dealt { raw, turn } = dealt;
        // Told while the turn is still held, as `HandOn::hand_on` does.
        let pieces = self.pieces(&raw).await.inspect_err(|failure| self.hand_on.tell(failure))?;
        self.aside_is_handed_on().await?;
        let mut ready = Ready { raw, pieces, turn, room };
        if ready.turn.has_come() {
            return self.hand_on.hand_on(ready).await;
        }
        let hand_on = self.hand_on.clone();
        self.aside.spawn_on(async move { hand_on.hand_on_aside(ready).await }, &self.runtime);
        Ok(())
    }

    /// A decoder's batches go in the order they came: the first to name an account carries its alias, ahead of all its facts.
    async fn aside_is_handed_on(&mut self) -> Result<(), Failure> {
        while let Some(result) = self.aside.join_next().await {
            result.map_err(Failure::transient)??;
        }
        Ok(())
    }

    /// All that takes time by the record.
    async fn pieces(&mut self, raw: &RawBatch) -> Result<Vec<Option<AccountBatch>>, Failure> {
        let HandOn { store, followed, out, .. } = &*self.hand_on;
        let Some(vendor) = self.vendors.get_mut(&raw.feed.vendor) else {
            return undecodable(raw, out.len());
        };
        decode(|batch, out| vendor.decoder.decode(batch, out), raw, &mut self.decoded);
        tell_drift(vendor, &self.decoded, raw, &self.drifts);
        let aliases = learn(vendor, &self.decoded, &**store, &self.names).await?;
        vendor.metrics.count(&self.decoded.counts);
        let feed = followed.of_batch(raw, false);
        Ok(split(vendor, raw, &mut self.decoded, aliases, feed, out.len(), &self.names))
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
fn tell_drift(vendor: &VendorWork, decoded: &Decoded, raw: &RawBatch, drifts: &Drifts) {
    for drift in &decoded.drift {
        let columns = drift.columns.join(", ");
        if !drifts.is_news(&raw.feed.vendor, &columns) {
            continue;
        }
        metrics::counter!("dietz_drift_columns_total", "vendor" => vendor.name.to_string())
            .increment(drift.columns.len() as u64);
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
