//! Requests as they come over the wire, in AWS JSON 1.1.
use super::account::Named;
use super::error::{ApiError, ErrorKind};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A request's body, read.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|e| ApiError {
        kind: ErrorKind::Validation,
        message: format!("the request cannot be read: {e}"),
    })
}

/// Names a stream, and nothing else matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfStream {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
}

impl OfStream {
    pub(super) fn named(&self) -> Named<'_> {
        Named { name: self.stream_name.as_deref(), arn: self.stream_arn.as_deref() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateStream {
    pub stream_name: String,
    pub shard_count: Option<u32>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteStream {
    pub enforce_consumer_deletion: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeStream {
    pub limit: Option<usize>,
    pub exclusive_start_shard_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreams {
    pub limit: Option<usize>,
    pub exclusive_start_stream_name: Option<String>,
    pub next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListShards {
    pub next_token: Option<String>,
    pub max_results: Option<usize>,
    pub exclusive_start_shard_id: Option<String>,
    pub shard_filter: Option<ShardFilter>,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShardFilter {
    #[serde(rename = "Type")]
    pub kind: String,
    pub shard_id: Option<String>,
    pub timestamp: Option<serde_json::Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecords<'a> {
    #[serde(borrow)]
    pub records: Vec<PutEntry<'a>>,
    // Read along, since going through the records a second time would cost half as much again.
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
}

impl PutRecords<'_> {
    pub(super) fn named(&self) -> Named<'_> {
        Named { name: self.stream_name.as_deref(), arn: self.stream_arn.as_deref() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutEntry<'a> {
    /// Base64.
    #[serde(borrow)]
    pub data: Cow<'a, str>,
    #[serde(borrow)]
    pub partition_key: Cow<'a, str>,
    #[serde(borrow)]
    pub explicit_hash_key: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetShardIterator {
    pub shard_id: String,
    pub shard_iterator_type: String,
    pub starting_sequence_number: Option<String>,
    pub timestamp: Option<serde_json::Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetRecords {
    pub shard_iterator: String,
    pub limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SplitShard {
    pub shard_to_split: String,
    pub new_starting_hash_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MergeShards {
    pub shard_to_merge: String,
    pub adjacent_shard_to_merge: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateShardCount {
    pub target_shard_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateMaxRecordSize {
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetentionPeriod {
    pub retention_period_hours: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfConsumer {
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub consumer_name: Option<String>,
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreamConsumers {
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    pub next_token: Option<String>,
    pub max_results: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SubscribeToShard {
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: String,
    pub shard_id: String,
    pub starting_position: StartingPosition,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartingPosition {
    #[serde(rename = "Type")]
    pub kind: String,
    pub sequence_number: Option<String>,
    pub timestamp: Option<serde_json::Number>,
}

/// Seconds with decimals, as milliseconds. Clients count in binary fractions, so that the last digit is never quite what was meant.
pub(super) fn as_millis(seconds: &serde_json::Number) -> Result<i64, ApiError> {
    let text = seconds.to_string();
    let seconds = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
    seconds
        .ok()
        .and_then(|s| s.checked_mul(Decimal::ONE_THOUSAND))
        .and_then(|s| s.round().to_i64())
        .ok_or_else(|| ApiError::invalid(format!("{text} is not a time in seconds since 1970")))
}
