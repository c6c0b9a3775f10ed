//! Whole feeds: sent again in full, sent in part, and what nobody can read of them.
use super::dietz::{Dietz, Settings, postgres, sqlite};
use crate::postgres::fresh_database;
use std::fmt::Write as _;

/// A custodian that sends all values of a date in one file, and all of them again when one was wrong.
const MAPPING: &str = r#"
name = "vale"
version = 1
account_no = "V-{vendor_account}"

[detect]
file = ["vale_*.csv"]

[feed]
delivery = "full"
business_date = "@date"
arrival = { field = "@made", parse = "%Y-%m-%d %H:%M:%S" }

[format]
type = "delimited"
header_starts = "account,"

[[format.capture]]
name = "date"
starts = "Values of,"
column = 2

[[format.capture]]
name = "made"
starts = "Values of,"
column = 3

[[observation]]
kind = "summary"
account = "account"
as_of = "date"
end = "value"
contributions = "in"
"#;

/// A file of one date, made at an hour; each account with its value.
fn file(dietz: &Dietz, name: &str, day: u32, hour: u32, values: impl IntoIterator<Item = (u32, String)>) {
    let date = format!("2025-03-{day:02}");
    let mut text = format!("Values of,{date},{date} {hour:02}:00:00\naccount,date,value,in\n");
    for (account, value) in values {
        let _ = writeln!(text, "{account},{date},{value},{}", account % 3);
    }
    let folder = dietz.path("vale");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), text).expect("writable");
}

/// Adds the custodian to a topology.
pub fn add_to(dietz: &Dietz, topology: &str) {
    let folder = dietz.path("vendors/vale");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("mapping.toml"), MAPPING).expect("writable");
    dietz.change(
        topology,
        "inputs = [\"feeds\", \"corrections\"]",
        "inputs = [\"feeds\", \"corrections\", \"vale\"]",
    );
    let text = std::fs::read_to_string(dietz.path(topology)).expect("a topology");
    let source = "\n[sources.vale]\ntype = \"file\"\npath = \"vale\"\nbatch_records = 20\n";
    std::fs::write(dietz.path(topology), text + source).expect("writable");
}

/// Days of a hundred accounts; most are sent again, without a few accounts and with other values for some.
pub fn resent(dietz: &Dietz) {
    let value =
        |account: u32, day: u32, again: u32| (account, format!("{}.25", 1_000 + account * 10 + day + again));
    for day in 1..=25 {
        file(dietz, &format!("vale_{day}_a.csv"), day, 18, (0..100).map(|a| value(a, day, 0)));
        if day % 4 != 0 {
            let kept = (0..100).filter(|a| (a + day) % 7 != 0);
            file(
                dietz,
                &format!("vale_{day}_b.csv"),
                day,
                20,
                kept.map(|a| value(a, day, u32::from(a % 5 == 0))),
            );
        }
    }
}

fn empty() -> Dietz {
    let feed = load_tests::Feed { accounts: 1, days: 1, ..load_tests::Feed::default() };
    Dietz::generated(&feed, load_tests::Share::percent(0))
}

/// The rows of the custodian's accounts: number, date, value.
fn rows(dietz: &Dietz, topology: &str) -> Vec<String> {
    let report = dietz.report(topology);
    let own = report.lines().filter(|line| line.starts_with("V-"));
    own.map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        format!("{} {} {}", fields[0], &fields[1][5..], fields[8])
    })
    .collect()
}

fn plain(values: &[(u32, u32)]) -> Vec<(u32, String)> {
    values.iter().map(|(account, value)| (*account, value.to_string())).collect()
}

#[test]
fn a_newer_full_feed_withdraws_what_it_lacks_on_both_stores_in_one_run_or_two() {
    let url = fresh_database();
    for (n, sink) in [sqlite("one.db"), sqlite("two.db"), postgres(&url)].into_iter().enumerate() {
        let dietz = empty();
        dietz.topology("topology.toml", &Settings { sink, ..Settings::default() });
        add_to(&dietz, "topology.toml");
        file(&dietz, "vale_4.csv", 4, 18, plain(&[(1, 100), (2, 100), (3, 100)]));
        file(&dietz, "vale_5.csv", 5, 18, plain(&[(1, 110), (2, 110), (3, 110)]));
        if n == 2 {
            dietz.ok(&["migrate"]);
        }
        if n > 0 {
            dietz.ok(&["run"]);
            assert_eq!(rows(&dietz, "topology.toml").len(), 6);
        }
        // By name it comes first.
        file(&dietz, "vale_3_again.csv", 4, 21, plain(&[(1, 100), (2, 101)]));
        dietz.ok(&["run"]);
        let expected = ["V-1 03-04 100", "V-1 03-05 110", "V-2 03-04 101", "V-2 03-05 110", "V-3 03-05 110"];
        assert_eq!(rows(&dietz, "topology.toml"), expected);
        let explained = dietz.ok(&["explain", "V-3", "2025-03-05"]);
        assert!(explained.contains("withdrawn: a newer full feed of the same date lacks it"), "{explained}");
        let again = dietz.ok(&["run", "--from-start"]);
        assert!(again.contains("rows          0 new, 0 changed, 0 removed"), "{again}");
        // What the newer file lacked comes back with a newer one still.
        file(&dietz, "vale_4_third.csv", 4, 22, plain(&[(1, 100), (3, 99)]));
        dietz.ok(&["run"]);
        let expected = ["V-1 03-04 100", "V-1 03-05 110", "V-2 03-05 110", "V-3 03-04 99", "V-3 03-05 110"];
        assert_eq!(rows(&dietz, "topology.toml"), expected);
    }
}

#[test]
fn a_newer_feed_with_a_line_nobody_can_read_withdraws_nothing() {
    let dietz = empty();
    dietz.topology("topology.toml", &Settings::default());
    add_to(&dietz, "topology.toml");
    file(&dietz, "vale_4.csv", 4, 18, plain(&[(1, 100), (2, 100), (3, 100)]));
    file(&dietz, "vale_4_b.csv", 4, 21, plain(&[(1, 101)]));
    let path = dietz.path("vale/vale_4_b.csv");
    let text = std::fs::read_to_string(&path).expect("the file");
    std::fs::write(&path, text + ",,\"x\n").expect("writable");
    dietz.ok(&["run"]);
    assert_eq!(rows(&dietz, "topology.toml"), ["V-1 03-04 101", "V-2 03-04 100", "V-3 03-04 100"]);
}

#[test]
fn parts_of_one_day_that_were_made_at_one_time_stand_side_by_side() {
    let dietz = empty();
    dietz.topology("topology.toml", &Settings::default());
    add_to(&dietz, "topology.toml");
    file(&dietz, "vale_east.csv", 4, 18, plain(&[(1, 100)]));
    file(&dietz, "vale_west.csv", 4, 18, plain(&[(2, 100)]));
    dietz.ok(&["run"]);
    assert_eq!(rows(&dietz, "topology.toml"), ["V-1 03-04 100", "V-2 03-04 100"]);
}
