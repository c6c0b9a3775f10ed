//! Every bench runs, on sizes that say nothing of speed.
use load_tests::bench::machine::Machine;
use load_tests::bench::report::{Document, Report};
use load_tests::bench::{Bench, Options, run};

fn tiny(bench: Bench) -> Report {
    sized(bench, 300, 4, 2)
}

fn sized(bench: Bench, accounts: u32, days: u32, repeats: u32) -> Report {
    let postgres = std::env::var("DIETZ_TEST_POSTGRES_URL").ok();
    let options = Options { accounts, days, seed: 1, repeats, postgres };
    let report = run(bench, &options).unwrap();
    // The process may find room enough for the accounts of a tiny feed.
    for figure in report.figures.iter().filter(|f| !f.name.starts_with("growth")) {
        assert!(!figure.runs.is_empty());
        assert!(figure.runs.iter().all(|n| *n > 0), "{}: {}: {:?}", report.bench, figure.name, figure.runs);
    }
    report
}

fn names(report: &Report) -> Vec<&str> {
    report.figures.iter().map(|f| f.name.as_str()).collect()
}

#[test]
fn decoding_is_measured_with_framing_and_without() {
    let report = tiny(Bench::Decode);
    assert!(report.about.starts_with("1200 records of 1"), "{}", report.about);
    assert!(names(&report).contains(&"CPU of a record, framed beforehand"));
    assert!(names(&report).contains(&"CPU of a record, framing included"));
}

#[test]
fn accumulating_is_measured_with_its_memory() {
    let report = tiny(Bench::Accumulate);
    let state = report.figures.iter().find(|f| f.name == "state of an account").unwrap();
    assert!(
        state.median() < 1_000_000,
        "memory does not depend on the machine: {} bytes",
        state.median() / 1_000
    );
    assert!(names(&report).contains(&"CPU of a record"));
}

#[test]
fn the_sink_is_measured_in_each_store() {
    let report = tiny(Bench::Sink);
    assert!(names(&report).contains(&"SQLite, rows of a CPU second"));
    let copied = names(&report).contains(&"Postgres beside the plain COPY");
    assert_eq!(copied, std::env::var_os("DIETZ_TEST_POSTGRES_URL").is_some());
}

#[test]
fn the_pipeline_is_measured_in_both_orders() {
    let report = tiny(Bench::Pipeline);
    assert!(names(&report).contains(&"SQLite, newest first beside order of date"));
}

#[test]
fn a_stream_is_measured_in_each_shape_of_its_messages() {
    let report = tiny(Bench::Stream);
    for shape in ["a record a message", "100 records a message", "aggregates of 100 messages of a record"] {
        assert!(names(&report).contains(&&*format!("{shape}, bytes of a CPU second")), "{shape}");
    }
}

#[test]
fn latency_is_measured_beside_a_bare_client() {
    let report = sized(Bench::Latency, 4, 2, 1);
    for way in ["polling", "fan-out", "fan-out, linger 0ms"] {
        for figure in ["committed, p50", "committed, p99", "a bare client, p50", "a bare client, p99"] {
            assert!(names(&report).contains(&&*format!("SQLite, {way}, put to {figure}")), "{way}, {figure}");
        }
    }
}

#[test]
fn handovers_are_measured_for_a_stop_and_for_a_kill() {
    let report = sized(Bench::Handover, 300, 20, 1);
    for ending in ["asked to stop", "kill -9"] {
        assert!(
            names(&report).contains(&&*format!("SQLite, {ending} to the next one's first row")),
            "{ending}"
        );
    }
}

#[test]
fn a_document_names_the_machine_and_the_commit() {
    let machine = Machine::here();
    let text = Document { machine: &machine, reports: &[] }.to_string();
    assert!(machine.cores > 0 && machine.memory > 0);
    assert!(text.starts_with(&format!("# Load test {} at {}\n", machine.date, machine.commit)), "{text}");
    assert!(text.contains(&machine.kernel));
}
