//! What has no counterpart in SQLite: two connections, a server that goes away, the database's collation, and what people query.
use crate::make::*;
use crate::{Opened, postgres};
use record::Progress;
use returns::fact::{Target, Withdrawal};
use returns::ledger::{RowChange, StoredFact};
use returns::{Body, Row};
use sqlx::{Connection, Executor, PgConnection, Row as _};
use std::sync::Arc;
use store::postgres::PostgresStore;
use store::{CommitError, CommitUnit, Names, RowFilter, StoreError};

async fn open(url: &str) -> Ready {
    let names = Arc::new(Names::default());
    let store = PostgresStore::connect(url, names.clone()).await.unwrap();
    Ready::new(Opened { store: Box::new(store), names, _folder: None }).await
}

async fn query(url: &str, sql: &'static str) -> Vec<sqlx::postgres::PgRow> {
    PgConnection::connect(url).await.unwrap().fetch_all(sql).await.unwrap()
}

/// 40 accounts of both halves with 150 rows each: more than goes in one transaction.
fn large(ready: &Ready, first_day: i32) -> CommitUnit {
    let accounts: Vec<_> = (1..=40).map(|id| account(id, &format!("A-{id}"))).collect();
    let halves = accounts.iter().map(|a| a.slot % 2).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(halves.len(), 2);
    let start = returns::date::days(date("2020-01-01")) + first_day;
    let day = |n: i32| returns::date::from_days(start + n).unwrap().to_string();
    let rows =
        accounts.iter().flat_map(|a| (0..150).map(|n| write(a.id, RowChange::New(row(&day(n), "100")))));
    let rows = rows.collect();
    let facts =
        accounts.iter().flat_map(|a| facts(a.id, [flow(&day(0), &format!("T{first_day}"), "5")])).collect();
    CommitUnit { accounts, rows, facts, ..ready.unit() }
}

#[tokio::test]
async fn a_large_unit_goes_over_two_connections_and_is_the_same() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    let unit = CommitUnit { deltas: vec![ready.delta(Progress::Start, at(1))], ..large(&ready, 0) };
    let receipt = ready.commit(unit.clone()).await;
    assert_eq!((receipt.inserted, receipt.facts), (6000, 40));
    let writers = query(&url, "SELECT count(DISTINCT xmin::text) FROM performance_daily").await;
    assert_eq!(writers[0].get::<i64, _>(0), 2, "two transactions wrote");
    assert_eq!(ready.progress().await.0, at(1));
    // Half of the rows are there already: those connections stage, and it ends as if all were copied.
    let receipt = ready.commit(large(&ready, 75)).await;
    assert_eq!((receipt.inserted, receipt.changed), (3000, 0));
    assert_eq!(ready.store().reader().totals().await.unwrap().rows, 9000);
}

#[tokio::test]
async fn if_the_checkpoint_is_refused_the_lines_are_read_again_and_nothing_is_doubled() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    // The first half is committed before the second finds its delta refused: as after a crash between the two.
    let refused = CommitUnit { deltas: vec![ready.delta(at(5), at(6))], ..large(&ready, 0) };
    assert!(ready.store().commit(&refused).await.is_err());
    let half = ready.store().reader().totals().await.unwrap().rows;
    assert!(half > 0 && half < 6000, "{half}");
    let again = CommitUnit { deltas: vec![ready.delta(Progress::Start, at(6))], ..large(&ready, 0) };
    let receipt = ready.commit(again).await;
    assert_eq!((receipt.inserted, receipt.changed, receipt.restated), (6000 - half, 0, 0));
    assert_eq!(ready.store().reader().totals().await.unwrap().facts, 40);
}

#[tokio::test]
async fn connections_that_break_are_made_anew() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    query(&url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .await;
    ready.commit_rows(vec![write(1, RowChange::New(row("2025-01-02", "100")))]).await;
    assert_eq!(ready.rows().await.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let nowhere = "postgres://app@localhost/x?host=/nonexistent";
    let error = PostgresStore::connect(nowhere, Arc::new(Names::default())).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_store_without_its_schema_says_what_to_do() {
    let names = Arc::new(Names::default());
    let store = PostgresStore::connect(&postgres::fresh_database(), names).await.unwrap();
    let store: &dyn store::Store = &store;
    let not_ready = store.ready().await.unwrap_err();
    assert!(not_ready.to_string().contains("dietz migrate"), "{not_ready}");
    assert_eq!(store.migrate().await.unwrap(), ["0001_store"]);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    query(
        &url,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '', 0)",
    )
    .await;
    for error in [ready.store().ready().await.err(), ready.store().migrate().await.err()] {
        assert!(matches!(&error, Some(StoreError::Schema(text)) if text.contains("9999")), "{error:?}");
    }
}

#[tokio::test]
async fn order_is_by_bytes_under_any_collation() {
    let url = postgres::fresh_database_with(
        "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'",
    );
    crate::published::rows_are_ordered_by_bytes_page_by_page({
        let names = Arc::new(Names::default());
        let store = PostgresStore::connect(&url, names.clone()).await.unwrap();
        Opened { store: Box::new(store), names, _folder: None }
    })
    .await;
    let ordered =
        query(&url, "SELECT account_no FROM account ORDER BY account_no COLLATE \"en-x-icu\"").await;
    let by_database: Vec<String> = ordered.iter().map(|r| r.get(0)).collect();
    let mut by_bytes = by_database.clone();
    by_bytes.sort_unstable();
    assert_ne!(by_database, by_bytes, "the two orders differ for these numbers");
}

#[tokio::test]
async fn the_columns_of_the_program_are_those_of_the_tables() {
    let url = postgres::fresh_database();
    open(&url).await;
    let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns ORDER BY table_name, ordinal_position";
    let columns = query(&url, sql).await;
    let of = |table: &str| {
        let rows = columns.iter().filter(|r| r.get::<&str, _>(0) == table);
        rows.map(|r| r.get::<String, _>(1)).collect::<Vec<_>>()
    };
    let names =
        |columns: &[store::columns::Column]| columns.iter().map(|c| c.name.to_owned()).collect::<Vec<_>>();
    use store::columns::{daily, fact};
    assert_eq!(of("performance_daily"), names(daily::DAILY));
    assert_eq!(of("performance_history"), [names(daily::DAILY), names(daily::HISTORY)].concat());
    assert_eq!(of("fact"), names(&fact::columns()));
}

#[tokio::test]
async fn people_can_ask_in_sql() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    let unit = CommitUnit {
        rows: vec![write(1, RowChange::New(row("2025-01-02", "100.50")))],
        facts: facts(1, [flow("2025-01-02", "T1", "5")]),
        ..ready.unit()
    };
    ready.commit(unit).await;
    ready.commit_rows(vec![restated(1, row("2025-01-02", "101.25"), "late line")]).await;
    let first = ready.superseded("A-1", "2025-01-02").await.remove(0).published.known_from;
    let rows = query(
        &url,
        "SELECT account_no, end_value::text, gain::text, status, reasons IS NULL FROM performance",
    )
    .await;
    let (number, value, gain): (String, String, String) = (rows[0].get(0), rows[0].get(1), rows[0].get(2));
    assert_eq!((number.as_str(), value.as_str(), gain.as_str()), ("A-1", "101.25", "0"));
    assert!(rows[0].get::<bool, _>(4));
    let filter = RowFilter { known_at: Some(first), ..RowFilter::default() };
    assert_eq!(ready.store().reader().rows(&filter, None, 9).await.unwrap()[0].row.end_value, dec("100.5"));
    let observed = query(
        &url,
        "SELECT kind, in_row, coalesce(end_value, amount)::text, contributions IS NULL FROM observation ORDER BY kind",
    )
    .await;
    let observed: Vec<(String, bool, String, bool)> =
        observed.iter().map(|r| (r.get(0), r.get(1), r.get(2), r.get(3))).collect();
    let expected = [("flow", false, "5", true), ("summary", true, "101.25", true)];
    assert_eq!(
        observed,
        expected.map(|(kind, in_row, value, unknown)| (kind.into(), in_row, value.into(), unknown))
    );
}

#[tokio::test]
async fn a_value_the_database_refuses_is_told_as_data_and_nothing_is_written() {
    let ready = open(&postgres::fresh_database()).await;
    let mut refused = flow("2025-01-02", "T1", "5");
    if let Body::Flow(flow) = &mut refused.fact.body {
        flow.description = Some("a zero byte \0 is no text".into());
    }
    let unit = CommitUnit {
        rows: vec![write(1, RowChange::New(row("2025-01-02", "100")))],
        facts: facts(1, [refused]),
        ..ready.unit()
    };
    let error = ready.store().commit(&unit).await;
    assert!(matches!(&error, Err(CommitError::Data(text)) if text.contains("22021")), "{error:?}");
    let nameless = Row { value_vendor: returns::Vendor(77), ..row("2025-01-02", "100") };
    let unit = CommitUnit { rows: vec![write(1, RowChange::New(nameless))], ..ready.unit() };
    let error = ready.store().commit(&unit).await;
    assert!(matches!(&error, Err(CommitError::Data(text)) if text.contains("77")), "{error:?}");
    assert_eq!(ready.rows().await, vec![]);
    ready.commit_rows(vec![write(1, RowChange::New(row("2025-01-02", "100")))]).await;
}

fn withdrawal(id: &str, time: i64, target: Target, reinstate: bool) -> StoredFact {
    let (event_id, who, reason) = (id.into(), "ops".into(), "wrong file".into());
    let said = Withdrawal { target, reinstate, event_id, event_time: time, who, reason };
    fact("2025-02-01", Some(id), Body::Withdrawal(Box::new(said)))
}

#[tokio::test]
async fn an_observation_says_which_withdrawal_holds() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    let (one, mut two, mut three) =
        (flow("2025-01-02", "T1", "1"), flow("2025-01-02", "T2", "2"), flow("2025-01-02", "T3", "3"));
    two.fact.place.position = record::Position::in_file(99, 9, 0);
    three.fact.feed = record::FeedKey(44);
    three.fact.place.position = record::Position::in_file(98, 8, 0);
    let all = [
        // Undone before it was made known: the event's time decides.
        withdrawal("w2", 20, Target::Record(one.fact.place), true),
        withdrawal("w1", 10, Target::Record(one.fact.place), false),
        withdrawal("w3", 30, Target::Record(two.fact.place), false),
        withdrawal("w4", 40, Target::Feed(three.fact.feed), false),
        one,
        two,
        three,
    ];
    ready.commit(CommitUnit { facts: facts(1, all), ..ready.unit() }).await;
    let rows =
        query(&url, "SELECT ref, withdrawn_by FROM observation WHERE kind = 'flow' ORDER BY ref").await;
    let found: Vec<(String, Option<String>)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    let expected = [("T1", None), ("T2", Some("w3")), ("T3", Some("w4"))];
    assert_eq!(found, expected.map(|(id, by)| (id.to_owned(), by.map(str::to_owned))));
    let evidence = ready.store().reader().evidence("A-1", date("2025-01-02")).await.unwrap().unwrap();
    assert_eq!(evidence.facts.len(), 7, "the withdrawals of another date that touch them are shown");
    let none = ready.store().reader().evidence("A-1", date("2024-12-31")).await.unwrap().unwrap();
    assert_eq!(none.facts, vec![]);
}

#[tokio::test]
async fn a_grant_waits_for_a_commit_under_way() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    ready.store().close_generation(&ready.generation).await.unwrap();
    // A commit holds the locks of its slots; here all shared locks that a commit of account 1 takes are held by hand.
    let mut commit = PgConnection::connect(&url).await.unwrap();
    let mut held = commit.begin().await.unwrap();
    let slot = i32::from(store::slot_of("A-1"));
    let lock = "SELECT pg_advisory_xact_lock_shared($1, $2)";
    sqlx::query(lock).bind(store::postgres::SLOT_LOCK).bind(slot).execute(&mut *held).await.unwrap();
    let store = ready.store();
    let grant = store.open_generation("other", std::time::Duration::from_secs(60));
    let release = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        while query(&url, waiting).await[0].get::<i64, _>(0) == 0 {}
        held.commit().await.unwrap();
    };
    let (granted, ()) = tokio::join!(grant, release);
    assert!(granted.unwrap().number > ready.generation.number);
}

#[tokio::test]
async fn who_is_paused_in_the_middle_of_a_commit_holds_up_nobody_once_its_lease_is_over() {
    let url = postgres::fresh_database();
    let ready = open(&url).await;
    ready.store().close_generation(&ready.generation).await.unwrap();
    ready.store().open_generation("paused", std::time::Duration::ZERO).await.unwrap();
    let mut commit = PgConnection::connect(&url).await.unwrap();
    let mut held = commit.begin().await.unwrap();
    let slot = i32::from(store::slot_of("A-1"));
    let lock = "SELECT pg_advisory_xact_lock_shared($1, $2)";
    sqlx::query(lock).bind(store::postgres::SLOT_LOCK).bind(slot).execute(&mut *held).await.unwrap();
    ready.store().open_generation("other", std::time::Duration::from_secs(60)).await.unwrap();
    assert!(held.commit().await.is_err(), "its transaction is gone");
}
