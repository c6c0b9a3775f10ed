//! One stream: its shards, who is registered with it, and how records are put into it.
use super::error::{ApiError, ErrorKind};
use super::hash_key::HashRange;
use super::reshard::Change;
use super::sequence::{Numbers, SequenceNumber};
use super::shard::{Shard, Stored, shard_id, shard_index};
use bytes::Bytes;
use std::fmt::Write;

/// What a stream or a consumer is going through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Creating => "CREATING",
            Status::Active => "ACTIVE",
            Status::Updating => "UPDATING",
            Status::Deleting => "DELETING",
        }
    }
}

/// A registered fan-out consumer.
pub(super) struct Consumer {
    pub name: String,
    pub arn: String,
    pub created: i64,
    pub status: Status,
    /// When the status has passed.
    pub until: i64,
}

pub(super) struct Stream {
    pub name: String,
    pub arn: String,
    /// No other stream ever has it, of the same name neither.
    pub incarnation: u64,
    pub created: i64,
    pub status: Status,
    /// When the status has passed.
    pub until: i64,
    pub retention_hours: u32,
    pub max_record: u64,
    pub shards: Vec<Shard>,
    /// Open shards by the start of their range.
    pub open: Vec<(u128, usize)>,
    pub consumers: Vec<Consumer>,
}

/// A record on its way in.
pub(super) struct Incoming<'a> {
    pub hash: u128,
    pub size: u64,
    /// The JSON of payload and partition key: `"Data":"...","PartitionKey":"..."`.
    pub fields: &'a str,
}

impl Stream {
    pub(super) fn open_shards(&self) -> impl Iterator<Item = &Shard> {
        self.open.iter().filter_map(|(_, index)| self.shards.get(*index))
    }

    /// Adds a shard, without taking its keys from another.
    pub(super) fn add_shard(
        &mut self,
        parents: Vec<usize>,
        range: HashRange,
        change: &mut Change<'_>,
    ) -> usize {
        let index = self.shards.len();
        let start = change.numbers.next(index);
        self.shards.push(Shard::new(index, parents, range, (start, change.now), &change.settings.limits));
        let at = self.open.partition_point(|(start, _)| *start < range.start);
        self.open.insert(at, (range.start, index));
        index
    }

    fn shard_for(&mut self, hash: u128) -> Result<&mut Shard, ApiError> {
        let after = self.open.partition_point(|(start, _)| *start <= hash);
        let index = after.checked_sub(1).and_then(|at| self.open.get(at)).map(|(_, index)| *index);
        index
            .and_then(|i| self.shards.get_mut(i))
            .ok_or_else(|| ApiError::new(ErrorKind::InternalFailure, "no open shard takes this hash key"))
    }

    /// The shard of a name that is still listed.
    pub(super) fn shard(&mut self, id: &str, account: &str) -> Result<&mut Shard, ApiError> {
        let missing = format!("Shard {id} in stream {} under account {account} does not exist", self.name);
        shard_index(id)
            .and_then(|i| self.shards.get_mut(i))
            .filter(|s| !s.forgotten)
            .ok_or_else(|| ApiError::new(ErrorKind::ResourceNotFound, missing))
    }

    /// The children a shard has, by their place.
    pub(super) fn children(&self, index: usize) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(move |s| s.parents.contains(&index))
    }

    /// Takes in one record, or says that its shard has no room for it now. Appends what readers will be given to `json`; the record is
    /// there once [`Stream::settle_put`] has cut it out.
    pub(super) fn put(
        &mut self,
        record: &Incoming<'_>,
        (now, arrival): (i64, &str),
        numbers: &mut Numbers,
        json: &mut String,
    ) -> Result<Put, ApiError> {
        let shard = self.shard_for(record.hash)?;
        if !shard.records_in.has(1, now) || !shard.bytes_in.has(record.size, now) {
            let message = format!("Rate exceeded for shard {} in stream {}.", shard.id(), self.name);
            return Err(ApiError::new(ErrorKind::ProvisionedThroughputExceeded, message));
        }
        shard.records_in.take(1);
        shard.bytes_in.take(record.size);
        self.put_without_limits(record, arrival, numbers, json)
    }

    /// The same, whatever the shard allows.
    pub(super) fn put_without_limits(
        &mut self,
        record: &Incoming<'_>,
        arrival: &str,
        numbers: &mut Numbers,
        json: &mut String,
    ) -> Result<Put, ApiError> {
        let shard = self.shard_for(record.hash)?.index;
        let sequence = numbers.next(shard);
        let from = json.len();
        // Appending to a text does not fail.
        let _ = write!(
            json,
            r#"{{"SequenceNumber":"{sequence}","ApproximateArrivalTimestamp":{arrival},{}}}"#,
            record.fields
        );
        Ok(Put { shard, sequence, from, to: json.len(), size: record.size })
    }

    /// Makes records that were put readable. `json` is what [`Stream::put`] wrote for all of them.
    pub(super) fn settle_put(&mut self, puts: &[&Put], json: &Bytes, now: i64) {
        for put in puts {
            if let Some(shard) = self.shards.get_mut(put.shard) {
                let json = json.slice(put.from..put.to);
                let stored = Stored { sequence: put.sequence, arrival: now, size: put.size, json };
                shard.records.push_back(stored);
            }
        }
    }

    /// Takes away what is past retention, and shards that are closed for as long; says how many bytes that were.
    pub(super) fn expire(&mut self, now: i64) -> u64 {
        let horizon = now.saturating_sub(i64::from(self.retention_hours) * 3_600_000);
        let mut freed = 0;
        for shard in &mut self.shards {
            freed += shard.trim_arrived_before(horizon);
            shard.forgotten |= shard.closed.is_some_and(|c| c.at < horizon);
        }
        freed
    }

    pub(super) fn held(&self) -> u64 {
        self.shards.iter().flat_map(|s| &s.records).map(|r| r.size).sum()
    }

    /// That the stream may be changed now.
    pub(super) fn must_be_active(&self, account: &str) -> Result<(), ApiError> {
        if self.status == Status::Active {
            return Ok(());
        }
        let message = format!(
            "Stream {} under account {account} not ACTIVE, instead in state {}",
            self.name,
            self.status.name()
        );
        Err(ApiError::new(ErrorKind::ResourceInUse, message))
    }
}

/// A record that has its number.
pub(super) struct Put {
    pub shard: usize,
    pub sequence: SequenceNumber,
    from: usize,
    to: usize,
    pub size: u64,
}

impl Put {
    pub(super) fn shard_id(&self) -> String {
        shard_id(self.shard)
    }
}
