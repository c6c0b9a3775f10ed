//! No text that is handed on holds a NUL: Postgres would refuse it, and all that is with it, for ever.
use crate::support::{decode, layout};
use codecs::{Decoded, Layout};
use std::sync::Arc;

/// Code and field of the one rejected record, after a look at everything that is stored as a text.
fn refused(layout: &Arc<Layout>, feed: &[u8]) -> (&'static str, String) {
    let out = decode(layout, feed);
    assert_eq!((out.observations.len(), out.rejects.len()), (0, 1), "{:?}", out.observations);
    no_nul(&out);
    (out.rejects[0].code, out.rejects[0].field.clone().unwrap_or_default())
}

fn no_nul(out: &Decoded) {
    for r in &out.rejects {
        for text in [Some(&r.text), r.field.as_ref(), r.account.as_ref()].into_iter().flatten() {
            assert!(!text.contains('\0'), "{r:?}");
        }
    }
}

#[test]
fn a_nul_in_any_text_of_a_flow_is_refused_and_its_field_named() {
    let flows = layout(
        "name = \"a\"\nversion = 1\nflows_from = \"detail\"\n[format]\ntype = \"json\"\n[[observation]]\nkind = \"flow\"\naccount = \"acct\"\nas_of = \"date\"\n\
         class = \"contribution\"\namount = \"amount\"\nsecurity = \"security\"\ncounter_account = \"counter\"\ndescription = \"text\"\n\
         id = [{ field = \"id\", optional = true }]\nref = [{ field = \"ref\", optional = true }]\n",
    );
    let with = |field: &str, value: &str| {
        format!(
            "{{\"acct\": \"A\", \"date\": \"2025-01-06\", \"amount\": 5, {}}}",
            format_args!("\"{field}\": \"{value}\"")
        )
        .into_bytes()
    };
    for field in ["security", "counter", "text", "id", "ref"] {
        assert_eq!(decode(&flows, &with(field, "x")).counts.decoded, 1, "{field}");
        assert_eq!(refused(&flows, &with(field, "x\\u0000y")), ("bad_text", field.to_owned()));
    }
    let account = br#"{"acct": "A\u0000", "date": "2025-01-06", "amount": 5}"#;
    assert_eq!(refused(&flows, account), ("bad_text", "acct".to_owned()));
    let raw = decode(&flows, account).rejects.remove(0);
    assert_eq!(
        (&raw.raw[..], raw.account),
        (&account[..], None),
        "the bytes stay as they came; no account is made of it"
    );
}

#[test]
fn a_nul_in_a_position_or_in_reference_data_is_refused_and_its_field_named() {
    let json = |block: &str| {
        layout(&format!(
            "name = \"a\"\nversion = 1\n[format]\ntype = \"json\"\n[[observation]]\naccount = \"acct\"\nas_of = \"date\"\n{block}\n"
        ))
    };
    let holdings = json("kind = \"holding\"\nsecurity = \"s\"\nvalue = \"v\"\nref = [\"lot\"]");
    let record = |s: &str, lot: &str| {
        format!("{{\"acct\": \"A\", \"date\": \"2025-01-06\", \"v\": 1, \"s\": \"{s}\", \"lot\": \"{lot}\"}}")
            .into_bytes()
    };
    assert_eq!(refused(&holdings, &record("\\u0000", "1")), ("bad_text", "s".to_owned()));
    assert_eq!(refused(&holdings, &record("S", "1\\u0000")), ("bad_text", "lot".to_owned()));
    let accounts = json("kind = \"account\"\nname = \"n\"\nbase_currency = \"c\"");
    let record = |name: &str, currency: &str| {
        format!("{{\"acct\": \"A\", \"date\": \"2025-01-06\", \"n\": \"{name}\", \"c\": \"{currency}\"}}")
            .into_bytes()
    };
    assert_eq!(refused(&accounts, &record("\\u0000", "USD")), ("bad_text", "n".to_owned()));
    assert_eq!(refused(&accounts, &record("N", "US\\u0000")), ("bad_currency", "c".to_owned()));
}

#[test]
fn a_zero_byte_in_lines_or_xml_is_refused() {
    let block = "[[observation]]\nkind = \"account\"\naccount = \"a\"\nas_of = { const = \"2025-01-06\" }\nname = \"n\"\n";
    let delimited = layout(&format!("name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n{block}"));
    assert_eq!(refused(&delimited, b"a,n\nA,x\0\n").0, "encoding");
    let fixed = layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"fixed\"\n[[format.record]]\nname = \"d\"\nfields.a = {{ start = 1, length = 1 }}\nfields.n = {{ start = 2, length = 2 }}\n{block}"
    ));
    assert_eq!(refused(&fixed, b"Ax\0\n").0, "encoding");
    let captured = layout(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[format.capture]]\nname = \"acct\"\nstarts = \"Account: \"\nafter = \": \"\n\
         [[observation]]\nkind = \"summary\"\naccount = \"@acct\"\nas_of = \"date\"\nend = \"end\"\n",
    );
    assert_eq!(
        refused(&captured, b"Account: A\0\ndate,end\n2025-01-06,1\n"),
        ("bad_text", "@acct".to_owned())
    );
    let flex = layout(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"ibkr_flex\"\n[[observation]]\nkind = \"account\"\nsection = \"S\"\naccount = \"parent.a\"\nas_of = { const = \"2025-01-06\" }\nname = \"n\"\n",
    );
    let xml = |a: &str, n: &str| {
        format!(
            "<R><FlexStatements><FlexStatement a=\"{a}\"><S n=\"{n}\"/></FlexStatement></FlexStatements></R>"
        )
        .into_bytes()
    };
    assert_eq!(decode(&flex, &xml("A", "n")).counts.decoded, 1);
    assert_eq!(refused(&flex, &xml("A", "x\0")), ("bad_text", "n".to_owned()));
    assert_eq!(refused(&flex, &xml("A\0", "x")), ("bad_text", "parent.a".to_owned()));
    no_nul(&decode(&flex, &xml("A", "&#0;")));
    assert_eq!(decode(&flex, &xml("A", "&#0;")).counts.decoded, 0);
}

#[test]
fn what_a_message_quotes_of_a_record_holds_no_nul() {
    let json = layout(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"json\"\n[[observation]]\nkind = \"summary\"\naccount = \"acct\"\nas_of = \"date\"\nend = \"end\"\nwhen = { field = \"k\", one_of = [\"V\"] }\n\
         [[observation]]\nkind = \"account\"\naccount = \"acct\"\nas_of = \"date\"\nbase_currency = { field = \"c\", one_of = [\"USD\"] }\n",
    );
    for (record, code) in [
        (r#"{"acct": "A", "date": "2025\u0000", "c": "USD"}"#, "bad_date"),
        (r#"{"acct": "A", "date": "2025-01-06", "k": "V", "end": "1\u0000"}"#, "bad_number"),
        (r#"{"acct": "A", "date": "2025-01-06", "c": "\u0000"}"#, "unknown_code"),
        (r#"{"acct": "A", "date": "2025-01-06", "\u0000": 1, "\u0000": 2, "c": "\u0000"}"#, "unknown_code"),
    ] {
        assert_eq!(refused(&json, record.as_bytes()).0, code, "{record}");
    }
    assert!(
        decode(&json, br#"{"acct": "A", "date": "2025-01-06", "c": "\u0000"}"#).rejects[0]
            .text
            .contains('\u{FFFD}')
    );
}

#[test]
fn a_nul_in_any_text_of_a_correction_is_refused_and_its_field_named() {
    let events = Arc::new(Layout::eventbridge());
    let event = r#"{"id": "e-1", "time": "2026-01-09T15:04:05Z", "source": "ops", "detail-type": "PerformanceCorrection", "detail": {"account": "A1", "date": "2026-01-05", "end_value": "1", "ticket": "T-7", "who": "j.doe", "reason": "late"}}"#;
    assert_eq!(decode(&events, event.as_bytes()).counts.decoded, 1);
    for (text, field) in [
        ("e-1", "id"),
        ("T-7", "detail.ticket"),
        ("j.doe", "detail.who"),
        ("late", "detail.reason"),
        ("A1", "detail.account"),
    ] {
        let bad = event.replace(text, &format!("{text}\\u0000"));
        assert_eq!(refused(&events, bad.as_bytes()), ("bad_text", field.to_owned()));
    }
    assert_eq!(
        refused(&events, event.replace("PerformanceCorrection", "\\u0000").as_bytes()).0,
        "unknown_detail_type"
    );
    assert_eq!(refused(&events, event.replace("end_value", "\\u0000").as_bytes()).0, "bad_event");
    assert_eq!(refused(&events, event.replace("A1", &"A".repeat(65)).as_bytes()).0, "bad_account");
    assert_eq!(refused(&events, event.replace("late", &"x".repeat(1025)).as_bytes()).0, "text_too_long");
}

#[test]
fn a_mapping_gives_no_nul_either() {
    let mapping = |key: &str, block: &str| {
        let text = format!(
            "name = \"a\"\nversion = 1\n{key}\n[format]\ntype = \"json\"\n[[observation]]\nkind = \"account\"\naccount = \"acct\"\nas_of = \"date\"\n{block}\n"
        );
        let problems = Layout::compile(&text, "mapping.toml").err().unwrap_or_default();
        problems.iter().map(|p| p.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(mapping("account_no = \"H-{vendor_account}\"", "name = { const = \"x\" }"), [] as [&str; 0]);
    for (key, block, place) in [
        ("account_no = \"H\\u0000-{vendor_account}\"", "", "3:14"),
        ("", "name = { const = \"\\u0000\" }", "10:18"),
        ("", "name = { lookup = { columns = [\"c\"], table = [[\"1\", \"\\u0000\"]] } }", "10:53"),
    ] {
        let told = format!("mapping.toml:{place}: a text cannot hold a NUL (U+0000)");
        assert!(mapping(key, block).contains(&told), "{told}: {:?}", mapping(key, block));
    }
}
