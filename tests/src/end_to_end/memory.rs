//! Memory is a cache, and order of arrival means nothing.
use super::dietz::{Dietz, Settings, sqlite};
use load_tests::{Feed, Order, Share};

fn feed(order: Order) -> Feed {
    Feed {
        accounts: 60,
        days: 90,
        vendors: 2,
        late: Share::percent(5),
        duplicate: Share::percent(2),
        malformed: Share::percent(1),
        order,
        ..Feed::default()
    }
}

#[test]
fn accounts_dropped_from_memory_after_each_batch_change_no_figure() {
    let dietz = Dietz::generated(&feed(Order::Date), Share::percent(1));
    dietz.topology("kept.toml", &Settings { sink: sqlite("kept.db"), ..Settings::default() });
    let small = Settings {
        sink: sqlite("dropped.db"),
        batch_records: 100,
        batch_rows: 100,
        accounts: 1,
        ..Settings::default()
    };
    dietz.topology("dropped.toml", &small);
    dietz.ok(&["run", "kept.toml"]);
    dietz.ok(&["run", "dropped.toml"]);
    assert!(dietz.report("kept.toml") == dietz.report("dropped.toml"));
}

#[test]
fn how_many_accumulators_share_the_work_changes_no_figure() {
    let dietz = Dietz::generated(&feed(Order::Date), Share::percent(1));
    let reports = [1, 2, 5].map(|instances| {
        let file = format!("{instances}.toml");
        let sink = sqlite(&format!("{instances}.db"));
        dietz.topology(&file, &Settings { sink, instances, batch_records: 300, ..Settings::default() });
        dietz.ok(&["run", &file]);
        dietz.report(&file)
    });
    assert!(reports.iter().all(|r| *r == reports[0]));
}

#[test]
fn a_feed_sent_newest_first_or_account_by_account_gives_the_same_figures() {
    let figures = [Order::Date, Order::NewestFirst, Order::Account].map(|order| {
        let dietz = Dietz::generated(&feed(order), Share::percent(0));
        dietz.topology("topology.toml", &Settings { batch_records: 500, ..Settings::default() });
        dietz.ok(&["run", "topology.toml"]);
        let again = dietz.ok(&["run", "topology.toml", "--from-start"]);
        assert!(again.contains("rows          0 new, 0 changed, 0 removed"), "{order:?}\n{again}");
        dietz.report("topology.toml")
    });
    assert!(figures[1] == figures[0], "newest first");
    assert!(figures[2] == figures[0], "account by account");
}

#[test]
fn a_stop_by_signal_commits_what_was_read_and_the_next_run_goes_on() {
    let dietz = Dietz::generated(&feed(Order::Account), Share::percent(0));
    dietz.topology("topology.toml", &Settings { batch_records: 50, batch_rows: 50, ..Settings::default() });
    dietz.topology("whole.toml", &Settings { sink: sqlite("whole.db"), ..Settings::default() });
    let mut stops = 0;
    loop {
        let mut child = dietz.spawn(&["run", "topology.toml"]);
        // Standing by, reading or done: whatever it does when the signal comes, it ends with 0.
        std::thread::yield_now();
        child.signal("-TERM");
        let code = child.wait().code();
        // A signal before the process listens ends it at once, by the system.
        assert!(matches!(code, Some(0) | None), "ended with {code:?}");
        stops += 1;
        if stops == 5 {
            break;
        }
    }
    dietz.ok(&["run", "topology.toml"]);
    dietz.ok(&["run", "whole.toml"]);
    assert!(dietz.report("topology.toml") == dietz.report("whole.toml"));
}
