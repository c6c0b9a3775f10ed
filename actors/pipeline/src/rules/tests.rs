use super::*;
use returns::Decimal;
use returns::tolerance::Measure;
use std::path::PathBuf;
use tempfile::TempDir;

/// A topology file with these lines in its checker.
fn file(folder: &TempDir, checker: &str) -> Topology {
    let text = format!(
        "[sources.a]\ntype = \"file\"\npath = \"in\"\n[decoders.b]\ninputs = [\"a\"]\nvendors = \"v\"\n\
         [accumulators.c]\ninputs = [\"b\"]\n[checkers.d]\ninputs = [\"c\"]\n{checker}\n\
         [sinks.e]\ninputs = [\"d\"]\ntype = \"sqlite\"\n"
    );
    let path: PathBuf = folder.path().join("topology.toml");
    std::fs::write(&path, &text).unwrap();
    Topology::parse(&text, &path).unwrap()
}

fn told(checker: &str) -> Vec<(usize, usize, String, Option<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let problems = rules(&file(&folder, checker)).err().unwrap_or_default();
    problems.into_iter().map(|p| (p.line, p.column, p.message, p.help)).collect()
}

#[test]
fn every_rule_can_be_set_by_its_name_and_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    for rule in Rule::ALL {
        let measures: Vec<String> = rule.measures().iter().map(|m| format!("{} = 7", m.as_str())).collect();
        let line = format!("rules.{} = {{ block = {{ {} }} }}", rule.as_str(), measures.join(", "));
        let set = rules(&file(&folder, &line)).unwrap();
        let takes = |measure| rule.measures().contains(&measure);
        let amount = |measure| if takes(measure) { 7.into() } else { Decimal::ZERO };
        let limit = Limit {
            money: amount(Measure::Money),
            bp: amount(Measure::Bp),
            days: if takes(Measure::Days) { 7 } else { 0 },
        };
        for other in Rule::ALL {
            let expected = (other == rule).then_some(limit);
            assert_eq!(set.of(other).block, expected, "{} by {}", other.as_str(), rule.as_str());
        }
        assert!(set.of(rule).warn.is_none(), "only the block was said");
    }
}

#[test]
fn a_name_that_is_no_rule_is_told_with_its_place_and_the_nearest() {
    assert_eq!(
        told("rules.roll_foward = { warn = {} }"),
        [(11, 7, "no rule is called `roll_foward`".into(), Some("did you mean `roll_forward`?".into()))]
    );
}

#[test]
fn a_measure_the_rule_ignores_is_told_with_its_place_and_what_the_rule_takes() {
    let refused = |checker: &str| {
        let told = told(checker).into_iter();
        told.map(|(line, column, message, help)| (line, column, message, help.unwrap())).collect::<Vec<_>>()
    };
    let at = |column, message: &str, help: &str| (11, column, message.to_owned(), help.to_owned());
    assert_eq!(
        refused("rules.stale_value = { warn = { money = 1 } }"),
        [at(32, "`stale_value` takes no `money`", "it takes `days`")]
    );
    assert_eq!(
        refused("rules.roll_forward = { warn = { bp = 1 }, block = { bp = 2, days = 0 } }"),
        [at(61, "`roll_forward` takes no `days`", "it takes `money` and `bp`")]
    );
    assert_eq!(
        refused("rules.pinned = { warn = { bp = 1 } }"),
        [at(27, "`pinned` takes no `bp`", "it takes no measure: write `{}`")]
    );
    for (rule, measure) in [("return_outlier", "days"), ("bad_share", "money"), ("vendor_return", "money")] {
        let found = refused(&format!("rules.{rule} = {{ warn = {{ {measure} = 1 }} }}"));
        assert_eq!(found.len(), 1, "{rule}");
        assert_eq!(found[0].2, format!("`{rule}` takes no `{measure}`"));
    }
}

#[test]
fn all_names_that_are_no_rules_are_told_at_once() {
    let lines: Vec<usize> =
        told("rules.x = { warn = {} }\nrules.pinned = {}\nrules.y = {}").iter().map(|t| t.0).collect();
    assert_eq!(lines, [11, 13]);
}

#[test]
fn a_calendar_is_a_name_or_a_file_below_the_topologys_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in Calendar::NAMES {
        assert!(rules(&file(&folder, &format!("calendar = \"{name}\""))).is_ok(), "{name}");
    }
    std::fs::write(folder.path().join("closed.txt"), "2025-01-01\n").unwrap();
    assert!(rules(&file(&folder, "calendar = \"closed.txt\"")).is_ok());
    std::fs::write(folder.path().join("bad.txt"), "New Year\n").unwrap();
    let bad = rules(&file(&folder, "calendar = \"bad.txt\"")).err().unwrap();
    assert_eq!((bad[0].line, bad[0].column), (11, 12));
    assert!(bad[0].message.starts_with("bad.txt: "), "{}", bad[0].message);
    let missing = told("calendar = \"XNY\"");
    assert_eq!(
        missing,
        [(
            11,
            12,
            "`XNY` is no calendar and no file of closed days".into(),
            Some("did you mean `XNYS`?".into())
        )]
    );
}
