//! A feed that is not what its layout says is never left out in silence, and no cell of it comes into a log.
use crate::support::{decode, decode_in_pieces, frame, layout};
use codecs::{Decoded, Layout};
use record::Framed;
use std::sync::Arc;

/// A mapping of summaries with these keys of its format.
fn summaries(format: &str) -> Arc<Layout> {
    layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\n{format}\n[[observation]]\nkind = \"summary\"\naccount = \"acct\"\nas_of = \"date\"\nend = \"end\"\n"
    ))
}

fn delimited(keys: &str) -> Arc<Layout> {
    summaries(&format!("type = \"delimited\"\n{keys}"))
}

/// Line, code and text of each rejected record.
fn told(out: &Decoded) -> Vec<(Option<u64>, &'static str, &str)> {
    out.rejects.iter().map(|r| (r.line, r.code, r.text.as_str())).collect()
}

#[test]
fn a_header_without_the_columns_is_refused_though_no_row_follows() {
    let out = decode(&delimited(""), b"acct,day,note\n");
    assert_eq!(told(&out), [(Some(1), "missing_column", "the header has no `date`, no `end`")]);
    assert_eq!((out.counts.read, out.counts.ignored, out.counts.quarantined), (1, 0, 1));
    assert_eq!(
        (&out.rejects[0].raw[..], out.rejects[0].field.as_deref()),
        (&b"acct,day,note"[..], Some("`date`, `end`"))
    );
    let sections = layout(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\nsections = { column = 1, kind_column = 2, header = \"Header\", data = \"Data\" }\n\
         [[observation]]\nkind = \"summary\"\nsection = \"Value\"\naccount = \"acct\"\nas_of = \"date\"\nend = \"end\"\n",
    );
    let out = decode(&sections, b"Cash,Header,ccy\nValue,Header,acct,end\nValue,Header,acct,date,end\n");
    assert_eq!(
        told(&out),
        [(Some(2), "missing_column", "the header has no `date`")],
        "each header for its own section"
    );
}

#[test]
fn a_header_without_rows_is_a_feed_with_nothing_to_say() {
    for feed in [&b"acct,date,end\n"[..], b"\xEF\xBB\xBFacct,date,end", b"acct,date,end\r\n\r\n"] {
        let out = decode(&delimited(""), feed);
        assert_eq!((out.counts.read, out.counts.ignored, out.rejects.len()), (1, 1, 0));
    }
}

#[test]
fn a_feed_in_which_the_header_never_comes_is_refused_once_at_its_end() {
    let layout = delimited("header_starts = \"acct,\"");
    let feed = b"Report of values\nAccount,date,end\nA,2025-01-06,1\n";
    for piece in [1, 7, feed.len()] {
        let out = decode_in_pieces(&layout, feed, piece);
        let text = "the feed is over and no line of it was a header: none begins with `acct,`";
        assert_eq!(told(&out), [(Some(3), "missing_header", text)]);
        assert_eq!((out.counts.read, out.counts.ignored), (4, 3));
        let framed = frame(&layout, feed, piece);
        assert!(
            framed.refused[0].position > framed.records[2].position,
            "behind the last line, not in its place"
        );
    }
    let marked_only = decode(&delimited(""), b"\xEF\xBB\xBF\n\n");
    assert_eq!(
        told(&marked_only),
        [(Some(2), "missing_header", "the feed is over and no line of it was a header")]
    );
}

#[test]
fn what_may_grow_is_waited_for() {
    let mut framed = Framed::default();
    let used =
        delimited("header_starts = \"acct,\"").framer().frame(b"Report of values\n", false, &mut framed);
    assert_eq!((used, framed.records.len(), framed.refused.len()), (17, 1, 0));
}

#[test]
fn old_mac_line_ends_are_refused_with_what_to_do() {
    let long = "A,2025-01-06,1\r".repeat(10_000);
    for keys in ["", "header_starts = \"acct,\"", "multiline = true", "record_limit = 1000"] {
        let layout = delimited(keys);
        let feed = format!("acct,date,end\r{long}");
        for piece in [100, feed.len()] {
            let out = decode_in_pieces(&layout, feed.as_bytes(), piece);
            assert_eq!((out.counts.read, out.rejects.len(), out.drift.len()), (1, 1, 0), "{keys}");
            assert_eq!((out.rejects[0].code, out.rejects[0].line), ("line_ends", Some(1)), "{keys}");
            assert!(out.rejects[0].text.contains("save the file with LF or CRLF"));
        }
    }
    let fixed = layout(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"fixed\"\n[[format.record]]\nname = \"h\"\nrole = \"header\"\nmark = \"BOF\"\n\
         [[format.record]]\nname = \"d\"\nfields.a = { start = 1, length = 2 }\n[[observation]]\nkind = \"account\"\naccount = \"a\"\nas_of = { const = \"2025-01-06\" }\n",
    );
    assert_eq!(decode(&fixed, b"BOF 1\rA1\rA2\r").rejects[0].code, "line_ends");
}

#[test]
fn a_carriage_return_at_a_line_end_or_in_quotes_before_a_line_feed_is_none_of_an_old_mac() {
    let layout = delimited("multiline = true\nother_columns = [\"two\\r\\nlines\"]");
    let out = decode(&layout, b"acct,date,end,\"two\r\nlines\"\r\r\nA,2025-01-06,1,x\ry\r\r\n");
    assert_eq!((out.counts.decoded, out.rejects.len()), (1, 0), "{:?}", out.rejects);
}

#[test]
fn a_document_without_what_the_mapping_reads_is_refused() {
    let json = summaries("type = \"json\"\nrecords = \"accounts[].series[]\"");
    for feed in ["{\"acounts\": [{\"series\": [{}]}]}", "{}"] {
        let out = decode(&json, feed.as_bytes());
        assert_eq!(
            told(&out),
            [(Some(1), "json_shape", "the feed has no `accounts[].series[]`: not one array of it was found")]
        );
    }
    for feed in ["{\"accounts\": []}", "{\"accounts\": [{\"series\": null}]}", "{\"accounts\": null}"] {
        assert_eq!(decode(&json, feed.as_bytes()).rejects, [], "{feed}");
    }
    let flex = layout(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"ibkr_flex\"\n[[observation]]\nkind = \"summary\"\nsection = \"ChangeInNAV\"\naccount = \"accountId\"\nas_of = \"toDate\"\nend = \"endingValue\"\n",
    );
    let out = decode(&flex, b"<?xml version=\"1.0\"?><Statement><Value a=\"1\"/></Statement>");
    let text = "the feed has no `<FlexStatements>` and no element that the mapping reads";
    assert_eq!(told(&out), [(Some(1), "xml_shape", text)]);
    assert_eq!(
        decode(&flex, b"<FlexQueryResponse><FlexStatements count=\"0\"/></FlexQueryResponse>").rejects,
        []
    );
}

#[test]
fn drift_is_told_of_a_known_header_alone_and_never_at_length() {
    let wrong = decode(&delimited(""), b"A-1,2025-01-06,1000\nA-2,2025-01-06,2000\n");
    assert_eq!(
        (wrong.drift.len(), wrong.rejects.len()),
        (0, 2),
        "a file without a header has data where names would be"
    );
    let by_number = layout(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[observation]]\nkind = \"summary\"\naccount = { column = 1 }\nas_of = { column = 2 }\nend = { column = 3 }\n",
    );
    assert_eq!(decode(&by_number, b"A-1,2025-01-06,1000\nA-2,2025-01-06,2000\n").drift, []);
    let many: String = (0..50).map(|n| format!(",\x1bnew{n}{}", "x".repeat(100))).collect();
    let out = decode(&delimited(""), format!("acct,date,end{many}\n").as_bytes());
    let columns = &out.drift[0].columns;
    assert_eq!((out.drift.len(), columns.len()), (1, 20));
    assert!(columns.iter().all(|c| c.chars().count() == 64 && c.starts_with("\u{FFFD}new")), "{columns:?}");
}
