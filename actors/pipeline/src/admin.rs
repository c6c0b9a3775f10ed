//! `/metrics`, `/health/live` and `/health/ready`, on loopback unless the topology says otherwise.
use crate::board::Board;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// Whether the pipeline is the active one and has started.
#[derive(Default)]
pub struct Health {
    pub ready: AtomicBool,
}

/// Alive means that a source was asked lately, or for the lease; not that a record came.
const LATELY: Duration = Duration::from_secs(60);

/// Installs the recorder; once per process, before any metric is touched.
pub fn recorder() -> Result<PrometheusHandle, BuildError> {
    let seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
    let builder = PrometheusBuilder::new().set_buckets(&seconds)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    describe();
    Ok(handle)
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "dietz_records_total",
        "Records read, by vendor and outcome: decoded, ignored or quarantined"
    );
    describe_counter!("dietz_observations_total", "Observations committed, by outcome");
    describe_counter!("dietz_store_rows_total", "Daily rows written, by change");
    describe_counter!("dietz_store_facts_total", "Facts written that no daily row carries");
    describe_counter!("dietz_restatements_total", "Published rows replaced by others");
    describe_counter!("dietz_batches_committed_total", "Batches committed with all their pieces");
    describe_counter!("dietz_source_bytes_total", Unit::Bytes, "Bytes read and committed, decompressed");
    describe_counter!("dietz_restarts_total", "Generations started again, by the actor that failed");
    describe_histogram!(
        "dietz_mailbox_wait_seconds",
        Unit::Seconds,
        "How long senders waited for room in a mailbox"
    );
    describe_gauge!("dietz_mailbox_depth_messages", "Messages under way to an actor or in its hands");
    describe_gauge!("dietz_mailbox_capacity_messages", "The bound of a mailbox");
    describe_gauge!(
        "dietz_conservation_unaccounted",
        "Records or observations that no outcome accounts for: must be 0"
    );
    describe_gauge!("dietz_source_lag_bytes", Unit::Bytes, "Bytes of open files not yet read, by source");
    describe_gauge!("dietz_source_partitions", "Partitions of a source, by state");
    describe_gauge!("dietz_checkpoint_age_seconds", Unit::Seconds, "Time since the last commit");
    metrics::counter!("dietz_restarts_total", "actor" => "supervisor").increment(0);
    sources::kafka::describe();
    sources::s3::describe();
    describe_histogram!("dietz_commit_duration_seconds", Unit::Seconds, "How long transactions took");
}

/// Takes the address, so that a wrong one is told before anything starts.
pub async fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(listen).await
}

/// Serves until the process ends.
pub async fn serve(
    listener: TcpListener,
    prometheus: PrometheusHandle,
    board: Arc<Board>,
    health: Arc<Health>,
) -> std::io::Result<()> {
    axum::serve(listener, router(prometheus, board, health)).await
}

fn router(prometheus: PrometheusHandle, board: Arc<Board>, health: Arc<Health>) -> Router {
    let live = board.clone();
    Router::new()
            .route(
                "/metrics",
                get(move || async move {
                    board.gauges();
                    prometheus.run_upkeep();
                    prometheus.render()
                }),
            )
            .route(
                "/health/live",
                get(move || async move { answer(live.polled_within(LATELY), "no source was asked lately\n") }),
            )
            .route(
                "/health/ready",
                get(move || async move {
                    answer(health.ready.load(Ordering::Relaxed), "not the active pipeline\n")
                }),
            )
}

fn answer(good: bool, otherwise: &'static str) -> (StatusCode, &'static str) {
    if good { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, otherwise) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_pipeline_that_stands_by_is_live_and_not_ready() {
        let (board, health) = (Arc::new(Board::default()), Arc::new(Health::default()));
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let prometheus = PrometheusBuilder::new().build_recorder().handle();
        tokio::spawn(serve(listener, prometheus, board.clone(), health.clone()));
        board.asked_for_the_lease();
        assert!(get(address, "/health/live").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/health/ready").await.starts_with("HTTP/1.1 503"));
        health.ready.store(true, Ordering::Relaxed);
        assert!(get(address, "/health/ready").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/nowhere").await.starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn what_is_not_good_is_said_with_a_status_a_probe_understands() {
        assert_eq!(answer(true, "silent\n"), (StatusCode::OK, "ok\n"));
        assert_eq!(answer(false, "silent\n"), (StatusCode::SERVICE_UNAVAILABLE, "silent\n"));
    }
}
