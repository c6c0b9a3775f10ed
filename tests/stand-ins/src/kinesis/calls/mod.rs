//! What each operation does.
mod consumers;
mod position;
mod records;
mod shards;
mod streams;

pub(super) use records::records_json;
pub use shards::ShardOrder;
pub(super) use shards::child_shards;

use super::Shared;
use super::account::{Account, Named};
use super::error::{ApiError, ErrorKind};
use super::faults::Sufferings;
use super::operation::Operation;
use super::stream::Stream;
use super::subscription::Grant;
use std::sync::MutexGuard;

/// One call under way.
pub(super) struct Call<'a> {
    pub shared: &'a Shared,
    pub body: &'a [u8],
    pub sufferings: &'a Sufferings,
    /// Milliseconds since 1970 UTC.
    pub now: i64,
}

/// What a call is answered with.
pub(super) enum Answer {
    Json(Vec<u8>),
    Subscription(Box<Grant>),
}

impl From<serde_json::Value> for Answer {
    fn from(value: serde_json::Value) -> Self {
        Answer::Json(value.to_string().into_bytes())
    }
}

pub(super) fn carry_out(operation: Operation, call: &Call<'_>) -> Result<Answer, ApiError> {
    match operation {
        Operation::CreateStream => streams::create(call),
        Operation::DeleteStream => streams::delete(call),
        Operation::DescribeStream => streams::describe(call),
        Operation::DescribeStreamSummary => streams::summary(call),
        Operation::DescribeLimits => streams::limits(call),
        Operation::ListStreams => streams::list(call),
        Operation::UpdateMaxRecordSize => streams::max_record_size(call),
        Operation::IncreaseStreamRetentionPeriod => streams::retention(call, true),
        Operation::DecreaseStreamRetentionPeriod => streams::retention(call, false),
        Operation::ListShards => shards::list(call),
        Operation::SplitShard => shards::split(call),
        Operation::MergeShards => shards::merge(call),
        Operation::UpdateShardCount => shards::scale(call),
        Operation::PutRecord => records::put_one(call),
        Operation::PutRecords => records::put_many(call),
        Operation::GetShardIterator => position::get_shard_iterator(call),
        Operation::GetRecords => records::get(call),
        Operation::RegisterStreamConsumer => consumers::register(call),
        Operation::DescribeStreamConsumer => consumers::describe(call),
        Operation::ListStreamConsumers => consumers::list(call),
        Operation::DeregisterStreamConsumer => consumers::deregister(call),
        Operation::SubscribeToShard => consumers::subscribe(call),
    }
}

impl Call<'_> {
    /// The account as it is now.
    fn account(&self) -> MutexGuard<'_, Account> {
        let mut account = super::lock(&self.shared.account);
        account.settle(self.now);
        account
    }

    fn stream<'a>(&self, account: &'a mut Account, named: Named<'_>) -> Result<&'a mut Stream, ApiError> {
        account.stream(named, &self.shared.settings)
    }
}

/// An empty answer.
fn nothing() -> Answer {
    Answer::Json(Vec::new())
}

fn out_of_bounds(member: &str, value: impl std::fmt::Display, constraint: &str) -> ApiError {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have {constraint}"
    );
    ApiError::new(ErrorKind::Validation, message)
}
