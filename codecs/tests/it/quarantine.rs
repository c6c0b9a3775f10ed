//! What cannot be read is kept, with a clear reason; nothing is lost and memory stays bounded.
use crate::support::{batch, decode, frame, layout};
use codecs::{Decoded, Layout};
use record::Framed;
use returns::Vendor;
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn vendor(name: &str) -> (Arc<Layout>, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendors").join(name);
    let mapping = fs::read_to_string(folder.join("mapping.toml")).unwrap();
    let sample = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    let sample = sample.filter(|p| p.file_stem().is_some_and(|s| s == "sample")).min().unwrap();
    (layout(&mapping), fs::read(sample).unwrap())
}

fn survey(layout: &Layout, feed: &[u8]) -> record::Survey {
    let mut surveyor = layout.surveyor("feed");
    feed.chunks(7).for_each(|piece| surveyor.feed(piece));
    surveyor.finish()
}

/// A mapping with one amount, spelled as the format's keys say.
fn amounts(keys: &str) -> Arc<Layout> {
    layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\nheader = false\ncolumns = [\"a\", \"d\", \"v\"]\ndelimiter = \";\"\n{keys}\n\
         [[observation]]\nkind = \"summary\"\naccount = \"a\"\nas_of = \"d\"\nend = \"v\"\n"
    ))
}

fn code_of(layout: &Arc<Layout>, value: &str) -> &'static str {
    let out = decode(layout, format!("A;2025-01-06;{value}\n").as_bytes());
    out.rejects.first().map_or("ok", |r| r.code)
}

#[test]
fn a_bad_number_is_refused_in_each_spelling() {
    let us = amounts("");
    for (value, code) in [
        ("$1,234.50", "ok"),
        ("-$5", "ok"),
        ("$-5", "ok"),
        ("(5.00)", "ok"),
        ("5-", "ok"),
        ("", "missing_field"),
        ("1.234,50", "bad_number"),
        ("1,23", "bad_number"),
        ("--5", "bad_number"),
        ("(5", "bad_number"),
        ("5.0.0", "bad_number"),
        ("€5", "bad_number"),
        ("1e3", "bad_number"),
        ("NaN", "bad_number"),
        ("1234567890123456", "amount_range"),
        ("0.123456789", "amount_range"),
    ] {
        assert_eq!(code_of(&us, value), code, "{value}");
    }
    let german = amounts("numbers = \"1.234,50\"\ncurrency_signs = [\"EUR\"]");
    for (value, code) in
        [("1.234,50", "ok"), ("EUR 5,00-", "ok"), ("1,234.50", "bad_number"), ("$5", "bad_number")]
    {
        assert_eq!(code_of(&german, value), code, "{value}");
    }
}

#[test]
fn a_bad_date_is_refused_with_the_spellings_that_are_declared() {
    let layout = amounts("dates = [\"%m/%d/%Y\", \"%d.%m.%Y\"]");
    let out = decode(
        &layout,
        b"A;04/17/2023 as of 04/15/2023;1\nA;17.04.2023;1\nA;2023-04-17;1\nA;02/30/2023;1\nA;;1\n",
    );
    assert_eq!(out.counts.decoded, 2);
    let codes: Vec<_> = out.rejects.iter().map(|r| r.code).collect();
    assert_eq!(codes, ["bad_date", "bad_date", "missing_field"]);
    assert!(out.rejects[0].text.contains("expected `%m/%d/%Y` or `%d.%m.%Y`"), "{}", out.rejects[0].text);
}

#[test]
fn a_wrong_control_count_and_a_missing_trailer_are_noticed() {
    let (layout, sample) = vendor("quarry");
    assert!(layout.is_controlled());
    assert!(survey(&layout, &sample).agrees());
    let lines: Vec<&[u8]> = sample.split_inclusive(|b| *b == b'\n').collect();
    let without_one: Vec<u8> =
        lines.iter().enumerate().filter(|(n, _)| *n != 3).flat_map(|(_, l)| l.to_vec()).collect();
    let wrong = survey(&layout, &without_one);
    assert_eq!((wrong.declared, wrong.counted, wrong.agrees()), (Some(20), 19, false));
    let text = String::from_utf8(sample.clone()).unwrap();
    let unreadable = survey(&layout, text.replace("0000000020 ", "00000000x0 ").as_bytes());
    let told = unreadable.disagreement().unwrap();
    assert!(!unreadable.unfinished && !unreadable.agrees(), "its trailer is there");
    let count = record::Control { rule: "control_count", declared: "00000000x0".into(), found: "20".into() };
    assert_eq!(told, count, "a count that cannot be read is told as it stands");
    let cut = survey(&layout, &sample[..sample.len() / 2]);
    assert!(cut.unfinished && !cut.agrees(), "a file cut short has no trailer");
}

#[test]
fn a_count_may_include_header_and_trailer() {
    let mapping = "name = \"a\"\nversion = 1\n[feed]\ncount = \"@n\"\ncount_includes = [\"header\", \"trailer\"]\n[format]\ntype = \"fixed\"\n\
        [[format.record]]\nname = \"h\"\nrole = \"header\"\nmark = \"RHR\"\n[[format.record]]\nname = \"t\"\nrole = \"trailer\"\nmark = \"RTR\"\n\
        fields.n = { start = 4, length = 3 }\n[[format.record]]\nname = \"d\"\nfields.a = { start = 1, length = 2 }\n\
        fields.v = { start = 3, length = 4, decimals = 2 }\n\
        [[observation]]\nkind = \"summary\"\naccount = \"a\"\nas_of = { const = \"2025-01-06\" }\nend = \"v\"\n";
    let layout = layout(mapping);
    let found = survey(&layout, b"RHR\nA11234\nA2567-\nRTR004\n");
    assert_eq!((found.declared, found.counted, found.agrees()), (Some(4), 4, true));
    assert!(!survey(&layout, b"RHR\nA11234\nA2567-\nRTR002\n").agrees());
    let out = decode(&layout, b"RHR\nA11234\nA2567-\nA3 12\nRTR002\n");
    assert_eq!(out.counts.decoded, 2, "a trailing minus is a sign: {:?}", out.rejects);
    assert_eq!(out.rejects[0].code, "record_length", "{:?}", out.rejects[0]);
}

#[test]
fn an_empty_feed_is_no_feed_where_a_count_is_declared() {
    let (quarry, _) = vendor("quarry");
    assert!(!survey(&quarry, b"").agrees());
    for name in ["meridian_activity", "tidemark", "lantern", "pulse"] {
        let (layout, _) = vendor(name);
        let out = decode(&layout, b"");
        assert_eq!((out.counts.read, out.rejects.len()), (0, 0), "{name}");
        assert!(survey(&layout, b"").agrees(), "{name}");
    }
}

#[test]
fn a_wrong_encoding_is_named() {
    let mapping = "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\nENC\n[[observation]]\nkind = \"account\"\naccount = \"a\"\nas_of = \"d\"\nname = \"n\"\n";
    let utf8 = layout(&mapping.replace("ENC", ""));
    let out = decode(&utf8, b"a,d,n\nA,2025-01-06,Caf\xE9\nB,2025-01-06,plain\n");
    assert_eq!((out.rejects[0].code, out.rejects[0].at, out.counts.decoded), ("encoding", Some(16), 1));
    let cp1252 = layout(&mapping.replace("ENC", "encoding = \"cp1252\""));
    assert_eq!(decode(&cp1252, b"a,d,n\nA,2025-01-06,Caf\xE9 \x80\n").counts.decoded, 1);
    assert_eq!(decode(&cp1252, b"a,d,n\nA,2025-01-06,\x81\n").rejects[0].code, "encoding");
    let utf16: Vec<u8> = "a,d,n\nA,2025-01-06,x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let out = decode(&utf8, &utf16);
    assert!(out.counts.decoded == 0 && out.rejects.iter().all(|r| r.code == "encoding"), "{:?}", out.rejects);
}

/// A feed too large for memory, made piece by piece: as a source would hand it over.
fn stream(layout: &Layout, pieces: impl Iterator<Item = Vec<u8>>) -> (Framed, usize) {
    let mut framer = layout.framer();
    let (mut framed, mut rest, mut most) = (Framed::default(), Vec::new(), 0);
    for piece in pieces {
        rest.extend_from_slice(&piece);
        let used = framer.frame(&rest, false, &mut framed);
        rest.drain(..used);
        most = most.max(rest.len());
    }
    framer.frame(&rest, true, &mut framed);
    (framed, most)
}

#[test]
fn a_line_of_a_gigabyte_is_refused_in_bounded_memory_and_the_next_line_is_read() {
    let layout = amounts("record_limit = 65536");
    let piece = vec![b'x'; 1 << 20];
    let pieces = std::iter::once(b"A;2025-01-06;1\n".to_vec())
        .chain(std::iter::repeat_n(piece, 1024))
        .chain([b"\nB;2025-01-06;2\n".to_vec()]);
    let (framed, most) = stream(&layout, pieces);
    assert!(most <= 65536 + (1 << 20), "at most the limit and a piece are held: {most}");
    let mut out = Decoded::default();
    layout.decoder(Vendor(0)).decode(&batch(&layout, framed, b"", true), &mut out);
    assert_eq!((out.counts.read, out.counts.decoded, out.counts.quarantined), (3, 2, 1));
    let long = &out.rejects[0];
    assert_eq!((long.code, long.length, long.raw.len()), ("record_too_long", 1 << 30, 64 * 1024));
    assert_eq!((long.line, out.observations[1].fact.place.position.sub), (Some(2), 3));
}

#[test]
fn a_json_bomb_is_refused_and_what_follows_is_read() {
    let (layout, _) = vendor("tidemark");
    let deep = format!("{{\"date\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let feed = format!(
        "{{\"accounts\": [{{\"accountId\": \"T\", \"series\": [{deep}, {{\"date\": \"2025-01-06\", \"marketValue\": 5}}]}}]}}"
    );
    let out = decode(&layout, feed.as_bytes());
    assert_eq!((out.counts.decoded, out.counts.quarantined), (1, 1), "{:?}", out.rejects);
    assert!(out.rejects[0].raw.len() <= 64 * 1024 && out.rejects[0].length > 200_000);
}

#[test]
fn a_cut_file_loses_only_the_record_it_is_cut_in() {
    for name in ["quarry", "meridian", "meridian_activity", "tidemark", "ibkr", "lantern", "pulse"] {
        let (layout, sample) = vendor(name);
        let whole = decode(&layout, &sample);
        for cut in (1..sample.len()).step_by(sample.len() / 37) {
            let mut out = Decoded::default();
            // Under the whole feed's hash, which names the flows of a delta feed that have no id.
            let framed = frame(&layout, &sample[..cut], cut);
            layout.decoder(Vendor(0)).decode(&batch(&layout, framed, &sample, true), &mut out);
            assert_eq!(out.counts.records_unaccounted(), 0);
            let good: Vec<_> = out.observations.iter().map(|o| o.fact.content).collect();
            let known: Vec<_> = whole.observations.iter().map(|o| o.fact.content).collect();
            let same = good.iter().zip(&known).take_while(|(a, b)| a == b).count();
            assert!(good.len() - same <= 1, "{name} cut at {cut}: more than the last record differs");
        }
    }
}

#[test]
fn a_quarantined_record_is_kept_to_a_mebibyte_and_beyond_that_its_first_64_kibibytes() {
    let layout = amounts("record_limit = 4194304");
    let long = |n: usize| format!("A;2025-01-06;{}\n", "x".repeat(n));
    let out = decode(&layout, (long(1000) + &long(2_000_000)).as_bytes());
    let kept: Vec<_> = out.rejects.iter().map(|r| (r.raw.len(), r.length)).collect();
    assert_eq!(kept, [(1013, 1013), (65536, 2_000_013)]);
}

#[test]
fn no_record_is_lost_between_framing_and_counts() {
    for name in ["quarry", "meridian", "meridian_activity", "tidemark", "ibkr", "lantern", "pulse"] {
        let (layout, sample) = vendor(name);
        let framed = frame(&layout, &sample, 64);
        let read = (framed.records.len() + framed.refused.len()) as u64;
        assert_eq!(decode(&layout, &sample).counts.read, read, "{name}");
    }
}
