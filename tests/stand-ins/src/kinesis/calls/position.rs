//! Where a reader begins.
use super::super::error::ApiError;
use super::super::sequence::SequenceNumber;
use super::super::settings::{Settings, TrimmedStart};
use super::super::shard::{Position, Shard, shard_id};
use super::super::token::Iterator;
use super::super::wire;
use super::{Answer, Call, ErrorKind, out_of_bounds};
use serde_json::json;

/// What a reader asks for.
pub(super) struct Start<'a> {
    pub kind: &'a str,
    pub sequence: Option<&'a str>,
    pub timestamp: Option<&'a serde_json::Number>,
}

pub(super) fn get_shard_iterator(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::GetShardIterator = wire::parse(call.body)?;
    let of: wire::OfStream = wire::parse(call.body)?;
    let settings = &call.shared.settings;
    let mut account = call.account();
    let (latest, generation) = (account.numbers.upcoming(), account.iterators);
    let stream = call.stream(&mut account, of.named())?;
    let (name, incarnation) = (stream.name.clone(), stream.incarnation);
    let shard = stream.shard(&request.shard_id, &settings.account)?;
    if !shard.get_shard_iterator.try_take(1, call.now) {
        return Err(rate_exceeded(shard, &name, settings));
    }
    let start = Start {
        kind: &request.shard_iterator_type,
        sequence: request.starting_sequence_number.as_deref(),
        timestamp: request.timestamp.as_ref(),
    };
    let position = resolve(&start, shard, &name, latest, call)?;
    let shard = shard.index;
    let iterator = Iterator { stream: name, incarnation, shard, position, given: call.now, generation };
    Ok(json!({ "ShardIterator": iterator.seal() }).into())
}

pub(super) fn rate_exceeded(shard: &Shard, stream: &str, settings: &Settings) -> ApiError {
    let message = format!(
        "Rate exceeded for shard {} in stream {stream} under account {}.",
        shard.id(),
        settings.account
    );
    ApiError::new(ErrorKind::ProvisionedThroughputExceeded, message)
}

/// The place of the first record to give. `latest` is above every record there is.
pub(super) fn resolve(
    start: &Start<'_>,
    shard: &Shard,
    stream: &str,
    latest: SequenceNumber,
    call: &Call<'_>,
) -> Result<Position, ApiError> {
    match (start.kind, start.sequence) {
        ("TRIM_HORIZON", None) => Ok(SequenceNumber::ZERO),
        ("LATEST", None) => Ok(latest),
        ("AT_TIMESTAMP", None) => Ok(shard.arrived_from(time(start, call)?).unwrap_or(latest)),
        ("AT_SEQUENCE_NUMBER", Some(text)) => {
            let number = own_number(text, shard, stream, latest, call)?;
            must_be_there(number, shard, call).map(|()| number)
        }
        ("AFTER_SEQUENCE_NUMBER", Some(text)) => {
            let next = own_number(text, shard, stream, latest, call)?.following();
            must_be_there(next, shard, call).map(|()| next)
        }
        (
            "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP" | "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER",
            given,
        ) => {
            let also = if given.is_some() { "also a" } else { "no" };
            Err(ApiError::invalid(format!(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {} and {also} StartingSequenceNumber.",
                start.kind
            )))
        }
        (other, _) => Err(out_of_bounds("shardIteratorType", other, "a value of the enumeration")),
    }
}

fn time(start: &Start<'_>, call: &Call<'_>) -> Result<i64, ApiError> {
    let Some(seconds) = start.timestamp else {
        return Err(ApiError::invalid(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.",
        ));
    };
    let time = wire::as_millis(seconds)?;
    if time > call.now {
        return Err(ApiError::invalid(format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: {time}, currentTimestampInMillis: {}",
            call.now
        )));
    }
    Ok(time)
}

/// A sequence number that this shard gave, or the one it starts with.
fn own_number(
    text: &str,
    shard: &Shard,
    stream: &str,
    latest: SequenceNumber,
    call: &Call<'_>,
) -> Result<SequenceNumber, ApiError> {
    let account = &call.shared.settings.account;
    let of = format!(
        "StartingSequenceNumber {text} used in GetShardIterator on shard {} in stream {stream} under account {account}",
        shard.id()
    );
    let Some(number) = SequenceNumber::parse(text) else {
        return Err(ApiError::invalid(format!("{of} is invalid.")));
    };
    if number.shard() != shard.index {
        return Err(ApiError::invalid(format!(
            "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {}",
            shard_id(number.shard()),
            shard.id()
        )));
    }
    if number < shard.start || number >= latest {
        return Err(ApiError::invalid(format!("{of} is invalid because it did not come from this stream.")));
    }
    Ok(number)
}

/// That nothing from `position` on is trimmed, where the settings ask for it.
fn must_be_there(position: Position, shard: &Shard, call: &Call<'_>) -> Result<(), ApiError> {
    let refuses = call.shared.settings.trimmed == TrimmedStart::Refused;
    if refuses && position < shard.horizon && position > shard.start.following() {
        let message = format!("the position {position} of {} is before its trim horizon", shard.id());
        return Err(ApiError::invalid(message));
    }
    Ok(())
}
