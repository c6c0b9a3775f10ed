use super::*;
use proptest::prelude::*;
use std::sync::Arc;

fn selectors(paths: &[&str]) -> Vec<Selector> {
    paths.iter().map(|p| Selector::Path((*p).into())).collect()
}

fn read_with(
    paths: &[&str],
    record: &[u8],
    context: Option<&Context>,
) -> Result<Vec<Option<String>>, FormatError> {
    let json = Json::new(&selectors(paths), Vec::new()).unwrap();
    let mut fields = Fields::default();
    json.parse(record, context, &mut fields)?;
    Ok((0..paths.len())
        .map(|n| fields.get(record, n).map(|b| String::from_utf8(b.to_vec()).unwrap()))
        .collect())
}

fn read(paths: &[&str], record: &str) -> Result<Vec<Option<String>>, FormatError> {
    read_with(paths, record.as_bytes(), None)
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|v| Some((*v).to_owned())).collect()
}

#[test]
fn numbers_keep_the_digits_they_were_written_with() {
    let text = r#"{"a": 0.1000, "b": 12345678901234567890.12345678, "c": 1E+2, "d": -0, "e": "1.10"}"#;
    let values = read(&["a", "b", "c", "d", "e"], text).unwrap();
    assert_eq!(values, some(&["0.1000", "12345678901234567890.12345678", "1E+2", "-0", "1.10"]));
}

#[test]
fn paths_reach_into_objects_and_arrays() {
    let text = r#"{"summary":{"values":[{"amount":1},{"amount":2}],"x":[[7,8]]},"id":"A","ok":true}"#;
    let paths = ["summary.values[1].amount", "id", "summary.values[0].amount", "summary.x[0][1]", "ok", "id"];
    assert_eq!(read(&paths, text).unwrap(), some(&["2", "A", "1", "8", "true", "A"]));
    assert_eq!(read(&["summary.values[2].amount", "summary.y", "idx"], text).unwrap(), [None, None, None]);
}

#[test]
fn null_and_absent_are_missing_and_empty_is_not() {
    assert_eq!(read(&["a", "b", "c"], r#"{"a":null,"c":""}"#).unwrap(), [None, None, Some(String::new())]);
}

#[test]
fn strings_are_unescaped() {
    let text = r#"{"a":"x\u00e9\n\"\\\/\ud83d\ude00","s\u0065":"y","b":"é"}"#;
    assert_eq!(read(&["a", "se", "b"], text).unwrap(), some(&["xé\n\"\\/😀", "y", "é"]));
    assert_eq!(read(&["a"], r#"{"a":"\ud83d"}"#).unwrap_err().code, "syntax");
    assert_eq!(read(&["a"], r#"{"a":"\udc00\ud83d"}"#).unwrap_err().code, "syntax");
}

#[test]
fn a_selected_field_that_stands_twice_is_ambiguous() {
    assert_eq!(read(&["a"], r#"{"a":1,"a":2}"#).unwrap_err().code, "duplicate_key");
    assert_eq!(read(&["a"], r#"{"a":null,"\u0061":2}"#).unwrap_err().code, "duplicate_key");
    assert_eq!(read(&["a"], r#"{"a":1,"b":2,"b":3}"#).unwrap(), some(&["1"]));
}

#[test]
fn a_selected_field_must_be_a_single_value() {
    assert_eq!(read(&["a"], r#"{"a":{}}"#).unwrap_err().code, "not_scalar");
    assert_eq!(read(&["a"], r#"{"a":[1]}"#).unwrap_err().code, "not_scalar");
}

#[test]
fn an_element_sees_the_objects_around_it() {
    let enclosing =
        vec![br#"{"vendor":{"name":"V"}}"#[..].into(), br#"{"account":"A\u0031","n":1.50}"#[..].into()];
    let context: Context = Arc::new(JsonContext { enclosing });
    let paths = ["v", "..account", "..n", "....vendor.name", "......x", "..v"];
    let values = read_with(&paths, br#"{"v":1}"#, Some(&context)).unwrap();
    assert_eq!(values[..4], some(&["1", "A1", "1.50", "V"]));
    assert_eq!(values[4..], [None, None]);
    assert_eq!(read(&["v", "..account"], r#"{"v":1}"#).unwrap(), [Some("1".into()), None]);
}

#[test]
fn a_record_may_be_an_array_with_columns() {
    let json = Json::new(&[Selector::Column(2), Selector::Field("a.b".into())], Vec::new()).unwrap();
    let mut fields = Fields::default();
    let record = br#"["2026-01-01", 5.25]"#;
    json.parse(record, None, &mut fields).unwrap();
    assert_eq!(fields.get(record, 0), Some(&b"5.25"[..]));
    let record = br#"{"a.b": 1, "a": {"b": 2}}"#;
    json.parse(record, None, &mut fields).unwrap();
    assert_eq!((fields.get(record, 0), fields.get(record, 1)), (None, Some(&b"1"[..])));
}

#[test]
fn a_bomb_is_refused_and_bytes_that_are_no_text_are_named() {
    assert_eq!(read(&["a"], &"[".repeat(100_000)).unwrap_err().code, "json_depth");
    assert_eq!(read(&["a"], &"{\"a\":".repeat(100_000)).unwrap_err().code, "not_scalar");
    let error = read_with(&["a"], b"{\"a\":\"\xff\"}", None).unwrap_err();
    assert_eq!((error.code, error.at), ("encoding", Some(6)));
}

#[test]
fn what_is_no_json_is_refused_at_its_byte() {
    for (bad, at) in [
        ("", 0),
        ("{", 1),
        ("{\"a\":01}", 6),
        ("{\"a\" 1}", 5),
        ("{\"a\":1,}", 7),
        ("[1 2]", 3),
        ("{} x", 3),
        ("{\"a\":tru}", 5),
        ("{\"a\":-}", 6),
        ("{\"a\":1.}", 7),
        ("{\"a\":\"\n\"}", 6),
        ("{'a':1}", 1),
    ] {
        let error = read(&["x"], bad).unwrap_err();
        assert_eq!((error.code, error.at), ("syntax", Some(at)), "{bad:?}");
    }
}

#[test]
fn a_selector_that_is_no_path_is_refused() {
    for bad in ["", "a..b", "a[", "a[x]", "a[0", ".a", "a.", "a[0]b", ".."] {
        assert!(Json::new(&selectors(&[bad]), Vec::new()).is_err(), "{bad}");
    }
    assert!(Json::new(&[Selector::Column(0)], Vec::new()).is_err());
    let many: Vec<_> = (0..200).map(|n| Selector::Field(n.to_string())).collect();
    assert!(Json::new(&many, Vec::new()).is_err());
}

fn like_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\\n\"",
        "\"\\u00e9\"",
        "\"\\ud800\"",
        "1",
        "-2.5e10",
        "0",
        "01",
        "1.",
        "true",
        "null",
        " ",
        "\n",
        "\"a\":1",
        "\"c\":\"é\"",
        "\"",
        "\\",
        "é",
        "{\"a\":1}",
        "[1,2]",
        "\t",
        "nul",
    ]);
    prop::collection::vec(token, 0..12).prop_map(|t| t.concat())
}

proptest! {
    #[test]
    fn it_takes_and_refuses_what_serde_json_does(text in like_json()) {
        let ours = read(&["never"], &text).map(|_| ());
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).map(|_| ());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
    }

    #[test]
    fn it_finds_what_serde_json_finds(a in any::<String>(), b in any::<i64>(), c in any::<Option<bool>>(), d in any::<String>()) {
        let value = serde_json::json!({"x": {"k": [d, {"a": a}]}, "b": b, "c": c});
        let text = serde_json::to_string(&value).unwrap();
        let found = read(&["x.k[1].a", "b", "c", "x.k[0]"], &text).unwrap();
        let expected = vec![Some(a), Some(b.to_string()), c.map(|c| c.to_string()), Some(d)];
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let context: Context = Arc::new(JsonContext { enclosing: vec![bytes.clone().into()] });
        let _ = read_with(&["a", "b[0].c"], &bytes, None);
        let _ = read_with(&["..a"], b"{}", Some(&context));
    }
}
