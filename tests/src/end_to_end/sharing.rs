//! One large file, and several decoders that share it: the same end.
use super::crash::{embedded, end, start_and_kill};
use super::dietz::{Dietz, Settings, sqlite, text};
use load_tests::{Feed, Order, Share};
use rand::SeedableRng;
use rand::rngs::SmallRng;

/// One file, with records that come late, twice and damaged.
fn feed(order: Order) -> Feed {
    Feed {
        accounts: 150,
        days: 120,
        vendors: 1,
        late: Share::percent(3),
        duplicate: Share::percent(2),
        malformed: Share::percent(1),
        order,
        ..Feed::default()
    }
}

/// So small that each decoder gets a hundred batches and more of the file.
const BATCH: usize = 50;

/// A topology of so many decoders over a store of its own.
fn topology(dietz: &Dietz, decoders: usize) -> String {
    let (file, sink) = (format!("{decoders}.toml"), sqlite(&format!("{decoders}.db")));
    dietz.topology(&file, &Settings { sink, decoders, batch_records: BATCH, ..Settings::default() });
    file
}

#[test]
fn how_many_decoders_share_a_file_changes_no_figure() {
    for order in [Order::Date, Order::NewestFirst] {
        let dietz = Dietz::generated(&feed(order), Share::percent(1));
        let ends = [1, 2, 3].map(|decoders| {
            let file = topology(&dietz, decoders);
            dietz.ok(&["run", &file]);
            end(&dietz, &file)
        });
        assert!(ends[0].0.lines().count() > 10_000 && !ends[0].1.is_empty(), "there is something to compare");
        for (report, quarantine) in &ends[1..] {
            assert!(*report == ends[0].0, "the report is that of one decoder, byte for byte");
            assert_eq!(*quarantine, ends[0].1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decoders_that_share_a_file_and_are_killed_end_with_the_same_figures() {
    let dietz = Dietz::generated(&feed(Order::Date), Share::percent(1));
    let undisturbed = topology(&dietz, 1);
    dietz.ok(&["run", &undisturbed]);
    let settings = Settings { decoders: 3, batch_records: BATCH, batch_rows: 150, ..Settings::default() };
    dietz.topology("topology.toml", &settings);
    let store = embedded(&dietz).await;
    store.migrate().await.expect("tables");
    let mut chance = SmallRng::seed_from_u64(11);
    let mut between = 0;
    for _ in 0..8 {
        between += u32::from(start_and_kill(&dietz, &*store, &["run"], &mut chance).await);
    }
    assert!(between >= 4, "only {between} of 8 kills fell between the first and the last commit");
    let output = dietz.output(&["run", "topology.toml"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && !said.contains("starting again"), "{said}");
    let (report, quarantine) = end(&dietz, "topology.toml");
    let (one, quarantined) = end(&dietz, &undisturbed);
    assert!(report == one, "the report is that of one decoder, undisturbed, byte for byte");
    assert_eq!(quarantine, quarantined);
}
