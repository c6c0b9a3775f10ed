//! A pipeline that stays: files that grow, metrics, health, stop by signal, standing by.
use super::dietz::{Dietz, sqlite, text, until};
use super::harbor::{HEADER, folder, topology};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A watched folder with one file, and an address nobody listens on yet.
fn watching() -> (Dietz, String) {
    let dietz = folder();
    let address =
        TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").to_string();
    dietz.make("in/values.csv", format!("{HEADER}A-1,2025-01-06,100.00,101.00,\n"));
    let watched = "type = \"file\"\npath = \"in\"\nwatch = true\npoll = \"20ms\"";
    let sink = sqlite("dietz.db") + "\nlease = \"1s\"";
    let admin = format!("\n[admin]\nlisten = \"{address}\"\n");
    dietz.make("topology.toml", topology(watched, &sink) + &admin);
    (dietz, address)
}

/// One HTTP GET: the status line and the body, or nothing while nobody listens.
pub fn get(address: &str, path: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.lines().next()?.to_owned(), body.to_owned()))
}

/// Rows in the store; none while there is no store yet.
fn rows(dietz: &Dietz) -> usize {
    let output = dietz.output(&["report", "--format", "csv"]);
    if output.status.success() { text(&output.stdout).lines().count() - 1 } else { 0 }
}

#[test]
fn a_watched_file_is_followed_line_by_line_and_half_a_line_is_no_record() {
    let (dietz, address) = watching();
    let mut child = dietz.spawn(&["run"]);
    until("the first row", || (rows(&dietz) == 1).then_some(()));
    let mut file =
        std::fs::OpenOptions::new().append(true).open(dietz.path("in/values.csv")).expect("the file");
    file.write_all(b"A-1,2025-01-07,101.00,102.00,\nA-1,2025-01-08,102.00,1").expect("writable");
    until("the second row", || (rows(&dietz) == 2).then_some(()));
    file.write_all(b"03.00,\n").expect("writable");
    until("the third row", || (rows(&dietz) == 3).then_some(()));
    assert!(dietz.report("topology.toml").contains("2025-01-08,102,0,0,0,0,0,103,"));
    dietz.make("in/more.csv", format!("{HEADER}A-2,2025-01-06,5,6,\n"));
    until("a row of a file that appeared", || (rows(&dietz) == 4).then_some(()));
    until("readiness", || get(&address, "/health/ready").filter(|(s, _)| s.contains("200")));
    assert!(get(&address, "/health/live").is_some_and(|(s, _)| s.contains("200")));
    child.stop();
}

#[test]
fn metrics_follow_the_conventions_and_the_conservation_gauges_read_zero() {
    let (dietz, address) = watching();
    let mut child = dietz.spawn(&["run"]);
    let text = until("committed rows in the metrics", || {
        let (_, body) = get(&address, "/metrics")?;
        body.contains("dietz_store_rows_total{change=\"inserted\"} 1").then_some(body)
    });
    for name in [
        "dietz_records_total",
        "dietz_observations_total",
        "dietz_batches_committed_total",
        "dietz_source_bytes_total",
        "dietz_mailbox_depth_messages",
        "dietz_mailbox_capacity_messages",
        "dietz_restarts_total",
        "dietz_commit_duration_seconds_bucket",
        "dietz_source_lag_bytes",
        "dietz_checkpoint_age_seconds",
    ] {
        assert!(text.contains(name), "no {name} in\n{text}");
    }
    for line in text.lines().filter(|l| l.starts_with("dietz_conservation_unaccounted")) {
        assert!(line.ends_with(" 0"), "{line}");
    }
    assert_eq!(text.lines().filter(|l| l.starts_with("dietz_conservation_unaccounted")).count(), 2);
    assert!(
        text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).all(|l| l.starts_with("dietz_")),
        "{text}"
    );
    child.stop();
}

#[test]
fn a_second_pipeline_stands_by_and_takes_over_when_the_first_stops() {
    let (dietz, _) = watching();
    let mut first = dietz.spawn(&["run"]);
    until("the first row", || (rows(&dietz) == 1).then_some(()));
    dietz.change("topology.toml", "listen = \"", "listen = \"off\" # \"");
    let mut second = dietz.spawn(&["run"]);
    until("word of standing by", || second.said().contains("standing by").then_some(()));
    first.stop();
    let mut file =
        std::fs::OpenOptions::new().append(true).open(dietz.path("in/values.csv")).expect("the file");
    file.write_all(b"A-1,2025-01-07,101.00,102.00,\n").expect("writable");
    until("a row by the second pipeline", || (rows(&dietz) == 2).then_some(()));
    second.stop();
}
