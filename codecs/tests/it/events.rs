//! The built-in layout of corrections, and how payloads are told apart.
use crate::support::{decode, layout};
use codecs::Layout;
use returns::fact::Patch;
use returns::{Body, Kind, Origin};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const EVENTS: &str = r#"{"id": "e-1", "time": "2026-01-09T15:04:05Z", "source": "operations", "detail-type": "PerformanceCorrection", "detail": {"account": "A1", "date": "2026-01-05", "end_value": "1234.50", "fees": null, "ticket": "T-7", "who": "j.doe", "reason": "late price", "revision": 2}}
{"id": "e-2", "time": "2026-01-09T15:04:05Z", "source": "operations", "detail-type": "PerformanceCorrection", "detail": {"account": "A1", "date": "2026-01-05", "end_valu": "1", "ticket": "T-8", "who": "j.doe", "reason": "slip"}}
{"id": "e-3", "detail-type": "SomethingElse", "detail": {}}
"#;

#[test]
fn a_correction_event_becomes_a_correction_that_arrives_when_it_says() {
    let layout = Arc::new(Layout::eventbridge());
    assert_eq!((layout.name(), layout.version(), layout.kinds()), ("corrections", 1, vec![Kind::Correction]));
    assert!(layout.detect("anything.jsonl", EVENTS.as_bytes()));
    let out = decode(&layout, EVENTS.as_bytes());
    assert_eq!((out.counts.read, out.counts.decoded, out.counts.quarantined), (3, 1, 2));
    let o = &out.observations[0];
    assert!(o.is_account_no);
    assert_eq!(
        (out.account(o), o.fact.origin, o.fact.reference.as_deref(), o.fact.revision),
        ("A1", Origin::Correction, Some("T-7"), Some(2))
    );
    assert_eq!(
        o.fact.arrival.0,
        Some("2026-01-09T15:04:05Z".parse::<jiff::Timestamp>().unwrap().as_microsecond())
    );
    let Body::Correction(c) = &o.fact.body else { panic!("{:?}", o.fact.body) };
    assert_eq!(
        (c.end_value, c.fees, c.contributions),
        (Patch::Set("1234.5".parse().unwrap()), Patch::TakenAway, Patch::Absent)
    );
    let codes: Vec<_> = out.rejects.iter().map(|r| r.code).collect();
    assert_eq!(codes, ["bad_event", "unknown_detail_type"]);
}

#[test]
fn a_correction_that_cannot_be_read_names_the_day_it_is_for_where_that_can_be_read() {
    let layout = Arc::new(Layout::eventbridge());
    let detail = |keys: &str| {
        let event = format!(
            "{{\"id\": \"e\", \"time\": \"2026-01-09T15:04:05Z\", \"detail-type\": \"PerformanceCorrection\", \"detail\": {{\"ticket\": \"T\", {keys}}}}}"
        );
        let reject = decode(&layout, event.as_bytes()).rejects.remove(0);
        (reject.code, reject.account, reject.as_of.map(|d| d.to_string()))
    };
    let named = |code| (code, Some("A1".to_owned()), Some("2026-01-05".to_owned()));
    let day = "\"account\": \"A1\", \"date\": \"2026-01-05\"";
    assert_eq!(detail(&format!("{day}, \"end_valeu\": 1")), named("bad_event"));
    assert_eq!(detail(&format!("{day}, \"end_value\": \"$1,000.00\"")), named("bad_number"));
    assert_eq!(detail(&format!("{day}, \"end_value\": 1e30")), named("amount_range"));
    assert_eq!(
        detail("\"account\": \"A1\", \"date\": \"2026-02-30\", \"end_value\": 1"),
        ("bad_date", Some("A1".to_owned()), None)
    );
    let nul = "\"account\": \"A\\u0000\", \"date\": \"2026-01-05\", \"end_value\": 1";
    assert_eq!(detail(nul), ("bad_text", None, Some("2026-01-05".to_owned())));
    let other = decode(&layout, EVENTS.as_bytes()).rejects.remove(1);
    assert_eq!((other.account, other.as_of), (None, None), "another type of event is not for us to read");
}

#[test]
fn every_sample_is_known_by_its_own_layout_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendors");
    let names = [
        ("quarry", "sample.qps", "QUARRY_20250106"),
        ("meridian", "sample.csv", "meridian_values_20250106.csv"),
        ("meridian_activity", "sample.csv", "meridian_activity_20250106.csv"),
        ("tidemark", "sample.json", "tidemark-2025.json.gz"),
        ("ibkr", "sample.xml", "daily.xml"),
        ("lantern", "sample.csv", "U1_statement.csv"),
        ("pulse", "sample.psv", "pulse-0930.psv"),
    ];
    let layouts: Vec<_> = names
        .map(|(name, ..)| layout(&fs::read_to_string(root.join(name).join("mapping.toml")).unwrap()))
        .into();
    for (name, sample, sent_as) in names {
        let head = fs::read(root.join(name).join(sample)).unwrap();
        let known: Vec<_> = layouts.iter().filter(|l| l.detect(sent_as, &head)).map(|l| l.name()).collect();
        assert_eq!(known, [name]);
    }
}

#[test]
fn two_layouts_of_one_vendor_share_its_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendors");
    let activity = layout(&fs::read_to_string(root.join("meridian_activity/mapping.toml")).unwrap());
    let values = layout(&fs::read_to_string(root.join("meridian/mapping.toml")).unwrap());
    assert_eq!(activity.name(), "meridian_activity");
    assert_eq!(activity.vendor_policy(), values.vendor_policy(), "and its conventions");
    assert_eq!((activity.is_full(), values.is_full()), (false, true));
}

#[test]
fn an_event_that_tells_of_an_object_is_left_out_and_one_that_does_not_say_which_is_refused() {
    let layout = Arc::new(Layout::eventbridge());
    let event = |object: &str| {
        format!(
            "{{\"detail-type\": \"Object Created\", \"detail\": {{\"bucket\": {{\"name\": \"b\"}}, \"object\": {object}}}}}\n"
        )
    };
    let events = [event("{\"key\": \"k\", \"etag\": \"e\"}"), event("{\"etag\": \"e\"}")].concat();
    let out = decode(&layout, events.as_bytes());
    assert_eq!((out.counts.read, out.counts.ignored, out.counts.quarantined), (2, 1, 1));
    assert_eq!(out.ignored, [("object created".to_owned(), 1)]);
    assert_eq!(out.rejects[0].code, "missing_field");
}
