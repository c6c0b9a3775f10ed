//! What is in doubt: tolerance breaks and records in quarantine.
use crate::Opened;
use crate::make::*;
use store::{BreakWrite, CommitUnit, EVERY_RULE, QuarantineFilter, QuarantineRow, QuarantineWrite};

pub async fn a_break_opens_once_and_is_resolved(opened: Opened) {
    let ready = Ready::new(opened).await;
    let of_feed = BreakWrite {
        rule: "feed_count",
        account: None,
        as_of: None,
        feed: Some(ready.feed),
        ..broken("", "3")
    };
    let breaks = vec![broken("roll_forward", "0.5"), of_feed.clone()];
    let receipt = ready.commit(CommitUnit { breaks: breaks.clone(), ..ready.unit() }).await;
    assert_eq!((receipt.breaks_opened, receipt.breaks_resolved), (2, 0));
    let receipt = ready.commit(CommitUnit { breaks, ..ready.unit() }).await;
    assert_eq!((receipt.breaks_opened, receipt.breaks_resolved), (0, 0));
    let receipt =
        ready.commit(CommitUnit { breaks: vec![broken("roll_forward", "0.7")], ..ready.unit() }).await;
    assert_eq!(receipt.breaks_opened, 0);
    let open = ready.store().reader().breaks(Some("open")).await.unwrap();
    assert_eq!(open.len(), 2);
    let roll = open.iter().find(|b| b.rule == "roll_forward").unwrap();
    assert_eq!((roll.account_no.as_deref(), roll.vendor.as_deref()), (Some("A-1"), Some("alpha")));
    assert_eq!((roll.difference, roll.as_of), (Some(dec("0.7")), Some(date("2025-01-02"))));
    assert!(roll.first_seen < roll.last_seen);
    let passes = vec![
        BreakWrite { broken: false, ..broken("roll_forward", "0") },
        BreakWrite { broken: false, ..broken("never_broken", "0") },
    ];
    let receipt = ready.commit(CommitUnit { breaks: passes, ..ready.unit() }).await;
    assert_eq!((receipt.breaks_opened, receipt.breaks_resolved), (0, 1));
    let receipt =
        ready.commit(CommitUnit { breaks: vec![broken("roll_forward", "0.9")], ..ready.unit() }).await;
    assert_eq!(receipt.breaks_opened, 1, "it is the same break, opened again");
    let all = ready.store().reader().breaks(None).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|b| b.status == "open"));
}

pub async fn every_break_of_a_day_is_resolved_but_those_broken_again(opened: Opened) {
    let ready = Ready::new(opened).await;
    let other_day = BreakWrite { as_of: Some(date("2025-01-03")), ..broken("roll_forward", "0.5") };
    let breaks = vec![broken("roll_forward", "0.5"), broken("large_flow", "1"), other_day];
    ready.commit(CommitUnit { breaks, ..ready.unit() }).await;
    let passes = BreakWrite { rule: EVERY_RULE, vendor: None, broken: false, ..broken("", "0") };
    let breaks = vec![passes, broken("large_flow", "2")];
    let receipt = ready.commit(CommitUnit { breaks, ..ready.unit() }).await;
    assert_eq!((receipt.breaks_opened, receipt.breaks_resolved), (0, 1));
    let open = ready.store().reader().breaks(Some("open")).await.unwrap();
    let mut open: Vec<_> = open.iter().map(|b| format!("{} {}", b.rule, b.as_of.unwrap())).collect();
    open.sort();
    assert_eq!(open, ["large_flow 2025-01-02", "roll_forward 2025-01-03"]);
}

pub async fn a_record_is_quarantined_once(opened: Opened) {
    let ready = Ready::new(opened).await;
    let record = QuarantineWrite {
        vendor: "alpha".into(),
        partition: ready.partition.key,
        position: at(4),
        line: Some(4),
        feed: ready.feed,
        code: "bad_number".into(),
        text: "`12,3x` is no number".into(),
        field: Some("end_value".into()),
        raw: b"A-1;\x00\xff12,3x".to_vec(),
        length: 12,
        raw_hash: [9; 32],
        account: Some(1),
        vendor_account: Some("A-1".into()),
        as_of: Some(date("2025-01-02")),
        mapping_version: 3,
    };
    let unit = CommitUnit { quarantine: vec![record.clone()], ..ready.unit() };
    assert_eq!(ready.commit(unit.clone()).await.quarantined, 1);
    assert_eq!(ready.commit(unit).await.quarantined, 0);
    let listed = ready.store().reader().quarantine(&QuarantineFilter::default(), 0, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].raw, Vec::<u8>::new());
    let reader = ready.store().reader();
    assert!(reader.quarantine(&QuarantineFilter::default(), listed[0].id, 10).await.unwrap().is_empty());
    assert_eq!(reader.totals().await.unwrap().quarantined, 1);
    let shown = ready.store().reader().quarantined(listed[0].id).await.unwrap().unwrap();
    assert_eq!((shown.raw, shown.position, shown.line), (record.raw, record.position, Some(4)));
    assert_eq!((shown.partition, shown.feed.as_str()), (ready.partition_id.clone(), "day-1.csv"));
    assert_eq!((shown.account_no.as_deref(), shown.code.as_str()), (Some("A-1"), "bad_number"));
    assert_eq!((shown.as_of, shown.mapping_version, shown.length), (record.as_of, 3, 12));
}

pub async fn quarantine_is_listed_page_by_page(opened: Opened) {
    let ready = Ready::new(opened).await;
    let record = |n: u64, vendor: &str, code: &str| QuarantineWrite {
        vendor: vendor.into(),
        partition: ready.partition.key,
        position: at(n),
        line: Some(n),
        feed: ready.feed,
        code: code.into(),
        text: "wrong".into(),
        field: None,
        raw: vec![1],
        length: 1,
        raw_hash: [1; 32],
        account: None,
        vendor_account: None,
        as_of: None,
        mapping_version: 1,
    };
    let kinds = [("alpha", "bad_date"), ("beta", "bad_date"), ("alpha", "bad_number"), ("alpha", "bad_date")];
    let quarantine = (1..).zip(kinds).map(|(n, (vendor, code))| record(n, vendor, code)).collect();
    ready.commit(CommitUnit { quarantine, ..ready.unit() }).await;
    let reader = ready.store().reader();
    let lines = |rows: &[QuarantineRow]| rows.iter().filter_map(|q| q.line).collect::<Vec<_>>();
    let all = QuarantineFilter::default();
    let first = reader.quarantine(&all, 0, 3).await.unwrap();
    let rest = reader.quarantine(&all, first[2].id, 3).await.unwrap();
    assert_eq!((lines(&first), lines(&rest)), (vec![1, 2, 3], vec![4]));
    let some = |vendor: Option<&str>, code: Option<&str>, status: Option<&str>| QuarantineFilter {
        vendor: vendor.map(Into::into),
        code: code.map(Into::into),
        status: status.map(Into::into),
    };
    for (filter, expected) in [
        (some(Some("alpha"), None, None), vec![1, 3, 4]),
        (some(Some("alpha"), Some("bad_date"), Some("open")), vec![1, 4]),
        (some(None, Some("bad_number"), None), vec![3]),
        (some(None, None, Some("discarded")), vec![]),
    ] {
        assert_eq!(lines(&reader.quarantine(&filter, 0, 10).await.unwrap()), expected, "{filter:?}");
    }
}
