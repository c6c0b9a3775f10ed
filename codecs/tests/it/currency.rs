//! Lines that state what their amounts are in.
use crate::support::{decode, layout};
use codecs::Layout;
use returns::Body;
use returns::fact::Content;
use std::sync::Arc;

fn mapping(kind: &str, currency: &str) -> Arc<Layout> {
    let value = if kind == "summary" { "end" } else { "value" };
    layout(&format!(
        "name = \"a\"\nversion = 1\n[format]\ntype = \"delimited\"\n[[observation]]\nkind = \"{kind}\"\n\
         account = \"acct\"\nas_of = \"date\"\n{value} = \"value\"\n{currency}\n"
    ))
}

const FEED: &[u8] = b"acct,date,value,ccy\nA,2025-01-06,1,EUR\nA,2025-01-07,2,\nA,2025-01-08,3,euro\n";

fn stated(body: &Body) -> Option<[u8; 3]> {
    match body {
        Body::Summary(s) => s.currency,
        Body::Valuation(v) => v.currency,
        _ => panic!("{body:?}"),
    }
}

#[test]
fn a_line_is_in_the_currency_it_states_and_one_that_states_none_in_the_base() {
    for kind in ["summary", "valuation"] {
        let out = decode(&mapping(kind, "currency = \"ccy\""), FEED);
        let said: Vec<_> = out.observations.iter().map(|o| stated(&o.fact.body)).collect();
        assert_eq!(said, [Some(*b"EUR"), None], "{kind}");
        let refused: Vec<_> = out.rejects.iter().map(|r| (r.code, r.field.as_deref())).collect();
        assert_eq!(refused, [("bad_currency", Some("ccy"))], "{kind}: half a line is none");
    }
}

#[test]
fn a_column_that_is_not_read_changes_nothing_of_what_a_line_says() {
    for kind in ["summary", "valuation"] {
        let contents = |currency| -> Vec<Content> {
            let out = decode(&mapping(kind, currency), FEED);
            out.observations.iter().map(|o| o.fact.content).collect()
        };
        let (read, left) = (contents("currency = \"ccy\""), contents(""));
        assert_ne!(read[0], left[0], "{kind}: a stated currency is part of what is said");
        assert_eq!(read[1], left[1], "{kind}: one not stated is not");
    }
}
