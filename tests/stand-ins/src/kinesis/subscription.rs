//! A subscription under way: pushes what arrives in a shard until its time is over.
use super::calls::{child_shards, records_json};
use super::error::{ApiError, ErrorKind};
use super::sequence::SequenceNumber;
use super::settings::ShardEnd;
use super::shard::{Page, Position, shard_id};
use super::throttle::Bucket;
use super::{Shared, event_frame};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// The connection is to be cut here.
#[derive(Debug)]
pub(super) struct Cut;

/// A subscription that was granted.
pub(super) struct Grant {
    pub stream: String,
    pub incarnation: u64,
    pub shard: usize,
    /// ARN.
    pub consumer: String,
    /// The highest number of a consumer and shard is the one that counts.
    pub number: u64,
    pub position: Position,
    /// Everything up to it was given.
    pub continuation: SequenceNumber,
    /// Milliseconds since 1970 UTC.
    pub ends: i64,
    pub rate: Bucket,
    pub cut: bool,
    pub error: Option<ErrorKind>,
}

/// What comes next.
enum Step {
    Give(Vec<u8>),
    GiveLast(Vec<u8>),
    Fail(ApiError),
    Wait,
    End,
}

/// How long at most a subscription looks away from the clock, which a test may move.
const GLANCE: Duration = Duration::from_millis(50);
const LONGEST_BEAT: Duration = Duration::from_secs(86_400);

/// Writes the event stream of a subscription to its end, or until the reader is gone.
pub(super) async fn push(shared: Arc<Shared>, mut grant: Grant, out: mpsc::Sender<Result<Bytes, Cut>>) {
    let mut changed = shared.changed.subscribe();
    if out.send(Ok(event_frame::event("initial-response", b"{}").into())).await.is_err() {
        return;
    }
    // The first event comes at once, with records or without.
    let mut beat = Instant::now();
    loop {
        changed.mark_unchanged();
        let step = next(&shared, &mut grant, Instant::now() >= beat);
        let given = matches!(step, Step::Give(_));
        if !carry_out(step, &grant, &out).await {
            return;
        }
        if given {
            beat = Instant::now() + shared.settings.heartbeat.min(LONGEST_BEAT);
            continue;
        }
        tokio::select! {
            _ = changed.changed() => {}
            () = sleep_until(Instant::now() + GLANCE) => {}
            () = out.closed() => return,
        }
    }
}

/// Whether the stream goes on.
async fn carry_out(step: Step, grant: &Grant, out: &mpsc::Sender<Result<Bytes, Cut>>) -> bool {
    let (payload, last) = match step {
        Step::Wait => return true,
        Step::End => return false,
        Step::Fail(error) => {
            let body = serde_json::json!({ "message": error.message }).to_string();
            let _ = out
                .send(Ok(event_frame::exception(name_in_a_stream(error.kind), body.as_bytes()).into()))
                .await;
            return false;
        }
        Step::Give(payload) => (payload, false),
        Step::GiveLast(payload) => (payload, true),
    };
    let frame = Bytes::from(event_frame::event("SubscribeToShardEvent", &payload));
    if grant.cut {
        let _ = out.send(Ok(frame.slice(..frame.len() / 2))).await;
        let _ = out.send(Err(Cut)).await;
        return false;
    }
    out.send(Ok(frame)).await.is_ok() && !last
}

/// What AWS calls an error that ends a stream; the same by one other name.
fn name_in_a_stream(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InternalFailure => "InternalFailureException",
        other => other.name(),
    }
}

fn next(shared: &Shared, grant: &mut Grant, beat: bool) -> Step {
    let now = shared.clock.now();
    if let Some(kind) = grant.error {
        return Step::Fail(ApiError::new(kind, kind.injected_message()));
    }
    let mut account = super::lock(&shared.account);
    account.settle(now);
    if now >= grant.ends || grant.number <= account.ended_subscriptions {
        return Step::End;
    }
    let (page, children) = match account.streams.get_mut(&grant.stream) {
        Some(stream) if stream.incarnation == grant.incarnation => {
            if !stream.consumers.iter().any(|c| c.arn == grant.consumer) {
                return gone(&format!("Consumer {}", grant.consumer));
            }
            let retention = stream.retention_hours;
            let Ok(shard) = stream.shard(&shard_id(grant.shard), &shared.settings.account) else {
                return gone(&shard_id(grant.shard));
            };
            if shard.subscriptions.get(&grant.consumer).is_some_and(|(_, number)| *number != grant.number) {
                let message = "Another subscription of this consumer and shard has taken over.";
                return Step::Fail(ApiError::new(ErrorKind::ResourceInUse, message));
            }
            if !grant.rate.has(1, now) {
                return Step::Wait;
            }
            let limits = (10_000, shared.settings.event_bytes);
            let stuck = shard.stuck(grant.position, shared.settings.trimmed, retention);
            let page = stuck.unwrap_or_else(|| {
                shard.page(grant.position, limits.0, limits.1, now, ShardEnd::WithLastRecords)
            });
            if page.records.is_empty() && !page.ended && !beat {
                return Step::Wait;
            }
            let children = page.ended.then(|| child_shards(stream, grant.shard));
            (page, children)
        }
        _ => return gone(&format!("Stream {}", grant.stream)),
    };
    // An idle shard's progress is a number of its own, which no record has.
    grant.continuation = match page.last {
        Some(last) => last,
        None if page.ended => grant.continuation,
        None => account.numbers.next(grant.shard),
    };
    grant.position = page.next;
    grant.rate.take(page.bytes);
    let payload = payload(&page, grant.continuation, children.as_ref());
    if page.ended { Step::GiveLast(payload) } else { Step::Give(payload) }
}

fn gone(what: &str) -> Step {
    Step::Fail(ApiError::new(ErrorKind::ResourceNotFound, format!("{what} does not exist any more.")))
}

fn payload(page: &Page, continuation: SequenceNumber, children: Option<&Vec<serde_json::Value>>) -> Vec<u8> {
    let mut json = records_json(&page.records);
    json.extend_from_slice(format!(r#","MillisBehindLatest":{}"#, page.millis_behind).as_bytes());
    let rest = match children {
        Some(children) => format!(r#","ChildShards":{}}}"#, serde_json::Value::from(children.clone())),
        None => format!(r#","ContinuationSequenceNumber":"{continuation}"}}"#),
    };
    json.extend_from_slice(rest.as_bytes());
    json
}
