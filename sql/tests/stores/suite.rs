//! What every store promises.
use crate::Opened;
use crate::make::*;
use record::{FeedKey, PartitionId, Position, Progress};
use returns::ledger::{Profile, Reach, RowChange, StoredFact, summary_of};
use returns::row::Growth;
use returns::{Arrival, Body, Date, Decimal, Reason, Row, Vendor, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{
    AccountWrite, BreakWrite, CommitError, CommitUnit, EVERY_RULE, FeedSpec, Found, HistoryRequest,
    PolicySpec, Probe, Published, QuarantineFilter, QuarantineRow, QuarantineWrite, Receipt, RowFilter,
    RowWrite, StoreError, Touched,
};

pub async fn migrating_twice_changes_nothing(opened: Opened) {
    opened.store.migrate().await.unwrap();
    assert_eq!(opened.store.migrate().await.unwrap(), Vec::<String>::new());
    opened.store.ready().await.unwrap();
}

pub async fn any_row_comes_back_as_it_was(opened: Opened) {
    let ready = Ready::new(opened).await;
    for text in ["", "U-1", "tab\there", "'; drop", "ümläut €"] {
        ready.names().symbols.intern(text);
    }
    let mut rows: BTreeMap<Date, (Row, Verdict, returns::Reasons)> = BTreeMap::new();
    for (row, (rules, verdict)) in sample((any_row(5), any_reasons_and_verdict()), 400) {
        let reasons = row.reasons.and(rules);
        rows.insert(row.as_of, (row, verdict, reasons));
    }
    let write = |replaced: bool| {
        let change = move |row: &Row| match replaced {
            true => RowChange::Replaced { row: row.clone(), restates: false },
            false => RowChange::New(row.clone()),
        };
        let write = |(row, verdict, reasons): &(Row, Verdict, returns::Reasons)| RowWrite {
            account: 1,
            change: change(row),
            verdict: *verdict,
            reasons: *reasons,
            cause: None,
        };
        rows.values().map(write).collect::<Vec<_>>()
    };
    ready.commit_rows(write(false)).await;
    let check = async |what: &str| {
        let found = ready.rows().await;
        assert_eq!(found.len(), rows.len());
        for (found, (row, verdict, reasons)) in found.iter().zip(rows.values()) {
            assert_eq!(&found.row, row, "{what}");
            assert_eq!((found.verdict, found.reasons), (*verdict, *reasons), "{what}");
        }
    };
    check("inserted").await;
    assert_eq!(
        ready.commit_rows(write(true)).await,
        Receipt::default(),
        "the same rows written again change nothing"
    );
    // The other way in: every row is already there, with other figures.
    let changed =
        rows.values().map(|(r, ..)| Row { net: Growth::default(), ..row(&r.as_of.to_string(), "1") });
    ready
        .commit_rows(
            changed.map(|row| crate::make::write(1, RowChange::Replaced { row, restates: false })).collect(),
        )
        .await;
    ready.commit_rows(write(true)).await;
    check("replaced").await;
    let head = ready.store().load_accounts(&["A-1".into()]).await.unwrap().remove(0).unwrap();
    let mut last = rows.into_values().rev();
    assert_eq!(head.last, last.next().map(|r| r.0));
    assert_eq!(head.before_last, last.next().map(|r| r.0));
}

pub async fn any_fact_comes_back_as_it_was(opened: Opened) {
    let ready = Ready::new(opened).await;
    for text in ["", "U-1", "ümläut €"] {
        ready.names().symbols.intern(text);
    }
    let all = sample(any_fact(3), 1500);
    for kind in returns::Kind::ALL {
        assert!(all.iter().any(|f| f.fact.kind() == kind), "no {} among the samples", kind.as_str());
    }
    ready.commit(CommitUnit { facts: facts(1, all.clone()), ..ready.unit() }).await;
    let by_content =
        |facts: Vec<StoredFact>| facts.into_iter().map(|f| (f.fact.content, f)).collect::<BTreeMap<_, _>>();
    let expected = by_content(all);
    let from_head = ready.store().load_accounts(&["A-1".into()]).await.unwrap().remove(0).unwrap().open;
    let reach = Reach { from: date("0001-01-01"), undated: vec![], rows: None };
    let asked = HistoryRequest { account: 1, reach };
    let from_history = ready.store().history(&[asked]).await.unwrap().remove(0).facts;
    for (found, way) in [(from_head, "load_accounts"), (from_history, "history")] {
        let found = by_content(found);
        assert_eq!(found.len(), expected.len(), "{way}");
        for (content, fact) in &expected {
            assert_eq!(found.get(content), Some(fact), "{way}");
        }
    }
}

pub async fn a_unit_sent_twice_is_refused_and_changes_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut unit = ready.unit();
    unit.rows = vec![write(1, RowChange::New(row("2025-01-02", "100")))];
    unit.facts = facts(1, [flow("2025-01-02", "T1", "5")]);
    unit.deltas = vec![ready.delta(Progress::Start, at(3))];
    let receipt = ready.commit(unit.clone()).await;
    assert_eq!((receipt.inserted, receipt.facts), (1, 1));
    let before = (ready.rows().await, ready.progress().await);
    let again = ready.store().commit(&unit).await;
    let refused = matches!(&again, Err(CommitError::Delta { partition, at: stands, from: Progress::Start })
        if *stands == at(3) && *partition == ready.partition_id);
    assert!(refused, "{again:?}");
    assert_eq!((ready.rows().await, ready.progress().await), before);
    assert_eq!(before.1.1.read, 3);
}

pub async fn a_step_that_does_not_go_on_writes_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    let unit = CommitUnit {
        rows: vec![write(1, RowChange::New(row("2025-01-02", "100")))],
        facts: facts(1, [flow("2025-01-02", "T1", "5")]),
        deltas: vec![ready.delta(at(1), at(2))],
        ..ready.unit()
    };
    let gap = ready.store().commit(&unit).await;
    assert!(matches!(&gap, Err(CommitError::Delta { at: Progress::Start, .. })), "{gap:?}");
    assert_eq!(ready.rows().await, vec![]);
    let totals = ready.store().reader().totals().await.unwrap();
    assert_eq!((totals.rows, totals.facts), (0, 0));
}

pub async fn steps_of_one_partition_go_as_one(opened: Opened) {
    let ready = Ready::new(opened).await;
    let deltas = vec![
        ready.delta(Progress::Start, at(1)),
        ready.delta(at(1), at(2)),
        ready.delta(at(2), Progress::End),
    ];
    ready.commit(CommitUnit { deltas, ..ready.unit() }).await;
    let (progress, counts) = ready.progress().await;
    assert_eq!(progress, Progress::End);
    assert_eq!((counts.read, counts.decoded, counts.quarantined, counts.bytes), (9, 6, 3, 297));
    assert_eq!((counts.records_unaccounted(), counts.observations_unaccounted()), (0, 0));
    let broken = vec![ready.delta(Progress::End, at(7)), ready.delta(at(8), at(9))];
    let refused = ready.store().commit(&CommitUnit { deltas: broken, ..ready.unit() }).await;
    assert!(matches!(&refused, Err(CommitError::Delta { .. })), "{refused:?}");
}

pub async fn a_lost_slot_commits_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.store().close_generation(&ready.generation).await.unwrap();
    let next = ready.store().open_generation("other", Duration::from_secs(60)).await.unwrap();
    assert!(next.number > ready.generation.number);
    let rows = vec![write(1, RowChange::New(row("2025-01-02", "100")))];
    let late = ready.store().commit(&CommitUnit { rows: rows.clone(), ..ready.unit() }).await;
    assert!(matches!(&late, Err(CommitError::Store(StoreError::LeaseLost))), "{late:?}");
    assert!(matches!(ready.store().renew(&ready.generation).await, Err(StoreError::LeaseLost)));
    assert_eq!(ready.rows().await, vec![]);
    let unit = CommitUnit { rows, generation: Some(Arc::new(next)), ..CommitUnit::default() };
    assert_eq!(ready.commit(unit).await.inserted, 1);
}

pub async fn a_lost_partition_commits_nothing(opened: Opened) {
    let ready = Ready::new(opened).await;
    let stale = ready.delta(Progress::Start, at(1));
    let again = open_partition(ready.store(), &ready.generation, &ready.partition_id).await;
    assert_eq!(again.key, ready.partition.key);
    assert!(again.token > ready.partition.token);
    let rows = vec![write(1, RowChange::New(row("2025-01-02", "100")))];
    let late = ready.store().commit(&CommitUnit { rows, deltas: vec![stale], ..ready.unit() }).await;
    assert!(matches!(&late, Err(CommitError::Store(StoreError::LeaseLost))), "{late:?}");
    assert_eq!((ready.rows().await, ready.progress().await.0), (vec![], Progress::Start));
}

pub async fn one_pipeline_at_a_time(opened: Opened) {
    let ready = Ready::new(opened).await;
    let second = ready.store().open_generation("second", Duration::from_secs(60)).await;
    let busy = matches!(&second, Err(StoreError::Busy { owner, seconds }) if owner == "test" && (1..=60).contains(seconds));
    assert!(busy, "{second:?}");
    ready.store().renew(&ready.generation).await.unwrap();
    ready.store().close_generation(&ready.generation).await.unwrap();
    let second = ready.store().open_generation("second", Duration::from_millis(0)).await.unwrap();
    assert_eq!(second.slots.len(), 256);
    assert!(second.slots.iter().zip(&ready.generation.slots).all(|(new, old)| new > old));
    // Its lease ended at once, so a third takes over without asking.
    ready.store().open_generation("third", Duration::from_secs(60)).await.unwrap();
    assert!(matches!(ready.store().renew(&second).await, Err(StoreError::LeaseLost)));
}

pub async fn a_restated_row_is_kept_without_overlap(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.commit_rows(vec![write(1, RowChange::New(row("2025-01-02", "100")))]).await;
    for (n, value) in ["101", "102", "103"].into_iter().enumerate() {
        let receipt =
            ready.commit_rows(vec![restated(1, row("2025-01-02", value), &format!("cause {n}"))]).await;
        assert_eq!((receipt.inserted, receipt.changed, receipt.restated), (0, 1, 1));
        let again = ready.commit_rows(vec![restated(1, row("2025-01-02", value), "the same again")]).await;
        assert_eq!(again, Receipt::default(), "what is the same is no restatement");
    }
    let old = ready.superseded("A-1", "2025-01-02").await;
    let values: Vec<_> = old.iter().map(|s| s.published.row.end_value.to_string()).collect();
    assert_eq!(values, ["100", "101", "102"]);
    let causes: Vec<_> = old.iter().map(|s| s.cause.as_deref().unwrap()).collect();
    assert_eq!(causes, ["cause 0", "cause 1", "cause 2"]);
    let now = ready.rows().await.remove(0);
    let mut ends: Vec<_> = old.iter().map(|s| (s.published.known_from, s.known_to)).collect();
    ends.push((now.known_from, i64::MAX));
    assert!(ends.iter().all(|(from, to)| from < to), "{ends:?}");
    assert!(ends.windows(2).all(|w| w[0].1 == w[1].0), "each is known until the next: {ends:?}");
    assert_eq!(now.row.end_value, Decimal::from(103));
}

pub async fn what_was_said_then_can_be_read(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.commit_rows(vec![write(1, RowChange::New(row("2025-01-02", "100")))]).await;
    let first = ready.rows().await.remove(0).known_from;
    ready
        .commit_rows(vec![
            restated(1, row("2025-01-02", "101"), "late"),
            write(1, RowChange::New(row("2025-01-03", "110"))),
        ])
        .await;
    let second = ready.rows().await.remove(0).known_from;
    let said = async |known_at: i64| {
        let filter = RowFilter { known_at: Some(known_at), ..RowFilter::default() };
        let rows = ready.store().reader().rows(&filter, None, 10).await.unwrap();
        rows.into_iter().map(|r| r.row.end_value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(said(first - 1).await, Vec::<String>::new());
    assert_eq!(said(first).await, ["100"]);
    assert_eq!(said(second - 1).await, ["100"]);
    assert_eq!(said(second).await, ["101", "110"]);
}

pub async fn an_open_day_leaves_no_history(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut open = row("2025-01-02", "100");
    open.reasons.insert(Reason::Incomplete);
    ready.commit_rows(vec![write(1, RowChange::New(open))]).await;
    let opened_at = ready.rows().await.remove(0).known_from;
    let receipt = ready.commit_rows(vec![restated(1, row("2025-01-02", "101"), "closing")]).await;
    assert_eq!((receipt.changed, receipt.restated), (1, 0));
    assert_eq!(ready.superseded("A-1", "2025-01-02").await, vec![]);
    let closed = ready.rows().await.remove(0);
    assert!(closed.known_from > opened_at, "the first complete version is known since it is complete");
}

pub async fn a_row_taken_away_stays_in_history(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready
        .commit_rows(vec![
            write(1, RowChange::New(row("2025-01-02", "100"))),
            write(1, RowChange::New(row("2025-01-03", "110"))),
        ])
        .await;
    let gone = RowWrite { cause: Some("withdrawn".into()), ..write(1, RowChange::Gone(date("2025-01-02"))) };
    let receipt = ready.commit_rows(vec![gone.clone()]).await;
    assert_eq!((receipt.removed, receipt.restated), (1, 1));
    assert_eq!(ready.commit_rows(vec![gone]).await, Receipt::default());
    let left: Vec<_> = ready.rows().await.iter().map(|r| r.row.as_of.to_string()).collect();
    assert_eq!(left, ["2025-01-03"]);
    let old = ready.superseded("A-1", "2025-01-02").await;
    assert_eq!((old.len(), old[0].cause.as_deref()), (1, Some("withdrawn")));
    ready.commit_rows(vec![write(1, RowChange::New(row("2025-01-02", "100")))]).await;
    let back = ready.rows().await.remove(0);
    assert!(back.known_from >= old[0].known_to, "what comes back leaves a gap and no overlap");
}

/// Rows that the fold took for new but that are stored: two units with one row in common give what one after the other gives.
pub async fn rows_that_are_there_already_end_the_same(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.commit(CommitUnit { accounts: vec![account(2, "A-2")], ..ready.unit() }).await;
    let day = |account: i64, day: u32, value: &str| {
        write(account, RowChange::New(row(&format!("2025-01-{day:02}"), value)))
    };
    ready.commit_rows(vec![day(1, 2, "100"), day(1, 3, "110")]).await;
    let known_from = ready.rows().await[1].known_from;
    let receipt = ready.commit_rows(vec![day(1, 3, "110"), day(1, 4, "120"), day(2, 3, "7")]).await;
    assert_eq!((receipt.inserted, receipt.changed, receipt.restated), (2, 0, 0));
    let receipt = ready.commit_rows(vec![day(1, 4, "121"), day(2, 4, "8")]).await;
    assert_eq!((receipt.inserted, receipt.changed, receipt.restated), (1, 1, 0));
    let rows = ready.rows().await;
    let values: Vec<_> = rows.iter().map(|r| format!("{} {}", r.account_no, r.row.end_value)).collect();
    assert_eq!(values, ["A-1 100", "A-1 110", "A-1 121", "A-2 7", "A-2 8"]);
    assert_eq!(rows[1].known_from, known_from, "a row that was there is known since it was there");
}

pub async fn lineage_alone_is_no_news(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready.commit_rows(vec![write(1, RowChange::New(row("2025-01-02", "100")))]).await;
    let before = ready.rows().await.remove(0);
    let mut moved = row("2025-01-02", "100");
    moved.place.position = Position::in_file(5, 1, 0);
    let receipt =
        ready.commit_rows(vec![write(1, RowChange::Replaced { row: moved.clone(), restates: false })]).await;
    assert_eq!((receipt.changed, receipt.restated), (1, 0));
    let after = ready.rows().await.remove(0);
    assert_eq!(after, Published { row: moved, ..before });
}

fn broken(rule: &'static str, difference: &str) -> BreakWrite {
    BreakWrite {
        rule,
        severity: "warn",
        account: Some(1),
        vendor: Some("alpha".into()),
        as_of: Some(date("2025-01-02")),
        feed: None,
        position: Some("10.1.0".into()),
        expected: Some(dec("1.5")),
        actual: Some(dec("2")),
        difference: Some(dec(difference)),
        difference_bp: None,
        tolerance: Some(dec("0.01")),
        hint: Some("look at the fees".into()),
        broken: true,
    }
}

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

pub async fn rows_are_ordered_by_bytes_page_by_page(opened: Opened) {
    let ready = Ready::new(opened).await;
    let numbers = ["a-1", "B-1", "Ä-1", "A-10", "A-9", "A 1", "_1", "A-1"];
    let ids = 1i64..;
    let mut accounts: Vec<_> = numbers.iter().rev().zip(ids).map(|(n, id)| account(id, n)).collect();
    let mut rows: Vec<RowWrite> = vec![];
    for a in &accounts {
        rows.extend(["2025-01-02", "2025-01-03"].map(|d| write(a.id, RowChange::New(row(d, "1")))));
    }
    accounts.remove(0);
    ready.commit(CommitUnit { accounts, rows, ..ready.unit() }).await;
    let mut expected: Vec<(Arc<str>, Date)> = vec![];
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by_key(|n| n.as_bytes());
    for number in &sorted {
        expected.extend(["2025-01-02", "2025-01-03"].map(|d| (Arc::from(*number), date(d))));
    }
    let reader = ready.store().reader();
    for limit in [1, 3, 100] {
        let (mut found, mut after) = (vec![], None);
        loop {
            let page = reader.rows(&RowFilter::default(), after, limit).await.unwrap();
            found.extend(page.iter().map(|r| (r.account_no.clone(), r.row.as_of)));
            let Some(last) = found.last().cloned().filter(|_| !page.is_empty()) else { break };
            after = Some(last);
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    assert_eq!(reader.account_numbers().await.unwrap().iter().map(|n| &**n).collect::<Vec<_>>(), sorted);
    let one = RowFilter {
        account_no: Some("a-1".into()),
        from: Some(date("2025-01-03")),
        to: Some(date("2025-01-03")),
        known_at: None,
    };
    let found = reader.rows(&one, None, 10).await.unwrap();
    assert_eq!(
        found.iter().map(|r| (&*r.account_no, r.row.as_of)).collect::<Vec<_>>(),
        [("a-1", date("2025-01-03"))]
    );
}

fn probe(stored: &StoredFact) -> Probe {
    Probe { account: 1, key: stored.fact.key(), feed: stored.fact.feed, content: stored.fact.content }
}

fn same(stored: &StoredFact) -> Found {
    Found::Same { arrival: stored.fact.arrival, place: stored.fact.place }
}

pub async fn a_known_fact_is_found_wherever_it_lives(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut carrying = row("2025-01-02", "100");
    (carrying.feed, carrying.place.partition) = (ready.feed, ready.partition.key);
    let carried = StoredFact { fact: summary_of(&carrying), in_row: true, waiting: None };
    let kept = flow("2025-01-02", "T1", "5");
    let dated = fact("2025-01-02", None, Body::Valuation(Default::default()));
    let not_carrying = Row { carries: false, ..row("2025-01-03", "100") };
    let not_carried = StoredFact { fact: summary_of(&not_carrying), in_row: true, waiting: None };
    ready
        .commit(CommitUnit {
            rows: vec![write(1, RowChange::New(carrying)), write(1, RowChange::New(not_carrying))],
            facts: facts(1, [kept.clone(), dated.clone()]),
            ..ready.unit()
        })
        .await;
    let mut probes: Vec<Probe> = [&carried, &kept, &dated, &not_carried].map(probe).into();
    probes.push(Probe { feed: FeedKey(99), ..probe(&kept) });
    probes.push(Probe { account: 2, ..probe(&kept) });
    probes.push(Probe { feed: FeedKey(99), ..probe(&carried) });
    let mut other_key = probe(&carried);
    other_key.key.origin = returns::Origin::Vendor(Vendor(1));
    probes.push(other_key);
    let found = ready.store().identify(&probes).await.unwrap();
    let no = Found::No;
    assert_eq!(found, [same(&carried), same(&kept), same(&dated), no, no, no, no, no]);
}

pub async fn on_a_stream_the_day_makes_no_difference(opened: Opened) {
    let ready = Ready::new(opened).await;
    let day = |name: &str| FeedSpec { hash: None, name: name.into(), status: "open", ..file("stream", 0) };
    let first = ready.store().open_feed(&day("2025-01-02")).await.unwrap().key;
    let second = ready.store().open_feed(&day("2025-01-03")).await.unwrap().key;
    let mut carrying = row("2025-01-02", "100");
    carrying.feed = first;
    let carried = StoredFact { fact: summary_of(&carrying), in_row: true, waiting: None };
    let mut kept = flow("2025-01-02", "T1", "5");
    kept.fact.feed = first;
    let unit = CommitUnit {
        rows: vec![write(1, RowChange::New(carrying))],
        facts: facts(1, [kept.clone()]),
        ..ready.unit()
    };
    ready.commit(unit).await;
    let asked = [
        Probe { feed: second, ..probe(&carried) },
        Probe { feed: second, ..probe(&kept) },
        Probe { feed: ready.feed, ..probe(&kept) },
        Probe { feed: ready.feed, ..probe(&carried) },
    ];
    let found = ready.store().identify(&asked).await.unwrap();
    assert_eq!(found, [same(&carried), same(&kept), Found::No, Found::No]);
}

pub async fn a_fact_leaves_its_table_when_a_row_carries_it(opened: Opened) {
    let ready = Ready::new(opened).await;
    let carrying = row("2025-01-02", "100");
    let stored = StoredFact { fact: summary_of(&carrying), in_row: false, waiting: None };
    ready
        .commit(CommitUnit {
            facts: facts(1, [stored.clone(), flow("2025-01-02", "T1", "5")]),
            ..ready.unit()
        })
        .await;
    let now_carried = StoredFact { in_row: true, ..stored.clone() };
    let unit = CommitUnit {
        rows: vec![write(1, RowChange::New(carrying))],
        facts: facts(1, [now_carried.clone(), flow("2025-01-02", "T2", "5")]),
        ..ready.unit()
    };
    ready.commit(unit).await;
    assert_eq!(ready.store().reader().totals().await.unwrap().facts, 2);
    let reach = Reach { from: date("2025-01-01"), undated: vec![], rows: None };
    let history = ready.store().history(&[HistoryRequest { account: 1, reach }]).await.unwrap().remove(0);
    let summaries: Vec<_> =
        history.facts.iter().filter(|f| f.fact.kind() == returns::Kind::Summary).collect();
    assert_eq!(summaries, [&now_carried]);
}

pub async fn a_fact_sent_from_an_earlier_place_takes_it(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut stored = flow("2025-01-02", "T1", "5");
    stored.waiting = Some(returns::ledger::WaitingReason::Currency);
    ready.commit(CommitUnit { facts: facts(1, [stored.clone()]), ..ready.unit() }).await;
    stored.fact.place.position = Position::in_file(1, 1, 0);
    stored.fact.arrival = Arrival(None);
    stored.waiting = None;
    let unit = CommitUnit { facts: facts(1, [stored.clone()]), ..ready.unit() };
    assert_eq!(ready.commit(unit.clone()).await.facts, 1);
    assert_eq!(ready.commit(unit).await.facts, 0);
    let found = ready.store().load_accounts(&["A-1".into()]).await.unwrap().remove(0).unwrap().open;
    assert_eq!(found, [stored]);
}

pub async fn history_starts_before_what_late_facts_reach(opened: Opened) {
    let ready = Ready::new(opened).await;
    let days: Vec<Row> = (2..=9).map(|d| row(&format!("2025-01-{d:02}"), "100")).collect();
    let rows = days.iter().map(|r| write(1, RowChange::New(r.clone()))).collect();
    let (early, late) = (flow("2025-01-04", "T1", "5"), flow("2025-01-08", "T2", "5"));
    ready.commit(CommitUnit { rows, facts: facts(1, [early.clone(), late.clone()]), ..ready.unit() }).await;
    let ask = |from: &str, undated: Vec<returns::Key>, rows: Option<u32>| HistoryRequest {
        account: 1,
        reach: Reach { from: date(from), undated, rows },
    };
    let asked = [
        ask("2025-01-06", vec![], Some(2)),
        ask("2025-01-06", vec![early.fact.key()], Some(3)),
        ask("2025-01-06", vec![], None),
        ask("2025-01-02", vec![], Some(8)),
        ask("2025-02-01", vec![], Some(4)),
        HistoryRequest { account: 77, ..ask("2025-01-06", vec![], None) },
    ];
    let found = ready.store().history(&asked).await.unwrap();
    let day = |r: &Row| r.as_of.day();
    let shape: Vec<_> = found
        .iter()
        .map(|h| {
            let mut flows: Vec<_> =
                h.facts.iter().filter(|f| !f.in_row).map(|f| f.fact.as_of.day()).collect();
            flows.sort_unstable();
            let carried = h.facts.iter().filter(|f| f.in_row).count();
            (
                h.before.as_ref().map(day),
                h.rows.iter().map(day).collect::<Vec<_>>(),
                flows,
                carried,
                h.complete,
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            (Some(5), vec![6, 7], vec![], 2, false),
            (Some(3), vec![4, 5, 6], vec![4], 3, false),
            (Some(5), vec![6, 7, 8, 9], vec![8], 4, true),
            (None, vec![2, 3, 4, 5, 6, 7, 8, 9], vec![4, 8], 8, true),
            (Some(9), vec![], vec![], 0, true),
            (None, vec![], vec![], 0, true),
        ]
    );
    assert_eq!(found[0].rows, days[4..6]);
    assert_eq!(
        found[0].facts[0],
        StoredFact { fact: summary_of(&found[0].rows[0]), in_row: true, waiting: None }
    );
}

pub async fn the_head_of_an_account_is_loaded(opened: Opened) {
    let ready = Ready::new(opened).await;
    let profile = Profile {
        base_currency: Some(*b"USD"),
        performance_start: Some(date("2024-12-31")),
        inception: Some(date("2025-01-02")),
        closed_on: Some(date("2025-06-30")),
        first_values: [(Vendor(1), date("2025-01-03")), (Vendor(0), date("2025-01-02"))].into(),
    };
    let mut second = account(2, "A-2");
    second.profile = profile.clone();
    let unit = CommitUnit {
        accounts: vec![second],
        rows: ["2025-01-02", "2025-01-03", "2025-01-06"]
            .map(|d| write(2, RowChange::New(row(d, "100"))))
            .into(),
        facts: facts(2, ["2025-01-03", "2025-01-06", "2025-01-07"].map(|d| flow(d, d, "1"))),
        ..ready.unit()
    };
    ready.commit(unit).await;
    let asked: Vec<Arc<str>> = ["A-2", "nobody", "A-1", "A-2"].map(Into::into).into();
    let found = ready.store().load_accounts(&asked).await.unwrap();
    assert_eq!(
        found.iter().map(|a| a.as_ref().map(|a| a.id)).collect::<Vec<_>>(),
        [Some(2), None, Some(1), Some(2)]
    );
    let head = found[0].as_ref().unwrap();
    assert_eq!((&head.profile, head.slot, &*head.account_no), (&profile, store::slot_of("A-2"), "A-2"));
    assert_eq!(head.last.as_ref().map(|r| r.as_of), Some(date("2025-01-06")));
    assert_eq!(head.before_last.as_ref().map(|r| r.as_of), Some(date("2025-01-03")));
    let mut open: Vec<_> = head.open.iter().map(|f| f.fact.as_of.day()).collect();
    open.sort_unstable();
    assert_eq!(open, [6, 7]);
    assert_eq!(found[0], found[3]);
    let reader = ready.store().reader();
    assert_eq!(reader.inception("A-2").await.unwrap(), Some(date("2025-01-02")));
    assert_eq!(reader.inception("A-1").await.unwrap(), None);
    assert_eq!(reader.inception("nobody").await.unwrap(), None);
}

pub async fn aliases_lead_to_accounts(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut second = account(2, "A-2");
    second.aliases = vec![("alpha".into(), "777".into()), ("beta".into(), "777".into())];
    ready.commit(CommitUnit { accounts: vec![second.clone()], ..ready.unit() }).await;
    ready.commit(CommitUnit { accounts: vec![second], ..ready.unit() }).await;
    let asked: Vec<(Arc<str>, Arc<str>)> =
        [("alpha", "777"), ("alpha", "778"), ("alpha", "777")].map(|(v, a)| (v.into(), a.into())).into();
    let found = ready.store().load_aliases(&asked).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&*found[0].vendor, &*found[0].vendor_account), ("alpha", "777"));
    assert_eq!((found[0].account, &*found[0].account_no, found[0].valid_from), (2, "A-2", None));
}

pub async fn a_checkpoint_set_back_keeps_its_counters(opened: Opened) {
    let ready = Ready::new(opened).await;
    ready
        .commit(CommitUnit { deltas: vec![ready.delta(Progress::Start, Progress::End)], ..ready.unit() })
        .await;
    let reopened = open_partition(ready.store(), &ready.generation, &ready.partition_id).await;
    assert_eq!(reopened.progress, Progress::End);
    ready.store().rewind(&ready.generation, std::slice::from_ref(&ready.partition_id)).await.unwrap();
    let (progress, counts) = ready.progress().await;
    assert_eq!((progress, counts.read), (Progress::Start, 3));
    let known = ready.store().partitions("feeds/").await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].key, known[0].progress), (ready.partition.key, Progress::Start));
    assert_eq!((known[0].file_size, known[0].file_modified), (Some(1000), Some(1_700_000_000_000_001)));
    assert_eq!(ready.store().partitions("feeds/day-2").await.unwrap(), vec![]);
    ready.store().close_generation(&ready.generation).await.unwrap();
    ready.store().open_generation("other", Duration::from_secs(60)).await.unwrap();
    let late = ready.store().rewind(&ready.generation, &[PartitionId::new("feeds/day-1.csv")]).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
}

pub async fn what_is_registered_once_is_found_again(opened: Opened) {
    let ready = Ready::new(opened).await;
    let store = ready.store();
    let renamed = FeedSpec { name: "copy.csv".into(), ..file("day-1.csv", 1) };
    assert_eq!(store.open_feed(&renamed).await.unwrap().key, ready.feed, "a file is known by its bytes");
    let other = store.open_feed(&file("day-2.csv", 2)).await.unwrap().key;
    assert_ne!(other, ready.feed);
    let feed = store.reader().feed_name(ready.feed).await.unwrap().unwrap();
    assert_eq!(
        (feed.name.as_str(), feed.vendor.as_str(), feed.status.as_str()),
        ("day-1.csv", "alpha", "coming")
    );
    assert_eq!((feed.hash, feed.business_date), (Some("01".repeat(32)), Some(date("2025-01-02"))));
    assert_eq!((feed.arrival, feed.declared, feed.counted), (Some(1_700_000_000_000_000), Some(3), Some(3)));
    assert_eq!(store.reader().feeds().await.unwrap().len(), 2);
    let policy = PolicySpec { hash: "h1".into(), text: "[timing]".into() };
    let id = store.keep_policy(&policy).await.unwrap();
    assert_eq!(store.policy_in_force().await.unwrap(), None, "kept is not in force");
    assert_eq!(store.keep_policy(&policy).await.unwrap(), id);
    assert_ne!(store.keep_policy(&PolicySpec { hash: "h2".into(), text: "x".into() }).await.unwrap(), id);
    assert_eq!(store.reader().policy(id).await.unwrap().as_deref(), Some("[timing]"));
    let (a, b) = (store.reserve_accounts(100).await.unwrap(), store.reserve_accounts(1).await.unwrap());
    assert_eq!((a.end - a.start, b.end - b.start), (100, 1));
    assert!(a.end <= b.start || b.end <= a.start, "{a:?} {b:?}");
}

pub async fn a_changed_policy_marks_the_accounts_it_touches_and_no_other(opened: Opened) {
    let ready = Ready::new(opened).await;
    let store = ready.store();
    let aliases = |list: &[(&str, &str)]| list.iter().map(|(v, a)| ((*v).into(), (*a).into())).collect();
    let with = |id, number, list: &[_]| AccountWrite { aliases: aliases(list), ..account(id, number) };
    let accounts = vec![
        with(2, "A-2", &[("alpha", "2"), ("beta", "2")]),
        with(3, "A-3", &[("beta", "3"), ("beta", "33")]),
        with(4, "A-10", &[("alpha", "10")]),
    ];
    ready.commit(CommitUnit { accounts, ..ready.unit() }).await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three", "four"] {
        let spec = PolicySpec { hash: text.into(), text: format!("text {text}") };
        ids.push(store.keep_policy(&spec).await.unwrap());
    }
    let of = |vendors: &[&str]| Touched::OfVendors(vendors.iter().map(|v| (*v).into()).collect());
    let enforce = async |policy: usize, touched: Touched| {
        store.enforce_policy(&ready.generation, ids[policy], &touched).await.unwrap()
    };
    let marked = async || store.marked().await.unwrap();
    assert_eq!(enforce(0, Touched::NONE).await, 0);
    let in_force = store.policy_in_force().await.unwrap();
    assert_eq!(in_force, Some(PolicySpec { hash: "one".into(), text: "text one".into() }));
    assert_eq!(enforce(0, Touched::All).await, 0, "it is in force already");
    assert_eq!(enforce(1, of(&["gamma"])).await, 0, "nobody has facts of that vendor");
    assert!(marked().await.is_empty());
    assert_eq!(enforce(2, of(&["beta", "gamma"])).await, 2);
    assert_eq!(marked().await, ["A-2".into(), "A-3".into()]);
    assert_eq!(enforce(3, Touched::All).await, 2, "the others");
    assert_eq!(marked().await.len(), 4);
    assert_eq!(store.policy_in_force().await.unwrap().unwrap().hash, "four");
    enforce(0, Touched::NONE).await;
    assert_eq!(store.policy_in_force().await.unwrap().unwrap().hash, "one", "and back");
    store.close_generation(&ready.generation).await.unwrap();
    store.open_generation("other", Duration::from_secs(60)).await.unwrap();
    let late = store.enforce_policy(&ready.generation, ids[1], &Touched::All).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(store.policy_in_force().await.unwrap().unwrap().hash, "one");
}

pub async fn accounts_touched_are_told_page_by_page(opened: Opened) {
    let ready = Ready::new(opened).await;
    let with = |id, number, vendors: &[&str]| {
        let aliases = vendors.iter().map(|v| ((*v).into(), "x".into())).collect();
        AccountWrite { aliases, ..account(id, number) }
    };
    let accounts = vec![with(2, "a-2", &["alpha"]), with(3, "A-20", &["beta"]), with(4, "A-3", &["gamma"])];
    ready.commit(CommitUnit { accounts, ..ready.unit() }).await;
    let page = async |by: &Touched, after: Option<&str>, limit: u32| {
        let found = ready.store().touched(by, after, limit).await.unwrap();
        found.iter().map(|no| no.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(&Touched::All, None, 10).await, ["A-1", "A-20", "A-3", "a-2"]);
    assert_eq!(page(&Touched::All, None, 2).await, ["A-1", "A-20"]);
    assert_eq!(page(&Touched::All, Some("A-20"), 2).await, ["A-3", "a-2"]);
    assert!(page(&Touched::All, Some("a-2"), 2).await.is_empty());
    let some = Touched::OfVendors(vec!["alpha".into(), "beta".into()]);
    assert_eq!(page(&some, None, 10).await, ["A-20", "a-2"]);
    assert_eq!(page(&some, Some("A-20"), 10).await, ["a-2"]);
    assert!(page(&Touched::NONE, None, 10).await.is_empty());
}

pub async fn a_row_that_stays_as_it_is_keeps_the_policy_it_was_made_under(opened: Opened) {
    let ready = Ready::new(opened).await;
    let made = row("2025-01-02", "100");
    ready.commit_rows(vec![write(1, RowChange::New(made.clone()))]).await;
    let before = ready.rows().await;
    let under_another = Row { policy_id: 2, ..made };
    for restates in [false, true] {
        let again = RowChange::Replaced { row: under_another.clone(), restates };
        assert_eq!(ready.commit_rows(vec![write(1, again)]).await, Receipt::default());
        assert_eq!(ready.rows().await, before);
    }
    let again = RowChange::New(under_another.clone());
    assert_eq!(ready.commit_rows(vec![write(1, again)]).await, Receipt::default(), "read a second time");
    let held = RowWrite {
        verdict: Verdict::Held,
        ..write(1, RowChange::Replaced { row: under_another.clone(), restates: false })
    };
    assert_eq!(ready.commit_rows(vec![held]).await.changed, 1);
    let after = ready.rows().await.remove(0);
    assert_eq!((after.verdict, &after.row), (Verdict::Held, &under_another), "judged under the other");
    assert_eq!(after.known_from, before[0].known_from);
}

pub async fn a_figure_has_its_evidence(opened: Opened) {
    let ready = Ready::new(opened).await;
    let rows = ["2025-01-02", "2025-01-03", "2025-01-06"].map(|d| write(1, RowChange::New(row(d, "100"))));
    let between = flow("2025-01-05", "T1", "5");
    let [dated_before, dated_after] = ["2025-01-02", "2025-01-07"].map(|d| flow(d, "T1", "6"));
    let mut account = account(1, "A-1");
    account.profile.base_currency = Some(*b"EUR");
    let unit = CommitUnit {
        accounts: vec![account],
        rows: rows.into(),
        facts: facts(
            1,
            [
                flow("2025-01-03", "T0", "5"),
                between.clone(),
                flow("2025-01-07", "T2", "5"),
                dated_before.clone(),
                dated_after.clone(),
            ],
        ),
        breaks: vec![BreakWrite { as_of: Some(date("2025-01-06")), ..broken("roll_forward", "0.5") }],
        ..ready.unit()
    };
    ready.commit(unit).await;
    ready.commit_rows(vec![restated(1, row("2025-01-06", "101"), "late line")]).await;
    let reader = ready.store().reader();
    let evidence = reader.evidence("A-1", date("2025-01-06")).await.unwrap().unwrap();
    let published = evidence.published.unwrap();
    assert_eq!(published.row, row("2025-01-06", "101"));
    assert_eq!(evidence.before.unwrap().row.as_of, date("2025-01-03"));
    let carried = StoredFact { fact: summary_of(&published.row), in_row: true, waiting: None };
    let expected = [dated_before, between, carried, dated_after];
    assert_eq!(evidence.facts, expected, "all versions of a flow of the day, in order of their dates");
    assert_eq!(evidence.base_currency, Some(*b"EUR"));
    assert_eq!(evidence.superseded.len(), 1);
    assert_eq!((evidence.breaks.len(), evidence.quarantine.len()), (1, 0));
    assert_eq!(reader.evidence("nobody", date("2025-01-06")).await.unwrap(), None);
}
