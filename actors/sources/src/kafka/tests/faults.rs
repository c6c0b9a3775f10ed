//! What brokers and topics do to a reader.
use super::config;
use super::mock::{Mock, Sent, line, send};
use super::reading::{at, lines, numbers};
use super::shelf::Shelf;
use crate::kafka::KafkaConfig;
use crate::kinesis::OnGap;
use crate::{Gap, SourceError};
use rdkafka::types::RDKafkaRespErr;
use record::Progress;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_broker_that_is_down_for_a_while_is_waited_for_and_nothing_is_lost() {
    let mock = Mock::with("t", 1);
    let shelf = Arc::<Shelf>::default();
    send(&mock.brokers, "t", "none", &lines(0, 0..50));
    let mut reader = shelf.source(1, config(&mock.brokers, "t"));
    reader.until(50).await;
    mock.order(|cluster| cluster.broker_down(1).unwrap());
    // The member has noticed once a passing trouble is told; until then there is nothing to wait for.
    let noticed = async {
        while !reader.source.is_troubled() {
            reader.ask().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), noticed).await.unwrap();
    mock.order(|cluster| cluster.broker_up(1).unwrap());
    send(&mock.brokers, "t", "none", &lines(0, 50..100));
    reader.until(100).await;
    assert_eq!(shelf.texts("k/t/0"), numbers(0..100));
}

/// The mock keeps 5 MB a partition and lets go of what is older.
fn with_little_left() -> Mock {
    let mock = Mock::with("t", 1);
    send(&mock.brokers, "t", "none", &large(0..200));
    mock
}

/// Of a minute each.
fn large(numbers: std::ops::Range<usize>) -> Vec<Sent> {
    let one = |n| Sent { millis: Some(arrival(n) / 1_000), ..line(0, &format!("{n:0>60000}")) };
    numbers.map(one).collect()
}

/// Microseconds.
fn arrival(n: usize) -> i64 {
    1_764_547_200_000_000 + n as i64 * 60_000_000
}

/// The number of the first line behind a gap, by its offset.
fn behind(gap: &Gap) -> usize {
    let Some(Progress::At(to)) = gap.to else { panic!("{gap:?}") };
    to.offset() as usize
}

#[tokio::test]
async fn what_the_topic_let_go_is_noted_and_stops_the_run_or_is_stepped_over() {
    let mock = with_little_left();
    let shelf = Arc::<Shelf>::default();
    shelf.stand_at("k/t/0", at(3));
    shelf.read_until_then("k/t/0", arrival(3));
    let stop = shelf.source(1, config(&mock.brokers, "t")).fails().await;
    let SourceError::Fatal(text) = stop else { panic!("{stop:?}") };
    assert!(
        text.starts_with("k/t/0: the topic let go of offsets 4 to ") && text.contains("on_gap"),
        "{text}"
    );
    let gap = shelf.gaps.lock().unwrap()[0].clone();
    assert_eq!((gap.partition.as_str(), gap.from, gap.from_arrival), ("k/t/0", at(3), Some(arrival(3))));
    assert!(gap.to.unwrap() > at(4));

    let go_on = KafkaConfig { on_gap: OnGap::Continue, ..config(&mock.brokers, "t") };
    let mut reader = shelf.source(1, go_on);
    while shelf.progress("k/t/0") < at(199) {
        reader.ask().await.unwrap();
        reader.commit().await;
    }
    let texts = shelf.texts("k/t/0");
    assert!(texts.len() < 196 && texts.last().unwrap().ends_with("199"), "{} lines", texts.len());
    let gaps = shelf.gaps.lock().unwrap();
    let told: Vec<_> = gaps.iter().map(|g| (g.from, g.to_arrival)).collect();
    let first = arrival(behind(&gaps[2]));
    assert_eq!(
        told,
        [(at(3), None), (at(3), None), (at(3), Some(first))],
        "the second run saw what is behind it"
    );
    assert_eq!(shelf.read_until("k/t/0"), Some(arrival(199)));
}

#[tokio::test]
async fn what_the_topic_lets_go_while_it_is_read_is_a_gap_too() {
    let mock = Mock::with("t", 1);
    let shelf = Arc::<Shelf>::default();
    send(&mock.brokers, "t", "none", &large(0..5));
    let small = KafkaConfig { on_gap: OnGap::Continue, prefetch: 64 * 1024, ..config(&mock.brokers, "t") };
    let mut reader = shelf.source(1, small);
    reader.batch_records = 1;
    reader.until(1).await;
    // Nothing is taken meanwhile, so that little of it is fetched.
    send(&mock.brokers, "t", "none", &large(5..200));
    let to_the_end = async {
        while shelf.progress("k/t/0") < at(199) {
            reader.ask().await.unwrap();
            reader.commit().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), to_the_end).await.unwrap();
    let gaps = shelf.gaps.lock().unwrap();
    let [noted, seen] = gaps.as_slice() else { panic!("{gaps:?}") };
    let Progress::At(from) = noted.from else { panic!("{noted:?}") };
    assert_eq!(noted.from_arrival, Some(arrival(from.offset() as usize)), "of what was read last");
    assert_eq!((seen.from, seen.to_arrival), (noted.from, Some(arrival(behind(seen)))));
    let texts = shelf.texts("k/t/0");
    assert!(texts.len() < 200 && texts.is_sorted(), "{} lines", texts.len());
}

#[tokio::test]
async fn a_topic_that_ends_before_what_is_committed_is_not_read_as_if_it_were_the_same() {
    let mock = Mock::with("t", 1);
    let shelf = Arc::<Shelf>::default();
    send(&mock.brokers, "t", "none", &lines(0, 0..5));
    shelf.stand_at("k/t/0", at(5));
    let error = shelf.source(1, config(&mock.brokers, "t")).fails().await;
    assert!(matches!(&error, SourceError::Fatal(text) if text.contains("--from-start")), "{error:?}");
}

#[tokio::test]
async fn a_topic_that_may_not_be_read_or_is_not_there_says_what_to_do() {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    };
    for (error, advice) in [
        (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "allowed to read"),
        (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "create it, or correct `topics`"),
    ] {
        let mock = Mock::with("t", 1);
        mock.order(move |cluster| cluster.topic_error("t", error).unwrap());
        let told = Arc::<Shelf>::default().source(1, config(&mock.brokers, "t")).fails().await;
        assert!(
            matches!(&told, SourceError::Fatal(text) if text.contains(advice) && text.starts_with("k: topic t")),
            "{told:?}"
        );
        let checked = crate::kafka::connect::connect("k", &config(&mock.brokers, "t"));
        assert!(checked.as_ref().is_err_and(|text| text.contains(advice)), "{checked:?}");
    }
}

#[tokio::test]
async fn brokers_that_do_not_answer_are_named_and_tried_again() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = Arc::<Shelf>::default().source(1, config(&nobody.to_string(), "t")).fails().await;
    assert!(matches!(&told, SourceError::Transient(text) if text.contains(&nobody.to_string())), "{told:?}");
}

#[test]
fn a_check_reads_a_message_of_each_partition_and_joins_no_group() {
    let mock = Mock::with("t", 3);
    send(&mock.brokers, "t", "none", &lines(1, 0..5));
    let topics = crate::kafka::connect::connect("k", &config(&mock.brokers, "t")).unwrap();
    assert_eq!((topics.len(), topics[0].partitions, topics[0].messages), (1, 3, 5));
}
