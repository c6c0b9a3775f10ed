//! Streams: made, described, deleted.
use super::super::clock::{as_seconds, millis};
use super::super::error::ApiError;
use super::super::stream::{Status, Stream};
use super::super::wire;
use super::{Answer, Call, nothing, out_of_bounds, shards};
use serde_json::json;

pub(super) fn create(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::CreateStream = wire::parse(call.body)?;
    let name = &request.stream_name;
    let good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(good) {
        return Err(out_of_bounds(
            "streamName",
            name,
            "1 to 128 of the characters a-z, A-Z, 0-9, _, . and -",
        ));
    }
    // Without a count AWS makes an on-demand stream, which begins with four shards.
    let count = request.shard_count.unwrap_or(4);
    if count == 0 {
        return Err(out_of_bounds("shardCount", count, "value greater than or equal to 1"));
    }
    let max_record = max_record_bytes(request.max_record_size.unwrap_or(1024))?;
    call.account().create(name, count, max_record, call.now, &call.shared.settings)?;
    Ok(nothing())
}

fn max_record_bytes(kib: u64) -> Result<u64, ApiError> {
    if (1024..=10_240).contains(&kib) {
        return Ok(kib * 1024);
    }
    Err(out_of_bounds("maxRecordSizeInKiB", kib, "value from 1024 to 10240"))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::DeleteStream = wire::parse(call.body)?;
    let of: wire::OfStream = wire::parse(call.body)?;
    let mut account = call.account();
    let stream = call.stream(&mut account, of.named())?;
    if !stream.consumers.is_empty() && request.enforce_consumer_deletion != Some(true) {
        let message = format!(
            "Stream {} under account {} has registered consumers. Deregister them or set EnforceConsumerDeletion.",
            stream.name, call.shared.settings.account
        );
        return Err(ApiError::new(super::ErrorKind::ResourceInUse, message));
    }
    stream.status = Status::Deleting;
    stream.until = call.now.saturating_add(millis(call.shared.settings.change_time));
    account.settle(call.now);
    drop(account);
    call.shared.announce();
    Ok(nothing())
}

pub(super) fn summary(call: &Call<'_>) -> Result<Answer, ApiError> {
    let of: wire::OfStream = wire::parse(call.body)?;
    let mut account = call.account();
    let stream = call.stream(&mut account, of.named())?;
    let mut said = described(stream)?;
    said["OpenShardCount"] = json!(stream.open.len());
    said["ConsumerCount"] = json!(stream.consumers.len());
    said["MaxRecordSizeInKiB"] = json!(stream.max_record / 1024);
    Ok(json!({ "StreamDescriptionSummary": said }).into())
}

pub(super) fn describe(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::DescribeStream = wire::parse(call.body)?;
    let of: wire::OfStream = wire::parse(call.body)?;
    let limit = request.limit.unwrap_or(100);
    if !(1..=10_000).contains(&limit) {
        return Err(out_of_bounds("limit", limit, "value from 1 to 10000"));
    }
    let mut account = call.account();
    let stream = call.stream(&mut account, of.named())?;
    let after = request.exclusive_start_shard_id.unwrap_or_default();
    let rest: Vec<_> = stream.shards.iter().filter(|s| !s.forgotten && s.id() > after).collect();
    let mut said = described(stream)?;
    said["Shards"] = rest.iter().take(limit).map(|s| shards::described(s)).collect();
    said["HasMoreShards"] = json!(rest.len() > limit);
    Ok(json!({ "StreamDescription": said }).into())
}

/// What both descriptions of a stream say.
fn described(stream: &Stream) -> Result<serde_json::Value, ApiError> {
    Ok(json!({
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": stream.status.name(),
        "StreamModeDetails": { "StreamMode": "PROVISIONED" },
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": timestamp(stream.created)?,
        "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }],
        "EncryptionType": "NONE",
    }))
}

/// A time as a JSON number of seconds.
pub(super) fn timestamp(millis: i64) -> Result<serde_json::Value, ApiError> {
    wire::parse(as_seconds(millis).as_bytes())
}

pub(super) fn limits(call: &Call<'_>) -> Result<Answer, ApiError> {
    let open: usize = call.account().streams.values().map(|s| s.open.len()).sum();
    Ok(json!({
        "OpenShardCount": open,
        "ShardLimit": call.shared.settings.shard_limit,
        "OnDemandStreamCount": 0,
        "OnDemandStreamCountLimit": 0,
    })
    .into())
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::ListStreams = wire::parse(call.body)?;
    let after = request.next_token.or(request.exclusive_start_stream_name).unwrap_or_default();
    let limit = request.limit.unwrap_or(100).clamp(1, 10_000);
    let account = call.account();
    let rest: Vec<&Stream> = account.streams.values().filter(|s| s.name > after).collect();
    let page = &rest[..rest.len().min(limit)];
    let more = rest.len() > page.len();
    let mut said = json!({
        "StreamNames": page.iter().map(|s| &s.name).collect::<Vec<_>>(),
        "HasMoreStreams": more,
        "StreamSummaries": page.iter().map(|s| described(s)).collect::<Result<Vec<_>, _>>()?,
    });
    if let (true, Some(last)) = (more, page.last()) {
        said["NextToken"] = json!(last.name);
    }
    Ok(said.into())
}

pub(super) fn max_record_size(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::UpdateMaxRecordSize = wire::parse(call.body)?;
    let of: wire::OfStream = wire::parse(call.body)?;
    let bytes = max_record_bytes(request.max_record_size)?;
    let mut account = call.account();
    call.stream(&mut account, of.named())?.max_record = bytes;
    Ok(nothing())
}

pub(super) fn retention(call: &Call<'_>, longer: bool) -> Result<Answer, ApiError> {
    let request: wire::RetentionPeriod = wire::parse(call.body)?;
    let of: wire::OfStream = wire::parse(call.body)?;
    let hours = request.retention_period_hours;
    if !(24..=8760).contains(&hours) {
        return Err(out_of_bounds("retentionPeriodHours", hours, "value from 24 to 8760"));
    }
    let mut account = call.account();
    let stream = call.stream(&mut account, of.named())?;
    stream.must_be_active(&call.shared.settings.account)?;
    let wrong_way = if longer { hours < stream.retention_hours } else { hours > stream.retention_hours };
    if wrong_way {
        let side = if longer { "shorter" } else { "longer" };
        return Err(ApiError::invalid(format!(
            "Requested retention period ({hours} hours) for stream {} is {side} than the existing one ({} hours).",
            stream.name, stream.retention_hours
        )));
    }
    stream.retention_hours = hours;
    account.settle(call.now);
    Ok(nothing())
}
