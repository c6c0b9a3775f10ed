//! What a generated feed promises.
use bytes::Bytes;
use codecs::{Decoded, Layout};
use load_tests::generate::corrections::FILE_NAME;
use load_tests::generate::folder::{CORRECTIONS, Sink, write_mappings, write_topology};
use load_tests::{Feed, Order, Share, Vendor, Written, write, write_corrections};
use pipeline::Topology;
use pipeline::topology::config::StoreAddress;
use pipeline::topology::layouts::LayoutSet;
use record::{FeedKey, Framed, Partition, PartitionId, PartitionKey, Partitions, Progress, RawBatch};
use returns::ledger::{AccountState, Changes, Ground, Offer};
use returns::{Body, Decimal, Policy};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read;
use std::sync::Arc;

const ORDERS: [Order; 3] = [Order::Date, Order::Account, Order::NewestFirst];

/// Small, with something of everything.
fn mixed() -> Feed {
    Feed {
        accounts: 300,
        days: 40,
        vendors: 2,
        late: Share::percent(4),
        duplicate: Share::percent(3),
        malformed: Share::percent(2),
        ..Feed::default()
    }
}

/// What was written, and the text of each file in order of vendors.
fn written(feed: &Feed) -> (Written, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let written = write(feed, folder.path()).unwrap();
    let texts = written.files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    (written, texts)
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_seed_gives_the_same_bytes_on_every_machine() {
    let mut all = blake3::Hasher::new();
    for order in ORDERS {
        let (_, texts) = written(&Feed { order, ..mixed() });
        texts.iter().for_each(|text| _ = all.update(text.as_bytes()));
    }
    let folder = tempfile::tempdir().unwrap();
    write_corrections(&mixed(), Share::percent(10), folder.path()).unwrap();
    all.update(&fs::read(folder.path().join(FILE_NAME)).unwrap());
    assert_eq!(
        all.finalize().to_hex().as_str(),
        "3aa463ecbc992961c6e20725d23ff7ec2365b177bc5227bd2fc879701cdefdd2",
        "a change of the generator is a change of every measurement"
    );
}

#[test]
fn another_seed_gives_another_feed() {
    let (_, one) = written(&Feed { seed: 1, ..mixed() });
    let (_, other) = written(&Feed { seed: 2, ..mixed() });
    assert_ne!(one, other);
}

#[test]
fn every_order_holds_the_same_lines() {
    let (count, by_date) = written(&mixed());
    for order in ORDERS {
        let (same, texts) = written(&Feed { order, ..mixed() });
        assert_eq!((same.records, same.late, same.bytes), (count.records, count.late, count.bytes));
        for (text, expected) in texts.iter().zip(&by_date) {
            assert!(sorted(text) == sorted(expected), "{order}");
        }
    }
}

#[test]
fn lines_come_in_the_order_asked_for() {
    let feed = Feed { accounts: 7, days: 6, ..Feed::default() };
    let keys = |order| {
        let (_, texts) = written(&Feed { order, ..feed.clone() });
        let key = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[3].to_owned(), cells[0].to_owned())
        };
        texts[0].lines().skip(1).map(key).collect::<Vec<(String, String)>>()
    };
    assert!(keys(Order::Date).is_sorted());
    assert!(keys(Order::Account).is_sorted_by_key(|(date, account)| (account.clone(), date.clone())));
    assert!(keys(Order::NewestFirst).is_sorted_by(|(a, _), (b, _)| a >= b));
}

#[test]
fn shares_hold_and_add_up() {
    let feed = Feed { accounts: 1_000, days: 100, ..mixed() };
    let (written, texts) = written(&Feed { vendors: 1, ..feed });
    let one_percent = 1_000;
    for (name, count, percent) in
        [("late", written.late, 4), ("duplicate", written.duplicate, 3), ("malformed", written.malformed, 2)]
    {
        let expected = percent * one_percent;
        assert!(
            count.abs_diff(expected) < expected / 10,
            "{name}: {count} of 100000, expected near {expected}"
        );
    }
    assert_eq!(written.records, 100_000 + written.duplicate, "each record comes once, and duplicates again");
    assert_eq!(texts[0].lines().count() as u64, 1 + written.records);
    let again: u64 = times_each(&texts[0]).values().map(|n| n - 1).sum();
    assert_eq!(again, written.duplicate, "a duplicate is the same line byte for byte");
}

fn times_each(text: &str) -> HashMap<&str, u64> {
    let mut times = HashMap::new();
    text.lines().skip(1).for_each(|line| *times.entry(line).or_default() += 1);
    times
}

#[test]
fn a_late_line_comes_one_to_five_rounds_after_its_own() {
    let feed = Feed { accounts: 200, days: 30, late: Share::percent(10), ..Feed::default() };
    let (written, texts) = written(&feed);
    let mut latest = String::new();
    let (mut late, mut rounds) = (0, Vec::new());
    for line in texts[0].lines().skip(1) {
        let date = line.split(',').nth(3).unwrap();
        if date > latest.as_str() {
            latest = date.to_owned();
            rounds.push(latest.clone());
        }
        let own = rounds.iter().position(|d| d == date).unwrap();
        let behind = rounds.len() - 1 - own;
        assert!(behind <= 5, "{line} comes {behind} rounds late");
        late += u64::from(behind > 0);
    }
    // Those of the last days come late as well, when no later day is left to show it.
    assert!(late > written.late * 9 / 10 && late <= written.late, "{late} of {}", written.late);
}

#[test]
fn a_record_has_about_120_bytes() {
    let (written, _) = written(&Feed { accounts: 2_000, days: 20, ..Feed::default() });
    let bytes = written.bytes / written.records;
    assert!((116..=124).contains(&bytes), "{bytes} bytes a record");
}

#[test]
fn a_packed_feed_unpacks_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let written = write(&Feed { gzip: true, ..mixed() }, folder.path()).unwrap();
    let (_, plain) = self::written(&mixed());
    for (path, expected) in written.files.iter().zip(plain) {
        assert_eq!(path.extension().unwrap(), "gz");
        let mut text = String::new();
        flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        assert!(text == expected);
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for (feed, said) in [
        (Feed { accounts: 0, ..Feed::default() }, "the number of accounts is 0: from 1 to 100 million"),
        (Feed { days: 0, ..Feed::default() }, "the number of days is 0"),
        (Feed { days: 4_000_000, ..Feed::default() }, "the number of days is 4000000"),
        (Feed { vendors: 3, ..Feed::default() }, "the number of vendors is 3: 1 or 2"),
        (
            Feed { late: Share::percent(60), duplicate: Share::percent(60), ..Feed::default() },
            "late + duplicate + malformed is 60% + 60% + 0%",
        ),
    ] {
        let error = write(&feed, folder.path()).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

fn decode(layout: Layout, text: &str) -> Decoded {
    let layout = Arc::new(layout);
    let mut framed = Framed::default();
    assert_eq!(layout.framer().frame(text.as_bytes(), true, &mut framed), text.len());
    let batch = RawBatch {
        number: 1,
        partition: Arc::new(Partition {
            key: PartitionKey(1),
            id: PartitionId::new("test/feed"),
            source: "test".into(),
            token: 1,
            opened: Progress::Start,
        }),
        feed: Arc::new(record::Feed { ends: true, ..record::Feed::new(FeedKey(1), layout.name()) }),
        from: Progress::Start,
        to: Progress::End,
        payload: Bytes::from(framed.payload),
        records: framed.records,
        contexts: framed.contexts,
        refused: framed.refused,
        bytes: framed.consumed,
        arrivals: Vec::new(),
        read_until: None,
    };
    let mut out = Decoded::default();
    layout.decoder(returns::Vendor(0)).decode(&batch, &mut out);
    out
}

fn layout(vendor: Vendor) -> Layout {
    Layout::compile(vendor.mapping(), "mapping.toml").unwrap()
}

#[test]
fn every_vendor_decodes_its_feed_and_refuses_what_is_damaged() {
    let (written, texts) = written(&mixed());
    let (mut decoded, mut quarantined) = (0, 0);
    let mut reasons = BTreeMap::<&str, u64>::new();
    for (vendor, text) in Vendor::ALL.into_iter().zip(&texts) {
        let layout = layout(vendor);
        assert!(layout.detect("any name", text.as_bytes()), "{} knows its feed", vendor.name());
        assert!(Vendor::ALL.iter().filter(|v| self::layout(**v).detect("", text.as_bytes())).count() == 1);
        let out = decode(layout, text);
        assert_eq!(out.drift, [], "{}", vendor.name());
        decoded += out.counts.decoded;
        quarantined += out.counts.quarantined;
        out.rejects.iter().for_each(|r| *reasons.entry(r.code).or_default() += 1);
    }
    assert_eq!(quarantined, written.malformed, "{reasons:?}");
    assert_eq!(decoded + quarantined, written.records);
    assert!(reasons.len() >= 4, "damage of many kinds: {reasons:?}");
}

#[test]
fn the_vendors_own_return_is_what_the_ledger_finds() {
    let (_, texts) = written(&Feed { accounts: 40, days: 80, ..Feed::default() });
    let layout = layout(Vendor::Bulk);
    let policy = Policy::new(vec![layout.vendor_policy()]);
    let out = decode(layout, &texts[0]);
    let (mut states, partitions) = (HashMap::<&str, AccountState>::new(), Partitions::default());
    let mut changes = Changes::default();
    for o in &out.observations {
        let ground = Ground { policy: &policy, partitions: &partitions, feeds: &returns::ledger::NO_FEEDS };
        let state = states.entry(out.account(o)).or_default();
        assert!(matches!(state.offer(&o.fact, ground, &mut changes), Offer::Settled(_)));
        let Body::Summary(said) = &o.fact.body else { panic!("a summary") };
        let row = changes.rows.pop().unwrap().row().unwrap().clone();
        let found = row.twrr.expect("a return from the first day on").round_dp(8);
        assert_eq!(found, said.reported_return, "{} on {}", out.account(o), row.as_of);
        assert_eq!(row.begin_value, said.begin);
        assert!(row.end_value > Decimal::ZERO);
    }
    assert_eq!(states.len(), 40);
}

#[test]
fn corrections_are_events_about_accounts_and_days_of_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    let feed = Feed { accounts: 200, days: 50, ..Feed::default() };
    let written = write_corrections(&feed, Share::percent(10), folder.path()).unwrap();
    assert!(written.records.abs_diff(1_000) < 100, "{} of 10000", written.records);
    let text = fs::read_to_string(&written.files[0]).unwrap();
    let events = decode(Layout::eventbridge(), &text);
    assert_eq!(
        (events.counts.decoded, events.counts.quarantined),
        (written.records, 0),
        "{:?}",
        events.rejects
    );
    let (_, feeds) = self::written(&feed);
    let summaries = decode(layout(Vendor::Bulk), &feeds[0]);
    let days: std::collections::HashSet<_> =
        summaries.observations.iter().map(|o| (summaries.account(o).to_owned(), o.fact.as_of)).collect();
    for o in &events.observations {
        assert!(days.contains(&(events.account(o).to_owned(), o.fact.as_of)));
    }
}

#[test]
fn a_folder_is_ready_to_run() {
    let folder = tempfile::tempdir().unwrap();
    write_mappings(folder.path()).unwrap();
    let url = "postgres://u@h/d?host=/a\\b\"c";
    let topology = |sink: &Sink| {
        write_topology(folder.path(), sink).unwrap();
        let file = folder.path().join("topology.toml");
        Topology::parse(&fs::read_to_string(&file).unwrap(), &file).unwrap()
    };
    let without = topology(&Sink::Sqlite("some.db".to_owned()));
    assert_eq!(without.sources.len(), 1);
    assert_eq!(without.sinks[0].kind.store, StoreAddress::Sqlite(folder.path().join("some.db")));
    write_corrections(&mixed(), Share::percent(1), &folder.path().join(CORRECTIONS)).unwrap();
    let with = topology(&Sink::Postgres(url.to_owned()));
    assert_eq!(with.sources.len(), 2, "corrections are read once they are there");
    assert_eq!(with.sinks[0].kind.store, StoreAddress::Postgres(url.to_owned()));
    let layouts = LayoutSet::load(&with, &store::Names::default()).map_err(|p| format!("{p:?}")).unwrap();
    let known: Vec<&str> = layouts.iter().map(|l| l.layout.name()).collect();
    assert!(Vendor::ALL.iter().all(|vendor| known.contains(&vendor.name())), "{known:?}");
}
