use super::*;
use crate::fixture::{raw, record, summary};

/// Reads a record as the account it names; an `x` breaks it, half way through its work.
fn breaks_on_x(batch: &RawBatch, out: &mut Decoded) {
    for refused in &batch.refused {
        out.counts.read += 1;
        out.counts.quarantined += 1;
        out.rejects.push(panicked(&refused.raw, refused.position, None));
    }
    for r in &batch.records {
        out.counts.read += 1;
        let start = u32::try_from(out.text.len()).unwrap();
        out.text.extend_from_slice(batch.record(r));
        assert_ne!(batch.record(r), b"x", "on purpose");
        let mut fact = summary(crate::fixture::day(1), 1, 1);
        fact.place.position = r.position;
        out.observations.push(Observation { account: (start, start + 1), is_account_no: false, fact });
        out.counts.decoded += 1;
        out.counts.observed += 1;
    }
}

fn accounts(decoded: &Decoded) -> Vec<&str> {
    decoded.observations.iter().map(|o| account_text(decoded, o)).collect()
}

#[test]
fn a_record_that_breaks_the_decoder_is_quarantined_alone() {
    let mut out = Decoded::default();
    decode(breaks_on_x, &raw("abxcx"), &mut out);
    assert_eq!(accounts(&out), ["a", "b", "c"], "each still names its account");
    let broken: Vec<_> = out.rejects.iter().map(|r| (r.position, r.code, &*r.raw)).collect();
    let panic = |line| (record(line), "decoder_panic", &b"x"[..]);
    assert_eq!(broken[1..], [panic(3), panic(5)]);
    assert_eq!((out.counts.read, out.counts.decoded, out.counts.quarantined), (6, 3, 3));
    assert_eq!((out.counts.records_unaccounted(), out.counts.observed), (0, 3));
}

#[test]
fn what_the_framer_refused_survives_a_record_that_breaks_the_decoder() {
    let mut out = Decoded::default();
    decode(breaks_on_x, &raw("x"), &mut out);
    let at: Vec<_> = out.rejects.iter().map(|r| r.position).collect();
    assert_eq!(at, [record(99), record(1)]);
}

#[test]
fn a_batch_that_breaks_nothing_is_decoded_once() {
    let mut calls = 0;
    let mut out = Decoded::default();
    let count = |batch: &RawBatch, out: &mut Decoded| {
        calls += 1;
        breaks_on_x(batch, out);
    };
    decode(count, &raw("abc"), &mut out);
    assert_eq!((calls, out.counts.read), (1, 4));
}
