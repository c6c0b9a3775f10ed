//! Published rows: what restates one, what stays in history, and how they are read.
use crate::Opened;
use crate::make::*;
use record::Position;
use returns::ledger::{RowChange, StoredFact, summary_of};
use returns::{Date, Decimal, Reason};
use std::sync::Arc;
use store::{BreakWrite, CommitUnit, Published, Receipt, RowFilter, RowWrite};

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
