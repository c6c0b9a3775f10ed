//! A mapping's mistakes: all at once, each with its place and the nearest right word.
use codecs::Layout;

fn problems(text: &str) -> Vec<String> {
    Layout::compile(text, "m.toml").err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_the_right_word() {
    let text = r#"name = "Harbor"
version = 1
zone = "America/New_Yrok"
flow_from = "summary"
[format]
type = "delimited"
delimeter = ";"
encoding = "latin1"
[[observation]]
kind = "sumary"
[[observation]]
kind = "summary"
acount = "A"
account = { field = "A", trimm = true }
as_of = { field = "D", parse = "%Y/%q" }
end = { sum = ["V", { field = "W", scal = 2 }] }
reported_return = "R"
[[ignore]]
class = "total"
"#;
    let found = problems(text);
    for expected in [
        "m.toml:1:8: a name has lower-case letters, digits, `_` and `-`",
        "m.toml:3:8: `America/New_Yrok` is no time zone (an IANA name such as `America/New_York`)",
        "m.toml:4:1: unknown key `flow_from` (did you mean `flows_from`?)",
        "m.toml:7:1: unknown key `delimeter` (did you mean `delimiter`?)",
        "m.toml:8:12: `latin1` is not known here (known: utf-8, cp1252)",
        "m.toml:10:8: `sumary` is not known here (did you mean `summary`?)",
        "m.toml:13:1: unknown key `acount` (did you mean `account`?)",
        "m.toml:14:26: unknown key `trimm` (did you mean `trim`?)",
        "m.toml:16:36: unknown key `scal` (did you mean `scale`?)",
        "m.toml:17:19: a return has a `unit`: \"percent\" or \"fraction\"",
        "m.toml:18:1: this would leave out every record: say which by `when`, `record` or `section`",
    ] {
        assert!(found.iter().any(|f| f == expected), "{expected}\nis not among\n{}", found.join("\n"));
    }
    assert!(
        found.iter().any(|f| f.starts_with("m.toml:15:") && f.contains("unknown directive")),
        "{found:?}"
    );
    let places: Vec<usize> = found.iter().map(|f| f.split(':').nth(1).unwrap().parse().unwrap()).collect();
    assert!(places.is_sorted(), "in the order of the file");
}

#[test]
fn a_mapping_that_reads_flows_from_both_sides_says_which_count() {
    let text = "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[observation]]\nkind = \"summary\"\naccount = \"a\"\nas_of = \"d\"\n\
        end = \"e\"\ncontributions = \"c\"\n[[observation]]\nkind = \"flow\"\naccount = \"a\"\nas_of = \"d\"\nclass = \"contribution\"\namount = \"f\"\n";
    assert!(problems(text)[0].contains("`flows_from = \"summary\"` or `\"detail\"`"));
    assert_eq!(problems(&format!("flows_from = \"detail\"\n{text}")), Vec::<String>::new());
}

#[test]
fn a_field_that_a_fixed_layout_does_not_have_is_named_with_the_nearest_one() {
    let text = "name = \"a\"\nversion = 1\n[format]\ntype = \"fixed\"\n[[format.record]]\nname = \"d\"\nfields.account = { start = 1, length = 3 }\n\
        fields.end = { start = 4, length = 3, to = 9, form = 1 }\n[[observation]]\nkind = \"summary\"\nrecord = \"x\"\naccount = \"acount\"\nas_of = \"@date\"\nend = \"end\"\n";
    let found = problems(text).join("\n");
    assert!(found.contains("unknown key `form` (did you mean `from`?)"), "{found}");
    assert!(found.contains("this layout has no field `acount` (did you mean `account`?)"), "{found}");
    assert!(found.contains("no record is named `x`"), "{found}");
    assert!(found.contains("this layout has no field `@date`"), "{found}");
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let found = problems("name = \"a\"\nversion = = 1\n");
    assert!(found[0].starts_with("m.toml:2:"), "{found:?}");
}

#[test]
fn a_class_that_is_none_is_refused_where_it_stands() {
    let text = "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[observation]]\nkind = \"flow\"\naccount = \"a\"\nas_of = \"d\"\namount = \"f\"\n\
        class = { lookup = { columns = [\"code\"], table = [[\"DEP\", \"contributon\"], [\"WDL\"]] } }\n";
    let found = problems(text).join("\n");
    assert!(found.contains("`contributon` is not known here (did you mean `contribution`?)"), "{found}");
    assert!(found.contains("a row of this table has 1 columns and then what they give"), "{found}");
}

#[test]
fn a_feed_of_lines_speaks_of_itself_in_carried_fields_only() {
    let text = "name = \"a\"\nversion = 1\n[feed]\nbusiness_date = \"date\"\n[format]\ntype = \"delimited\"\n[[observation]]\n\
        kind = \"summary\"\naccount = \"a\"\nas_of = \"date\"\nend = \"e\"\n";
    assert!(problems(text)[0].contains("their names begin with `@`"));
}

#[test]
fn a_version_counts_from_one() {
    let mapping = "name = \"a\"\nversion = 0\n[format]\ntype = \"json\"\n[[observation]]\nkind = \"account\"\naccount = \"a\"\nas_of = \"d\"\n";
    let told = codecs::Layout::compile(mapping, "m.toml").err().unwrap();
    assert_eq!(
        told.iter().map(|p| p.to_string()).collect::<Vec<_>>(),
        ["m.toml:2:11: versions count from 1"]
    );
}
