use super::*;
use crate::fixture::{at, day, raw, record, summary};
use codecs::{Observation, Reject};
use returns::Kind;
use std::path::Path;
use std::sync::Arc;

/// Each record read as the account it names.
fn decoded(raw: &RawBatch) -> Decoded {
    let mut out = Decoded::default();
    for (start, r) in (0u32..).zip(&raw.records) {
        out.text.extend_from_slice(raw.record(r));
        let mut fact = summary(day(1), 1, 1);
        fact.place.position = r.position;
        out.observations.push(Observation { account: (start, start + 1), is_account_no: false, fact });
        out.counts.read += 1;
        out.counts.decoded += 1;
        out.counts.observed += 1;
    }
    out
}

fn rejected(line: u64) -> Reject {
    Reject {
        position: record(line),
        line: Some(line),
        code: "bad_number",
        text: "`12,` is no number".into(),
        field: None,
        raw: b"12,".to_vec(),
        length: 3,
        account: None,
        as_of: None,
        at: None,
    }
}

#[test]
fn every_slot_has_one_owner_and_shares_are_even() {
    for accumulators in 1..=64 {
        let owners: Vec<usize> = (0..=255).map(|slot| owner(slot, accumulators)).collect();
        assert!(owners.is_sorted(), "shares are contiguous");
        let sizes: Vec<usize> =
            (0..accumulators).map(|k| owners.iter().filter(|o| **o == k).count()).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(most - least <= 1 && sizes.iter().sum::<usize>() == 256, "{accumulators}: {sizes:?}");
    }
}

#[test]
fn a_feed_is_taken_in_as_it_came() {
    let with = |gated, newest_first, to| {
        let mut raw = raw("a");
        let feed = Arc::get_mut(&mut raw.feed).unwrap();
        (feed.gated, feed.newest_first) = (gated, newest_first);
        raw.to = to;
        intake(&raw)
    };
    let end = record::Progress::End;
    assert_eq!(with(false, false, end), Intake::Fold);
    assert_eq!(with(true, false, at(1)), Intake::Wait { whole: false });
    assert_eq!(
        with(true, true, end),
        Intake::Wait { whole: false },
        "a feed that is not in is not folded, whatever its order"
    );
    let stands = |delivery| {
        let mut raw = raw("a");
        let feed = Arc::get_mut(&mut raw.feed).unwrap();
        (feed.gated, feed.ends, feed.delivery) = (true, false, Some(Arc::new(delivery)));
        let breaks = feed_breaks(&raw, &[]).iter().map(|b| b.rule).collect::<Vec<_>>();
        (intake(&raw), breaks, step(&raw, &[]).map(|step| (step.through, step.delivery == raw.feed.delivery)))
    };
    let told = Some((false, true));
    let open = Delivery::Open { kept: vec![1] };
    assert_eq!(stands(open), (Intake::Wait { whole: false }, vec![], told));
    assert_eq!(
        stands(Delivery::Whole(record::Survey::default())),
        (Intake::Wait { whole: true }, vec![], told)
    );
    let waits = (Intake::Wait { whole: false }, vec![Control::COUNT], told);
    assert_eq!(stands(Delivery::Waits(record::Survey::default())), waits);
    assert_eq!(with(false, true, at(1)), Intake::StoreFirst { last: false });
    assert_eq!(with(false, true, end), Intake::StoreFirst { last: true });
}

/// A vendor's decoder of a layout shipped with the product, and what is in the store.
fn vendor(names: &Names) -> VendorWork {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../codecs/vendors/pulse/mapping.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let layout = Arc::new(codecs::Layout::compile(&text, "mapping.toml").unwrap());
    VendorWork::new(&crate::topology::layouts::VendorLayout {
        layout,
        vendor: names.vendor("harbor"),
        vendor_name: "harbor".into(),
        account_no: "H-{vendor_account}".into(),
    })
}

/// A batch split between so many accumulators, its accounts known by their own names.
fn splitting(records: &str, outputs: usize, last: bool) -> Vec<Option<AccountBatch>> {
    let names = Names::default();
    let mut vendor = vendor(&names);
    let mut raw = raw(records);
    if last {
        Arc::get_mut(&mut raw.feed).unwrap().newest_first = true;
        raw.to = record::Progress::End;
    }
    let mut decoded = decoded(&raw);
    for account in ["a", "b", "c", "d"] {
        vendor.crosswalk.learn(account, &[], account, &names);
    }
    split(&mut vendor, &raw, &mut decoded, Vec::new(), None, outputs, &names)
}

#[test]
fn a_batch_goes_to_the_owners_of_its_accounts_and_the_first_piece_always() {
    // The slots of a, b, c and d: 0x0c, 0x92, 0x4a and 0x82.
    let slots = ["a", "b", "c", "d"].map(store::slot_of);
    let owners: Vec<usize> = slots.iter().map(|s| owner(*s, 4)).collect();
    assert_eq!(owners, [0, 2, 1, 2]);
    let pieces = splitting("abd", 4, false);
    let facts: Vec<Option<usize>> = pieces.iter().map(|p| p.as_ref().map(|p| p.facts.len())).collect();
    assert_eq!(facts, [Some(1), None, Some(2), None]);
    let pieces = splitting("b", 4, false);
    let first = pieces[0].as_ref().unwrap();
    assert!(first.facts.is_empty(), "it carries what belongs to the batch as a whole");
    for piece in pieces.iter().flatten() {
        assert_eq!(piece.header.part, Part::Piece { of: 2 });
    }
    let counts: Vec<u64> = pieces.iter().flatten().map(|p| p.counts.read).collect();
    assert_eq!(counts, [1, 0], "counts travel once");
    assert_eq!(first.counts.bytes, 17);
}

#[test]
fn the_end_of_a_feed_that_is_folded_once_is_told_to_every_accumulator() {
    assert_eq!(splitting("a", 4, true).iter().flatten().count(), 4);
}

#[test]
fn a_feed_with_an_end_tells_its_dates_and_when_it_is_through() {
    let mut raw = raw("a");
    let names = Names::default();
    let facts = [
        vec![(names.symbols.intern("a"), summary(day(5), 1, 1))],
        vec![],
        vec![
            (names.symbols.intern("b"), summary(day(2), 1, 1)),
            (names.symbols.intern("c"), summary(day(3), 1, 1)),
        ],
    ];
    let told = |dates, through| Some(FeedStep { feed: raw.feed.key, dates, through, delivery: None });
    assert_eq!(step(&raw, &facts), told(Some((day(2), day(5))), false));
    assert_eq!(step(&raw, &[]), told(None, false));
    let through = told(None, true);
    raw.to = record::Progress::End;
    assert_eq!(step(&raw, &[]), through);
    Arc::get_mut(&mut raw.feed).unwrap().ends = false;
    assert_eq!(step(&raw, &facts), None, "a stream has no end to come to");
}

#[test]
fn a_feed_that_is_in_holds_what_it_declares_and_one_that_waits_does_not() {
    let mut raw = raw("");
    let told = controls_hold(&raw);
    let rules: Vec<_> = told.iter().map(|b| (b.rule, b.broken, b.feed)).collect();
    let key = Some(raw.feed.key);
    assert_eq!(rules, [("control_count", false, key), ("control_total", false, key)]);
    Arc::get_mut(&mut raw.feed).unwrap().gated = true;
    assert_eq!(controls_hold(&raw), []);
}

#[test]
fn more_bad_records_than_are_tolerated_are_one_break_of_the_feed() {
    use returns::tolerance::{Levels, Limit};
    let mut raw = raw("");
    Arc::get_mut(&mut raw.feed).unwrap().records = 200;
    let mut rules = Rules::default();
    let judged = |bad, rules: &Rules| bad_share(&raw, &Tally { bad, unread: false }, rules);
    assert_eq!(judged(200, &rules), None, "no tolerance, no rule");
    rules.set(
        Rule::BadShare,
        Levels { warn: Some(Limit { bp: 100.into(), ..Limit::default() }), block: None },
    );
    assert!(!judged(2, &rules).unwrap().broken, "equal passes");
    let broken = judged(3, &rules).unwrap();
    assert_eq!(
        (broken.rule, broken.broken, broken.account, broken.feed),
        ("bad_share", true, None, Some(raw.feed.key))
    );
    assert_eq!((broken.actual, broken.tolerance), (Some(3.into()), Some(2.into())));
}

#[test]
fn a_record_on_a_day_without_an_alias_is_quarantined_and_counted_as_such() {
    let names = Names::default();
    let mut vendor = vendor(&names);
    let alias = store::Alias {
        vendor: "harbor".into(),
        vendor_account: "a".into(),
        valid_from: Some(day(2)),
        valid_to: None,
        account: 1,
        account_no: "H-1".into(),
    };
    vendor.crosswalk.learn("a", &[alias], "unused", &names);
    vendor.crosswalk.learn("b", &[], "b", &names);
    let raw = raw("ab");
    let mut decoded = decoded(&raw);
    let pieces = split(&mut vendor, &raw, &mut decoded, Vec::new(), None, 1, &names);
    let piece = pieces[0].as_ref().unwrap();
    assert_eq!(piece.facts.len(), 1);
    let codes: Vec<&str> = piece.rejects.iter().map(|r| &*r.write.code).collect();
    assert_eq!(codes, ["no_alias_on_date"]);
    let c = piece.counts;
    assert_eq!((c.read, c.decoded, c.quarantined, c.observed), (2, 1, 1, 1));
    assert_eq!(c.records_unaccounted(), 0);
}

#[test]
fn a_rejected_record_that_names_a_day_holds_it() {
    let names = Names::default();
    let mut vendor = vendor(&names);
    vendor.crosswalk.learn("d", &[], "d", &names);
    let raw = raw("");
    let mut decoded = Decoded::default();
    let named = Reject { account: Some("d".into()), as_of: Some(day(1)), ..rejected(3) };
    decoded.rejects = vec![named, rejected(4)];
    let pieces = split(&mut vendor, &raw, &mut decoded, Vec::new(), None, 4, &names);
    let (first, owners) = (pieces[0].as_ref().unwrap(), pieces[2].as_ref().unwrap());
    assert!(first.facts.is_empty() && first.rejects[0].account.is_none());
    let (account, hold) = &owners.facts[0];
    assert_eq!((&*names.symbols.text(*account), hold.kind(), hold.as_of), ("d", Kind::Quarantined, day(1)));
    assert_eq!(owners.rejects[0].account, Some(*account));
    let rules: Vec<_> = first.breaks.iter().map(|b| (b.rule, b.account, b.feed)).collect();
    assert_eq!(
        rules,
        [("quarantined_input", None, Some(raw.feed.key))],
        "the one that names no day opens a break"
    );
}

#[test]
fn a_feed_whose_count_disagrees_opens_one_break_with_both_counts() {
    let mut raw = raw("a");
    let feed = Arc::get_mut(&mut raw.feed).unwrap();
    let control = record::Control { rule: "control_count", declared: "5".into(), found: "4".into() };
    (feed.gated, feed.control) = (true, Some(control));
    let breaks = feed_breaks(&raw, &[]);
    let seen: Vec<_> = breaks.iter().map(|b| (b.rule, b.severity, b.expected, b.actual)).collect();
    assert_eq!(seen, [("control_count", "block", Some(5.into()), Some(4.into()))]);
}

#[test]
fn a_feed_whose_total_disagrees_opens_one_break_with_both_sums() {
    let mut raw = raw("a");
    let feed = Arc::get_mut(&mut raw.feed).unwrap();
    let control = record::Control { rule: "control_total", declared: "5.25".into(), found: "-4".into() };
    (feed.gated, feed.control) = (true, Some(control));
    let breaks = feed_breaks(&raw, &[]);
    let seen: Vec<_> = breaks.iter().map(|b| (b.rule, b.expected, b.actual)).collect();
    assert_eq!(seen, [("control_total", "5.25".parse().ok(), Some((-4).into()))]);
    assert!(breaks[0].hint.as_deref().unwrap().contains("not the sum of its records"));
}

#[test]
fn a_trailer_that_cannot_be_read_is_told_as_it_stands_and_not_as_missing() {
    let hint = |rule, declared: &str| {
        let mut raw = raw("a");
        let feed = Arc::get_mut(&mut raw.feed).unwrap();
        let control = record::Control { rule, declared: declared.into(), found: "4".into() };
        (feed.gated, feed.control) = (true, Some(control));
        let [only] = feed_breaks(&raw, &[]).try_into().unwrap();
        assert_eq!((only.rule, only.expected, only.actual), (rule, None, Some(4.into())));
        only.hint.unwrap().to_string()
    };
    let rest = "nothing of it counts until it is released or sent again";
    assert_eq!(
        hint("control_count", "12x4"),
        format!("its trailer states `12x4`, which is no count; {rest}")
    );
    assert_eq!(hint("control_total", "?"), format!("its trailer states `?`, which is no total; {rest}"));
}

#[test]
fn a_feed_without_a_layout_is_quarantined_and_its_records_are_never_lost() {
    let pieces = undecodable(&raw(""), 2).ok().unwrap();
    let piece = pieces[0].as_ref().unwrap();
    assert_eq!(piece.rejects.len(), 1);
    assert_eq!((piece.counts.read, piece.counts.quarantined), (1, 1));
    assert!(pieces[1].is_none());
    let refused = undecodable(&raw("a"), 2).err().unwrap();
    assert_eq!(refused, Failure::fatal("no layout `harbor` for s/1"));
}
