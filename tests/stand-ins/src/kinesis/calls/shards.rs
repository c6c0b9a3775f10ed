//! Shards: listed, split, merged.
use super::super::account::Named;
use super::super::error::ApiError;
use super::super::reshard::Change;
use super::super::shard::{Shard, shard_id};
use super::super::stream::Stream;
use super::super::token::NextToken;
use super::super::wire::{self, ShardFilter};
use super::{Answer, Call, nothing, out_of_bounds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// In which order ListShards gives shards. AWS promises none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardOrder {
    /// The oldest first.
    ById,
    /// The newest first: children before their parents.
    Reversed,
    /// By chance, decided by this seed.
    Shuffled(u64),
}

impl ShardOrder {
    /// Lower comes first; no two shards of a stream have the same.
    fn key(self, index: usize) -> (u64, usize) {
        let place = u64::try_from(index).unwrap_or(u64::MAX);
        match self {
            ShardOrder::ById => (place, index),
            ShardOrder::Reversed => (u64::MAX - place, index),
            ShardOrder::Shuffled(seed) => (mixed(seed.wrapping_add(place)), index),
        }
    }
}

/// Spreads neighbouring numbers far apart.
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n ^ (n >> 32)
}

/// What a listing leaves out, the same on all of its pages.
#[derive(Default, Deserialize, Serialize)]
struct Wanted {
    after: Option<String>,
    filter: Option<ShardFilter>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::ListShards = wire::parse(call.body)?;
    let of: wire::OfStream = wire::parse(call.body)?;
    let settings = &call.shared.settings;
    let asked = request.max_results.unwrap_or(1000);
    if !(1..=10_000).contains(&asked) {
        return Err(out_of_bounds("maxResults", asked, "value from 1 to 10000"));
    }
    let mut account = call.account();
    let (order, generation) = (account.shard_order, account.list_tokens);
    let named = of.named();
    let (name, wanted, last) = match &request.next_token {
        Some(_) if named.name.is_some() || named.arn.is_some() => {
            return Err(ApiError::invalid("NextToken and StreamName cannot be provided together."));
        }
        Some(token) => {
            let token = NextToken::open(token, generation, settings.token_life, call.now)?;
            (token.stream, wire::parse(token.filter.as_bytes())?, token.last.parse::<usize>().ok())
        }
        None => {
            let name = call.stream(&mut account, named)?.name.clone();
            let wanted = Wanted {
                after: request.exclusive_start_shard_id.clone(),
                filter: request.shard_filter.clone(),
            };
            (name, wanted, None)
        }
    };
    let stream = call.stream(&mut account, Named { name: Some(&name), arn: None })?;
    let mut found = selected(stream, &wanted, call.now)?;
    found.retain(|s| last.is_none_or(|last| order.key(s.index) > order.key(last)));
    found.sort_by_key(|s| order.key(s.index));
    let page = &found[..found.len().min(asked).min(settings.list_page.max(1))];
    let mut said = json!({ "Shards": page.iter().map(|s| described(s)).collect::<Vec<_>>() });
    if let Some(last) = page.last().filter(|_| page.len() < found.len()) {
        let filter = json!(wanted).to_string();
        let last = last.index.to_string();
        let token = NextToken { stream: name, given: call.now, generation, last, filter };
        said["NextToken"] = json!(token.seal());
    }
    Ok(said.into())
}

fn selected<'a>(stream: &'a Stream, wanted: &Wanted, now: i64) -> Result<Vec<&'a Shard>, ApiError> {
    let filter = wanted.filter.as_ref();
    let kind = filter.map_or("FROM_TRIM_HORIZON", |f| f.kind.as_str());
    let retention = i64::from(stream.retention_hours) * 3_600_000;
    let time = match filter.and_then(|f| f.timestamp.as_ref()) {
        Some(time) => wire::as_millis(time)?,
        None if kind.ends_with("_TIMESTAMP") => {
            return Err(ApiError::invalid("Timestamp must be provided with this type of ShardFilter."));
        }
        None => now.saturating_sub(retention).max(stream.created),
    };
    let after = filter.and_then(|f| f.shard_id.clone()).or_else(|| wanted.after.clone()).unwrap_or_default();
    let open_at = |s: &Shard| s.opened <= time && s.closed.is_none_or(|c| c.at > time);
    let wants = |s: &Shard| match kind {
        "AFTER_SHARD_ID" | "FROM_TRIM_HORIZON" => true,
        "AT_LATEST" => s.closed.is_none(),
        "FROM_TIMESTAMP" => s.closed.is_none_or(|c| c.at >= time),
        _ => open_at(s),
    };
    match kind {
        "AFTER_SHARD_ID" | "FROM_TRIM_HORIZON" | "AT_LATEST" | "FROM_TIMESTAMP" | "AT_TIMESTAMP"
        | "AT_TRIM_HORIZON" => {}
        other => return Err(out_of_bounds("shardFilter.type", other, "a value of the enumeration")),
    }
    Ok(stream.shards.iter().filter(|s| !s.forgotten && s.id() > after && wants(s)).collect())
}

pub(in super::super) fn described(shard: &Shard) -> Value {
    let mut said = json!({
        "ShardId": shard.id(),
        "HashKeyRange": hash_range(shard),
        "SequenceNumberRange": { "StartingSequenceNumber": shard.start.to_string() },
    });
    for (key, parent) in ["ParentShardId", "AdjacentParentShardId"].iter().zip(&shard.parents) {
        said[*key] = json!(shard_id(*parent));
    }
    if let Some(closed) = shard.closed {
        said["SequenceNumberRange"]["EndingSequenceNumber"] = json!(closed.ending.to_string());
    }
    said
}

fn hash_range(shard: &Shard) -> Value {
    json!({ "StartingHashKey": shard.range.start.to_string(), "EndingHashKey": shard.range.end.to_string() })
}

/// The children of a shard, as the end of a shard names them.
pub(in super::super) fn child_shards(stream: &Stream, index: usize) -> Vec<Value> {
    let named = |child: &Shard| {
        let parents: Vec<_> = child.parents.iter().map(|p| shard_id(*p)).collect();
        json!({ "ShardId": child.id(), "ParentShards": parents, "HashKeyRange": hash_range(child) })
    };
    stream.children(index).map(named).collect()
}

pub(super) fn split(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::SplitShard = wire::parse(call.body)?;
    let at = request.new_starting_hash_key.parse().map_err(|_| {
        out_of_bounds("newStartingHashKey", &request.new_starting_hash_key, "a number below 2^128")
    })?;
    change(call, 1, |stream, change| stream.split(&request.shard_to_split, at, change).map(drop))?;
    Ok(nothing())
}

pub(super) fn merge(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::MergeShards = wire::parse(call.body)?;
    change(call, 0, |stream, change| {
        stream.merge(&request.shard_to_merge, &request.adjacent_shard_to_merge, change).map(drop)
    })?;
    Ok(nothing())
}

pub(super) fn scale(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::UpdateShardCount = wire::parse(call.body)?;
    let target = request.target_shard_count;
    let (name, arn, before) = change(call, target, |stream, change| {
        let before = stream.open.len();
        let count = usize::try_from(target).unwrap_or(usize::MAX);
        if count > before.saturating_mul(2) || count.saturating_mul(2) < before || count == 0 {
            let message = format!(
                "UpdateShardCount cannot scale from {before} to {target} shards: at most to the double, at least to the half."
            );
            return Err(ApiError::new(super::ErrorKind::LimitExceeded, message));
        }
        stream.scale(target, change)?;
        Ok((stream.name.clone(), stream.arn.clone(), before))
    })?;
    Ok(json!({
        "StreamName": name,
        "StreamARN": arn,
        "CurrentShardCount": before,
        "TargetShardCount": target,
    })
    .into())
}

/// Changes the shards of the stream a call names, if the account has room for `more` of them.
fn change<T>(
    call: &Call<'_>,
    more: u32,
    work: impl FnOnce(&mut Stream, &mut Change<'_>) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let of: wire::OfStream = wire::parse(call.body)?;
    let settings = &call.shared.settings;
    let mut account = call.account();
    let name = call.stream(&mut account, of.named())?.name.clone();
    account.must_have_room_for(more, settings)?;
    let done = account.change(&name, settings, call.now, |stream, change| {
        stream.must_be_active(&settings.account)?;
        work(stream, change)
    });
    drop(account);
    call.shared.announce();
    done
}
