//! What the command line says, and the codes it ends with.
use super::dietz::{Dietz, text};

fn shipped_and_run() -> Dietz {
    let dietz = Dietz::shipped();
    dietz.ok(&[]);
    dietz
}

#[test]
fn a_wrong_topology_ends_with_3_and_names_every_mistake_with_its_place() {
    let dietz = Dietz::shipped();
    dietz.change("topology.toml", "vendors = \"auto\"", "vendor = \"auto\"\nwatch = \"yes\"");
    dietz.change("topology.toml", "inputs = [\"returns\"]", "inputs = [\"retruns\"]");
    let output = dietz.output(&["check"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for expected in ["did you mean `vendors`?", "must be true or false", "did you mean `returns`?"] {
        assert!(said.contains(expected), "no `{expected}` in\n{said}");
    }
    let placed = said.lines().filter(|l| l.contains("topology.toml:")).count();
    assert!(placed >= 3, "each mistake has its file, line and column:\n{said}");
}

#[test]
fn a_store_that_does_not_answer_ends_with_4() {
    let dietz = Dietz::shipped();
    dietz.change(
        "topology.toml",
        "type = \"sqlite\"",
        "type = \"postgres\"\nurl = \"postgres://nobody@127.0.0.1:1/none\" #",
    );
    dietz.change("topology.toml", "path = \"dietz.db\"", "");
    let output = dietz.output(&["report"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
}

#[test]
fn strict_ends_with_5_when_records_went_to_quarantine_and_commits_all_the_same() {
    let dietz = Dietz::shipped();
    let output = dietz.output(&["run", "--strict"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert!(dietz.report("topology.toml").lines().count() > 1_000);
}

#[test]
fn an_account_that_is_not_there_ends_with_6() {
    let dietz = shipped_and_run();
    for args in [
        &["explain", "NO-SUCH", "2025-01-06"][..],
        &["report", "--account", "NO-SUCH"],
        &["quarantine", "show", "999999"],
    ] {
        assert_eq!(dietz.output(args).status.code(), Some(6), "{args:?}");
    }
}

#[test]
fn check_needs_no_store_and_connect_does_the_real_operations() {
    let dietz = Dietz::shipped();
    let checked = dietz.ok(&["check"]);
    assert!(checked.contains("topology.toml: right"), "{checked}");
    assert!(!dietz.path("dietz.db").exists(), "checking makes nothing");
    let connected = dietz.ok(&["check", "--connect"]);
    assert!(connected.contains("store: answers"), "{connected}");
}

#[test]
fn every_figure_of_the_samples_can_be_explained() {
    let dietz = shipped_and_run();
    let report = dietz.report("topology.toml");
    let mut seen = std::collections::BTreeSet::new();
    for row in report.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        // One of each status is enough: a process per row would take minutes.
        if !seen.insert(fields[14].to_owned()) {
            continue;
        }
        let explained = dietz.ok(&["explain", fields[0], fields[1]]);
        assert!(explained.contains("position"), "no place in\n{explained}");
        if !fields[9].is_empty() {
            assert!(explained.contains(fields[9]), "the return {} is not in\n{explained}", fields[9]);
        }
    }
}

#[test]
fn graphs_and_completions_are_what_their_readers_expect() {
    let dietz = Dietz::shipped();
    assert!(dietz.ok(&["graph"]).starts_with("flowchart LR"));
    assert!(dietz.ok(&["graph", "--format", "dot"]).starts_with("digraph"));
    let svg = dietz.ok(&["graph", "--format", "svg"]);
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for node in ["custody", "corrections", "layouts", "returns", "tolerance", "store"] {
        assert!(svg.contains(&format!(">{node}<")), "{node} is not drawn");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(dietz.ok(&["completions", shell]).contains("dietz"));
    }
}

#[test]
fn windows_are_printed_in_every_format() {
    let dietz = shipped_and_run();
    assert!(dietz.ok(&["report", "--windows"]).contains("since_inception"));
    let csv = dietz.ok(&["report", "--windows", "--format", "csv"]);
    assert!(csv.lines().skip(1).any(|l| l.contains(",mtd,")));
    let json: serde_json::Value =
        serde_json::from_str(&dietz.ok(&["report", "--windows", "--format", "json"])).expect("JSON");
    assert!(json.as_array().is_some_and(|a| a.len() > 100));
    let days: serde_json::Value =
        serde_json::from_str(&dietz.ok(&["report", "--format", "json"])).expect("JSON");
    assert_eq!(days.as_array().map(Vec::len), Some(dietz.report("topology.toml").lines().count() - 1));
}
