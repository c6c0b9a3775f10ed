//! What is promised of the file, beside what every store promises (`sql/tests`).
use super::*;
use crate::columns::daily::{DAILY, HISTORY};
use crate::columns::{Column, fact};
use crate::{AccountWrite, DeltaWrite, PartitionSpec, RowFilter, RowWrite, slot_of};
use record::{Counts, Position, Progress};
use returns::fact::{Span, Stated};
use returns::ledger::{Profile, RowChange};
use returns::row::Growth;
use returns::{
    Arrival, Content, Date, Decimal, FlowTiming, Place, Reasons, Row as DailyRow, Status, Vendor, Verdict,
};
use sqlx::Row;
use std::path::PathBuf;
use tempfile::TempDir;

struct File {
    folder: TempDir,
}

impl File {
    fn new() -> File {
        File { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("dietz.db")
    }

    /// As another process would: with connections and names of its own.
    async fn open(&self) -> SqliteStore {
        let names = Arc::new(Names::default());
        names.vendor("alpha");
        open(&self.path(), names).await.unwrap()
    }
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn row(as_of: &str, end_value: &str) -> DailyRow {
    DailyRow {
        as_of: date(as_of),
        previous_as_of: None,
        begin_value: Decimal::ZERO,
        contributions: Decimal::ZERO,
        distributions: Decimal::ZERO,
        cumulative_net_flow: Decimal::ZERO,
        fees: Decimal::ZERO,
        fees_outside: Decimal::ZERO,
        accrued: Decimal::ZERO,
        end_value: end_value.parse().unwrap(),
        twrr: None,
        twrr_gross: None,
        net: Growth { growth: Some(Decimal::ONE), link: None },
        gross: Growth { growth: Some(Decimal::ONE), link: None },
        incepted: false,
        segment: 1,
        sub_periods: 1,
        status: Status::Anchor,
        flow_timing: FlowTiming::Split,
        reasons: Reasons::default(),
        revision: None,
        value_since: date(as_of),
        value_vendor: Vendor(0),
        flow_vendor: None,
        carries: true,
        vendor_account: record::Symbol(0),
        vendor_begin: None,
        other_net_flow: None,
        stated: Stated::END,
        content: Content([7; 16]),
        mapping_version: 1,
        feed: FeedKey(1),
        place: Place { partition: record::PartitionKey(1), position: Position::in_file(10, 1, 0) },
        arrival: Arrival(Some(1_700_000_000_000_000)),
        reported_return: None,
        reported_span: Span::Day,
        policy_id: 1,
    }
}

fn write(account: i64, change: RowChange) -> RowWrite {
    RowWrite { account, change, verdict: Verdict::Final, reasons: Reasons::default(), cause: None }
}

fn account(id: i64, number: &str) -> AccountWrite {
    let profile = Profile::default();
    AccountWrite { id, account_no: number.into(), slot: slot_of(number), profile, aliases: vec![] }
}

fn rows_unit(rows: Vec<RowWrite>) -> CommitUnit {
    CommitUnit { accounts: vec![account(1, "A-1")], rows, ..CommitUnit::default() }
}

async fn values(store: &SqliteStore, filter: &RowFilter) -> Vec<String> {
    let rows = store.reader().rows(filter, None, 1000).await.unwrap();
    rows.iter().map(|r| r.row.end_value.to_string()).collect()
}

#[tokio::test]
async fn the_columns_of_the_file_are_those_of_the_list() {
    let file = File::new();
    let store = file.open().await;
    let history = [DAILY, HISTORY].concat();
    let tables: [(&str, &[Column]); 3] =
        [("performance_daily", DAILY), ("performance_history", &history), ("fact", &fact::columns())];
    for (table, columns) in tables {
        let found: Vec<(String, bool)> =
            sqlx::query_as("SELECT name, \"notnull\" FROM pragma_table_info(?) ORDER BY cid")
                .bind(table)
                .fetch_all(&store.readers)
                .await
                .unwrap();
        let listed: Vec<_> = columns.iter().map(|c| (c.name.to_owned(), !c.nullable)).collect();
        assert_eq!(found, listed, "{table}");
    }
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let file = File::new();
    let path = file.folder.path().join("nowhere").join("dietz.db");
    let refused = open(&path, Arc::default()).await.unwrap_err();
    let StoreError::Refused(text) = refused else { panic!("{refused:?}") };
    assert!(text.contains(&path.parent().unwrap().display().to_string()), "{text}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let file = File::new();
    let store = file.open().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'later', 1, x'00', 0)";
    sqlx::query(newer).execute(&store.writer).await.unwrap();
    for refused in [
        open(&file.path(), Arc::default()).await.map(|_| ()),
        store.ready().await,
        store.migrate().await.map(|_| ()),
    ] {
        assert!(matches!(&refused, Err(StoreError::Schema(text)) if text.contains("9999")), "{refused:?}");
    }
}

#[tokio::test]
async fn decimals_keep_their_places_and_are_text() {
    let file = File::new();
    let store = file.open().await;
    let growth: Decimal = "123456789.123456789012345678".parse().unwrap();
    let mut exact = row("2025-01-02", "1000.50");
    exact.net.growth = Some(growth);
    exact.twrr = Some("-0.000000000000000001".parse().unwrap());
    exact.contributions = "-0.00".parse().unwrap();
    store.commit(&rows_unit(vec![write(1, RowChange::New(exact.clone()))])).await.unwrap();
    let stored = sqlx::query(
        "SELECT growth, twrr, end_value, contributions, typeof(end_value) FROM performance_daily",
    )
    .fetch_one(&store.readers)
    .await
    .unwrap();
    let texts: Vec<String> = (0..5).map(|i| stored.get(i)).collect();
    assert_eq!(texts, ["123456789.123456789012345678", "-0.000000000000000001", "1000.5", "0", "text"]);
    let back = store.reader().rows(&RowFilter::default(), None, 10).await.unwrap().remove(0).row;
    assert_eq!(back, exact);
    assert_eq!(back.net.growth.map(|g| g.scale()), Some(18));
}

/// As text "1000" comes before "9": an acceptance of 1000 covers 9, one of 9 does not cover 1000.
#[tokio::test]
async fn a_larger_difference_than_was_accepted_opens_a_break_again() {
    let file = File::new();
    let store = file.open().await;
    let broken = |difference: &str| CommitUnit {
        accounts: vec![account(1, "A-1")],
        breaks: vec![crate::BreakWrite {
            rule: "roll_forward",
            severity: "warn",
            account: Some(1),
            vendor: None,
            as_of: Some(date("2025-01-02")),
            feed: None,
            position: None,
            expected: None,
            actual: None,
            difference: Some(difference.parse().unwrap()),
            difference_bp: None,
            tolerance: None,
            hint: None,
            broken: true,
        }],
        ..CommitUnit::default()
    };
    let status = async || {
        let found = store.reader().breaks(None).await.unwrap();
        assert_eq!(found.len(), 1);
        found[0].status.clone()
    };
    assert_eq!(store.commit(&broken("1000")).await.unwrap().breaks_opened, 1);
    sqlx::query("UPDATE tolerance_break SET status = 'accepted'").execute(&store.writer).await.unwrap();
    assert_eq!(store.commit(&broken("-9")).await.unwrap().breaks_opened, 0);
    assert_eq!(status().await, "accepted");
    assert_eq!(store.commit(&broken("-1000.01")).await.unwrap().breaks_opened, 1);
    assert_eq!(status().await, "open");
}

#[tokio::test]
async fn a_crash_between_statements_leaves_nothing() {
    let file = File::new();
    let store = file.open().await;
    store.commit(&rows_unit(vec![write(1, RowChange::New(row("2025-01-02", "100")))])).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    for half in ["DELETE FROM performance_daily", "UPDATE account SET account_no = 'X'"] {
        sqlx::query(half).execute(&mut *tx).await.unwrap();
    }
    drop(tx);
    assert_eq!(values(&store, &RowFilter::default()).await, ["100"]);
    // And the store goes on.
    store.commit(&rows_unit(vec![write(1, RowChange::New(row("2025-01-03", "101")))])).await.unwrap();
    assert_eq!(values(&file.open().await, &RowFilter::default()).await, ["100", "101"]);
}

/// The row comes before the delta in the transaction: when the step is refused, it must be gone.
#[tokio::test]
async fn a_commit_given_up_half_way_leaves_nothing() {
    let file = File::new();
    let store = file.open().await;
    let generation = Arc::new(store.open_generation("a", Duration::from_secs(60)).await.unwrap());
    let spec = PartitionSpec { id: PartitionId::new("s/p"), source: "s".into(), begin: None };
    let partition = store.open_partition(&generation, &spec).await.unwrap();
    let delta = DeltaWrite {
        feeds: Vec::new(),
        partition: partition.key,
        id: spec.id.clone(),
        token: partition.token,
        from: Progress::At(Position::in_file(5, 1, 0)),
        to: Progress::End,
        counts: Counts::default(),
        read_until: None,
    };
    let mut unit = rows_unit(vec![write(1, RowChange::New(row("2025-01-02", "100")))]);
    unit.deltas = vec![delta];
    assert!(matches!(store.commit(&unit).await, Err(CommitError::Delta { .. })));
    let totals = file.open().await.reader().totals().await.unwrap();
    assert_eq!((totals.accounts, totals.rows), (0, 0));
}

#[tokio::test]
async fn another_process_reads_what_is_committed_while_one_writes() {
    let file = File::new();
    let (writing, reading) = (file.open().await, file.open().await);
    writing.commit(&rows_unit(vec![write(1, RowChange::New(row("2025-01-02", "100")))])).await.unwrap();
    let mut tx = writing.begin().await.unwrap();
    sqlx::query("UPDATE performance_daily SET end_value = '7'").execute(&mut *tx).await.unwrap();
    assert_eq!(values(&reading, &RowFilter::default()).await, ["100"]);
    tx.commit().await.unwrap();
    assert_eq!(values(&reading, &RowFilter::default()).await, ["7"]);
}

#[tokio::test]
async fn a_second_pipeline_is_refused_until_the_first_ones_lease_ends() {
    let file = File::new();
    let (first, second) = (file.open().await, file.open().await);
    let generation = first.open_generation("host-1", Duration::from_secs(600)).await.unwrap();
    let busy = second.open_generation("host-2", Duration::from_secs(600)).await;
    assert!(
        matches!(&busy, Err(StoreError::Busy { owner, seconds }) if owner == "host-1" && *seconds > 500),
        "{busy:?}"
    );
    // As after `kill -9`: nobody gave it back, and its time is over.
    sqlx::query("UPDATE worker SET expires_at = expires_at - 600000000")
        .execute(&first.writer)
        .await
        .unwrap();
    let next = second.open_generation("host-2", Duration::from_secs(600)).await.unwrap();
    assert!(next.number > generation.number);
    let late = CommitUnit { generation: Some(Arc::new(generation)), ..CommitUnit::default() };
    assert!(matches!(first.commit(&late).await, Err(CommitError::Store(StoreError::LeaseLost))));
}

#[tokio::test]
async fn the_clock_never_falls_behind_what_is_known() {
    let file = File::new();
    let store = file.open().await;
    let future = clock() + 3_600_000_000;
    sqlx::query("UPDATE counter SET value = ? WHERE name = 'known_from'")
        .bind(future)
        .execute(&store.writer)
        .await
        .unwrap();
    store.commit(&rows_unit(vec![write(1, RowChange::New(row("2025-01-02", "100")))])).await.unwrap();
    let restated = RowChange::Replaced { row: row("2025-01-02", "101"), restates: true };
    store.commit(&rows_unit(vec![write(1, restated)])).await.unwrap();
    let known_from = store.reader().rows(&RowFilter::default(), None, 1).await.unwrap()[0].known_from;
    assert_eq!(known_from, future + 2);
    let before = RowFilter { known_at: Some(future + 1), ..RowFilter::default() };
    assert_eq!(values(&store, &before).await, ["100"]);
}

/// A row that restates with another summary leaves the one it stood for in `fact`; when it stands for it again, it is taken out.
#[tokio::test]
async fn a_summary_is_stored_once_wherever_it_lives() {
    let file = File::new();
    let store = file.open().await;
    let first = row("2025-01-02", "100");
    let second = DailyRow { content: Content([8; 16]), ..row("2025-01-02", "101") };
    let observed = async || -> (i64, i64) {
        let count = "SELECT count(*), coalesce(sum(in_row), 0) FROM observation WHERE account_no = 'A-1'";
        sqlx::query_as(count).fetch_one(&store.readers).await.unwrap()
    };
    let replaced = |row: &DailyRow| write(1, RowChange::Replaced { row: row.clone(), restates: true });
    store.commit(&rows_unit(vec![write(1, RowChange::New(first.clone()))])).await.unwrap();
    assert_eq!(observed().await, (1, 1));
    store.commit(&rows_unit(vec![replaced(&second)])).await.unwrap();
    assert_eq!(observed().await, (2, 1));
    store.commit(&rows_unit(vec![replaced(&first)])).await.unwrap();
    assert_eq!(observed().await, (2, 1));
    store.commit(&rows_unit(vec![write(1, RowChange::Gone(first.as_of))])).await.unwrap();
    assert_eq!(observed().await, (2, 0));
    store.commit(&rows_unit(vec![write(1, RowChange::New(first))])).await.unwrap();
    assert_eq!(observed().await, (2, 1));
}

/// SQLite has no statistics of a file that grows, so each statement is written such that its index is used.
#[tokio::test]
async fn no_statement_of_the_pipeline_reads_a_whole_table() {
    let file = File::new();
    let store = file.open().await;
    let statements = [
        &daily::STORED,
        &daily::ARCHIVE,
        &daily::DELETE,
        &facts::CARRIED,
        &history::WHOLE_ROWS,
        &history::WHOLE_SUMMARIES,
        &history::WHOLE_OTHERS,
        &identify::IN_FACT,
        &identify::IN_ROW,
    ];
    for statement in statements {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.single()));
        let plan = sqlx::query(explain).fetch_all(&store.readers).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(steps.iter().any(|step| step.contains(" INDEX ")), "{steps:#?}");
        let scans = steps.iter().filter(|step| step.starts_with("SCAN"));
        for scan in scans {
            assert!(scan.ends_with("asked") || scan.contains("CONSTANT ROW"), "{steps:#?}");
        }
    }
}
