use super::*;
use proptest::prelude::*;
use std::sync::Arc;

fn names() -> XmlNames {
    XmlNames::flex(&["ChangeInNAV", "EquitySummaryByReportDateInBase"])
}

fn read(names_of: &[&str], record: &[u8]) -> Result<(Vec<Option<String>>, Option<u16>), FormatError> {
    let selectors: Vec<_> = names_of.iter().map(|n| Selector::Field((*n).into())).collect();
    let flex = IbkrFlex::new(&selectors, &names(), Vec::new()).unwrap();
    let attributes = vec![("accountId".into(), "U1".into()), ("currency".into(), "A&B".into())];
    let statement: Context = Arc::new(XmlContext { attributes });
    let mut fields = Fields::default();
    flex.parse(record, Some(&statement), &mut fields)?;
    let values = (0..names_of.len())
        .map(|n| fields.get(record, n).map(|b| String::from_utf8_lossy(b).into_owned()))
        .collect();
    Ok((values, fields.record_type))
}

#[test]
fn attributes_of_the_node_and_of_its_statement_are_fields() {
    let record = br#"<ChangeInNAV accountId="U9" startingValue="7674.265297533" twr='0.050688891' note="" mtm="a &lt; &#66;"/>"#;
    let selected = [
        "startingValue",
        "twr",
        "note",
        "mtm",
        "parent.accountId",
        "absent",
        "name()",
        "parent.currency",
        "parent.x",
        "twr",
    ];
    let (values, kind) = read(&selected, record).unwrap();
    let expected =
        ["7674.265297533", "0.050688891", "", "a < B", "U1", "-", "ChangeInNAV", "A&B", "-", "0.050688891"];
    let values: Vec<_> = values.iter().map(|v| v.as_deref().unwrap_or("-")).collect();
    assert_eq!((values, kind), (expected.to_vec(), Some(0)));
}

#[test]
fn an_element_with_parts_is_read_by_its_own_tag() {
    let record = br#"<EquitySummaryByReportDateInBase total="5" x="a > b"><Part total="6"/></EquitySummaryByReportDateInBase>"#;
    let (values, kind) = read(&["total", "x"], record).unwrap();
    assert_eq!((values, kind), (vec![Some("5".into()), Some("a > b".into())], Some(1)));
}

#[test]
fn an_unknown_entity_a_repeated_attribute_and_other_bytes_are_refused() {
    let code = |record: &[u8]| read(&["a"], record).unwrap_err().code;
    assert_eq!(code(br#"<ChangeInNAV a="&lol;"/>"#), "syntax");
    assert_eq!(code(br#"<ChangeInNAV a="1" a="2"/>"#), "duplicate_key");
    assert_eq!(code(b"<ChangeInNAV a=\"\xe9\"/>"), "encoding");
    assert_eq!(code(b"<ChangeInNAV a=1/>"), "syntax");
    assert_eq!(code(b"<ChangeInNAV a"), "syntax");
    assert_eq!(code(b"x"), "syntax");
}

#[test]
fn a_column_number_is_no_attribute() {
    assert_eq!(IbkrFlex::new(&[Selector::Column(1)], &names(), Vec::new()).unwrap_err().code, "selector");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "<[a-c =\"'&;#x<>/]{0,40}>") {
        for record in [&bytes[..], text.as_bytes()] {
            let _ = read(&["a", "name()", "parent.accountId"], record);
        }
    }

    #[test]
    fn every_value_comes_back_as_it_was(value in "[ -~é]{0,30}") {
        let record = format!("<ChangeInNAV b=\"1\" a=\"{}\"/>", quick_xml::escape::escape(value.as_str()));
        prop_assert_eq!(read(&["a"], record.as_bytes()).unwrap().0, [Some(value)]);
    }
}
