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

/// Several mistakes in each part of a mapping; none of them stands in the way of another.
const RIDDLED: &str = r#"name = "Harbor"
version = "1"
vendor = "Harbor Inc"
zone = "Nowhere"
cut_off = "25:00"
day_needs = ["flows"]
account_no = "HB-{account}"
base_currency = "usd"
[detect]
files = ["a"]
[feed]
delivery = "whole"
business_date = ["Date", { name = "%Q", parse = "x" }]
count = "@total"
trailer = { field = "@end", scal = 1 }
[format]
type = "delimited"
delimiter = ";;"
dates = ["%m/%d/%Y", "%d/%m"]
numbers = "1_000"
sections = { column = 0, kind_column = 2 }
[[format.capture]]
nam = "total"
[[format.capture]]
name = "end"
starts = 5
column = 0
[[observation]]
kind = "sumary"
acount = "x"
account = { fild = "A" }
[[observation]]
kind = "flow"
as_of = { field = "D", parse = ["%Y", "%m/%d/%Y", "%d"] }
class = "contributon"
amount = { field = "A", trim = 1, parse = "1_0", scale = "2", negate_when = { fild = "x" } }
id = [{ column = 0 }, { const = true }]
cancels = ["x"]
[[observation]]
kind = "holding"
section = "Positions"
account = "A"
account_no = "B"
as_of = "D"
security = { field = "S", const = "T" }
value = { path = "v[0]" }
[[observation]]
kind = "opening"
section = 7
account = "A"
as_of = "D"
end = { lookup = { columns = ["c"], table = [["a"], ["b", 1]] } }
cumulative = "c"
[[observation]]
kind = "return"
record = "r"
account = { lookup = { tabel = [] } }
as_of = "D"
[[ignore]]
clas = "x"
[[ignore]]
class = "y"
when = { field = "f" }
"#;

#[test]
fn no_mistake_hides_another() {
    let found = problems(RIDDLED);
    let told = [
        "1:8: a name has lower-case",
        "2:11: expected a whole number",
        "3:10: a name has",
        "4:8: `Nowhere` is no time zone",
        "5:11: expected a time of day",
        "6:13: a day always needs",
        "7:14: a template such as",
        "8:17: `usd` is no currency",
        "10:1: unknown key `files`",
        "12:12: `whole` is not known here",
        "13:18: a feed speaks of itself",
        "13:35: `%Q`: unknown directive",
        "13:41: unknown key `parse`",
        "14:9: this layout has no field `@total`",
        "15:29: unknown key `scal`",
        "18:13: expected one ASCII character",
        "19:22: `%d/%m` must name",
        "20:11: `1_000` is not known here",
        "21:23: columns count from 1",
        "22:1: the key `name` is missing",
        "22:1: the key `starts` is missing",
        "23:1: unknown key `nam`",
        "26:10: expected a text",
        "27:10: columns count from 1",
        "29:8: `sumary` is not known here",
        "31:11: nothing says where the value comes from",
        "31:13: unknown key `fild`",
        "32:1: an observation says whose it is",
        "34:33: `%Y` must name",
        "34:51: `%d` must name",
        "35:9: `contributon` is not known here",
        "36:32: expected true, false or the characters",
        "36:43: `1_0` is not known here",
        "36:58: expected a whole number",
        "36:77: nothing says where",
        "36:77: the key `one_of`",
        "36:79: unknown key `fild`",
        "37:18: columns count from 1",
        "37:33: expected a whole number",
        "32:1: `cancels` says which flow",
        "39:1: an observation says whose",
        "45:12: only one of field, const",
        "46:18: paths are of JSON",
        "49:11: expected a text, found integer",
        "52:46: a row of this table has 1 columns",
        "52:59: expected a text, found integer",
        "53:14: a return has a `unit`",
        "47:1: the key `cumulative_net_flow` is missing",
        "47:1: the key `inception` is missing",
        "54:1: the key `from` is missing",
        "54:1: the key `net` is missing",
        "56:10: this format tells records apart by `section`",
        "57:22: the key `columns` is missing",
        "57:22: the key `table` is missing",
        "57:24: unknown key `tabel`",
        "59:1: the key `class` is missing",
        "59:1: this would leave out every record",
        "60:1: unknown key `clas`",
        "63:8: the key `one_of` is missing",
    ];
    let missing: Vec<&str> =
        told.into_iter().filter(|t| !found.iter().any(|f| f.starts_with(&format!("m.toml:{t}")))).collect();
    assert!(missing.is_empty(), "{missing:#?}\nare not among\n{}", found.join("\n"));
}

#[test]
fn a_format_that_is_none_hides_no_other_mistake_and_makes_none() {
    let text = "name = \"a\"\nversion = 1\nzone = \"Nowhere\"\n[feed]\nbusiness_date = \"@date\"\n[format]\ntype = \"csv\"\n\
        [[observation]]\nkind = \"flow\"\nrecord = \"x\"\naccount = \"@a\"\nas_of = \"d.e\"\nclass = \"contributon\"\namount = \"f\"\n";
    assert_eq!(
        problems(text).iter().map(|p| p.split(" (").next().unwrap().to_owned()).collect::<Vec<_>>(),
        [
            "m.toml:3:8: `Nowhere` is no time zone",
            "m.toml:7:8: `csv` is not known here",
            "m.toml:13:9: `contributon` is not known here"
        ]
    );
}

/// A block that reads what its format cannot give would quarantine every record; it is told when the mapping is checked.
#[test]
fn what_a_format_cannot_give_is_told_where_it_is_asked_for() {
    let of = |format: &str, block: &str| {
        problems(&format!(
            "name = \"a\"\nversion = 1\n[format]\n{format}\n[[observation]]\nkind = \"account\"\naccount = \"a\"\nas_of = \"d\"\n{block}\n"
        ))
        .join("\n")
    };
    let json = of("type = \"json\"", "name = \"a..b\"\nsection = \"x\"");
    assert!(json.contains("m.toml:9:8: `a..b`: expected names with dots between"), "{json}");
    assert!(json.contains("m.toml:10:11: this feed has one kind of record"), "{json}");
    let fixed = "type = \"fixed\"\n[[format.record]]\nname = \"r\"\nfields = { a = { start = 1, length = 1 }, d = { start = 2, length = 8 } }";
    assert!(of(fixed, "name = { column = 1 }").contains("this format has no columns"));
    assert!(of("type = \"ibkr_flex\"", "").contains("no block names a `section`"));
    assert!(
        of("type = \"ibkr_flex\"", "section = \"S\"\nname = { column = 2 }")
            .contains("this format has no columns")
    );
    assert!(
        of("type = \"delimited\"\nsections = { starts = \"[\" }", "").contains("no block names a `section`")
    );
}
