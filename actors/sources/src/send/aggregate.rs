//! Many messages in one record of Kinesis: an aggregate a shard, so that all in it belong there.
use super::kinesis::Record;
use super::{Outgoing, SendError};
use crate::aws;
use crate::kinesis::aggregate::{Aggregate, hash_key};
use aws_sdk_kinesis::Client;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a message waits for others, at most; and how old the list of shards may be.
const LINGER: Duration = Duration::from_millis(100);
const AGE: Duration = Duration::from_secs(30);

/// A record, and the lane whose order it keeps.
pub(super) struct Bundled {
    pub lane: Arc<str>,
    pub record: Record,
}

/// The open shards of a stream, each with the aggregate being made for it.
pub(super) struct Shards {
    /// Bytes of an aggregate, at most.
    pub limit: usize,
    listed: Instant,
    /// By the last hash key of each.
    shards: Vec<Shard>,
}

struct Shard {
    id: Arc<str>,
    last: u128,
    made: Aggregate,
    since: Instant,
    bytes: usize,
}

impl Shards {
    pub(super) async fn list(client: &Client, stream: &str, limit: usize) -> Result<Shards, SendError> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut call = client.list_shards();
            call = match &next {
                Some(token) => call.next_token(token),
                None if stream.starts_with("arn:") => call.stream_arn(stream),
                None => call.stream_name(stream),
            };
            let page = call.send().await.map_err(|e| {
                SendError(format!("{stream}: its shards cannot be listed: {}", aws::chain(&e)))
            })?;
            let open = page.shards().iter().filter(|s| {
                s.sequence_number_range().is_some_and(|range| range.ending_sequence_number().is_none())
            });
            for shard in open {
                let last = shard.hash_key_range().and_then(|range| range.ending_hash_key().parse().ok());
                found.extend(last.map(|last| (Arc::from(shard.shard_id()), last)));
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        if found.is_empty() {
            return Err(SendError(format!("{stream}: it has no open shard")));
        }
        Ok(Shards::of(found, limit))
    }

    fn of(mut found: Vec<(Arc<str>, u128)>, limit: usize) -> Shards {
        found.sort_by_key(|(_, last)| *last);
        let now = Instant::now();
        let new = |(id, last)| Shard { id, last, made: Aggregate::new(limit), since: now, bytes: 0 };
        Shards { limit, listed: now, shards: found.into_iter().map(new).collect() }
    }

    pub(super) fn is_old(&self) -> bool {
        self.listed.elapsed() > AGE
    }

    /// Whether the stream still has these shards; if so they are as good as listed anew.
    pub(super) fn is_same(&mut self, new: &Shards) -> bool {
        let same = self.shards.iter().map(|s| &s.id).eq(new.shards.iter().map(|s| &s.id));
        if same {
            self.listed = new.listed;
        }
        same
    }

    /// Takes a message in. What is full because of it is given back.
    pub(super) fn add(&mut self, message: Outgoing) -> Vec<Bundled> {
        let hash = hash_key(&message.key);
        let place = self.shards.partition_point(|s| s.last < hash).min(self.shards.len() - 1);
        let Some(shard) = self.shards.get_mut(place) else { return Vec::new() };
        if shard.take(&message) {
            return Vec::new();
        }
        let mut full: Vec<Bundled> = shard.finish().into_iter().collect();
        if !shard.take(&message) {
            // It is as long as a record may be: it goes as it is.
            full.push(Bundled { lane: shard.id.clone(), record: Record::of(message) });
        }
        full
    }

    /// What has waited long enough; with `all`, the rest as well.
    pub(super) fn due(&mut self, all: bool) -> Vec<Bundled> {
        let due = |s: &&mut Shard| all || s.since.elapsed() > LINGER;
        self.shards.iter_mut().filter(due).filter_map(Shard::finish).collect()
    }
}

impl Shard {
    fn take(&mut self, message: &Outgoing) -> bool {
        if self.made.is_empty() {
            self.since = Instant::now();
        }
        let taken = self.made.add(&message.key, None, message.payload.clone());
        self.bytes += if taken { message.payload.len() } else { 0 };
        taken
    }

    fn finish(&mut self) -> Option<Bundled> {
        let message_bytes = std::mem::take(&mut self.bytes);
        let made = self.made.finish()?;
        let record = Record {
            partition_key: made.partition_key.into(),
            explicit_hash_key: made.explicit_hash_key,
            data: made.data,
            messages: made.user_records as u64,
            message_bytes,
        };
        Some(Bundled { lane: self.id.clone(), record })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinesis::aggregate::read;

    fn message(key: &str, payload: &str) -> Outgoing {
        Outgoing { key: key.into(), payload: payload.to_owned().into(), file: "f".into() }
    }

    #[test]
    fn an_aggregate_holds_messages_of_one_shard_in_their_order() {
        let half = u128::MAX / 2;
        let mut shards = Shards::of(vec![("upper".into(), u128::MAX), ("lower".into(), half)], 1000);
        let keys: Vec<String> = (0..20).map(|n| format!("A-{n}")).collect();
        for key in &keys {
            assert!(shards.add(message(key, key)).is_empty());
        }
        let bundles = shards.due(true);
        assert_eq!(bundles.len(), 2);
        let mut seen = 0;
        for Bundled { lane, record } in bundles {
            let unpacked = read(&record.data).unwrap();
            let found: Vec<&str> = unpacked.records().map(|r| r.partition_key).collect();
            let expected: Vec<&String> =
                keys.iter().filter(|k| (hash_key(k) <= half) == (*lane == *"lower")).collect();
            assert_eq!(found, expected);
            assert_eq!(record.messages, found.len() as u64);
            assert_eq!(hash_key(&record.partition_key) <= half, *lane == *"lower");
            seen += found.len();
        }
        assert_eq!(seen, keys.len());
        assert!(shards.due(true).is_empty());
    }

    #[test]
    fn what_is_too_long_for_an_aggregate_goes_alone_after_what_came_before() {
        let mut shards = Shards::of(vec![("one".into(), u128::MAX)], 100);
        assert!(shards.add(message("A", "short")).is_empty());
        let full = shards.add(message("A", &"long".repeat(24)));
        let payloads: Vec<bool> = full.iter().map(|b| read(&b.record.data).is_some()).collect();
        assert_eq!(payloads, [true, false]);
    }
}
