//! Messages into a topic of Kafka.
use super::{Outgoing, SendError, Sent};
use futures_util::FutureExt;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Messages under way, at most.
const UNDER_WAY: usize = 10_000;
/// How long the brokers may take to tell of the topic.
const ASKING: Duration = Duration::from_secs(15);
/// What a message has besides its key and payload: headers, and what the protocol adds.
const AROUND: usize = 4096;

/// What a person cannot set, because the order of a key rests on it.
const OURS: [&str; 2] = ["bootstrap.servers", "enable.idempotence"];

/// A topic open for writing.
pub struct KafkaSender {
    topic: String,
    producer: FutureProducer,
    /// In order: with the messages in each and its bytes.
    under_way: VecDeque<(DeliveryFuture, usize)>,
    pub(super) sent: Arc<Sent>,
}

impl KafkaSender {
    /// `settings` are librdkafka's, passed on as they are. `longest`: bytes of the longest message, its key included.
    ///
    /// # Errors
    /// Settings that it does not know, brokers that do not answer, and a topic that is not there.
    pub async fn open(
        brokers: &str,
        topic: &str,
        settings: &BTreeMap<String, String>,
        longest: usize,
    ) -> Result<KafkaSender, SendError> {
        if let Some(ours) = OURS.iter().find(|name| settings.contains_key(**name)) {
            return Err(SendError(format!(
                "`{ours}` cannot be set: the brokers stand in --to, and order rests on the rest"
            )));
        }
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            // A message that is sent again is no second one, and none overtakes another of its partition.
            .set("enable.idempotence", "true")
            // As Kafka's own clients choose the partition of a key.
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", "120000")
            .set("linger.ms", "20")
            .set("message.max.bytes", (longest + AROUND).to_string());
        for (name, value) in settings {
            config.set(name, value);
        }
        let producer: FutureProducer = config.create().map_err(|e| SendError(format!("{brokers}: {e}")))?;
        is_there(producer.clone(), brokers, topic).await?;
        Ok(KafkaSender {
            topic: topic.to_owned(),
            producer,
            under_way: VecDeque::new(),
            sent: Arc::default(),
        })
    }

    pub(super) async fn send(&mut self, message: Outgoing) -> Result<(), SendError> {
        while self.under_way.len() >= UNDER_WAY {
            self.first().await?;
        }
        let headers = OwnedHeaders::new().insert(Header { key: "file", value: Some(&*message.file) });
        let bytes = message.payload.len();
        let mut record = FutureRecord::to(&self.topic)
            .key(&*message.key)
            .payload(message.payload.as_ref())
            .headers(headers);
        let future = loop {
            match self.producer.send_result(record) {
                Ok(future) => break future,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err((e, _)) => return Err(self.refused(&e)),
            }
        };
        self.under_way.push_back((future, bytes));
        self.ended()
    }

    pub(super) async fn work_until(&mut self, time: Instant) -> Result<(), SendError> {
        // The producer works on threads of its own.
        tokio::time::sleep_until(tokio::time::Instant::from_std(time)).await;
        self.ended()
    }

    pub(super) async fn finish(&mut self) -> Result<(), SendError> {
        while !self.under_way.is_empty() {
            self.first().await?;
        }
        Ok(())
    }

    /// Counts those that are delivered, without waiting.
    fn ended(&mut self) -> Result<(), SendError> {
        while let Some((future, bytes)) = self.under_way.front_mut() {
            let Some(delivered) = future.now_or_never() else { return Ok(()) };
            let bytes = *bytes;
            self.under_way.pop_front();
            self.delivered(delivered.map(|d| d.map(drop).map_err(|(e, _)| e)), bytes)?;
        }
        Ok(())
    }

    /// Waits for the oldest under way.
    async fn first(&mut self) -> Result<(), SendError> {
        let Some((future, bytes)) = self.under_way.pop_front() else { return Ok(()) };
        self.delivered(future.await.map(|d| d.map(drop).map_err(|(e, _)| e)), bytes)
    }

    fn delivered<C>(
        &self,
        delivered: Result<Result<(), KafkaError>, C>,
        bytes: usize,
    ) -> Result<(), SendError> {
        match delivered {
            Ok(Ok(())) => {
                self.sent.count(1, bytes);
                Ok(())
            }
            Ok(Err(e)) => Err(self.refused(&e)),
            Err(_) => Err(SendError(format!("{}: the producer ended before all was sent", self.topic))),
        }
    }

    fn refused(&self, error: &KafkaError) -> SendError {
        let topic = &self.topic;
        let fatal =
            self.producer.client().fatal_error().map(|(_, text)| format!(" ({text})")).unwrap_or_default();
        SendError(match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => format!(
                "{topic}: a message is longer than the broker takes: lower --max-message, or raise max.message.bytes of the topic"
            ),
            Some(RDKafkaErrorCode::MessageTimedOut) => {
                format!("{topic}: nothing could be put for two minutes: are the brokers up?")
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                format!("{topic}: writing to it is not allowed")
            }
            _ => format!("{topic}: {error}{fatal}"),
        })
    }
}

/// Asks the brokers for the topic. It blocks, so it has a thread of its own.
async fn is_there(producer: FutureProducer, brokers: &str, topic: &str) -> Result<(), SendError> {
    let name = topic.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        producer.client().fetch_metadata(Some(&name), ASKING).map(|found| {
            let topic = found.topics().iter().find(|t| t.name() == name);
            topic.map_or(0, |t| t.partitions().len())
        })
    });
    match asked.await {
        Ok(Ok(0)) => {
            Err(SendError(format!("{topic}: the brokers at {brokers} have no such topic; create it")))
        }
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(SendError(format!(
            "{brokers}: the brokers do not tell of {topic} ({e}): is the address right, and are they up?"
        ))),
        Err(e) => Err(SendError(format!("{brokers}: asking broke off: {e}"))),
    }
}
