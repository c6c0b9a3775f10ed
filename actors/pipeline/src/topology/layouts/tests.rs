use super::*;
use returns::policy::{FlowTiming, PossibleDuplicate};
use tempfile::TempDir;

/// A folder with a topology and mappings, each with the lines given to it.
struct Folder(TempDir);

impl Folder {
    fn with(mappings: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, head) in mappings {
            let text = format!(
                "name = \"{name}\"\nversion = 1\n{head}\n[format]\ntype = \"delimited\"\n\
                 [[observation]]\nkind = \"summary\"\naccount = \"Account\"\nas_of = \"Date\"\nend = \"Value\"\n"
            );
            folder.write(&format!("vendors/{name}/mapping.toml"), &text);
        }
        folder
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn load(
        &self,
        source: &str,
        decoder: &str,
        accumulator: &str,
    ) -> Result<(LayoutSet, Names), Vec<String>> {
        let text = format!(
            "[sources.a]\ntype = \"file\"\npath = \"in\"\n{source}\n[accumulators.c]\ninputs = [\"b\"]\n{accumulator}\n\
             [checkers.d]\ninputs = [\"c\"]\n[sinks.e]\ninputs = [\"d\"]\ntype = \"sqlite\"\n\
             [decoders.b]\ninputs = [\"a\"]\n{decoder}\n"
        );
        self.write("topology.toml", &text);
        let topology = Topology::parse(&text, &self.0.path().join("topology.toml")).unwrap();
        let names = Names::default();
        let loaded = LayoutSet::load(&topology, &names);
        let below = format!("{}/", self.0.path().display());
        let told = |p: Vec<Problem>| p.iter().map(|p| p.to_string().replace(&below, "")).collect();
        loaded.map(|set| (set, names)).map_err(told)
    }

    fn told(&self, source: &str, decoder: &str, accumulator: &str) -> Vec<String> {
        self.load(source, decoder, accumulator).err().unwrap_or_default()
    }
}

const ALL: &str = "vendors = \"vendors\"";

fn names(set: &LayoutSet) -> Vec<(&str, &str)> {
    set.iter().map(|l| (l.layout.name(), &*l.vendor_name)).collect()
}

#[test]
fn a_folder_of_folders_gives_every_layout_in_it_and_corrections_besides() {
    let folder = Folder::with(&[("tide", ""), ("harbor", "account_no = \"H-{vendor_account}\"")]);
    let (set, _) = folder.load("", ALL, "").unwrap();
    assert_eq!(names(&set), [("harbor", "harbor"), ("tide", "tide"), ("corrections", "corrections")]);
    let account_nos: Vec<&str> = set.iter().map(|l| &*l.account_no).collect();
    assert_eq!(account_nos, ["H-{vendor_account}", "{vendor_account}", "{vendor_account}"]);
    let (one, _) = folder.load("", "vendors = [\"vendors/tide\"]", "").unwrap();
    assert_eq!(names(&one), [("tide", "tide"), ("corrections", "corrections")]);
}

#[test]
fn layouts_of_one_vendor_share_its_number_and_its_accounts() {
    let folder = Folder::with(&[("values", "vendor = \"harbor\""), ("activity", "vendor = \"harbor\"")]);
    let (set, names) = folder.load("vendors = [\"harbor\"]", ALL, "").unwrap();
    let vendors: Vec<_> = set.iter().take(2).map(|l| (l.vendor, names.vendor_name(l.vendor))).collect();
    assert_eq!(vendors[0], vendors[1]);
    assert_eq!(vendors[0].1.as_deref(), Some("harbor"));
}

#[test]
fn layouts_of_one_vendor_that_disagree_are_told() {
    let disagree = |a: &str, b: &str| {
        let (a, b) = (format!("vendor = \"harbor\"\n{a}"), format!("vendor = \"harbor\"\n{b}"));
        Folder::with(&[("activity", &a), ("values", &b)]).told("", ALL, "")
    };
    let expected = "vendors/values/mapping.toml: `values` and `activity` are layouts of the vendor `harbor` and do not agree on its \
                    conventions (give both the same flows_from, value_from, account_no, zone and so on)";
    assert_eq!(disagree("flows_from = \"detail\"", ""), [expected]);
    assert_eq!(disagree("", "account_no = \"H-{vendor_account}\""), [expected]);
    assert_eq!(disagree("zone = \"America/New_York\"", "zone = \"Europe/London\""), [expected]);
    assert_eq!(disagree("zone = \"Europe/London\"", "zone = \"Europe/London\""), Vec::<String>::new());
}

#[test]
fn a_layout_named_twice_is_told() {
    let folder = Folder::with(&[("harbor", "")]);
    let text = std::fs::read_to_string(folder.0.path().join("vendors/harbor/mapping.toml")).unwrap();
    folder.write("vendors/port/mapping.toml", &text);
    assert_eq!(folder.told("", ALL, ""), ["vendors/port/mapping.toml: a second layout is called `harbor`"]);
}

#[test]
fn names_that_mean_something_else_are_no_vendors() {
    for name in RESERVED {
        let own = Folder::with(&[(name, "")]).told("", ALL, "");
        assert_eq!(own.len(), 1, "{own:?}");
        assert!(own[0].contains(&format!("layout can be called `{name}`")), "{own:?}");
        let vendor = Folder::with(&[("harbor", &format!("vendor = \"{name}\""))]).told("", ALL, "");
        assert_eq!(vendor.len(), 1, "{vendor:?}");
        let layout = Folder::with(&[(name, "vendor = \"harbor\"")]).told("", ALL, "");
        assert_eq!(layout.len(), 1, "a layout of that name would take the place of another: {layout:?}");
    }
}

#[test]
fn vendors_nobody_knows_are_told_with_the_nearest_name() {
    let folder = Folder::with(&[("harbor", ""), ("tide", "")]);
    let decoder = "vendors = \"vendors\"\n[decoders.b.vendor.tid]\nflow_timing = \"mid\"";
    assert_eq!(
        folder.told("vendors = [\"harbour\", \"tide\"]", decoder, "precedence = [\"abcdefghijkl\"]"),
        [
            "topology.toml:4:12: no vendor is called `harbour` (did you mean `harbor`?)",
            "topology.toml:16:20: no vendor is called `tid` (did you mean `tide`?)",
            "topology.toml:7:15: no vendor is called `abcdefghijkl` (known: harbor, tide)",
        ]
    );
}

#[test]
fn a_folder_without_a_mapping_and_a_mapping_that_is_wrong_are_both_told() {
    let folder = Folder::with(&[("harbor", "zonne = \"UTC\"")]);
    let told = folder.told("", "vendors = [\"vendors\", \"nowhere\"]", "");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "vendors/harbor/mapping.toml:3:1: unknown key `zonne` (did you mean `zone`?)");
    assert_eq!(
        told[1],
        "topology.toml:15:23: no mapping.toml in `nowhere` nor in a folder below it (name a folder with a mapping.toml, or a folder of such folders)"
    );
}

#[test]
fn a_vendor_whose_mapping_is_wrong_is_not_called_unknown_as_well() {
    let folder = Folder::with(&[("harbor", "zonne = \"UTC\""), ("tide", "")]);
    let told = folder.told("vendors = [\"harbor\"]", "vendors = \"vendors\"", "");
    assert_eq!(told, ["vendors/harbor/mapping.toml:3:1: unknown key `zonne` (did you mean `zone`?)"]);
}

#[test]
fn the_policy_is_each_vendors_own_under_what_the_topology_says() {
    let own = "flow_timing = \"end\"\nflows_from = \"detail\"";
    let folder = Folder::with(&[("harbor", own), ("quay", own), ("tide", "")]);
    let of = |set: &LayoutSet, names: &Names, name: &str| set.policy.vendor(names.vendor(name)).clone();

    let (set, names) = folder.load("", ALL, "").unwrap();
    assert_eq!(of(&set, &names, "harbor").flow_timing, FlowTiming::End);
    assert_eq!(of(&set, &names, "harbor").flows_from, returns::policy::FlowsFrom::Detail);

    let decoder = "vendors = \"vendors\"\n[decoders.b.vendor.quay]\nflow_timing = \"mid\"\npossible_duplicate = \"distinct\"\n\
                   account_no = \"Q{vendor_account}\"";
    let accumulator = "flow_timing = \"start\"\nprecedence = [\"tide\", \"quay\"]\nfailover = true\nresidual = \"9\"\nreopen_after = 5";
    let (set, names) = folder.load("", decoder, accumulator).unwrap();
    assert_eq!(of(&set, &names, "harbor").flow_timing, FlowTiming::Start, "for all vendors");
    let quay = of(&set, &names, "quay");
    assert_eq!((quay.flow_timing, quay.possible_duplicate), (FlowTiming::Mid, PossibleDuplicate::Distinct));
    assert_eq!(set.iter().map(|l| &*l.account_no).collect::<Vec<_>>()[1], "Q{vendor_account}");
    let order: Vec<_> =
        set.policy.precedence.iter().map(|v| names.vendor_name(*v).unwrap().to_string()).collect();
    assert_eq!(order, ["tide", "quay", "corrections", "harbor"], "named ones first, the others by name");
    assert!(set.policy.failover);
    assert_eq!((set.policy.residual, set.policy.reopen_after), (9.into(), Some(5)));
    assert_eq!(set.with_policy_id(12).policy.id, 12);
}
