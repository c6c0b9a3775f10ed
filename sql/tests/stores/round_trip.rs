//! What goes into a store comes back as it was: rows and facts of any value.
use crate::Opened;
use crate::make::*;
use returns::ledger::{Reach, RowChange, StoredFact};
use returns::row::Growth;
use returns::{Date, Row, Verdict};
use std::collections::BTreeMap;
use store::{CommitUnit, HistoryRequest, Receipt, RowWrite};

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
