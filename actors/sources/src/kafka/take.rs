//! Partitions that the group gives: where they are read from, and what of them is lost.
use super::begin::{Begin, Held, Resume, resume};
use super::look::Found;
use super::member::Command;
use super::open::{Open, next_offset};
use super::place::Place;
use super::{ASK_AGAIN, KafkaSource};
use crate::kinesis::OnGap;
use crate::{Gap, SourceError};
use record::{PartitionId, Position, Progress, Sequence};
use std::collections::{HashMap, HashSet};
use tokio::time::Instant;

impl KafkaSource {
    /// Settles where partitions begin, once and before anything is read. Of a topic that is known, what is new was made since: it is read from its start.
    pub(super) async fn settle(&mut self, found: &[(Found, Begin)]) -> Result<(), SourceError> {
        let known = self.registry.known(&format!("{}/", self.name)).await?;
        let known: HashSet<_> = known.into_iter().map(|k| k.id).collect();
        let topic_is_known =
            |topic: &str| known.iter().any(|id| id.as_str().starts_with(&format!("{}/{topic}/", self.name)));
        let mut topics = HashMap::new();
        let mut new = Vec::new();
        for (Found { place, .. }, begin) in found {
            let is_known = *topics.entry(&place.topic).or_insert_with(|| topic_is_known(&place.topic));
            let begin = if is_known { Begin::Earliest } else { *begin };
            new.push((self.id(place), begin.text()));
        }
        self.registry.begin(&new).await?;
        let settled = self.registry.known(&format!("{}/", self.name)).await?;
        let settled: HashMap<_, _> = settled.into_iter().map(|k| (k.id, k.begin)).collect();
        for (Found { place, .. }, _) in found {
            let words = settled.get(&self.id(place)).and_then(Option::as_deref);
            self.begins.insert(place.clone(), words.and_then(Begin::parse).unwrap_or(Begin::Earliest));
        }
        Ok(())
    }

    /// Opens what the group gives, and begins to read it; all of it together, as the group gave it.
    pub(super) async fn take_partitions(&mut self, found: &[Found]) -> Result<bool, SourceError> {
        if self.held_by_another.is_some_and(|(_, again)| Instant::now() < again) {
            return Ok(false);
        }
        for Found { place, held } in found {
            if self.open.contains_key(place) {
                continue;
            }
            match self.open(place, *held).await {
                Err(SourceError::LeaseLost(id)) => return self.ask_again(&id),
                other => other?,
            }
        }
        self.held_by_another = None;
        self.rounds += 1;
        let mut places = Vec::new();
        for Found { place, .. } in found {
            if let Some(open) = self.open.get_mut(place) {
                open.round = self.rounds;
                places.push((place.clone(), open.offset));
            }
        }
        self.tell(Command::Assign { round: self.rounds, places });
        Ok(true)
    }

    /// Who gave a partition back has given up its lease before; who was lost to the group has not, and loses it when its time is over.
    fn ask_again(&mut self, id: &PartitionId) -> Result<bool, SourceError> {
        let now = Instant::now();
        let (since, _) = self.held_by_another.unwrap_or((now, now));
        if now - since > self.config.drain_limit() {
            return Err(SourceError::LeaseLost(id.clone()));
        }
        self.held_by_another = Some((since, now + ASK_AGAIN));
        Ok(false)
    }

    async fn open(&mut self, place: &Place, held: Held) -> Result<(), SourceError> {
        let id = self.id(place);
        if !self.begins.contains_key(place) {
            self.registry.begin(&[(id.clone(), Begin::Earliest.text())]).await?;
            self.begins.insert(place.clone(), Begin::Earliest);
        }
        let begin = self.begins.get(place).copied().unwrap_or(Begin::Earliest);
        let (partition, progress) = self.registry.open_stream(&id).await?;
        let (offset, gap) = self.go_on(&id, progress, begin, held, None).await?;
        let stands = (progress, self.registry.open_deliveries(&partition).await?);
        let open = Open::new(partition, stands, offset, &self.config, self.layouts.clone());
        self.open.insert(place.clone(), Open { gap, ..open });
        if let Some(next) = next_offset(progress) {
            self.tell(Command::Committed(place.clone(), next));
        }
        Ok(())
    }

    /// The offset to go on with, and what is lost before it. `arrived`: when the last of what was taken in here arrived.
    async fn go_on(
        &mut self,
        id: &PartitionId,
        from: Progress,
        begin: Begin,
        held: Held,
        arrived: Option<i64>,
    ) -> Result<(i64, Option<Gap>), SourceError> {
        match resume(from, begin, held) {
            Resume::At(offset) => Ok((offset, None)),
            Resume::Behind(low) => Ok((low, Some(self.gap(id, from, begin, low, arrived).await?))),
            Resume::Beyond => Err(beyond(id, from, begin, held)),
        }
    }

    /// Notes what is lost, and whether it is stepped over.
    async fn gap(
        &mut self,
        id: &PartitionId,
        from: Progress,
        begin: Begin,
        low: i64,
        arrived: Option<i64>,
    ) -> Result<Gap, SourceError> {
        let to = Position { sequence: Sequence::from(u64::try_from(low).unwrap_or(0)), sub: 0, item: 0 };
        let known = self.registry.known(id.as_str()).await?;
        let committed = known.into_iter().find(|k| k.id == *id).and_then(|k| k.read_until);
        let gap = Gap {
            partition: id.clone(),
            from,
            from_arrival: arrived.max(committed),
            to: Some(Progress::At(to)),
            to_arrival: None,
            retention_hours: None,
        };
        self.registry.note_gap(&gap).await?;
        self.figures.gaps.increment(1);
        let first = match (from, begin) {
            (Progress::At(p), _) => p.offset().saturating_add(1),
            (_, Begin::Offset(n)) => u64::try_from(n).unwrap_or(0),
            _ => 0,
        };
        let text = format!("{id}: the topic let go of offsets {first} to {} before they were read", low - 1);
        match self.config.on_gap {
            OnGap::Continue => {
                tracing::error!(source = %self.name, "{text}; noted, and read on behind them");
                Ok(gap)
            }
            OnGap::Stop => Err(SourceError::Fatal(format!(
                "{text}: have them sent again if they matter, then set `on_gap = \"continue\"` to read on behind them; `dietz status` lists the gap"
            ))),
        }
    }

    pub(super) async fn out_of_range(&mut self, place: &Place, held: Held) -> Result<(), SourceError> {
        let Some(open) = self.open.get(place) else { return Ok(()) };
        let (reached, arrived) = (open.cutter.reached(), open.arrived);
        let begin = self.begins.get(place).copied().unwrap_or(Begin::Earliest);
        let id = self.id(place);
        let (offset, gap) = self.go_on(&id, reached, begin, held, arrived).await?;
        self.rounds += 1;
        let round = self.rounds;
        if let Some(open) = self.open.get_mut(place) {
            (open.round, open.gap) = (round, gap);
        }
        self.tell(Command::Reread { round, place: place.clone(), offset });
        Ok(())
    }
}

/// Nothing can be read on: positions only grow.
fn beyond(id: &PartitionId, progress: Progress, begin: Begin, held: Held) -> SourceError {
    let stands = match progress {
        Progress::Start => begin.text().to_string(),
        at => format!("position {at}"),
    };
    SourceError::Fatal(format!(
        "{id}: the store has it at {stands}, and the topic ends before offset {}: it was made anew, or lost messages. Run once with \
         `--from-start` to read what it holds now, or give the source another name",
        held.high
    ))
}
