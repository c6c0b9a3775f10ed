//! A delivery in several messages says what it says as a file.
use crate::support::{batch, frame, layout};
use codecs::{Decoded, Layout};
use proptest::prelude::*;
use record::{Framed, Survey};
use returns::Vendor;
use std::path::Path;
use std::sync::Arc;

/// Records of two lines, a count of lines in the trailer, and header and trailer among them.
const IN_PARTS: &str = r#"
name = "parts"
version = 1
[feed]
count = "@count"
count_includes = ["header", "trailer"]
[format]
type = "fixed"
[[format.record]]
name = "top"
role = "header"
mark = "H"
fields.date = { from = 2, to = 11 }
[[format.record]]
name = "value"
mark = "A"
fields.account = { from = 2, to = 4 }
[[format.record]]
name = "more"
role = "part"
mark = "B"
fields.account = { from = 2, to = 4 }
fields.value = { from = 5, to = 9 }
[[format.record]]
name = "end"
role = "trailer"
mark = "Z"
fields.count = { from = 2, to = 3 }
[[observation]]
kind = "summary"
record = "value"
account = "account"
as_of = "@date"
end = "value"
"#;

/// Tables of several sections, and the count stands ahead of them.
const AHEAD: &str = r#"
name = "ahead"
version = 1
[feed]
count = "@count"
[format]
type = "delimited"
sections = { starts = "==", ends = "==" }
[[format.capture]]
name = "count"
starts = "Records,"
column = 2
[[observation]]
kind = "summary"
section = "values"
account = "Account"
as_of = "Date"
end = "Value"
[[observation]]
kind = "summary"
section = "more"
account = "Number"
as_of = "Day"
end = "Worth"
"#;

fn of_vendor(name: &str, file: &str) -> (Arc<Layout>, Vec<u8>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mapping = std::fs::read_to_string(root.join("vendors").join(name).join("mapping.toml")).unwrap();
    (layout(&mapping), std::fs::read(root.join("samples/feeds").join(file)).unwrap())
}

fn deliveries() -> Vec<(Arc<Layout>, Vec<u8>)> {
    let parts = "H2025-01-02\nA001\nB00100017\nA002\nA003\nB00300019\nZ07\n";
    let ahead = "Records,3\n== values ==\nAccount,Date,Value\n1,2025-01-02,3\n\n== other ==\nx\n== more ==\nNumber,Day,Worth\n2,2025-01-02,4\n3,2025-01-02,5\n";
    let wrong = of_vendor("quarry", "quarry_20250306.qps");
    vec![
        of_vendor("quarry", "quarry_20250102.qps"),
        wrong,
        of_vendor("meridian", "meridian_values_20250102.csv"),
        (layout(IN_PARTS), parts.into()),
        (layout(IN_PARTS), parts.replace("Z07", "Z09").into()),
        (layout(AHEAD), ahead.into()),
    ]
}

/// The lines, each with its end; what stands behind the trailer goes with it.
fn lines(layout: &Layout, feed: &[u8]) -> Vec<Vec<u8>> {
    let mut assembly = layout.assembly(None).unwrap();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in feed.split_inclusive(|b| *b == b'\n') {
        match lines.last_mut().filter(|_| assembly.over().is_some()) {
            Some(last) => last.extend_from_slice(line),
            None => {
                assembly.take(line, &mut |_| {});
                lines.push(line.to_vec());
            }
        }
    }
    lines
}

/// What records say, what is wrong with others, and how many there are of each kind.
fn said(layout: &Arc<Layout>, framed: Framed, out: &mut (Vec<String>, Vec<String>, u64)) {
    let mut decoded = Decoded::default();
    layout.decoder(Vendor(0)).decode(&batch(layout, framed, b"", false), &mut decoded);
    out.0.extend(decoded.observations.iter().map(|o| {
        format!("{} {} {:?} {:?}", decoded.account(o), o.fact.as_of, o.fact.reference, o.fact.body)
    }));
    out.1.extend(decoded.rejects.iter().map(|r| format!("{} {:?}", r.code, r.raw)));
    out.2 += decoded.counts.read;
}

/// What is declared and found, and whether the trailer came.
fn verdict(survey: &Survey) -> (u64, Option<u64>, u64, bool, bool) {
    (survey.records, survey.declared, survey.counted, survey.unfinished, survey.agrees())
}

proptest! {
    #[test]
    fn however_it_is_cut_at_line_ends_and_wherever_it_is_read_on_it_says_the_same(
        which in 0..6usize,
        cuts in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 200),
    ) {
        let (layout, feed) = deliveries().swap_remove(which);
        let mut whole = Default::default();
        said(&layout, frame(&layout, &feed, feed.len()), &mut whole);
        let mut surveyor = layout.surveyor("");
        surveyor.feed(&feed);
        let expected = surveyor.finish();

        let mut assembly = layout.assembly(None).unwrap();
        let (mut out, mut message) = (Default::default(), Vec::new());
        let all = lines(&layout, &feed);
        for (n, line) in all.iter().enumerate() {
            message.extend_from_slice(line);
            let (joined, bare, begun_anew) = cuts[n % cuts.len()];
            let last = n + 1 == all.len();
            if joined && !last {
                continue;
            }
            // The line end that parts two messages may be left out.
            let end = message.len() - usize::from(bare && message.ends_with(b"\n"));
            prop_assert!(assembly.over().is_none(), "it is over before line {n} of {}", all.len());
            assembly.take(&message[..end], &mut |framed| said(&layout, std::mem::take(framed), &mut out));
            message.clear();
            if begun_anew && !last {
                let kept = assembly.keep();
                prop_assert!(kept.len() < 4_096, "{} bytes are kept", kept.len());
                assembly = layout.assembly(Some(&kept)).unwrap();
            }
        }
        prop_assert_eq!(&out, &whole);
        let over = assembly.over().expect("it is over");
        prop_assert_eq!(verdict(over), verdict(&expected));
    }
}

#[test]
fn a_delivery_begins_where_a_line_like_its_first_does() {
    for (layout, feed) in deliveries() {
        let all = lines(&layout, &feed);
        let mut assembly = layout.assembly(None).unwrap();
        assert!(!assembly.begins_another(&feed), "nothing came before it");
        for line in &all[..all.len() - 1] {
            assembly.take(line, &mut |_| {});
        }
        for line in &all[1..] {
            assert!(!assembly.begins_another(line), "{}", String::from_utf8_lossy(line));
        }
        // A line that may stand anywhere, such as a captured value, says nothing.
        assert_eq!(assembly.begins_another(&feed), layout.name() != "ahead", "{}", layout.name());
    }
}

#[test]
fn only_lines_that_say_where_they_end_are_put_together() {
    let (open, _) = of_vendor("meridian_activity", "meridian_activity_20250103.csv");
    let (json, _) = of_vendor("tidemark", "tidemark_2025-01.json");
    assert!(open.assembly(None).is_none() && json.assembly(None).is_none());
    let (controlled, _) = of_vendor("quarry", "quarry_20250102.qps");
    assert!(controlled.assembly(Some(b"of another Dietz")).is_none());
}
