//! What every store promises, asked of each.
//!
//! The promises are functions of a store, a file a subject; `promises!` below lists them all and asks both stores each of them.
//!
//! - `round_trip`: what goes in comes back as it was.
//! - `commits`: all or nothing, step after step, under a lease.
//! - `streams`: where partitions of a stream begin, how far they are read, and what was lost of them.
//! - `workers`: who is at work, and who reads which partitions.
//! - `published`: rows, their history, and how they are read.
//! - `facts`: how a known one is found, and which of them a late one reads.
//! - `accounts`: their heads and aliases, and what is known by one id for good.
//! - `policies`: the accounts a changed one touches.
//! - `feeds`: whole feeds.
//! - `doubtful`: tolerance breaks and quarantine.
//! - `make`: rows, facts and units to ask with.
//! - `only_postgres`: what has no counterpart in SQLite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests stand outside of test functions"
)]
mod accounts;
mod commits;
mod doubtful;
mod facts;
mod feeds;
mod make;
mod only_postgres;
mod policies;
#[path = "../../../tests/src/postgres.rs"]
mod postgres;
mod published;
mod round_trip;
mod streams;
mod workers;

use std::sync::Arc;
use store::{Names, Store};

/// A store, and what must live as long as it.
pub struct Opened {
    pub store: Box<dyn Store>,
    pub names: Arc<Names>,
    _folder: Option<tempfile::TempDir>,
}

async fn on_postgres() -> Opened {
    let names = Arc::new(Names::default());
    let url = postgres::fresh_database();
    let store = store::postgres::PostgresStore::connect(&url, names.clone()).await.unwrap();
    Opened { store: Box::new(store), names, _folder: None }
}

async fn on_sqlite() -> Opened {
    let names = Arc::new(Names::default());
    let folder = tempfile::tempdir().unwrap();
    let store = store::sqlite::open(&folder.path().join("store.db"), names.clone()).await.unwrap();
    Opened { store: Box::new(store), names, _folder: Some(folder) }
}

macro_rules! promises {
    ($($room:ident: $($promise:ident)*;)*) => {
        mod postgres_promises {
            $($(#[tokio::test] async fn $promise() { super::$room::$promise(super::on_postgres().await).await })*)*
        }
        mod sqlite_promises {
            $($(#[tokio::test] async fn $promise() { super::$room::$promise(super::on_sqlite().await).await })*)*
        }
    };
}

promises! {
    round_trip:
    migrating_twice_changes_nothing
    any_row_comes_back_as_it_was
    any_fact_comes_back_as_it_was;
    commits:
    a_unit_sent_twice_is_refused_and_changes_nothing
    a_step_that_does_not_go_on_writes_nothing
    steps_of_one_partition_go_as_one
    a_lost_slot_commits_nothing
    a_lost_partition_commits_nothing
    one_pipeline_at_a_time
    a_checkpoint_set_back_keeps_its_counters;
    streams:
    where_a_partition_begins_is_settled_once
    a_source_remembers_the_earliest_mapping_its_messages_were_read_with
    nothing_begins_under_a_lease_that_is_lost
    how_far_a_stream_is_read_moves_with_its_steps_and_never_back
    while_a_stream_is_idle_it_is_noted_how_far_it_is_read
    what_a_stream_lost_is_one_gap_however_often_it_is_noticed;
    workers:
    who_stands_by_is_seen_until_it_takes_over_or_goes
    who_expired_and_was_replaced_is_gone_when_it_wakes
    those_that_ingest_join_in_any_number_beside_the_active_one
    who_ingests_commits_steps_and_quarantine_and_no_account
    a_partition_is_taken_from_the_dead_and_never_from_the_living
    a_partition_given_back_is_free_and_nothing_more_is_committed_of_it
    it_is_told_who_holds_what
    what_waits_is_counted;
    published:
    a_restated_row_is_kept_without_overlap
    what_was_said_then_can_be_read
    an_open_day_leaves_no_history
    a_row_taken_away_stays_in_history
    rows_that_are_there_already_end_the_same
    lineage_alone_is_no_news
    rows_are_ordered_by_bytes_page_by_page
    a_figure_has_its_evidence;
    doubtful:
    a_break_opens_once_and_is_resolved
    every_break_of_a_day_is_resolved_but_those_broken_again
    a_record_is_quarantined_once
    quarantine_is_listed_page_by_page;
    facts:
    a_known_fact_is_found_wherever_it_lives
    on_a_stream_the_day_makes_no_difference
    a_fact_leaves_its_table_when_a_row_carries_it
    a_fact_sent_from_an_earlier_place_takes_it
    history_starts_before_what_late_facts_reach;
    accounts:
    the_head_of_an_account_is_loaded
    aliases_lead_to_accounts
    what_is_registered_once_is_found_again;
    policies:
    a_changed_policy_marks_the_accounts_it_touches_and_no_other
    accounts_touched_are_told_page_by_page
    a_row_that_stays_as_it_is_keeps_the_policy_it_was_made_under
    a_mapping_version_only_grows_and_keeps_its_bytes;
    feeds:
    of_copies_the_earliest_gives_a_feed_its_arrival
    what_a_delivery_is_read_on_with_is_kept_until_it_is_over
    accounts_with_facts_that_wait_for_a_feeds_trailer_are_found
    what_a_read_through_told_comes_back_as_it_was
    a_feed_is_complete_with_the_step_that_reaches_its_end
    what_one_feed_says_and_another_lacks_is_found
    holdings_of_a_feed_and_open_days_of_a_vendor_are_found
    bad_records_of_a_feed_are_counted
    a_waiting_feed_that_comes_again_whole_under_its_name_is_settled
    a_feed_settles_no_other_delivery
    a_feed_read_again_replaces_its_earlier_readings_when_it_is_in;
}
