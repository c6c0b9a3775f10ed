//! Records over several lines: lines A, B and C of an account are one record, in pieces of any size.
use crate::support::{decode, decode_in_pieces, layout};
use codecs::{Decoded, Layout};
use returns::Body;
use std::sync::Arc;

fn by_account(keys: &str) -> Arc<Layout> {
    layout(&format!(
        "name = \"a\"\nversion = 1\n[feed]\ncount = \"@count\"\n[format]\ntype = \"fixed\"\n{keys}\n\
         [[format.record]]\nname = \"end\"\nrole = \"trailer\"\nmark = \"Z\"\nfields.count = {{ start = 2, length = 3 }}\n\
         [[format.record]]\nname = \"a\"\nmark = \"A\"\nfields.account = {{ start = 2, length = 3 }}\nfields.begin = {{ start = 5, length = 5, decimals = 2 }}\n\
         [[format.record]]\nname = \"b\"\nrole = \"part\"\nmark = \"B\"\nfields.account = {{ start = 2, length = 3 }}\n\
         fields.end = {{ start = 5, length = 5, decimals = 2, sign = 10 }}\n\
         [[format.record]]\nname = \"c\"\nrole = \"part\"\nmark = \"C\"\nfields.account = {{ start = 2, length = 3 }}\nfields.fees = {{ start = 5, length = 5, decimals = 2 }}\n\
         [[observation]]\nkind = \"summary\"\nrecord = \"a\"\naccount = \"account\"\nas_of = {{ const = \"2025-01-06\" }}\n\
         begin = \"begin\"\nend = \"end\"\nfees = \"fees\"\n"
    ))
}

/// Account, line, begin, end and fees of each summary.
fn summaries(out: &Decoded) -> Vec<String> {
    let said = |o: &codecs::Observation| match &o.fact.body {
        Body::Summary(s) => {
            format!("{} {} {} {} {}", out.account(o), o.fact.place.position.sub, s.begin, s.end, s.fees)
        }
        _ => unreachable!("the mapping has summaries alone"),
    };
    out.observations.iter().map(said).collect()
}

fn refused(out: &Decoded) -> Vec<(Option<u64>, &'static str, Option<&str>)> {
    out.rejects.iter().map(|r| (r.line, r.code, r.account.as_deref())).collect()
}

const FEED: &str =
    "A00100100\r\nB00100150-\r\nC00100001\r\nA00200200\nC00200002\nB00200250+\nA00300300\nB00300350+\nZ008\n";

#[test]
fn lines_that_go_on_with_a_record_are_one_with_it_in_any_order_and_pieces() {
    let layout = by_account("");
    for piece in [1, 3, 11, 12, 40, FEED.len()] {
        let out = decode_in_pieces(&layout, FEED.as_bytes(), piece);
        assert_eq!(out.rejects, [], "{piece}");
        assert_eq!(summaries(&out), ["001 1 1 -1.5 0.01", "002 4 2 2.5 0.02", "003 7 3 3.5 0"], "{piece}");
        assert_eq!((out.counts.read, out.counts.ignored), (4, 1));
    }
    let cut = FEED.trim_end_matches("\nZ008\n");
    assert_eq!(summaries(&decode(&layout, cut.as_bytes())).len(), 3, "the last line without its end");
}

#[test]
fn a_declared_count_is_held_against_lines() {
    let layout = by_account("");
    for (count, agrees) in [("Z008", true), ("Z003", false)] {
        let mut surveyor = layout.surveyor("feed");
        FEED.replace("Z008", count).as_bytes().chunks(5).for_each(|piece| surveyor.feed(piece));
        assert_eq!(surveyor.finish().agrees(), agrees, "{count}");
    }
}

#[test]
fn lines_of_two_accounts_are_never_one_record() {
    let out = decode(&by_account(""), b"A00100100\nB00200150+\nC00100001\nA00200200\nB00200250+\nZ005\n");
    assert_eq!(refused(&out), [(Some(1), "parts_differ", Some("001"))]);
    assert_eq!(out.rejects[0].raw, b"A00100100\nB00200150+\nC00100001", "nothing of it is lost");
    assert_eq!(summaries(&out), ["002 4 2 2.5 0"]);
}

#[test]
fn a_part_without_its_record_and_a_part_cut_short_are_refused() {
    let out = decode(&by_account(""), b"B00100150+\nA00200200\nB002001\nA00300300\n\nB00300350+\nX\nZ005\n");
    assert_eq!(
        refused(&out),
        [
            (Some(1), "unknown_record", None),
            (Some(2), "record_length", Some("002")),
            (Some(4), "missing_field", Some("003")),
            (Some(6), "unknown_record", None),
            (Some(7), "unknown_record", None),
        ]
    );
    assert!(out.rejects[0].text.contains("no record is before it"));
}

#[test]
fn parts_without_end_stay_within_the_bound_of_a_record() {
    let layout = by_account("record_limit = 100");
    let feed = ["A00100100\n", &"B00100150+\n".repeat(50), "A00200200\nB00200250+\nZ005\n"].concat();
    for piece in [1, 64, feed.len()] {
        let out = decode_in_pieces(&layout, feed.as_bytes(), piece);
        assert_eq!(summaries(&out), ["002 52 2 2.5 0"], "{piece}");
        assert_eq!(out.rejects[0].code, "record_too_long");
    }
}

#[test]
fn a_block_cannot_be_for_a_part() {
    let text = "name = \"a\"\nversion = 1\n[format]\ntype = \"fixed\"\n[[format.record]]\nname = \"a\"\nmark = \"A\"\nfields.x = { start = 1, length = 1 }\n\
        [[format.record]]\nname = \"b\"\nrole = \"part\"\nmark = \"B\"\n[[observation]]\nkind = \"account\"\nrecord = \"b\"\naccount = \"x\"\nas_of = { const = \"2025-01-06\" }\n";
    let told = Layout::compile(text, "m").err().unwrap();
    assert!(told.len() == 1 && told[0].message.contains("`b` is a part of other records"), "{told:?}");
}
