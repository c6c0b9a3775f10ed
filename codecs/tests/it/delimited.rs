//! Delimited feeds: preamble, sections, footers, quoting, encodings, drift.
use crate::support::{decode, layout};
use codecs::format::delimited::Delimited;
use codecs::value::text::Encoding;
use proptest::prelude::*;
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
    let told: Vec<_> = out.rejects.iter().map(|r| (r.line, r.code, r.text.as_str())).collect();
    let wrong = |line| (Some(line), "missing_column", "the header has no `Out`");
    assert_eq!(told, [wrong(1), wrong(2), wrong(3)], "the header and what stands under it");
    let out = decode(
        &layout,
        b"Account,Date,Begin,End,In,Out,Custodian\nA,2025-01-02,1,2,3,4,x\nB,2025-01-02,1,2,3,4,x\n",
    );
    assert_eq!((out.rejects.len(), out.drift.len()), (0, 1));
    assert_eq!(out.drift[0].columns, ["Custodian"]);
}

/// A mapping of summaries with these keys of its format.
fn summaries(format: &str, section: &str) -> std::sync::Arc<codecs::Layout> {
    layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n{format}\n[[observation]]\nkind = \"summary\"\n{section}\n\
         account = \"acct\"\nas_of = \"date\"\nend = \"end\"\n"
    ))
}

/// Accounts with their ending values.
fn ends(out: &codecs::Decoded) -> Vec<(String, String)> {
    let value = |body: &Body| match body {
        Body::Summary(s) => s.end.to_string(),
        other => panic!("{other:?}"),
    };
    out.observations.iter().map(|o| (out.account(o).to_owned(), value(&o.fact.body))).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn preamble_footer_and_a_mark_at_the_start_are_left_out_and_counted() {
    let layout = summaries("preamble = 3\nfooter_starts = [\"Total\", \"Notes\"]", "");
    let out = decode(&layout, b"\xEF\xBB\xBFValues\n\nas of today\nacct,date,end\nA,2025-01-06,1\n\nTotal,,1\nNotes: B,2025-01-06,2\nB,2025-01-06,2\n");
    assert_eq!(ends(&out), pairs(&[("A", "1")]));
    assert_eq!(out.ignored, [("preamble".into(), 2), ("header".into(), 1), ("footer".into(), 3)]);
    assert_eq!(out.rejects, []);
}

#[test]
fn a_header_that_comes_again_starts_rows_of_its_own_columns() {
    let layout = summaries("header_starts = \"acct\"\nragged = true", "");
    let out = decode(&layout, b"Report\nacct,date,end\nA,2025-01-06,1\nacct,end,date\nB,2,2025-01-06\n");
    assert_eq!(ends(&out), pairs(&[("A", "1"), ("B", "2")]));
}

#[test]
fn marked_sections_are_read_by_the_blocks_that_name_them() {
    let layout = summaries("sections = { starts = \"[\", ends = \"]\" }", "section = \"Values\"");
    let feed = b"[Cash]\nccy,amount\nUSD,1\n[Values]\nacct,date,end\nA,2025-01-06,1\n[Notes]\nfree text, with commas\n[Values]\nacct,date,end\nB,2025-01-06,2\n";
    let out = decode(&layout, feed);
    assert_eq!(ends(&out), pairs(&[("A", "1"), ("B", "2")]));
    let ignored: u64 = out.ignored.iter().map(|(_, n)| n).sum();
    assert_eq!((ignored, out.counts.quarantined), (9, 0));
}

#[test]
fn the_rest_of_a_field_with_a_line_end_makes_no_account() {
    let feed = b"acct,date,end\n\"new\nline\",2025-01-06,1\n\"a,b\",2025-01-06,2\nC,2025-01-06,3\n";
    let out = decode(&summaries("", ""), feed);
    assert_eq!(ends(&out), pairs(&[("a,b", "2"), ("C", "3")]));
    let codes: Vec<_> = out.rejects.iter().map(|r| (r.line, r.code)).collect();
    assert_eq!(codes, [(Some(2), "syntax"), (Some(3), "syntax")]);
}

#[test]
fn a_quoted_field_may_hold_line_ends_where_declared() {
    let layout = summaries("multiline = true\nother_columns = [\"note\"]", "");
    let feed =
        b"acct,date,note,end\nA,2025-01-06,\"two\nlines, \"\"quoted\"\"\",1\nB,2025-01-06,5\" pipe,2\n";
    let out = decode(&layout, feed);
    assert_eq!(ends(&out), pairs(&[("A", "1"), ("B", "2")]), "{:?}", out.rejects);
}

#[test]
fn a_captured_value_is_forgotten_where_a_new_part_begins() {
    let mapping = "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\nheader = false\ncolumns = [\"end\"]\n\
        [[format.capture]]\nname = \"date\"\nstarts = \"Date: \"\nafter = \": \"\nbegins = true\n\
        [[format.capture]]\nname = \"acct\"\nstarts = \"Account: \"\nafter = \": \"\nuntil = \" (\"\n\
        [[observation]]\nkind = \"summary\"\naccount = \"@acct\"\nas_of = \"@date\"\nend = \"end\"\n";
    let out = decode(
        &layout(mapping),
        b"Date: 2025-01-06\nAccount: A (main)\n1\nDate: 2025-01-07\n2\nAccount: B\n3\n",
    );
    assert_eq!(ends(&out), pairs(&[("A", "1"), ("B", "3")]));
    assert_eq!((out.rejects.len(), out.rejects[0].code), (1, "missing_field"));
}

#[test]
fn a_survey_sees_the_newest_record_first() {
    let layout = summaries("", "");
    let survey = |feed: &[u8]| {
        let mut surveyor = layout.surveyor("feed");
        surveyor.feed(feed);
        surveyor.finish()
    };
    let newest = survey(b"acct,date,end\nA,2025-01-07,1\nA,2025-01-06,1\n");
    assert_eq!((newest.newest_first, newest.records), (true, 3));
    assert!(!survey(b"acct,date,end\nA,2025-01-06,1\nA,2025-01-07,1\n").newest_first);
    assert!(!survey(b"acct,date,end\nA,2025-01-06,1\n").newest_first);
}

#[test]
fn fees_go_where_the_mapping_says_and_a_negative_contribution_is_a_distribution() {
    let summary = |fees_in: &str, row: &str| {
        let layout = layout(&format!("fees_in = \"{fees_in}\"\n{}", PLAIN.trim_start()));
        let out = decode(
            &layout,
            format!("Account,Date,Begin,End,In,Out,Fees\nA,2025-01-06,0,0,{row}\n").as_bytes(),
        );
        match &out.observations[0].fact.body {
            Body::Summary(s) => {
                [s.contributions, s.distributions, s.fees, s.fees_outside].map(|d| d.to_string()).join(" ")
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(summary("value", "10,5,2"), "10 5 2 0");
    assert_eq!(summary("distributions", "10,5,2"), "10 3 2 0");
    assert_eq!(summary("outside", "10,5,2"), "10 5 0 2");
    assert_eq!(summary("value", "-10,5,2"), "0 15 2 0");
    assert_eq!(summary("distributions", "0,1,2.5"), "1.5 0 2.5 0");
}

proptest! {
    #[test]
    fn a_line_splits_as_the_csv_crate_wrote_it(cells in prop::collection::vec("[a-z,\"é]{0,9}", 1..12)) {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(&cells).unwrap();
        let written = writer.into_inner().unwrap();
        let line = written.strip_suffix(b"\n").unwrap();
        let format = Delimited {
            delimiter: b',',
            quote: Some(b'"'),
            encoding: Encoding::Utf8,
            ragged: false,
            selectors: Vec::new(),
            other_columns: Vec::new(),
        };
        prop_assert_eq!(format.cells(line), cells);
    }
}
