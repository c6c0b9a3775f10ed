//! Members of one group that hand partitions to each other, at a broker with real groups.
use super::mock::{Sent, send};
use super::reading::{lines, numbers};
use super::shelf::{Reader, Shelf};
use super::{KafkaConfig, config};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use stand_ins::Noida;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 4;

async fn broker() -> (Noida, String) {
    let noida = Noida::start().unwrap();
    let brokers = noida.bootstrap();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
    let topic = NewTopic::new("t", PARTITIONS, TopicReplication::Fixed(1));
    let made = admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap();
    made[0].as_ref().unwrap();
    (noida, brokers)
}

fn member(brokers: &str) -> KafkaConfig {
    let mut config = config(brokers, "t");
    for (name, value) in [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "200")] {
        config.settings.insert(name.into(), value.into());
    }
    config
}

fn more(from: usize, to: usize) -> Vec<Sent> {
    (0..PARTITIONS).flat_map(|p| lines(p, from..to)).collect()
}

/// Asks, and commits a few batches late, so that there is always something under way.
async fn go_on(reader: &mut Reader) {
    reader.ask().await.unwrap();
    if reader.under_way.len() > 5 {
        assert!(reader.commit().await, "what was handed over before a partition is given back is committed");
    }
}

fn held(reader: &Reader) -> usize {
    use crate::Source as _;
    reader.source.standing().open.len()
}

#[tokio::test]
async fn two_members_hand_partitions_back_and_forth_and_every_message_is_committed_once() {
    let (_noida, brokers) = broker().await;
    let shelf = Arc::<Shelf>::default();
    let mut stays = shelf.source(1, member(&brokers));
    let mut sent = 0;
    for round in 0..6 {
        let until = Instant::now() + Duration::from_secs(60);
        while held(&stays) < 4 {
            assert!(Instant::now() < until, "round {round}: all come back to the one that stays");
            go_on(&mut stays).await;
            assert!(stays.commit().await);
        }
        let mut comes = shelf.source(2, member(&brokers));
        // Both read under load until each has its half, and what was handed over is committed a few batches late.
        while (held(&stays), held(&comes)) != (2, 2) {
            assert!(
                Instant::now() < until,
                "round {round}: {} and {} partitions",
                held(&stays),
                held(&comes)
            );
            send(&brokers, "t", "lz4", &more(sent, sent + 10));
            sent += 10;
            go_on(&mut stays).await;
            go_on(&mut comes).await;
            assert!(stays.commit().await && comes.commit().await);
        }
        go_on(&mut comes).await;
        // Half of the rounds end cleanly, half with batches that nobody commits.
        if round % 2 == 0 {
            assert!(comes.commit().await);
        }
        drop(comes);
        shelf.died(2);
    }
    let all = sent * usize::try_from(PARTITIONS).unwrap();
    stays.until(all).await;
    for p in 0..PARTITIONS {
        assert_eq!(shelf.texts(&format!("k/t/{p}")), numbers(0..sent), "partition {p}");
    }
    assert!(shelf.releases() >= 12, "each round two partitions are given up in order: {}", shelf.releases());
}

#[tokio::test]
async fn a_partition_that_is_asked_back_is_kept_until_what_was_handed_over_is_committed() {
    let (_noida, brokers) = broker().await;
    let shelf = Arc::<Shelf>::default();
    send(&brokers, "t", "none", &more(0, 50));
    let mut first = shelf.source(1, member(&brokers));
    while first.under_way.len() < 20 {
        first.ask().await.unwrap();
    }
    let mut second = shelf.source(2, member(&brokers));
    // The first is asked to give two back: it reads them no more, and keeps their leases.
    let until = Instant::now() + Duration::from_secs(60);
    while held(&first) == 4 {
        assert!(Instant::now() < until, "nothing is asked back");
        first.ask().await.unwrap();
        second.ask().await.unwrap();
    }
    for _ in 0..10 {
        first.ask().await.unwrap();
        second.ask().await.unwrap();
    }
    assert_eq!((shelf.releases(), held(&second)), (0, 0), "nothing is let go before it is committed");
    assert!(first.commit().await, "what was under way is committed under its lease");
    while held(&second) < 2 {
        assert!(Instant::now() < until, "nothing is let go");
        first.ask().await.unwrap();
        second.ask().await.unwrap();
    }
    assert_eq!(shelf.releases(), 2);
    while shelf.count() < 200 {
        assert!(Instant::now() < until, "{} of 200", shelf.count());
        for reader in [&mut first, &mut second] {
            reader.ask().await.unwrap();
            assert!(reader.commit().await);
        }
    }
    for p in 0..PARTITIONS {
        assert_eq!(shelf.texts(&format!("k/t/{p}")), numbers(0..50), "partition {p}");
    }
}
