//! Files read again with a later version of their mapping: what they gave before is taken back, all at once.
use super::crash::{at, embedded, start_and_kill};
use super::dietz::{Dietz, Settings, postgres, sqlite};
use super::feeds::{add_to, resent};
use crate::postgres::fresh_database;
use load_tests::{Feed, Share};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::sync::Arc;
use store::Store;

/// A custodian's day. The first version of its mapping knows no `XIN`, tells deposits apart by the wrong column, and takes what it tries out
/// for an account.
const FIRST: &str = r##"
name = "bay"
version = 1
account_no = "B-{vendor_account}"
flows_from = "detail"

[detect]
file = ["bay_*.csv"]

[feed]
delivery = "delta"

[format]
type = "delimited"

[[observation]]
kind = "valuation"
when = { field = "type", one_of = ["VAL"] }
account = "account"
as_of = "date"
value = "amount"

[[observation]]
kind = "flow"
when = { field = "type", one_of = ["TRX"] }
account = "account"
as_of = "date"
class = { lookup = { columns = ["code"], table = [["DEP", "contribution"]] } }
amount = "amount"
description = "memo"
"##;

const FILE: &str = "\
type,account,date,code,amount,memo,note
VAL,1,2025-03-03,,1000,,
VAL,1,2025-03-04,,1600,,
TRX,1,2025-03-04,DEP,500,9811,wire
TRX,1,2025-03-04,DEP,90,9812,cheque
VAL,2,2025-03-03,,50,,
VAL,2,2025-03-04,,80,,
TRX,2,2025-03-04,XIN,30,9813,transfer
VAL,TRY,2025-03-03,,7,,
TRX,1,2025-03-04,???,1,9814,nobody knows
";

fn put_right(dietz: &Dietz) {
    let mapping = "vendors/bay/mapping.toml";
    dietz.change(mapping, "version = 1", "version = 2");
    dietz.change(
        mapping,
        "[\"DEP\", \"contribution\"]",
        "[\"DEP\", \"contribution\"], [\"XIN\", \"transfer_in\"]",
    );
    dietz.change(mapping, "description = \"memo\"", "description = \"note\"");
    let text = std::fs::read_to_string(dietz.path(mapping)).expect("the mapping");
    let trial = "\n[[ignore]]\nclass = \"trial\"\nwhen = { field = \"account\", one_of = [\"TRY\"] }\n";
    std::fs::write(dietz.path(mapping), text + trial).expect("writable");
}

fn bay() -> Dietz {
    let dietz = Dietz::generated(&Feed { accounts: 1, days: 1, ..Feed::default() }, Share::percent(0));
    std::fs::create_dir_all(dietz.path("vendors/bay")).expect("a folder");
    std::fs::create_dir_all(dietz.path("bay")).expect("a folder");
    std::fs::write(dietz.path("vendors/bay/mapping.toml"), FIRST).expect("writable");
    std::fs::write(dietz.path("bay/bay_1.csv"), FILE).expect("writable");
    dietz
}

fn topology(dietz: &Dietz, file: &str, sink: String) {
    dietz.topology(file, &Settings { sink, batch_records: 3, ..Settings::default() });
    dietz.change(
        file,
        "inputs = [\"feeds\", \"corrections\"]",
        "inputs = [\"feeds\", \"corrections\", \"bay\"]",
    );
    let text = std::fs::read_to_string(dietz.path(file)).expect("a topology");
    let source = "\n[sources.bay]\ntype = \"file\"\npath = \"bay\"\nbatch_records = 3\n";
    std::fs::write(dietz.path(file), text + source).expect("writable");
}

/// The custodian's rows: number, date, contributions, value, verdict.
fn rows(dietz: &Dietz, topology: &str) -> Vec<String> {
    let report = dietz.report(topology);
    let own = report.lines().filter(|line| line.starts_with("B-"));
    let fields = own.map(|line| line.split(',').collect::<Vec<_>>());
    fields.map(|f| format!("{} {} {} {} {}", f[0], &f[1][5..], f[3], f[8], f[16])).collect()
}

#[test]
fn a_mapping_put_right_takes_back_what_it_gave_and_gives_what_a_fresh_store_has_on_both_stores() {
    let url = fresh_database();
    for sink in [sqlite("dietz.db"), postgres(&url)] {
        let dietz = bay();
        topology(&dietz, "topology.toml", sink);
        dietz.ok(&["migrate"]);
        dietz.ok(&["run"]);
        let before = rows(&dietz, "topology.toml");
        let held = "B-1 03-04 590 1600 held";
        assert_eq!(
            before,
            [
                "B-1 03-03 0 1000 final",
                held,
                "B-2 03-03 0 50 final",
                "B-2 03-04 0 80 held",
                "B-TRY 03-03 0 7 final"
            ]
        );

        put_right(&dietz);
        dietz.ok(&["run"]);
        assert_eq!(
            rows(&dietz, "topology.toml"),
            before,
            "what stands at its end is not read again by itself"
        );
        dietz.ok(&["run", "--from-start"]);
        let after = ["B-1 03-03 0 1000 final", held, "B-2 03-03 0 50 final", "B-2 03-04 30 80 final"];
        assert_eq!(rows(&dietz, "topology.toml"), after);
        topology(&dietz, "fresh.toml", sqlite("fresh.db"));
        dietz.ok(&["run", "fresh.toml"]);
        assert_eq!(dietz.report("topology.toml"), dietz.report("fresh.toml"));

        let quarantine = dietz.ok(&["quarantine", "list"]);
        assert!(quarantine.contains("unknown_code") && !quarantine.contains("XIN"), "{quarantine}");
        assert_eq!(
            quarantine.matches("unknown_code").count(),
            1,
            "the one that nobody knows yet: {quarantine}"
        );
        let explained = dietz.ok(&["explain", "B-1", "2025-03-04"]);
        assert!(explained.contains("read again with a later version of its mapping"), "{explained}");
        let was_held = dietz.ok(&["explain", "B-2", "2025-03-04"]);
        assert!(was_held.contains("; read since by a later version of its mapping"), "{was_held}");
        assert!(was_held.contains("was read again with a later version of its mapping"), "{was_held}");

        let again = dietz.ok(&["run", "--from-start"]);
        assert!(again.contains("rows          0 new, 0 changed, 0 removed"), "{again}");
        dietz.change("vendors/bay/mapping.toml", "version = 2", "version = 1");
        for asked in [&["run"][..], &["check", "--connect"]] {
            let refused = dietz.output(asked);
            assert_eq!(refused.status.code(), Some(3), "{asked:?}");
            let why = super::dietz::text(&refused.stderr);
            assert!(
                why.contains("`bay` has version 1") && why.contains("give it version 3 or more"),
                "{why}"
            );
        }
    }
}

async fn killed_while_reading_again(sink: String, open: impl AsyncFn(&Dietz) -> Arc<dyn Store>) {
    let dietz = Dietz::generated(&Feed { accounts: 1, days: 1, ..Feed::default() }, Share::percent(0));
    resent(&dietz);
    dietz.topology("topology.toml", &Settings { sink, batch_rows: 150, ..Settings::default() });
    add_to(&dietz, "topology.toml");
    let store = open(&dietz).await;
    store.migrate().await.expect("tables");
    let mut chance = SmallRng::seed_from_u64(11);
    let mut between = u32::from(start_and_kill(&dietz, &*store, &["run"], &mut chance).await);
    dietz.change("vendors/vale/mapping.toml", "version = 1", "version = 2");
    dietz.change("vendors/vale/mapping.toml", "contributions = \"in\"", "distributions = \"in\"");
    // What was read in part is read as a whole; what was read to its end with the first version stays.
    between += u32::from(start_and_kill(&dietz, &*store, &["run"], &mut chance).await);
    dietz.ok(&["run"]);
    for _ in 0..6 {
        between += u32::from(start_and_kill(&dietz, &*store, &["run", "--from-start"], &mut chance).await);
    }
    assert!(between >= 5, "only {between} of 8 kills fell between the first and the last commit");
    dietz.ok(&["run", "--from-start"]);
    dietz.topology("fresh.toml", &Settings { sink: sqlite("fresh.db"), ..Settings::default() });
    add_to(&dietz, "fresh.toml");
    dietz.change("vendors/vale/mapping.toml", "version = 1", "version = 2");
    dietz.change("vendors/vale/mapping.toml", "contributions = \"in\"", "distributions = \"in\"");
    dietz.ok(&["run", "fresh.toml"]);
    let (killed, fresh) = (dietz.report("topology.toml"), dietz.report("fresh.toml"));
    assert_eq!(killed.lines().zip(fresh.lines()).find(|(killed, fresh)| killed != fresh), None);
    assert_eq!(killed.lines().count(), fresh.lines().count());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_reads_again_the_embedded_store_ends_as_a_fresh_one() {
    killed_while_reading_again(sqlite("dietz.db"), async |dietz| embedded(dietz).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_reads_again_postgres_ends_as_a_fresh_store() {
    let url = fresh_database();
    killed_while_reading_again(postgres(&url), async |_| at(&url).await).await;
}

/// Its days need flows, which come in files of their own.
const VALUES: &str = r##"
name = "quay_values"
vendor = "quay"
version = 1
flows_from = "detail"
day_needs = ["values", "flows"]

[detect]
file = ["values_*.csv"]

[feed]
delivery = "delta"

[format]
type = "delimited"

[[observation]]
kind = "valuation"
account = "account"
as_of = "date"
value = "amount"
"##;

const ACTIVITY: &str = r##"
name = "quay_activity"
vendor = "quay"
version = 1
flows_from = "detail"
day_needs = ["values", "flows"]

[detect]
file = ["activity_*.csv"]

[feed]
delivery = "delta"
business_date = "@made"

[format]
type = "delimited"
header_starts = "account,"

[[format.capture]]
name = "made"
starts = "Made,"
column = 2

[[format.capture]]
name = "of"
starts = "Made,"
column = 3

[[observation]]
kind = "flow"
account = "account"
as_of = "date"
class = "contribution"
amount = "amount"
"##;

#[test]
fn days_completed_by_a_date_that_was_read_wrong_are_open_again_for_every_account_of_the_vendor() {
    let dietz = Dietz::generated(&Feed { accounts: 1, days: 1, ..Feed::default() }, Share::percent(0));
    for (name, mapping) in [("values", VALUES), ("activity", ACTIVITY)] {
        std::fs::create_dir_all(dietz.path(&format!("vendors/quay_{name}"))).expect("a folder");
        std::fs::write(dietz.path(&format!("vendors/quay_{name}/mapping.toml")), mapping).expect("writable");
    }
    std::fs::create_dir_all(dietz.path("bay")).expect("a folder");
    let values = "account,date,amount\nB-1,2025-03-03,100\nB-2,2025-03-03,200\n";
    std::fs::write(dietz.path("bay/values_1.csv"), values).expect("writable");
    let activity = "Made,2025-03-04,2025-02-28\naccount,date,amount\nB-1,2025-02-28,5\n";
    std::fs::write(dietz.path("bay/activity_1.csv"), activity).expect("writable");
    topology(&dietz, "topology.toml", sqlite("dietz.db"));
    dietz.ok(&["run"]);
    let row = |account: u32, verdict: &str| {
        format!("B-{account} 03-03 {} {account}00 {verdict}", if account == 1 { "5" } else { "0" })
    };
    assert_eq!(rows(&dietz, "topology.toml"), [row(1, "final"), row(2, "final")]);
    dietz.change("vendors/quay_activity/mapping.toml", "version = 1", "version = 2");
    dietz.change(
        "vendors/quay_activity/mapping.toml",
        "business_date = \"@made\"",
        "business_date = \"@of\"",
    );
    dietz.ok(&["run", "--from-start"]);
    assert_eq!(rows(&dietz, "topology.toml"), [row(1, "preliminary"), row(2, "preliminary")]);
}

const COUNTED: &str = r##"
name = "bay"
version = 1
account_no = "B-{vendor_account}"

[detect]
file = ["bay_*.csv"]

[feed]
delivery = "delta"

[format]
type = "delimited"
footer_starts = ["T,"]

[[format.capture]]
name = "count"
starts = "T,"
column = 2

[[observation]]
kind = "valuation"
account = "account"
as_of = "date"
value = "amount"
"##;

#[test]
fn a_feed_that_waits_as_it_is_read_again_takes_back_what_it_gave_and_gives_it_again_when_it_is_right() {
    let dietz = bay();
    std::fs::write(dietz.path("vendors/bay/mapping.toml"), COUNTED).expect("writable");
    let file = "account,date,amount\n1,2025-03-03,10\n1,2025-03-04,11\nT,3\n";
    std::fs::write(dietz.path("bay/bay_1.csv"), file).expect("writable");
    topology(&dietz, "topology.toml", sqlite("dietz.db"));
    dietz.ok(&["run"]);
    let both = ["B-1 03-03 0 10 final", "B-1 03-04 0 11 final"];
    assert_eq!(rows(&dietz, "topology.toml"), both);
    let again = |from: &str, to: &str| {
        dietz.change("vendors/bay/mapping.toml", from, to);
        dietz.ok(&["run", "--from-start"]);
        rows(&dietz, "topology.toml")
    };
    dietz.change(
        "vendors/bay/mapping.toml",
        "delivery = \"delta\"",
        "delivery = \"delta\"\ncount = \"@count\"",
    );
    assert_eq!(again("version = 1", "version = 2"), [""; 0], "its trailer says three");
    dietz.ok(&["run"]);
    assert_eq!(rows(&dietz, "topology.toml"), [""; 0], "a run that begins anew knows it");
    dietz.change(
        "vendors/bay/mapping.toml",
        "count = \"@count\"",
        "count = \"@count\"\ncount_includes = [\"header\"]",
    );
    assert_eq!(again("version = 2", "version = 3"), both, "the header counts as well");
}
