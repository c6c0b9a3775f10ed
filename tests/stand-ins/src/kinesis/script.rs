//! What a test does to a fake Kinesis from its own process.
use super::account::Named;
use super::clock::{as_seconds, millis};
use super::error::ApiError;
use super::faults::{Counts, Rule, RuleId};
use super::hash_key::{HashRange, hash_key};
use super::reshard::Change;
use super::sequence::SequenceNumber;
use super::shard::{Shard, Stored, shard_id};
use super::stream::{Incoming, Stream};
use super::{Clock, ErrorKind, FakeKinesis, ShardOrder, lock};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::time::Duration;

/// Where a record went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub shard: String,
    pub sequence: SequenceNumber,
}

/// A record that a shard holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub sequence: SequenceNumber,
    /// Milliseconds since 1970 UTC.
    pub arrival: i64,
    pub partition_key: String,
    pub data: Vec<u8>,
}

/// A shard as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardState {
    pub id: String,
    pub parents: Vec<String>,
    pub range: HashRange,
    pub open: bool,
    /// ListShards no longer returns it.
    pub forgotten: bool,
    pub records: usize,
}

/// Streams.
impl FakeKinesis {
    /// Makes a stream of evenly split shards that takes records of up to 1 MiB.
    pub fn create_stream(&self, name: &str, shards: u32) -> Result<(), ApiError> {
        self.create_stream_of(name, shards, 1024 * 1024)
    }

    /// The same for records of up to so many bytes, payload and partition key together; AWS allows up to 10 MiB.
    pub fn create_stream_of(&self, name: &str, shards: u32, max_record: u64) -> Result<(), ApiError> {
        let now = self.shared.clock.now();
        lock(&self.shared.account).create(name, shards, max_record, now, self.settings())
    }

    /// Takes a stream away at once, under its readers.
    pub fn delete_stream(&self, name: &str) -> Result<(), ApiError> {
        self.with(name, |_| Ok(()))?;
        let mut account = lock(&self.shared.account);
        if let Some(stream) = account.streams.remove(name) {
            account.held = account.held.saturating_sub(stream.held());
        }
        drop(account);
        self.shared.announce();
        Ok(())
    }

    /// Puts a record, without limits and faults.
    pub fn put(&self, stream: &str, partition_key: &str, data: &[u8]) -> Result<Placed, ApiError> {
        self.put_at(stream, partition_key, hash_key(partition_key), data)
    }

    /// The same with an explicit hash key.
    pub fn put_at(
        &self,
        stream: &str,
        partition_key: &str,
        hash: u128,
        data: &[u8],
    ) -> Result<Placed, ApiError> {
        let quoted = serde_json::to_string(partition_key).unwrap_or_default();
        let fields = format!(r#""Data":"{}","PartitionKey":{quoted}"#, STANDARD.encode(data));
        let size = u64::try_from(data.len() + partition_key.len()).unwrap_or(u64::MAX);
        let now = self.shared.clock.now();
        let placed = self.change(stream, |stream, change| {
            let record = Incoming { hash, size, fields: &fields };
            let mut json = String::new();
            let put = stream.put_without_limits(&record, &as_seconds(now), change.numbers, &mut json)?;
            stream.settle_put(&[&put], &Bytes::from(json), now);
            Ok(Placed { shard: put.shard_id(), sequence: put.sequence })
        })?;
        lock(&self.shared.account).held += size;
        Ok(placed)
    }

    /// What a shard holds, oldest first.
    pub fn records(&self, stream: &str, shard: &str) -> Result<Vec<Record>, ApiError> {
        self.with(stream, |s| {
            let shard = s.shard(shard, &self.settings().account)?;
            shard.records.iter().map(read_back).collect()
        })
    }

    /// All shards there ever were, oldest first.
    pub fn shards(&self, stream: &str) -> Result<Vec<ShardState>, ApiError> {
        self.with(stream, |s| Ok(s.shards.iter().map(state).collect()))
    }
}

/// Shards.
impl FakeKinesis {
    /// Splits an open shard in the middle of its range. The names of the halves, the lower first.
    pub fn split(&self, stream: &str, shard: &str) -> Result<[String; 2], ApiError> {
        let range = self.with(stream, |s| Ok(s.shard(shard, &self.settings().account)?.range))?;
        self.split_at(stream, shard, range.start + (range.end - range.start) / 2 + 1)
    }

    /// The same where `at` begins the upper half.
    pub fn split_at(&self, stream: &str, shard: &str, at: u128) -> Result<[String; 2], ApiError> {
        self.change(stream, |s, change| s.split(shard, at, change)).map(|halves| halves.map(shard_id))
    }

    /// Merges two open shards with touching ranges. The name of their child.
    pub fn merge(&self, stream: &str, shard: &str, adjacent: &str) -> Result<String, ApiError> {
        self.change(stream, |s, change| s.merge(shard, adjacent, change)).map(shard_id)
    }

    /// Splits and merges until so many shards share all keys evenly; without AWS's bound of the double and the half.
    pub fn scale(&self, stream: &str, shards: u32) -> Result<(), ApiError> {
        self.change(stream, |s, change| s.scale(shards, change))
    }

    /// Takes away the records of a shard below a sequence number, as if retention had.
    pub fn trim(&self, stream: &str, shard: &str, below: SequenceNumber) -> Result<(), ApiError> {
        let freed = self.with(stream, |s| Ok(s.shard(shard, &self.settings().account)?.trim_below(below)))?;
        let mut account = lock(&self.shared.account);
        account.held = account.held.saturating_sub(freed);
        Ok(())
    }

    /// Takes away all records of a shard.
    pub fn trim_all(&self, stream: &str, shard: &str) -> Result<(), ApiError> {
        let all = lock(&self.shared.account).numbers.upcoming();
        self.trim(stream, shard, all)
    }

    /// Takes a closed shard off the list with all it held, as AWS does when retention has passed.
    pub fn forget_shard(&self, stream: &str, shard: &str) -> Result<(), ApiError> {
        self.trim_all(stream, shard)?;
        self.with(stream, |s| {
            let shard = s.shard(shard, &self.settings().account)?;
            if shard.closed.is_none() {
                return Err(ApiError::invalid(format!("{} is open and cannot be forgotten", shard.id())));
            }
            shard.forgotten = true;
            Ok(())
        })
    }

    /// In which order ListShards gives shards from now on.
    pub fn list_shards_in(&self, order: ShardOrder) {
        lock(&self.shared.account).shard_order = order;
    }
}

/// Time, faults and what was seen of them.
impl FakeKinesis {
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Moves the fake's clock on.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.shift(millis(by));
        self.shared.announce();
    }

    /// Sets the fake's clock back.
    pub fn set_back(&self, by: Duration) {
        self.shared.clock.shift(millis(by).saturating_neg());
    }

    /// Every iterator given so far is expired.
    pub fn expire_iterators(&self) {
        lock(&self.shared.account).iterators += 1;
    }

    /// Every `NextToken` of ListShards given so far is expired.
    pub fn expire_list_tokens(&self) {
        lock(&self.shared.account).list_tokens += 1;
    }

    /// Every subscription ends now, as if its five minutes were over.
    pub fn end_subscriptions(&self) {
        let mut account = lock(&self.shared.account);
        account.ended_subscriptions = account.subscriptions;
        drop(account);
        self.shared.announce();
    }

    /// Closes every connection now, whatever it is doing. New ones are taken.
    pub fn cut_connections(&self) {
        self.shared.cut.send_replace(());
    }

    /// Sets a rule. Rules are asked in the order in which they were set.
    pub fn inject(&self, rule: Rule) -> RuleId {
        lock(&self.shared.faults).set(rule)
    }

    pub fn inject_all(&self, rules: impl IntoIterator<Item = Rule>) -> Vec<RuleId> {
        rules.into_iter().map(|rule| self.inject(rule)).collect()
    }

    /// Takes a rule back.
    pub fn withdraw(&self, rule: RuleId) {
        lock(&self.shared.faults).withdraw(rule);
    }

    /// Takes all rules back.
    pub fn calm(&self) {
        lock(&self.shared.faults).withdraw_all();
    }

    /// How often a rule made its fault.
    pub fn fired(&self, rule: RuleId) -> u64 {
        lock(&self.shared.faults).fired(rule)
    }

    /// Calls and faults since the start.
    pub fn counts(&self) -> Counts {
        lock(&self.shared.faults).counts.clone()
    }
}

impl FakeKinesis {
    fn with<T>(
        &self,
        name: &str,
        look: impl FnOnce(&mut Stream) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut account = lock(&self.shared.account);
        account.settle(self.shared.clock.now());
        look(account.stream(Named { name: Some(name), arn: None }, self.settings())?)
    }

    fn change<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Stream, &mut Change<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let now = self.shared.clock.now();
        let done = lock(&self.shared.account).change(name, self.settings(), now, work);
        self.shared.announce();
        done
    }
}

fn state(shard: &Shard) -> ShardState {
    ShardState {
        id: shard.id(),
        parents: shard.parents.iter().map(|p| shard_id(*p)).collect(),
        range: shard.range,
        open: shard.closed.is_none(),
        forgotten: shard.forgotten,
        records: shard.records.len(),
    }
}

fn read_back(stored: &Stored) -> Result<Record, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Fields {
        data: String,
        partition_key: String,
    }
    let broken = |e: &dyn std::fmt::Display| {
        ApiError::new(ErrorKind::InternalFailure, format!("a held record cannot be read: {e}"))
    };
    let fields: Fields = serde_json::from_slice(&stored.json).map_err(|e| broken(&e))?;
    let data = STANDARD.decode(&fields.data).map_err(|e| broken(&e))?;
    Ok(Record {
        sequence: stored.sequence,
        arrival: stored.arrival,
        partition_key: fields.partition_key,
        data,
    })
}
