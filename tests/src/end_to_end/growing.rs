//! Files that are read as growing and as a whole: no flow without an id counts twice.
use super::dietz::{Dietz, sqlite, until};
use super::harbor::topology;
use super::service::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::time::SystemTime;

const MAPPING: &str = r#"
name = "harbor"
version = 1
flows_from = "detail"

[format]
type = "delimited"

[[observation]]
kind = "summary"
when = { field = "Type", one_of = ["VAL"] }
account = "Account"
as_of = "Date"
end = "Amount"

[[observation]]
kind = "flow"
when = { field = "Type", one_of = ["DEP"] }
account = "Account"
as_of = "Date"
class = "contribution"
amount = "Amount"
"#;

const LINES: &str = "Account,Date,Type,Amount\n\
    A-1,2025-01-06,VAL,1000.00\n\
    A-1,2025-01-07,DEP,500.00\n\
    A-1,2025-01-07,VAL,1500.00\n";

/// A folder with one file, a topology that watches it and one that reads it once.
struct Folder {
    dietz: Dietz,
    address: String,
}

impl Folder {
    fn new(policy: &str, lines: &str) -> Folder {
        let dietz = Dietz::empty();
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let folder = Folder { dietz, address: address.to_string() };
        folder
            .dietz
            .make("vendors/harbor/mapping.toml", format!("possible_duplicate = \"{policy}\"\n{MAPPING}"));
        folder.dietz.make("in/activity.csv", lines);
        let topology = |keys: &str, listen: &str| {
            let source = format!("type = \"file\"\npath = \"in\"\n{keys}");
            let sink = sqlite("dietz.db") + "\nlease = \"1s\"";
            topology(&source, &sink) + &format!("\n[admin]\nlisten = \"{listen}\"\n")
        };
        let watching = topology("watch = true\npoll = \"20ms\"", &folder.address);
        folder.dietz.make("watch.toml", watching);
        folder.dietz.make("once.toml", topology("", "off"));
        folder
    }

    fn append(&self, lines: &str) {
        let file = File::options().append(true).open(self.dietz.path("in/activity.csv"));
        file.expect("the file").write_all(lines.as_bytes()).expect("writable");
    }

    fn touch(&self) {
        let file = File::options().write(true).open(self.dietz.path("in/activity.csv")).expect("the file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    }

    /// Runs to the end of all files; what it printed.
    fn read_once(&self) -> String {
        self.dietz.ok(&["run", "once.toml"])
    }

    /// Watches until the metrics say so, and stops; what they said.
    fn watch_until(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let mut child = self.dietz.spawn(&["run", "watch.toml"]);
        let said = until(what, || get(&self.address, "/metrics").map(|(_, body)| body).filter(|b| is(b)));
        child.stop();
        said
    }

    /// Watches until so many records are committed.
    fn watch_for(&self, records: u64) {
        self.watch_until("the records", |said| decoded(said) == records);
    }

    fn report(&self) -> String {
        self.dietz.report("once.toml")
    }

    /// Of the last day: contributions and verdict.
    fn last_day(&self) -> (String, String) {
        let report = self.report();
        let mut lines = report.lines();
        let columns: Vec<&str> = lines.next().expect("a header").split(',').collect();
        let last: Vec<&str> = lines.last().expect("a row").split(',').collect();
        let of = |name| last[columns.iter().position(|c| *c == name).expect("a column")].to_owned();
        (of("contributions"), of("verdict"))
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("compressed")
}

fn number(line: &str) -> u64 {
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a whole number")
}

/// Records decoded and committed, as the metrics say.
fn decoded(said: &str) -> u64 {
    let of = |l: &&str| l.starts_with("dietz_records_total{") && l.contains("outcome=\"decoded\"");
    said.lines().filter(of).map(number).sum()
}

/// Partitions that stand at their end, as the metrics say.
fn at_their_end(said: &str) -> u64 {
    let of = |l: &&str| l.starts_with("dietz_source_partitions{") && l.contains("state=\"ended\"");
    said.lines().filter(of).map(number).sum()
}

fn is(money: &str, verdict: &str) -> (String, String) {
    (money.into(), verdict.into())
}

#[test]
fn a_file_read_under_watch_is_not_read_again_without_it_and_only_new_lines_are() {
    let folder = Folder::new("wait", LINES);
    folder.watch_for(3);
    let before = folder.report();
    let said = folder.read_once();
    assert!(said.contains("in: 1 at its end, 1 of them before this run"), "{said}");
    assert!(said.contains("records       0 read"), "{said}");
    assert_eq!(folder.report(), before);
    folder.append("A-1,2025-01-08,DEP,500.00\nA-1,2025-01-08,VAL,2000.00\nA-1,2025-01-09,VAL,2");
    let said = folder.read_once();
    assert!(said.contains("records       2 read"), "{said}");
    assert_eq!(folder.last_day(), is("500", "final"));
    folder.append("000.00\n");
    assert!(folder.read_once().contains("records       1 read"));
    assert_eq!(folder.last_day(), is("0", "final"));
    let before = folder.report();
    let said = folder.dietz.ok(&["run", "once.toml", "--from-start"]);
    assert!(said.contains("6 = 0 accepted + 6 unchanged"), "{said}");
    assert_eq!(folder.report(), before);
}

#[test]
fn a_file_read_as_a_whole_is_not_read_again_under_watch_and_what_it_grows_by_counts_once() {
    let folder = Folder::new("wait", LINES);
    folder.read_once();
    let before = folder.report();
    for touched in [false, true] {
        if touched {
            folder.touch();
        }
        let said = folder.watch_until("the end of the file", |said| at_their_end(said) == 1);
        assert_eq!((decoded(&said), folder.report()), (0, before.clone()), "touched: {touched}");
    }
    folder.append("A-1,2025-01-08,DEP,70.00\nA-1,2025-01-08,VAL,1570.00\n");
    folder.watch_for(5);
    let report = folder.report();
    let flows: Vec<&str> = report.lines().skip(1).map(|l| l.split(',').nth(3).expect("a field")).collect();
    assert_eq!(flows, ["0", "500", "70"], "{report}");
    assert_eq!(folder.last_day(), is("70", "final"));
}

#[test]
fn the_same_content_compressed_beside_a_growing_file_counts_once_in_either_order() {
    for whole_first in [false, true] {
        let folder = Folder::new("same", LINES);
        let compressed = gzip(LINES);
        if whole_first {
            std::fs::rename(folder.dietz.path("in/activity.csv"), folder.dietz.path("later")).expect("moved");
            folder.dietz.make("in/copy.csv.gz", &compressed);
            folder.read_once();
            std::fs::rename(folder.dietz.path("later"), folder.dietz.path("in/activity.csv")).expect("moved");
            folder.watch_for(3);
        } else {
            folder.watch_for(3);
            folder.dietz.make("in/copy.csv.gz", &compressed);
            folder.read_once();
        }
        assert_eq!(folder.last_day(), is("500", "final"), "whole first: {whole_first}");
    }
}

#[test]
fn equal_flows_without_an_id_under_watch_are_what_the_policy_says() {
    let lines = LINES.replace("DEP,500.00\n", "DEP,500.00\nA-1,2025-01-07,DEP,500.00\n");
    for (policy, money, verdict) in
        [("wait", "500", "held"), ("same", "500", "final"), ("distinct", "1000", "final")]
    {
        let folder = Folder::new(policy, &lines);
        folder.watch_for(4);
        assert_eq!(folder.last_day(), is(money, verdict), "{policy}");
        folder.read_once();
        assert_eq!(folder.last_day(), is(money, verdict), "{policy}, and read once more");
    }
    let folder = Folder::new("wait", &lines);
    folder.read_once();
    assert_eq!(folder.last_day(), is("1000", "final"), "in a file with an end two lines are two flows");
}

#[test]
fn check_notes_what_the_ends_of_growing_files_would_decide() {
    let folder = Folder::new("wait", LINES);
    let check = |topology| folder.dietz.ok(&["check", topology]);
    assert!(!check("watch.toml").contains("note:"), "nothing is lost");
    folder.dietz.change(
        "vendors/harbor/mapping.toml",
        "[format]",
        "[feed]\nbusiness_date = { name = \"%Y%m%d\" }\n\n[format]",
    );
    folder.dietz.change(
        "vendors/harbor/mapping.toml",
        "version = 1\n",
        "version = 1\nday_needs = [\"values\", \"flows\"]\n",
    );
    let said = check("watch.toml");
    let note = "note: watch.toml:2:10: files that may grow have no end: newer feeds of harbor withdraw nothing, feeds of harbor \
                complete no day (say `grows = false` if files arrive whole)";
    assert!(said.contains(note), "{said}");
    assert!(!check("once.toml").contains("note:"), "a source that does not watch");
    folder.dietz.change("watch.toml", "watch = true", "watch = true\ngrows = false");
    assert!(!check("watch.toml").contains("note:"), "files with an end");
}
