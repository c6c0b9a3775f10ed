//! The calls to Kinesis, and what can go wrong with one. `convert`: what the SDK's types say.
mod convert;

use super::graph::ShardInfo;
use super::position::{Ask, sequence};
use crate::aws::{advice, chain};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::Config;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types;
use bytes::Bytes;
use convert::{asked, child, micros, shard};
use record::Sequence;
use std::error::Error;

/// One stream, by its name or its ARN.
pub(super) struct Stream {
    client: Client,
    /// As the topology gives it.
    told: String,
    region: String,
}

/// What a stream says of itself.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub arn: String,
    pub retention_hours: u32,
    /// Microseconds since 1970 UTC.
    pub created: i64,
    pub being_deleted: bool,
}

/// An answer of a shard, polled or pushed.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub records: Vec<Incoming>,
    /// What to ask with next; of a subscription, that more comes.
    pub next: Option<String>,
    pub millis_behind: Option<i64>,
    pub children: Vec<ShardInfo>,
}

impl Page {
    /// The shard is closed and all of it was given. Anything that says only half of that is asked again.
    pub(super) fn is_last(&self) -> bool {
        self.next.is_none() && !self.children.is_empty()
    }

    /// Payload bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.records.iter().map(|r| r.data.len() as u64).sum()
    }
}

/// A record of a stream.
#[derive(Debug)]
pub(super) struct Incoming {
    pub sequence: Sequence,
    /// Microseconds since 1970 UTC.
    pub arrival: i64,
    pub partition_key: String,
    pub data: Bytes,
}

/// A call that gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub kind: Kind,
    /// What is wrong, where, and what to do.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Too many calls or bytes: normal where several read.
    Throttled,
    /// The iterator or page token is too old: ask for another.
    Expired,
    /// There is no such stream, shard or consumer.
    Gone,
    /// Another subscription holds the shard.
    Busy,
    /// Kinesis does not take what it was asked with.
    Invalid,
    /// Whom the credentials stand for may not, or there are none.
    Denied,
    /// The network, or Kinesis itself.
    Passing,
}

impl Stream {
    pub(super) fn new(client: Client, told: &str, region: &str) -> Stream {
        Stream { client, told: told.to_owned(), region: region.to_owned() }
    }

    /// The stream's name, for people and for the store.
    pub(super) fn name(&self) -> &str {
        self.told.rsplit('/').next().unwrap_or(&self.told)
    }

    /// Name or ARN, as calls want it.
    fn named(&self) -> (Option<String>, Option<String>) {
        match self.told.starts_with("arn:") {
            true => (None, Some(self.told.clone())),
            false => (Some(self.told.clone()), None),
        }
    }

    pub(super) async fn summary(&self) -> Result<Summary, Trouble> {
        let (name, arn) = self.named();
        let call = self.client.describe_stream_summary().set_stream_name(name).set_stream_arn(arn);
        let told = call.send().await.map_err(|e| self.trouble("DescribeStreamSummary", &e))?;
        let Some(summary) = told.stream_description_summary else {
            return Err(self.nonsense("DescribeStreamSummary gave no description"));
        };
        Ok(Summary {
            retention_hours: u32::try_from(summary.retention_period_hours).unwrap_or(24),
            created: micros(&summary.stream_creation_timestamp),
            being_deleted: summary.stream_status == types::StreamStatus::Deleting,
            arn: summary.stream_arn,
        })
    }

    /// All pages of the listing.
    pub(super) async fn shards(&self) -> Result<Vec<ShardInfo>, Trouble> {
        let (mut shards, mut token) = (Vec::new(), None::<String>);
        let mut pages = 0;
        loop {
            // A page token stands for the stream, and is refused beside its name.
            let (name, arn) = if token.is_some() { (None, None) } else { self.named() };
            let call = self.client.list_shards().set_stream_name(name).set_stream_arn(arn);
            match call.set_next_token(token.take()).send().await {
                Ok(page) => {
                    shards.extend(page.shards.unwrap_or_default().into_iter().map(shard));
                    token = page.next_token;
                    if token.is_none() {
                        return Ok(shards);
                    }
                }
                Err(e) => match self.trouble("ListShards", &e) {
                    // Half a listing is none: from the first page again.
                    Trouble { kind: Kind::Expired, .. } => shards.clear(),
                    other => return Err(other),
                },
            }
            pages += 1;
            if pages > MOST_PAGES {
                return Err(self.nonsense("ListShards does not come to an end"));
            }
        }
    }

    pub(super) async fn iterator(&self, shard: &str, ask: Ask) -> Result<String, Trouble> {
        let (name, arn) = self.named();
        let call = self.client.get_shard_iterator().set_stream_name(name).set_stream_arn(arn).shard_id(shard);
        let (kind, sequence, at) = asked(ask);
        let call = call.shard_iterator_type(kind).set_starting_sequence_number(sequence).set_timestamp(at);
        let given = call.send().await.map_err(|e| self.trouble("GetShardIterator", &e))?;
        given.shard_iterator.ok_or_else(|| self.nonsense("GetShardIterator gave no iterator"))
    }

    /// One try: the SDK's own would come on top of the calls that a shard gives in a second, and just when it gives none.
    pub(super) async fn records(&self, iterator: String) -> Result<Page, Trouble> {
        let (_, arn) = self.named();
        let call = self.client.get_records().shard_iterator(iterator).set_stream_arn(arn);
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let page = call
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|e| self.trouble("GetRecords", &e))?;
        Ok(Page {
            records: self.incoming(page.records)?,
            next: page.next_shard_iterator,
            millis_behind: page.millis_behind_latest,
            children: page.child_shards.unwrap_or_default().into_iter().map(child).collect(),
        })
    }

    /// The ARN of a registered consumer, and whether it may be used now. `None`: there is none of this name.
    pub(super) async fn consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<Option<(String, bool)>, Trouble> {
        let call = self.client.describe_stream_consumer().stream_arn(stream_arn).consumer_name(name);
        match call.send().await {
            Ok(told) => Ok(told.consumer_description.map(|c| {
                let active = c.consumer_status == types::ConsumerStatus::Active;
                (c.consumer_arn, active)
            })),
            Err(e) => match self.trouble("DescribeStreamConsumer", &e) {
                Trouble { kind: Kind::Gone, .. } => Ok(None),
                other => Err(other),
            },
        }
    }

    /// Registers a consumer; one of this name that is there already is as good.
    pub(super) async fn register(&self, stream_arn: &str, name: &str) -> Result<(), Trouble> {
        let call = self.client.register_stream_consumer().stream_arn(stream_arn).consumer_name(name);
        match call.send().await.map_err(|e| self.trouble("RegisterStreamConsumer", &e)) {
            Ok(_) | Err(Trouble { kind: Kind::Busy, .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    pub(super) async fn subscribe(
        &self,
        consumer: &str,
        shard: &str,
        ask: Ask,
    ) -> Result<Subscription, Trouble> {
        let (kind, sequence, at) = asked(ask);
        let from = types::StartingPosition::builder().r#type(kind);
        let from = from.set_sequence_number(sequence).set_timestamp(at).build();
        let from = from.map_err(|e| self.nonsense(&e.to_string()))?;
        let call =
            self.client.subscribe_to_shard().consumer_arn(consumer).shard_id(shard).starting_position(from);
        call.send().await.map(Subscription).map_err(|e| self.trouble("SubscribeToShard", &e))
    }

    /// The next answer of a subscription; `None` when it is over.
    pub(super) async fn pushed(&self, from: &mut Subscription) -> Result<Option<Page>, Trouble> {
        loop {
            let event = from.0.event_stream.recv().await.map_err(|e| self.trouble("SubscribeToShard", &e))?;
            let event = match event {
                None => return Ok(None),
                Some(types::SubscribeToShardEventStream::SubscribeToShardEvent(event)) => event,
                Some(_) => continue,
            };
            let next = event.continuation_sequence_number;
            return Ok(Some(Page {
                records: self.incoming(event.records)?,
                next: (!next.is_empty()).then_some(next),
                millis_behind: Some(event.millis_behind_latest),
                children: event.child_shards.unwrap_or_default().into_iter().map(child).collect(),
            }));
        }
    }

    fn incoming(&self, records: Vec<types::Record>) -> Result<Vec<Incoming>, Trouble> {
        let read = |r: types::Record| {
            let number = sequence(&r.sequence_number);
            let wrong = || self.nonsense(&format!("`{}` is no sequence number", r.sequence_number));
            Ok(Incoming {
                sequence: number.ok_or_else(wrong)?,
                arrival: r.approximate_arrival_timestamp.as_ref().map_or(0, micros),
                partition_key: r.partition_key.unwrap_or_default(),
                data: r.data.into_inner().into(),
            })
        };
        records.into_iter().map(read).collect()
    }

    fn nonsense(&self, what: &str) -> Trouble {
        Trouble { kind: Kind::Passing, text: format!("stream {} in {}: {what}", self.told, self.region) }
    }

    fn trouble<E, R>(&self, call: &str, error: &SdkError<E, R>) -> Trouble
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let code = error.code().unwrap_or_default();
        let kind = kind(code, error);
        let what = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => chain(error),
        };
        let advice = match kind {
            Kind::Denied => advice(code).map(|advice| match code {
                "AccessDeniedException" => format!("{advice} (kinesis:{call})"),
                _ => advice.to_owned(),
            }),
            Kind::Gone => Some("check the stream's name, the region and the account".into()),
            _ => None,
        };
        let advice = advice.map(|text| format!("; {text}")).unwrap_or_default();
        Trouble { kind, text: format!("stream {} in {}: {call}: {what}{advice}", self.told, self.region) }
    }
}

/// A page holds up to a thousand shards, so that this is far more than an account may have.
const MOST_PAGES: u32 = 10_000;

/// A subscription to a shard.
pub(super) struct Subscription(SubscribeToShardOutput);

fn kind<E, R>(code: &str, error: &SdkError<E, R>) -> Kind
where
    E: Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match code {
        "ProvisionedThroughputExceededException"
        | "LimitExceededException"
        | "KMSThrottlingException"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException" => Kind::Throttled,
        "ExpiredIteratorException" | "ExpiredNextTokenException" => Kind::Expired,
        "ResourceNotFoundException" => Kind::Gone,
        "ResourceInUseException" => Kind::Busy,
        "InvalidArgumentException" | "ValidationException" | "SerializationException" => Kind::Invalid,
        code if advice(code).is_some() || code.starts_with("KMS") => Kind::Denied,
        _ => match error {
            SdkError::ConstructionFailure(_) => Kind::Denied,
            // Whoever signs a call looks for credentials first.
            SdkError::DispatchFailure(_) if chain(error).contains("credentials") => Kind::Denied,
            _ => Kind::Passing,
        },
    }
}
