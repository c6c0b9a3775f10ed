use super::*;
use crate::framing::place::testing::{Seen, feed};
use proptest::prelude::*;
use record::Context;

fn around(context: &Context) -> Vec<String> {
    let context = context.downcast_ref::<JsonContext>().unwrap();
    context.enclosing.iter().map(|o| String::from_utf8(o.to_vec()).unwrap()).collect()
}

fn frame(path: Option<&str>, limit: usize, bytes: &[u8], pieces: &[usize]) -> Seen<Vec<String>> {
    feed(&mut JsonFramer::new(path, limit).unwrap(), bytes, pieces, around)
}

const SERIES: &str =
    r#"{ "account": "A1", "client": {"id": 7}, "timeSeries": [ {"d": 1}, {"d": 2} ], "meta": {"count": 2} }"#;

#[test]
fn objects_one_a_line_or_one_after_the_other_are_records() {
    let text = "\u{feff}{\"a\":1}\r\n\n{\"a\":\"}\"}{\"a\":{\"b\":[1,2]}}\n {\n \"a\": 2\n}\n{}";
    let seen = frame(None, 1000, text.as_bytes(), &[]);
    assert_eq!(
        seen.texts(),
        ["{\"a\":1}", "{\"a\":\"}\"}", "{\"a\":{\"b\":[1,2]}}", "{\n \"a\": 2\n}", "{}"]
    );
    assert_eq!(seen.refused, []);
    let places: Vec<_> = seen.records.iter().map(|r| r.1.to_string()).collect();
    assert_eq!(places, ["10.1.0", "22.3.0", "39.3.1", "52.4.0", "55.7.0"]);
}

#[test]
fn a_series_gives_one_record_an_element_with_its_account() {
    let seen = frame(Some("timeSeries[]"), 1000, SERIES.as_bytes(), &[]);
    assert_eq!(seen.texts(), ["{\"d\": 1}", "{\"d\": 2}"]);
    let expected = vec![r#"{"account":"A1","client":{"id": 7}}"#.to_owned()];
    assert_eq!(seen.records[0].2, Some(expected.clone()));
    assert_eq!(seen.records[1].2, Some(expected));
    assert_eq!(seen.refused, []);
}

#[test]
fn a_path_goes_through_arrays_in_arrays() {
    let text = r#"{"asOf":"d","accounts":[{"id":"A","series":[{"v":1},{"v":2}]},{"id":"B","x":[],"series":[]},{"id":"C","series":null},{"series":[{"v":3}],"id":"D"}]}"#;
    let seen = frame(Some("accounts[].series[]"), 1000, text.as_bytes(), &[]);
    assert_eq!(seen.texts(), [r#"{"v":1}"#, r#"{"v":2}"#, r#"{"v":3}"#]);
    assert_eq!(seen.records[1].2, Some(vec![r#"{"asOf":"d"}"#.into(), r#"{"id":"A"}"#.into()]));
    // What an object says after the array comes too late for the records in it.
    assert_eq!(seen.records[2].2, Some(vec![r#"{"asOf":"d"}"#.into(), "{}".into()]));
    let rows = frame(Some("[]"), 1000, br#"[[1,2],[3,4]]"#, &[]);
    assert_eq!(rows.texts(), ["[1,2]", "[3,4]"]);
    let nested = frame(Some("[][]"), 1000, br#"[[{"a":1}],[{"a":2},{"a":3}]]"#, &[]);
    assert_eq!(nested.texts().len(), 3);
}

#[test]
fn a_document_a_line_works_with_a_path() {
    let seen = frame(Some("timeSeries[]"), 1000, format!("{SERIES}\n{SERIES}\n").as_bytes(), &[]);
    assert_eq!(seen.texts().len(), 4);
    assert_eq!(seen.records[3].1.sub, 2);
    assert_eq!(seen.records[3].1.item, 1);
}

#[test]
fn a_record_too_long_is_refused_and_framing_goes_on() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(200_000));
    let text = format!("{{\"a\":1}}\n{long}\n{{\"a\":2}}");
    for pieces in [&[][..], &[7][..], &[65536][..]] {
        let seen = frame(None, 1000, text.as_bytes(), pieces);
        assert_eq!(seen.texts(), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(seen.codes(), ["record_too_long"]);
        assert_eq!((seen.refused[0].length, seen.refused[0].raw.len()), (long.len() as u64, 65536));
        assert_eq!(seen.refused[0].position.to_string(), format!("{}.2.0", 8 + long.len()));
    }
}

#[test]
fn a_bomb_of_brackets_is_refused_with_its_reason() {
    let bomb = format!("{{\"a\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let seen = frame(None, 1_000_000, format!("{bomb}\n{{\"a\":2}}").as_bytes(), &[4096]);
    assert_eq!((seen.texts(), seen.codes()), (vec!["{\"a\":2}"], vec!["json_depth"]));
    let open = frame(None, 1000, "{\"a\":".repeat(100_000).as_bytes(), &[4096]);
    assert_eq!((open.texts(), open.codes()), (vec![], vec!["json_depth"]));
    assert_eq!(open.refused[0].length, 500_000);
    let other = format!("{{\"x\":{bomb},\"s\":[{{}}]}}");
    assert_eq!(frame(Some("s[]"), 1000, other.as_bytes(), &[10]).texts(), ["{}"]);
}

#[test]
fn a_string_without_end_loses_its_line_only() {
    let seen = frame(None, 1000, b"{\"a\":1}\n{\"a\":\"oh\n{\"a\":2}\n{\"a\":}}}\n{\"a\":3}", &[]);
    assert_eq!(seen.texts(), ["{\"a\":1}", "{\"a\":2}", "{\"a\":}", "{\"a\":3}"]);
    assert_eq!(seen.codes(), ["json_syntax", "json_syntax"]);
    assert_eq!(seen.refused[0].raw, b"{\"a\":\"oh");
}

#[test]
fn a_line_cut_off_does_not_swallow_the_lines_after_it() {
    for cut in ["{\"a\":2", "{\"a\":2,", "{\"a\"", "{", "{\"a\":[{\"b\":1}"] {
        let text = format!("{{\"a\":1}}\n{cut}\n{{\"a\":3}}\n{{\"a\":4}}\n");
        for pieces in [&[][..], &[1][..]] {
            let seen = frame(None, 1000, text.as_bytes(), pieces);
            assert_eq!(seen.texts(), ["{\"a\":1}", "{\"a\":3}", "{\"a\":4}"], "{cut}");
            assert_eq!((seen.codes(), &seen.refused[0].raw[..]), (vec!["json_syntax"], cut.as_bytes()));
        }
    }
}

#[test]
fn a_feed_cut_short_says_so() {
    let whole = SERIES.as_bytes();
    for cut in 1..whole.len() {
        let seen = frame(Some("timeSeries[]"), 1000, &whole[..cut], &[]);
        assert_eq!(seen.codes(), ["truncated"], "cut at {cut}");
    }
    assert_eq!(frame(None, 1000, b"{\"a\":1}\n{\"a\":", &[]).codes(), ["truncated"]);
    assert_eq!(frame(None, 1000, b"", &[]).codes(), [""; 0]);
    assert_eq!(frame(Some("a[]"), 1000, b" \n", &[]).codes(), [""; 0]);
}

#[test]
fn what_is_of_another_shape_is_told() {
    let array = frame(None, 1000, b"[{\"a\":1}]", &[]);
    assert_eq!(array.codes(), ["json_shape"]);
    assert!(array.refused[0].text.contains("records = \"[]\""));
    assert_eq!(array.refused[0].raw, b"[{\"a\":1}]");
    let object = frame(Some("a[]"), 1000, b"{\"a\":{\"b\":1}}", &[]);
    assert_eq!(object.codes(), ["json_shape"]);
    assert_eq!(object.refused[0].text, "`a` is no array");
    let scalar = frame(Some("a[]"), 1000, b"{\"a\":[1,{},\"x\"]}", &[]);
    assert_eq!((scalar.texts(), scalar.codes()), (vec!["{}"], vec!["json_shape", "json_shape"]));
    assert_eq!(frame(None, 1000, b"12", &[]).codes(), ["json_shape"]);
}

#[test]
fn long_members_are_not_kept_and_escaped_names_are_found() {
    let text = format!(r#"{{"long":"{}","id":"A","s\u0065ries":[{{}}]}}"#, "x".repeat(5000));
    let seen = frame(Some("series[]"), 10_000, text.as_bytes(), &[3]);
    assert_eq!(seen.records[0].2, Some(vec![r#"{"id":"A"}"#.into()]));
}

#[test]
fn a_path_that_leads_to_no_array_is_refused() {
    for bad in ["", "a", "a[0][]", "a..b[]", ".a[]", "a[", "[]a"] {
        assert!(JsonFramer::new(Some(bad), 10).is_err(), "{bad}");
    }
}

/// Feeds that are mostly right: pieces of JSON, strung together.
fn feeds() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{\"s\":[",
        "{\"id\":\"A\",\"s\":[",
        "{\"v\":1}",
        "{\"v\":\"a\\\"}\"}",
        ",",
        "]}",
        "\n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        "1",
        "null",
        "\\",
        " ",
        "\"s\":[",
        "{\"long\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
        "é",
        "\"s\"",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|t| t.concat())
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same_records(text in feeds(), pieces in prop::collection::vec(1usize..40, 1..6), path in 0usize..3) {
        let path = [None, Some("s[]"), Some("[].s[]")][path];
        let whole = frame(path, 50, text.as_bytes(), &[]);
        let cut = frame(path, 50, text.as_bytes(), &pieces);
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), pieces in prop::collection::vec(1usize..40, 1..4)) {
        prop_assert_eq!(frame(Some("s[]"), 50, &bytes, &pieces), frame(Some("s[]"), 50, &bytes, &[]));
    }

    #[test]
    fn everything_is_a_record_or_refused(text in feeds()) {
        // Whatever is not white space or a separator must be accounted for when values stand at the top.
        let seen = frame(None, 10_000, text.as_bytes(), &[]);
        let kept: usize = seen.records.iter().map(|r| r.0.len()).sum();
        let refused: u64 = seen.refused.iter().map(|e| e.length).sum();
        let blanks = text.bytes().filter(u8::is_ascii_whitespace).count();
        prop_assert!(kept + refused as usize + blanks >= text.len());
    }
}
