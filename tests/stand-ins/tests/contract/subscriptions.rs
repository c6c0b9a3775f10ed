//! What fan-out consumers are given.
use crate::rig::{PATIENCE, Rig, error_code};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types::{
    ShardIteratorType, StartingPosition, SubscribeToShardEvent, SubscribeToShardEventStream,
};
use tokio::time::timeout;

const FIRST: &str = "shardId-000000000000";

/// From the oldest record on.
pub fn horizon() -> StartingPosition {
    StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().unwrap()
}

/// Strictly after a sequence number.
pub fn after(sequence: &str) -> StartingPosition {
    let kind = ShardIteratorType::AfterSequenceNumber;
    StartingPosition::builder().r#type(kind).sequence_number(sequence).build().unwrap()
}

/// The next event; `None` where the stream has ended well, the error's name where it has not.
pub async fn next(output: &mut SubscribeToShardOutput) -> Result<Option<SubscribeToShardEvent>, String> {
    match timeout(PATIENCE, output.event_stream.recv()).await.expect("an event or an end") {
        Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(event))) => Ok(Some(event)),
        Ok(Some(other)) => panic!("an event was expected, not {other:?}"),
        Ok(None) => Ok(None),
        Err(e) => Err(match e.as_service_error() {
            // The SDK keeps no code of an error that ends a stream; its debugging text begins with the name.
            Some(said) => format!("{said:?}").split('(').next().unwrap_or_default().to_owned(),
            None => "cut".to_owned(),
        }),
    }
}

/// Texts of events until so many are there.
pub async fn texts(output: &mut SubscribeToShardOutput, count: usize) -> (Vec<String>, Option<String>) {
    let (mut texts, mut continuation) = (Vec::new(), None);
    while texts.len() < count {
        let event = next(output).await.unwrap().expect("an event");
        texts.extend(event.records().iter().map(|r| String::from_utf8_lossy(r.data.as_ref()).into_owned()));
        continuation = Some(event.continuation_sequence_number().to_owned());
    }
    (texts, continuation)
}

impl Rig {
    /// Subscribes, as often as it takes until an earlier subscription is forgotten.
    pub async fn subscribe(&self, consumer: &str, from: StartingPosition) -> SubscribeToShardOutput {
        self.until("a subscription", async || {
            let asked = self.client.subscribe_to_shard().consumer_arn(consumer).shard_id(FIRST);
            match asked.starting_position(from.clone()).send().await {
                Ok(output) => Some(output),
                Err(e) if error_code(&e) == "ResourceInUseException" => None,
                Err(e) => panic!("a subscription was expected, not {e:?}"),
            }
        })
        .await
    }

    pub async fn consumer(&self, name: &str) -> String {
        let arn = self.arn().await;
        let made =
            self.client.register_stream_consumer().stream_arn(arn).consumer_name(name).send().await.unwrap();
        let arn = made.consumer().unwrap().consumer_arn().to_owned();
        self.consumer_is_active(&arn).await;
        arn
    }
}

pub async fn a_subscription_pushes_what_arrives(client: Client) {
    let rig = Rig::new(client, "pushed", 1).await;
    let consumer = rig.consumer("reader").await;
    rig.put("k", "before").await;
    let mut output = rig.subscribe(&consumer, horizon()).await;
    assert_eq!(texts(&mut output, 1).await.0, ["before"]);
    rig.put("k", "after").await;
    assert_eq!(texts(&mut output, 1).await.0, ["after"]);
}

pub async fn a_subscription_goes_on_after_its_continuation(client: Client) {
    let rig = Rig::new(client, "continued", 1).await;
    let consumer = rig.consumer("reader").await;
    rig.put_many((0..3).map(|i| ("k".to_owned(), i.to_string()))).await;
    let mut output = rig.subscribe(&consumer, horizon()).await;
    let (got, continuation) = texts(&mut output, 3).await;
    assert_eq!(got, ["0", "1", "2"]);
    drop(output);
    rig.put("k", "3").await;
    let mut output = rig.subscribe(&consumer, after(&continuation.unwrap())).await;
    assert_eq!(texts(&mut output, 1).await.0, ["3"]);
}

pub async fn a_subscription_of_a_closed_shard_ends_with_its_children(client: Client) {
    let rig = Rig::new(client, "pushed-to-its-end", 1).await;
    let consumer = rig.consumer("reader").await;
    let mut output = rig.subscribe(&consumer, horizon()).await;
    rig.put("k", "last").await;
    let split = rig.client.split_shard().stream_name(&rig.stream).shard_to_split(FIRST);
    split.new_starting_hash_key((1u128 << 127).to_string()).send().await.unwrap();
    let (mut got, mut children) = (Vec::new(), 0);
    while let Some(event) = next(&mut output).await.unwrap() {
        got.extend(event.records().iter().map(|r| r.data.clone().into_inner()));
        children += event.child_shards().len();
    }
    assert_eq!((got, children), (vec![b"last".to_vec()], 2));
}
