//! Messages into a stream of Kinesis, by PutRecords.
use super::aggregate::{Bundled, Shards};
use super::window::{Waiting, Window};
use super::{Outgoing, PATIENCE, SendError, Sent};
use crate::aws;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::put_records::{PutRecordsError, PutRecordsOutput};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What one call takes: AWS allows 500 records and 10 MiB, and a shard takes 1 MB a second.
const RECORDS: usize = 500;
const BYTES: usize = 5 << 20;
/// Bytes taken and not put, at most.
const HELD: usize = 64 << 20;
/// Calls under way at once.
const CALLS: usize = 8;
/// The pause after a refusal; it doubles with each call of which nothing went.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A record of the stream, on its way.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub partition_key: Arc<str>,
    pub explicit_hash_key: Option<u128>,
    pub data: Bytes,
    /// The messages in it.
    pub messages: u64,
    pub message_bytes: usize,
}

/// A stream open for writing.
pub struct KinesisSender {
    stream: String,
    client: Client,
    window: Window<Record>,
    calls: JoinSet<Ended>,
    shards: Option<Shards>,
    pause: Duration,
    not_before: Instant,
    /// When a record last went; at first, when it was opened.
    went: Instant,
    begun: bool,
    pub(super) sent: Arc<Sent>,
}

/// A call that came back.
struct Ended {
    records: Vec<Waiting<Record>>,
    answer: Result<PutRecordsOutput, Box<SdkError<PutRecordsError>>>,
}

impl KinesisSender {
    /// `aggregate`: many messages go in one record of up to so many bytes, in the format of the Kinesis Producer Library.
    ///
    /// # Errors
    /// What is missing to sign calls; with `aggregate`, also that the stream's shards cannot be listed.
    pub async fn open(stream: &str, aggregate: Option<usize>) -> Result<KinesisSender, SendError> {
        let config = aws::config().await;
        aws::ready(&config, &format!("kinesis://{stream}")).await?;
        KinesisSender::over(Client::new(&config), stream, aggregate).await
    }

    /// The same with a client of the caller's.
    pub(super) async fn over(
        client: Client,
        stream: &str,
        aggregate: Option<usize>,
    ) -> Result<KinesisSender, SendError> {
        let shards = match aggregate {
            Some(limit) => Some(Shards::list(&client, stream, limit).await?),
            None => None,
        };
        let now = Instant::now();
        Ok(KinesisSender {
            stream: stream.to_owned(),
            client,
            window: Window::new(HELD),
            calls: JoinSet::new(),
            shards,
            pause: Duration::ZERO,
            not_before: now,
            went: now,
            begun: false,
            sent: Arc::default(),
        })
    }

    pub(super) async fn send(&mut self, message: Outgoing) -> Result<(), SendError> {
        while self.window.is_full() {
            self.advance(None).await?;
        }
        self.renew_shards().await?;
        match &mut self.shards {
            Some(shards) => {
                let mut full = shards.add(message);
                full.extend(shards.due(false));
                full.into_iter().for_each(|bundle| self.push(bundle));
            }
            None => self.push(Bundled { lane: message.key.clone(), record: Record::of(message) }),
        }
        self.start();
        while let Some(ended) = self.calls.try_join_next() {
            self.ended(joined(ended)?)?;
        }
        Ok(())
    }

    pub(super) async fn work_until(&mut self, time: Instant) -> Result<(), SendError> {
        while Instant::now() < time {
            self.advance(Some(time)).await?;
        }
        Ok(())
    }

    pub(super) async fn finish(&mut self) -> Result<(), SendError> {
        self.flush();
        while !self.window.is_empty() {
            self.advance(None).await?;
        }
        Ok(())
    }

    /// Where shards were split or merged, what was gathered for the old ones goes first, so that order holds.
    async fn renew_shards(&mut self) -> Result<(), SendError> {
        let is_due = self.shards.as_ref().is_some_and(Shards::is_old);
        if !is_due {
            return Ok(());
        }
        let Some(limit) = self.shards.as_ref().map(|s| s.limit) else { return Ok(()) };
        let new = Shards::list(&self.client, &self.stream, limit).await?;
        let same = self.shards.as_mut().is_some_and(|old| old.is_same(&new));
        if !same {
            self.finish().await?;
            self.shards = Some(new);
        }
        Ok(())
    }

    fn flush(&mut self) {
        let rest = self.shards.as_mut().map(|s| s.due(true)).unwrap_or_default();
        rest.into_iter().for_each(|bundle| self.push(bundle));
        self.start();
    }

    fn push(&mut self, Bundled { lane, record }: Bundled) {
        let bytes = record.data.len() + record.partition_key.len();
        self.window.push(Waiting { lane, bytes, item: record });
    }

    /// Begins calls: a full one whenever there is one; what there is, when nothing is under way.
    fn start(&mut self) {
        while self.calls.len() < CALLS && self.window.ready() > 0 && Instant::now() >= self.not_before {
            if !self.calls.is_empty() && self.window.ready() < RECORDS && !self.window.is_full() {
                return;
            }
            let records = self.window.take(RECORDS, BYTES);
            let call = put(self.client.clone(), self.stream.clone(), records);
            self.calls.spawn(call);
        }
    }

    /// Waits for one thing: a call that ends, the end of a pause, or the time.
    async fn advance(&mut self, until: Option<Instant>) -> Result<(), SendError> {
        let due = self.shards.as_mut().map(|s| s.due(false)).unwrap_or_default();
        due.into_iter().for_each(|bundle| self.push(bundle));
        self.start();
        // Often enough for what is gathered to go when it is due.
        let far = Instant::now() + Duration::from_millis(if self.shards.is_some() { 50 } else { 60_000 });
        let pause =
            if self.window.ready() > 0 && self.not_before > Instant::now() { self.not_before } else { far };
        let time = tokio::time::Instant::from_std(pause.min(until.unwrap_or(far)));
        tokio::select! {
            Some(ended) = self.calls.join_next() => self.ended(joined(ended)?),
            () = tokio::time::sleep_until(time) => Ok(()),
        }
    }

    fn ended(&mut self, Ended { records, answer }: Ended) -> Result<(), SendError> {
        let (mut refused, before) = (None, self.sent.puts.load(Ordering::Relaxed));
        match answer {
            Ok(output) if output.records.len() == records.len() => {
                for (record, result) in records.into_iter().zip(&output.records) {
                    match result.error_code() {
                        None => self.is_put(record),
                        Some(code) => {
                            let text = result.error_message().unwrap_or_default();
                            refused = Some(format!("{code}: {text}"));
                            self.again(record);
                        }
                    }
                }
            }
            Ok(_) => {
                refused = Some("the answer does not tell of each record".to_owned());
                records.into_iter().for_each(|record| self.again(record));
            }
            Err(error) => {
                let text = aws::chain(&error);
                if !may_pass(&error) {
                    return Err(SendError(self.hint(error.code(), &text)));
                }
                refused = Some(text);
                records.into_iter().for_each(|record| self.again(record));
            }
        }
        match refused {
            Some(why) => self.wait(&why, self.sent.puts.load(Ordering::Relaxed) > before),
            None => {
                self.pause /= 2;
                Ok(())
            }
        }
    }

    fn is_put(&mut self, record: Waiting<Record>) {
        self.window.done(&record.lane, record.bytes);
        self.sent.count(record.item.messages, record.item.message_bytes);
        (self.went, self.begun) = (Instant::now(), true);
    }

    fn again(&mut self, record: Waiting<Record>) {
        self.sent.retries.fetch_add(1, Ordering::Relaxed);
        self.window.again(record);
    }

    /// A pause after a refusal, or the end of patience.
    fn wait(&mut self, why: &str, some_went: bool) -> Result<(), SendError> {
        let patience = if self.begun { PATIENCE.1 } else { PATIENCE.0 };
        if self.went.elapsed() > patience {
            let seconds = patience.as_secs();
            let stream = &self.stream;
            return Err(SendError(format!("{stream}: nothing could be put for {seconds} seconds: {why}")));
        }
        self.pause = if some_went { PAUSE.0 } else { (self.pause * 2).clamp(PAUSE.0, PAUSE.1) };
        self.not_before = Instant::now() + self.pause;
        Ok(())
    }

    fn hint(&self, code: Option<&str>, text: &str) -> String {
        let stream = &self.stream;
        match code {
            Some("ResourceNotFoundException") => format!(
                "{stream}: there is no such stream in this account and region; create it, or set AWS_REGION or AWS_PROFILE ({text})"
            ),
            Some("AccessDeniedException") => format!("{stream}: kinesis:PutRecords is not allowed: {text}"),
            code => match code.and_then(aws::advice) {
                Some(advice) => format!("{stream}: {text}: {advice}"),
                None => format!("{stream}: {text}"),
            },
        }
    }
}

impl Record {
    /// A message as it is.
    pub(super) fn of(message: Outgoing) -> Record {
        let Outgoing { key, payload, .. } = message;
        let message_bytes = payload.len();
        Record { partition_key: key, explicit_hash_key: None, data: payload, messages: 1, message_bytes }
    }
}

fn joined(ended: Result<Ended, tokio::task::JoinError>) -> Result<Ended, SendError> {
    ended.map_err(|e| SendError(format!("a call broke off: {e}")))
}

async fn put(client: Client, stream: String, records: Vec<Waiting<Record>>) -> Ended {
    let mut call = client.put_records();
    call = if stream.starts_with("arn:") { call.stream_arn(&stream) } else { call.stream_name(&stream) };
    for record in &records {
        let Record { partition_key, explicit_hash_key, data, .. } = &record.item;
        let entry = PutRecordsRequestEntry::builder()
            .partition_key(&**partition_key)
            .set_explicit_hash_key(explicit_hash_key.map(|key| key.to_string()))
            .data(Blob::new(data.as_ref()));
        // All that an entry must have is set above.
        if let Ok(entry) = entry.build() {
            call = call.records(entry);
        }
    }
    let answer = call.send().await.map_err(Box::new);
    Ended { records, answer }
}

/// Whether the same call may succeed later: throttles, faults of the service, and all that happens on the way to it.
fn may_pass(error: &SdkError<PutRecordsError>) -> bool {
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            let is_fault = context.raw().status().as_u16() >= 500;
            is_fault
                || code.contains("Throttl")
                || code.ends_with("LimitExceededException")
                || code.contains("ThroughputExceeded")
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}
