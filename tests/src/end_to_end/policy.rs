//! Conventions that change: figures follow, whole, and a mapping is held to its version.
use super::dietz::{Dietz, Settings, postgres, sqlite, text};
use crate::postgres::fresh_database;
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

/// The second vendor, which has some of the accounts, feeds those; into that store.
fn with_mirror_first(dietz: &Dietz, file: &str, sink: &str) {
    dietz.topology(file, &Settings { sink: sink.into(), ..Settings::default() });
    dietz.change(file, "inputs = [\"layouts\"]", "inputs = [\"layouts\"]\nprecedence = [\"mirror\"]");
}

fn with_timing_of_mirror(dietz: &Dietz, file: &str, timing: &str) {
    let vendor = format!("[decoders.layouts.vendor.mirror]\nflow_timing = \"{timing}\"\n\n[accumulators.");
    dietz.change(file, "[accumulators.", &vendor);
}

/// The number that stands before these words.
fn number(text: &str, words: &str) -> u64 {
    let (before, _) = text.split_once(words).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    let digits = before.trim_end().rsplit(' ').next().unwrap_or_default().replace(',', "");
    digits.parse().unwrap_or_else(|_| panic!("no number before `{words}` in {text}"))
}

#[test]
fn another_timing_of_one_vendor_folds_its_accounts_alone() {
    folds_its_accounts_alone(&sqlite("dietz.db"));
}

#[test]
fn another_timing_of_one_vendor_folds_its_accounts_alone_on_postgres() {
    folds_its_accounts_alone(&postgres(&fresh_database()));
}

fn folds_its_accounts_alone(sink: &str) {
    let dietz = dietz();
    with_mirror_first(&dietz, "before.toml", sink);
    dietz.ok(&["migrate", "--topology", "before.toml"]);
    dietz.ok(&["run", "before.toml"]);
    let before = dietz.report("before.toml");
    with_mirror_first(&dietz, "end.toml", sink);
    with_timing_of_mirror(&dietz, "end.toml", "end");
    let connected = dietz.ok(&["check", "--connect", "end.toml"]);
    let accounts = number(&connected, " accounts will be folded anew");
    let restated = number(&connected, " rows would be restated");
    assert!(0 < accounts && accounts < 40 && restated > 0, "{connected}");
    assert!(dietz.report("before.toml") == before, "a trial writes nothing");
    assert_eq!(dietz.ok(&["check", "--connect", "end.toml"]), connected);

    let run = dietz.output(&["run", "end.toml"]);
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(number(&err, " accounts are folded anew"), accounts);
    assert_eq!(number(&out, " restatements"), restated, "as it was foreseen: {out}");
    with_mirror_first(&dietz, "fresh.toml", &sqlite("fresh.db"));
    with_timing_of_mirror(&dietz, "fresh.toml", "end");
    dietz.ok(&["run", "fresh.toml"]);
    assert!(dietz.report("end.toml") == dietz.report("fresh.toml"));
    let again = dietz.ok(&["check", "--connect", "end.toml"]);
    assert!(again.contains("policy: as in the last run"), "{again}");
}

#[test]
fn rows_that_a_new_policy_gives_back_are_not_written_again() {
    let dietz = dietz();
    dietz.ok(&["run"]);
    let before = dietz.report("topology.toml");
    // The first vendor by name feeds every account, so the second one's timing is looked at nowhere.
    dietz.topology("end.toml", &Settings::default());
    with_timing_of_mirror(&dietz, "end.toml", "end");
    let connected = dietz.ok(&["check", "--connect", "end.toml"]);
    assert!(number(&connected, " accounts will be folded anew") > 0, "{connected}");
    assert!(connected.contains("0 rows would be restated, 0 new, 0 only judged otherwise"), "{connected}");
    let run = dietz.ok(&["run", "end.toml"]);
    assert!(run.contains("rows          0 new, 0 changed, 0 removed; 0 restatements"), "{run}");
    assert!(dietz.report("end.toml") == before);
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
    }
    let connected = dietz.ok(&["check", "--connect", "strict.toml"]);
    assert!(
        connected.contains("40 accounts will be folded anew: 0 rows would be restated, 0 new"),
        "{connected}"
    );
    let judged = number(&connected, " only judged otherwise");
    let run = dietz.ok(&["run", "strict.toml"]);
    assert_eq!(number(&run, " changed, 0 removed; 0 restatements"), judged, "{connected}\n{run}");
    dietz.ok(&["run", "fresh.toml"]);
    let strict = dietz.report("strict.toml");
    assert!(strict.matches(",held,").count() > before.matches(",held,").count());
    assert!(strict == dietz.report("fresh.toml"));
    dietz.ok(&["run"]);
    assert!(dietz.report("topology.toml") == before, "and back");
}
