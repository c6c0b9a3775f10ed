use super::*;
use crate::framing::place::testing::{Seen, feed};
use proptest::prelude::*;

fn framer(limit: usize) -> XmlFramer {
    XmlFramer::new(XmlNames::flex(&["ChangeInNAV", "Equity"]), limit)
}

fn frame(limit: usize, bytes: &[u8], pieces: &[usize]) -> Seen<String> {
    let account =
        |c: &Context| c.downcast_ref::<XmlContext>().unwrap().get("accountId").unwrap_or("none").to_owned();
    feed(&mut framer(limit), bytes, pieces, account)
}

const FLEX: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<FlexQueryResponse queryName="n" type="AF">
<FlexStatements count="2">
<FlexStatement accountId="U1" period="a&amp;b">
<ChangeInNAV accountId="U1" startingValue="1" note="a > b" />
<EquitySummaryInBase>
<Equity total="2"/>
<Equity total="3"><Part x="1"/></Equity>
</EquitySummaryInBase>
</FlexStatement>
<FlexStatement accountId="U2">
<!-- <ChangeInNAV/> -->
<ChangeInNAV accountId='U2'/>
</FlexStatement>
</FlexStatements>
</FlexQueryResponse>
"#;

#[test]
fn each_node_is_a_record_under_its_statement() {
    let seen = frame(1000, FLEX.as_bytes(), &[]);
    let expected = [
        r#"<ChangeInNAV accountId="U1" startingValue="1" note="a > b" />"#,
        r#"<Equity total="2"/>"#,
        r#"<Equity total="3"><Part x="1"/></Equity>"#,
        "<ChangeInNAV accountId='U2'/>",
    ];
    assert_eq!(seen.texts(), expected);
    assert_eq!(seen.refused, []);
    let accounts: Vec<_> = seen.records.iter().map(|r| r.2.as_deref().unwrap()).collect();
    assert_eq!(accounts, ["U1", "U1", "U1", "U2"]);
    let end = FLEX.find("U2'/>").unwrap() + 5;
    assert_eq!(seen.records[3].1.to_string(), format!("{end}.13.0"));
}

#[test]
fn the_statements_are_counted_against_what_is_declared() {
    let mut framer = framer(1000);
    feed(&mut framer, FLEX.as_bytes(), &[11], |_| ());
    assert_eq!(framer.control_count(), (Some(2), 2));
}

#[test]
fn a_bomb_of_entities_is_refused_and_expands_nothing() {
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE lolz [ <!ENTITY lol "lol>"> <!ENTITY lol2 "&lol;&lol;"> ]>
<r><FlexStatement accountId="U1"><ChangeInNAV x="&lol2;"/></FlexStatement></r>"#;
    let seen = frame(1000, bomb.as_bytes(), &[]);
    assert_eq!(seen.codes(), ["xml_doctype"]);
    assert_eq!(seen.texts(), [r#"<ChangeInNAV x="&lol2;"/>"#]);
    let statement =
        frame(1000, br#"<r><FlexStatement accountId="&lol;"><ChangeInNAV/></FlexStatement></r>"#, &[]);
    assert_eq!(statement.codes(), ["xml_syntax"]);
    assert_eq!(statement.records[0].2.as_deref(), Some("none"));
}

#[test]
fn a_tag_without_end_loses_itself_only() {
    let text =
        r#"<r><FlexStatement accountId="U1"><ChangeInNAV x="1><ChangeInNAV x="2"/></FlexStatement></r>"#;
    let seen = frame(1000, text.as_bytes(), &[]);
    assert_eq!((seen.texts(), seen.codes()), (vec![r#"<ChangeInNAV x="2"/>"#], vec!["xml_syntax"]));
}

#[test]
fn a_record_too_long_or_too_deep_is_refused_and_framing_goes_on() {
    let long = format!("<ChangeInNAV x=\"{}\"/>", "x".repeat(200_000));
    let deep = format!("<Equity>{}{}</Equity>", "<a>".repeat(80), "</a>".repeat(80));
    let text = format!(
        "<r><FlexStatement accountId=\"U1\">{long}<Equity t=\"1\"/>{deep}<Equity t=\"2\"/></FlexStatement></r>"
    );
    for pieces in [&[][..], &[13][..], &[65536][..]] {
        let seen = frame(1000, text.as_bytes(), pieces);
        assert_eq!(seen.texts(), ["<Equity t=\"1\"/>", "<Equity t=\"2\"/>"]);
        assert_eq!(seen.codes(), ["record_too_long", "xml_depth"]);
        assert_eq!((seen.refused[0].length, seen.refused[0].raw.len()), (long.len() as u64, 65536));
        assert_eq!(seen.records[0].2.as_deref(), Some("U1"));
    }
}

#[test]
fn a_feed_cut_short_says_so() {
    let whole = FLEX.trim_end().as_bytes();
    for cut in FLEX.find("<Flex").unwrap() + 1..whole.len() {
        assert_eq!(frame(1000, &whole[..cut], &[]).codes(), ["truncated"], "cut at {cut}");
    }
    assert_eq!(frame(1000, b"", &[]).codes(), [""; 0]);
}

#[test]
fn what_is_no_xml_is_told() {
    assert_eq!(frame(1000, b"{\"error\": \"no such report\"}", &[]).codes(), ["xml_syntax"]);
    assert_eq!(frame(1000, b"</r>", &[]).codes(), ["xml_syntax"]);
    let latin = frame(1000, b"<r><Equity x=\"\xe9\"/><Equity x=\"1\"/></r>", &[]);
    assert_eq!((latin.texts().len(), latin.codes()), (1, vec!["encoding"]));
}

fn feeds() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "<r>",
        "</r>",
        "<FlexStatements count=\"1\">",
        "<FlexStatement accountId=\"A\">",
        "</FlexStatement>",
        "<ChangeInNAV a=\"1\"/>",
        "<Equity>",
        "</Equity>",
        "<Equity a='>'>",
        "<!-- x -->",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE a [<!x>]>",
        "<",
        ">",
        "\"",
        "/",
        "x",
        "\n",
        "<EquityX/>",
        "é",
        "<?a?>",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ]);
    prop::collection::vec(token, 0..30).prop_map(|t| t.concat())
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same_records(text in feeds(), pieces in prop::collection::vec(1usize..40, 1..6)) {
        prop_assert_eq!(frame(60, text.as_bytes(), &[]), frame(60, text.as_bytes(), &pieces));
    }

    #[test]
    fn a_good_feed_in_pieces_of_any_size_is_the_same(pieces in prop::collection::vec(1usize..100, 1..6)) {
        prop_assert_eq!(frame(200, FLEX.as_bytes(), &[]), frame(200, FLEX.as_bytes(), &pieces));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), pieces in prop::collection::vec(1usize..40, 1..4)) {
        prop_assert_eq!(frame(60, &bytes, &pieces), frame(60, &bytes, &[]));
    }
}
