//! Records: put and got.
use super::super::account::Account;
use super::super::clock::as_seconds;
use super::super::error::ApiError;
use super::super::hash_key::hash_key;
use super::super::settings::ShardEnd;
use super::super::shard::{Page, shard_id};
use super::super::stream::{Incoming, Put};
use super::super::token::Iterator;
use super::super::wire::{self, PutEntry};
use super::position::rate_exceeded;
use super::{Answer, Call, ErrorKind, Named, child_shards, out_of_bounds};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use std::fmt::Write;
use std::ops::Range;

const MOST_RECORDS: usize = 500;
const MOST_BYTES: u64 = 10 * 1024 * 1024;

/// A record that was looked over and waits for its number.
struct Ready {
    hash: u128,
    size: u64,
    /// Where its JSON lies in the text of all.
    fields: Range<usize>,
}

pub(super) fn put_one(call: &Call<'_>) -> Result<Answer, ApiError> {
    let entry: PutEntry<'_> = wire::parse(call.body)?;
    let of: wire::OfStream = wire::parse(call.body)?;
    let (ready, fields) = look_over(std::slice::from_ref(&entry))?;
    match put(call, of.named(), &ready, &fields)?.pop() {
        Some(Ok(put)) => {
            Ok(json!({ "ShardId": put.shard_id(), "SequenceNumber": put.sequence.to_string() }).into())
        }
        Some(Err(error)) => Err(error),
        None => Err(ApiError::new(ErrorKind::InternalFailure, "a put without a result")),
    }
}

pub(super) fn put_many(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::PutRecords<'_> = wire::parse(call.body)?;
    let count = request.records.len();
    if !(1..=MOST_RECORDS).contains(&count) {
        let given = format!("{count} records");
        return Err(out_of_bounds("records", given, "length less than or equal to 500"));
    }
    let (ready, fields) = look_over(&request.records)?;
    if ready.iter().map(|r| r.size).sum::<u64>() > MOST_BYTES {
        return Err(ApiError::invalid("Records size exceeds 10 MB limit"));
    }
    let results = put(call, request.named(), &ready, &fields)?;
    let refused = results.iter().filter(|r| r.is_err()).count();
    super::super::lock(&call.shared.faults).counts.records_refused +=
        u64::try_from(refused).unwrap_or(u64::MAX);
    Ok(Answer::Json(results_json(&results, refused).into_bytes()))
}

fn results_json(results: &[Result<Put, ApiError>], refused: usize) -> String {
    let mut json = String::with_capacity(results.len() * 120 + 64);
    let _ = write!(json, r#"{{"FailedRecordCount":{refused},"Records":["#);
    for (i, result) in results.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = match result {
            Ok(put) => write!(
                json,
                r#"{comma}{{"SequenceNumber":"{}","ShardId":"{}"}}"#,
                put.sequence,
                shard_id(put.shard)
            ),
            Err(error) => write!(
                json,
                r#"{comma}{{"ErrorCode":"{}","ErrorMessage":{}}}"#,
                error.kind.name(),
                Value::from(error.message.as_str())
            ),
        };
    }
    json.push_str("]}");
    json
}

/// Checks records and writes down what of them does not depend on where they go.
fn look_over(entries: &[PutEntry<'_>]) -> Result<(Vec<Ready>, String), ApiError> {
    let length: usize = entries.iter().map(|e| e.data.len() + e.partition_key.len() + 40).sum();
    let mut fields = String::with_capacity(length);
    let mut scratch = Vec::new();
    let mut ready = Vec::with_capacity(entries.len());
    for entry in entries {
        scratch.clear();
        STANDARD
            .decode_vec(entry.data.as_bytes(), &mut scratch)
            .map_err(|e| ApiError::new(ErrorKind::Validation, format!("Data is not base64: {e}")))?;
        let key = &entry.partition_key;
        if !(1..=256).contains(&key.chars().count()) {
            return Err(out_of_bounds("partitionKey", key, "length from 1 to 256"));
        }
        let from = fields.len();
        let quoted = serde_json::to_string(key).unwrap_or_default();
        let _ = write!(fields, r#""Data":"{}","PartitionKey":{quoted}"#, entry.data);
        let size = u64::try_from(scratch.len() + key.len()).unwrap_or(u64::MAX);
        ready.push(Ready { hash: hash(entry)?, size, fields: from..fields.len() });
    }
    Ok((ready, fields))
}

fn hash(entry: &PutEntry<'_>) -> Result<u128, ApiError> {
    let Some(explicit) = &entry.explicit_hash_key else { return Ok(hash_key(&entry.partition_key)) };
    let digits = !explicit.is_empty() && explicit.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| explicit.parse().ok()).flatten().ok_or_else(|| {
        ApiError::invalid(format!(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {explicit}"
        ))
    })
}

/// Puts the records into the stream the call names; a result for each.
fn put(
    call: &Call<'_>,
    named: Named<'_>,
    ready: &[Ready],
    fields: &str,
) -> Result<Vec<Result<Put, ApiError>>, ApiError> {
    let refused: Vec<Option<ErrorKind>> = match call.sufferings.partial_put {
        None => vec![None; ready.len()],
        Some(share) => {
            let mut faults = super::super::lock(&call.shared.faults);
            ready.iter().map(|_| faults.refuses_record(share)).collect()
        }
    };
    let records = ready.iter().map(|r| Incoming {
        hash: r.hash,
        size: r.size,
        fields: fields.get(r.fields.clone()).unwrap_or_default(),
    });
    let results = call.account().put(named, records.zip(refused), fields.len(), call)?;
    call.shared.announce();
    Ok(results)
}

impl Account {
    fn put<'a>(
        &mut self,
        named: Named<'_>,
        records: impl std::iter::Iterator<Item = (Incoming<'a>, Option<ErrorKind>)>,
        length: usize,
        call: &Call<'_>,
    ) -> Result<Vec<Result<Put, ApiError>>, ApiError> {
        let settings = &call.shared.settings;
        let held = self.held;
        let name = self.stream(named, settings)?.name.clone();
        let mut json = String::with_capacity(length + 64 * 150);
        let arrival = as_seconds(call.now);
        let mut room = settings.max_bytes.saturating_sub(held);
        let results = self.change(&name, settings, call.now, |stream, change| {
            let mut results = Vec::new();
            for (record, refused) in records {
                if record.size > stream.max_record {
                    let constraint = format!("length less than or equal to {}", stream.max_record);
                    return Err(out_of_bounds("data", format!("{} bytes", record.size), &constraint));
                }
                results.push(match refused {
                    Some(kind) => Err(ApiError::new(kind, kind.injected_message())),
                    None if record.size > room => Err(full(settings.max_bytes)),
                    None => stream.put(&record, (call.now, &arrival), change.numbers, &mut json),
                });
                if let Some(Ok(put)) = results.last() {
                    room -= put.size;
                }
            }
            let put: Vec<&Put> = results.iter().flatten().collect();
            stream.settle_put(&put, &Bytes::from(json), call.now);
            Ok(results)
        })?;
        self.held += results.iter().flatten().map(|p| p.size).sum::<u64>();
        Ok(results)
    }
}

fn full(bytes: u64) -> ApiError {
    let message = format!("the stand-in holds its {bytes} bytes: trim, or raise Settings::max_bytes");
    ApiError::new(ErrorKind::InternalFailure, message)
}

pub(super) fn get(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::GetRecords = wire::parse(call.body)?;
    let settings = &call.shared.settings;
    let limit = request.limit.unwrap_or(10_000);
    if !(1..=10_000).contains(&limit) {
        return Err(out_of_bounds("limit", limit, "value from 1 to 10000"));
    }
    let mut iterator = Iterator::open(&request.shard_iterator)?;
    let mut account = call.account();
    iterator.must_live(account.iterators, settings.iterator_life, call.now)?;
    let id = shard_id(iterator.shard);
    let missing = || {
        let message = format!(
            "Shard {id} in stream {} under account {} does not exist",
            iterator.stream, settings.account
        );
        ApiError::new(ErrorKind::ResourceNotFound, message)
    };
    let generation = account.iterators;
    let stream = account
        .streams
        .get_mut(&iterator.stream)
        .filter(|s| s.incarnation == iterator.incarnation)
        .ok_or_else(missing)?;
    let retention = stream.retention_hours;
    let shard = stream.shard(&id, &settings.account)?;
    if !shard.get_records.has(1, call.now) || !shard.bytes_out.has(1, call.now) {
        return Err(rate_exceeded(shard, &iterator.stream, settings));
    }
    shard.get_records.take(1);
    let (from, now) = (iterator.position, call.now);
    let page = match (shard.stuck(from, settings.trimmed, retention), call.sufferings.empty_page) {
        (Some(stuck), _) => stuck,
        // An end is told with an empty page too, but this one only pretends.
        (None, true) => Page { ended: false, ..shard.page(from, 0, 0, now, ShardEnd::OnAnEmptyPage) },
        (None, false) => shard.page(from, limit, settings.page_bytes, now, settings.shard_end),
    };
    shard.bytes_out.take(page.bytes);
    let children = page.ended.then(|| child_shards(stream, iterator.shard));
    drop(account);
    iterator.position = page.next;
    iterator.given = now;
    iterator.generation = generation;
    let next = (!page.ended).then(|| iterator.seal());
    Ok(Answer::Json(page_json(&page, next, children)))
}

fn page_json(page: &Page, next: Option<String>, children: Option<Vec<Value>>) -> Vec<u8> {
    let mut json = records_json(&page.records);
    json.extend_from_slice(format!(r#","MillisBehindLatest":{}"#, page.millis_behind).as_bytes());
    if let Some(next) = next {
        json.extend_from_slice(format!(r#","NextShardIterator":"{next}""#).as_bytes());
    }
    if let Some(children) = children {
        json.extend_from_slice(format!(r#","ChildShards":{}"#, Value::from(children)).as_bytes());
    }
    json.push(b'}');
    json
}

/// `{"Records":[...]`, open at its end.
pub(in super::super) fn records_json(records: &[Bytes]) -> Vec<u8> {
    let mut json = Vec::with_capacity(records.iter().map(|r| r.len() + 1).sum::<usize>() + 1024);
    json.extend_from_slice(br#"{"Records":["#);
    for (i, record) in records.iter().enumerate() {
        if i > 0 {
            json.push(b',');
        }
        json.extend_from_slice(record);
    }
    json.push(b']');
    json
}
