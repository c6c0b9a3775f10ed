//! Flows: classes, references, cancels, ordinals, full and delta.
use crate::support::{batch, decode, frame, layout};
use codecs::{Decoded, Layout};
use proptest::prelude::*;
use record::{Framed, RawBatch};
use returns::{Body, Vendor};
use std::sync::Arc;

fn mapping(delivery: &str, flow_keys: &str) -> Arc<Layout> {
    layout(&format!(
        "name = \"a\"\nversion = 1\n[feed]\ndelivery = \"{delivery}\"\n[format]\ntype = \"delimited\"\n\
         [[observation]]\nkind = \"flow\"\naccount = \"acct\"\nas_of = \"date\"\nclass = \"contribution\"\namount = \"amount\"\n\
         description = \"text\"\n{flow_keys}\n"
    ))
}

fn references(out: &Decoded) -> Vec<String> {
    out.observations.iter().map(|o| o.fact.reference.as_deref().unwrap().to_owned()).collect()
}

const TWICE: &[u8] =
    b"acct,date,amount,text\nA,2025-01-06,500,cash\nA,2025-01-06,500.00,cash\nA,2025-01-07,500,cash\nB,2025-01-06,500,cash\n";

#[test]
fn two_equal_flows_are_two_and_the_file_sent_again_is_no_third() {
    let layout = mapping("full", "");
    let first = references(&decode(&layout, TWICE));
    assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    assert_eq!(first[1], format!("{}#2", first[0]));
    assert_eq!(references(&decode(&layout, TWICE)), first);
    let grown = [TWICE, b"C,2025-01-06,500,cash\n"].concat();
    assert_eq!(
        references(&decode(&layout, &grown))[..4],
        first,
        "another full feed names the same flows the same"
    );
}

#[test]
fn a_line_of_a_delta_feed_equals_none_of_another() {
    let layout = mapping("delta", "");
    let first = references(&decode(&layout, TWICE));
    assert_eq!(references(&decode(&layout, TWICE)), first, "the same bytes are the same feed");
    let other = references(&decode(&layout, &[TWICE, b"\n"].concat()));
    assert!(first.iter().zip(&other).all(|(a, b)| a != b));
}

#[test]
fn an_own_id_names_a_flow_with_its_leg_and_without_its_date() {
    let layout =
        mapping("full", "id = [\"id\", { field = \"leg\", optional = true }]\nref = [\"date\", \"amount\"]");
    let out = decode(
        &layout,
        b"acct,date,amount,text,id,leg\nA,2025-01-06,5,x,T1,2\nA,2025-01-06,5,x,T1,\nA,2025-01-06,5,x,,\n",
    );
    assert_eq!(references(&out), ["T1/2", "T1", "2025-01-06/5"]);
    let own: Vec<bool> =
        out.observations.iter().map(|o| matches!(&o.fact.body, Body::Flow(f) if f.own_id)).collect();
    assert_eq!(own, [true, true, false]);
    assert_eq!(out.observations[0].fact.key().as_of, None);
}

#[test]
fn on_a_stream_equals_are_left_to_the_ledger() {
    let layout = mapping("full", "");
    let read = || {
        let mut out = Decoded::default();
        layout.decoder(Vendor(0)).decode(&batch(&layout, frame(&layout, TWICE, 50), TWICE, false), &mut out);
        assert_eq!(out.rejects, []);
        references(&out)
    };
    let refs = read();
    assert!(refs.iter().all(|r| r.starts_with(returns::ledger::STREAM_REFERENCE)), "{refs:?}");
    assert_ne!(refs[0], refs[1], "each is one of its own, and the ledger asks the policy");
    assert_eq!(read(), refs, "the same lines read again are the same flows");
}

#[test]
fn a_hundred_thousand_equal_lines_are_as_many_flows() {
    let layout = mapping("full", "");
    let feed = [b"acct,date,amount,text\n".to_vec(), b"A,2025-01-06,500,cash\n".repeat(100_000)].concat();
    let mut framer = layout.framer();
    let (mut from, mut all) = (0, std::collections::HashSet::new());
    let mut decoder = layout.decoder(Vendor(0));
    while from < feed.len() {
        let mut framed = Framed::default();
        from += framer.frame(&feed[from..], true, &mut framed);
        let mut out = Decoded::default();
        decoder.decode(&batch(&layout, framed, &feed, true), &mut out);
        all.extend(references(&out));
        assert_eq!(out.rejects, []);
    }
    assert_eq!(all.len(), 100_000, "several batches, none with more contexts than it can count");
}

/// The batch cut in two after so many records, as two decoders or a restart would see it.
fn halves(layout: &Layout, feed: &[u8], at: usize) -> [RawBatch; 2] {
    let part = |range: std::ops::Range<usize>| {
        let Framed { payload, records, contexts, refused, consumed } = frame(layout, feed, 32);
        let records = records[range.start..range.end.min(records.len())].to_vec();
        batch(layout, Framed { payload, records, contexts, refused, consumed }, feed, true)
    };
    [part(0..at), part(at..usize::MAX)]
}

proptest! {
    #[test]
    fn several_decoders_of_one_feed_name_flows_as_one_would(lines in prop::collection::vec((0u8..3, 1u8..4, 0u8..2), 1..30), at in 0usize..30) {
        let mut feed = b"acct,date,amount,text\n".to_vec();
        for (account, day, amount) in lines {
            feed.extend(format!("A{account},2025-01-0{day},{amount},x\n").bytes());
        }
        let layout = mapping("full", "");
        let whole = references(&decode(&layout, &feed));
        let mut parts = Vec::new();
        for half in halves(&layout, &feed, at.min(whole.len())) {
            let mut out = Decoded::default();
            layout.decoder(Vendor(0)).decode(&half, &mut out);
            parts.extend(references(&out));
        }
        prop_assert_eq!(&parts, &whole);
        let distinct: std::collections::HashSet<_> = whole.iter().collect();
        prop_assert!(distinct.len() <= whole.len());
    }
}
