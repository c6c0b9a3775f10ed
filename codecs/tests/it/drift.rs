//! New names in records are told once, and a feed cannot make that dear: what is kept and told is bounded.
use crate::support::{batch, decode, frame, layout};
use codecs::{Decoded, Decoder, Layout};
use returns::Vendor;
use std::sync::Arc;

fn json(keys: &str) -> Arc<Layout> {
    layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"json\"\n{keys}\n[[observation]]\nkind = \"summary\"\naccount = \"acct\"\nas_of = \"date\"\n\
         end = \"value.end\"\ncontributions = {{ path = \"flows[1].amount\", optional = true }}\n"
    ))
}

fn flex(keys: &str) -> Arc<Layout> {
    layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"ibkr_flex\"\ndates = [\"%Y%m%d\"]\n{keys}\n[[observation]]\nkind = \"summary\"\n\
         section = \"ChangeInNAV\"\naccount = \"accountId\"\nas_of = \"toDate\"\nend = \"endingValue\"\n"
    ))
}

/// One record's text, with more members or attributes.
fn object(more: &str, value: &str) -> String {
    format!("{{\"acct\": \"A\", \"date\": \"2025-01-06\", \"value\": {{\"end\": 1{value}}}{more}}}\n")
}

fn told(out: &Decoded) -> Vec<Vec<&str>> {
    out.drift.iter().map(|d| d.columns.iter().map(String::as_str).collect()).collect()
}

/// A feed's batch through a decoder that has seen others.
fn next(layout: &Layout, decoder: &mut Decoder, feed: &str) -> Decoded {
    let mut out = Decoded::default();
    let feed = feed.as_bytes();
    decoder.decode(&batch(layout, frame(layout, feed, feed.len()), feed, true), &mut out);
    assert_eq!(out.rejects, []);
    out
}

#[test]
fn a_new_member_is_told_once_with_its_path_wherever_it_stands() {
    let layout = json("");
    let mut decoder = layout.decoder(Vendor(0));
    let feed = [
        object("", ""),
        object(", \"note\": {\"deep\": 1}", ""),
        object(", \"flows\": [{\"x\": 1}, {\"amount\": 2, \"type\": \"W\"}]", ", \"be\\u0067in\": 7"),
        object(", \"note\": 2", ", \"begin\": 7"),
    ];
    let out = next(&layout, &mut decoder, &feed.concat());
    assert_eq!(told(&out), [vec!["note"], vec!["value.begin", "flows[1].type"]]);
    assert_eq!(out.drift[0].position.sub, 2, "the first record that has it");
    assert_eq!(told(&next(&layout, &mut decoder, &feed.concat())), Vec::<Vec<&str>>::new());
    let more = object(", \"note\": 2, \"fees\": 3", "");
    assert_eq!(told(&next(&layout, &mut decoder, &more)), [["fees"]]);
}

#[test]
fn the_same_name_in_another_object_is_another_name() {
    let out = decode(&json(""), [object(", \"ccy\": 1", ""), object("", ", \"ccy\": 1")].concat().as_bytes());
    assert_eq!(told(&out), [["ccy"], ["value.ccy"]]);
}

#[test]
fn what_is_listed_is_known() {
    let layout = json("other_fields = [\"note\", \"value.b*\"]");
    let feed = object(", \"note\": 1, \"notes\": 2", ", \"begin\": 1, \"base\": 2, \"cost\": 3");
    assert_eq!(told(&decode(&layout, feed.as_bytes())), [["value.cost", "notes"]]);
    let all = json("other_fields = [\"*\"]");
    assert_eq!(decode(&all, feed.as_bytes()).drift, []);
}

#[test]
fn of_a_record_that_cannot_be_read_nothing_is_told() {
    let feed = "{\"acct\": \"A\", \"date\": \"2025-01-06\", \"value\": {\"end\": \"x\"}, \"U-7654321\": 1}\n";
    let out = decode(&json(""), feed.as_bytes());
    assert_eq!((out.drift.len(), out.rejects.len()), (0, 1));
}

#[test]
fn new_attributes_and_elements_are_told() {
    let report = |more: &str| {
        format!(
            "<FlexQueryResponse><FlexStatements count=\"1\"><FlexStatement><ChangeInNAV accountId=\"A\" toDate=\"20250106\" endingValue=\"1\"{more}</FlexStatement></FlexStatements></FlexQueryResponse>"
        )
    };
    let feed = report(" mtm=\"1\" twr='2'><Lot id=\"7\"><Deep/></Lot></ChangeInNAV>");
    assert_eq!(told(&decode(&flex(""), feed.as_bytes())), [["mtm", "twr", "<Lot>", "<Deep>"]]);
    let listed = flex("other_fields = [\"mtm\", \"<Lot>\", \"<D*\"]");
    assert_eq!(told(&decode(&listed, feed.as_bytes())), [["twr"]]);
    assert_eq!(decode(&flex(""), report("/>").as_bytes()).drift, []);
    let layout = flex("");
    let mut decoder = layout.decoder(Vendor(0));
    assert_eq!(told(&next(&layout, &mut decoder, &report(" a=\"1\" b=\"2\"/>"))), [["a", "b"]]);
    assert_eq!(next(&layout, &mut decoder, &report(" b=\"1\" a=\"2\"/>")).drift, [], "in any order");
}

#[test]
fn new_names_without_end_are_told_up_to_a_bound() {
    let layout = json("");
    let mut decoder = layout.decoder(Vendor(0));
    let long = "x".repeat(100);
    let (mut lines, mut names) = (0, 0);
    for day in 0..40 {
        let feed: String = (0..50)
            .map(|n| object(&format!(", \"\\u001b{day}-{n}{long}\": 1, \"also{day}-{n}\": 2"), ""))
            .collect();
        let out = next(&layout, &mut decoder, &feed);
        lines += out.drift.len();
        for name in out.drift.iter().flat_map(|d| &d.columns) {
            assert!(name.chars().count() <= 64 && !name.contains('\u{1b}'), "{name}");
            names += 1;
        }
        assert!(out.drift.len() <= 32, "a batch costs no more looks than that");
    }
    assert!(lines <= 257 && (256..=276).contains(&names), "{lines} lines, {names} names");
    let wide: String = (0..10_000).map(|n| format!(", \"w{n}\": 1")).collect();
    let out = decode(&layout, object(&wide, "").as_bytes());
    assert_eq!(out.drift[0].columns.len(), 20);
}
