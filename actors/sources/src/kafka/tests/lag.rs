//! How far a reader is behind, as it is exposed.
use super::config;
use super::mock::{Mock, send};
use super::reading::lines;
use super::shelf::{Reader, Shelf};
use crate::testing::{exposed, metric};
use std::sync::Arc;
use std::time::Duration;

/// Asks until the partitions' lags, their sum and the largest are these.
async fn until(reader: &mut Reader, lags: [u32; 2]) {
    let seen = || {
        let of = |partition| {
            metric(&format!(
                r#"dietz_kafka_lag_messages{{source="lagging",topic="t",partition="{partition}"}}"#
            ))
        };
        let all = |what| metric(&format!(r#"dietz_kafka_lag_{what}_messages{{source="lagging"}}"#));
        [of(0), of(1), all("sum"), all("max")]
    };
    let expected = [lags[0], lags[1], lags[0] + lags[1], lags[0].max(lags[1])].map(|n| Some(f64::from(n)));
    let come = async {
        while seen() != expected {
            reader.ask().await.unwrap();
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(30), come).await.is_ok(),
        "{:?}, not {expected:?}",
        seen()
    );
}

#[tokio::test]
async fn the_lag_is_what_is_there_and_not_committed_and_nothing_once_it_is_let_go() {
    exposed();
    let mock = Mock::with("t", 2);
    let shelf = Arc::<Shelf>::default();
    let mut often = config(&mock.brokers, "t");
    often.settings.insert("statistics.interval.ms".into(), "50".into());
    send(&mock.brokers, "t", "none", &lines(0, 0..10));
    send(&mock.brokers, "t", "none", &lines(1, 0..5));
    let mut reader = shelf.named("lagging", 1, often.clone());
    // Read, and not committed.
    until(&mut reader, [10, 5]).await;
    reader.until(15).await;
    until(&mut reader, [0, 0]).await;
    drop(reader);

    let mut reader = shelf.named("lagging", 1, often);
    send(&mock.brokers, "t", "none", &lines(1, 5..12));
    until(&mut reader, [0, 7]).await;
    drop(reader);
    let left = r#"dietz_kafka_lag_messages{source="lagging",topic="t",partition="1"}"#;
    assert_eq!(metric(left), Some(0.0), "another may read it now");
    assert_eq!(metric(r#"dietz_kafka_lag_sum_messages{source="lagging"}"#), Some(0.0));
}
