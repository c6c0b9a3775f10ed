//! What breaks, what is told of it, and what settles it.
use super::command_line::{COUNTED, vendor};

#[test]
fn a_feed_sent_again_whole_under_its_name_resolves_the_break_of_its_count() {
    let dietz = vendor(COUNTED, &[("v.txt", "H\nVA-1  2025-01-07  110.00\nT0002\n")]);
    assert!(dietz.ok(&[]).contains("1 opened, 0 resolved"));
    std::fs::write(dietz.path("in/v.txt"), "H\nVA-1  2025-01-07  110.00\nVA-2  2025-01-07  20.00 \nT0002\n")
        .expect("writable");
    let again = dietz.ok(&[]);
    assert!(again.contains("0 opened, 1 resolved"), "{again}");
    assert_eq!(dietz.report("topology.toml").lines().count(), 3, "and it is in");
    let read_anew = dietz.ok(&["--from-start"]);
    assert!(read_anew.contains("0 opened, 0 resolved"), "{read_anew}");
}

/// A vendor whose lines are values with their flows, or flows one by one.
const BOTH: &str = r#"
name = "quay"
version = 1
base_currency = "USD"
flows_from = "summary"
[format]
type = "delimited"
[[observation]]
kind = "summary"
when = { field = "What", one_of = ["value"] }
account = "Account"
as_of = "Date"
end = "Amount"
net_flow = "Flow"
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

const HEAD: &str = "What,Account,Date,Amount,Flow,Currency,Id\n";

#[test]
fn two_places_that_state_other_flows_break_until_they_agree_in_whatever_order_they_come() {
    let values = format!("{HEAD}value,A-1,2025-01-06,100.00,0,,\nvalue,A-1,2025-01-07,180.00,70,,\n");
    let flows = format!("{HEAD}flow,A-1,2025-01-07,60.00,,USD,T1\n");
    let rules = "inputs = [\"returns\"]\nrules.summary_flows = { block = { money = \"1.00\" } }";
    for names in [["a.csv", "b.csv"], ["b.csv", "a.csv"]] {
        let dietz = vendor(BOTH, &[(names[0], &values), (names[1], &flows)]);
        dietz.change("topology.toml", "inputs = [\"returns\"]", rules);
        dietz.ok(&[]);
        let told = dietz.ok(&["explain", "A-1", "2025-01-07"]);
        let expected = "summary_flows (block, open): expected 70, got 60, tolerance 1; the summary's net flow counts; \
                        the transactions one by one add up to another";
        assert!(told.contains(expected), "{told}");
        let row = dietz.report("topology.toml").lines().nth(2).map(str::to_owned).unwrap_or_default();
        assert!(row.contains(",held,"), "{row}");
        let rest = format!("{HEAD}flow,A-1,2025-01-07,10.00,,USD,T2\n");
        std::fs::write(dietz.path("in/c.csv"), rest).expect("writable");
        let settled = dietz.ok(&[]);
        assert!(settled.contains("0 opened, 1 resolved"), "{settled}");
        assert!(!dietz.report("topology.toml").contains(",held,"), "and nothing is held");
    }
}

#[test]
fn the_facts_of_a_day_without_a_row_are_told_with_what_became_of_each() {
    let feed = format!(
        "{HEAD}value,A-1,2025-01-06,100.00,0,,\nflow,A-1,2025-01-07,5.00,,EUR,T1\nflow,A-1,2025-01-07,2.00,,USD,T2\n"
    );
    let dietz = vendor(BOTH, &[("a.csv", &feed)]);
    dietz.ok(&[]);
    let told = dietz.ok(&["explain", "A-1", "2025-01-07"]);
    assert!(told.contains("no figure: the day has no value"), "{told}");
    let became = |flow: &str| told.lines().skip_while(|l| !l.contains(flow)).nth(3).map(str::trim);
    assert_eq!(became("contribution 5 EUR"), Some("waits (currency)"), "{told}");
    assert_eq!(became("contribution 2 USD"), Some("belongs to the next day that has a value"), "{told}");
}

#[test]
fn a_measure_that_a_rule_ignores_is_refused_with_its_place() {
    let dietz = vendor(COUNTED, &[]);
    let rules = "inputs = [\"returns\"]\nrules.stale_value = { warn = { money = 1 } }";
    dietz.change("topology.toml", "inputs = [\"returns\"]", rules);
    let output = dietz.output(&["check"]);
    let said = super::dietz::text(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("topology.toml:12:32"), "{said}");
    assert!(said.contains("`stale_value` takes no `money`") && said.contains("it takes `days`"), "{said}");
}
