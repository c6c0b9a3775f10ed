//! GetRecords, again and again.
use super::bucket::Bucket;
use super::shard::{Shard, Taken};
use super::stream::{Kind, Trouble};
use crate::SourceError;
use tokio::time::{Instant, sleep, sleep_until};

/// Reads a shard to its end. It comes back before only with trouble that a pause does not mend.
pub(super) async fn poll(mut shard: Shard) -> Result<(), SourceError> {
    let mut bucket = Bucket::new(shard.shared.config.read_share, Instant::now());
    let mut iterator = None;
    loop {
        let Some(with) = next(&mut shard, iterator.take()).await? else { continue };
        sleep_until(bucket.free()).await;
        let mut permit = shard.shared.budget.for_any_answer().await?;
        bucket.call(Instant::now());
        match shard.shared.stream.records(with.clone()).await {
            Ok(page) => {
                let (bytes, is_empty, next) = (page.bytes(), page.records.is_empty(), page.next.clone());
                bucket.got(bytes, Instant::now());
                shard.shared.budget.shrink(&mut permit, bytes);
                iterator = match shard.take(page, permit).await? {
                    Taken::Through => return Ok(()),
                    Taken::More => next,
                    Taken::Anew => {
                        shard.metrics.iterator_renewals.increment(1);
                        continue;
                    }
                };
                if is_empty {
                    sleep(shard.shared.config.poll).await;
                }
                if iterator.is_none() {
                    // No iterator, yet no children: half of a shard's end, so it is asked again.
                    shard.metrics.iterator_renewals.increment(1);
                    let pause = shard.pauses.failed();
                    sleep(pause).await;
                }
            }
            Err(trouble) => {
                drop(permit);
                // After any other trouble the same iterator is as good as another.
                iterator = Some(with).filter(|_| !matches!(trouble.kind, Kind::Expired | Kind::Invalid));
                pause(&mut shard, trouble).await?;
            }
        }
    }
}

/// The iterator to use; `None` after trouble with getting one.
async fn next(shard: &mut Shard, iterator: Option<String>) -> Result<Option<String>, SourceError> {
    if iterator.is_some() {
        return Ok(iterator);
    }
    let ask = shard.ask();
    match shard.shared.stream.iterator(&shard.id, ask).await {
        Ok(iterator) => Ok(Some(iterator)),
        Err(trouble) => {
            pause(shard, trouble).await?;
            Ok(None)
        }
    }
}

async fn pause(shard: &mut Shard, trouble: Trouble) -> Result<(), SourceError> {
    let time = shard.bear(trouble)?;
    sleep(time).await;
    Ok(())
}
