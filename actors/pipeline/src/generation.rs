//! One generation: all actors of a topology, started from the sink backwards and stopped together.
use crate::accumulator::{self, AccumulatorActor};
use crate::board::Board;
use crate::checker::CheckerActor;
use crate::decoder::DecoderActor;
use crate::drifts::Drifts;
use crate::followed::Followed;
use crate::guard::{Ended, Failure, Guard};
use crate::mailbox::{Mailbox, Parcel, bound_by_permits};
use crate::registry::StoreRegistry;
use crate::sink::{Back, Listen, Settings, SinkActor};
use crate::source_actor::{Reading, SourceActor};
use crate::source_layouts::SourceLayouts;
use crate::telling::Telling;
use crate::topology::Topology;
use crate::topology::config::{Node, Place, Source};
use crate::topology::layouts::LayoutSet;
use crate::turns::Dealer;
use actix::prelude::*;
use record::{BatchLimit, PartitionId};
use returns::tolerance::Rules;
use sources::s3::Told;
use sources::{FileSource, KafkaSource, KinesisSource, S3Source};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Generation as Lease, Names, Store};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// What every generation of a run is made from.
#[derive(Clone)]
pub struct Plan {
    pub topology: Arc<Topology>,
    pub layouts: LayoutSet,
    pub rules: Arc<Rules>,
    pub store: Arc<dyn Store>,
    pub names: Arc<Names>,
    pub board: Arc<Board>,
    /// The runtime that outlives generations: the store's connections live in it.
    pub runtime: Handle,
    /// With `--from-start`.
    pub rewound: Option<Arc<Mutex<HashSet<PartitionId>>>>,
    /// With `--once`: sources are at their end once they have caught up with what is there.
    pub once: bool,
    pub stop: watch::Receiver<bool>,
    pub numbers: Arc<AtomicU64>,
}

/// Actors that run.
pub struct Running {
    pub ended: mpsc::UnboundedReceiver<Ended>,
    /// The name of the sink: when it has finished, all is committed.
    pub sink: Arc<str>,
    arbiters: Vec<Arbiter>,
}

struct Starting<'p> {
    plan: &'p Plan,
    tell: mpsc::UnboundedSender<Ended>,
    arbiters: Vec<Arbiter>,
}

/// Starts every actor, from the sink backwards, so that nobody ever sends to an actor that is not there.
pub async fn start(plan: &Plan, lease: Arc<Lease>) -> Result<Running, Failure> {
    let (tell, ended) = mpsc::unbounded_channel();
    let mut starting = Starting { plan, tell, arbiters: Vec::new() };
    match wire(&mut starting, plan, lease).await {
        Ok(sink) => Ok(Running { ended, sink: sink.into(), arbiters: starting.arbiters }),
        Err(failure) => {
            end(starting.arbiters).await;
            Err(failure)
        }
    }
}

/// Starts and connects them; the name of the sink comes back.
async fn wire(s: &mut Starting<'_>, plan: &Plan, lease: Arc<Lease>) -> Result<String, Failure> {
    let t = &plan.topology;
    let [sink] = t.sinks.as_slice() else { return Err(Failure::fatal("a topology has one sink")) };
    let [checker] = t.checkers.as_slice() else { return Err(Failure::fatal("a topology has one checker")) };
    let [ledger] = t.accumulators.as_slice() else {
        return Err(Failure::fatal("a topology has one accumulator"));
    };

    let (sink_addr, to_sink) = s.sink(sink, lease.clone());
    let to_checker = s.checker(checker, to_sink, ledger.kind.instances);
    let (accumulators, to_accumulators) = s.accumulators(ledger, to_checker);
    let mut back = Back { sources: Vec::new(), accumulators };
    let mut decoders = Vec::new();
    for node in &t.decoders {
        let readers =
            t.sources.iter().filter(|src| node.inputs.iter().any(|i| i.text == src.name.text)).count();
        decoders.push((node, s.decoders(node, readers, &to_accumulators)));
    }
    let arbiter = s.arbiter();
    let told = told(t)?;
    for node in &t.sources {
        let to = decoders.iter().filter(|(d, _)| d.inputs.iter().any(|i| i.text == node.name.text));
        let to: Vec<_> = to.flat_map(|(_, boxes)| boxes.clone()).collect();
        back.sources.push(s.source(node, to, lease.clone(), &arbiter, &told)?);
    }
    sink_addr.send(Listen(back)).await.map_err(Failure::transient)?;
    Ok(actor("sinks", &sink.name.text))
}

/// What events tell, by the source that reads the objects.
fn told(t: &Topology) -> Result<HashMap<&str, Arc<Told>>, Failure> {
    let listening = t.sources.iter().filter_map(|node| match &node.kind.place {
        Place::S3(s3) if s3.events_from.is_some() => Some((node.name.text.as_str(), s3)),
        _ => None,
    });
    listening.map(|(name, s3)| Ok((name, Arc::new(Told::new(name, s3).map_err(Failure::fatal)?)))).collect()
}

impl Running {
    /// Ends every actor and waits for their threads. What was not committed is forgotten; the store has the rest.
    pub async fn end(self) {
        end(self.arbiters).await;
    }
}

async fn end(arbiters: Vec<Arbiter>) {
    for arbiter in &arbiters {
        arbiter.stop();
    }
    let joined = tokio::task::spawn_blocking(move || {
        for arbiter in arbiters {
            // A thread that panicked has told so through its guard.
            let _ = arbiter.join();
        }
    });
    let _ = joined.await;
}

impl Starting<'_> {
    fn guard(&self, name: &str) -> Guard {
        Guard::new(name, self.tell.clone())
    }

    fn arbiter(&mut self) -> ArbiterHandle {
        let arbiter = Arbiter::new();
        let handle = arbiter.handle();
        self.arbiters.push(arbiter);
        handle
    }

    fn sink(
        &mut self,
        node: &Node<crate::topology::config::Sink>,
        lease: Arc<Lease>,
    ) -> (Addr<SinkActor>, Mailbox<crate::messages::Flowing<crate::messages::CheckedBatch>>) {
        let (plan, k) = (self.plan.clone(), node.kind.clone());
        let name = actor("sinks", &node.name.text);
        let guard = self.guard(&name);
        let settings = Settings { batch_rows: k.batch_rows, linger: k.linger };
        let arbiter = self.arbiter();
        let addr = SinkActor::start_in_arbiter(&arbiter, move |ctx| {
            bound_by_permits(ctx);
            SinkActor::new(guard, plan, lease, settings, 1)
        });
        let mailbox = Mailbox::new(&name, recipient(&addr), node.kind.mailbox);
        (addr, mailbox)
    }

    fn checker(
        &mut self,
        node: &Node<crate::topology::config::Checker>,
        out: Mailbox<crate::messages::Flowing<crate::messages::CheckedBatch>>,
        inputs: usize,
    ) -> Mailbox<crate::messages::Flowing<Arc<crate::messages::ReturnsBatch>>> {
        let name = actor("checkers", &node.name.text);
        let guard = self.guard(&name);
        let (plan, capacity) = (self.plan.clone(), node.kind.mailbox);
        let arbiter = self.arbiter();
        let addr = CheckerActor::start_in_arbiter(&arbiter, move |ctx| {
            bound_by_permits(ctx);
            CheckerActor::new(guard, &plan, out, inputs)
        });
        Mailbox::new(&name, recipient(&addr), capacity)
    }

    #[allow(clippy::type_complexity)]
    fn accumulators(
        &mut self,
        node: &Node<crate::topology::config::Accumulator>,
        out: Mailbox<crate::messages::Flowing<Arc<crate::messages::ReturnsBatch>>>,
    ) -> (Vec<Addr<AccumulatorActor>>, Vec<Mailbox<crate::messages::Flowing<crate::messages::AccountBatch>>>)
    {
        let decoders = self.plan.topology.decoders.iter().map(|d| d.kind.instances).sum();
        let (mut addrs, mut boxes) = (Vec::new(), Vec::new());
        for i in 0..node.kind.instances {
            let name = numbered(&actor("accumulators", &node.name.text), i, node.kind.instances);
            let guard = self.guard(&name);
            let (plan, out, k) = (self.plan.clone(), out.clone(), node.kind.clone());
            let limit = k.accounts;
            let arbiter = self.arbiter();
            let addr = AccumulatorActor::start_in_arbiter(&arbiter, move |ctx| {
                bound_by_permits(ctx);
                let (policy, followed) = (plan.layouts.policy.clone(), Followed::of(&plan.layouts));
                let work = accumulator::Work::new(
                    plan.store,
                    plan.names,
                    policy,
                    out,
                    limit,
                    (i, k.instances),
                    plan.numbers,
                );
                AccumulatorActor::new(guard, work.following(followed), plan.runtime, decoders)
            });
            boxes.push(Mailbox::new(&name, recipient(&addr), node.kind.mailbox));
            addrs.push(addr);
        }
        (addrs, boxes)
    }

    fn decoders(
        &mut self,
        node: &Node<crate::topology::config::Decoder>,
        readers: usize,
        out: &[Mailbox<crate::messages::Flowing<crate::messages::AccountBatch>>],
    ) -> Vec<Mailbox<crate::messages::Raw>> {
        let mut boxes = Vec::new();
        let drifts = Arc::<Drifts>::default();
        for i in 0..node.kind.instances {
            let name = numbered(&actor("decoders", &node.name.text), i, node.kind.instances);
            let guard = self.guard(&name);
            let (plan, out, capacity) = (self.plan.clone(), out.to_vec(), node.kind.mailbox);
            let drifts = drifts.clone();
            let arbiter = self.arbiter();
            let addr = DecoderActor::start_in_arbiter(&arbiter, move |ctx| {
                bound_by_permits(ctx);
                DecoderActor::new(guard, &plan, out, readers, drifts)
            });
            boxes.push(Mailbox::new(&name, recipient(&addr), capacity));
        }
        boxes
    }

    fn source(
        &mut self,
        node: &Node<Source>,
        decoders: Vec<Mailbox<crate::messages::Raw>>,
        lease: Arc<Lease>,
        arbiter: &ArbiterHandle,
        told: &HashMap<&str, Arc<Told>>,
    ) -> Result<Addr<SourceActor>, Failure> {
        let (plan, k) = (self.plan, &node.kind);
        let name: Arc<str> = node.name.text.as_str().into();
        let vendors: Vec<String> = k.vendors.iter().map(|w| w.text.clone()).collect();
        let layouts = Arc::new(SourceLayouts::new(&plan.layouts, &vendors, k.eventbridge));
        let telling = telling(plan, &name, &lease, told);
        let registry = Arc::new(registry(plan, name.clone(), lease));
        let source: Box<dyn sources::Source> = match &k.place {
            Place::File(file) => {
                let base = plan.topology.base();
                Box::new(
                    FileSource::new(&name, file.clone(), base, layouts, registry).map_err(Failure::fatal)?,
                )
            }
            Place::Kinesis(kinesis) => {
                Box::new(KinesisSource::new(&name, kinesis.clone(), layouts, registry))
            }
            Place::Kafka(kafka) => Box::new(KafkaSource::new(&name, kafka.clone(), layouts, registry)),
            Place::S3(s3) => {
                let told = told.get(&*name).cloned();
                Box::new(S3Source::new(&name, s3.clone(), layouts, registry, told).map_err(Failure::fatal)?)
            }
        };
        let wait = Duration::from_millis(200);
        let reading = Reading {
            name,
            source,
            limit: BatchLimit { records: k.batch_records, bytes: k.batch_bytes, wait },
            decoders: Dealer::new(decoders),
            telling,
            board: plan.board.clone(),
            once: plan.once,
            stop: plan.stop.clone(),
            numbers: plan.numbers.clone(),
            runtime: plan.runtime.clone(),
        };
        let (guard, in_flight) = (self.guard(&actor("sources", &node.name.text)), k.in_flight);
        Ok(SourceActor::start_in_arbiter(arbiter, move |_| SourceActor::new(guard, reading, in_flight)))
    }
}

/// Who listens to the events of a source.
fn telling(plan: &Plan, source: &str, lease: &Arc<Lease>, told: &HashMap<&str, Arc<Told>>) -> Telling {
    let mut telling = Telling::default();
    for node in &plan.topology.sources {
        let Place::S3(s3) = &node.kind.place else { continue };
        let Some(told) = told.get(node.name.text.as_str()) else { continue };
        if s3.events_from.as_deref() == Some(source) {
            let registry = registry(plan, node.name.text.as_str().into(), lease.clone());
            telling.add(told.clone(), Arc::new(registry));
        }
    }
    telling
}

fn registry(plan: &Plan, source: Arc<str>, lease: Arc<Lease>) -> StoreRegistry {
    StoreRegistry {
        store: plan.store.clone(),
        generation: lease,
        names: plan.names.clone(),
        source,
        rewound: plan.rewound.clone(),
        versions: plan.layouts.iter().map(|l| (l.layout.name().into(), l.layout.version())).collect(),
    }
}

fn recipient<A, M>(addr: &Addr<A>) -> Recipient<Parcel<M>>
where
    M: Send + 'static,
    A: Actor<Context = Context<A>> + Handler<Parcel<M>>,
{
    addr.clone().recipient()
}

/// An actor's name: nodes of two kinds may have one name, and the end of a source is not that of the sink.
fn actor(kind: &str, node: &str) -> String {
    format!("{kind}.{node}")
}

fn numbered(name: &str, i: usize, of: usize) -> String {
    if of == 1 { name.to_owned() } else { format!("{name}-{}", i + 1) }
}
