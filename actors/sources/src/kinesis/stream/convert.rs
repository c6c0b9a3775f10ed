//! What the SDK's types say, and what is said in them.
use crate::kinesis::graph::{HashRange, ShardId, ShardInfo};
use crate::kinesis::position::Ask;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types;

pub(super) fn asked(ask: Ask) -> (types::ShardIteratorType, Option<String>, Option<DateTime>) {
    match ask {
        Ask::Oldest => (types::ShardIteratorType::TrimHorizon, None, None),
        Ask::At(at) => {
            (types::ShardIteratorType::AtTimestamp, None, Some(DateTime::from_millis(at.div_euclid(1_000))))
        }
        Ask::Record(n) => (types::ShardIteratorType::AtSequenceNumber, Some(n.to_string()), None),
    }
}

pub(super) fn micros(at: &DateTime) -> i64 {
    i64::try_from(at.as_nanos().div_euclid(1_000)).unwrap_or(0)
}

pub(super) fn shard(shard: types::Shard) -> ShardInfo {
    let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id];
    ShardInfo {
        id: shard.shard_id.into(),
        parents: parents.into_iter().flatten().map(ShardId::from).collect(),
        range: shard.hash_key_range.as_ref().and_then(range),
    }
}

pub(super) fn child(child: types::ChildShard) -> ShardInfo {
    ShardInfo {
        id: child.shard_id.into(),
        parents: child.parent_shards.into_iter().map(ShardId::from).collect(),
        range: child.hash_key_range.as_ref().and_then(range),
    }
}

fn range(range: &types::HashKeyRange) -> Option<HashRange> {
    Some(HashRange {
        first: range.starting_hash_key.parse().ok()?,
        last: range.ending_hash_key.parse().ok()?,
    })
}
