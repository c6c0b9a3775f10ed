//! Facts: how a known one is found, where it lives, and which of them a late one reads.
use crate::Opened;
use crate::make::*;
use record::{FeedKey, Position};
use returns::ledger::{Reach, RowChange, StoredFact, summary_of};
use returns::{Arrival, Body, Row, Vendor};
use store::{CommitUnit, FeedSpec, Found, HistoryRequest, Probe};

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
