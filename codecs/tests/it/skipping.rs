//! A feed gone on with in its middle, after its head alone.
use crate::support::{frame, layout};
use codecs::Layout;
use codecs::framing::lines::LineContext;
use record::{Framed, Position};
use std::fmt::Write;
use std::sync::Arc;

const DELIMITED: &str = r#"
name = "harbor"
version = 1
[format]
type = "delimited"
preamble = 1
[[observation]]
kind = "summary"
account = "Account"
as_of = "Date"
end = "End"
"#;

/// Each record's text, place and columns.
fn told(framed: &Framed) -> Vec<(String, Position, String)> {
    let of = |r: &record::RawRecord| {
        let text = String::from_utf8_lossy(&framed.payload[r.start as usize..r.end as usize]).into_owned();
        let context = framed.contexts[usize::from(r.context)].downcast_ref::<LineContext>().unwrap();
        (text, r.position, format!("{:?} {:?}", context.role, context.columns.as_ref().map(|c| &c.absent)))
    };
    framed.records.iter().map(of).collect()
}

/// Frames the head, skips to where a record ended, and frames the rest.
fn skipped(layout: &Layout, feed: &[u8], head: usize, at: Position) -> Option<Framed> {
    let mut framer = layout.framer();
    framer.frame(&feed[..head], false, &mut Framed::default());
    if !framer.skip_to(at) {
        return None;
    }
    let (mut rest, mut out) = (&feed[usize::try_from(at.offset()).unwrap()..], Framed::default());
    while !rest.is_empty() {
        rest = &rest[framer.frame(rest, true, &mut out)..];
    }
    Some(out)
}

fn feed() -> String {
    let mut feed = String::from("Positions of Harbor\r\nAccount,Date,End\r\n");
    for n in 0..300 {
        writeln!(feed, "A-{n},2025-01-02,{n}.5{}", if n % 7 == 0 { "\r\n\r" } else { "" }).unwrap();
    }
    feed
}

#[test]
fn behind_any_record_a_feed_of_lines_goes_on_as_if_all_before_had_been_read() {
    let layout = layout(DELIMITED);
    let feed = feed();
    let all = told(&frame(&layout, feed.as_bytes(), 100));
    assert!(all.len() > 300);
    for n in (10..all.len()).step_by(9) {
        let rest = skipped(&layout, feed.as_bytes(), 200, all[n].1).expect("its lines are only rows");
        assert_eq!(told(&rest), all[n + 1..], "behind {:?}", all[n]);
    }
}

#[test]
fn a_place_without_a_line_is_not_gone_on_from() {
    let layout = layout(DELIMITED);
    let feed = feed();
    let position = frame(&layout, feed.as_bytes(), 100).records[50].position;
    let unknown = [Position { sub: 0, ..position }, Position { item: 1, ..position }];
    assert!(unknown.iter().all(|at| skipped(&layout, feed.as_bytes(), 200, *at).is_none()));
    assert!(skipped(&layout, feed.as_bytes(), 25, position).is_none(), "the header was not in the head");
}

#[test]
fn a_feed_whose_records_depend_on_earlier_lines_is_read_from_its_start() {
    let with = |format: &str| DELIMITED.replace("preamble = 1", format);
    let layouts =
        [with("multiline = true"), with("footer_starts = [\"Total\"]"), with("header_starts = \"Account\"")];
    let at = Position::in_file(5_000, 100, 0);
    for mapping in layouts {
        let layout: Arc<Layout> = layout(&mapping);
        assert!(skipped(&layout, feed().as_bytes(), 200, at).is_none(), "{mapping}");
    }
}
