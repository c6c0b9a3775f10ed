//! The repository's own topology.
use super::dietz::{Dietz, checkout, postgres};
use crate::postgres::{fresh_database, fresh_database_with};

/// What a line of the closing summary says.
fn line<'a>(summary: &'a str, head: &str) -> &'a str {
    summary.lines().find(|l| l.starts_with(head)).unwrap_or_else(|| panic!("no `{head}` in\n{summary}"))
}

fn numbers(line: &str) -> Vec<u64> {
    let grouped = line.replace(',', "");
    grouped.split_whitespace().filter_map(|w| w.parse().ok()).collect()
}

#[test]
fn the_shipped_topology_gives_the_stored_report_and_a_second_run_reads_nothing() {
    let dietz = Dietz::shipped();
    let first = dietz.ok(&[]);
    let report = dietz.report("topology.toml");
    let stored = checkout().join("tests/expected/report.csv");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&stored, &report).expect("writable");
    }
    let expected = std::fs::read_to_string(&stored).expect("tests/expected/report.csv");
    assert!(
        report == expected,
        "the report is not the stored one; see the difference with UPDATE_GOLDEN=1 and git diff"
    );

    let records = numbers(line(&first, "records"));
    let [read, decoded, ignored, quarantined] = records[..] else { panic!("{first}") };
    assert_eq!(read, decoded + ignored + quarantined);
    let observations = numbers(line(&first, "observations"));
    let [observed, accepted, unchanged, stale, waiting] = observations[..] else { panic!("{first}") };
    assert_eq!(observed, accepted + unchanged + stale + waiting);
    for count in records.iter().chain(&observations) {
        assert!(*count > 0, "a counter shows nothing in the samples:\n{first}");
    }

    let second = dietz.ok(&[]);
    assert_eq!(numbers(line(&second, "records")), [0, 0, 0, 0], "{second}");
    assert_eq!(numbers(line(&second, "rows")), [0, 0, 0, 0], "{second}");
    assert_eq!(dietz.report("topology.toml"), report);

    let again = dietz.ok(&["run", "--from-start"]);
    assert_eq!(numbers(line(&again, "records")), records, "everything is read again:\n{again}");
    assert_eq!(numbers(line(&again, "observations")), [observed, 0, observed, 0, 0], "{again}");
    assert_eq!(numbers(line(&again, "rows")), [0, 0, 0, 0], "{again}");
    assert_eq!(dietz.report("topology.toml"), report);
}

fn on_postgres(dietz: &Dietz, url: &str) -> String {
    std::fs::copy(dietz.path("topology.toml"), dietz.path("postgres.toml")).expect("a copy");
    let shipped = std::fs::read_to_string(dietz.path("postgres.toml")).expect("a topology");
    let kept = shipped.lines().filter(|l| !l.starts_with("path = \"dietz.db\""));
    let changed: Vec<String> =
        kept.map(|l| if l.starts_with("type = \"sqlite\"") { postgres(url) } else { l.to_owned() }).collect();
    std::fs::write(dietz.path("postgres.toml"), changed.join("\n")).expect("writable");
    dietz.ok(&["migrate", "--topology", "postgres.toml"]);
    dietz.ok(&["run", "postgres.toml"]);
    dietz.report("postgres.toml")
}

#[test]
fn postgres_gives_the_same_report_byte_for_byte() {
    let dietz = Dietz::shipped();
    dietz.ok(&[]);
    assert!(on_postgres(&dietz, &fresh_database()) == dietz.report("topology.toml"));
}

/// What an explanation says, but for what is the store's own: when its clock said a figure was known, and what was published and healed
/// on the way, which depends on how the files fell into transactions.
fn of_the_facts(explained: &str) -> String {
    let (told, _) = explained.split_once("\nwhat it said before").unwrap_or((explained, ""));
    let on_the_way = |line: &str| line == "breaks" || line.contains(", resolved): ");
    let own = |line: &str| line.starts_with("known since ") || line.starts_with("made under policy ");
    let told: Vec<&str> = told.lines().filter(|line| !own(line) && !on_the_way(line)).collect();
    told.join("\n").trim_end().to_owned()
}

#[test]
fn postgres_and_the_embedded_store_explain_a_day_alike() {
    let dietz = Dietz::shipped();
    dietz.ok(&[]);
    let report = on_postgres(&dietz, &fresh_database());
    // One day of each status, and the days the samples' own page tells of.
    let mut seen = std::collections::BTreeSet::new();
    let rows = report.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
    let mut days: Vec<(String, String)> = rows
        .filter(|row| seen.insert(row[14].to_owned()))
        .map(|row| (row[0].to_owned(), row[1].to_owned()))
        .collect();
    let told_of = [
        ("MT-200-0003", "2025-03-10"),
        ("MT-200-0016", "2025-02-03"),
        ("MT-200-0014", "2025-02-06"),
        ("MT-200-0007", "2025-03-12"),
        ("MT-200-0006", "2025-02-24"),
        ("MT-200-0006", "2025-02-27"),
        ("QC-301000045", "2025-02-19"),
        ("QC-301000052", "2025-02-26"),
        ("QC-301000011", "2025-03-06"),
        ("TD-8008", "2025-03-13"),
    ];
    days.extend(told_of.map(|(account, date)| (account.to_owned(), date.to_owned())));
    assert!(days.len() >= 12, "{days:?}");
    for (account, date) in days {
        let of =
            |topology: &str| of_the_facts(&dietz.ok(&["explain", "--topology", topology, &account, &date]));
        let (embedded, postgres) = (of("topology.toml"), of("postgres.toml"));
        assert!(embedded.contains("facts since the row before"), "{embedded}");
        assert_eq!(postgres, embedded, "{account} on {date}");
    }
}

#[test]
fn a_database_with_another_collation_gives_the_same_report() {
    let dietz = Dietz::shipped();
    dietz.ok(&[]);
    let url = fresh_database_with("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
    assert!(on_postgres(&dietz, &url) == dietz.report("topology.toml"));
}

#[test]
fn every_status_of_the_figures_is_in_the_samples() {
    let report =
        std::fs::read_to_string(checkout().join("tests/expected/report.csv")).expect("the stored report");
    let rows: Vec<Vec<&str>> = report.lines().skip(1).map(|l| l.split(',').collect()).collect();
    for status in returns::Status::ALL {
        assert!(rows.iter().any(|r| r[14] == status.as_str()), "no row is `{}`", status.as_str());
    }
    let accounts: std::collections::BTreeSet<&str> = rows.iter().map(|r| r[0]).collect();
    let days: std::collections::BTreeSet<&str> = rows.iter().map(|r| r[1]).collect();
    assert!(accounts.len() >= 40, "{} accounts", accounts.len());
    assert!(days.len() >= 60, "{} days", days.len());
}

#[test]
fn what_the_readme_shows_of_records_and_observations_is_what_a_run_says() {
    let dietz = Dietz::shipped();
    let said = dietz.ok(&[]);
    let readme = std::fs::read_to_string(checkout().join("README.md")).expect("the README");
    let shown =
        |begin: &str| readme.lines().find(|line| line.starts_with(begin)).expect("a line of the summary");
    for begin in ["source        custody", "records       ", "observations  ", "store         "] {
        assert!(said.lines().any(|line| line == shown(begin)), "README shows {}\n{said}", shown(begin));
    }
}
