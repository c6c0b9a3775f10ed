//! All that is kept: the streams of one account.
use super::calls::ShardOrder;
use super::clock::millis;
use super::error::{ApiError, ErrorKind};
use super::hash_key::HashRange;
use super::reshard::Change;
use super::sequence::Numbers;
use super::settings::Settings;
use super::stream::{Status, Stream};
use std::collections::BTreeMap;

pub(super) struct Account {
    pub streams: BTreeMap<String, Stream>,
    pub numbers: Numbers,
    /// Payload bytes of all records held.
    pub held: u64,
    /// Iterators and page tokens given under an earlier count are no longer good.
    pub iterators: u64,
    pub list_tokens: u64,
    /// Subscriptions granted so far.
    pub subscriptions: u64,
    /// Those up to this number are over.
    pub ended_subscriptions: u64,
    pub shard_order: ShardOrder,
    incarnations: u64,
}

/// How the caller names a stream.
#[derive(Clone, Copy, Default)]
pub(super) struct Named<'a> {
    pub name: Option<&'a str>,
    pub arn: Option<&'a str>,
}

impl Account {
    pub(super) fn new(settings: &Settings) -> Self {
        Account {
            streams: BTreeMap::new(),
            numbers: Numbers::new(settings.seed, settings.sequences_lengthen),
            held: 0,
            iterators: 0,
            list_tokens: 0,
            subscriptions: 0,
            ended_subscriptions: 0,
            shard_order: ShardOrder::ById,
            incarnations: 0,
        }
    }

    /// Lets what time decides happen: changes end, old records go.
    pub(super) fn settle(&mut self, now: i64) {
        for stream in self.streams.values_mut() {
            self.held = self.held.saturating_sub(stream.expire(now));
            if stream.until <= now && stream.status != Status::Deleting {
                stream.status = Status::Active;
            }
            stream.consumers.retain(|c| c.status != Status::Deleting || c.until > now);
            for consumer in stream.consumers.iter_mut().filter(|c| c.until <= now) {
                consumer.status = Status::Active;
            }
        }
        let gone = |s: &Stream| s.status == Status::Deleting && s.until <= now;
        let names: Vec<_> = self.streams.values().filter(|s| gone(s)).map(|s| s.name.clone()).collect();
        for name in names {
            if let Some(stream) = self.streams.remove(&name) {
                self.held = self.held.saturating_sub(stream.held());
            }
        }
    }

    pub(super) fn create(
        &mut self,
        name: &str,
        shards: u32,
        max_record: u64,
        now: i64,
        settings: &Settings,
    ) -> Result<(), ApiError> {
        let account = &settings.account;
        if self.streams.contains_key(name) {
            let message = format!("Stream {name} under account {account} already exists.");
            return Err(ApiError::new(ErrorKind::ResourceInUse, message));
        }
        self.must_have_room_for(shards, settings)?;
        self.incarnations += 1;
        let until = now.saturating_add(millis(settings.change_time));
        let mut stream = Stream {
            name: name.to_owned(),
            arn: stream_arn(name, settings),
            incarnation: self.incarnations,
            created: now,
            status: if until > now { Status::Creating } else { Status::Active },
            until,
            retention_hours: 24,
            max_record,
            shards: Vec::new(),
            open: Vec::new(),
            consumers: Vec::new(),
        };
        for i in 0..shards {
            let mut change = Change { numbers: &mut self.numbers, settings, now };
            stream.add_shard(Vec::new(), HashRange::share(i, shards), &mut change);
        }
        self.streams.insert(name.to_owned(), stream);
        Ok(())
    }

    /// Lets `work` change the shards of a stream.
    pub(super) fn change<T>(
        &mut self,
        name: &str,
        settings: &Settings,
        now: i64,
        work: impl FnOnce(&mut Stream, &mut Change<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let Account { streams, numbers, .. } = self;
        let missing = || {
            let message = format!("Stream {name} under account {} not found.", settings.account);
            ApiError::new(ErrorKind::ResourceNotFound, message)
        };
        let stream = streams.get_mut(name).ok_or_else(missing)?;
        work(stream, &mut Change { numbers, settings, now })
    }

    pub(super) fn must_have_room_for(&self, more: u32, settings: &Settings) -> Result<(), ApiError> {
        let open: usize = self.streams.values().map(|s| s.open.len()).sum();
        if open.saturating_add(usize::try_from(more).unwrap_or(usize::MAX)) <= settings.shard_limit {
            return Ok(());
        }
        let message = format!(
            "This request would exceed the shard limit for the account {} in {}. Current shard count for the account: {open}. Limit: {}. Number of additional shards that would have resulted from this request: {more}.",
            settings.account, settings.region, settings.shard_limit
        );
        Err(ApiError::new(ErrorKind::LimitExceeded, message))
    }

    /// The stream that is meant.
    pub(super) fn stream(&mut self, named: Named<'_>, settings: &Settings) -> Result<&mut Stream, ApiError> {
        let from_arn = named.arn.map(|arn| arn.rsplit_once(":stream/").map_or("", |(_, name)| name));
        let Some(name) = named.name.or(from_arn) else {
            return Err(ApiError::invalid("Either StreamName or StreamARN must be provided."));
        };
        let wrong_arn = named.arn.is_some_and(|arn| arn != stream_arn(name, settings));
        let message = format!("Stream {name} under account {} not found.", settings.account);
        self.streams
            .get_mut(name)
            .filter(|_| !wrong_arn)
            .ok_or_else(|| ApiError::new(ErrorKind::ResourceNotFound, message))
    }
}

pub(super) fn stream_arn(name: &str, settings: &Settings) -> String {
    format!("arn:aws:kinesis:{}:{}:stream/{name}", settings.region, settings.account)
}
