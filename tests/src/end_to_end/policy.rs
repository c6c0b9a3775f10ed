//! Conventions that change: figures follow, whole, and a mapping is held to its version.
use super::dietz::{Dietz, Settings, sqlite, text};
use load_tests::{Feed, Share};

fn dietz() -> Dietz {
    let feed = Feed {
        accounts: 40,
        days: 40,
        vendors: 2,
        late: Share::percent(3),
        flows: Share::percent(20),
        ..Feed::default()
    };
    let dietz = Dietz::generated(&feed, Share::percent(1));
    dietz.topology("topology.toml", &Settings::default());
    dietz
}

/// The same topology with another flow timing, into that database.
fn with_timing(dietz: &Dietz, file: &str, timing: &str, database: &str) {
    dietz.topology(file, &Settings { sink: sqlite(database), ..Settings::default() });
    dietz.change(
        file,
        "inputs = [\"layouts\"]",
        &format!("inputs = [\"layouts\"]\nflow_timing = \"{timing}\""),
    );
}

#[test]
fn another_flow_timing_gives_the_figures_of_a_store_that_never_knew_the_first() {
    let dietz = dietz();
    dietz.ok(&["run"]);
    let before = dietz.report("topology.toml");
    with_timing(&dietz, "end.toml", "end", "dietz.db");
    let connected = dietz.ok(&["check", "--connect", "end.toml"]);
    assert!(connected.contains("40 accounts will be folded anew"), "{connected}");
    dietz.ok(&["run", "end.toml"]);
    with_timing(&dietz, "fresh.toml", "end", "fresh.db");
    dietz.ok(&["run", "fresh.toml"]);
    let after = dietz.report("end.toml");
    assert!(after != before, "flows are timed otherwise, so figures move");
    assert!(after == dietz.report("fresh.toml"));
    let again = dietz.ok(&["run", "end.toml", "--from-start"]);
    assert!(again.contains("rows          0 new, 0 changed, 0 removed"), "{again}");
    dietz.ok(&["run"]);
    assert!(dietz.report("topology.toml") == before, "and back");
}

#[test]
fn a_mapping_that_changed_without_a_new_version_is_refused() {
    let dietz = dietz();
    dietz.ok(&["run"]);
    dietz.change("vendors/bulk/mapping.toml", "version = 1", "version = 1 # changed");
    let output = dietz.output(&["run"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("raise its `version`"), "{}", text(&output.stderr));
    dietz.change("vendors/bulk/mapping.toml", "version = 1 # changed", "version = 2 # changed");
    dietz.ok(&["run"]);
}

#[test]
fn a_vendor_whose_mapping_is_gone_is_missed_before_anything_changes() {
    let dietz = dietz();
    dietz.ok(&["run"]);
    let before = dietz.report("topology.toml");
    std::fs::rename(dietz.path("vendors/mirror"), dietz.path("mirror")).expect("a folder to move");
    let output = dietz.output(&["run"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no mapping of it is named"), "{}", text(&output.stderr));
    assert!(dietz.report("topology.toml") == before);
    std::fs::rename(dietz.path("mirror"), dietz.path("vendors/mirror")).expect("a folder to move back");
    dietz.ok(&["run"]);
    assert!(dietz.report("topology.toml") == before);
}

#[test]
fn other_tolerances_judge_every_stored_row_anew() {
    let dietz = dietz();
    dietz.ok(&["run"]);
    let before = dietz.report("topology.toml");
    for (file, database) in [("strict.toml", "dietz.db"), ("fresh.toml", "fresh.db")] {
        dietz.topology(file, &Settings { sink: sqlite(database), ..Settings::default() });
        dietz.change(file, "pinned = ", "return_outlier = { block = { bp = \"1\" } }\npinned = ");
        dietz.ok(&["run", file]);
    }
    let strict = dietz.report("strict.toml");
    assert!(strict.matches(",held,").count() > before.matches(",held,").count());
    assert!(strict == dietz.report("fresh.toml"));
    dietz.ok(&["run"]);
    assert!(dietz.report("topology.toml") == before, "and back");
}
