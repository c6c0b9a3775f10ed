//! SubscribeToShard: a registered consumer has limits of its own, and records are pushed to it.
use super::shard::{Shard, Taken};
use super::shared::Shared;
use super::stream::{Kind, Subscription, Trouble};
use crate::SourceError;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A subscription ends after five minutes; before that another takes its place.
const RENEW: Duration = Duration::from_secs(4 * 60 + 30);
/// Subscriptions of one shard follow each other no faster.
const FLOOR: Duration = Duration::from_secs(1);
/// Kinesis says every few seconds that nothing came. Who hears nothing for so long has a dead connection.
const SILENCE: Duration = Duration::from_secs(40);
/// How long a new consumer may take to become active.
const BECOMING: Duration = Duration::from_secs(120);

/// The ARN of the consumer of this name: found, or registered; once it is active.
pub(super) async fn consumer(shared: &Shared, stream_arn: &str, name: &str) -> Result<String, Trouble> {
    let since = Instant::now();
    loop {
        match shared.stream.consumer(stream_arn, name).await? {
            Some((arn, true)) => return Ok(arn),
            Some(_) => {}
            None => shared.stream.register(stream_arn, name).await?,
        }
        if since.elapsed() > BECOMING {
            let text =
                format!("the consumer {name} of stream {} does not become active", shared.stream.name());
            return Err(Trouble { kind: Kind::Passing, text });
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Reads a shard to its end. It comes back before only with trouble that a pause does not mend.
pub(super) async fn subscribe(mut shard: Shard, consumer: String) -> Result<(), SourceError> {
    let mut next = Instant::now();
    loop {
        sleep_until(next).await;
        next = Instant::now() + FLOOR;
        match subscribed(&mut shard, &consumer).await {
            Ok(subscription) => {
                let since = Instant::now();
                if follow(&mut shard, &consumer, subscription, since).await? {
                    return Ok(());
                }
                shard.metrics.subscription_renewals.increment(1);
            }
            Err(trouble) => next = next.max(Instant::now() + shard.bear(trouble)?),
        }
    }
}

async fn subscribed(shard: &mut Shard, consumer: &str) -> Result<Subscription, Trouble> {
    let ask = shard.ask();
    shard.shared.stream.subscribe(consumer, &shard.id, ask).await
}

/// Takes what is pushed. True: the shard is through; false: it is to be subscribed to again.
async fn follow(
    shard: &mut Shard,
    consumer: &str,
    mut subscription: Subscription,
    mut since: Instant,
) -> Result<bool, SourceError> {
    loop {
        if since.elapsed() >= RENEW {
            // The new one takes the shard over from the old; until it is granted the old goes on.
            since = Instant::now();
            match subscribed(shard, consumer).await {
                Ok(renewed) => {
                    subscription = renewed;
                    shard.metrics.subscription_renewals.increment(1);
                }
                Err(trouble) => drop(shard.bear(trouble)?),
            }
        }
        let shared = shard.shared.clone();
        match timeout(SILENCE, shared.stream.pushed(&mut subscription)).await {
            Ok(Ok(Some(page))) => {
                let permit = shared.budget.for_bytes(page.bytes()).await?;
                match shard.take(page, permit).await? {
                    Taken::Through => return Ok(true),
                    Taken::Anew => return Ok(false),
                    Taken::More => {}
                }
            }
            Ok(Ok(None)) | Err(_) => return Ok(false),
            Ok(Err(trouble)) => {
                let pause = shard.bear(trouble)?;
                sleep(pause).await;
                return Ok(false);
            }
        }
    }
}
