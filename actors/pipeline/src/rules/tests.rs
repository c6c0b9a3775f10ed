use super::*;
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
        let set =
            rules(&file(&folder, &format!("rules.{} = {{ block = {{ bp = 7 }} }}", rule.as_str()))).unwrap();
        let limit = Limit { bp: 7.into(), ..Limit::default() };
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
