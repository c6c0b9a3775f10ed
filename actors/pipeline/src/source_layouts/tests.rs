use super::*;
use crate::topology::Topology;
use std::path::Path;
use store::Names;

/// The layouts of mappings with these names and what `[detect]` says in them.
fn layouts(mappings: &[(&str, &str)]) -> LayoutSet {
    let folder = tempfile::tempdir().unwrap();
    for (name, detect) in mappings {
        let own = folder.path().join("vendors").join(name);
        std::fs::create_dir_all(&own).unwrap();
        let text = format!(
            "name = \"{name}\"\nversion = 1\n{detect}\n[format]\ntype = \"delimited\"\n\
             [[observation]]\nkind = \"summary\"\naccount = \"Account\"\nas_of = \"Date\"\nend = \"Value\"\n"
        );
        std::fs::write(own.join("mapping.toml"), text).unwrap();
    }
    let text = "[sources.a]\ntype = \"file\"\npath = \"in\"\n[decoders.b]\ninputs = [\"a\"]\nvendors = \"vendors\"\n\
                [accumulators.c]\ninputs = [\"b\"]\n[checkers.d]\ninputs = [\"c\"]\n[sinks.e]\ninputs = [\"d\"]\ntype = \"sqlite\"\n";
    let topology = Topology::parse(text, &folder.path().join(Path::new("topology.toml"))).unwrap();
    LayoutSet::load(&topology, &Names::default()).unwrap()
}

fn detects(glob: &str) -> String {
    format!("[detect]\nfile = [\"{glob}\"]")
}

/// The layout chosen for a file, or the code it is refused with.
fn chosen(set: &LayoutSet, vendors: &[&str], eventbridge: bool, file: &str) -> Result<String, String> {
    let vendors: Vec<String> = vendors.iter().map(|v| (*v).to_owned()).collect();
    let chosen = SourceLayouts::new(set, &vendors, eventbridge).choose(file, b"Account,Date,Value\n");
    chosen.map(|layout| layout.vendor().to_owned()).map_err(|refused| refused.code.to_owned())
}

#[test]
fn a_file_goes_to_the_one_layout_that_knows_it_and_to_none_when_two_do() {
    let set = layouts(&[("harbor", &detects("h*")), ("tide", &detects("*.csv"))]);
    assert_eq!(chosen(&set, &[], false, "h.txt"), Ok("harbor".into()));
    assert_eq!(chosen(&set, &[], false, "x.csv"), Ok("tide".into()));
    assert_eq!(chosen(&set, &[], false, "h.csv"), Err("ambiguous_layout".into()));
    assert_eq!(chosen(&set, &[], false, "x.txt"), Err("unknown_layout".into()));
    assert_eq!(chosen(&set, &["harbor"], false, "h.csv"), Ok("harbor".into()), "named by the source");
}

#[test]
fn the_only_layout_of_a_source_needs_no_detect_and_keeps_to_one_it_has() {
    let set = layouts(&[("harbor", "")]);
    assert_eq!(chosen(&set, &[], false, "whatever"), Ok("harbor".into()));
    let set = layouts(&[("harbor", &detects("h*"))]);
    assert_eq!(chosen(&set, &[], false, "whatever"), Err("unknown_layout".into()));
    assert_eq!(chosen(&set, &["harbor"], false, "whatever"), Ok("harbor".into()));
}

#[test]
fn events_are_corrections_and_feeds_never_are() {
    let set = layouts(&[("harbor", "")]);
    assert_eq!(chosen(&set, &[], true, "corrections.jsonl"), Ok(CORRECTIONS.into()));
    assert_eq!(chosen(&set, &[], false, "corrections.jsonl"), Ok("harbor".into()));
}
