//! What the command line says, and the codes it ends with.
use super::dietz::{Dietz, text};
use std::io::Read;
use std::process::Stdio;

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
fn mistakes_of_a_topology_its_rules_and_its_mappings_are_told_at_once() {
    let dietz = Dietz::shipped();
    dietz.change("topology.toml", "\"off\"", "\"9464\"");
    dietz.change("topology.toml", "calendar = \"XNYS\"", "calendar = \"NYSE\"");
    dietz.change("topology.toml", "inputs = [\"returns\"]", "inputs = [\"returns\", \"returns\"]");
    dietz.change("codecs/vendors/quarry/mapping.toml", "version = 1", "versoin = 1");
    for command in ["check", "run"] {
        let output = dietz.output(&[command]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        for expected in ["`9464` is no address", "did you mean `XNYS`?", "lists `returns` twice", "`versoin`"]
        {
            assert!(said.contains(expected), "no `{expected}` in\n{said}");
        }
        let placed = |line: &str| line.contains(".toml:") && !line.starts_with("dietz");
        assert!(said.lines().all(placed), "each line begins with a file and its line:\n{said}");
    }
    assert!(!dietz.path("dietz.db").exists(), "nothing is made before all is right");
}

#[test]
fn a_store_that_does_not_answer_ends_with_4_at_once_and_is_named_without_its_password() {
    let dietz = Dietz::shipped();
    dietz.change(
        "topology.toml",
        "type = \"sqlite\"",
        "type = \"postgres\"\nurl = \"postgres://nobody:secret@127.0.0.1:1/none\" #",
    );
    dietz.change("topology.toml", "path = \"dietz.db\"", "");
    for args in [&["report"][..], &["run"], &["migrate"], &["check", "--connect"]] {
        let output = dietz.output(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{args:?}: {said}");
        assert!(said.contains("127.0.0.1:1 refuses connections: start it"), "{args:?}: {said}");
        assert!(!said.contains("secret") && !said.contains("pool"), "{args:?}: {said}");
    }
}

#[test]
fn strict_ends_with_5_when_records_went_to_quarantine_and_commits_all_the_same() {
    let dietz = Dietz::shipped();
    let output = dietz.output(&["run", "--strict"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("5 records went to quarantine"), "{said}");
    assert!(said.contains("the feed quarry_20250306.qps waits"), "{said}");
    assert!(dietz.report("topology.toml").lines().count() > 1_000);
    let again = dietz.output(&["--strict"]);
    assert_eq!(again.status.code(), Some(0), "a run that reads nothing finds nothing wrong");
}

/// A vendor of its own, with files in `in`.
pub fn vendor(mapping: &str, files: &[(&str, &str)]) -> Dietz {
    let dietz = Dietz::empty();
    let topology = r#"
[sources.in]
type = "file"
path = "in"
[decoders.layouts]
inputs = ["in"]
vendors = "vendors"
[accumulators.returns]
inputs = ["layouts"]
[checkers.tolerance]
inputs = ["returns"]
[sinks.store]
inputs = ["tolerance"]
type = "sqlite"
"#;
    let mut files = files.iter().map(|(name, text)| (format!("in/{name}"), *text)).collect::<Vec<_>>();
    files.push(("vendors/quay/mapping.toml".into(), mapping));
    files.push(("topology.toml".into(), topology));
    for (name, text) in files {
        let path = dietz.path(&name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("writable");
    }
    dietz
}

pub const COUNTED: &str = r#"
name = "quay"
version = 1
[feed]
count = "@count"
[format]
type = "fixed"
dates = ["iso"]
[[format.record]]
name = "header"
role = "header"
mark = "H"
[[format.record]]
name = "trailer"
role = "trailer"
mark = "T"
fields.count = { start = 2, length = 4 }
[[format.record]]
name = "value"
mark = "V"
fields.account = { start = 2, length = 5 }
fields.date = { start = 7, length = 10 }
fields.end = { start = 17, length = 8 }
[[observation]]
kind = "summary"
account = "account"
as_of = "date"
end = "end"
"#;

#[test]
fn strict_ends_with_5_when_a_feed_waits_for_its_control_count_and_the_summary_names_it() {
    let files = [
        ("a.txt", "H\nVA-1  2025-01-06  100.00\nT0001\n"),
        ("b.txt", "H\nVA-1  2025-01-07  110.00\nT0002\n"),
    ];
    let dietz = vendor(COUNTED, &files);
    let output = dietz.output(&["--strict"]);
    let (said, summary) = (text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("the feed b.txt waits because its control count disagrees"), "{said}");
    assert!(!said.contains("quarantine"), "{said}");
    assert!(summary.contains("b.txt (quay): declares 2 records and has 1"), "{summary}");
    assert_eq!(dietz.report("topology.toml").lines().count(), 2, "what did not wait is committed");
    let again = dietz.ok(&["--strict"]);
    assert!(!again.contains("b.txt"), "it was told by the run that read it:\n{again}");
    assert_eq!(dietz.output(&["--strict", "--from-start"]).status.code(), Some(5), "read again, told again");
}

#[test]
fn a_flow_that_waits_for_its_currency_is_told_as_waiting_whoever_says_the_base() {
    let mapping = r#"
name = "quay"
version = 1
base_currency = "USD"
flows_from = "detail"
[format]
type = "delimited"
[[observation]]
kind = "summary"
when = { field = "What", one_of = ["value"] }
account = "Account"
as_of = "Date"
end = "Amount"
[[observation]]
kind = "account"
when = { field = "What", one_of = ["base"] }
account = "Account"
as_of = "Date"
base_currency = "Currency"
[[observation]]
kind = "flow"
when = { field = "What", one_of = ["flow"] }
account = "Account"
as_of = "Date"
class = { const = "contribution" }
amount = "Amount"
currency = "Currency"
id = ["Id"]
"#;
    let feed = "What,Account,Date,Amount,Currency,Id\nbase,A-1,2025-01-06,,EUR,\nvalue,A-1,2025-01-06,100.00,,\n\
                value,A-1,2025-01-07,110.00,,\nflow,A-1,2025-01-07,5.00,USD,T1\nflow,A-1,2025-01-07,2.00,EUR,T2\n";
    let dietz = vendor(mapping, &[("a.csv", feed)]);
    dietz.ok(&[]);
    let explained = dietz.ok(&["explain", "A-1", "2025-01-07"]);
    let became = |flow: &str| {
        let told = explained.lines().skip_while(|l| !l.contains(flow)).nth(3);
        told.unwrap_or_else(|| panic!("no {flow} in\n{explained}")).trim().to_owned()
    };
    assert_eq!(became("contribution 5 USD"), "waits (currency)", "{explained}");
    assert_eq!(became("contribution 2 EUR"), "counts", "{explained}");
    assert!(dietz.report("topology.toml").contains("A-1,2025-01-07,100,2,0,2,"), "as the figure has it");
}

#[test]
fn the_options_of_a_run_need_no_word_run() {
    let dietz = Dietz::shipped();
    dietz.ok(&[]);
    let again = dietz.ok(&["--from-start"]);
    assert!(again.contains(" = 0 accepted + 3,"), "{again}");
    let output = dietz.output(&["other.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("write `dietz run other.toml`"), "{}", text(&output.stderr));
}

#[test]
fn words_that_mean_nothing_end_with_2_and_say_what_to_write() {
    let dietz = Dietz::shipped();
    for (args, expected) in [
        (&["report", "--from", "31.01.2025"][..], "written YYYY-MM-DD"),
        (&["report", "--to", "2025-02-30"], "no such day"),
        (&["explain", "MT-200-0001", "2025-13-01"], "no such day"),
        (&["reprot"], "a similar subcommand exists: 'report'"),
        (&["report", "other.toml"], "`--topology other.toml`"),
        (&["--strict", "run", "other.toml"], "cannot be used with '--strict'"),
    ] {
        let output = dietz.output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(expected), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn what_is_not_found_says_what_is_near() {
    let dietz = shipped_and_run();
    for (args, expected) in [
        (&["report", "--account", "NO-SUCH"][..], "there is no account NO-SUCH"),
        (&["report", "--windows", "--account", "NO-SUCH"], "there is no account NO-SUCH"),
        (&["report", "--account", "MT-200-0001", "--from", "2026-01-01"], "has no rows from 2026-01-01"),
        (&["explain", "NO-SUCH", "2025-01-06"], "there is no account NO-SUCH"),
        (&["explain", "MT-200-0001", "2025-02-15"], "its row before is of 2025-02-14"),
        (&["explain", "MT-200-0001", "2020-01-01"], "its first row is of 2025-"),
    ] {
        let output = dietz.output(args);
        assert_eq!(output.status.code(), Some(6), "{args:?}");
        assert!(text(&output.stderr).contains(expected), "{args:?}: {}", text(&output.stderr));
    }
}

/// Starts a command whose output nobody reads beyond the first bytes.
fn cut_short(dietz: &Dietz, args: &[&str]) -> (Option<i32>, String) {
    let mut command = dietz.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut first = [0; 10];
    let mut out = child.stdout.take().expect("piped");
    out.read_exact(&mut first).expect("it prints");
    drop(out);
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_closed_pipe_ends_a_list_quietly() {
    // More than a pipe holds, in quarantine and in the report.
    let mut feed = String::from("Account,Date,Value\n");
    for n in 0..3_000 {
        feed.push_str(&format!("A-{n},2025-01-06,{n}.00\nB-{n},2025-01-06,{n}x00\n"));
    }
    let mapping = "name = \"quay\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[observation]]\nkind = \"summary\"\n\
                   account = \"Account\"\nas_of = \"Date\"\nend = \"Value\"\n";
    let dietz = vendor(mapping, &[("a.csv", &feed)]);
    dietz.ok(&[]);
    for args in [
        &["quarantine", "list"][..],
        &["report"],
        &["report", "--format", "csv"],
        &["report", "--format", "json"],
        &["report", "--windows", "--format", "csv"],
    ] {
        assert_eq!(cut_short(&dietz, args), (Some(0), String::new()), "{args:?}");
    }
    let list = dietz.ok(&["quarantine", "list"]);
    assert_eq!(list.lines().count(), 3_001, "a head and a line each, over several pages");
    assert_eq!(list.lines().filter(|l| l.contains("what is wrong")).count(), 1);
    assert_eq!(dietz.ok(&["quarantine", "list", "--code", "bad_date"]).lines().count(), 1);
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
