//! Delimited feeds: preamble, sections, footers, quoting, encodings, drift.
use crate::support::{decode, layout};
use returns::Body;
use returns::fact::Stated;

const PLAIN: &str = r#"
name = "harbor"
version = 3
[format]
type = "delimited"
[[observation]]
kind = "summary"
account = "Account"
as_of = "Date"
begin = "Begin"
end = "End"
contributions = "In"
distributions = "Out"
fees = { field = "Fees", optional = true }
"#;

#[test]
fn a_plain_line_becomes_one_summary() {
    let layout = layout(PLAIN);
    let out = decode(
        &layout,
        b"Account,Date,Begin,End,In,Out,Fees\r\nA-1,2025-01-02,\"1,000.00\",1100.50,100,,-0.00\r\n",
    );
    assert_eq!((out.counts.read, out.counts.decoded, out.counts.ignored, out.counts.observed), (2, 1, 1, 1));
    assert_eq!(out.ignored, [("header".to_owned(), 1)]);
    let o = &out.observations[0];
    assert_eq!(out.account(o), "A-1");
    assert_eq!(o.fact.as_of.to_string(), "2025-01-02");
    assert_eq!(o.fact.place.position.to_string(), "82.2.0");
    assert_eq!(o.fact.mapping_version, 3);
    let Body::Summary(s) = &o.fact.body else { panic!("{:?}", o.fact.body) };
    assert_eq!(s.end.to_string(), "1100.5");
    assert_eq!(s.begin.to_string(), "1000");
    assert_eq!(s.fees.to_string(), "0");
    let stated = Stated::BEGIN.with(Stated::END).with(Stated::CONTRIBUTIONS).with(Stated::FEES);
    assert_eq!(s.stated, stated, "an empty cell is unknown, not zero");
}

#[test]
fn a_bad_record_is_rejected_whole_and_the_run_goes_on() {
    let layout = layout(PLAIN);
    let feed = b"Account,Date,Begin,End,In,Out,Fees\nA,2025-01-02,1,2,3,x4,\nB,2025-01-02,1,2,3,4\nC,2025-01-02,1,2,0,0,0\n";
    let out = decode(&layout, feed);
    assert_eq!((out.counts.decoded, out.counts.quarantined, out.observations.len()), (1, 2, 1));
    let bad = &out.rejects[0];
    assert_eq!(
        (bad.code, bad.field.as_deref(), bad.line, bad.at),
        ("bad_number", Some("Out"), Some(2), Some(19))
    );
    assert_eq!(bad.raw, b"A,2025-01-02,1,2,3,x4,");
    assert_eq!(
        (bad.account.as_deref(), bad.as_of.map(|d| d.to_string())),
        (Some("A"), Some("2025-01-02".into()))
    );
    assert_eq!(out.rejects[1].code, "column_count");
    assert_eq!(out.account(&out.observations[0]), "C");
}

#[test]
fn a_missing_required_column_is_an_error_that_names_it_and_a_new_one_is_told_once() {
    let layout = layout(PLAIN);
    let out =
        decode(&layout, b"Account,Date,Begin,End,In,Custodian\nA,2025-01-02,1,2,3,x\nB,2025-01-02,1,2,3,x\n");
    assert_eq!(out.rejects.len(), 2);
    assert_eq!(
        (out.rejects[0].code, out.rejects[0].text.as_str()),
        ("missing_column", "the header has no `Out`")
    );
    assert_eq!(out.drift.len(), 1);
    assert_eq!(out.drift[0].columns, ["Custodian"]);
}
