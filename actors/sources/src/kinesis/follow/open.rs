//! The shards that are open here: opened when they may be read, given up when they are another's, let go when all is committed.
use super::Follower;
use crate::kinesis::fan_out::subscribe;
use crate::kinesis::graph::ShardId;
use crate::kinesis::metrics::ShardMetrics;
use crate::kinesis::polling::poll;
use crate::kinesis::position::Ask;
use crate::kinesis::shard::{Opening, Shard, note_gap};
use crate::kinesis::shared::{Handed, Held, ShardState, now};
use crate::kinesis::stream::{Kind, Trouble};
use crate::messages::DaysOfStream;
use crate::{Gap, KnownPartition, SourceError};
use record::{Partition, PartitionId, Progress};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::AbortHandle;

/// A shard that is open.
pub(super) struct Open {
    pub state: Arc<ShardState>,
    pub metrics: ShardMetrics,
    pub partition: Arc<Partition>,
    /// Its reader; none of a shard of which only the step to its end is under way.
    pub reader: Option<AbortHandle>,
    /// It is another process's to read: it is let go once all that was handed over of it is committed.
    pub is_leaving: bool,
}

impl Follower {
    pub(super) fn close(&mut self, id: &ShardId) {
        self.graph.let_go(id);
        if let Some(open) = self.open.remove(id) {
            open.metrics.done();
        }
    }

    /// Opens shards that may be read and are not.
    pub(super) async fn open_what_may_be(&mut self) -> Result<(), SourceError> {
        if self.graph.wants_listing() {
            self.discover().await?;
        }
        let lost: Vec<_> = self.graph.lost().iter().map(|id| self.shared.partition(id)).collect();
        for id in self.shared.registry.share(&lost).await? {
            if let Some(id) = self.shared.shard(&id) {
                self.lost(&id).await?;
            }
        }
        let open: Vec<_> = self.graph.open().iter().map(|id| self.shared.partition(id)).collect();
        let mine = self.shared.registry.share(&open).await?;
        self.is_shared = mine.len() < open.len();
        self.give_up(&mine);
        let new = |id: &ShardId| !self.graph.is_reading(id);
        let new: Vec<ShardId> = mine.iter().filter_map(|id| self.shared.shard(id)).filter(new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let known = self.learn().await?;
        for id in new {
            self.open(&id, &known).await?;
        }
        Ok(())
    }

    /// Stops reading what is another process's to read.
    fn give_up(&mut self, mine: &[PartitionId]) {
        for open in self.open.values_mut().filter(|open| !mine.contains(&open.partition.id)) {
            open.is_leaving = true;
            if let Some(reader) = &open.reader {
                reader.abort();
            }
        }
    }

    /// Lets go of what is not read any more, once all that was read of it is committed.
    pub(super) async fn let_go(&mut self) -> Result<(), SourceError> {
        let is_over = |open: &Open| open.reader.as_ref().is_none_or(AbortHandle::is_finished);
        let is_gone = |open: &Open| open.is_leaving && is_over(open) && open.state.is_settled();
        let gone = self.open.iter().filter(|(_, open)| is_gone(open));
        let gone: Vec<_> = gone.map(|(id, open)| (id.clone(), open.partition.clone())).collect();
        for (id, partition) in gone {
            self.shared.registry.release(&partition).await?;
            self.close(&id);
        }
        Ok(())
    }

    async fn open(
        &mut self,
        id: &ShardId,
        known: &HashMap<ShardId, KnownPartition>,
    ) -> Result<(), SourceError> {
        let (partition, committed) = self.shared.registry.open_stream(&self.shared.partition(id)).await?;
        self.graph.committed(id, committed);
        if committed == Progress::End {
            return Ok(());
        }
        let deliveries = self.shared.registry.open_deliveries(&partition).await?;
        let until = |id: &ShardId| known.get(id).and_then(|k| k.read_until);
        // A child goes on where its parents ended: what arrived before is not its own.
        let parents = || self.graph.parents(id).iter().filter_map(until).max();
        let state = Arc::new(ShardState::opened(committed));
        let opening = Opening {
            id: id.clone(),
            partition: partition.clone(),
            committed,
            deliveries,
            begin: self.graph.begin(id),
            range: self.graph.range(id),
            until: until(id).or_else(parents),
            state: state.clone(),
        };
        let shard = Shard::new(self.shared.clone(), opening);
        let reader = match self.consumer.clone() {
            Some(consumer) => self.tasks.spawn(subscribe(shard, consumer)),
            None => self.tasks.spawn(poll(shard)),
        };
        self.opened(id, state, partition, Some(reader));
        Ok(())
    }

    fn opened(
        &mut self,
        id: &ShardId,
        state: Arc<ShardState>,
        partition: Arc<Partition>,
        reader: Option<AbortHandle>,
    ) {
        self.graph.begun(id);
        let metrics = ShardMetrics::new(&self.shared.name, id);
        self.open.insert(id.clone(), Open { state, metrics, partition, reader, is_leaving: false });
    }

    /// A shard that is not listed any more and was not read to its end. Kinesis is asked before it is given up: a listing may be wrong, and what is given
    /// up is lost.
    async fn lost(&mut self, id: &ShardId) -> Result<(), SourceError> {
        match self.shared.stream.iterator(id, Ask::Oldest).await {
            Ok(_) => {
                let known = self.learn().await?;
                return self.open(id, &known).await;
            }
            Err(Trouble { kind: Kind::Gone, .. }) => {}
            Err(trouble) => return self.later(trouble),
        }
        let known = self.learn().await?;
        let (partition, from) = self.shared.registry.open_stream(&self.shared.partition(id)).await?;
        let gap = Gap {
            partition: partition.id.clone(),
            from,
            from_arrival: known.get(id).and_then(|k| k.read_until),
            to: Some(Progress::End),
            to_arrival: Some(now() - self.shared.horizon().retention),
            retention_hours: Some(self.shared.retention_hours()),
        };
        note_gap(&self.shared, &gap).await?;
        self.step_to_end(id, partition, from).await
    }

    /// What is gone is at its end: the step says so in the store as well.
    async fn step_to_end(
        &mut self,
        id: &ShardId,
        partition: Arc<Partition>,
        from: Progress,
    ) -> Result<(), SourceError> {
        let batch = DaysOfStream::end(partition.clone(), from);
        let state = Arc::new(ShardState::opened(from));
        state.handed(Progress::End);
        let permit = Arc::new(self.shared.budget.for_bytes(1).await?);
        let held = Held { bytes: 0, state: state.clone(), _permit: permit };
        self.opened(id, state, partition, None);
        let gone = |_| SourceError::Transient("a source was dropped while it was read".into());
        self.shared.out.send(Ok(Handed { batch, _held: held })).map_err(gone)
    }
}
