use super::*;
use proptest::prelude::*;
use rust_decimal::Decimal;

fn event(detail: &str) -> String {
    format!(
        r#"{{"version":"0","id":"e-1","time":"2026-01-09T15:04:05Z","source":"ops","region":"x","detail-type":"PerformanceCorrection","detail":{detail}}}"#
    )
}

fn code(record: &str) -> &'static str {
    decode(record.as_bytes()).unwrap_err().code
}

#[test]
fn a_correction_says_which_fields_it_sets_takes_away_and_leaves() {
    let text = event(
        r#"{"account":"A1","date":"2026-01-05","end_value":"1234.50","contributions":10.10,"fees":null,"ticket":"T-7","who":"j","reason":"late","revision":2}"#,
    );
    let event = decode(text.as_bytes()).unwrap();
    assert_eq!(
        (event.account.as_str(), event.date.to_string().as_str(), event.revision),
        ("A1", "2026-01-05", Some(2))
    );
    let c = event.correction;
    assert_eq!(c.end_value, Patch::Set(Decimal::new(12345, 1)));
    assert_eq!(c.contributions, Patch::Set(Decimal::new(101, 1)));
    assert_eq!((c.distributions, c.fees), (Patch::Absent, Patch::TakenAway));
    assert_eq!((&*c.ticket, &*c.who, &*c.reason, &*c.event_id), ("T-7", "j", "late", "e-1"));
    assert_eq!(c.event_time, 1_767_971_045_000_000);
}

#[test]
fn numbers_are_exact_whether_numbers_or_strings() {
    for amount in ["123456789012345.12345678", "0.10000000", "-1e-8", "5E2"] {
        let set = |spelled: &str| {
            let text =
                event(&format!(r#"{{"account":"A","date":"2026-01-05","ticket":"T","fees":{spelled}}}"#));
            decode(text.as_bytes()).unwrap().correction.fees
        };
        assert_eq!(set(amount), set(&format!("\"{amount}\"")));
        assert_ne!(set(amount), Patch::Absent);
    }
}

#[test]
fn each_mistake_has_its_code() {
    let with = |detail: &str| code(&event(detail));
    assert_eq!(with(r#"{"date":"2026-01-05","ticket":"T","fees":1}"#), "missing_field");
    assert_eq!(with(r#"{"account":"A","ticket":"T","fees":1}"#), "missing_field");
    assert_eq!(with(r#"{"account":"A","date":"2026-01-05","fees":1}"#), "missing_field");
    assert_eq!(with(r#"{"account":" ","date":"2026-01-05","ticket":"T","fees":1}"#), "missing_field");
    assert_eq!(with(r#"{"account":"A","date":"2026-02-30","ticket":"T","fees":1}"#), "bad_date");
    assert_eq!(with(r#"{"account":"A","date":"01/05/2026","ticket":"T","fees":1}"#), "bad_date");
    assert_eq!(with(r#"{"account":"A","date":"2026-01-05","ticket":"T"}"#), "bad_event");
    assert_eq!(with(r#"{"account":"A","date":"2026-01-05","ticket":"T","fee":1}"#), "bad_event");
    assert_eq!(with(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":1,"fees":2}"#), "bad_event");
    assert_eq!(
        with(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":1,"revision":-1}"#),
        "bad_event"
    );
    assert_eq!(with(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":"$5"}"#), "bad_number");
    assert_eq!(with(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":""}"#), "bad_number");
    assert_eq!(with(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":true}"#), "bad_number");
    assert_eq!(
        with(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":0.000000001}"#),
        "amount_range"
    );
    assert_eq!(with("null"), "missing_field");
    assert_eq!(code(r#"{"id":"e","detail-type":"AccountClosed","detail":{}}"#), "unknown_detail_type");
    assert_eq!(code(r#"{"id":"e","detail":{}}"#), "missing_field");
    assert_eq!(code("{"), "bad_event");
    assert_eq!(code(&"[".repeat(100_000)), "bad_event");
    let no_zone = event(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":1}"#).replace("05Z", "05");
    assert_eq!(code(&no_zone), "bad_date");
    let no_id =
        event(r#"{"account":"A","date":"2026-01-05","ticket":"T","fees":1}"#).replace(r#""id":"e-1","#, "");
    assert_eq!(code(&no_id), "missing_field");
}

#[test]
fn a_message_names_the_wrong_key_and_those_that_are_right() {
    let error = decode(event(r#"{"account":"A","endvalue":1}"#).as_bytes()).unwrap_err();
    assert!(error.text.contains("`endvalue`") && error.text.contains("`end_value`"), "{}", error.text);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), detail in "[-{}\\[\\]\":,a-e0-9.]{0,40}") {
        let _ = decode(&bytes);
        let _ = decode(event(&detail).as_bytes());
    }

    #[test]
    fn every_amount_arrives_as_it_was_sent(mantissa in -999_999_999_999_999i64..=999_999_999_999_999, scale in 0u32..=8) {
        let amount = Decimal::new(mantissa, scale).normalize();
        let text = event(&format!(r#"{{"account":"A","date":"2026-01-05","ticket":"T","end_value":{amount}}}"#));
        prop_assert_eq!(decode(text.as_bytes()).unwrap().correction.end_value, Patch::Set(amount));
    }
}
