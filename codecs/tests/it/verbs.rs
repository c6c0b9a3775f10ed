//! Each verb and spelling, as README.md promises it, on a feed of a line or two.
use crate::support::{decode, layout};
use codecs::{Decoded, Layout};
use returns::Body;
use returns::fact::Stated;

/// The end of a summary read by these words from a feed of one row.
fn end(format: &str, words: &str, feed: &str) -> Result<Option<String>, String> {
    let mapping = format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n{format}\n[[observation]]\nkind = \"summary\"\naccount = {{ const = \"A\" }}\n\
         as_of = {{ const = \"2025-01-06\" }}\nfees_outside = {{ const = 1 }}\nend = {words}\n"
    );
    said(&decode(&layout(&mapping), feed.as_bytes()))
}

/// The end of the first summary, or why there is none.
fn said(out: &Decoded) -> Result<Option<String>, String> {
    match out.observations.first().map(|o| &o.fact.body) {
        Some(Body::Summary(s)) => Ok(s.stated.has(Stated::END).then(|| s.end.to_string())),
        _ => Err(out.rejects[0].code.to_owned()),
    }
}

#[test]
fn each_verb_does_what_its_line_in_the_document_says() {
    type Expected = Result<Option<&'static str>, &'static str>;
    let cases: &[(&str, &str, Expected)] = &[
        ("\"a\"", "a,b\n12,3\n", Ok(Some("12"))),
        ("{ field = \"b\" }", "a,b\n12,3\n", Ok(Some("3"))),
        ("{ column = 2 }", "a,b\n12,3\n", Ok(Some("3"))),
        ("{ const = 7 }", "a,b\n12,3\n", Ok(Some("7"))),
        ("{ const = \"-7.50\" }", "a,b\n12,3\n", Ok(Some("-7.5"))),
        (
            "{ lookup = { columns = [\"a\", \"b\"], table = [[\"1*\", \"!3\", \"1\"], [\"12\", \"**\", \"2\"]] } }",
            "a,b\n12,3\n",
            Ok(Some("2")),
        ),
        ("{ lookup = { columns = [\"a\"], table = [[\"1\", \"1\"]] } }", "a,b\n12,3\n", Err("unknown_code")),
        ("{ sum = [\"a\", \"b\", { const = \"0.5\" }] }", "a,b\n12,3\n", Ok(Some("15.5"))),
        ("{ sum = [\"a\", \"b\"] }", "a,b\n12,\n", Err("missing_field")),
        ("{ sum = [\"a\", { field = \"b\", optional = true }] }", "a,b\n12,\n", Ok(Some("12"))),
        ("{ sum = [\"a\", { field = \"c\", optional = true }] }", "a,b\n12,\n", Ok(Some("12"))),
        ("{ product = [\"a\", \"b\"] }", "a,b\n1.00000001,0.00000005\n", Ok(Some("0.00000005"))),
        (
            "{ product = [\"a\", { sum = [\"b\", \"b\"] }], negate_when = true }",
            "a,b\n12,3\n",
            Ok(Some("-72")),
        ),
        ("{ field = \"a\", trim = \"#\" }", "a,b\n# #12#,3\n", Err("bad_number")),
        ("{ field = \"a\", trim = \"# \" }", "a,b\n# #12#,3\n", Ok(Some("12"))),
        ("{ field = \"a\", parse = \"1.234,50\" }", "a,b\n\"1.234,50\",3\n", Ok(Some("1234.5"))),
        ("{ field = \"a\", scale = 2 }", "a,b\n12,3\n", Ok(Some("0.12"))),
        ("{ field = \"a\", scale = 2 }", "a,b\n1.2,3\n", Err("bad_number")),
        (
            "{ field = \"a\", negate_when = { field = \"b\", one_of = [\"D\", \"DR*\"] } }",
            "a,b\n12,DR.\n",
            Ok(Some("-12")),
        ),
        (
            "{ field = \"a\", negate_when = { field = \"b\", one_of = [\"D\", \"DR*\"] } }",
            "a,b\n12,C\n",
            Ok(Some("12")),
        ),
        ("{ field = \"a\", optional = true }", "a,b\n,3\n", Ok(None)),
        ("{ field = \"c\", optional = true }", "a,b\n,3\n", Ok(None)),
        ("\"c\"", "a,b\n,3\n", Err("missing_column")),
        ("\"a\"", "a,b\n,3\n", Err("missing_field")),
        ("[\"a\", \"b\"]", "a,b\n,3\n", Ok(Some("3"))),
        ("[\"a\", { product = [\"a\", \"b\"] }, { const = 9 }]", "a,b\n,3\n", Ok(Some("9"))),
    ];
    for (words, feed, expected) in cases {
        let found = end("", words, feed);
        assert_eq!(
            found.as_ref().map(|e| e.as_deref()).map_err(String::as_str),
            *expected,
            "{words} of {feed}"
        );
    }
}

#[test]
fn each_spelling_of_money_is_read_and_no_other() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            "",
            &[
                ("$1,234.50", "1234.5"),
                ("-$5", "-5"),
                ("$-5", "-5"),
                ("(5.00)", "-5"),
                ("($5.00)", "-5"),
                ("$(5.00)", "-5"),
                ("5-", "-5"),
                ("$5.00 -", "-5"),
                ("\u{2212}5", "-5"),
            ],
        ),
        (
            "numbers = \"1.234,50\"\ncurrency_signs = [\"€\", \"EUR\"]",
            &[
                ("1.234,50", "1234.5"),
                ("-1.234,50 €", "-1234.5"),
                ("EUR (1,5)", "-1.5"),
                ("1234,5", "1234.5"),
            ],
        ),
        (
            "numbers = \"1 234,50\"",
            &[("1 234,50", "1234.5"), ("1\u{a0}234,50", "1234.5"), ("-1\u{202f}234\u{202f}567", "-1234567")],
        ),
        ("numbers = \"1'234.50\"", &[("1'234.50", "1234.5"), ("1\u{2019}234.50-", "-1234.5")]),
        ("scientific = true", &[("1.5e3", "1500"), ("1E-2", "0.01")]),
        ("round = 2", &[("1.005", "1"), ("1.015", "1.02"), ("-0.001", "0")]),
        ("missing = [\"0.00\", \"N/A\"]", &[("0", "0")]),
    ];
    for (format, spellings) in cases {
        for (written, value) in *spellings {
            assert_eq!(
                end(format, "\"a\"", &format!("a,b\n\"{written}\",\n")),
                Ok(Some((*value).to_owned())),
                "{written}"
            );
        }
    }
    for (format, written) in [
        ("", "--5"),
        ("", "(-5)"),
        ("", "-(5)"),
        ("", "((5))"),
        ("", "(5)-"),
        ("", "$$5"),
        ("", "12,34"),
        ("", "1,234,5"),
        ("", "1 234"),
        ("", "€5"),
        ("", "1e3"),
        ("", "5%"),
        ("", "()"),
        ("", "$"),
        ("", "٣"),
        ("", "1.2.3"),
        ("numbers = \"1.234,50\"", "1,234.50"),
        ("numbers = \"1234.50\"", "1,234"),
        ("numbers = \"1 234,50\"", "1\u{a0}23"),
        ("missing = [\"-\"]", "+"),
    ] {
        assert_eq!(
            end(format, "\"a\"", &format!("a,b\n\"{written}\",\n")),
            Err("bad_number".into()),
            "{written}"
        );
    }
    assert_eq!(end("missing = [\"0.00\"]", "\"a\"", "a,b\n0.00,\n"), Err("missing_field".into()));
    assert_eq!(end("", "\"a\"", "a,b\n0.123456789,\n"), Err("amount_range".into()));
}

/// Class and amount of each flow; what else became of the rows.
fn flows(layout: &std::sync::Arc<Layout>, feed: &str) -> (Vec<(&'static str, String)>, Vec<&'static str>) {
    let out = decode(layout, feed.as_bytes());
    let flow = |body: &Body| match body {
        Body::Flow(f) => Some((f.class.as_str(), f.amount.unwrap().to_string())),
        _ => None,
    };
    (
        out.observations.iter().filter_map(|o| flow(&o.fact.body)).collect(),
        out.rejects.iter().map(|r| r.code).collect(),
    )
}

const BY_SIGN: &str = "kind = \"flow\"\naccount = \"acct\"\nas_of = { const = \"2025-01-06\" }\namount = \"amt\"\n\
    class = { lookup = { columns = [\"amt\"], table = [[\"<0\", \"distribution\"], [\"=0\", \"ignore\"], [\">0\", \"contribution\"]] } }\n";

#[test]
fn a_sign_is_asked_of_a_number_as_its_feed_writes_it() {
    let german = layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\ndelimiter = \";\"\nnumbers = \"1.234,50\"\n[[observation]]\n{BY_SIGN}"
    ));
    let (found, refused) = flows(&german, "acct;amt\nA;-1.234,50\nA;(10,5)\nA;1.000\nA;0,00\nA;x\nA;\n");
    let expected = [("distribution", "-1234.5"), ("distribution", "-10.5"), ("contribution", "1000")];
    assert_eq!(found, expected.map(|(class, amount)| (class, amount.to_owned())));
    assert_eq!(refused, ["unknown_code"; 2], "what is no number has no sign");
    let apart = layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"fixed\"\n[[format.record]]\nname = \"f\"\nfields.acct = {{ start = 1, length = 1 }}\n\
         fields.amt = {{ start = 2, length = 6, decimals = 2, sign = 8 }}\n[[observation]]\n{BY_SIGN}"
    ));
    let (found, refused) = flows(&apart, "A000150-\nA000150+\nA000000-\nA000150?\n");
    assert_eq!(found, [("distribution", "-1.5".to_owned()), ("contribution", "1.5".to_owned())]);
    assert_eq!(refused, ["unknown_code"]);
}

const TWO_TYPES: &str = "name = \"a\"\nversion = 1\n[format]\ntype = \"fixed\"\n\
    [[format.record]]\nname = \"x\"\nmark = \"X\"\nfields.a = { start = 2, length = 1 }\nfields.v = { start = 3, length = 6, decimals = 2 }\n\
    [[format.record]]\nname = \"y\"\nmark = \"Y\"\nfields.a = { start = 2, length = 1 }\nfields.v = { start = 3, length = 6 }\nfields.w = { start = 2, length = 1 }\n";

#[test]
fn decimals_are_those_of_the_record_a_block_is_for() {
    let block = |record: &str| {
        format!(
            "[[observation]]\nkind = \"summary\"\n{record}\naccount = \"a\"\nas_of = {{ const = \"2025-01-06\" }}\nend = \"v\"\n"
        )
    };
    let both = layout(&format!("{TWO_TYPES}{}{}", block("record = \"x\""), block("record = \"y\"")));
    assert_eq!(said(&decode(&both, b"XA000123\n")), Ok(Some("1.23".into())));
    assert_eq!(said(&decode(&both, b"YA000123\n")), Ok(Some("123".into())));
    let told = |text: &str| {
        Layout::compile(text, "m").err().unwrap().iter().map(|p| p.message.clone()).collect::<String>()
    };
    assert!(told(&format!("{TWO_TYPES}{}", block(""))).contains("with different decimals: say by `record`"));
    let other = block("record = \"x\"").replace("\"v\"", "\"w\"");
    assert!(told(&format!("{TWO_TYPES}{other}")).contains("this record has no field `w`"));
}

#[test]
fn a_column_that_stands_twice_is_never_taken_for_granted() {
    let words = "\"end\"";
    for feed in ["end,end\n1,2\n", "end,end\n"] {
        let mapping = format!(
            "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[observation]]\nkind = \"summary\"\naccount = {{ const = \"A\" }}\nas_of = {{ const = \"2025-01-06\" }}\nend = {words}\n"
        );
        let out = decode(&layout(&mapping), feed.as_bytes());
        assert!(
            out.observations.is_empty() && out.rejects.iter().all(|r| r.code == "duplicate_key"),
            "{:?}",
            out.rejects
        );
        assert!(out.rejects[0].text.contains("two columns `end`") && out.rejects[0].line == Some(1));
    }
    assert_eq!(end("", "{ column = 2 }", "end,end\n1,2\n"), Ok(Some("2".into())));
    assert_eq!(
        end("", "\"end\"", "end,x,x\n1,2,3\n"),
        Ok(Some("1".into())),
        "of what is not read there may be two"
    );
}

#[test]
fn a_record_of_several_lines_is_of_the_first_and_the_next_of_its_own() {
    let mapping = "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\nmultiline = true\n[[observation]]\nkind = \"summary\"\naccount = \"a\"\nas_of = \"d\"\nend = \"e\"\n";
    let feed =
        b"\"a\",d,\"e\"\nA,2025-01-06,1,\nB,2025-01-06,\"x\ny\n\nz\"\nC,2025-01-06,2\n\nD,2025-01-06,?\n";
    for piece in [1, 5, feed.len()] {
        let out = crate::support::decode_in_pieces(&layout(mapping), feed, piece);
        let lines: Vec<u64> = out.observations.iter().map(|o| o.fact.place.position.sub).collect();
        assert_eq!(lines, [2, 7]);
        assert_eq!(out.rejects.iter().map(|r| r.line).collect::<Vec<_>>(), [Some(3), Some(9)]);
    }
}

#[test]
fn a_list_that_says_nothing_is_a_mistake() {
    for words in [
        "[]",
        "{ sum = [] }",
        "{ product = [] }",
        "{ field = \"e\", negate_when = { field = \"s\", one_of = [] } }",
        "{ lookup = { columns = [], table = [[\"1\"]] } }",
        "{ field = \"e\", scale = 40 }",
    ] {
        let mapping = format!(
            "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[observation]]\nkind = \"summary\"\naccount = \"a\"\nas_of = \"d\"\nend = {words}\n"
        );
        let told = Layout::compile(&mapping, "m").err().unwrap_or_default();
        assert_eq!((told.len(), told.first().map(|p| p.line)), (1, Some(9)), "{words}: {told:?}");
    }
}
