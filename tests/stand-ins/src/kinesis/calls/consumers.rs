//! Fan-out consumers: registered, described, subscribed.
use super::super::clock::millis;
use super::super::error::ApiError;
use super::super::sequence::SequenceNumber;
use super::super::stream::{Consumer, Status, Stream};
use super::super::subscription::Grant;
use super::super::throttle::Bucket;
use super::super::wire;
use super::position::{Start, resolve};
use super::streams::timestamp;
use super::{Answer, Call, ErrorKind, Named, nothing, out_of_bounds};
use serde_json::{Value, json};

const MOST_CONSUMERS: usize = 20;

pub(super) fn register(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::OfConsumer = wire::parse(call.body)?;
    let name = request.consumer_name.unwrap_or_default();
    if name.is_empty() || name.len() > 128 {
        return Err(out_of_bounds("consumerName", name, "length from 1 to 128"));
    }
    let settings = &call.shared.settings;
    let mut account = call.account();
    let stream = call.stream(&mut account, Named { name: None, arn: request.stream_arn.as_deref() })?;
    if stream.consumers.iter().any(|c| c.name == name) {
        let message = format!(
            "Consumer {name} of stream {} under account {} already exists.",
            stream.name, settings.account
        );
        return Err(ApiError::new(ErrorKind::ResourceInUse, message));
    }
    if stream.consumers.len() >= MOST_CONSUMERS {
        let message = format!("Stream {} has its {MOST_CONSUMERS} consumers.", stream.name);
        return Err(ApiError::new(ErrorKind::LimitExceeded, message));
    }
    let until = call.now.saturating_add(millis(settings.change_time));
    let status = if until > call.now { Status::Creating } else { Status::Active };
    let arn = format!("{}/consumer/{name}:{}", stream.arn, call.now.div_euclid(1000));
    let consumer = Consumer { name, arn, created: call.now, status, until };
    let said = described(&consumer)?;
    stream.consumers.push(consumer);
    Ok(json!({ "Consumer": said }).into())
}

pub(super) fn describe(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::OfConsumer = wire::parse(call.body)?;
    let mut account = call.account();
    let (stream, at) = find(&mut account, &request, call)?;
    let mut said = stream.consumers.get(at).map(described).transpose()?.unwrap_or_default();
    said["StreamARN"] = json!(stream.arn);
    Ok(json!({ "ConsumerDescription": said }).into())
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::ListStreamConsumers = wire::parse(call.body)?;
    let mut account = call.account();
    let stream = call.stream(&mut account, Named { name: None, arn: Some(&request.stream_arn) })?;
    let mut all: Vec<&Consumer> = stream.consumers.iter().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let after = request.next_token.unwrap_or_default();
    let rest: Vec<_> = all.into_iter().filter(|c| c.name > after).collect();
    let page = &rest[..rest.len().min(request.max_results.unwrap_or(100).max(1))];
    let mut said = json!({ "Consumers": page.iter().map(|c| described(c)).collect::<Result<Vec<_>, _>>()? });
    if let Some(last) = page.last().filter(|_| page.len() < rest.len()) {
        said["NextToken"] = json!(last.name);
    }
    Ok(said.into())
}

pub(super) fn deregister(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::OfConsumer = wire::parse(call.body)?;
    let mut account = call.account();
    let until = call.now.saturating_add(millis(call.shared.settings.change_time));
    let (stream, at) = find(&mut account, &request, call)?;
    if let Some(consumer) = stream.consumers.get_mut(at) {
        consumer.status = Status::Deleting;
        consumer.until = until;
    }
    account.settle(call.now);
    drop(account);
    call.shared.announce();
    Ok(nothing())
}

/// The stream and the place in it of the consumer that a request names by its ARN, or by its name and the stream's ARN.
fn find<'a>(
    account: &'a mut super::Account,
    request: &wire::OfConsumer,
    call: &Call<'_>,
) -> Result<(&'a mut Stream, usize), ApiError> {
    let arn = request.consumer_arn.as_deref();
    let of_consumer = arn.and_then(|arn| arn.split_once("/consumer/")).map(|(stream, _)| stream);
    let stream_arn = of_consumer.or(request.stream_arn.as_deref());
    let stream = call.stream(account, Named { name: None, arn: stream_arn })?;
    let meant = |c: &Consumer| match arn {
        Some(arn) => c.arn == arn,
        None => Some(c.name.as_str()) == request.consumer_name.as_deref(),
    };
    let said = arn.or(request.consumer_name.as_deref()).unwrap_or_default();
    let message = format!("Consumer {said} under account {} not found.", call.shared.settings.account);
    let at = stream.consumers.iter().position(meant);
    at.map(|at| (stream, at)).ok_or_else(|| ApiError::new(ErrorKind::ResourceNotFound, message))
}

fn described(consumer: &Consumer) -> Result<Value, ApiError> {
    Ok(json!({
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": consumer.status.name(),
        "ConsumerCreationTimestamp": timestamp(consumer.created)?,
    }))
}

pub(super) fn subscribe(call: &Call<'_>) -> Result<Answer, ApiError> {
    let request: wire::SubscribeToShard = wire::parse(call.body)?;
    let settings = &call.shared.settings;
    let of = wire::OfConsumer {
        stream_arn: None,
        consumer_name: None,
        consumer_arn: Some(request.consumer_arn.clone()),
    };
    let mut account = call.account();
    account.subscriptions += 1;
    let (latest, number) = (account.numbers.upcoming(), account.subscriptions);
    let (stream, at) = find(&mut account, &of, call)?;
    if stream.consumers.get(at).is_none_or(|c| c.status != Status::Active) {
        let message = format!("Consumer {} is not ACTIVE.", request.consumer_arn);
        return Err(ApiError::new(ErrorKind::ResourceInUse, message));
    }
    let (name, incarnation) = (stream.name.clone(), stream.incarnation);
    let shard = stream.shard(&request.shard_id, &settings.account)?;
    let start = Start {
        kind: &request.starting_position.kind,
        sequence: request.starting_position.sequence_number.as_deref(),
        timestamp: request.starting_position.timestamp.as_ref(),
    };
    let position = resolve(&start, shard, &name, latest, call)?;
    let held = shard.subscriptions.get(&request.consumer_arn);
    if held.is_some_and(|(at, _)| call.now.saturating_sub(*at) < millis(settings.subscription_hold)) {
        let message = format!(
            "Another active subscription exists for this consumer: {}:{}:{}",
            settings.account, request.shard_id, request.consumer_arn
        );
        return Err(ApiError::new(ErrorKind::ResourceInUse, message));
    }
    shard.subscriptions.insert(request.consumer_arn.clone(), (call.now, number));
    let continuation = start.sequence.and_then(SequenceNumber::parse).unwrap_or(shard.start);
    let grant = Grant {
        stream: name,
        incarnation,
        shard: shard.index,
        consumer: request.consumer_arn,
        number,
        position,
        continuation,
        ends: call.now.saturating_add(millis(settings.subscription_life)),
        rate: Bucket::new(settings.limits.bytes_fan_out),
        cut: call.sufferings.cut,
        error: call.sufferings.event_error,
    };
    drop(account);
    // One that is taken over has to hear of it.
    call.shared.announce();
    Ok(Answer::Subscription(Box::new(grant)))
}
