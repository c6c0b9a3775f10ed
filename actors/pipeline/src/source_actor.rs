//! Mounts a source: asks it for batches while there is room in flight, and deals them to the decoders.
use crate::board::Board;
use crate::enter::entered;
use crate::guard::{Class, End, Failure, Guard};
use crate::messages::Committed;
use crate::telling::Telling;
use crate::turns::Dealer;
use actix::prelude::*;
use record::{BatchLimit, PartitionId, Progress, RawBatch};
use sources::{Next, Source, SourceError};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

/// One source.
pub struct SourceActor {
    guard: Arc<Guard>,
    reading: Option<(Reading, mpsc::UnboundedReceiver<Committed>)>,
    flight: Arc<Flight>,
    commits: mpsc::UnboundedSender<Committed>,
}

/// Everything the reading loop owns.
pub struct Reading {
    pub name: Arc<str>,
    pub source: Box<dyn Source>,
    pub limit: BatchLimit,
    pub decoders: Dealer,
    /// Who is told what its records tell.
    pub telling: Telling,
    pub board: Arc<Board>,
    /// The source is taken to be at its end once it has caught up with what is there.
    pub once: bool,
    /// Says true when the run is to end: stop reading, pass on what is read.
    pub stop: watch::Receiver<bool>,
    /// Numbers batches, over all sources.
    pub numbers: Arc<AtomicU64>,
    /// Where the store's connections live.
    pub runtime: Handle,
}

/// So long a source that was asked may take to answer when the run is to stop.
const FAREWELL: Duration = Duration::from_millis(500);

/// Raw bytes read and not yet committed.
struct Flight {
    limit: u64,
    state: std::sync::Mutex<InFlight>,
    freed: Notify,
}

#[derive(Default)]
struct InFlight {
    bytes: u64,
    batches: HashMap<u64, u64>,
}

impl SourceActor {
    pub fn new(guard: Guard, reading: Reading, in_flight: u64) -> Self {
        let flight = Flight { limit: in_flight, state: Default::default(), freed: Notify::new() };
        let (commits, told) = mpsc::unbounded_channel();
        SourceActor {
            guard: Arc::new(guard),
            reading: Some((reading, told)),
            flight: Arc::new(flight),
            commits,
        }
    }
}

impl Actor for SourceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((mut reading, mut commits)) = self.reading.take() else { return };
        let (flight, guard) = (self.flight.clone(), self.guard.clone());
        let runtime = reading.runtime.clone();
        let run = async move {
            let result = reading.run(flight, &mut commits).await;
            if result.is_ok() {
                guard.tell(End::Finished);
                reading.stay(&mut commits).await;
            }
            (result, reading)
        };
        ctx.spawn(entered(&runtime, run).into_actor(self).map(|(result, reading), actor, _| {
            if let Err(failure) = result {
                actor.guard.failed(failure);
            }
            // Not before: decoders nobody can send to are dropped and say so, and their word must not come ahead of the cause.
            drop(reading);
        }));
    }
}

impl Handler<Committed> for SourceActor {
    type Result = ();
    fn handle(&mut self, committed: Committed, _: &mut Self::Context) {
        self.flight.free(committed.batches.iter().map(|b| b.number));
        // Nobody hears it once the source has failed.
        let _ = self.commits.send(committed);
    }
}

impl Flight {
    fn take(&self, number: u64, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        state.bytes += bytes;
        state.batches.insert(number, bytes);
    }

    fn free(&self, numbers: impl Iterator<Item = u64>) {
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        for number in numbers {
            let bytes = state.batches.remove(&number).unwrap_or(0);
            state.bytes -= bytes;
        }
        self.freed.notify_one();
    }

    /// Waits until something may be read.
    async fn room(&self) {
        loop {
            let freed = self.freed.notified();
            if self.state.lock().unwrap_or_else(|e| e.into_inner()).bytes < self.limit {
                return;
            }
            freed.await;
        }
    }
}

impl Reading {
    /// Reads until the source ends or the run is to stop; then says `Drain`.
    async fn run(
        &mut self,
        flight: Arc<Flight>,
        commits: &mut mpsc::UnboundedReceiver<Committed>,
    ) -> Result<(), Failure> {
        loop {
            if *self.stop.borrow() {
                break;
            }
            tokio::select! {
                biased;
                _ = self.stop.changed() => break,
                Some(committed) = commits.recv() => {
                    self.pass_back(&committed).await;
                    continue;
                }
                () = flight.room() => {}
            }
            let Some(next) = self.ask().await else { break };
            let standing = self.source.standing();
            let through = self.once && standing.caught_up;
            self.board.standing(&self.name, standing, records(&next));
            match next.map_err(|e| failure(&e))? {
                Next::Batch(batch) => {
                    self.telling.note(&batch).await.map_err(|e| failure(&e))?;
                    self.pass_on(batch, &flight).await?;
                }
                Next::Idle if !through => {}
                Next::Idle | Next::End => {
                    self.telling.end();
                    break;
                }
            }
        }
        self.decoders.drain().await
    }

    /// Asks the source; `None` if the run is to stop first. The call is not given up for a commit, and for a stop only after a while: what it asks
    /// of the store would be dropped half-way, and leave a connection out of step.
    async fn ask(&mut self) -> Option<Result<Next, SourceError>> {
        let mut call = pin!(self.source.next_batch(&self.limit));
        tokio::select! {
            biased;
            next = &mut call => Some(next),
            _ = self.stop.changed() => timeout(FAREWELL, call).await.ok(),
        }
    }

    /// Tells the source how far its own partitions are committed.
    async fn pass_back(&mut self, committed: &Committed) {
        let mut upto: HashMap<&PartitionId, Progress> = HashMap::new();
        for batch in committed.batches.iter().filter(|b| b.partition.source == self.name) {
            let at = upto.entry(&batch.partition.id).or_default();
            *at = batch.to.max(*at);
        }
        for (partition, at) in upto {
            self.source.committed(partition, at).await;
        }
    }

    /// What was read is still to be committed. A source that shares its partitions with other processes keeps them so long, and gives them up when it
    /// is dropped with the generation.
    async fn stay(&mut self, commits: &mut mpsc::UnboundedReceiver<Committed>) {
        while let Some(committed) = commits.recv().await {
            self.pass_back(&committed).await;
        }
    }

    async fn pass_on(&mut self, mut batch: RawBatch, flight: &Flight) -> Result<(), Failure> {
        batch.number = self.numbers.fetch_add(1, Ordering::Relaxed);
        flight.take(batch.number, batch.payload.len() as u64);
        self.decoders.deal(batch).await
    }
}

fn records(next: &Result<Next, SourceError>) -> u64 {
    match next {
        Ok(Next::Batch(b)) => (b.records.len() + b.refused.len()) as u64,
        _ => 0,
    }
}

fn failure(e: &SourceError) -> Failure {
    let class = match e {
        SourceError::Transient(_) => Class::Transient,
        SourceError::Fatal(_) => Class::Fatal,
        SourceError::LeaseLost(_) => Class::LeaseLost,
    };
    Failure { class, text: e.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn nothing_is_read_while_as_much_is_in_flight_as_may_be() {
        let flight = Flight { limit: 10, state: Default::default(), freed: Notify::new() };
        let may_read = || flight.room().now_or_never().is_some();
        flight.take(1, 6);
        assert!(may_read(), "a batch is read whole, whatever is left");
        flight.take(2, 6);
        assert!(!may_read());
        flight.free([7].into_iter());
        assert!(!may_read(), "a batch of another source frees nothing here");
        flight.free([1].into_iter());
        assert!(may_read());
        flight.free([1].into_iter());
        flight.take(3, 4);
        assert!(!may_read(), "a batch is freed once");
    }

    #[test]
    fn who_waits_for_room_goes_on_when_a_batch_is_committed() {
        let flight = Flight { limit: 1, state: Default::default(), freed: Notify::new() };
        flight.take(1, 1);
        let mut waiting = Box::pin(flight.room());
        assert!(waiting.as_mut().now_or_never().is_none());
        flight.free([1].into_iter());
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn trouble_of_a_source_has_the_class_of_what_to_do() {
        let class = |e: SourceError| failure(&e).class;
        assert_eq!(class(SourceError::Transient("x".into())), Class::Transient);
        assert_eq!(class(SourceError::Fatal("x".into())), Class::Fatal);
        assert_eq!(class(SourceError::LeaseLost(record::PartitionId::new("s/x"))), Class::LeaseLost);
    }
}
